package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/queup-go/queup/gen/queupapi"
)

// Operations that the doer treats in their own way, by their name in api/openapi.yaml.
const (
	opLogin    = "login"
	opLogout   = "logout"
	opJoinRoom = "joinRoom"
)

// maxAnswer bounds the answer to a REST call. A room of 5,000 members answers about 3 MiB.
const maxAnswer = 32 << 20

// doer sends the requests of the generated client. All that is irregular about QueUp's REST ends here: redirects that mean a
// lost session, errors in seven shapes, HTML in the place of JSON. It drops and rewrites nothing of a good answer.
type doer struct {
	http      *http.Client // follows no redirect and keeps the cookies
	basePath  string       // path of the base URL, in front of every operation's
	userAgent string
	session   *session
	workers   *workers
}

// Do sends a request and returns an answer that is JSON and means success, or an error: *APIError for what QueUp answered,
// or what net/http says.
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	ctx, release := d.workers.bound(req.Context())
	defer release() // the answer has been read by then
	req = req.WithContext(ctx)
	op := d.operation(req)
	known := d.session.generation()
	cookies := req.Header["Cookie"] // net/http adds those of the jar, which belong to this try alone
	resp, err := d.send(op, req)
	if err != nil || !loginRedirect(resp) || op == opLogin || op == opLogout {
		return d.judge(op, resp, err)
	}
	// The session is over and the request was not carried out: log in again and repeat it, once.
	lost := failure(op, resp, ErrSessionExpired)
	if err := d.session.renew(req.Context(), known); err != nil {
		lost.reason = errors.Join(ErrSessionExpired, err)
		return nil, lost
	}
	again, err := rewind(req, cookies)
	if err != nil {
		return nil, err
	}
	resp, err = d.send(op, again)
	return d.judge(op, resp, err)
}

func (d *doer) send(op string, req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", d.userAgent)
	resp, err := d.http.Do(req)
	if err != nil {
		return nil, sendError(req.Context(), op, err)
	}
	return resp, nil
}

// judge turns an answer into what the generated client may read.
func (d *doer) judge(op string, resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	if loginRedirect(resp) && op != opLogin {
		if op == opLogout { // there is no session to end
			return done(resp), nil
		}
		return nil, failure(op, resp, ErrSessionExpired)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, failure(op, resp, nil)
	}
	if err := readJSON(op, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// operation names the request's operation, for errors; a request of the user's own making is named by method and path.
func (d *doer) operation(req *http.Request) string {
	path := strings.TrimPrefix(req.URL.EscapedPath(), d.basePath)
	if op, ok := queupapi.FindOperation(req.Method, path); ok {
		return op
	}
	return req.Method + " " + path
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

// rewind returns a copy of req that can be sent once more, with the cookies it had before it was sent.
func rewind(req *http.Request, cookies []string) (*http.Request, error) {
	again := req.Clone(req.Context())
	again.Header["Cookie"] = cookies
	if req.GetBody == nil {
		return again, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	again.Body = body
	return again, nil
}

// sendError names the operation in an error of net/http. When the caller's context is over, its cause says why.
func sendError(ctx context.Context, op string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("queup: %s: %w", op, cause)
	}
	if sent, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("queup: %s: %s %s: %w", op, strings.ToUpper(sent.Op), sent.URL, sent.Err)
	}
	return fmt.Errorf("queup: %s: %w", op, err)
}
