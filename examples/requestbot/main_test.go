package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/examples/internal/scenetest"
	"github.com/queup-go/queup/queuptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inLounge runs a test with a requestbot in the lounge.
func inLounge(t *testing.T, test func(t *testing.T, lounge *queuptest.Room, bot func() []string), opts ...queuptest.Option) {
	t.Helper()
	scenetest.InLounge(t, stage(), newLounge, test, opts...)
}

// onAt lets the time pass that an answer of !when names for a song, and checks that the song begins then.
func onAt(t *testing.T, lounge *queuptest.Room, answer, song string) {
	t.Helper()
	found := regexp.MustCompile(regexp.QuoteMeta(song) + ` \(\d\d:\d\d\) in (\d\d):(\d\d)`).FindStringSubmatch(answer)
	if found == nil {
		t.Fatalf("no %s in %q", song, answer)
	}
	wait, err := time.ParseDuration(found[1] + "m" + found[2] + "s")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(wait - 5*time.Second)
	if got := scenetest.Playing(lounge); got == song {
		t.Errorf("%s plays %v too early", song, 5*time.Second)
	}
	time.Sleep(10 * time.Second)
	if got := scenetest.Playing(lounge); got != song {
		t.Errorf("after %v plays %s", wait, got)
	}
}

func TestRequestbot_searchesAndQueues(t *testing.T) {
	inLounge(t, func(t *testing.T, lounge *queuptest.Room, bot func() []string) {
		ask := func(user, text string, want ...string) {
			t.Helper()
			lounge.Say(user, text)
			scenetest.Expect(t, bot(), want...)
			time.Sleep(6 * time.Second)
		}
		ask("alice", "!pick 1", "@alice: you can pick from 0 songs that you have found with !request. Usage: !pick <number>")
		ask("alice", "!request", "@alice: the argument <song> is missing. Usage: !request <song…>")
		ask("alice", "!request no such song", "@alice: I have found nothing like that.")
		ask("alice", "!request Last TRAM", "@alice: 1) Slow Tide - Last Tram Home (05:32) 2) Corner Shop - Last Tram Home (04:45) "+
			"3) The Attic - Last Tram Home (04:54). Say !pick and a number.")
		for _, number := range []string{"0", "4", "-1"} {
			ask("alice", "!pick "+number, "@alice: you can pick from 3 songs that you have found with !request. Usage: !pick <number>")
		}
		ask("bob", "!pick 2", "@bob: you can pick from 0 songs that you have found with !request. Usage: !pick <number>")
		ask("alice", "!pick 2", "@alice: Corner Shop - Last Tram Home (04:45) is in the queue; !when says when it plays.")
		ask("alice", "!pick 2", "@alice: sorry, QueUp does not take Corner Shop - Last Tram Home (04:45). It says: The song is in your queue already.")
		ask("alice", "!request harbour blue hour", "@alice: Harbour Lights - Blue Hour (03:53) is in the queue; !when says when it plays.")
		ask("alice", "!pick 1", "@alice: 2 requests of yours are waiting. Please let others have a turn.")
		ask("bob", "!request never gonna", "@bob: sorry, QueUp does not take Rick Astley - Never Gonna Give You Up (03:33). It says: The song was played recently.")
		lounge.Configure("owner", func(s *queuptest.Settings) { s.MaxLength = time.Minute })
		ask("carol", "!request harbour dust", "@carol: sorry, QueUp does not take Harbour Lights - Dust (02:28). It says: The song is too long for this room.")
		if got := lounge.QueueOf("bot"); len(got) != 2 || got[0].Name != "Corner Shop - Last Tram Home" || got[1].Name != "Harbour Lights - Blue Hour" {
			t.Errorf("the bot's queue is %v", got)
		}
	})
}

// The client reads the queue again only some seconds after a change. The list has the change at once.
func TestRequestbot_listsWhatWasQueuedAMomentAgo(t *testing.T) {
	inLounge(t, func(t *testing.T, lounge *queuptest.Room, bot func() []string) {
		lounge.Say("mod", "!request last tram slow")
		bot()
		lounge.Queue("alice", queuptest.Song{Name: "Ferris - Tidal", Length: 2 * time.Minute, MediaID: "f3rr1sT1dal"})
		lounge.Say("bob", "!queue")
		scenetest.Expect(t, bot(), "1) Nine & Dime - Corner Shop (03:20) by bob in 02:56 2) The Attic - \"Dust\" (Live) (04:05) by carol in 06:16 "+
			"3) Slow Tide - Last Tram Home (05:32) by bot in 10:21 4) Ferris - Tidal (02:00) by alice in 15:53")
		lounge.Say("bob", "!queue")
		scenetest.Expect(t, bot(), "@bob: please wait 3s before the next !queue.")
	})
}

func TestRequestbot_tellsWhen(t *testing.T) {
	inLounge(t, func(t *testing.T, lounge *queuptest.Room, bot func() []string) {
		lounge.Say("mod", "!when")
		scenetest.Expect(t, bot(), "@mod: I know of no song of yours.")
		lounge.Say("mod", "!request last tram slow")
		bot()
		lounge.Say("mod", "!when")                                                       // before the queue has been read again
		scenetest.Expect(t, bot(), "@mod: Slow Tide - Last Tram Home (05:32) in 10:19.") // 18 s before the next one
		time.Sleep(10 * time.Second)
		lounge.Say("mod", "!request harbour blue hour")
		bot()
		lounge.Say("bob", "!eta")
		scenetest.Expect(t, bot(), "@bob: your own song in 02:40.")
		lounge.Say("bob", "!queue")
		scenetest.Expect(t, bot(), "1) Nine & Dime - Corner Shop (03:20) by bob in 02:38 2) The Attic - \"Dust\" (Live) (04:05) by carol in 05:58 "+
			"3) Slow Tide - Last Tram Home (05:32) by bot in 10:03")
		lounge.Say("mod", "!when")
		answers := bot()
		if len(answers) != 1 || answers[0] != "@mod: Slow Tide - Last Tram Home (05:32) in 10:01, Harbour Lights - Blue Hour (03:53) in 22:58." { // a round later
			t.Fatalf("said %q", answers)
		}
		onAt(t, lounge, answers[0], "Slow Tide - Last Tram Home")
		lounge.Say("mod", "!when")
		answers = bot()
		if len(answers) != 1 || strings.Contains(answers[0], "Slow Tide") {
			t.Fatalf("said %q", answers)
		}
		onAt(t, lounge, answers[0], "Harbour Lights - Blue Hour")
		time.Sleep(10 * time.Minute)
		lounge.Say("mod", "!when")
		scenetest.Expect(t, bot(), "@mod: I know of no song of yours.")
		lounge.Say("mod", "!queue")
		scenetest.Expect(t, bot(), "nobody is in the queue.")
	})
}

// renaming has QueUp answer with another name for an artist of its catalogue.
type renaming struct{ to atomic.Value }

func (n *renaming) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Upgrade") != "" {
			next.ServeHTTP(w, req)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, req)
		name, _ := json.Marshal(n.to.Load())
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(bytes.ReplaceAll(answer.Body.Bytes(), []byte("Corner Shop - "), bytes.Trim(name, `"`)))
	})
}

// Songs have names, and people search for words, that should not be said with the rights of the bot.
func TestRequestbot_repeatsNothingBad(t *testing.T) {
	names := new(renaming)
	names.to.Store("")
	inLounge(t, func(t *testing.T, lounge *queuptest.Room, bot func() []string) {
		var lines []string
		for i, text := range scenetest.Hostile() {
			names.to.Store(text)
			lounge.Queue("bob", queuptest.Song{Name: text, Length: 3 * time.Minute, MediaID: fmt.Sprintf("h0st1le%04d", i)})
			for _, said := range []string{"!request Corner Shop", "!pick 2", "!pick 2", "!when", "!queue", "!request " + text, "!pick " + text, "!pikc " + text} {
				lounge.Say("alice", said)
				answers := bot()
				if len(answers) == 0 && !strings.HasPrefix(said, "!request") {
					t.Errorf("no answer to %q", said)
				}
				lines = append(lines, answers...)
				time.Sleep(5 * time.Second)
			}
		}
		scenetest.Polite(t, lines, "alice")
		if whole := strings.Join(lines, " "); !strings.Contains(whole, "kick bob @ Everyone,") {
			t.Errorf("no song of that name was spoken of, in %q", whole)
		}
	}, queuptest.WithHandler(names.handler))
}

func TestRun_demonstration(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(string) string { return "" }); err != nil {
		t.Fatalf("%v, in\n%s", err, &out)
	}
	for _, line := range []string{"carol     !pick 2", "It says: The song was played recently.", "Did you mean !queue?", "queued by bot", "that is all"} {
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
