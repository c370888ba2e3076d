package queuptest

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

const (
	textNoUser        = "User not found"
	textBadName       = "A username has 1 to 30 letters, digits, dots, hyphens and underscores"
	textNameTaken     = "The username is taken"
	textBadEmail      = "A valid email address is required"
	textEmailTaken    = "The email address is taken"
	textPasswords     = "The passwords are empty or differ"
	textNoCaptcha     = "The captcha is required"
	textNoEmail       = "No account has this email address"
	textBadResetToken = "The token is invalid"
)

var (
	nameShape  = regexp.MustCompile(`^[0-9A-Za-z._-]{1,30}$`)
	emailShape = regexp.MustCompile(`^[^\s@]+@[^\s@]+$`)
)

// maxEmail is the longest address, in characters.
const maxEmail = 250

// username returns the name of an account; empty if it is nil. The caller may hold s.mu.
func (s *state) username(a *account) string {
	if a == nil {
		return ""
	}
	s.directory.RLock()
	defer s.directory.RUnlock()
	return a.name
}

// accountWith finds the first account for which match is true; nil if there is none. The caller may hold s.mu, but not
// s.directory.
func (s *state) accountWith(match func(*account) bool) *account {
	s.directory.RLock()
	defer s.directory.RUnlock()
	i := slices.IndexFunc(s.accounts, match)
	if i < 0 {
		return nil
	}
	return s.accounts[i]
}

// accountByID finds an account; nil if there is none. The caller may hold s.mu.
func (s *state) accountByID(id wire.UserID) *account {
	return s.accountWith(func(a *account) bool { return a.id == id })
}

// accountByName finds an account by its name, in any case; nil if there is none. The caller may hold s.mu.
func (s *state) accountByName(name string) *account {
	return s.accountWith(func(a *account) bool { return strings.EqualFold(a.name, name) })
}

// accountByEmail finds an account by its address: the one it signed up with, or its name at example.com. The caller may hold
// s.mu.
func (s *state) accountByEmail(email string) *account {
	return s.accountWith(func(a *account) bool {
		return a.email != "" && strings.EqualFold(a.email, email) || a.email == "" && strings.EqualFold(a.name+"@example.com", email)
	})
}

// nameError says what is wrong with a name to have; nil if nothing is.
func nameError(name string) error {
	if !nameShape.MatchString(name) || hexID.MatchString(name) {
		return errorE1(http.StatusBadRequest, textBadName)
	}
	return nil
}

func (s *state) hasPassword(a *account, password string) bool {
	s.directory.RLock()
	defer s.directory.RUnlock()
	return samePassword(a.password, password)
}

// change changes what s.directory guards. The caller holds s.mu.
func (s *state) change(write func()) {
	s.directory.Lock()
	defer s.directory.Unlock()
	write()
}

// login starts a session.
func (h *rest) login(ctx context.Context, c queupserver.Credentials) (*queupserver.DoneEnvelope, error) {
	a := h.named(strings.TrimSpace(c.Username))
	if a == nil || !h.hasPassword(a, c.Password) {
		return nil, errorE2(http.StatusBadRequest, textBadLogin)
	}
	callOf(ctx).begin(h.state, a)
	return done(), nil
}

// LoginDubtrack implements POST /auth/dubtrack.
func (h *rest) LoginDubtrack(ctx context.Context, req queupserver.LoginDubtrackReq) (*queupserver.DoneEnvelope, error) {
	var c queupserver.Credentials
	switch req := req.(type) {
	case *queupserver.LoginDubtrackApplicationJSON:
		c = queupserver.Credentials(*req)
	case *queupserver.LoginDubtrackApplicationXWwwFormUrlencoded:
		c = queupserver.Credentials(*req)
	}
	return h.login(ctx, c)
}

// SignUp implements POST /auth/signup. Every captcha will do. That one need not confirm the address before the first login
// is an assumption.
func (h *rest) SignUp(_ context.Context, req *queupserver.SignUpRequest) (*queupserver.DoneEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var text string
	switch {
	case !emailShape.MatchString(req.Email) || len(req.Email) > maxEmail:
		text = textBadEmail
	case nameError(req.Username) != nil:
		text = textBadName
	case req.Password == "" || req.Password != req.PasswordAgain:
		text = textPasswords
	case req.Captcha == "":
		text = textNoCaptcha
	case h.accountByEmail(req.Email) != nil:
		text = textEmailTaken
	case h.accountByName(req.Username) != nil:
		text = textNameTaken
	case len(h.accounts) >= maxOwned:
		text = textTooMany
	}
	if text != "" {
		return nil, errorE2(http.StatusBadRequest, text)
	}
	a := &account{
		id:       wire.UserID(h.id(idUser)),
		infoID:   h.id(idInfo),
		name:     req.Username,
		password: req.Password,
		created:  h.now(),
		email:    req.Email,
	}
	h.change(func() { h.accounts = append(h.accounts, a) })
	return done(), nil
}

// ResetPassword implements POST /auth/reset.
func (h *rest) ResetPassword(_ context.Context, req *queupserver.ResetPasswordRequest) (*queupserver.DoneEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accountByEmail(req.Email)
	if a == nil {
		return nil, errorE2(http.StatusBadRequest, textNoEmail)
	}
	h.site.resets[a] = h.secret(h.id(idReset))
	return done(), nil
}

// ChangePassword implements POST /auth/change-password. That sessions go on is an assumption.
func (h *rest) ChangePassword(_ context.Context, req *queupserver.ChangePasswordRequest) (*queupserver.DoneEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for a, token := range h.site.resets {
		if token != req.Token {
			continue
		}
		if req.Password == "" || req.Password != req.PasswordAgain {
			return nil, errorE2(http.StatusBadRequest, textPasswords)
		}
		delete(h.site.resets, a)
		h.change(func() { a.password = req.Password })
		return done(), nil
	}
	return nil, errorE2(http.StatusBadRequest, textBadResetToken)
}

// ResetToken returns the token of the mail that would have been sent when somebody last asked for a new password: what
// POST /auth/change-password wants. It is good for one change. A user who did not ask is a mistake in the test: ResetToken
// panics.
func (s *Server) ResetToken(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := s.site.resets[s.accountByName(user)]
	if token == "" {
		panic(fmt.Sprintf("queuptest: %q did not ask for a new password", user))
	}
	return token
}

// User implements GET /user/{idOrUsername}.
func (h *rest) User(_ context.Context, params queupserver.UserParams) (out wire.UserEnvelope, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accountByID(wire.UserID(params.IDOrUsername))
	if a == nil {
		a = h.accountByName(params.IDOrUsername)
	}
	if a == nil {
		return out, errorE1(http.StatusNotFound, textNoUser)
	}
	u := a.wireUser()
	u.UserInfo = wire.UserInfo{ID: a.infoID, UserID: a.id}
	return wire.UserEnvelope{Envelope: success, Data: u}, nil
}

// UpdateUsername implements POST /user/updateUsername. Whether a name that is no name is refused in the same way as one that
// is taken is not known; here it is an error.
func (h *rest) UpdateUsername(ctx context.Context, req *queupserver.UsernameRequest) (out wire.UsernameChangeEnvelope, _ error) {
	if err := nameError(req.Username); err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var change wire.UsernameChange
	a := callOf(ctx).account
	if other := h.accountByName(req.Username); other == nil || other == a {
		h.change(func() { a.name = req.Username })
		change.Username = req.Username
	}
	return wire.UsernameChangeEnvelope{Envelope: success, Data: change}, nil
}

// UsernameAvailability implements GET /user/query/availabilty.
func (h *rest) UsernameAvailability(_ context.Context, params queupserver.UsernameAvailabilityParams) (wire.UsernameAvailabilityEnvelope, error) {
	return wire.UsernameAvailabilityEnvelope{Envelope: success, Data: wire.UsernameAvailability{
		Username: params.Username,
		Taken:    h.accountByName(params.Username) != nil,
	}}, nil
}

// Rename gives a user another name, on the whole site. No event tells of it: others learn it from the next line.
func (r *Room) Rename(user, name string) {
	defer r.lock("Rename")()
	a := r.account(user)
	if err := nameError(name); err != nil {
		panic(mistake("%q: %v", name, err))
	}
	if other := r.accountByName(name); other != nil && other != a {
		panic(mistake("the name %q is taken", name))
	}
	r.change(func() { a.name = name })
}

// Avatar gives a user another picture, on the whole site. The rooms where the user is hear of it.
func (r *Room) Avatar(user string) {
	defer r.lock("Avatar")()
	if err := r.setAvatar(r.account(user), tinyGIF); err != nil {
		panic(mistake("%s: %v", user, err))
	}
}

// tinyGIF is a picture, as far as anybody looks.
var tinyGIF = []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")

// UserID returns the id of a user, and false if nobody has that name.
func (s *Server) UserID(name string) (id string, ok bool) {
	a := s.named(name)
	if a == nil {
		return "", false
	}
	return string(a.id), true
}
