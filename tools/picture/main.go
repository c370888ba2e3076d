// Picture runs a command and draws what it prints, as a terminal would show it, into an SVG file: for the README.
//
//	go run ./tools/picture -o docs/images/demo.svg -prompt "make demo" go run ./examples/pingbot
//
// The lines appear in the time that the command took for them. Where a viewer shows no animation, all of them are there.
package main

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"
	"unicode/utf8"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "picture: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("picture", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("o", "", "`file` to write")
	prompt := flags.String("prompt", "", "what stands behind the $; by default the command")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *file == "" || flags.NArg() == 0 {
		return errors.New("say where to write with -o, and what to run")
	}
	if *prompt == "" {
		*prompt = strings.Join(flags.Args(), " ")
	}
	lines, err := capture(ctx, flags.Args(), stderr)
	if err != nil {
		return err
	}
	return os.WriteFile(*file, draw(*prompt, lines), 0o644)
}

// A line is what a command printed, and how long after the first one.
type line struct {
	text string
	at   time.Duration
}

// maxLines bounds a picture.
const maxLines = 200

// capture runs a command and returns what it prints on its standard output.
func capture(ctx context.Context, command []string, stderr io.Writer) ([]line, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // what the caller wants to see
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var lines []line
	var began time.Time
	for in := bufio.NewScanner(out); in.Scan(); {
		if began.IsZero() {
			began = time.Now()
		}
		if len(lines) < maxLines {
			lines = append(lines, line{in.Text(), time.Since(began)})
		}
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s printed nothing", strings.Join(command, " "))
	}
	return lines, nil
}

const (
	charWidth  = 8.4 // of 14 px in most fixed fonts
	lineHeight = 20
	margin     = 16
	header     = 32
	minChars   = 60
	firstAt    = 600 * time.Millisecond // when the command begins to print, in the picture
)

// draw makes the picture.
func draw(prompt string, lines []line) []byte {
	chars := max(minChars, utf8.RuneCountInString(prompt)+2)
	for _, l := range lines {
		chars = max(chars, utf8.RuneCountInString(l.text))
	}
	width := int(float64(chars)*charWidth) + 2*margin
	height := header + (len(lines)+1)*lineHeight + margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">`+"\n", width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", escape("$ "+prompt))
	b.WriteString(`<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d5dbe3; white-space: pre }
.prompt { fill: #7ee787 }
.note { fill: #8b95a3 }
.line { animation: appear 1ms both }
@keyframes appear { from { visibility: hidden } }
</style>
`)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="8" fill="#161b22"/>`+"\n", width, height)
	for i, colour := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="16" r="5" fill="%s"/>`+"\n", 20+i*18, colour)
	}
	y := header + lineHeight - 4
	fmt.Fprintf(&b, `<text x="%d" y="%d" xml:space="preserve"><tspan class="prompt">$</tspan> %s</text>`+"\n", margin, y, escape(prompt))
	for _, l := range lines {
		y += lineHeight
		class := "line"
		if strings.HasPrefix(l.text, "—") {
			class += " note"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" class="%s" style="animation-delay: %dms" xml:space="preserve">%s</text>`+"\n",
			margin, y, class, (firstAt + l.at).Milliseconds(), escape(l.text))
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}
