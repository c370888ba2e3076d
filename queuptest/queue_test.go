package queuptest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

// What the room hears when somebody's queue changes while a song plays.
var queueNews = []string{"room_playlist-queue-update-dub", "user_update", "room_playlist-update"}

func names(plays []queuptest.Play) []string {
	names := []string{}
	for _, p := range plays {
		names = append(names, p.User+": "+p.Name)
	}
	return names
}

// order fails unless these DJs play next.
func (s *stage) order(want ...string) {
	s.t.Helper()
	got := []string{}
	for _, p := range s.room.Queued() {
		got = append(got, p.User)
	}
	if d := cmp.Diff(append([]string{}, want...), got); d != "" {
		s.t.Errorf("order (-want +got):\n%s", d)
	}
}

const queueSong = "POST /room/{lounge}/playlist"

func TestQueueSong(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		item := as[wire.Play](t, s.do("alice", queueSong, "songId=AbCdEfGhIjK&songType=youtube"))
		events := s.hears(queueNews...)
		if e := at[*wire.RoomPlaylistQueueUpdateDub](t, events, 0); e.User.Username != "alice" {
			t.Errorf("event is %s", e.RawJSON())
		}
		if e := at[*wire.UserUpdate](t, events, 1); e.Member.SongsInQueue != 1 || e.Member.Order != 3 {
			t.Errorf("event is %s", e.RawJSON())
		}
		now, _ := s.room.NowPlaying()
		if e := at[*wire.RoomPlaylistUpdate](t, events, 2); string(e.Play.ID) != now.ID || e.Elapsed < 0 {
			t.Errorf("event is %s", e.RawJSON())
		}
		if item.ID == "" || string(item.UserID) != s.fill("{alice}") || item.User.Username != "" || item.Song.Name != "" || item.Order != 999 {
			t.Errorf("item is %+v", item)
		}
		s.order("bob", "carol", "alice")
		// The same id is the same song everywhere, also as JSON and for SoundCloud.
		again := as[wire.Play](t, s.do("bob", queueSong, `{"songId":"AbCdEfGhIjK","songType":"youtube"}`))
		cloud := as[wire.Play](t, s.do("bob", queueSong, `{"songId":"123456","songType":"soundcloud"}`))
		if again.SongID != item.SongID || cloud.SongID == item.SongID {
			t.Errorf("songs are %s, %s, %s", item.SongID, again.SongID, cloud.SongID)
		}
		song := as[wire.Song](t, s.do("", "GET /song/"+string(item.SongID), ""))
		if song.MediaID != "AbCdEfGhIjK" || song.Name == "" || song.Length != item.Length {
			t.Errorf("song is %+v", song)
		}
	})
}

func TestQueueSong_refusals(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.refuses("bot", queueSong, "songId=AbCdEfGhIjK&songType=youtube", "You are not in this room")
	for _, c := range []struct {
		body   string
		status int
		why    string
	}{
		{"songId=AbCdEfGhIjK&songType=vimeo", 400, "songType must be youtube or soundcloud"},
		{"songId=short&songType=youtube", 404, "Song not found"},
		{"songId=pL4nt3rnS0w&songType=youtube", 400, "The song was played recently"}, // it plays
		{"songId=n1neD1meC0r&songType=youtube", 400, "The song is in your queue already"},
	} {
		s.do("bob", queueSong, c.body).refused(t, c.status, shapeE1, c.why)
	}
	settings := func(body string) {
		t.Helper()
		if got := s.do("owner", "PUT /room/{lounge}", body); got.Status != http.StatusOK {
			t.Fatal(got.Body)
		}
		s.heard()
	}
	settings(`{"maxLengthSong":1}`)
	s.do("bob", queueSong, "songId=AbCdEfGhIjK&songType=youtube").refused(t, 400, shapeE1, "The song is too long for this room")
	settings(`{"maxLengthSong":10,"limitQueueLength":true,"maxSongQueueLength":2}`)
	s.do("alice", queueSong, "songId=AbCdEfGhIjK&songType=youtube").refused(t, 400, shapeE1, "The queue is full")
	s.hears()
	s.do("bob", queueSong, "songId=AbCdEfGhIjK&songType=youtube") // who is queued may have more songs
	s.hears(queueNews...)
	settings(`{"limitQueueLength":false,"timeSongQueueRepeat":0}`)
	s.do("alice", queueSong, "songId=pL4nt3rnS0w&songType=youtube")
	s.hears(queueNews...)
}

// A song may be queued again when it has rested long enough.
func TestQueueSong_afterItsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, queuptest.InMemory(), queuptest.Heartbeat(1000*time.Hour, time.Hour))
		time.Sleep(time.Hour - time.Second)
		s.do("alice", queueSong, "songId=pL4nt3rnS0w&songType=youtube").refused(t, 400, shapeE1, "The song was played recently")
		time.Sleep(time.Second)
		s.heard()
		// The room is silent by now, so the song starts at once.
		item := as[wire.Play](t, s.do("alice", queueSong, "songId=pL4nt3rnS0w&songType=youtube"))
		events := s.hears("room_playlist-queue-update-dub", "user_update", "room_playlist-update", "user_update")
		if e := at[*wire.RoomPlaylistUpdate](t, events, 2); e.Elapsed >= 0 || e.Play.ID != item.ID {
			t.Errorf("event is %s", e.RawJSON())
		}
	})
}

// The second room_playlist-update of a song has the seconds that it has played for.
func TestQueueChange_repeatsTheSongWithALargerStartTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, queuptest.InMemory(), queuptest.Heartbeat(time.Hour, time.Hour))
		time.Sleep(42*time.Second + 600*time.Millisecond)
		s.room.Queue("alice", queuptest.Song{Name: "x", Length: time.Minute})
		if e := at[*wire.RoomPlaylistUpdate](t, s.hears(queueNews...), 2); e.Elapsed != 42*time.Second {
			t.Errorf("event is %s", e.RawJSON())
		}
	})
}

func TestLockedQueue(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		const lock = "PUT /room/{lounge}/lockQueue"
		s.refuses("alice", lock, "lockQueue=1", noRight)
		s.do("mod", lock, "lockQueue=maybe").refused(t, 400, shapeE1, "the value must be 0 or 1")
		s.do("mod", lock, "lockQueue=1").done(t)
		if e := at[*wire.RoomLockQueue](t, s.hears("room-lock-queue"), 0); e.User.Username != "mod" || string(e.Room.ID) != s.room.ID() || !e.Room.LockQueue {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.do("mod", lock, "lockQueue=1").done(t) // locked already is no event
		s.hears()
		if !s.room.Locked() || !as[wire.Room](t, s.do("", "GET /room/lounge", "")).LockQueue {
			t.Error("the room says that it is not locked")
		}
		const song = "songId=AbCdEfGhIjK&songType=youtube"
		s.do("alice", queueSong, song).refused(t, 400, shapeE1, "The queue is locked")
		s.do("mod", queueSong, song) // any role will do
		s.hears(queueNews...)
		// Who has songs but left the rotation does not come back.
		s.room.Pause("carol", true)
		s.heard()
		s.do("carol", "PUT /room/{lounge}/queue/pause", "queuePaused=0").refused(t, 400, shapeE1, "The queue is locked")
		// With the role DJ it works, until the queue opens.
		s.room.SetRole("bot", "carol", queuptest.DJ)
		s.room.SetRole("bot", "alice", queuptest.VIP)
		s.hears("user-setrole", "user-setrole")
		s.do("carol", "PUT /room/{lounge}/queue/pause", "queuePaused=0").done(t)
		s.hears(append([]string{"user-pause-queue"}, queueNews...)...)
		s.do("mod", lock, "lockQueue=0").done(t)
		events := s.hears("room-lock-queue", "user-unsetrole")
		if e := at[*wire.RoomLockQueue](t, events, 0); e.Room.LockQueue || !strings.Contains(string(e.RawJSON()), `"lockQueue":false`) {
			t.Errorf("event is %s", e.RawJSON())
		}
		e := at[*wire.UserUnsetRole](t, events, 1)
		if e.User.Username != "mod" || e.ModUser.Username+e.TargetUser.Username != "carol" || e.RoleObject.Label+e.Role.Label != "DJ" {
			t.Errorf("event is %s", e.RawJSON())
		}
		if len(s.room.RolesOf("carol")) != 0 || !slices.Equal(s.room.RolesOf("alice"), []string{"VIP"}) {
			t.Errorf("roles are %v and %v", s.room.RolesOf("carol"), s.room.RolesOf("alice"))
		}
	})
}

// What opens a locked queue is the permission, not that one has some role; the owner needs neither.
func TestLockedQueue_opensToThePermission(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	role := as[wire.RoomRole](t, s.do("owner", "POST /room/{lounge}/roles", `{"label":"Listener","permissions":["chat.send"]}`))
	s.do("owner", "PUT /room/{lounge}/users/{alice}/roles/"+string(role.ID), "").done(t)
	s.room.Lock("mod", true)
	s.heard()
	const song = "songId=AbCdEfGhIjK&songType=youtube"
	s.do("alice", queueSong, song).refused(t, 400, shapeE1, "The queue is locked")
	as[wire.Play](t, s.do("owner", queueSong, song))
	as[wire.RoomRole](t, s.do("owner", "PUT /room/{lounge}/roles/"+string(role.ID), `{"label":"DJs","permissions":["queue.lock.bypass"]}`))
	as[wire.Play](t, s.do("alice", queueSong, song))
}

func TestOwnQueue(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	own := func() (ids, titles []string) {
		t.Helper()
		for i, p := range as[wire.Plays](t, s.do("bob", "GET /user/session/room/{lounge}/queue", "")) {
			if p.Order != int64(i+1) || p.Song.MediaID == "" || string(p.UserID) != s.fill("{bob}") {
				t.Errorf("entry is %+v", p)
			}
			ids, titles = append(ids, string(p.ID)), append(titles, p.Song.Name)
		}
		return ids, titles
	}
	ids, titles := own()
	if d := cmp.Diff([]string{"Nine & Dime - Corner Shop", "Ferris - Last Tram Home"}, titles); d != "" {
		t.Errorf("queue (-want +got):\n%s", d)
	}
	const reorder = "POST /user/session/room/{lounge}/queue/order"
	for _, bad := range []string{"order[]=" + ids[0], "order[]=" + ids[0] + "&order[]=" + ids[0], "order[]=" + ids[0] + "&order[]=x", "order[]=x"} {
		s.do("bob", reorder, bad).refused(t, 400, shapeE1, "order must have every song of your queue exactly once")
	}
	s.do("bob", reorder, "order[]="+ids[1]+"&order[]="+ids[0]).done(t)
	s.hears(queueNews...)
	if _, titles := own(); titles[0] != "Ferris - Last Tram Home" {
		t.Errorf("queue is %v", titles)
	}
	s.do("carol", "DELETE /room/{lounge}/playlist/"+ids[0], "").refused(t, 404, shapeE1, "The song is not in your queue")
	s.do("bob", "DELETE /room/{lounge}/playlist/"+ids[0], "").done(t)
	s.hears(queueNews...)
	if _, titles := own(); len(titles) != 1 {
		t.Errorf("queue is %v", titles)
	}
	s.order("bob", "carol")
	s.do("bob", "DELETE /room/{lounge}/playlist", "").done(t)
	s.hears(queueNews...)
	s.order("carol")
	s.do("bob", "DELETE /room/{lounge}/playlist", "").done(t) // nothing to remove is no event
	s.hears()
	if got := s.room.QueueOf("bob"); len(got) != 0 {
		t.Errorf("queue is %v", got)
	}
}

// Who pauses keeps the songs; adding one does not end it.
func TestPauseOwnQueue(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const pause = "PUT /room/{lounge}/queue/pause"
	s.refuses("bot", pause, "queuePaused=0", "You are not in this room")
	s.do("bob", pause, "queuePaused=").refused(t, 400, shapeE1, "the value must be 0 or 1")
	s.do("bob", pause, "queuePaused=1").done(t)
	events := s.hears(append([]string{"user-pause-queue"}, queueNews...)...)
	if e := at[*wire.UserPauseQueue](t, events, 0); e.User.Username != "bob" || !e.Member.QueuePaused || e.Member.SongsInQueue != 2 {
		t.Errorf("event is %s", e.RawJSON())
	}
	s.order("carol")
	if waiting := as[wire.Plays](t, s.do("", "GET /room/{lounge}/playlist/waitlist", "")); len(waiting) != 1 || waiting[0].User.Username != "bob" {
		t.Errorf("waitlist is %+v", waiting)
	}
	s.do("bob", queueSong, "songId=AbCdEfGhIjK&songType=youtube")
	s.hears(queueNews...)
	s.order("carol")
	s.do("bob", pause, "queuePaused=0").done(t)
	events = s.hears(append([]string{"user-pause-queue"}, queueNews...)...)
	if e := at[*wire.UserPauseQueue](t, events, 0); e.Member.QueuePaused || e.Member.SongsInQueue != 3 {
		t.Errorf("event is %s", e.RawJSON())
	}
	s.order("carol", "bob")
	rows := as[wire.RoomUsers](t, s.do("", "GET /room/{lounge}/playlist", ""))
	if len(rows) != 2 || rows[0].User.Username != "carol" || rows[1].SongsInQueue != 3 || rows[1].Order != 2 {
		t.Errorf("rows are %+v", rows)
	}
}

func TestReorderQueue(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		const reorder = "POST /room/{lounge}/queue/order"
		s.refuses("alice", reorder, "order[]={carol}&order[]={bob}", noRight)
		for _, bad := range []string{"order[]={carol}", "order[]={carol}&order[]={carol}", "order[]={carol}&order[]={alice}", "order[]={carol}&order[]={bob}&order[]={bob}"} {
			s.do("mod", reorder, bad).refused(t, 400, shapeE1, "order must have everybody who is queued exactly once")
		}
		s.hears()
		s.do("mod", reorder, "order[]={carol}&order[]={bob}").done(t)
		if e := at[*wire.RoomPlaylistQueueReorder](t, s.hears("room_playlist-queue-reorder", "room_playlist-queue-update", "room_playlist-update"), 0); e.User.Username != "mod" {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.order("carol", "bob")
		s.do("mod", reorder, "order={bob},{carol}").done(t) // as DubAPI writes it
		s.order("bob", "carol")
		s.do("mod", reorder, "order=").refused(t, 400, shapeE1, "order must have everybody who is queued exactly once")
	})
}

func TestModeratorsChangeQueuesOfOthers(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		s.refuses("alice", "DELETE /room/{lounge}/queue/user/{bob}", "", noRight)
		s.refuses("alice", "DELETE /room/{lounge}/queue/user/{bob}/all", "", noRight)
		s.refuses("alice", "PUT /room/{lounge}/queue/user/{bob}/pause", "", noRight)
		for _, request := range []string{"DELETE /room/{lounge}/queue/user/{owner}", "DELETE /room/{lounge}/queue/user/{owner}/all", "PUT /room/{lounge}/queue/user/{owner}/pause"} {
			s.do("mod", request, "").refused(t, 404, shapeE1, "The user has nothing in the queue")
		}
		s.hears()

		next := as[wire.RemoveSongResult](t, s.do("mod", "DELETE /room/{lounge}/queue/user/{bob}", ""))
		if next.Next.Song.Name != "Ferris - Last Tram Home" || next.Next.User.Username != "bob" {
			t.Errorf("next is %+v", next.Next)
		}
		events := s.hears(append([]string{"room_playlist-queue-remove-user-song"}, queueNews...)...)
		if e := at[*wire.RoomPlaylistQueueRemoveUserSong](t, events, 0); e.User.Username != "mod" || e.Target.Username != "bob" {
			t.Errorf("event is %s", e.RawJSON())
		}
		if got := s.do("mod", "DELETE /room/{lounge}/queue/user/{bob}", ""); string(got.data(t)) != `{"userNextSong":null}` {
			t.Errorf("the last one: %s", got.Body)
		}
		s.heard()
		s.order("carol")

		const pause = "PUT /room/{lounge}/queue/user/{carol}/pause"
		s.do("mod", pause, "pause=x").refused(t, 400, shapeE1, "the value must be 0 or 1")
		for range 2 { // no toggle
			s.do("mod", pause, "").done(t)
			events = s.hears(append([]string{"user-pause-queue-mod"}, queueNews...)...)
			if e := at[*wire.UserPauseQueueMod](t, events, 0); e.Moderator.Username != "mod" || e.User.Username != "carol" || !e.Member.QueuePaused {
				t.Errorf("event is %s", e.RawJSON())
			}
			s.order()
		}
		s.do("mod", pause, "pause=0").done(t)
		events = s.hears(append([]string{"user-pause-queue-mod"}, queueNews...)...)
		if e := at[*wire.UserPauseQueueMod](t, events, 0); e.Member.QueuePaused {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.order("carol")

		s.do("mod", "DELETE /room/{lounge}/queue/user/{carol}/all", "").done(t)
		events = s.hears(append([]string{"room_playlist-queue-remove-user"}, queueNews...)...)
		if e := at[*wire.RoomPlaylistQueueRemoveUser](t, events, 0); e.User.Username != "mod" || e.Target.Username != "carol" {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.order()
	})
}

// A playlist is queued as a whole; what the room does not take is left out.
func TestQueuePlaylist(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	list := as[wire.Playlist](t, s.do("alice", "POST /playlist", "name=late"))
	s.name("list", string(list.ID))
	for _, id := range []string{"AbCdEfGhIjK", "pL4nt3rnS0w", "BbCdEfGhIjK"} { // the second one plays
		if got := s.do("alice", "POST /playlist/{list}/songs", "fkid="+id+"&type=youtube"); got.Status != http.StatusOK {
			t.Fatal(got.Body)
		}
	}
	s.do("bob", "POST /room/{lounge}/queueplaylist/{list}", "").refused(t, 404, shapeE1, "Playlist not found")
	s.do("alice", "POST /room/{lounge}/queueplaylist/{list}", "").done(t)
	s.hears(queueNews...)
	if got := s.room.QueueOf("alice"); len(got) != 2 {
		t.Errorf("queue is %v", names(got))
	}
	s.do("alice", "POST /room/{lounge}/queueplaylist/{list}", "").done(t) // all of it is queued already
	s.hears()
}

// A room that does not recycle its DJs pauses them after a song.
func TestRecycle(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if room := as[wire.Room](t, s.do("owner", "PUT /room/{lounge}", `{"recycleDJ":false}`)); room.RecycleDJ {
		t.Errorf("room is %+v", room)
	}
	s.hears("room-update")
	s.room.Skip("mod")
	events := s.hears("chat-skip", "room_playlist-update", "user-pause-queue", "user_update", "user_update")
	if e := at[*wire.UserPauseQueue](t, events, 2); e.User.Username != "bob" || !e.Member.QueuePaused {
		t.Errorf("event is %s", e.RawJSON())
	}
	s.order("carol")
}

func TestVote_byREST(t *testing.T) {
	inBothWorlds(t, func(t *testing.T, s *stage) {
		now, _ := s.room.NowPlaying()
		s.name("play", now.ID)
		const vote = "POST /room/{lounge}/playlist/{play}/dubs"
		s.refuses("bot", vote, "type=updub", "You are not in this room")
		s.do("bob", vote, "type=sideways").refused(t, 400, shapeE1, "type must be updub or downdub")
		s.do("bob", "POST /room/{lounge}/playlist/"+now.SongID+"/dubs", "type=updub").refused(t, 404, shapeE1, "The song is not playing")
		s.do("bob", vote, "type=updub").done(t)
		if e := at[*wire.RoomPlaylistDub](t, s.hears("room_playlist-dub", "user_update"), 0); e.Type != wire.Updub || e.User.Username != "bob" || e.Play.Updubs != 1 {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.do("bob", vote, "type=updub").done(t) // the same again
		s.hears()
		s.do("bob", "POST /room/{lounge}/playlist/active/dubs", "type=downdub").done(t)
		if e := at[*wire.RoomPlaylistDub](t, s.hears("room_playlist-dub", "user_update"), 0); e.Type != wire.Downdub || e.Play.Updubs != 0 || e.Play.Downdubs != 1 {
			t.Errorf("event is %s", e.RawJSON())
		}
		for range 7 {
			s.do("bob", vote, "type=downdub").done(t)
		}
		s.do("bob", vote, "type=updub").refused(t, 429, shapeE1, "You have voted too often on this song")
		s.hears()
		s.do("carol", vote, "type=updub").done(t) // others have not
		for range 4 {
			if now, ok := s.room.NowPlaying(); ok {
				s.do("mod", "POST /chat/skip/{lounge}/"+now.ID, "").done(t)
			}
		}
		s.do("bob", vote, "type=updub").refused(t, 404, shapeE1, "no songs in active queue")
		s.do("bob", "POST /room/{lounge}/playlist/active/dubs", "type=updub").refused(t, 404, shapeE1, "no songs in active queue")
	})
}

func TestHistory_isPagedTheNewestFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.room.Skip("mod")
	var all wire.Plays
	for page, size := range []int{20, 20, 6, 0} {
		plays := as[wire.Plays](t, s.do("", "GET /room/{lounge}/playlist/history?page="+string(rune('1'+page)), ""))
		if len(plays) != size {
			t.Errorf("page %d has %d plays", page+1, len(plays))
		}
		all = append(all, plays...)
	}
	if first := as[wire.Plays](t, s.do("", "GET /room/{lounge}/playlist/history", "")); len(first) != 20 || first[0].ID != all[0].ID {
		t.Error("without a page it is not the first one")
	}
	if p := all[0]; p.Song.Name != "Paper Lanterns - Slow Tide" || p.User.Username != "alice" || !p.Skipped || !p.Played || !p.Active {
		t.Errorf("the newest is %+v", p)
	}
	ids := map[wire.PlayID]bool{}
	for i, p := range all {
		ids[p.ID] = true
		if p.Song.MediaID == "" || p.User.Username == "" || i > 0 && !p.PlayedAt.Before(all[i-1].PlayedAt) {
			t.Errorf("play %d is %+v", i, p)
		}
	}
	if len(ids) != 46 || len(s.room.History()) != 46 {
		t.Errorf("%d plays, %d for the test", len(ids), len(s.room.History()))
	}
}
