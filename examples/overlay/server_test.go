package main

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEvents_everythingAtOnceForWhoComesLate(t *testing.T) {
	o := show(t, asBot)
	early := open(t, o.address)
	o.lounge.Say("alice", "one")
	o.lounge.Say("bob", "/me dances")
	o.lounge.Vote("bob", true)
	o.lounge.Vote("carol", false)
	o.lounge.Grab("mod")
	seen := early.until("all of it", func(p picture) bool {
		return len(p.Chat) == 2 && p.Playing.Up == 1 && p.Playing.Down == 1 && p.Playing.Grabs == 1
	})
	late, _ := open(t, o.address).next()
	if late.Playing.Elapsed < seen.Playing.Elapsed || late.Playing.Elapsed > 60_000 {
		t.Errorf("it plays for %d ms now, and for %d ms before", late.Playing.Elapsed, seen.Playing.Elapsed)
	}
	late.Playing.ID, late.Playing.Elapsed = "", 0
	for i := range late.Queue {
		if in := late.Queue[i].In; in < 100_000 || in > 1_000_000 {
			t.Errorf("%s plays in %d ms", late.Queue[i].Title, in)
		}
		late.Queue[i].ID, late.Queue[i].In = "", 0
	}
	for i := range late.Chat {
		late.Chat[i].ID = ""
	}
	want := picture{
		Room: "The Lounge", People: 5, Live: true,
		Playing: &current{Title: "Slow Tide", Artist: "Paper Lanterns", DJ: "alice", Length: 180_000, Up: 1, Down: 1, Grabs: 1},
		Queue:   []entry{{Title: "Corner Shop", Artist: "Nine & Dime", DJ: "bob"}, {Title: `"Dust" (Live)`, Artist: "The Attic", DJ: "carol"}},
		Chat:    []line{{Name: "alice", Text: "one"}, {Name: "bob", Text: "dances", Action: true}},
	}
	if diff := cmp.Diff(want, late, cmp.AllowUnexported(current{}, entry{}, line{})); diff != "" {
		t.Errorf("who comes late sees (-want +got)\n%s", diff)
	}
}

func TestEvents_followTheRoom(t *testing.T) {
	o := show(t, asBot)
	b := open(t, o.address)
	o.lounge.Say("alice", "mine")
	first := o.lounge.Say("bob", "first")
	o.lounge.Say("bob", "second")
	b.until("three lines", func(p picture) bool { return len(p.Chat) == 3 })
	o.lounge.DeleteMessage("mod", first)
	b.until("no deleted line", func(p picture) bool { return len(p.Chat) == 2 && !says(p, "first") })
	o.lounge.DeleteMessagesOf("mod", "bob")
	b.until("no line of bob", func(p picture) bool { return len(p.Chat) == 1 && says(p, "mine") })
	o.lounge.Skip("mod")
	b.until("the next song", func(p picture) bool { return p.Playing != nil && p.Playing.Title == "Corner Shop" && p.Playing.Up == 0 })
	o.lounge.Join("bot")
	b.until("one more", func(p picture) bool { return p.People == 6 })
	o.lounge.Retitle("owner", "Elsewhere")
	b.until("another name", func(p picture) bool { return p.Room == "Elsewhere" })
	for range 3 * maxLines {
		o.lounge.Say("carol", "again")
	}
	o.lounge.Say("carol", "last")
	p := b.until("the end", func(p picture) bool { return says(p, "last") })
	if len(p.Chat) != maxLines || p.Chat[maxLines-1].Text != "last" {
		t.Errorf("it shows %d lines, the last %+v", len(p.Chat), p.Chat[len(p.Chat)-1])
	}
}

// What somebody writes stays text: in JSON, where no tag can end anything, and without what commands terminals or turns the
// direction of writing.
func TestEvents_textIsText(t *testing.T) {
	o := show(t, asBot)
	b := open(t, o.address)
	const evil = `<script>alert("x")</script> & </style>`
	o.lounge.Say("alice", evil)
	o.lounge.Say("bob", "a\x1b[31mb\u202ec\nd\u0085e")
	for {
		p, raw := b.next()
		if len(p.Chat) < 2 {
			continue
		}
		if p.Chat[0].Text != evil {
			t.Errorf("the line reads %q", p.Chat[0].Text)
		}
		if strings.ContainsAny(raw, "<>&") {
			t.Errorf("there is markup in %s", raw)
		}
		if p.Chat[1].Text != "a[31mbc de" {
			t.Errorf("the other line reads %q", p.Chat[1].Text)
		}
		return
	}
}

func TestEvents_endWithTheProgram(t *testing.T) {
	o := show(t, asBot)
	b := open(t, o.address)
	b.next()
	o.stop()
	for b.lines.Scan() { // ends with the stream
	}
	if err := b.lines.Err(); err != nil {
		t.Errorf("the stream breaks: %v", err)
	}
	if err := <-o.ended; err != nil {
		t.Errorf("show = %v", err)
	}
}

func TestEvents_areForSoManyBrowsers(t *testing.T) {
	o := show(t, asBot)
	seats := make([]*viewer, maxBrowsers)
	for i := range seats {
		seats[i] = open(t, o.address)
		seats[i].next()
	}
	if resp := open(t, o.address).resp; resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many gets %s", resp.Status)
	}
	_ = seats[0].resp.Body.Close()
	o.lounge.Say("alice", "somebody left") // is noticed when something is sent
	for range 1000 {
		if resp := open(t, o.address).resp; resp.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("a seat that is free is not given")
}

// The page is for this machine, whatever name another website calls it by.
func TestHandler_answersNoForeignName(t *testing.T) {
	tests := map[string]struct {
		host   string
		remote bool
		want   int
	}{
		"the address":               {"127.0.0.1:8017", false, http.StatusOK},
		"the name":                  {"localhost:8017", false, http.StatusOK},
		"IPv6":                      {"[::1]:8017", false, http.StatusOK},
		"IPv6 without a port":       {"[::1]", false, http.StatusOK},
		"no port":                   {"localhost", false, http.StatusOK},
		"another website":           {"evil.example", false, http.StatusForbidden},
		"another website and port":  {"evil.example:8017", false, http.StatusForbidden},
		"an address of the network": {"192.0.2.1:8017", false, http.StatusForbidden},
		"when others may look":      {"192.0.2.1:8017", true, http.StatusOK},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Host = tt.host
			w := httptest.NewRecorder()
			handler(newScreen(), tt.remote).ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("it answers %d, want %d", w.Code, tt.want)
			}
		})
	}
}

// The page is all there: it asks for nothing from elsewhere, and the browser would refuse.
func TestPage_needsNothingElse(t *testing.T) {
	srv := httptest.NewServer(handler(newScreen(), false))
	defer srv.Close()
	get := func(path string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("/%s: %s, %v", path, resp.Status, err)
		}
		return resp, string(body)
	}
	resp, index := get("")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'"} {
		if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(index, -1)
	if len(links) < 2 {
		t.Errorf("the page has the links %q", links)
	}
	for _, link := range links {
		get(link[1])
	}
	err := fs.WalkDir(pageFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(pageFiles, path)
		for _, never := range []string{"http:", "https:", "//cdn", "@import", "url(", "innerHTML =", "outerHTML", "insertAdjacentHTML", "document.write", "eval("} {
			if strings.Contains(string(text), never) {
				t.Errorf("%s has %s", path, never)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A slowBrowser takes its time for each write, on virtual time. A stuck one takes for ever, and its writes end at their
// deadline.
type slowBrowser struct {
	header http.Header
	takes  time.Duration

	mu       sync.Mutex
	deadline time.Time // guarded by mu
	text     string    // guarded by mu
}

func (s *slowBrowser) Header() http.Header { return s.header }
func (s *slowBrowser) WriteHeader(int)     {}
func (s *slowBrowser) FlushError() error   { return nil }

func (s *slowBrowser) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	return nil
}

func (s *slowBrowser) Write(b []byte) (int, error) {
	s.mu.Lock()
	deadline := s.deadline
	s.mu.Unlock()
	if until := time.Until(deadline); until < s.takes {
		time.Sleep(until)
		return 0, io.ErrShortWrite
	}
	time.Sleep(s.takes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text += string(b)
	return len(b), nil
}

func (s *slowBrowser) got(part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text, part)
}

func TestEvents_slowBrowserHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := newScreen()
		stream := &events{screen: screen, seats: make(chan struct{}, maxBrowsers)}
		quick, slow, stuck := &slowBrowser{header: http.Header{}}, &slowBrowser{header: http.Header{}, takes: 3 * time.Second}, &slowBrowser{header: http.Header{}, takes: time.Hour}
		var streams sync.WaitGroup
		start := time.Now()
		var gaveUp time.Duration
		for _, w := range []*slowBrowser{quick, slow, stuck} {
			streams.Go(func() {
				stream.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/events", nil))
				if w == stuck {
					gaveUp = time.Since(start)
				}
			})
		}
		synctest.Wait()
		const pictures = 100
		for i := range pictures {
			began := time.Now()
			screen.show(picture{People: i})
			if waited := time.Since(began); waited > 0 {
				t.Fatalf("the bot waited %v for a browser", waited)
			}
			synctest.Wait()
			time.Sleep(repaint)
		}
		if got := quick.got("event: picture"); got != pictures+1 {
			t.Errorf("the quick browser saw %d pictures, want %d", got, pictures+1)
		}
		time.Sleep(10 * time.Second)
		if got := slow.got("event: picture"); got < 2 || got > 10 {
			t.Errorf("the slow browser saw %d pictures", got)
		}
		if slow.got(`"people":99`) != 1 {
			t.Error("the slow browser did not see the last picture once")
		}
		screen.close()
		streams.Wait()
		if gaveUp != writeTime || len(stream.seats) != 0 {
			t.Errorf("the stuck browser was given up after %v, %d seats are taken", gaveUp, len(stream.seats))
		}
	})
}

func TestEvents_heartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := newScreen()
		stream := &events{screen: screen, seats: make(chan struct{}, maxBrowsers)}
		w := &slowBrowser{header: http.Header{}}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			stream.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/events", nil))
		}()
		time.Sleep(10*time.Minute + time.Second)
		if got := w.got("event: beat\n"); got != 40 {
			t.Errorf("%d heartbeats in ten minutes, want 40", got)
		}
		if w.got("event: picture") != 1 || w.got("retry: 1000\n") != 1 || w.header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("the stream is %q, headers %v", w.text, w.header)
		}
		screen.close()
		<-ended
	})
}
