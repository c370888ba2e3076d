package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/queuptest"
)

// inRoom watches the lounge on virtual time.
func inRoom(t *testing.T, test func(t *testing.T, server *queuptest.Server, s *screen), opts ...queuptest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(append(opts, queuptest.InMemory())...)
		defer server.Close()
		bot, err := client.New(
			client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()), client.WithDialContext(server.DialContext),
			client.WithReconnect(func(int, error) (time.Duration, bool) { return 2 * time.Second, true }),
			client.WithErrorHandler(func(_ context.Context, err error) { t.Errorf("a handler failed: %v", err) }),
		)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = bot.Close()
			<-bot.Done()
		}()
		if err := bot.Login(t.Context(), "bot", scene.Password); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, s, err := watch(t.Context(), bot, "lounge")
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		test(t, server, s)
	})
}

// now returns the picture on the screen a moment later.
func now(s *screen) picture {
	time.Sleep(repaint)
	synctest.Wait()
	time.Sleep(repaint)
	synctest.Wait()
	p, _ := s.look()
	return p
}

func TestWatch_theQueue(t *testing.T) {
	inRoom(t, func(t *testing.T, server *queuptest.Server, s *screen) {
		lounge := server.Room("lounge")
		for _, dj := range []string{"owner", "mod", "alice"} {
			lounge.Queue(dj, queuptest.Song{Name: "Song of " + dj, Length: time.Minute})
		}
		time.Sleep(10 * time.Second) // the client collects such news
		p := now(s)
		var waiting []string
		for _, e := range p.Queue {
			waiting = append(waiting, e.DJ+": "+e.Title)
		}
		want := []string{"bob: Corner Shop", `carol: "Dust" (Live)`, "owner: Song of owner", "mod: Song of mod", "alice: Song of alice"}
		if !slices.Equal(waiting, want) || p.More != 0 {
			t.Errorf("%q wait and %d more, want %q", waiting, p.More, want)
		}
		// What is left of the first song, then 3:20, 4:05 and a minute.
		if wait := time.Until(p.Queue[3].begins); wait < 10*time.Minute || wait > 11*time.Minute+25*time.Second {
			t.Errorf("mod waits %v", wait)
		}
		lounge.Join("bot")
		lounge.Queue("bot", queuptest.Song{Name: "One more", Length: time.Minute})
		time.Sleep(10 * time.Second)
		if p := now(s); len(p.Queue) != maxEntries || p.More != 1 {
			t.Errorf("%d are shown and %d more", len(p.Queue), p.More)
		}
		lounge.RemoveDJ("mod", "bob")
		time.Sleep(10 * time.Second)
		if p := now(s); p.Queue[0].DJ != "carol" {
			t.Errorf("first is %+v", p.Queue[0])
		}
	})
}

func TestWatch_theRoomFallsSilent(t *testing.T) {
	inRoom(t, func(t *testing.T, server *queuptest.Server, s *screen) {
		before := now(s)
		if before.Playing == nil || before.Playing.Title != "Slow Tide" || before.Playing.Length != 180_000 {
			t.Fatalf("it plays %+v", before.Playing)
		}
		time.Sleep(20 * time.Minute) // all there was
		if p := now(s); p.Playing != nil || len(p.Queue) > 0 {
			t.Errorf("it still plays %+v and then %+v", p.Playing, p.Queue)
		}
		server.Room("lounge").Queue("carol", queuptest.Song{Name: "Awake", Length: time.Minute})
		time.Sleep(time.Second)
		if p := now(s); p.Playing == nil || p.Playing.Title != "Awake" || p.Playing.Artist != "" || p.Playing.DJ != "carol" {
			t.Errorf("it plays %+v", p.Playing)
		}
	})
}

func TestWatch_theConnectionIsLostAndFound(t *testing.T) {
	inRoom(t, func(t *testing.T, server *queuptest.Server, s *screen) {
		if !now(s).Live {
			t.Fatal("it is lost from the start")
		}
		server.CutLinks()
		lost := !now(s).Live
		time.Sleep(5 * time.Second)
		server.Room("lounge").Say("alice", "still there?")
		p := now(s)
		if !lost || !p.Live || !says(p, "still there?") {
			t.Errorf("lost: %v, then live: %v, chat %+v", lost, p.Live, p.Chat)
		}
	})
}

func TestWatch_chatFromBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		s.add(line{ID: "2", Text: "heard"})
		s.recall([]client.Message{{ID: "0", Content: "gone", Deleted: true}, {ID: "1", Content: "earlier"}, {ID: "2", Content: "heard"}})
		lines, _ := s.noted()
		if len(lines) != 2 || lines[0].Text != "earlier" || lines[0].Name != "somebody" || lines[1].Text != "heard" {
			t.Errorf("the chat is %+v", lines)
		}
	})
}

// However busy the room, the page changes ten times a second at most, and shows the end of it.
func TestWatch_aBusyRoom(t *testing.T) {
	inRoom(t, func(t *testing.T, server *queuptest.Server, s *screen) {
		now(s)
		pictures, start := 0, time.Now()
		for time.Since(start) < 30*time.Second {
			_, changed := s.look()
			<-changed
			pictures++
		}
		if pictures < 50 || pictures > 305 {
			t.Errorf("%d pictures in half a minute", pictures)
		}
		server.Room("lounge").Say("alice", "the last word")
		if p := now(s); !says(p, "the last word") || len(p.Chat) > maxLines {
			t.Errorf("the chat is %+v", p.Chat)
		}
	}, queuptest.Crowd(queuptest.CrowdConfig{Members: 500, Seed: 1, Rate: 100}))
}

func TestCredits(t *testing.T) {
	tests := map[string]struct{ name, artist, title string }{
		"both":            {"Nine & Dime - Corner Shop", "Nine & Dime", "Corner Shop"},
		"two hyphens":     {"A - B - C", "A", "B - C"},
		"a title alone":   {"Corner Shop", "", "Corner Shop"},
		"no artist":       {" - Corner Shop", "", "- Corner Shop"},
		"no title":        {"Nine & Dime - ", "", "Nine & Dime -"},
		"nothing":         {"  ", "", "a song without a name"},
		"a very long one": {strings.Repeat("é", 2*maxText), "", strings.Repeat("é", maxText-1) + "…"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if artist, title := credits(tt.name); artist != tt.artist || title != tt.title {
				t.Errorf("credits = %q, %q, want %q, %q", artist, title, tt.artist, tt.title)
			}
		})
	}
}
