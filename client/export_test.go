package client

// EventTypes are all event types, for the test that meets each of them.
var EventTypes = eventTypes

// What the tests of hostile servers share with those of hostile input.
var (
	EveryCall = everyCall
	TakeBody  = takeBody
)
