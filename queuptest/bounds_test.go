package queuptest

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/gen/wire"
)

// What a server keeps is bounded, however long it runs.

func TestStore_forgetsTheOldest(t *testing.T) {
	t.Parallel()
	s := newStore[int]()
	for i := range maxStored + 5 {
		s.put(fmt.Sprint(i), i)
	}
	if _, ok := s.get("4"); ok || len(s.values) != maxStored || len(s.keys) != maxStored {
		t.Errorf("it keeps %d values under %d keys, 4 among them: %v", len(s.values), len(s.keys), ok)
	}
	if v, ok := s.get("5"); !ok || v != 5 {
		t.Errorf("5 is %d, %v", v, ok)
	}
}

func TestJournal_keepsTheLatest(t *testing.T) {
	t.Parallel()
	var j journal
	for i := range maxLogEntries + 5 {
		j.add(Entry{Status: i}, newLogText(nil))
	}
	records, next, _ := j.since(0)
	if len(records) != maxLogEntries || records[0].entry.Status != 5 || next != maxLogEntries+5 {
		t.Errorf("%d records from %d, next is %d", len(records), records[0].entry.Status, next)
	}
	if records, _, _ = j.since(next - 2); len(records) != 2 || records[1].entry.Status != maxLogEntries+4 {
		t.Errorf("the last two are %v", records)
	}
	body := make([]byte, maxLogBody)
	for range maxLogBytes/maxLogBody + 10 {
		j.add(Entry{}, newLogText(body))
	}
	if records, _, _ = j.since(0); len(records) != maxLogBytes/maxLogBody || j.bytes != maxLogBytes {
		t.Errorf("%d records with %d bytes", len(records), j.bytes)
	}
}

func TestRoom_keepsTheLatestMessages(t *testing.T) {
	t.Parallel()
	s := fuzzState(t)
	r := s.rooms[0]
	var last *message
	for range maxMessages + 5 {
		last = r.say(r.owner, "x", s.start)
	}
	if len(r.messages) != maxMessages || r.messages[maxMessages-1] != last {
		t.Errorf("%d messages", len(r.messages))
	}
}

// A fault of the server is answered. Only what a test's own handler panics with on purpose breaks the connection.
func TestPanic_isAnswered(t *testing.T) {
	t.Parallel()
	serve := func(v any) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		func() {
			defer recoverAs500(w)
			panic(v)
		}()
		return w
	}
	want := `{"code":500,"message":"Internal Server Error","data":{"err":{"details":{"code":500,"message":"panic: oh no"},"origin":"method"}}}`
	if w := serve(errors.New("oh no")); w.Code != http.StatusInternalServerError || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // it is that very value
			t.Errorf("panic is %v", v)
		}
	}()
	serve(http.ErrAbortHandler)
}

// Close returns when the goroutines of all links have come to their end, not only their connections.
func TestClose_waitsForLinks(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := NewServer()
		s.mu.Lock()
		token, _ := s.newToken(nil, s.start)
		s.mu.Unlock()
		for range 5 {
			conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), s.RealtimeURL()+"?access_token="+token, nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			defer conn.Close() //nolint:revive // few enough
		}
		s.Close()
		s.mu.Lock()
		if len(s.links) > 0 {
			t.Errorf("%d links are left", len(s.links))
		}
		s.mu.Unlock()
	}
}

// What users can make more and more of has an end, and the request that would go beyond it is refused.
func TestSite_isBounded(t *testing.T) {
	t.Parallel()
	s := fuzzState(t)
	a := s.named("alice")
	song := s.findMedia(wire.YouTube, "AbCdEfGhIjK", s.start)
	p, err := s.newPlaylist(a, "x", s.start)
	if err != nil {
		t.Fatal(err)
	}
	for range maxOwned {
		if err := s.add(p, s.start, song); err != nil {
			t.Fatal(err)
		}
		s.site.comments[song.id] = append(s.site.comments[song.id], &comment{song: song, author: a})
	}
	c, err := s.conversationAmong([]*account{a, s.named("bob")}, s.start)
	if err != nil {
		t.Fatal(err)
	}
	for range maxOwned + 5 {
		s.write(c, a, "x", s.start)
	}
	if len(c.messages) != maxOwned {
		t.Errorf("%d messages", len(c.messages))
	}
	for len(s.site.conversations) < maxOwned {
		s.site.conversations = append(s.site.conversations, c)
	}
	for len(s.site.playlists[a.id]) < maxOwned {
		s.site.playlists[a.id] = append(s.site.playlists[a.id], p)
	}
	for i := range maxOwned - len(s.accounts) {
		s.accounts = append(s.accounts, &account{name: fmt.Sprint(i)})
	}
	routes, err := newREST(s.state)
	if err != nil {
		t.Fatal(err)
	}
	s.sessions.put("session", a)
	for _, c := range []struct{ path, contentType, body string }{
		{"/playlist", "application/x-www-form-urlencoded", "name=x"},
		{"/playlist/" + string(p.id) + "/songs", "application/x-www-form-urlencoded", "fkid=AbCdEfGhIjK&type=youtube"},
		{"/playlist/import/youtube", "application/x-www-form-urlencoded", "yt_playlistid=PLabcdefghijk&id=" + string(p.id)},
		{"/song/" + string(song.id) + "/comments", "application/json", `{"comment":"x"}`},
		{"/message", "application/x-www-form-urlencoded", url.Values{"usersid[]": {string(s.named("carol").id)}}.Encode()},
		{"/auth/signup", "application/x-www-form-urlencoded", "email=a@b&username=zed&password=p&password2=p&g-recaptcha-response=x"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		r.AddCookie(&http.Cookie{Name: cookieName, Value: "session"})
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), textTooMany) {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
	}
	for i := range maxSongs - len(s.songs) {
		s.songs[wire.SongID(fmt.Sprint(i))] = song
	}
	if s.findMedia(wire.YouTube, "AnotherSong", s.start) != nil || s.findMedia(wire.YouTube, "AbCdEfGhIjK", s.start) != song {
		t.Error("a song too many")
	}
}
