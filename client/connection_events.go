package client

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/realtime"
)

// receive takes the next thing that happened on the websocket. What a handler hears begins here.
func (l *connection) receive(event realtime.Event) {
	c := l.client
	switch e := event.(type) {
	case realtime.Message:
		c.heardEvent(e.At)
		if room, ok := l.rooms[e.Channel]; ok {
			room.receive(event)
		} else if l.mailbox.channel == e.Channel {
			l.receiveMail(e)
		}
		// Other channels have been left: what still comes from them is old. Source: docs/PROTOCOL.md 7, rule 4.
	case realtime.Connected:
		if e.Reconnected {
			l.reconnected()
		} else {
			c.events.emit(Ready{now()})
		}
	case realtime.Disconnected:
		l.disconnected(e)
	case realtime.AttachFailed:
		l.attachFailed(e)
	case realtime.Detached:
		if e.Channel == l.mailbox.channel {
			l.mailboxLost(e.At, errMailboxDetached)
		} else {
			l.lose(e.Channel, errDetachedByServer)
		}
	case realtime.Malformed:
		c.events.emit(Malformed{Meta: Meta{At: e.At, Raw: e.Raw}, Err: e.Err})
	case realtime.UnknownAction:
		c.events.emit(Unknown{Meta{At: e.At, Raw: e.Raw}})
	case realtime.ServerError:
		c.log.WarnContext(c.workers.Context(), "QueUp reports an error on the websocket", slog.String("channel", printable.Text(e.Channel)), slog.Any("error", e))
	case realtime.Presence:
		if room, ok := l.rooms[e.Channel]; ok {
			room.receive(event)
		}
	}
}

var errDetachedByServer = errors.New("queup: QueUp has detached the room")

// now is the Meta of the client's own events.
func now() Meta { return Meta{At: time.Now()} }

// disconnected tells of a lost connection. Until the rooms are loaded again, their events wait.
func (l *connection) disconnected(e realtime.Disconnected) {
	if errors.Is(e.Err, realtime.ErrClosed) { // by Logout or Close
		l.loseAll(nil)
		return
	}
	for _, room := range l.rooms {
		room.cut(e.Complete)
	}
	l.mailbox.noteLink(true)
	l.inbox.cut(e.Complete)
	l.client.events.emit(Disconnected{Meta: now(), Err: e.Err, RetryIn: e.RetryIn})
	if e.Final {
		l.loseAll(e.Err)
	}
}

// loseAll ends all rooms with the connection.
func (l *connection) loseAll(err error) {
	for channel := range l.rooms {
		l.lose(channel, err)
	}
}

// reconnected tells that the connection is back, and has each room read again what may have changed meanwhile. A room
// that is being joined is read anyway, and may have been by now.
func (l *connection) reconnected() {
	l.client.events.emit(Reconnected{now()})
	for _, room := range l.rooms {
		if room.Joined() && room.live.lost && !room.live.late {
			hold := room.live.waiting.turn
			l.client.workers.Start(func() { room.resync(l, hold) })
		}
	}
	l.mailbox.noteLink(false)
	if l.mailbox.channel != "" {
		l.client.workers.Start(l.readMissedMail)
	}
}

// attachFailed is about a channel that did not come back with the connection. One that got no answer is asked for again,
// as long as that connection lasts; then the next one will.
func (l *connection) attachFailed(e realtime.AttachFailed) {
	if e.Channel == l.mailbox.channel {
		l.mailboxLost(time.Now(), e.Err)
		return
	}
	room, ok := l.rooms[e.Channel]
	if !ok || !errors.Is(e.Err, realtime.ErrNoAnswer) {
		l.lose(e.Channel, e.Err)
		return
	}
	room.live.late = true
	hold := room.live.waiting.turn
	l.client.workers.Start(func() {
		ctx := l.life
		err := e.Err
		for errors.Is(err, realtime.ErrNoAnswer) && room.under(l, hold, func() {}) {
			err = l.conn.Attach(ctx, e.Channel)
		}
		if err != nil {
			if !errors.Is(err, realtime.ErrClosed) {
				room.under(l, hold, func() { l.lose(e.Channel, err) })
			}
			return
		}
		if !room.under(l, hold, func() { room.live.late = false }) {
			return
		}
		_ = room.appearAgain(ctx, l)
		if room.Joined() { // else the join reads it
			room.resync(l, hold)
		}
	})
}

// lose ends a room that QueUp has ended, and sees to it that nothing of it is left there.
func (l *connection) lose(channel string, err error) {
	room, ok := l.rooms[channel]
	if !ok {
		return
	}
	joined, present := room.Joined(), room.mayAct()
	l.remove(room)
	if err != nil {
		l.client.log.WarnContext(l.client.workers.Context(), "QueUp has ended a room", room.logged(), slog.Any("error", err))
	}
	if joined { // else JoinRoom says so
		l.client.events.emit(RoomLeft{Meta: room.meta(), Err: err})
	}
	l.client.workers.Start(func() {
		ctx, cancel := context.WithTimeout(l.joins, tidyTimeout)
		defer cancel()
		if room.turn.take(ctx) != nil {
			return
		}
		defer room.turn.give()
		if room.Joined() { // again
			return
		}
		if present {
			_ = room.exit(ctx)
		}
		room.vanish(ctx, l)
	})
}

// remove takes a room off the connection and reports whether it was there.
func (l *connection) remove(room *Room) bool {
	if l.rooms[room.channel()] != room {
		return false
	}
	delete(l.rooms, room.channel())
	room.close()
	return true
}
