package scenario_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/scenario"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const recordings = "../../../cassettes/testdata"

// Each scenario is played from its recording, and the library returns and tells what it did when it was recorded. With
// QUEUP_CASSETTE=rewrite (make record) recordings and transcripts are made anew, by a QueUp in memory and in virtual
// time.
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
				if err := os.WriteFile(transcript, []byte(got), 0o644); err != nil {
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

// Each recording plays every time, at each pace, with another password. QUEUP_REPLAYS sets how often, for long runs.
func TestScenarios_replayEachTime(t *testing.T) {
	t.Parallel()
	if recording() {
		t.Skip("nothing is replayed")
	}
	replays, err := strconv.Atoi(os.Getenv("QUEUP_REPLAYS"))
	if err != nil {
		replays = 1
	}
	for _, sc := range scenario.All() {
		t.Run(sc.Name, func(t *testing.T) {
			t.Parallel()
			passed, all := 0, 0
			for i := range replays {
				for pace, option := range map[string]cassettes.Option{"at once": cassettes.AtOnce(), "at speed 10": cassettes.Speed(10)} {
					all++
					if t.Run(pace, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { playAgain(t, sc, fmt.Sprintf("another-%d", i), option) })
					}) {
						passed++
					}
				}
			}
			t.Logf("%d of %d replays passed", passed, all)
		})
	}
}

// playAgain plays a scenario. At another pace than it was recorded, the order of its events is not that of the transcript.
func playAgain(t *testing.T, sc scenario.Scenario, password string, pace cassettes.Option) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	c := cassettes.Open(t, sc.Name, cassettes.Dir(recordings), pace)
	stage := scenario.OnRecording(client.WithTransport(scenario.Tidy(c.Transport())), client.WithDialer(c.Dialer()))
	stage.Password = password
	defer stage.Close()
	if err := sc.Run(ctx, stage); err != nil {
		t.Fatal(err)
	}
}

// The recordings have what they were made for. A transcript shows what is there, this what must be.
func TestScenarios_whatTheyAreFor(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"login-good":         {"logged in as bot: true", "logged in: false"},
		"login-bad":          {"refused: queup: ", "logged in: false, connect: queup: not logged in"},
		"join":               {"joined The Lounge (lounge): true", "mod [Moderator]", "leave: done", "RoomLeft"},
		"guest":              {"listening to The Lounge", "is there a guest?", "Dub (room_playlist-dub)"},
		"busy":               {"SongChanged (room_playlist-update) ", "good night"},
		"moderation-custom":  {"unban carol: done", "MemberKicked ", "RoleCreated ", "alice may skip: true", "audit: "},
		"moderation-classic": {"unban carol: done", "MemberKicked ", "RoleSet (user-setrole)", "RoleUnset (user-unsetrole)"},
		"queue-and-votes":    {"updub: done", "skip: done", "clear the queue: done", "SongSkipped "},
		"conversations":      {`alice writes "psst & hush" to alice`, "conversation with bob, carol", "PrivateMessage (new-message)"},
		"history":            {"play 1: ", "play 31: ", "45 plays, joined: false"},
		"session-expiry":     {`said "after" with a session that was renewed`, "welcome back"},
		"reconnect": {
			"Disconnected", "Reconnected", `Chat resynced Message="alice: can you hear me?"`, `MemberLeft resynced`, "SongChanged resynced", "Resynced resynced", "good night",
		},
		"ping":    {`Message="alice: ~ping"`, `Message="bot: Pong!"`},
		"quirks":  {"SongChanged ", "good night", "history 48"},
		"lookups": {"found the room The Lounge", "Evening & Night has Paper Lanterns - Slow Tide"},
	} {
		text, err := os.ReadFile(filepath.Join(recordings, name+".txt"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, line := range want {
			if !strings.Contains(string(text), line) {
				t.Errorf("%s: %q is not in the transcript", name, line)
			}
		}
	}
	if n := len(scenario.All()); n != 15 {
		t.Errorf("there are %d scenarios, and this test knows 15", n)
	}
}

// Every event of docs/PROTOCOL.md 6.2 is recorded, and all but those that a room tells by others are heard.
func TestScenarios_everyEvent(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n### 6.2 ")
	table, _, _ = strings.Cut(table, "\n## 7")
	recorded := map[string]map[string]bool{}
	for _, name := range []string{"busy", "moderation-classic"} {
		tape, err := os.ReadFile(filepath.Join(recordings, name+".ws.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		recorded[name] = map[string]bool{}
		for _, match := range regexp.MustCompile(`\\"name\\":\\"([a-z_-]+?)(?:[_-][0-9a-f]{24})?\\"`).FindAllStringSubmatch(string(tape), -1) {
			recorded[name][match[1]] = true
		}
	}
	documented := regexp.MustCompile("(?m)^\\| `([a-z_-]+)").FindAllStringSubmatch(table, -1)
	if len(documented) < 35 {
		t.Fatalf("the page lists %v", documented)
	}
	for _, match := range documented {
		name := strings.TrimRight(match[1], "_-")
		if recorded["busy"][name] || name == "user-avatar-update" { // the site's own name for user-update, see docs/PROTOCOL.md 6.1
			continue
		}
		t.Errorf("busy has no %s", name)
	}
	for _, name := range []string{"user-setrole", "user-unsetrole", "user-kick", "user-ban", "user-unban", "user-mute", "room-update"} {
		if !recorded["moderation-classic"][name] {
			t.Errorf("moderation-classic has no %s", name)
		}
	}
}
