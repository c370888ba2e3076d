package client_test

import (
	"context"
	"errors"
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

func TestComments(t *testing.T) {
	var sent []string
	bot := newClient(t, func(req *http.Request) answer {
		if a, found := account(req); found {
			return a
		}
		sent = append(sent, written(t, req))
		switch req.Method + " " + req.URL.Path {
		case "GET /song/65e5d4f3071bec0015de0001/comments":
			return ok(`[{"_id":"c1","comment":"nice","userid":"65b2a1c0d4e8b90012ab0001","created":1496420594815,"updubs":2,"downdubs":1,"spamFlag":true,"new":1},null,{"_id":"c2","deleted":true}]`)
		case "POST /comments/c1/dubs":
			return ok(`{"comment":{"_id":"c1","comment":"nice","userid":"65b2a1c0d4e8b90012ab0001","updubs":3,"downdubs":1}}`)
		}
		return ok(`{}`)
	})
	login(t, bot)
	comments, err := bot.Comments(t.Context(), nightRide)
	if err != nil || len(comments) != 2 {
		t.Fatalf("comments %+v, %v", comments, err)
	}
	c := comments[0]
	if c.ID != "c1" || c.SongID != nightRide || c.AuthorID != me || c.Content != "nice" || c.CreatedAt.UnixMilli() != 1496420594815 || c.Updubs != 2 || c.Downdubs != 1 || !c.Flagged || c.Deleted || len(c.Extra()) != 1 {
		t.Errorf("comment %+v", c)
	}
	if !comments[1].Deleted {
		t.Errorf("comment %+v", comments[1])
	}
	if author, known := c.Author(); !known || author.Username != "mixmaster" {
		t.Errorf("author %v", author)
	}
	if text := c.String(); text != "mixmaster: nice" {
		t.Errorf("prints %q", text)
	}
	sent = nil
	voted, err := c.Vote(t.Context(), true)
	if err != nil || voted.Updubs != 3 || voted.SongID != nightRide || voted.ID != "c1" {
		t.Errorf("voted %+v, %v", voted, err)
	}
	if err := voted.Flag(t.Context()); err != nil {
		t.Error(err)
	}
	if err := voted.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	added, err := bot.AddComment(t.Context(), nightRide, "slow")
	if err != nil || added.Content != "slow" || added.AuthorID != me || added.SongID != nightRide { // QueUp's answer is silent about all
		t.Errorf("added %+v, %v", added, err)
	}
	expect(t, "sent", sent, []string{
		"POST /comments/c1/dubs form type=updub",
		"POST /comments/c1/flag",
		"DELETE /song/65e5d4f3071bec0015de0001/comments/c1",
		`POST /song/65e5d4f3071bec0015de0001/comments json {"comment":"slow"}`,
	})
}

func TestFetchPlaylists(t *testing.T) {
	bot := newClient(t, func(*http.Request) answer {
		return ok(`[
			{"_id":"p1","name":"late hours","userid":"65b2a1c0d4e8b90012ab0001","status":1,"removed":false,"isPublic":true,"created":1496420594815,"type":"youtube","fkid":"PL1","totalItems":41,"new":1},
			null,
			{"_id":"p2","name":"gone","removed":true},
			{"_id":"p3","name":"empty","type":null,"fkid":null}]`)
	})
	playlists, err := bot.FetchPlaylists(t.Context())
	if err != nil || len(playlists) != 2 {
		t.Fatalf("playlists %+v, %v", playlists, err)
	}
	p := playlists[0]
	if p.ID != "p1" || p.Name != "late hours" || p.OwnerID != me || p.CreatedAt.UnixMilli() != 1496420594815 || !p.Public || p.Provider != client.YouTube || p.MediaID != "PL1" || p.SongCount != 41 || len(p.Extra()) != 1 {
		t.Errorf("playlist %+v", p)
	}
	if q := playlists[1]; q.ID != "p3" || q.Provider != "" || q.SongCount != 0 || q.String() != "empty" {
		t.Errorf("playlist %+v", q)
	}
}

func TestPlaylist_songsPageByPage(t *testing.T) {
	rows := func(from, to int) string {
		var list []string
		for i := from; i <= to; i++ {
			list = append(list, fmt.Sprintf(`{"_id":"e%d","songid":"s%d","playlistid":"elsewhere","added":1496420594815,"_song":{"_id":"s%d","name":"Song %d","type":"youtube","fkid":"x%d"}}`, i, i, i, i, i))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	var asked []string
	bot := newClient(t, func(req *http.Request) answer {
		if a, found := account(req); found {
			return a
		}
		asked = append(asked, req.URL.RawQuery)
		switch req.URL.Query().Get("page") {
		case "1":
			return ok(rows(1, 20))
		case "2": // one has shifted, and the media of the last are gone
			return ok(strings.TrimSuffix(rows(20, 23), "]") + `,{"_id":"e24","songid":"s24","_song":null},{"_id":"e25","_song":"s1"}]`)
		}
		return ok(`[]`)
	})
	list := playlist(t, bot)
	var ids, names []string
	for song, err := range list.Songs(t.Context(), "so") {
		if err != nil {
			t.Fatal(err)
		}
		if song.PlaylistID != lateHours {
			t.Errorf("%s is in playlist %s", song.ID, song.PlaylistID)
		}
		if want := strings.Replace(string(song.ID), "e", "s", 1); song.ID != "e25" && string(song.SongID) != want || song.ID == "e25" && song.SongID != "s1" {
			t.Errorf("%s is song %s", song.ID, song.SongID)
		}
		ids = append(ids, string(song.ID))
		if info, known := song.Info(); known {
			names = append(names, info.Name)
		} else if text := song.String(); text != "song s24" {
			t.Errorf("prints %q", text)
		}
	}
	if len(ids) != 25 || ids[0] != "e1" || ids[24] != "e25" {
		t.Errorf("entries %q", ids)
	}
	if len(names) != 24 || names[0] != "Song 1" || names[23] != "Song 1" { // the last is known by its id
		t.Errorf("names %q", names)
	}
	expect(t, "asked", asked, []string{"name=so&page=1", "name=so&page=2", "name=so&page=3"})
	asked = nil
	if err := first(list.Songs(t.Context(), "")); err != nil {
		t.Error(err)
	}
	expect(t, "asked by a loop that stops", asked, []string{"name=&page=1"})
}

func TestPlaylist_changes(t *testing.T) {
	count := 2
	bot := newClient(t, func(req *http.Request) answer {
		if a, found := account(req); found {
			return a
		}
		switch req.Method + " " + req.URL.Path {
		case "POST /playlist/6600f0a51d2c8e0015aa0001/songs":
			count++
		case "DELETE /playlist/6600f0a51d2c8e0015aa0001/songs/e1":
			count--
		case "DELETE /playlist/6600f0a51d2c8e0015aa0001/songs/e2":
			return ok(`{"ok":1}`)
		}
		return ok(fmt.Sprintf(`{"_id":"6600f0a51d2c8e0015aa0001","totalItems":%d}`, count))
	})
	list := playlist(t, bot)
	list, err := list.Add(t.Context(), client.SoundCloud, "123")
	if err != nil || list.SongCount != 3 || list.Name != "late hours" || list.OwnerID != me {
		t.Errorf("playlist %+v, %v", list, err)
	}
	list, err = list.AddSong(t.Context(), nightRide)
	if err != nil || list.SongCount != 4 {
		t.Errorf("playlist %+v, %v", list, err)
	}
	list, err = list.Remove(t.Context(), "e1")
	if err != nil || list.SongCount != 3 || list.Name != "late hours" {
		t.Errorf("playlist %+v, %v", list, err)
	}
	list, err = list.Remove(t.Context(), "e2") // an answer about something else
	if err != nil || list.SongCount != 3 || list.ID != lateHours {
		t.Errorf("playlist %+v, %v", list, err)
	}
	if err := list.Reorder(t.Context(), []client.PlaylistSongID{"e3", "e4", "e5"}); err != nil {
		t.Error(err)
	}
	list.SongCount = 0 // not known
	if err := list.Reorder(t.Context(), []client.PlaylistSongID{"e5"}); err != nil {
		t.Error(err)
	}
}

func TestCreatePlaylist(t *testing.T) {
	bot := newClient(t, func(*http.Request) answer { return ok(`{"_id":"p2","userid":"65b2a1c0d4e8b90012ab0001"}`) })
	for _, name := range []string{"early hours", strings.Repeat("ö", 100)} {
		p, err := bot.CreatePlaylist(t.Context(), name)
		if err != nil || p.ID != "p2" || p.Name != name || p.OwnerID != me {
			t.Errorf("playlist %+v, %v", p, err)
		}
	}
}

func TestSoundCloudPlaylists(t *testing.T) {
	bot := newClient(t, func(*http.Request) answer {
		return ok(`[{"id":123,"title":"Night","total_tracks":7,"description":"slow","genre":"house","user_id":5,"permalink":"night"},null]`)
	})
	list, err := bot.SoundCloudPlaylists(t.Context(), "dj")
	if err != nil || len(list) != 1 {
		t.Fatalf("playlists %+v, %v", list, err)
	}
	if p := list[0]; p.MediaID != "123" || p.Title != "Night" || p.TrackCount != 7 || p.Description != "slow" || p.Genre != "house" || p.Permalink != "night" || p.String() != "Night" {
		t.Errorf("playlist %+v", p)
	}
}

func TestPlaylists_liveTheirLives(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		ctx := t.Context()
		bot := loggedIn(t, server, "bot")
		list := must(bot.CreatePlaylist(ctx, "late hours"))(t)
		found := all(t, bot.SearchSongs(ctx, "dust", client.YouTube), 45)
		songs := found[:min(len(found), 12)]
		for _, info := range songs {
			list = must(list.Add(ctx, info.Provider, info.MediaID))(t)
		}
		media := all(t, bot.SearchSongs(ctx, "a", client.SoundCloud), 30) // a page has 15
		for _, info := range media[:30] {
			list = must(list.AddSong(ctx, info.ID))(t)
		}
		want := int64(len(songs) + 30)
		if list.SongCount != want || list.Name != "late hours" {
			t.Fatalf("playlist %+v, want %d songs", list, want)
		}
		entries := all(t, list.Songs(ctx, ""), 1000)
		if int64(len(entries)) != want {
			t.Fatalf("%d entries", len(entries))
		}
		if info, known := entries[0].Info(); !known || info.Name == "" {
			t.Errorf("the first entry is %v", entries[0])
		}
		if some := all(t, list.Songs(ctx, "dust"), 1000); len(some) == 0 || len(some) >= len(entries) {
			t.Errorf("%d entries with dust", len(some))
		}

		slices.Reverse(entries)
		var ids []client.PlaylistSongID
		for _, e := range entries {
			ids = append(ids, e.ID)
		}
		if err := list.Reorder(ctx, ids); err != nil {
			t.Fatal(err)
		}
		order := func() []string {
			var order []string
			for _, e := range all(t, list.Songs(ctx, ""), 1000) {
				order = append(order, string(e.ID))
			}
			return order
		}
		reversed := order()
		if reversed[0] != string(ids[0]) || reversed[len(ids)-1] != string(ids[len(ids)-1]) {
			t.Errorf("order %q, want %q", reversed, ids)
		}
		if err := list.Shuffle(ctx); err != nil {
			t.Fatal(err)
		}
		shuffled := order()
		if slices.Equal(shuffled, reversed) {
			t.Error("the order is as before")
		}
		slices.Sort(shuffled)
		slices.Sort(reversed)
		expect(t, "entries", shuffled, reversed)

		list = must(list.Remove(ctx, ids[0]))(t)
		if list.SongCount != want-1 {
			t.Errorf("%d songs", list.SongCount)
		}
		if _, err := list.Remove(ctx, ids[0]); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("removed twice: %v", err)
		}
		if err := list.Rename(ctx, "early hours"); err != nil {
			t.Fatal(err)
		}
		playlists := must(bot.FetchPlaylists(ctx))(t)
		i := slices.IndexFunc(playlists, func(p client.Playlist) bool { return p.ID == list.ID })
		if i < 0 || playlists[i].Name != "early hours" || playlists[i].SongCount != want-1 {
			t.Errorf("playlists %v", playlists)
		}
		if err := list.Delete(ctx); err != nil {
			t.Fatal(err)
		}
		if playlists := must(bot.FetchPlaylists(ctx))(t); slices.ContainsFunc(playlists, func(p client.Playlist) bool { return p.ID == list.ID }) {
			t.Errorf("playlists %v", playlists)
		}

		offered := must(bot.SoundCloudPlaylists(ctx, "dj night"))(t)
		if len(offered) == 0 {
			t.Fatal("nothing to import")
		}
		imported := must(bot.ImportSoundCloudPlaylist(ctx, offered[0].MediaID, ""))(t)
		if imported.SongCount != offered[0].TrackCount || imported.ID == "" {
			t.Errorf("imported %+v of %+v", imported, offered[0])
		}
		if _, err := bot.ImportYouTubePlaylist(ctx, "no playlist of youtube", ""); err == nil || !strings.Contains(err.Error(), "importYouTubePlaylist") {
			t.Errorf("imported what is not there: %v", err)
		}
	})
}

func TestSongs_commentsAndLinks(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		ctx := t.Context()
		bot, alice := loggedIn(t, server, "bot"), loggedIn(t, server, "alice")
		found := all(t, bot.SearchSongs(ctx, "dust", client.YouTube), 1)
		if len(found) != 1 {
			t.Fatal("nothing found")
		}
		info := must(alice.FetchSong(ctx, found[0].ID))(t)
		if !info.Equal(found[0]) {
			t.Errorf("song %+v, found %+v", info, found[0])
		}
		if link := must(bot.SongLink(ctx, info.ID))(t); link != info.URL() {
			t.Errorf("link %q, want %q", link, info.URL())
		}
		if _, err := bot.FetchSong(ctx, "65e5d4f3071bec0015deffff"); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("an unknown song: %v", err)
		}

		comment := must(bot.AddComment(ctx, info.ID, "nice & <slow>"))(t)
		if comment.Content != "nice & <slow>" {
			t.Errorf("comment %+v", comment)
		}
		comments := must(alice.Comments(ctx, info.ID))(t)
		if len(comments) != 1 || !comments[0].Equal(comment) {
			t.Fatalf("comments %+v, want %+v", comments, comment)
		}
		voted := must(comments[0].Vote(ctx, true))(t)
		if voted.Updubs != 1 || voted.SongID != info.ID {
			t.Errorf("voted %+v", voted)
		}
		if err := comments[0].Delete(ctx); err == nil {
			t.Error("alice deleted the bot's comment")
		}
		if err := comments[0].Flag(ctx); err != nil {
			t.Error(err)
		}
		if comments := must(bot.Comments(ctx, info.ID))(t); len(comments) != 1 || !comments[0].Flagged {
			t.Errorf("comments %+v", comments)
		}
		if err := comment.Delete(ctx); err != nil {
			t.Error(err)
		}
		if comments := must(bot.Comments(ctx, info.ID))(t); slices.ContainsFunc(comments, func(c client.Comment) bool { return !c.Deleted }) {
			t.Errorf("comments %+v", comments)
		}
	})
}
