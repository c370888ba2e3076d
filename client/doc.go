// Package client is what a QueUp bot imports. It logs in, joins rooms, tells what happens there and acts in them.
//
//	bot, err := client.New()
//	if err != nil {
//		log.Fatal(err)
//	}
//	client.On(bot, func(ctx context.Context, _ client.Ready) error {
//		_, err := bot.JoinRoom(ctx, "my-awesome-room")
//		return err
//	})
//	client.On(bot, func(ctx context.Context, e client.Chat) error {
//		if e.Message.Content != "~ping" {
//			return nil
//		}
//		_, err := e.Room.SendMessage(ctx, "Pong!")
//		return err
//	})
//	log.Fatal(bot.Run(ctx, email, password))
//
// # Handles and values
//
// [Client], [Room] and [Conversation] are live handles: pointers, safe for concurrent use, that act and always show
// what is known now. [User], [Member], [Message], [Song], [SongInfo], [Role] and [RoomInfo] are values: what was known
// when they were made. Values can be written as literals, compared with Equal, printed and marshalled; what QueUp sent
// beyond their fields is in Extra. Their zero values are safe to call methods on: those that would need QueUp are
// [ErrDetached].
//
// The signature tells what a call costs: with a ctx it talks to the network, without one it reads what is known. A
// lookup that may miss returns a value and a bool, and nothing that is returned is half nil.
//
// # Events
//
// [On] calls a handler for each event of a type, [Stream] gives them to a range loop, [Next] waits for one. [Event] as
// the type means all of them; so does an interface, for all types that satisfy it. What is no event type is refused at
// registration. What can be relied on:
//
//   - Events are decoded in the order QueUp sent them.
//   - The state is updated before anyone hears of the event. It may be newer than the event in hand, never older.
//   - One subscription receives its events in order and one at a time. Two subscriptions do not wait for each other, and
//     pings wait for none. They share what an event holds: read its slices and its Raw, and clone before you change them.
//   - A handler may call anything, Close and its own cancel included, and take as long as it likes.
//   - A panic or an error in a handler is reported and ends nothing; see [WithErrorHandler].
//   - A handler that is too slow for its queue loses the oldest events, and [Lagged] says how many, once for each time;
//     see [WithQueue]. With [Block] nothing is lost, but everybody waits for the slowest.
//   - An event that this version does not know arrives as [Unknown], one that cannot be read as [Malformed], both with
//     what was sent. Of every other event, that is in [Meta].
//   - [Ready] comes once per Connect; nothing of a room comes before its [RoomJoined] or after its [RoomLeft], which
//     tells why. A kick or a ban ends that room and no other.
//
// An event that lacks something has it looked up, before it goes out: the media of a song, the text of a private
// message. Later events of that room wait meanwhile, for at most 2 s; then it goes out with what is known, and the rest
// follows as an update. Other rooms go on.
//
// # The events
//
//   - the connection: [Ready], [Disconnected], [Reconnected], [Resynced], [Gap]
//   - what could not be told otherwise: [Lagged], [Unknown], [Malformed]
//   - rooms: [RoomJoined], [RoomLeft], [RoomUpdated], [SlowMode], [GuestChat], [GuestEmbed]
//   - people: [MemberJoined], [MemberLeft], [MemberUpdated], [MemberPresence], [AvatarUpdated]
//   - chat: [Chat], [ChatDeleted], [ChatCleared], [PrivateMessage]
//   - what plays: [SongChanged], [SongSkipped], [PlaylistUpdated], [Dub], [Grab]
//   - the queue: [QueueUpdated], [QueueReordered], [QueueLocked], [QueuePaused], [SongRemoved], [DJRemoved]
//   - moderation: [MemberKicked], [MemberBanned], [MemberUnbanned], [MemberMuted], [MemberUnmuted]
//   - roles: [RoleSet], [RoleUnset], [RoleCreated], [RoleUpdated], [RoleDeleted], [RolesReordered]
//   - comments: [CommentAdded], [CommentRemoved], [CommentUpdated]
//
// docs/PROTOCOL.md 6 tells what QueUp sends for each.
//
// # What plays
//
// What plays is never half there. [SongChanged] has the song, its media, who queued it and since when it plays, and the
// song before with its final score. That nothing plays any more is news, too, with Playing false: QueUp does not send
// it, so the client asks when a song should be over. [Room.NowPlaying], [Room.Elapsed], [Room.Remaining], [Room.Votes],
// [Room.Queue] and [Room.ETA] cost no call.
//
// # Who may do what
//
// Until autumn 2026 QueUp had six fixed roles; now each room has roles of its own, with permissions and ranks.
// [Room.Can], [Room.Outranks], [Room.Roles] and [Member.Roles] work in both worlds, names of permissions from before
// are taken, and the constants [RoleCoOwner] to [RoleDJ] stand for the role that was made from them. A call that QueUp
// would refuse is not sent: it is a [*PermissionError] that names the permission or the rank, and also [ErrForbidden].
//
// # When the connection is lost
//
// It comes back by itself ([WithReconnect]): [Disconnected], then [Reconnected], with the rooms attached and the bot
// visible again, and an expired session renewed. Each room is then read again, and what has changed is told as ordinary
// events with Resynced set in [Meta], the plays that were missed in their order and before live ones; [Resynced] is the
// last of them. What QueUp itself has forgotten is a [Gap], with its interval. Live chat waits
// for this no longer than 2 s; live events of what plays wait until the plays before them are told or given up.
//
// [Client.Health] tells a bot that hears nothing from a room where nothing happens: LastFrame moves with every ping. A connection
// that comes and goes is not healthy. MailErr says why private messages are not received while QueUp refuses their channel; the
// error handler gets a [*MailboxError].
//
// # Bounds
//
// Nothing grows without end. What is kept, and what changes it:
//
//   - events that wait for a handler: 1024 ([WithQueue])
//   - chat lines of each room: 512 ([WithMessageHistory])
//   - users who are in none of the rooms: 10,000 ([WithUserCache]); who has left a room is known to it for 10 s more
//   - media: 2,000, for 15 minutes after their last use ([WithSongCache])
//   - private conversations: 512 ([WithConversationCache])
//   - rooms that the bot is not in: 64. A room or a conversation that the bot still holds stays the same all the same
//   - private messages that are known by their id, so that none is emitted twice: 1,024
//   - conversations that wait to be fetched: 1,024, after which a [Gap] says what was lost
//   - names of members that QueUp, asked, does not say: 1,024 in each room; no more are asked for
//   - events of a room that wait for something: 4,096, after which a [Gap] says what was lost
//
// What an event costs does not depend on how many people are in the room. Calls wait for their turn: at most 10 of the
// bot's own in any 30 s ([WithRateLimit]), chat one line at a time, and what joining a room reads beside them.
//
// # Words of others
//
// A bot mostly may alert a whole room, and other bots may obey it. [Quote] makes the words of others (a song's name, a line
// from elsewhere) fit to be said: they alert no crowd and are not a command. [User.Mention] addresses one person.
//
// # Errors
//
// What QueUp refuses is an [*APIError]; [errors.Is] with the sentinels of this package tells the usual reasons apart.
// So is an answer that makes no sense, with the status 200: null, an object or a text instead of a list is not an empty list. What
// the client knows of a room stays then; it is read again every 10 s, and a warning says so ([WithLogger]).
// What is wrong before anything is sent is an [*ArgumentError], a [*PermissionError], a [*MessageTooLongError],
// [ErrNotLoggedIn], [ErrNotConnected] or [ErrNotJoined]. Passwords, cookies and tokens stand in no error and no log.
//
// Nothing fails in silence, without any option: what a handler returns is logged through [slog.Default], and [Client.Run] returns
// a wrong password, a network that is not there, or why the bot's only room does not let it in. Everything else that the
// client could tell goes to [WithLogger].
//
// # Tests
//
// A bot needs no QueUp to be tested: package queuptest is one in memory, package cassettes plays what was recorded, and
// docs/TESTING.md says when to take which.
package client
