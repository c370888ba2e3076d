package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// A JoinOption changes how JoinRoom joins.
type JoinOption func(*joinConfig)

type joinConfig struct {
	password string
	listen   bool
}

// RoomPassword is for a private room.
func RoomPassword(password string) JoinOption {
	return func(j *joinConfig) { j.password = password }
}

// Listen only listens: the client does not appear in the room and cannot act in it. It works for guests.
func Listen() JoinOption {
	return func(j *joinConfig) { j.listen = true }
}

// JoinRoom joins a room by its slug, or its id, and returns when the client is in it and the room's state is loaded. Events that arrive meanwhile
// follow RoomJoined, in order. A room that is joined already is returned at once, and joins at the same time share one.
//
// An unknown slug is [ErrNotFound], a ban [ErrBanned], a private room's password [ErrRoomPassword] or [ErrTooManyPasswords]; all are
// [*APIError]. It is [ErrNotConnected] before Connect. Source: docs/PROTOCOL.md 2.4, 7 rule 3.
func (c *Client) JoinRoom(ctx context.Context, slug string, opts ...JoinOption) (*Room, error) {
	if strings.TrimSpace(slug) == "" {
		return nil, &ArgumentError{Op: "Client.JoinRoom", Argument: "slug", Reason: "is empty"}
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
	if room, ok := c.Rooms().BySlug(slug); ok && room.joinedAs(how) {
		return room, nil
	}
	answer, err := c.loads.Room(ctx, queupapi.RoomParams{IDOrSlug: slug})
	if err != nil {
		return nil, failed("room", err)
	}
	info := newRoomInfo(answer.Data)
	if info.ID == "" {
		return nil, fmt.Errorf("queup: room %q: the answer holds no room", slug)
	}
	return c.joins.do(ctx, info.ID, c.workers, func(ctx context.Context) (*Room, error) {
		room, known := c.rooms.get(info.ID)
		if !known {
			room = newRoom(c, info.ID)
			c.rooms.put(info.ID, room)
		}
		if known && room.joinedAs(how) {
			return room, nil
		}
		room.describe(info)
		if err := room.join(ctx, l, how); err != nil {
			if !known {
				c.rooms.remove(info.ID)
			}
			return nil, err
		}
		return room, nil
	})
}

// joinedAs reports whether a join would change nothing.
func (r *Room) joinedAs(how joinConfig) bool {
	if how.listen {
		return r.Joined()
	}
	return r.mayAct()
}

// join is what JoinRoom does once it knows the room: REST, then the channel, then presence, then the state; only then events. A join that
// fails on the way leaves nothing behind.
func (r *Room) join(ctx context.Context, l *connection, how joinConfig) (err error) {
	present := false
	if !how.listen {
		if err := r.enter(ctx, how.password); err != nil {
			return err
		}
		present = true
	}
	defer func() {
		if err != nil {
			r.retreat(l, present)
		}
	}()
	if err := l.do(ctx, func() {
		l.rooms[r.channel()] = r
		r.hold()
	}); err != nil {
		return err
	}
	if err := l.conn.Attach(ctx, r.channel()); err != nil {
		return fmt.Errorf("queup: join %s: %w", r.Slug(), err)
	}
	if present {
		if err := r.appear(ctx, l); err != nil {
			return fmt.Errorf("queup: join %s: %w", r.Slug(), err)
		}
	}
	state, err := r.fetch(ctx)
	if err != nil {
		return err
	}
	lost := false
	if err := l.do(ctx, func() {
		if lost = l.rooms[r.channel()] != r; lost {
			return
		}
		r.load(state)
		r.mu.Lock()
		r.joined, r.present = true, present
		r.mu.Unlock()
		r.client.events.emit(RoomJoined{r.meta()})
		r.release()
	}); err != nil {
		return err
	}
	if lost {
		return fmt.Errorf("queup: join %s: %w", r.Slug(), errDetachedByServer)
	}
	return nil
}

// enter makes the account a member that is present.
func (r *Room) enter(ctx context.Context, password string) error {
	var request queupapi.OptJoinRequest
	if password != "" {
		request.SetTo(queupapi.JoinRequest{Password: queupapi.NewOptString(password)})
	}
	if _, err := r.client.loads.JoinRoom(ctx, request, queupapi.JoinRoomParams{RoomID: r.id}); err != nil {
		return failed(opJoinRoom, err)
	}
	return nil
}

// appear enters presence: without it the account does not show in the room. Source: docs/PROTOCOL.md 5.5.
func (r *Room) appear(ctx context.Context, l *connection) error {
	brief, cancel := context.WithTimeoutCause(ctx, presenceTimeout, errNotShown)
	defer cancel()
	err := l.conn.Presence(brief, r.channel(), realtime.PresenceEnter, nil)
	if errors.Is(err, errNotShown) {
		r.client.log.WarnContext(ctx, "presence was sent but not confirmed", slog.String("room", r.Slug()))
		return nil
	}
	return err
}

var errNotShown = errors.New("queup: presence not confirmed")

// retreatTimeout bounds the tidying up after a join that failed.
const retreatTimeout = 5 * time.Second

// retreat undoes a join that failed on the way. Whoever gave it up need not wait; who joins the room next does.
func (r *Room) retreat(l *connection, present bool) {
	ctx, cancel := context.WithTimeout(r.client.workers.ctx, retreatTimeout)
	defer cancel()
	_ = l.do(ctx, func() { l.remove(r) })
	_ = r.depart(ctx, l, present)
}

// roomState is what a room tells of itself at one moment.
type roomState struct {
	users  wire.RoomUsers
	active wire.ActiveSong // empty when nothing plays
}

// fetch reads the room's state.
func (r *Room) fetch(ctx context.Context) (roomState, error) {
	var state roomState
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		answer, err := r.client.loads.RoomUsers(ctx, queupapi.RoomUsersParams{RoomID: r.id})
		if err != nil {
			return failed("roomUsers", err)
		}
		state.users = answer.Data
		return nil
	})
	g.Go(func() error {
		answer, err := r.client.loads.ActiveSong(ctx, queupapi.ActiveSongParams{RoomID: r.id})
		if errors.Is(err, ErrNotFound) { // nothing plays
			return nil
		}
		if err != nil {
			return failed("activeSong", err)
		}
		state.active = answer.Data
		return nil
	})
	return state, g.Wait()
}

// load makes a state the room's own. It runs on the connection's goroutine.
func (r *Room) load(state roomState) {
	c := r.client
	gone := r.members.all()
	members := make(map[UserID]Member, len(state.users))
	for _, w := range state.users {
		member := newMember(c, w)
		if member.UserID == "" {
			continue
		}
		member.RoomID = r.id
		c.seeUser(w.User, true)
		c.people.enter(member.UserID)
		members[member.UserID] = member
	}
	r.members.replace(members)
	for _, e := range gone { // after the others have entered, so that who stays is never forgotten
		c.people.leave(e.id)
	}

	song := newSong(c, state.active.Play)
	if info, known := c.seeSong(state.active.Song); known {
		song.SongID, song.info = info.ID, &info
	}
	song.RoomID, song.Active = r.id, true
	if song.PlayedAt.IsZero() {
		song.PlayedAt = time.Now().Add(-max(state.active.Elapsed, 0))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.song = nil; song.ID != "" {
		r.song = &song
	}
}

// reload reads a room again after a lost connection, and lets the messages go that waited meanwhile.
func (r *Room) reload(ctx context.Context, l *connection) {
	state, err := r.fetch(ctx)
	if err != nil {
		r.client.log.WarnContext(ctx, "room not read again after a reconnect", slog.String("room", r.Slug()), slog.Any("error", err))
	}
	_ = l.do(ctx, func() {
		if l.rooms[r.channel()] != r {
			return
		}
		if err == nil {
			r.load(state)
		}
		r.release()
	})
}
