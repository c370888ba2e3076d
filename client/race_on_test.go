//go:build race

package client

// UnderRace is for tests whose figure costs too much with the race detector: they then do a part of it, and all of it without.
const UnderRace = true
