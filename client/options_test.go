package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

func TestNew_joinsAllOptionErrors(t *testing.T) {
	_, err := client.New(
		client.WithBaseURL("http://bad url:%%"),
		nil,
		client.WithQueue(-1, client.DropOldest),
		client.WithMessageHistory(-1),
		client.WithLogger(nil),
		client.WithProxy(&url.URL{Scheme: "gopher", Host: "example.com"}),
	)
	if err == nil {
		t.Fatal("New took all of it")
	}
	for _, want := range []string{"WithBaseURL", "option 2 is nil", "WithQueue: size", "WithMessageHistory: n", "WithLogger", "WithProxy"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell of %s:\n%v", want, err)
		}
	}
	if argument, ok := errors.AsType[*client.ArgumentError](err); !ok || argument.Op != "WithBaseURL" {
		t.Errorf("no *ArgumentError in %v", err)
	}
}

func TestNew_refuses(t *testing.T) {
	tests := map[string]client.Option{
		"relative URL":               client.WithBaseURL("/api"),
		"websocket as base URL":      client.WithBaseURL("wss://ws.queup.net"),
		"unparsable realtime URL":    client.WithRealtimeURL("::"),
		"http as realtime URL":       client.WithRealtimeURL("https://ws.queup.net/ws/"),
		"nil http client":            client.WithHTTPClient(nil),
		"nil transport":              client.WithTransport(nil),
		"nil dialer":                 client.WithDialer(nil),
		"nil dial function":          client.WithDialContext(nil),
		"nil proxy":                  client.WithProxy(nil),
		"nil TLS config":             client.WithTLSConfig(nil),
		"nil error handler":          client.WithErrorHandler(nil),
		"nil reconnect policy":       client.WithReconnect(nil),
		"empty user agent":           client.WithUserAgent(" "),
		"user agent with line break": client.WithUserAgent("a\r\nCookie: b"),
		"empty queue":                client.WithQueue(0, client.DropOldest),
		"unknown policy":             client.WithQueue(1, client.FullPolicy(7)),
		"no message parts":           client.WithMessageParts(0),
		"negative rate limit":        client.WithRateLimit(-1, time.Second),
		"rate limit in no time":      client.WithRateLimit(1, 0),
		"no users":                   client.WithUserCache(0),
		"no songs":                   client.WithSongCache(0),
	}
	for name, option := range tests {
		t.Run(name, func(t *testing.T) {
			bot, err := client.New(option)
			if _, ok := errors.AsType[*client.ArgumentError](err); !ok || bot != nil {
				t.Errorf("New = %v, %v, want an *ArgumentError", bot, err)
			}
		})
	}
}

// A transport that is not ours cannot be told to use a proxy, and must not go past it in silence.
func TestNew_refusesATransportThatOtherOptionsDoNotReach(t *testing.T) {
	transport := client.WithHTTPClient(&http.Client{Transport: new(http.Transport)})
	for name, option := range map[string]client.Option{
		"WithProxy":       client.WithProxy(&url.URL{Scheme: "http", Host: "proxy.test:3128"}),
		"WithDialContext": client.WithDialContext(new(net.Dialer).DialContext),
		"WithTLSConfig":   client.WithTLSConfig(new(tls.Config)),
	} {
		for order, opts := range [][]client.Option{{transport, option}, {option, transport}} {
			_, err := client.New(opts...)
			if argument, ok := errors.AsType[*client.ArgumentError](err); !ok || argument.Op != "WithHTTPClient" || !strings.Contains(argument.Reason, name) {
				t.Errorf("%s, order %d: %v", name, order, err)
			}
		}
		bot, err := client.New(client.WithHTTPClient(new(http.Client)), option)
		if err != nil {
			t.Errorf("%s and an http.Client without a transport: %v", name, err)
			continue
		}
		_ = bot.Close()
	}
}

// net/http reads the environment once in a process, so this begins another one.
func TestWithDialContext_goesPastTheProxyOfTheEnvironment(t *testing.T) {
	const proxy = "http://proxy.test:3128"
	if os.Getenv("HTTP_PROXY") != proxy {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), "HTTP_PROXY="+proxy, "http_proxy=", "NO_PROXY=", "no_proxy=", "REQUEST_METHOD=")
		if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, server.URL(), nil)
		if u, err := http.ProxyFromEnvironment(req); err != nil || u == nil || u.Host != "proxy.test:3128" {
			t.Fatalf("the environment names the proxy %v, %v", u, err)
		}
		var mu sync.Mutex
		var dialled []string
		connect(t, server, "bot", client.WithDialContext(func(ctx context.Context, network, addr string) (net.Conn, error) {
			mu.Lock()
			dialled = append(dialled, addr)
			mu.Unlock()
			return server.DialContext(ctx, network, addr)
		}))
		mu.Lock()
		defer mu.Unlock()
		if len(dialled) < 2 || slices.ContainsFunc(dialled, func(addr string) bool { return addr != "queup.test:80" }) {
			t.Errorf("dialled %q, want QueUp for REST and for the websocket", dialled)
		}
	})
}

func TestNew_neverRepeatsAURLWithAPassword(t *testing.T) {
	_, err := client.New(client.WithBaseURL("http://bot:hunter2@exa mple.com"), client.WithRealtimeURL("bot:hunter2@example.com"))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v", err)
	}
}
