package client_test

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// A tap is a Dialer at whose websockets a test can listen in: it sees QueUp's frames, and decides which of them get
// lost. The websockets are counted from 1.
type tap struct {
	dialer realtime.Dialer
	in     func(link int, f *realtime.Frame) (lost bool) // from the server, which it may change; nil lets all through
	out    func(link int, f *realtime.Frame) (lost bool) // from the client; the same
	links  atomic.Int32
}

// newTap makes a tap on the way to a server. Its in and out are set before the client connects.
func newTap(server *queuptest.Server) *tap {
	return &tap{dialer: &realtime.WebsocketDialer{NetDialContext: server.DialContext}}
}

func (t *tap) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	socket, err := t.dialer.Dial(ctx, url, h)
	if err != nil {
		return nil, err
	}
	return &tapped{socket, t, int(t.links.Add(1))}, nil
}

// tapped is one websocket of a tap.
type tapped struct {
	realtime.Socket
	tap  *tap
	link int
}

func (s *tapped) Read() (realtime.Opcode, []byte, error) {
	for {
		op, data, err := s.Socket.Read()
		if err != nil {
			return op, data, err
		}
		if data, lost := s.pass(s.tap.in, data); !lost {
			return op, data, nil
		}
	}
}

func (s *tapped) Write(op realtime.Opcode, data []byte) error {
	data, lost := s.pass(s.tap.out, data)
	if lost {
		return nil
	}
	return s.Socket.Write(op, data)
}

// pass shows a packet to the test, if there is a frame in it.
func (s *tapped) pass(show func(int, *realtime.Frame) bool, data []byte) (passed []byte, lost bool) {
	packet, err := realtime.ParsePacket(data)
	if show == nil || err != nil || packet.Type != realtime.PacketMessage {
		return data, false
	}
	f, err := realtime.ParseFrame(packet.Data)
	if err != nil {
		return data, false
	}
	lost = show(s.link, &f)
	return realtime.AppendPacket(nil, packet.Type, realtime.AppendFrame(nil, f)), lost
}
