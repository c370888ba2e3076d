package cassettes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/realtime"
)

// ErrNotAdded is the error for a request, a handshake or a frame that the recording does not have, and that [New] cannot add to it. It
// matches [ErrUnmatched], too.
var ErrNotAdded = errors.New("cassettes: cannot be added to the recording")

// notAddedError is what the program and [Cassette.Context] get. It names what was sent and the reason, without secrets.
type notAddedError struct {
	what string
	why  error
}

func (e *notAddedError) Error() string {
	return printable.Text(ErrNotAdded.Error() + ": " + e.what + ": " + e.why.Error())
}

func (e *notAddedError) Is(target error) bool { return target == ErrNotAdded || target == ErrUnmatched }

func (e *notAddedError) Unwrap() error { return e.why }

// errPlayedConnection is the reason against adding a frame.
var errPlayedConnection = errors.New("the connection is from the recording, and the server does not know it")

// additions are what mode New records beside a recording that is played. They hold secrets, so they never leave memory as they are.
type additions struct {
	c            *Cassette
	placeholders cassette.Placeholders // of the recording; immutable
	redactor     *cassette.Redactor    // for the files; it knows which placeholders the recording has for what the program sent

	mu       sync.Mutex
	claimed  bool                // guarded by mu; this test is the only one that adds to the recording
	live     *cassette.Accounts  // guarded by mu; who got which cookie over the network
	accounts map[string]bool     // guarded by mu; those that logged in over the network
	answers  []string            // guarded by mu; bodies that these accounts got
	logins   map[string]login    // guarded by mu; the latest login that was played, by account of the recording
	sessions map[string]*session // guarded by mu; by account of the recording
	sockets  []realtime.Socket   // guarded by mu; those that are recorded
}

// login is a request of the program that logs in.
type login struct {
	req  *http.Request
	body []byte
}

// session is a session at the server for an account whose login was played. The program does not have its cookies.
type session struct {
	ready chan struct{} // closed when the login was answered

	// Immutable once ready.
	login *vcr.Interaction
	err   error

	cookies map[string]string // by name; guarded by additions.mu
}

func newAdditions(c *Cassette, t *cassette.Tape) *additions {
	placeholders := t.Placeholders()
	return &additions{
		c: c, placeholders: placeholders, redactor: cassette.NewRedactorAfter(c.cfg.rules, placeholders),
		live: cassette.NewAccounts(), accounts: map[string]bool{}, logins: map[string]login{}, sessions: map[string]*session{},
	}
}

// played notes that a request of the program was answered from the recording.
func (a *additions) played(req *http.Request, body []byte, raw, redacted vcr.Request, e *request) {
	a.redactor.Adopt(a.c.redactor, e.Request, redacted)
	if cassette.LoginName(raw) == "" || !strings.HasSuffix(req.URL.Path, "/auth/login") {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.logins[e.account] = login{req.Clone(context.WithoutCancel(req.Context())), body} // the program may change its request later
}

// isLive reports whether a request belongs to an account that has logged in over the network. The recording does not have its answers.
func (a *additions) isLive(raw vcr.Request) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.accounts[a.live.Of(raw)]
}

// isLiveURL reports whether a handshake has a token of an account that has logged in over the network.
func (a *additions) isLiveURL(rawURL string) bool {
	t := token(rawURL)
	if t == "" {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, body := range a.answers {
		if strings.Contains(body, strconv.Quote(t)) {
			return true
		}
	}
	return false
}

// begin checks that something can be added to the recording at all.
func (a *additions) begin() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if source := a.c.play.tape.Header.Source; source != a.c.cfg.source {
		return fmt.Errorf("the recording is from %s, and this test records from %s", source, a.c.cfg.source)
	}
	if a.claimed {
		return nil
	}
	if err := a.c.claim(); err != nil {
		return err
	}
	a.claimed = true
	return nil
}

// fromRecording is the reason against sending a placeholder of the recording to the server.
func fromRecording(what, placeholder string) error {
	return fmt.Errorf("%s has %s from the recording, which the server does not know", what, placeholder)
}

// answer sends a request that the recording does not have over the network, and records it with its answer.
func (a *additions) answer(req *http.Request, body []byte, id cassette.Identity) (*http.Response, error) {
	c := a.c
	if err := c.ending.cause(); err != nil {
		return nil, err
	}
	if err := a.begin(); err != nil {
		return nil, a.refuse("request", id, err)
	}
	request := captured(req, body)
	out, s, err := a.prepared(req, request)
	if err != nil {
		if req.Context().Err() != nil {
			return nil, err
		}
		return nil, a.refuse("request", id, err)
	}
	order := c.recorded.begin(c, request)
	resp, answer, err := c.exchange(out, body)
	if err == nil {
		if s == nil {
			a.received(request, answer)
		} else {
			a.hide(s, req, resp)
		}
	}
	c.recorded.end(order, &vcr.Interaction{Request: request, Response: answer})
	return resp, err
}

// received notes what an account that has logged in over the network has got.
func (a *additions) received(request vcr.Request, answer vcr.Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	account := a.live.Of(request)
	if cassette.LoginName(request) != "" && answer.Code == http.StatusOK {
		a.accounts[account] = true
	}
	if a.accounts[account] {
		a.live.Learn(request, answer)
		a.answers = append(a.answers, answer.Body)
	}
}

// foreign returns the reason against sending a URL or headers to the server, nil if there is none. The header except is left out.
func (a *additions) foreign(rawURL string, h http.Header, except string) error {
	if p := a.placeholders.Find(rawURL); p != "" {
		return fromRecording("its URL", p)
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if p := a.placeholders.Find(strings.Join(h[name], "\n")); p != "" && name != except {
			return fromRecording("its header "+name, p)
		}
	}
	return nil
}

// prepared returns a request as the server understands it. If its session is from the recording, s is the session at the server that it
// gets instead.
func (a *additions) prepared(req *http.Request, raw vcr.Request) (out *http.Request, s *session, err error) {
	if err := a.foreign(raw.URL, req.Header, "Cookie"); err != nil {
		return nil, nil, err
	}
	if p := a.placeholders.Find(raw.Body); p != "" {
		return nil, nil, fromRecording("its body", p)
	}
	cookies := req.Cookies()
	held := ""
	for _, cookie := range cookies {
		if p := a.placeholders.Find(cookie.Value); p != "" {
			held = p
		}
	}
	if held == "" {
		return req, nil, nil
	}
	if s, err = a.session(req.Context(), raw); err != nil {
		return nil, nil, err
	}
	if s == nil {
		return nil, nil, fromRecording("its cookie", held)
	}
	out = req.Clone(req.Context())
	out.Header.Del("Cookie")
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, cookie := range cookies {
		if p := a.placeholders.Find(cookie.Value); p != "" {
			value, ok := s.cookies[cookie.Name]
			if !ok {
				return nil, nil, fmt.Errorf("%w, and the login at the server set no cookie of that name", fromRecording("its cookie "+cookie.Name, p))
			}
			a.redactor.KeepCookie(value, cookie.Value)
			cookie.Value = value
		}
		out.AddCookie(cookie)
	}
	return out, s, nil
}

// session returns the session at the server for a request whose session is from the recording, nil if the login was not played. For the
// first one it sends the program's login to the server.
func (a *additions) session(ctx context.Context, raw vcr.Request) (*session, error) {
	a.c.play.mu.Lock()
	account := a.c.play.accounts.recorded.Of(raw)
	a.c.play.mu.Unlock()
	a.mu.Lock()
	l, ok := a.logins[account]
	s := a.sessions[account]
	first := ok && s == nil
	if first {
		s = &session{ready: make(chan struct{})}
		a.sessions[account] = s
	}
	a.mu.Unlock()
	switch {
	case first:
		a.logIn(ctx, s, l)
		if s.err != nil { // another request may have more luck
			a.mu.Lock()
			delete(a.sessions, account)
			a.mu.Unlock()
		}
		close(s.ready)
	case s != nil:
		select {
		case <-s.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if s.err != nil && ctx.Err() == nil && (errors.Is(s.err, context.Canceled) || errors.Is(s.err, context.DeadlineExceeded)) {
			return a.session(ctx, raw) // only the request that sent the login was given up
		}
	default:
		return nil, nil
	}
	return s, s.err
}

// logIn sends a login that was played to the server. It is not recorded: the recording has it.
func (a *additions) logIn(ctx context.Context, s *session, l login) {
	const what = "its session is from the recording, so the login was sent to the server"
	req := l.req.Clone(ctx)
	req.Header.Del("Cookie") // it belongs to an earlier session
	request := captured(req, l.body)
	_, answer, err := a.c.exchange(req, l.body)
	switch {
	case err != nil:
		s.err = fmt.Errorf("%s: %w", what, err)
	case answer.Code != http.StatusOK:
		s.err = fmt.Errorf("%s, and it answered %d: give the test a name and a password that are valid there", what, answer.Code)
	}
	if s.err != nil {
		return
	}
	s.login = &vcr.Interaction{Request: request, Response: answer}
	s.cookies = map[string]string{}
	for _, header := range answer.Headers.Values("Set-Cookie") {
		if cookie, err := http.ParseSetCookie(header); err == nil && cookie.Value != "" {
			s.cookies[cookie.Name] = cookie.Value
		}
	}
}

// hide keeps the cookies that an answer sets for a session at the server, and gives the program those that it has sent.
func (a *additions) hide(s *session, req *http.Request, resp *http.Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, header := range resp.Header["Set-Cookie"] {
		cookie, err := http.ParseSetCookie(header)
		if err != nil || cookie.Value == "" {
			continue
		}
		sent, err := req.Cookie(cookie.Name)
		if err != nil || a.placeholders.Find(sent.Value) == "" {
			continue
		}
		s.cookies[cookie.Name] = cookie.Value
		a.redactor.KeepCookie(cookie.Value, sent.Value)
		cookie.Value = sent.Value
		resp.Header["Set-Cookie"][i] = cookie.String()
	}
}

// dial opens a connection that the recording does not have over the network, and records it.
func (a *additions) dial(ctx context.Context, rawURL string, h http.Header, id cassette.Identity) (realtime.Socket, error) {
	c := a.c
	if err := c.ending.cause(); err != nil {
		return nil, realtime.Permanent(err)
	}
	err := a.begin()
	if err == nil && c.cfg.pace.stepped {
		err = errors.New("with Stepped, a connection is played or recorded as a whole")
	}
	if err == nil {
		err = a.foreign(rawURL, h, "")
	}
	if err != nil {
		return nil, realtime.Permanent(a.refuse("handshake", id, err))
	}
	c.wentLive()
	sock, err := c.dialer.Dial(ctx, rawURL, h)
	if sock, err = c.recorded.open(ctx, c, rawURL, sock, err); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sockets = append(a.sockets, sock)
	return sock, nil
}

// goingAway is the code with which a connection is closed that is not needed any more, RFC 6455 7.4.1.
const goingAway = 1001

// end closes the connections to the server after a mismatch.
func (a *additions) end() {
	if a == nil {
		return
	}
	a.mu.Lock()
	sockets := a.sockets
	a.sockets = nil
	a.mu.Unlock()
	for _, sock := range sockets {
		_ = sock.Close(goingAway, "")
	}
}

// refuse fails the test because something is missing in the recording and cannot be added, once for each identity. With AllowUnmatched
// it logs that.
func (a *additions) refuse(kind string, id cassette.Identity, why error) error {
	c := a.c
	err := &notAddedError{what: kind + " " + id.Lane, why: why}
	history, first := c.play.noteUnmatched(kind, id)
	if !first {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "cassettes: %s: the recording does not have this %s, and it cannot be added\n  sent\n    %s\n", c.name, kind, id.Lane)
	for _, line := range fieldLines(id) {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	fmt.Fprintf(&b, "  why\n    %s\n", printable.Text(why.Error()))
	writeHistory(&b, history)
	fmt.Fprintf(&b, "  record it again: %s", c.origin.command())
	c.report(func(tb testing.TB) {
		tb.Helper()
		if c.cfg.allowUnmatched {
			tb.Logf("%s", b.String())
		} else {
			tb.Error(b.String())
		}
	})
	if !c.cfg.allowUnmatched {
		c.endTest(b.String(), err)
	}
	return err
}

// tape returns the recording with what was added, nil if nothing was.
func (a *additions) tape() (*cassette.Tape, error) {
	raw := a.c.recorded.tape(a.c)
	if len(raw.HTTP)+len(raw.Socket) == 0 {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.sessions {
		if s.login == nil {
			continue
		}
		if err := a.redactor.Learn(s.login); err != nil {
			return nil, fmt.Errorf("the login that was sent to the server: %w", err)
		}
	}
	return a.c.play.tape.Extend(raw, a.redactor)
}

// save writes the recording with what was added to it. If nothing was missing, or the test has failed, the files stay as they are.
func (a *additions) save() {
	c := a.c
	switch {
	case c.t.Failed():
		c.t.Logf("%s: nothing was added, because the test failed", c.name)
		return
	case unwinding():
		c.t.Logf("%s: nothing was added, because the test did not come to its end", c.name)
		return
	}
	t, err := a.tape()
	switch {
	case err == nil && t == nil:
		c.t.Logf("%s: nothing was added", c.name)
		return
	case err == nil:
		err = cassette.Write(c.cfg.dir, c.name, t)
	}
	if err != nil {
		c.t.Errorf("cassettes: %s: nothing was added: %v\n  record it again: %s", c.name, err, c.origin.command())
		return
	}
	old := c.play.tape
	c.t.Logf("%s: added %d requests and %d records of the websocket", c.name, len(t.HTTP)-len(old.HTTP), len(t.Socket)-len(old.Socket))
}
