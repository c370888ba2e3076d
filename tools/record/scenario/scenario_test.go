package scenario_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
	"github.com/queup-go/queup/tools/record/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const recordings = "../../../cassettes/testdata"

// Each scenario is played from its recording, and the library returns and tells what it did when it was recorded. With
// QUEUP_CASSETTE=rewrite (make record) recordings and transcripts are made anew, by a QueUp in memory and in virtual time.
func TestScenarios(t *testing.T) {
	for _, sc := range scenario.All() {
		t.Run(sc.Name, func(t *testing.T) {
			transcript := filepath.Join(recordings, sc.Name+".txt")
			got := ""
			synctest.Test(t, func(t *testing.T) { got = run(t, sc) })
			if t.Failed() {
				return
			}
			if recording() {
				if err := os.WriteFile(transcript, []byte(got), 0o644); err != nil { //nolint:gosec // it is committed
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(transcript)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("the library returns or tells something else (-when recorded +now):\n%s", diff)
			}
		})
	}
}

// recording reports whether the network is there: a QueUp in memory.
func recording() bool {
	mode, _, _ := strings.Cut(os.Getenv(cassettes.ModeVar), ",")
	return mode != "" && mode != string(cassettes.Replay)
}

// run plays a scenario, or records it, and returns its transcript.
func run(t *testing.T, sc scenario.Scenario) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	opts := []cassettes.Option{cassettes.Dir(recordings), cassettes.Source("queuptest"), cassettes.Speed(1)}
	var server *queuptest.Server
	if recording() {
		server = queuptest.NewServer(append([]queuptest.Option{queuptest.InMemory()}, sc.Options...)...)
		t.Cleanup(server.Close)
		opts = append(opts,
			cassettes.Through(scenario.Distant(&http.Transport{DialContext: server.DialContext, DisableKeepAlives: true})),
			cassettes.ThroughDialer(&realtime.WebsocketDialer{NetDialContext: server.DialContext}))
	}
	c := cassettes.Open(t, sc.Name, opts...)
	seams := []client.Option{client.WithTransport(scenario.Tidy(c.Transport())), client.WithDialer(c.Dialer())}
	stage := scenario.OnRecording(seams...)
	if server != nil {
		stage = scenario.OnServer(server, seams...)
	}
	defer stage.Close()
	if err := sc.Run(ctx, stage); err != nil {
		t.Fatal(err)
	}
	return stage.Transcript()
}
