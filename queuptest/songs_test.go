package queuptest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/queup-go/queup/gen/wire"
)

// search reads all pages of a search.
func (b *browser) search(provider, words string) (songs []wire.Song, pages int) {
	b.tb.Helper()
	query := url.Values{"name": {words}, "type": {provider}, "details": {"1"}, "nextPageToken": {""}}
	for {
		pages++
		got := as[wire.SongSearch](b.tb, b.get("/song?"+query.Encode()))
		songs = append(songs, got.Items...)
		if got.NextPageToken == "" {
			return songs, pages
		}
		if got.NextPageToken == query.Get("nextPageToken") || len(got.Items) != 15 {
			b.tb.Fatalf("after page %d comes %+v", pages, got)
		}
		query.Set("nextPageToken", got.NextPageToken)
	}
}

func TestSearchSongs_isPagedByTokens(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	songs, pages := alice.search("youtube", "Undertow")
	if len(songs) != 16 || pages != 2 {
		t.Fatalf("%d songs on %d pages", len(songs), pages)
	}
	ids := map[wire.SongID]bool{}
	for _, s := range songs {
		ids[s.ID] = true
		if !strings.Contains(s.Name, "Undertow") || s.Provider != wire.YouTube || len(s.MediaID) != 11 || s.Length < 2*time.Minute || s.Images.Thumbnail == "" {
			t.Errorf("found %+v", s)
		}
		if d := cmp.Diff(s, as[wire.Song](t, alice.get("/song/"+string(s.ID)))); d != "" {
			t.Errorf("by its id (-found +alone):\n%s", d)
		}
	}
	if len(ids) != 16 {
		t.Errorf("%d different songs", len(ids))
	}
	again, _ := login(t, start(t), "bob").search("youtube", "uNdertow") // another server
	if d := cmp.Diff(songs, again, cmpopts.IgnoreFields(wire.Song{}, "Created")); d != "" {
		t.Errorf("another server finds:\n%s", d)
	}
}

func TestSearchSongs_wantsAllWordsAndKnowsTheRoomsSongs(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	for words, want := range map[string]int{"ferris undertow": 1, "ferris nowhere": 0, "": 0, "zzz": 0} {
		if songs, _ := alice.search("soundcloud", words); len(songs) != want {
			t.Errorf("%q: %+v", words, songs)
		}
	}
	songs, _ := alice.search("youtube", "paper lanterns slow tide") // plays in the lounge
	playing, _ := srv.Room("lounge").NowPlaying()
	if len(songs) != 1 || string(songs[0].ID) != playing.SongID {
		t.Errorf("found %+v", songs)
	}
	// What was found can be put into a playlist, under the same id.
	found, _ := alice.search("soundcloud", "ferris undertow")
	path := alice.newPlaylist("x")
	as[wire.Playlist](t, alice.post(path+"/songs", url.Values{"fkid": {found[0].MediaID}, "type": {"soundcloud"}}))
	if got := as[wire.PlaylistSongs](t, alice.get(path+"/songs")); got[0].SongID != found[0].ID || got[0].Song.Name != found[0].Name {
		t.Errorf("entry is %+v, found %+v", got[0], found[0])
	}
}

func TestSearchSongs_refusals(t *testing.T) {
	t.Parallel()
	alice := login(t, start(t), "alice")
	alice.get("/song?name=undertow&type=vimeo").refused(t, 400, shapeE1, "type must be youtube or soundcloud")
	alice.get("/song?name=undertow&type=youtube&nextPageToken=x").refused(t, 400, shapeE1, "nextPageToken is invalid")
	if got := alice.get("/song?type=youtube"); got.Status != http.StatusBadRequest {
		t.Errorf("without a name: %d %s", got.Status, got.Body)
	}
}

func TestSongLinkAndImage_areRedirects(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	guest := newBrowser(t, srv)
	for provider, page := range map[string]string{
		"youtube": "https://www.youtube.com/watch?v=", "soundcloud": "https://api.soundcloud.com/tracks/",
	} {
		songs, _ := alice.search(provider, "ferris undertow")
		path := "/song/" + string(songs[0].ID)
		if got := guest.get(path + "/redirect"); got.Status != http.StatusFound || got.Header.Get("Location") != page+songs[0].MediaID {
			t.Errorf("%s: %d to %q", path, got.Status, got.Header.Get("Location"))
		}
		if got := guest.get(path + "/image/large"); got.Status != http.StatusFound || got.Header.Get("Location") != songs[0].Images.Thumbnail {
			t.Errorf("%s: picture: %d to %q", path, got.Status, got.Header.Get("Location"))
		}
	}
	const nothing = "/song/65e5d4f3071bec00ffffffff"
	for _, path := range []string{nothing + "/redirect", nothing + "/image/large", nothing + "/comments"} {
		guest.get(path).refused(t, 404, shapeE1, "Song not found")
	}
}

// A comment from beginning to end, as those hear it who are where the song plays.
func TestComment(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, bob, listener := login(t, srv, "alice"), login(t, srv, "bob"), newBrowser(t, srv).listen()
	playing, _ := srv.Room("lounge").NowPlaying()
	song := "/song/" + playing.SongID
	list := func() wire.Comments { return as[wire.Comments](t, newBrowser(t, srv).get(song+"/comments")) }
	if got := list(); len(got) != 0 {
		t.Fatalf("at first there is %+v", got)
	}
	c := as[wire.Comment](t, alice.postJSON(song+"/comments", `{"comment":"lovely & long"}`))
	if c.Text != "lovely & long" || c.AuthorID != alice.me().ID || c.ForeignID != playing.SongID || time.Since(c.Created) > time.Minute {
		t.Errorf("comment is %+v", c)
	}
	if e := event[*wire.CommentAdd](listener); cmp.Diff(c, e.Comment) != "" {
		t.Errorf("event is %s", e.Raw)
	}
	if d := cmp.Diff(wire.Comments{c}, list()); d != "" {
		t.Errorf("comments (-want +got):\n%s", d)
	}
	dubs := "/comments/" + string(c.ID) + "/dubs"
	for _, v := range []struct {
		by       *browser
		kind     string
		up, down int64
	}{{alice, "updub", 1, 0}, {bob, "updub", 2, 0}, {bob, "updub", 2, 0}, {bob, "downdub", 1, 1}} {
		got := as[wire.CommentVote](t, v.by.post(dubs, url.Values{"type": {v.kind}})).Comment
		if got.Updubs != v.up || got.Downdubs != v.down || got.Dubs != v.up-v.down || got.Text != c.Text {
			t.Errorf("after %+v: %+v", v, got)
		}
		if e := event[*wire.CommentUpdate](listener); e.Subject != c.ID || cmp.Diff(got, e.Comment) != "" {
			t.Errorf("event is %s %s", e.Name, e.Raw)
		}
	}
	bob.send(http.MethodPost, "/comments/"+string(c.ID)+"/flag", "", "").done(t)
	listener.silent()
	if got := list()[0]; !got.Flagged || got.Updubs != 1 {
		t.Errorf("flagged comment is %+v", got)
	}
	bob.delete(song+"/comments/"+string(c.ID)).refused(t, 401, shapeE1, "The comment is not yours")
	alice.delete(song + "/comments/" + string(c.ID)).done(t)
	if e := event[*wire.CommentRemove](listener); e.Comment.ID != c.ID {
		t.Errorf("event is %s", e.Raw)
	}
	if got := list(); len(got) != 0 {
		t.Errorf("after the deletion: %+v", got)
	}
	// A song that plays nowhere is commented on in silence.
	songs, _ := alice.search("youtube", "ferris undertow")
	as[wire.Comment](t, alice.postJSON("/song/"+string(songs[0].ID)+"/comments", `{"comment":"x"}`))
	listener.silent()
}

func TestComment_refusals(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	songs, _ := alice.search("youtube", "ferris undertow")
	other, _ := alice.search("soundcloud", "ferris undertow")
	song := "/song/" + string(songs[0].ID)
	alice.postJSON(song+"/comments", `{"comment":" "}`).refused(t, 400, shapeE1, "comment is required")
	alice.postJSON(song+"/comments", `{"comment":"`+strings.Repeat("x", 10_001)+`"}`).refused(t, 400, shapeE1, "comment is too long")
	alice.postJSON("/song/x/comments", `{"comment":"x"}`).refused(t, 404, shapeE1, "Song not found")
	c := as[wire.Comment](t, alice.postJSON(song+"/comments", `{"comment":"x"}`))
	alice.post("/comments/"+string(c.ID)+"/dubs", url.Values{"type": {"sideways"}}).refused(t, 400, shapeE1, "type must be updub or downdub")
	const nothing = "6615ea37415f2a00ffffffff"
	for _, got := range []reply{
		alice.delete(song + "/comments/" + nothing),
		alice.delete("/song/" + string(other[0].ID) + "/comments/" + string(c.ID)),
		alice.post("/comments/"+nothing+"/dubs", url.Values{"type": {"updub"}}),
		alice.send(http.MethodPost, "/comments/"+nothing+"/flag", "", ""),
	} {
		got.refused(t, 404, shapeE1, "Comment not found")
	}
	if got := as[wire.Comments](t, alice.get(song+"/comments")); len(got) != 1 || got[0].Updubs+got[0].Downdubs != 0 {
		t.Errorf("comments are %+v", got)
	}
}
