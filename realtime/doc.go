// Package realtime is a client for the websocket of QueUp: Engine.IO version 3 packets, QueUp's action messages, channels and
// presence, on a link that keeps itself alive and reconnects. It delivers raw messages, without event types and REST, and can
// be used alone:
//
//	conn, err := realtime.New(realtime.Config{
//		URL:   "wss://ws.queup.net/ws/",
//		Token: fetchToken, // func(ctx context.Context) (string, error)
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	if err := conn.Connect(ctx); err != nil {
//		log.Fatal(err)
//	}
//	go func() {
//		if err := conn.Attach(ctx, "room:65a1f0c2d4e8b90012ab34cd"); err != nil {
//			log.Print(err)
//			conn.Close()
//		}
//	}()
//	for e := range conn.Events() {
//		switch e := e.(type) {
//		case realtime.Message:
//			fmt.Println(e.Channel, e.Name, string(e.Data))
//		case realtime.Disconnected:
//			log.Println("down:", e.Err, "next try in", e.RetryIn)
//		}
//	}
//
// Guarantees:
//
//   - Order: [Conn.Events] is one stream. Messages come in wire order. On the first link [Connected] precedes all messages;
//     after a reconnect it follows the messages that came while the channels were attached again. No event of a link
//     follows its [Disconnected].
//   - Back-pressure: nothing is dropped. When the stream is not read, the connection stops reading from the network and
//     goes on sending pings.
//   - Life: a lost link is noticed within the announced ping interval and ping timeout, and is replaced after the wait of
//     the [ReconnectPolicy], with a new token, the channels attached and presence entered in the order of the first time.
//     Only [Conn.Close], an error marked by [Permanent] and the policy end a connection.
//   - State: [Conn.Status] and [Conn.Watch] report the state of the connection and the time of the next attempt. After
//     Config.SuspendAfter (2 min) without a usable link it counts as suspended; the attempts go on. [Conn.Stats] is a
//     snapshot for health checks.
//   - Calls: [Conn.Attach] and [Conn.Presence] wait for a link while there is none, and return when the server has
//     confirmed. All calls end with their ctx, and with [ErrClosed] when the connection ends.
//   - Concurrency: every method may be called from anywhere at any time. Three goroutines serve a connection: a reader, a
//     writer and a supervisor. They run no code of the user except the logger, and wait for the user only to read the
//     stream.
//   - Secrets: no error and no log contains the access token.
//
// The codec ([ParsePacket], [ParseFrame] and their counterparts) consists of pure functions, also for servers and recordings.
// All network access goes through a [Dialer]; [WebsocketDialer] is the one for the real network.
//
// The protocol itself is described in docs/PROTOCOL.md 5.
package realtime
