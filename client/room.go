package client

import (
	"context"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/internal/redact"
)

// A Room is a live handle on a room: what it tells changes as events arrive, and its methods act in it. It is safe for
// concurrent use and stays the same through reconnects. While a bot holds it, or a subscription to it, the client gives no other
// for the same room, however many rooms it has joined and left meanwhile. Get one with [Client.JoinRoom]. A zero Room, for a bot's unit
// test, is one that is not joined and that nothing is known of; History and the methods that fetch need a real one.
type Room struct {
	client  *Client                      // immutable; nil only in a zero value
	id      RoomID                       // immutable
	members *cache.Table[UserID, Member] // written by the connection's goroutine
	history *history                     // written by the connection's goroutine
	left    *departures                  // written by the connection's goroutine

	deleted *lru.Cache[RoleID, struct{}] // immutable; roles that the room does not have any more
	turn    turn                         // held while what joined says is about to change

	live roomWork // owned by the connection's goroutine

	mu       sync.RWMutex
	about    wire.Room     // guarded by mu: what info was made of
	info     RoomInfo      // guarded by mu
	joined   bool          // guarded by mu: attached, and loaded once
	present  bool          // guarded by mu: also joined by REST, so that it may be acted in
	password redact.Secret // guarded by mu: what it was joined with

	invisible bool // guarded by mu: ChangePresence was asked for it

	roles authority // guarded by mu; without owner and me, which authority() fills in
	now   *play     // guarded by mu; nil when nothing plays
	queue []Song    // guarded by mu; replaced, never changed
}

// roomWork is what the connection's goroutine needs to keep a room up to date.
type roomWork struct {
	link    *connection // the room is attached to; nil before and after
	waiting waiting
	alarms  map[string]func()  // what is due at some time, by its purpose; calling one calls it off
	reading context.CancelFunc // ends the try to read the room again after a lost connection; nil for none
	asking  map[string]func()  // what is under way that is asked in turn, by its purpose; what follows it, or nil
	epoch   int                // changes whenever what was asked of QueUp for this room is no longer wanted
	lost    bool               // the connection was lost since the state was read
	late    bool               // the channel did not come back with the connection yet
	replay  bool               // events are applied that may be older than the state
	former  formerPlay         // the play before the current one
	told    time.Time          // plays that began before this are no news, by QueUp's clock

	nameless *simplelru.LRU[UserID, struct{}] // members whose name QueUp, asked, did not say
	muted    *simplelru.LRU[UserID, struct{}] // who is known to be muted, there or not
	plays    *simplelru.LRU[PlayID, struct{}] // which have been told
	presence map[string]map[string]struct{}   // connections of each who is visible
	news     *Meta                            // the latest event that was about the queue and not told yet
}

const (
	maxMuted = 1024 // users whose mute is remembered when they have left
	maxPlays = 512  // plays that are known not to be news
)

func newRoom(c *Client, id RoomID) *Room {
	r := &Room{
		client:  c,
		id:      id,
		members: cache.NewTable[UserID, Member](),
		history: newHistory(c.config.messageHistory, c.clock),
		left:    newDepartures(),
		turn:    make(turn, 1),
	}
	r.deleted, _ = lru.New[RoleID, struct{}](maxRoles) // its error is about sizes that are not positive
	r.live.reset()
	return r
}

// reset forgets everything but the epoch.
func (w *roomWork) reset() {
	*w = roomWork{
		epoch:    w.epoch + 1,
		waiting:  waiting{turn: w.waiting.turn + 1},
		alarms:   make(map[string]func()),
		asking:   make(map[string]func()),
		nameless: cache.NewLRU[UserID, struct{}](maxNameless),
		muted:    cache.NewLRU[UserID, struct{}](maxMuted),
		plays:    cache.NewLRU[PlayID, struct{}](maxPlays),
		presence: make(map[string]map[string]struct{}),
	}
}

func (r *Room) source() (*Client, *Room) {
	if r == nil {
		return nil, nil
	}
	return r.client, r
}

// channel is the room's on the websocket. Source: docs/PROTOCOL.md 5.4.
func (r *Room) channel() string { return "room:" + string(r.id) }

func (r *Room) meta() Meta { return Meta{At: time.Now(), Room: r} }

// ID returns the room's id, which never changes.
func (r *Room) ID() RoomID { return r.id }

// Slug returns the name in the room's address.
func (r *Room) Slug() string { return r.Info().Slug }

// Name returns the title.
func (r *Room) Name() string { return r.Info().Name }

// RTC returns the name of the room's channel in a realtime system of the past.
func (r *Room) RTC() string { return r.Info().RTC }

// Info returns what the room says about itself. It follows the room's events while the client is in the room.
func (r *Room) Info() RoomInfo {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.info
}

// Joined reports whether the client is in the room, or listens to it. It stays true while a lost connection heals.
func (r *Room) Joined() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.joined
}

// mayAct reports whether the client is in the room and not only listens.
func (r *Room) mayAct() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.joined && r.present
}

// String returns the title, or the id before the room is known.
func (r *Room) String() string {
	if name := r.Name(); name != "" {
		return name
	}
	return string(r.id)
}

// GoString is String, so that %#v prints no secret either.
func (r *Room) GoString() string { return r.String() }

// Members are the people in the room. On a nil room there are none.
func (r *Room) Members() *Collection[UserID, Member] {
	if r == nil || r.client == nil {
		return nil
	}
	return &Collection[UserID, Member]{members{r.members}}
}

// MemberNamed returns the member with that username, in any case. It is false for a member whose name is not known; see
// [Client.Users].
func (r *Room) MemberNamed(name string) (Member, bool) {
	if r.client == nil {
		return Member{}, false
	}
	id, ok := r.client.people.named(name)
	if !ok {
		return Member{}, false
	}
	m, ok := r.members.Get(id)
	return m.own(), ok
}

// Messages returns the latest chat lines since the room was joined, the oldest first; see [WithMessageHistory].
func (r *Room) Messages() []Message {
	if r.client == nil {
		return nil
	}
	return r.history.list()
}

// put adds or replaces a member. It runs on the connection's goroutine, as all changes of members do.
func (r *Room) put(m Member) {
	if _, present := r.members.Get(m.UserID); !present {
		r.client.people.enter(m.UserID)
	}
	r.members.Put(m.UserID, m)
}

// take removes a member, who is remembered for a while.
func (r *Room) take(id UserID) (Member, bool) {
	m, present := r.members.Remove(id)
	if present {
		r.client.people.leave(id)
		r.left.add(m)
	}
	return m, present
}

// lately returns the record of who is in the room, or was until a moment ago.
func (r *Room) lately(id UserID) (Member, bool) {
	if r.client == nil {
		return Member{}, false
	}
	if m, ok := r.members.Get(id); ok {
		return m, true
	}
	return r.left.get(id)
}

// setJoined notes that the room is joined, and present if it may also be acted in.
func (r *Room) setJoined(present bool) {
	r.client.rooms.Put(r.id, r)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joined, r.present = true, present
}

// describe sets what the room says about itself.
func (r *Room) describe(w wire.Room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.about, r.info = w, newRoomInfo(w)
}

// logged is the room in a log.
func (r *Room) logged() slog.Attr { return slog.String("room", printable.Text(r.Slug())) }

// edit changes what the room says about itself and returns it.
func (r *Room) edit(change func(*wire.Room)) RoomInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.about)
	r.info = newRoomInfo(r.about)
	return r.info
}

// close forgets what is only true while the client is in the room.
func (r *Room) close() {
	gone := r.members.List()
	r.members.Replace(nil)
	for _, e := range gone {
		r.client.people.leave(e.ID)
	}
	r.left.clear()
	r.callOff()
	r.live.reset()
	r.deleted.Purge()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joined, r.present, r.invisible, r.password = false, false, false, redact.Secret{}
	r.now, r.queue, r.roles = nil, nil, authority{}
}
