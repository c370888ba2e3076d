package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/internal/redact"
)

// A tracker keeps the state of one room up to date with the events of the connection. All of its methods run on the connection's
// goroutine, so they need no lock but the room's mu, for those who read.
type tracker struct {
	room   *Room   // immutable
	client *Client // immutable; the room's

	link         *connection // the room is attached to; nil before and after
	waiting      waiting
	timers       map[purpose]func() // calling one stops it
	requests     map[purpose]func() // in flight; the value is what follows them, or nil
	generation   int                // requests of an earlier one are not wanted any more
	cancelResync context.CancelFunc // ends the try to read the room again after a lost connection; nil for none
	lost         bool               // the connection was lost since the state was read
	detached     bool               // the channel did not come back with the connection yet
	stale        bool               // events are applied that may be older than the state
	former       formerPlay         // the play before the current one
	ignoreBefore time.Time          // plays that began before this are no news, by QueUp's clock

	nameless  *simplelru.LRU[UserID, struct{}] // members whose name QueUp, asked, did not say
	muted     *simplelru.LRU[UserID, struct{}] // who is known to be muted, there or not
	plays     *simplelru.LRU[PlayID, struct{}] // which have been told
	presence  map[string]map[string]struct{}   // connections of each who is visible
	queueMeta *Meta                            // the latest event that was about the queue and not told yet
}

const (
	maxMuted = 1024 // users whose mute is remembered when they have left
	maxPlays = 512  // plays that are known not to be news
)

func newTracker(r *Room) *tracker {
	t := &tracker{room: r, client: r.client}
	t.reset()
	return t
}

// reset forgets everything and begins another generation.
func (t *tracker) reset() {
	*t = tracker{
		room:       t.room,
		client:     t.client,
		generation: t.generation + 1,
		waiting:    waiting{holdID: t.waiting.holdID + 1},
		timers:     make(map[purpose]func()),
		requests:   make(map[purpose]func()),
		nameless:   cache.NewLRU[UserID, struct{}](maxNameless),
		muted:      cache.NewLRU[UserID, struct{}](maxMuted),
		plays:      cache.NewLRU[PlayID, struct{}](maxPlays),
		presence:   make(map[string]map[string]struct{}),
	}
}

// attach makes t the receiver of what comes from the room's channel. All of it waits under hold until the room is loaded.
func (t *tracker) attach(l *connection) (hold int) {
	l.rooms[t.room.channel] = t
	t.reset()
	t.room.deleted.Purge()
	t.link = l
	return t.hold()
}

// setJoined notes that the room is joined, and present if it may also be acted in.
func (t *tracker) setJoined(present bool) {
	t.client.rooms.Put(t.room.id, t.room)
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.joined, t.room.present = true, present
}

// setPassword remembers what the room was joined with, for coming back.
func (t *tracker) setPassword(password redact.Secret) {
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.password = password
}

// close forgets what is only true while the client is in the room.
func (t *tracker) close() {
	gone := t.room.members.List()
	t.room.members.Replace(nil)
	for _, e := range gone {
		t.client.users.leave(e.ID)
	}
	t.room.departed.Clear()
	t.cancelAll()
	t.reset()
	t.room.deleted.Purge()
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.joined, t.room.present, t.room.invisible, t.room.password = false, false, false, redact.Secret{}
	t.room.current, t.room.queue, t.room.roles = nil, nil, authority{}
}

// newMeta is the Meta of what is not the answer to an event.
func (t *tracker) newMeta() Meta { return Meta{At: time.Now(), Room: t.room} }

// resyncedMeta is the Meta of what was found out after a lost connection.
func (t *tracker) resyncedMeta() Meta { return Meta{At: time.Now(), Room: t.room, Resynced: true} }

// isUnfit reports whether a member of an object has come with a value that is not known.
func isUnfit(extra map[string]json.RawMessage, name string) bool {
	_, is := extra[name]
	return is
}

// rejectUnfit is for an event whose news is one member: if that is unfit, it is told as Unknown.
func (t *tracker) rejectUnfit(extra map[string]json.RawMessage, name string, meta Meta) bool {
	is := isUnfit(extra, name)
	if is {
		t.client.events.emit(Unknown{meta})
	}
	return is
}

// A purpose is what a timer or a request of a room is for. For each there is at most one timer, and one request in flight.
type purpose string

const (
	forChat   purpose = "chat"   // release the chat that waits, while the rest waits on
	forCheck  purpose = "check"  // check whether the current song still plays
	forEntry  purpose = "entry"  // enter the room again after its password has changed
	forInfo   purpose = "info"   // read the room's info again
	forNames  purpose = "names"  // read the names of members of whom QueUp gave the id alone
	forQueue  purpose = "queue"  // read the queue again
	forReturn purpose = "return" // come back after a user-leave for our own account that we did not cause
	forRoles  purpose = "roles"  // read the roles again
	forSong   purpose = "song"   // emit a song change without its media, which take too long
	forUsers  purpose = "users"  // read the members again
	forVotes  purpose = "votes"  // read the votes again
)

// forExpelled is for the departure of a kicked or banned member that QueUp does not announce.
func forExpelled(id UserID) purpose { return purpose("expelled " + id) }

// startTimer runs f on the connection's goroutine once d has passed. It replaces the timer with the same purpose. Timers stop when the
// connection is lost and when the room is over.
func (t *tracker) startTimer(p purpose, d time.Duration, f func()) {
	t.stopTimer(p)
	t.timers[p] = t.link.after(d, func() {
		delete(t.timers, p)
		f()
	})
}

// timerRuns reports whether there is a timer with that purpose.
func (t *tracker) timerRuns(p purpose) bool {
	_, runs := t.timers[p]
	return runs
}

// stopTimer stops the timer with that purpose, if there is one.
func (t *tracker) stopTimer(p purpose) {
	if stop, runs := t.timers[p]; runs {
		stop()
		delete(t.timers, p)
	}
}

// mediaTimeout bounds the look-up of the media of a queue.
const mediaTimeout = 20 * time.Second

// ask runs f in a goroutine of its own, within limit, and what f returns on the connection's goroutine, unless cancelAll was called
// meanwhile.
func (t *tracker) ask(limit time.Duration, f func(ctx context.Context) (then func())) {
	l, generation := t.link, t.generation
	t.client.workers.Start(func() {
		ctx, cancel := context.WithTimeout(l.life, limit)
		defer cancel()
		then := f(ctx)
		if then == nil {
			return
		}
		_ = l.do(l.life, func() {
			if t.link == l && t.generation == generation {
				then()
			}
		})
	})
}

// askOnce coalesces requests: at most one for each purpose is in flight, and at most one more, the latest, is queued behind it.
func (t *tracker) askOnce(p purpose, limit time.Duration, f func(ctx context.Context) (then func())) {
	if t.queueBehind(p, func() { t.askOnce(p, limit, f) }) {
		return
	}
	t.requests[p] = nil
	t.ask(limit, func(ctx context.Context) func() {
		then := f(ctx)
		return func() {
			if then != nil {
				then()
			}
			next := t.requests[p] // nil, too, if that was the end of the room
			delete(t.requests, p)
			if next != nil {
				next()
			}
		}
	})
}

// queueBehind makes next follow the request in flight with that purpose. It is false if there is none.
func (t *tracker) queueBehind(p purpose, next func()) bool {
	_, inFlight := t.requests[p]
	if inFlight {
		t.requests[p] = next
	}
	return inFlight
}

// cancelAll stops all timers, and makes the room forget the requests in flight.
func (t *tracker) cancelAll() {
	for p := range t.timers {
		t.stopTimer(p)
	}
	clear(t.requests)
	if t.cancelResync != nil {
		t.cancelResync()
		t.cancelResync = nil
	}
	t.generation++
}

// retryDelay is the pause before something is read again that could not be read.
const retryDelay = 10 * time.Second

// retryLater reads something again after a transient error, unless a timer does so anyway.
func (t *tracker) retryLater(p purpose, err error, read func()) {
	if isTransient(err) && !t.timerRuns(p) {
		t.startTimer(p, retryDelay, read)
	}
}

// isTransient reports whether what could not be read may be readable soon: after an error of the network or a host, or an answer that
// makes no sense. A refusal by QueUp is permanent; so is a missing or rejected login.
func isTransient(err error) bool {
	if err == nil || errors.Is(err, ErrClosed) || errors.Is(err, ErrNotLoggedIn) || errors.Is(err, ErrUnauthorized) {
		return false
	}
	answer, ok := errors.AsType[*APIError](err)
	return !ok || answer.foreign || unreadable(err) || answer.Status >= http.StatusInternalServerError || answer.Status == http.StatusTooManyRequests
}
