package client_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// A value that is not known is never taken for one that is: the event is told as Unknown, with its JSON.
func TestUnknownKinds_areToldAsTheyCame(t *testing.T) {
	tests := map[string]struct{ name, data string }{
		"vote":             {"room_playlist-dub", `,"dubtype":"superdub","user":{"_id":"u","username":"Uma"},"playlist":{"_id":"NOW","updubs":1,"downdubs":0}`},
		"vote, a number":   {"room_playlist-dub", `,"dubtype":1,"user":{"_id":"u","username":"Uma"},"playlist":{"_id":"NOW","updubs":1,"downdubs":0}`},
		"no vote":          {"room_playlist-dub", `,"user":{"_id":"u","username":"Uma"},"playlist":{"_id":"NOW","updubs":1,"downdubs":0}`},
		"queuePaused":      {"user-pause-queue", `,"user":{"_id":"CAROL"},"user_queue":{"_id":"m","userid":"CAROL","queuePaused":"later"}`},
		"lock":             {"room-lock-queue", `,"user":{"_id":"u"},"room":{"lockQueue":"djs"}`},
		"slow mode":        {"room-slow-mode", `,"user":{"_id":"u"},"room":{"slowMode":{"seconds":30}}`},
		"chat of guests":   {"room-allow-guest-chat", `,"user":{"_id":"u"},"room":{"allowGuestsToChat":"some"}`},
		"embeds of guests": {"room-allow-guest-embed", `,"user":{"_id":"u"},"room":{"allowGuestsToEmbed":"some"}`},
		"event":            {"room-confetti", `,"user":{"_id":"u"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				lounge := server.Room("lounge")
				lounge.Pause("carol", true)
				settle(10 * time.Second)
				now, _ := room.NowPlaying()
				carol, _ := room.MemberNamed("carol")
				data := strings.NewReplacer("NOW", string(now.ID), "CAROL", string(carol.UserID)).Replace(tt.data)
				info := room.Info()
				events := record(room, func(e client.Event) string { return fmt.Sprintf("%T %s", e, e.EventMeta().Name) })
				raw := record(room, func(e client.Unknown) string { return string(e.Raw) })
				broadcast(server, tt.name, "%s", data)
				settle(time.Second)
				expect(t, "events", events(), []string{"client.Unknown " + tt.name})
				if got := raw(); len(got) != 1 || !strings.Contains(got[0], strings.TrimPrefix(data, ",")) {
					t.Errorf("Raw is %s", got)
				}
				if up, down := room.Votes(); len(up)+len(down) != 0 {
					t.Errorf("votes %v and %v", up, down)
				}
				if after, _ := room.MemberNamed("carol"); after.QueuePaused != carol.QueuePaused {
					t.Errorf("QueuePaused has become %v", after.QueuePaused)
				}
				if !room.Info().Equal(info) {
					t.Error("the room's info has changed")
				}
			})
		})
	}
}

func TestUnknownKinds_rowsOfVotesAreNotVotes(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		up, down := room.Votes()
		if fmt.Sprint(up, down) != "[a] [c]" {
			t.Errorf("Votes %v and %v", up, down)
		}
		up, down, err := room.FetchVotes(t.Context())
		if fmt.Sprint(up, down, err) != "[a] [c] <nil>" {
			t.Errorf("FetchVotes %v and %v, %v", up, down, err)
		}
	}, meddle(http.MethodGet, "/playlist/active/dubs", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		change(w, req, next, func(body string) string {
			_, current, _ := strings.Cut(body, `"currentSong":`)
			_, id, _ := strings.Cut(current, `"_id":"`)
			id, _, _ = strings.Cut(id, `"`)
			return fmt.Sprintf(`{"code":200,"message":"OK","data":{"currentSong":{"_id":%q},"upDubs":[{"userid":"a","type":"updub"},{"userid":"b","type":"superdub"}],"downDubs":[{"userid":"c"},{"userid":"d","type":"superdub"}]}}`, id)
		})
	}))
}

func TestUnknownKinds_banOfAnUnknownDuration(t *testing.T) {
	for value, want := range map[string]string{
		`,"time":30`:        "for 30m0s, permanent false",
		`,"time":0`:         "for 0s, permanent true",
		``:                  "for 0s, permanent true",
		`,"time":null`:      "for 0s, permanent true",
		`,"time":-5`:        "for 0s, permanent false",
		`,"time":"a week"`:  "for 0s, permanent false",
		`,"time":{"h":1}`:   "for 0s, permanent false",
		`,"time":1e300`:     "for 0s, permanent false",
		`,"time":"forever"`: "for 0s, permanent false",
	} {
		t.Run(value, func(t *testing.T) {
			inBubble(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				bans := record(room, func(e client.MemberBanned) string { return fmt.Sprintf("for %v, permanent %v", e.For, e.Permanent) })
				broadcast(server, "user-ban", `,"user":{"_id":"u"},"kickedUser":{"_id":"v","username":"Vic"}%s`, value)
				settle(time.Second)
				expect(t, "bans", bans(), []string{want})
			})
		})
	}
}

// What nothing is known of stays as it is when something else is changed.
func TestUnknownKinds_roomsKeepTheirs(t *testing.T) {
	var sent atomic.Value
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "owner")
		if info := room.Info(); info.Public || info.Type != "stage" || string(info.Extra()["roomDisplay"]) != `"friends"` {
			t.Errorf("public %v, type %s, %s", info.Public, info.Type, info.Extra()["roomDisplay"])
		}
		if _, err := room.Update(t.Context(), func(s *client.RoomSettings) { s.Name = "Other" }); err != nil {
			t.Fatal(err)
		}
		body, _ := sent.Load().(string)
		if !strings.Contains(body, `"roomType":"stage"`) || !strings.Contains(body, `"roomDisplay":"friends"`) {
			t.Errorf("sent %s", body)
		}
	}, meddle(http.MethodGet, "/room/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		change(w, req, next, func(body string) string {
			body = regexp.MustCompile(`"roomType":"[a-z]*"`).ReplaceAllString(body, `"roomType":"stage"`)
			return regexp.MustCompile(`"roomDisplay":"[a-z]*"`).ReplaceAllString(body, `"roomDisplay":"friends"`)
		})
	}), meddle(http.MethodPut, "/room/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		body, _ := io.ReadAll(req.Body)
		sent.Store(string(body))
		body = bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("friends"), []byte("public")), []byte("stage"), []byte("room"))
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		next.ServeHTTP(w, req)
	}))
}
