package canary

import (
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"sync"
)

// EnvReport names the file into which the tests of `make secrets` write what was looked at and what was found.
const EnvReport = "QUEUP_CANARY_REPORT"

// Lines of the report.
const (
	Looked = "looked at "
	Found  = "FOUND "
)

var watching = sync.OnceValue(func() *watch {
	return &watch{canaries: MadeUp(), told: make(map[string]bool), seen: make(map[reflect.Type]int)}
})

type watch struct {
	canaries []Canary // immutable

	mu   sync.Mutex
	told map[string]bool      // guarded by mu; what the report says already
	seen map[reflect.Type]int // guarded by mu; how many values of a type came by
}

// Tests send events by the hundred thousand, and to spell one costs more than to send it. What is of the same type is printed in
// the same ways, so that some of them in all ways and all of them in one find what all in all ways would.
const (
	spelledFirst = 100 // of each type, in all ways
	spelledThen  = 100 // of so many one, for as long as it goes on
)

// Watch looks for the made-up secrets in a value. An error is looked at in all ways in which it may be printed, each
// one of them. Of other values the first hundred of each type are, and of those after them each hundredth; the others are looked
// at as %+v has them, which shows all their fields, and bytes as numbers.
func Watch(where string, v any) {
	if v == nil {
		return
	}
	w := watching()
	if _, isError := v.(error); isError || w.spells(reflect.TypeOf(v)) {
		w.text(where, Spell(v))
		return
	}
	w.text(where, fmt.Sprintf("%+v", v))
}

// spells counts a value, and reports whether it is one to look at in all ways.
func (w *watch) spells(kind reflect.Type) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[kind]++
	n := w.seen[kind]
	return n <= spelledFirst || n%spelledThen == 0
}

// Hit writes into the report that something happened, without a value to look at.
func Hit(what string) { watching().tell(Looked + what) }

func (w *watch) text(where, text string) {
	w.tell(Looked + where)
	for _, bird := range w.canaries {
		if kind, found := bird.Find(text); found {
			w.tell(fmt.Sprintf("%sthe %s in %s (as %s)", Found, bird.Name, where, kind))
		}
	}
}

// tell writes a line into the report, once.
func (w *watch) tell(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told[line] {
		return
	}
	w.told[line] = true
	report, err := os.OpenFile(os.Getenv(EnvReport), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = report.WriteString(line + "\n")
		_ = report.Close()
	}
	if err != nil {
		panic("canary: the report cannot be written: " + err.Error())
	}
}

// Logger returns a logger for everything, as text and as JSON, that looks for the made-up secrets in each line.
func Logger(where string) *slog.Logger {
	all := &slog.HandlerOptions{Level: slog.LevelDebug}
	line := lines(where)
	return slog.New(slog.NewMultiHandler(slog.NewTextHandler(line, all), slog.NewJSONHandler(line, all)))
}

type lines string

func (l lines) Write(p []byte) (int, error) {
	watching().text(string(l), string(p))
	return len(p), nil
}
