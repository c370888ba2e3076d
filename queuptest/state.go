package queuptest

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// state is everything the service knows. One mutex guards it all, links' subscriptions included. It is never held while
// something is written to a socket.
type state struct {
	start time.Time       // immutable
	given map[string]bool // ids that the world came with; immutable
	rules                 // immutable

	quirks *quirks // immutable; nil: none

	// directory guards, beside mu, the two lists and the names and passwords of accounts: they are written under both and
	// read under either. Nothing else is locked while it is held.
	directory sync.RWMutex
	accounts  []*account
	rooms     []*room

	mu       sync.Mutex
	songs    map[wire.SongID]*song
	media    map[string]*song // those of songs that can be found again, by provider and its id
	site     site             // what is in no room
	closed   bool
	down     bool              // it restarts
	counters map[string]uint32 // for ids, by their beginning
	sessions *store[*account]
	tokens   *store[identity]
	links    map[*link]struct{}
	crowd    *crowd                        // nil: none
	channels map[string]map[*link]struct{} // who hears what
	bad      badLinks
	lines    lineCount
	timers   sync.WaitGroup // songs that will end, members who will be missed, links that will end
}

// account is a user of the service. Its id and times are immutable.
type account struct {
	id       wire.UserID
	infoID   string
	name     string // guarded as state.directory says, as is the password
	password string
	created  time.Time
	email    string            // of who signed up; immutable. Others have an address at example.com
	image    wire.ProfileImage // zero: none; guarded by state.mu
}

// identity is who a token speaks for.
type identity struct {
	account  *account // nil: a guest
	clientID string
}

// song is a piece of media. It is immutable.
type song struct {
	id       wire.SongID
	name     string
	provider wire.Provider
	mediaID  string
	length   time.Duration
	created  time.Time
}

// The beginnings of ids: one for each kind, so that a person tells them apart in a log.
const (
	idRoom   = "65a1f0c2d4e8b900"
	idUser   = "65b2a1c0d4e8b900"
	idInfo   = "65b2a1c0d4e8b901"
	idMember = "65c3b2d1e5f9ca00"
	idPlay   = "65d4c3e2f60adb00"
	idSong   = "65e5d4f3071bec00"
	idVote   = "6618b7f0d4e8b900"
	idRole   = "65f6e504182cfd00"

	idPlaylist     = "6600f0a51d2c8e00"
	idEntry        = "6600f0a51d2c8e01"
	idConversation = "6607f615293d0e00"
	idPrivate      = "6607f615293d0e01"
	idFollow       = "660ef026354e1f00"
	idComment      = "6615ea37415f2a00"
	idPicture      = "661cf148526f3b00"

	idGuest      = "9f2c4d6e8a0b1c3d5e7f9a0b" // 32 digits, as long as nobody's id
	idRequest    = "3b5d7f9a1c2e4f60718293a4" // 32 digits
	idConnection = "c0nnect10n00"             // 20 digits
	idSession    = "s3ss10n00000"
	idSocket     = "s0cket000000"
	idReset      = "reset0000000"
)

// id makes the next id of a kind. The caller holds s.mu.
func (s *state) id(kind string) string {
	for {
		s.counters[kind]++
		if id := fmt.Sprintf("%s%08x", kind, s.counters[kind]); !s.given[id] {
			return id
		}
	}
}

// idOr returns the given id, or makes one if it is empty.
func (s *state) idOr(given, kind string) string {
	if given != "" {
		return given
	}
	return s.id(kind)
}

// rules are how the options want the service to be.
type rules struct {
	classic    bool // fixed roles, as until 2026
	quotaLines int  // of chat, in quotaTime
	quotaTime  time.Duration

	sessionLife, tokenLife time.Duration // 0: for ever
	grace                  time.Duration

	ahead time.Duration // by how much the server's clock is ahead of package time's
}

// newState builds a world that has been checked.
func newState(c config, now time.Time) *state {
	w := c.world
	s := &state{
		start:    now,
		rules:    c.rules,
		given:    map[string]bool{},
		songs:    map[wire.SongID]*song{},
		media:    map[string]*song{},
		site:     newSite(),
		quirks:   newQuirks(c.quirks),
		counters: map[string]uint32{},
		sessions: newStore[*account](),
		tokens:   newStore[identity](),
		links:    map[*link]struct{}{},
		channels: map[string]map[*link]struct{}{},
		lines:    lineCount{taken: map[*account]uint64{}},
	}
	s.sessions.life, s.tokens.life = c.rules.sessionLife, c.rules.tokenLife
	for _, u := range w.Users {
		s.given[u.ID] = true
	}
	for _, r := range w.Rooms {
		s.given[r.ID] = true
	}
	for i, u := range w.Users {
		s.accounts = append(s.accounts, &account{
			id:       wire.UserID(s.idOr(u.ID, idUser)),
			infoID:   s.id(idInfo),
			name:     u.Name,
			password: u.Password,
			created:  now.AddDate(-1, 0, i), // a year ago, one a day
		})
	}
	for _, spec := range w.Rooms {
		s.rooms = append(s.rooms, s.newRoom(spec))
	}
	return s
}

func (s *state) newRoom(spec RoomSpec) *room {
	r := &room{
		state:    s,
		id:       wire.RoomID(s.idOr(spec.ID, idRoom)),
		slug:     spec.Slug,
		settings: defaultSettings(spec.title()),
		created:  s.start.AddDate(0, -6, 0),
		owner:    s.named(spec.Owner),
		members:  map[wire.UserID]*member{},
	}
	r.updated = r.created
	r.private, r.password = spec.Password != "", spec.Password
	r.channel = "room:" + string(r.id)
	if !s.classic {
		r.addStarterRoles()
	}
	for _, a := range s.accounts { // in this order, for the sake of the ids
		for name, role := range spec.Roles {
			if strings.EqualFold(name, a.name) {
				r.give(r.member(a), role)
			}
		}
	}
	for _, name := range spec.Present {
		m := r.member(s.named(name))
		m.active, m.updated = true, s.start
	}
	for _, name := range spec.Banned {
		m := r.member(s.named(name))
		m.banned, m.bannedAt = true, s.start
	}
	r.addHistory(spec.History)
	for _, entry := range spec.Songs {
		r.queue(r.member(s.named(entry.By)), s.worldSong(entry), s.start)
	}
	return r
}

// worldSong finds or makes the media of a song that a world came with.
func (s *state) worldSong(entry Song) *song {
	provider := cmp.Or(entry.Provider, wire.YouTube)
	if m := s.media[mediaKey(provider, entry.MediaID)]; m != nil {
		return m
	}
	return s.addSong(&song{
		name:     entry.Name,
		provider: provider,
		mediaID:  entry.MediaID,
		length:   entry.Length,
		created:  s.start.AddDate(0, -3, len(s.songs)),
	})
}

// addSong makes m known under an id of its own. Without the provider's id it gets one. The caller holds s.mu.
func (s *state) addSong(m *song) *song {
	id := s.id(idSong)
	m.id = wire.SongID(id)
	m.mediaID = cmp.Or(m.mediaID, "m"+id[len(id)-10:])
	s.songs[m.id] = m
	s.media[mediaKey(m.provider, m.mediaID)] = m
	return m
}

func mediaKey(p wire.Provider, mediaID string) string { return string(p) + " " + mediaID }

// named finds an account by its name or its address, in any case; nil if there is none. The address is that of signing up,
// or else the name at example.com.
func (s *state) named(name string) *account {
	if strings.Contains(name, "@") {
		return s.accountByEmail(name)
	}
	return s.accountByName(name)
}

// room finds a room by its id; nil if there is none.
func (s *state) room(id string) *room {
	s.directory.RLock()
	defer s.directory.RUnlock()
	for _, r := range s.rooms {
		if string(r.id) == id {
			return r
		}
	}
	return nil
}

// roomBySlug finds a room by its slug; nil if there is none.
func (s *state) roomBySlug(slug string) *room {
	s.directory.RLock()
	defer s.directory.RUnlock()
	for _, r := range s.rooms {
		if r.slug == slug {
			return r
		}
	}
	return nil
}

// store keeps values under secrets, the latest maxStored of them: a server that runs for long forgets old sessions.
type store[V any] struct {
	values map[string]stored[V]
	keys   []string      // oldest first
	life   time.Duration // of a value; 0: for ever
}

type stored[V any] struct {
	value V
	since time.Time
}

const maxStored = 10_000

func newStore[V any]() *store[V] { return &store[V]{values: map[string]stored[V]{}} }

func (s *store[V]) put(key string, v V) {
	if len(s.keys) >= maxStored {
		delete(s.values, s.keys[0])
		s.keys = s.keys[1:]
	}
	s.keys = append(s.keys, key)
	s.values[key] = stored[V]{v, time.Now()}
}

func (s *store[V]) get(key string) (V, bool) {
	v, ok := s.values[key]
	if ok && s.life > 0 && time.Since(v.since) >= s.life {
		s.remove(key)
		return *new(V), false
	}
	return v.value, ok
}

// remove forgets one value; its key stays in line, which does no harm because keys do not come twice.
func (s *store[V]) remove(key string) { delete(s.values, key) }

func (s *store[V]) clear() { s.values, s.keys = map[string]stored[V]{}, nil }

// site is what the service knows of its users beside what happens in rooms. It is guarded by state.mu.
type site struct {
	playlists     map[wire.UserID][]*playlist // by their owners, oldest first
	conversations []*conversation             // the one with the latest message last
	follows       []*follow                   // oldest first
	comments      map[wire.SongID][]*comment  // oldest first
	backgrounds   map[*room]wire.ProfileImage
	resets        map[*account]string // the token of the mail that was never sent
}

func newSite() site {
	return site{
		playlists:   map[wire.UserID][]*playlist{},
		comments:    map[wire.SongID][]*comment{},
		backgrounds: map[*room]wire.ProfileImage{},
		resets:      map[*account]string{},
	}
}

const (
	// maxOwned is how many accounts and conversations there are, and playlists an account, entries a playlist, messages a
	// conversation, comments a song.
	maxOwned = 10_000
	// maxSongs is how many songs are known.
	maxSongs = 100_000
	// maxText is how long a private message or a comment is, in UTF-16 units. What the service takes is not known.
	maxText = 10_000
)
