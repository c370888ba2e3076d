// Floor is what a program costs that does the least with QueUp's events: it joins the room by hand, and then reads frames and
// drops them, or decodes them with encoding/json into plain structs that nobody looks at. It contains no code of this module but
// the measuring. tools/bench starts it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/tools/bench/internal/probe"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "floor: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	var decodes bool
	c, err := probe.ParseFlags("floor", os.Args[1:], func(f *flag.FlagSet) {
		f.BoolVar(&decodes, "decode", false, "decode with encoding/json instead of dropping what was read")
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	h, err := newHand(c)
	if err != nil {
		return err
	}
	if c.Calls > 0 {
		return h.call(ctx)
	}
	conn, err := h.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := h.join(ctx, conn); err != nil {
		return err
	}
	if err := probe.TellReady(); err != nil || c.Frames == 0 {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience)) // never fails; the read tells
	work := dropAll
	if decodes {
		work = decodeAll
	}
	r, err := work(conn, c)
	if err != nil {
		return err
	}
	return probe.Tell(r)
}

// dropAll reads the warm-up, the event before what counts, what counts and the event after it, and looks at nothing.
func dropAll(conn *websocket.Conn, c probe.Config) (probe.Report, error) {
	var heard []int64
	if c.Times {
		heard = make([]int64, 0, c.Frames)
	}
	var meter probe.Meter
	for i := range c.WarmFrames + c.Frames + 2 {
		_, r, err := conn.NextReader()
		if err != nil {
			return probe.Report{}, err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return probe.Report{}, err
		}
		switch n := i - c.WarmFrames; {
		case n == 0:
			meter = probe.Start()
		case c.Times && 0 < n && n <= c.Frames:
			heard = append(heard, time.Now().UnixNano()) // of every event: it cannot tell them apart
		}
	}
	report, err := meter.Report()
	report.Done, report.Heard = c.Frames, heard
	return report, err
}

// decodeAll decodes every frame until the event after what counts.
func decodeAll(conn *websocket.Conn, c probe.Config) (probe.Report, error) {
	heard := make([]int64, 0, c.Chats)
	var meter probe.Meter
	events, chats := 0, 0
	for range c.WarmFrames + c.Frames + 2 {
		_, packet, err := conn.ReadMessage()
		if err != nil {
			return probe.Report{}, err
		}
		name, event, err := decode(packet)
		if err != nil {
			return probe.Report{}, fmt.Errorf("%s: %w", name, err)
		}
		switch name {
		case probe.Begin:
			meter = probe.Start()
			events, chats = 0, 0
			heard = heard[:0]
			continue
		case probe.End:
			continue
		}
		events++
		if _, ok := event.(*chatMessage); ok {
			if chats++; c.Times {
				heard = append(heard, time.Now().UnixNano())
			}
		}
	}
	report, err := meter.Report()
	report.Done, report.Chats, report.Heard = events, chats, heard
	return report, err
}
