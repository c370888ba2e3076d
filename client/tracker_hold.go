package client

import (
	"strings"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// waiting are the messages of a room that wait, while something is read that they need.
type waiting struct {
	level    holdLevel
	since    time.Time // when the oldest of them came
	holdID   int       // counts holds, so that who releases can tell whether the hold is still the same
	messages []held
	size     int // of their data, in bytes
}

// held is a message that waits, or what one tells of someone's presence.
type held struct {
	event realtime.Event
	stale bool // it may be older than the state
}

// holdLevel says which messages wait.
type holdLevel int

const (
	holdNone       holdLevel = iota
	holdPlayback             // those about what plays
	holdAllButChat           // all but what is said
	holdAll
)

const (
	// maxHold is how long all messages of a room wait at most, and what is said in it ever waits.
	maxHold = 2 * time.Second
	// maxHeld bounds how many wait.
	maxHeld = 4096
	// maxHeldSize bounds the bytes of those that wait.
	maxHeldSize = 16 << 20
)

// receive takes the next message of the room's channel, or what it tells of someone's presence: it waits, or is applied.
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

// holds reports whether a message has to wait.
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

// hold lets all messages wait until release is called with what it returns, or until hold is called again.
func (t *tracker) hold() (turn int) {
	w := &t.waiting
	w.level = holdAll
	w.holdID++
	return w.holdID
}

// holdFor is hold for a reading that may take longer than what is said in the room can wait.
func (t *tracker) holdFor(patience time.Duration) (turn int) {
	turn = t.hold()
	if patience > maxHold {
		t.startTimer(forChat, maxHold, func() {
			if t.waiting.level == holdAll {
				t.release(turn, holdAllButChat)
			}
		})
	}
	return turn
}

// release lets go what waits, in its order, except what is still to wait. It does nothing if another hold has begun
// since the one that turn is of. An event that is let go can begin another one, for those behind it.
func (t *tracker) release(turn int, still holdLevel) {
	w := &t.waiting
	if w.holdID != turn {
		return
	}
	messages, replay := w.messages, t.stale
	w.level, w.messages, w.size = still, nil, 0
	for _, m := range messages {
		if t.link == nil { // one of them was the end of the room
			return
		}
		t.stale = replay || m.stale
		t.receive(m.event)
		t.stale = replay
	}
}

// releaseStale is release for messages that may be older than the state that was read while they waited: what the state has
// already is not told again.
func (t *tracker) releaseStale(hold int, still holdLevel) {
	t.stale = true
	t.release(hold, still)
	t.stale = false
}

// linkLost is about a lost connection: nothing that was due or asked for is wanted any more, because all will be read again.
// What waits is told now, because the state that will be read is newer; but what plays the history will tell, in order.
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
