package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/redact"
)

// storedVersion is the version of the form in which a session is stored. Data of another version is not used.
const storedVersion = 1

// A Stored is the session of an account in a form that outlives the process. It never has the password.
type Stored struct {
	Version int            `json:"version"`
	Site    string         `json:"site"`  // the base URL
	Login   string         `json:"login"` // the name that was given to the login
	User    wire.UserID    `json:"user"`
	Cookies []storedCookie `json:"cookies"`
}

type storedCookie struct {
	From     string    `json:"from"` // the URL whose answer set it
	Name     string    `json:"name"`
	Value    string    `json:"value"`
	Domain   string    `json:"domain,omitempty"`
	Path     string    `json:"path,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
	Secure   bool      `json:"secure,omitempty"`
	HTTPOnly bool      `json:"httpOnly,omitempty"`
}

// A keptCookie is a cookie to store. Only Store reveals its value.
type keptCookie struct {
	storedCookie // without its Value
	value        redact.Secret
}

// Store returns the session of an account whose user at QueUp is given.
func (s *Session) Store(a *Account, user wire.UserID) ([]byte, error) {
	who, _, _ := a.login()
	if who == nil {
		return nil, ErrNotLoggedIn
	}
	return json.Marshal(Stored{Version: storedVersion, Site: s.site, Login: who.username, User: user, Cookies: a.jar.stored()})
}

// Parse reads a stored session. Its error says why the session cannot be used here.
func (s *Session) Parse(data []byte) (Stored, error) {
	var stored Stored
	switch err := json.Unmarshal(data, &stored); {
	case err != nil:
		return Stored{}, errors.New("it is damaged, or not a session") // the JSON error may quote a cookie
	case stored.Version != storedVersion:
		return Stored{}, fmt.Errorf("it has the version %d, and this library reads %d", stored.Version, storedVersion)
	case stored.Site != s.site:
		return Stored{}, fmt.Errorf("it belongs to %q", stored.Site)
	case stored.Login == "" || stored.User == "" || len(stored.Cookies) == 0:
		return Stored{}, errors.New("it is incomplete")
	}
	return stored, nil
}

// Resume makes an account of a stored session, and returns it with its user at QueUp. The password may be empty; then the session cannot
// be renewed. It does not put the account in use. The error is [ErrSessionExpired] if QueUp does not accept the session any more, or
// has another user for it.
func (s *Session) Resume(ctx context.Context, stored Stored, password redact.Secret) (*Account, wire.User, error) {
	a := s.NewAccount(stored.Login, password)
	for _, c := range stored.Cookies {
		if from, err := url.Parse(c.From); err == nil {
			s.secrets.Learn(SecretCookie, redact.New(c.Value))
			a.jar.SetCookies(from, []*http.Cookie{{ //nolint:gosec // as QueUp set it
				Name: c.Name, Value: c.Value, Domain: c.Domain, Path: c.Path, Expires: c.Expires, Secure: c.Secure, HttpOnly: c.HTTPOnly,
			}})
		}
	}
	answer, err := s.client(a).Session(ctx)
	switch {
	case err != nil:
		return nil, wire.User{}, CallError(opSession, err)
	case answer.Data.ID != stored.User:
		return nil, wire.User{}, &ResponseError{Op: opSession, Status: http.StatusOK, Message: "answered with another user", Reason: ErrSessionExpired}
	}
	a.resumed = true
	return a, answer.Data, nil
}

// keep records a cookie from u, so that it can be stored. It reports whether that changes what is stored. mu is held.
func (c *cookies) keep(u *url.URL, cookie *http.Cookie) (changed bool) {
	from := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	kept := keptCookie{storedCookie{
		From: from.String(), Name: cookie.Name, Domain: cookie.Domain, Path: cookie.Path,
		Expires: cookie.Expires.UTC(), Secure: cookie.Secure, HTTPOnly: cookie.HttpOnly,
	}, redact.New(cookie.Value)}
	if cookie.Expires.IsZero() {
		kept.Expires = time.Time{}
	}
	if cookie.MaxAge > 0 {
		kept.Expires = time.Now().UTC().Add(time.Duration(cookie.MaxAge) * time.Second)
	}
	i := slices.IndexFunc(c.kept, func(k keptCookie) bool {
		return k.Name == kept.Name && k.Domain == kept.Domain && k.Path == kept.Path
	})
	over := cookie.MaxAge < 0 || !kept.Expires.IsZero() && !kept.Expires.After(time.Now())
	switch {
	case over && i < 0:
		return false
	case over:
		c.kept = slices.Delete(c.kept, i, i+1)
		return true
	case i < 0:
		c.kept = append(c.kept, kept)
		c.kept = c.kept[max(len(c.kept)-maxKeptCookies, 0):]
		return true
	}
	changed = c.kept[i].value.Reveal() != cookie.Value
	c.kept[i] = kept
	return changed
}

// maxKeptCookies bounds the cookies of a stored session. QueUp sets one or two.
const maxKeptCookies = 50

// stored returns the cookies to store, in a fixed order.
func (c *cookies) stored() []storedCookie {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]storedCookie, 0, len(c.kept))
	for _, kept := range c.kept {
		kept.Value = kept.value.Reveal()
		list = append(list, kept.storedCookie)
	}
	slices.SortFunc(list, func(a, b storedCookie) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Path, b.Path))
	})
	return list
}
