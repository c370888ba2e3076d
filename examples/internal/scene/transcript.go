package scene

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
)

// A Transcript writes a conversation as people read it, one line a message. Handlers may share it.
type Transcript struct {
	mu  sync.Mutex
	out io.Writer // guarded by mu
}

// NewTranscript makes a transcript that is written to out.
func NewTranscript(out io.Writer) *Transcript { return &Transcript{out: out} }

// Line writes one message: when, who, what. Further lines of a message stand under its first.
func (t *Transcript) Line(at time.Time, name, text string) {
	name = strings.ReplaceAll(printable(name), "\n", " ")
	text = strings.ReplaceAll(printable(text), "\n", "\n"+strings.Repeat(" ", len("15:04:05  ")+10))
	padding := strings.Repeat(" ", max(1, 10-len([]rune(name))))
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%s  %s%s%s\n", t.paint(90, at.Local().Format(time.TimeOnly)), t.paint(colour(name), name), padding, text)
}

// Note writes a line that is not a message.
func (t *Transcript) Note(format string, args ...any) {
	text := printable("— " + fmt.Sprintf(format, args...))
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(t.out, t.paint(90, text))
}

// printable drops the control characters, but for line breaks. Anybody can chat, and with them could write anywhere on the
// terminal, or into its clipboard.
func printable(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\t", " ").Replace(text)
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, text)
}

// paint colours a text, on a terminal only.
func (t *Transcript) paint(code int, text string) string {
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
