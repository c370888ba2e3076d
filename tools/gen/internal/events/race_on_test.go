//go:build race

package events

// underRace is for tests whose figure is not that of the product with the race detector.
const underRace = true
