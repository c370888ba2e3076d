package queuptest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// A Snapshot is what a room is at one moment, as far as somebody who is in it can know: what a client should know, too. It
// is made of the server's own state, by no code that clients use.
type Snapshot struct {
	Name      string           `json:"name"`
	Locked    bool             `json:"locked"`
	SlowMode  bool             `json:"slowMode"`
	GuestChat bool             `json:"guestChat"`
	Members   []SnapshotMember `json:"members"`           // who is there, in order of their ids
	Roles     []SnapshotRole   `json:"roles"`             // in order of their ids; none with classic roles
	Playing   *SnapshotPlay    `json:"playing,omitempty"` // nil: silence
	Queue     []SnapshotPlay   `json:"queue"`             // the next song of each DJ, in play order
}

// SnapshotMember is somebody who is in the room.
type SnapshotMember struct {
	ID      string   `json:"id"` // of the user
	Name    string   `json:"name"`
	Dubs    int64    `json:"dubs"`
	Played  int64    `json:"played"`
	Skipped int64    `json:"skipped"`
	Queued  int64    `json:"queued"`
	Muted   bool     `json:"muted"`
	Paused  bool     `json:"paused"`
	Roles   []string `json:"roles"` // ids, in their order, without the default role
}

// SnapshotRole is a role of the room's own.
type SnapshotRole struct {
	ID          string   `json:"id"`
	Label       string   `json:"label"`
	Position    int64    `json:"position"`
	Default     bool     `json:"default"`
	Permissions []string `json:"permissions"` // in alphabetical order
}

// SnapshotPlay is an entry of the queue, or what plays. Votes are empty before it does.
type SnapshotPlay struct {
	ID     string        `json:"id"`
	SongID string        `json:"songId"`
	Title  string        `json:"title"`
	UserID string        `json:"userId"`
	Length time.Duration `json:"length"`
	Up     []string      `json:"up"`   // who voted for it, in order of their ids
	Down   []string      `json:"down"` // who voted against it
	Grabs  int64         `json:"grabs"`
}

// Snapshot returns what the room is now.
func (r *Room) Snapshot() Snapshot {
	defer r.lock("Snapshot")()
	s := Snapshot{
		Name: r.name, Locked: r.locked, SlowMode: r.slow, GuestChat: r.guestsChat,
		Members: []SnapshotMember{}, Roles: []SnapshotRole{}, Queue: []SnapshotPlay{},
	}
	for _, id := range slices.Sorted(maps.Keys(r.members)) {
		if m := r.members[id]; m.active {
			s.Members = append(s.Members, m.snapshot())
		}
	}
	for _, c := range r.roles {
		permissions := slices.Clone(c.permissions)
		slices.Sort(permissions)
		s.Roles = append(s.Roles, SnapshotRole{
			ID: string(c.id), Label: c.label, Position: c.position, Default: c.isDefault, Permissions: permissions,
		})
	}
	slices.SortFunc(s.Roles, func(a, b SnapshotRole) int { return strings.Compare(a.ID, b.ID) })
	if r.playing != nil {
		now := r.playing.snapshot()
		s.Playing = &now
	}
	for _, dj := range r.rotation {
		s.Queue = append(s.Queue, dj.queue[0].snapshot())
	}
	return s
}

func (m *member) snapshot() SnapshotMember {
	s := SnapshotMember{
		ID: string(m.account.id), Name: m.account.name, Dubs: m.dubs, Played: m.played, Skipped: m.skipped,
		Queued: int64(len(m.queue)), Muted: m.muted, Paused: m.paused, Roles: []string{},
	}
	if m.role != "" {
		s.Roles = append(s.Roles, string(fixedRoles[m.role].ID))
	}
	for _, c := range m.roles {
		s.Roles = append(s.Roles, string(c.id))
	}
	slices.Sort(s.Roles)
	return s
}

func (p *play) snapshot() SnapshotPlay {
	s := SnapshotPlay{
		ID: string(p.id), SongID: string(p.song.id), Title: p.song.name, UserID: string(p.dj.account.id), Length: p.song.length,
		Up: []string{}, Down: []string{}, Grabs: int64(len(p.grabs)),
	}
	for _, v := range p.votes {
		if v.up {
			s.Up = append(s.Up, string(v.account.id))
		} else {
			s.Down = append(s.Down, string(v.account.id))
		}
	}
	slices.Sort(s.Up)
	slices.Sort(s.Down)
	return s
}
