package client

import (
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"time"

	"github.com/queup-go/queup/realtime"
)

const (
	dialTimeout   = 15 * time.Second // of one TLS or websocket handshake
	answerTimeout = 60 * time.Second // of one REST call, if the caller's context allows more
)

// httpClient returns the client for REST: the user's, or our own, with a cookie jar and without redirects.
func (c *config) newHTTPClient() (*http.Client, error) {
	h := &http.Client{Timeout: answerTimeout}
	if c.httpClient != nil {
		*h = *c.httpClient
	}
	if h.Jar == nil {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return nil, err
		}
		h.Jar = jar
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	switch {
	case c.transport != nil:
		h.Transport = c.transport
	case h.Transport == nil:
		h.Transport = c.newTransport()
	}
	return h, nil
}

func (c *config) newTransport() *http.Transport {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         c.dialContext,
		TLSClientConfig:     c.tls.Clone(),
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     90 * time.Second,
	}
	if c.proxy != nil {
		t.Proxy = http.ProxyURL(c.proxy)
	}
	return t
}

// newDialer returns what opens the websocket.
func (c *config) newDialer() realtime.Dialer {
	if c.dialer != nil {
		return c.dialer
	}
	d := &realtime.WebsocketDialer{
		NetDialContext:   c.dialContext,
		Proxy:            http.ProxyFromEnvironment,
		TLSConfig:        c.tls,
		HandshakeTimeout: dialTimeout,
	}
	if c.proxy != nil {
		d.Proxy = http.ProxyURL(c.proxy)
	}
	return d
}

// newLogger returns the logger for all but errors of handlers.
func (c *config) newLogger() *slog.Logger {
	if c.logger != nil {
		return c.logger
	}
	return slog.New(slog.DiscardHandler)
}
