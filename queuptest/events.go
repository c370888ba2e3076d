package queuptest

import (
	"time"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/htmltext"
	"github.com/queup-go/queup/realtime"
)

// What is broadcast, and when. Everything here runs under state.mu, so that all links hear of changes in the order in which
// they happened.

// message is a line of chat.
type message struct {
	id      wire.MessageID
	author  *account
	sent    string // with the HTML entities the sender wrote
	at      time.Time
	number  uint64 // of lineCount
	deleted bool
}

// maxMessages is how many lines a room keeps.
const maxMessages = 10_000

// say stores a line and tells the room.
func (r *room) say(a *account, sent string, now time.Time) *message {
	// The id ends in milliseconds. It must differ from the author's last one, and time may stand still in a test.
	ms := max(now.UnixMilli(), r.lastMs[a.id]+1)
	if r.lastMs == nil {
		r.lastMs = map[wire.UserID]int64{}
	}
	r.lastMs[a.id] = ms
	at := time.UnixMilli(ms)
	m := &message{
		id:     wire.MessageID(string(a.id) + "-" + formatInt(ms)),
		author: a,
		sent:   sent,
		at:     at,
		number: r.lines.next(),
	}
	if len(r.messages) >= maxMessages {
		r.messages[0] = nil
		r.messages = r.messages[1:]
	}
	r.messages = append(r.messages, m)
	e := r.wireMessage(m)
	r.remember(e)
	r.emit(e)
	return m
}

// text is the line as people read it.
func (m *message) text() string { return htmltext.Decode([]byte(m.sent)) }

// deleteMessage marks a line as deleted and tells the room.
func (r *room) deleteMessage(by *account, m *message) {
	m.deleted = true
	e := &wire.DeleteChatMessage{ID: m.id, User: r.wireEventUser(by)}
	r.remember(e)
	r.emit(e)
}

// join puts an account into the room and tells the room, also if it was there already: clients have learnt to ignore that
// (docs/PROTOCOL.md 7, rule 8).
func (r *room) join(a *account, now time.Time) *member {
	m := r.member(a)
	r.expect(m)
	m.active, m.missed, m.updated = true, false, now
	w := r.wireMember(m)
	if m.role != "" {
		// With the id alone, DubAPI takes a moderator who comes back for somebody without a role (docs/PROTOCOL.md 5.8).
		w.Role = m.role.wireRole()
	}
	r.emit(&wire.UserJoin{User: r.wireEventUser(a), Member: w})
	return m
}

// leave takes a member out of the room and tells the room. The songs stay queued.
func (r *room) leave(m *member, now time.Time) {
	r.expect(m)
	m.active, m.missed, m.updated = false, false, now
	r.emit(&wire.UserLeave{User: r.wireEventUser(m.account), Room: r.wireLeft()})
}

// skip ends what plays, which must be something.
func (r *room) skip(by *account, now time.Time) {
	r.emit(&wire.ChatSkip{Username: by.name})
	r.advance(now, true)
}

// emitPlay tells the room that a song starts.
func (r *room) emitPlay() {
	r.emit(&wire.RoomPlaylistUpdate{
		Elapsed: -time.Second,
		Play:    r.wirePlay(r.playing),
		Song:    r.playing.song.wireSong(),
	})
}

// emitVote tells the room of a vote and the totals after it.
func (r *room) emitVote(a *account, up bool) {
	kind := wire.Downdub
	if up {
		kind = wire.Updub
	}
	r.emit(&wire.RoomPlaylistDub{Type: kind, User: r.wireEventUser(a), Play: r.wirePlay(r.playing)})
}

// emitMember tells the room that counters of a member have changed.
func (r *room) emitMember(m *member) {
	r.emit(&wire.UserUpdate{Subject: m.account.id, Member: r.wireMember(m)})
}

// emit sends an event to everybody who is attached to the room.
func (r *room) emit(e wire.Event) { r.emitTo(r.channel, e) }

// publish sends an event to everybody who is attached to a channel.
func (s *state) publish(channel, name string, data []byte) {
	s.broadcast(channel, realtime.Frame{
		Action:  realtime.ActionMessage,
		Channel: channel,
		Message: &realtime.MessageBody{Name: name, Type: "json", Data: data},
	})
}

// broadcast sends a frame to everybody who is attached to a channel.
func (s *state) broadcast(channel string, f realtime.Frame) {
	if len(s.channels[channel]) == 0 {
		return
	}
	out := newOutgoing(f)
	for l := range s.channels[channel] {
		l.send(out)
	}
}

// emitTo sends an event to everybody who is attached to a channel. The caller holds s.mu.
func (s *state) emitTo(channel string, event wire.Event) {
	if len(s.channels[channel]) == 0 {
		return
	}
	var e jx.Encoder
	event.Encode(&e)
	s.publish(channel, event.EventName(), s.quirks.event(e.Bytes()))
}
