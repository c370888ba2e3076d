package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/examples/internal/scenetest"
	"github.com/queup-go/queup/queuptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// printed is where a program prints while the test reads.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

var pageAddress = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)

// await waits until the page's address is printed.
func (p *printed) await(t *testing.T, ended <-chan error) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if address := pageAddress.FindString(p.String()); address != "" {
			return address
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended with %v, having printed\n%s", err, p)
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatalf("there is no address in\n%s", p)
	return ""
}

// A shown overlay is one whose page is up, in front of a server that the test plays with.
type shown struct {
	server  *queuptest.Server
	lounge  *queuptest.Room
	address string
	printed *printed
	ended   chan error
	stop    context.CancelFunc
}

// show runs the overlay of the lounge.
func show(t *testing.T, s settings, opts ...queuptest.Option) *shown {
	t.Helper()
	server := queuptest.NewServer(opts...)
	t.Cleanup(server.Close)
	o := &shown{server: server, lounge: server.Room("lounge")}
	o.start(t, s, "127.0.0.1:0")
	return o
}

func (o *shown) start(t *testing.T, s settings, addr string) {
	t.Helper()
	l, err := listen(t.Context(), addr, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	o.stop, o.printed, o.ended = stop, new(printed), make(chan error, 1)
	ended := o.ended
	t.Cleanup(func() {
		stop()
		for range ended { // closed in the end
		}
		_ = l.Close()
	})
	go func() {
		defer close(ended)
		ended <- s.show(ctx, l, o.printed, client.WithBaseURL(o.server.URL()), client.WithRealtimeURL(o.server.RealtimeURL()))
	}()
	o.address = o.printed.await(t, o.ended)
}

var asBot = settings{room: "lounge", email: "bot", password: scene.Password}

// A viewer reads a stream of pictures.
type viewer struct {
	t     *testing.T
	lines *bufio.Scanner
	resp  *http.Response
}

func open(t *testing.T, address string) *viewer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return &viewer{t, lines, resp}
}

// next returns the next picture, as it came.
func (b *viewer) next() (p picture, raw string) {
	b.t.Helper()
	for event := ""; b.lines.Scan(); {
		line := b.lines.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && event == "picture" {
			if err := json.Unmarshal([]byte(data), &p); err != nil {
				b.t.Fatalf("%v in %s", err, data)
			}
			return p, data
		}
	}
	b.t.Fatalf("the stream has ended: %v", b.lines.Err())
	return p, ""
}

// until reads pictures up to one that is as it should be.
func (b *viewer) until(what string, is func(picture) bool) picture {
	b.t.Helper()
	for range 10_000 {
		if p, _ := b.next(); is(p) {
			return p
		}
	}
	b.t.Fatalf("no picture shows %s", what)
	return picture{}
}

func says(p picture, text string) bool {
	for _, l := range p.Chat {
		if l.Text == text {
			return true
		}
	}
	return false
}

func TestRun_showsADemonstration(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out printed
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-listen", "127.0.0.1:0"}, &out, scenetest.Environment(nil)) }()
	address := out.await(t, ended)
	p := open(t, address).until("a lively room", func(p picture) bool {
		return p.Playing != nil && len(p.Queue) > 0 && len(p.Chat) > 2
	})
	if p.Room != "The Lounge" || !p.Live || p.Blind || p.People < 20 {
		t.Errorf("the picture is %+v", p)
	}
	if !says(p, "welcome to the stream, everybody 👋") {
		t.Errorf("earlier lines are not in %+v", p.Chat)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("interrupted, it ends with %v", err)
	}
}

func TestRun_refuses(t *testing.T) {
	tests := map[string]struct {
		args      []string
		variables map[string]string
		want      []string // in the error
	}{
		"an account without a room": {
			nil,
			map[string]string{"QUEUP_EMAIL": "bot@example.com", "QUEUP_PASSWORD": "hunter2"},
			[]string{"QUEUP_ROOM", "QUEUP_EMAIL", "QUEUP_PASSWORD"},
		},
		"a name without a password": {nil, map[string]string{"QUEUP_ROOM": "lounge", "QUEUP_EMAIL": "bot@example.com"}, []string{"QUEUP_PASSWORD"}},
		"a password without a name": {nil, map[string]string{"QUEUP_ROOM": "lounge", "QUEUP_PASSWORD": "hunter2"}, []string{"QUEUP_EMAIL"}},
		"another QueUp alone":       {nil, map[string]string{"QUEUP_URL": "http://127.0.0.1:1"}, []string{"QUEUP_ROOM"}},
		"all addresses":             {[]string{"-listen", ":0"}, nil, []string{"-remote", "127.0.0.1"}},
		"an address of the network": {[]string{"-listen", "192.0.2.1:80"}, nil, []string{"192.0.2.1:80", "-remote"}},
		"a name of the network":     {[]string{"-listen", "example.com:80"}, nil, []string{"-remote"}},
		"IPv6 for everybody":        {[]string{"-listen", "[::]:0"}, nil, []string{"-remote"}},
		"no port":                   {[]string{"-listen", "127.0.0.1"}, nil, []string{"-listen", "127.0.0.1:8017"}},
		"an argument":               {[]string{"lounge"}, nil, []string{`"lounge"`}},
		"an unknown flag":           {[]string{"-public"}, nil, []string{"-public"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), tt.args, new(printed), scenetest.Environment(tt.variables))
			if err == nil {
				t.Fatal("it ran")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %s: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error contains the password: %v", err)
			}
		})
	}
}

func TestRun_saysThatTheAddressIsTaken(t *testing.T) {
	l, err := listen(t.Context(), "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = run(t.Context(), []string{"-listen", l.Addr().String()}, new(printed), scenetest.Environment(nil))
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "-listen") {
		t.Errorf("run = %v", err)
	}
}

func TestListen_remoteIsForEverybody(t *testing.T) {
	l, err := listen(t.Context(), "127.0.0.1:0", true) // another address would leave the loopback
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if !l.remote {
		t.Error("-remote is forgotten")
	}
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.8.9.1": true, "::1": true, "localhost": true, "LocalHost": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "example.com": false, "localhost.example.com": false, "127.0.0.1.nip.io": false,
	} {
		if isLoopback(host) != want {
			t.Errorf("isLoopback(%q) = %v", host, !want)
		}
	}
}

func TestShow_endsWithTheRoomThatIsNotThere(t *testing.T) {
	server := queuptest.NewServer()
	defer server.Close()
	l, err := listen(t.Context(), "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := settings{room: "nowhere"}
	err = s.show(t.Context(), l, new(printed), client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()))
	if err == nil || !strings.Contains(err.Error(), `"nowhere"`) {
		t.Errorf("show = %v", err)
	}
}

func TestShownAddress(t *testing.T) {
	for at, want := range map[string]string{
		"127.0.0.1:8017": "127.0.0.1:8017", "192.0.2.1:80": "192.0.2.1:80", "[::1]:8017": "[::1]:8017",
		"0.0.0.0:8017": "127.0.0.1:8017", "[::]:8017": "127.0.0.1:8017",
	} {
		if got := shownAddress(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(at))); got != want {
			t.Errorf("shownAddress(%s) = %s, want %s", at, got, want)
		}
	}
}

// A guest sees the current song and the chat. The queue is for accounts.
func TestShow_asAGuest(t *testing.T) {
	o := show(t, settings{room: "lounge"})
	p, _ := open(t, o.address).next()
	if p.Playing == nil || p.Playing.Title != "Slow Tide" || !p.Blind || len(p.Queue) > 0 {
		t.Errorf("the picture is %+v", p)
	}
	if !strings.Contains(o.printed.String(), "QUEUP_EMAIL") {
		t.Errorf("it does not say why there is no queue:\n%s", o.printed)
	}
	for _, name := range o.lounge.Members() {
		if name == "bot" {
			t.Error("the overlay appears in the room")
		}
	}
}

// A user who is not let in gets one line that says what to do.
func TestRun_notLetIn(t *testing.T) {
	scenetest.Refusals(t, false, nil, func(ctx context.Context, getenv func(string) string) error {
		return run(ctx, []string{"-listen", "127.0.0.1:0"}, new(bytes.Buffer), getenv)
	})
}
