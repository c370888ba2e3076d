package cassettes

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
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

// ErrUnmatched is the error for a request, a handshake or a frame that the recording does not have. The error for one that the
// program does not send although the recording waits for it matches it, too.
var ErrUnmatched = errors.New("cassettes: not in the recording")

// errOver is the error for everything that a program sends after its test.
var errOver = errors.New("cassettes: the test is over")

// Cassette is one recording in use by one test. It is safe for concurrent use.
type Cassette struct {
	t        testing.TB
	name     string
	cfg      *config
	task     task
	origin   origin
	redactor *cassette.Redactor // redacts what the program sends, before it is compared or shown
	start    time.Time

	through http.RoundTripper // to the network; nil in replay
	dialer  realtime.Dialer   // to the network; nil in replay
	idle    interface{ CloseIdleConnections() }

	reporting sync.RWMutex // held while something is reported to t
	over      bool         // guarded by reporting; the test has ended, and nothing is reported any more

	mu       sync.Mutex
	live     int // guarded by mu; requests and frames that went over the network
	play     *playback
	recorded *recording
	checked  *verification
	added    *additions // beside play, in mode New; else nil

	ending  ending   // after a mismatch
	arrived arrivals // in a stepped test that uses the network
}

// task is what a cassette does: its mode, once it is known whether the files exist.
type task int

const (
	playing task = iota
	recordingNew
	passing
	verifying
)

// Open opens the recording of that name: testdata/<name>.http.yaml and testdata/<name>.ws.jsonl beside the test, unless
// [Dir] is given. It plays an existing recording; [ModeVar] makes it record. An error fails the test. When the test
// ends, the cassette checks that all of the recording was used, or writes the new one, and logs the result in one line.
//
// A name has letters, digits, dots, hyphens and underscores, slashes between folders, and at most 128 characters. Names
// with which nobody could download the module are refused: a part that Windows reserves (nul, aux, con/one), one that
// ends with a dot, or one that differs only by case from a name in the folder.
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
	exists := cassette.Exist(cfg.dir, c.name)
	if records := mode == Rewrite || mode == New || mode == Once && !exists; records && inCI() && !forced {
		return fmt.Errorf("recording is refused because CI is set: recordings are made by people, who read them before they commit them. "+
			"To record all the same: %s=%s,force", ModeVar, mode)
	}
	if mode == New && exists && cfg.rules.StableIDs {
		return fmt.Errorf("mode %s cannot add to a recording with StableIDs, because its ids are not those of QueUp\n  record it again: %s", New, c.origin.command())
	}
	switch {
	case mode == Rewrite, (mode == Once || mode == New) && !exists:
		c.task = recordingNew
		if err := c.claim(); err != nil {
			return err
		}
		c.recorded = &recording{}
	case mode == Live:
		c.task = passing
	default:
		t, err := cassette.Read(cfg.dir, c.name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no recording: %w\n  record it: %s", err, c.origin.command())
		}
		if _, conflict := errors.AsType[*cassette.ConflictError](err); conflict {
			return fmt.Errorf("%w\n  record it again: %s", err, c.origin.command())
		}
		if err != nil {
			return err
		}
		if len(t.HTTP)+len(t.Socket) == 0 {
			return fmt.Errorf("the recording has no request: %w\n  record it again: %s", errEmpty, c.origin.command())
		}
		if mode == Verify {
			c.task = verifying
			c.checked = newVerification(t)
			break
		}
		c.task = playing
		if c.play, err = newPlayback(c, t); err != nil {
			return err
		}
		if mode == New {
			c.add(t)
		}
	}
	if c.task != playing || c.added != nil || len(cfg.hosts.passed) > 0 {
		c.connect()
	}
	c.start = cfg.clock()
	c.over = false
	if c.task == playing && !cfg.allowUnused {
		c.play.watch = newWatch(c.play)
	}
	return nil
}

// add lets the cassette record what the recording does not have.
func (c *Cassette) add(t *cassette.Tape) {
	c.added, c.recorded = newAdditions(c, t), &recording{}
	c.redactor = cassette.NewRedactorAfter(c.cfg.rules, c.added.placeholders) // so that no placeholder stands for two texts
	c.play.accounts.strict = true
}

// connect sets the transport and the dialer for the network.
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

// Transport returns the transport for the program's requests, for client.WithTransport.
func (c *Cassette) Transport() http.RoundTripper { return (*transport)(c) }

// Dialer returns the dialer for the program's websockets, for client.WithDialer.
func (c *Cassette) Dialer() realtime.Dialer { return (*dialer)(c) }

// file returns the paths of the two files, as messages show them.
func (c *Cassette) file() (http, socket string) {
	http, socket = cassette.Files(c.cfg.dir, c.name)
	return filepath.ToSlash(http), filepath.ToSlash(socket)
}

// report runs f unless the test has ended, and keeps the test from ending meanwhile.
func (c *Cassette) report(f func(tb testing.TB)) {
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

// wentLive counts a request or a frame that went over the network.
func (c *Cassette) wentLive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live++
}

// finish runs when the test ends.
func (c *Cassette) finish() {
	c.reporting.Lock()
	c.over = true
	c.reporting.Unlock()
	if c.idle != nil {
		c.idle.CloseIdleConnections()
	}
	switch c.task {
	case playing:
		c.play.watch.stop()
		c.play.finish()
		if c.added != nil {
			c.added.save()
		}
	case recordingNew:
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

// save writes the new recording and logs the result.
func (c *Cassette) save() {
	if c.t.Failed() {
		c.t.Logf("%s: played 0 of 0, live %d; not written, because the test failed", c.name, c.liveCount())
		return
	}
	if unwinding() {
		c.t.Logf("%s: played 0 of 0, live %d; not written, because the test did not come to its end", c.name, c.liveCount())
		return
	}
	sealed, err := c.write()
	if err != nil {
		c.t.Errorf("cassettes: %s: nothing was written: %v", c.name, err)
		return
	}
	c.t.Logf("%s: played 0 of 0, live %d, wrote %d requests and %d records of the websocket", c.name, c.liveCount(), len(sealed.HTTP), len(sealed.Socket))
}

// write seals and writes the new recording.
func (c *Cassette) write() (*cassette.Tape, error) {
	raw := c.recorded.tape(c)
	if len(raw.HTTP)+len(raw.Socket) == 0 {
		return nil, fmt.Errorf("there was no request: %w", errEmpty)
	}
	sealed, err := cassette.Seal(raw, cassette.NewRedactor(c.cfg.rules))
	if err != nil {
		return nil, err
	}
	return sealed, cassette.Write(c.cfg.dir, c.name, sealed)
}

// header returns the header of a new recording.
func (c *Cassette) header() cassette.Header {
	h := cassette.Header{Source: c.cfg.source, Date: c.start.UTC().Truncate(time.Second)}
	if h.Source == cassette.SourceLive {
		if h.Library = c.cfg.library; h.Library == "" {
			h.Library = libraryVersion()
		}
	}
	return h
}

// libraryVersion returns the version of this module in the running program.
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

// findOrigin finds the test function on the stack, for the command that runs it again.
func findOrigin(tb testing.TB) origin {
	tb.Helper()
	o := origin{pkg: ".", test: tb.Name()}
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.File, "_test.go") {
			o.pkg = packageOf(f.Function)
		}
		if !more {
			return o
		}
	}
}

// packageOf returns the import path of a test function, which package runtime names with escapes: example.com/bot%2ev3_test.TestJoin.
func packageOf(function string) string {
	dir, fn := path.Split(function)
	pkg, _, _ := strings.Cut(fn, ".")
	if plain, err := url.PathUnescape(pkg); err == nil {
		pkg = plain
	}
	return dir + strings.TrimSuffix(pkg, "_test")
}

// quoted returns a text as one word for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// plainWord matches what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[\w./-]+$`)

// command returns the command that records the cassette again.
func (o origin) command() string {
	parts := strings.Split(o.test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	pkg := o.pkg
	if !plainWord.MatchString(pkg) {
		pkg = quoted(pkg)
	}
	return fmt.Sprintf("%s=%s go test -count=1 -run %s %s", ModeVar, Rewrite, quoted(strings.Join(parts, "/")), pkg)
}
