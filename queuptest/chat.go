package queuptest

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

const (
	// maxRecent is how many entries the history of a chat has: an assumption.
	maxRecent = 100
	// slowInterval is how long one waits between two lines in slow mode: an assumption.
	slowInterval = 10 * time.Second
	// quotaWait is how long one waits when the chat quota is used up.
	quotaWait = 10 * time.Minute
)

// The chat quota unless [ChatQuota] says otherwise: an assumption, and one that a busy bot does not notice.
const (
	defaultQuotaLines = 100
	defaultQuotaTime  = 30 * time.Second
)

const (
	textMuted  = "You are muted in this room"
	textGuests = "Members without a role may not chat in this room"
)

// remember puts an event into the history of the chat.
func (r *room) remember(e wire.Event) {
	if len(r.recent) >= maxRecent {
		r.recent[0] = nil
		r.recent = r.recent[1:]
	}
	r.recent = append(r.recent, e)
}

// mayChat refuses who may not chat at all.
func (r *room) mayChat(m *member) error {
	switch {
	case m.muted:
		return errorE1(http.StatusUnauthorized, textMuted)
	case !r.can(m, permChat):
		return errorE1(http.StatusUnauthorized, textNoRight)
	case !r.guestsChat && m.account != r.owner && !m.hasRole() && m.role != roleMember:
		return errorE1(http.StatusUnauthorized, textGuests)
	}
	return nil
}

// mayChatNow refuses who must wait: in slow mode, or because the quota is used up. If it does not, the line counts.
func (r *room) mayChatNow(m *member, now time.Time) error {
	if r.slow && !r.can(m, permSlowModeBypass) && len(m.said) > 0 {
		if wait := m.said[len(m.said)-1].Add(slowInterval).Sub(now); wait > 0 {
			return tooSoon(strconv.Itoa(seconds(wait)) + " secs")
		}
	}
	if wait := m.quietUntil.Sub(now); wait > 0 {
		return tooSoon(strconv.Itoa((seconds(wait)+59)/60) + " mins")
	}
	for len(m.said) > 0 && !m.said[0].After(now.Add(-r.quotaTime)) && len(m.said) > 1 { // the last one stays, for the slow mode
		m.said = m.said[1:]
	}
	recent := len(m.said)
	if recent > 0 && !m.said[0].After(now.Add(-r.quotaTime)) {
		recent--
	}
	if recent >= r.quotaLines {
		m.quietUntil = now.Add(quotaWait)
		return tooSoon(strconv.Itoa(seconds(quotaWait)/60) + " mins")
	}
	m.said = append(m.said, now)
	return nil
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// tooSoon is the refusal of a line. How long to wait stands in its text alone: no client of QueUp has seen a header for that.
func tooSoon(text string) error {
	return errorE2(http.StatusTooManyRequests, text)
}

// chat says a line for an account, under the rules of the room. Sent is the text with its HTML entities. The caller holds s.mu.
func (r *room) chat(a *account, sent string, now time.Time) (*message, error) {
	author := r.present(a)
	if author == nil {
		// An assumption: nobody has seen what the service answers to a line from outside the room.
		return nil, errorE1(http.StatusUnauthorized, textNotHere)
	}
	if err := r.mayChat(author); err != nil {
		return nil, err
	}
	switch {
	case strings.TrimSpace(sent) == "":
		return nil, errorE1(http.StatusBadRequest, textEmptyChat)
	case utf16Len(sent) > maxChat:
		return nil, errorE1(http.StatusBadRequest, textLongChat)
	}
	if err := r.mayChatNow(author, now); err != nil {
		return nil, err
	}
	return r.say(a, sent, now), nil
}

// ChatHistory implements GET /chat/{roomId}: the oldest first, which is an assumption.
func (h *rest) ChatHistory(_ context.Context, p queupserver.ChatHistoryParams) (out wire.ChatHistoryEnvelope, _ error) {
	r, err := h.known(p.RoomID)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	history := append(wire.ChatHistory{}, r.recent...)
	return wire.ChatHistoryEnvelope{Envelope: success, Data: history}, nil
}
