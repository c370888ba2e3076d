package source

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const path = "internal/testkit/source/source_test.go"

func TestLine_namesTheLine(t *testing.T) {
	got := Line(t, path, "here is the "+"line") // here is the line
	_, _, line, _ := runtime.Caller(0)
	if want := fmt.Sprintf("%s:%d", path, line-1); got != want {
		t.Errorf("Line returns %s, want %s", got, want)
	}
}

// failing records how a test fails.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Helper() {}

func (f *failing) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestLine_fails(t *testing.T) {
	for name, tt := range map[string]struct{ path, text, want string }{
		"for a text of no line":   {path, "no line has " + "this", "no line contains"},
		"for a text of two lines": {path, "func (f *failing) Fatal", "contain"},
		"for a file not there":    {"nowhere.go", "x", "nowhere.go"},
	} {
		t.Run(name, func(t *testing.T) {
			f, done := &failing{}, make(chan struct{})
			go func() {
				defer close(done)
				Line(f, tt.path, tt.text)
			}()
			<-done
			if !strings.Contains(f.message, tt.want) {
				t.Errorf("the message is %q, want %q", f.message, tt.want)
			}
		})
	}
}
