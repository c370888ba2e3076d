package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress is a line on a terminal with the progress, the speed and the time left, as far as they are known. It writes nothing if
// the output is not a terminal.
type progress struct {
	out  io.Writer // nil for none
	now  func() time.Time
	what string

	started, drawn time.Time
	first          int     // the number at the first call of set
	from           float64 // the share at the first call of set
	begun          bool    // set was called
}

const (
	barWidth  = 24
	drawEvery = 200 * time.Millisecond
	clearLine = "\r\x1b[K"
)

// newProgress returns a progress that draws only if out is a terminal.
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
	p.what, p.started, p.drawn, p.begun = what, p.now(), time.Time{}, false
}

// set shows how many are done, and which share of the whole that is; less than zero if that is not known.
func (p *progress) set(n int, share float64) {
	now := p.now()
	if p.out == nil || now.Sub(p.drawn) < drawEvery {
		return
	}
	if !p.begun {
		p.begun, p.first, p.from = true, n, share
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

// end removes the line.
func (p *progress) end() {
	if p.out != nil && !p.drawn.IsZero() {
		fmt.Fprint(p.out, clearLine)
	}
	p.drawn = time.Time{}
}
