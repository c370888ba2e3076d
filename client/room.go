package client

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/client/internal/tasks"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/internal/redact"
)

const (
	// departedTTL is how long the record of a member who has left is kept, because events about them may still come. Source:
	// docs/PROTOCOL.md 7, rule 7.
	departedTTL = 10 * time.Second
	// maxDeparted bounds how many such records are kept.
	maxDeparted = 5000
)

// A Room is a live handle on a room. It always shows the current state, and its methods act in the room. It is safe for
// concurrent use and stays the same through reconnects. As long as a bot holds a handle, or a subscription to it, the
// client uses no other handle for that room. This is so however many rooms it has joined and left meanwhile. Get one with
// [Client.JoinRoom]. A zero Room, for a bot's unit test, is not joined and has no state; History and the methods that fetch
// need a real one.
type Room struct {
	client   *Client                         // immutable; nil only in a zero value
	id       RoomID                          // immutable
	channel  string                          // immutable; on the websocket. Source: docs/PROTOCOL.md 5.4
	members  *cache.Table[UserID, Member]    // written by the connection's goroutine
	chatLog  *chatLog                        // written by the connection's goroutine
	departed *cache.Expiring[UserID, Member] // members who left a moment ago; written by the connection's goroutine

	deleted  simplelru.LRUCache[RoleID, struct{}] // immutable; roles that have been deleted from the room
	joinLock tasks.Semaphore                      // held while joined may change

	tracker *tracker // immutable; keeps the state, on the connection's goroutine

	mu       sync.RWMutex
	about    wire.Room     // guarded by mu: what info was made from
	info     RoomInfo      // guarded by mu
	joined   bool          // guarded by mu: attached, and loaded once
	present  bool          // guarded by mu: also joined by REST, so that the client may act in it
	password redact.Secret // guarded by mu: the password it was joined with

	invisible bool // guarded by mu: set by ChangePresence
	left      bool // guarded by mu: it was joined and is not any more

	roles   authority // guarded by mu; without owner and me, which authority() fills in
	current *play     // guarded by mu; nil when nothing is playing
	queue   []Song    // guarded by mu; replaced, never changed
}

func newRoom(c *Client, id RoomID) *Room {
	r := &Room{
		client:   c,
		id:       id,
		channel:  "room:" + string(id),
		members:  cache.NewTable[UserID, Member](),
		chatLog:  newChatLog(c.config.messageHistory, c.clock),
		departed: cache.NewExpiring[UserID, Member](maxDeparted, departedTTL),
		joinLock: tasks.NewSemaphore(1),
	}
	r.deleted, _ = lru.New[RoleID, struct{}](maxRoles) // it only fails for a size that is not positive
	r.tracker = newTracker(r)
	return r
}

func (r *Room) source() (*Client, *Room) {
	if r == nil {
		return nil, nil
	}
	return r.client, r
}

// ID returns the room's id, which never changes.
func (r *Room) ID() RoomID { return r.id }

// Slug returns the name in the room's address.
func (r *Room) Slug() string { return r.Info().Slug }

// Name returns the title.
func (r *Room) Name() string { return r.Info().Name }

// RTC returns the name of the room's channel in a former realtime system.
func (r *Room) RTC() string { return r.Info().RTC }

// Info returns the settings and figures of the room. They follow the room's events while the client is in the room.
func (r *Room) Info() RoomInfo {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.info
}

// Joined reports whether the client is in the room, or listens to it. It stays true while a lost connection is being
// restored.
func (r *Room) Joined() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.joined
}

// mayAct reports whether the client is in the room and does not only listen.
func (r *Room) mayAct() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.joined && r.present
}

// hasLeft reports whether the client was in the room, or listened to it, and does not any more.
func (r *Room) hasLeft() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.left
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

// Members returns the people in the room. A nil room has none.
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
	id, ok := r.client.users.byName(name)
	if !ok {
		return Member{}, false
	}
	m, ok := r.members.Get(id)
	return m.clone(), ok
}

// memberOrDeparted returns the record of a user who is in the room, or was until a moment ago.
func (r *Room) memberOrDeparted(id UserID) (Member, bool) {
	if r.client == nil {
		return Member{}, false
	}
	if m, ok := r.members.Get(id); ok {
		return m, true
	}
	return r.departed.Get(id)
}

// setInfo sets the room's info.
func (r *Room) setInfo(w wire.Room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.about, r.info = w, newRoomInfo(w)
}

// logged returns the room as an attribute of a log line.
func (r *Room) logged() slog.Attr { return slog.String("room", printable.Text(r.Slug())) }

// A RoomCollection is a Collection of rooms that can also be looked up by their other names.
type RoomCollection struct {
	Collection[RoomID, *Room]
}

// BySlug returns the room with that slug, in any case.
func (c *RoomCollection) BySlug(slug string) (*Room, bool) {
	return c.Find(func(r *Room) bool { return strings.EqualFold(r.Slug(), slug) })
}

// ByRTC returns the room with that channel name in a former realtime system.
func (c *RoomCollection) ByRTC(rtc string) (*Room, bool) {
	return c.Find(func(r *Room) bool { return r.RTC() == rtc })
}

// maxIdleRooms is how many rooms there may be before the client evicts those it is not in.
const maxIdleRooms = 64

// newRoomTable returns the table of a client's room handles. It keeps the handle of a room that the client is in, or is
// about to join or leave.
func (c *Client) newRoomTable() *cache.Handles[RoomID, Room] {
	return cache.NewHandles(cache.HandlesConfig[RoomID, Room]{
		MaxIdle: maxIdleRooms,
		Idle:    func(r *Room) bool { return !r.Joined() && r.joinLock.Free() },
		New:     func(id RoomID) *Room { return newRoom(c, id) },
	})
}

// roomOf returns the handle of the room in an answer.
func (c *Client) roomOf(op string, w wire.Room) (*Room, error) {
	if w.ID == "" {
		return nil, &APIError{Op: op, Status: 200, Message: "answered without a room"}
	}
	if w.Owner.Username != "" {
		c.learnUser(w.Owner, true)
	}
	room := c.rooms.Handle(w.ID)
	room.setInfo(w)
	return room, nil
}

// play is the current song of a room. It is guarded by the room's mu.
type play struct {
	song       Song
	began      time.Time // by our clock, without a monotonic reading: the song goes on while the computer is suspended
	votes      map[UserID]wire.DubType
	grabs      map[UserID]struct{}
	eventVotes int  // how many votes and grabs came from events
	skipped    bool // an event has said that it was skipped
}
