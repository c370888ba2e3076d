package client

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// userCache is a store of users: all who are in a room of the client, and the others that were seen last. A user is never
// changed but replaced when there is news, so that all readers can share it.
type userCache struct {
	mu      sync.Mutex
	present map[UserID]*occupant              // guarded by mu
	names   map[string]UserID                 // guarded by mu; of those present, in lower case
	seen    simplelru.LRUCache[UserID, *User] // guarded by mu; none of those present
}

type occupant struct {
	user  *User
	rooms int // how many rooms the user is in
}

func newUserCache(size int) *userCache {
	return &userCache{present: make(map[UserID]*occupant), names: make(map[string]UserID), seen: cache.NewLRU[UserID, *User](size)}
}

// Get returns a user. It is false for a user whose name is not known; other fields may be set even then.
func (p *userCache) Get(id UserID) (User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := new(User)
	if o, ok := p.present[id]; ok {
		u = o.user
	} else if seen, ok := p.seen.Get(id); ok {
		u = seen
	}
	return *u, u.Username != ""
}

func (p *userCache) Len() int { return len(p.list()) }

func (p *userCache) All() iter.Seq2[UserID, User] { return cache.Each(p.list) }

func (p *userCache) list() []cache.Entry[UserID, User] {
	p.mu.Lock()
	defer p.mu.Unlock()
	entries := make([]cache.Entry[UserID, User], 0, len(p.present)+p.seen.Len())
	for id, o := range p.present {
		if o.user.Username != "" {
			entries = append(entries, cache.Entry[UserID, User]{ID: id, Value: *o.user})
		}
	}
	for _, id := range p.seen.Keys() {
		if u, ok := p.seen.Peek(id); ok && u.Username != "" {
			entries = append(entries, cache.Entry[UserID, User]{ID: id, Value: *u})
		}
	}
	return entries
}

// update adds news about a user and returns the merged user, which nobody may change. Events have fewer fields than lists
// do, so known fields are not overwritten with empty ones. A name is adopted only if none is known, or with renamed, which
// is set for trusted sources: chat and fetched accounts. Source: docs/PROTOCOL.md 7, rule 10.
func (p *userCache) update(news User, renamed bool) *User {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, present := p.present[news.ID]; present {
		u := merge(o.user, news, renamed)
		if u.Username != o.user.Username {
			p.unname(o.user)
			p.name(u)
		}
		o.user = u
		return u
	}
	known, ok := p.seen.Get(news.ID)
	if !ok {
		known = new(User)
	}
	u := merge(known, news, renamed)
	if u.ID != "" {
		p.seen.Add(u.ID, u)
	}
	return u
}

// merge returns known unchanged if news adds nothing, the common case.
func merge(known *User, news User, renamed bool) *User {
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
	if news.client == known.client && news.Equal(*known) {
		return known
	}
	u := news
	return &u
}

// enter records that a user is in one more room.
func (p *userCache) enter(id UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o, ok := p.present[id]; ok {
		o.rooms++
		return
	}
	u, ok := p.seen.Peek(id)
	if !ok {
		u = &User{ID: id}
	}
	p.seen.Remove(id)
	p.name(u)
	p.present[id] = &occupant{user: u, rooms: 1}
}

// leave records that a user is in one room less.
func (p *userCache) leave(id UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, ok := p.present[id]
	if !ok {
		return
	}
	if o.rooms--; o.rooms == 0 {
		delete(p.present, id)
		p.unname(o.user)
		p.seen.Add(id, o.user)
	}
}

// byName returns the id of a present user by name, in any case.
func (p *userCache) byName(name string) (UserID, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, ok := p.names[strings.ToLower(name)]
	return id, ok
}

// name and unname update the names, with mu held.
func (p *userCache) name(u *User) {
	if u.Username != "" {
		p.names[strings.ToLower(u.Username)] = u.ID
	}
}

func (p *userCache) unname(u *User) {
	if name := strings.ToLower(u.Username); p.names[name] == u.ID {
		delete(p.names, name)
	}
}

// lookUp reads an account by its id. Lookups of the same account at the same time share one call.
func (c *Client) lookUp(ctx context.Context, id UserID) (User, error) {
	return c.names.Do(ctx, id, c.workers, func(ctx context.Context) (User, error) {
		answer, err := c.loads.User(ctx, queupapi.UserParams{IDOrUsername: string(id)})
		if err != nil {
			return User{}, failed("user", err)
		}
		answer.Data.ID = id
		if answer.Data.Username == "" {
			return User{}, &APIError{Op: "user", Status: http.StatusOK, Message: "answered without a name"}
		}
		return c.learnUser(answer.Data, true), nil
	})
}

// userOrID returns a user, or a value with nothing but the id.
func (c *Client) userOrID(id UserID) User {
	u, _ := c.users.Get(id)
	u.ID, u.client = id, c
	return u
}

// learnUser notes an account that an event or an answer told of.
func (c *Client) learnUser(w wire.User, renamed bool) User {
	return *c.users.update(newUser(c, w), renamed)
}
