package cassettes_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/queuptest"
)

// replaysVar is the number of replays of each recording at each pace, for long runs.
const replaysVar = "QUEUP_REPLAYS"

func replays(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv(replaysVar))
	if err != nil {
		return 3
	}
	return n
}

// far delays requests and answers, so that an event comes before the answer of the request that caused it.
type far struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (f far) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(40 * time.Millisecond)
	defer time.Sleep(40 * time.Millisecond)
	return f.RoundTripper.RoundTrip(req)
}

// playScene plays a scene in a bubble of its own, against a new server if there are options for one, and returns its notes.
func playScene(t *testing.T, sc scene, password string, server []queuptest.Option, opts func(*queuptest.Server) []cassettes.Option) (notes []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t, password: password}
		if server != nil {
			s.server = queuptest.NewServer(server...)
			t.Cleanup(s.server.Close)
		}
		s.c = cassettes.Open(t, "scene", append(opts(s.server), sc.cassette...)...)
		ctx, cancel := context.WithTimeout(s.c.Context(), time.Hour)
		defer cancel()
		s.ctx = ctx
		sc.play(s)
		time.Sleep(10 * time.Second) // what is under way ends before the bots leave
		notes = s.notes
	})
	return notes
}

// recordScene records a scene.
func recordScene(t *testing.T, sc scene, dir string, wrap func(http.RoundTripper) http.RoundTripper) []string {
	t.Helper()
	return playScene(t, sc, "secret", append([]queuptest.Option{queuptest.InMemory()}, sc.server...), func(server *queuptest.Server) []cassettes.Option {
		direct := &http.Transport{DialContext: server.DialContext, DisableKeepAlives: true}
		return append(through(server), cassettes.Through(wrap(direct)),
			cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI())
	})
}

// Each scene is recorded once, near the server and far from it. Each recording plays every time, at each pace, with another
// password, and calls and events are as they were.
func TestScenes_replayEachTime(t *testing.T) {
	t.Parallel()
	for name, sc := range scenes {
		for distance, wrap := range map[string]func(http.RoundTripper) http.RoundTripper{
			"near": func(rt http.RoundTripper) http.RoundTripper { return rt },
			"far":  func(rt http.RoundTripper) http.RoundTripper { return far{rt} },
		} {
			t.Run(name+" "+distance, func(t *testing.T) {
				t.Parallel()
				replayScene(t, sc, wrap)
			})
		}
	}
}

func replayScene(t *testing.T, sc scene, wrap func(http.RoundTripper) http.RoundTripper) {
	t.Helper()
	dir := t.TempDir()
	var recorded []string
	if !t.Run("recorded", func(t *testing.T) {
		recorded = recordScene(t, sc, dir, wrap)
	}) {
		return
	}
	passed, all := 0, 0
	for i := range replays(t) {
		for pace, option := range map[string]cassettes.Option{"at once": cassettes.AtOnce(), "at speed 10": cassettes.Speed(10)} {
			all++
			if t.Run(pace, func(t *testing.T) {
				notes := playScene(t, sc, fmt.Sprintf("another-%d", i), nil, func(*queuptest.Server) []cassettes.Option {
					return []cassettes.Option{cassettes.Dir(dir), cassettes.WithMode(cassettes.Replay), option}
				})
				if diff := cmp.Diff(recorded, notes); diff != "" {
					t.Errorf("other notes (-recorded +replayed):\n%s", diff)
				}
			}) {
				passed++
			}
		}
	}
	t.Logf("%d of %d replays passed", passed, all)
}
