// Package cassette implements the format of cassettes: the two files of a recording, the redaction before they are written, and how a
// request or a frame is matched with a recorded one. It knows neither tests nor sockets, so that tools can use it, too.
//
//	<name>.http.yaml   requests and answers, in the format of go-vcr v3
//	<name>.ws.jsonl    a header for both files, then one record of the websocket a line
//
// A [Tape] as captured holds secrets and stays in memory. [Seal] returns the one that may be written: sorted, numbered, redacted
// and searched for secrets. [Write] refuses any other.
package cassette
