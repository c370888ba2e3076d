// Package cassettes records what a program says to QueUp and what QueUp answers, over HTTP and over the websocket, and
// plays it back to a test: without network, without account, the same each time. It stands on the two seams of this
// module, http.RoundTripper and [realtime.Dialer], and so works for any program that has them:
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
// A test records when it is run with QUEUP_CASSETTE=rewrite, or =once if there is no recording yet; see [ModeVar] and
// [Mode]. Requests go through [Through] and [ThroughDialer], to QueUp or to a queuptest, and two files are written to
// testdata when the test has passed: <name>.http.yaml, in the format of go-vcr v3, and <name>.ws.jsonl, one record a
// line below a header. Recordings are refused in CI. Read them before you commit them.
//
// # Secrets
//
// Passwords, the names people log in by, cookies, tokens, Authorization headers, mail and IP addresses become
// placeholders, the same one for the same secret, before anything is written; [Secrets] adds others, [Anonymous] takes
// out who people are. Then all that would be written is searched for every one of them: as it is, escaped for URLs,
// JSON or HTML, and in base64. If one is found nothing is written, and the test fails with the place. (The name
// somebody logs in by is public and stands elsewhere, so it is masked where it is one to log in by, and not searched
// for.) Frames and bodies are otherwise kept byte by byte; of headers, those are kept that mean something to a program.
// What the program sends is redacted before it is compared or shown, so a test may log in with any password.
//
// # Playing
//
// A request is recognised by its method, path, query and body, whatever their order and spelling, and without what is
// new each time: a time in milliseconds, the id of a request, the number of a placeholder. Equal requests get their
// answers in the recorded order; others may come in any. Handshakes come in order. On a connection, what the program
// sends is compared as JSON, in order for each action and channel, and what the server had said after it on that
// channel waits for it. An event also waits for the requests that had changed something before it. Pings are answered,
// not compared, so a recording may be played faster or slower than life.
//
// Everything comes as soon as it may ([AtOnce]), or at its time ([Speed]), or when the test asks for it ([Stepped],
// [Cassette.Next], [Cassette.Until]). A recording does not wait for a test that is still subscribing: subscribe before
// you join, or use Stepped. An answer may come before an event that the server had sent before it. And what a program
// still says while it closes is chance: let a recording end when everything is said. There are no goroutines in a
// cassette, and its time is that of package time: it works inside a testing/synctest bubble, opened and used there, and
// recording works there over net.Pipe.
//
// # Strictness
//
// What the recording does not have fails the test at once, and tells what was sent, the record that is most like it,
// where they differ, what was played last, and how to record anew. What was never used fails it at the end.
// [AllowUnmatched] and [AllowUnused] are more lenient. With QUEUP_CASSETTE=verify the test runs against the real
// server, and fails where the shape of an answer or of an event is no longer the recorded one.
//
// # Faults
//
// [DropAfter], [StallAfter], [Truncate], [Duplicate] and [Corrupt] make a bad network of any recording.
//
// After DropAfter and StallAfter a program reads what it reads after every reconnect, and a recording in which the
// connection never broke does not have the answers. So record one with a reconnect in it (queuptest's Server.CutLinks
// makes one), before what the test listens for, so that the answers are no newer than what was heard, and some quiet
// minutes after the beginning, so that the fault is mended by then. Or give AllowUnmatched, and the program sees
// failing requests. Play such a test with [Speed] in a synctest bubble: at once, all is over before the program is
// back.
package cassettes
