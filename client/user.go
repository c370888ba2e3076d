package client

import (
	"cmp"
	"time"

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

// userID returns whose account it is; the outer id counts, but it can be missing. Source: docs/PROTOCOL.md 7, rule 29.
func userID(w wire.User) UserID { return cmp.Or(w.ID, w.UserInfo.UserID) }

// pictureURL returns the best address of an uploaded picture.
func pictureURL(p wire.ProfileImage) string {
	if p.SecureURL != "" {
		return p.SecureURL
	}
	return p.URL
}

// AvatarURL returns the address of the user's picture, and false if none is known.
func (u User) AvatarURL() (string, bool) { return u.Avatar, u.Avatar != "" }

// MemberOf returns the user's record in a room, and false if the user is not there or the room is nil.
func (u User) MemberOf(room *Room) (Member, bool) { return room.Members().Get(u.ID) }

// Equal reports whether both tell the same, whatever client they come from.
func (u User) Equal(v User) bool {
	return u.ID == v.ID && u.Username == v.Username && u.Avatar == v.Avatar && u.CreatedAt.Equal(v.CreatedAt) && u.sameExtra(v.extra)
}

// String returns the name, or the id where the name is not known.
func (u User) String() string {
	if u.Username == "" {
		return string(u.ID)
	}
	return u.Username
}

// Mention returns @ and the name, to address the user in a line of chat. A user who is named everyone, mods or djs gets a
// space behind the @, so that nobody else is alerted; see [Quote]. Source: docs/PROTOCOL.md 1.7.
func (u User) Mention() string { return defused("@" + u.String()) }

// An AuthenticatedUser is the account that the client is logged in with.
type AuthenticatedUser struct {
	User
}

// Equal reports whether both tell the same.
func (u AuthenticatedUser) Equal(v AuthenticatedUser) bool { return u.User.Equal(v.User) }
