package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/faults"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// The promises of docs/BEHAVIOUR.md about the link itself.

// heartWire is a Dialer whose websockets announce another heartbeat than the server's own, and lose its pongs while muted. The
// server can then be patient, so that it is never the one who ends a dead link.
type heartWire struct {
	realtime.Dialer
	heart realtime.Open
	muted atomic.Bool
}

func (d *heartWire) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	socket, err := d.Dialer.Dial(ctx, url, h)
	if err != nil {
		return nil, err
	}
	return &heartSocket{socket, d}, nil
}

type heartSocket struct {
	realtime.Socket
	wire *heartWire
}

func (s *heartSocket) Read() (realtime.Opcode, []byte, error) {
	for {
		op, data, err := s.Socket.Read()
		if err != nil {
			return op, data, err
		}
		p, err := realtime.ParsePacket(data)
		switch {
		case err == nil && p.Type == realtime.PacketOpen:
			return op, realtime.AppendPacket(nil, p.Type, realtime.AppendOpen(nil, s.wire.heart)), nil
		case err == nil && p.Type == realtime.PacketPong && s.wire.muted.Load():
			continue
		}
		return op, data, nil
	}
}

// A link that is dead without having ended, in any of the ways there are, at any moment between two pings, whatever the
// server announces, and whether anybody says something meanwhile.
func TestQ01_deadLink(t *testing.T) {
	deaths := map[string][]faults.Fault{ // none: the server sends no pongs
		"half-open":       {faults.HalfOpen()},
		"half-open, up":   {faults.HalfOpen().Up()},
		"half-open, down": {faults.HalfOpen().Down()},
		"stall":           {faults.Stall()},
		"stall, up":       {faults.Stall().Up()},
		"stall, down":     {faults.Stall().Down()},
		"no pongs":        nil,
	}
	hearts := []realtime.Open{
		{PingInterval: 25 * time.Second, PingTimeout: 60 * time.Second}, // QueUp's
		{PingInterval: 25 * time.Second, PingTimeout: 5 * time.Second},
		{PingInterval: time.Second, PingTimeout: 2 * time.Second},
	}
	for name, death := range deaths {
		for _, heart := range hearts {
			for _, busy := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %v+%v, busy %v", name, heart.PingInterval, heart.PingTimeout, busy), func(t *testing.T) {
					for seed := range uint64(2) {
						synctest.Test(t, func(t *testing.T) {
							r := &dice{r: rand.New(rand.NewPCG(seed, 1))}
							server := queuptest.NewServer(queuptest.InMemory(), queuptest.Heartbeat(24*time.Hour, 24*time.Hour))
							defer server.Close()
							took := noticed(t, r, server, heart, death, busy)
							if most := heart.PingInterval + heart.PingTimeout + time.Second; took > most {
								t.Errorf("seed %d: noticed after %v, want %v at most", seed, took, most)
							}
						})
					}
				})
			}
		}
	}
}

// noticed returns how long a bot takes to tell that its link has died.
func noticed(t *testing.T, r *dice, server *queuptest.Server, heart realtime.Open, death []faults.Fault, busy bool) time.Duration {
	t.Helper()
	network := faults.New(1)
	wire := &heartWire{Dialer: network.Dialer(&realtime.WebsocketDialer{NetDialContext: server.DialContext}), heart: heart}
	bot, room := joinLounge(t, server, "bot", client.WithDialer(wire), client.WithReconnect(func(int, error) (time.Duration, bool) { return time.Hour, true }))
	lost := make(chan time.Time, 1)
	client.On(bot, func(_ context.Context, e client.Disconnected) error {
		lost <- e.At
		return nil
	})
	stop := make(chan struct{})
	defer close(stop)
	if busy {
		go keepBusy(t.Context(), room, server.Room("lounge"), stop)
	}
	time.Sleep(30*time.Second + r.upTo(30*time.Second))
	network.Set(death...)
	wire.muted.Store(death == nil)
	died := time.Now()
	defer func() { // for the goroutines of the network
		network.Set()
		wire.muted.Store(false)
	}()
	select {
	case <-lost:
		return time.Since(died)
	case <-time.After(time.Hour):
		return time.Hour
	}
}

// keepBusy has the server and the bot say something now and then, so that the link is never quiet by itself.
func keepBusy(ctx context.Context, room *client.Room, lounge *queuptest.Room, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(700 * time.Millisecond):
		}
		lounge.Say("alice", "tick")
		brief, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		_ = room.ChangePresence(brief, client.PresenceUpdate)
		cancel()
	}
}
