package queuptest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// livesOf runs a crowd for a while, and returns all that a guest hears of it.
func livesOf(t *testing.T, d time.Duration, opts ...queuptest.Option) (heard []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, append(opts, queuptest.InMemory(), queuptest.Heartbeat(1000*time.Hour, time.Hour))...)
		s := newBrowser(t, srv).listen()
		go func() {
			time.Sleep(d)
			srv.CutLinks()
		}()
		for text := range s.frames {
			heard = append(heard, text)
		}
	})
	return heard
}

// A crowd does all that people do, and with the same seed it does the same.
func TestCrowd_livesByItsSeed(t *testing.T) {
	t.Parallel()
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := func(seed uint64, d time.Duration) []string {
				crowd := queuptest.Crowd(queuptest.CrowdConfig{Members: 30, Seed: seed, Rate: 2})
				return livesOf(t, d, append(slices.Clone(world), crowd)...)
			}
			const d = 20 * time.Minute
			first, second, other := live(7, d), live(7, d), live(8, d/10)
			if len(first) < 20*60*2 {
				t.Errorf("a guest heard %d events in 20 minutes at 2 a second", len(first))
			}
			if strings.Join(first, "\n") != strings.Join(second, "\n") {
				for i := range min(len(first), len(second)) {
					if first[i] != second[i] {
						t.Fatalf("frame %d of %d and %d differs:\n%s\n%s", i, len(first), len(second), first[i], second[i])
					}
				}
				t.Fatalf("%d frames, then %d", len(first), len(second))
			}
			if strings.Join(first[:100], "\n") == strings.Join(other[:100], "\n") {
				t.Error("another seed did the same")
			}
			seen := map[string]int{}
			for _, text := range first {
				f, err := realtime.ParseFrame([]byte(text[1:]))
				if err != nil || f.Message == nil {
					t.Fatalf("%s: %v", text, err)
				}
				e, err := wire.DecodeEvent(f.Message.Name, f.Message.Data)
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				seen[strings.TrimPrefix(fmt.Sprintf("%T", e), "*wire.")]++
				if m, ok := e.(*wire.ChatMessage); ok && (m.Text == "" || strings.Contains(m.Text, "%")) {
					t.Errorf("somebody said %q", m.Text)
				}
			}
			for _, kind := range []string{
				"ChatMessage", "ChatSkip", "DeleteChatMessage", "UserJoin", "UserLeave", "RoomPlaylistUpdate", "RoomPlaylistDub",
				"RoomPlaylistQueueUpdateDub", "RoomPlaylistQueueUpdateGrabs", "UserUpdate", "UserPauseQueue", "CommentAdd", "UserImageUpdate",
			} {
				if seen[kind] == 0 {
					t.Errorf("nobody caused a %s: %v", kind, seen)
				}
			}
			if seen["ChatMessage"] < len(first)/4 || seen["RoomPlaylistDub"] < len(first)/50 {
				t.Errorf("that is no usual mix: %v", seen)
			}
		})
	}
}

// A crowd of any size lives, and its members are accounts like others.
func TestCrowd_ofAnySize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 500, 5000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				world := queuptest.World{
					Users: []queuptest.User{{Name: "owner", Password: canary.Password}},
					Rooms: []queuptest.RoomSpec{{Slug: "lounge", Owner: "owner"}},
				}
				srv := start(t, queuptest.InMemory(), queuptest.WithWorld(world), queuptest.Crowd(queuptest.CrowdConfig{Members: n}))
				room := srv.Room("lounge")
				most := 0
				for range 1 + min(19, 5000/n) {
					time.Sleep(time.Minute)
					most = max(most, len(room.Members()))
				}
				said, played := len(room.Messages()), len(room.History())
				if most > n || most <= n/2 || said == 0 || n < 5000 && played == 0 {
					t.Errorf("%d people at most, %d lines, %d songs", most, said, played)
				}
				for _, name := range room.Members() {
					login(t, srv, name)
					break
				}
			})
		})
	}
}

// The rules of a room are for the crowd, too.
func TestCrowd_keepsToTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory(), queuptest.Crowd(queuptest.CrowdConfig{Members: 10, Rate: 20, Seed: 3}))
		room := srv.Room("lounge")
		time.Sleep(10 * time.Second)
		room.SlowMode("mod", true)
		before := len(room.Messages())
		time.Sleep(time.Minute)
		if n := len(room.Messages()) - before; n > 10*7 || n < 10 { // one line in ten seconds each
			t.Errorf("%d lines of ten people in a minute of slow mode", n)
		}
		room.Lock("mod", true)
		queued := func() (n int) {
			for _, p := range room.Queued() {
				n += len(room.QueueOf(p.User))
			}
			return n
		}
		was := queued()
		time.Sleep(time.Minute)
		if n := queued(); n > was {
			t.Errorf("%d songs in a locked queue, before it were %d", n, was)
		}
		gone := map[string]bool{}
		for range 100 { // until all have been there
			for _, name := range room.Members() {
				if !gone[name] && !strings.Contains("owner mod alice bob carol", name) {
					room.Ban("owner", name, 0)
					gone[name] = true
				}
			}
			time.Sleep(time.Second)
		}
		if got := fmt.Sprint(room.Members()); len(room.Banned()) != 10 || got != "[alice bob carol mod owner]" {
			t.Errorf("%d are banned, in the room are %s", len(room.Banned()), got)
		}
		time.Sleep(time.Minute) // nobody is left, and nothing happens
	})
}

func TestCrowd_refusals(t *testing.T) {
	t.Parallel()
	for want, crowd := range map[string]queuptest.CrowdConfig{
		"crowd of 0":                        {},
		"crowd of 5001":                     {Members: 5001},
		"crowd rate of -1":                  {Members: 1, Rate: -1},
		"crowd rate of 20000":               {Members: 1, Rate: 20000},
		`the world has no room "elsewhere"`: {Members: 1, Room: "elsewhere"},
	} {
		if _, err := queuptest.Start(queuptest.Crowd(crowd)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s in it", err, want)
		}
	}
}
