package client

import (
	"errors"
	"log/slog"
	"time"

	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/realtime"
)

// receive handles the next event of the websocket. It passes a message to the room or the mailbox of its channel, and emits changes of the
// connection.
func (l *connection) receive(event realtime.Event) {
	c := l.client
	switch e := event.(type) {
	case realtime.Message:
		c.recordEvent(e.At)
		if t, ok := l.rooms[e.Channel]; ok {
			t.receive(event)
		} else if l.mailbox.channel == e.Channel {
			l.receiveMail(e)
		}
		// Other channels have been left: messages that still come from them are old. Source: docs/PROTOCOL.md 7, rule 4.
	case realtime.Connected:
		if e.Reconnected {
			l.reconnected()
		} else {
			c.events.emit(Ready{newMeta()})
		}
	case realtime.Disconnected:
		l.disconnected(e)
	case realtime.AttachFailed:
		l.attachFailed(e)
	case realtime.Detached:
		if e.Channel == l.mailbox.channel {
			l.mailboxLost(e.At, errMailboxDetached)
		} else {
			l.endRoom(e.Channel, errDetachedByServer)
		}
	case realtime.Malformed:
		c.events.emit(Malformed{Meta: Meta{At: e.At, Raw: e.Raw}, Err: e.Err})
	case realtime.UnknownAction:
		c.events.emit(Unknown{Meta{At: e.At, Raw: e.Raw}})
	case realtime.ServerError:
		c.log.WarnContext(c.workers.Context(), "QueUp reports an error on the websocket", slog.String("channel", printable.Text(e.Channel)), slog.Any("error", e))
	case realtime.Presence:
		if t, ok := l.rooms[e.Channel]; ok {
			t.receive(event)
		}
	}
}

// disconnected emits Disconnected and makes the rooms hold their messages until they are loaded again. It ends the rooms if the client will
// not reconnect. After Logout or Close it only ends the rooms.
func (l *connection) disconnected(e realtime.Disconnected) {
	if errors.Is(e.Err, realtime.ErrClosed) { // by Logout or Close
		l.endRooms(nil)
		return
	}
	for _, t := range l.rooms {
		t.linkLost(e.Complete)
	}
	l.mailbox.noteLink(true)
	l.inbox.linkLost(e.Complete)
	l.logLost(e)
	l.client.events.emit(Disconnected{Meta: newMeta(), Err: e.Err, RetryIn: e.RetryIn})
	if e.Final {
		l.endRooms(e.Err)
	}
}

// endRooms ends all rooms of the connection.
func (l *connection) endRooms(err error) {
	for _, t := range l.rooms {
		t.end(err)
	}
}

// endRoom ends the room of a channel, if there is one.
func (l *connection) endRoom(channel string, err error) {
	if t, ok := l.rooms[channel]; ok {
		t.end(err)
	}
}

// reconnected emits Reconnected and starts a resync of each room. A room that is being joined needs none: the join reads it, and may have
// done so already. A detached room is read once its channel is attached.
func (l *connection) reconnected() {
	l.logBack()
	l.client.events.emit(Reconnected{newMeta()})
	for _, t := range l.rooms {
		if t.room.Joined() && t.lost && !t.detached {
			s := &resync{t.room, l, t.waiting.holdID}
			l.client.workers.Start(s.run)
		}
	}
	l.mailbox.noteLink(false)
	if l.mailbox.channel != "" {
		l.client.workers.Start(l.readMissedMail)
	}
}

// attachFailed handles a channel that did not come back with the connection. If QueUp has not answered, the channel is attached again, as
// long as the link lasts; the next link attaches it by itself. The room is read again once its channel is attached. Connected may
// arrive only after that, so detached stays set: two resyncs would share one hold, and the first would release it. If QueUp has
// refused the channel, the room ends.
func (l *connection) attachFailed(e realtime.AttachFailed) {
	if e.Channel == l.mailbox.channel {
		l.mailboxLost(time.Now(), e.Err)
		return
	}
	t, ok := l.rooms[e.Channel]
	if !ok || !errors.Is(e.Err, realtime.ErrNoAnswer) {
		l.endRoom(e.Channel, e.Err)
		return
	}
	t.detached = true
	s := &resync{t.room, l, t.waiting.holdID}
	l.client.workers.Start(func() {
		ctx := l.life
		err := e.Err
		for errors.Is(err, realtime.ErrNoAnswer) && s.do(func() {}) {
			err = l.conn.Attach(ctx, e.Channel)
		}
		if err != nil {
			if !errors.Is(err, realtime.ErrClosed) {
				s.do(func() { t.end(err) })
			}
			return
		}
		if !s.do(func() {}) {
			return
		}
		_ = t.room.restorePresence(ctx, l)
		lost := false
		if s.do(func() { lost = t.room.Joined() && t.lost }) && lost { // otherwise a join reads the room, or has read it
			s.run()
		}
	})
}
