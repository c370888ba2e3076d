package client

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queup-go/queup/client/internal/tasks"
)

// hub delivers events to subscriptions. The list of subscriptions is replaced, never edited, so that no lock is held while
// events are delivered.
type hub struct {
	workers *tasks.Group                         // run the handlers; immutable
	report  func(ctx context.Context, err error) // receives the errors of handlers; immutable

	mu     sync.Mutex // serialises add, remove and close
	byType atomic.Pointer[map[reflect.Type][]*subscription]
	closed bool                       // guarded by mu
	ended  map[*subscription]struct{} // guarded by mu: those that have ended while their handler was running, until it returns
}

// emit offers an event to every subscription to its type.
func (h *hub) emit(e Event) {
	hookEvent(e)
	byType := h.byType.Load()
	if byType == nil {
		return
	}
	room := e.EventMeta().Room
	for _, sub := range (*byType)[reflect.TypeOf(e)] {
		if sub.room == nil || sub.room == room {
			sub.offer(e)
		}
	}
}

func (h *hub) add(sub *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		_ = sub.close() // nobody is left to receive a Lagged
		return
	}
	h.edit(func(byType map[reflect.Type][]*subscription) {
		for _, t := range sub.types {
			byType[t] = append(slices.Clip(byType[t]), sub)
		}
	})
}

func (h *hub) remove(sub *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.edit(func(byType map[reflect.Type][]*subscription) {
		for _, t := range sub.types {
			byType[t] = slices.DeleteFunc(slices.Clone(byType[t]), func(s *subscription) bool { return s == sub })
		}
	})
}

// edit stores a changed copy of the list. mu is held.
func (h *hub) edit(change func(map[reflect.Type][]*subscription)) {
	byType := make(map[reflect.Type][]*subscription)
	if old := h.byType.Load(); old != nil {
		byType = maps.Clone(*old)
	}
	change(byType)
	h.byType.Store(&byType)
}

// close ends all subscriptions, also those added later.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	byType := h.byType.Swap(nil)
	h.mu.Unlock()
	if byType == nil {
		return
	}
	for _, subs := range *byType {
		for _, sub := range subs {
			_ = sub.close() // nobody is left to receive a Lagged
			h.noteEnd(sub)
		}
	}
}

// noteEnd remembers a subscription that has ended as long as its handler is running.
func (h *hub) noteEnd(sub *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !sub.isWorking() {
		return
	}
	if h.ended == nil {
		h.ended = make(map[*subscription]struct{})
	}
	h.ended[sub] = struct{}{}
}

// noteReturn forgets a subscription that has ended: its handler has returned.
func (h *hub) noteReturn(sub *subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.ended, sub)
}

// running returns the subscriptions that have ended and whose handlers are still running.
func (h *hub) running() []*subscription {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.SortedFunc(maps.Keys(h.ended), func(a, b *subscription) int { return cmp.Compare(a.event, b.event) })
}

// subscription is one listener with its queue of events.
type subscription struct {
	hub    *hub
	types  []reflect.Type // that it receives
	room   *Room          // nil for all rooms
	name   string         // of the type, for errors
	event  string         // the type with its package
	code   uintptr        // of the handler; 0 for Stream and Next
	limit  int            // of the queue
	full   FullPolicy
	quiet  bool                                     // it receives Lagged, so its own overflow is not reported
	handle func(ctx context.Context, e Event) error // nil for Stream and Next
	ready  chan struct{}                            // for Stream and Next: an event waits, or the subscription has ended

	mu      sync.Mutex
	space   sync.Cond   // of mu: signalled when an event was taken or the subscription ended
	queue   ring        // guarded by mu
	working bool        // guarded by mu: a goroutine runs the handler
	closed  bool        // guarded by mu
	dropped int         // guarded by mu: in this episode, which ends when the queue is half empty again
	since   time.Time   // guarded by mu: when the episode began
	release func() bool // guarded by mu: for Stream, detaches it from its context; nil once that is done
}

func newSubscription[E Event](c *Client, room *Room) *subscription {
	t := reflect.TypeFor[E]()
	s := &subscription{
		hub:   c.events,
		types: typesOf(t),
		room:  room,
		name:  t.Name(),
		event: t.String(),
		limit: c.config.queue,
		full:  c.config.full,
	}
	s.quiet = slices.Contains(s.types, reflect.TypeFor[Lagged]())
	s.space.L = &s.mu
	return s
}

// offer adds an event to the queue and makes sure that someone receives it.
func (s *subscription) offer(e Event) {
	s.mu.Lock()
	for s.full == Block && s.queue.len() == s.limit && !s.closed {
		s.space.Wait()
	}
	if s.closed {
		s.mu.Unlock()
		return
	}
	var lag *Lagged
	if s.queue.len() == s.limit {
		s.queue.pop()
		if s.dropped++; s.dropped == 1 {
			s.since = time.Now()
		}
		if time.Since(s.since) >= maxEpisode {
			lag = s.endEpisode()
		}
	}
	s.queue.push(e)
	start := s.handle != nil && !s.working
	s.working = s.working || start
	s.mu.Unlock()
	if lag != nil { // in a goroutine, because the error handler is user code
		s.hub.workers.Start(func() { s.emitLag(lag) })
	}
	switch {
	case start:
		s.startWork()
	case s.ready != nil:
		s.wake()
	}
}

// wake makes Stream or Next look at the queue again.
func (s *subscription) wake() {
	select {
	case s.ready <- struct{}{}:
	default: // a signal is pending already
	}
}

// pop returns the oldest waiting event. If the queue is empty, the goroutine that runs the handler may end.
func (s *subscription) pop() (e Event, ok bool) {
	s.mu.Lock()
	if s.closed || s.queue.len() == 0 {
		closed := s.closed
		s.working = false
		s.mu.Unlock()
		if closed {
			s.hub.noteReturn(s)
		}
		return nil, false
	}
	e = s.queue.pop()
	s.space.Signal()
	var lag *Lagged
	if s.queue.len() <= s.limit/2 {
		lag = s.endEpisode()
	}
	s.mu.Unlock()
	s.emitLag(lag)
	return e, true
}

// maxEpisode is how long a loss of events stays unreported if a handler neither catches up nor returns.
const maxEpisode = 30 * time.Second

// endEpisode returns the loss of events since the queue overflowed, nil if there was none. mu is held.
func (s *subscription) endEpisode() *Lagged {
	if s.dropped == 0 {
		return nil
	}
	lag := &Lagged{Meta: newMeta(), Type: s.name, Dropped: s.dropped, Since: s.since}
	s.dropped = 0
	return lag
}

// emitLag reports lost events, unless it was Lagged itself that got lost.
func (s *subscription) emitLag(lag *Lagged) {
	if lag == nil || s.quiet {
		return
	}
	s.hub.emit(*lag)
	s.hub.report(s.hub.workers.Context(), *lag)
}

// startWork runs work in a goroutine, unless the client has been closed.
func (s *subscription) startWork() {
	if s.hub.workers.Start(s.work) {
		return
	}
	s.mu.Lock()
	s.working = false
	s.mu.Unlock()
	s.hub.noteReturn(s)
}

// work runs the handler until the queue is empty. There is at most one such goroutine per subscription, and none for an
// idle one.
func (s *subscription) work() {
	done := false
	defer func() {
		if !done { // the handler called runtime.Goexit, as t.FailNow does: the next event gets a new goroutine
			s.startWork()
		}
	}()
	for {
		e, ok := s.pop()
		if !ok {
			done = true
			return
		}
		s.run(e)
	}
}

// run calls the handler. A panic ends that call alone.
func (s *subscription) run(e Event) {
	ctx := s.hub.workers.Context()
	defer func() {
		if v := recover(); v != nil {
			s.hub.report(ctx, &PanicError{Event: eventType(e), Value: v, Stack: debug.Stack()})
		}
	}()
	if err := s.handle(ctx, e); err != nil && !errors.Is(err, ErrClosed) {
		s.hub.report(ctx, &HandlerError{Event: eventType(e), Err: err})
	}
}

// eventType returns the name of an event's Go type.
func eventType(e Event) string { return reflect.TypeOf(e).Name() }

// next waits for an event.
func (s *subscription) next(ctx context.Context) (Event, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if e, ok := s.pop(); ok {
			return e, nil
		}
		if s.isClosed() {
			return nil, ErrClosed
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
		}
	}
}

// isWorking reports whether a goroutine runs the handler.
func (s *subscription) isWorking() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.working
}

func (s *subscription) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// onEnd sets a function that is called when the subscription ends. It stops a context that outlives the client from keeping
// the client in memory.
func (s *subscription) onEnd(stop func() bool) {
	s.mu.Lock()
	closed := s.closed
	s.release = stop
	s.mu.Unlock()
	if closed { // meanwhile
		stop()
	}
}

// cancel ends the subscription and returns at once. Any goroutine may call it.
func (s *subscription) cancel() {
	s.hub.remove(s)
	lag := s.close()
	s.hub.noteEnd(s)
	if lag != nil {
		s.hub.workers.Start(func() { s.emitLag(lag) })
	}
}

// close ends the subscription and returns the loss that is not reported yet. No event can get lost after that.
func (s *subscription) close() *Lagged {
	s.mu.Lock()
	lag, stop := s.endEpisode(), s.release
	s.closed = true
	s.queue = ring{}
	s.release = nil
	s.space.Broadcast()
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
	if s.ready != nil {
		s.wake()
	}
	return lag
}

// ring is a queue that grows to the size it needs and never shrinks.
type ring struct {
	events []Event
	first  int
	count  int
}

func (r *ring) len() int { return r.count }

func (r *ring) push(e Event) {
	if r.count == len(r.events) {
		grown := make([]Event, max(8, 2*len(r.events)))
		n := copy(grown, r.events[r.first:])
		copy(grown[n:], r.events[:r.first])
		r.events, r.first = grown, 0
	}
	r.events[(r.first+r.count)%len(r.events)] = e
	r.count++
}

func (r *ring) pop() Event {
	e := r.events[r.first]
	r.events[r.first] = nil
	r.first = (r.first + 1) % len(r.events)
	r.count--
	return e
}
