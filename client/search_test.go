package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
)

func TestFetchSong_knowsItAfterwards(t *testing.T) {
	calls := 0
	bot := newClient(t, func(req *http.Request) answer {
		calls++
		switch req.URL.Path {
		case "/song/s1":
			return ok(`{"_id":"s1","name":"Rock &amp; Roll","type":"youtube","fkid":"x","songLength":234000,"created":"2017-06-02T16:23:14.815Z"}`)
		case "/song/broken":
			return ok(`{"_id":"broken"}`)
		case "/song/nothing":
			return ok(`{}`)
		}
		return answer{status: 404, body: `{"code":404}`}
	})
	for range 2 {
		info, err := bot.FetchSong(t.Context(), "s1")
		if err != nil || info.Name != "Rock & Roll" || info.Length != 234*time.Second || info.CreatedAt.IsZero() {
			t.Errorf("song %+v, %v", info, err)
		}
	}
	if _, known := bot.Songs().Get("s1"); !known || calls != 1 {
		t.Errorf("known: %v, after %d calls", known, calls)
	}
	for range 2 { // who knows, it may be mended
		if info, err := bot.FetchSong(t.Context(), "broken"); err != nil || info.ID != "broken" {
			t.Errorf("a broken song is %+v, %v", info, err)
		}
	}
	if calls != 3 {
		t.Errorf("%d calls", calls)
	}
	if _, err := bot.FetchSong(t.Context(), "unknown"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("an unknown song: %v", err)
	}
	if _, err := bot.FetchSong(t.Context(), "nothing"); err == nil {
		t.Error("an answer without a song is a song")
	}
	_ = bot.Close()
	if info, err := bot.FetchSong(t.Context(), "s1"); err != nil || info.ID != "s1" {
		t.Errorf("what is known needs a call: %+v, %v", info, err)
	}
	if _, err := bot.FetchSong(t.Context(), "s2"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestFetchSong_askedForTogetherOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		bot := newClient(t, func(*http.Request) answer {
			calls.Add(1)
			time.Sleep(time.Second)
			return ok(`{"_id":"s1","name":"Night Ride","type":"youtube","fkid":"x"}`)
		})
		impatient, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errGoingHome)
		defer cancel()
		gaveUp := make(chan error, 1)
		go func() {
			_, err := bot.FetchSong(impatient, "s1")
			gaveUp <- err
		}()
		found := make(chan error, 20)
		for range cap(found) {
			go func() {
				info, err := bot.FetchSong(t.Context(), "s1")
				if err == nil && info.Name != "Night Ride" {
					err = fmt.Errorf("song %+v", info)
				}
				found <- err
			}()
		}
		for range cap(found) {
			if err := <-found; err != nil {
				t.Error(err)
			}
		}
		if err := <-gaveUp; !errors.Is(err, errGoingHome) {
			t.Errorf("who gave up hears %v", err)
		}
		if n := calls.Load(); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

// Media have a lane of their own: a bot that has used up its calls can still look them up.
func TestFetchSong_isNoCallOfTheBot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := newClient(t, func(req *http.Request) answer {
			return ok(`{"_id":"` + req.URL.Path[len("/song/"):] + `","name":"Night Ride"}`)
		}, client.WithRateLimit(1, time.Hour))
		start := time.Now()
		for i := range 20 {
			if _, err := bot.FetchSong(t.Context(), client.SongID(fmt.Sprintf("s%d", i))); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("20 lookups took %v", took)
		}
	})
}

func TestSearchSongs_goesOnWithTheToken(t *testing.T) {
	var tokens []string
	bot := newClient(t, func(req *http.Request) answer {
		token := req.URL.Query().Get("nextPageToken")
		tokens = append(tokens, token)
		switch token {
		case "":
			return ok(`{"items":[{"_id":"s1","name":"A &amp; B","type":"youtube","fkid":"x1"},{"name":"new","type":"youtube","fkid":"x2"},null],"nextPageToken":"t1"}`)
		case "t1":
			return ok(`{"items":[{"name":"new","type":"youtube","fkid":"x2"},{"_id":"s3","name":"C","type":"youtube","fkid":"x3"}],"nextPageToken":"t2"}`)
		}
		return ok(`{"items":[]}`)
	})
	search := bot.SearchSongs(t.Context(), "night", client.YouTube)
	var names []string
	for info, err := range search {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name)
	}
	expect(t, "songs", names, []string{"A & B", "new", "C"})
	expect(t, "tokens", tokens, []string{"", "t1", "t2"})
	if info, known := bot.Songs().Get("s1"); !known || info.Name != "A & B" {
		t.Error("the client does not know what was found")
	}
	if bot.Songs().Len() != 2 {
		t.Errorf("%d songs are known", bot.Songs().Len())
	}
	tokens = nil
	if err := first(search); err != nil {
		t.Error(err)
	}
	expect(t, "tokens of a search that stops", tokens, []string{""})
}

func TestSongLink(t *testing.T) {
	for status, header := range map[int]string{301: "https://www.youtube.com/watch?v=x", 302: "https://soundcloud.com/dj/night-ride", 307: "https://www.youtube.com/watch?v=y"} {
		var paths []string
		bot := newClient(t, func(req *http.Request) answer {
			paths = append(paths, req.Method+" "+req.URL.Path)
			return answer{status: status, header: http.Header{"Location": {header}, "Content-Type": {"text/html"}}}
		})
		link, err := bot.SongLink(t.Context(), nightRide)
		if err != nil || link != header || !slices.Equal(paths, []string{"GET /song/65e5d4f3071bec0015de0001/redirect"}) {
			t.Errorf("%d: link %q, %v, calls %q", status, link, err, paths)
		}
	}
	for name, a := range map[string]answer{
		"unknown":             {status: 404, body: `{"code":404}`},
		"no redirect":         ok(`{}`),
		"a redirect to login": toLogin(),
	} {
		link, err := newClient(t, func(*http.Request) answer { return a }).SongLink(t.Context(), nightRide)
		if link != "" || err == nil || errors.Is(err, client.ErrNotFound) != (name == "unknown") || errors.Is(err, client.ErrNotLoggedIn) != (name == "a redirect to login") {
			t.Errorf("%s: %q, %v", name, link, err)
		}
	}
}
