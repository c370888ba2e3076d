package client

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// A User is an account at a moment. Source: docs/PROTOCOL.md 3.1.
type User struct {
	// ID never changes.
	ID UserID `json:"id"`
	// Username is the display name; it can change.
	Username string `json:"username"`
	// Avatar is the address of the picture, empty if there is none or QueUp left it out; see AvatarURL.
	Avatar string `json:"avatar,omitempty"`
	// CreatedAt is when the account was made, zero where QueUp does not say.
	CreatedAt time.Time `json:"createdAt,omitzero"`

	extra
	client *Client
}

func newUser(c *Client, w wire.User) User {
	return User{
		ID:        userID(w),
		Username:  w.Username,
		Avatar:    pictureURL(w.ProfileImage),
		CreatedAt: w.Created,
		extra:     extra{w.Extra},
		client:    c,
	}
}

// userID returns the id of an account. The outer id counts, but it can be missing. Source: docs/PROTOCOL.md 7, rule 29.
func userID(w wire.User) UserID { return cmp.Or(w.ID, w.UserInfo.UserID) }

// AvatarURL returns the address of the user's picture, and false if none is known.
func (u User) AvatarURL() (string, bool) { return u.Avatar, u.Avatar != "" }

// Equal reports whether both have the same content, whatever client they come from.
func (u User) Equal(v User) bool {
	return u.ID == v.ID && u.Username == v.Username && u.Avatar == v.Avatar && u.CreatedAt.Equal(v.CreatedAt) && u.sameExtra(v.extra)
}

// String returns the name, or the id if the name is not known.
func (u User) String() string {
	if u.Username == "" {
		return string(u.ID)
	}
	return u.Username
}

// An AuthenticatedUser is the account that the client is logged in with.
type AuthenticatedUser struct {
	User
}

// Equal reports whether both have the same content.
func (u AuthenticatedUser) Equal(v AuthenticatedUser) bool { return u.User.Equal(v.User) }

// maxUsername is the longest username that QueUp's own page accepts. Source: docs/PROTOCOL.md 1.7.
const maxUsername = 30

// FetchUser reads an account by its id or its username. It needs no login. An unknown user is [ErrNotFound], an empty
// name an [*ArgumentError]. Source: docs/PROTOCOL.md 2.2.
func (c *Client) FetchUser(ctx context.Context, idOrName string) (User, error) {
	if strings.TrimSpace(idOrName) == "" {
		return User{}, &ArgumentError{Op: "Client.FetchUser", Argument: "idOrName", Reason: "is empty"}
	}
	answer, err := c.rest.User(ctx, queupapi.UserParams{IDOrUsername: idOrName})
	if err != nil {
		return User{}, failed("user", err)
	}
	if answer.Data.ID == "" {
		return User{}, &APIError{Op: "user", Status: http.StatusOK, Message: "answered without a user"}
	}
	return c.learnUser(answer.Data, true), nil
}

// UsernameAvailable reports whether a username is free. A name that QueUp would not allow is an [*ArgumentError]; see
// [AuthenticatedUser.ChangeUsername]. Source: docs/PROTOCOL.md 2.2.
func (c *Client) UsernameAvailable(ctx context.Context, name string) (bool, error) {
	if err := checkUsername("Client.UsernameAvailable", name); err != nil {
		return false, err
	}
	answer, err := c.rest.UsernameAvailability(ctx, queupapi.UsernameAvailabilityParams{Username: name})
	if err != nil {
		return false, failed("usernameAvailability", err)
	}
	return !answer.Data.Taken, nil
}

// checkUsername returns an error for a name that is not a valid username. Source: docs/PROTOCOL.md 1.7.
func checkUsername(op, name string) error {
	var reason string
	switch {
	case name == "":
		reason = "is empty"
	case utf16Len(name) > maxUsername:
		reason = "is longer than 30 characters"
	case strings.ContainsFunc(name, func(r rune) bool { return !inUsername(r) }):
		reason = "must consist of letters, digits, dots, hyphens and underscores"
	default:
		return nil
	}
	return &ArgumentError{Op: op, Argument: "name", Reason: reason}
}

// inUsername reports whether a character may occur in a username.
func inUsername(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(".-_", r)
}

// ChangeUsername changes the name of the account. [Client.User] has it at once; older values keep the old name.
//
// A name that is taken, or that QueUp refuses, is [ErrUsernameTaken]. A name may have 1 to 30 letters, digits, dots,
// hyphens and underscores. Any other name is an [*ArgumentError], and nothing is sent. It is [ErrNotLoggedIn] if the client
// has since logged out or logged in to another account. Source: docs/PROTOCOL.md 2.2.
func (u AuthenticatedUser) ChangeUsername(ctx context.Context, name string) error {
	if err := checkUsername("AuthenticatedUser.ChangeUsername", name); err != nil {
		return err
	}
	if err := u.current(); err != nil {
		return err
	}
	answer, err := u.client.rest.UpdateUsername(ctx, &queupapi.UsernameRequest{Username: name})
	if err != nil {
		err = failed("updateUsername", err)
		if refusal, ok := errors.AsType[*APIError](err); ok && refusal.reason == nil && refusesName(refusal) {
			refusal.reason = ErrUsernameTaken
		}
		return err
	}
	if answer.Data.Username == "" { // this is how QueUp refuses without an error
		return &APIError{Op: "updateUsername", Status: http.StatusOK, Message: "answered without the new name", reason: ErrUsernameTaken}
	}
	u.client.renamed(u.ID, answer.Data.Username)
	return nil
}

// current returns an error if the client is no longer logged in with the account.
func (u AuthenticatedUser) current() error {
	switch {
	case u.client == nil:
		return ErrDetached
	case u.client.closed():
		return ErrClosed
	case !u.client.isMe(u.ID):
		return ErrNotLoggedIn
	}
	return nil
}

// refusesName reports whether QueUp refused the name, and not the call.
func refusesName(e *APIError) bool {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests:
		return false
	}
	return !e.foreign && e.Status >= 400 && e.Status < 500
}

// renamed records the new name of the client's own account.
func (c *Client) renamed(id UserID, name string) {
	c.mu.Lock()
	old := ""
	if c.me != nil && c.me.ID == id {
		me := *c.me
		old, me.Username = me.Username, name
		c.me = &me
	}
	c.mu.Unlock()
	if known, ok := c.users.Get(id); ok {
		old = known.Username
	}
	c.users.update(User{ID: id, Username: name, client: c}, true)
	c.session.Account().Rename(old, name)
}

// Search finds rooms and users. QueUp returns little about either: id, slug, name and number of users of a room, id and
// name of a user. An empty text is an [*ArgumentError]. [Client.SearchRooms] and [Client.SearchSongs] find more. Source:
// docs/PROTOCOL.md 2.12.
func (c *Client) Search(ctx context.Context, text string) (rooms []RoomInfo, users []User, err error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil, &ArgumentError{Op: "Client.Search", Argument: "text", Reason: "is empty"}
	}
	answer, err := c.rest.Search(ctx, queupapi.SearchParams{Query: text})
	if err != nil {
		return nil, nil, failed("search", err)
	}
	for _, w := range filled(answer.Data.Rooms) {
		rooms = append(rooms, newRoomInfo(w))
	}
	for _, w := range filled(answer.Data.Users) {
		users = append(users, c.learnUser(w, true))
	}
	return rooms, users, nil
}

// A Follow says that one user follows another, at a moment. Source: docs/PROTOCOL.md 3.10.
type Follow struct {
	// FollowerID is the user who follows.
	FollowerID UserID `json:"followerId"`
	// FollowedID is the user who is followed.
	FollowedID UserID `json:"followedId"`
	// CreatedAt is when it began.
	CreatedAt time.Time `json:"createdAt,omitzero"`

	extra
	client *Client
}

func newFollow(c *Client, w wire.Follow) Follow {
	return Follow{FollowerID: w.FollowerID, FollowedID: w.FollowedID, CreatedAt: w.Created, extra: extra{w.Extra}, client: c}
}

// Follower returns the user who follows, and false if the client does not know them; [Client.FetchUser] does.
func (f Follow) Follower() (User, bool) { return f.user(f.FollowerID) }

// Followed returns the user who is followed, and false if the client does not know them; [Client.FetchUser] does.
func (f Follow) Followed() (User, bool) { return f.user(f.FollowedID) }

func (f Follow) user(id UserID) (User, bool) {
	if f.client == nil {
		return User{}, false
	}
	return f.client.Users().Get(id)
}

// Equal reports whether both have the same content, whatever client they come from.
func (f Follow) Equal(g Follow) bool {
	return f.FollowerID == g.FollowerID && f.FollowedID == g.FollowedID && f.CreatedAt.Equal(g.CreatedAt) && f.sameExtra(g.extra)
}

// String returns both ids.
func (f Follow) String() string { return string(f.FollowerID) + " follows " + string(f.FollowedID) }

// Follow makes the client's account follow a user. Following twice changes nothing. Errors: [*ArgumentError] for an
// empty id, and [*APIError], [ErrNotFound] for an unknown user. Source: docs/PROTOCOL.md 2.12.
func (c *Client) Follow(ctx context.Context, u UserID) error {
	if err := checkID("Client.Follow", "u", u); err != nil {
		return err
	}
	_, err := c.rest.Follow(ctx, queupapi.FollowParams{UserID: u})
	return failed("follow", err)
}

// Unfollow makes the client's account stop following a user. Errors are those of Follow. Source: docs/PROTOCOL.md 2.12.
func (c *Client) Unfollow(ctx context.Context, u UserID) error {
	if err := checkID("Client.Unfollow", "u", u); err != nil {
		return err
	}
	_, err := c.rest.Unfollow(ctx, queupapi.UnfollowParams{UserID: u})
	return failed("unfollow", err)
}

// Followers reads the users who follow a user. It needs no login. Errors: [*ArgumentError] for an empty id, and
// [*APIError]. Source: docs/PROTOCOL.md 2.12, 8.18.
func (c *Client) Followers(ctx context.Context, u UserID) ([]Follow, error) {
	if err := checkID("Client.Followers", "u", u); err != nil {
		return nil, err
	}
	answer, err := c.rest.Followers(ctx, queupapi.FollowersParams{UserID: u})
	rows, err := rowsOf("followers", answer.Data, err)
	if err != nil {
		return nil, err
	}
	var follows []Follow
	for _, w := range filled(rows) {
		f := newFollow(c, w)
		if f.FollowedID == "" {
			f.FollowedID = u
		}
		if f.FollowedID == u { // trust the row: the name of the call says the opposite
			follows = append(follows, f)
		}
	}
	return follows, nil
}

// Following reads the users whom a user follows. It needs no login. Errors: [*ArgumentError] for an empty id, and
// [*APIError]. Source: docs/PROTOCOL.md 2.12, 8.18.
func (c *Client) Following(ctx context.Context, u UserID) ([]Follow, error) {
	if err := checkID("Client.Following", "u", u); err != nil {
		return nil, err
	}
	answer, err := c.rest.FollowedUsers(ctx, queupapi.FollowedUsersParams{UserID: u})
	rows, err := rowsOf("followedUsers", answer.Data, err)
	if err != nil {
		return nil, err
	}
	var follows []Follow
	for _, w := range filled(rows) {
		f := newFollow(c, w)
		if f.FollowerID == "" {
			f.FollowerID = u
		}
		if f.FollowerID == u {
			follows = append(follows, f)
		}
	}
	return follows, nil
}

// checkID returns an error for an empty id.
func checkID[K ~string](op, argument string, id K) error {
	if strings.TrimSpace(string(id)) == "" {
		return &ArgumentError{Op: op, Argument: argument, Reason: "is empty"}
	}
	return nil
}

// Follow is [Client.Follow] of this user. It is [ErrDetached] for a value that no client made.
func (u User) Follow(ctx context.Context) error {
	if u.client == nil {
		return ErrDetached
	}
	return u.client.Follow(ctx, u.ID)
}

// Unfollow is [Client.Unfollow] of this user. It is [ErrDetached] for a value that no client made.
func (u User) Unfollow(ctx context.Context) error {
	if u.client == nil {
		return ErrDetached
	}
	return u.client.Unfollow(ctx, u.ID)
}

// Followers is [Client.Followers] of this user. It is [ErrDetached] for a value that no client made.
func (u User) Followers(ctx context.Context) ([]Follow, error) {
	if u.client == nil {
		return nil, ErrDetached
	}
	return u.client.Followers(ctx, u.ID)
}

// Following is [Client.Following] of this user. It is [ErrDetached] for a value that no client made.
func (u User) Following(ctx context.Context) ([]Follow, error) {
	if u.client == nil {
		return nil, ErrDetached
	}
	return u.client.Following(ctx, u.ID)
}
