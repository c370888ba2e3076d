package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// shortPages makes QueUp answer the history in pages of 17 rows.
func shortPages() queuptest.Option {
	return meddle(http.MethodGet, "/playlist/history", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		var all []json.RawMessage
		for page := 1; ; page++ {
			whole := req.Clone(req.Context())
			whole.URL.RawQuery = fmt.Sprintf("page=%d", page)
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, whole)
			var body struct{ Data []json.RawMessage }
			if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil || len(body.Data) == 0 {
				break
			}
			all = append(all, body.Data...)
		}
		page, _ := strconv.Atoi(req.URL.Query().Get("page"))
		rows := all[min((page-1)*17, len(all)):min(page*17, len(all))]
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"code": 200, "message": "OK", "data": append([]json.RawMessage{}, rows...)})
	})
}

// Source: docs/PROTOCOL.md 1.5.
func TestQ04_shortPagesOfTheHistory(t *testing.T) {
	world := queuptest.DefaultWorld()
	world.Rooms[0].Songs = nil
	for i := range 100 {
		by := []string{"alice", "bob", "carol"}[i%3]
		world.Rooms[0].Songs = append(world.Rooms[0].Songs, queuptest.Song{By: by, Name: fmt.Sprint("Song ", i), Length: time.Minute})
	}
	refused := new(refusals)
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		lounge := server.Room("lounge")
		first, _ := lounge.NowPlaying()
		plays := record(room, func(e client.SongChanged) string { return string(e.Song.ID) })
		gaps := record(room, func(e client.Gap) string { return e.What })
		time.Sleep(30 * time.Second)
		refused.set(0, time.Now().Add(time.Hour))
		server.CutLinks()
		settle(time.Hour + time.Minute)
		expect(t, "plays", plays(), playsSince(lounge, first.ID))
		expect(t, "gaps", gaps(), nil)
		rows := 0
		for _, err := range room.History(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			rows++
		}
		if rows < 60 {
			t.Errorf("History has %d rows", rows)
		}
	}, queuptest.WithWorld(world), shortPages(), queuptest.WithHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/ws/" && refused.take() {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			next.ServeHTTP(w, req)
		})
	}))
}
