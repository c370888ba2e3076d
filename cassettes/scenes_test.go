package cassettes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
	"github.com/queup-go/queup/queuptest"
)

// stage is where a scene is played: a QueUp in memory that is recorded, or a recording.
type stage struct {
	*testing.T

	ctx      context.Context
	c        *cassettes.Cassette
	server   *queuptest.Server // nil in replay
	password string            // of all accounts; another one in each replay

	mu    sync.Mutex
	notes []string // guarded by mu; what calls returned and which events were awaited
}

// scene is a test as the author of a bot would write it.
type scene struct {
	server   []queuptest.Option
	cassette []cassettes.Option
	play     func(s *stage)
}

var scenes = map[string]scene{
	"commands":        {play: playCommands, cassette: []cassettes.Option{cassettes.Match("POST /chat/*", sameLine)}},
	"votes":           {play: playVotes},
	"queue":           {play: playQueue, cassette: rereads},
	"private":         {play: playPrivate},
	"discipline":      {play: playDiscipline},
	"roles":           {play: playRoles},
	"classic roles":   {play: playClassicRoles, server: []queuptest.Option{queuptest.ClassicRoles()}},
	"settings":        {play: playSettings},
	"two accounts":    {play: playTwoAccounts},
	"logout":          {play: playLogout},
	"polling":         {play: playPolling, cassette: []cassettes.Option{cassettes.Repeat("GET /room/*/playlist/active/dubs")}},
	"playlists":       {play: playPlaylists},
	"avatar":          {play: playAvatar},
	"comments":        {play: playComments},
	"search":          {play: playSearch},
	"listen":          {play: playListen},
	"many lines":      {play: playManyLines},
	"two rooms":       {play: playTwoRooms, server: []queuptest.Option{queuptest.WithWorld(withCellar())}},
	"lost link":       {play: playLostLink},
	"goodbye":         {play: playGoodbye},
	"private room":    {play: playPrivateRoom, server: []queuptest.Option{queuptest.WithWorld(privateRoom())}},
	"parallel calls":  {play: playParallelCalls},
	"session expires": {play: playSessionExpires},
	"back and forth":  {play: playBackAndForth, cassette: rereads},
}

// rereads are the requests of the client itself when a queue has changed. It makes one at most every 5 s, so that their
// number depends on the pace.
var rereads = []cassettes.Option{cassettes.Repeat("GET /room/*/playlist/active"), cassettes.Repeat("GET /room/*/playlist/details")}

// remaining is what a cooldown has left, which depends on the pace.
var remaining = regexp.MustCompile(`please wait \w+ before`)

// sameLine compares lines of chat without the rest of a cooldown.
func sameLine(recorded, sent cassettes.Request) bool {
	var lines [2]struct{ Message string }
	for i, body := range []string{recorded.Body, sent.Body} {
		if err := json.Unmarshal([]byte(body), &lines[i]); err != nil {
			return false
		}
		lines[i].Message = remaining.ReplaceAllString(lines[i].Message, "please wait before")
	}
	return lines[0] == lines[1]
}

// note keeps a line, which is the same in each replay.
func (s *stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// check ends the scene if one of the calls has failed.
func (s *stage) check(errs ...error) {
	s.Helper()
	if err := errors.Join(errs...); err != nil {
		s.Fatal(err)
	}
}

// meanwhile has others act in the lounge. In a replay they have.
func (s *stage) meanwhile(act func(lounge *queuptest.Room)) {
	if s.server == nil {
		return
	}
	time.Sleep(2 * time.Second)
	act(s.server.Room("lounge"))
}

// login makes a bot that is logged in and connected.
func (s *stage) login(name string, opts ...client.Option) *client.Client {
	s.Helper()
	bot := newBot(s.T, s.c, s.server, opts...)
	s.check(bot.Login(s.ctx, name, s.password), bot.Connect(s.ctx))
	return bot
}

// join brings a bot into the lounge.
func (s *stage) join(bot *client.Client, opts ...client.JoinOption) *client.Room {
	s.Helper()
	room, err := bot.JoinRoom(s.ctx, "lounge", opts...)
	s.check(err)
	return room
}

// id returns the id of a member.
func (s *stage) id(room *client.Room, name string) client.UserID {
	s.Helper()
	member, ok := room.MemberNamed(name)
	if !ok {
		s.Fatalf("%s is not in the room", name)
	}
	return member.UserID
}

// hear subscribes to events of a type. The function that it returns waits for the next one for which match is true.
func hear[E client.Event](s *stage, bot *client.Client) func(match func(E) bool) E {
	events := make(chan E, 2000)
	client.On(bot, func(_ context.Context, e E) error {
		events <- e
		return nil
	})
	return func(match func(E) bool) E {
		s.Helper()
		for {
			select {
			case e := <-events:
				if match(e) {
					return e
				}
			case <-s.ctx.Done():
				s.Fatalf("%T was not received: %v", *new(E), context.Cause(s.ctx))
			}
		}
	}
}

// anyOf matches each event of a type.
func anyOf[E client.Event](E) bool { return true }

// line matches a line of chat.
func line(text string) func(client.Chat) bool {
	return func(e client.Chat) bool { return e.Message.Content == text }
}

// by matches a private message of a user.
func by(name string) func(client.PrivateMessage) bool {
	return func(e client.PrivateMessage) bool { return e.Author.Username == name }
}

func playCommands(s *stage) {
	bot := s.login("bot", client.WithOwnMessages(true))
	router := commands.New()
	router.Handle(commands.Command{Name: "ping", Private: true}, func(ctx context.Context, c *commands.Context) error { return c.Reply(ctx, "Pong!") })
	commands.Add(router, commands.Command{Name: "kick", Permission: client.PermMembersKick},
		func(ctx context.Context, c *commands.Context, args struct {
			User   client.Member `arg:"below"`
			Reason string        `arg:"rest" default:"no reason"`
		},
		) error {
			return c.Room.Kick(ctx, args.User.UserID, args.Reason)
		})
	commands.Add(router, commands.Command{Name: "who", Cooldown: time.Minute},
		func(ctx context.Context, c *commands.Context, args struct{ User client.User }) error {
			return c.Reply(ctx, "It is "+client.Quote(args.User.Username)+".")
		})
	router.Serve(bot)
	answers, kicks := hear[client.Chat](s, bot), hear[client.MemberKicked](s, bot)
	s.join(bot)
	for _, ask := range []struct{ user, text string }{
		{"alice", "!ping"}, {"alice", "!kick @carol"}, {"alice", "!who @bob"}, {"bob", "!who carol"}, {"carol", "!kick"}, {"mod", "!help"}, {"bob", "!PING now"},
	} {
		s.meanwhile(func(lounge *queuptest.Room) { lounge.Say(ask.user, ask.text) })
		answer := answers(func(e client.Chat) bool { return e.Author.Username == "bot" })
		s.note("%s: %s", ask.text, answer.Message.Content)
	}
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Say("mod", "!kick @carol mind the <rules>") })
	kicked := kicks(anyOf)
	s.note("kicked %s: %s", kicked.User.Username, kicked.Reason)
}

func playVotes(s *stage) {
	bot := s.login("bot")
	votes, songs, skips := hear[client.Dub](s, bot), hear[client.SongChanged](s, bot), hear[client.SongSkipped](s, bot)
	room := s.join(bot)
	own := func(up bool) func(client.Dub) bool {
		return func(e client.Dub) bool { return e.User.Username == "bot" && e.Up == up }
	}
	s.check(room.Updub(s.ctx))
	votes(own(true))
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Vote("alice", true); lounge.Vote("bob", false) })
	votes(func(e client.Dub) bool { return e.User.Username == "bob" })
	s.check(room.Downdub(s.ctx))
	vote := votes(own(false))
	s.note("%s: %d up, %d down", vote.Song, vote.Song.Updubs, vote.Song.Downdubs)
	up, down, err := room.FetchVotes(s.ctx)
	s.check(err)
	s.note("%d for it, %d against it", len(up), len(down))
	for range 3 {
		s.check(room.Skip(s.ctx))
		s.note("skipped by %s", skips(anyOf).By.Username)
		song := songs(func(e client.SongChanged) bool { return e.Playing })
		s.note("plays %s", song.Info)
		s.check(song.Song.Updub(s.ctx))
		votes(own(true))
		time.Sleep(6 * time.Second)
	}
}

func playQueue(s *stage) {
	bot := s.login("bot")
	queues, orders := hear[client.QueueUpdated](s, bot), hear[client.QueueReordered](s, bot)
	pauses, gone := hear[client.QueuePaused](s, bot), hear[client.DJRemoved](s, bot)
	room := s.join(bot)
	bob, carol := s.id(room, "bob"), s.id(room, "carol")
	var plays []client.PlayID
	for _, media := range []string{"dQw4w9WgXcQ", "aaaaaaaaaaa", "bbbbbbbbbbb"} {
		song, err := room.QueueSong(s.ctx, client.YouTube, media)
		s.check(err)
		plays = append(plays, song.ID)
	}
	s.note("%d in the queue", len(queues(anyOf).Queue))
	s.check(room.ReorderOwnQueue(s.ctx, []client.PlayID{plays[2], plays[0], plays[1]}))
	own, err := room.OwnQueue(s.ctx)
	s.check(err)
	s.note("first %t of %d", own[0].ID == plays[2], len(own))
	s.check(room.MoveDJ(s.ctx, carol, 0))
	s.note("reordered by %s", orders(anyOf).By.Username)
	queue, err := room.FetchQueue(s.ctx)
	s.check(err)
	for _, song := range queue {
		user, _ := song.User()
		s.note("%s of %s", song, user)
	}
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Reorder("mod", "bot", "bob", "carol") })
	s.note("reordered by %s", orders(func(e client.QueueReordered) bool { return e.By.Username == "mod" }).By.Username)
	for _, paused := range []bool{true, false} { // the client sends nothing if the DJ already is what is asked for
		s.check(room.PauseQueue(s.ctx, paused), room.PauseDJ(s.ctx, bob, paused))
	}
	pauses(func(e client.QueuePaused) bool { return e.Member.UserID == bob && !e.Paused })
	s.check(room.RemoveOwnSong(s.ctx, plays[0]), room.RemoveDJ(s.ctx, bob))
	gone(anyOf)
	s.check(room.ClearQueue(s.ctx))
	queue, err = room.FetchQueue(s.ctx)
	s.check(err)
	s.note("%d are left", len(queue))
	time.Sleep(10 * time.Second)
}

func playPrivate(s *stage) {
	bot := s.login("bot")
	client.On(bot, func(ctx context.Context, e client.PrivateMessage) error {
		if e.Author.Username == "bot" {
			return nil
		}
		_, err := e.Conversation.SendMessage(ctx, e.Author.Username+", you wrote: "+e.Message.Content)
		return err
	})
	letters := hear[client.PrivateMessage](s, bot)
	room := s.join(bot)
	s.meanwhile(func(*queuptest.Room) {
		s.server.Message("alice", "psst & hush", "bot")
		s.server.Message("bob", "me, too", "bot")
	})
	letters(by("alice"))
	bobs := letters(by("bob"))
	s.meanwhile(func(*queuptest.Room) { s.server.Message("alice", "still there?", "bot") })
	alices := letters(by("alice"))
	s.note("%s: %s", alices.Author, alices.Message.Content)
	_, err := room.SendMessage(s.ctx, "I have mail")
	s.check(err)
	time.Sleep(10 * time.Second)
	for _, conversation := range []*client.Conversation{alices.Conversation, bobs.Conversation} {
		lines, err := conversation.Fetch(s.ctx)
		s.check(err)
		for _, line := range lines {
			s.note("%s", line)
		}
		s.check(conversation.MarkAsRead(s.ctx))
	}
	unread, err := bot.UnreadCount(s.ctx)
	s.check(err)
	s.note("%d unread", unread)
}

func playDiscipline(s *stage) {
	bot := s.login("bot")
	warned := map[client.UserID]int{}
	client.On(bot, func(ctx context.Context, e client.Chat) error {
		if e.Message.Content != "spam" {
			return nil
		}
		id := e.Author.ID
		warned[id]++
		if err := e.Message.Delete(ctx); err != nil {
			return err
		}
		switch warned[id] {
		case 1:
			return e.Room.Mute(ctx, id)
		case 2:
			return e.Room.Kick(ctx, id, "no spam")
		default:
			return e.Room.Ban(ctx, id, time.Hour)
		}
	})
	muted, unmuted := hear[client.MemberMuted](s, bot), hear[client.MemberUnmuted](s, bot)
	kicked, banned, unbanned := hear[client.MemberKicked](s, bot), hear[client.MemberBanned](s, bot), hear[client.MemberUnbanned](s, bot)
	room := s.join(bot)
	carol, owner := s.id(room, "carol"), s.id(room, "owner")
	if err := room.Kick(s.ctx, owner, ""); !errors.Is(err, client.ErrForbidden) {
		s.Errorf("a kick of the owner: %v", err)
	}
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Say("carol", "spam") })
	muted(anyOf)
	s.check(room.Unmute(s.ctx, carol))
	s.note("%s may chat again", unmuted(anyOf).User.Username)
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Say("carol", "spam") })
	s.note("kicked: %s", kicked(anyOf).Reason)
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Join("carol"); lounge.Say("carol", "spam") })
	s.note("banned by %s", banned(anyOf).By.Username)
	list, err := room.FetchBanned(s.ctx)
	s.check(err)
	s.note("banned: %v", list)
	s.check(room.Unban(s.ctx, carol))
	unbanned(anyOf)
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Ban("mod", "bob", 0) })
	s.note("banned by %s", banned(anyOf).By.Username)
	log, err := room.AuditLog(s.ctx)
	s.check(err)
	s.note("%d entries", len(log))
}

func playRoles(s *stage) {
	bot := s.login("bot")
	made, changed, deleted := hear[client.RoleCreated](s, bot), hear[client.RoleUpdated](s, bot), hear[client.RoleDeleted](s, bot)
	set, unset := hear[client.RoleSet](s, bot), hear[client.RoleUnset](s, bot)
	room := s.join(bot)
	alice := s.id(room, "alice")
	crew, err := room.CreateRole(s.ctx, client.RoleSettings{Label: "Crew", Color: "#00aeff", Permissions: []client.Permission{client.PermQueueSkip}})
	s.check(err)
	s.note("made %s", made(anyOf).Role)
	s.check(room.SetRole(s.ctx, alice, crew.ID))
	e := set(anyOf)
	s.note("%s is %s by %s, may skip: %t", e.User, e.Role, e.By, room.Can(alice, client.PermQueueSkip))
	_, err = room.UpdateRole(s.ctx, crew.ID, func(r *client.RoleSettings) { r.Label = "Late Crew" })
	s.check(err)
	s.note("changed to %s", changed(anyOf).Role)
	s.check(room.UnsetRole(s.ctx, alice, crew.ID))
	s.note("%s is not", unset(anyOf).User)
	s.check(room.DeleteRole(s.ctx, crew.ID))
	deleted(anyOf)
	roles, err := room.FetchRoles(s.ctx)
	s.check(err)
	s.note("%v", roles)
}

func playClassicRoles(s *stage) {
	bot := s.login("bot")
	set, unset := hear[client.RoleSet](s, bot), hear[client.RoleUnset](s, bot)
	room := s.join(bot)
	for _, name := range []string{"alice", "bob", "carol"} {
		for _, role := range []client.RoleID{client.RoleVIP, client.RoleManager} {
			s.check(room.SetRole(s.ctx, s.id(room, name), role))
			e := set(anyOf)
			s.note("%s is %s", e.User, e.Role)
		}
	}
	s.meanwhile(func(lounge *queuptest.Room) { lounge.UnsetRole("owner", "bob", queuptest.Manager) })
	s.note("%s is not", unset(anyOf).User)
	s.check(room.UnsetRole(s.ctx, s.id(room, "carol"), client.RoleManager))
	s.note("%s is not", unset(anyOf).User)
	staff, err := room.FetchStaff(s.ctx)
	s.check(err)
	s.note("staff: %d", len(staff))
}

func playSettings(s *stage) {
	bot := s.login("owner")
	updates, locks, slow := hear[client.RoomUpdated](s, bot), hear[client.QueueLocked](s, bot), hear[client.SlowMode](s, bot)
	guests := hear[client.GuestChat](s, bot)
	room := s.join(bot)
	for _, name := range []string{"The Quiet Lounge", "The Late Lounge & Bar"} {
		_, err := room.Update(s.ctx, func(r *client.RoomSettings) { r.Name, r.MaxSongLength = name, 7*time.Minute })
		s.check(err)
		s.note("%s", updates(func(e client.RoomUpdated) bool { return e.Info.Name == name }).Info)
	}
	s.check(room.LockQueue(s.ctx, true))
	locks(func(e client.QueueLocked) bool { return e.Locked })
	s.check(room.LockQueue(s.ctx, false))
	locks(func(e client.QueueLocked) bool { return !e.Locked })
	s.check(room.SetSlowMode(s.ctx, true), room.SetGuestChat(s.ctx, false))
	slow(anyOf)
	guests(anyOf)
	s.check(room.SetSlowMode(s.ctx, false), room.SetGuestChat(s.ctx, true), room.SetGuestEmbed(s.ctx, false))
	s.check(room.UploadBackground(s.ctx, "night.png", strings.NewReader("\x89PNG\r\n\x1a\n\x00\x00night")))
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Retitle("owner", "Closed") })
	updates(func(e client.RoomUpdated) bool { return e.Info.Name == "Closed" })
	time.Sleep(10 * time.Second)
}

func playTwoAccounts(s *stage) {
	first, second := s.login("bot"), s.login("mod")
	firstChat, secondChat := hear[client.Chat](s, first), hear[client.Chat](s, second)
	var rooms [2]*client.Room
	var wg sync.WaitGroup
	for i, bot := range []*client.Client{first, second} {
		wg.Go(func() {
			var err error
			if rooms[i], err = bot.JoinRoom(s.ctx, "lounge"); err != nil {
				s.Error(err)
			}
		})
	}
	wg.Wait()
	if s.Failed() {
		return
	}
	for i := range 5 {
		_, err := rooms[0].SendMessage(s.ctx, fmt.Sprintf("ball %d", i))
		s.check(err)
		secondChat(line(fmt.Sprintf("ball %d", i)))
		_, err = rooms[1].SendMessage(s.ctx, fmt.Sprintf("back %d", i))
		s.check(err)
		firstChat(line(fmt.Sprintf("back %d", i)))
	}
	s.check(rooms[1].Updub(s.ctx), rooms[0].Downdub(s.ctx))
	for _, bot := range []*client.Client{first, second} {
		me, _ := bot.User()
		s.note("%s", me.Username)
	}
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Say("alice", "well played") })
	firstChat(line("well played"))
	secondChat(line("well played"))
}

func playLogout(s *stage) {
	bot := newBot(s.T, s.c, s.server)
	for _, name := range []string{"bot", "mod", "bot"} {
		s.check(bot.Login(s.ctx, name, s.password))
		me, _ := bot.User()
		info, err := bot.FetchRoom(s.ctx, "lounge")
		s.check(err)
		s.check(bot.Follow(s.ctx, info.Info().OwnerID))
		followed, err := bot.Following(s.ctx, me.ID)
		s.check(err)
		s.note("%s in %s follows %d", me.Username, info, len(followed))
		s.check(bot.Unfollow(s.ctx, info.Info().OwnerID), bot.Logout(s.ctx))
		s.note("logged in: %t", bot.LoggedIn())
	}
	s.check(bot.Login(s.ctx, "mod", s.password), bot.Connect(s.ctx))
	room := s.join(bot)
	said, err := room.SendMessage(s.ctx, "now as the mod")
	s.check(err)
	author, _ := said.Author()
	s.note("%s: %s", author, said.Content)
}

func playPolling(s *stage) {
	bot := s.login("bot")
	songs := hear[client.SongChanged](s, bot)
	room := s.join(bot)
	polls, stop := sync.WaitGroup{}, make(chan struct{})
	polls.Go(func() {
		for {
			if _, _, err := room.FetchVotes(s.ctx); err != nil {
				s.Errorf("poll: %v", err)
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Second):
			}
		}
	})
	defer polls.Wait()
	defer close(stop)
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Vote("alice", true); time.Sleep(time.Minute); lounge.Skip("mod") })
	s.note("plays %s", songs(anyOf).Info)
	s.check(room.Updub(s.ctx))
	s.meanwhile(func(lounge *queuptest.Room) { time.Sleep(4 * time.Minute); lounge.Say("alice", "good night") })
	s.note("plays %s", songs(anyOf).Info)
}

func playPlaylists(s *stage) {
	bot := s.login("bot")
	room := s.join(bot)
	list, err := bot.CreatePlaylist(s.ctx, "Evening & Night")
	s.check(err)
	for _, media := range []string{"dQw4w9WgXcQ", "aaaaaaaaaaa", "bbbbbbbbbbb"} {
		list, err = list.Add(s.ctx, client.YouTube, media)
		s.check(err)
	}
	entries := func() (ids []client.PlaylistSongID) {
		for entry, err := range list.Songs(s.ctx, "") {
			s.check(err)
			s.note("has %s", entry)
			ids = append(ids, entry.ID)
		}
		return ids
	}
	ids := entries()
	s.check(list.Reorder(s.ctx, []client.PlaylistSongID{ids[2], ids[0], ids[1]}))
	entries()
	s.check(list.Rename(s.ctx, "Morning"), list.Shuffle(s.ctx))
	list, err = list.Remove(s.ctx, ids[1])
	s.check(err)
	s.note("%d songs", len(entries()))
	s.check(room.QueuePlaylist(s.ctx, list.ID))
	own, err := room.OwnQueue(s.ctx)
	s.check(err)
	s.note("queued %d", len(own))
	s.check(list.Delete(s.ctx))
	lists, err := bot.FetchPlaylists(s.ctx)
	s.check(err)
	s.note("%d lists", len(lists))
}

func playAvatar(s *stage) {
	bot := s.login("bot")
	pictures := hear[client.AvatarUpdated](s, bot)
	s.join(bot)
	me, _ := bot.User()
	for _, picture := range []string{"\x89PNG\r\n\x1a\n\x00\x00me", "\x89PNG\r\n\x1a\n\x00\x00me again"} {
		url, err := me.UploadAvatar(s.ctx, "me.png", strings.NewReader(picture))
		s.check(err)
		s.note("at %s", url)
		pictures(func(e client.AvatarUpdated) bool { return e.User.ID == me.ID })
	}
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Avatar("carol") })
	s.note("of %s", pictures(func(e client.AvatarUpdated) bool { return e.User.ID != me.ID }).User)
}

func playComments(s *stage) {
	bot := s.login("bot")
	added, removed := hear[client.CommentAdded](s, bot), hear[client.CommentRemoved](s, bot)
	room := s.join(bot)
	song, _ := room.NowPlaying()
	own, err := bot.AddComment(s.ctx, song.SongID, "a good one")
	s.check(err)
	added(func(e client.CommentAdded) bool { return e.Comment.ID == own.ID })
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Comment("bob", "not <mine>") })
	bobs := added(func(e client.CommentAdded) bool { return e.Comment.Content == "not <mine>" }).Comment
	voted, err := bobs.Vote(s.ctx, false)
	s.check(err)
	s.note("%s: %d", voted, voted.Downdubs)
	s.check(bobs.Flag(s.ctx))
	comments, err := bot.Comments(s.ctx, song.SongID)
	s.check(err)
	s.note("%v", comments)
	s.check(own.Delete(s.ctx))
	removed(anyOf)
	comments, err = bot.Comments(s.ctx, song.SongID)
	s.check(err)
	s.note("%v", comments)
}

func playSearch(s *stage) {
	bot := newBot(s.T, s.c, s.server)
	s.check(bot.Login(s.ctx, "bot", s.password))
	for _, text := range []string{"lounge", "alice", "nothing & nobody", "Ünïcode ♥"} {
		rooms, users, err := bot.Search(s.ctx, text)
		s.check(err)
		s.note("%s: %v %v", text, rooms, users)
	}
	for song, err := range bot.SearchSongs(s.ctx, "slow", client.YouTube) {
		s.check(err)
		s.note("song %s", song)
	}
	for _, name := range []string{"alice", "bob", "carol"} {
		user, err := bot.FetchUser(s.ctx, name)
		s.check(err)
		s.check(user.Follow(s.ctx))
		followers, err := user.Followers(s.ctx)
		s.check(err)
		s.note("%s: %d followers", user, len(followers))
		s.check(user.Unfollow(s.ctx))
		followers, err = user.Followers(s.ctx)
		s.check(err)
		s.note("%s: %d followers", user, len(followers))
	}
	if _, err := bot.FetchUser(s.ctx, "nobody-here"); !errors.Is(err, client.ErrNotFound) {
		s.Errorf("nobody-here: %v", err)
	}
}

func playListen(s *stage) {
	bot := newBot(s.T, s.c, s.server, client.WithGuest())
	lines, songs := hear[client.Chat](s, bot), hear[client.SongChanged](s, bot)
	s.check(bot.Connect(s.ctx))
	room := s.join(bot, client.Listen())
	if _, err := room.SendMessage(s.ctx, "hello"); err == nil {
		s.Error("a guest has chatted")
	}
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Say("alice", "is there a guest?"); lounge.Skip("mod") })
	s.note("%s", lines(anyOf).Message.Content)
	s.note("plays %s", songs(anyOf).Info)
	s.meanwhile(func(lounge *queuptest.Room) { time.Sleep(4 * time.Minute); lounge.Say("bob", "good night") })
	s.note("plays %s", songs(anyOf).Info)
	s.note("%s", lines(anyOf).Message.Content)
}

func playManyLines(s *stage) {
	bot := s.login("bot")
	lines := hear[client.Chat](s, bot)
	room := s.join(bot)
	for round := range 4 {
		s.meanwhile(func(lounge *queuptest.Room) {
			for i := range 150 {
				lounge.Say([]string{"alice", "bob", "carol"}[i%3], fmt.Sprintf("line %d of %d", i, round))
			}
		})
		for i := range 150 {
			if got, want := lines(anyOf).Message.Content, fmt.Sprintf("line %d of %d", i, round); got != want {
				s.Fatalf("received %q, want %q", got, want)
			}
		}
		_, err := room.SendMessage(s.ctx, fmt.Sprintf("that was round %d", round))
		s.check(err)
	}
}

func withCellar() queuptest.World {
	world := queuptest.DefaultWorld()
	world.Rooms = append(world.Rooms, queuptest.RoomSpec{
		Slug: "cellar", Name: "The Cellar", Owner: "alice", Present: []string{"alice", "carol"},
		Songs: []queuptest.Song{{By: "carol", Name: "Below - Deep Down", Length: 5 * time.Minute, MediaID: "b3l0wD33pD0"}},
	})
	return world
}

func playTwoRooms(s *stage) {
	bot := s.login("bot")
	client.On(bot, func(ctx context.Context, e client.Chat) error { // what is said in one room is heard in the other
		if e.Room.Slug() != "lounge" {
			return nil
		}
		cellar, ok := bot.Rooms().Find(func(r *client.Room) bool { return r.Slug() == "cellar" })
		if !ok {
			return errors.New("the cellar is not joined")
		}
		_, err := cellar.SendMessage(ctx, e.Author.Username+": "+e.Message.Content)
		return err
	})
	lines := hear[client.Chat](s, bot)
	var wg sync.WaitGroup
	for _, slug := range []string{"lounge", "cellar"} {
		wg.Go(func() {
			if _, err := bot.JoinRoom(s.ctx, slug); err != nil {
				s.Errorf("%s: %v", slug, err)
			}
		})
	}
	wg.Wait()
	for i := range 3 {
		s.meanwhile(func(lounge *queuptest.Room) { lounge.Say("bob", fmt.Sprintf("up here %d", i)) })
		lines(line(fmt.Sprintf("up here %d", i)))
	}
	s.meanwhile(func(*queuptest.Room) { s.server.Room("cellar").Say("carol", "down here") })
	e := lines(line("down here"))
	song, _ := e.Room.NowPlaying()
	s.note("%s: %s, plays %s", e.Room, e.Message.Content, song)
	time.Sleep(5 * time.Second)
	s.check(e.Room.Leave(s.ctx))
}

func playLostLink(s *stage) {
	bot := s.login("bot")
	lines, songs, again := hear[client.Chat](s, bot), hear[client.SongChanged](s, bot), hear[client.Resynced](s, bot)
	room := s.join(bot)
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Say("alice", "before") })
	lines(line("before"))
	for i := range 2 {
		s.meanwhile(func(lounge *queuptest.Room) {
			time.Sleep(3 * time.Minute)
			s.server.CutLinks()
			lounge.Say("alice", fmt.Sprintf("missed %d", i))
			lounge.Skip("mod")
			lounge.Queue("alice", queuptest.Song{Name: fmt.Sprintf("Missed %d", i), Length: 2 * time.Minute})
		})
		again(anyOf)
		lines(line(fmt.Sprintf("missed %d", i)))
		song := songs(func(e client.SongChanged) bool { return e.Resynced })
		s.note("missed %s", song.Song)
		_, err := room.SendMessage(s.ctx, fmt.Sprintf("back %d", i))
		s.check(err)
	}
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Say("alice", "good night") })
	lines(line("good night"))
	n := 0
	for _, err := range room.History(s.ctx) {
		s.check(err)
		n++
	}
	s.note("%d plays", n)
}

func playGoodbye(s *stage) {
	bot := newBot(s.T, s.c, s.server)
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	client.On(bot, func(ctx context.Context, _ client.Ready) error {
		room, err := bot.JoinRoom(ctx, "lounge")
		if err != nil {
			return err
		}
		_, err = room.SendMessage(ctx, "hello")
		return err
	})
	lines := hear[client.Chat](s, bot)
	left := make(chan error)
	go func() { left <- bot.Run(ctx, "bot", s.password) }()
	if s.server != nil {
		time.Sleep(time.Second)
	}
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Say("mod", "!stop") })
	e := lines(line("!stop"))
	_, err := e.Room.SendMessage(s.ctx, "goodbye")
	s.check(err)
	stop()
	s.check(<-left)
	<-bot.Done()
}

func privateRoom() queuptest.World {
	world := queuptest.DefaultWorld()
	world.Rooms[0].Password = "open sesame"
	return world
}

func playPrivateRoom(s *stage) {
	bot := s.login("mod")
	lines := hear[client.Chat](s, bot)
	for _, opts := range [][]client.JoinOption{nil, {client.RoomPassword("mistaken")}} {
		if _, err := bot.JoinRoom(s.ctx, "lounge", opts...); !errors.Is(err, client.ErrRoomPassword) {
			s.Errorf("joined with a wrong password: %v", err)
		}
	}
	password := "another"
	if s.server != nil {
		password = "open sesame"
	}
	room := s.join(bot, client.RoomPassword(password))
	s.meanwhile(func(lounge *queuptest.Room) { lounge.Say("alice", "you know the word") })
	lines(line("you know the word"))
	_, err := room.SendMessage(s.ctx, "I do")
	s.check(err)
	s.check(room.Leave(s.ctx))
}

func playParallelCalls(s *stage) {
	bot := s.login("bot")
	room := s.join(bot)
	alice, bob := s.id(room, "alice"), s.id(room, "bob")
	for range 3 {
		var wg sync.WaitGroup
		for name, call := range map[string]func() error{
			"say":     func() error { _, err := room.SendMessage(s.ctx, "one of many"); return err },
			"updub":   func() error { return room.Updub(s.ctx) },
			"mute":    func() error { return room.Mute(s.ctx, alice) },
			"follow":  func() error { return bot.Follow(s.ctx, bob) },
			"members": func() error { _, err := room.FetchMembers(s.ctx); return err },
			"votes":   func() error { _, _, err := room.FetchVotes(s.ctx); return err },
			"muted":   func() error { _, err := room.FetchMuted(s.ctx); return err },
			"user":    func() error { _, err := bot.FetchUser(s.ctx, "carol"); return err },
		} {
			wg.Go(func() {
				if err := call(); err != nil {
					s.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Wait()
		s.check(room.Unmute(s.ctx, alice), room.Downdub(s.ctx), bot.Unfollow(s.ctx, bob)) // a vote is sent only if the client knows of another one
	}
}

func playSessionExpires(s *stage) {
	bot := s.login("bot")
	lines := hear[client.Chat](s, bot)
	room := s.join(bot)
	for i := range 3 {
		s.meanwhile(func(lounge *queuptest.Room) {
			s.server.ExpireSessions()
			lounge.Say("alice", fmt.Sprintf("hour %d", i))
		})
		lines(line(fmt.Sprintf("hour %d", i)))
		said, err := room.SendMessage(s.ctx, fmt.Sprintf("still here %d", i))
		s.check(err)
		s.note("%s, logged in: %t", said.Content, bot.LoggedIn())
	}
	members, err := room.FetchMembers(s.ctx)
	s.check(err)
	s.note("%d members", len(members))
}

// playBackAndForth makes calls that the client sends only if an event has come since the call before.
func playBackAndForth(s *stage) {
	bot := s.login("bot")
	pauses, votes := hear[client.QueuePaused](s, bot), hear[client.Dub](s, bot)
	room := s.join(bot)
	bob := s.id(room, "bob")
	for range 4 {
		s.check(room.PauseDJ(s.ctx, bob, true), room.PauseDJ(s.ctx, bob, false), room.Downdub(s.ctx), room.Updub(s.ctx))
	}
	for range 8 {
		s.note("bob is paused: %t", pauses(anyOf).Paused)
		s.note("a vote for the song: %t", votes(anyOf).Up)
	}
}
