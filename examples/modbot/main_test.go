package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/examples/internal/scenetest"
	"github.com/queup-go/queup/queuptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inLounge runs a test with a modbot in the lounge.
func inLounge(t *testing.T, test func(t *testing.T, lounge *queuptest.Room, bot func() []string)) {
	t.Helper()
	scenetest.InLounge(t, stage(), newLounge, test)
}

func TestModbot_longAndRepeatedSongs(t *testing.T) {
	inLounge(t, func(t *testing.T, lounge *queuptest.Room, bot func() []string) {
		time.Sleep(3 * time.Minute) // Slow Tide is over; bob's song is too long, and carol's has just played
		scenetest.Expect(t, bot(), "@bob: songs here are no longer than 08:00.", "@carol: this song has played in the last 3 hours.")
		if got := scenetest.Playing(lounge); got != "Harbour Lights - Blue Hour" {
			t.Errorf("%s plays", got)
		}
		time.Sleep(time.Hour + 10*time.Minute) // QueUp itself takes it again by now
		tide := queuptest.Song{Name: "Paper Lanterns - Slow Tide", Length: 3 * time.Minute, MediaID: "pL4nt3rnS0w"}
		dust := queuptest.Song{Name: "The Attic - Dust", Length: 4 * time.Minute, MediaID: "4tt1cDust01"}
		lounge.Queue("alice", tide)
		scenetest.Expect(t, bot(), "@alice: this song has played in the last 3 hours.")
		time.Sleep(2 * time.Hour)
		lounge.Queue("carol", dust)
		scenetest.Expect(t, bot())
		if got := scenetest.Playing(lounge); got != dust.Name {
			t.Errorf("%s plays", got)
		}
		time.Sleep(2 * time.Hour)
		lounge.Queue("alice", dust) // a play that it saw counts like one from the history
		scenetest.Expect(t, bot(), "@alice: this song has played in the last 3 hours.")
	})
}

func TestModbot_linksWarningsAndMutes(t *testing.T) {
	inLounge(t, func(t *testing.T, lounge *queuptest.Room, bot func() []string) {
		lounge.SetRole("owner", "carol", queuptest.VIP)
		for _, line := range []struct{ user, text string }{
			{"mod", "read https://example.com"}, {"owner", "www.example.com"}, {"carol", "http://example.com"}, {"bob", "http and www alone are none"},
		} {
			lounge.Say(line.user, line.text)
			scenetest.Expect(t, bot())
		}
		spam := lounge.Say("bob", "look: HTTPS://example.com/x")
		scenetest.Expect(t, bot(), "@bob: no links here, please. This is warning 1 of 2.")
		if !slices.ContainsFunc(lounge.Messages(), func(m queuptest.Message) bool { return m.ID == spam && m.Deleted }) {
			t.Error("the link is still there")
		}
		lounge.Say("alice", "!warn bob out")
		scenetest.Expect(t, bot(), "@alice: the command !warn is for those with the permission members.mute.")
		lounge.Say("mod", "!warn @bob")
		scenetest.Expect(t, bot(), "@bob: calm down, please. This is warning 2 of 2.")
		lounge.Say("mod", "!warn owner")
		scenetest.Expect(t, bot(), "@mod: the argument <user> must be somebody here who ranks below you. Usage: !warn <user> [reason…]")
		if muted := lounge.Muted(); len(muted) > 0 {
			t.Errorf("muted: %v", muted)
		}
		lounge.Say("bob", "see www.example.com")
		scenetest.Expect(t, bot(), "@bob: no links here, please. Take a rest of 10 minutes.")
		time.Sleep(9 * time.Minute)
		if muted := lounge.Muted(); !slices.Equal(muted, []string{"bob"}) {
			t.Errorf("muted: %v", muted)
		}
		time.Sleep(time.Minute)
		if muted := lounge.Muted(); len(muted) > 0 {
			t.Errorf("muted for ever: %v", muted)
		}
		lounge.Say("bob", "www.example.com") // the count starts again
		if got := bot(); !slices.Contains(got, "@bob: no links here, please. This is warning 1 of 2.") {
			t.Errorf("said %q", got)
		}
	})
}

func TestModbot_skipByVote(t *testing.T) {
	inLounge(t, func(t *testing.T, lounge *queuptest.Room, bot func() []string) {
		lounge.Say("alice", "!skip")
		scenetest.Expect(t, bot(), "1 of 2 votes to skip Paper Lanterns - Slow Tide (03:00)")
		lounge.Say("alice", "!skip") // twice is once
		scenetest.Expect(t, bot(), "1 of 2 votes to skip Paper Lanterns - Slow Tide (03:00)")
		lounge.Say("bob", "!skip")
		bot()
		if got := scenetest.Playing(lounge); got != "Harbour Lights - Blue Hour" { // two others fall to the rules
			t.Errorf("%s plays", got)
		}
		lounge.Say("bob", "!skip") // the votes begin again
		scenetest.Expect(t, bot(), "1 of 2 votes to skip Harbour Lights - Blue Hour (03:12)")
		lounge.Skip("owner")
		bot()
		time.Sleep(time.Minute) // it takes a moment to be sure that nothing plays
		lounge.Say("alice", "!skip")
		scenetest.Expect(t, bot(), "@alice: nothing plays, or another song by now.")
		lounge.Say("alice", "!rules")
		scenetest.Expect(t, bot(), "songs last 08:00 at most and rest 3 hours. No links. After 2 warnings you are muted. !skip votes.")
	})
}

// Moderators warn with words that should not be said with the rights of the bot, and songs are called so.
func TestModbot_repeatsNothingBad(t *testing.T) {
	inLounge(t, func(t *testing.T, lounge *queuptest.Room, bot func() []string) {
		hostile := scenetest.Hostile()
		var lines []string
		for i, text := range hostile {
			lounge.Say("mod", "!warn bob "+text)
			said := bot()
			lines = append(lines, said...)
			lounge.Unmute("owner", "bob")
			lounge.Queue("mod", queuptest.Song{Name: text, Length: 3 * time.Minute, MediaID: fmt.Sprintf("h0st1le%04d", i)})
			lounge.Skip("owner")
			lounge.Say("alice", "!skip")
			voted := bot()
			lines = append(lines, voted...)
			if len(said) == 0 || len(voted) == 0 {
				t.Errorf("%q: said %q and %q", text, said, voted)
			}
			time.Sleep(time.Minute)
		}
		lounge.Say("alice", "!help warn")
		lounge.Say("alice", "!warn @everyone !kick bob")
		lines = append(lines, bot()...)
		scenetest.Polite(t, lines, "bob", "alice", "mod", "carol")
	})
}

func TestRun_demonstration(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(string) string { return "" }); err != nil {
		t.Fatalf("%v, in\n%s", err, &out)
	}
	for _, line := range []string{"alice     !rules", "bot has deleted a line: free songs", "bot has muted bob", "1 of 2 votes", "now plays Harbour Lights", "that is all"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, &out)
		}
	}
}

func TestRun_endsWithItsContext(t *testing.T) {
	scenetest.EndsWithItsContext(t, run, 0, 100*time.Millisecond, time.Second)
}

func TestRun_needsAllVariablesOrNone(t *testing.T) { scenetest.NeedsAllVariablesOrNone(t, run) }

// A user who is not let in gets one line that says what to do.
func TestRun_notLetIn(t *testing.T) {
	scenetest.Refusals(t, true, nil, func(ctx context.Context, getenv func(string) string) error {
		return run(ctx, new(bytes.Buffer), getenv)
	})
}

// until is a writer that ends a context when it has been given a text.
type until struct {
	text string
	end  context.CancelFunc
	bytes.Buffer
}

func (u *until) Write(p []byte) (int, error) {
	defer func() {
		if strings.Contains(u.String(), u.text) {
			u.end()
		}
	}()
	return u.Buffer.Write(p)
}

func TestRun_saysWhatItMayNotDo(t *testing.T) {
	server := queuptest.NewServer()
	defer server.Close()
	for who, want := range map[string]string{
		"alice": "alice cannot skip songs here: it needs a role with the permission queue.skip\n— alice cannot delete links here: it needs a role with the " +
			"permission chat.delete\n— alice cannot mute people here: it needs a role with the permission members.mute\n",
		"mod": "joined The Lounge with ",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		out := &until{text: want, end: cancel}
		err := run(ctx, out, func(name string) string {
			return map[string]string{"QUEUP_URL": server.URL(), "QUEUP_EMAIL": who, "QUEUP_PASSWORD": scene.Password, "QUEUP_ROOM": "lounge"}[name]
		})
		cancel()
		if got := out.String(); err != nil || !strings.Contains(got, want) || strings.Contains(got, "mod cannot") {
			t.Errorf("as %s: %v, printed\n%s", who, err, got)
		}
	}
}
