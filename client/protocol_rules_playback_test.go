package client_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// Ids of plays and media that the server does not know.
const (
	strangePlay  = "65d4c3e2f60adb0014cd0001"
	strangeSong  = "65e5d4f3071bec0015de0001"
	strangeMedia = `{"_id":"` + strangeSong + `","name":"Artist - Title","type":"youtube","fkid":"AbCdEfGhIjK","songLength":60000}`
)

// startSong sends the event of a song of a minute, with what stands for its media.
func startSong(server *queuptest.Server, play string, by client.UserID, songInfo string) {
	broadcast(server, "room_playlist-update", `,"startTime":-1,"song":{"_id":%q,"songid":"`+strangeSong+`","userid":%q,"songLength":60000}%s`, play, by, songInfo)
}

// answerSong is for intercept: QueUp knows the strange media, and takes its time.
func answerSong(after time.Duration, asked *atomic.Int32) queuptest.Option {
	return intercept(http.MethodGet, "/song/"+strangeSong, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		asked.Add(1)
		time.Sleep(after)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":` + strangeMedia + `}`))
	})
}

// tellChange prints what a song change says.
func tellChange(e client.SongChanged) string {
	if !e.Playing {
		return fmt.Sprintf("silence after %s", e.Previous)
	}
	return fmt.Sprintf("%q by %s", e.Info.Name, e.User)
}

// oneSong is the default world with one song of a minute, queued by alice.
func oneSong() queuptest.Option {
	world := queuptest.DefaultWorld()
	world.Rooms[0].Songs = world.Rooms[0].Songs[:1]
	world.Rooms[0].Songs[0].Length = time.Minute
	return queuptest.WithWorld(world)
}

func TestRule12_onlyAnotherPlayIsASongChange(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		changes := record(room, func(e client.SongChanged) string {
			return fmt.Sprintf("%s after %s (%d:%d)", e.Song, e.Previous, e.Previous.Updubs, e.Previous.Downdubs)
		})
		updates := record(room, func(e client.PlaylistUpdated) string { return e.Song.String() })
		lounge.Vote("bob", true)
		lounge.Vote("carol", false)
		lounge.Vote("mod", true)
		time.Sleep(time.Minute)
		lounge.Queue("carol", queuptest.Song{Name: "Another", Length: time.Minute}) // which tells the current song again
		now, _ := lounge.NowPlaying()
		broadcast(server, "room_playlist-update", `,"startTime":-1,"song":{"_id":%q,"songid":%q,"userid":"x","songLength":180000,"updubs":2,"downdubs":1}`, now.ID, now.SongID) // as if it began anew
		settle(10 * time.Second)
		expect(t, "changes while the same song plays", changes(), nil)
		if n := len(updates()); n != 2 {
			t.Errorf("PlaylistUpdated came %d times, want 2: %q", n, updates())
		}
		up, down := room.Votes()
		if len(up) != 2 || len(down) != 1 {
			t.Errorf("the votes of the song that goes on are %v and %v", up, down)
		}
		if elapsed, _ := room.Elapsed(); elapsed.Round(time.Second) != 70*time.Second {
			t.Errorf("elapsed %v: the song has begun anew", elapsed)
		}
		settle(2 * time.Minute)
		expect(t, "changes", changes(), []string{"Nine & Dime - Corner Shop (03:20) after Paper Lanterns - Slow Tide (03:00) (2:1)"})
		if up, down := room.Votes(); len(up)+len(down) != 0 {
			t.Errorf("the new song begins with the votes %v and %v", up, down)
		}
		if song, _ := room.NowPlaying(); song.Updubs != 0 || song.Downdubs != 0 {
			t.Errorf("the new song begins with %d:%d", song.Updubs, song.Downdubs)
		}
	})
}

func TestRule13_aSongThatDoesNotEndIsAskedFor(t *testing.T) {
	tests := map[string]struct {
		active string // what QueUp says plays, after the song is over; empty for the truth
		status int
		want   string
	}{
		"nothing plays": {"", http.StatusNotFound, "silence after Paper Lanterns - Slow Tide (01:00)"},
		"the same song": {`{"song":{"_id":"%s","songid":"%s","songLength":60000},"songInfo":null,"startTime":75}`, http.StatusOK, "silence after Paper Lanterns - Slow Tide (01:00)"},
		"another":       {`{"song":{"_id":"` + strangePlay + `","songid":"` + strangeSong + `","songLength":60000},"songInfo":` + strangeMedia + `,"startTime":5}`, http.StatusOK, `"Artist - Title" by `},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var over atomic.Bool
			var play queuptest.Play
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				play, _ = server.Room("lounge").NowPlaying()
				wire := newTap(server)
				_, room := joinLounge(t, server, "bot", client.WithDialer(wire))
				changes := record(room, tellChange)
				start := time.Now()
				var after atomic.Int64
				record(room, func(client.SongChanged) string { after.Store(int64(time.Since(start))); return "" })
				settle(74 * time.Second)
				expect(t, "changes before it is asked", changes(), nil)
				over.Store(true)
				settle(2 * time.Second)
				expect(t, "changes", changes(), []string{tt.want})
				if took := time.Duration(after.Load()).Round(time.Second); took != 75*time.Second {
					t.Errorf("told after %v", took)
				}
				if _, playing := room.NowPlaying(); playing != strings.HasPrefix(tt.want, `"`) {
					t.Errorf("playing %v", playing)
				}
			}, oneSong(), intercept(http.MethodGet, "/playlist/active", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if !over.Load() || tt.active == "" || strings.HasSuffix(req.URL.Path, "/dubs") {
					next.ServeHTTP(w, req)
					return
				}
				body := tt.active
				if strings.Contains(body, "%s") {
					body = fmt.Sprintf(body, play.ID, play.SongID)
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":` + body + `}`))
			}))
		})
	}
}

func TestRule14_whatPlaysIsAskedAgainWhenQueUpIsNotSure(t *testing.T) {
	for name, setup := range map[string]struct {
		unsure int32 // answers to what plays that say nothing, from this one on
		cut    bool
		want   []string
	}{
		"at the end of a song":    {2, false, []string{"silence after Paper Lanterns - Slow Tide (01:00)"}},
		"when a room is joined":   {1, false, []string{`"Paper Lanterns - Slow Tide" by alice`, "silence after Paper Lanterns - Slow Tide (01:00)"}},
		"after a lost connection": {2, true, []string{"silence after Paper Lanterns - Slow Tide (01:00)"}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot := connect(t, server, "bot")
				changes := record(bot, func(e client.SongChanged) string { return tellChange(e) })
				room, err := bot.JoinRoom(t.Context(), "lounge")
				if err != nil {
					t.Fatal(err)
				}
				if setup.cut {
					server.CutLinks()
					settle(5 * time.Second)
					if _, playing := room.NowPlaying(); !playing {
						t.Error("an answer that says nothing was taken for silence")
					}
				}
				settle(5 * time.Minute)
				expect(t, "changes", changes(), setup.want)
			}, oneSong(), intercept(http.MethodGet, "/playlist/active", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if strings.HasSuffix(req.URL.Path, "/dubs") || asked.Add(1) != setup.unsure {
					next.ServeHTTP(w, req)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"code":200,"message":"OK","data":{"startTime":0}}`))
			}))
			if asked.Load() < setup.unsure+1 {
				t.Errorf("asked %d times", asked.Load())
			}
		})
	}
}

func TestRule15_mediaThatAreNotThereStopNothing(t *testing.T) {
	for name, songInfo := range map[string]string{
		"absent":               ``,
		"null":                 `,"songInfo":null`,
		"without type or fkid": `,"songInfo":{"_id":"` + strangeSong + `","name":"half a title"}`,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) { // whose server does not know the media either
				_, room := joinLounge(t, server, "bot")
				alice := memberOf(t, room, "alice").UserID
				heard := record(room, func(e client.SongChanged) string { return fmt.Sprint(e.Song.ID, e.Song.Length, e.Info.ID, e.Playing) })
				chat := record(room, func(e client.Chat) string { return e.Message.Content })
				startSong(server, strangePlay, alice, songInfo)
				server.Room("lounge").Say("alice", "still here")
				settle(5 * time.Second)
				expect(t, "heard", heard(), []string{fmt.Sprint(strangePlay, time.Minute, strangeSong, true)})
				expect(t, "chat", chat(), []string{"still here"})
				if song, playing := room.NowPlaying(); !playing || song.ID != strangePlay || song.SongID != strangeSong {
					t.Errorf("playing %+v", song)
				}
				if calls(server, "GET", "/song/"+strangeSong) != 1 {
					t.Errorf("the media were asked for %d times", calls(server, "GET", "/song/"+strangeSong))
				}
			})
		})
	}
}

func TestRule16_votesAreReadAfterASongChangeAndOnlyForIt(t *testing.T) {
	var stale atomic.Bool
	dubs := `{"currentSong":{"_id":"%s","updubs":2,"downdubs":1},"upDubs":[{"userid":"u1"},{"userid":"u2"}],"downDubs":[{"userid":"u3"}]}`
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		alice := memberOf(t, room, "alice").UserID
		votes := func() string {
			up, down := room.Votes()
			song, _ := room.NowPlaying()
			return fmt.Sprintf("%d:%d of %d and %d", song.Updubs, song.Downdubs, len(up), len(down))
		}
		startSong(server, strangePlay, alice, `,"songInfo":`+strangeMedia)
		settle(time.Second)
		if got := votes(); got != "2:1 of 2 and 1" {
			t.Errorf("votes %s", got)
		}
		stale.Store(true)
		startSong(server, "65d4c3e2f60adb0014cd0002", alice, `,"songInfo":`+strangeMedia)
		settle(time.Second)
		if got := votes(); got != "0:0 of 0 and 0" {
			t.Errorf("votes %s are those of the song before", got)
		}
	}, intercept(http.MethodGet, "/playlist/active/dubs", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK","data":`+dubs+`}`, strangePlay)
	}))
}

func TestRule17_votesCountForWhatPlaysAndReplaceEachOther(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		bob, carol := memberOf(t, room, "bob").UserID, memberOf(t, room, "carol").UserID
		playing, _ := room.NowPlaying()
		vote := func(kind string, u client.UserID, play client.PlayID, up, down int) string {
			broadcast(server, "room_playlist-dub", `,"dubtype":%q,"user":{"_id":%q},"playlist":{"_id":%q,"updubs":%d,"downdubs":%d}`, kind, u, play, up, down)
			synctest.Wait()
			song, _ := room.NowPlaying()
			favour, against := room.Votes()
			return fmt.Sprintf("%d:%d %v %v", song.Updubs, song.Downdubs, favour, against)
		}
		// QueUp knows of votes that we have not heard of.
		if got, want := vote("updub", bob, playing.ID, 7, 3), fmt.Sprintf("7:3 [%s] []", bob); got != want {
			t.Errorf("a vote for: %s, want %s", got, want)
		}
		if got, want := vote("downdub", bob, playing.ID, 6, 4), fmt.Sprintf("6:4 [] [%s]", bob); got != want {
			t.Errorf("the same user against: %s, want %s", got, want)
		}
		if got, want := vote("updub", carol, "65d4c3e2f60adb0014cd0009", 99, 99), fmt.Sprintf("6:4 [] [%s]", bob); got != want {
			t.Errorf("a vote on another song: %s, want %s", got, want)
		}
	})
}

func TestRule18_theSameVoteIsSentOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		server.Room("lounge").Vote("bot", true) // in the browser, before
		synctest.Wait()
		if err := room.Updub(t.Context()); !isArgument(err) {
			t.Errorf("the vote that QueUp has = %v", err)
		}
		for range 3 {
			_ = room.Downdub(t.Context())
		}
		if n := calls(server, "POST", "/dubs"); n != 1 {
			t.Errorf("%d votes were sent, want 1", n)
		}
		if err := room.Updub(t.Context()); err != nil || calls(server, "POST", "/dubs") != 2 {
			t.Errorf("changing one's mind = %v", err)
		}
	})
}

func TestRule19_theQueueIsReadAgainOnceForManyReasons(t *testing.T) {
	bob := func(room *client.Room) client.UserID { return memberOf(t, room, "bob").UserID }
	reasons := map[string]func(server *queuptest.Server, room *client.Room){
		"a queue has changed": func(server *queuptest.Server, room *client.Room) {
			broadcast(server, "room_playlist-queue-update-dub", `,"user":{"_id":%q}`, bob(room))
		},
		"the queue has changed": func(server *queuptest.Server, _ *client.Room) { broadcast(server, "room_playlist-queue-update", ``) },
		"reordered": func(server *queuptest.Server, _ *client.Room) {
			broadcast(server, "room_playlist-queue-reorder", `,"user":{"username":"mod"}`)
		},
		"a song removed": func(server *queuptest.Server, room *client.Room) {
			broadcast(server, "room_playlist-queue-remove-user-song", `,"user":{"username":"mod"},"removedUser":{"_id":%q}`, bob(room))
		},
		"a DJ removed": func(server *queuptest.Server, room *client.Room) {
			broadcast(server, "room_playlist-queue-remove-user", `,"user":{"username":"mod"},"removedUser":{"_id":%q}`, bob(room))
		},
		"a leave":       func(server *queuptest.Server, _ *client.Room) { server.Room("lounge").Leave("carol") },
		"a song change": func(server *queuptest.Server, _ *client.Room) { server.Room("lounge").Skip("mod") },
	}
	for name, cause := range reasons {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				reads := func() int { return calls(server, "GET", "/playlist/details") }
				before := reads()
				for range 10 { // in less than five seconds
					cause(server, room)
					if name != "a queue has changed" {
						break
					}
					settle(400 * time.Millisecond)
				}
				if n := reads() - before; n != 0 {
					t.Errorf("read %d times at once", n)
				}
				settle(10 * time.Second)
				if n := reads() - before; n != 1 {
					t.Errorf("read %d times, want 1", n)
				}
			})
		})
	}
}

func TestRule20_nullRowsArePassedOverAndMediaRemembered(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
		again := func() []string {
			broadcast(server, "room_playlist-queue-update", ``)
			settle(10 * time.Second)
			var queue []string
			for _, s := range room.Queue() {
				queue = append(queue, s.String())
			}
			return queue
		}
		want := []string{"Nine & Dime - Corner Shop (03:20)", `The Attic - "Dust" (Live) (04:05)`}
		songs := func() (n int) {
			for _, call := range requests(server) {
				if strings.HasPrefix(call, "GET /song/") {
					n++
				}
			}
			return n
		}
		expect(t, "queue", again(), want)
		if n := songs(); n != 2 {
			t.Errorf("%d media were asked for, want one for each row", n)
		}
		expect(t, "queue", again(), want)
		if n := songs(); n != 2 {
			t.Errorf("%d media were asked for: those that are known again", n)
		}
		media := room.Queue()[1].SongID
		if _, known := bot.Songs().Get(media); !known {
			t.Error("the media of the queue are not known")
		}
		if err := room.Leave(t.Context()); err != nil { // else it goes on reading the queue
			t.Fatal(err)
		}
		settle(14 * time.Minute)
		if _, known := bot.Songs().Get(media); !known { // and is used by that
			t.Error("the media are forgotten before their time")
		}
		settle(14 * time.Minute)
		if _, known := bot.Songs().Get(media); !known {
			t.Error("the media are forgotten although they were used")
		}
		settle(15*time.Minute + time.Second)
		if _, known := bot.Songs().Get(media); known {
			t.Error("media that nobody uses are remembered for ever")
		}
	}, intercept(http.MethodGet, "/playlist/details", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		change(w, req, next, func(body string) string {
			return strings.Replace(strings.Replace(body, `"data":[`, `"data":[null,`, 1), `},{"_id"`, `},null,{"_id"`, 1)
		})
	}))
}

func TestRule22_queueingASongJoinsTheRotation(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
		lounge := server.Room("lounge")
		queued := func() bool {
			return slices.ContainsFunc(lounge.Queued(), func(p queuptest.Play) bool { return p.User == "bot" })
		}
		if err := room.PauseQueue(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if _, err := room.QueueSong(t.Context(), client.YouTube, "AbCdEfGhIjK", client.NoJoin()); err != nil || queued() {
			t.Errorf("NoJoin: in the rotation %v, %v", queued(), err)
		}
		if _, err := room.QueueSong(t.Context(), client.YouTube, "AbCdEfGhIjL"); err != nil || !queued() {
			t.Errorf("in the rotation %v, %v", queued(), err)
		}
	})
}

func TestRule23_movingADJSendsTheWholeOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot", client.WithRateLimit(0, 0))
		lounge := server.Room("lounge")
		lounge.Queue("mod", queuptest.Song{Name: "One more", Length: time.Minute})
		bob, carol := memberOf(t, room, "bob").UserID, memberOf(t, room, "carol").UserID
		order := func() []string {
			var djs []string
			for _, p := range lounge.Queued() {
				djs = append(djs, p.User)
			}
			return djs
		}
		for _, step := range []struct {
			user  client.UserID
			index int
			want  []string
			sent  int
		}{
			{carol, 0, []string{"carol", "bob", "mod"}, 1},
			{carol, -5, []string{"carol", "bob", "mod"}, 1}, // there already
			{bob, 1, []string{"carol", "bob", "mod"}, 1},
			{carol, 99, []string{"bob", "mod", "carol"}, 2},
		} {
			if err := room.MoveDJ(t.Context(), step.user, step.index); err != nil {
				t.Error(err)
			}
			expect(t, fmt.Sprintf("order after a move to %d", step.index), order(), step.want)
			if n := calls(server, "POST", "/queue/order"); n != step.sent {
				t.Errorf("%d orders were sent, want %d", n, step.sent)
			}
		}
		if err := room.MoveDJ(t.Context(), memberOf(t, room, "owner").UserID, 0); !isArgument(err) {
			t.Errorf("who is not queued = %v", err)
		}
	})
}

// Source: docs/PROTOCOL.md 7, rule 35.
func TestRule35_aSkipJustAfterASongChangeIsAboutTheSongBefore(t *testing.T) {
	const next = "65d4c3e2f60adb0014cd0002"
	type step struct {
		after time.Duration
		event string // skip, or the play that begins
	}
	first, second := "first", strangePlay
	tests := map[string]struct {
		steps    []step
		want     []string // the plays that SongSkipped names
		now      bool     // whether the current play is marked
		previous []string // Previous of each change, and whether it is marked
	}{
		"before the change":        {[]step{{0, "skip"}, {time.Second, second}}, []string{first}, false, []string{first + " true"}},
		"with the change":          {[]step{{0, second}, {0, "skip"}}, []string{first}, false, []string{first + " false"}},
		"shortly after the change": {[]step{{0, second}, {1900 * time.Millisecond, "skip"}}, []string{first}, false, []string{first + " false"}},
		"later":                    {[]step{{0, second}, {2100 * time.Millisecond, "skip"}}, []string{second}, true, []string{first + " false"}},
		"both songs, one by one":   {[]step{{0, "skip"}, {time.Second, second}, {time.Second, "skip"}}, []string{first, second}, true, []string{first + " true"}},
		"both songs, late":         {[]step{{0, second}, {time.Second, "skip"}, {500 * time.Millisecond, "skip"}}, []string{first, second}, true, []string{first + " false"}},
		"the second of two":        {[]step{{0, second}, {time.Minute, next}, {time.Second, "skip"}}, []string{second}, false, []string{first + " false", second + " false"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				song, _ := room.NowPlaying()
				name := func(id client.PlayID) string {
					if id == song.ID {
						return first
					}
					return string(id)
				}
				skips := record(room, func(e client.SongSkipped) string {
					if !e.Song.Skipped {
						t.Error("the song of SongSkipped is not marked")
					}
					return name(e.Song.ID)
				})
				previous := record(room, func(e client.SongChanged) string {
					return fmt.Sprintf("%s %v", name(e.Previous.ID), e.Previous.Skipped)
				})
				for _, s := range tt.steps {
					time.Sleep(s.after)
					if s.event == "skip" {
						broadcast(server, "chat-skip", `,"username":"mod"`)
					} else {
						startSong(server, s.event, "x", `,"songInfo":`+strangeMedia)
					}
					settle(0)
				}
				expect(t, "skipped", skips(), tt.want)
				if now, playing := room.NowPlaying(); !playing || now.Skipped != tt.now {
					t.Errorf("the current song is marked: %v, playing %v", now.Skipped, playing)
				}
				expect(t, "Previous of each change", previous(), tt.previous)
			}, oneSong())
		})
	}
}
