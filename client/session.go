package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/client/internal/tasks"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/redact"
)

// A SessionStore keeps the session of an account between two runs of a program; see [WithSession]. The data holds cookies, which let
// anyone act as the account, so keep it like a password. Its methods are not called concurrently by one client.
type SessionStore interface {
	// Load returns what was saved last. nil, nil means that nothing is stored.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces what is stored; a nil session deletes it.
	Save(ctx context.Context, session []byte) error
}

// WithSession keeps the session of the account in s, so that a restarted program does not log in again.
//
// [Client.Login] first tries the stored session, if it is for the same login name and QueUp address. It sends the password only if QueUp
// rejects the session. An error of Load is returned, and nothing is sent. Data that cannot be used (damaged, another account's, of
// another version) is ignored, with a line in the log. [Client.Resume] uses the stored session alone.
//
// The session is saved after a login, and again whenever QueUp renews it. An error of Save goes to the error handler, and the client
// continues. [Client.Logout] and a login with another account delete the session; [Client.Close] keeps it. The data is opaque and
// versioned. It has cookies and the login name, and never the password. Source: docs/PROTOCOL.md 1.2.
func WithSession(s SessionStore) Option {
	return func(c *config) error {
		if s == nil {
			return optionError("WithSession", "s", "is nil")
		}
		c.sessions = s
		return nil
	}
}

// Resume logs in with the session that [WithSession] has stored, without a password. It is [ErrNotLoggedIn] if there is no usable
// session, or if QueUp rejects it. When QueUp ends the session later, it cannot be renewed: calls return an error that matches
// [ErrNotLoggedIn], until [Client.Login] is called. Other errors are those of Login. Source: docs/PROTOCOL.md 1.2.
func (c *Client) Resume(ctx context.Context) error {
	return c.logIn(ctx, func(ctx context.Context) (*rest.Account, wire.User, error) {
		if c.config.sessions == nil {
			return nil, wire.User{}, &withinError{"resume: no session is kept without WithSession", ErrNotLoggedIn}
		}
		stored, usable, err := c.keeper.load(ctx, "")
		switch {
		case err != nil:
			return nil, wire.User{}, err
		case !usable:
			return nil, wire.User{}, &withinError{"resume: no usable session is stored", ErrNotLoggedIn}
		}
		as, user, err := c.session.Resume(ctx, stored, redact.Secret{})
		if errors.Is(err, rest.ErrSessionExpired) {
			err = &withinError{"resume: QueUp has ended the stored session", ErrNotLoggedIn}
		}
		return as, user, err
	})
}

// resumeOrLogin logs in with the stored session for a login name, or with the password if there is none or QueUp rejects it.
func (c *Client) resumeOrLogin(ctx context.Context, email string, password redact.Secret) (*rest.Account, wire.User, error) {
	stored, usable, err := c.keeper.load(ctx, email)
	if err != nil {
		return nil, wire.User{}, err
	}
	if usable {
		as, user, err := c.session.Resume(ctx, stored, password)
		if !errors.Is(err, rest.ErrSessionExpired) {
			return as, user, err
		}
		c.log.InfoContext(ctx, "QueUp has ended the stored session: logging in with the password")
	}
	as := c.session.NewAccount(email, password)
	user, err := c.session.Login(ctx, as)
	return as, user, err
}

// sessionKeeper saves the session of a client's account to a store.
type sessionKeeper struct {
	store   SessionStore                         // immutable; nil keeps nothing
	session *rest.Session                        // immutable
	workers *tasks.Group                         // immutable
	log     *slog.Logger                         // immutable
	report  func(ctx context.Context, err error) // immutable
	pending tasks.Semaphore                      // held by a save that has not read the session yet

	mu    sync.Mutex        // also serialises the calls of store
	as    *rest.Account     // guarded by mu; nil if no account is logged in
	user  UserID            // guarded by mu
	saved [sha256.Size]byte // guarded by mu; of the data that the store has, zero if unknown
}

// saveTimeout bounds one call of a store.
const saveTimeout = 5 * time.Second

// load returns the stored session. It is not usable if there is none, or none for the login name; an empty name accepts any.
func (k *sessionKeeper) load(ctx context.Context, login string) (stored rest.Stored, usable bool, err error) {
	if k.store == nil {
		return rest.Stored{}, false, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	data, err := k.store.Load(ctx)
	if err != nil {
		return rest.Stored{}, false, &withinError{"stored session not read", err}
	}
	if data == nil {
		return rest.Stored{}, false, nil
	}
	stored, err = k.session.Parse(data)
	if err == nil && login != "" && !strings.EqualFold(strings.TrimSpace(login), strings.TrimSpace(stored.Login)) {
		err = errors.New("it is for another login name")
	}
	if err != nil {
		k.log.WarnContext(ctx, "stored session not used", slog.Any("error", err))
		return rest.Stored{}, false, nil
	}
	return stored, true, nil
}

// use makes an account the one whose session is kept, and saves its session.
func (k *sessionKeeper) use(as *rest.Account, user UserID) {
	if k.store == nil {
		return
	}
	k.mu.Lock()
	k.as, k.user = as, user
	k.mu.Unlock()
	k.save()
}

// changed saves the session of an account after QueUp has set a cookie, on a goroutine of its own.
func (k *sessionKeeper) changed(as *rest.Account) {
	if k == nil || k.store == nil || !k.pending.TryAcquire() {
		return
	}
	if !k.workers.Start(func() {
		k.mu.Lock()
		current := k.as == as
		k.mu.Unlock()
		k.pending.Release()
		if current {
			k.save()
		}
	}) {
		k.pending.Release()
	}
}

// save writes the session to the store, unless the store has it already.
func (k *sessionKeeper) save() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.as == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.workers.Context()), saveTimeout)
	defer cancel()
	data, err := k.session.Store(k.as, k.user)
	sum := sha256.Sum256(data)
	if err == nil && sum == k.saved {
		return
	}
	if err == nil {
		err = k.store.Save(ctx, data)
	}
	if err != nil {
		k.saved = [sha256.Size]byte{}
		k.report(ctx, &sessionError{err})
		return
	}
	k.saved = sum
}

// forget deletes the stored session.
func (k *sessionKeeper) forget(ctx context.Context) error {
	if k.store == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.as, k.user, k.saved = nil, "", [sha256.Size]byte{}
	if ctx.Err() != nil { // the session must not stay because the caller gave up
		var cancel func()
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
		defer cancel()
	}
	if err := k.store.Save(ctx, nil); err != nil {
		return &withinError{"stored session not deleted", err}
	}
	return nil
}

// sessionError means that the session was not saved.
type sessionError struct{ err error }

func (e *sessionError) Error() string { return within("session not saved", e.err) }

func (e *sessionError) Unwrap() error { return e.err }

// FileSession keeps a session in a file, for [WithSession]. The file has the mode 0600 and is replaced atomically, so that two programs
// never read half of one. Its folder must exist. Load refuses a file that others can read, except on Windows, where the permissions
// of the folder apply.
func FileSession(path string) SessionStore { return fileSession(path) }

type fileSession string

// maxSessionFile is how large a session's file may be. Ours have less than 2 KiB.
const maxSessionFile = 64 << 10

// Load implements [SessionStore].
func (f fileSession) Load(context.Context) ([]byte, error) {
	file, err := os.Open(string(f))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	defer file.Close()
	about, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !about.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", f)
	case about.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("%s can be read by others: run chmod 600 on it, and log in again if somebody may have read it", f)
	case about.Size() > maxSessionFile:
		return nil, fmt.Errorf("%s is too large for a session", f)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSessionFile))
	if err != nil {
		return nil, err
	}
	if data == nil {
		data = []byte{} // an empty file is a damaged session
	}
	return data, nil
}

// Save implements [SessionStore].
func (f fileSession) Save(_ context.Context, session []byte) (err error) {
	if session == nil {
		if err := os.Remove(string(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	file, err := os.CreateTemp(filepath.Dir(string(f)), filepath.Base(string(f))+".*") // with the mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(session)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), string(f))
}
