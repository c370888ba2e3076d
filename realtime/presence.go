package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/internal/lenient"
	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/internal/redact"
)

// PresenceEntry is one connection that is present in a channel. See docs/PROTOCOL.md 2.13.
type PresenceEntry struct {
	ClientID     string          // a user id for registered users
	ConnectionID string          // one of the client's connections
	Data         json.RawMessage // nil if there was none
	Extra        map[string]json.RawMessage
}

// PresenceFilter narrows [Conn.PresenceList]. Empty fields match everything.
type PresenceFilter struct {
	ClientID     string
	ConnectionID string
}

// PresenceListError is an answer to [Conn.PresenceList] that is not a list.
type PresenceListError struct {
	Status int    // HTTP status
	Body   []byte // the beginning of the answer, at most 1 KiB, without the token
	Err    error  // why an answer of status 200 could not be read, else nil
}

// Error names the status.
func (e *PresenceListError) Error() string {
	if e.Err != nil {
		return printable.Text("realtime: the presence list is unreadable: " + e.Err.Error())
	}
	return "realtime: presence list refused: " + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
}

// Unwrap returns Err.
func (e *PresenceListError) Unwrap() error { return e.Err }

// Is matches [ErrRateLimited] and [ErrSpectatorLimit].
func (e *PresenceListError) Is(target error) bool { return limited(target, e.Status, string(e.Body)) }

const (
	maxPresenceList = 16 << 20 // bytes
	maxErrorBody    = 1 << 10  // bytes
	sizeOfEntry     = 128      // bytes counted per entry: its own, and its part of the shorter lists that the list grew out of
)

// PresenceList returns the connections present in a channel. It asks the host of the websocket over HTTP, and needs no link and
// no [Conn.Attach]. It sends the token of the latest link, and fetches a new one from Config.Token if there is none yet, or if
// the server does not accept it any more. It does not follow redirects, because they would carry the token. ctx and
// Config.RequestTimeout bound the call.
//
// The error matches a *[PresenceListError] if the server answered with anything but a list, [ErrNoAnswer] if it did not answer
// in time, the cause of ctx, or [ErrClosed]. See docs/PROTOCOL.md 2.13.
func (c *Conn) PresenceList(ctx context.Context, channel string, only PresenceFilter) ([]PresenceEntry, error) {
	c.mu.Lock()
	secret, ended := c.token, c.err != nil
	c.mu.Unlock()
	if ended {
		return nil, fmt.Errorf("presence list of %s: %w", channel, ErrClosed)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(ErrClosed) })()
	ctx, stop := context.WithTimeoutCause(ctx, c.cfg.RequestTimeout, ErrNoAnswer)
	defer stop()

	token, known := secret.Reveal(), !secret.IsZero()
	for {
		var err error
		if token == "" {
			if token, err = c.cfg.Token(ctx); err != nil {
				return nil, fmt.Errorf("presence list of %s: token: %w", channel, c.hide(err))
			}
			c.known.Learn(secretToken, redact.New(token))
		}
		list, err := c.presenceList(ctx, c.presenceURL(channel, only), token)
		if refused, ok := errors.AsType[*PresenceListError](err); ok && known && tokenRefused(refused.Status) {
			token, known = "", false
			continue
		}
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return nil, fmt.Errorf("presence list of %s: %w", channel, c.hide(err))
		}
		return list, nil
	}
}

// tokenRefused reports whether another token may help.
func tokenRefused(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusFound
}

func (c *Conn) presenceURL(channel string, only PresenceFilter) string {
	u := url.URL{Scheme: "https", Host: c.base.Host}
	if c.base.Scheme == "ws" {
		u.Scheme = "http"
	}
	q := make(url.Values)
	if only.ClientID != "" {
		q.Set("clientId", only.ClientID)
	}
	if only.ConnectionID != "" {
		q.Set("connectionId", only.ConnectionID)
	}
	u.RawQuery = q.Encode()
	return u.JoinPath("room", url.PathEscape(channel)).String()
}

func (c *Conn) presenceList(ctx context.Context, address, token string) ([]PresenceEntry, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	if c.cfg.Header != nil {
		req.Header = c.cfg.Header.Clone()
	}
	req.Header.Set("X-Access-Token", token)
	req.Header.Set("Accept", "application/json")
	resp, err := c.cfg.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPresenceList+1))
	if err != nil {
		return nil, err
	}
	failure := &PresenceListError{Status: resp.StatusCode, Body: c.known.Bytes(body[:min(len(body), maxErrorBody)])}
	if resp.StatusCode != http.StatusOK {
		return nil, failure
	}
	if len(body) > maxPresenceList {
		failure.Err = fmt.Errorf("it is larger than %d bytes", maxPresenceList)
		return nil, failure
	}
	list, err := ParsePresenceList(body)
	if err != nil {
		failure.Err = err
		return nil, failure
	}
	return list, nil
}

// ParsePresenceList reads a presence list, a JSON array. It is as lenient as [ParseFrame]: entries other than objects are left
// out. Text that is not an array is an error, and so is one with more entries than its length allows; both wrap [ErrFrame].
func ParsePresenceList(data []byte) ([]PresenceEntry, error) {
	var p parser
	p.dec.ResetBytes(data)
	memory := lenient.Lend(data)
	defer memory.GiveBack()
	if p.dec.Next() != jx.Array {
		return nil, errFrame(errors.New("the presence list is not an array"))
	}
	var list []PresenceEntry
	err := p.dec.Arr(func(d *jx.Decoder) error {
		if d.Next() != jx.Object {
			return d.Skip()
		}
		if err := p.parsePresence(); err != nil {
			return err
		}
		b := p.presence
		if err := memory.Take(sizeOfEntry); err != nil {
			return err
		}
		if err := memory.TakeExtra(len(b.Extra)); err != nil {
			return err
		}
		if len(list) == cap(list) { // doubling allocates less in total than the quarter that append adds
			list = slices.Grow(list, max(1, len(list)))
		}
		list = append(list, PresenceEntry{ClientID: b.ClientID, ConnectionID: b.ConnectionID, Data: b.Data, Extra: b.Extra})
		return nil
	})
	if err == nil && !p.atEnd() {
		err = errTrailing
	}
	if err != nil {
		return nil, errFrame(err)
	}
	return slices.Clip(list), nil
}

// newTransport returns the transport for a Config without one. It keeps no connections, so nothing has to be closed.
func newTransport(d Dialer) *http.Transport {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: defaultHandshakeTimeout}
	if ws, ok := d.(*WebsocketDialer); ok {
		t.TLSClientConfig = ws.tlsConfig("")
		if ws.NetDialContext != nil {
			t.DialContext, t.Proxy = ws.NetDialContext, nil
		}
		if ws.Proxy != nil {
			t.Proxy = ws.Proxy
		}
	}
	return t
}
