package queuptest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// A World is what a server starts with: write one as a literal and pass it to [WithWorld].
type World struct {
	Users []User
	Rooms []RoomSpec
}

// A User is an account.
type User struct {
	ID       string // 24 hexadecimal digits; empty: made by the server
	Name     string // what one logs in with, in any case, also as <name>@example.com
	Password string
}

// A RoomSpec is a room as it is when the server starts.
type RoomSpec struct {
	ID       string // 24 hexadecimal digits; empty: made by the server
	Slug     string // the name in the room's address
	Name     string // the title; empty: the slug
	Owner    string // the name of a user, who may do everything in the room
	Password string // makes the room private
	Roles    map[string]Role
	Present  []string // who is in the room, by name
	Banned   []string // who may not come in, by name
	Songs    []Song   // the queues of all DJs, in the order of queueing; the first song plays when the server starts
	History  []Song   // what has played before, oldest first; the last one ends when the server starts
}

// A Song is one entry of a queue.
type Song struct {
	By       string        // who queued it, by name
	Name     string        // the title, as plain text
	Length   time.Duration // more than zero
	Provider wire.Provider // empty: YouTube
	MediaID  string        // the provider's id; empty: made by the server. Songs with the same one are the same media
}

// A Role is one of the fixed roles, by its name on the wire. See docs/PROTOCOL.md 4.1.
type Role string

// The fixed roles, from the highest.
const (
	CoOwner    Role = "co-owner"
	Manager    Role = "manager"
	Moderator  Role = "mod"
	VIP        Role = "vip"
	ResidentDJ Role = "resident-dj"
	DJ         Role = "dj"
)

// DefaultWorld is the world of a server made without [WithWorld]. It has one room, lounge, and the accounts owner (who owns
// the room), bot (co-owner), mod (moderator), alice, bob and carol (no role), all with the password secret. Everybody
// but bot is in the room. A song of three minutes plays, queued by alice; bob has queued two more and carol one.
// Before that, 45 songs have played.
func DefaultWorld() World {
	return World{
		Users: []User{
			{Name: "owner", Password: "secret"},
			{Name: "bot", Password: "secret"},
			{Name: "mod", Password: "secret"},
			{Name: "alice", Password: "secret"},
			{Name: "bob", Password: "secret"},
			{Name: "carol", Password: "secret"},
		},
		Rooms: []RoomSpec{{
			Slug:    "lounge",
			Name:    "The Lounge",
			Owner:   "owner",
			Roles:   map[string]Role{"bot": CoOwner, "mod": Moderator},
			Present: []string{"owner", "mod", "alice", "bob", "carol"},
			Songs: []Song{
				{By: "alice", Name: "Paper Lanterns - Slow Tide", Length: 3 * time.Minute, MediaID: "pL4nt3rnS0w"},
				{By: "bob", Name: "Nine & Dime - Corner Shop", Length: 3*time.Minute + 20*time.Second, MediaID: "n1neD1meC0r"},
				{By: "carol", Name: `The Attic - "Dust" (Live)`, Length: 4*time.Minute + 5*time.Second, MediaID: "293847561", Provider: wire.SoundCloud},
				{By: "bob", Name: "Ferris - Last Tram Home", Length: 2*time.Minute + 30*time.Second, MediaID: "f3rr1sTr4mH"},
			},
			History: pastSongs(),
		}},
	}
}

// clone copies a world, so that nobody changes it from outside.
func (w World) clone() World {
	w.Users, w.Rooms = slices.Clone(w.Users), slices.Clone(w.Rooms)
	for i := range w.Rooms {
		r := &w.Rooms[i]
		r.Roles = maps.Clone(r.Roles)
		r.Present, r.Banned, r.Songs = slices.Clone(r.Present), slices.Clone(r.Banned), slices.Clone(r.Songs)
		r.History = slices.Clone(r.History)
	}
	return w
}

func (w World) isZero() bool { return len(w.Users) == 0 && len(w.Rooms) == 0 }

var (
	hexID     = regexp.MustCompile(`^[0-9a-f]{24}$`)
	slugShape = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]*$`)
)

// check says everything that is wrong with a world.
func (w World) check() error {
	c := worldCheck{users: map[string]bool{}, ids: map[string]bool{}, slugs: map[string]bool{}}
	for _, u := range w.Users {
		c.user(u)
	}
	for _, r := range w.Rooms {
		c.room(r)
	}
	return errors.Join(c.errs...)
}

type worldCheck struct {
	errs  []error
	users map[string]bool // by lower-case name
	ids   map[string]bool
	slugs map[string]bool
}

func (c *worldCheck) errorf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("world: "+format, args...))
}

func (c *worldCheck) id(what, name, id string) {
	switch {
	case id == "":
	case !hexID.MatchString(id):
		c.errorf("%s %q: the id %q is not 24 hexadecimal digits", what, name, id)
	case c.ids[id]:
		c.errorf("%s %q: the id %s is taken", what, name, id)
	}
	c.ids[id] = true
}

func (c *worldCheck) user(u User) {
	key := strings.ToLower(u.Name)
	switch {
	case u.Name == "":
		c.errorf("a user has no name")
	case strings.Contains(u.Name, "@"):
		c.errorf("user %q: a name has no @", u.Name)
	case c.users[key]:
		c.errorf("user %q is there twice", u.Name)
	}
	if u.Password == "" {
		c.errorf("user %q has no password", u.Name)
	}
	c.id("user", u.Name, u.ID)
	c.users[key] = true
}

func (c *worldCheck) room(r RoomSpec) {
	switch {
	case !slugShape.MatchString(r.Slug):
		c.errorf("room %q: a slug is made of letters, digits, dots, hyphens and underscores", r.Slug)
	case hexID.MatchString(r.Slug):
		c.errorf("room %q: the slug looks like an id", r.Slug)
	case c.slugs[r.Slug]:
		c.errorf("room %q is there twice", r.Slug)
	}
	c.slugs[r.Slug] = true
	c.id("room", r.Slug, r.ID)
	named := func(as, name string) {
		if !c.users[strings.ToLower(name)] {
			c.errorf("room %q: %s %q is no user", r.Slug, as, name)
		}
	}
	named("owner", r.Owner)
	holders := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.Roles)) {
		named(string(r.Roles[name]), name)
		if key := strings.ToLower(name); holders[key] {
			c.errorf("room %q: %q has two roles", r.Slug, name)
		} else {
			holders[key] = true
		}
		if _, ok := classicRanks[r.Roles[name]]; !ok {
			c.errorf("room %q: %q is no role", r.Slug, r.Roles[name])
		}
	}
	for _, name := range r.Present {
		named("present", name)
	}
	for _, name := range r.Banned {
		named("banned", name)
		if slices.ContainsFunc(r.Present, func(p string) bool { return strings.EqualFold(p, name) }) {
			c.errorf("room %q: %q is banned and present", r.Slug, name)
		}
	}
	for _, s := range slices.Concat(r.Songs, r.History) {
		named("DJ", s.By)
		if s.Name == "" || s.Length < time.Millisecond {
			c.errorf("room %q: the song %q needs a name and a length", r.Slug, s.Name)
		}
	}
}

// fixedRoles are the roles and their rights as of 2024, see docs/PROTOCOL.md 4.1.
var fixedRoles = map[Role]wire.Role{
	CoOwner: {
		ID: "5615fa9ae596154a5c000000", Label: "Co-Owner",
		Rights: append([]string{"update-room", "set-roles", "set-managers"}, moderatorRights...),
	},
	Manager:    {ID: "5615fd84e596150061000003", Label: "Manager", Rights: append([]string{"set-roles"}, moderatorRights...)},
	Moderator:  {ID: "52d1ce33c38a06510c000001", Label: "Moderator", Rights: moderatorRights},
	VIP:        {ID: "5615fe1ee596154fc2000001", Label: "VIP", Rights: []string{"skip", "set-dj", "chat"}},
	ResidentDJ: {ID: "5615feb8e596154fc2000002", Label: "Resident DJ", Rights: []string{"set-dj", "chat"}},
	DJ:         {ID: "564435423f6ba174d2000001", Label: "DJ", Rights: []string{"chat"}},
	roleMember: {ID: "65ef1e77ac32214febf09295", Label: "Member", Rights: []string{"chat"}},
}

var moderatorRights = []string{
	"skip", "queue-order", "kick", "ban", "mute", "set-dj", "lock-queue", "delete-chat", "chat-mention", "chat", "mod-settings",
}

// wireRole is the role as QueUp writes it.
func (r Role) wireRole() wire.Role {
	role := fixedRoles[r]
	role.Type, role.Extra = string(r), unrevised()
	return role
}

// title is what the room is called.
func (r RoomSpec) title() string { return cmp.Or(r.Name, r.Slug) }

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
