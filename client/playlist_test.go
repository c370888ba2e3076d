package client_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/queup-go/queup/client"
)

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
