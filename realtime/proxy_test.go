package realtime_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/realtime"
)

// proxy is a small HTTP proxy for CONNECT, with or without TLS, that records its requests.
type proxy struct {
	login string // wanted, as user:password
	mu    sync.Mutex
	asked []string // guarded by mu
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	p.mu.Unlock()
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.login))
	if p.login != "" && r.Header.Get("Proxy-Authorization") != want {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	target, err := new(net.Dialer).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	conn, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	splice(conn, buf.Reader, target)
}

// splice copies both ways until one side ends.
func splice(client net.Conn, from io.Reader, target net.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(target, from); target.Close() })
	_, _ = io.Copy(client, target)
	client.Close()
	wg.Wait()
}

func TestWebsocketDialer_httpProxies(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(echo))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(echo))
	defer secure.Close()
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	tests := map[string]struct {
		start func(http.Handler) *httptest.Server
		login string
		user  *url.Userinfo
	}{
		"http":                         {httptest.NewServer, "", nil},
		"http with a password":         {httptest.NewServer, "me:" + canary.Password, url.UserPassword("me", canary.Password)},
		"http with nothing but a user": {httptest.NewServer, "me:", url.User("me")},
		"https":                        {httptest.NewTLSServer, "", nil},
		"https with a password":        {httptest.NewTLSServer, "me:" + canary.Password, url.UserPassword("me", canary.Password)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := &proxy{login: tt.login}
			srv := tt.start(p)
			defer srv.Close()
			via, _ := url.Parse(srv.URL)
			via.User = tt.user
			d := &realtime.WebsocketDialer{Proxy: http.ProxyURL(via), TLSConfig: &tls.Config{RootCAs: pool}}
			roundTrip(t, d, wsURL(plain))
			roundTrip(t, d, wsURL(secure))
			p.mu.Lock()
			defer p.mu.Unlock()
			want := fmt.Sprintf("[CONNECT %s CONNECT %s]", plain.Listener.Addr(), secure.Listener.Addr())
			if got := fmt.Sprint(p.asked); got != want {
				t.Errorf("the proxy was asked for %s, want %s", got, want)
			}
		})
	}
}

func TestWebsocketDialer_proxyThatRefuses(t *testing.T) {
	srv := httptest.NewServer(&proxy{login: "me:" + canary.Password})
	defer srv.Close()
	via, _ := url.Parse(srv.URL)
	via.User = url.UserPassword("me", "wrong-password")
	_, err := (&realtime.WebsocketDialer{Proxy: http.ProxyURL(via)}).Dial(t.Context(), "ws://queup.test/", nil)
	if err == nil || !strings.Contains(err.Error(), "the proxy refused: 407 Proxy Authentication Required") || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("error: %v", err)
	}
}

func TestWebsocketDialer_unknownProxy(t *testing.T) {
	d := &realtime.WebsocketDialer{Proxy: http.ProxyURL(&url.URL{Scheme: "gopher", Host: "h"})}
	if _, err := d.Dial(t.Context(), "ws://queup.test/", nil); err == nil || !strings.Contains(err.Error(), `"gopher"`) {
		t.Errorf("error: %v", err)
	}
}

func TestWebsocketDialer_socks5(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	for _, scheme := range []string{"socks5", "socks5h"} {
		t.Run(scheme, func(t *testing.T) {
			asked := make(chan socksRequest, 1)
			addr := socks5(t, srv.Listener.Addr().String(), asked)
			via := &url.URL{Scheme: scheme, Host: addr, User: url.UserPassword("me", canary.Password)}
			roundTrip(t, &realtime.WebsocketDialer{Proxy: http.ProxyURL(via)}, "ws://somewhere.invalid:8080/")
			got := <-asked
			if got.login != via.User.String() {
				t.Error("the proxy got another login")
			}
			if got.address != "somewhere.invalid:8080" {
				t.Errorf("the proxy was asked for %q", got.address)
			}
		})
	}
}

// socksRequest is a request to a SOCKS5 proxy.
type socksRequest struct{ login, address string }

// socks5 serves one connection (RFC 1928, 1929), reports the request, and connects to target whatever the request was.
func socks5(t *testing.T, target string, asked chan<- socksRequest) (addr string) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	wg.Go(func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		r := bufio.NewReader(conn)
		take := func(n byte) string {
			b := make([]byte, n)
			_, _ = io.ReadFull(r, b)
			return string(b)
		}
		take(1)
		take(take(1)[0]) // the methods offered
		_, _ = conn.Write([]byte{5, 2})
		take(1)
		user := take(take(1)[0])
		password := take(take(1)[0])
		_, _ = conn.Write([]byte{1, 0})
		take(4) // version, connect, reserved, address by name
		host := take(take(1)[0])
		port := binary.BigEndian.Uint16([]byte(take(2)))
		asked <- socksRequest{url.UserPassword(user, password).String(), fmt.Sprintf("%s:%d", host, port)}
		_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		out, err := new(net.Dialer).DialContext(t.Context(), "tcp", target)
		if err != nil {
			t.Error(err)
			return
		}
		splice(conn, r, out)
	})
	return ln.Addr().String()
}

// A DialContext of the user makes every connection, to the server or to the proxy, and no proxy of the environment comes in between.
func TestWebsocketDialer_customDialContext(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	p := &proxy{}
	via := httptest.NewServer(p)
	defer via.Close()
	var dialled []string
	d := &realtime.WebsocketDialer{NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled = append(dialled, network+" "+addr)
		if addr == "queup.test:80" {
			addr = srv.Listener.Addr().String()
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	roundTrip(t, d, "ws://queup.test/")
	u, _ := url.Parse(via.URL)
	d.Proxy = http.ProxyURL(u)
	roundTrip(t, d, wsURL(srv))
	if got, want := fmt.Sprint(dialled), fmt.Sprintf("[tcp queup.test:80 tcp %s]", via.Listener.Addr()); got != want {
		t.Errorf("dialled %s, want %s", got, want)
	}
}

// The presence list takes the way of the websocket: its proxy, its password and its certificates.
func TestPresenceList_throughTheProxyOfTheDialer(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"clientId":"u1"}]`)
	}))
	defer secure.Close()
	p := &proxy{login: "me:" + canary.Password}
	srv := httptest.NewTLSServer(p)
	defer srv.Close()
	via, _ := url.Parse(srv.URL)
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	for name, login := range map[string]*url.Userinfo{"good": url.UserPassword("me", canary.Password), "wrong": url.UserPassword("me", "wrong-password")} {
		t.Run(name, func(t *testing.T) {
			via.User = login
			cfg := &tls.Config{RootCAs: pool}
			conn, err := realtime.New(realtime.Config{
				URL:    "wss" + strings.TrimPrefix(secure.URL, "https"),
				Token:  func(context.Context) (string, error) { return "secret-token", nil },
				Dialer: &realtime.WebsocketDialer{Proxy: http.ProxyURL(via), TLSConfig: cfg},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			list, err := conn.PresenceList(t.Context(), "room:a", realtime.PresenceFilter{})
			if name == "good" && (err != nil || len(list) != 1) {
				t.Errorf("%v, %v", list, err)
			}
			if name == "wrong" && (err == nil || strings.Contains(err.Error(), "wrong-password") || strings.Contains(err.Error(), "secret-token")) {
				t.Errorf("error: %v", err)
			}
		})
	}
}
