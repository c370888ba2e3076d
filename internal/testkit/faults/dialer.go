package faults

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"net/http"

	"github.com/queup-go/queup/realtime"
)

// Dialer wraps a dialer of websockets. Of a *[realtime.WebsocketDialer] it wraps the bytes as well as the frames; of others it
// reaches the frames only.
func (in *Injector) Dialer(next realtime.Dialer) realtime.Dialer {
	if ws, ok := next.(*realtime.WebsocketDialer); ok {
		wrapped := *ws
		if wrapped.NetDialContext == nil {
			wrapped.NetDialContext = new(net.Dialer).DialContext
			if wrapped.Proxy == nil {
				wrapped.Proxy = http.ProxyFromEnvironment // as before
			}
		}
		wrapped.NetDialContext = in.DialContext(wrapped.NetDialContext)
		next = &wrapped
	}
	return &dialer{in: in, next: next}
}

type dialer struct {
	in   *Injector
	next realtime.Dialer
}

// Dial implements [realtime.Dialer].
func (d *dialer) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	sock, err := d.next.Dial(ctx, url, h)
	if err != nil {
		return nil, err
	}
	return &socket{Socket: sock, in: d.in, rand: d.in.chance()}, nil
}

// socket acts on frames.
type socket struct {
	realtime.Socket
	in   *Injector
	rand [2]*rand.Rand // owned by the writer and the reader

	again   []byte // owned by the reader: the second of two equal frames
	againOp realtime.Opcode
}

// Read implements [realtime.Socket].
func (s *socket) Read() (realtime.Opcode, []byte, error) {
	if s.again != nil {
		data := s.again
		s.again = nil
		return s.againOp, data, nil
	}
	for {
		op, data, err := s.Socket.Read()
		if err != nil {
			return op, data, err
		}
		data, times := s.spoil(down, data)
		if times == 0 {
			continue
		}
		if times > 1 {
			s.again, s.againOp = append([]byte{}, data...), op
		}
		return op, data, nil
	}
}

// Write implements [realtime.Socket].
func (s *socket) Write(op realtime.Opcode, data []byte) error {
	data, times := s.spoil(up, data)
	for range times {
		if err := s.Socket.Write(op, data); err != nil {
			return err
		}
	}
	return nil
}

// spoil returns what becomes of a frame, and how often it arrives.
func (s *socket) spoil(dir stream, data []byte) (spoilt []byte, times int) {
	faults, _, _ := s.in.active(dir, true)
	times = 1
	for _, f := range faults {
		switch f.kind {
		case halfOpen:
			return nil, 0
		case truncate:
			data = data[:min(int64(len(data)), f.size)]
		case duplicate:
			if s.rand[dir].Float64() < f.chance {
				times = 2
			}
		case corrupt:
			if s.rand[dir].Float64() < f.chance {
				data = bytes.Clone(data)
				flip(data, s.rand[dir])
			}
		}
	}
	return data, times
}
