package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/queup-go/queup/gen/queupapi"
)

// dueNames is the purpose of a reading: the names of members of whom QueUp has told the id alone.
const dueNames = "names"

const (
	// maxNames is how many names are looked up at a time, so that other rooms can be read meanwhile.
	maxNames = 20
	// maxNameless is how many names are asked for in vain until the room is joined again.
	maxNameless = 1024
)

// lookUp reads an account by its id. Lookups of the same account at the same time share one call.
func (c *Client) lookUp(ctx context.Context, id UserID) (User, error) {
	return c.names.Do(ctx, id, c.workers, func(ctx context.Context) (User, error) {
		answer, err := c.loads.User(ctx, queupapi.UserParams{IDOrUsername: string(id)})
		if err != nil {
			return User{}, failed("user", err)
		}
		answer.Data.ID = id
		if answer.Data.Username == "" {
			return User{}, &APIError{Op: "user", Status: http.StatusOK, Message: "answered without a name"}
		}
		return c.seeUser(answer.Data, true), nil
	})
}

// unnamed returns some members whose name is not known, and whether there are more.
func (r *Room) unnamed() (ids []UserID, more bool) {
	if r.live.nameless.Len() >= maxNameless {
		return nil, false
	}
	for id := range r.members.All() {
		if _, named := r.client.people.Get(id); named || r.live.nameless.Contains(id) {
			continue
		}
		if len(ids) == maxNames {
			return ids, true
		}
		ids = append(ids, id)
	}
	return ids, false
}

// readNames looks up the names of members that are not known, and tells each that it finds as MemberUpdated. It asks once for
// a name that QueUp does not say. Source: docs/PROTOCOL.md 1.8.
func (r *Room) readNames() {
	if r.busy(dueNames, r.readNames) {
		return
	}
	ids, more := r.unnamed()
	if len(ids) == 0 {
		return
	}
	r.askInTurn(dueNames, mediaTimeout, func(ctx context.Context) func() {
		errs := make([]error, len(ids))
		var lookups errgroup.Group
		lookups.SetLimit(loadsAtOnce)
		for i, id := range ids {
			lookups.Go(func() error {
				_, errs[i] = r.client.lookUp(ctx, id)
				return nil
			})
		}
		_ = lookups.Wait() // the errors are in errs
		return func() {
			again := more
			for i, id := range ids {
				fails := passes(errs[i]) && !unreadable(errs[i]) // and may succeed another time
				again = again || fails
				member, present := r.members.Get(id)
				switch {
				case errs[i] == nil && present:
					r.client.events.emit(MemberUpdated{Meta: r.meta(), Member: member.own()})
				case errs[i] != nil && !fails:
					r.live.nameless.Add(id, struct{}{})
				}
			}
			if err := errors.Join(errs...); err != nil {
				r.client.log.DebugContext(ctx, "names of members not read", r.logged(), slog.Any("error", err))
			}
			if again {
				r.alarm(dueNames, readAgain, r.readNames)
			}
		}
	})
}
