package commands

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/queup-go/queup/client"
)

// maxRemembered bounds how many uses of commands, and how many people, are remembered.
const maxRemembered = 10_000

// use is what rests: a command in a room, or with a user for that one alone.
type use struct {
	command string
	room    client.RoomID // empty in private
	user    client.UserID // empty for everybody
}

// cooldowns know when commands were used last.
type cooldowns struct {
	mu   sync.Mutex
	last *simplelru.LRU[use, time.Time] // guarded by mu
}

func newCooldowns() *cooldowns { return &cooldowns{last: newLRU[use, time.Time]()} }

// take notes that a command is used, or returns that it rests.
func (d *cooldowns) take(c *Context, e *entry) error {
	all := use{command: e.Name}
	if c.Room != nil {
		all.room = c.Room.ID()
	}
	own := all
	own.user = c.Author.ID
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	wait := d.left(all, e.Cooldown, now)
	if w := d.left(own, e.UserCooldown, now); w > wait {
		return &CooldownError{Command: e.Name, Wait: w, User: true}
	}
	if wait > 0 {
		return &CooldownError{Command: e.Name, Wait: wait}
	}
	if e.Cooldown > 0 && c.Room != nil { // in private everybody is alone
		d.last.Add(all, now)
	}
	if e.UserCooldown > 0 {
		d.last.Add(own, now)
	}
	return nil
}

// left returns how long something still rests.
func (d *cooldowns) left(u use, rest time.Duration, now time.Time) time.Duration {
	if at, used := d.last.Peek(u); used {
		return max(at.Add(rest).Sub(now), 0)
	}
	return 0
}

// Somebody is told of so many errors at once, and then of one in so long: who hammers at a bot must not make it talk.
const (
	burstOfAnswers = 3
	answerEvery    = 5 * time.Second
)

// patience decides whether somebody is told of one more error.
type patience struct {
	mu  sync.Mutex
	who *simplelru.LRU[client.UserID, *rate.Limiter] // guarded by mu
}

func newPatience() *patience { return &patience{who: newLRU[client.UserID, *rate.Limiter]()} }

func (p *patience) allow(u client.UserID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	limiter, known := p.who.Get(u)
	if !known {
		limiter = rate.NewLimiter(rate.Every(answerEvery), burstOfAnswers)
		p.who.Add(u, limiter)
	}
	return limiter.Allow()
}

func newLRU[K comparable, V any]() *simplelru.LRU[K, V] {
	cache, _ := simplelru.NewLRU[K, V](maxRemembered, nil) // an error means a size below 1
	return cache
}
