package client

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/realtime"
)

const (
	// dialTimeout bounds one TLS or websocket handshake.
	dialTimeout = 15 * time.Second

	// maxHeader bounds the header of an answer. QueUp's have less than 2 KiB.
	maxHeader = 256 << 10
)

// newHTTPClient returns the client for REST, the user's or our own. It has no cookie jar, because each login gets a jar of
// its own, and follows no redirects. own is the transport if it is ours to close.
func (c *config) newHTTPClient() (h *http.Client, own *rest.Pool) {
	h = new(http.Client)
	if c.httpClient != nil {
		*h = *c.httpClient
	}
	if h.Timeout == 0 {
		h.Timeout = answerTimeout
	}
	h.Jar = nil
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	switch {
	case c.transport != nil:
		h.Transport = c.transport
	case h.Transport == nil:
		own = rest.NewPool(c.newTransport)
		h.Transport = own
	}
	return h, own
}

func (c *config) newTransport() *http.Transport {
	t := &http.Transport{
		Proxy:               c.proxyFunc(),
		DialContext:         c.dialContext,
		TLSClientConfig:     c.tls.Clone(),
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConnsPerHost: 8,

		MaxResponseHeaderBytes: maxHeader,
	}
	return t
}

// newDialer returns the dialer of the websocket.
func (c *config) newDialer() realtime.Dialer {
	if c.dialer != nil {
		return c.dialer
	}
	d := &realtime.WebsocketDialer{
		NetDialContext:   c.dialContext,
		Proxy:            c.proxyFunc(),
		TLSConfig:        c.tls,
		HandshakeTimeout: dialTimeout,
	}
	return d
}

// proxyFunc returns the function that finds the proxy: the user's, nil if the user dials, or else the environment's.
func (c *config) proxyFunc() func(*http.Request) (*url.URL, error) {
	switch {
	case c.proxy != nil:
		return http.ProxyURL(c.proxy)
	case c.dialContext != nil:
		return nil
	default:
		return environmentProxy
	}
}

var errProxyURL = errors.New("queup: HTTP_PROXY or HTTPS_PROXY is not the URL of a proxy")

// environmentProxy is http.ProxyFromEnvironment without its errors, which quote the URL with its password.
func environmentProxy(req *http.Request) (*url.URL, error) {
	proxy, err := http.ProxyFromEnvironment(req)
	if err != nil {
		return nil, errProxyURL
	}
	return proxy, nil
}

// proxyUser returns the credentials in the URL of WithProxy, nil if there are none.
func (c *config) proxyUser() *url.Userinfo {
	if c.proxy == nil {
		return nil
	}
	return c.proxy.User
}

// newLogger returns the logger for everything except errors of handlers.
func (c *config) newLogger() *slog.Logger {
	if c.logger != nil {
		return c.logger
	}
	return hookLogger()
}

// newSecrets returns the passwords in the URLs of the options.
func newSecrets(c *config) *rest.Secrets {
	return rest.NewSecrets(maskPublic, c.baseURL.User, c.realtimeURL.User, c.proxyUser())
}
