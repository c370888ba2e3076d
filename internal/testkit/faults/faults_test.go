package faults_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/realtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line is a connection with an injector on it, in a bubble.
type line struct {
	in     *faults.Injector
	client net.Conn
	server net.Conn
	start  time.Time
	wg     sync.WaitGroup
	mu     sync.Mutex
	got    []arrival // guarded by mu; what the server read at once
	end    arrival   // guarded by mu; when the server's connection ended
}

type arrival struct {
	At   time.Duration
	Data string
}

func bubble(t *testing.T, seed uint64, test func(t *testing.T, l *line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		l := &line{in: faults.New(seed), server: far, start: time.Now()}
		dial := l.in.DialContext(func(context.Context, string, string) (net.Conn, error) { return near, nil })
		client, err := dial(t.Context(), "tcp", "queup.test:80")
		if err != nil {
			t.Fatal(err)
		}
		l.client = client
		l.wg.Go(func() {
			buf := make([]byte, 1<<16)
			for {
				n, err := far.Read(buf)
				l.mu.Lock()
				if n > 0 {
					l.got = append(l.got, arrival{time.Since(l.start), string(buf[:n])})
				}
				if err != nil {
					l.end = arrival{time.Since(l.start), err.Error()}
				}
				l.mu.Unlock()
				if err != nil {
					return
				}
			}
		})
		test(t, l)
		_ = client.Close()
		_ = far.Close()
		l.wg.Wait()
		time.Sleep(time.Minute)
		if n := l.in.Open(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
	})
}

func (l *line) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(l.client, text); err != nil {
		t.Fatal(err)
	}
}

func (l *line) arrivals() []arrival {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]arrival(nil), l.got...)
}

func TestNothing(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		l.write(t, "hello")
		if diff := cmp.Diff([]arrival{{0, "hello"}}, l.arrivals()); diff != "" {
			t.Error(diff)
		}
		go func() { _, _ = io.WriteString(l.server, "world") }()
		buf := make([]byte, 10)
		if n, err := l.client.Read(buf); err != nil || string(buf[:n]) != "world" {
			t.Errorf("%q, %v", buf[:n], err)
		}
		_ = l.server.Close()
		if _, err := l.client.Read(buf); !errors.Is(err, io.EOF) {
			t.Errorf("after the server's end: %v", err)
		}
	})
}

func TestLatency(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		l.in.Set(faults.Latency(300*time.Millisecond, 0))
		l.write(t, "a")
		time.Sleep(100 * time.Millisecond)
		l.write(t, "b")
		time.Sleep(time.Second)
		if diff := cmp.Diff([]arrival{{300 * time.Millisecond, "a"}, {400 * time.Millisecond, "b"}}, l.arrivals()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLatency_jitterKeepsTheOrderAndTheSeed(t *testing.T) {
	run := func(seed uint64) (got []arrival) {
		bubble(t, seed, func(t *testing.T, l *line) {
			l.in.Set(faults.Latency(300*time.Millisecond, 200*time.Millisecond))
			for c := 'a'; c <= 'z'; c++ {
				l.write(t, string(c))
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Second)
			got = l.arrivals()
		})
		return got
	}
	first, again, other := run(1), run(1), run(2)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error("the same seed:", diff)
	}
	if cmp.Equal(first, other) {
		t.Error("another seed has the same delays")
	}
	var text strings.Builder
	for i, a := range first {
		text.WriteString(a.Data)
		if delay := a.At - time.Duration(i)*10*time.Millisecond; delay > 500*time.Millisecond {
			t.Errorf("%s took %v", a.Data, delay)
		}
	}
	if got := text.String(); got != "abcdefghijklmnopqrstuvwxyz" {
		t.Errorf("arrived: %s", got)
	}
}

func TestBandwidth(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		l.in.Set(faults.Bandwidth(1000))
		l.write(t, strings.Repeat("x", 2500))
		time.Sleep(time.Minute)
		got := l.arrivals()
		if last := got[len(got)-1]; last.At != 2500*time.Millisecond || len(got) != 25 {
			t.Errorf("the last of %d pieces came after %v", len(got), last.At)
		}
	})
}

func TestSlicer(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		l.in.Set(faults.Slicer(4, 2, time.Millisecond))
		const text = "the quick brown fox jumps over the lazy dog"
		l.write(t, text)
		time.Sleep(time.Second)
		var all strings.Builder
		for i, a := range l.arrivals() {
			all.WriteString(a.Data)
			if len(a.Data) > 6 || a.At != time.Duration(i)*time.Millisecond {
				t.Errorf("piece %d: %v", i, a)
			}
		}
		if all.String() != text {
			t.Errorf("arrived: %s", all.String())
		}
	})
}

func TestReset(t *testing.T) {
	for name, after := range map[string]time.Duration{"at once": 0, "later": 5 * time.Second} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(t *testing.T, l *line) {
				l.in.Set(faults.Reset(after))
				_, err := l.client.Read(make([]byte, 1))
				if !errors.Is(err, syscall.ECONNRESET) || time.Since(l.start) != after {
					t.Errorf("after %v: %v", time.Since(l.start), err)
				}
				if _, err := l.client.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("write: %v", err)
				}
			})
		})
	}
}

func TestReset_calledOff(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		l.in.Set(faults.Reset(5 * time.Second))
		time.Sleep(4 * time.Second)
		l.in.Set()
		time.Sleep(4 * time.Second)
		l.write(t, "alive")
		if got := l.arrivals(); len(got) != 1 {
			t.Errorf("arrived: %v", got)
		}
	})
}

func TestStall(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		synctest.Wait() // until a read waits for us
		l.in.Set(faults.Stall())
		l.write(t, "a") // was read from us before the fault
		_ = l.client.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := l.client.Write([]byte("b")); err == nil || time.Since(l.start) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(l.start), err)
		}
		if got := l.arrivals(); len(got) != 0 {
			t.Errorf("arrived: %v", got)
		}
		l.in.Set()
		_ = l.client.SetWriteDeadline(time.Time{})
		l.write(t, "c")
		if diff := cmp.Diff([]arrival{{10 * time.Second, "a"}, {10 * time.Second, "c"}}, l.arrivals()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStall_endsWithClose(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		synctest.Wait() // until a read waits for us
		l.in.Set(faults.Stall())
		l.write(t, "a")
		_ = l.client.Close()
		synctest.Wait()
		if n := l.in.Open(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
	})
}

func TestHalfOpen(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		l.in.Set(faults.HalfOpen())
		for range 1000 {
			l.write(t, strings.Repeat("x", 1000))
		}
		if got := l.arrivals(); len(got) != 0 {
			t.Errorf("arrived: %v", got)
		}
		l.in.Set()
		l.write(t, "behind what is lost")
		if got := l.arrivals(); len(got) != 0 {
			t.Errorf("arrived behind what is lost: %v", got)
		}
		l.in.Set(faults.HalfOpen())
		_ = l.server.Close() // nobody hears of it
		_ = l.client.SetReadDeadline(time.Now().Add(time.Hour))
		if _, err := l.client.Read(make([]byte, 1)); err == nil || time.Since(l.start) != time.Hour {
			t.Errorf("after %v: %v", time.Since(l.start), err)
		}
	})
}

func TestTruncate(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		l.write(t, "before")
		synctest.Wait()
		l.in.Set(faults.Truncate(7))
		l.write(t, "1234")
		l.write(t, "5678")
		if diff := cmp.Diff([]arrival{{0, "before"}, {0, "1234"}, {0, "567"}}, l.arrivals()); diff != "" {
			t.Error(diff)
		}
		if _, err := l.client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read: %v", err)
		}
	})
}

func TestDuplicateAndCorrupt(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		l.in.Set(faults.Duplicate(1))
		l.write(t, "ab")
		synctest.Wait()
		l.in.Set(faults.Corrupt(1))
		l.write(t, "cd")
		synctest.Wait()
		l.in.Set(faults.Corrupt(0), faults.Duplicate(0))
		l.write(t, "ef")
		got := l.arrivals()
		if len(got) != 4 || got[0].Data != "ab" || got[1].Data != "ab" || got[3].Data != "ef" {
			t.Fatalf("arrived: %v", got)
		}
		if flips := different([]byte(got[2].Data), []byte("cd")); flips != 1 {
			t.Errorf("%d bits of %q are wrong", flips, got[2].Data)
		}
	})
}

// different counts the bits that differ.
func different(a, b []byte) int {
	n := 0
	for i := range a {
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			n++
		}
	}
	return n
}

func TestUpAndDown(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		l.in.Set(faults.Latency(time.Second, 0).Up(), faults.Latency(time.Minute, 0).Down())
		l.write(t, "a")
		go func() { _, _ = io.WriteString(l.server, "b") }()
		if _, err := l.client.Read(make([]byte, 1)); err != nil || time.Since(l.start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(l.start), err)
		}
		if diff := cmp.Diff([]arrival{{time.Second, "a"}}, l.arrivals()); diff != "" {
			t.Error(diff)
		}
	})
}

// What was written before Close still arrives, at once.
func TestClose_flushes(t *testing.T) {
	bubble(t, 1, func(t *testing.T, l *line) {
		l.in.Set(faults.Latency(time.Hour, 0))
		l.write(t, "bye")
		_ = l.client.Close()
		if diff := cmp.Diff([]arrival{{0, "bye"}}, l.arrivals()); diff != "" {
			t.Error(diff)
		}
	})
}

// A peer that reads nothing holds a closed connection for a second, not for ever.
func TestClose_withAPeerThatReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := faults.New(1)
		near, far := net.Pipe()
		defer far.Close()
		conn, err := in.DialContext(func(context.Context, string, string) (net.Conn, error) { return near, nil })(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := in.Open(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
	})
}

func TestDialContext_errorsAreTheDialers(t *testing.T) {
	want := errors.New("refused")
	in := faults.New(1)
	_, err := in.DialContext(func(context.Context, string, string) (net.Conn, error) { return nil, want })(t.Context(), "", "")
	if !errors.Is(err, want) {
		t.Errorf("error: %v", err)
	}
	d := in.Dialer(&realtime.WebsocketDialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return nil, want }})
	if _, err := d.Dial(t.Context(), "ws://queup.test/", nil); !errors.Is(err, want) {
		t.Errorf("error: %v", err)
	}
}

func TestFrames_ofBytesPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	faults.Latency(time.Second, 0).Frames()
}

// fakeSocket reads what is in its list and keeps what is written.
type fakeSocket struct {
	realtime.Socket
	toRead  []string
	written []string
}

func (s *fakeSocket) Read() (realtime.Opcode, []byte, error) {
	if len(s.toRead) == 0 {
		return 0, nil, io.EOF
	}
	data := s.toRead[0]
	s.toRead = s.toRead[1:]
	return realtime.Text, []byte(data), nil
}

func (s *fakeSocket) Write(_ realtime.Opcode, data []byte) error {
	s.written = append(s.written, string(data))
	return nil
}

type dialerFunc func() realtime.Socket

func (f dialerFunc) Dial(context.Context, string, http.Header) (realtime.Socket, error) {
	return f(), nil
}

func TestDialer_frames(t *testing.T) {
	tests := map[string]struct {
		fault faults.Fault
		want  []string
	}{
		"duplicate": {faults.Duplicate(1), []string{"one", "one", "two", "two"}},
		"truncate":  {faults.Truncate(2), []string{"on", "tw"}},
		"half-open": {faults.HalfOpen(), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inner := &fakeSocket{toRead: []string{"one", "two"}}
			in := faults.New(1)
			sock, err := in.Dialer(dialerFunc(func() realtime.Socket { return inner })).Dial(t.Context(), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			in.Set(tt.fault.Frames(), faults.Corrupt(1)) // the second is not for frames
			var got []string
			for {
				_, data, err := sock.Read()
				if err != nil {
					break
				}
				got = append(got, string(data))
			}
			for _, text := range []string{"one", "two"} {
				if err := sock.Write(realtime.Text, []byte(text)); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error("read:", diff)
			}
			if diff := cmp.Diff(tt.want, inner.written); diff != "" {
				t.Error("written:", diff)
			}
		})
	}
}

func TestDialer_corruptsOneBitOfAFrame(t *testing.T) {
	inner := &fakeSocket{}
	in := faults.New(1)
	in.Set(faults.Corrupt(1).Frames())
	sock, err := in.Dialer(dialerFunc(func() realtime.Socket { return inner })).Dial(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	data := []byte("hello")
	if err := sock.Write(realtime.Text, data); err != nil {
		t.Fatal(err)
	}
	if string(data) != "hello" || different([]byte(inner.written[0]), data) != 1 {
		t.Errorf("%q became %q", data, inner.written)
	}
}

// Over real sockets everything works as in a bubble, and a reset is one for the peer, too.
func TestDialer_overTheLoopback(t *testing.T) {
	ended := make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		for {
			kind, data, err := ws.ReadMessage()
			if err == nil {
				err = ws.WriteMessage(kind, data)
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}))
	defer srv.Close()
	in := faults.New(1)
	in.Set(faults.Slicer(3, 1, 0), faults.Latency(time.Millisecond, time.Millisecond))
	sock, err := in.Dialer(&realtime.WebsocketDialer{}).Dial(t.Context(), "ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close(0, "")
	want := bytes.Repeat([]byte("0123456789"), 20)
	if err := sock.Write(realtime.Text, want); err != nil {
		t.Fatal(err)
	}
	if _, got, err := sock.Read(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	in.Set(faults.Reset(0))
	if _, _, err := sock.Read(); err == nil {
		t.Error("no error after a reset")
	}
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer saw %v", err)
	}
}
