package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/tools/bench/internal/probe"
)

// Whoever is under test, and where.
const (
	slug     = "hall"
	account  = "bot"
	password = "secret"
	people   = 50 // in the room, but for the curve of larger ones
)

// world is a room full of people in which a song plays for longer than any benchmark takes.
func world(people int) queuptest.World {
	w := queuptest.World{Users: []queuptest.User{{Name: account, Password: password}}}
	hall := queuptest.RoomSpec{Slug: slug, Name: "The Hall", Roles: map[string]queuptest.Role{account: queuptest.CoOwner}}
	for i := range people {
		name := fmt.Sprintf("listener%02d", i)
		w.Users = append(w.Users, queuptest.User{Name: name, Password: password})
		hall.Present = append(hall.Present, name)
	}
	hall.Owner = hall.Present[0]
	for i := range 4 {
		hall.Songs = append(hall.Songs, queuptest.Song{By: hall.Present[i], Name: fmt.Sprintf("Song %d", i), Length: 24 * time.Hour})
	}
	w.Rooms = []queuptest.RoomSpec{hall}
	return w
}

// A stage is the server, in this process, with the floods that it plays to the programs under test, in theirs.
type stage struct {
	people int // in the room
	srv    *queuptest.Server
	stamps *stamps
}

func newStage(people int) (*stage, error) {
	s := &stage{people: people, stamps: new(stamps)}
	var err error
	s.srv, err = queuptest.Start(queuptest.WithWorld(world(people)), queuptest.WithHandler(s.stamps.wrap))
	return s, err
}

// A flood is a queuptest.Flood, and which of its frames are lines of chat.
type flood struct {
	*queuptest.Flood
	chat  []bool
	chats int
}

var chatName = []byte(`"name":"chat-message"`)

func (s *stage) prepare(events int) flood {
	return newFlood(s.srv.Room(slug).PrepareFlood(queuptest.FloodConfig{Events: events, Seed: 1}))
}

// prepareShow makes a warm-up and what counts of one flood: no two lines of it are the same.
func (s *stage) prepareShow(warm, events, rate int) show {
	first, rest := s.prepare(warm + events).Split(warm)
	return show{newFlood(first), newFlood(rest), rate}
}

func newFlood(frames *queuptest.Flood) flood {
	t := flood{Flood: frames}
	for f := range t.Frames() {
		is := isChat(f)
		t.chat = append(t.chat, is)
		if is {
			t.chats++
		}
	}
	return t
}

// isChat looks at the head of a frame, where the name is: a line may hold what looks like a name, too.
func isChat(frame []byte) bool { return bytes.Contains(frame[:min(len(frame), 160)], chatName) }

// A show is what a program hears: a warm-up, and then what counts. Bots live for days, so what a program costs in its first moments,
// until its memory has the size that it needs, what comes again has come, and code that is compiled when it is hot is hot, is not
// what is asked.
type show struct {
	warm, flood flood
	rate        int // events a second; 0: as fast as the program reads
}

// warmRate is how fast the warm-up of a slow show is: no queue of a bot runs over.
const warmRate = 10_000

// play gives a show, with an event before and one after what counts. If it is a slow one, it is noted when each line of chat is sent.
func (s *stage) play(ctx context.Context, show show) error {
	room, slow := s.srv.Room(slug), show.rate > 0
	rate := 0
	if slow {
		rate = warmRate
	}
	if err := room.SendFlood(ctx, show.warm.Flood, rate); err != nil {
		return err
	}
	tidy()
	room.Broadcast(probe.Begin, mark(probe.Begin))
	if slow {
		time.Sleep(lull) // so that the first event meets a program that waits for it, as the others do
	}
	s.stamps.begin(slow)
	if err := room.SendFlood(ctx, show.flood.Flood, show.rate); err != nil {
		return err
	}
	room.Broadcast(probe.End, mark(probe.End))
	return nil
}

const lull = 500 * time.Millisecond

// tidy collects the server's garbage. Its collections are rare, with all the floods in its memory, but take a processor away from the
// program in whose time one falls; and as each program makes the same garbage, that was the same program in round after round.
func tidy() { runtime.GC() }

// mark is an event that says its own name inside as well: DubAPI looks there.
func mark(name string) json.RawMessage { return json.RawMessage(`{"type":"` + name + `"}`) }

// stamps note when lines of chat are written to the websocket, on the last occasion before the system takes them.
type stamps struct {
	mu   sync.Mutex
	on   bool    // guarded by mu
	sent []int64 // guarded by mu; ns since 1970
}

func (s *stamps) begin(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on, s.sent = on, nil
}

func (s *stamps) taken() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// wrap stands between a websocket and its connection.
func (s *stamps) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		next.ServeHTTP(&stampedWriter{w, s}, req)
	})
}

type stampedWriter struct {
	http.ResponseWriter
	stamps *stamps
}

// Unwrap lets http.ResponseController find what else the writer can do.
func (w *stampedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack hands the connection over, stamped.
func (w *stampedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return &stampedConn{conn, w.stamps}, buffer, nil
}

type stampedConn struct {
	net.Conn
	stamps *stamps
}

func (c *stampedConn) Write(p []byte) (int, error) {
	c.stamps.note(p)
	return c.Conn.Write(p)
}

// note takes whole frames of a websocket: the server writes nothing less.
func (s *stamps) note(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on {
		return
	}
	now := time.Now().UnixNano()
	for len(p) > 0 {
		payload, rest, err := cutFrame(p)
		if err != nil {
			return // the count will be short, and the measurement refused
		}
		if isChat(payload) {
			s.sent = append(s.sent, now)
		}
		p = rest
	}
}

var errNoFrame = errors.New("what was written is no whole frame")

// cutFrame cuts the first frame off; a server's have no mask. See RFC 6455, 5.2.
func cutFrame(p []byte) (payload, rest []byte, err error) {
	if len(p) < 2 {
		return nil, nil, errNoFrame
	}
	head, size := 2, uint64(p[1])
	switch {
	case size == 126 && len(p) >= 4:
		head, size = 4, uint64(binary.BigEndian.Uint16(p[2:]))
	case size == 127 && len(p) >= 10:
		head, size = 10, binary.BigEndian.Uint64(p[2:])
	case size > 125:
		return nil, nil, errNoFrame
	}
	p = p[head:]
	if uint64(len(p)) < size {
		return nil, nil, errNoFrame
	}
	return p[:size], p[size:], nil
}
