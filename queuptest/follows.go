package queuptest

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

// follow says that one account follows another. It is immutable.
type follow struct {
	id       string
	follower *account
	followed *account
	created  time.Time
}

const textOneself = "You cannot follow yourself"

// knownUser finds the user of a path.
func (h *rest) knownUser(id wire.UserID) (*account, error) {
	if a := h.accountByID(id); a != nil {
		return a, nil
	}
	return nil, errorE1(http.StatusNotFound, textNoUser)
}

// follows lists, oldest first, what of the user is for match to say.
func (h *rest) followsOf(id wire.UserID, match func(f *follow, a *account) bool) (out wire.FollowsEnvelope, _ error) {
	a, err := h.knownUser(id)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	follows := wire.Follows{}
	for _, f := range h.site.follows {
		if match(f, a) {
			follows = append(follows, wire.Follow{ID: f.id, FollowerID: f.follower.id, FollowedID: f.followed.id, Created: f.created, Extra: unrevised()})
		}
	}
	return wire.FollowsEnvelope{Envelope: success, Data: follows}, nil
}

// Followers implements GET /user/{userId}/following.
func (h *rest) Followers(_ context.Context, params queupserver.FollowersParams) (wire.FollowsEnvelope, error) {
	return h.followsOf(params.UserID, func(f *follow, a *account) bool { return f.followed == a })
}

// FollowedUsers implements GET /user/{userId}/follows.
func (h *rest) FollowedUsers(_ context.Context, params queupserver.FollowedUsersParams) (wire.FollowsEnvelope, error) {
	return h.followsOf(params.UserID, func(f *follow, a *account) bool { return f.follower == a })
}

// Follow implements POST /user/{userId}/following. To follow somebody twice changes nothing; that one cannot follow oneself
// is an assumption.
func (h *rest) Follow(ctx context.Context, params queupserver.FollowParams) (*queupserver.DoneEnvelope, error) {
	a, err := h.knownUser(params.UserID)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	me := callOf(ctx).account
	if a == me {
		return nil, errorE1(http.StatusBadRequest, textOneself)
	}
	h.follow(me, a, h.now())
	return done(), nil
}

// follow lets one account follow another; false if it does already. The caller holds s.mu.
func (s *state) follow(follower, followed *account, now time.Time) bool {
	if slices.ContainsFunc(s.site.follows, func(f *follow) bool { return f.follower == follower && f.followed == followed }) {
		return false
	}
	s.site.follows = append(s.site.follows, &follow{id: s.id(idFollow), follower: follower, followed: followed, created: now})
	return true
}

// Unfollow implements DELETE /user/{userId}/following. That it is no error if one does not follow the user is an assumption.
func (h *rest) Unfollow(ctx context.Context, params queupserver.UnfollowParams) (*queupserver.DoneEnvelope, error) {
	a, err := h.knownUser(params.UserID)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	me := callOf(ctx).account
	h.site.follows = slices.DeleteFunc(h.site.follows, func(f *follow) bool { return f.follower == me && f.followed == a })
	return done(), nil
}
