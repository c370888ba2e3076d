package cassettes_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/realtime"
)

const wsURL = "wss://ws.queup.net/ws/?access_token=tok-%s&EIO=3&transport=websocket"

// dial opens the websocket of a cassette.
func dial(t *testing.T, c *cassettes.Cassette) realtime.Socket {
	t.Helper()
	sock, err := c.Dialer().Dial(t.Context(), fmt.Sprintf(wsURL, "abcdefgh"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return sock
}

// readFrames reads n frames.
func readFrames(t *testing.T, sock realtime.Socket, n int) (frames []string) {
	t.Helper()
	for range n {
		_, data, err := sock.Read()
		if err != nil {
			t.Fatalf("after %q: %v", frames, err)
		}
		frames = append(frames, string(data))
	}
	return frames
}

func writeFrames(t *testing.T, sock realtime.Socket, frames ...string) {
	t.Helper()
	for _, f := range frames {
		if err := sock.Write(realtime.Text, []byte(f)); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
	}
}

func attach(room, reqID string) string {
	return `4{"action":10,"channel":"room:` + room + `","reqId":"` + reqID + `"}`
}

func attached(room, reqID string) string {
	return `4{"action":11,"channel":"room:` + room + `","reqId":"` + reqID + `"}`
}

func event(room, text string) string {
	return `4{"action":15,"channel":"room:` + room + `","message":{"name":"chat-message","type":"json","data":"{\"message\":\"` + text + `\"}"}}`
}

const greeting = `0{"sid":"x","pingInterval":25000,"pingTimeout":60000}`

// twoRooms is a recording in which room a was attached before room b, each with an event after it.
func twoRooms(t *testing.T) (dir string) {
	t.Helper()
	s := newScript(nil, greeting)
	return capture(t, "rooms", nil, s, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		sock := dial(t, c)
		defer sock.Close(1000, "")
		more := func(lines ...string) {
			s.mu.Lock()
			s.lines = append(s.lines, lines...)
			s.mu.Unlock()
		}
		readFrames(t, sock, 1)
		writeFrames(t, sock, attach("a", "1"))
		more(attached("a", "1"), event("a", "one"), "3")
		readFrames(t, sock, 3)
		writeFrames(t, sock, "2", attach("b", "2"))
		more(attached("b", "2"), event("b", "two"), event("a", "three"))
		readFrames(t, sock, 3)
	})
}

func TestReplay_framesWaitForTheirChannel(t *testing.T) {
	t.Parallel()
	dir := twoRooms(t)
	c, fake := play(t, dir, "rooms")
	sock := dial(t, c)
	if got := readFrames(t, sock, 1); got[0] != greeting {
		t.Errorf("greeted by %q", got)
	}
	// The other room first, with other ids of requests, and other JSON for the same frames.
	writeFrames(t, sock, `4{"reqId":"9","channel":"room:b","action":10}`)
	got := readFrames(t, sock, 2)
	writeFrames(t, sock, "2probe")
	got = append(got, readFrames(t, sock, 1)...)
	writeFrames(t, sock, attach("a", "8"))
	got = append(got, readFrames(t, sock, 3)...)
	want := []string{attached("b", "9"), event("b", "two"), "3probe", attached("a", "8"), event("a", "one"), event("a", "three")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
	_ = sock.Close(1000, "")
	fake.end()
	if fake.Failed() {
		t.Error(fake.failures())
	}
	// open, greeting, two attaches with answers, three events; neither pings nor the close
	if log := fake.logged(); !strings.Contains(log, "played 9 of 9, live 0") {
		t.Errorf("the summary is %q", log)
	}
}

func TestRecord_framesAreExact(t *testing.T) {
	t.Parallel()
	odd := "4{ \"action\" :15,\t\"channel\":\"room:a\", \"x\":\"<&>\\u0041\\/ü\u2028\" }"
	frames := []string{greeting, odd, "binary:\x04{}\xff\x00", "not\xffutf8", ""}
	s := newScript(&realtime.CloseError{Code: 4001, Reason: "bye"}, frames...)
	dir := capture(t, "exact", nil, s, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		sock := dial(t, c)
		readFrames(t, sock, len(frames))
		if _, _, err := sock.Read(); err == nil {
			t.Error("no end")
		}
	})
	c, fake := play(t, dir, "exact")
	sock := dial(t, c)
	for _, f := range frames {
		op, data, err := sock.Read()
		text, binary := strings.CutPrefix(f, "binary:")
		if err != nil || string(data) != text || (op == realtime.Binary) != binary {
			t.Errorf("%q came as %v %q, %v", f, op, data, err)
		}
		for i := range data {
			data[i] = 'x' // the caller's own
		}
	}
	_, _, err := sock.Read()
	if closed, ok := errors.AsType[*realtime.CloseError](err); !ok || closed.Code != 4001 || closed.Reason != "bye" {
		t.Errorf("it ended with %v", err)
	}
	if _, _, again := sock.Read(); again == nil {
		t.Error("it goes on after its end")
	}
	fake.end()
	if fake.Failed() {
		t.Error(fake.failures())
	}
}

func TestRecord_endsOfConnections(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		dialer realtime.Dialer
		dial   func(error) bool // nil: the handshake works
		read   func(error) bool
	}{
		"dropped": {dialer: newScript(syscall.ECONNRESET, greeting), read: func(err error) bool {
			closed, ok := errors.AsType[*realtime.CloseError](err)
			return ok && closed.Code == 1006
		}},
		"refused by the server": {dialer: dials{&realtime.HandshakeError{Status: 401, Body: []byte(`{"message":"tok-abcdefgh is no good"}`), RetryAfter: 7 * time.Second}}, dial: func(err error) bool {
			refused, ok := errors.AsType[*realtime.HandshakeError](err)
			return ok && refused.Status == 401 && refused.RetryAfter == 7*time.Second && string(refused.Body) == `{"message":"redacted-token-1 is no good"}`
		}},
		"refused by the host": {dialer: dials{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, dial: func(err error) bool {
			return errors.Is(err, syscall.ECONNREFUSED)
		}},
		"too slow": {dialer: dials{fmt.Errorf("handshake: %w", os.ErrDeadlineExceeded)}, dial: func(err error) bool {
			return errors.Is(err, os.ErrDeadlineExceeded)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(t *testing.T, c *cassettes.Cassette) (dialled, read error) {
				t.Helper()
				sock, err := c.Dialer().Dial(t.Context(), fmt.Sprintf(wsURL, "abcdefgh"), nil)
				if err != nil {
					return err, nil
				}
				readFrames(t, sock, 1)
				_, _, err = sock.Read()
				return nil, err
			}
			dir := capture(t, "end", nil, test.dialer, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); _, _ = run(t, c) })
			c, fake := play(t, dir, "end")
			dialled, read := run(t, c)
			if test.dial == nil && dialled != nil || test.dial != nil && !test.dial(dialled) || test.read != nil && !test.read(read) {
				t.Errorf("dial: %v, read: %v", dialled, read)
			}
			fake.end()
			if fake.Failed() {
				t.Error(fake.failures())
			}
		})
	}
}

// A program sees its own event after it has posted what caused it.
func TestReplay_eventsWaitForRequests(t *testing.T) {
	t.Parallel()
	s := newScript(nil, greeting, event("a", "before"))
	dir := capture(t, "post", numbered(), s, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		sock := dial(t, c)
		defer sock.Close(1000, "")
		readFrames(t, sock, 2)
		want(t, c, "POST", api+"/chat/a", js, `{"message":"hi"}`)
		s.mu.Lock()
		s.lines = append(s.lines, event("a", "hi"))
		s.mu.Unlock()
		readFrames(t, sock, 1)
	})
	synctest.Test(t, func(t *testing.T) {
		c, fake := play(t, dir, "post")
		sock := dial(t, c)
		readFrames(t, sock, 2)
		if err := sock.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, data, err := sock.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("before the post came %q, %v", data, err)
		}
		want(t, c, "POST", api+"/chat/a", js, `{"message":"hi"}`)
		_ = sock.SetReadDeadline(time.Now().Add(time.Hour))
		if got := readFrames(t, sock, 1); got[0] != event("a", "hi") {
			t.Errorf("after the post came %q", got)
		}
		_ = sock.Close(1000, "")
		fake.end()
		if fake.Failed() {
			t.Error(fake.failures())
		}
	})
}

func TestReplay_closeWakesRead(t *testing.T) {
	t.Parallel()
	dir := twoRooms(t)
	synctest.Test(t, func(t *testing.T) {
		c, _ := play(t, dir, "rooms")
		sock := dial(t, c)
		readFrames(t, sock, 1)
		done := make(chan error)
		go func() {
			_, _, err := sock.Read()
			done <- err
		}()
		synctest.Wait()
		_ = sock.Close(1000, "")
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read returned %v", err)
		}
		if err := sock.Write(realtime.Text, []byte("2")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write returned %v", err)
		}
	})
}

// longNight is a recording with an event each minute.
func longNight(t *testing.T) (dir string) {
	t.Helper()
	now := time.Unix(1_700_000_000, 0)
	s := newScript(nil, greeting)
	return capture(t, "night", nil, s, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		sock := dial(t, c)
		defer sock.Close(1000, "")
		readFrames(t, sock, 1)
		for i := range 5 {
			now = now.Add(time.Minute)
			s.mu.Lock()
			s.lines = append(s.lines, event("a", fmt.Sprint(i)))
			s.mu.Unlock()
			readFrames(t, sock, 1)
		}
	}, cassettes.Clock(func() time.Time { return now }))
}

func TestSpeed(t *testing.T) {
	t.Parallel()
	dir := longNight(t)
	for name, test := range map[string]struct {
		pace cassettes.Option
		want time.Duration
	}{
		"as it was": {cassettes.Speed(1), 5 * time.Minute},
		"faster":    {cassettes.Speed(60), 5 * time.Second},
		"slower":    {cassettes.Speed(0.5), 10 * time.Minute},
		"at once":   {cassettes.AtOnce(), 500 * time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, fake := play(t, dir, "night", test.pace)
				start := time.Now()
				sock := dial(t, c)
				readFrames(t, sock, 6)
				if took := time.Since(start); took != test.want {
					t.Errorf("it took %v, want %v", took, test.want)
				}
				_ = sock.Close(1000, "")
				fake.end()
				if fake.Failed() {
					t.Error(fake.failures())
				}
			})
		})
	}
}

func TestStepped(t *testing.T) {
	t.Parallel()
	dir := longNight(t)
	synctest.Test(t, func(t *testing.T) {
		c, fake := play(t, dir, "night", cassettes.Stepped())
		sock := dial(t, c)
		readFrames(t, sock, 1) // the greeting comes by itself
		var received []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				_, data, err := sock.Read()
				if err != nil {
					return
				}
				received = append(received, string(data))
			}
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(received) != 0 {
			t.Errorf("received unasked: %q", received)
		}
		f, ok := c.Next()
		if !ok || f.Name != "chat-message" || f.Channel != "room:a" || f.At != time.Minute || f.Conn != 1 || f.Op != "text" || string(f.Data) != event("a", "0") {
			t.Errorf("Next = %+v, %v", f, ok)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if want := []string{event("a", "0")}; !slices.Equal(received, want) {
			t.Errorf("received %q, want %q", received, want)
		}
		if _, ok := c.Until(func(f cassettes.Frame) bool { return strings.Contains(string(f.Data), "no such") }); ok {
			t.Error("Until found what is not there")
		}
		if f, ok = c.Until(func(f cassettes.Frame) bool { return f.At == 4*time.Minute }); !ok || string(f.Data) != event("a", "3") {
			t.Errorf("Until = %+v, %v", f, ok)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(received) != 4 {
			t.Errorf("received %q", received)
		}
		c.Next()
		if _, ok := c.Next(); ok {
			t.Error("there is a sixth event")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		_ = sock.Close(1000, "")
		<-done
		fake.end()
		if len(received) != 5 || fake.Failed() {
			t.Errorf("received %q\n%s", received, fake.failures())
		}
	})
}

func TestStepped_isNeededForNext(t *testing.T) {
	t.Parallel()
	c, fake := play(t, longNight(t), "night")
	if _, ok := c.Next(); ok || !strings.Contains(fake.failures(), "option Stepped") {
		t.Errorf("Next = %v, reported %q", ok, fake.failures())
	}
}

// The network cannot be reached in replay, whatever the options say.
func TestReplay_refusesTheNetwork(t *testing.T) {
	t.Parallel()
	dir := twoRooms(t)
	c, fake := play(t, dir, "rooms", cassettes.Through(numbered()), cassettes.ThroughDialer(dials{errors.New("reached")}))
	if _, _, err := send(t, c, "GET", api+"/a", "", ""); !errors.Is(err, cassettes.ErrUnmatched) {
		t.Errorf("a request was answered: %v", err)
	}
	if _, err := c.Dialer().Dial(t.Context(), "wss://ws.queup.net/other/", nil); !errors.Is(err, cassettes.ErrUnmatched) || !realtime.IsPermanent(err) {
		t.Errorf("a handshake was answered: %v", err)
	}
	fake.end()
	if log := fake.logged(); !strings.Contains(log, "live 0") {
		t.Errorf("the summary is %q", log)
	}
}

func TestCassette_afterItsTest(t *testing.T) {
	t.Parallel()
	c, fake := play(t, twoRooms(t), "rooms", cassettes.AllowUnused())
	fake.end()
	if _, _, err := send(t, c, "GET", api+"/a", "", ""); err == nil {
		t.Error("a request after the test was answered")
	}
	if _, err := c.Dialer().Dial(t.Context(), "wss://ws.queup.net/ws/", nil); err == nil {
		t.Error("a handshake after the test was answered")
	}
	if fake.Failed() {
		t.Errorf("something was reported after the end of the test: %s", fake.failures())
	}
}
