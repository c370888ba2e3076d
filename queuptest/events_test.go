package queuptest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

func TestJoinAndLeave_areHeardByOthers(t *testing.T) {
	t.Parallel()
	srv := start(t, queuptest.ClassicRoles())
	room := srv.Room("lounge")
	alice := login(t, srv, "alice").listen()
	bot := login(t, srv, "bot")
	path := "/room/" + room.ID() + "/users"
	joined := as[wire.JoinResult](t, bot.send("POST", path, "", ""))
	e := event[*wire.UserJoin](alice)
	if e.User.Username != "bot" || e.User.UserInfo.UserID != e.User.ID || e.User.ForceUpdated.IsZero() {
		t.Errorf("user is %+v", e.User)
	}
	if e.Member.ID != joined.User.ID || e.Member.UserID != e.User.ID || e.Member.User.Username != "" ||
		e.Member.Role.ID != "5615fa9ae596154a5c000000" || e.Member.Role.Label != "Co-Owner" {
		t.Errorf("record is %+v", e.Member)
	}
	// Captured records are whole, and DubAPI merges the next into the last.
	for _, member := range []string{`"waitLine":0`, `"__v":0`, `"dubs":0`, `"playedCount":0`, `"skippedCount":0`, `"songsInQueue":0`, `"queuePaused":null`} {
		if !strings.Contains(string(e.RawJSON()), member) {
			t.Errorf("no %s in %s", member, e.RawJSON())
		}
	}
	// Who is there already may join again, and the room hears again.
	_ = bot.send("POST", path, "", "")
	event[*wire.UserJoin](alice)

	if got := bot.delete(path); got.Status != http.StatusOK {
		t.Fatalf("leave: %d %s", got.Status, got.Body)
	}
	left := event[*wire.UserLeave](alice)
	if left.User.Username != "bot" || string(left.Room.ID) != room.ID() || left.Room.Slug != "lounge" { // NDA reads the room of its time
		t.Errorf("event is %s", left.RawJSON())
	}
	if slices.Contains(room.Members(), "bot") {
		t.Error("bot is still there")
	}
	alice.silent()
}

func TestChat_isHeardByEverybodyIncludingTheSender(t *testing.T) {
	t.Parallel()
	srv := start(t, queuptest.ClassicRoles())
	room := srv.Room("lounge")
	alice, mod := login(t, srv, "alice"), login(t, srv, "mod")
	aliceHears, modHears := alice.listen(), mod.listen()

	// By REST, with the entities of the sender's choice.
	const sent = `a &lt; b &quot;&amp;&quot; "raw"`
	posted := as[wire.ChatPostResult](t, mod.postJSON("/chat/"+room.ID(),
		`{"type":"chat-message","message":"`+strings.ReplaceAll(sent, `"`, `\"`)+`","time":1730000000000,"realTimeChannel":"dubtrackfm-lounge","chatid":null,"user":{}}`))
	for _, s := range []*socket{aliceHears, modHears} {
		e := event[*wire.ChatMessage](s)
		if e.ID != posted.ID || e.Text != `a < b "&" "raw"` || !strings.Contains(string(e.RawJSON()), strings.ReplaceAll(sent, `"`, `\"`)) {
			t.Errorf("event is %s", e.RawJSON())
		}
		if e.User.Username != "mod" || e.Member.UserID != e.User.ID || e.Member.Role.ID != "52d1ce33c38a06510c000001" {
			t.Errorf("sender is %+v, %+v", e.User, e.Member)
		}
		if want := fmt.Sprintf("%s-%d", e.User.ID, e.SentAt.UnixMilli()); string(e.ID) != want {
			t.Errorf("id is %s, want %s", e.ID, want)
		}
	}
	if posted.Text != `a < b "&" "raw"` || posted.Request.SentAt.UnixMilli() != 1730000000000 || posted.User.Username != "mod" {
		t.Errorf("answer is %+v", posted)
	}

	// By REST as a form, with all 255 characters.
	long := strings.Repeat("x", 253) + "😀"
	if got := alice.post("/chat/"+room.ID(), url.Values{"message": {long}}); got.Status != http.StatusOK {
		t.Fatalf("255 characters: %d %s", got.Status, got.Body)
	}
	if e := event[*wire.ChatMessage](modHears); e.Text != long || e.User.Username != "alice" {
		t.Errorf("event is %s", e.RawJSON())
	}
	event[*wire.ChatMessage](aliceHears)

	// By the test itself, twice at the same moment.
	first, second := room.Say("Bob", "<hi>"), room.Say("bob", "<hi>")
	if first == second {
		t.Errorf("two lines have the id %s", first)
	}
	for _, id := range []string{first, second} {
		if e := event[*wire.ChatMessage](aliceHears); string(e.ID) != id || e.Text != "<hi>" || e.User.Username != "bob" {
			t.Errorf("event is %s", e.RawJSON())
		}
	}

	var got []string
	for _, m := range room.Messages() {
		got = append(got, m.User+": "+m.Text)
	}
	want := []string{`mod: a < b "&" "raw"`, "alice: " + long, "bob: <hi>", "bob: <hi>"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
}

func TestDeleteMessage(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := srv.Room("lounge")
	s := newBrowser(t, srv).listen()
	own, others := room.Say("alice", "oops"), room.Say("alice", "buy my stuff")
	room.DeleteMessage("alice", own)
	room.DeleteMessage("mod", others)
	event[*wire.ChatMessage](s)
	event[*wire.ChatMessage](s)
	if e := event[*wire.DeleteChatMessage](s); string(e.ID) != own || e.User.Username != "alice" {
		t.Errorf("event is %s", e.RawJSON())
	}
	if e := event[*wire.DeleteChatMessage](s); string(e.ID) != others || e.User.Username != "mod" {
		t.Errorf("event is %s", e.RawJSON())
	}
	for _, m := range room.Messages() {
		if !m.Deleted {
			t.Errorf("%+v is not deleted", m)
		}
	}
}

// A vote is broadcast with the new totals. The DJ's dubs count the votes for, so some votes change them and some do not.
func TestVotes(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := srv.Room("lounge")
	b := newBrowser(t, srv)
	s := b.listen()
	for _, c := range []struct {
		user     string
		up       bool
		up2, dn2 int64 // totals after it
		dubs     int64 // the DJ's, -1 if they do not change
	}{
		{"bob", true, 1, 0, 1},
		{"carol", false, 1, 1, -1},
		{"carol", true, 2, 0, 2},
		{"bob", false, 1, 1, 1},
	} {
		room.Vote(c.user, c.up)
		e := event[*wire.RoomPlaylistDub](s)
		if (e.Type == wire.Updub) != c.up || e.User.Username != c.user || e.Play.Updubs != c.up2 || e.Play.Downdubs != c.dn2 {
			t.Errorf("%+v: event is %s", c, e.RawJSON())
		}
		if c.dubs < 0 {
			continue
		}
		if u := event[*wire.UserUpdate](s); u.Member.Dubs != c.dubs || u.Subject != u.Member.UserID || u.Member.UserID != e.Play.UserID {
			t.Errorf("%+v: event is %s %s", c, u.EventName(), u.RawJSON())
		}
	}
	room.Vote("bob", false) // the same again is no event
	s.silent()

	dubs := as[wire.Dubs](t, b.get("/room/"+room.ID()+"/playlist/active/dubs"))
	playing, _ := room.NowPlaying()
	if len(dubs.UpDubs) != 1 || len(dubs.DownDubs) != 1 || string(dubs.CurrentSong.ID) != playing.ID || playing.Updubs != 1 || playing.Downdubs != 1 {
		t.Errorf("votes are %+v, playing is %+v", dubs, playing)
	}
}

func TestSkip(t *testing.T) {
	t.Parallel()
	srv := start(t)
	room := srv.Room("lounge")
	s := newBrowser(t, srv).listen()
	before, _ := room.NowPlaying()
	room.Skip("mod")
	if e := event[*wire.ChatSkip](s); e.Username != "mod" {
		t.Errorf("event is %s", e.RawJSON())
	}
	next := event[*wire.RoomPlaylistUpdate](s)
	if string(next.Play.ID) == before.ID || next.Elapsed >= 0 || next.Song.Name != "Nine & Dime - Corner Shop" {
		t.Errorf("event is %s", next.RawJSON())
	}
	if e := event[*wire.UserUpdate](s); e.Member.SkippedCount != 1 || e.Member.PlayedCount != 1 { // alice
		t.Errorf("event is %s", e.RawJSON())
	}
	if e := event[*wire.UserUpdate](s); e.Member.UserID != next.Play.UserID || e.Member.SongsInQueue != 1 { // bob
		t.Errorf("event is %s", e.RawJSON())
	}
	room.Skip("bob") // his own song
	event[*wire.ChatSkip](s)
	if e := event[*wire.RoomPlaylistUpdate](s); e.Song.Provider != wire.SoundCloud {
		t.Errorf("event is %s", e.RawJSON())
	}
}

// Songs end by the clock. The DJs take turns, and when nobody has a song left, the room is silent.
func TestSongs_endByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory(), queuptest.Heartbeat(time.Hour, time.Hour))
		room := srv.Room("lounge")
		b := newBrowser(t, srv)
		s := b.listen()
		active := "/room/" + room.ID() + "/playlist/active"

		time.Sleep(3*time.Minute - time.Second)
		if e := as[wire.ActiveSong](t, b.get(active)); e.Elapsed != 179*time.Second || e.Play.User.ID == "" {
			t.Errorf("a second before the end: %+v", e)
		}
		s.silent()

		var got []string
		for range 3 {
			e := event[*wire.RoomPlaylistUpdate](s)
			got = append(got, fmt.Sprintf("%s %v", e.Song.Name, e.Elapsed))
			if !e.Play.PlayedAt.Equal(time.Now()) || !e.Play.Active || e.Play.Played {
				t.Errorf("play is %+v", e.Play)
			}
			if p, ok := room.NowPlaying(); !ok || p.ID != string(e.Play.ID) || !p.Started.Equal(time.Now()) {
				t.Errorf("the room plays %+v, the event says %s", p, e.Play.ID)
			}
			for range 2 { // whose song ended and whose begins
				if f := s.frame(); !strings.HasPrefix(f.Message.Name, "user_update_") {
					t.Errorf("event is %s", f.Message.Name)
				}
			}
			if f := as[wire.ActiveSong](t, b.get(active)); f.Play.ID != e.Play.ID || f.Elapsed != 0 {
				t.Errorf("active is %+v", f)
			}
			time.Sleep(e.Song.Length)
		}
		want := []string{
			"Nine & Dime - Corner Shop -1s",
			`The Attic - "Dust" (Live) -1s`,
			"Ferris - Last Tram Home -1s",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("songs (-want +got):\n%s", d)
		}
		// Bob's last song has ended: his counters change, and no song is announced.
		if e := event[*wire.UserUpdate](s); e.Member.PlayedCount != 2 || e.Member.SongsInQueue != 0 {
			t.Errorf("event is %s", e.RawJSON())
		}
		s.silent()
		if got := b.get(active); got.Status != http.StatusNotFound {
			t.Errorf("in silence: %d %s", got.Status, got.Body)
		}
		if p, ok := room.NowPlaying(); ok {
			t.Errorf("in silence %+v plays", p)
		}
	})
}

// A skip ends the song's clock: it does not cut the next one short.
func TestSkip_stopsTheClockOfTheSong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory())
		room := srv.Room("lounge")
		time.Sleep(time.Minute)
		room.Skip("alice")
		skipped, _ := room.NowPlaying()
		time.Sleep(skipped.Length - time.Second) // the first song would have ended by now
		if p, _ := room.NowPlaying(); p.ID != skipped.ID {
			t.Errorf("%s plays already", p.Name)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if p, _ := room.NowPlaying(); p.ID == skipped.ID {
			t.Errorf("%s still plays", p.Name)
		}
	})
}

// Broadcast sends what the service would never send.
func TestBroadcast_sendsAnythingAsItIs(t *testing.T) {
	t.Parallel()
	srv := start(t)
	s := newBrowser(t, srv).listen()
	for _, data := range []string{`{"type":"brand-new","x":1}`, `{"type":"chat-message","message":7}`, `not JSON "at all`, `{"cut`, `[]`} {
		srv.Room("lounge").Broadcast("brand-new", json.RawMessage(data))
		if f := s.frame(); f.Message.Name != "brand-new" || string(f.Message.Data) != data {
			t.Errorf("%s came as %s", data, f.Message.Data)
		}
	}
	srv.Room("lounge").Broadcast("empty", nil)
	if f := s.frame(); f.Message.Name != "empty" || f.Message.Data != nil {
		t.Errorf("nothing came as %s", f.Message.Data)
	}
}
