package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// dialFunc is a function that is a Dialer.
type dialFunc func(ctx context.Context, url string, h http.Header) (realtime.Socket, error)

func (f dialFunc) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	return f(ctx, url, h)
}

func TestDone_waitsForADialerThatIgnoresItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		var dialing atomic.Bool
		bot := newBot(t, server, client.WithDialer(dialFunc(func(context.Context, string, http.Header) (realtime.Socket, error) {
			dialing.Store(true)
			defer dialing.Store(false)
			time.Sleep(time.Hour)
			return nil, errors.New("nobody answers")
		})))
		if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := bot.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Connect = %v", err)
		}
		if !dialing.Load() {
			t.Fatal("the dialer is through")
		}
		_ = bot.Close()
		<-bot.Done()
		if dialing.Load() {
			t.Error("Done is closed, and the dialer still runs")
			time.Sleep(time.Hour)
		}
	})
}

// counted is a network connection that is counted while it is open.
type counted struct {
	net.Conn
	open   *atomic.Int32
	closed atomic.Bool
}

func (c *counted) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

func TestDone_leavesNoConnectionOpen(t *testing.T) {
	tests := map[string]struct {
		opts  []client.Option
		users bool // REST goes through a transport of the user's
	}{
		"by default":                        {},
		"with the user's http.Client":       {opts: []client.Option{client.WithHTTPClient(new(http.Client))}},
		"but those of the user's transport": {users: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				var open atomic.Int32
				dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := server.DialContext(ctx, network, addr)
					if err != nil {
						return nil, err
					}
					open.Add(1)
					return &counted{Conn: conn, open: &open}, nil
				}
				opts := append([]client.Option{client.WithDialContext(dial)}, tt.opts...)
				if tt.users {
					transport := &http.Transport{DialContext: dial}
					defer transport.CloseIdleConnections()
					opts = append(opts, client.WithTransport(transport))
				}
				bot, _ := joinLounge(t, server, "bot", opts...)
				if open.Load() < 2 {
					t.Fatalf("%d connections while REST and the websocket are in use", open.Load())
				}
				_ = bot.Close()
				<-bot.Done()
				if n := open.Load(); (n > 0) != tt.users {
					t.Errorf("%d connections are open", n)
				}
			})
		})
	}
}

// A bot that visits room after room remembers the latest of them, and always those that it is in.
func TestRooms_areForgottenSomeTimeAfterTheyWereLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rooms = 200
		world := queuptest.DefaultWorld()
		for i := range rooms {
			room := world.Rooms[0]
			room.Slug, room.Songs = fmt.Sprintf("room-%d", i), nil
			if i%2 == 1 {
				room.Banned = []string{"bot"}
			}
			world.Rooms = append(world.Rooms, room)
		}
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world))
		defer server.Close()
		bot, lounge := joinLounge(t, server, "bot")
		last := lounge
		for i := range rooms {
			room, err := bot.JoinRoom(t.Context(), fmt.Sprintf("room-%d", i))
			if i%2 == 1 {
				if !errors.Is(err, client.ErrBanned) {
					t.Fatal(err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := room.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
			last = room
		}
		if n := bot.Rooms().Len(); n < 2 || n > 100 {
			t.Errorf("%d rooms are remembered", n)
		}
		if room, ok := bot.Rooms().Get(lounge.ID()); !ok || room != lounge {
			t.Error("the room that the bot is in is forgotten")
		}
		if room, ok := bot.Rooms().Get(last.ID()); !ok || room != last {
			t.Error("the room that was left last is forgotten")
		}
		expectAlive(t, server, lounge)
	})
}
