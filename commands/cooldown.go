package commands

import (
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/queup-go/queup/client"
)

// maxRemembered bounds how many uses of commands, and how many people, are remembered.
const maxRemembered = 10_000

// use identifies what a cooldown applies to: a command in a room, or with a user for that user only.
type use struct {
	command string        // in lower case
	room    client.RoomID // empty in private
	user    client.UserID // empty for all users
}

// cooldowns hold the time when each command was used last.
type cooldowns struct {
	mu   sync.Mutex
	last simplelru.LRUCache[use, time.Time] // guarded by mu
}

func newCooldowns() *cooldowns { return &cooldowns{last: newLRU[use, time.Time]()} }

// start records the use of a command, or returns a CooldownError and records nothing.
func (d *cooldowns) start(c *Context, e *entry) error {
	all := use{command: strings.ToLower(e.Name)}
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
	if e.Cooldown > 0 && c.Room != nil { // a private message has one author
		d.last.Add(all, now)
	}
	if e.UserCooldown > 0 {
		d.last.Add(own, now)
	}
	return nil
}

// left returns how much of a cooldown is left.
func (d *cooldowns) left(u use, cooldown time.Duration, now time.Time) time.Duration {
	if at, used := d.last.Peek(u); used {
		return max(at.Add(cooldown).Sub(now), 0)
	}
	return 0
}

// The rate of answers that no handler gives: to errors and to the command help. A burst is answered at once, and then one answer
// in each interval, so that neither a person nor a crowd can make the bot flood a room.
const (
	burstForPerson = 3
	everyForPerson = 5 * time.Second
	burstForRoom   = 10
	everyForRoom   = 2 * time.Second
)

// An allowance limits how often the router answers a person, and how often in a room.
type allowance struct {
	mu   sync.Mutex
	left simplelru.LRUCache[use, *rate.Limiter] // guarded by mu; by person, and by room
}

func newAllowance() *allowance { return &allowance{left: newLRU[use, *rate.Limiter]()} }

// use counts one answer for the author and the room of a line, or returns how long to wait and counts nothing.
func (a *allowance) use(c *Context) (wait time.Duration) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	person := a.limiter(use{user: c.Author.ID}, everyForPerson, burstForPerson).ReserveN(now, 1)
	if wait = person.DelayFrom(now); wait == 0 && c.Room != nil {
		room := a.limiter(use{room: c.Room.ID()}, everyForRoom, burstForRoom).ReserveN(now, 1)
		if wait = room.DelayFrom(now); wait > 0 {
			room.CancelAt(now)
		}
	}
	if wait > 0 {
		person.CancelAt(now)
	}
	return wait
}

// limiter returns the limiter of a person or a room. mu is held.
func (a *allowance) limiter(u use, every time.Duration, burst int) *rate.Limiter {
	limiter, known := a.left.Get(u)
	if !known {
		limiter = rate.NewLimiter(rate.Every(every), burst)
		a.left.Add(u, limiter)
	}
	return limiter
}

// answered remembers the lines that were answered, so that none is answered twice.
type answered struct {
	mu    sync.Mutex
	lines simplelru.LRUCache[client.MessageID, struct{}] // guarded by mu
}

func newAnswered() *answered { return &answered{lines: newLRU[client.MessageID, struct{}]()} }

// add reports whether a line is new, and remembers it. A line without an id is always new.
func (a *answered) add(id client.MessageID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id == "" {
		return true
	}
	known := a.lines.Contains(id)
	a.lines.Add(id, struct{}{})
	return !known
}

func newLRU[K comparable, V any]() simplelru.LRUCache[K, V] {
	cache, _ := simplelru.NewLRU[K, V](maxRemembered, nil) // an error means a size below 1
	return cache
}
