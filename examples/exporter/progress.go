package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress is a line on a terminal that says how far something is, how fast, and how long it will take. On anything
// else it is nothing. What is not known is left out.
type progress struct {
	out  io.Writer // nil for none
	now  func() time.Time
	what string

	started, drawn time.Time
	first          int     // how much there was at the first telling,
	from           float64 // and which share of the whole that was
	told           bool
}

const (
	barWidth  = 24
	drawEvery = 200 * time.Millisecond
	clearLine = "\r\x1b[K"
)

// newProgress draws on a terminal, and nothing on anything else.
func newProgress(out io.Writer) *progress {
	p := &progress{now: time.Now}
	if file, ok := out.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.out = out
		}
	}
	return p
}

func (p *progress) begin(what string) {
	p.end()
	p.what, p.started, p.drawn, p.told = what, p.now(), time.Time{}, false
}

// set tells how many there are, and which share of the whole that is; less than zero if that is not known.
func (p *progress) set(n int, share float64) {
	now := p.now()
	if p.out == nil || now.Sub(p.drawn) < drawEvery {
		return
	}
	if !p.told {
		p.told, p.first, p.from = true, n, share
	}
	p.drawn = now
	line := fmt.Sprintf("%s: %s", p.what, rows(n))
	if share >= 0 {
		share = min(share, 1)
		full := int(share * barWidth)
		line = fmt.Sprintf("%s [%s%s] %3.0f %%, %s", p.what, strings.Repeat("#", full), strings.Repeat(".", barWidth-full), share*100, rows(n))
	}
	if took := now.Sub(p.started); took >= time.Second {
		line += fmt.Sprintf(", %.1f a second", float64(n-p.first)/took.Seconds())
		if gained := share - p.from; p.from >= 0 && gained > 0 {
			left := time.Duration(float64(took) * (1 - share) / gained)
			line += fmt.Sprintf(", about %s left", left.Round(time.Second))
		}
	}
	fmt.Fprint(p.out, clearLine+line)
}

// end takes the line away.
func (p *progress) end() {
	if p.out != nil && !p.drawn.IsZero() {
		fmt.Fprint(p.out, clearLine)
	}
	p.drawn = time.Time{}
}
