// Package client is the QueUp client for bots: it logs in, joins rooms, delivers events and performs actions.
//
//	func main() {
//		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//		context.AfterFunc(ctx, stop) // a second signal ends the program at once
//		bot, err := client.New()
//		if err != nil {
//			log.Fatal(err)
//		}
//		client.On(bot, func(ctx context.Context, _ client.Ready) error {
//			_, err := bot.JoinRoom(ctx, "my-awesome-room")
//			return err
//		})
//		client.On(bot, func(ctx context.Context, e client.Chat) error {
//			if e.Message.Content != "!ping" {
//				return nil
//			}
//			_, err := e.Room.SendMessage(ctx, "Pong!")
//			return err
//		})
//		if err := bot.Run(ctx, os.Getenv("QUEUP_EMAIL"), os.Getenv("QUEUP_PASSWORD")); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// A signal ends the context and so the bot: Run leaves the room and returns nil.
//
// # Handles and values
//
// [Client], [Room] and [Conversation] are live handles: pointers that are safe for concurrent use, perform actions and
// always show the current state. [User], [Member], [Message], [Song], [SongInfo], [Role] and [RoomInfo] are values. A
// value shows the state at the time it was made. It can be written as a literal, compared with Equal, printed and
// marshalled. Fields that QueUp sent and that this version does not know are in Extra. The zero values are safe to call
// methods on; methods that would need QueUp return [ErrDetached].
//
// The signature shows what a call costs. A method with a ctx talks to the network; one without reads the cached state.
// A lookup that may miss returns a value and a bool. No returned value is half nil.
//
// # Events
//
// [On] calls a handler for each event of a type, [Stream] delivers events to a range loop, and [Next] waits for one
// event. The type [Event] stands for all events, and any other interface for the events that satisfy it. A type that is
// not an event is refused at registration. The guarantees:
//
//   - Events are decoded in the order in which QueUp sent them.
//   - The state is updated before an event is delivered. It may be newer than the event in hand, never older.
//   - One subscription receives its events in order and one at a time. Two subscriptions do not wait for each other, and
//     pings wait for neither. They share the data of an event: read its slices and its Raw, and clone them before you
//     change them.
//   - A handler may call anything, including Close and its own cancel, and may run for as long as it likes.
//   - A panic or an error in a handler is reported and ends nothing; see [WithErrorHandler].
//   - A handler that is too slow for its queue loses the oldest events. [Lagged] reports how many, once for each
//     overflow; see [WithQueue]. With [Block] no event is lost, but everything waits for the slowest handler.
//   - An event that this version does not know is delivered as [Unknown], and one that cannot be read as [Malformed].
//     Both hold what QueUp sent. For every other event, [Meta] holds it.
//   - [Ready] is emitted once per Connect. No event of a room comes before its [RoomJoined] or after its [RoomLeft],
//     which says why. A kick or a ban ends that room and no other.
//
// Missing parts of an event, such as the media of a song or the text of a private message, are looked up before it is
// delivered. Later events of that room are held meanwhile, for at most 2 s. After that the event is delivered
// incomplete, and the rest follows as an update. Other rooms are not affected.
//
// # The events
//
//   - the connection: [Ready], [Disconnected], [Reconnected], [Resynced], [Gap]
//   - losses and input that is not understood: [Lagged], [Unknown], [Malformed]
//   - rooms: [RoomJoined], [RoomLeft], [RoomUpdated], [SlowMode], [GuestChat], [GuestEmbed]
//   - people: [MemberJoined], [MemberLeft], [MemberUpdated], [MemberPresence], [AvatarUpdated]
//   - chat: [Chat], [ChatDeleted], [ChatCleared], [PrivateMessage]
//   - playback: [SongChanged], [SongSkipped], [PlaylistUpdated], [Dub], [Grab]
//   - the queue: [QueueUpdated], [QueueReordered], [QueueLocked], [QueuePaused], [SongRemoved], [DJRemoved]
//   - moderation: [MemberKicked], [MemberBanned], [MemberUnbanned], [MemberMuted], [MemberUnmuted]
//   - roles: [RoleSet], [RoleUnset], [RoleCreated], [RoleUpdated], [RoleDeleted], [RolesReordered]
//   - comments: [CommentAdded], [CommentRemoved], [CommentUpdated]
//
// docs/PROTOCOL.md 6 lists what QueUp sends for each.
//
// # The current song
//
// The current song is always complete. [SongChanged] has the song, its media, the user who queued it and its start
// time, and the previous song with its final score. The end of playback is an event too, with Playing false. QueUp does
// not send it, so the client checks when a song should have ended. [Room.NowPlaying], [Room.Elapsed], [Room.Remaining],
// [Room.Votes], [Room.Queue] and [Room.ETA] cost no call.
//
// # Permissions and roles
//
// Until autumn 2026 QueUp had six fixed roles; now each room has its own roles, with permissions and ranks. [Room.Can],
// [Room.Outranks], [Room.Roles] and [Member.Roles] work with both. The old names of permissions are accepted, and the
// constants [RoleCoOwner] to [RoleDJ] stand for the roles that were made from the fixed ones. A call that QueUp would
// refuse is not sent. It returns a [*PermissionError], which names the permission or the rank and is also
// [ErrForbidden].
//
// # Reconnects
//
// A lost connection is restored automatically ([WithReconnect]). [Disconnected] is emitted, then [Reconnected] once the
// rooms are attached again, the bot is visible again and an expired session is renewed. The client then reads each room
// again and emits the changes as ordinary events with Resynced set in [Meta]. Missed plays come in their order and
// before live ones; [Resynced] is the last of these events. A [Gap] reports, with its interval, what QueUp itself no
// longer has. Live chat is held for at most 2 s. Live playback events are held until the plays before them are emitted
// or given up.
//
// [Client.Health] distinguishes a dead connection from a quiet room: LastFrame moves with every ping. An unstable
// connection is not healthy. MailErr says why private messages are not received while QueUp refuses their channel; the
// error handler receives a [*MailboxError].
//
// # Bounds
//
// Every cache and every queue is bounded. The bounds, and the options that change them:
//
//   - events that wait for a handler: 1024 ([WithQueue])
//   - chat lines of each room: 512 ([WithMessageHistory])
//   - users who are in none of the rooms: 10,000 ([WithUserCache]); a room remembers a user who has left for 10 s
//   - media: 2,000, for 15 minutes after their last use ([WithSongCache])
//   - private conversations: 512 ([WithConversationCache])
//   - rooms that the bot is not in: 64. A room or a conversation that the bot still holds keeps its handle all the same
//   - ids of private messages, so that none is emitted twice: 1,024
//   - conversations that wait to be fetched: 1,024, after which a [Gap] reports what was lost
//   - members whose names QueUp does not give when asked: 1,024 in each room; no more are looked up
//   - held events of a room: 4,096, after which a [Gap] reports what was lost
//
// The cost of an event does not depend on the number of people in the room. Calls are rate limited: at most 10 of the
// bot's own in any 30 s ([WithRateLimit]), and chat one line at a time. Requests made while joining a room are limited
// separately.
//
// # Quoting other people
//
// A bot usually may alert a whole room, and other bots may obey it. [Quote] makes other people's text (a song's name, a
// line from elsewhere) safe to send: it alerts no crowd and is not a command. [User.Mention] addresses one person.
//
// # Errors
//
// A refusal by QueUp is an [*APIError]; [errors.Is] with the sentinels of this package tells the usual reasons apart. An
// answer that makes no sense is an [*APIError] too, with the status 200: null, an object or a text instead of a list is
// not an empty list. The state of the room is then kept and read again every 10 s, and a warning is logged
// ([WithLogger]). A mistake that is found before anything is sent is an [*ArgumentError], a [*PermissionError], a
// [*MessageTooLongError], [ErrNotLoggedIn], [ErrNotConnected] or [ErrNotJoined]. No error and no log line contains a
// password, a cookie or a token.
//
// No error is silently dropped, even with default options. An error that a handler returns is logged through
// [slog.Default]. [Client.Run] returns a wrong password, an unreachable network, or the reason why the bot could not
// join its only room. A lost connection and its return are logged through [slog.Default], too, and so is a handler that does
// not return after Close. All other logging goes to [WithLogger].
//
// # Tests
//
// A bot can be tested without QueUp: package queuptest is a QueUp in memory, and package cassettes replays recordings.
// docs/TESTING.md says when to use which.
package client
