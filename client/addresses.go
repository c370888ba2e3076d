package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/internal/redact"
)

// The addresses of QueUp. Source: docs/PROTOCOL.md 1.1.
const (
	DefaultBaseURL     = "https://api.queup.net"
	DefaultRealtimeURL = "wss://ws.queup.net/ws/"
)

// WithBaseURL sets the address of REST; the default is [DefaultBaseURL]. Only absolute http and https URLs are accepted,
// and http only for this machine; see [WithPlaintext].
//
// It does not change the address of the websocket. [Client.Connect] therefore returns an [*ArgumentError] for a base URL
// with another host than QueUp's, unless one of [WithRealtimeURL], [WithServer] and [WithDialer] is given.
func WithBaseURL(u string) Option {
	return func(c *config) (err error) {
		c.baseURL, err = parseURL("WithBaseURL", "u", u, DefaultBaseURL, "https", "http")
		return err
	}
}

// WithRealtimeURL sets the address of the websocket; the default is [DefaultRealtimeURL]. Only absolute ws and wss URLs are
// accepted, and ws only for this machine; see [WithPlaintext].
func WithRealtimeURL(u string) Option {
	return func(c *config) (err error) {
		c.realtimeFrom = "WithRealtimeURL"
		c.realtimeURL, err = parseURL("WithRealtimeURL", "u", u, DefaultRealtimeURL, "wss", "ws")
		return err
	}
}

// A Server is another QueUp than the live one, such as a *queuptest.Server.
type Server interface {
	// URL returns the address of REST, http or https.
	URL() string
	// RealtimeURL returns the address of the websocket, ws or wss.
	RealtimeURL() string
	// DialContext connects to the server.
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

// WithServer makes the client talk to s instead of the live service. It is [WithBaseURL], [WithRealtimeURL] and
// [WithDialContext] in one option, for tests and tools. The URLs may be http and ws.
func WithServer(s Server) Option {
	return func(c *config) error {
		if s == nil {
			return optionError("WithServer", "s", "is nil")
		}
		var restErr, realtimeErr error
		c.baseURL, restErr = parseURL("WithServer", "s.URL()", s.URL(), "http://127.0.0.1:8080", "https", "http")
		c.realtimeURL, realtimeErr = parseURL("WithServer", "s.RealtimeURL()", s.RealtimeURL(), "ws://127.0.0.1:8080/ws/", "wss", "ws")
		c.realtimeFrom = "WithServer"
		c.dialContext = s.DialContext
		return errors.Join(restErr, realtimeErr)
	}
}

// parseURL returns the URL in an option's argument. Its error shows the text and an example of a correct one.
func parseURL(option, argument, text, example string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Host == "" {
		return nil, optionError(option, argument, fmt.Sprintf("is %q, and must be an absolute URL that starts with %s://, such as %s",
			maskedURL(text), strings.Join(schemes, ":// or "), example))
	}
	return u, nil
}

var (
	urlScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	urlHost   = regexp.MustCompile(`^(?:\[[^\]]*\])?[^:/]*`)
	urlPort   = regexp.MustCompile(`^:[0-9]*(?:[/?#]|$)`)
)

// maskedURL returns a text that should have been a URL, for an error. Every place that may hold a password is masked: what
// stands before an @, after a colon without a port, and in the query. A text that is not a URL may have it in any of them.
func maskedURL(text string) string {
	scheme := urlScheme.FindString(text)
	rest := text[len(scheme):]
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest = redact.Mask + rest[i:]
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i+1] + redact.Mask
	}
	host := urlHost.FindString(rest)
	if port := rest[len(host):]; strings.HasPrefix(port, ":") && !urlPort.MatchString(port) {
		rest = host + ":" + redact.Mask
	}
	return redact.Text(scheme + rest)
}

// exposures returns an error for each of the two URLs that would send secrets in plain text to another machine. It does not
// judge a URL that the user dials or carries in some other way; a fake may well have an http URL.
func (c *config) exposures() (problems []error) {
	if c.plaintext || c.dialContext != nil {
		return nil
	}
	judge := func(option string, u *url.URL, secure string) {
		if c.leaves(u) {
			problems = append(problems, optionError(option, "u", exposure(u, secure)))
		}
	}
	rest := c.transport == nil && (c.httpClient == nil || c.httpClient.Transport == nil)
	if rest && c.baseURL != nil && c.baseURL.Scheme == "http" {
		judge("WithBaseURL", c.baseURL, "https")
	}
	if c.dialer == nil && c.realtimeURL != nil && c.realtimeURL.Scheme == "ws" {
		judge("WithRealtimeURL", c.realtimeURL, "wss")
	}
	return problems
}

// exposure returns why an unencrypted URL of another machine is refused. The names under test are reserved (RFC 2606), so
// such a host is a server of the same test that has no address.
func exposure(u *url.URL, secure string) string {
	if strings.HasSuffix(strings.ToLower(u.Hostname()), ".test") {
		return fmt.Sprintf("leads to %s, a server in memory that has no address on the network: use WithServer instead, or add WithDialContext",
			u.Hostname())
	}
	return fmt.Sprintf("is not encrypted and leads to another machine, so that others on the way could read the password, the cookies "+
		"and the token: use %s://, or WithPlaintext if that is intended", secure)
}

// leaves reports whether requests to u leave this machine. Only the first host on the way counts.
func (c *config) leaves(u *url.URL) bool {
	if c.proxy != nil {
		u = c.proxy
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err != nil || !addr.Unmap().IsLoopback()
}

// checkRealtime returns an error if REST goes to another service than the websocket, because WithRealtimeURL was forgotten:
// a test would dial the live service.
func (c *config) checkRealtime() error {
	live, _ := url.Parse(DefaultBaseURL)
	if c.realtimeFrom != "" || c.dialer != nil || strings.EqualFold(c.baseURL.Hostname(), live.Hostname()) {
		return nil
	}
	return &ArgumentError{
		Op: "Client.Connect", Argument: "WithRealtimeURL",
		Reason: fmt.Sprintf("is missing: REST goes to %s, and the websocket would still go to %s; give both addresses, or WithServer",
			printable.Text(c.baseURL.Host), DefaultRealtimeURL),
	}
}

// connectError returns the error of a websocket that could not be opened. It names the option with the address, if there is
// one, unless the error is about another request or about the end of the call.
func (c *config) connectError(ctx context.Context, err error) error {
	_, call := errors.AsType[*CallError](err)
	_, answer := errors.AsType[*APIError](err)
	_, limited := errors.AsType[*RateLimitError](err)
	if call || answer || limited || ctx.Err() != nil || c.dialer != nil || c.realtimeFrom == "" {
		return fmt.Errorf("queup: %w", err)
	}
	at := url.URL{Scheme: c.realtimeURL.Scheme, Host: c.realtimeURL.Host, Path: cmp.Or(c.realtimeURL.Path, "/")}
	return fmt.Errorf("queup: %w; check the address that %s gives: %s", err, c.realtimeFrom, at.Redacted())
}
