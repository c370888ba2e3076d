package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/queup-go/queup/client/internal/tasks"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/redact"
	"github.com/queup-go/queup/realtime"
)

// A JoinOption changes how JoinRoom joins.
type JoinOption func(*joinConfig)

type joinConfig struct {
	password redact.Secret
	listen   bool
}

// RoomPassword sets the password of a private room.
func RoomPassword(password string) JoinOption {
	return func(j *joinConfig) { j.password = redact.New(password) }
}

// Listen makes the client only listen: it does not appear in the room and cannot act in it. It works for guests.
func Listen() JoinOption {
	return func(j *joinConfig) { j.listen = true }
}

// JoinRoom joins a room by its slug or its id. It returns when the client is in the room and the room's state is loaded.
// Events that arrive meanwhile follow RoomJoined, in order, except those that the state includes already. A room that is
// already joined is returned at once, and concurrent joins of a room share one join. At most two rooms are entered at a
// time, in the order of the calls.
//
// The slug is the last part of the room's address; a whole address, a query or a space in it is an [*ArgumentError] that
// suggests the slug. An unknown slug is [ErrNotFound], a ban [ErrBanned], a private room's password [ErrRoomPassword] or
// [ErrTooManyPasswords]. All of these have an [*APIError], for [errors.AsType]. It is [ErrNotConnected] before Connect. If
// a handler of [Ready] returns one of these errors and the client is in no other room, it ends [Client.Run]. Source:
// docs/PROTOCOL.md 2.4, 7 rule 3.
func (c *Client) JoinRoom(ctx context.Context, slug string, opts ...JoinOption) (*Room, error) {
	c.joining.Add(1)
	defer c.joining.Add(-1)
	room, err := c.joinRoom(ctx, slug, opts)
	if err != nil {
		return nil, &joinError{slug, err}
	}
	return room, nil
}

func (c *Client) joinRoom(ctx context.Context, slug string, opts []JoinOption) (*Room, error) {
	if err := checkSlug("Client.JoinRoom", "slug", slug); err != nil {
		return nil, err
	}
	var how joinConfig
	for _, opt := range opts {
		if opt == nil {
			return nil, &ArgumentError{Op: "Client.JoinRoom", Argument: "opts", Reason: "hold a nil option"}
		}
		opt(&how)
	}
	l, err := c.link()
	if err != nil {
		return nil, err
	}
	if room, ok := c.Rooms().BySlug(slug); ok && room.isJoinedAs(how) {
		return room, nil
	}
	ctx, release := tasks.Bound(ctx, l.joins)
	defer release()
	if err := c.entrance.Acquire(ctx); err != nil {
		return nil, err
	}
	next := sync.OnceFunc(c.entrance.Release)
	defer next()
	defer time.AfterFunc(maxHold, next).Stop()                          // a join that hangs does not block the others
	if room, ok := c.Rooms().BySlug(slug); ok && room.isJoinedAs(how) { // by a join that was queued before this one
		return room, nil
	}
	answer, err := c.loads.Room(ctx, queupapi.RoomParams{RoomID: RoomID(slug)})
	if err != nil {
		return nil, failed("room", err)
	}
	if answer.Data.ID == "" {
		return nil, errors.New("queup: the answer holds no room")
	}
	room, err := c.claim(ctx, answer.Data.ID)
	if err != nil {
		return nil, err
	}
	if room.isJoinedAs(how) {
		room.joinLock.Release()
		return room, nil
	}
	room.setInfo(answer.Data)
	undo, err := room.join(ctx, l, how, next)
	if err == nil {
		room.joinLock.Release()
		return room, nil
	}
	// A caller who gave up need not wait for the cleanup; the next join of the room does.
	if !c.workers.Start(func() {
		defer room.joinLock.Release()
		undo()
	}) {
		room.joinLock.Release()
	}
	return nil, err
}

// A joinError names the room that could not be joined, and adds a hint for the reasons that the user can fix.
type joinError struct {
	slug string
	err  error
}

func (e *joinError) Error() string {
	hint := ""
	switch {
	case errors.Is(e.err, ErrNotFound):
		hint = unknownRoom
	case errors.Is(e.err, ErrBanned):
		hint = ", this account is banned from it"
	case errors.Is(e.err, ErrTooManyPasswords):
		hint = ", too many wrong passwords were tried, wait two hours"
	case errors.Is(e.err, ErrRoomPassword):
		hint = ", it is private and needs the option RoomPassword with the right password"
	}
	return within(fmt.Sprintf("room %q not joined%s", e.slug, hint), e.err)
}

func (e *joinError) Unwrap() error { return e.err }

// claim returns the handle of a room with its joinLock held. From then on the room is not evicted.
func (c *Client) claim(ctx context.Context, id RoomID) (*Room, error) {
	room := c.rooms.Handle(id)
	if err := room.joinLock.Acquire(ctx); err != nil {
		return nil, err
	}
	c.rooms.Put(id, room) // it may have been evicted while we waited for the lock
	return room, nil
}

// isJoinedAs reports whether a join would change nothing.
func (r *Room) isJoinedAs(how joinConfig) bool {
	if how.listen {
		return r.Joined()
	}
	return r.mayAct()
}

// join does the part of JoinRoom after the room is known: REST, then the channel, then presence, then the state; only then
// are events emitted. It calls attached when the channel is attached. If it fails, undo reverts the steps that were done.
func (r *Room) join(ctx context.Context, l *connection, how joinConfig, attached func()) (undo func(), err error) {
	var done []func(ctx context.Context)
	undo = func() {
		ctx, cancel := context.WithTimeout(r.client.workers.Context(), tidyTimeout)
		defer cancel()
		for i := range done {
			done[len(done)-1-i](ctx)
		}
	}
	listening := r.Joined()
	var hold int
	var self wire.RoomUser
	info := true // whether to read the info again; not if the answer to the join equals what JoinRoom has just read
	if !how.listen {
		joined, err := r.enter(ctx, how.password)
		if err != nil {
			return undo, err
		}
		self, info = joined.User, !r.Info().sameSettings(newRoomInfo(joined.Room))
		done = append(done, func(ctx context.Context) { _ = r.leave(ctx) })
	}
	if !listening {
		done = append(done, func(ctx context.Context) { r.detach(ctx, l) })
		if hold, err = r.attach(ctx, l); err != nil {
			return undo, err
		}
	}
	attached()
	if !how.listen {
		if err := r.enterPresence(ctx, l); err != nil {
			return undo, err
		}
	}
	if listening {
		if doErr := l.do(ctx, func() {
			if l.rooms[r.channel] != r.tracker { // the room was left meanwhile
				err = errDetachedByServer
				return
			}
			r.tracker.setJoined(true)
			r.tracker.storeOwnRecord(self, how.password)
		}); doErr != nil {
			err = doErr
		}
		return undo, err
	}
	for ; ; info = true { // the connection may have been lost meanwhile
		current, err := r.loadFirst(ctx, l, hold, self, info, func() {
			r.tracker.setJoined(!how.listen)
			r.tracker.setPassword(how.password)
			r.client.events.emit(RoomJoined{r.tracker.newMeta()})
		})
		if err != nil || current {
			return undo, err
		}
		if err := l.do(ctx, func() { hold = r.tracker.waiting.holdID }); err != nil {
			return undo, err
		}
		if err := l.conn.Attach(ctx, r.channel); err != nil { // it waits until the connection is back
			return undo, err
		}
		if how.listen {
			continue
		}
		joined, err := r.enter(ctx, how.password) // QueUp may have forgotten us meanwhile
		if err != nil {
			return undo, err
		}
		self = joined.User
	}
}

// tidyTimeout bounds the cleanup after a failed join or a room that was left.
const tidyTimeout = 5 * time.Second

// enter joins the room by REST, and returns the account's record and the room.
func (r *Room) enter(ctx context.Context, password redact.Secret) (wire.JoinResult, error) {
	var request queupapi.OptJoinRequest
	if !password.IsZero() {
		r.client.secrets.Learn(secretRoom, password)
		request.SetTo(queupapi.JoinRequest{Password: queupapi.NewOptString(password.Reveal())})
	}
	answer, err := r.client.loads.JoinRoom(ctx, request, queupapi.JoinRoomParams{RoomID: r.id})
	if err != nil {
		return wire.JoinResult{}, failed(opJoinRoom, err)
	}
	return answer.Data, nil
}

// reenter enters a joined room again, calls then, and returns the client's record. It waits for a departure in progress;
// after one it does nothing.
func (r *Room) reenter(ctx context.Context, then func() error) (self wire.RoomUser, err error) {
	if err := r.joinLock.Acquire(ctx); err != nil {
		return self, err
	}
	defer r.joinLock.Release()
	r.mu.RLock()
	joined, password := r.joined && r.present, r.password
	r.mu.RUnlock()
	if !joined {
		return self, nil
	}
	joinedAgain, err := r.enter(ctx, password)
	if err != nil {
		return self, err
	}
	return joinedAgain.User, then()
}

// restorePresence enters presence again after a room was entered again, unless the client wants to be invisible.
func (r *Room) restorePresence(ctx context.Context, l *connection) error {
	if !r.visible() {
		return nil
	}
	return r.enterPresence(ctx, l)
}

// leave reverts enter.
func (r *Room) leave(ctx context.Context) error {
	if _, err := r.client.loads.LeaveRoom(ctx, queupapi.LeaveRoomParams{RoomID: r.id}); err != nil {
		return failed("leaveRoom", err)
	}
	return nil
}

// attach attaches the room's channel. Its messages are held, under the id hold, until the room is loaded.
func (r *Room) attach(ctx context.Context, l *connection) (hold int, err error) {
	if err := l.do(ctx, func() {
		hold = r.tracker.attach(l)
	}); err != nil {
		return 0, err
	}
	return hold, l.conn.Attach(ctx, r.channel)
}

// detach reverts attach and enterPresence. The connection forgets the room in any case.
func (r *Room) detach(ctx context.Context, l *connection) {
	_ = l.do(ctx, func() { l.forgetRoom(r.tracker) })
	r.leaveChannel(ctx, l)
}

// leaveChannel detaches the room's channel. It is not known whether QueUp confirms that we leave presence, so the wait for
// that is short.
func (r *Room) leaveChannel(ctx context.Context, l *connection) {
	brief, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = l.conn.Presence(brief, r.channel, realtime.PresenceLeave, nil)
	_ = l.conn.Detach(ctx, r.channel)
}

// presenceTimeout bounds the wait for QueUp to confirm our presence. It is not known whether QueUp always does.
const presenceTimeout = 2 * time.Second

// enterPresence enters presence; without it the account does not show in the room. If QueUp takes too long, the websocket
// keeps trying and the join does not wait. Source: docs/PROTOCOL.md 5.5.
func (r *Room) enterPresence(ctx context.Context, l *connection) error {
	entered := make(chan error, 1)
	if !r.client.workers.Start(func() {
		ctx, cancel := context.WithTimeout(r.client.workers.Context(), answerTimeout)
		defer cancel()
		entered <- l.conn.Presence(ctx, r.channel, realtime.PresenceEnter, nil)
	}) {
		return ErrClosed
	}
	late := time.NewTimer(presenceTimeout)
	defer late.Stop()
	select {
	case err := <-entered:
		if err == nil || !errors.Is(err, realtime.ErrNoAnswer) {
			return err
		}
	case <-late.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	r.client.log.WarnContext(ctx, "presence was not confirmed yet", r.logged())
	return nil
}

// Leave leaves the room; no further event of it is delivered. It is [ErrNotJoined] if the client is not in the room. After
// any other error the client is still in the room, and Leave can be called again.
func (r *Room) Leave(ctx context.Context) error {
	if !r.Joined() {
		return r.notJoined()
	}
	l, err := r.client.link()
	if err != nil {
		return err
	}
	if err := r.joinLock.Acquire(ctx); err != nil {
		return err
	}
	if !r.Joined() {
		r.joinLock.Release()
		return ErrNotJoined
	}
	if r.mayAct() {
		if err := r.leave(ctx); err != nil {
			r.joinLock.Release()
			return err
		}
	}
	// We have left at QueUp, so the rest happens whether or not the caller keeps waiting: with Block, a stuck handler would
	// delay it.
	gone := make(chan struct{})
	if !r.client.workers.Start(func() {
		defer r.joinLock.Release()
		_ = l.do(r.client.workers.Context(), func() {
			if l.forgetRoom(r.tracker) {
				r.client.events.emit(RoomLeft{Meta: r.tracker.newMeta()})
			}
		})
		close(gone)
		ctx, cancel := context.WithTimeout(r.client.workers.Context(), tidyTimeout)
		defer cancel()
		r.leaveChannel(ctx, l)
	}) {
		r.joinLock.Release()
		return nil
	}
	select {
	case <-gone:
	case <-ctx.Done():
	}
	return nil
}

// end closes an attached room that QueUp has ended, emits RoomLeft and then tidies up at QueUp: it leaves the room and its channel.
func (t *tracker) end(err error) {
	room, l := t.room, t.link
	joined, present := room.Joined(), room.mayAct()
	if !l.forgetRoom(t) {
		return
	}
	if err != nil {
		t.client.log.WarnContext(t.client.workers.Context(), "QueUp has ended a room", room.logged(), slog.Any("error", err))
	}
	if joined { // otherwise JoinRoom returns the error
		t.client.events.emit(RoomLeft{Meta: t.newMeta(), Err: err})
	}
	t.client.workers.Start(func() {
		ctx, cancel := context.WithTimeout(l.joins, tidyTimeout)
		defer cancel()
		if room.joinLock.Acquire(ctx) != nil {
			return
		}
		defer room.joinLock.Release()
		if room.Joined() { // it was joined again meanwhile
			return
		}
		if present {
			_ = room.leave(ctx)
		}
		room.leaveChannel(ctx, l)
	})
}
