package client

import (
	"strings"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// waiting holds a room's messages back while state that they depend on is being read.
type waiting struct {
	level    holdLevel
	since    time.Time // when the oldest held message arrived
	holdID   int       // counts holds, so that a release of an earlier hold does nothing
	messages []held    // in the order of their arrival
	size     int       // bytes of their data
}

// held is a message or a presence update that is held back.
type held struct {
	event realtime.Event
	stale bool // it may be older than the state
}

// A holdLevel says which messages of a room are held. A hold begins with [tracker.hold] and gets an id; these are its transitions:
//
//	from          to            when                                                        released
//	------------  ------------  ----------------------------------------------------------  -------------------------------
//	none          all           a join attaches the channel (attach)                        -
//	all           none          the join has loaded the state (loadFirst)                   all, as stale
//	none          all           a song that begins is incomplete (startPlayWhenComplete)    -
//	all           none          its lookup has ended, or maxHold has passed                 all
//	any           all           the link is lost, the room is joined (linkLost)             all but playback; that is dropped
//	any           all           the link is lost, the room is being joined (linkLost)       nothing; all are dropped
//	all           playback      the resync gets no slot within maxHold/2 (acquireSlot)      all but playback
//	all, no chat  playback      a try of the resync has failed (run)                        all but playback
//	playback      all           the slot is free, or the next try begins (holdFor)          -
//	all           no chat       this try takes longer than maxHold (holdFor)                chat
//	all, no chat  none          a try has read the state and the missed plays (finish)      all, as stale
//	all, no chat  playback      a try has read the state, not yet the plays (attempt)       all but playback, as stale
//	playback      none          the missed plays are read or given up (finish)              all, as stale
//	any           none          the room is closed (close)                                  nothing; all are dropped
//
// The first try of a resync runs under the hold of the lost link and has maxHold from the beginning of the resync. If that fails or no
// slot was free in time, each later try begins a hold of its own. A join holds all messages for as long as it takes. A stale message does
// not emit what the state has already. If a released message begins another hold, the messages behind it are held again.
type holdLevel int

const (
	holdNone       holdLevel = iota
	holdPlayback             // "playback": song changes, votes, grabs, skips and changes of the queue
	holdAllButChat           // "no chat": all but chat lines
	holdAll                  // "all"
)

const (
	// maxHold is the longest time that a song lookup or a resync holds chat lines. Only a join may hold them for longer.
	maxHold = 2 * time.Second
	// maxHeld bounds the number of held messages.
	maxHeld = 4096
	// maxHeldSize bounds the bytes of held messages.
	maxHeldSize = 16 << 20
)

// receive applies the next message or presence update of the room's channel, or holds it. If there are too many to hold, it drops those
// that are held and emits a Gap.
func (t *tracker) receive(e realtime.Event) {
	w := &t.waiting
	if !w.holds(e) {
		switch e := e.(type) {
		case realtime.Message:
			t.read(e)
		case realtime.Presence:
			t.applyPresence(e)
		}
		return
	}
	size := dataSize(e)
	if len(w.messages) == maxHeld || len(w.messages) > 0 && w.size+size > maxHeldSize {
		t.client.events.emit(Gap{Meta: t.newMeta(), From: t.client.clock.At(w.since), To: t.client.clock.Now(), What: "events that came while the room was read"})
		w.messages, w.size = nil, 0
	}
	if len(w.messages) == 0 {
		w.since = time.Now()
	}
	w.messages = append(w.messages, held{e, t.stale})
	w.size += size
}

// holds reports whether the level holds a message.
func (w *waiting) holds(e realtime.Event) bool {
	switch w.level {
	case holdAll:
		return true
	case holdAllButChat:
		m, _ := e.(realtime.Message)
		return m.Name != "chat-message"
	case holdPlayback:
		m, _ := e.(realtime.Message)
		return m.Name == "chat-skip" || strings.HasPrefix(m.Name, "room_playlist-")
	default:
		return false
	}
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

// hold begins to hold all messages and returns the id of the hold, for release. The next call of hold replaces it.
func (t *tracker) hold() (id int) {
	w := &t.waiting
	w.level = holdAll
	w.holdID++
	return w.holdID
}

// holdFor is hold for a read that may take as long as patience. If that is longer than maxHold, chat is released after maxHold.
func (t *tracker) holdFor(patience time.Duration) (id int) {
	id = t.hold()
	if patience > maxHold {
		t.startTimer(forChat, maxHold, func() {
			if t.waiting.level == holdAll {
				t.release(id, holdAllButChat)
			}
		})
	}
	return id
}

// release applies held messages in order, except those that the new level still holds. It does nothing if another hold has begun since
// the one with that id. A released message may begin another hold, which then holds the messages behind it.
func (t *tracker) release(id int, level holdLevel) {
	w := &t.waiting
	if w.holdID != id {
		return
	}
	messages, replay := w.messages, t.stale
	w.level, w.messages, w.size = level, nil, 0
	for _, m := range messages {
		if t.link == nil { // one of them has closed the room
			return
		}
		t.stale = replay || m.stale
		t.receive(m.event)
		t.stale = replay
	}
}

// releaseStale is release for messages that may be older than the state that was read meanwhile. They do not emit what the state has
// already.
func (t *tracker) releaseStale(id int, level holdLevel) {
	t.stale = true
	t.release(id, level)
	t.stale = false
}

// linkLost prepares the room for a resync after a lost connection: it cancels timers and requests and holds all messages that follow. The
// messages held so far are applied now, because the state that will be read is newer. Those about playback are dropped: the missed
// plays are read from the history, in order. In a room that is being joined, all held messages are dropped.
func (t *tracker) linkLost(complete time.Time) {
	if t.room.Joined() {
		t.release(t.waiting.holdID, holdPlayback)
	}
	t.waiting.messages, t.waiting.size = nil, 0
	t.cancelAll()
	t.hold()
	t.lost, t.detached = true, false
	t.room.chatLog.linkLost(complete)
	clear(t.presence)
}

// lines returns the ids of the held chat lines.
func (w *waiting) lines() map[MessageID]struct{} {
	return waitingIDs(w, func(e *wire.ChatMessage) MessageID { return e.ID })
}

// plays returns the ids of the plays that held events announce.
func (w *waiting) plays() map[PlayID]struct{} {
	return waitingIDs(w, func(e *wire.RoomPlaylistUpdate) PlayID { return e.Play.ID })
}

// waitingIDs returns the ids of the held events of one type.
func waitingIDs[E wire.Event, K comparable](w *waiting, id func(E) K) map[K]struct{} {
	ids := make(map[K]struct{})
	for _, h := range w.messages {
		m, ok := h.event.(realtime.Message)
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
