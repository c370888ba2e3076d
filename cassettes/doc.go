// Package cassettes records the conversation of a program with QueUp, over HTTP and over the websocket, and plays it back
// to a test: without network, without account, the same each time. It plugs into the two seams of this module,
// http.RoundTripper and [realtime.Dialer], and so works for any program that has them:
//
//	func TestJoin(t *testing.T) {
//		c := cassettes.Open(t, "join-room")
//		bot, err := client.New(client.WithTransport(c.Transport()), client.WithDialer(c.Dialer()))
//		...
//	}
//
// docs/TESTING.md shows a whole test, and when package queuptest is the better choice.
//
// # Recording
//
// A test records when it is run with QUEUP_CASSETTE=rewrite, or =once if there is no recording yet, or =new for what is missing; see
// [ModeVar] and [Mode]. Requests go through [Through] and [ThroughDialer], to QueUp or to a queuptest, and two files are written to
// testdata when the test has passed: <name>.http.yaml, in the format of go-vcr v3, and <name>.ws.jsonl, one record a
// line below a header. A test that failed, panicked, was skipped or made no request leaves the files as they were. Of two tests
// that record under one name in one run, the second fails. The header names the pair and counts its records, so that halves
// of two recordings and cut files are refused. Recordings are refused in CI. Read them before you commit them.
//
// # Additions
//
// With QUEUP_CASSETTE=new a test plays its recording, and only what the recording does not have goes over the network. If the test
// passes, both files are written with the new requests and connections behind the old ones. What was there stays as it was. If nothing
// was missing, nothing is written. Without a recording the mode records everything.
//
// The server has not seen what was played. So this mode is for additions that do not depend on it:
//
//   - A request without a session is sent as it is.
//   - If the login of its session was played, the program's login is sent to the server first, once for each account and without being
//     recorded. The request then has a cookie of that session. This needs a real name and password. A room that was joined in the
//     recording is not joined at the server.
//   - An account that the recording does not have logs in at the server, and everything that it does is recorded. It logs in after the
//     recorded accounts; if there are several of these, they log in with the recorded names.
//   - A request or a handshake with anything else from the recording fails the test with [ErrNotAdded]: a token, a cookie without a login,
//     the id of an anonymous person. So does a frame on a connection that is played, and a connection in a test with [Stepped].
//   - So does anything missing if the test records from another source than the recording, see [Source].
//
// The message says why, and how to record everything again. A text that the program sends keeps its placeholder. Other new secrets get new
// placeholders, also a person of an [Anonymous] recording who comes again: the recording does not have the real name. The date and the
// library in the header stay those of the first recording.
//
// # Secrets
//
// Passwords, names of logins, cookies, tokens, Authorization headers, mail and IP addresses become placeholders, the same
// one for the same secret, before anything is written. A secret is recognised by the name of its field (password, pwd,
// refreshToken, sessionId, csrf and so on, in JSON, forms, parts and queries), or by its form: the tokens of well-known
// services, JSON Web Tokens, long hexadecimal numbers, the path of a webhook. A secret of another form is not known. [Secrets] adds others, [Anonymous] replaces the identities of
// people, and [StableIDs] makes two recordings of one scene differ less. Then everything that would be written is searched for all of these secrets: as they are, escaped for URLs, JSON
// or HTML, and in base64. If one is found nothing is written, and the test fails with the place. (The name of a login is
// public and occurs elsewhere, so it is masked only in the login, and not searched for.) Frames and bodies are otherwise
// kept byte by byte: a recording is read back and compared before it replaces another. Only headers that matter to a program
// are kept, such as Content-Type, ETag, Link and Retry-After. Everything that the program sends is redacted before it is
// compared or shown, so a test may log in with any password.
//
// The fixed words of the protocol are never rewritten: names of fields, names of events, kinds of channels and the fixed
// parts of paths, as docs/PROTOCOL.md has them. So a password "message" or a person called "data" is taken out of texts
// only. Where the protocol is not known, and a secret may as well be a name or a part of a path, the recording is
// refused, and the error says which kind of secret to change.
//
// # Playing
//
// A request is matched by its method, path, query and body, whatever their order and spelling. Values that are new each
// time do not count: a time in milliseconds, the id of a request, the number of a placeholder. Equal requests get their
// answers in the recorded order; different ones may come in any order. Handshakes come in order. On a connection, the
// program's frames are compared as JSON, in order for each action and channel, and the server's later frames on that
// channel wait for them. An event also waits for the requests that were sent before it, and
// up to a second for earlier frames on other channels. Pings are answered,
// not compared, so a recording may be played faster or slower than it was made.
//
// [Ignore] leaves out other fields of a request that are new each time, [Match] compares requests by a function, and
// [Repeat] is for polls and clocks, whose number is chance. A request for another host than the recorded one does not
// match; a host on the loopback, such as a queuptest, stands for any host. [PassThrough] and [Refuse] name hosts that do
// not belong to the recording.
//
// Requests of one account keep their cause and effect, if their paths have a part in common, such as the id of a room: a
// read waits for the changes that were sent before its answer, and a change waits for the reads that were answered
// before it. A program that acts in another order than it did waits in
// vain. It gets the answer once nothing has been played for two seconds, or after ten, and the test logs the order.
// Requests of different accounts do not wait for each other.
//
// Each account gets its own answers and connections, in whatever order the accounts log in: a cookie or a token from the
// recording belongs to the account that got it there. A login is recognised by its name. The recording does not have the
// name, only one byte of its hash, and that only if several accounts log in. So a test with several accounts logs in with
// the recorded names, or in the recorded order.
//
// Everything comes as soon as possible ([AtOnce]), or at its time ([Speed]), or when the test asks for it ([Stepped],
// [Cassette.Next], [Cassette.Until]). A recording does not wait for a test that is still subscribing: subscribe before
// you join, or use Stepped. An answer may come before an event that the server had sent before it. Which frames a program
// still sends to leave its channels before it closes is chance, so they are neither needed nor refused. A cassette
// has no goroutines and uses the clock of package time. So it works inside a testing/synctest bubble, opened and used
// there, and recording works there over net.Pipe.
//
// # Strictness
//
// A request or frame that the recording does not have fails the test at once. The message shows what was sent, the most
// similar record, their differences, the records played last, and how to record again. Then the connections end for good
// with an error, and so does [Cassette.Context], for a test to wait in. A test that still waits after 5 s of real time ends
// the process with the message, also from a synctest bubble.
//
// A program that sends nothing where the recording has a request or a frame ends the test in the same way. The message names
// what is missing. This takes 30 s of real time in which nothing can be played, and the pause that the program made there when
// it was recorded. So a test that works slowly is not ended. A recording without a websocket does not have such pauses, so a
// test that only sends requests is not ended either.
//
// Records that were never used fail the test at its end. [AllowUnmatched] and [AllowUnused] are more lenient.
//
// # Verification
//
// With QUEUP_CASSETTE=verify the test runs against the real server and is compared with the recording. It fails if an
// operation has another status or content type, if a kind of event is missing or new, and if a field has another type or
// is there on one side only. null counts as a type of its own, unless the recording always has null. Values do not count.
// An operation that was requested on one side only is listed, not failed. AllowUnused accepts missing kinds of events,
// AllowUnmatched new ones: use them in a room where strangers come and go. The result is printed even without -v. Only
// when go test is given packages by name does it drop all output of a package that passes; then add -v.
//
// # Faults
//
// [DropAfter], [StallAfter], [Truncate], [Duplicate] and [Corrupt] add the faults of a bad network to any recording.
//
// After DropAfter and StallAfter a program makes the requests of a reconnect, and a recording without a reconnect does not
// have their answers. So record one (queuptest's Server.CutLinks makes one). Let it come before the events that the test
// waits for, so that its answers are not newer than the events received. Let it come some quiet minutes after the
// beginning, so that the program has recovered by then. Or use AllowUnmatched, and these requests fail. Play such a test
// with [Speed] in a synctest bubble: at the pace AtOnce the recording is over before the program has reconnected.
package cassettes
