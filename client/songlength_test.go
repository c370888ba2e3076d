package client_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

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
	return meddle(http.MethodGet, "/playlist/active", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
