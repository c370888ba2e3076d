package client_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

func TestState_ofTheSongAndTheQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		settle(20 * time.Second) // the bot comes later
		_, room := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
		lounge := server.Room("lounge")
		alice, bob, carol := memberOf(t, room, "alice").UserID, memberOf(t, room, "bob").UserID, memberOf(t, room, "carol").UserID
		clock := func() string {
			elapsed, playing := room.Elapsed()
			remaining, _ := room.Remaining()
			return fmt.Sprint(elapsed.Round(time.Second), remaining.Round(time.Second), playing)
		}
		eta := func(u client.UserID) string {
			position, queued := room.QueuePosition(u)
			wait, known := room.ETA(u)
			return fmt.Sprint(position, queued, wait.Round(time.Second), known)
		}
		check := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		check("clock", clock(), "20s 2m40s true")
		settle(40 * time.Second)
		check("clock", clock(), "1m0s 2m0s true")
		check("bob", eta(bob), "1 true 2m0s true") // what is left of the current song
		check("carol", eta(carol), "2 true 5m20s true")
		check("alice", eta(alice), "0 false 0s false")
		var queue []string
		for _, s := range room.Queue() {
			info, known := s.Info() // though QueUp leaves it out of the queue
			user, _ := s.User()
			queue = append(queue, fmt.Sprint(user, " ", info.Name, " ", info.Provider, known))
		}
		expect(t, "queue", queue, []string{"bob Nine & Dime - Corner Shop youtubetrue", `carol The Attic - "Dust" (Live) soundcloudtrue`})

		lounge.Vote("bob", true)
		lounge.Vote("carol", true)
		lounge.Vote("carol", false)
		broadcast(server, "room_playlist-queue-update-grabs", `,"user":{"_id":%q},"playlist":{"_id":%q,"updubs":1,"downdubs":1,"grabs":4}`, bob, playingID(room))
		synctest.Wait()
		up, down := room.Votes()
		song, _ := room.NowPlaying()
		check("votes", fmt.Sprint(up, down, song.Updubs, song.Downdubs), fmt.Sprint([]client.UserID{bob}, []client.UserID{carol}, 1, 1))
		check("grabs", fmt.Sprint(room.Grabbers(), song.Grabs), fmt.Sprint([]client.UserID{bob}, 4))

		settle(2*time.Minute + 10*time.Second) // bob's first song plays
		check("clock", clock(), "10s 3m10s true")
		check("carol", eta(carol), "1 true 3m10s true")
		check("bob", eta(bob), "2 true 7m15s true")
		if up, down := room.Votes(); len(up)+len(down)+len(room.Grabbers()) != 0 {
			t.Errorf("the votes of the song before: %v, %v, %v", up, down, room.Grabbers())
		}
	})
}

func TestState_aStreamHasNoEnd(t *testing.T) {
	world := queuptest.DefaultWorld()
	world.Rooms[0].Songs[1].Length = 100_000 * time.Second // bob's
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		if wait, known := room.ETA(memberOf(t, room, "bob").UserID); !known || wait.Round(time.Second) != 3*time.Minute {
			t.Errorf("the stream begins in %v, %v", wait, known)
		}
		if wait, known := room.ETA(memberOf(t, room, "carol").UserID); known {
			t.Errorf("what is behind the stream begins in %v", wait)
		}
		server.Room("lounge").Skip("mod")
		settle(time.Minute)
		if wait, known := room.ETA(memberOf(t, room, "carol").UserID); known {
			t.Errorf("what is behind the stream that plays begins in %v", wait)
		}
	}, queuptest.WithWorld(world))
}

func playingID(room *client.Room) client.PlayID {
	song, _ := room.NowPlaying()
	return song.ID
}

// A bot that joins finds the votes that were given before.
func TestState_votesFromBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		server.Room("lounge").Vote("bob", true)
		server.Room("lounge").Vote("carol", false)
		bot := loggedIn(t, server, "mod")
		playlist := must(bot.CreatePlaylist(t.Context(), "finds"))(t)
		playing, _ := server.Room("lounge").NowPlaying()
		must(playlist.AddSong(t.Context(), client.SongID(playing.SongID)))(t)
		_, room := joinLounge(t, server, "bot")
		up, down := room.Votes()
		want := fmt.Sprint([]client.UserID{memberOf(t, room, "bob").UserID}, []client.UserID{memberOf(t, room, "carol").UserID}, []client.UserID{memberOf(t, room, "mod").UserID})
		if got := fmt.Sprint(up, down, room.Grabbers()); got != want {
			t.Errorf("votes and grabs %s, want %s", got, want)
		}
	})
}

func TestState_theHistoryIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot", client.WithMessageHistory(3))
		for n := range 10 {
			server.Room("lounge").Say("alice", fmt.Sprint(n))
		}
		synctest.Wait()
		var texts []string
		for _, m := range room.Messages() {
			texts = append(texts, m.Content)
		}
		expect(t, "history", texts, []string{"7", "8", "9"})
		if n := bot.Messages().Len(); n != 3 {
			t.Errorf("the client knows %d lines", n)
		}
	})
}

// What the event of a song lacks is fetched before anybody hears of it.
func TestSongChanged_isNeverHalfThere(t *testing.T) {
	for name, songInfo := range map[string]string{
		"no songInfo":       ``,
		"songInfo is null":  `,"songInfo":null`,
		"songInfo is empty": `,"songInfo":{}`,
		"no type and fkid":  `,"songInfo":{"_id":"` + strangeSong + `","name":"Artist"}`,
		"no fkid":           `,"songInfo":{"_id":"` + strangeSong + `","name":"Artist","type":"youtube","fkid":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				lounge := server.Room("lounge")
				lounge.Vote("bob", true)
				lounge.Vote("carol", true)
				heard := record(room, func(e client.Event) string {
					switch e := e.(type) {
					case client.SongChanged:
						return fmt.Sprintf("%s from %s by %s after %+d, played %v", e.Info.Name, e.Info.URL(), e.User, e.Previous.NetDubs(), e.Previous.Played)
					case client.PlaylistUpdated:
						info, _ := e.Song.Info()
						return "updated: " + info.Name
					case client.Chat:
						now, _ := e.Room.NowPlaying()
						return "chat while " + string(now.ID) + " plays"
					}
					return ""
				})
				synctest.Wait()
				before := len(heard())
				startSong(server, strangePlay, dave, songInfo)
				lounge.Say("alice", "what is this?") // waits until it is known
				settle(time.Second)
				var told []string
				for _, line := range heard()[before:] {
					if line != "" {
						told = append(told, line)
					}
				}
				expect(t, "heard", told, []string{
					"updated: Artist - Title",
					"Artist - Title from https://www.youtube.com/watch?v=AbCdEfGhIjK by dave after +2, played true",
					"chat while " + strangePlay + " plays",
				})
				if elapsed, _ := room.Elapsed(); elapsed.Round(time.Second) != time.Second {
					t.Errorf("elapsed %v: the wait for the media does not count", elapsed)
				}
			}, withDave(), answerSong(500*time.Millisecond, &asked))
			if asked.Load() != 1 {
				t.Errorf("the media were asked for %d times", asked.Load())
			}
		})
	}
}

const dave = "65b2a1c0d4e8b90012ab0042"

// withDave is the default world with an account that is in no room.
func withDave() queuptest.Option {
	world := queuptest.DefaultWorld()
	world.Users = append(world.Users, queuptest.User{ID: dave, Name: "dave", Password: "secret"})
	return queuptest.WithWorld(world)
}

// When QueUp takes too long, the song goes out with what is known, and the rest follows.
func TestSongChanged_waitsForTwoSecondsAtMost(t *testing.T) {
	var asked atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, lounge := joinLounge(t, server, "bot")
		attic := must(bot.JoinRoom(t.Context(), "attic"))(t)
		start := time.Now()
		at := func(what string) string {
			return fmt.Sprintf("%v: %s", time.Since(start).Round(time.Second), what)
		}
		songs := record(lounge, func(e client.SongChanged) string {
			return at(fmt.Sprintf("song %q, playing %v, media %s", e.Info.Name, e.Playing, e.Info.ID))
		})
		updates := record(lounge, func(e client.PlaylistUpdated) string {
			info, _ := e.Song.Info()
			return at(fmt.Sprintf("media %q", info.Name))
		})
		here := record(lounge, func(e client.Chat) string { return at(e.Message.Content) })
		there := record(attic, func(e client.Chat) string { return at(e.Message.Content) })
		startSong(server, strangePlay, memberOf(t, lounge, "alice").UserID, `,"songInfo":null`)
		server.Room("lounge").Say("alice", "here")
		server.Room("attic").Say("alice", "there")
		settle(4 * time.Second)
		expect(t, "songs", songs(), []string{"2s: song \"\", playing true, media " + strangeSong})
		expect(t, "updates", updates(), []string{`2s: media ""`, `3s: media "Artist - Title"`})
		expect(t, "lines of the same room", here(), []string{"2s: here"})
		expect(t, "lines of another room", there(), []string{"0s: there"})
		song, _ := lounge.NowPlaying()
		if info, known := song.Info(); !known || info.Name != "Artist - Title" {
			t.Errorf("what plays is %+v", info)
		}
	}, queuptest.WithWorld(twoRooms()), answerSong(3*time.Second, &asked))
}

func TestSongChanged_silence(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(server *queuptest.Server)
		told string
	}{
		"after the last song": {func(*queuptest.Server) { time.Sleep(50 * time.Second) }, "1m15s"},
		"after a skip":        {func(server *queuptest.Server) { server.Room("lounge").Skip("mod") }, "15s"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				start := time.Now()
				_, room := joinLounge(t, server, "bot")
				server.Room("lounge").Vote("bob", true)
				heard := record(room, func(e client.SongChanged) string {
					return fmt.Sprintf("%v: %s (%+d), song %q", time.Since(start).Round(time.Second), tellChange(e), e.Previous.NetDubs(), e.Song.ID)
				})
				settle(10 * time.Second)
				tt.end(server)
				settle(time.Minute)
				expect(t, "heard", heard(), []string{tt.told + `: silence after Paper Lanterns - Slow Tide (01:00) (+1), song ""`})
				song, playing := room.NowPlaying()
				_, elapsed := room.Elapsed()
				up, down := room.Votes()
				if playing || elapsed || song.ID != "" || len(up)+len(down) != 0 || len(room.Queue()) != 0 {
					t.Errorf("in the silence there is %+v", song)
				}
				if err := room.Updub(t.Context()); err == nil {
					t.Error("a vote for nothing")
				}
				server.Room("lounge").Queue("bob", queuptest.Song{Name: "Back", Length: time.Minute})
				settle(time.Second)
				if changes := heard(); len(changes) != 2 || !strings.Contains(changes[1], `"Back" by bob`) {
					t.Errorf("then heard %q", changes)
				}
			}, oneSong())
		})
	}
}

// A play that QueUp tells without its media when a room is joined or comes back has them all the same.
func TestState_mediaThatTheAnswerLacks(t *testing.T) {
	var asked atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		song, _ := room.NowPlaying()
		if info, known := song.Info(); !known || info.Name != "Artist - Title" {
			t.Errorf("the media are %+v", info)
		}
		if user, known := song.User(); !known || user.Username != "dave" {
			t.Errorf("queued by %v", user)
		}
	}, withDave(), answerSong(0, &asked), strangeActive())
}

// strangeActive answers that the strange song plays, queued by dave.
func strangeActive() queuptest.Option {
	return meddle(http.MethodGet, "/playlist/active", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if strings.HasSuffix(req.URL.Path, "/dubs") {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":{"song":{"_id":"` + strangePlay + `","songid":"` + strangeSong + `","userid":"` + dave + `","songLength":60000},"songInfo":null,"startTime":5}}`))
	})
}
