package queuptest_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/queup-go/queup/queuptest"
)

// A server with a listener in a bubble would stop the bubble's clock, and the test would hang until its timeout.
func TestNewServer_inABubbleNeedsInMemory(t *testing.T) {
	t.Parallel()
	const want = "queuptest: NewServer inside a synctest bubble needs queuptest.InMemory()"
	synctest.Test(t, func(t *testing.T) {
		for name, opts := range map[string][]queuptest.Option{"no option": nil, "an address": {queuptest.Addr("127.0.0.1:0")}} {
			srv, err := queuptest.Start(opts...)
			if err == nil {
				srv.Close()
				t.Fatalf("%s: a server has started", name)
			}
			if !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		said := make(chan any)
		go func() { // a goroutine of the bubble is in it, too
			defer func() { said <- recover() }()
			queuptest.NewServer().Close()
		}()
		if text, ok := (<-said).(string); !ok || !strings.HasPrefix(text, want) {
			t.Errorf("NewServer panics with %q, want %s", text, want)
		}
		queuptest.NewServer(queuptest.InMemory()).Close()
	})
	queuptest.NewServer().Close() // outside again
}
