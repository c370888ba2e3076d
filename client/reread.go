package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/queup-go/queup/gen/queupapi"
)

// Purposes of alarms.
const (
	dueVotes = "votes" // read who voted again
	dueUsers = "users" // read again who is in the room
	dueInfo  = "info"  // read again what the room says about itself
)

// readAgain is the pause before something is read again that could not be read.
const readAgain = 10 * time.Second

// lacking is what a roomState does not hold because of trouble that passes.
type lacking struct{ about, users, roles, votes, queue bool }

// passes reports whether an error of a reading is trouble that passes: of the network, or of a host, or an answer that makes no
// sense. QueUp's own no is none, and
// a guest or who cannot log in any more will not be told otherwise.
func passes(err error) bool {
	if err == nil || errors.Is(err, ErrClosed) || errors.Is(err, ErrNotLoggedIn) || errors.Is(err, ErrUnauthorized) {
		return false
	}
	answer, ok := errors.AsType[*APIError](err)
	return !ok || answer.foreign || unreadable(err) || answer.Status >= http.StatusInternalServerError || answer.Status == http.StatusTooManyRequests
}

// later has something read again after an error, if that passes, unless it is due anyway. It runs on the connection's
// goroutine, as does read.
func (r *Room) later(purpose string, err error, read func()) {
	if passes(err) && !r.pending(purpose) {
		r.alarm(purpose, readAgain, read)
	}
}

// readLacking has that read later which could not be read with the rest of the room.
func (r *Room) readLacking(lacks lacking) {
	for _, part := range []struct {
		lacks   bool
		purpose string
		read    func()
	}{
		{lacks.about, dueInfo, r.readInfo},
		{lacks.users, dueUsers, r.readUsers},
		{lacks.roles, dueRoles, r.readRoles},
		{lacks.votes, dueVotes, r.readVotes},
		{lacks.queue, dueQueue, r.readQueue},
	} {
		if part.lacks && !r.pending(part.purpose) {
			r.alarm(part.purpose, readAgain, part.read)
		}
	}
}

// readInfo reads what the room says about itself. What events have changed meanwhile is newer: then it is read once more.
func (r *Room) readInfo() {
	before := r.Info()
	r.askInTurn(dueInfo, answerTimeout, func(ctx context.Context) func() {
		answer, err := r.client.loads.Room(ctx, queupapi.RoomParams{RoomID: r.id})
		if err != nil {
			r.client.log.WarnContext(ctx, "room not read", r.logged(), slog.Any("error", err))
			return func() { r.later(dueInfo, err, r.readInfo) }
		}
		return func() {
			if !before.Equal(r.Info()) {
				r.alarm(dueInfo, readAgain, r.readInfo)
				return
			}
			r.catchUpInfo(answer.Data)
		}
	})
}

// readUsers reads who is in the room, and tells the difference to what is known as after a lost connection. What events have
// changed meanwhile is newer: then it is read once more.
func (r *Room) readUsers() {
	before := r.members.List()
	r.askInTurn(dueUsers, answerTimeout, func(ctx context.Context) func() {
		users, err := r.fetchUsers(ctx)
		if err != nil {
			r.notRead(ctx, "members", err)
			return func() { r.later(dueUsers, err, r.readUsers) }
		}
		return func() {
			if now := r.members.List(); len(now) != len(before) || len(now) > 0 && &now[0] != &before[0] { // snapshots are the same until a change
				r.alarm(dueUsers, readAgain, r.readUsers)
				return
			}
			r.catchUpMembers(users)
			r.forgetRoles()
		}
	})
}
