package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

func TestFetchNowPlaying_asAGuest(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newBot(t, server)
		time.Sleep(10 * time.Second)
		room := must(bot.FetchRoom(t.Context(), "lounge"))(t)
		for name, fetch := range map[string]func() (client.Song, bool, error){
			"slug": func() (client.Song, bool, error) { return newBot(t, server).FetchNowPlaying(t.Context(), "lounge") },
			"id": func() (client.Song, bool, error) {
				return newBot(t, server).FetchNowPlaying(t.Context(), string(room.ID()))
			},
			"room": func() (client.Song, bool, error) { return room.FetchNowPlaying(t.Context()) },
		} {
			song, playing, err := fetch()
			info, hasInfo := song.Info()
			user, _ := song.User()
			if err != nil || !playing || !hasInfo || info.Name == "" || user.Username != "alice" || !song.Active || song.RoomID != room.ID() {
				t.Errorf("%s: %v of %v, playing %t, %v", name, song, user, playing, err)
			}
		}
		calls := len(server.Log())
		if _, _, err := bot.FetchNowPlaying(t.Context(), "LOUNGE"); err != nil || len(server.Log())-calls != 2 { // a request and its answer
			t.Errorf("a known room costs %d entries, %v", len(server.Log())-calls, err)
		}
		if _, _, err := bot.FetchNowPlaying(t.Context(), "nowhere"); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("an unknown room: %v", err)
		}
		var argument *client.ArgumentError
		if _, _, err := bot.FetchNowPlaying(t.Context(), ""); !errors.As(err, &argument) {
			t.Errorf("an empty slug: %v", err)
		}
	})
}

func TestFetchNowPlaying_answers(t *testing.T) {
	const ended = `"songInfo":{"_id":"65e5d4f3071bec0015de0001","name":"Artist","type":"youtube","fkid":"AbCdEfGhIjK","songLength":60000},
		"song":{"_id":"65d4c3e2f60adb0014cd0001","songid":"65e5d4f3071bec0015de0001","songLength":60000,"userid":"65b2a1c0d4e8b90012ab0001"}`
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		playing bool
		err     string
	}{
		{"silent", 404, `{"code":404,"message":"Not Found","data":{"err":{"details":{"message":"no song"}}}}`, false, ""},
		{"page of a proxy", 404, `<html>not here</html>`, false, "404"},
		{"refused", 403, `{"code":403,"message":"Forbidden"}`, false, "403"},
		{"without a song", 200, `{"code":200,"message":"OK","data":{"startTime":7,"songInfo":null}}`, false, "ask again in 30 s"},
		{"null", 200, `{"code":200,"message":"OK","data":null}`, false, "ask again in 30 s"},
		{"playing", 200, `{"code":200,"data":{"startTime":59,` + ended + `}}`, true, ""},
		{"just over its end", 200, `{"code":200,"data":{"startTime":70,` + ended + `}}`, true, ""},
		{"long over", 200, `{"code":200,"data":{"startTime":76,` + ended + `}}`, false, ""},
		{"started in the future", 200, `{"code":200,"data":{"startTime":-1,` + ended + `}}`, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot := newBot(t, server)
				song, playing, err := must(bot.FetchRoom(t.Context(), "lounge"))(t).FetchNowPlaying(t.Context())
				if playing != tt.playing || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%v, %t, %v", song, playing, err)
				}
				if (song.ID != "") != tt.playing {
					t.Errorf("the song is %v", song)
				}
			}, queuptest.WithHandler(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if !strings.HasSuffix(req.URL.Path, "/playlist/active") {
						next.ServeHTTP(w, req)
						return
					}
					if strings.HasPrefix(tt.body, "{") {
						w.Header().Set("Content-Type", "application/json")
					}
					w.WriteHeader(tt.status)
					_, _ = fmt.Fprint(w, tt.body)
				})
			}))
		})
	}
}
