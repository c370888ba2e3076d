package queuptest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/queup-go/queup/gen/wire"
)

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
