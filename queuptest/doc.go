// Package queuptest is QueUp in memory: the REST interface and the websocket of the service, one state behind both, in one
// process, on the loopback. Tests of bots run against it, ours and yours, and so do demos and recordings.
//
// [NewServer] starts a server the way httptest does, with the room lounge and a handful of accounts ([DefaultWorld]); point
// a client at it with client.WithServer, with a username and the password secret:
//
//	srv := queuptest.NewServer()
//	defer srv.Close()
//	bot, err := client.New(client.WithServer(srv))
//	...
//	srv.Room("lounge").Say("alice", "hello") // every client in the room hears it
//
// The example of the package tests a bot in some fifteen lines: a command is answered, a kick is refused for rank, and the loss of
// the connection is survived.
//
// docs/TESTING.md shows more of them, and when a recording (package cassettes) is the better choice.
//
// Nothing here trusts the client: a wrong password, a missing session, an unknown room or a line that is too long are
// answered as the service answers them, with its statuses and its shapes of errors (docs/PROTOCOL.md 1.3). What is
// known of no source is an assumption, and says so in its comment.
//
// Requests are understood in every form that clients are known to send (docs/PROTOCOL.md 1.4): as a form or as JSON, a number with
// a fraction, in quotes or empty, a yes or no as 0, 1, true, false, on or off, and a list plain, repeated, with [] or [0], joined by
// commas or as JSON. A value that says nothing clear is refused with 400. Answers and events have their counters and flags also
// when they are 0 or false.
//
// # What it does
//
// Every operation of REST is there with state behind it: who is created, queued, banned or given a role is seen by the next
// call of anybody. Without a session, what needs one is redirected to the login. Every change is broadcast to whoever is
// attached to the room, in the order of the changes, by the events of docs/PROTOCOL.md 6: a kick is user-kick and then
// user-leave, a change of somebody's queue is room_playlist-queue-update-dub, user_update_<id> and room_playlist-update
// with the seconds that the song has played for. Songs end by the clock, then the next DJ's song plays or the room falls
// silent; bans end by the clock, too.
//
// Presence is per connection, and can be listed over HTTP on the same host. When the last connection of a member is gone, so is
// the member, a minute later ([PresenceGrace]); entering presence again brings them back. Guests hear rooms with a token of
// their own and do nothing else. Sessions and tokens last, unless [SessionLife] and [TokenLife] say otherwise.
//
// # Who may do what
//
// Rooms have custom roles, as QueUp has them since autumn 2026, or with [ClassicRoles] the fixed ones of the time before;
// each world has its own operations, members and events, and answers those of the other with 404. Permissions and ranks
// are enforced in both (docs/PROTOCOL.md 4): what one may not do is 401.
//
// Limits of which only the existence is known are assumptions. Slow mode lets members chat every 10 seconds. The chat quota
// is 100 lines in 30 seconds ([ChatQuota]). Five wrong passwords close a private room to an account for two hours. The
// history of the chat has 100 entries.
//
// # Beside the rooms
//
// Playlists, private conversations, the search, comments, followers, names, pictures and accounts have state behind them
// as well. What YouTube and SoundCloud have is made up of ids alone: every id that could be one of YouTube's (11 letters,
// digits, - or _) or SoundCloud's (a number) is a song, the same on every server, and so is every id of a playlist (PL and
// more of them, or a number of 7 to 9 digits). Of an uploaded picture only the record is kept, and redirects lead to the
// reserved domain queup.test. No mail is sent: [Server.ResetToken] is what it would say.
//
// # Life, and bad days
//
// With [Crowd] a room has 1 to 5,000 people who live by themselves, by a seed. With [OddLists] lists in answers hold more
// than objects. With [Quirks] answers and events are as irregular as
// those of the service. With [Faults] the network is bad now and then, for REST and the websocket alike. tools/queupd has all
// of them as flags.
//
// # For tests
//
// [Room] makes things happen without a client: every event of docs/PROTOCOL.md 6.2 that is sent on the wire is caused by one of its
// methods or by [Server.Message]. [Room.Broadcast] sends events the service never sent, and [WithHandler] answers requests as the service
// never did. [Server.CutLinks], [Server.CutLinksOf], [Server.ExpireSessions] and [Server.ExpireTokens] lose what a client
// has. [Server.Flap] closes every websocket soon after it was accepted, [Server.RefuseChannel] and [Server.DetachChannel] keep
// clients from a channel ([Room.Channel], [Server.MailboxOf]). [Server.Restart] is the whole service being restarted with its world, and [Server.IdleCrowd] has the crowd do nothing
// while a test looks.
//
// [Server.Said] returns what a user wrote, such as the bot, in all rooms and in private, and [Server.NextLine] waits for the next
// line. [Server.Log] holds every request, answer and frame, with passwords, cookies and tokens masked, [Server.Await] waits
// for one, so that no test needs to sleep, and [Server.LogOnFailure] shows the end of it, and the last refusal, when a test fails.
//
// One client can be several accounts, one after the other: give each a [User] in a [World], with any password, such as a word that stands in
// error texts as well.
//
// # For benchmarks
//
// [Room.PrepareFlood] encodes a [Flood] of events that could happen in the room. [Room.SendFlood] writes it to the websockets as
// fast as they read, a million frames a second and more, so that a benchmark measures the client.
//
// # Time
//
// The clock is that of package time, and is injected by running in a testing/synctest bubble: songs, bans, slow mode, sessions,
// heartbeats, the crowd and the faults all go by it. [ClockOffset] sets the server's clock ahead of the client's, or behind it.
//
// With [InMemory] there is no listener. Such a server works inside a testing/synctest bubble, where three minutes of music
// take no time at all. Create it in the bubble, connect with client.WithServer, and close it there, after its clients
// (and the idle connections of their transports): then no goroutine is left. Without it NewServer panics in a bubble, and says so.
//
// # Bounds
//
// A server keeps the last 10,000 entries of its log (64 MiB of bodies at most), 10,000 lines of chat and as many past plays a
// room, with their scores but without the voters, 100 entries of the history of a chat, 1,000 of an audit log, 5,000 songs in
// somebody's queue, 10,000 sessions and tokens, accounts and conversations; 10,000 playlists an account, entries a playlist,
// messages a conversation, comments a song; 100,000 songs. A request has 1 MiB at most, 3 MiB with a file, and a frame of a client
// 1 MiB. A websocket whose client does not read is dropped when 16,384 frames or 32 MiB wait for it, or when one frame cannot
// be written for 10 seconds; the others go on. A [Flood] takes as much memory as it has bytes, and a flood waits for its
// readers with 1 MiB each. Ids are counted, not drawn, so that a run can be compared with the next.
package queuptest
