package queuptest

import (
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

// Settings are what can be changed of a room by [Room.Configure].
type Settings struct {
	Title, Description, Welcome string

	Password   string        // what the room asks for; empty: it is public
	MaxLength  time.Duration // of a song, in whole minutes; 0: any
	Repeat     time.Duration // how long the same song must rest, in whole minutes
	MaxDJs     int           // who can be in the queue at once; 0: any number
	RecycleDJs bool          // a DJ goes on with the next song after the others
}

// Configure lets someone with the permission room.manage save settings, as the website does. The room hears room-update once,
// whatever has changed.
func (r *Room) Configure(by string, change func(s *Settings)) {
	defer r.lock("Configure")()
	s := Settings{
		Title: r.name, Description: r.description, Welcome: r.welcome,
		MaxLength: r.maxLength, Repeat: r.repeat, RecycleDJs: r.recycle,
	}
	if r.private {
		s.Password = r.password
	}
	if r.limitQueue {
		s.MaxDJs = r.maxQueue
	}
	change(&s)
	display := "public"
	if s.Password != "" {
		display = "private"
	}
	req := &queupserver.RoomSettings{
		Name:                queupserver.NewOptString(s.Title),
		Description:         queupserver.NewOptString(s.Description),
		WelcomeMessage:      queupserver.NewOptString(s.Welcome),
		Password:            queupserver.NewOptString(s.Password),
		Display:             queupserver.NewOptString(display),
		MaxLengthSong:       queupserver.NewOptInt(int(s.MaxLength / time.Minute)),
		TimeSongQueueRepeat: queupserver.NewOptInt(int(s.Repeat / time.Minute)),
		LimitQueueLength:    queupserver.NewOptBool(s.MaxDJs > 0),
		RecycleDJ:           queupserver.NewOptBool(s.RecycleDJs),
	}
	if s.MaxDJs != 0 {
		req.MaxSongQueueLength = queupserver.NewOptInt(s.MaxDJs)
	}
	r.do(by, func(m *member, now time.Time) error { return r.update(m, req, now) })
}

// GuestChat lets a moderator say whether members without a role may chat.
func (r *Room) GuestChat(by string, on bool) {
	defer r.lock("GuestChat")()
	r.do(by, func(m *member, now time.Time) error { return r.modSetting(m, wire.SettingGuestChat, on, now) })
}

// GuestEmbed lets a moderator say whether members without a role may embed pictures and links.
func (r *Room) GuestEmbed(by string, on bool) {
	defer r.lock("GuestEmbed")()
	r.do(by, func(m *member, now time.Time) error { return r.modSetting(m, wire.SettingGuestEmbed, on, now) })
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

// Locked says whether the queue is locked.
func (r *Room) Locked() bool {
	defer r.lock("Locked")()
	return r.locked
}
