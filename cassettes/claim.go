package cassettes

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/queup-go/queup/internal/cassette"
)

var errEmpty = errors.New("does the program use the cassette's Transport and Dialer?")

// claims are the recordings that are made in this run of the tests, by file, with the test that makes each.
var claims sync.Map

// claim makes this the only test of the run that records under its name. Of two, the second would replace what the first wrote.
func (c *Cassette) claim() error {
	file, _ := cassette.Files(c.cfg.dir, c.name)
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if other, taken := claims.LoadOrStore(path, c.origin.test); taken {
		return fmt.Errorf("%s has recorded under this name in the same run: give each test a name of its own, or run one of them", other)
	}
	return nil
}

// unwinding reports whether the calling test was left by a panic, by Skip or by another [runtime.Goexit]. The testing package runs
// cleanups before it marks such a test.
func unwinding() bool {
	pcs := make([]uintptr, 128)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		f, more := frames.Next()
		if f.Function == "runtime.gopanic" || f.Function == "runtime.Goexit" {
			return true
		}
		if !more {
			return false
		}
	}
}
