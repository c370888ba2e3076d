package client_test

import (
	"encoding/json"
	"fmt"
	"math"
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

// What the event of a song lacks is fetched before the event is emitted.
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
	return intercept(http.MethodGet, "/playlist/active", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if strings.HasSuffix(req.URL.Path, "/dubs") {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":{"song":{"_id":"` + strangePlay + `","songid":"` + strangeSong + `","userid":"` + dave + `","songLength":60000},"songInfo":null,"startTime":5}}`))
	})
}

// unknownLengths are lengths as QueUp and others have written them, none of which says how long a song is.
var unknownLengths = map[string]string{
	"zero":         `,"songLength":0`,
	"absent":       ``,
	"null":         `,"songLength":null`,
	"negative":     `,"songLength":-60000`,
	"too large":    `,"songLength":1e30`,
	"overflowing":  `,"songLength":9223372036854775807`,
	"not a number": `,"songLength":"NaN"`,
	"words":        `,"songLength":"four minutes"`,
	"an object":    `,"songLength":{"ms":60000}`,
}

// strangeSongs says whether the strange play has begun, and whether it is over.
type strangeSongs struct{ begun, over atomic.Bool }

// answerActive makes QueUp say that the strange play is the current one, with these lengths, from its begin to its end.
func answerActive(now *strangeSongs, length, mediaLength string, elapsed int) queuptest.Option {
	return intercept(http.MethodGet, "/playlist/active", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		switch {
		case !now.begun.Load() || strings.HasSuffix(req.URL.Path, "/dubs"):
			next.ServeHTTP(w, req)
		case now.over.Load():
			http.Error(w, `{"code":404,"message":"Not Found","data":{"err":{"details":{"code":404,"message":"no songs in active queue"}}}}`, http.StatusNotFound)
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK","data":{"song":{"_id":%q,"songid":%q%s},"songInfo":{"_id":%q,"name":"Artist - Title","type":"youtube","fkid":"x"%s},"startTime":%d}}`,
				strangePlay, strangeSong, length, strangeSong, mediaLength, elapsed)
		}
	})
}

// begin sends the event of the strange play with these lengths.
func (now *strangeSongs) begin(server *queuptest.Server, length, mediaLength string, elapsed int) {
	now.begun.Store(true)
	broadcast(server, "room_playlist-update", `,"startTime":%d,"song":{"_id":"`+strangePlay+`","songid":"`+strangeSong+`"%s},"songInfo":{"_id":"`+strangeSong+`","name":"Artist - Title","type":"youtube","fkid":"x"%s}`, elapsed, length, mediaLength)
}

func TestUnknownLength_theSongPlaysUntilQueUpSaysOtherwise(t *testing.T) {
	for name, length := range unknownLengths {
		t.Run(name, func(t *testing.T) {
			var now strangeSongs
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				changes := record(room, tellChange)
				now.begin(server, length, length, -1)
				settle(10 * time.Minute)
				if song, playing := room.NowPlaying(); !playing || song.Length != 0 {
					t.Errorf("after 10 min: playing %v, length %v", playing, song.Length)
				}
				if elapsed, playing := room.Elapsed(); !playing || elapsed.Round(time.Second) != 10*time.Minute {
					t.Errorf("elapsed %v, %v", elapsed, playing)
				}
				if left, known := room.Remaining(); known {
					t.Errorf("remaining %v, although nothing says so", left)
				}
				if wait, known := room.ETA("carol"); known {
					t.Errorf("ETA %v, although nothing says so", wait)
				}
				expect(t, "changes while QueUp says that it plays", changes(), []string{`"Artist - Title" by `})
				now.over.Store(true)
				settle(time.Minute)
				expect(t, "changes", changes()[1:], []string{"silence after Artist - Title"})
			}, oneSong(), answerActive(&now, length, length, 20))
		})
	}
}

func TestUnknownLength_thatOfTheMediaCounts(t *testing.T) {
	for name, length := range unknownLengths {
		t.Run(name, func(t *testing.T) {
			var now strangeSongs
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				now.begin(server, length, `,"songLength":200000`, -1)
				settle(time.Second)
				song, _ := room.NowPlaying()
				left, known := room.Remaining()
				if song.Length != 200*time.Second || !known || left.Round(time.Second) != 199*time.Second {
					t.Errorf("length %v, remaining %v, %v", song.Length, left, known)
				}
			}, oneSong(), answerActive(&now, length, length, 20))
		})
	}
}

// QueUp may know the length only when it is asked.
func TestUnknownLength_isLearntFromAnAnswer(t *testing.T) {
	var now strangeSongs
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		updates := record(room, func(e client.PlaylistUpdated) string { return e.Song.Length.String() })
		now.begin(server, ``, ``, -1)
		settle(61 * time.Second)
		if left, known := room.Remaining(); !known || left.Round(time.Second) != 139*time.Second {
			t.Errorf("remaining %v, %v", left, known)
		}
		expect(t, "updates", updates(), []string{"0s", "3m20s"})
	}, oneSong(), answerActive(&now, `,"songLength":200000`, ``, 60))
}

// A length of more than a day is a live stream, which has no end.
func TestLongLength_isALiveStream(t *testing.T) {
	var now strangeSongs
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		changes := record(room, tellChange)
		updates := record(room, func(e client.PlaylistUpdated) string { return e.Song.Length.String() })
		now.begin(server, `,"songLength":90000000`, `,"songLength":90000000`, -1)
		settle(30 * time.Hour)
		if elapsed, playing := room.Elapsed(); !playing || elapsed.Round(time.Second) != 30*time.Hour {
			t.Errorf("elapsed %v, %v", elapsed, playing)
		}
		if _, known := room.Remaining(); known {
			t.Error("a live stream has an end")
		}
		song, _ := room.NowPlaying()
		if info, _ := song.Info(); !info.Live() || info.String() != "Artist - Title (live)" {
			t.Errorf("%v, live %v", info, info.Live())
		}
		expect(t, "changes", changes(), []string{`"Artist - Title" by `})
		expect(t, "updates", updates(), []string{"25h0m0s"})
		now.over.Store(true)
		settle(time.Minute)
		if _, playing := room.NowPlaying(); playing {
			t.Error("the end of the stream is not noticed")
		}
	}, oneSong(), answerActive(&now, `,"songLength":90000000`, `,"songLength":90000000`, 108000))
}

func TestElapsed_isNeverNegative(t *testing.T) {
	for _, start := range []int{-1, -1000, math.MinInt32} {
		t.Run(fmt.Sprint(start), func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				var now strangeSongs
				_, room := joinLounge(t, server, "bot")
				for _, length := range []string{``, `,"songLength":60000`} {
					now.begin(server, length, ``, start)
					settle(time.Millisecond)
					if elapsed, playing := room.Elapsed(); !playing || elapsed < 0 || elapsed > time.Second {
						t.Errorf("elapsed %v, %v", elapsed, playing)
					}
				}
			})
		})
	}
}

func TestSongInfo_withoutALengthHasJustItsTitle(t *testing.T) {
	for length, want := range map[time.Duration]string{
		0: "A", -time.Second: "A", time.Minute: "A (01:00)", 24 * time.Hour: "A (24:00:00)", 24*time.Hour + 1: "A (live)", math.MaxInt64: "A (live)",
	} {
		if info := (client.SongInfo{Name: "A", Length: length}); info.String() != want {
			t.Errorf("%v: %q, want %q", length, info, want)
		}
	}
}

// A song whose length or time is at the end of what a duration holds does not make the client ask QueUp without a pause.
func TestSong_ofAnyLength(t *testing.T) {
	const most = math.MaxInt64 / int64(time.Millisecond)
	for name, tt := range map[string]struct{ length, elapsed int64 }{
		"the longest":             {most, 0},
		"the longest, in a year":  {most, -365 * 24 * 3600},
		"the longest, in an age":  {most, -most / 1000},
		"the longest, at its end": {most, most / 1000},
		"the shortest":            {-most, 0},
		"one that never began":    {180_000, -most / 1000},
		"one that began for ever": {180_000, most / 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				server := queuptest.NewServer(queuptest.InMemory(), intercept(http.MethodGet, "/playlist/active", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
					calls.Add(1)
					change(w, req, next, func(answer string) string {
						var body map[string]any
						must(0, json.Unmarshal([]byte(answer), &body))(t)
						if data, ok := body["data"].(map[string]any); ok {
							data["startTime"] = json.Number(fmt.Sprint(tt.elapsed))
							for _, part := range []string{"song", "songInfo"} {
								if song, ok := data[part].(map[string]any); ok {
									song["songLength"] = json.Number(fmt.Sprint(tt.length))
								}
							}
						}
						return string(must(json.Marshal(body))(t))
					})
				}))
				defer server.Close()
				_, room := joinLounge(t, server, "bot")
				for range 60 {
					time.Sleep(time.Second)
					elapsed, _ := room.Elapsed()
					left, _ := room.Remaining()
					if song, _ := room.NowPlaying(); elapsed < 0 || left < 0 || song.Length > 0 && song.Length <= 24*time.Hour && elapsed > song.Length {
						t.Fatalf("%v played, %v left of %v", elapsed, left, song.Length)
					}
				}
				if n := calls.Load(); n > 10 {
					t.Errorf("QueUp was asked %d times in a minute", n)
				}
			})
		})
	}
}

// QueUp is asked what plays while the media of the next song are looked up.
func TestSongChanged_isEmittedOnceThoughQueUpIsAsked(t *testing.T) {
	var asked atomic.Int32
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		songs := record(room, tellChange)
		broadcast(server, "chat-skip", `,"username":"mod"`)
		time.Sleep(4500 * time.Millisecond)
		startSong(server, strangePlay, memberOf(t, room, "alice").UserID, `,"songInfo":null`)
		settle(10 * time.Second)
		expect(t, "songs", songs(), []string{`"Artist - Title" by alice`})
	}, answerSong(1500*time.Millisecond, &asked), intercept(http.MethodGet, "/playlist/active", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if asked.Load() == 0 {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":{"startTime":1,"song":{"_id":"` + strangePlay + `","songid":"` + strangeSong +
			`","songLength":60000},"songInfo":` + strangeMedia + `}}`))
	}))
}

// QueUp's answer about the queue may list the current song.
func TestQueue_leavesTheCurrentSongOut(t *testing.T) {
	var row atomic.Value // of the current song
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		settle(10 * time.Second)
		waiting := texts(playsOf(room.Queue()))
		current, playing := room.NowPlaying()
		if !playing || len(waiting) == 0 {
			t.Fatalf("%v plays, and %v wait", current, waiting)
		}
		row.Store(fmt.Sprintf(`{"_id":%q,"songid":%q,"userid":%q,"songLength":215000}`, current.ID, current.SongID, current.UserID))
		broadcast(server, "room_playlist-queue-update", ``)
		settle(10 * time.Second)
		expect(t, "queue", texts(playsOf(room.Queue())), waiting)
	}, intercept(http.MethodGet, "/playlist/details", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		change(w, req, next, func(body string) string {
			if row, ok := row.Load().(string); ok {
				return strings.Replace(body, `"data":[`, `"data":[`+row+`,`, 1)
			}
			return body
		})
	}))
}
