package cassettes_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// exampleTest stands for the *testing.T of a test, which an example does not have.
type exampleTest struct {
	testing.TB
	cleanups []func()
}

func (t *exampleTest) Helper()                      {}
func (t *exampleTest) Name() string                 { return "TestRoomName" }
func (t *exampleTest) Failed() bool                 { return false }
func (t *exampleTest) Cleanup(f func())             { t.cleanups = append(t.cleanups, f) }
func (t *exampleTest) Logf(string, ...any)          {} // the summary
func (t *exampleTest) Error(args ...any)            { fmt.Println(args...) }
func (t *exampleTest) Errorf(f string, args ...any) { fmt.Printf(f+"\n", args...) }
func (t *exampleTest) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

func (t *exampleTest) end() {
	for _, f := range t.cleanups {
		f()
	}
	t.cleanups = nil
}

// roomName is the program under test: it returns the name of a room.
func roomName(c *cassettes.Cassette, opts ...client.Option) (string, error) {
	ctx := context.Background()
	bot, err := client.New(append(opts, client.WithTransport(c.Transport()), client.WithDialer(c.Dialer()))...)
	if err != nil {
		return "", err
	}
	defer bot.Close()
	if err := bot.Login(ctx, "bot", "secret"); err != nil {
		return "", err
	}
	room, err := bot.FetchRoom(ctx, "lounge")
	if err != nil {
		return "", err
	}
	return room.Name(), nil
}

// A conversation with a QueUp in memory is recorded once, and then played without it. In a test, t is the test's own, the folder is
// testdata, and the mode comes from the environment: QUEUP_CASSETTE=rewrite go test.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "cassettes")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	server := queuptest.NewServer()
	t := &exampleTest{}
	c := cassettes.Open(t, "room-name", cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI(),
		cassettes.Source("queuptest"), cassettes.ThroughDialer(&realtime.WebsocketDialer{NetDialContext: server.DialContext}))
	fmt.Println(roomName(c, client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL())))
	t.end()
	server.Close()

	c = cassettes.Open(t, "room-name", cassettes.Dir(dir), cassettes.WithMode(cassettes.Replay))
	fmt.Println(roomName(c)) // as against QueUp itself: the server is gone
	t.end()
	// Output:
	// The Lounge <nil>
	// The Lounge <nil>
}
