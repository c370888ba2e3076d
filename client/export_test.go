package client

import (
	"testing"
)

// EventTypes are all event types, for the test that meets each of them.
var EventTypes = eventTypes

// Unhurried takes the bounds off all calls of a client that has made none yet.
func Unhurried(tb testing.TB, c *Client) {
	tb.Helper()
	free := newLanes(0, 0, 0, 0)
	free.session, free.load = lane{pause: free.pause}, lane{pause: free.pause}
	*c.doer.lanes = *free
}

// What the tests of hostile servers share with those of hostile input.
var (
	EveryCall = everyCall
	TakeBody  = takeBody
)
