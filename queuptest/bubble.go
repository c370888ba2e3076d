package queuptest

import (
	"bytes"
	"errors"
	"runtime"
)

// errBubble is the answer to a server with a listener in a synctest bubble. The bubble's clock moves only while every
// goroutine in it waits for another one. A goroutine that waits for the network stops the clock, and the test would hang
// until its timeout.
var errBubble = errors.New("NewServer inside a synctest bubble needs queuptest.InMemory(): " +
	"the clock of a bubble stands still while the network is waited for")

// inBubble reports whether the caller runs in a testing/synctest bubble. The runtime names the bubble in the header of the
// goroutine's stack: "goroutine 9 [running, synctest bubble 1]:".
func inBubble() bool {
	stack := make([]byte, 256)
	header, _, _ := bytes.Cut(stack[:runtime.Stack(stack, false)], []byte("\n"))
	return bytes.Contains(header, []byte("synctest bubble"))
}
