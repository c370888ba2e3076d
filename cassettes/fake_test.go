package cassettes_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// fakeTB is a test that records its errors and logs. Fatalf returns.
type fakeTB struct {
	testing.TB

	mu       sync.Mutex
	name     string
	errors   []string
	logs     []string
	cleanups []func()
}

// newFake makes such a test. It ends with t, unless it ends before.
func newFake(t *testing.T) *fakeTB {
	t.Helper()
	f := &fakeTB{TB: t, name: t.Name()}
	t.Cleanup(f.end)
	return f
}

func (f *fakeTB) Helper()      {}
func (f *fakeTB) Name() string { return f.name }

func (f *fakeTB) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.errors) > 0
}

func (f *fakeTB) add(list *[]string, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*list = append(*list, text)
}

func (f *fakeTB) Error(args ...any)                 { f.add(&f.errors, fmt.Sprint(args...)) }
func (f *fakeTB) Errorf(format string, args ...any) { f.add(&f.errors, fmt.Sprintf(format, args...)) }

func (f *fakeTB) Fatalf(format string, args ...any) { f.add(&f.errors, fmt.Sprintf(format, args...)) }
func (f *fakeTB) Logf(format string, args ...any)   { f.add(&f.logs, fmt.Sprintf(format, args...)) }

func (f *fakeTB) Cleanup(clean func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, clean)
}

// end runs the cleanups of the test.
func (f *fakeTB) end() {
	for len(f.cleanups) > 0 {
		last := len(f.cleanups) - 1
		clean := f.cleanups[last]
		f.cleanups = f.cleanups[:last]
		clean()
	}
}

func (f *fakeTB) failures() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.errors, "\n")
}

func (f *fakeTB) logged() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.logs, "\n")
}
