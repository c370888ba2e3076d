package cassettes

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// ModeVar is the environment variable that sets the mode of cassettes in a run of the tests: one of the modes.
// Recording is refused where CI is set, unless ",force" follows: QUEUP_CASSETTE=rewrite,force.
const ModeVar = "QUEUP_CASSETTE"

// Mode selects what a cassette does.
type Mode string

// The modes.
const (
	Replay  Mode = "replay"  // play the recording; the network is refused. The default
	Once    Mode = "once"    // play the recording if there is one, else record it
	New     Mode = "new"     // play the recording, and record only what it does not have; both are written together
	Rewrite Mode = "rewrite" // record again
	Live    Mode = "live"    // everything goes over the network, nothing is recorded
	Verify  Mode = "verify"  // everything goes over the network, and the test fails where answers or events have changed since the recording
)

var modes = []Mode{Replay, Once, New, Rewrite, Live, Verify}

// modeOf returns the mode: that of the option, or of the environment, or Replay.
func modeOf(c *config) (m Mode, forced bool, err error) {
	m, forced = c.mode, c.forced
	if m == "" {
		text, rest, _ := strings.Cut(os.Getenv(ModeVar), ",")
		m = Mode(text)
		switch {
		case rest == "force":
			forced = true
		case rest != "":
			return "", false, fmt.Errorf("%s=%s: after the comma only force is understood", ModeVar, os.Getenv(ModeVar))
		}
	}
	if m == "" {
		m = Replay
	}
	if !slices.Contains(modes, m) {
		return "", false, fmt.Errorf("%s=%s: the modes are replay, once, new, rewrite, live and verify", ModeVar, m)
	}
	return m, forced, nil
}

// inCI reports whether this is a run of continuous integration, by the variable that all services set.
func inCI() bool {
	switch os.Getenv("CI") {
	case "", "0", "false":
		return false
	}
	return true
}
