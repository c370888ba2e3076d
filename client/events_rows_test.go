package client_test

// sent is an event as QueUp sends it.
type sent struct{ name, data string }

// Events that others follow.
var (
	newcomerJoins = sent{"user-join", `{"type":"user-join","user":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"},"roomUser":{"_id":"65c3b2d1e5f9ca0013bc0004","userid":"65b2a1c0d4e8b90012ab0004"}}`}
	aLine         = sent{"chat-message", `{"type":"chat-message","chatid":"65b2a1c0d4e8b90012ab0001-1730000000000","message":"spam &amp; more","time":1730000000000,"user":{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"}}`}
	aSong         = sent{"room_playlist-update", `{"type":"room_playlist-update","startTime":-1,"song":{"_id":"65d4c3e2f60adb0014cd0001","created":1729998000000,"played":1730000000000,"isActive":true,"songLength":215000,"updubs":0,"downdubs":0,"userid":"65b2a1c0d4e8b90012ab0001","songid":"65e5d4f3071bec0015de0001"},"songInfo":{"_id":"65e5d4f3071bec0015de0001","name":"Artist - Title","type":"youtube","fkid":"AbCdEfGhIjK","songLength":215000}}`}
	aRole         = sent{"room-role-create", `{"type":"room-role-create","role":{"id":"65f6e504182cfd0016ef0007","label":"Night Crew","position":128,"permissions":["queue.join"]}}`}
	vipIsGiven    = sent{"user-setrole", `{"type":"user-setrole","user":{"_id":"65b2a1c0d4e8b90012ab0009"},"modUser":{"_id":"65b2a1c0d4e8b90012ab0003"},"role_object":{"_id":"5615fe1ee596154fc2000001","type":"vip","label":"VIP","rights":["skip"]}}`}
	crewIsGiven   = sent{"user-setrole", `{"type":"user-setrole","user":{"_id":"65b2a1c0d4e8b90012ab0009"},"targetUser":{"_id":"65b2a1c0d4e8b90012ab0003"},"role":{"id":"65f6e504182cfd0016ef0007"}}`}
)

// eventRows are the events that QueUp is known to send, and what becomes of them. The first row of each name is the event as
// it should be, which every odd form that all events can take is tried on; the others are odd in their own way.
var eventRows = []struct {
	form    string // empty: as it should be
	before  []sent
	event   sent
	want    []string // all that is heard, in order
	classic bool     // in the world of fixed roles
}{
	// Chat.
	{
		event: sent{"chat-message", `{"type":"chat-message","chatid":"65b2a1c0d4e8b90012ab0001-1730000000000","message":"hello &amp; welcome","time":1730000000000,"user":{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster","status":1,"roleid":1,"dubs":0,"created":1700000000000,"_force_updated":1729990000000,"userInfo":{"_id":"65b2a1c0d4e8b90012ab0002","userid":"65b2a1c0d4e8b90012ab0001","__v":0},"__v":0},"queue_object":{"_id":"65c3b2d1e5f9ca0013bc0001","updated":1729999000000,"skippedCount":0,"playedCount":12,"songsInQueue":3,"active":true,"dubs":40,"order":99999,"roomid":"65a1f0c2d4e8b90012ab34cd","userid":"65b2a1c0d4e8b90012ab0001","_user":"65b2a1c0d4e8b90012ab0001","authorized":true,"ot_token":null,"queuePaused":null,"waitLine":0,"roleid":"52d1ce33c38a06510c000001","__v":0}}`},
		want:  []string{`Chat "hello & welcome" of mixmaster#0001 at 2024-10-27T03:33:20Z, kept; mixmaster#0001 bc0001, 40 dubs, 12 played, 3 queued, [Moderator]`}, classic: true,
	},
	{
		form:  "its id tells who wrote",
		event: sent{"chat-message", `{"chatid":"65b2a1c0d4e8b90012ab0001-1730000000001","message":"hi"}`},
		want:  []string{`Chat "hi" of mixmaster#0001, kept; mixmaster#0001, []`},
	},
	{
		form:  "the record tells who wrote, and that is all",
		event: sent{"chat-message", `{"type":null,"chatid":"1","message":null,"time":null,"user":null,"queue_object":{"userid":"65b2a1c0d4e8b90012ab0003"}}`},
		want:  []string{`Chat "" of listener3#0003, kept; listener3#0003, []`},
	},
	{
		form:  "a time as text, from somebody who is not in the room",
		event: sent{"chat-message", `{"chatid":"65b2a1c0d4e8b90012ab0077-1","message":"boo","time":"2024-10-27T03:33:20.500Z","user":{"_id":"65b2a1c0d4e8b90012ab0077","username":"ghost"}}`},
		want:  []string{`Chat "boo" of ghost#0077 at 2024-10-27T03:33:20.5Z, kept; ghost#0077, []`},
	},
	{
		form:  "entities of every kind, once",
		event: sent{"chat-message", `{"chatid":"65b2a1c0d4e8b90012ab0001-2","message":"&lt;b&gt; &amp;lt; &quot;&#34; &apos;&#39; &amp;amp;\n&hearts &amp","user":"65b2a1c0d4e8b90012ab0001"}`},
		want:  []string{`Chat "<b> &lt; \"\" '' &amp;\n&hearts &amp" of mixmaster#0001, kept; mixmaster#0001, []`},
	},
	{
		form:  "a new name",
		event: sent{"chat-message", `{"chatid":"65b2a1c0d4e8b90012ab0001-3","message":7,"user":{"_id":"65b2a1c0d4e8b90012ab0001","username":"MixMistress"},"queue_object":7}`},
		want:  []string{`Chat "7" of MixMistress#0001, kept; MixMistress#0001, []`},
	},
	{
		form:   "roles in every form",
		before: []sent{aRole},
		event:  sent{"chat-message", `{"chatid":"65b2a1c0d4e8b90012ab0001-4","message":"hi","user":{"userInfo":{"userid":"65b2a1c0d4e8b90012ab0001"}},"queue_object":{"userid":"65b2a1c0d4e8b90012ab0001","roleids":[null,"65f6e504182cfd0016ef0007",{"_id":"65f6e504182cfd0016ef0017","label":"A"},{"id":"65f6e504182cfd0016ef0018","label":"B","position":"7"},{}]}}`},
		want:   []string{`Chat "hi" of mixmaster#0001, kept; mixmaster#0001, [Night Crew B A]`},
	},
	{
		event:  sent{"delete-chat-message", `{"type":"delete-chat-message","chatid":"65b2a1c0d4e8b90012ab0001-1730000000000","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate","userInfo":{"userid":"65b2a1c0d4e8b90012ab0009"}}}`},
		before: []sent{aLine},
		want:   []string{`ChatDeleted "spam & more" of mixmaster#0001 at 2024-10-27T03:33:20Z, deleted, kept; by modkate#0009`},
	},
	{
		form:  "of a line that is not known",
		event: sent{"delete-chat-message", `{"chatid":"65b2a1c0d4e8b90012ab0001-99","user":null}`},
		want:  []string{`ChatDeleted "" of nobody, deleted; by nobody`},
	},
	{
		event:  sent{"delete-chat-message-global", `{"type":"delete-chat-message-global","userdid":"65b2a1c0d4e8b90012ab0001","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"}}`},
		before: []sent{aLine},
		want:   []string{`ChatCleared of mixmaster#0001, by modkate#0009; 1 of 1 lines are deleted`},
	},
	{
		form:  "of nobody",
		event: sent{"delete-chat-message-global", `{"userdid":null}`},
		want:  []string{`Malformed: queup: the event does not say who it is about`},
	},

	// What plays.
	{
		event: sent{"chat-skip", `{"type":"chat-skip","username":"mixmaster"}`},
		want:  []string{`SongSkipped "Slow & Steady" of mixmaster#0001, 1h0m0s, +0 -0, skipped; by mixmaster#0001`},
	},
	{
		form:  "by somebody whose name is written otherwise",
		event: sent{"chat-skip", `{"username":"ModKate"}`},
		want:  []string{`SongSkipped "Slow & Steady" of mixmaster#0001, 1h0m0s, +0 -0, skipped; by modkate#0009`},
	},
	{
		form:  "by a stranger",
		event: sent{"chat-skip", `{"username":"ghost"}`},
		want:  []string{`SongSkipped "Slow & Steady" of mixmaster#0001, 1h0m0s, +0 -0, skipped; by ghost#`},
	},
	{
		form:  "by nobody",
		event: sent{"chat-skip", `{"username":null}`},
		want:  []string{`SongSkipped "Slow & Steady" of mixmaster#0001, 1h0m0s, +0 -0, skipped; by nobody`},
	},
	{
		event: sent{"room_playlist-update", `{"type":"room_playlist-update","startTime":-1,"song":{"_id":"65d4c3e2f60adb0014cd0001","created":1729998000000,"played":1730000000000,"isActive":true,"isPlayed":false,"skipped":false,"order":4,"roomid":"65a1f0c2d4e8b90012ab34cd","songLength":215000,"updubs":0,"downdubs":0,"userid":"65b2a1c0d4e8b90012ab0001","songid":"65e5d4f3071bec0015de0001","_user":"65b2a1c0d4e8b90012ab0001","_song":"65e5d4f3071bec0015de0001","__v":0},"songInfo":{"_id":"65e5d4f3071bec0015de0001","name":"Artist - Title","type":"youtube","fkid":"AbCdEfGhIjK","songLength":215000,"images":{"thumbnail":"https://i.example/AbCdEfGhIjK.jpg"},"created":"2024-01-02T03:04:05.678Z","__v":0}}`},
		want: []string{
			`PlaylistUpdated "Artist - Title" of mixmaster#0001, 3m35s, +0 -0, since 2024-10-27T03:33:20Z`,
			`SongChanged "Artist - Title" of mixmaster#0001, 3m35s, +0 -0, since 2024-10-27T03:33:20Z, playing now; from youtube AbCdEfGhIjK, https://i.example/AbCdEfGhIjK.jpg, made 2024-01-02T03:04:05.678Z; before "Slow & Steady" of mixmaster#0001, 1h0m0s, +0 -0`,
		},
	},
	{
		form:  "without the media",
		event: sent{"room_playlist-update", `{"startTime":"soon","song":{"_id":"65d4c3e2f60adb0014cd0001","songLength":"215000","userid":"65b2a1c0d4e8b90012ab0001","songid":"65e5d4f3071bec0015de0001","_song":null},"songInfo":null}`},
		want: []string{
			`PlaylistUpdated "Artist & Title" of mixmaster#0001, 3m35s, +0 -0`,
			`SongChanged "Artist & Title" of mixmaster#0001, 3m35s, +0 -0, playing now; from soundcloud 4711; before "Slow & Steady" of mixmaster#0001, 1h0m0s, +0 -0`,
		},
	},
	{
		form:  "with objects in the place of ids, and a broken import",
		event: sent{"room_playlist-update", `{"startTime":1.5,"song":{"_id":"65d4c3e2f60adb0014cd0001","songLength":60000.0,"updubs":"2","downdubs":null,"played":null,"_user":{"_id":"65b2a1c0d4e8b90012ab0078","username":"guest78"},"_song":{"_id":"65e5d4f3071bec0015de0009","songLength":60000}}}`},
		want: []string{
			`PlaylistUpdated #0009 of guest78#0078, 1m0s, +2 -0`,
			`SongChanged #0009 of guest78#0078, 1m0s, +2 -0, playing now; from  ; before "Slow & Steady" of mixmaster#0001, 1h0m0s, +0 -0`,
		},
	},
	{
		form:   "once more, because the queue behind it has changed",
		before: []sent{aSong},
		event:  sent{"room_playlist-update", `{"startTime":"63","song":{"_id":"65d4c3e2f60adb0014cd0001","songLength":215000,"updubs":3,"userid":"65b2a1c0d4e8b90012ab0001","songid":"65e5d4f3071bec0015de0001"}}`},
		want:   []string{`PlaylistUpdated "Artist - Title" of mixmaster#0001, 3m35s, +3 -0, since 2024-10-27T03:33:20Z`},
	},
	{
		form:  "of nothing",
		event: sent{"room_playlist-update", `{"startTime":null,"song":null,"songInfo":null}`},
		want:  []string{`PlaylistUpdated nothing`},
	},
	{
		event:  sent{"room_playlist-dub", `{"type":"room_playlist-dub","dubtype":"updub","user":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3","userInfo":{"userid":"65b2a1c0d4e8b90012ab0003"}},"playlist":{"_id":"65d4c3e2f60adb0014cd0001","updubs":1,"downdubs":0,"songLength":215000,"played":1730000000000,"isActive":true,"isPlayed":false,"skipped":false,"order":4,"roomid":"65a1f0c2d4e8b90012ab34cd","userid":"65b2a1c0d4e8b90012ab0001","songid":"65e5d4f3071bec0015de0001","created":1729998000000}}`},
		before: []sent{aSong},
		want:   []string{`Dub up by listener3#0003, "Artist - Title" of mixmaster#0001, 3m35s, +1 -0, since 2024-10-27T03:33:20Z, playing now; votes [listener3] []`},
	},
	{
		form:   "against it, with little else",
		before: []sent{aSong},
		event:  sent{"room_playlist-dub", `{"dubtype":"downdub","user":"65b2a1c0d4e8b90012ab0009","playlist":{"_id":"65d4c3e2f60adb0014cd0001","downdubs":"1"}}`},
		want:   []string{`Dub down by modkate#0009, "Artist - Title" of mixmaster#0001, 3m35s, +0 -1, since 2024-10-27T03:33:20Z, playing now; votes [] [modkate]`},
	},
	{
		form:  "for a song that is over",
		event: sent{"room_playlist-dub", `{"dubtype":"updub","user":null,"playlist":{"_id":"65d4c3e2f60adb0014cd0005","updubs":4,"userid":"65b2a1c0d4e8b90012ab0003","songid":"65e5d4f3071bec0015de0005"}}`},
		want:  []string{`Dub up by nobody, #0005 of listener3#0003, 0s, +4 -0; votes [] []`},
	},
	{
		event:  sent{"room_playlist-queue-update-grabs", `{"type":"room_playlist-queue-update-grabs","user":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"},"playlist":{"_id":"65d4c3e2f60adb0014cd0001","updubs":1,"downdubs":0,"grabs":1,"userid":"65b2a1c0d4e8b90012ab0001","songid":"65e5d4f3071bec0015de0001","roomid":"65a1f0c2d4e8b90012ab34cd"}}`},
		before: []sent{aSong},
		want:   []string{`Grab by listener3#0003, "Artist - Title" of mixmaster#0001, 3m35s, +0 -0, 1 grabs, since 2024-10-27T03:33:20Z, playing now; grabbers [listener3]`},
	},
	{
		form:   "without a count",
		before: []sent{aSong},
		event:  sent{"room_playlist-queue-update-grabs", `{"user":"65b2a1c0d4e8b90012ab0009","playlist":{"_id":"65d4c3e2f60adb0014cd0001","grabs":null}}`},
		want:   []string{`Grab by modkate#0009, "Artist - Title" of mixmaster#0001, 3m35s, +0 -0, 1 grabs, since 2024-10-27T03:33:20Z, playing now; grabbers [modkate]`},
	},

	// The queue.
	{
		event: sent{"room_playlist-queue-update-dub", `{"type":"room_playlist-queue-update-dub","user":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3","userInfo":{"userid":"65b2a1c0d4e8b90012ab0003"}}}`},
		want:  []string{`QueueUpdated 5s later: "Tide <Live>" of listener3#0003, 2m0s, +0 -0`},
	},
	{
		event: sent{"room_playlist-queue-update", `{"type":"room_playlist-queue-update"}`},
		want:  []string{`QueueUpdated 5s later: "Tide <Live>" of listener3#0003, 2m0s, +0 -0`},
	},
	{
		event: sent{"room_playlist-queue-reorder", `{"type":"room_playlist-queue-reorder","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"}}`},
		want: []string{
			`QueueReordered by modkate#0009`,
			`QueueUpdated 5s later: "Tide <Live>" of listener3#0003, 2m0s, +0 -0`,
		},
	},
	{
		event: sent{"room_playlist-queue-remove-user-song", `{"type":"room_playlist-queue-remove-user-song","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"removedUser":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"}}`},
		want: []string{
			`SongRemoved of listener3#0003, 1 queued, []; by modkate#0009`,
			`QueueUpdated 5s later: "Tide <Live>" of listener3#0003, 2m0s, +0 -0`,
		},
	},
	{
		form:  "by nobody, of a stranger",
		event: sent{"room_playlist-queue-remove-user-song", `{"user":{},"removedUser":{"_id":"65b2a1c0d4e8b90012ab0077","username":"ghost"}}`},
		want: []string{
			`SongRemoved of ghost#0077, []; by nobody`,
			`QueueUpdated 5s later: "Tide <Live>" of listener3#0003, 2m0s, +0 -0`,
		},
	},
	{
		event: sent{"room_playlist-queue-remove-user", `{"type":"room_playlist-queue-remove-user","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"removedUser":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"}}`},
		want: []string{
			`DJRemoved of listener3#0003, 1 queued, []; by modkate#0009; queued now: 0`,
			`QueueUpdated 5s later: "Tide <Live>" of listener3#0003, 2m0s, +0 -0`,
		},
	},
	{
		form:  "of nobody",
		event: sent{"room_playlist-queue-remove-user", `{"removedUser":[]}`},
		want:  []string{`Malformed: queup: the event does not say who it is about`},
	},
	{
		event: sent{"user-pause-queue", `{"type":"user-pause-queue","user":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"},"user_queue":{"_id":"65c3b2d1e5f9ca0013bc0003","userid":"65b2a1c0d4e8b90012ab0003","roomid":"65a1f0c2d4e8b90012ab34cd","songsInQueue":2,"queuePaused":1}}`},
		want: []string{
			`QueuePaused true, listener3#0003 bc0003, 2 queued, paused, []; by listener3#0003; queued now: 0`,
			`QueueUpdated 5s later: "Tide <Live>" of listener3#0003, 2m0s, +0 -0`,
		},
	},
	{
		form:  "paused no more, as null, and only the record says who",
		event: sent{"user-pause-queue", `{"user":null,"user_queue":{"userid":"65b2a1c0d4e8b90012ab0003","queuePaused":null}}`},
		want: []string{
			`QueuePaused false, listener3#0003, 1 queued, []; by nobody; queued now: 1`,
			`QueueUpdated 5s later: "Tide <Live>" of listener3#0003, 2m0s, +0 -0`,
		},
	},
	{
		event: sent{"user-pause-queue-mod", `{"type":"user-pause-queue-mod","user":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"},"mod":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"user_queue":{"userid":"65b2a1c0d4e8b90012ab0003","queuePaused":1}}`},
		want: []string{
			`QueuePaused true, listener3#0003, 1 queued, paused, []; by modkate#0009; queued now: 0`,
			`QueueUpdated 5s later: "Tide <Live>" of listener3#0003, 2m0s, +0 -0`,
		},
	},
	{
		form:  "as a boolean in quotes, with ids alone",
		event: sent{"user-pause-queue-mod", `{"user":"65b2a1c0d4e8b90012ab0003","mod":"65b2a1c0d4e8b90012ab0009","user_queue":{"queuePaused":"true"}}`},
		want: []string{
			`QueuePaused true, listener3#0003, 1 queued, paused, []; by modkate#0009; queued now: 0`,
			`QueueUpdated 5s later: "Tide <Live>" of listener3#0003, 2m0s, +0 -0`,
		},
	},
	{
		event: sent{"room-lock-queue", `{"type":"room-lock-queue","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"room":{"_id":"65a1f0c2d4e8b90012ab34cd","lockQueue":true}}`},
		want:  []string{`QueueLocked true by modkate#0009; the room has true`},
	},
	{
		form:  "as a number, of a room without an id",
		event: sent{"room-lock-queue", `{"room":{"lockQueue":1}}`},
		want:  []string{`QueueLocked true by nobody; the room has true`},
	},
	{
		form:  "of another room",
		event: sent{"room-lock-queue", `{"room":{"_id":"65a1f0c2d4e8b90012ab34ce","lockQueue":true}}`},
	},

	// The room.
	{
		event: sent{"room-update", `{"type":"room-update","room":{"_id":"65a1f0c2d4e8b90012ab34cd","name":"Night Room","roomType":"room","lockQueue":false,"maxLengthSong":10},"passwordUpdated":false}`},
		want:  []string{`RoomUpdated "Night Room" lounge of landlord, songs up to 10m0s, locked false; the room has it`},
	},
	{
		form:  "with numbers in quotes and things that are gone",
		event: sent{"room-update", `{"room":{"name":"Fish & Chips","background":null,"maxLengthSong":"7","lockQueue":"1","new":{}}}`},
		want: []string{
			`QueueLocked true by nobody; the room has true`,
			`RoomUpdated "Fish & Chips" lounge of landlord, songs up to 7m0s, locked true; the room has it`,
		},
	},
	{
		form:  "that tells nothing",
		event: sent{"room-update", `{"room":null}`},
		want:  []string{`RoomUpdated "Day Room" lounge of landlord, songs up to 10m0s, locked false; the room has it`},
	},
	{
		form:  "of another room",
		event: sent{"room-update", `{"room":{"_id":"65a1f0c2d4e8b90012ab34ce","name":"Elsewhere"}}`},
	},
	{
		event: sent{"room-slow-mode", `{"type":"room-slow-mode","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"room":{"_id":"65a1f0c2d4e8b90012ab34cd","slowMode":true}}`},
		want:  []string{`SlowMode true by modkate#0009; the room has true`},
	},
	{
		form:  "as a number in quotes",
		event: sent{"room-slow-mode", `{"user":"65b2a1c0d4e8b90012ab0009","room":{"slowMode":"1"}}`},
		want:  []string{`SlowMode true by modkate#0009; the room has true`},
	},
	{
		event: sent{"room-allow-guest-chat", `{"type":"room-allow-guest-chat","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"room":{"_id":"65a1f0c2d4e8b90012ab34cd","allowGuestsToChat":false}}`},
		want:  []string{`GuestChat false by modkate#0009; the room has false`},
	},
	{
		form:  "as null, by somebody with a name alone",
		event: sent{"room-allow-guest-chat", `{"user":{"username":"ghost"},"room":{"allowGuestsToChat":null}}`},
		want:  []string{`GuestChat false by ghost#; the room has false`},
	},
	{
		event: sent{"room-allow-guest-embed", `{"type":"room-allow-guest-embed","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"room":{"_id":"65a1f0c2d4e8b90012ab34cd","allowGuestsToEmbed":false}}`},
		want:  []string{`GuestEmbed false by modkate#0009; the room has false`},
	},
	{
		form:  "as a number",
		event: sent{"room-allow-guest-embed", `{"room":{"allowGuestsToEmbed":1.0}}`},
		want:  []string{`GuestEmbed true by nobody; the room has true`},
	},

	// Roles.
	{
		event: sent{"room-role-create", `{"type":"room-role-create","role":{"id":"65f6e504182cfd0016ef0007","roomId":"65a1f0c2d4e8b90012ab34cd","templateKey":null,"type":"custom","label":"Night Crew","position":128,"color":"#00aeff","permissions":["queue.view","queue.join"],"isDefault":false,"mentionable":false,"displaySeparately":true}}`},
		want:  []string{`RoleCreated "Night Crew" at 128 #00aeff [queue.view queue.join]; the room has it`},
	},
	{
		form:  "with the names of old, holes, and an id under another name",
		event: sent{"room-role-create", `{"role":{"_id":"65f6e504182cfd0016ef0007","label":"A & B","position":"128.0","permissions":[null,"skip",null,"members.kick"],"isDefault":0}}`},
		want:  []string{`RoleCreated "A & B" at 128  [queue.skip members.kick]; the room has it`},
	},
	{
		form:  "of no role",
		event: sent{"room-role-create", `{"role":null}`},
		want:  []string{`Malformed: queup: the event does not say which role it is about`},
	},
	{
		event:  sent{"room-role-update", `{"type":"room-role-update","role":{"id":"65f6e504182cfd0016ef0007","roomId":"65a1f0c2d4e8b90012ab34cd","templateKey":null,"label":"Late Crew","position":128,"color":"#00aeff","permissions":["queue.view"],"isDefault":false,"mentionable":true,"displaySeparately":true}}`},
		before: []sent{aRole},
		want:   []string{`RoleUpdated "Late Crew" at 128 #00aeff [queue.view]; the room has it`},
	},
	{
		form:  "of a role that is news",
		event: sent{"room-role-update", `{"role":{"id":"65f6e504182cfd0016ef0007","label":"Late Crew","permissions":null}}`},
		want:  []string{`RoleUpdated "Late Crew" at 0  []; the room has it`},
	},
	{
		event:  sent{"room-role-delete", `{"type":"room-role-delete","roleid":"65f6e504182cfd0016ef0007"}`},
		before: []sent{aRole},
		want:   []string{`RoleDeleted "Night Crew" at 128  [queue.join]; the room does not have it`},
	},
	{
		form:  "of a role that is not known",
		event: sent{"room-role-delete", `{"roleid":{"id":"65f6e504182cfd0016ef0008","label":"?"}}`},
		want:  []string{`RoleDeleted "#0008" at 0  []; the room does not have it`},
	},
	{
		event: sent{"room-roles-reorder", `{"type":"room-roles-reorder","roles":[{"id":"65f6e504182cfd0016ef0003","templateKey":"mod","label":"Moderator","position":640,"permissions":["members.kick"],"isDefault":false},{"id":"65f6e504182cfd0016ef0008","templateKey":"guest","label":"Guest","position":0,"permissions":["chat.send"],"isDefault":true}]}`},
		want:  []string{`RolesReordered Moderator (640), Guest (0); the room has [Moderator Guest]`},
	},
	{
		form:  "with holes and the default role first",
		event: sent{"room-roles-reorder", `{"roles":[null,{"id":"65f6e504182cfd0016ef0008","label":"Guest","position":"0","isDefault":1},{"_id":"65f6e504182cfd0016ef0003","label":"Mod","position":1.0},null]}`},
		want:  []string{`RolesReordered Mod (1), Guest (0); the room has [Mod Guest]`},
	},
	{
		event: sent{"user-setrole", `{"type":"user-setrole","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"modUser":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"},"role_object":{"_id":"5615fe1ee596154fc2000001","type":"vip","label":"VIP","rights":["skip","set-dj"],"__v":0}}`},
		want:  []string{`RoleSet "VIP" at 512  [queue.skip set-dj] for listener3#0003, 1 queued, [VIP]; by modkate#0009`}, classic: true,
	},
	{
		form:  "by ids alone",
		event: sent{"user-setrole", `{"user":"65b2a1c0d4e8b90012ab0009","modUser":"65b2a1c0d4e8b90012ab0003","role_object":"5615fe1ee596154fc2000001"}`},
		want:  []string{`RoleSet "VIP" at 512  [queue.skip set-dj chat.send] for listener3#0003, 1 queued, [VIP]; by modkate#0009`}, classic: true,
	},
	{
		form:  "of a role of the room's own",
		event: sent{"user-setrole", `{"type":"user-setrole","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"targetUser":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"},"role":{"id":"65f6e504182cfd0016ef0004","roomId":"65a1f0c2d4e8b90012ab34cd","templateKey":"vip","label":"VIP","position":512,"permissions":["queue.skip"],"isDefault":false}}`},
		want:  []string{`RoleSet "VIP" at 512  [queue.skip] for listener3#0003, 1 queued, [VIP]; by modkate#0009`},
	},
	{
		form:   "of a role of the room's own, by its id, to somebody who is not there",
		before: []sent{aRole},
		event:  sent{"user-setrole", `{"user":{},"targetUser":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"},"role":"65f6e504182cfd0016ef0007"}`},
		want:   []string{`RoleSet "Night Crew" at 128  [queue.join] for newcomer#0004, [Night Crew]; by nobody`},
	},
	{
		event:  sent{"user-unsetrole", `{"type":"user-unsetrole","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"modUser":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"},"role_object":{"_id":"5615fe1ee596154fc2000001","type":"vip","label":"VIP","rights":["skip","set-dj"],"__v":0}}`},
		before: []sent{vipIsGiven},
		want:   []string{`RoleUnset "VIP" at 512  [queue.skip set-dj] for listener3#0003, 1 queued, []; by modkate#0009`}, classic: true,
	},
	{
		form:   "of a role of the room's own",
		before: []sent{aRole, crewIsGiven},
		event:  sent{"user-unsetrole", `{"type":"user-unsetrole","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"targetUser":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"},"role":{"id":"65f6e504182cfd0016ef0007","templateKey":"vip","label":"VIP","position":512,"permissions":["queue.skip"],"isDefault":false}}`},
		want:   []string{`RoleUnset "VIP" at 512  [queue.skip] for listener3#0003, 1 queued, []; by modkate#0009`},
	},
	{
		form:  "that nobody held, of nobody",
		event: sent{"user-unsetrole", `{"role":{"id":"65f6e504182cfd0016ef0004"}}`},
		want:  []string{`Malformed: queup: the event does not say who it is about`},
	},

	// People.
	{
		event: sent{"user-join", `{"type":"user-join","user":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer","userInfo":{"userid":"65b2a1c0d4e8b90012ab0004"}},"roomUser":{"_id":"65c3b2d1e5f9ca0013bc0004","userid":"65b2a1c0d4e8b90012ab0004","_user":"65b2a1c0d4e8b90012ab0004","roomid":"65a1f0c2d4e8b90012ab34cd","updated":1730000001000,"active":false,"authorized":true,"dubs":0,"order":99999,"playedCount":0,"skippedCount":0,"songsInQueue":0,"queuePaused":null,"waitLine":0,"ot_token":null}}`},
		want:  []string{`MemberJoined newcomer#0004 bc0004, []; a member now: true`},
	},
	{
		form:  "without a record",
		event: sent{"user-join", `{"user":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer","profileImage":null,"userInfo":null},"roomUser":null}`},
		want:  []string{`MemberJoined newcomer#0004, []; a member now: true`},
	},
	{
		form:  "without anything but the record",
		event: sent{"user-join", `{"roomUser":{"_id":"65c3b2d1e5f9ca0013bc0004","_user":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"},"muted":1}}`},
		want:  []string{`MemberJoined newcomer#0004 bc0004, muted, []; a member now: true`},
	},
	{
		form:  "of somebody who is there",
		event: sent{"user-join", `{"user":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"}}`},
	},
	{
		event:  sent{"user-leave", `{"type":"user-leave","user":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"},"room":"65a1f0c2d4e8b90012ab34cd"}`},
		before: []sent{newcomerJoins},
		want:   []string{`MemberLeft newcomer#0004 bc0004, []; a member now: false`},
	},
	{
		form:  "with the room as an object, and only the record says who",
		event: sent{"user-leave", `{"user":null,"roomUser":{"userid":"65b2a1c0d4e8b90012ab0009"},"room":{"_id":"65a1f0c2d4e8b90012ab34cd","roomUrl":"lounge"}}`},
		want:  []string{`MemberLeft modkate#0009, [Moderator]; a member now: false`},
	},
	{
		form:  "of somebody who is not there",
		event: sent{"user-leave", `{"user":"65b2a1c0d4e8b90012ab0004","room":null}`},
	},
	{
		event:  sent{"user-kick", `{"type":"user-kick","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"kickedUser":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"},"message":"please read the rules"}`},
		before: []sent{newcomerJoins},
		want: []string{
			`MemberKicked newcomer#0004 bc0004, []; by modkate#0009, because "please read the rules"`,
			`MemberLeft newcomer#0004 bc0004, []; a member now: false`,
		},
	},
	{
		form:  "of somebody who is not there, with entities",
		event: sent{"user-kick", `{"user":"65b2a1c0d4e8b90012ab0009","kickedUser":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"},"message":"&amp;lt; &quot;no&quot;"}`},
		want:  []string{`MemberKicked newcomer#0004, []; by modkate#0009, because "&lt; \"no\""`},
	},
	{
		form:  "without a reason",
		event: sent{"user-kick", `{"kickedUser":{"userInfo":{"userid":"65b2a1c0d4e8b90012ab0004"}},"message":null}`},
		want:  []string{`MemberKicked #0004, []; by nobody, because ""`},
	},
	{
		event:  sent{"user-ban", `{"type":"user-ban","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"kickedUser":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"},"time":30}`},
		before: []sent{newcomerJoins},
		want: []string{
			`MemberBanned for 30m0s (permanent false), newcomer#0004 bc0004, banned for 30m0s, []; by modkate#0009`,
			`MemberLeft newcomer#0004 bc0004, banned for 30m0s, []; a member now: false`,
		},
	},
	{
		form:  "for a time in quotes",
		event: sent{"user-ban", `{"user":{},"kickedUser":"65b2a1c0d4e8b90012ab0004","time":"90.0"}`},
		want:  []string{`MemberBanned for 1h30m0s (permanent false), #0004, banned for 1h30m0s, []; by nobody`},
	},
	{
		form:  "for good, as zero",
		event: sent{"user-ban", `{"kickedUser":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"},"time":0}`},
		want:  []string{`MemberBanned for 0s (permanent true), newcomer#0004, banned for good, []; by nobody`},
	},
	{
		form:  "for good, as nothing",
		event: sent{"user-ban", `{"kickedUser":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"}}`},
		want:  []string{`MemberBanned for 0s (permanent true), newcomer#0004, banned for good, []; by nobody`},
	},
	{
		event: sent{"user-unban", `{"type":"user-unban","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"kickedUser":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"}}`},
		want:  []string{`MemberUnbanned newcomer#0004, []; by modkate#0009`},
	},
	{
		event:  sent{"user-mute", `{"type":"user-mute","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"mutedUser":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"}}`},
		before: []sent{newcomerJoins},
		want:   []string{`MemberMuted newcomer#0004 bc0004, muted, []; by modkate#0009`},
	},
	{
		form:  "of somebody who is not there, and whose name is not known",
		event: sent{"user-mute", `{"user":null,"mutedUser":"65b2a1c0d4e8b90012ab0004"}`},
		want:  []string{`MemberMuted #0004, muted, []; by nobody`},
	},
	{
		event:  sent{"user-unmute", `{"type":"user-unmute","user":{"_id":"65b2a1c0d4e8b90012ab0009","username":"modkate"},"mutedUser":{"_id":"65b2a1c0d4e8b90012ab0004","username":"newcomer"}}`},
		before: []sent{newcomerJoins, {"user-mute", `{"mutedUser":"65b2a1c0d4e8b90012ab0004"}`}},
		want:   []string{`MemberUnmuted newcomer#0004 bc0004, []; by modkate#0009`},
	},
	{
		event: sent{"user_update_65b2a1c0d4e8b90012ab0003", `{"type":"user_update_65b2a1c0d4e8b90012ab0003","user":{"_id":"65c3b2d1e5f9ca0013bc0003","userid":"65b2a1c0d4e8b90012ab0003","_user":"65b2a1c0d4e8b90012ab0003","roomid":"65a1f0c2d4e8b90012ab34cd","updated":1730000002000,"skippedCount":0,"playedCount":5,"songsInQueue":2,"active":true,"dubs":17,"order":99999,"queuePaused":null,"roleid":"5615fe1ee596154fc2000001","authorized":true,"waitLine":0,"ot_token":null,"__v":0}}`},
		want:  []string{`MemberUpdated listener3#0003 bc0003, 17 dubs, 5 played, 2 queued, [VIP]; the room has it`}, classic: true,
	},
	{
		form:  "with a bare name",
		event: sent{"user_update", `{"user":{"_id":"65c3b2d1e5f9ca0013bc0003","_user":{"_id":"65b2a1c0d4e8b90012ab0003"},"dubs":"18","queuePaused":0,"roleid":null}}`},
		want:  []string{`MemberUpdated listener3#0003 bc0003, 18 dubs, []; the room has it`},
	},
	{
		form:  "of which only the name says who",
		event: sent{"user_update_65b2a1c0d4e8b90012ab0003", `{"user":{"_id":"65c3b2d1e5f9ca0013bc0003","dubs":19.0,"roleid":{"_id":"5615fe1ee596154fc2000001","type":"vip","label":"VIP","rights":null}}}`},
		want:  []string{`MemberUpdated listener3#0003 bc0003, 19 dubs, [VIP]; the room has it`}, classic: true,
	},
	{
		form:  "of nobody",
		event: sent{"user_update", `{"user":null}`},
		want:  []string{`Malformed: queup: the event does not say who it is about`},
	},
	{
		event: sent{"user-update-65b2a1c0d4e8b90012ab0003", `{"type":"user-update-65b2a1c0d4e8b90012ab0003","user":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"},"img":{"public_id":"user/65b2a1c0d4e8b90012ab0003","version":1730000003,"format":"png","resource_type":"image","type":"upload","url":"http://img.example/a.png","secure_url":"https://img.example/a.png"}}`},
		want:  []string{`AvatarUpdated listener3#0003: https://img.example/a.png`},
	},
	{
		form:  "of which only the name says who",
		event: sent{"user-update-65b2a1c0d4e8b90012ab0003", `{"img":{"version":"1","url":"http://img.example/b.png","secure_url":null}}`},
		want:  []string{`AvatarUpdated listener3#0003: http://img.example/b.png`},
	},
	{
		form:  "with a bare name and an id alone",
		event: sent{"user-update", `{"user":"65b2a1c0d4e8b90012ab0003","img":{"secure_url":"https://img.example/c.png"}}`},
		want:  []string{`AvatarUpdated listener3#0003: https://img.example/c.png`},
	},
	{
		event: sent{"user-avatar-update", `{"type":"user-avatar-update","user":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"},"img":{"public_id":null,"key":"avatars/65b2a1c0d4e8b90012ab0003","version":"1730000003","secure_url":"https://img.example/a.png"}}`},
		want:  []string{`AvatarUpdated listener3#0003: https://img.example/a.png`},
	},
	{
		form:  "of nobody",
		event: sent{"user-avatar-update", `{"img":null}`},
		want:  []string{`Malformed: queup: the event does not say who it is about`},
	},

	// What has nothing to do with a room.
	{
		event: sent{"new-message", `{"type":"new-message","userid":"65b2a1c0d4e8b90012ab0003","messageid":"6607f615293d0e0017f00001"}`},
		want:  []string{`PrivateMessage "hello & welcome" of listener3#0003 at 2024-10-27T03:33:19Z; with [listener3]`},
	},
	{
		form:  "with objects in the place of ids",
		event: sent{"new-message", `{"userid":{"_id":"65b2a1c0d4e8b90012ab0003"},"messageid":{"_id":"6607f615293d0e0017f00001"}}`},
		want:  []string{`PrivateMessage "hello & welcome" of listener3#0003 at 2024-10-27T03:33:19Z; with [listener3]`},
	},
	{
		form:  "that does not say who wrote",
		event: sent{"new-message", `{"userid":null,"messageid":"6607f615293d0e0017f00001"}`},
		want:  []string{`PrivateMessage "hello & welcome" of listener3#0003 at 2024-10-27T03:33:19Z; with [listener3]`},
	},
	{
		form:  "that does not say where",
		event: sent{"new-message", `{"userid":"65b2a1c0d4e8b90012ab0003"}`},
		want:  []string{`Malformed: queup: the event does not say which conversation it is about`},
	},
	{
		event: sent{"comment-add", `{"type":"comment-add","comment":{"_id":"66180726304e1f0018010001","comment":"nice","userid":"65b2a1c0d4e8b90012ab0003","created":1730000004000,"updubs":0,"downdubs":0}}`},
		want:  []string{`CommentAdded #0001 "nice" of #0003 at 2024-10-27T03:33:24Z, +0 -0`},
	},
	{
		form:  "with a time as text and numbers in quotes",
		event: sent{"comment-add", `{"comment":{"_id":"66180726304e1f0018010001","comment":"a & b","userid":{"_id":"65b2a1c0d4e8b90012ab0003"},"created":"2024-10-27T03:33:24Z","updubs":"2","downdubs":null}}`},
		want:  []string{`CommentAdded #0001 "a & b" of #0003 at 2024-10-27T03:33:24Z, +2 -0`},
	},
	{
		event: sent{"comment-remove", `{"type":"comment-remove","comment":{"_id":"66180726304e1f0018010001"}}`},
		want:  []string{`CommentRemoved #0001 "" of #, +0 -0, deleted`},
	},
	{
		form:  "with all of it, and nulls",
		event: sent{"comment-remove", `{"comment":{"_id":"66180726304e1f0018010001","comment":"nice","userid":"65b2a1c0d4e8b90012ab0003","created":null,"updubs":null,"downdubs":"1"}}`},
		want:  []string{`CommentRemoved #0001 "nice" of #0003, +0 -1, deleted`},
	},
	{
		event: sent{"comment-update-66180726304e1f0018010001", `{"type":"comment-update-66180726304e1f0018010001","comment":{"_id":"66180726304e1f0018010001","updubs":1,"downdubs":0}}`},
		want:  []string{`CommentUpdated #0001 "" of #, +1 -0`},
	},
	{
		form:  "with a bare name",
		event: sent{"comment-update", `{"comment":{"_id":"66180726304e1f0018010001","updubs":1.0}}`},
		want:  []string{`CommentUpdated #0001 "" of #, +1 -0`},
	},
	{
		form:  "of which only the name says what",
		event: sent{"comment-update-66180726304e1f0018010001", `{"comment":null}`},
		want:  []string{`CommentUpdated #0001 "" of #, +0 -0`},
	},

	// What this version does not know.
	{
		form:  "a name that is new",
		event: sent{"room-fireworks", `{"type":"room-fireworks","colour":"red"}`},
		want:  []string{`Unknown`},
	},
	{
		form:  "a name that is neither of two",
		event: sent{"user_update-65b2a1c0d4e8b90012ab0003", `{"user":{"userid":"65b2a1c0d4e8b90012ab0003"}}`},
		want:  []string{`Unknown`},
	},
	{
		form:  "what is no object",
		event: sent{"chat-message", `[{"message":"hi"}]`},
		want:  []string{`Malformed: malformed event "chat-message"`},
	},
}
