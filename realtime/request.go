package realtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/queup-go/queup/internal/printable"
)

// call is a request that waits for its answer.
type call struct {
	reqID     string
	answer    Action // what confirms it
	channel   string
	presence  PresenceAction
	frame     []byte         // as it goes over the wire
	confirmed func(f *Frame) // nil, or run by the reader on the confirmation, before it reads the next frame
	done      chan error     // buffered; gets one value from the reader, which has removed the call from the list
}

// errLinkLost is returned by requests when the link ends before the answer. The calls of Conn retry on the next link.
var errLinkLost = errors.New("realtime: link lost")

// request sends a frame and waits for the answer, at most RequestTimeout.
func (l *link) request(ctx context.Context, f Frame, confirmed func(f *Frame)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, l.c.cfg.RequestTimeout, ErrNoAnswer)
	defer cancel()
	call := l.begin(f, confirmed)
	if err := l.send(ctx, call.frame); err != nil {
		l.withdraw(call)
		return err
	}
	return l.wait(ctx, call)
}

// begin lists a call for a request that is about to be sent. See docs/PROTOCOL.md 5.3.
func (l *link) begin(f Frame, confirmed func(f *Frame)) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	f = l.identifiedLocked(f)
	call := &call{
		reqID:     f.ReqID,
		answer:    f.Action,
		channel:   f.Channel,
		frame:     AppendFrame([]byte{byte(PacketMessage)}, f),
		confirmed: confirmed,
		done:      make(chan error, 1),
	}
	switch f.Action {
	case ActionAttach:
		call.answer = ActionAttached
	case ActionDetach:
		call.answer = ActionDetached
	case ActionPresence:
		call.presence = f.Presence.Action
	}
	l.calls = append(l.calls, call)
	return call
}

// identifiedLocked returns f with a new request id, and with the ids of this link in a presence if Config.NamePresence is set.
func (l *link) identifiedLocked(f Frame) Frame {
	l.asked++
	// QueUp's own client sends 24 random characters and the connection id. Ours count up, so that recorded conversations can be
	// compared; the connection id keeps them apart from those of other clients.
	f.ReqID = fmt.Sprintf("%024d%s", l.asked, l.connectionID)
	if f.Presence != nil && l.c.cfg.NamePresence {
		named := *f.Presence
		named.ClientID, named.ConnectionID = l.clientID, l.connectionID
		f.Presence = &named
	}
	return f
}

// notify sends a frame that has no answer.
func (l *link) notify(ctx context.Context, f Frame) error {
	ctx, cancel := context.WithTimeoutCause(ctx, l.c.cfg.RequestTimeout, ErrNotSent)
	defer cancel()
	l.mu.Lock()
	f = l.identifiedLocked(f)
	l.mu.Unlock()
	return l.send(ctx, AppendFrame([]byte{byte(PacketMessage)}, f))
}

// withdraw removes a call from the list and reports whether it was there. If so, it will not be settled any more.
func (l *link) withdraw(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.calls, c)
	if i >= 0 {
		l.calls = slices.Delete(l.calls, i, i+1)
	}
	return i >= 0
}

// wait waits for the answer to a call that was sent.
func (l *link) wait(ctx context.Context, c *call) error {
	err := errLinkLost
	select {
	case err := <-c.done:
		return err
	case <-l.ctx.Done():
	case <-ctx.Done():
		err = context.Cause(ctx)
		if l.ctx.Err() != nil {
			err = errLinkLost
		}
	}
	if !l.withdraw(c) {
		return <-c.done // the answer came at the same moment
	}
	return err
}

// settle ends the oldest call that matches with its outcome, and reports whether there was one.
func (l *link) settle(outcome error, match func(*call) bool) bool {
	l.mu.Lock()
	i := slices.IndexFunc(l.calls, match)
	if i < 0 {
		l.mu.Unlock()
		return false
	}
	c := l.calls[i]
	l.calls = slices.Delete(l.calls, i, i+1)
	l.mu.Unlock()
	if outcome == nil && c.confirmed != nil {
		c.confirmed(&l.parser.frame)
	}
	c.done <- outcome
	return true
}

// receive handles one QueUp message: it settles the call that waits for it, then delivers the event.
func (l *link) receive(data []byte) {
	if err := l.parser.parse(data); err != nil {
		l.c.stats.malformed.Add(1)
		l.deliver(Malformed{At: l.received, Raw: bytes.Clone(data), Err: err})
		return
	}
	f := &l.parser.frame
	if log := l.c.cfg.Logger; log.Enabled(l.ctx, slog.LevelDebug) {
		log.LogAttrs(l.ctx, slog.LevelDebug, "realtime frame in", slog.String("action", f.Action.String()), slog.String("channel", printable.Text(f.Channel)), slog.Int("bytes", len(data)))
	}
	switch f.Action {
	case ActionMessage:
		// Without monotonic readings, which stop while the computer is suspended.
		m := Message{At: l.received, MaxDelay: max(l.received.Round(0).Sub(l.complete.Round(0)), 0), Channel: f.Channel}
		if f.Message != nil {
			m.Name, m.Type, m.Data = f.Message.Name, f.Message.Type, f.Message.Data
		}
		l.deliver(m)
	case ActionPresence:
		p := Presence{At: l.received, Channel: f.Channel}
		if f.Presence != nil {
			p.Action, p.Data = f.Presence.Action, f.Presence.Data
			p.ClientID, p.ConnectionID = f.Presence.ClientID, f.Presence.ConnectionID
		}
		l.settle(nil, func(c *call) bool { return c.confirmedBy(f) || c.shownBy(f, p, l) })
		l.deliver(p)
	case ActionAttached, ActionToken:
		l.settle(nil, func(c *call) bool { return c.confirmedBy(f) })
	case ActionDetached:
		asked := l.settle(nil, func(c *call) bool { return c.confirmedBy(f) })
		if !asked && l.c.forget(f.Channel) {
			l.deliver(Detached{At: l.received, Channel: f.Channel})
		}
	case ActionError:
		e := l.serverError()
		l.settle(e, func(c *call) bool { return c.refusedBy(f) })
		l.deliver(e)
	case ActionHeartbeat, ActionConnected: // nothing new
	default:
		l.deliver(UnknownAction{At: l.received, Frame: l.parser.owned(), Raw: bytes.Clone(data)})
	}
}

// serverError returns the current frame as an error.
func (l *link) serverError() ServerError {
	f := &l.parser.frame
	known := &l.c.known
	for name, raw := range f.Extra {
		f.Extra[name] = known.Bytes(raw)
	}
	return ServerError{At: l.received, Text: known.Text(f.Error), ReqID: f.ReqID, Channel: f.Channel, Extra: f.Extra}
}

// confirmedBy reports whether f answers the request: by its id if the answer repeats it, else by action and channel.
func (c *call) confirmedBy(f *Frame) bool {
	if c.answer != f.Action {
		return false
	}
	if f.ReqID != "" {
		return c.reqID == f.ReqID && (f.Channel == "" || f.Channel == c.channel)
	}
	return c.channel == f.Channel && f.Action != ActionPresence
}

// shownBy reports whether f is our own presence, echoed by the server without the id of the request. The echo may name the
// client, the connection, or both. One that names neither could belong to any client.
func (c *call) shownBy(f *Frame, p Presence, l *link) bool {
	return c.answer == ActionPresence && f.ReqID == "" && c.channel == f.Channel && c.presence == p.Action &&
		p.ClientID+p.ConnectionID != "" &&
		(p.ClientID == "" || p.ClientID == l.clientID) && (p.ConnectionID == "" || p.ConnectionID == l.connectionID)
}

// refusedBy reports whether an error answers the request.
func (c *call) refusedBy(f *Frame) bool {
	if f.ReqID != "" {
		return c.reqID == f.ReqID
	}
	return f.Channel != "" && c.channel == f.Channel
}
