package client_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
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

func TestNew_neverRepeatsAURLWithAPassword(t *testing.T) {
	_, err := client.New(client.WithBaseURL("http://bot:hunter2@exa mple.com"), client.WithRealtimeURL("bot:hunter2@example.com"))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v", err)
	}
}
