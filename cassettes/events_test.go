package cassettes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/realtime"
)

// bells is a server that emits events because of requests: for POST /ring/x before it answers, for POST /late/x a second after, for
// POST /mute none. POST /hang/up breaks all connections.
type bells struct {
	mu    sync.Mutex
	socks []*bellSocket
}

type bellSocket struct {
	realtime.Socket // nil: the other methods are not called
	frames          chan string
	closed          chan struct{}
	once            sync.Once
}

// RoundTrip implements http.RoundTripper.
func (b *bells) RoundTrip(req *http.Request) (*http.Response, error) {
	verb, text, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/"), "/")
	switch verb {
	case "ring":
		b.emit(text)
	case "late":
		time.AfterFunc(time.Second, func() { b.emit(text) })
	case "hang":
		b.mu.Lock()
		for _, s := range b.socks {
			close(s.frames)
		}
		b.socks = nil
		b.mu.Unlock()
	case "auth":
		name, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		if text == "login" {
			user, _, _ := strings.Cut(strings.TrimPrefix(string(name), "username="), "&")
			return reply("{}", "Set-Cookie", "connect.sid=session-of-"+user+"; Path=/"), nil
		}
		_, user, _ := strings.Cut(req.Header.Get("Cookie"), "session-of-")
		return reply(`{"token":"token-of-` + user + `"}`), nil
	}
	return reply("{}"), nil
}

func (b *bells) emit(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.socks {
		s.frames <- event("a", text)
	}
}

// Dial implements [realtime.Dialer].
func (b *bells) Dial(context.Context, string, http.Header) (realtime.Socket, error) {
	s := &bellSocket{frames: make(chan string, 100), closed: make(chan struct{})}
	s.frames <- greeting
	b.mu.Lock()
	defer b.mu.Unlock()
	b.socks = append(b.socks, s)
	return s, nil
}

func (s *bellSocket) Read() (realtime.Opcode, []byte, error) {
	select {
	case frame, open := <-s.frames:
		if !open {
			return 0, nil, io.ErrUnexpectedEOF
		}
		return realtime.Text, []byte(frame), nil
	case <-s.closed:
		return 0, nil, io.ErrClosedPipe
	}
}

func (s *bellSocket) Close(int, string) error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

var spoken = regexp.MustCompile(`message\\":\\"(\w+)`)

// ear is a program's connection, with the events that it has received.
type ear struct {
	sock realtime.Socket
	wg   sync.WaitGroup

	mu    sync.Mutex
	heard []string
}

// newEar dials, and receives events until the connection ends. on is called for each event, if it is not nil.
func newEar(t *testing.T, c *cassettes.Cassette, url string, on func(text string)) *ear {
	t.Helper()
	sock, err := c.Dialer().Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{sock: sock}
	e.wg.Go(func() {
		for {
			_, data, err := sock.Read()
			if err != nil {
				return
			}
			m := spoken.FindSubmatch(data)
			if m == nil {
				continue
			}
			e.mu.Lock()
			e.heard = append(e.heard, string(m[1]))
			e.mu.Unlock()
			if on != nil {
				on(string(m[1]))
			}
		}
	})
	return e
}

// known returns what was received so far.
func (e *ear) known() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.heard, " ")
}

func (e *ear) close() {
	_ = e.sock.Close(1000, "")
	e.wg.Wait()
}

var socketURL = fmt.Sprintf(wsURL, "abcdefgh")

// paces are the paces at which a recording is played.
var paces = map[string]cassettes.Option{"at once": cassettes.AtOnce(), "as it was": cassettes.Speed(1), "at speed 10": cassettes.Speed(10)}

// ringing records a program, and plays it at each pace. The program notes the same each time, and no request waits in vain.
func ringing(t *testing.T, program func(t *testing.T, c *cassettes.Cassette) []string) {
	t.Helper()
	for distance, wrap := range map[string]func(http.RoundTripper) http.RoundTripper{
		"near": func(rt http.RoundTripper) http.RoundTripper { return rt },
		"far":  func(rt http.RoundTripper) http.RoundTripper { return far{rt} },
	} {
		synctest.Test(t, func(t *testing.T) {
			server := &bells{}
			var recorded []string
			dir := capture(t, "bells", wrap(server), server, func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				recorded = program(t, c)
			})
			for pace, option := range paces {
				c, fake := play(t, dir, "bells", option)
				if diff := cmp.Diff(recorded, program(t, c)); diff != "" {
					t.Errorf("%s, %s: the program knew something else (-recorded +replayed):\n%s", distance, pace, diff)
				}
				fake.end()
				if fake.Failed() || strings.Contains(fake.logged(), "in vain") {
					t.Errorf("%s, %s: %s\n%s", distance, pace, fake.failures(), fake.logged())
				}
			}
		})
	}
}

// When an answer comes, the program knows the events that it knew when it was recorded, no more and no fewer.
func TestReplay_answersKeepTheirPlaceAmongEvents(t *testing.T) {
	t.Parallel()
	ringing(t, func(t *testing.T, c *cassettes.Cassette) (notes []string) {
		t.Helper()
		e := newEar(t, c, socketURL, nil)
		defer e.close()
		for i := range 3 {
			for _, verb := range []string{"ring", "mute", "late", "mute", "ring"} {
				want(t, c, "POST", fmt.Sprintf("%s/%s/%s%d", api, verb, verb, i), "", "")
				notes = append(notes, fmt.Sprintf("%s: %s", verb, e.known()))
			}
			time.Sleep(2 * time.Second)
		}
		return append(notes, e.known())
	})
}

// A program may make requests from where it reads its events.
func TestReplay_requestsOfTheReaderAreAnswered(t *testing.T) {
	t.Parallel()
	ringing(t, func(t *testing.T, c *cassettes.Cassette) (notes []string) {
		t.Helper()
		e := newEar(t, c, socketURL, func(text string) {
			if len(text) < 4 { // each event makes one more request, and that the next event
				want(t, c, "POST", api+"/ring/"+text+"a", "", "")
				want(t, c, "GET", api+"/room/"+text, "", "")
			}
		})
		defer e.close()
		want(t, c, "POST", api+"/ring/a", "", "")
		time.Sleep(10 * time.Second)
		return []string{e.known()}
	})
}

// Requests at the same time do not wait for one another for ever, nor for quiet seconds.
func TestReplay_parallelRequestsAmongEvents(t *testing.T) {
	t.Parallel()
	ringing(t, func(t *testing.T, c *cassettes.Cassette) (notes []string) {
		t.Helper()
		e := newEar(t, c, socketURL, nil)
		defer e.close()
		for round := range 3 {
			start := time.Now()
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					want(t, c, "POST", fmt.Sprintf("%s/ring/p%d%d", api, round, i), "", "")
					want(t, c, "GET", fmt.Sprintf("%s/room/%d", api, i), "", "")
				})
			}
			wg.Wait()
			if took := time.Since(start); took > time.Second {
				t.Errorf("it took %v", took)
			}
			notes = append(notes, fmt.Sprint(len(strings.Fields(e.known()))))
		}
		return notes
	})
}

// The answers after a lost connection do not wait for it.
func TestReplay_answersAfterALostConnection(t *testing.T) {
	t.Parallel()
	ringing(t, func(t *testing.T, c *cassettes.Cassette) (notes []string) {
		t.Helper()
		for i := range 3 {
			e := newEar(t, c, socketURL, nil)
			for _, path := range []string{"/ring/a", "/hang/up", "/ring/b"} {
				want(t, c, "POST", fmt.Sprint(api, path, i), "", "")
			}
			e.wg.Wait()
			notes = append(notes, e.known())
			_ = e.sock.Close(1000, "")
		}
		return notes
	})
}

// A fault ends the connection while an answer waits for its events. The answer comes at once.
func TestReplay_answersAfterAFault(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]cassettes.Option{"dropped": cassettes.DropAfter(2), "stalled": cassettes.StallAfter(2)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dir := ringThrice(t)
				c, fake := play(t, dir, "thrice", fault)
				e := newEar(t, c, socketURL, nil)
				start := time.Now()
				for _, text := range []string{"x", "y", "z"} {
					want(t, c, "POST", api+"/ring/"+text, "", "")
				}
				if took := time.Since(start); took > time.Second {
					t.Errorf("it took %v", took)
				}
				e.close()
				again := newEar(t, c, socketURL, nil) // the rest is played here
				time.Sleep(time.Second)
				again.close()
				fake.end()
				if strings.Contains(fake.logged(), "in vain") {
					t.Error(fake.logged())
				}
				if got := e.known() + "|" + again.known(); got != "x|" && got != "x|y z" {
					t.Errorf("received %q", got)
				}
			})
		})
	}
}

// ringThrice records a program that makes three requests, each with an event before its answer.
func ringThrice(t *testing.T) (dir string) {
	t.Helper()
	server := &bells{}
	return capture(t, "thrice", server, server, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		e := newEar(t, c, socketURL, nil)
		defer e.close()
		for _, text := range []string{"x", "y", "z"} {
			want(t, c, "POST", api+"/ring/"+text, "", "")
		}
	})
}

// A program that sends its requests in another order waits once for two quiet seconds, and gets its answers.
func TestReplay_anotherOrderAmongEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := ringThrice(t)
		for _, order := range []string{"yxz", "zyx", "xzy", "zxy"} {
			c, fake := play(t, dir, "thrice")
			e := newEar(t, c, socketURL, nil)
			start := time.Now()
			for text := range strings.SplitSeq(order, "") {
				want(t, c, "POST", api+"/ring/"+text, "", "")
			}
			if took := time.Since(start); took > 3*time.Second {
				t.Errorf("%s: it took %v", order, took)
			}
			time.Sleep(time.Second)
			if got := e.known(); got != "x y z" {
				t.Errorf("%s: received %s", order, got)
			}
			e.close()
			fake.end()
			if fake.Failed() || !strings.Contains(fake.logged(), "which came earlier when it was recorded") {
				t.Errorf("%s: %s\n%s", order, fake.failures(), fake.logged())
			}
		}
	})
}

// Two accounts act one after the other, in both orders and at the same time.
func TestReplay_accountsAmongEvents(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, c *cassettes.Cassette, name string) {
		t.Helper()
		v := newVisitor(t, c, name)
		v.do(t, "POST", "/auth/login", "username="+name+"&password=secret")
		var answer struct{ Token string }
		if err := json.Unmarshal([]byte(v.do(t, "GET", "/auth/token", "")), &answer); err != nil {
			t.Fatal(err)
		}
		e := newEar(t, c, "wss://ws.queup.net/ws/?EIO=3&transport=websocket&access_token="+answer.Token, nil)
		defer e.close()
		for i := range 4 {
			v.do(t, "POST", fmt.Sprintf("/ring/%s%d", name, i), "")
			if want := fmt.Sprintf("%s%d", name, i); !strings.HasSuffix(e.known(), want) {
				t.Errorf("%s was answered before %s: %s", name, want, e.known())
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		server := &bells{}
		dir := capture(t, "accounts", server, server, func(t *testing.T, c *cassettes.Cassette) {
			t.Helper()
			run(t, c, "ann")
			run(t, c, "robert")
		})
		for name, all := range map[string]func(t *testing.T, c *cassettes.Cassette){
			"as they were":     func(t *testing.T, c *cassettes.Cassette) { t.Helper(); run(t, c, "ann"); run(t, c, "robert") },
			"in another order": func(t *testing.T, c *cassettes.Cassette) { t.Helper(); run(t, c, "robert"); run(t, c, "ann") },
			"at the same time": func(t *testing.T, c *cassettes.Cassette) {
				t.Helper()
				var wg sync.WaitGroup
				wg.Go(func() { run(t, c, "ann") })
				wg.Go(func() { run(t, c, "robert") })
				wg.Wait()
			},
		} {
			c, fake := play(t, dir, "accounts")
			start := time.Now()
			all(t, c)
			if took := time.Since(start); took > time.Second {
				t.Errorf("%s: it took %v", name, took)
			}
			fake.end()
			if fake.Failed() || strings.Contains(fake.logged(), "in vain") {
				t.Errorf("%s: %s\n%s", name, fake.failures(), fake.logged())
			}
		}
	})
}

// A test that goes step by step asks for an event after the answer, although it came before.
func TestReplay_steppedAnswersDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := ringThrice(t)
		c, fake := play(t, dir, "thrice", cassettes.Stepped())
		e := newEar(t, c, socketURL, nil)
		start := time.Now()
		for _, text := range []string{"x", "y", "z"} {
			want(t, c, "POST", api+"/ring/"+text, "", "")
			if f, ok := c.Next(); !ok || !strings.Contains(string(f.Data), text) {
				t.Errorf("after %s came %s, %v", text, f.Data, ok)
			}
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
		synctest.Wait()
		e.close()
		fake.end()
		if fake.Failed() {
			t.Error(fake.failures())
		}
	})
}

// Recordings from before the header do not make answers wait.
func TestReplay_recordingsWithoutEventsBeforeAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := ringThrice(t)
		edit(t, dir, regexp.MustCompile(`(?m)^ +Cassette-Events:\n +- .*\n`), "")
		c, fake := play(t, dir, "thrice")
		sock := dial(t, c)
		for _, text := range []string{"x", "y", "z"} {
			want(t, c, "POST", api+"/ring/"+text, "", "") // nobody reads the events
		}
		readFrames(t, sock, 4)
		_ = sock.Close(1000, "")
		fake.end()
		if fake.Failed() {
			t.Error(fake.failures())
		}
	})
}

// A header that cannot be right is refused.
func TestOpen_refusesImpossibleEventsBeforeAnswers(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		"1:99": "event 99 of connection 1, which does not exist",
		"7:0":  "event 0 of connection 7, which does not exist",
		"1:-1": "malformed",
		"1":    "malformed",
		"a:1":  "malformed",
	} {
		synctest.Test(t, func(t *testing.T) {
			dir := ringThrice(t)
			edit(t, dir, regexp.MustCompile(`"?1:3"?`), `"`+text+`"`)
			_, fake := play(t, dir, "thrice")
			if !strings.Contains(fake.failures(), problem) {
				t.Errorf("%s: %s", text, fake.failures())
			}
		})
	}
}

// edit changes the HTTP half of the recording that ringThrice makes.
func edit(t *testing.T, dir string, what *regexp.Regexp, to string) {
	t.Helper()
	file := filepath.Join(dir, "thrice.http.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !what.Match(b) {
		t.Fatalf("%s is not in\n%s", what, b)
	}
	if err := os.WriteFile(file, what.ReplaceAll(b, []byte(to)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// called calls a function when it is read.
type called func()

func (f called) Read([]byte) (int, error) { f(); return 0, io.EOF }

// In real time, too, an answer is not returned before the program has read the events that came before it.
func TestReplay_answersWaitInRealTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		if err := os.CopyFS(dir, os.DirFS(ringThrice(t))); err != nil {
			t.Fatal(err)
		}
	})
	for range 20 {
		c, fake := play(t, dir, "thrice")
		sock := dial(t, c)
		readFrames(t, sock, 1)
		for _, text := range []string{"x", "y", "z"} {
			var mu sync.Mutex
			reads := false
			sent := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				<-sent
				mu.Lock()
				reads = true
				mu.Unlock()
				readFrames(t, sock, 1)
			})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api+"/ring/"+text, called(sync.OnceFunc(func() { close(sent) })))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Transport().RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			mu.Lock()
			if !reads {
				t.Errorf("%s was answered before its event was read", text)
			}
			mu.Unlock()
			wg.Wait()
		}
		_ = sock.Close(1000, "")
		fake.end()
		if fake.Failed() {
			t.Fatal(fake.failures())
		}
	}
}
