package realtime

import (
	"sync/atomic"
	"time"
)

// Stats holds the figures of a [Conn] for a health check. Counts cover the whole life of the connection. A frame is one text
// frame of the websocket after the handshake; its bytes are the payload.
type Stats struct {
	Status     Status
	LastFrame  time.Time // receipt of the latest frame; zero if there was none
	LastPong   time.Time // receipt of the latest answer to a ping
	Reconnects int64     // links that replaced a lost one and have attached its channels
	FramesIn   int64
	FramesOut  int64
	BytesIn    int64
	BytesOut   int64
	Malformed  int64 // frames that could not be read; each is a [Malformed] event
	Dropped    int64 // events lost because the connection was closed while they waited; zero until then
	Waiting    int   // events in Conn.Events that were not received yet
}

// Stats returns a snapshot. It costs a few loads and a short lock, whatever the traffic.
func (c *Conn) Stats() Stats {
	s := &c.stats
	return Stats{
		Status:     c.Status(),
		LastFrame:  instant(&s.lastFrame),
		LastPong:   instant(&s.lastPong),
		Reconnects: s.reconnects.Load(),
		FramesIn:   s.framesIn.Load(),
		FramesOut:  s.framesOut.Load(),
		BytesIn:    s.bytesIn.Load(),
		BytesOut:   s.bytesOut.Load(),
		Malformed:  s.malformed.Load(),
		Dropped:    s.dropped.Load(),
		Waiting:    len(c.events),
	}
}

// counters are written by reader, writer and supervisor, and read by any goroutine.
type counters struct {
	lastFrame, lastPong atomic.Int64 // nanoseconds since 1970; zero: never
	reconnects          atomic.Int64
	framesIn, framesOut atomic.Int64
	bytesIn, bytesOut   atomic.Int64
	malformed, dropped  atomic.Int64
}

func (s *counters) received(at time.Time, n int) {
	s.lastFrame.Store(at.UnixNano())
	s.framesIn.Add(1)
	s.bytesIn.Add(int64(n))
}

func (s *counters) sent(n int) {
	s.framesOut.Add(1)
	s.bytesOut.Add(int64(n))
}

func instant(nanos *atomic.Int64) time.Time {
	if n := nanos.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}
