package rest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/queup-go/queup/client/internal/tasks"
	"github.com/queup-go/queup/gen/queupapi"
)

// Operations that a Doer treats in their own way, by their name in api/openapi.yaml.
const (
	opLogin    = "login"
	opLogout   = "logout"
	opSession  = "session"
	opToken    = "token"
	opPostChat = "postChat"
)

// Config configures [NewDoer]. Every field is required.
type Config struct {
	// BaseURL is QueUp's base URL, the same as the generated client's.
	BaseURL *url.URL
	// UserAgent is sent with each request.
	UserAgent string
	// HTTP sends the requests. It follows no redirects and has no cookie jar, because each account has its own.
	HTTP *http.Client
	// Limits are the rate limits.
	Limits Limits
	// Clock learns QueUp's time from the responses.
	Clock *Clock
	// Secrets are the secrets that no error may contain.
	Secrets *Secrets
	// Group runs the logins that renew a session. No call outlives its context.
	Group *tasks.Group
	// Random returns a number in [0,1), for the pause before a call of an operation is repeated.
	Random func(op string) float64
	// CookiesChanged is called after a response has changed the cookies of an account.
	CookiesChanged func(a *Account)
	// Retrying is called before a failed call is retried.
	Retrying func(ctx context.Context, r Retry)
}

// A Retry is a failed call that is retried.
type Retry struct {
	Op      string
	Attempt int           // the attempt that failed; the first is 1
	Pause   time.Duration // before the next attempt
	Err     error
}

// A Doer sends the requests of the generated client. It handles all irregularities of QueUp's REST: redirects that mean a
// lost session, errors in seven shapes, HTML instead of JSON. It does not change a good response.
type Doer struct {
	config   Config
	basePath string // path of the base URL, the prefix of every operation's path
	session  *Session
	lanes    *lanes
	fixed    *Account // makes all calls as this account, whose session is not renewed; nil for the account that is logged in
	loads    bool     // all calls are loads, which have their own lane
}

// NewDoer returns a Doer that makes calls as a guest until its session gets another account.
func NewDoer(config Config) *Doer {
	d := &Doer{
		config:   config,
		basePath: strings.TrimRight(config.BaseURL.EscapedPath(), "/"),
		lanes:    newLanes(config.Limits),
	}
	d.session = newSession(config, d.clientAs)
	return d
}

// clientAs returns a generated client that makes calls as one account, even if another is logged in.
func (d *Doer) clientAs(a *Account) *queupapi.Client {
	as := *d
	as.fixed = a
	client, _ := queupapi.NewClient(ServerURL(d.config.BaseURL), queupapi.WithClient(&as)) // it fails only for a URL that does not parse
	return client
}

// ServerURL returns a base URL in the form that the generated client expects.
func ServerURL(base *url.URL) string { return strings.TrimRight(base.String(), "/") }

// ForLoads returns a Doer for the calls made while joining and rejoining rooms. It shares everything except the rate limit.
func (d *Doer) ForLoads() *Doer {
	loads := *d
	loads.loads = true
	return &loads
}

// Session returns the session of all calls.
func (d *Doer) Session() *Session { return d.session }

// ResumeChat ends the pause that QueUp requested when the chat quota was used up, because the quota belongs to the account.
func (d *Doer) ResumeChat() { d.lanes.chat.own.lift() }

// RemoveLimits removes the rate limits of a Doer that has sent nothing yet, for tests. Chat is still sent one line at a
// time.
func (d *Doer) RemoveLimits() { *d.lanes = *unlimited() }

// Do sends a request and returns a response that is JSON and means success, or an error:
//
//   - [*ResponseError] for an answer of QueUp
//   - [*SendError] if there is no response
//   - [*WaitError] if the request was not sent
//   - [*OpError] if its context ended
//
// No error contains a secret, whatever QueUp or a foreign transport quotes.
func (d *Doer) Do(req *http.Request) (*http.Response, error) {
	resp, err := d.do(req)
	if refusal, ok := errors.AsType[*ResponseError](err); ok {
		d.lanes.honourRetryAfter(refusal)
	}
	return resp, d.config.Secrets.Hide(err)
}

func (d *Doer) do(req *http.Request) (*http.Response, error) {
	as := d.fixed
	if as == nil {
		as = d.session.Account()
	}
	ctx, release := tasks.Bound(req.Context(), as.life)
	defer release() // the response has been read by then
	req = req.WithContext(ctx)
	op := d.operation(req)
	lane := d.lane(op.ID)
	leave, err := lane.enter(ctx, op.ID)
	if err != nil {
		return nil, err
	}
	defer leave()
	logins := as.Logins()
	resp, err := d.send(op.ID, req, as, lane, false)
	if err != nil {
		return nil, err
	}
	if !loginRedirect(resp) || op.ID == opLogin || op.ID == opLogout || d.fixed != nil {
		return d.check(op, resp)
	}
	// The session is over and the request was not carried out: log in again and repeat it, once, before all others.
	// Source: docs/PROTOCOL.md 7, rule 1.
	lost := responseError(op.ID, resp, ErrSessionExpired)
	as, err = d.session.Renew(ctx, as, logins)
	if err != nil {
		lost.Reason = errors.Join(ErrSessionExpired, err)
		return nil, lost
	}
	if !rewindable(req) {
		lost.Message = "the session had expired and is renewed: call again"
		return nil, lost
	}
	resp, err = d.send(op.ID, req, as, lane, true)
	if err != nil {
		return nil, err
	}
	return d.check(op, resp)
}

// maxTries is how often a request is sent at most if the network fails.
const maxTries = 3

// send sends a request when its lane lets it through, and retries it if that is safe. With first, it goes before all calls
// that wait.
func (d *Doer) send(op string, req *http.Request, as *Account, lane *lane, first bool) (*http.Response, error) {
	ctx := req.Context()
	for attempt := 1; ; attempt++ {
		if err := lane.wait(ctx, op, first); err != nil {
			return nil, err
		}
		resp, err := d.try(op, req, as)
		if attempt == maxTries || !repeatable(req, resp, err) {
			return resp, err
		}
		if resp != nil {
			refusal := responseError(op, resp, nil)
			d.lanes.honourRetryAfter(refusal)
			err = refusal
		}
		pause := time.Duration(d.config.Random(op) * float64(250*time.Millisecond<<attempt))
		d.config.Retrying(ctx, Retry{Op: op, Attempt: attempt, Pause: pause, Err: d.config.Secrets.Hide(err)})
		if err := WaitUntil(ctx, op, time.Now().Add(pause)); err != nil {
			return nil, err
		}
	}
}

// try sends a copy of the request, because net/http adds the jar's cookies to the request, and they belong to one try.
func (d *Doer) try(op string, req *http.Request, as *Account) (*http.Response, error) {
	sent := req.Clone(req.Context())
	sent.Header.Set("User-Agent", d.config.UserAgent)
	sent.Header.Set("Accept", "application/json")
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, &OpError{Op: op, Err: err}
		}
		sent.Body = body
	}
	left := time.Now()
	resp, err := as.http.Do(sent)
	d.config.Secrets.learnCookies(sent, resp)
	if err != nil {
		d.suspect(sent, err)
		return nil, sendError(sent, op, err)
	}
	resp.Request = sent // a RoundTripper need not set it
	d.config.Clock.Observe(resp.Header, left, time.Now())
	return resp, nil
}

// suspect gives up the open connections if a request timed out, because its connection may be dead without having ended.
func (d *Doer) suspect(req *http.Request, err error) {
	timeout, ok := errors.AsType[net.Error](err)
	if ok && timeout.Timeout() || errors.Is(req.Context().Err(), context.DeadlineExceeded) {
		d.session.CloseIdleConnections()
	}
}

// lane returns the lane in which a call waits before it is sent.
func (d *Doer) lane(op string) *lane {
	switch {
	case op == opLogin || op == opLogout || op == opSession || op == opToken:
		return &d.lanes.session
	case op == opPostChat:
		return &d.lanes.chat
	case d.loads:
		return &d.lanes.load
	default:
		return &d.lanes.own
	}
}

// repeatable reports whether a failed request may be sent again. That is any request that was not sent, and a read after a
// network failure or from a host in trouble. Any other request may have been carried out, and some of QueUp's deletions
// delete one thing more with each call.
func repeatable(req *http.Request, resp *http.Response, err error) bool {
	switch {
	case req.Context().Err() != nil, !rewindable(req):
		return false
	case resp != nil:
		trouble := resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusGatewayTimeout
		return trouble && req.Method == http.MethodGet
	}
	network, ok := errors.AsType[*net.OpError](err)
	return req.Method == http.MethodGet || ok && network.Op == "dial"
}

// rewindable reports whether a request can be sent again. An upload is read while it is sent, so it cannot.
func rewindable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// operation returns the operation of a request. An unknown one is named by method and path.
func (d *Doer) operation(req *http.Request) queupapi.OperationInfo {
	path := strings.TrimPrefix(req.URL.EscapedPath(), d.basePath)
	if op, ok := queupapi.FindOperation(req.Method, path); ok {
		return op
	}
	return queupapi.OperationInfo{ID: req.Method + " " + path}
}
