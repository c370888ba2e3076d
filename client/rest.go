package client

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/queupapi"
)

// What the calls of this package use of package rest.
const (
	loadsAtOnce = rest.LoadsAtOnce

	secretRoom  = rest.SecretRoom
	secretToken = rest.SecretToken

	opJoinRoom = "joinRoom"
	opPostChat = "postChat"
)

// The reasons of calls that end because the client has another account, or none.
var (
	errLoggedOut  = &withinError{"logged out meanwhile", ErrNotLoggedIn}
	errOtherLogin = &withinError{"another account has logged in meanwhile", ErrNotLoggedIn}
)

// newDoer returns what sends the calls of the generated clients.
func (c *Client) newDoer(h *http.Client) *rest.Doer {
	return rest.NewDoer(rest.Config{
		BaseURL:   c.config.baseURL,
		UserAgent: c.config.userAgent,
		HTTP:      h,
		Limits:    rest.Limits{Calls: c.config.calls, Per: c.config.per, ChatLines: c.config.chatLines, ChatPer: c.config.chatPer},
		Clock:     c.clock,
		Secrets:   c.secrets,
		Group:     c.workers,
		Retrying: func(ctx context.Context, r rest.Retry) {
			c.log.WarnContext(ctx, "call failed and is repeated",
				slog.String("op", r.Op), slog.Int("attempt", r.Attempt), slog.Duration("retry_in", r.Pause), slog.Any("error", publicError(r.Err)))
		},
	})
}

// newREST returns a generated client on a doer.
func (c *Client) newREST(d *rest.Doer) (*queupapi.Client, error) {
	return queupapi.NewClient(rest.ServerURL(c.config.baseURL), queupapi.WithClient(&doer{d}))
}

// doer is a [rest.Doer] with the errors of this package.
type doer struct{ rest *rest.Doer }

// Do sends a request, see [rest.Doer.Do].
func (d *doer) Do(req *http.Request) (*http.Response, error) {
	resp, err := d.rest.Do(req)
	err = publicError(err)
	hookCall(err)
	return resp, err
}

// failed returns the error of a call of the generated client: the one of the doer without the client's wrapping, and any other with the
// operation's name in front. It is nil for nil.
func failed(op string, err error) error {
	err = publicError(rest.CallError(op, err))
	hookOperation(err)
	return err
}

// waitUntil waits until a time, or fails with the cause of ctx. It is a [*RateLimitError] at once if the deadline of ctx is earlier.
func waitUntil(ctx context.Context, op string, at time.Time) error {
	return publicError(rest.WaitUntil(ctx, op, at))
}

// jsonField returns the raw value of a field of a JSON object, the value itself for no name, nil if there is none.
func jsonField(raw json.RawMessage, name string) json.RawMessage { return rest.JSONField(raw, name) }

// newSecrets returns the passwords in the URLs of the options.
func newSecrets(c *config) *rest.Secrets {
	return rest.NewSecrets(maskPublic, c.baseURL.User, c.realtimeURL.User, c.proxyUser())
}
