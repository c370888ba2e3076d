package cassettes

import (
	"encoding/json"
	"time"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/saturate"
	"github.com/queup-go/queup/realtime"
)

// A program that leaves a room and closes at once says goodbye to the room's channel: it leaves presence, then detaches. How
// much of that is sent before the connection is closed is chance, when it is recorded and when it is played. So what a
// recording has of a goodbye need not be sent before Close. A goodbye that it does not have is taken once the program has
// sent all else on that channel.

// goodbye reports whether a frame of the program says goodbye to a channel. See docs/PROTOCOL.md 5.3.
func goodbye(m cassette.Message, frame []byte) bool {
	switch realtime.Action(m.Action) {
	case realtime.ActionDetach:
		return m.Channel != ""
	case realtime.ActionPresence:
		var f struct {
			Presence struct {
				Action *realtime.PresenceAction `json:"action"`
			} `json:"presence"`
		}
		if len(frame) == 0 || json.Unmarshal(frame[1:], &f) != nil || f.Presence.Action == nil {
			return false
		}
		return m.Channel != "" && *f.Presence.Action == realtime.PresenceLeave
	}
	return false
}

// takesGoodbye reports whether a goodbye that the recording does not have may be sent: the program has sent everything else
// that was recorded on this channel. A detach is answered, because a program waits for that. The caller holds playback.mu.
func (pl *player) takesGoodbye(m cassette.Message, frame []byte) bool {
	if !goodbye(m, frame) {
		return false
	}
	spoke := false
	for _, s := range pl.line.steps {
		if s.Dir != cassette.Out || s.free || s.msg.Channel != m.Channel {
			continue
		}
		if !s.done && !s.goodbye {
			return false
		}
		spoke = true
	}
	if spoke && realtime.Action(m.Action) == realtime.ActionDetach && m.ReqID != "" {
		answer, err := json.Marshal(map[string]any{"action": realtime.ActionDetached, "channel": m.Channel, "reqId": m.ReqID})
		if err != nil {
			return false // texts and a number always have a JSON form
		}
		pl.answers = append(pl.answers, append([]byte{'4'}, answer...))
	}
	return spoke
}

// skipGoodbyes marks what was not sent of goodbyes as played. The caller holds playback.mu.
func (pl *player) skipGoodbyes() {
	for _, s := range pl.line.steps {
		s.done = s.done || s.goodbye
	}
}

// closingTime is, for the pace Speed, how long before the program closed a frame came that it need not wait for when it closes again.
const closingTime = 2 * time.Second

// closing reports whether a step came right before the program closed the connection.
func (l *line) closing(s *step) bool {
	last := l.steps[len(l.steps)-1]
	return last.Op == cassette.OpClose && last.Dir == cassette.Out && saturate.Times(saturate.Sub(last.At, s.At), time.Millisecond) <= closingTime
}

// graceTime is how long events wait for a frame that the program had sent before them on another channel. An event may make the
// program close before it has sent that frame. But the program may also send it later, so the events do not wait for ever.
const graceTime = time.Second

// grace returns how long events still wait for a frame of another channel. The caller holds playback.mu.
func (s *step) grace() time.Duration {
	if s.late.IsZero() {
		s.late = time.Now()
	}
	return graceTime - time.Since(s.late)
}
