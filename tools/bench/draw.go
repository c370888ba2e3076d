package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
)

// A panel is one curve of the picture, with the mark that it is to stay under.
type panel struct {
	title, axis     string
	benchmark, unit string
	scale           float64 // of the unit in the picture
	log             bool    // the sizes grow by factors
	mark            func(s Series, x float64) float64
	says            string // of the mark
}

func belowFlat(s Series, _ float64) float64 { return s.first().Y * flat }

func belowSlope(bytes float64) func(Series, float64) float64 {
	return func(s Series, x float64) float64 { return s.first().Y + bytes*(x-s.first().X) }
}

var panels = []panel{
	{"CPU an event, one room", "members", "Crowd", "cpu-ns/event", 1000, true, belowFlat, "µs; dashed: 1.5 times the first"},
	{"CPU an event, 50 members a room", "rooms on one socket", "ScaleRooms", "cpu-ns/event", 1000, true, belowFlat, "µs; dashed: 1.5 times the first"},
	{"Memory in one room", "members", "ScaleHeapMembers", "heap-B", mib, false, belowSlope(memberBytes), "MiB; dashed: 2 KiB a member"},
	{"Memory in idle rooms", "rooms", "ScaleHeapIdleRooms", "heap-B", mib, false, belowSlope(roomBytes), "MiB; dashed: 64 KiB a room"},
	{"Memory in rooms of 100 members", "rooms", "ScaleHeapRooms", "heap-B", mib, false, belowSlope(100*memberBytes + roomBytes), "MiB; dashed: both together"},
	{"Memory while a history is read", "plays so far", "ScaleHistory", "heap-B", mib, false, belowFlat, "MiB; dashed: 1.5 times the first"},
}

// Sizes in the picture.
const (
	panelsAcross = 2
	panelWidth   = 420
	panelHeight  = 250
	marginLeft   = 56.0
	marginRight  = 24.0
	marginTop    = 52.0
	marginBottom = 46.0
	ticks        = 4
)

// draw draws all curves as one SVG. The same figures give the same bytes.
func draw(all []Series) ([]byte, error) {
	rows := (len(panels) + panelsAcross - 1) / panelsAcross
	w, h := panelsAcross*panelWidth, rows*panelHeight
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`, w, h, w, h)
	fmt.Fprintf(&out, "\n<title>How the costs of a client grow</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", w, h)
	for i, p := range panels {
		s, err := find(all, p.benchmark, p.unit)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "<g transform=\"translate(%d %d)\">\n", i%panelsAcross*panelWidth, i/panelsAcross*panelHeight)
		p.draw(&out, s)
		out.WriteString("</g>\n")
	}
	out.WriteString("</svg>\n")
	return out.Bytes(), nil
}

func (p panel) draw(out *bytes.Buffer, s Series) {
	top := 0.0
	for _, point := range s.Points {
		top = max(top, point.Y/p.scale, p.mark(s, point.X)/p.scale)
	}
	step := roundStep(top / ticks)
	top = math.Ceil(top/step) * step
	position := func(x float64) float64 {
		from, to := s.first().X, s.last().X
		if p.log {
			x, from, to = math.Log(x), math.Log(from), math.Log(to)
		}
		return marginLeft + (x-from)/(to-from)*(panelWidth-marginLeft-marginRight)
	}
	height := func(y float64) float64 {
		return panelHeight - marginBottom - y/p.scale/top*(panelHeight-marginTop-marginBottom)
	}
	text(out, marginLeft, 20, "start", "#111", 14, p.title)
	text(out, marginLeft, 36, "start", "#666", 11, p.says)
	for n := 0; float64(n)*step <= top*1.001; n++ {
		y := height(float64(n) * step * p.scale)
		fmt.Fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", marginLeft, y, panelWidth-marginRight, y)
		text(out, marginLeft-6, y+4, "end", "#666", 11, fmt.Sprintf("%g", math.Round(float64(n)*step*1e6)/1e6))
	}
	line := func(y func(Point) float64, style string) {
		out.WriteString(`<polyline fill="none" points="`)
		for _, point := range s.Points {
			fmt.Fprintf(out, "%.1f,%.1f ", position(point.X), height(y(point)))
		}
		fmt.Fprintf(out, "\" %s/>\n", style)
	}
	line(func(q Point) float64 { return p.mark(s, q.X) }, `stroke="#b91c1c" stroke-dasharray="5 4"`)
	line(func(q Point) float64 { return q.Y }, `stroke="#1d4ed8" stroke-width="2"`)
	for _, point := range s.Points {
		x := position(point.X)
		fmt.Fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"#1d4ed8\"/>\n", x, height(point.Y))
		text(out, x, panelHeight-marginBottom+16, "middle", "#666", 11, fmt.Sprintf("%.0f", point.X))
	}
	text(out, (marginLeft+panelWidth-marginRight)/2, panelHeight-14, "middle", "#666", 11, p.axis)
}

func text(out *bytes.Buffer, x, y float64, anchor, colour string, size int, what string) {
	fmt.Fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\" font-size=\"%d\">", x, y, anchor, colour, size)
	_ = xml.EscapeText(out, []byte(what)) // a buffer takes everything
	out.WriteString("</text>\n")
}

// roundStep is the next number of the form 1, 2 or 5 times a power of ten.
func roundStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= least {
			return factor * power
		}
	}
	return 10 * power
}
