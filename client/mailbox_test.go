package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// The bot receives private messages again whatever has become of the channel that announces them, and gets those that it missed.
func TestMailbox_isAttachedAgain(t *testing.T) {
	// refuse has QueUp refuse the channel for a while.
	refuse := func(server *queuptest.Server, d time.Duration) {
		time.AfterFunc(d, server.RefuseChannel(server.MailboxOf("bot")))
	}
	for name, tt := range map[string]struct {
		before func(server *queuptest.Server) // the bot connects
		then   func(server *queuptest.Server) // when it is connected
	}{
		"refused when the bot connects": {
			before: func(server *queuptest.Server) { refuse(server, 5*time.Minute) },
		},
		"refused on the next link": {
			then: func(server *queuptest.Server) { refuse(server, 5*time.Minute); server.CutLinks() },
		},
		"refused on one link, and attached with the next one": {
			before: func(server *queuptest.Server) { refuse(server, 5*time.Minute) },
			then: func(server *queuptest.Server) {
				time.AfterFunc(5*time.Minute, server.CutLinks)
			},
		},
		"detached by the server": {
			then: func(server *queuptest.Server) { server.DetachChannel(server.MailboxOf("bot")) },
		},
		"detached by the server, and then refused": {
			then: func(server *queuptest.Server) {
				refuse(server, 5*time.Minute)
				server.DetachChannel(server.MailboxOf("bot"))
			},
		},
		"refused on each of many links": {
			then: func(server *queuptest.Server) {
				refuse(server, 5*time.Minute)
				for i := range 10 {
					time.AfterFunc(time.Duration(i)*29*time.Second, server.CutLinks)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				alice := loggedIn(t, server, "alice")
				botID := id(t, alice, "bot")
				if tt.before != nil {
					tt.before(server)
				}
				bot := connect(t, server, "bot", client.WithErrorHandler(func(context.Context, error) {}))
				heard := mailFrom(bot)
				if tt.then != nil {
					tt.then(server)
				}
				synctest.Wait()
				letter(t, alice, "one", botID)
				time.Sleep(time.Minute)
				letter(t, alice, "two", botID)
				time.Sleep(6 * time.Minute)
				var texts []string
				for _, line := range heard() {
					texts = append(texts, strings.TrimSuffix(line, " (resynced)"))
				}
				expect(t, "heard", texts, []string{"alice: one", "alice: two"})
				if err := bot.Health().MailErr; err != nil {
					t.Errorf("health: %v", err)
				}
				letter(t, alice, "three", botID)
				settle(time.Second)
				if got := heard(); len(got) != 3 || got[2] != "alice: three" {
					t.Errorf("heard %q", got)
				}
				server.CutLinks()
				time.Sleep(time.Minute)
				letter(t, alice, "four", botID)
				settle(time.Second)
				if got := heard(); len(got) != 4 || got[3] != "alice: four" {
					t.Errorf("heard %q", got)
				}
			})
		})
	}
}

// A mailbox that stays closed is reported: by Health at once, to the error handler after a while and once. It is asked for on every
// link, and on the same one with longer and longer pauses.
func TestMailbox_thatStaysRefusedIsReported(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		var mu sync.Mutex
		var reports []*client.MailboxError
		wire := newTap(server)
		var asked [3]atomic.Int32
		wire.out = func(link int, f *realtime.Frame) bool {
			if f.Action == realtime.ActionAttach && f.Channel == server.MailboxOf("bot") {
				asked[link].Add(1)
			}
			return false
		}
		stop := server.RefuseChannel(server.MailboxOf("bot"))
		began := time.Now()
		bot := connect(t, server, "bot", client.WithDialer(wire), client.WithErrorHandler(func(_ context.Context, err error) {
			mu.Lock()
			defer mu.Unlock()
			if report, ok := errors.AsType[*client.MailboxError](err); ok {
				reports = append(reports, report)
			}
		}))
		reported := func() []*client.MailboxError {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(reports)
		}
		synctest.Wait()
		var told *client.MailboxError
		if h := bot.Health(); !errors.As(h.MailErr, &told) || !told.Since.Equal(began) || h.State != realtime.StateConnected {
			t.Errorf("health: %+v", h)
		}
		time.Sleep(29 * time.Second)
		if len(reported()) > 0 {
			t.Error("the error handler was told too soon")
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		list := reported()
		if len(list) != 1 || !list[0].Since.Equal(began) {
			t.Fatalf("reports: %v", list)
		}
		if _, refused := errors.AsType[realtime.ServerError](list[0]); !refused || !strings.Contains(list[0].Error(), "not now") {
			t.Errorf("the report is %v", list[0])
		}
		if n := asked[1].Load(); n < 20 || n > 30 {
			t.Errorf("asked %d times on the first link", n)
		}
		server.CutLinks()
		settle(time.Second)
		if n := asked[2].Load(); n != 1 {
			t.Errorf("asked %d times on the next link", n)
		}
		stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		if h := bot.Health(); h.MailErr != nil || len(reported()) != 1 {
			t.Errorf("health: %+v, %d reports", h, len(reported()))
		}
	})
}

// The text names the time and the reason.
func TestMailboxError_text(t *testing.T) {
	err := &client.MailboxError{Since: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), Err: realtime.ServerError{Text: "no"}}
	if got, want := err.Error(), "queup: private messages not received since 2026-11-30T12:00:00Z: realtime: the server reports: no"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A server that attaches the mailbox and detaches it at once is asked seldom.
func TestMailbox_thatIsDetachedAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		wire := newTap(server)
		var asked atomic.Int32
		wire.in = func(_ int, f *realtime.Frame) bool {
			if f.Action == realtime.ActionAttached && f.Channel == server.MailboxOf("bot") {
				asked.Add(1)
				time.AfterFunc(time.Millisecond, func() { server.DetachChannel(server.MailboxOf("bot")) })
			}
			return false
		}
		_ = connect(t, server, "bot", client.WithDialer(wire))
		time.Sleep(10 * time.Minute)
		if n := asked.Load(); n < 10 || n > 40 {
			t.Errorf("asked %d times in ten minutes", n)
		}
	})
}

// fetches counts how often a conversation was fetched.
type fetches struct {
	mu sync.Mutex
	n  map[string]int // guarded by mu; by path
}

func (f *fetches) count(takes func(path string) time.Duration) queuptest.Option {
	f.n = make(map[string]int)
	return intercept(http.MethodGet, "/message/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		f.mu.Lock()
		f.n[req.URL.Path]++
		f.mu.Unlock()
		time.Sleep(takes(req.URL.Path))
		next.ServeHTTP(w, req)
	})
}

func (f *fetches) of(v *client.Conversation) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n["/message/"+string(v.ID())]
}

// A burst in one conversation is fetched a few times, and emitted whole and in order. Nobody else waits for it.
func TestPrivateMessage_inABurst(t *testing.T) {
	var f fetches
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, alice, bob := connect(t, server, "bot"), loggedIn(t, server, "alice"), loggedIn(t, server, "bob")
		botID := id(t, alice, "bot")
		first, second := letter(t, alice, "hello", botID), letter(t, bob, "hello", botID)
		time.Sleep(time.Minute)
		heard := mailFrom(bot)
		var toBob atomic.Int64
		began := time.Now()
		client.On(bot, func(_ context.Context, e client.PrivateMessage) error {
			if e.Author.Username == "bob" {
				toBob.Store(int64(time.Since(began)))
			}
			return nil
		})
		before := f.of(first)
		var want []string
		for i := range 500 {
			server.Message("alice", fmt.Sprint("line ", i), "bot")
			want = append(want, fmt.Sprint("alice: line ", i))
		}
		server.Message("bob", "me too", "bot")
		time.Sleep(time.Minute)
		got := heard()
		fromBob := slices.Index(got, "bob: me too")
		if fromBob < 0 {
			t.Fatalf("bob is not heard: %q", got)
		}
		expect(t, "events about alice", slices.Delete(slices.Clone(got), fromBob, fromBob+1), want)
		if n := f.of(first) - before; n > 3 {
			t.Errorf("500 messages were fetched %d times", n)
		}
		if d := time.Duration(toBob.Load()); d > time.Second {
			t.Errorf("bob was heard after %v", d)
		}
		_ = second
	}, f.count(func(string) time.Duration { return 50 * time.Millisecond }))
}

// A conversation that QueUp takes long to hand over holds up no other one.
func TestPrivateMessage_waitsForNoOtherConversation(t *testing.T) {
	var f fetches
	var slowPath atomic.Value
	slowPath.Store("")
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, alice, bob := connect(t, server, "bot"), loggedIn(t, server, "alice"), loggedIn(t, server, "bob")
		botID := id(t, alice, "bot")
		slowPath.Store("/message/" + string(letter(t, alice, "hello", botID).ID()))
		letter(t, bob, "hello", botID)
		time.Sleep(5 * time.Minute)
		heard := mailFrom(bot)
		for i := range 3 {
			server.Message("alice", fmt.Sprint("line ", i), "bot")
			server.Message("bob", fmt.Sprint("line ", i), "bot")
			settle(time.Second)
		}
		expect(t, "heard", heard(), []string{"bob: line 0", "bob: line 1", "bob: line 2"})
		time.Sleep(5 * time.Minute)
		expect(t, "heard", heard()[3:], []string{"alice: line 0", "alice: line 1", "alice: line 2"})
	}, f.count(func(path string) time.Duration {
		if path == slowPath.Load() {
			return 10 * time.Second
		}
		return 0
	}))
}

// At most four conversations are fetched at a time, each of them 250 ms after the one before, and the messages of all are emitted.
func TestPrivateMessage_ofManyConversations(t *testing.T) {
	world := queuptest.DefaultWorld()
	for i := range 40 {
		world.Users = append(world.Users, queuptest.User{Name: fmt.Sprint("friend-", i), Password: canary.Password})
	}
	var under, most atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		heard := mailFrom(bot)
		settle(time.Second)
		began := time.Now()
		var want []string
		for i := range 40 {
			server.Message(fmt.Sprint("friend-", i), "hello", "bot")
			want = append(want, fmt.Sprintf("friend-%d: hello", i))
		}
		time.Sleep(400 * time.Millisecond)
		if n := most.Load(); n != 2 { // another one each 250 ms
			t.Errorf("%d at a time after %v", n, time.Since(began))
		}
		for len(heard()) < 40 && time.Since(began) < time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		took := time.Since(began)
		got := heard()
		slices.Sort(got)
		slices.Sort(want)
		expect(t, "heard", got, want)
		t.Logf("told after %v, %d at a time", took, most.Load())
		if most.Load() != 4 || took > 15*time.Second { // one after the other it takes 40 s
			t.Errorf("told after %v, %d at a time", took, most.Load())
		}
	}, queuptest.WithWorld(world), intercept(http.MethodGet, "/message/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		n := under.Add(1)
		defer under.Add(-1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(time.Second)
		next.ServeHTTP(w, req)
	}))
}

// A stallingDialer makes websockets whose frames wait while it stalls. Nobody else notices: the server goes on writing.
type stallingDialer struct {
	dialer realtime.Dialer
	gate   atomic.Pointer[chan struct{}] // closed: frames go through
	dead   atomic.Bool                   // frames get lost with the link, after so many more
	last   atomic.Int32
}

func newStallingDialer(server *queuptest.Server) *stallingDialer {
	d := &stallingDialer{dialer: &realtime.WebsocketDialer{NetDialContext: server.DialContext}}
	open := make(chan struct{})
	close(open)
	d.gate.Store(&open)
	return d
}

// stall has frames wait until the function that it returns is called.
func (d *stallingDialer) stall() (goOn func()) {
	gate := make(chan struct{})
	d.gate.Store(&gate)
	return func() { close(gate) }
}

func (d *stallingDialer) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	inner, err := d.dialer.Dial(ctx, url, h)
	if err != nil {
		return nil, err
	}
	s := &stallingSocket{Socket: inner, dialer: d, frames: make(chan stalledFrame, 1000)}
	go func() {
		for {
			op, data, err := inner.Read()
			s.frames <- stalledFrame{op, bytes.Clone(data), err}
			if err != nil {
				return
			}
		}
	}()
	return s, nil
}

type stallingSocket struct {
	realtime.Socket
	dialer *stallingDialer
	frames chan stalledFrame
}

type stalledFrame struct {
	op   realtime.Opcode
	data []byte
	err  error
}

func (s *stallingSocket) Read() (realtime.Opcode, []byte, error) {
	f := <-s.frames
	<-*s.dialer.gate.Load()
	if s.dialer.dead.Load() && s.dialer.last.Add(-1) < 0 {
		return 0, nil, errors.New("the link is dead")
	}
	return f.op, f.data, f.err
}

// A link that stalls and goes on brings the news of several messages at once, long after they were written. All of them are emitted, in a
// conversation of which nothing was known as well.
func TestPrivateMessage_whenTheLinkStalls(t *testing.T) {
	for _, tt := range []struct{ stall, between time.Duration }{
		{10 * time.Second, 3 * time.Second},
		{40 * time.Second, 30 * time.Second},
		{55 * time.Second, 50 * time.Second},
	} {
		for after, running := range map[string]time.Duration{"at once": time.Second, "after an hour": time.Hour + 7*time.Second} {
			t.Run(fmt.Sprintf("%v for %v, %s", tt.between, tt.stall, after), func(t *testing.T) {
				inBubble(t, func(t *testing.T, server *queuptest.Server) {
					links := newStallingDialer(server)
					bot := connect(t, server, "bot", client.WithDialer(links))
					heard := mailFrom(bot)
					gaps := record(bot, func(e client.Gap) string { return e.What })
					time.Sleep(running)
					goOn := links.stall()
					time.Sleep(time.Second)
					server.Message("alice", "one", "bot")
					time.Sleep(tt.between)
					server.Message("alice", "two", "bot")
					time.Sleep(tt.stall - tt.between)
					goOn()
					time.Sleep(time.Minute)
					expect(t, "heard", heard(), []string{"alice: one", "alice: two"})
					expect(t, "gaps", gaps(), nil)
					if n := bot.Health().Reconnects; n > 0 {
						t.Errorf("the link broke %d times", n)
					}
				})
			})
		}
	}
}

// The last messages before a link that stalls is lost are missing as well, though a frame came until then, and late.
func TestPrivateMessage_whenAStalledLinkIsLost(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		links := newStallingDialer(server)
		bot := connect(t, server, "bot", client.WithDialer(links))
		heard := mailFrom(bot)
		time.Sleep(time.Hour + time.Second)
		goOn := links.stall()
		server.Message("bob", "zero", "bot")
		time.Sleep(time.Second)
		server.Message("alice", "one", "bot")
		time.Sleep(19 * time.Second)
		server.Message("alice", "two", "bot")
		links.last.Store(1)
		links.dead.Store(true)
		goOn()
		time.Sleep(10 * time.Millisecond)
		links.dead.Store(false)
		time.Sleep(time.Minute)
		expect(t, "heard", heard(), []string{"bob: zero", "alice: one (resynced)", "alice: two (resynced)"})
	})
}

// What was written before the bot came is not new. A message that was written just before is: its news may take QueUp 2 s.
func TestPrivateMessage_writtenBeforeTheBotCame(t *testing.T) {
	for _, tt := range []struct {
		before time.Duration
		want   []string
	}{
		{1900 * time.Millisecond, []string{"alice: before", "alice: after"}},
		{2100 * time.Millisecond, []string{"alice: after"}},
	} {
		t.Run(tt.before.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				server.Message("alice", "before", "bot")
				time.Sleep(tt.before)
				bot := connect(t, server, "bot", client.WithRecentConversations(false))
				heard := mailFrom(bot)
				server.Message("alice", "after", "bot")
				settle(time.Second)
				expect(t, "heard", heard(), tt.want)
			})
		})
	}
}

// A message is emitted once, though its conversation is forgotten before the next one comes.
func TestPrivateMessage_ofAForgottenConversation(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot", client.WithConversationCache(1))
		heard := mailFrom(bot)
		time.Sleep(20 * time.Second)
		var want []string
		for i := range 10 {
			for _, name := range []string{"alice", "bob", "carol"} {
				server.Message(name, fmt.Sprint("line ", i), "bot")
				want = append(want, fmt.Sprintf("%s: line %d", name, i))
				settle(100 * time.Millisecond)
			}
		}
		expect(t, "heard", heard(), want)
	})
}

// QueUp hands over the latest messages of a conversation only. When more than those were new, the others are a Gap.
func TestPrivateMessage_moreThanQueUpHandsOver(t *testing.T) {
	const most = 50
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		server.Message("alice", "hello", "bot")
		time.Sleep(time.Minute)
		heard := mailFrom(bot)
		gaps := record(bot, func(e client.Gap) string {
			return fmt.Sprint(e.What, " ", time.Since(e.From).Round(time.Second), " ", time.Since(e.To).Round(time.Second))
		})
		var said []string
		for i := range most + 10 {
			said = append(said, fmt.Sprint("alice: line ", i))
			server.Message("alice", fmt.Sprint("line ", i), "bot")
		}
		time.Sleep(time.Minute)
		expect(t, "heard", heard(), said[10:])
		expect(t, "gaps", gaps(), []string{"private messages 1m1s 1s"})
		server.Message("alice", "last", "bot")
		time.Sleep(time.Minute)
		expect(t, "heard", heard()[most:], []string{"alice: last"})
	}, intercept(http.MethodGet, "/message/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		time.Sleep(time.Second)
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, req)
		var envelope map[string]any
		if err := json.Unmarshal(answer.Body.Bytes(), &envelope); err == nil {
			if list, ok := envelope["data"].([]any); ok {
				envelope["data"] = list[:min(len(list), most)]
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(envelope)
	}))
}
