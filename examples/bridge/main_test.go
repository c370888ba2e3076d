package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/examples/internal/scenetest"
	"github.com/queup-go/queup/queuptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun_showsTheConversation(t *testing.T) {
	var out bytes.Buffer
	start := time.Now()
	if err := run(t.Context(), &out, scenetest.Environment(nil)); err != nil {
		t.Fatalf("%v, after\n%s", err, &out)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, want := range []string{
		"[lounge] alice: hello over there\n[garden] bot: ⇄ alice: hello over there\n",
		"\n[lounge] bot: ⇄ bob: hi alice! ",
		"[garden] bot: ⇄ alice: and this after it\n",
		"that is all",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not printed: %q, in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "third place") {
		t.Errorf("what another bridge said was carried on:\n%s", &out)
	}
}

func TestRun_endsWithItsContext(t *testing.T) {
	scenetest.EndsWithItsContext(t, run, 100*time.Millisecond)
}

func TestRun_saysWhatIsMissing(t *testing.T) {
	with := func(more ...string) map[string]string {
		variables := map[string]string{"QUEUP_EMAIL": "bot@example.com", "QUEUP_PASSWORD": "hunter2", "QUEUP_ROOM": "lounge"}
		for i := 0; i < len(more); i += 2 {
			variables[more[i]] = more[i+1]
		}
		return variables
	}
	tests := map[string]struct {
		variables map[string]string
		want      string
	}{
		"an account alone":        {with(), "QUEUP_ROOM2"},
		"a webhook alone":         {map[string]string{"QUEUP_WEBHOOK": "http://127.0.0.1/"}, "QUEUP_EMAIL"},
		"no password":             {with("QUEUP_PASSWORD", "", "QUEUP_ROOM2", "garden"), "QUEUP_PASSWORD"},
		"a room and a webhook":    {with("QUEUP_ROOM2", "garden", "QUEUP_WEBHOOK", "http://127.0.0.1/"), "QUEUP_WEBHOOK"},
		"a room with itself":      {with("QUEUP_ROOM2", "lounge"), "another room"},
		"no address":              {with("QUEUP_WEBHOOK", "ftp://hunter2.example.com/"), "QUEUP_WEBHOOK"},
		"an address for anybody":  {with("QUEUP_LISTEN", "0.0.0.0:8080"), "loopback"},
		"an address of all":       {with("QUEUP_LISTEN", ":8080"), "loopback"},
		"an address of no port":   {with("QUEUP_LISTEN", "127.0.0.1"), "loopback"},
		"an address of elsewhere": {with("QUEUP_LISTEN", "example.com:80"), "loopback"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), new(bytes.Buffer), scenetest.Environment(tt.variables))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("run = %v, want something about %s", err, tt.want)
			}
		})
	}
}

func TestRun_needsAnAccount(t *testing.T) {
	scenetest.NeedsAllVariablesOrNone(t, run, "QUEUP_ROOM2", "QUEUP_WEBHOOK", "QUEUP_LISTEN", "QUEUP_BRIDGES")
}

// open runs a bridge that make has given its ways, and returns when it is in its rooms.
func open(t *testing.T, server *queuptest.Server, account string, rooms int, ways func(b *bridge)) {
	t.Helper()
	b, err := newBridge(&printer{out: new(bytes.Buffer)}, []string{" Mod "},
		client.WithBaseURL(server.URL()),
		client.WithRealtimeURL(server.RealtimeURL()),
		client.WithDialContext(server.DialContext),
		client.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("error handler of %s: %v", account, err) }))
	if err != nil {
		t.Fatal(err)
	}
	ways(b)
	joined := client.Stream[client.RoomJoined](t.Context(), b.bot)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- b.bot.Run(ctx, account, scene.Password) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run: %v", err)
		}
		<-b.bot.Done()
	})
	for range joined {
		if rooms--; rooms == 0 {
			break
		}
	}
}

// said returns what an account has said in a room.
func said(room *queuptest.Room, account string) []string {
	var lines []string
	for _, m := range room.Messages() {
		if m.User == account {
			lines = append(lines, m.Text)
		}
	}
	return lines
}

func inBubble(t *testing.T, test func(t *testing.T, server *queuptest.Server), opts ...queuptest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		world := demoWorld()
		world.Users = append(world.Users, queuptest.User{Name: "mod", Password: scene.Password})
		world.Rooms[0].Present = append(world.Rooms[0].Present, "mod")
		server := queuptest.NewServer(append([]queuptest.Option{queuptest.InMemory(), queuptest.WithWorld(world)}, opts...)...)
		t.Cleanup(server.Close)
		test(t, server)
	})
}

// Lines go both ways while the connection is lost again and again. Each arrives once, and in its order.
func TestBridge_keepsOrderThroughCuts(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		open(t, server, "bot", 2, func(b *bridge) { b.joinRooms("lounge", "garden") })
		lounge, garden := server.Room("lounge"), server.Room("garden")
		var fromAlice, fromBob []string
		for i := range 120 {
			if i%13 == 5 {
				server.CutLinks()
			}
			lounge.Say("alice", fmt.Sprint("line ", i))
			fromAlice = append(fromAlice, fmt.Sprint("⇄ alice: line ", i))
			if i%2 == 0 {
				garden.Say("bob", fmt.Sprint("answer ", i))
				fromBob = append(fromBob, fmt.Sprint("⇄ bob: answer ", i))
			}
			if i%3 == 0 {
				time.Sleep(time.Second)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := said(garden, "bot"); !slices.Equal(got, fromAlice) {
			t.Errorf("in the garden:\n got %q\nwant %q", got, fromAlice)
		}
		if got := said(lounge, "bot"); !slices.Equal(got, fromBob) {
			t.Errorf("in the lounge:\n got %q\nwant %q", got, fromBob)
		}
	})
}

// Two bridges between the same two rooms: each carries what people say, and neither what the other one says, also not
// after both have lost their connections and read the chat again.
func TestBridge_twoOfThemMakeNoLoop(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		for _, account := range []string{"bot", "otherbot"} {
			open(t, server, account, 2, func(b *bridge) { b.joinRooms("lounge", "garden") })
		}
		lounge, garden := server.Room("lounge"), server.Room("garden")
		lounge.Say("alice", "hello")
		time.Sleep(time.Minute)
		garden.Say("bob", strings.Repeat("a long answer ", 17)) // each piece of it has the mark
		time.Sleep(time.Minute)
		server.CutLinks()
		lounge.Say("mod", "from a bridge that is none of ours")
		lounge.Say("alice", "bye")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for _, account := range []string{"bot", "otherbot"} {
			if got, want := said(garden, account), []string{"⇄ alice: hello", "⇄ alice: bye"}; !slices.Equal(got, want) {
				t.Errorf("%s in the garden: %q, want %q", account, got, want)
			}
			if got := said(lounge, account); len(got) < 1 || len(got) > 2 || !strings.HasPrefix(got[len(got)-1], "⇄ bob: ") {
				t.Errorf("%s in the lounge: %q", account, got)
			}
		}
	})
}

// However long a line is and however its characters are encoded, its parts fit, have the mark, and lose nothing.
func TestBridge_splitsWhatIsTooLong(t *testing.T) {
	words := func(n int) string { return strings.TrimSpace(strings.Repeat("word ", n)) }
	for name, text := range map[string]string{
		"what just fits":          strings.Repeat("x", 240),
		"words":                   words(51),
		"no white space":          strings.Repeat("x", 255),
		"entities":                strings.Repeat("&", 51),
		"pairs of UTF-16":         strings.Repeat("🎵", 127),
		"white space at the ends": strings.Repeat("y", 120) + " " + strings.Repeat("z", 130),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				open(t, server, "bot", 2, func(b *bridge) { b.joinRooms("lounge", "garden") })
				server.Room("lounge").Say("alice", text)
				time.Sleep(time.Minute)
				synctest.Wait()
				whole := ""
				for _, piece := range said(server.Room("garden"), "bot") {
					rest, marked := strings.CutPrefix(piece, "⇄ alice: ")
					if n := len(utf16.Encode([]rune(html.EscapeString(piece)))); !marked || n > 255 {
						t.Errorf("a piece of %d characters: %q", n, piece)
					}
					whole += rest
				}
				if squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }; squeeze(whole) != squeeze(text) {
					t.Errorf("said %q, want %q", whole, text)
				}
			})
		})
	}
}

// A refusal because of too much talk is waited for; the line is said once.
func TestBridge_waitsWhenItTalksTooMuch(t *testing.T) {
	var once sync.Once
	handler := queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			refused := false
			if req.Method == http.MethodPost && strings.HasPrefix(req.URL.Path, "/chat/") {
				once.Do(func() { refused = true })
			}
			if refused {
				w.Header().Set("Retry-After", "7")
				http.Error(w, `{"code":429,"message":"slow down"}`, http.StatusTooManyRequests)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		open(t, server, "bot", 2, func(b *bridge) { b.joinRooms("lounge", "garden") })
		server.Room("lounge").Say("alice", "one")
		server.Room("lounge").Say("alice", "two")
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := said(server.Room("garden"), "bot"), []string{"⇄ alice: one", "⇄ alice: two"}; !slices.Equal(got, want) {
			t.Errorf("said %q, want %q", got, want)
		}
	}, handler)
}

// People say, in a room and through a webhook, what should not be said with the rights of the bridge.
func TestBridge_repeatsNothingBad(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		var in http.Handler
		open(t, server, "bot", 2, func(b *bridge) {
			b.joinRooms("lounge", "garden")
			in = b.incoming("garden")
		})
		hostile := scenetest.Hostile()
		for _, text := range hostile {
			server.Room("lounge").Say("alice", text)
			for _, l := range []line{{User: "zoe", Text: text}, {User: text, Text: text}} {
				body, err := json.Marshal(l)
				if err != nil {
					t.Fatal(err)
				}
				req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/", bytes.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				answer := httptest.NewRecorder()
				if in.ServeHTTP(answer, req); answer.Code != http.StatusNoContent {
					t.Errorf("%q: answered %d %s", text, answer.Code, answer.Body)
				}
			}
			time.Sleep(30 * time.Second)
		}
		synctest.Wait()
		lines := said(server.Room("garden"), "bot")
		if len(lines) < 3*len(hostile) {
			t.Errorf("%d lines of %d were said", len(lines), 3*len(hostile))
		}
		scenetest.Polite(t, lines)
	})
}

func TestName(t *testing.T) {
	for user, want := range map[string]string{
		"alice":                       "alice",
		" a\x1b[2J\nb\tc ":            "a[2J bc",
		strings.Repeat("n", 31):       strings.Repeat("n", 29) + "…",
		"\u0000":                      "",
		"Zoë \u202e":                  "Zoë \u202e",
		"line one\nalice: not alice":  "line one alice: not alice",
		strings.Repeat("日", 30) + " ": strings.Repeat("日", 30),
	} {
		if got := name(user); got != want {
			t.Errorf("name(%q) = %q, want %q", user, got, want)
		}
	}
}

func TestRecent_isBounded(t *testing.T) {
	var r recent
	for i := range 3 * maxRecent {
		r.add(fmt.Sprint(i))
	}
	r.add("")
	r.add(fmt.Sprint(3*maxRecent - 1))
	if len(r.ids) != maxRecent || len(r.old) != maxRecent || r.has("") || r.has("1999") || !r.has("2000") || !r.has("2999") {
		t.Errorf("%d ids are known, in a list of %d", len(r.ids), len(r.old))
	}
}

// A user who is not let in gets one line that says what to do.
func TestRun_notLetIn(t *testing.T) {
	scenetest.Refusals(t, true, map[string]string{"QUEUP_ROOM2": "attic"}, func(ctx context.Context, getenv func(string) string) error {
		return run(ctx, new(bytes.Buffer), getenv)
	})
}

// A bridge with one end is none: it leaves the room that it is in, and ends.
func TestRun_oneEndIsMissing(t *testing.T) {
	server := queuptest.NewServer()
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := run(ctx, new(bytes.Buffer), func(name string) string {
		return map[string]string{
			"QUEUP_URL": server.URL(), "QUEUP_EMAIL": "bot", "QUEUP_PASSWORD": scene.Password, "QUEUP_ROOM": "lounge", "QUEUP_ROOM2": "longue",
		}[name]
	})
	if err == nil || !strings.Contains(err.Error(), `"longue" not joined, check the slug`) || strings.Contains(err.Error(), "\n") {
		t.Errorf("run = %v", err)
	}
}
