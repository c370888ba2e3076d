// Package realtime is the websocket of QueUp: Engine.IO version 3 packets, QueUp's action messages, channels and presence,
// on a link that keeps itself alive and comes back by itself. It knows frames and raw messages, no event types and no REST,
// and is useful alone:
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
// What can be relied on:
//
//   - Order: [Conn.Events] is one stream. Messages come in wire order; a [Connected] stands before the messages of the
//     first link and, after a reconnect, behind what the channels already attached again have sent; nothing of a link
//     comes after its [Disconnected].
//   - Back-pressure: nothing is dropped. When the stream is not read, the connection stops reading from the network and
//     goes on sending pings.
//   - Life: a lost link is noticed within the announced ping interval and ping timeout, and is replaced after the wait of
//     the [ReconnectPolicy], with a new token, the channels attached and presence entered in the order of the first time.
//     Only [Conn.Close], an error marked by [Permanent] and the policy end a connection.
//   - State: [Conn.Status] and [Conn.Watch] tell where the connection stands and when the next attempt will be. After
//     Config.SuspendAfter (2 min) without a usable link it counts as suspended; the attempts go on. [Conn.Stats] is a
//     snapshot for health checks.
//   - Calls: [Conn.Attach] and [Conn.Presence] wait for a link while there is none, and return when the server has
//     confirmed. All calls end with their ctx, and with [ErrClosed] when the connection ends.
//   - Concurrency: every method may be called from anywhere at any time. Three goroutines serve a connection, one that
//     reads, one that writes, one that watches over them; none of them runs or waits for code of the user, but for the
//     logger and for the stream to be read.
//   - Secrets: the access token appears in no error and no log.
//
// The codec ([ParsePacket], [ParseFrame] and their counterparts) is made of pure functions, for servers and recordings.
// Everything under the protocol goes through a [Dialer]; [WebsocketDialer] is the one for the real network.
//
// The protocol itself is described in docs/PROTOCOL.md 5.
package realtime
