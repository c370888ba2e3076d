// Package client is what a QueUp bot imports. It logs in, joins rooms, tells what happens there and acts in them.
//
//	bot, err := client.New()
//	if err != nil {
//		log.Fatal(err)
//	}
//	client.On(bot, func(ctx context.Context, _ client.Ready) error {
//		_, err := bot.JoinRoom(ctx, "my-awesome-room")
//		return err
//	})
//	client.On(bot, func(ctx context.Context, e client.Chat) error {
//		if e.Message.Content != "~ping" {
//			return nil
//		}
//		_, err := e.Room.SendMessage(ctx, "Pong!")
//		return err
//	})
//	log.Fatal(bot.Run(ctx, email, password))
//
// # Handles and values
//
// [Client] and [Room] are live handles: pointers, safe for concurrent use, that act and always show what is known now. [User],
// [Member], [Message], [Song], [SongInfo], [Role] and [RoomInfo] are values: what was known when they were made. Values can be
// written as literals, compared with Equal, printed and marshalled; their zero values are safe to call methods on.
//
// The signature tells what a call costs: with a ctx it talks to the network, without one it reads what is known. A lookup
// that may miss returns a value and a bool.
//
// # Events
//
// [On] calls a handler for each event of a type, [Stream] gives them to a range loop, [Next] waits for one. [Event] as the type
// means all of them. What can be relied on:
//
//   - Events are decoded in the order QueUp sent them.
//   - The state is updated before anyone hears of the event. It may be newer than the event in hand, never older.
//   - One subscription hears its events in order and one at a time. Two subscriptions do not wait for each other.
//   - A handler may call anything, Close included.
//   - A panic in a handler is reported and ends nothing; see [WithErrorHandler].
//   - A handler that is too slow for its queue loses the oldest events, and [Lagged] says how many; see [WithQueue].
//   - An event that this version does not know arrives as [Unknown], one that cannot be read as [Malformed], both with what
//     was sent.
//
// # Errors
//
// What QueUp refuses is an [*APIError]; [errors.Is] with the sentinels of this package tells the usual reasons apart. What is wrong
// before anything is sent is an [*ArgumentError], a [*MessageTooLongError], [ErrNotLoggedIn], [ErrNotConnected] or [ErrNotJoined].
// Passwords, cookies and tokens stand in no error and no log.
package client
