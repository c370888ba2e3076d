package client

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/client/internal/tasks"
	"github.com/queup-go/queup/gen/queupapi"
)

// Operations that the doer treats in their own way, by their name in api/openapi.yaml.
const (
	opLogin    = "login"
	opLogout   = "logout"
	opSession  = "session"
	opToken    = "token"
	opJoinRoom = "joinRoom"
	opPostChat = "postChat"
)

// maxAnswer bounds the answer to a REST call, unpacked. A room of 5,000 members answers about 3 MiB. What its data may take in
// memory is bounded where it is decoded, in internal/lenient.
const maxAnswer = 32 << 20

// doer sends the requests of the generated client. All that is irregular about QueUp's REST ends here: redirects that
// mean a lost session, errors in seven shapes, HTML in the place of JSON. It drops and rewrites nothing of a good
// answer.
type doer struct {
	basePath  string // path of the base URL, in front of every operation's
	userAgent string
	session   *session
	fixed     *account // makes all calls as this account, whose session is not renewed; nil for the one that is logged in
	log       *slog.Logger
	clock     *rest.Clock
	lanes     *lanes
	secrets   *secrets
	loads     bool // all calls are loads, which have a lane of their own
}

// Do sends a request and returns an answer that is JSON and means success, or an error: *APIError for what QueUp
// answered, or what net/http says.
//
// No error of it holds a secret, whatever QueUp or a foreign transport quotes.
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	resp, err := d.do(req)
	if refusal, ok := errors.AsType[*APIError](err); ok {
		d.lanes.obey(refusal)
	}
	err = d.secrets.hide(err)
	hookCall(err)
	return resp, err
}

func (d *doer) do(req *http.Request) (*http.Response, error) {
	as := d.fixed
	if as == nil {
		as = d.session.as()
	}
	ctx, release := tasks.Bound(req.Context(), as.life)
	defer release() // the answer has been read by then
	req = req.WithContext(ctx)
	op := d.operation(req)
	lane := d.lane(op.ID)
	leave, err := lane.enter(ctx, op.ID)
	if err != nil {
		return nil, err
	}
	defer leave()
	_, logins, _ := as.login()
	resp, err := d.send(op.ID, req, as, lane.wait)
	if err != nil || !loginRedirect(resp) || op.ID == opLogin || op.ID == opLogout || d.fixed != nil {
		return d.judge(op, resp, err)
	}
	// The session is over and the request was not carried out: log in again and repeat it, once, before all others.
	// Source: docs/PROTOCOL.md 7, rule 1.
	lost := failure(op.ID, resp, ErrSessionExpired)
	as, err = d.session.renew(ctx, as, logins)
	if err != nil {
		lost.reason = errors.Join(ErrSessionExpired, err)
		return nil, lost
	}
	if !rewindable(req) {
		lost.Message = "the session had expired and is renewed: call again"
		return nil, lost
	}
	resp, err = d.send(op.ID, req, as, lane.waitFirst)
	return d.judge(op, resp, err)
}

// maxTries is how often a request is sent at most when the network fails.
const maxTries = 3

// send sends a request when wait lets it through, and again where that is safe.
func (d *doer) send(op string, req *http.Request, as *account, wait func(ctx context.Context, op string) error) (*http.Response, error) {
	for try := 1; ; try++ {
		if err := wait(req.Context(), op); err != nil {
			return nil, err
		}
		resp, err := d.try(op, req, as)
		if try == maxTries || !repeatable(req, resp, err) {
			return resp, err
		}
		if resp != nil {
			refusal := failure(op, resp, nil)
			d.lanes.obey(refusal)
			err = refusal
		}
		pause := time.Duration(rand.Int64N(int64(250 * time.Millisecond << try)))
		d.log.WarnContext(req.Context(), "call failed and is repeated",
			slog.String("op", op), slog.Int("attempt", try), slog.Duration("retry_in", pause), slog.Any("error", d.secrets.hide(err)))
		if err := waitUntil(req.Context(), op, time.Now().Add(pause)); err != nil {
			return nil, err
		}
	}
}

// try sends a copy of the request, because net/http puts the jar's cookies into what it sends, and those belong to one
// try.
func (d *doer) try(op string, req *http.Request, as *account) (*http.Response, error) {
	sent := req.Clone(req.Context())
	sent.Header.Set("User-Agent", d.userAgent)
	sent.Header.Set("Accept", "application/json")
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, &withinError{op, err}
		}
		sent.Body = body
	}
	left := time.Now()
	resp, err := as.http.Do(sent)
	d.secrets.learnCookies(sent, resp)
	if err != nil {
		d.suspect(sent, err)
		return nil, sendError(sent, op, err)
	}
	resp.Request = sent // which a RoundTripper need not set
	d.clock.Observe(resp.Header, left, time.Now())
	return resp, nil
}

// suspect gives the connections up if a request ran out of time: the one that carried it may be dead without having ended.
func (d *doer) suspect(req *http.Request, err error) {
	timeout, ok := errors.AsType[net.Error](err)
	if ok && timeout.Timeout() || errors.Is(req.Context().Err(), context.DeadlineExceeded) {
		d.session.base.CloseIdleConnections()
	}
}

// lane returns where a call waits for its turn.
func (d *doer) lane(op string) *lane {
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
	if _, waiting := errors.AsType[*RateLimitError](err); waiting {
		return false
	}
	network, ok := errors.AsType[*net.OpError](err)
	return req.Method == http.MethodGet || ok && network.Op == "dial"
}

// rewindable reports whether a request can be sent again: an upload is read as it is sent, and cannot.
func rewindable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// judge turns an answer into what the generated client may read.
func (d *doer) judge(op queupapi.OperationInfo, resp *http.Response, err error) (*http.Response, error) {
	switch {
	case err != nil:
		return nil, err
	case op.ID == opLogout && loginRedirect(resp): // there was no session to end
		return done(resp), nil
	case op.ID != opLogin && loginRedirect(resp):
		return nil, failure(op.ID, resp, ErrSessionExpired)
	case op.Redirect && resp.StatusCode >= 300 && resp.StatusCode <= 399:
		resp.StatusCode = http.StatusFound // the one the specification knows
		return resp, nil
	case op.Redirect && resp.StatusCode == http.StatusOK: // the generated client would put all of it into its error
		return nil, nonsense(op.ID, resp, "answered without a redirect")
	case resp.StatusCode != http.StatusOK:
		return nil, failure(op.ID, resp, nil)
	}
	if err := readJSON(op, resp); err != nil {
		d.suspect(resp.Request, err)
		return nil, err
	}
	return resp, nil
}

// operation returns which operation a request is. One that is none is named by method and path.
func (d *doer) operation(req *http.Request) queupapi.OperationInfo {
	path := strings.TrimPrefix(req.URL.EscapedPath(), d.basePath)
	if op, ok := queupapi.FindOperation(req.Method, path); ok {
		return op
	}
	return queupapi.OperationInfo{ID: req.Method + " " + path}
}

// loginRedirect reports whether QueUp answered that there is no session. Source: docs/PROTOCOL.md 1.2.
func loginRedirect(resp *http.Response) bool {
	if resp.StatusCode < 300 || resp.StatusCode > 399 {
		return false
	}
	location, err := url.Parse(resp.Header.Get("Location"))
	return err == nil && strings.HasSuffix(location.Path, "/auth/login")
}

// done turns an answer into one that says that all is well.
func done(resp *http.Response) *http.Response {
	_ = resp.Body.Close()
	good := *resp
	good.StatusCode = http.StatusOK
	good.Header = http.Header{"Content-Type": {"application/json"}}
	good.Body = io.NopCloser(strings.NewReader(`{"code":200,"message":"OK"}`))
	return &good
}

// sendError makes the error of a request without an answer. When the caller's context is over, its cause says why.
func sendError(req *http.Request, op string, err error) error {
	if cause := context.Cause(req.Context()); cause != nil {
		return &withinError{op, cause}
	}
	failed := &CallError{Op: op, Method: req.Method, URL: req.URL.Redacted(), Err: err}
	if sent, ok := errors.AsType[*url.Error](err); ok {
		failed.Err = sent.Err // the rest of it is said already
	}
	return failed
}
