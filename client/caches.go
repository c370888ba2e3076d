package client

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// bounded is a store that keeps the values used last and gives up the others.
type bounded[K ~string, V any] struct {
	mu     sync.Mutex
	values *simplelru.LRU[K, V] // guarded by mu
}

func newBounded[K ~string, V any](size int) *bounded[K, V] {
	values, err := simplelru.NewLRU[K, V](size, nil)
	if err != nil {
		panic(err) // the size is not positive, which the options do not let pass
	}
	return &bounded[K, V]{values: values}
}

func (b *bounded[K, V]) get(id K) (V, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.values.Get(id)
}

func (b *bounded[K, V]) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.values.Len()
}

func (b *bounded[K, V]) all() []entry[K, V] {
	b.mu.Lock()
	defer b.mu.Unlock()
	entries := make([]entry[K, V], 0, b.values.Len())
	for _, id := range b.values.Keys() {
		if v, ok := b.values.Peek(id); ok {
			entries = append(entries, entry[K, V]{id, v})
		}
	}
	return entries
}

func (b *bounded[K, V]) put(id K, v V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.values.Add(id, v)
}

// people is a store of users: those who are in a room of the client, however many, and the others that were seen last.
type people struct {
	mu      sync.Mutex
	present map[UserID]*occupant         // guarded by mu
	seen    *simplelru.LRU[UserID, User] // guarded by mu; none of those present
}

type occupant struct {
	user  User
	rooms int // how many rooms the user is in
}

func newPeople(size int) *people {
	seen, err := simplelru.NewLRU[UserID, User](size, nil)
	if err != nil {
		panic(err) // the size is not positive, which the options do not let pass
	}
	return &people{present: make(map[UserID]*occupant), seen: seen}
}

func (p *people) get(id UserID) (User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.find(id)
}

// find is get with mu held.
func (p *people) find(id UserID) (User, bool) {
	if o, ok := p.present[id]; ok {
		return o.user, true
	}
	return p.seen.Get(id)
}

func (p *people) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.present) + p.seen.Len()
}

func (p *people) all() []entry[UserID, User] {
	p.mu.Lock()
	defer p.mu.Unlock()
	entries := make([]entry[UserID, User], 0, len(p.present)+p.seen.Len())
	for id, o := range p.present {
		entries = append(entries, entry[UserID, User]{id, o.user})
	}
	for _, id := range p.seen.Keys() {
		if u, ok := p.seen.Peek(id); ok {
			entries = append(entries, entry[UserID, User]{id, u})
		}
	}
	return entries
}

// see notes what was learnt about a user and returns all that is known. Events tell less than lists do, so nothing known is
// lost. A name is taken over only where none is known, or with renamed, which is for the places that can be trusted: chat
// and fetched accounts. Source: docs/PROTOCOL.md 7, rule 10.
func (p *people) see(u User, renamed bool) User {
	if u.ID == "" {
		return u
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.find(u.ID); ok {
		u = merged(known, u, renamed)
	}
	if o, ok := p.present[u.ID]; ok {
		o.user = u
	} else {
		p.seen.Add(u.ID, u)
	}
	return u
}

func merged(known, news User, renamed bool) User {
	if known.Username != "" && (!renamed || news.Username == "") {
		news.Username = known.Username
	}
	if news.Avatar == "" {
		news.Avatar = known.Avatar
	}
	if news.CreatedAt.IsZero() {
		news.CreatedAt = known.CreatedAt
	}
	if len(news.members) == 0 {
		news.members = known.members
	}
	return news
}

// enter notes that a user is in one more room.
func (p *people) enter(id UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.present[id]; ok {
		o.rooms++
		return
	}
	u, ok := p.seen.Peek(id)
	if !ok {
		u = User{ID: id}
	}
	p.seen.Remove(id)
	p.present[id] = &occupant{user: u, rooms: 1}
}

// leave notes that a user is in one room less.
func (p *people) leave(id UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, ok := p.present[id]
	if !ok {
		return
	}
	if o.rooms--; o.rooms == 0 {
		delete(p.present, id)
		p.seen.Add(id, o.user)
	}
}

// history keeps the latest chat lines of a room.
type history struct {
	mu    sync.RWMutex
	lines *simplelru.LRU[MessageID, *Message] // guarded by mu; in the order they came. nil keeps none
}

func newHistory(size int) *history {
	if size == 0 {
		return &history{}
	}
	lines, err := simplelru.NewLRU[MessageID, *Message](size, nil)
	if err != nil {
		panic(err) // the size is negative, which the options do not let pass
	}
	return &history{lines: lines}
}

// add keeps a line and reports whether it is new: QueUp sends some lines twice. A line without an id is new, and not kept.
func (h *history) add(m Message) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lines == nil || m.ID == "" {
		return true
	}
	if h.lines.Contains(m.ID) {
		return false
	}
	h.lines.Add(m.ID, &m)
	return true
}

func (h *history) get(id MessageID) (Message, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.lines == nil {
		return Message{}, false
	}
	m, ok := h.lines.Peek(id)
	if !ok {
		return Message{}, false
	}
	return *m, true
}

// delete marks a line as deleted and returns it.
func (h *history) delete(id MessageID) (Message, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lines == nil {
		return Message{}, false
	}
	m, ok := h.lines.Peek(id)
	if !ok {
		return Message{}, false
	}
	m.Deleted = true
	return *m, true
}

// list returns the lines, the oldest first.
func (h *history) list() []Message {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.lines == nil {
		return nil
	}
	list := make([]Message, 0, h.lines.Len())
	for _, m := range h.lines.Values() {
		list = append(list, *m)
	}
	return list
}

func (h *history) len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.lines == nil {
		return 0
	}
	return h.lines.Len()
}

// allMessages is a store that shows the histories of all rooms as one.
type allMessages struct{ rooms *table[RoomID, *Room] }

func (a allMessages) get(id MessageID) (Message, bool) {
	for _, r := range a.rooms.all() {
		if m, ok := r.value.history.get(id); ok {
			return m, true
		}
	}
	return Message{}, false
}

func (a allMessages) len() int {
	n := 0
	for _, r := range a.rooms.all() {
		n += r.value.history.len()
	}
	return n
}

func (a allMessages) all() []entry[MessageID, Message] {
	var entries []entry[MessageID, Message]
	for _, r := range a.rooms.all() {
		for _, m := range r.value.history.list() {
			entries = append(entries, entry[MessageID, Message]{m.ID, m})
		}
	}
	return entries
}
