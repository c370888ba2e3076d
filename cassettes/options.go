package cassettes

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/realtime"
)

// An Option configures a cassette for [Open].
type Option func(*config) error

type config struct {
	dir            string
	mode           Mode
	forced         bool
	through        http.RoundTripper
	dialer         realtime.Dialer
	source         string
	library        string
	clock          func() time.Time
	rules          cassette.Rules
	allowUnmatched bool
	allowUnused    bool
	pace           pace
	request        rules
	hosts          hosts
	faults         tapeFaults
}

func newConfig(opts []Option) (*config, error) {
	c := &config{dir: "testdata", source: cassette.SourceLive, clock: time.Now}
	var errs []error
	for i, opt := range opts {
		if opt == nil {
			errs = append(errs, fmt.Errorf("option %d is nil", i+1))
			continue
		}
		errs = append(errs, opt(c))
	}
	return c, errors.Join(errs...)
}

// Dir sets the folder of the cassette instead of testdata beside the test.
func Dir(dir string) Option {
	return func(c *config) error {
		if dir == "" {
			return errors.New("the folder is empty")
		}
		c.dir = dir
		return nil
	}
}

// WithMode sets the mode, instead of the environment variable [ModeVar].
func WithMode(m Mode) Option {
	return func(c *config) error {
		if !slices.Contains(modes, m) {
			return fmt.Errorf("mode %q is not valid: use replay, once, new, rewrite, live or verify", m)
		}
		c.mode = m
		return nil
	}
}

// RecordInCI allows recording even where CI is set.
func RecordInCI() Option {
	return func(c *config) error {
		c.forced = true
		return nil
	}
}

// Through sets the transport for requests that go over the network. The default is a transport of the cassette's own, with
// the defaults of net/http.
func Through(rt http.RoundTripper) Option {
	return func(c *config) error {
		if rt == nil {
			return errors.New("Through without a transport")
		}
		c.through = rt
		return nil
	}
}

// ThroughDialer sets the dialer for websockets that go over the network. The default is a [realtime.WebsocketDialer].
func ThroughDialer(d realtime.Dialer) Option {
	return func(c *config) error {
		if d == nil {
			return errors.New("ThroughDialer without a dialer")
		}
		c.dialer = d
		return nil
	}
}

// Source sets the source in the header of the recording: "live", the default, or "queuptest".
func Source(source string) Option {
	return func(c *config) error {
		if source != cassette.SourceLive && source != cassette.SourceTest {
			return fmt.Errorf("source %q is neither %s nor %s", source, cassette.SourceLive, cassette.SourceTest)
		}
		c.source = source
		return nil
	}
}

// Library sets the version of the recording program in the header of a live recording. The default is the version of this
// module in the program.
func Library(version string) Option {
	return func(c *config) error {
		c.library = version
		return nil
	}
}

// Clock sets the clock for the date and the times of a recording, instead of time.Now. With the clock of a deterministic
// world, a recording made again is the same, byte by byte.
func Clock(now func() time.Time) Option {
	return func(c *config) error {
		if now == nil {
			return errors.New("Clock without a function")
		}
		c.clock = now
		return nil
	}
}

// Secrets adds texts to be redacted everywhere. Give the same ones for recording and for replay, or requests that hold
// them are not matched. Each has at least 4 characters.
func Secrets(secrets ...string) Option {
	return func(c *config) error {
		for i, s := range secrets {
			if len(s) < 4 {
				return fmt.Errorf("secret %d is shorter than 4 characters and cannot be searched for", i+1)
			}
		}
		c.rules.Secrets = append(c.rules.Secrets, secrets...)
		return nil
	}
}

// Anonymous replaces the names, ids and pictures of people in the recording. One person stays one person: alice is
// member-1 everywhere, in chat, too. The names given here stay, such as that of the bot. A login by name works with and
// without it. A program that otherwise sends a name that is in its own code must have that name in except: the recording
// has another one.
func Anonymous(except ...string) Option {
	return func(c *config) error {
		c.rules.Anonymous = true
		c.rules.Except = append(c.rules.Except, except...)
		return nil
	}
}

// StableIDs numbers the ids of rooms, people, messages, plays and so on, of connections and of requests, in the order of
// their appearance. Two recordings of one scene then differ less. Placeholders are as long as ids and as hexadecimal, and one id has one
// placeholder. The ids given here stay, such as that of a room: a program that sends an id that is in its own code must have it in except.
// Each has 24 lower-case hexadecimal digits. Times stay as they are; see [Clock]. Replay works with and
// without StableIDs; mode [New] refuses them, because QueUp does not know the ids of such a recording.
func StableIDs(except ...string) Option {
	return func(c *config) error {
		for _, id := range except {
			if !cassette.IsID(id) {
				return fmt.Errorf("%q is not an id: it has 24 hexadecimal digits in lower case", id)
			}
		}
		c.rules.StableIDs = true
		c.rules.KeepIDs = append(c.rules.KeepIDs, except...)
		return nil
	}
}

// AllowUnmatched allows requests and frames that are not in the recording. A request then gets an error that matches
// [ErrUnmatched], a frame is dropped, and the test continues. [Verify] then accepts kinds of events that are not recorded.
func AllowUnmatched() Option {
	return func(c *config) error {
		c.allowUnmatched = true
		return nil
	}
}

// AllowUnused allows parts of the recording to stay unused. Events and requests then no longer wait for the requests that
// they followed when they were recorded, and a program that sends nothing is not ended. [Verify] then accepts that kinds of events do not come.
func AllowUnused() Option {
	return func(c *config) error {
		c.allowUnused = true
		return nil
	}
}

// pace decides when frames are played.
type pace struct {
	factor  float64 // of the recorded speed; 0: at once
	stepped bool
}

// AtOnce plays every frame as soon as its conditions are met, whatever time it took when it was recorded. This is the
// default. In a synctest bubble the program comes to rest before each event; in real time only before the first fifty
// frames, so that ten thousand take a fraction of a second.
func AtOnce() Option {
	return func(c *config) error {
		c.pace = pace{}
		return nil
	}
}

// Speed plays frames at their recorded times, or factor times faster: 1 is as recorded, 60 plays an hour in a minute. It
// uses the clock of package time, so in a synctest bubble it costs no time.
func Speed(factor float64) Option {
	return func(c *config) error {
		if factor <= 0 || factor > 1e9 {
			return fmt.Errorf("speed %v: it must be more than 0 and at most 1e9", factor)
		}
		c.pace = pace{factor: factor}
		return nil
	}
}

// Stepped holds all events until the test asks for them by [Cassette.Next] or [Cassette.Until]. The greeting and answers
// to the program's frames come by themselves. In the modes that use the network nothing is held, and Next and Until wait.
func Stepped() Option {
	return func(c *config) error {
		c.pace = pace{stepped: true}
		return nil
	}
}
