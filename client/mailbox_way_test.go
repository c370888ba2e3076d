package client_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// loggedIn makes a client of the server that is logged in and has no limit of its own.
func loggedIn(t *testing.T, server *queuptest.Server, name string) *client.Client {
	t.Helper()
	bot := newBot(t, server, client.WithRateLimit(0, 0))
	if err := bot.Login(t.Context(), name, "secret"); err != nil {
		t.Fatal(err)
	}
	return bot
}

// must returns what a call returned, unless it failed.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// holdAll reads a list to its end, at most n of it.
func holdAll[T any](t *testing.T, list iter.Seq2[T, error], n int) []T {
	t.Helper()
	var values []T
	for v, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		if values = append(values, v); len(values) == n {
			break
		}
	}
	return values
}

func id(t *testing.T, bot *client.Client, name string) client.UserID {
	t.Helper()
	return must(bot.FetchUser(t.Context(), name))(t).ID
}

// Two people write to each other: what one does, the other finds.
func TestConversations_onBothSides(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, alice := loggedIn(t, server, "bot"), loggedIn(t, server, "alice")
		botID, aliceID := id(t, alice, "bot"), id(t, bot, "alice")

		mine := must(bot.OpenConversation(t.Context(), aliceID))(t)
		expect(t, "recipients", names(mine.Recipients()), []string{"alice"})
		sent := must(mine.SendMessage(t.Context(), "salt & <pepper>"))(t)
		if sent.ID == "" || sent.Content != "salt & <pepper>" || sent.AuthorID != botID || sent.ConversationID != mine.ID() || sent.CreatedAt.IsZero() {
			t.Errorf("sent %+v", sent)
		}

		if n := must(alice.UnreadCount(t.Context()))(t); n != 1 {
			t.Errorf("alice has %d unread", n)
		}
		list := must(alice.FetchConversations(t.Context()))(t)
		if len(list) != 1 || list[0].ID() != mine.ID() || list[0].LatestMessage() != "salt & <pepper>" || list[0].HasRead(aliceID) || !list[0].HasRead(botID) {
			t.Fatalf("alice has %v", list)
		}
		hers := list[0]
		expect(t, "her recipients", names(hers.Recipients()), []string{"bot"})
		if found, known := alice.Conversations().ByRecipients(botID); !known || found != hers {
			t.Errorf("by recipients: %v", found)
		}
		messages := must(hers.Fetch(t.Context()))(t)
		if len(messages) != 1 || !messages[0].Equal(sent) || messages[0].String() != "bot: salt & <pepper>" {
			t.Errorf("she reads %v, want %+v", messages, sent)
		}
		if err := hers.MarkAsRead(t.Context()); err != nil || !hers.HasRead(aliceID) {
			t.Errorf("read: %v, %v", hers.HasRead(aliceID), err)
		}
		if n := must(alice.UnreadCount(t.Context()))(t); n != 0 {
			t.Errorf("alice has %d unread", n)
		}
		must(bot.FetchConversations(t.Context()))(t)
		if !mine.HasRead(aliceID) {
			t.Error("the bot does not know that she has read it")
		}
		must(hers.SendMessage(t.Context(), "thanks"))(t)
		var lines []string
		for _, m := range must(mine.Fetch(t.Context()))(t) {
			lines = append(lines, m.String())
		}
		expect(t, "the bot reads", lines, []string{"bot: salt & <pepper>", "alice: thanks"})
		if mine.LatestMessage() != "thanks" || mine.HasRead(botID) {
			t.Errorf("latest %q, read by the bot: %v", mine.LatestMessage(), mine.HasRead(botID))
		}

		// A client that comes later finds it at login, and opens no second one.
		later := loggedIn(t, server, "bot")
		before := len(requests(server))
		again := must(later.OpenConversation(t.Context(), aliceID))(t)
		if again.ID() != mine.ID() || len(requests(server)) != before {
			t.Errorf("opened %s with %q", again.ID(), requests(server)[before:])
		}
		three := must(later.OpenConversation(t.Context(), aliceID, id(t, later, "bob")))(t)
		people := names(three.Recipients())
		slices.Sort(people)
		expect(t, "recipients", people, []string{"alice", "bob"})
		if three.ID() == mine.ID() {
			t.Error("three people have the conversation of two")
		}
	})
}

func TestPlaylists_liveTheirLives(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		ctx := t.Context()
		bot := loggedIn(t, server, "bot")
		list := must(bot.CreatePlaylist(ctx, "late hours"))(t)
		found := holdAll(t, bot.SearchSongs(ctx, "dust", client.YouTube), 45)
		songs := found[:min(len(found), 12)]
		for _, info := range songs {
			list = must(list.Add(ctx, info.Provider, info.MediaID))(t)
		}
		media := holdAll(t, bot.SearchSongs(ctx, "a", client.SoundCloud), 30) // a page has 15
		for _, info := range media[:30] {
			list = must(list.AddSong(ctx, info.ID))(t)
		}
		want := int64(len(songs) + 30)
		if list.SongCount != want || list.Name != "late hours" {
			t.Fatalf("playlist %+v, want %d songs", list, want)
		}
		entries := holdAll(t, list.Songs(ctx, ""), 1000)
		if int64(len(entries)) != want {
			t.Fatalf("%d entries", len(entries))
		}
		if info, known := entries[0].Info(); !known || info.Name == "" {
			t.Errorf("the first entry is %v", entries[0])
		}
		if some := holdAll(t, list.Songs(ctx, "dust"), 1000); len(some) == 0 || len(some) >= len(entries) {
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
			for _, e := range holdAll(t, list.Songs(ctx, ""), 1000) {
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

func TestAccounts_nameFollowersAndPicture(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		ctx := t.Context()
		bot := loggedIn(t, server, "bot")
		me, _ := bot.User()
		if free := must(bot.UsernameAvailable(ctx, "alice"))(t); free {
			t.Error("alice is free")
		}
		if err := me.ChangeUsername(ctx, "alice"); !errors.Is(err, client.ErrUsernameTaken) {
			t.Errorf("taken: %v", err)
		}
		if err := me.ChangeUsername(ctx, "nightowl"); err != nil {
			t.Fatal(err)
		}
		if now := must(bot.FetchUser(ctx, "nightowl"))(t); now.ID != me.ID {
			t.Errorf("nightowl is %+v", now)
		}
		server.ExpireSessions() // the bot logged in with its old name
		if free := must(bot.UsernameAvailable(ctx, "bot"))(t); !free {
			t.Error("the old name is not free")
		}
		if _, err := bot.UnreadCount(ctx); err != nil {
			t.Errorf("after the session has expired: %v", err)
		}

		alice := must(bot.FetchUser(ctx, "alice"))(t)
		for range 2 {
			if err := alice.Follow(ctx); err != nil {
				t.Fatal(err)
			}
		}
		followers := must(alice.Followers(ctx))(t)
		following := must(me.Following(ctx))(t)
		if len(followers) != 1 || followers[0].FollowerID != me.ID || len(following) != 1 || !following[0].Equal(followers[0]) || following[0].CreatedAt.IsZero() {
			t.Errorf("followers %v, following %v", followers, following)
		}
		if err := alice.Unfollow(ctx); err != nil {
			t.Fatal(err)
		}
		if followers := must(alice.Followers(ctx))(t); len(followers) != 0 {
			t.Errorf("followers %v", followers)
		}

		for _, picture := range []string{png, gif} {
			address := must(me.UploadAvatar(ctx, "me", strings.NewReader(picture)))(t)
			if known := must(bot.FetchUser(ctx, string(me.ID)))(t); address == "" || known.Avatar != address {
				t.Errorf("picture %q, QueUp has %q", address, known.Avatar)
			}
		}

		rooms, users, err := bot.Search(ctx, "lounge")
		if err != nil || len(rooms) != 1 || rooms[0].Slug != "lounge" {
			t.Errorf("found %v and %v, %v", rooms, users, err)
		}
		_, users, err = bot.Search(ctx, "alice")
		expect(t, fmt.Sprint("users found, ", err), names(users), []string{"alice"})
	})
}

func TestSongs_commentsAndLinks(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		ctx := t.Context()
		bot, alice := loggedIn(t, server, "bot"), loggedIn(t, server, "alice")
		found := holdAll(t, bot.SearchSongs(ctx, "dust", client.YouTube), 1)
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
