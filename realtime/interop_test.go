//go:build interop

package realtime_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/queup-go/queup/realtime"
)

// These tests drive a server nobody here wrote, the Engine.IO 3 of npm (testdata/engineio). `make interop` installs and runs it.

const (
	interopInterval = 300 * time.Millisecond
	interopTimeout  = 700 * time.Millisecond
	interopPatience = 20 * time.Second // for an immediate answer, on a busy machine
)

// engineIO is the server as a process.
type engineIO struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	port   int
	wg     sync.WaitGroup
	mu     sync.Mutex
	events []engineEvent // guarded by mu
	news   chan struct{} // buffered
}

type engineEvent struct {
	Event, Channel, ConnectionID, Reason, Query string
	Port                                        int
}

// startEngineIO starts the server on a port, or on a free one if that is 0.
func startEngineIO(t *testing.T, port int) *engineIO {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "server.js", strconv.Itoa(port),
		strconv.FormatInt(interopInterval.Milliseconds(), 10), strconv.FormatInt(interopTimeout.Milliseconds(), 10))
	cmd.Dir = "testdata/engineio"
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (run make interop, which needs node)", err)
	}
	s := &engineIO{cmd: cmd, stdin: stdin, news: make(chan struct{}, 1)}
	t.Cleanup(s.kill)
	s.wg.Go(func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			var e engineEvent
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Errorf("the server says %q: %v", lines.Text(), err)
				continue
			}
			s.mu.Lock()
			s.events = append(s.events, e)
			s.mu.Unlock()
			select {
			case s.news <- struct{}{}:
			default:
			}
		}
	})
	s.port = s.await(t, func(e engineEvent) bool { return e.Event == "listening" }).Port
	return s
}

// kill ends the server without a word to its clients.
func (s *engineIO) kill() {
	_ = s.cmd.Process.Kill()
	s.wg.Wait()
	_ = s.cmd.Wait()
}

func (s *engineIO) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func (s *engineIO) command(t *testing.T, format string, args ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(s.stdin, format+"\n", args...); err != nil {
		t.Fatal(err)
	}
}

// await waits for an event of the server, past ones included.
func (s *engineIO) await(t *testing.T, match func(engineEvent) bool) engineEvent {
	t.Helper()
	timeout := time.After(interopPatience)
	for {
		s.mu.Lock()
		for _, e := range s.events {
			if match(e) {
				s.mu.Unlock()
				return e
			}
		}
		s.mu.Unlock()
		select {
		case <-s.news:
		case <-timeout:
			t.Fatalf("the expected event of the server did not come, but: %+v", s.events)
		}
	}
}

func (s *engineIO) url() string { return fmt.Sprintf("ws://127.0.0.1:%d/ws/", s.port) }

func (s *engineIO) config() realtime.Config {
	return realtime.Config{
		URL:       s.url(),
		Token:     func(context.Context) (string, error) { return "secret-token", nil },
		Reconnect: func(int, error) (time.Duration, bool) { return 50 * time.Millisecond, true },
	}
}

// take returns the next event of a type.
func take[E realtime.Event](t *testing.T, conn *realtime.Conn) E {
	t.Helper()
	timeout := time.After(interopPatience)
	for {
		select {
		case e, open := <-conn.Events():
			if e, ok := e.(E); ok {
				return e
			}
			if !open {
				t.Fatalf("the connection has ended: %v", conn.Err())
			}
		case <-timeout:
			var want E
			t.Fatalf("no %T came: %+v", want, conn.Stats())
		}
	}
}

func connectInterop(t *testing.T, cfg realtime.Config) *realtime.Conn {
	t.Helper()
	conn, err := realtime.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); <-conn.Done() })
	if err := conn.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestInterop_calls(t *testing.T) {
	s := startEngineIO(t, 0)
	conn := connectInterop(t, s.config())
	if got := s.await(t, func(e engineEvent) bool { return e.Event == "open" }).Query; got != "EIO access_token connect transport" {
		t.Errorf("the handshake had %s", got)
	}
	if conn.ClientID() != "bot" || !strings.HasPrefix(conn.ConnectionID(), "k") {
		t.Errorf("ids: %q, %q", conn.ClientID(), conn.ConnectionID())
	}
	for _, step := range []struct {
		name string
		call func() error
	}{
		{"attach", func() error { return conn.Attach(t.Context(), "room:a") }},
		{"enter", func() error { return conn.Presence(t.Context(), "room:a", realtime.PresenceEnter, nil) }},
		{"update", func() error {
			return conn.Presence(t.Context(), "room:a", realtime.PresenceUpdate, json.RawMessage(`{"mood":"♥"}`))
		}},
		{"publish", func() error {
			return conn.Publish(t.Context(), "room:a", realtime.MessageBody{Name: "wave", Data: []byte(`{"to":"tü♥"}`)})
		}},
		{"leave", func() error { return conn.Presence(t.Context(), "room:a", realtime.PresenceLeave, nil) }},
		{"token", func() error {
			token, err := conn.RequestToken(t.Context(), "")
			if token != "token-of-the-server" {
				t.Errorf("token: %q", token)
			}
			return err
		}},
		{"detach", func() error { return conn.Detach(t.Context(), "room:a") }},
	} {
		if err := step.call(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	if m := take[realtime.Message](t, conn); m.Name != "wave" || string(m.Data) != `{"to":"tü♥"}` || m.Channel != "room:a" {
		t.Errorf("published: %+v, %s", m, m.Data)
	}
	time.Sleep(4 * interopInterval)
	if stats := conn.Stats(); time.Since(stats.LastPong) > 2*interopInterval || stats.Reconnects != 0 {
		t.Errorf("%+v", stats)
	}
	_ = conn.Close()
	if got := s.await(t, func(e engineEvent) bool { return e.Event == "close" }).Reason; got != "transport close" {
		t.Errorf("the server saw the end as %q", got)
	}
}

func TestInterop_tenThousandMessages(t *testing.T) {
	const n = 10_000
	s := startEngineIO(t, 0)
	conn := connectInterop(t, s.config())
	if err := conn.Attach(t.Context(), "room:a"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	s.command(t, "burst room:a %d", n)
	for i := range n {
		m := take[realtime.Message](t, conn)
		if want := fmt.Sprintf(`{"type":"tick","n":%d,"text":"tü♥"}`, i); string(m.Data) != want || m.Name != "tick" {
			t.Fatalf("message %d: %s, want %s", i, m.Data, want)
		}
	}
	t.Logf("%d messages in %v", n, time.Since(start).Round(time.Millisecond))
	if stats := conn.Stats(); stats.Reconnects != 0 || stats.Malformed != 0 {
		t.Errorf("%+v", stats)
	}
}

// The server stops answering but its sockets stay open. Only the heartbeat notices.
func TestInterop_silentServer(t *testing.T) {
	s := startEngineIO(t, 0)
	conn := connectInterop(t, s.config())
	if err := conn.Attach(t.Context(), "room:a"); err != nil {
		t.Fatal(err)
	}
	s.signal(t, syscall.SIGSTOP)
	start := time.Now()
	down := take[realtime.Disconnected](t, conn)
	if !errors.Is(down.Err, realtime.ErrHeartbeat) {
		t.Errorf("the link was lost because: %v", down.Err)
	}
	took := time.Since(start)
	if limit := interopInterval + interopTimeout + time.Second; took > limit {
		t.Errorf("noticed after %v, want %v at most", took, limit)
	}
	t.Logf("noticed after %v", took.Round(time.Millisecond))
	s.signal(t, syscall.SIGCONT)
	for !take[realtime.Connected](t, conn).Reconnected {
	}
	s.command(t, "burst room:a 1")
	take[realtime.Message](t, conn)
}

// A client that does not ping is thrown out; this is why ours does.
func TestInterop_serverMissesPings(t *testing.T) {
	s := startEngineIO(t, 0)
	sock, err := new(realtime.WebsocketDialer).Dial(t.Context(), s.url()+"?EIO=3&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close(0, "")
	start := time.Now()
	_ = sock.SetReadDeadline(start.Add(interopPatience))
	for first := true; ; first = false {
		_, data, err := sock.Read()
		if closed, ok := errors.AsType[*realtime.CloseError](err); ok {
			t.Log(closed)
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p, err := realtime.ParsePacket(data)
		if err != nil {
			t.Fatal(err)
		}
		if !first {
			continue
		}
		open, err := realtime.ParseOpen(p.Data)
		if err != nil || open.SID == "" || open.PingInterval != interopInterval || open.PingTimeout != interopTimeout {
			t.Errorf("open packet: %+v, %v", open, err)
		}
	}
	if took := time.Since(start); took < interopInterval+interopTimeout {
		t.Errorf("thrown out after %v", took)
	}
	if got := s.await(t, func(e engineEvent) bool { return e.Event == "close" }).Reason; got != "ping timeout" {
		t.Errorf("the server says %q", got)
	}
}

func TestInterop_restart(t *testing.T) {
	s := startEngineIO(t, 0)
	conn := connectInterop(t, s.config())
	if err := conn.Attach(t.Context(), "room:a"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Presence(t.Context(), "room:a", realtime.PresenceEnter, nil); err != nil {
		t.Fatal(err)
	}
	s.kill()
	take[realtime.Disconnected](t, conn)
	take[realtime.Disconnected](t, conn) // at least one attempt meets nobody
	s = startEngineIO(t, s.port)
	for !take[realtime.Connected](t, conn).Reconnected {
	}
	s.await(t, func(e engineEvent) bool { return e.Event == "attach" && e.Channel == "room:a" })
	s.await(t, func(e engineEvent) bool { return e.Event == "presence" && e.Channel == "room:a" })
	s.command(t, "burst room:a 3")
	for range 3 {
		take[realtime.Message](t, conn)
	}
	s.command(t, "close")
	if down := take[realtime.Disconnected](t, conn); down.Err == nil {
		t.Error("no reason given")
	} else {
		t.Logf("the server's close is: %v", down.Err)
	}
	for !take[realtime.Connected](t, conn).Reconnected {
	}
	if got := conn.Stats().Reconnects; got != 2 {
		t.Errorf("%d reconnects", got)
	}
}
