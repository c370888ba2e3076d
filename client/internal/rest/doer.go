package rest

import (
	"context"
	"errors"
	"math/rand/v2"
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
	// BaseURL is QueUp's, the same as the generated client's.
	BaseURL *url.URL
	// UserAgent is sent with each request.
	UserAgent string
	// HTTP sends the requests. It follows no redirects and has no cookie jar, because each account has its own.
	HTTP *http.Client
	// Limits are the rate limits.
	Limits Limits
	// Clock learns QueUp's time from the responses.
	Clock *Clock
	// Secrets are what no error holds.
	Secrets *Secrets
	// Group runs the logins that renew a session. No call outlives its context.
	Group *tasks.Group
	// Retrying is called before a call that failed is repeated.
	Retrying func(ctx context.Context, r Retry)
}

// A Retry is a call that failed and is repeated.
type Retry struct {
	Op      string
	Attempt int           // that failed; the first is 1
	Pause   time.Duration // before the next attempt
	Err     error
}

// A Doer sends the requests of the generated client. It handles all that is irregular about QueUp's REST: redirects that
// mean a lost session, errors in seven shapes, HTML instead of JSON. It drops and rewrites nothing of a good response.
type Doer struct {
	config   Config
	basePath string // path of the base URL, in front of every operation's
	session  *Session
	lanes    *lanes
	fixed    *Account // makes all calls as this account, whose session is not renewed; nil for the one that is logged in
	loads    bool     // all calls are loads, which have a lane of their own
}

// NewDoer returns a Doer that makes calls as a guest until its session has another account.
func NewDoer(config Config) *Doer {
	d := &Doer{
		config:   config,
		basePath: strings.TrimRight(config.BaseURL.EscapedPath(), "/"),
		lanes:    newLanes(config.Limits),
	}
	d.session = newSession(config, d.clientAs)
	return d
}

// clientAs returns a generated client for calls as one account, whichever is logged in.
func (d *Doer) clientAs(a *Account) *queupapi.Client {
	as := *d
	as.fixed = a
	client, _ := queupapi.NewClient(ServerURL(d.config.BaseURL), queupapi.WithClient(&as)) // it fails only for a URL that does not parse
	return client
}

// ServerURL returns a base URL as the generated client takes it.
func ServerURL(base *url.URL) string { return strings.TrimRight(base.String(), "/") }

// ForLoads returns a Doer for the calls that joining and rejoining rooms makes. It shares everything but the rate limit.
func (d *Doer) ForLoads() *Doer {
	loads := *d
	loads.loads = true
	return &loads
}

// Session returns the session of all calls.
func (d *Doer) Session() *Session { return d.session }

// ResumeChat ends the pause that QueUp has asked for when the chat quota was used up. It was about the account.
func (d *Doer) ResumeChat() { d.lanes.chat.own.lift() }

// RemoveLimits removes the rate limits of a Doer that has sent nothing yet, for tests. Chat still goes one line at a time.
func (d *Doer) RemoveLimits() { *d.lanes = *unlimited() }

// Do sends a request and returns a response that is JSON and means success, or an error: [*ResponseError] for what QueUp
// answered, [*SendError] if there is no response, [*WaitError] if the request was not sent, [*OpError] if its context ended.
//
// No error holds a secret, whatever QueUp or a foreign transport quotes.
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

// maxTries is how often a request is sent at most when the network fails.
const maxTries = 3

// send sends a request when its lane lets it through, and again where that is safe. With first, it goes before all that wait.
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
		pause := time.Duration(rand.Int64N(int64(250 * time.Millisecond << attempt)))
		d.config.Retrying(ctx, Retry{Op: op, Attempt: attempt, Pause: pause, Err: d.config.Secrets.Hide(err)})
		if err := WaitUntil(ctx, op, time.Now().Add(pause)); err != nil {
			return nil, err
		}
	}
}

// try sends a copy of the request, because net/http puts the jar's cookies into what it sends, and those belong to one
// try.
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
	resp.Request = sent // which a RoundTripper need not set
	d.config.Clock.Observe(resp.Header, left, time.Now())
	return resp, nil
}

// suspect gives the connections up if a request ran out of time: the one that carried it may be dead without having ended.
func (d *Doer) suspect(req *http.Request, err error) {
	timeout, ok := errors.AsType[net.Error](err)
	if ok && timeout.Timeout() || errors.Is(req.Context().Err(), context.DeadlineExceeded) {
		d.session.CloseIdleConnections()
	}
}

// lane returns where a call waits before it is sent.
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

// repeatable reports whether a request that failed may be sent again: any that has not left, and a read that met a
// network that failed or a host in trouble. Everything else may have been carried out; some of QueUp's deletions take
// one thing more with each call.
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

// rewindable reports whether a request can be sent again: an upload is read as it is sent, and cannot.
func rewindable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// operation returns which operation a request is. One that is none is named by method and path.
func (d *Doer) operation(req *http.Request) queupapi.OperationInfo {
	path := strings.TrimPrefix(req.URL.EscapedPath(), d.basePath)
	if op, ok := queupapi.FindOperation(req.Method, path); ok {
		return op
	}
	return queupapi.OperationInfo{ID: req.Method + " " + path}
}
