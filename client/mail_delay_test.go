package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

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
	}, meddle(http.MethodGet, "/message/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
