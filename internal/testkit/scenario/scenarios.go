package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// Scenario is something to record.
type Scenario struct {
	Name    string
	About   string             // what happens, in a sentence
	Live    []string           // what it does with a live account; none: it needs people who play their parts, and is for queuptest
	Options []queuptest.Option // of the server
	Quirks  bool               // it has answers that no specification knows
	Run     func(ctx context.Context, s *Stage) error
}

// All returns the scenarios, in the order of their names.
func All() []Scenario {
	all := []Scenario{
		{
			Name: "login-good", About: "a bot logs in, looks itself up, and logs out",
			Live: []string{"log in", "read who the account is", "log out"}, Run: loginGood,
		},
		{
			Name: "login-bad", About: "a wrong password is refused",
			Live: []string{"try to log in once with a wrong password"}, Run: loginBad,
		},
		{
			Name: "join", About: "a bot joins a room, looks around, and leaves",
			Live: []string{"log in", "join the room, where everybody sees it", "leave the room"}, Run: join,
		},
		{
			Name: "guest", About: "a guest listens to a room without an account",
			Live: []string{"listen to the room for half a minute, without logging in"}, Run: guest,
		},
		{Name: "busy", About: "five minutes in a busy room, with every event there is", Run: busy},
		{Name: "moderation-custom", About: "a bot moderates a room with custom roles", Run: moderationCustom},
		{
			Name: "moderation-classic", About: "a bot moderates a room with the fixed roles",
			Options: []queuptest.Option{queuptest.ClassicRoles()}, Run: moderationClassic,
		},
		{Name: "queue-and-votes", About: "a bot queues songs, votes, and skips", Run: queueAndVotes},
		{Name: "conversations", About: "a bot talks in private", Run: conversations},
		{
			Name: "history", About: "a bot reads the history of a room, several pages of it",
			Live: []string{"read the history of the room, without joining it"}, Run: history,
		},
		{Name: "session-expiry", About: "the session ends in the middle, and is renewed", Run: sessionExpiry},
		{Name: "reconnect", About: "the connection breaks in the middle, and what was missed is told", Run: reconnect},
		{
			Name: "quirks", About: "answers and events are as irregular as the service's can be",
			Options: []queuptest.Option{queuptest.Quirks()}, Quirks: true, Run: quirks,
		},
		{Name: "ping", About: "a bot answers somebody, as in docs/TESTING.md", Run: ping},
		{Name: "lookups", About: "a bot looks things up: people, songs, rooms, playlists", Run: lookups},
	}
	slices.SortFunc(all, func(a, b Scenario) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}

func loginGood(ctx context.Context, s *Stage) error {
	bot, err := s.bot()
	if err != nil {
		return err
	}
	if err := bot.Login(ctx, s.Email, s.Password); err != nil {
		return err
	}
	me, ok := bot.User()
	s.note("logged in as %s: %t", me.Username, ok && bot.LoggedIn())
	user, err := bot.FetchUser(ctx, me.Username)
	if err != nil {
		return err
	}
	s.note("found %s, the same account: %t", user, user.ID == me.ID)
	err = s.did("logout", bot.Logout(ctx))
	s.note("logged in: %t", bot.LoggedIn())
	return err
}

func loginBad(ctx context.Context, s *Stage) error {
	bot, err := s.bot()
	if err != nil {
		return err
	}
	err = bot.Login(ctx, s.Email, "not-the-password")
	refused, ok := errors.AsType[*client.AuthorizationError](err)
	if !ok {
		return fmt.Errorf("the login with a wrong password: %w", cmpErr(err))
	}
	s.note("refused: %v", refused)
	s.note("logged in: %t, connect: %v", bot.LoggedIn(), bot.Connect(ctx))
	return nil
}

// cmpErr is err, or that there is none.
func cmpErr(err error) error {
	if err == nil {
		return errors.New("it succeeded")
	}
	return err
}

func join(ctx context.Context, s *Stage) error {
	bot, room, err := s.enter(ctx)
	if err != nil {
		return err
	}
	s.note("joined %s (%s): %t, one of %d rooms", room, room.Slug(), room.Joined(), bot.Rooms().Len())
	if again, err := bot.JoinRoom(ctx, s.Room); err != nil || again != room {
		return fmt.Errorf("joined twice: the same room: %t, %w", again == room, cmpErr(err))
	}
	names := []string{}
	for m := range room.Members().Values() {
		role, _ := m.Role()
		names = append(names, fmt.Sprintf("%s [%s]", m, role))
	}
	slices.Sort(names)
	s.note("members: %q", names)
	s.note("roles: %v", room.Roles())
	song, playing := room.NowPlaying()
	info, known := song.Info()
	s.note("plays: %t %t %s %s %v", playing, known, info, info.Provider, song.Length)
	for i, song := range room.Queue() {
		user, _ := song.User()
		s.note("queue %d: %s by %s", i+1, song, user)
	}
	s.settle()
	err = s.did("leave", room.Leave(ctx))
	s.settle()
	return err
}

func guest(ctx context.Context, s *Stage) error {
	bot, err := s.bot(client.WithGuest())
	if err != nil {
		return err
	}
	if err := bot.Connect(ctx); err != nil {
		return err
	}
	room, err := bot.JoinRoom(ctx, s.Room, client.Listen())
	if err != nil {
		return err
	}
	_, err = room.SendMessage(ctx, "hello")
	s.note("listening to %s, joined: %t, says hello: %v", room, room.Joined(), err)
	s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Say("alice", "is there a guest?") })
	s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Vote("bob", true) })
	time.Sleep(30 * time.Second)
	return nil
}

// id finds somebody in the room.
func id(room *client.Room, name string) client.UserID {
	member, _ := room.MemberNamed(name)
	return member.UserID
}

func busy(ctx context.Context, s *Stage) error {
	_, room, err := s.enter(ctx)
	if err != nil {
		return err
	}
	for _, act := range busyActs {
		s.meanwhile(act)
	}
	if err := s.heardChat(ctx, "good night"); err != nil {
		return err
	}
	s.settle()
	song, playing := room.NowPlaying()
	s.note("plays: %t %s", playing, song)
	s.note("members: %d, queue: %d, lines: %d", room.Members().Len(), len(room.Queue()), len(room.Messages()))
	return nil
}

// busyActs cause every event of docs/PROTOCOL.md 6.2, over five minutes.
var busyActs = []func(server *queuptest.Server, room *queuptest.Room){
	func(_ *queuptest.Server, room *queuptest.Room) {
		room.Say("alice", "hello & <b>welcome</b> to \"the\" lounge ♥")
	},
	func(_ *queuptest.Server, room *queuptest.Room) { room.Say("bob", "/me waves") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.DeleteMessage("mod", room.Say("carol", "oh no")) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Vote("bob", true) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Vote("carol", false) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Vote("carol", true) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Grab("bob") },
	func(server *queuptest.Server, _ *queuptest.Room) { server.Message("alice", "psst & hush", "bot") },
	func(_ *queuptest.Server, room *queuptest.Room) {
		comment := room.Comment("bob", "nice one")
		room.VoteComment("alice", comment, true)
		room.RemoveComment("bob", comment)
	},
	func(_ *queuptest.Server, room *queuptest.Room) {
		room.Queue("alice", queuptest.Song{Name: "One & Only", Length: 2 * time.Minute}, queuptest.Song{Name: "Two", Length: time.Minute})
	},
	func(_ *queuptest.Server, room *queuptest.Room) { room.Reorder("mod", "alice", "carol", "bob") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.PauseDJ("mod", "carol", true) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.PauseDJ("mod", "carol", false) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Pause("bob", true) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Pause("bob", false) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.RemoveSong("mod", "bob") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.RemoveDJ("mod", "carol") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Skip("mod") },
	func(_ *queuptest.Server, room *queuptest.Room) {
		room.Configure("bot", func(c *queuptest.Settings) { c.Title, c.Description = "The Lounge & Bar", "open late" })
	},
	func(_ *queuptest.Server, room *queuptest.Room) { room.Lock("mod", true) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Lock("mod", false) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.SlowMode("mod", true) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.SlowMode("mod", false) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.GuestChat("mod", false) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.GuestEmbed("mod", false) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.SetRole("bot", "alice", queuptest.VIP) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.UnsetRole("bot", "alice", queuptest.VIP) },
	func(_ *queuptest.Server, room *queuptest.Room) {
		crew := room.CreateRole("bot", "Night Crew", "queue.skip")
		room.UpdateRole("bot", crew, "Late Crew", "queue.skip", "chat.delete")
		room.ReorderRoles("owner", room.Roles()...)
		room.DeleteRole("bot", crew)
	},
	func(_ *queuptest.Server, room *queuptest.Room) { room.Avatar("carol") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Mute("mod", "carol") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Unmute("mod", "carol") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Kick("mod", "carol", "mind the <rules>") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Join("carol") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Ban("mod", "carol", time.Hour) },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Unban("mod", "carol") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Join("carol") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.Leave("carol") },
	func(_ *queuptest.Server, room *queuptest.Room) { room.DeleteMessagesOf("mod", "bob") },
	func(*queuptest.Server, *queuptest.Room) { time.Sleep(190 * time.Second) }, // a song ends by itself
	func(_ *queuptest.Server, room *queuptest.Room) { room.Say("alice", "good night") },
}

// moderation is what a bot can do in both worlds of roles.
func moderation(ctx context.Context, s *Stage, room *client.Room) error {
	alice, bob, carol := id(room, "alice"), id(room, "bob"), id(room, "carol")
	s.note("may kick carol: %t, the owner: %t", room.Can(id(room, "bot"), client.PermMembersKick) && room.Outranks(id(room, "bot"), carol),
		room.Outranks(id(room, "bot"), id(room, "owner")))
	err := room.Kick(ctx, id(room, "owner"), "")
	if !errors.Is(err, client.ErrForbidden) {
		return fmt.Errorf("a kick of the owner: %w", cmpErr(err))
	}
	s.note("kick the owner: %v", err)
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"mute bob", func() error { return room.Mute(ctx, bob) }},
		{"unmute bob", func() error { return room.Unmute(ctx, bob) }},
		{"move carol to the front", func() error { return room.MoveDJ(ctx, carol, 0) }},
		{"pause carol", func() error { return room.PauseDJ(ctx, carol, true) }},
		{"resume carol", func() error { return room.PauseDJ(ctx, carol, false) }},
		{"remove a song of bob", func() error { return room.RemoveSong(ctx, bob) }},
		{"remove the DJ bob", func() error { return room.RemoveDJ(ctx, bob) }},
		{"lock the queue", func() error { return room.LockQueue(ctx, true) }},
		{"unlock the queue", func() error { return room.LockQueue(ctx, false) }},
		{"slow mode", func() error { return room.SetSlowMode(ctx, true) }},
		{"no guest chat", func() error { return room.SetGuestChat(ctx, false) }},
		{"make alice a VIP", func() error { return room.SetRole(ctx, alice, client.RoleVIP) }},
		{"alice is no VIP", func() error { return room.UnsetRole(ctx, alice, client.RoleVIP) }},
		{"kick carol", func() error { return room.Kick(ctx, carol, "mind the <rules> & more") }},
		{"ban carol", func() error { return room.Ban(ctx, carol, 90*time.Second) }},
	} {
		if err := s.did(step.what, step.do()); err != nil {
			return err
		}
		s.settle()
	}
	banned, err := room.FetchBanned(ctx)
	if err != nil {
		return err
	}
	staff, err := room.FetchStaff(ctx)
	if err != nil {
		return err
	}
	s.note("banned: %v, staff: %v", banned, staff)
	if err := s.did("unban carol", room.Unban(ctx, carol)); err != nil {
		return err
	}
	s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Say("bob", "spam") })
	spam, err := await(ctx, s, func(e client.Chat) bool { return e.Message.Content == "spam" })
	if err != nil {
		return err
	}
	if err := s.did("delete spam", spam.Message.Delete(ctx)); err != nil {
		return err
	}
	if _, err := room.Update(ctx, func(c *client.RoomSettings) { c.Name, c.MaxSongLength = "The Quiet Lounge", 7*time.Minute }); err != nil {
		return err
	}
	if _, err := await(ctx, s, func(e client.RoomUpdated) bool { return e.Info.Name == "The Quiet Lounge" }); err != nil {
		return err
	}
	s.settle()
	s.note("the room is %s, its queue %v", room, room.Queue())
	return nil
}

func moderationClassic(ctx context.Context, s *Stage) error {
	_, room, err := s.enter(ctx)
	if err != nil {
		return err
	}
	if err := moderation(ctx, s, room); err != nil {
		return err
	}
	s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Avatar("bob") })
	_, err = await(ctx, s, func(e client.AvatarUpdated) bool { return e.User.Username == "bob" })
	return err
}

func moderationCustom(ctx context.Context, s *Stage) error {
	_, room, err := s.enter(ctx)
	if err != nil {
		return err
	}
	if err := moderation(ctx, s, room); err != nil {
		return err
	}
	crew, err := room.CreateRole(ctx, client.RoleSettings{Label: "Night Crew", Color: "#00aeff", Permissions: []client.Permission{client.PermQueueSkip}})
	if err != nil {
		return err
	}
	s.note("created %s %v", crew, crew.Permissions)
	s.settle() // until it is heard of: a recording may answer a call before it tells what the call has done
	alice := id(room, "alice")
	if err := s.did("alice joins the crew", room.SetRole(ctx, alice, crew.ID)); err != nil {
		return err
	}
	if _, err := await(ctx, s, func(e client.RoleSet) bool { return e.Role.ID == crew.ID }); err != nil {
		return err
	}
	s.note("alice may skip: %t", room.Can(alice, client.PermQueueSkip))
	s.settle()
	crew, err = room.UpdateRole(ctx, crew.ID, func(r *client.RoleSettings) { r.Label = "Late Crew" })
	if err != nil {
		return err
	}
	s.note("updated %s", crew)
	s.settle()
	if err := s.did("alice leaves the crew", room.UnsetRole(ctx, alice, crew.ID)); err != nil {
		return err
	}
	s.settle()
	if err := s.did("delete the role", room.DeleteRole(ctx, crew.ID)); err != nil {
		return err
	}
	s.settle()
	log, err := room.AuditLog(ctx)
	if err != nil {
		return err
	}
	for _, entry := range log {
		s.note("audit: %s", entry)
	}
	s.settle()
	return nil
}

func queueAndVotes(ctx context.Context, s *Stage) error {
	bot, room, err := s.enter(ctx)
	if err != nil {
		return err
	}
	first, err := room.QueueSong(ctx, client.YouTube, "dQw4w9WgXcQ")
	if err != nil {
		return err
	}
	second, err := room.QueueSong(ctx, client.SoundCloud, "293847561000")
	if err != nil {
		return err
	}
	s.settle()
	me, _ := bot.User()
	position, _ := room.QueuePosition(me.ID)
	s.note("queued %s and %s, at %d of %d", first, second, position, len(room.Queue()))
	if err := s.did("reorder", room.ReorderOwnQueue(ctx, []client.PlayID{second.ID, first.ID})); err != nil {
		return err
	}
	own, err := room.OwnQueue(ctx)
	if err != nil {
		return err
	}
	s.note("own queue: %d, first %s", len(own), own[0])
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"pause the queue", func() error { return room.PauseQueue(ctx, true) }},
		{"resume the queue", func() error { return room.PauseQueue(ctx, false) }},
		{"remove a song", func() error { return room.RemoveOwnSong(ctx, first.ID) }},
		{"updub", func() error { return room.Updub(ctx) }},
		{"downdub", func() error { return room.Downdub(ctx) }},
		{"skip", func() error { return room.Skip(ctx) }},
	} {
		if err := s.did(step.what, step.do()); err != nil {
			return err
		}
		s.settle()
	}
	s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Vote("alice", true) })
	if _, err := await(ctx, s, func(e client.Dub) bool { return e.User.Username == "alice" }); err != nil {
		return err
	}
	up, down, err := room.FetchVotes(ctx)
	if err != nil {
		return err
	}
	s.settle()
	now, _ := room.NowPlaying()
	s.note("now %s, %d up, %d down", songText(now), len(up), len(down))
	if err := s.did("clear the queue", room.ClearQueue(ctx)); err != nil {
		return err
	}
	s.settle()
	return nil
}

func conversations(ctx context.Context, s *Stage) error {
	bot, room, err := s.enter(ctx)
	if err != nil {
		return err
	}
	s.meanwhile(func(server *queuptest.Server, _ *queuptest.Room) { server.Message("alice", "psst & hush", "bot") })
	e, err := await(ctx, s, func(client.PrivateMessage) bool { return true })
	if err != nil {
		return err
	}
	s.note("%s writes %q to %s", e.Author, e.Message.Content, e.Conversation)
	answer, err := e.Conversation.SendMessage(ctx, "<what> & why?")
	if err != nil {
		return err
	}
	s.note("answered %q", answer.Content)
	s.settle()
	unread, err := bot.UnreadCount(ctx)
	if err != nil {
		return err
	}
	s.note("unread: %d", unread)
	if err := s.did("mark as read", e.Conversation.MarkAsRead(ctx)); err != nil {
		return err
	}
	group, err := bot.OpenConversation(ctx, id(room, "bob"), id(room, "carol"))
	if err != nil {
		return err
	}
	if _, err := group.SendMessage(ctx, "hello both"); err != nil {
		return err
	}
	s.settle()
	lines, err := group.Fetch(ctx)
	if err != nil {
		return err
	}
	s.note("with %s: %v", group, lines)
	all, err := bot.FetchConversations(ctx)
	if err != nil {
		return err
	}
	for _, conversation := range all {
		s.note("conversation with %s, latest %q", conversation, conversation.LatestMessage())
	}
	s.settle()
	return nil
}

func history(ctx context.Context, s *Stage) error {
	bot, err := s.bot()
	if err != nil {
		return err
	}
	if err := bot.Login(ctx, s.Email, s.Password); err != nil {
		return err
	}
	room, err := bot.FetchRoom(ctx, s.Room)
	if err != nil {
		return err
	}
	n := 0
	for song, err := range room.History(ctx) {
		if err != nil {
			return err
		}
		if n++; n%15 == 1 {
			user, _ := song.User()
			s.note("play %d: %s by %s", n, song, user)
		}
	}
	s.note("%d plays, joined: %t", n, room.Joined())
	return nil
}

func sessionExpiry(ctx context.Context, s *Stage) error {
	bot, room, err := s.enter(ctx)
	if err != nil {
		return err
	}
	if _, err := room.SendMessage(ctx, "before"); err != nil {
		return err
	}
	s.settle()
	s.meanwhile(func(server *queuptest.Server, _ *queuptest.Room) { server.ExpireSessions() })
	line, err := room.SendMessage(ctx, "after")
	if err != nil {
		return err
	}
	s.note("said %q with a session that was renewed, logged in: %t", line.Content, bot.LoggedIn())
	s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Say("alice", "welcome back") })
	if err := s.heardChat(ctx, "welcome back"); err != nil {
		return err
	}
	s.settle()
	return nil
}

func reconnect(ctx context.Context, s *Stage) error {
	bot, room, err := s.enter(ctx)
	if err != nil {
		return err
	}
	s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Say("alice", "before") })
	if err := s.heardChat(ctx, "before"); err != nil {
		return err
	}
	s.meanwhile(func(server *queuptest.Server, lounge *queuptest.Room) {
		server.CutLinks()
		lounge.Say("alice", "can you hear me?")
		lounge.Vote("bob", true)
		lounge.Leave("carol")
		lounge.Skip("mod")
		lounge.SetRole("bot", "alice", queuptest.VIP)
		lounge.Lock("mod", true)
	})
	if _, err := await(ctx, s, func(client.Resynced) bool { return true }); err != nil {
		return err
	}
	line, err := room.SendMessage(ctx, "I can")
	if err != nil {
		return err
	}
	s.note("said %q, reconnects: %d", line.Content, bot.Health().Reconnects)
	s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Say("alice", "good night") })
	if err := s.heardChat(ctx, "good night"); err != nil {
		return err
	}
	s.settle()
	song, _ := room.NowPlaying()
	s.note("plays %s, members %d", song, room.Members().Len())
	return nil
}

func quirks(ctx context.Context, s *Stage) error {
	_, room, err := s.enter(ctx)
	if err != nil {
		return err
	}
	for range 3 {
		s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Say("alice", "hello & welcome") })
		s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Vote("bob", true) })
		s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Kick("mod", "carol", "") })
		s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Join("carol") })
		s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Skip("mod") })
	}
	s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Say("alice", "good night") })
	if err := s.heardChat(ctx, "good night"); err != nil {
		return err
	}
	s.settle()
	n := 0
	for _, err := range room.History(ctx) {
		if err != nil {
			return err
		}
		n++
	}
	s.note("members %d, history %d", room.Members().Len(), n)
	return nil
}

func lookups(ctx context.Context, s *Stage) error {
	bot, room, err := s.enter(ctx)
	if err != nil {
		return err
	}
	alice, err := bot.FetchUser(ctx, "alice")
	if err != nil {
		return err
	}
	_, err = bot.FetchUser(ctx, "nobody-here")
	s.note("%s: %t, nobody-here: %v", alice, alice.ID == id(room, "alice"), err)
	_, err = bot.FetchRoom(ctx, "no-such-room")
	s.note("no-such-room: %v", err)
	if err := s.did("follow alice", bot.Follow(ctx, alice.ID)); err != nil {
		return err
	}
	followers, err := bot.Followers(ctx, alice.ID)
	if err != nil {
		return err
	}
	free, err := bot.UsernameAvailable(ctx, "alice")
	if err != nil {
		return err
	}
	s.note("followers: %d, the name alice is free: %t", len(followers), free)
	for info, err := range bot.SearchRooms(ctx, "lounge") {
		if err != nil {
			return err
		}
		s.note("found the room %s", info)
	}
	song, _ := room.NowPlaying()
	info, err := bot.FetchSong(ctx, song.SongID)
	if err != nil {
		return err
	}
	s.note("plays %s, at %s", info, info.URL())
	list, err := bot.CreatePlaylist(ctx, "Evening & Night")
	if err != nil {
		return err
	}
	if list, err = list.AddSong(ctx, song.SongID); err != nil {
		return err
	}
	for entry, err := range list.Songs(ctx, "") {
		if err != nil {
			return err
		}
		s.note("%s has %s", list, entry)
	}
	comment, err := bot.AddComment(ctx, song.SongID, "a good one")
	if err != nil {
		return err
	}
	s.note("comment: %s", comment)
	s.settle()
	return nil
}

func ping(ctx context.Context, s *Stage) error {
	bot, err := s.bot(client.WithOwnMessages(true))
	if err != nil {
		return err
	}
	client.On(bot, func(ctx context.Context, e client.Chat) error {
		if e.Message.Content != "~ping" {
			return nil
		}
		_, err := e.Room.SendMessage(ctx, "Pong!")
		return err
	})
	if err := errors.Join(bot.Login(ctx, s.Email, s.Password), bot.Connect(ctx)); err != nil {
		return err
	}
	room, err := bot.JoinRoom(ctx, s.Room)
	if err != nil {
		return err
	}
	s.meanwhile(func(_ *queuptest.Server, lounge *queuptest.Room) { lounge.Say("alice", "~ping") })
	if err := s.heardChat(ctx, "Pong!"); err != nil {
		return err
	}
	s.settle()
	err = room.Leave(ctx) // as Run does when it ends
	s.settle()
	return err
}
