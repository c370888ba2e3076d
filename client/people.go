package client

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

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
