package realtime

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/queup-go/queup/internal/redact"
)

var errProxyURL = errors.New("realtime: HTTP_PROXY or HTTPS_PROXY is not the URL of a proxy")

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// proxied dials for one handshake, through a proxy or directly. The websocket library calls choose and then dial. It speaks
// socks5 itself. This type speaks to http and https proxies, because the library does not know https, sends no user without a
// password, and does not say why a proxy refused.
type proxied struct {
	d    *WebsocketDialer
	base dialFunc
	via  *url.URL // an http or https proxy
}

func (d *WebsocketDialer) proxied(base dialFunc) *proxied { return &proxied{d: d, base: base} }

func (p *proxied) choose(req *http.Request) (*url.URL, error) {
	var proxy *url.URL
	var err error
	switch {
	case p.d.Proxy != nil:
		proxy, err = p.d.Proxy(req)
		err = new(redact.Known).Error(err)
	case p.d.NetDialContext == nil:
		if proxy, err = http.ProxyFromEnvironment(req); err != nil {
			err = errProxyURL // err would quote the URL with its password
		}
	}
	if proxy == nil || err != nil {
		return nil, err
	}
	switch proxy.Scheme {
	case "http", "https":
		p.via = proxy
		return nil, nil
	case "socks5", "socks5h":
		via := *proxy
		via.Scheme, via.Host = "socks5", hostPort(proxy, "1080")
		return &via, nil
	}
	return nil, fmt.Errorf("realtime: a proxy of scheme %q is not supported", proxy.Scheme)
}

func (p *proxied) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if p.via == nil {
		return p.base(ctx, network, addr)
	}
	port := "80"
	if p.via.Scheme == "https" {
		port = "443"
	}
	conn, err := p.base(ctx, network, hostPort(p.via, port))
	if err != nil {
		return nil, err
	}
	if p.via.Scheme == "https" {
		conn = tls.Client(conn, p.d.tlsConfig(p.via.Hostname()))
	}
	if err := tunnel(ctx, conn, p.via.User, addr); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// tunnel has an HTTP proxy connect to addr. The end of ctx closes the connection below.
func tunnel(ctx context.Context, conn net.Conn, user *url.Userinfo, addr string) error {
	req := (&http.Request{
		Method: http.MethodConnect,
		URL:    &url.URL{Opaque: addr},
		Host:   addr,
		Header: make(http.Header),
	}).WithContext(ctx)
	if user != nil {
		password, _ := user.Password()
		login := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		req.Header.Set("Proxy-Authorization", "Basic "+login)
	}
	if err := req.Write(conn); err != nil {
		return fmt.Errorf("realtime: proxy: %w", err)
	}
	answer := bufio.NewReader(conn) // may be dropped: the server behind the proxy sends nothing before we do
	resp, err := http.ReadResponse(answer, req)
	if err != nil {
		return fmt.Errorf("realtime: proxy: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("realtime: the proxy refused: %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return nil
}

func hostPort(u *url.URL, port string) string {
	if p := u.Port(); p != "" {
		port = p
	}
	return net.JoinHostPort(u.Hostname(), port)
}
