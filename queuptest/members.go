package queuptest

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

const (
	textAbsent    = "The user is not in this room"
	textNotYou    = "That is not you"
	textNoMember  = "The user was never in this room"
	wordPassword  = "invalidPassword"
	wordPasswords = "tooManyInvalidPassword"
)

// Too many wrong passwords: how many is an assumption, how long one has to wait then is known.
const (
	maxPasswords = 5
	passwordWait = 2 * time.Hour
)

// tries are the wrong passwords of an account for a room.
type tries struct {
	count int
	until time.Time // when the next one is heard, once they were too many
}

// mayJoin refuses who may not come in.
func (r *room) mayJoin(a *account, password string, now time.Time) error {
	if r.seen(a).isBanned(now) {
		return errorE1(http.StatusUnauthorized, textBanned)
	}
	if !r.private || r.password == "" || a == r.owner {
		return nil
	}
	t := r.tries[a.id]
	switch {
	case t.count >= maxPasswords && now.Before(t.until):
		return errorE4(http.StatusBadRequest, wordPasswords)
	case password == r.password:
		delete(r.tries, a.id)
		return nil
	case t.count >= maxPasswords:
		t.count = 0
	}
	if t.count++; t.count >= maxPasswords {
		t.until = now.Add(passwordWait)
	}
	if r.tries == nil {
		r.tries = map[wire.UserID]tries{}
	}
	r.tries[a.id] = t
	return errorE4(http.StatusBadRequest, wordPassword)
}

// sorted lists the members for which match is true, by name. The caller holds s.mu.
func (r *room) sorted(match func(m *member) bool) []*member {
	var found []*member
	for _, m := range r.members {
		if match(m) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b *member) int { return strings.Compare(a.account.name, b.account.name) })
	return found
}

// staff lists who holds a role, the highest first.
func (r *room) staff() []*member {
	staff := r.sorted((*member).hasRole)
	slices.SortStableFunc(staff, func(a, b *member) int { return cmp.Compare(r.rank(b), r.rank(a)) })
	return staff
}

func (r *room) banned(now time.Time) []*member {
	return r.sorted(func(m *member) bool { return m.isBanned(now) })
}

func (r *room) muted() []*member { return r.sorted(func(m *member) bool { return m.muted }) }

// list answers records of members, with their accounts and roles.
func (h *rest) list(id wire.RoomID, of func(r *room) []*member) (out wire.RoomUsersEnvelope, _ error) {
	r, err := h.known(id)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	users := wire.RoomUsers{}
	for _, m := range of(r) {
		users = append(users, r.wireMemberFull(m))
	}
	return wire.RoomUsersEnvelope{Envelope: success, Data: users}, nil
}

// RoomUsers implements GET /room/{roomId}/users.
func (h *rest) RoomUsers(_ context.Context, p queupserver.RoomUsersParams) (wire.RoomUsersEnvelope, error) {
	return h.list(p.RoomID, (*room).here)
}

// RoomStaff implements GET /room/{roomId}/users/staff. The owner is not among them, unless with a role.
func (h *rest) RoomStaff(_ context.Context, p queupserver.RoomStaffParams) (wire.RoomUsersEnvelope, error) {
	return h.list(p.RoomID, (*room).staff)
}

// RoomBans implements GET /room/{roomId}/users/ban.
func (h *rest) RoomBans(_ context.Context, p queupserver.RoomBansParams) (wire.RoomUsersEnvelope, error) {
	return h.list(p.RoomID, func(r *room) []*member { return r.banned(r.now()) })
}

// RoomMutes implements GET /room/{roomId}/users/mute. That everybody may read it is an assumption.
func (h *rest) RoomMutes(_ context.Context, p queupserver.RoomMutesParams) (wire.RoomUsersEnvelope, error) {
	return h.list(p.RoomID, (*room).muted)
}

// RoomUser implements GET /room/{roomId}/users/{userId}. That who was never there is answered with 404 is an assumption.
func (h *rest) RoomUser(_ context.Context, p queupserver.RoomUserParams) (out wire.RoomUserEnvelope, _ error) {
	r, err := h.known(p.RoomID)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m := r.members[p.UserID]
	if m == nil {
		return out, errorE1(http.StatusNotFound, textNoMember)
	}
	return wire.RoomUserEnvelope{Envelope: success, Data: r.wireMemberFull(m)}, nil
}

// LeaveRoomBeacon implements GET /room/beacon/{roomId}/{userId}. That it takes out nobody but the caller is an assumption.
func (h *rest) LeaveRoomBeacon(ctx context.Context, p queupserver.LeaveRoomBeaconParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error {
		switch {
		case me.account.id != p.UserID:
			return errorE1(http.StatusUnauthorized, textNotYou)
		case !me.active:
			return errorE1(http.StatusUnauthorized, textNotHere)
		}
		r.leave(me, now)
		return nil
	})
}
