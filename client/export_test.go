package client

// EventTypes are all event types, for the test that meets each of them.
var EventTypes = eventTypes
