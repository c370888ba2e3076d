package client

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/internal/redact"
)

// A tracker keeps the state of one room up to date with the events of the connection. All of its methods run on the connection's
// goroutine, so its own fields need no lock. What a bot can read of the room is guarded by the room's mu.
type tracker struct {
	room   *Room   // immutable
	client *Client // immutable; the room's

	trackerState
}

// trackerState is what reset sets back. It is apart from the fields that requests read on goroutines of their own.
type trackerState struct {
	link         *connection // that the room is attached to; nil before and after
	waiting      waiting
	timers       map[purpose]func() // calling one stops it
	requests     map[purpose]func() // in flight; the value starts the request that is queued behind, or is nil
	generation   int                // counts cancelAll and reset; results of an earlier generation are dropped
	cancelResync context.CancelFunc // ends the resync's current try; nil for none
	lost         bool               // the connection was lost since the state was read
	detached     bool               // the channel did not come back with the connection, so attachFailed starts the resync
	stale        bool               // the event being applied may be older than the state
	former       formerPlay         // the play before the current one
	ignoreBefore time.Time          // plays that began before this, by QueUp's clock, are not new

	nameless  simplelru.LRUCache[UserID, struct{}] // members whose name QueUp did not give when asked
	muted     simplelru.LRUCache[UserID, struct{}] // users known to be muted, in the room or not
	plays     simplelru.LRUCache[PlayID, struct{}] // plays that were the current one, so they are not new
	presence  map[string]map[string]struct{}       // connections of each visible user
	queueMeta *Meta                                // the latest event about the queue that no QueueUpdated was emitted for yet
}

const (
	maxMuted = 1024 // users whose mute is remembered, also after they have left
	maxPlays = 512  // plays that are known not to be new
)

func newTracker(r *Room) *tracker {
	t := &tracker{room: r, client: r.client}
	t.reset()
	return t
}

// reset clears the state and the held messages. It also ends the hold and the generation of requests.
func (t *tracker) reset() {
	t.trackerState = trackerState{
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

// attach makes t the receiver of the room's channel, and holds all messages until the room is loaded.
func (t *tracker) attach(l *connection) (hold int) {
	l.rooms[t.room.channel] = t
	t.reset()
	t.room.deleted.Purge()
	t.link = l
	return t.hold()
}

// setJoined marks the room as joined. present says that the account is a member and may act in the room.
func (t *tracker) setJoined(present bool) {
	t.client.rooms.Put(t.room.id, t.room)
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.joined, t.room.present, t.room.left = true, present, false
}

// setPassword stores the password that the room was joined with, for entering it again.
func (t *tracker) setPassword(password redact.Secret) {
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.password = password
}

// close stops the tracker and clears all room state that is only valid while the client is in the room.
func (t *tracker) close() {
	members := t.room.members.List()
	t.room.members.Replace(nil)
	for _, e := range members {
		t.client.users.leave(e.ID)
	}
	t.room.departed.Clear()
	t.cancelAll()
	t.reset()
	t.room.deleted.Purge()
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.left = t.room.left || t.room.joined
	t.room.joined, t.room.present, t.room.invisible, t.room.password = false, false, false, redact.Secret{}
	t.room.current, t.room.queue, t.room.roles = nil, nil, authority{}
}

// newMeta returns the Meta of an event that does not come from a message of QueUp's.
func (t *tracker) newMeta() Meta { return Meta{At: time.Now(), Room: t.room} }

// resyncedMeta returns the Meta of an event that a resync found to be missed.
func (t *tracker) resyncedMeta() Meta { return Meta{At: time.Now(), Room: t.room, Resynced: true} }

// isUnfit reports whether a JSON field could not be decoded: the decoder then leaves it in extra.
func isUnfit(extra map[string]json.RawMessage, name string) bool {
	_, unfit := extra[name]
	return unfit
}

// rejectUnfit emits an event as Unknown, and reports true, if the one field that matters in it is unfit.
func (t *tracker) rejectUnfit(extra map[string]json.RawMessage, name string, meta Meta) bool {
	unfit := isUnfit(extra, name)
	if unfit {
		t.client.events.emit(Unknown{meta})
	}
	return unfit
}

// A purpose is what a timer or a request of a room is for. For each there is at most one timer, and one request in flight.
type purpose string

const (
	forChat   purpose = "chat"   // release the held chat, while the rest is still held
	forCheck  purpose = "check"  // ask QueUp for the current song
	forEntry  purpose = "entry"  // enter the room again after its password has changed
	forInfo   purpose = "info"   // read the room's info again
	forNames  purpose = "names"  // look up the names of members that came with their id alone
	forQueue  purpose = "queue"  // read the queue again
	forReturn purpose = "return" // enter the room again after a user-leave for our own account that we did not cause
	forRoles  purpose = "roles"  // read the roles again
	forSong   purpose = "song"   // emit a song change although its lookup is not complete
	forUsers  purpose = "users"  // read the members again
	forVotes  purpose = "votes"  // read the votes again
)

// forExpelled is the purpose of removing a kicked or banned member if QueUp does not announce that the member leaves. Each join and
// each leave looks for it: with an id of 24 characters it fits into 32 bytes, which the compiler keeps on the stack.
func forExpelled(id UserID) purpose { return purpose("gone " + id) }

// startTimer calls f on the connection's goroutine once d has passed. It replaces the timer with the same purpose. Timers stop when the
// connection is lost and when the room is closed.
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

// mediaTimeout bounds a request with many lookups: the queue and its media, or the names of members.
const mediaTimeout = 20 * time.Second

// ask runs f on a goroutine of its own, within limit. The function that f returns then changes the room on the connection's goroutine,
// unless cancelAll was called meanwhile or the room was closed.
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
			next := t.requests[p] // also nil if then closed the room
			delete(t.requests, p)
			if next != nil {
				next()
			}
		}
	})
}

// queueBehind queues next behind the request in flight with that purpose. It reports false if there is none.
func (t *tracker) queueBehind(p purpose, next func()) bool {
	_, inFlight := t.requests[p]
	if inFlight {
		t.requests[p] = next
	}
	return inFlight
}

// cancelAll stops all timers, drops the results of the requests in flight and ends the resync's current try.
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

// retryDelay is the pause before a failed read is tried again.
const retryDelay = 10 * time.Second

// retryLater calls read again after retryDelay if the error is transient, unless a timer with that purpose will do so anyway.
func (t *tracker) retryLater(p purpose, err error, read func()) {
	if isTransient(err) && !t.timerRuns(p) {
		t.startTimer(p, retryDelay, read)
	}
}

// isTransient reports whether a failed read may succeed soon: the network or a host failed, or the answer could not be understood. A
// refusal by QueUp is permanent; so is a missing or rejected login.
func isTransient(err error) bool {
	if err == nil || errors.Is(err, ErrClosed) || errors.Is(err, ErrNotLoggedIn) || errors.Is(err, ErrUnauthorized) {
		return false
	}
	answer, ok := errors.AsType[*APIError](err)
	return !ok || answer.foreign || unreadable(err) || answer.Status >= http.StatusInternalServerError || answer.Status == http.StatusTooManyRequests
}

// formerPlay is the play before the current one.
type formerPlay struct {
	song    Song
	skipped bool      // an event has said that it was skipped
	until   time.Time // when the next play began, by our clock
}

const (
	// maxNames bounds the names in one request, so that other rooms can be read meanwhile.
	maxNames = 20
	// maxNameless bounds the members whose name was looked up in vain. At that number, lookups stop until the room is joined again.
	maxNameless = 1024
)

// logNotRead logs why a part of the room's state could not be read. It is a warning if the error is transient, so that the part is read
// again.
func (r *Room) logNotRead(ctx context.Context, part string, err error) {
	level := slog.LevelDebug
	if isTransient(err) {
		level = slog.LevelWarn
	}
	r.client.log.LogAttrs(ctx, level, "not read", slog.String("what", part), r.logged(), slog.Any("error", err))
}
