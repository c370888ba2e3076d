package queuptest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
)

const noPlaylist = "/playlist/6600f0a51d2c8e00ffffffff"

// newPlaylist makes a playlist and returns its path.
func (b *browser) newPlaylist(name string) string {
	b.tb.Helper()
	return "/playlist/" + string(as[wire.Playlist](b.tb, b.post("/playlist", url.Values{"name": {name}})).ID)
}

// names are the titles on one page of a playlist.
func (b *browser) names(path string) []string {
	b.tb.Helper()
	names := []string{}
	for _, s := range as[wire.PlaylistSongs](b.tb, b.get(path)) {
		names = append(names, s.Song.Name)
	}
	return names
}

func TestPlaylist_isCreatedListedRenamedAndDeleted(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, bob := login(t, srv, "alice"), login(t, srv, "bob")
	if got := as[wire.Playlists](t, alice.get("/playlist")); len(got) != 0 {
		t.Fatalf("at first there is %+v", got)
	}
	first := as[wire.Playlist](t, alice.post("/playlist", url.Values{"name": {" late hours "}, "isPublic": {"true"}}))
	if first.Name != "late hours" || !first.Public || first.OwnerID != alice.me().ID || first.Status != 1 ||
		first.TotalItems != 0 || time.Since(first.Created) > time.Minute || len(first.ID) != 24 {
		t.Errorf("created %+v", first)
	}
	second := as[wire.Playlist](t, alice.postJSON("/playlist", `{"name":"mornings"}`))
	if second.Public || second.ID == first.ID {
		t.Errorf("created %+v", second)
	}
	alice.put("/playlist/"+string(first.ID), url.Values{"name": {"later hours"}}).done(t)
	list := func() (names []string) {
		for _, p := range as[wire.Playlists](t, alice.get("/playlist")) {
			names = append(names, p.Name)
		}
		return names
	}
	if d := cmp.Diff([]string{"later hours", "mornings"}, list()); d != "" {
		t.Errorf("playlists (-want +got):\n%s", d)
	}
	alice.delete("/playlist/" + string(first.ID)).done(t)
	if d := cmp.Diff([]string{"mornings"}, list()); d != "" {
		t.Errorf("after the deletion (-want +got):\n%s", d)
	}
	alice.get("/playlist/"+string(first.ID)+"/songs").refused(t, 404, shapeE1, "Playlist not found")
	if got := as[wire.Playlists](t, bob.get("/playlist")); len(got) != 0 {
		t.Errorf("bob has %+v", got)
	}
}

func TestPlaylist_refusals(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, bob := login(t, srv, "alice"), login(t, srv, "bob")
	path := bob.newPlaylist("bob's")
	as[wire.Playlist](t, bob.post(path+"/songs", url.Values{"fkid": {"AbCdEfGhIjK"}, "type": {"youtube"}}))
	const badName = "name is required, with 100 characters at most"
	for _, name := range []string{"", "  ", strings.Repeat("é", 101)} {
		alice.post("/playlist", url.Values{"name": {name}}).refused(t, 400, shapeE1, badName)
		bob.put(path, url.Values{"name": {name}}).refused(t, 400, shapeE1, badName)
	}
	// What is somebody else's is answered as what is not there.
	for _, p := range []string{path, noPlaylist} {
		for _, got := range []reply{
			alice.put(p, url.Values{"name": {"mine"}}),
			alice.delete(p),
			alice.get(p + "/songs"),
			alice.post(p+"/songs", url.Values{"fkid": {"AbCdEfGhIjK"}, "type": {"youtube"}}),
			alice.delete(p + "/songs/x"),
			alice.post(p+"/order", url.Values{"order[]": {"x"}}),
			alice.send(http.MethodPost, p+"/order/randomize", "", ""),
			alice.post("/playlist/import/youtube", url.Values{"yt_playlistid": {"PLabcdefghijk"}, "id": {strings.TrimPrefix(p, "/playlist/")}}),
		} {
			got.refused(t, 404, shapeE1, "Playlist not found")
		}
	}
	for form, want := range map[string]struct {
		status int
		text   string
	}{
		"":                              {400, "songid or fkid and type are required"},
		"fkid=AbCdEfGhIjK":              {400, "songid or fkid and type are required"},
		"type=youtube":                  {400, "songid or fkid and type are required"},
		"fkid=short&type=youtube":       {404, "Song not found"},
		"fkid=abc&type=soundcloud":      {404, "Song not found"},
		"fkid=AbCdEfGhIjK&type=vimeo":   {404, "Song not found"},
		"songid=65e5d4f3071becffffffff": {404, "Song not found"},
	} {
		bob.send("POST", path+"/songs", "application/x-www-form-urlencoded", "x=&"+form).refused(t, want.status, shapeE1, want.text)
	}
	bob.delete(path+"/songs/6600f0a51d2c8e01ffffffff").refused(t, 404, shapeE1, "Song not found in the playlist")
	if got := as[wire.Playlists](t, bob.get("/playlist")); got[0].TotalItems != 1 || got[0].Name != "bob's" {
		t.Errorf("afterwards bob has %+v", got)
	}
}

func TestPlaylistSongs_areAddedPagedFilteredAndRemoved(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	path := alice.newPlaylist("many")
	var want []string
	for i := range 45 {
		form := url.Values{"fkid": {fmt.Sprintf("abcdefgh%03d", i)}, "type": {"youtube"}}
		if p := as[wire.Playlist](t, alice.post(path+"/songs", form)); p.TotalItems != int64(i+1) {
			t.Fatalf("after song %d: %+v", i, p)
		}
	}
	var all []wire.PlaylistSong
	for n, size := range map[int]int{1: 20, 2: 20, 3: 5, 4: 0} {
		if got := as[wire.PlaylistSongs](t, alice.get(fmt.Sprintf("%s/songs?name=&page=%d", path, n))); len(got) != size {
			t.Errorf("page %d has %d songs, want %d", n, len(got), size)
		}
	}
	for n := range 3 {
		all = append(all, as[wire.PlaylistSongs](t, alice.get(fmt.Sprintf("%s/songs?page=%d", path, n+1)))...)
	}
	ids := map[wire.PlaylistSongID]bool{}
	for i, s := range all {
		if s.Song.MediaID != fmt.Sprintf("abcdefgh%03d", i) || s.SongID != s.Song.ID || s.Song.Length < 2*time.Minute ||
			s.Song.Name == "" || "/playlist/"+string(s.PlaylistID) != path || time.Since(s.AddedAt) > time.Minute {
			t.Errorf("entry %d is %+v", i, s)
		}
		ids[s.ID] = true
		want = append(want, s.Song.Name)
	}
	if len(ids) != 45 {
		t.Errorf("%d different ids", len(ids))
	}
	if d := cmp.Diff(want[:20], alice.names(path+"/songs")); d != "" {
		t.Errorf("without a page (-want +got):\n%s", d)
	}
	for _, word := range []string{"undertow", "NIGHT swim"} {
		var with []string
		for _, name := range want {
			if strings.Contains(strings.ToLower(name), strings.ToLower(word)) {
				with = append(with, name)
			}
		}
		if d := cmp.Diff(with, alice.names(path+"/songs?name="+url.QueryEscape(word))); d != "" || len(with) == 0 {
			t.Errorf("songs with %s (-want +got):\n%s", word, d)
		}
	}
	if p := as[wire.Playlist](t, alice.delete(path+"/songs/"+string(all[1].ID))); p.TotalItems != 44 {
		t.Errorf("after the removal: %+v", p)
	}
	if d := cmp.Diff(append(want[:1:1], want[2:21]...), alice.names(path+"/songs")); d != "" {
		t.Errorf("after the removal (-want +got):\n%s", d)
	}
}

// The same id is the same song, for everybody, and known to GET /song/{songId} from then on.
func TestPlaylistSongs_ofTheSameIDAreTheSameSong(t *testing.T) {
	t.Parallel()
	var songs []wire.Song
	for range 2 { // servers
		srv := start(t)
		for _, name := range []string{"alice", "bob"} {
			b := login(t, srv, name)
			path := b.newPlaylist("x")
			as[wire.Playlist](t, b.postJSON(path+"/songs", `{"fkid":"293847000","type":"soundcloud"}`))
			s := as[wire.PlaylistSongs](t, b.get(path+"/songs"))[0].Song
			if d := cmp.Diff(s, as[wire.Song](t, b.get("/song/"+string(s.ID)))); d != "" {
				t.Errorf("by its id (-in the playlist +alone):\n%s", d)
			}
			s.Created = time.Time{}
			songs = append(songs, s)
		}
	}
	for _, s := range songs[1:] {
		if d := cmp.Diff(songs[0], s); d != "" {
			t.Errorf("songs differ:\n%s", d)
		}
	}
}

// A song of the room put into a playlist by its id is a grab: the room hears of it, once for each user.
func TestGrab_isCountedAndBroadcastOnce(t *testing.T) {
	t.Parallel()
	srv := start(t)
	bob, listener := login(t, srv, "bob"), newBrowser(t, srv).listen()
	path := bob.newPlaylist("grabs")
	playing, _ := srv.Room("lounge").NowPlaying()
	room := "/room/" + srv.Room("lounge").ID()
	if p := as[wire.Playlist](t, bob.post(path+"/songs", url.Values{"songid": {playing.SongID}})); p.TotalItems != 1 {
		t.Errorf("playlist is %+v", p)
	}
	e := event[*wire.RoomPlaylistQueueUpdateGrabs](listener)
	if e.User.Username != "bob" || string(e.Play.ID) != playing.ID || e.Play.Grabs != 1 {
		t.Errorf("event is %s", e.Raw)
	}
	as[wire.Playlist](t, bob.post(path+"/songs", url.Values{"songid": {playing.SongID}})) // again
	listener.silent()
	carol := login(t, srv, "carol")
	as[wire.Playlist](t, carol.postJSON(carol.newPlaylist("too")+"/songs", `{"songid":"`+playing.SongID+`"}`))
	if e := event[*wire.RoomPlaylistQueueUpdateGrabs](listener); e.User.Username != "carol" || e.Play.Grabs != 2 {
		t.Errorf("event is %s", e.Raw)
	}
	if active := as[wire.ActiveSong](t, bob.get(room+"/playlist/active")); active.Play.Grabs != 2 {
		t.Errorf("active is %+v", active.Play)
	}
	dubs := as[wire.Dubs](t, bob.get(room+"/playlist/active/dubs"))
	if len(dubs.Grabs) != 2 || dubs.Grabs[0].UserID != bob.me().ID || dubs.Grabs[1].UserID != carol.me().ID {
		t.Errorf("votes are %+v", dubs)
	}
	// Neither who is not there nor who takes the song from the provider grabs it.
	bot, mod := login(t, srv, "bot"), login(t, srv, "mod")
	as[wire.Playlist](t, bot.post(bot.newPlaylist("away")+"/songs", url.Values{"songid": {playing.SongID}}))
	as[wire.Playlist](t, mod.post(mod.newPlaylist("x")+"/songs", url.Values{"fkid": {"pL4nt3rnS0w"}, "type": {"youtube"}}))
	listener.silent()
	// The next song begins without grabs.
	srv.Room("lounge").Skip("mod")
	if active := as[wire.ActiveSong](t, bob.get(room+"/playlist/active")); active.Play.Grabs != 0 {
		t.Errorf("the next song is %+v", active.Play)
	}
}

func TestPlaylistOrder_isSetAsAWholeAndShuffled(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	path := alice.newPlaylist("x")
	for i := range 12 {
		as[wire.Playlist](t, alice.post(path+"/songs", url.Values{"fkid": {fmt.Sprint(1000 + i)}, "type": {"soundcloud"}}))
	}
	order := func() (ids []string) {
		for _, s := range as[wire.PlaylistSongs](t, alice.get(path+"/songs")) {
			ids = append(ids, string(s.ID))
		}
		return ids
	}
	before := order()
	want := slices.Clone(before)
	slices.Reverse(want)
	alice.post(path+"/order", url.Values{"order[]": want}).done(t)
	if d := cmp.Diff(want, order()); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
	for name, bad := range map[string][]string{
		"one is missing":     want[1:],
		"one is there twice": append([]string{want[1]}, want[1:]...),
		"one too many":       append([]string{want[0]}, want...),
		"a stranger":         append([]string{"6600f0a51d2c8e01ffffffff"}, want[1:]...),
	} {
		t.Run(name, func(t *testing.T) {
			alice.post(path+"/order", url.Values{"order[]": bad}).refused(t, 400, shapeE1, "order must have every entry once")
			if d := cmp.Diff(want, order()); d != "" {
				t.Errorf("the order changed:\n%s", d)
			}
		})
	}
	alice.send(http.MethodPost, path+"/order/randomize", "", "").done(t)
	shuffled := order()
	if slices.Equal(shuffled, want) {
		t.Error("the order is what it was")
	}
	slices.Sort(shuffled)
	slices.Sort(want)
	if !slices.Equal(shuffled, want) {
		t.Errorf("entries are %v, want %v", shuffled, want)
	}
}

func TestImport_makesOrFillsAPlaylist(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	fresh := as[wire.Playlist](t, alice.post("/playlist/import/youtube", url.Values{"yt_playlistid": {"PLabcdefghijk"}, "id": {""}}))
	if fresh.Name == "" || fresh.Provider != wire.YouTube || fresh.MediaID != "PLabcdefghijk" || fresh.TotalItems < 8 {
		t.Fatalf("made %+v", fresh)
	}
	path := alice.newPlaylist("mine")
	as[wire.Playlist](t, alice.post(path+"/songs", url.Values{"fkid": {"AbCdEfGhIjK"}, "type": {"youtube"}}))
	id := strings.TrimPrefix(path, "/playlist/")
	filled := as[wire.Playlist](t, alice.post("/playlist/import/youtube", url.Values{"yt_playlistid": {"PLabcdefghijk"}, "id": {id}}))
	if string(filled.ID) != id || filled.Name != "mine" || filled.TotalItems != fresh.TotalItems+1 {
		t.Errorf("filled %+v", filled)
	}
	a, b := alice.names("/playlist/"+string(fresh.ID)+"/songs"), alice.names(path+"/songs")
	if n := min(len(a), 19); !slices.Equal(a[:n], b[1:n+1]) {
		t.Errorf("the same import gave %q and %q", a, b)
	}
	if got := as[wire.Playlists](t, alice.get("/playlist")); len(got) != 2 {
		t.Errorf("playlists are %+v", got)
	}
	alice.post("/playlist/import/youtube", url.Values{"yt_playlistid": {"nonsense"}}).refused(t, 400, shapeE5, "The playlist could not be found")
	alice.post("/playlist/import/soundcloud", url.Values{"playlistid": {"nonsense"}}).refused(t, 400, shapeE5, "The playlist could not be found")
}

// What SoundCloud says of somebody's playlists holds when one is imported.
func TestSoundCloudPlaylists_canBeImported(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	lists := as[wire.SoundCloudPlaylists](t, alice.get("/playlist/soundcloud?username=night-dj"))
	if len(lists) != 3 {
		t.Fatalf("playlists are %+v", lists)
	}
	for _, l := range lists {
		p := as[wire.Playlist](t, alice.post("/playlist/import/soundcloud", url.Values{"playlistid": {l.ID}, "id": {""}}))
		if p.Name != l.Title || p.TotalItems != l.TotalTracks || p.Provider != wire.SoundCloud || p.MediaID != l.ID {
			t.Errorf("of %+v came %+v", l, p)
		}
		for _, s := range as[wire.PlaylistSongs](t, alice.get("/playlist/"+string(p.ID)+"/songs")) {
			if s.Song.Provider != wire.SoundCloud {
				t.Errorf("entry is %+v", s)
			}
		}
	}
	if d := cmp.Diff(lists, as[wire.SoundCloudPlaylists](t, alice.get("/playlist/soundcloud?username=Night-DJ"))); d != "" {
		t.Errorf("asked again:\n%s", d)
	}
	if other := as[wire.SoundCloudPlaylists](t, alice.get("/playlist/soundcloud?username=day-dj")); other[0].ID == lists[0].ID {
		t.Errorf("another user has the same playlist %+v", other[0])
	}
	if got := as[wire.SoundCloudPlaylists](t, alice.get("/playlist/soundcloud?username=")); len(got) != 0 {
		t.Errorf("nobody has %+v", got)
	}
}
