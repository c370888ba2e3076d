package queuptest

import (
	"slices"
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/htmltext"
	"github.com/queup-go/queup/internal/saturate"
)

// An AuditEntry is something a moderator did.
type AuditEntry struct {
	At       time.Time
	Type     string
	By       string        // the moderator's name
	User     string        // whom it was done to; empty: nobody
	Duration time.Duration // of a ban; 0: for good
}

// Kick lets a moderator throw a user out. The reason is plain text and may be empty. As everywhere below, the moderator
// need not be in the room, and what they may not do is a mistake in the test.
func (r *Room) Kick(by, user, reason string) {
	defer r.lock("Kick")()
	r.act(by, user, func(m, target *member, now time.Time) error {
		return r.kick(m, target, htmltext.Encode(reason), now)
	})
}

// Ban lets a moderator ban a user for some minutes, or for good if d is 0. A part of a minute counts as one.
func (r *Room) Ban(by, user string, d time.Duration) {
	defer r.lock("Ban")()
	r.act(by, user, func(m, target *member, now time.Time) error {
		return r.ban(m, target, int(saturate.Ceil(d, time.Minute)), now)
	})
}

// Unban lets a moderator let a banned user in again.
func (r *Room) Unban(by, user string) {
	defer r.lock("Unban")()
	r.act(by, user, r.unban)
}

// Mute lets a moderator keep a user from chatting.
func (r *Room) Mute(by, user string) {
	defer r.lock("Mute")()
	r.act(by, user, r.mute)
}

// Unmute lets a moderator let a user chat again.
func (r *Room) Unmute(by, user string) {
	defer r.lock("Unmute")()
	r.act(by, user, r.unmute)
}

// DeleteMessagesOf lets someone with the permission chat.delete delete all lines of a user at once. No operation of REST is
// known that does it.
func (r *Room) DeleteMessagesOf(by, user string) {
	defer r.lock("DeleteMessagesOf")()
	r.act(by, user, func(m, target *member, now time.Time) error {
		if err := r.need(m, permChatDelete); err != nil {
			return err
		}
		for _, line := range r.messages {
			if line.author == target.account {
				line.deleted = true
			}
		}
		e := &wire.DeleteChatMessageGlobal{AuthorID: target.account.id, User: r.wireEventUser(m.account)}
		r.remember(e)
		r.emit(e)
		r.note(m, target, "delete-chat", 0, now)
		return nil
	})
}

// SetRole lets someone give a user a role: in the classic world the fixed one, which takes the place of the one held; in the
// world of custom roles the one that the room began with under that name.
func (r *Room) SetRole(by, user string, role Role) {
	defer r.lock("SetRole")()
	r.act(by, user, func(m, target *member, now time.Time) error {
		if r.classic {
			return r.setFixed(m, target, role, now)
		}
		c, err := r.below(m, r.mustRole(role).id)
		if err != nil {
			return err
		}
		return r.assign(m, target, c, true, now)
	})
}

// UnsetRole lets someone take a role from a user, under the conditions of SetRole.
func (r *Room) UnsetRole(by, user string, role Role) {
	defer r.lock("UnsetRole")()
	r.act(by, user, func(m, target *member, now time.Time) error {
		if r.classic {
			return r.unsetFixed(m, target, role, now)
		}
		c, err := r.below(m, r.mustRole(role).id)
		if err != nil {
			return err
		}
		return r.assign(m, target, c, false, now)
	})
}

func (r *Room) mustRole(role Role) *customRole {
	c := r.roleLike(role)
	if c == nil {
		panic(mistake("%s has no role %q", r.slug, role))
	}
	return c
}

// Lock lets a moderator lock the queue or open it.
func (r *Room) Lock(by string, locked bool) {
	defer r.lock("Lock")()
	r.do(by, func(m *member, now time.Time) error { return r.lockQueue(m, locked, now) })
}

// SlowMode lets a moderator switch the slow mode.
func (r *Room) SlowMode(by string, on bool) {
	defer r.lock("SlowMode")()
	r.do(by, func(m *member, now time.Time) error { return r.modSetting(m, wire.SettingSlowMode, on, now) })
}

// Retitle lets someone with the permission room.manage give the room another title.
func (r *Room) Retitle(by, title string) {
	defer r.lock("Retitle")()
	r.do(by, func(m *member, now time.Time) error {
		return r.update(m, &queupserver.RoomSettings{Name: queupserver.NewOptString(title)}, now)
	})
}

// Queue lets a user who is in the room queue songs, under the rules of the room, and returns the ids of the plays. Song.By
// does not matter here; a song without a name is what the provider has under the MediaID.
func (r *Room) Queue(user string, songs ...Song) []string {
	defer r.lock("Queue")()
	var ids []string
	for _, s := range songs {
		r.do(user, func(m *member, now time.Time) error {
			var media *song
			if s.Name == "" {
				media = r.findMedia(providerOf(s), s.MediaID, now)
			} else if s.Length >= time.Millisecond {
				media = r.worldSong(s)
			}
			if media == nil {
				panic(mistake("the song %q needs a name and a length, or a MediaID that the provider knows", s.Name+s.MediaID))
			}
			before := len(m.queue)
			if err := r.addSongs(m, []*song{media}, now); err != nil {
				return err
			}
			entry := r.playing // it started at once
			if len(m.queue) > before {
				entry = m.queue[len(m.queue)-1]
			}
			ids = append(ids, string(entry.id))
			return nil
		})
	}
	return ids
}

func providerOf(s Song) wire.Provider {
	if s.Provider == "" {
		return wire.YouTube
	}
	return s.Provider
}

// Pause lets a user leave the rotation and keep the songs, or come back to it.
func (r *Room) Pause(user string, paused bool) {
	defer r.lock("Pause")()
	r.do(user, func(m *member, now time.Time) error { return r.pauseOwn(m, paused, now) })
}

// PauseDJ lets a moderator take a DJ out of the rotation, or put them back.
func (r *Room) PauseDJ(by, user string, paused bool) {
	defer r.lock("PauseDJ")()
	r.act(by, user, func(m, dj *member, now time.Time) error { return r.pauseDJ(m, dj, paused, now) })
}

// Reorder lets a moderator set the order of the DJs; all who are queued must be named.
func (r *Room) Reorder(by string, users ...string) {
	defer r.lock("Reorder")()
	r.do(by, func(m *member, now time.Time) error {
		var order []wire.UserID
		for _, user := range users {
			order = append(order, r.account(user).id)
		}
		return r.reorder(m, order, now)
	})
}

// RemoveSong lets a moderator remove a DJ's next song.
func (r *Room) RemoveSong(by, user string) {
	defer r.lock("RemoveSong")()
	r.act(by, user, func(m, dj *member, now time.Time) error {
		_, err := r.removeNext(m, dj, now)
		return err
	})
}

// RemoveDJ lets a moderator remove all songs of a DJ.
func (r *Room) RemoveDJ(by, user string) {
	defer r.lock("RemoveDJ")()
	r.act(by, user, r.removeAll)
}

// Rename gives a user another name, on the whole site. No event tells of it: others learn it from the next line.
func (r *Room) Rename(user, name string) {
	defer r.lock("Rename")()
	a := r.account(user)
	if err := nameError(name); err != nil {
		panic(mistake("%q: %v", name, err))
	}
	if other := r.accountByName(name); other != nil && other != a {
		panic(mistake("the name %q is taken", name))
	}
	r.change(func() { a.name = name })
}

// do runs what someone does.
func (r *Room) do(by string, do func(m *member, now time.Time) error) {
	now := r.now()
	m := r.seen(r.account(by))
	if m.isBanned(now) {
		panic(mistake("%s is banned from %s", by, r.slug))
	}
	if err := do(m, now); err != nil {
		panic(mistake("%s: %v", by, err))
	}
}

// act runs what someone does to a user.
func (r *Room) act(by, user string, do func(m, target *member, now time.Time) error) {
	r.do(by, func(m *member, now time.Time) error {
		target := r.seen(r.account(user))
		err := do(m, target, now)
		if err == nil {
			r.keep(target)
		}
		return err
	})
}

// Banned returns the names of those who may not come in now, sorted.
func (r *Room) Banned() []string {
	defer r.lock("Banned")()
	return names(r.banned(r.now()))
}

// Muted returns the names of those who may not chat, sorted.
func (r *Room) Muted() []string {
	defer r.lock("Muted")()
	return names(r.muted())
}

func names(members []*member) []string {
	names := []string{}
	for _, m := range members {
		names = append(names, m.account.name)
	}
	return names
}

// RolesOf returns the labels of the roles that a user holds in the room, the highest first, without the default role.
func (r *Room) RolesOf(user string) []string {
	defer r.lock("RolesOf")()
	m := r.seen(r.account(user))
	labels := []string{}
	if m.role != "" {
		labels = append(labels, fixedRoles[m.role].Label)
	}
	for _, c := range m.roles {
		labels = append(labels, c.label)
	}
	return labels
}

// Locked says whether the queue is locked.
func (r *Room) Locked() bool {
	defer r.lock("Locked")()
	return r.locked
}

// Queued returns the next song of each DJ, in play order.
func (r *Room) Queued() []Play {
	defer r.lock("Queued")()
	queued := []Play{}
	for _, dj := range r.rotation {
		queued = append(queued, dj.queue[0].public())
	}
	return queued
}

// QueueOf returns the songs that a user has queued, in their order, also while they are paused.
func (r *Room) QueueOf(user string) []Play {
	defer r.lock("QueueOf")()
	return plays(r.seen(r.account(user)).queue)
}

// History returns what is over, the newest first.
func (r *Room) History() []Play {
	defer r.lock("History")()
	history := plays(r.history)
	slices.Reverse(history)
	return history
}

func plays(list []*play) []Play {
	plays := []Play{}
	for _, p := range list {
		plays = append(plays, p.public())
	}
	return plays
}

func (p *play) public() Play {
	n := p.count()
	return Play{
		ID: string(p.id), SongID: string(p.song.id), User: p.dj.account.name, Name: p.song.name, Length: p.song.length,
		Started: p.playedAt, Updubs: int(n.up), Downdubs: int(n.down), Skipped: p.skipped,
	}
}

// Audit returns what moderators did, oldest first, at most the last 1,000.
func (r *Room) Audit() []AuditEntry {
	defer r.lock("Audit")()
	entries := []AuditEntry{}
	for _, e := range r.audit {
		entry := AuditEntry{At: e.at, Type: e.kind, By: e.by.name, Duration: e.duration}
		if e.target != nil {
			entry.User = e.target.name
		}
		entries = append(entries, entry)
	}
	return entries
}

// pastSongs are what DefaultWorld has played before: 45 songs of invented artists, oldest first.
func pastSongs() []Song {
	djs := []string{"carol", "owner", "bob", "alice", "mod"}
	songs := make([]Song, 45)
	for i := range songs {
		f := catalogue()[i*11]
		songs[i] = Song{By: djs[i%len(djs)], Name: f.name, Length: f.length, Provider: f.provider, MediaID: f.mediaID}
	}
	return songs
}
