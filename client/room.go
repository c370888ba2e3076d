package client

import (
	"sync"
	"time"

	"github.com/queup-go/queup/realtime"
)

// A Room is a live handle on a room: what it tells changes as events arrive, and its methods act in it. It is safe for
// concurrent use and stays the same through reconnects. Get one with [Client.JoinRoom].
type Room struct {
	client  *Client                // immutable
	id      RoomID                 // immutable
	members *table[UserID, Member] // written by the connection's goroutine
	history *history               // written by the connection's goroutine

	turn turn // held while what joined says is about to change

	holding bool               // owned by the connection's goroutine: messages wait
	holds   int                // owned by the connection's goroutine: how often hold was called
	late    bool               // owned by the connection's goroutine: the channel did not come back with the connection yet
	held    []realtime.Message // owned by the connection's goroutine

	mu      sync.RWMutex
	info    RoomInfo // guarded by mu
	joined  bool     // guarded by mu: attached, and loaded once
	present bool     // guarded by mu: also joined by REST, so that it may be acted in
	song    *Song    // guarded by mu; nil when nothing plays
	voted   ownVote  // guarded by mu
}

func newRoom(c *Client, id RoomID) *Room {
	return &Room{
		client:  c,
		id:      id,
		members: newTable[UserID, Member](),
		history: newHistory(c.config.messageHistory),
		turn:    make(turn, 1),
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

// Info returns what the room says about itself.
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

// Members are the people in the room. On a nil room there are none.
func (r *Room) Members() *Collection[UserID, Member] {
	if r == nil {
		return nil
	}
	return &Collection[UserID, Member]{r.members}
}

// MemberNamed returns the member with that username, in any case.
func (r *Room) MemberNamed(name string) (Member, bool) {
	id, ok := r.client.people.named(name)
	if !ok {
		return Member{}, false
	}
	return r.members.get(id)
}

// NowPlaying returns what plays, and false if nothing does.
func (r *Room) NowPlaying() (Song, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.song == nil {
		return Song{}, false
	}
	return *r.song, true
}

// Messages returns the latest chat lines since the room was joined, the oldest first; see [WithMessageHistory].
func (r *Room) Messages() []Message { return r.history.list() }

// put adds or replaces a member. It runs on the connection's goroutine, as all changes of members do.
func (r *Room) put(m Member) {
	if _, present := r.members.get(m.UserID); !present {
		r.client.people.enter(m.UserID)
	}
	r.members.put(m.UserID, m)
}

// take removes a member.
func (r *Room) take(id UserID) (Member, bool) {
	m, present := r.members.remove(id)
	if present {
		r.client.people.leave(id)
	}
	return m, present
}

// setJoined notes that the room is joined, and present if it may also be acted in.
func (r *Room) setJoined(present bool) {
	r.client.rooms.put(r.id, r)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joined, r.present = true, present
}

// describe sets what the room says about itself.
func (r *Room) describe(info RoomInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.info = info
}

// play sets what plays.
func (r *Room) play(s Song) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.song = &s
}

// close forgets what is only true while the client is in the room.
func (r *Room) close() {
	for id := range r.Members().All() {
		r.take(id)
	}
	r.holding, r.held = false, nil
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joined, r.present, r.song = false, false, nil
}
