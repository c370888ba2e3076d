package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

var _ client.Server = (*queuptest.Server)(nil)

func TestWithServer_isAllThatATestNeeds(t *testing.T) {
	t.Run("in memory", func(t *testing.T) {
		inBubble(t, func(t *testing.T, server *queuptest.Server) {
			expectToJoin(t, client.WithServer(server))
		})
	})
	t.Run("on the loopback", func(t *testing.T) {
		server := queuptest.NewServer()
		defer server.Close()
		expectToJoin(t, client.WithServer(server))
	})
}

// expectToJoin makes sure that a client with these options can log in, connect and join.
func expectToJoin(t *testing.T, opts ...client.Option) {
	t.Helper()
	bot, err := client.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bot.Close()
		<-bot.Done()
	}()
	if err := errors.Join(bot.Login(t.Context(), "bot", canary.Password), bot.Connect(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := bot.JoinRoom(t.Context(), "lounge"); err != nil {
		t.Error(err)
	}
}

// address is a Server that only has addresses.
type address struct{ rest, realtime string }

func (a address) URL() string         { return a.rest }
func (a address) RealtimeURL() string { return a.realtime }

func (a address) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, net.ErrClosed
}

func TestWithServer_refuses(t *testing.T) {
	for name, tt := range map[string]struct {
		server client.Server
		words  []string
	}{
		"no server":                {nil, []string{"WithServer: s is nil"}},
		"a URL without a scheme":   {address{"queup.test", "ws://queup.test/ws/"}, []string{`WithServer: s.URL() is "queup.test"`, "http://"}},
		"no address of websockets": {address{"http://queup.test", ""}, []string{`WithServer: s.RealtimeURL() is ""`, "ws://"}},
	} {
		_, err := client.New(client.WithServer(tt.server))
		if !isArgument(err) {
			t.Fatalf("%s: %v", name, err)
		}
		expectWords(t, name+": the error is", err.Error(), tt.words)
	}
}

// The URLs of a server in memory lead nowhere, and WithPlaintext would not change that.
func TestNew_aServerInMemoryNeedsItsDialContext(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		opts := []client.Option{client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL())}
		_, err := client.New(opts...)
		problems := unjoined(err)
		if len(problems) != 2 {
			t.Fatalf("err = %v, want one for each URL", err)
		}
		for i, option := range []string{"WithBaseURL", "WithRealtimeURL"} {
			text := problems[i].Error()
			expectWords(t, "the error is", text, []string{option + ": ", "queup.test", "use WithServer", "WithDialContext"})
			if strings.Contains(text, "WithPlaintext") {
				t.Errorf("the error advises WithPlaintext: %s", text)
			}
		}
		expectToJoin(t, append(opts, client.WithDialContext(server.DialContext))...)
	})
}

// A test that forgets the address of the websocket must not dial the live service.
func TestConnect_refusesHalfOfTheAddresses(t *testing.T) {
	server := queuptest.NewServer()
	defer server.Close()
	base := client.WithBaseURL(server.URL())
	fake := dialerFunc(func(context.Context, string, http.Header) (realtime.Socket, error) {
		return nil, errors.New("the fake was asked")
	})
	for name, tt := range map[string]struct {
		opts  []client.Option
		words []string
	}{
		"the base URL alone":    {[]client.Option{base}, []string{"Client.Connect: WithRealtimeURL is missing", strings.TrimPrefix(server.URL(), "http://"), "wss://ws.queup.net", "WithServer"}},
		"and a function":        {[]client.Option{base, client.WithDialContext(server.DialContext)}, []string{"WithRealtimeURL is missing"}},
		"and a dialer":          {[]client.Option{base, client.WithDialer(fake)}, []string{"the fake was asked"}},
		"and the other address": {[]client.Option{base, client.WithRealtimeURL(server.RealtimeURL())}, nil},
		"a server":              {[]client.Option{client.WithServer(server)}, nil},
		"a server, base last":   {[]client.Option{client.WithServer(server), base}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			bot, err := client.New(tt.opts...)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = bot.Close()
				<-bot.Done()
			}()
			if err := bot.Login(t.Context(), "bot", canary.Password); err != nil { // REST goes on working
				t.Fatal(err)
			}
			text := ""
			if err := bot.Connect(t.Context()); err != nil {
				text = err.Error()
			}
			expectWords(t, "Connect returned", text, tt.words)
		})
	}
}

// QueUp's own base URL does not need the address of the websocket. Nothing is dialled here but what the test carries.
func TestConnect_takesQueUpsOwnBaseURL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot, err := client.New(client.WithBaseURL(client.DefaultBaseURL+"/"), client.WithGuest(), client.WithRateLimit(0, 0),
			client.WithDialContext(func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }))
		if err != nil {
			t.Fatal(err)
		}
		err = bot.Connect(t.Context())
		_ = bot.Close()
		<-bot.Done()
		if err == nil || isArgument(err) {
			t.Errorf("Connect = %v, want the network's error", err)
		}
	})
}

func TestConnect_namesTheOptionWithAWrongAddress(t *testing.T) {
	server := queuptest.NewServer()
	defer server.Close()
	closed := queuptest.NewServer()
	closed.Close()
	for name, tt := range map[string]struct {
		url   string
		words []string
	}{
		"a wrong path": {strings.TrimSuffix(server.RealtimeURL(), "ws/") + "socket", []string{"404 Not Found", "WithRealtimeURL", "/socket"}},
		"nobody there": {closed.RealtimeURL(), []string{"WithRealtimeURL", closed.RealtimeURL()}},
		"no TLS there": {strings.Replace(server.RealtimeURL(), "ws://", "wss://", 1), []string{"WithRealtimeURL"}},
		"with a password": {
			strings.Replace(closed.RealtimeURL(), "ws://", "ws://u:"+canary.Password+"@", 1) + "?token=" + canary.Password,
			[]string{"WithRealtimeURL", closed.RealtimeURL()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bot, err := client.New(client.WithBaseURL(server.URL()), client.WithRealtimeURL(tt.url))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = bot.Close()
				<-bot.Done()
			}()
			if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
				t.Fatal(err)
			}
			err = bot.Connect(t.Context())
			if err == nil {
				t.Fatal("connected")
			}
			expectWords(t, "Connect returned", err.Error(), tt.words)
			if strings.Contains(err.Error(), canary.Password) {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

// A wrong address is shown, with a correct one beside it, and without any password that may be in it.
func TestNew_showsAWrongAddress(t *testing.T) {
	const right = client.DefaultBaseURL
	for text, shown := range map[string]string{
		"":                                     `""`,
		"api.queup.net":                        `"api.queup.net"`,
		"localhost:8080":                       `"localhost:8080"`,
		"[::1]:8080":                           `"[::1]:8080"`,
		"/room":                                `"/room"`,
		"htp://api.queup.net/x":                `"htp://api.queup.net/x"`,
		"wss://ws.queup.net/ws/":               `"wss://ws.queup.net/ws/"`,
		"https://":                             `"https://"`,
		"http://a b":                           `"http://a b"`,
		"http://a\nb":                          `"http://a\nb"`,
		"ftp://bot:hunter2@queup.net":          `"ftp://***@queup.net"`,
		"bot:hunter2@queup.net":                `"***@queup.net"`,
		"http://bot:hunter2/@x@queup.net":      `"http://***@queup.net"`,
		"http://bot:hunter2/?#@queup.net":      `"http://***@queup.net"`,
		"http://bot:hunter2":                   `"http://bot:***"`,
		"bot:hunter2":                          `"bot:***"`,
		"bot:2hunter2":                         `"bot:***"`,
		"[bot:hunter2":                         `"[bot:***"`,
		"[bot]:hunter2":                        `"[bot]:***"`,
		"bot:80?hunter2":                       `"bot:80?***"`,
		"http://[::1]:hunter2":                 `"http://[::1]:***"`,
		"htp://queup.net?password=hunter2":     `"htp://queup.net?***"`,
		"htp://queup.net/x#hunter2":            `"htp://queup.net/x#***"`,
		"bot\n:hunter2\n@queup.net":            `"***@queup.net"`,
		"queup.net:80/password=hunter2":        `"queup.net:80/password=***"`,
		"http://bot:%zzhunter2@queup.net:port": `"http://***@queup.net:***"`,
	} {
		_, err := client.New(client.WithBaseURL(text))
		if !isArgument(err) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		expectWords(t, "the error is", err.Error(), []string{"WithBaseURL: u is " + shown + ", ", "https:// or http://", "such as " + right})
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in %v", err)
		}
	}
	_, err := client.New(client.WithRealtimeURL("https://ws.queup.net/ws/"))
	expectWords(t, "the error is", err.Error(), []string{`WithRealtimeURL: u is "https://ws.queup.net/ws/", `, "wss:// or ws://", "such as " + client.DefaultRealtimeURL})
}
