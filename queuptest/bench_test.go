package queuptest_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/queuptest"
)

// attach opens a websocket on a room and leaves it to the benchmark to read.
func attach(b *testing.B, srv *queuptest.Server, token string) *websocket.Conn {
	b.Helper()
	d := websocket.Dialer{NetDialContext: srv.DialContext, ReadBufferSize: 64 << 10}
	conn, resp, err := d.DialContext(b.Context(), srv.RealtimeURL()+"?access_token="+token, nil)
	if err != nil {
		b.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`4{"action":10,"channel":"room:`+srv.Room("lounge").ID()+`"}`)); err != nil {
		b.Fatal(err)
	}
	for range 3 { // open, connected, attached
		if _, _, err := conn.ReadMessage(); err != nil {
			b.Fatal(err)
		}
	}
	return conn
}

// cpu is the processor time of the whole process.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// How fast prepared frames get to one socket over TCP: to a client that only takes the bytes, and to gorilla's reader, which
// is the floor of any client that uses it.
func BenchmarkFlood(b *testing.B) {
	for name, read := range map[string]func(conn *websocket.Conn, frames, bytes int) error{
		"bytes":   readBytes,
		"gorilla": readFrames,
	} {
		b.Run(name, func(b *testing.B) {
			srv := start(b, fiftyPeople())
			room := srv.Room("lounge")
			flood := room.PrepareFlood(queuptest.FloodConfig{Events: 20_000})
			conn := attach(b, srv, newBrowser(b, srv).token().Token)
			defer conn.Close()
			b.SetBytes(int64(flood.Size()))
			before := cpu(b)
			frames := 0
			for b.Loop() {
				done := make(chan error, 1)
				go func() { done <- read(conn, flood.Len(), flood.Size()) }()
				if err := room.SendFlood(b.Context(), flood, 0); err != nil {
					b.Fatal(err)
				}
				if err := <-done; err != nil {
					b.Fatal(err)
				}
				frames += flood.Len()
			}
			b.ReportMetric(float64(frames)/b.Elapsed().Seconds(), "frames/s")
			b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(frames), "cpu-ns/frame")
			b.ReportMetric(float64(flood.Size())/float64(flood.Len()), "B/frame")
		})
	}
}

func readBytes(conn *websocket.Conn, _, bytes int) error {
	_, err := io.CopyN(io.Discard, onlyReader{conn.NetConn()}, int64(bytes))
	return err
}

// onlyReader keeps io.Copy from tricks that a client does not have.
type onlyReader struct{ conn net.Conn }

func (r onlyReader) Read(p []byte) (int, error) { return r.conn.Read(p) }

func readFrames(conn *websocket.Conn, frames, _ int) error {
	for range frames {
		_, r, err := conn.NextReader()
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
	}
	return nil
}

// A thousand sockets hear a crowd of 500 that does 20 things a second: whether the server keeps pace, and what a frame costs,
// all thousand readers included. One iteration is two seconds.
func BenchmarkCrowd_thousandSockets(b *testing.B) {
	const sockets, rate = 1000, 20.0
	srv := start(b, queuptest.Crowd(queuptest.CrowdConfig{Members: 500, Rate: rate, Seed: 2}))
	token := newBrowser(b, srv).token().Token
	var heard atomic.Int64
	var readers sync.WaitGroup
	for range sockets {
		conn := attach(b, srv, token)
		readers.Go(func() {
			defer conn.Close()
			for {
				_, r, err := conn.NextReader()
				if err != nil {
					return
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					return
				}
				heard.Add(1)
			}
		})
	}
	first, before := heard.Load(), cpu(b)
	for b.Loop() {
		time.Sleep(2 * time.Second)
	}
	frames := float64(heard.Load() - first)
	b.ReportMetric(frames/b.Elapsed().Seconds(), "frames/s")
	b.ReportMetric(frames/sockets/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/frames, "cpu-ns/frame")
	b.ReportMetric(100*(cpu(b)-before).Seconds()/b.Elapsed().Seconds(), "cpu-%")
	srv.CutLinks()
	readers.Wait()
}

// What it costs to prepare.
func BenchmarkPrepare(b *testing.B) {
	srv := start(b, fiftyPeople())
	room := srv.Room("lounge")
	for b.Loop() {
		room.PrepareFlood(queuptest.FloodConfig{Events: 1000})
	}
}
