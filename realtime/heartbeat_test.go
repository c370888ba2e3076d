package realtime_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/realtime"
)

func TestHeartbeat_forEightHours(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := connected(t, s.config())
		time.Sleep(8*time.Hour + time.Millisecond)
		if got := len(s.received("ping")); got != 8*3600/25 {
			t.Errorf("%d pings, want %d", got, 8*3600/25)
		}
		if got := story(c.events()); len(got) != 1 {
			t.Errorf("something happened on a quiet link: %v", got)
		}
	})
}

func TestHeartbeat_beatsDuringTheHandshake(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.hello = func(p *peer) {
			p.packet(realtime.PacketOpen, []byte(`{"sid":"s","pingInterval":"1000","pingTimeout":2000.0}`))
			time.AfterFunc(10500*time.Millisecond, func() {
				p.frame(realtime.Frame{Action: realtime.ActionConnected, ClientID: "bot", ConnectionID: p.id})
			})
		}
		connected(t, s.config())
		if got := len(s.received("ping")); got != 10 {
			t.Errorf("%d pings, want 10", got)
		}
	})
}

func TestHeartbeat_takesNonsenseWithinBounds(t *testing.T) {
	tests := map[string]struct {
		open  string
		pings int // in ten minutes
	}{
		"nothing":  {`{}`, 24},
		"null":     {`{"pingInterval":null,"pingTimeout":null}`, 24},
		"negative": {`{"pingInterval":-5,"pingTimeout":-5}`, 24},
		"words":    {`{"pingInterval":"often","pingTimeout":[]}`, 24},
		"tiny":     {`{"pingInterval":1,"pingTimeout":60000}`, 6000},
		"huge":     {`{"pingInterval":1e300,"pingTimeout":1e300}`, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server) {
				s.hello = func(p *peer) {
					p.packet(realtime.PacketOpen, []byte(tt.open))
					p.frame(realtime.Frame{Action: realtime.ActionConnected})
				}
				connected(t, s.config())
				time.Sleep(10*time.Minute + time.Millisecond)
				if got := len(s.received("ping")); got != tt.pings {
					t.Errorf("%d pings, want %d", got, tt.pings)
				}
			})
		})
	}
}

// A server that sends messages but no pongs has lost its mind, or a proxy in between has: it is left behind.
func TestHeartbeat_missesPongs(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.mute = func(p *peer) bool { return p.id == "k1" }
		c := connected(t, s.config())
		start := time.Now()
		p := s.last()
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					p.say("room:a", "tick")
				}
			}
		}()
		time.Sleep(84 * time.Second)
		if c.State() != realtime.StateConnected {
			t.Errorf("ended too early, after %v", time.Since(start))
		}
		time.Sleep(1100 * time.Millisecond)
		down := of[realtime.Disconnected](c.events())
		if len(down) != 1 || !errors.Is(down[0].Err, realtime.ErrHeartbeat) || !strings.Contains(down[0].Err.Error(), "pong") {
			t.Errorf("after interval + timeout: %+v", down)
		}
	})
}

// The server's host is gone without a word: bytes go out and nothing comes back.
func TestHeartbeat_noticesAHalfOpenLink(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		var deaf atomic.Bool
		cfg := s.config()
		cfg.Dialer = &realtime.WebsocketDialer{NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := s.dial(ctx, network, addr)
			return &halfOpen{Conn: conn, deaf: &deaf}, err
		}}
		c := connected(t, cfg)
		c.attach("room:a")
		time.Sleep(time.Hour)
		deaf.Store(true)
		start := time.Now()
		for c.State() == realtime.StateConnected {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(start); took > 86*time.Second {
			t.Errorf("noticed after %v, want at most interval + timeout + 1s = 86s", took)
		}
		deaf.Store(false)
		time.Sleep(2 * time.Second)
		if c.State() != realtime.StateConnected || c.ConnectionID() != "k2" {
			t.Errorf("not healed: %v %s", c.State(), c.ConnectionID())
		}
	})
}

// halfOpen discards all writes and delivers nothing while it is deaf.
type halfOpen struct {
	net.Conn
	deaf *atomic.Bool
}

func (h *halfOpen) Write(b []byte) (int, error) {
	if h.deaf.Load() {
		return len(b), nil
	}
	return h.Conn.Write(b)
}

// The peer is alive but accepts nothing: its window is shut.
func TestWrite_endsWithinItsDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.answer = func(p *peer, _ realtime.Frame) bool {
			if p.id == "k1" {
				<-s.stop // nothing is read any more
			}
			return false
		}
		c := connected(t, s.config())
		first := make(chan error, 1)
		go func() { first <- c.Attach(t.Context(), "room:a") }()
		synctest.Wait()
		start := time.Now()
		if err := c.Attach(t.Context(), "room:b"); err != nil {
			t.Errorf("not taken over by the next link: %v", err)
		}
		if took := time.Since(start); took != 11*time.Second {
			t.Errorf("took %v, want the write deadline of 10s and the backoff of 1s", took)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
		down := of[realtime.Disconnected](c.events())
		if len(down) != 1 || !errors.Is(down[0].Err, os.ErrDeadlineExceeded) || !strings.Contains(down[0].Err.Error(), "accepted no data for 10s") {
			t.Errorf("disconnected: %+v", down)
		}
	})
}

func TestPing_ofTheServerIsAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		connected(t, s.config())
		s.last().packet(realtime.PacketPing, []byte("probe"))
		synctest.Wait()
		if got := s.received("pong"); len(got) != 1 || got[0] != "pongprobe" {
			t.Errorf("answers: %v", got)
		}
	})
}

// A user who does not receive events stops the reading, but not the pings. The link survives when the user continues.
func TestEvents_backPressure(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		conn := unread(t, s.config(), 4)
		const n = 1000
		p := s.last()
		for range n {
			p.say("room:a", "m")
		}
		time.Sleep(time.Hour + time.Millisecond)
		if got := len(s.received("ping")); got != 144 {
			t.Errorf("%d pings in an hour, want 144", got)
		}
		if len(p.out) < n-20 {
			t.Errorf("the reader went on: %d of %d messages left", len(p.out), n)
		}
		got := 0
		for e := range conn.Events() {
			switch e := e.(type) {
			case realtime.Message:
				got++
			case realtime.Disconnected:
				t.Fatalf("a slow user was taken for a dead server: %v", e.Err)
			}
			time.Sleep(20 * time.Second) // slower than the server, but alive
			if got == n {
				break
			}
		}
		if conn.State() != realtime.StateConnected {
			t.Errorf("state: %v", conn.State())
		}
		_ = conn.Close()
		<-conn.Done()
	})
}

// The time in which nothing was read does not count against a pong, even if that takes its time once reading goes on.
func TestEvents_backPressureGivesPongsTheirTime(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		s.mute = func(*peer) bool { return true }
		cfg := s.config()
		cfg.Buffer = 1
		conn, err := realtime.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.last().say("room:a", "one")
		s.last().say("room:a", "two")
		time.Sleep(140 * time.Second) // pinged after 25 s, given another 60 s after 85 s, to be asked again after 145 s
		for range 3 {
			<-conn.Events()
		}
		time.Sleep(50 * time.Second)
		if got := conn.State(); got != realtime.StateConnected {
			t.Errorf("50 s after the reading went on: %v", got)
		}
		time.Sleep(10*time.Second + 500*time.Millisecond) // after another half second there is a new link
		if got := conn.State(); got != realtime.StateReconnecting {
			t.Errorf("60.5 s after the reading went on: %v", got)
		}
	})
}

// The deadline of a Read counts from the Read, give or take a third of a second that a busy link saves itself the trouble for.
func TestHeartbeat_readDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		cfg := s.config()
		network := cfg.Dialer
		var mu sync.Mutex
		var left []time.Duration
		cfg.Dialer = dialerFunc(func(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
			sock, err := network.Dial(ctx, url, h)
			return &watched{Socket: sock, reads: func(deadline time.Time) {
				mu.Lock()
				defer mu.Unlock()
				if !deadline.IsZero() {
					left = append(left, time.Until(deadline))
				}
			}}, err
		})
		connected(t, cfg)
		time.Sleep(time.Hour + time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		if len(left) != 146 { // for "connected", for 144 pongs, and for the next frame
			t.Errorf("%d reads with a deadline", len(left))
		}
		for _, d := range left {
			if d < 85*time.Second || d > 85*time.Second+time.Second/2 {
				t.Fatalf("a read was given %v, want interval + timeout and hardly more", d)
			}
		}
	})
}

// watched reports every Read with its deadline.
type watched struct {
	realtime.Socket
	deadline time.Time
	reads    func(deadline time.Time)
}

func (w *watched) SetReadDeadline(t time.Time) error {
	w.deadline = t
	return w.Socket.SetReadDeadline(t)
}

func (w *watched) Read() (realtime.Opcode, []byte, error) {
	w.reads(w.deadline)
	return w.Socket.Read()
}

// When the user has stalled the link and the server dies meanwhile, the link ends when he is back.
func TestEvents_backPressureAndADeadServer(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		conn := unread(t, s.config(), 1)
		s.last().say("room:a", "one")
		s.last().say("room:a", "two")
		time.Sleep(time.Minute)
		s.cut()
		time.Sleep(time.Hour)
		var lines []string
		for e := range conn.Events() {
			lines = append(lines, story([]realtime.Event{e})...)
			if len(lines) == 4 {
				break
			}
		}
		if got := strings.Join(lines, ", "); !strings.HasPrefix(got, "connected k1, room:a one") || !strings.Contains(got, "disconnected") {
			t.Errorf("events: %s", got)
		}
		_ = conn.Close()
		<-conn.Done()
	})
}

func TestFrame_overTheReadLimit(t *testing.T) {
	bubble(t, func(t *testing.T, s *server) {
		c := connected(t, s.config())
		s.last().packet(realtime.PacketMessage, make([]byte, realtime.DefaultReadLimit))
		down := of[realtime.Disconnected](c.events())
		if len(down) != 1 || !errors.Is(down[0].Err, realtime.ErrReadLimit) || !strings.Contains(down[0].Err.Error(), "1048576 bytes; raise WebsocketDialer.ReadLimit") {
			t.Errorf("disconnected: %+v", down)
		}
	})
}
