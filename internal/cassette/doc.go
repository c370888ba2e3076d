// Package cassette is what a cassette is made of: the two files of a recording, what is taken out of them before they reach the
// disk, and how a request or a frame is recognised again. It knows neither tests nor sockets, so that tools use it as
// package cassettes does.
//
//	<name>.http.yaml   requests and answers, in the format of go-vcr v3
//	<name>.ws.jsonl    a header for both files, then one record of the websocket a line
//
// A [Tape] as captured holds secrets and stays in memory. [Seal] makes the one that may be written: sorted, numbered, redacted
// and searched. [Write] takes no other.
package cassette
