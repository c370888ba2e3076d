package cassettes

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/realtime"
)

// ErrUnmatched is what a program gets for a request, a handshake or a frame that the recording does not have.
var ErrUnmatched = errors.New("cassettes: not in the recording")

// errOver is what a program gets after its test.
var errOver = errors.New("cassettes: the test is over")

// Cassette is one recording in use by one test. It is safe for concurrent use.
type Cassette struct {
	t        testing.TB
	name     string
	cfg      *config
	way      way
	origin   origin
	redactor *cassette.Redactor // of what the program sends, to recognise and to show it
	start    time.Time

	through http.RoundTripper // to the network; nil in replay
	dialer  realtime.Dialer   // to the network; nil in replay
	idle    interface{ CloseIdleConnections() }

	reporting sync.RWMutex // held while t is told something
	over      bool         // guarded by reporting; nothing is told any more

	mu      sync.Mutex
	live    int // guarded by mu; requests and frames that went over the network
	play    *playback
	taking  *recording
	checked *verification
}

// way is what a mode comes down to when the files have been looked at.
type way int

const (
	playing way = iota
	recordingAnew
	passing
	verifying
)

// Open opens the recording of that name: testdata/<name>.http.yaml and testdata/<name>.ws.jsonl beside the test, unless
// [Dir] says otherwise. It plays what is there; [ModeVar] makes it record. What is wrong fails the test. When the test
// ends, the cassette checks that all of the recording was used, or writes the new one, and says in a line what it did.
//
// A name has letters, digits, dots, hyphens and underscores, slashes between folders, and at most 128 characters. Names
// with which nobody could download the module are refused: a part that Windows reserves (nul, aux, con/one), one that
// ends with a dot, or one that differs only by case from what is in the folder already.
func Open(tb testing.TB, name string, opts ...Option) *Cassette {
	tb.Helper()
	c := &Cassette{t: tb, name: name, origin: findOrigin(tb)}
	if err := c.open(opts); err != nil {
		tb.Fatalf("cassettes: %s: %v", name, err)
		return c // for a TB whose Fatalf returns
	}
	tb.Cleanup(c.finish)
	return c
}

func (c *Cassette) open(opts []Option) error {
	c.over = true // until it is open
	cfg, err := newConfig(opts)
	if err != nil {
		return err
	}
	c.cfg = cfg
	c.redactor = cassette.NewRedactor(cfg.rules)
	if err := cassette.CheckName(cfg.dir, c.name); err != nil {
		return err
	}
	mode, forced, err := modeOf(cfg)
	if err != nil {
		return err
	}
	switch {
	case mode == Rewrite, mode == Once && !cassette.Exist(cfg.dir, c.name):
		c.way = recordingAnew
		if inCI() && !forced {
			return fmt.Errorf("recording is refused because CI is set: recordings are made by people, who read them before they commit them. "+
				"To record all the same: %s=%s,force", ModeVar, mode)
		}
		c.taking = &recording{}
	case mode == Live:
		c.way = passing
	default:
		t, err := cassette.Read(cfg.dir, c.name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no recording: %w\n  record it: %s", err, c.origin.command())
		}
		if err != nil {
			return err
		}
		if mode == Verify {
			c.way = verifying
			c.checked = newVerification(t)
			break
		}
		c.way = playing
		if c.play, err = newPlayback(c, t); err != nil {
			return err
		}
	}
	if c.way != playing {
		c.connect()
	}
	c.start = cfg.clock()
	c.over = false
	return nil
}

// connect sets what leads to the network.
func (c *Cassette) connect() {
	c.through, c.dialer = c.cfg.through, c.cfg.dialer
	if c.through == nil {
		own := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 15 * time.Second}
		c.through, c.idle = own, own
	}
	if c.dialer == nil {
		c.dialer = &realtime.WebsocketDialer{}
	}
}

// Transport is where the program's requests go: client.WithTransport takes it.
func (c *Cassette) Transport() http.RoundTripper { return (*transport)(c) }

// Dialer is where the program's websockets come from: client.WithDialer takes it.
func (c *Cassette) Dialer() realtime.Dialer { return (*dialer)(c) }

// file returns the paths of the two files, as messages show them.
func (c *Cassette) file() (http, socket string) {
	http, socket = cassette.Files(c.cfg.dir, c.name)
	return filepath.ToSlash(http), filepath.ToSlash(socket)
}

// tell runs f if the test is still to be told something, and keeps it from ending meanwhile.
func (c *Cassette) tell(f func(tb testing.TB)) {
	c.reporting.RLock()
	defer c.reporting.RUnlock()
	if !c.over {
		f(c.t)
	}
}

// isOver reports whether the test has ended.
func (c *Cassette) isOver() bool {
	c.reporting.RLock()
	defer c.reporting.RUnlock()
	return c.over
}

// wentLive counts what went over the network.
func (c *Cassette) wentLive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live++
}

// finish is run when the test ends.
func (c *Cassette) finish() {
	c.reporting.Lock()
	c.over = true
	c.reporting.Unlock()
	if c.idle != nil {
		c.idle.CloseIdleConnections()
	}
	switch c.way {
	case playing:
		c.play.finish()
	case recordingAnew:
		c.save()
	case verifying:
		c.checked.report(c)
	case passing:
		c.t.Logf("%s: played 0 of 0, live %d", c.name, c.liveCount())
	}
}

func (c *Cassette) liveCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.live
}

// save writes what was recorded.
func (c *Cassette) save() {
	if c.t.Failed() {
		c.t.Logf("%s: played 0 of 0, live %d; not written, because the test failed", c.name, c.liveCount())
		return
	}
	sealed, err := c.write()
	if err != nil {
		c.t.Errorf("cassettes: %s: nothing was written: %v", c.name, err)
		return
	}
	c.t.Logf("%s: played 0 of 0, live %d, wrote %d requests and %d records of the websocket", c.name, c.liveCount(), len(sealed.HTTP), len(sealed.Socket))
}

// write seals what was recorded and writes it.
func (c *Cassette) write() (*cassette.Tape, error) {
	sealed, err := cassette.Seal(c.taking.tape(c), cassette.NewRedactor(c.cfg.rules))
	if err != nil {
		return nil, err
	}
	return sealed, cassette.Write(c.cfg.dir, c.name, sealed)
}

// header is that of a new recording.
func (c *Cassette) header() cassette.Header {
	h := cassette.Header{Source: c.cfg.source, Date: c.start.UTC().Truncate(time.Second)}
	if h.Source == cassette.SourceLive {
		if h.Library = c.cfg.library; h.Library == "" {
			h.Library = libraryVersion()
		}
	}
	return h
}

// libraryVersion is the version of this module, as it was built.
func libraryVersion() string {
	const module = "github.com/queup-go/queup"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module {
			return m.Version
		}
	}
	return ""
}

// origin is the test that a cassette belongs to.
type origin struct {
	pkg  string // import path, or "."
	test string
}

// findOrigin looks for the test function on the stack, for the command that runs it again.
func findOrigin(tb testing.TB) origin {
	tb.Helper()
	o := origin{pkg: ".", test: tb.Name()}
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.File, "_test.go") {
			dir, fn := path.Split(f.Function)
			pkg, _, _ := strings.Cut(fn, ".")
			o.pkg = dir + strings.TrimSuffix(pkg, "_test")
		}
		if !more {
			return o
		}
	}
}

// command records the cassette anew.
func (o origin) command() string {
	parts := strings.Split(o.test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	return fmt.Sprintf("%s=%s go test -count=1 -run '%s' %s", ModeVar, Rewrite, strings.Join(parts, "/"), o.pkg)
}
