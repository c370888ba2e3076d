package main

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"
	"time"
)

// transcript writes a conversation as people read it, one line a message.
type transcript struct {
	out io.Writer
}

// line writes one message: when, who, what. Further lines of a message stand under its first.
func (t transcript) line(at time.Time, name, text string) {
	text = strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", len("15:04:05  ")+10))
	padding := strings.Repeat(" ", max(1, 10-len([]rune(name))))
	fmt.Fprintf(t.out, "%s  %s%s%s\n", t.paint(90, at.Local().Format(time.TimeOnly)), t.paint(colour(name), name), padding, text)
}

// note writes what is not a message.
func (t transcript) note(format string, args ...any) {
	fmt.Fprintln(t.out, t.paint(90, "— "+fmt.Sprintf(format, args...)))
}

// paint colours a text, on a terminal only.
func (t transcript) paint(code int, text string) string {
	if !isTerminal(t.out) {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", code, text)
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// colour gives each name one of the six colours of a terminal.
func colour(name string) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, name)
	return 31 + int(h.Sum32()%6)
}
