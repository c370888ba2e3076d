package queuptest

import (
	"slices"
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/htmltext"
)

// More of what a test can make happen: with these, and those of room.go and roomacts.go, every event of docs/PROTOCOL.md 6.2.

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

// Grab lets a user who is in the room put what plays into a playlist, Favourites. The second time, with the same play, is no
// event.
func (r *Room) Grab(user string) {
	defer r.lock("Grab")()
	m := r.inside(user)
	r.mustPlay()
	if err := r.grab(m.account, r.now()); err != nil {
		panic(mistake("%s: %v", user, err))
	}
}

// Avatar gives a user another picture, on the whole site. The rooms where the user is hear of it.
func (r *Room) Avatar(user string) {
	defer r.lock("Avatar")()
	if err := r.setAvatar(r.account(user), tinyGIF); err != nil {
		panic(mistake("%s: %v", user, err))
	}
}

// tinyGIF is a picture, as far as anybody looks.
var tinyGIF = []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")

// RemoveOwn lets a user take one of their songs out of the queue; the id is that of the play.
func (r *Room) RemoveOwn(user, id string) {
	defer r.lock("RemoveOwn")()
	r.do(user, func(m *member, now time.Time) error { return r.removeOwn(m, wire.PlayID(id), now) })
}

// ReorderOwn lets a user set the order of their songs; the ids of all of them must be named.
func (r *Room) ReorderOwn(user string, ids ...string) {
	defer r.lock("ReorderOwn")()
	r.do(user, func(m *member, now time.Time) error {
		var order []wire.PlayID
		for _, id := range ids {
			order = append(order, wire.PlayID(id))
		}
		return r.reorderOwn(m, order, now)
	})
}

// ClearQueue lets a user take all of their songs out of the queue.
func (r *Room) ClearQueue(user string) {
	defer r.lock("ClearQueue")()
	r.do(user, func(m *member, now time.Time) error {
		r.clearOwn(m, now)
		return nil
	})
}

// Comment lets a user write about what plays, and returns the comment's id.
func (r *Room) Comment(user, text string) string {
	defer r.lock("Comment")()
	a := r.account(user)
	r.mustPlay()
	c, err := r.addComment(r.playing.song, a, text, r.now())
	if err != nil {
		panic(mistake("%s: %v", user, err))
	}
	return string(c.id)
}

// VoteComment lets a user vote on a comment. Rooms hear of it where the song plays.
func (r *Room) VoteComment(user, id string, up bool) {
	defer r.lock("VoteComment")()
	kind := wire.Downdub
	if up {
		kind = wire.Updub
	}
	r.ofComment(user, id, func(c *comment, a *account) error { return r.voteComment(c, a, kind) })
}

// RemoveComment lets a user delete a comment of their own. Rooms hear of it where the song plays.
func (r *Room) RemoveComment(user, id string) {
	defer r.lock("RemoveComment")()
	r.ofComment(user, id, r.removeComment)
}

func (r *Room) ofComment(user, id string, do func(c *comment, a *account) error) {
	a := r.account(user)
	c, err := r.knownComment(wire.CommentID(id))
	if err == nil {
		err = do(c, a)
	}
	if err != nil {
		panic(mistake("%s: %v", user, err))
	}
}

// CreateRole lets someone make a role with these permissions, and returns its id. It ranks just above the default role. Like
// the four below, it is of the world of custom roles only.
func (r *Room) CreateRole(by, label string, permissions ...string) string {
	defer r.lock("CreateRole")()
	var id wire.RoleID
	r.inCustom(by, func(m *member, _ time.Time) error {
		c, err := r.createRole(m, &queupserver.RoleSettings{Label: label, Permissions: permissions})
		if err == nil {
			id = c.id
		}
		return err
	})
	return string(id)
}

// UpdateRole lets someone give a role another label and other permissions; nothing is left of those that it had.
func (r *Room) UpdateRole(by, id, label string, permissions ...string) {
	defer r.lock("UpdateRole")()
	r.inCustom(by, func(m *member, _ time.Time) error {
		_, err := r.updateRole(m, wire.RoleID(id), &queupserver.RoleSettings{Label: label, Permissions: permissions})
		return err
	})
}

// DeleteRole lets someone delete a role. Whoever holds it loses it.
func (r *Room) DeleteRole(by, id string) {
	defer r.lock("DeleteRole")()
	r.inCustom(by, func(m *member, _ time.Time) error { return r.deleteRole(m, wire.RoleID(id)) })
}

// ReorderRoles lets someone set the order of all roles by their ids, the highest first.
func (r *Room) ReorderRoles(by string, ids ...string) {
	defer r.lock("ReorderRoles")()
	r.inCustom(by, func(m *member, _ time.Time) error {
		var order []wire.RoleID
		for _, id := range ids {
			order = append(order, wire.RoleID(id))
		}
		return r.reorderRoles(m, order)
	})
}

// AssignRole lets someone give a user a role by its id, or take it.
func (r *Room) AssignRole(by, user, id string, on bool) {
	defer r.lock("AssignRole")()
	r.inCustom(by, func(m *member, now time.Time) error {
		target := r.seen(r.account(user))
		c, err := r.below(m, wire.RoleID(id))
		if err != nil {
			return err
		}
		if err := r.assign(m, target, c, on, now); err != nil {
			return err
		}
		r.keep(target)
		return nil
	})
}

// Roles returns the ids of the room's custom roles, the highest first; none in the classic world.
func (r *Room) Roles() []string {
	defer r.lock("Roles")()
	ids := []string{}
	for _, c := range r.roles {
		ids = append(ids, string(c.id))
	}
	return ids
}

func (r *Room) inCustom(by string, do func(m *member, now time.Time) error) {
	if r.classic {
		panic(mistake("%s has the fixed roles of the classic world", r.slug))
	}
	r.do(by, do)
}

// Message lets a user write to others, and returns the id of the conversation: the one that these people have, or a new one.
// The text is plain. All of them hear new-message, the writer too. Who or what cannot be is a mistake in the test: Message
// panics.
func (s *Server) Message(from, text string, to ...string) (conversation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	people := []*account{}
	for _, name := range append([]string{from}, to...) {
		a := s.named(name)
		if a == nil {
			panic(mistake("queuptest: Server.Message: there is no user %q", name))
		}
		if !slices.Contains(people, a) {
			people = append(people, a)
		}
	}
	if n := len(people) - 1; n < 1 || n > maxPeople {
		panic(mistake("queuptest: Server.Message: %d others; a conversation has 1 to %d", n, maxPeople))
	}
	sent := htmltext.Encode(text)
	if n := utf16Len(sent); n < 1 || n > maxText {
		panic(mistake("queuptest: Server.Message: a text of %d characters; 1 to %d are allowed", n, maxText))
	}
	now := s.now()
	c, err := s.conversationAmong(people, now)
	if err != nil {
		panic(mistake("queuptest: Server.Message: %v", err))
	}
	s.write(c, people[0], sent, now)
	return string(c.id)
}

// CutLinksOf drops the websockets of some users without a word, as a lost network does.
func (s *Server) CutLinksOf(users ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range users {
		a := s.named(name)
		if a == nil {
			panic(mistake("queuptest: Server.CutLinksOf: there is no user %q", name))
		}
		for l := range s.links {
			if l.identity.account == a {
				l.cut()
			}
		}
	}
}

// UserID returns the id of a user, and false if nobody has that name.
func (s *Server) UserID(name string) (id string, ok bool) {
	a := s.named(name)
	if a == nil {
		return "", false
	}
	return string(a.id), true
}
