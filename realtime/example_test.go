package realtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/queup-go/queup/realtime"
)

func Example() {
	server := newServer() // stands in for wss://ws.queup.net/ws/
	defer server.shutdown()
	ctx := context.Background()

	conn, err := realtime.New(realtime.Config{
		URL:    "ws://queup.test/ws/",
		Token:  func(context.Context) (string, error) { return "a token from /auth/token", nil },
		Dialer: &realtime.WebsocketDialer{NetDialContext: server.dial},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	if err := conn.Attach(ctx, "room:65a1f0c2d4e8b90012ab34cd"); err != nil {
		log.Fatal(err)
	}
	server.last().say("room:65a1f0c2d4e8b90012ab34cd", "chat-message")
	for e := range conn.Events() {
		switch e := e.(type) {
		case realtime.Connected:
			fmt.Println("connected as", e.ClientID)
		case realtime.Message:
			fmt.Println(e.Channel, e.Name, string(e.Data))
			_ = conn.Close() // ends the loop
		}
	}
	// Output:
	// connected as bot
	// room:65a1f0c2d4e8b90012ab34cd chat-message {"type":"chat-message"}
}

func ExampleNew() {
	_, err := realtime.New(realtime.Config{URL: "https://ws.queup.net/ws/", RequestTimeout: -time.Second})
	fmt.Println(err)
	// Output:
	// realtime: config: URL is not a ws:// or wss:// URL
	// the function Token is nil
	// RequestTimeout is negative: -1s
}

func ExampleConn_Connect() {
	server := newServer()
	defer server.shutdown()
	conn, err := realtime.New(server.config())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := conn.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(conn.State(), conn.ClientID(), conn.ConnectionID())
	// Output: connected bot k1
}

func ExampleConn_Attach() {
	server := newServer()
	defer server.shutdown()
	conn, err := realtime.New(server.config())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	ctx := context.Background()
	if err := conn.Connect(ctx); err != nil {
		log.Fatal(err)
	}

	const room = "room:65a1f0c2d4e8b90012ab34cd"
	if err := conn.Attach(ctx, room); err != nil {
		log.Fatal(err)
	}
	if err := conn.Presence(ctx, room, realtime.PresenceEnter, json.RawMessage(`{"bot":true}`)); err != nil {
		log.Fatal(err)
	}
	for _, line := range server.received() {
		fmt.Println(line)
	}
	// Output:
	// k1 attach room:65a1f0c2d4e8b90012ab34cd
	// k1 presence room:65a1f0c2d4e8b90012ab34cd enter {"bot":true}
}

func ExampleConn_Watch() {
	server := newServer()
	defer server.shutdown()
	conn, err := realtime.New(server.config())
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := conn.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	for status := range conn.Watch(ctx) {
		fmt.Println(status.State)
		if status.State == realtime.StateConnected {
			_ = conn.Close()
		}
	}
	// Output:
	// connected
	// closed
}

func ExampleConn_Stats() {
	server := newServer()
	defer server.shutdown()
	conn, err := realtime.New(server.config())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Connect(context.Background()); err != nil {
		log.Fatal(err)
	}
	stats := conn.Stats()
	deaf := stats.Status.State != realtime.StateConnected || time.Since(stats.LastFrame) > 2*time.Minute
	fmt.Println("frames:", stats.FramesIn, "deaf:", deaf)
	// Output: frames: 2 deaf: false
}

func ExampleConn_Publish() {
	server := newServer()
	defer server.shutdown()
	conn, err := realtime.New(server.config())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	ctx := context.Background()
	if err := conn.Connect(ctx); err != nil {
		log.Fatal(err)
	}
	err = conn.Publish(ctx, "room:65a1f0c2d4e8b90012ab34cd", realtime.MessageBody{Name: "wave", Data: []byte(`{"to":"ada"}`)})
	fmt.Println(err)
	// Output: <nil>
}

func ExamplePermanent() {
	login := func(context.Context) (string, error) {
		return "", realtime.Permanent(fmt.Errorf("wrong password"))
	}
	_, err := login(context.Background())
	fmt.Println(err, realtime.IsPermanent(err))
	// Output: wrong password true
}

func ExampleBackoff() {
	patient := realtime.Backoff{First: time.Second, Max: 5 * time.Minute, MaxTries: 100}
	cfg := realtime.Config{Reconnect: patient.Next}
	_, again := cfg.Reconnect(101, nil)
	fmt.Println("try 101:", again)
	// Output: try 101: false
}

func ExampleParseFrame() {
	packet, err := realtime.ParsePacket([]byte(`4{"action":15,"channel":"room:1","message":{"name":"chat-skip","type":"json","data":"{\"username\":\"mixmaster\"}"}}`))
	if err != nil {
		log.Fatal(err)
	}
	frame, err := realtime.ParseFrame(packet.Data)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(packet.Type, frame.Action, frame.Channel, frame.Message.Name, string(frame.Message.Data))
	// Output: message message room:1 chat-skip {"username":"mixmaster"}
}
