package client

import (
	"context"
	"fmt"
	"iter"
	"reflect"
)

// A Source is where events come from: a *Client for all of its events, or a *Room for those of that room.
type Source interface {
	// source returns the client, and the room if only its events are wanted.
	source() (*Client, *Room)
}

// On calls handle for each event of type E. E is one of the event types of this package, or an interface that some of them
// satisfy: On[Event] receives every event.
//
// One subscription receives its events in order and one at a time; two subscriptions do not wait for each other. A handler
// may call anything, Close included. Its ctx ends when the client is closed. An error it returns, or a panic, goes to the
// error handler ([WithErrorHandler]) and ends nothing.
//
// cancel ends the subscription: no event is handled after the one that is being handled. It returns at once, and may be
// called twice, also from the handler.
//
// On panics if E is not an event type (a pointer, a struct that embeds an event), if s or handle is nil, or if s is a room of
// [UnmarshalEvent].
func On[E Event](s Source, handle func(ctx context.Context, e E) error) (cancel func()) {
	c, room := mustSource[E]("On", s)
	if handle == nil {
		panic(fmt.Sprintf("client: On[%s]: the handler is nil", reflect.TypeFor[E]()))
	}
	sub := newSubscription[E](c, room)
	sub.handle, sub.code = func(ctx context.Context, e Event) error { return handle(ctx, e.(E)) }, codeOf(handle)
	c.events.add(sub)
	return sub.cancel
}

// Stream returns the events of type E as a sequence, for use in a range loop. It subscribes at the call, so no event
// between the call and the loop is missed. The sequence ends with ctx, with Close, or when the loop is left. It can be used
// once.
//
// It panics as [On] does.
func Stream[E Event](ctx context.Context, s Source) iter.Seq[E] {
	c, room := mustSource[E]("Stream", s)
	sub := newSubscription[E](c, room)
	sub.ready = make(chan struct{}, 1)
	c.events.add(sub)
	sub.onEnd(context.AfterFunc(ctx, sub.cancel))
	return func(yield func(E) bool) {
		defer sub.cancel()
		for {
			e, err := sub.next(ctx)
			if err != nil || !yield(e.(E)) {
				return
			}
		}
	}
}

// Next waits for an event of type E that match accepts; a nil match accepts any. It returns the cause of ctx when that
// ends first, and [ErrClosed] when the client is closed.
//
// It subscribes at the call. To wait for the answer to something you do, call [Stream] first and then act.
//
// It panics as [On] does.
func Next[E Event](ctx context.Context, s Source, match func(E) bool) (E, error) {
	c, room := mustSource[E]("Next", s)
	sub := newSubscription[E](c, room)
	sub.ready = make(chan struct{}, 1)
	c.events.add(sub)
	defer sub.cancel()
	for {
		e, err := sub.next(ctx)
		if err != nil {
			var none E
			return none, err
		}
		if e := e.(E); match == nil || match(e) {
			return e, nil
		}
	}
}

// mustSource returns the client and the room of a source. It panics if the source is nil or if E is not an event type.
func mustSource[E Event](call string, s Source) (*Client, *Room) {
	t := reflect.TypeFor[E]()
	if len(typesOf(t)) == 0 {
		panic(fmt.Sprintf("client: %s[%s]: %s is not an event type of package client%s", call, t, t, hint(t)))
	}
	if s != nil {
		if c, room := s.source(); c != nil {
			if c.detached {
				panic(fmt.Sprintf("client: %s[%s]: the room is detached: it comes from UnmarshalEvent and has no events; use a room of a client", call, t))
			}
			return c, room
		}
	}
	panic(fmt.Sprintf("client: %s[%s]: the source is nil", call, t))
}

// hint suggests the type that was probably meant.
func hint(t reflect.Type) string {
	if t.Kind() == reflect.Pointer && len(typesOf(t.Elem())) > 0 {
		return fmt.Sprintf("; use %s, events travel by value", t.Elem())
	}
	if t.Kind() == reflect.Struct {
		for field := range t.Fields() {
			if field.Anonymous && len(typesOf(field.Type)) > 0 {
				return fmt.Sprintf("; use %s, which it embeds", field.Type)
			}
		}
	}
	return ""
}
