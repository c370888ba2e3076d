package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/realtime"
)

// testPlaintext is about who may be spoken to without encryption: this machine, and what the user carries.
func testPlaintext(t *testing.T) {
	t.Helper()
	proxy := func(address string) client.Option {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return client.WithProxy(u)
	}
	dial := client.WithDialContext(func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed })
	transport := client.WithTransport(http.NewFileTransport(http.Dir(t.TempDir())))
	dialer := client.WithDialer(&realtime.WebsocketDialer{})
	ownClient := client.WithHTTPClient(&http.Client{Transport: http.NewFileTransport(http.Dir(t.TempDir()))})
	rest, socket := client.WithBaseURL("http://api.queup.net"), client.WithRealtimeURL("ws://ws.queup.net/ws/")
	tests := map[string]struct {
		opts    []client.Option
		refused []string // options
	}{
		"encrypted":                    {nil, nil},
		"REST":                         {[]client.Option{rest}, []string{"WithBaseURL"}},
		"websocket":                    {[]client.Option{socket}, []string{"WithRealtimeURL"}},
		"both":                         {[]client.Option{rest, socket}, []string{"WithBaseURL", "WithRealtimeURL"}},
		"the user says so":             {[]client.Option{rest, socket, client.WithPlaintext()}, nil},
		"an address":                   {[]client.Option{client.WithBaseURL("http://192.0.2.1:80")}, []string{"WithBaseURL"}},
		"the network at home":          {[]client.Option{client.WithBaseURL("http://192.168.0.1")}, []string{"WithBaseURL"}},
		"any address":                  {[]client.Option{client.WithBaseURL("http://0.0.0.0")}, []string{"WithBaseURL"}},
		"a name like loopback":         {[]client.Option{client.WithBaseURL("http://127.0.0.1.example.com")}, []string{"WithBaseURL"}},
		"a name like localhost":        {[]client.Option{client.WithBaseURL("http://localhost.example.com")}, []string{"WithBaseURL"}},
		"a user like loopback":         {[]client.Option{client.WithBaseURL("http://127.0.0.1@example.com")}, []string{"WithBaseURL"}},
		"a name":                       {[]client.Option{client.WithBaseURL("http://LocalHost:8080"), client.WithRealtimeURL("ws://localhost/")}, nil},
		"IPv4":                         {[]client.Option{client.WithBaseURL("http://127.0.0.1:1"), client.WithRealtimeURL("ws://127.255.0.9/")}, nil},
		"IPv6":                         {[]client.Option{client.WithBaseURL("http://[::1]:1"), client.WithRealtimeURL("ws://[::ffff:127.0.0.1]/")}, nil},
		"IPv6 elsewhere":               {[]client.Option{client.WithBaseURL("http://[2001:db8::1]")}, []string{"WithBaseURL"}},
		"the user dials":               {[]client.Option{rest, socket, dial}, nil},
		"the user carries":             {[]client.Option{rest, socket, transport, dialer}, nil},
		"the user carries REST":        {[]client.Option{rest, socket, transport}, []string{"WithRealtimeURL"}},
		"the user carries websockets":  {[]client.Option{rest, socket, dialer}, []string{"WithBaseURL"}},
		"a client that carries":        {[]client.Option{rest, ownClient}, nil},
		"a client that does not":       {[]client.Option{rest, client.WithHTTPClient(&http.Client{})}, []string{"WithBaseURL"}},
		"a tunnel that begins here":    {[]client.Option{rest, socket, proxy("socks5h://127.0.0.1:1080")}, nil},
		"a proxy elsewhere":            {[]client.Option{rest, socket, proxy("https://proxy.example.com")}, []string{"WithBaseURL", "WithRealtimeURL"}},
		"this machine, from elsewhere": {[]client.Option{client.WithBaseURL("http://127.0.0.1"), proxy("http://proxy.example.com")}, []string{"WithBaseURL"}},
		"encrypted, through a proxy":   {[]client.Option{proxy("http://proxy.example.com")}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bot, err := client.New(tt.opts...)
			if bot != nil {
				_ = bot.Close()
				<-bot.Done()
			}
			var refused []string
			for _, err := range unjoined(err) {
				problem, ok := errors.AsType[*client.ArgumentError](err)
				if !ok {
					t.Fatalf("err = %v", err)
				}
				refused = append(refused, problem.Op)
				expectWords(t, "the reason", problem.Reason, []string{"not encrypted", "WithPlaintext", "password", "cookies", "token"})
			}
			expect(t, "refused options", refused, tt.refused)
		})
	}
}

func unjoined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok { // what New returns, not what it wraps
		return all.Unwrap()
	}
	return nil
}
