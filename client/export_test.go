package client

import (
	"strings"
	"testing"

	"github.com/queup-go/queup/gen/queupapi"
)

// EventTypes are all event types, for the test that meets each of them.
var EventTypes = eventTypes

// Unhurried takes the bounds off all calls of a client that has made none yet.
func Unhurried(tb testing.TB, c *Client) {
	tb.Helper()
	free := newLanes(0, 0)
	free.session, free.load = lane{pause: free.pause}, lane{pause: free.pause}
	base := strings.TrimRight(c.config.baseURL.String(), "/")
	for _, target := range []struct {
		client **queupapi.Client
		loads  bool
	}{{&c.rest, false}, {&c.loads, true}} {
		var err error
		*target.client, err = queupapi.NewClient(base, queupapi.WithClient(&doer{
			http: c.http, basePath: strings.TrimRight(c.config.baseURL.EscapedPath(), "/"), userAgent: c.config.userAgent,
			session: c.session, workers: c.workers, log: c.log, lanes: free, loads: target.loads, secrets: c.secrets,
		}))
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// What the tests of hostile servers share with those of hostile input.
var (
	EveryCall = everyCall
	TakeBody  = takeBody
)
