package queuptest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/queup-go/queup/realtime"
)

// receive answers one websocket frame. It says whether it was a ping, and whether the link goes on.
func (l *link) receive(data []byte) (pinged, goOn bool) {
	p, err := realtime.ParsePacket(data)
	if err != nil {
		l.refuse(realtime.Frame{}, "malformed packet")
		return false, true
	}
	switch p.Type {
	case realtime.PacketPing:
		l.send(newPacket(realtime.PacketPong, p.Data))
		return true, true
	case realtime.PacketClose:
		return false, false
	case realtime.PacketMessage:
		f, err := realtime.ParseFrame(p.Data)
		if err != nil {
			l.refuse(realtime.Frame{}, "malformed message")
		} else {
			l.act(f)
		}
	case realtime.PacketNoop, realtime.PacketUpgrade:
	default:
		l.refuse(realtime.Frame{}, "unexpected packet "+p.Type.String())
	}
	return false, true
}

// act answers one message of a client, see docs/PROTOCOL.md 5.3.
func (l *link) act(f realtime.Frame) {
	s := l.s.state
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Action {
	case realtime.ActionHeartbeat:
		l.answer(realtime.Frame{Action: realtime.ActionHeartbeat}, f)
	case realtime.ActionAttach:
		problem := s.mayAttach(l.identity, f.Channel)
		if s.bad.refused[f.Channel] > 0 {
			problem = "not now"
		}
		if problem != "" {
			l.refuse(f, problem)
			return
		}
		s.attach(l, f.Channel)
		l.answer(l.named(realtime.ActionAttached, f.Channel), f)
	case realtime.ActionDetach:
		if !l.attached[f.Channel] {
			l.refuse(f, "not attached to the channel")
			return
		}
		s.detach(l, f.Channel)
		l.answer(l.named(realtime.ActionDetached, f.Channel), f)
	case realtime.ActionPresence:
		s.presence(l, f)
	case realtime.ActionToken:
		token, clientID := s.newToken(l.identity.account, s.now())
		l.answer(realtime.Frame{Action: realtime.ActionToken, Token: token, ClientID: clientID}, f)
	case realtime.ActionMessage:
		// The library has a call for it, but events come from the service alone.
		l.refuse(f, "publishing is not allowed")
	default:
		l.refuse(f, fmt.Sprintf("unknown action %d", f.Action))
	}
}

// named makes an answer that names the client.
func (l *link) named(action realtime.Action, channel string) realtime.Frame {
	return realtime.Frame{Action: action, Channel: channel, ClientID: l.identity.clientID, ConnectionID: l.id}
}

// answer sends f in answer to request.
func (l *link) answer(f, request realtime.Frame) {
	f.ReqID = request.ReqID
	l.send(newOutgoing(f))
}

// refuse answers a request with an error.
func (l *link) refuse(request realtime.Frame, text string) {
	l.answer(realtime.Frame{Action: realtime.ActionError, Channel: request.Channel, Error: text}, request)
}

// mayAttach says why somebody may not hear a channel; nothing if it may. Rooms are open to all, also to guests. The events of
// an account are its own: clients that attach to another's (docs/PROTOCOL.md 5.4) hear nothing there anyway.
func (s *state) mayAttach(who identity, channel string) (problem string) {
	kind, id, _ := strings.Cut(channel, ":")
	switch {
	case channel == "":
		return "channel is required"
	case kind == "room" && s.room(id) != nil:
		return ""
	case kind == "user" && who.account != nil && id == string(who.account.id):
		return ""
	case kind == "user":
		return "not your channel"
	}
	return "unknown channel"
}

func (s *state) attach(l *link, channel string) {
	if s.channels[channel] == nil {
		s.channels[channel] = map[*link]struct{}{}
	}
	s.channels[channel][l] = struct{}{}
	l.attached[channel] = true
}

func (s *state) detach(l *link, channel string) {
	delete(l.attached, channel)
	delete(s.channels[channel], l)
	if len(s.channels[channel]) == 0 {
		delete(s.channels, channel)
	}
}

// presence tells a channel that someone comes, goes or changes. To leave one need not be attached: clients detach first
// (docs/PROTOCOL.md 5.5).
func (s *state) presence(l *link, f realtime.Frame) {
	body := realtime.PresenceBody{}
	if f.Presence != nil {
		body = realtime.PresenceBody{Action: f.Presence.Action, Data: f.Presence.Data}
	}
	body.ClientID, body.ConnectionID = l.identity.clientID, l.id
	switch body.Action {
	case realtime.PresenceEnter, realtime.PresenceUpdate:
		if !l.attached[f.Channel] {
			l.refuse(f, "not attached to the channel")
			return
		}
		l.present[f.Channel] = &body
	case realtime.PresenceLeave:
		if l.present[f.Channel] == nil {
			// Nobody else hears of it, and it is no error: one client leaves whenever it detaches, and an error is the end of
			// it (docs/PROTOCOL.md 5.8).
			l.answer(realtime.Frame{Action: realtime.ActionPresence, Channel: f.Channel, Presence: &body}, f)
			return
		}
		delete(l.present, f.Channel)
	default:
		l.refuse(f, fmt.Sprintf("unknown presence action %d", body.Action))
		return
	}
	// The sender's copy is the answer to the request, the others' are news.
	news := newOutgoing(realtime.Frame{Action: realtime.ActionPresence, Channel: f.Channel, Presence: &body})
	for other := range s.channels[f.Channel] {
		if other != l {
			other.send(news)
		}
	}
	if body.Action == realtime.PresenceLeave {
		s.disappeared(l.identity, f.Channel)
	} else {
		s.appeared(l.identity, f.Channel, s.now())
	}
	l.answer(realtime.Frame{Action: realtime.ActionPresence, Channel: f.Channel, Presence: &body}, f)
}

// presenceLeft tells a channel that a link with presence in it is gone.
func (s *state) presenceLeft(l *link, channel string) {
	delete(l.present, channel)
	s.broadcast(channel, realtime.Frame{
		Action:  realtime.ActionPresence,
		Channel: channel,
		Presence: &realtime.PresenceBody{
			Action: realtime.PresenceLeave, ClientID: l.identity.clientID, ConnectionID: l.id,
			Data: json.RawMessage(`{}`),
		},
	})
	s.disappeared(l.identity, channel)
}
