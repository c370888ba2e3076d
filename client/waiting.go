package client

import (
	"context"
	"strings"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// waiting are the messages of a room that wait, while something is read that they need.
type waiting struct {
	level    level
	since    time.Time // when the oldest of them came
	turn     int       // counts holds, so that who releases can tell whether the hold is still the same
	messages []held
	size     int // of their data, in bytes
}

// held is a message that waits, or what one tells of someone's presence.
type held struct {
	event realtime.Event
	old   bool // it may be older than the state
}

// level says which messages wait.
type level int

const (
	none       level = iota
	ofPlaying        // those about what plays
	allButChat       // all but what is said
	all
)

const (
	// maxHold is how long all messages of a room wait at most, and what is said in it ever waits.
	maxHold = 2 * time.Second
	// maxHeld bounds how many wait.
	maxHeld = 4096
	// maxHeldSize bounds the bytes of those that wait.
	maxHeldSize = 16 << 20
)

// takes reports whether a message has to wait.
func (w *waiting) takes(e realtime.Event) bool {
	switch w.level {
	case all:
		return true
	case allButChat:
		m, _ := e.(realtime.Message)
		return m.Name != "chat-message"
	case ofPlaying:
		m, _ := e.(realtime.Message)
		return m.Name == "chat-skip" || strings.HasPrefix(m.Name, "room_playlist-")
	default:
		return false
	}
}

// receive takes the next message of the room's channel, or what it tells of someone's presence: it waits, or is applied.
func (r *Room) receive(e realtime.Event) {
	w := &r.live.waiting
	if !w.takes(e) {
		switch e := e.(type) {
		case realtime.Message:
			r.read(e)
		case realtime.Presence:
			r.applyPresence(e)
		}
		return
	}
	size := dataSize(e)
	if len(w.messages) == maxHeld || len(w.messages) > 0 && w.size+size > maxHeldSize {
		r.client.events.emit(Gap{Meta: r.meta(), From: r.client.clock.At(w.since), To: r.client.clock.Now(), What: "events that came while the room was read"})
		w.messages, w.size = nil, 0
	}
	if len(w.messages) == 0 {
		w.since = time.Now()
	}
	w.messages = append(w.messages, held{e, r.live.replay})
	w.size += size
}

func dataSize(e realtime.Event) int {
	switch e := e.(type) {
	case realtime.Message:
		return len(e.Data)
	case realtime.Presence:
		return len(e.Data)
	}
	return 0
}

// hold lets all messages wait until release is called with what it returns, or until hold is called again.
func (r *Room) hold() (turn int) {
	w := &r.live.waiting
	w.level = all
	w.turn++
	return w.turn
}

// lines returns the ids of the chat lines that wait.
func (w *waiting) lines() map[MessageID]struct{} {
	return waitingIDs(w, func(e *wire.ChatMessage) MessageID { return e.ID })
}

// plays returns the ids of the plays that events tell of which wait.
func (w *waiting) plays() map[PlayID]struct{} {
	return waitingIDs(w, func(e *wire.RoomPlaylistUpdate) PlayID { return e.Play.ID })
}

// waitingIDs returns what id finds in the events of one kind.
func waitingIDs[E wire.Event, K comparable](w *waiting, id func(E) K) map[K]struct{} {
	ids := make(map[K]struct{})
	for _, waits := range w.messages {
		m, ok := waits.event.(realtime.Message)
		if !ok {
			continue
		}
		if event, err := wire.DecodeEvent(m.Name, m.Data); err == nil {
			if e, ok := event.(E); ok {
				ids[id(e)] = struct{}{}
			}
		}
	}
	return ids
}

// release lets go what waits, in its order, except what is still to wait. It does nothing if another hold has begun
// since the one that turn is of. An event that is let go can begin another one, for those behind it.
func (r *Room) release(turn int, still level) {
	w := &r.live.waiting
	if w.turn != turn {
		return
	}
	messages, replay := w.messages, r.live.replay
	w.level, w.messages, w.size = still, nil, 0
	for _, m := range messages {
		if r.live.link == nil { // one of them was the end of the room
			return
		}
		r.live.replay = replay || m.old
		r.receive(m.event)
		r.live.replay = replay
	}
}

// alarm runs f on the connection's goroutine once d has passed, unless the alarm is called off: by another one for the
// same purpose, because the connection is lost, or because the room is over.
func (r *Room) alarm(purpose string, d time.Duration, f func()) {
	r.quiet(purpose)
	r.live.alarms[purpose] = r.live.link.after(d, func() {
		delete(r.live.alarms, purpose)
		f()
	})
}

// pending reports whether an alarm is set.
func (r *Room) pending(purpose string) bool {
	_, set := r.live.alarms[purpose]
	return set
}

// quiet calls an alarm off.
func (r *Room) quiet(purpose string) {
	if stop, set := r.live.alarms[purpose]; set {
		stop()
		delete(r.live.alarms, purpose)
	}
}

// callOff calls everything off that is due or was asked of QueUp.
func (r *Room) callOff() {
	for purpose := range r.live.alarms {
		r.quiet(purpose)
	}
	clear(r.live.asking)
	if r.live.reading != nil {
		r.live.reading()
		r.live.reading = nil
	}
	r.live.epoch++
}

// ask runs f in a goroutine of its own, for as long as limit allows, and what it returns on the connection's, unless
// that was called off meanwhile.
func (r *Room) ask(limit time.Duration, f func(ctx context.Context) (then func())) {
	l, epoch := r.live.link, r.live.epoch
	r.client.workers.Start(func() {
		ctx, cancel := context.WithTimeout(l.life, limit)
		defer cancel()
		then := f(ctx)
		if then == nil {
			return
		}
		_ = l.do(l.life, func() {
			if r.live.link == l && r.live.epoch == epoch {
				then()
			}
		})
	})
}

// askInTurn is ask for what may be wanted many times in a short while: of those with the same purpose one is under way,
// and the latest that was wanted meanwhile follows.
func (r *Room) askInTurn(purpose string, limit time.Duration, f func(ctx context.Context) (then func())) {
	if r.busy(purpose, func() { r.askInTurn(purpose, limit, f) }) {
		return
	}
	r.live.asking[purpose] = nil
	r.ask(limit, func(ctx context.Context) func() {
		then := f(ctx)
		return func() {
			if then != nil {
				then()
			}
			next := r.live.asking[purpose] // nil, too, if that was the end of the room
			delete(r.live.asking, purpose)
			if next != nil {
				next()
			}
		}
	})
}

// busy reports whether something with that purpose is under way. Then again is what follows it.
func (r *Room) busy(purpose string, again func()) bool {
	_, is := r.live.asking[purpose]
	if is {
		r.live.asking[purpose] = again
	}
	return is
}
