// Package queuptest is QueUp in memory: the REST interface and the websocket of the service, one state behind both, in one
// process, on the loopback. Tests of bots run against it, ours and yours, and so do demos and recordings.
//
// [NewServer] starts a server the way httptest does, with the room lounge and a handful of accounts ([DefaultWorld]); point
// a client at [Server.URL] and [Server.RealtimeURL], with a username and the password secret:
//
//	srv := queuptest.NewServer()
//	defer srv.Close()
//	bot, err := client.New(client.WithBaseURL(srv.URL()), client.WithRealtimeURL(srv.RealtimeURL()))
//	...
//	srv.Room("lounge").Say("alice", "hello") // every client in the room hears it
//
// Nothing here trusts the client: a wrong password, a missing session, an unknown room or a line that is too long are
// answered as the service answers them, with its statuses and its shapes of errors (docs/PROTOCOL.md 1.3). What is
// known of no source is an assumption, and says so in its comment.
//
// # What it does
//
// Login with cookies, a redirect to the login without one, websocket tokens for accounts and guests, joining, leaving,
// chat, the list of members, what plays, votes, the queue, songs; channels and presence on the websocket. Every change is
// broadcast to whoever is attached to the room, in the order of the changes: chat-message, delete-chat-message, user-join,
// user-leave, room_playlist-update, room_playlist-dub, chat-skip and user_update_<id>. Songs end by the clock, then the next
// DJ's song plays or the room falls silent. Other operations are answered with 404.
//
// [Room] makes things happen without a client, [Room.Broadcast] sends events the service never sent, and [WithHandler]
// answers requests as the service never did. [Server.CutLinks] and [Server.ExpireSessions] are the bad days.
//
// [Server.Log] holds every request, answer and frame, with passwords, cookies and tokens masked, and [Server.Await] waits
// for one: no test needs to sleep.
//
// # Time
//
// With [InMemory] there is no listener. Such a server works inside a testing/synctest bubble, where three minutes of music
// take no time at all. Create it in the bubble, connect through [Server.DialContext], and close it there, after its clients
// (and the idle connections of their transports): then no goroutine is left.
//
// # Bounds
//
// A server keeps the last 10,000 entries of its log (64 MiB of bodies at most), 10,000 lines of chat a room, 10,000
// sessions and tokens. A websocket whose client does not read is dropped when 16,384 frames or 32 MiB wait for it, or when
// one frame cannot be written for 10 seconds; the others go on. Ids are counted, not drawn, so that a run can be compared
// with the next.
package queuptest
