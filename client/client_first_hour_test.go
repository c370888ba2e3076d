package client_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
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
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// What a newcomer gets wrong in the first hour is seen on stderr, or returned by Run, without any option, and says what
// to do about it.
func TestFirstHour(t *testing.T) {
	join := func(slug string) func(context.Context, *client.Client) error {
		return func(ctx context.Context, bot *client.Client) error {
			_, err := bot.JoinRoom(ctx, slug)
			return err
		}
	}
	tests := map[string]struct {
		password string
		onReady  func(context.Context, *client.Client) error
		logged   []string // in one line
		returned []string
	}{
		"wrong slug in a handler": {
			onReady:  join("longue"),
			returned: []string{"longue", "check the slug"},
		},
		"an address for a slug": {
			onReady:  join("https://www.queup.net/join/lounge/"),
			returned: []string{"not joined", "slug is only the last part of its address", `: "lounge"`},
		},
		"no slug, from a variable that is not set": {
			onReady:  join(""),
			returned: []string{"slug is empty", "environment variable"},
		},
		"a wrong slug beside one that is right": {
			onReady: func(ctx context.Context, bot *client.Client) error {
				_, err := bot.JoinRoom(ctx, "lounge")
				return errors.Join(err, join("longue")(ctx, bot))
			},
			logged: []string{"handler of Ready", "longue", "check the slug"},
		},
		"a room that is looked at and not there": {
			onReady: func(ctx context.Context, bot *client.Client) error {
				_, err := bot.FetchRoom(ctx, "longue")
				return err
			},
			logged: []string{"handler of Ready", "longue", "not read", "check the slug"},
		},
		"wrong password": {
			password: "sesame",
			returned: []string{"login refused", "check the username and password"},
		},
		"banned account": {
			onReady:  join("fortress"),
			returned: []string{"fortress", "this account is banned"},
		},
		"private room": {
			onReady:  join("cellar"),
			returned: []string{"cellar", "RoomPassword"},
		},
		"an error of the handler's own": {
			onReady: func(context.Context, *client.Client) error { return errors.New("the file of jokes is empty") },
			logged:  []string{"handler of Ready", "the file of jokes is empty"},
		},
		"a panic in the handler": {
			onReady: func(context.Context, *client.Client) error { panic("no jokes") },
			logged:  []string{"handler of Ready panicked", "no jokes", "client_first_hour_test.go"},
		},
		"acting in a room that was only looked at": {
			onReady: func(ctx context.Context, bot *client.Client) error {
				room, err := bot.FetchRoom(ctx, "lounge")
				if err != nil {
					return err
				}
				_, err = room.SendMessage(ctx, "hello")
				return err
			},
			logged: []string{"handler of Ready", "call JoinRoom first"},
		},
		"joining without a connection": {
			onReady: func(ctx context.Context, _ *client.Client) error {
				other, err := client.New()
				if err != nil {
					return err
				}
				defer other.Close()
				_, err = other.JoinRoom(ctx, "lounge")
				return err
			},
			returned: []string{"call Connect first"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			logged := captureDefaultLog(t)
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(worldWithClosedDoors()))
				defer server.Close()
				bot := newcomer(t, server)
				if tt.onReady != nil {
					client.On(bot, func(ctx context.Context, _ client.Ready) error { return tt.onReady(ctx, bot) })
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				password := canary.Password
				if tt.password != "" {
					password = tt.password
				}
				err := bot.Run(ctx, "bot", password)
				<-bot.Done()
				returned := ""
				if err != nil {
					returned = err.Error()
				}
				expectWords(t, "Run returned", returned, tt.returned)
				expectWords(t, "the log says", logged.String(), tt.logged)
				if strings.Count(logged.String(), "\n") > 1 {
					t.Errorf("the log has more than one line:\n%s", logged)
				}
				if tt.password != "" && strings.Contains(returned+logged.String(), tt.password) {
					t.Errorf("the password is told: %s %s", returned, logged)
				}
			})
		})
	}
}

// Run ends for a bot that no room lets in when it begins, and for no other.
func TestFirstHour_runGoesOn(t *testing.T) {
	join := func(ctx context.Context, bot *client.Client, slug string) error {
		_, err := bot.JoinRoom(ctx, slug)
		return err
	}
	tests := map[string]struct {
		listen func(bot *client.Client)
		live   func(server *queuptest.Server)
		logged string
		rooms  int
	}{
		"it is kicked and does not get in elsewhere": {
			listen: func(bot *client.Client) {
				client.On(bot, func(ctx context.Context, _ client.Ready) error { return join(ctx, bot, "lounge") })
				client.On(bot, func(ctx context.Context, _ client.RoomLeft) error { return join(ctx, bot, "fortress") })
			},
			live:   func(server *queuptest.Server) { server.Room("lounge").Kick("owner", "bot", "") },
			logged: "handler of RoomLeft",
		},
		"another handler is on its way into a room": {
			listen: func(bot *client.Client) {
				client.On(bot, func(ctx context.Context, _ client.Ready) error { return join(ctx, bot, "lounge") })
				client.On(bot, func(ctx context.Context, _ client.Ready) error { return join(ctx, bot, "longue") })
			},
			live:   func(*queuptest.Server) {},
			logged: "handler of Ready",
			rooms:  1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			logged := captureDefaultLog(t)
			synctest.Test(t, func(t *testing.T) {
				slow := queuptest.WithHandler(func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						if req.URL.Path == "/room/lounge" {
							time.Sleep(time.Second)
						}
						next.ServeHTTP(w, req)
					})
				})
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(worldWithClosedDoors()), slow)
				defer server.Close()
				bot := newcomer(t, server)
				tt.listen(bot)
				ctx, cancel := context.WithCancel(t.Context())
				ran := make(chan error, 1)
				go func() { ran <- bot.Run(ctx, "bot", canary.Password) }()
				time.Sleep(time.Minute)
				tt.live(server)
				time.Sleep(time.Minute)
				rooms := 0
				for room := range bot.Rooms().Values() {
					if room.Joined() {
						rooms++
					}
				}
				if len(ran) > 0 || rooms != tt.rooms {
					t.Errorf("Run has ended: %t; in %d rooms, want %d", len(ran) > 0, rooms, tt.rooms)
				}
				expectWords(t, "the log says", logged.String(), []string{tt.logged})
				cancel()
				if err := <-ran; err != nil {
					t.Errorf("Run = %v", err)
				}
				<-bot.Done()
			})
		})
	}
}

// A bot that connects without Run finds in the log which room a handler could not join.
func TestFirstHour_withoutRun(t *testing.T) {
	logged := captureDefaultLog(t)
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot := newcomer(t, server)
		client.On(bot, func(ctx context.Context, _ client.Ready) error {
			_, err := bot.JoinRoom(ctx, "longue")
			return err
		})
		if err := errors.Join(bot.Login(t.Context(), "bot", canary.Password), bot.Connect(t.Context())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		expectWords(t, "the log says", logged.String(), []string{"handler of Ready", "check the slug"})
		_ = bot.Close()
		<-bot.Done()
	})
}

// newcomer makes a client without any option but where QueUp is.
func newcomer(t *testing.T, server *queuptest.Server) *client.Client {
	t.Helper()
	bot, err := client.New(client.WithServer(server))
	if err != nil {
		t.Fatal(err)
	}
	return bot
}

// A newcomer without a network reads which address did not answer.
func TestFirstHour_noNetwork(t *testing.T) {
	server := queuptest.NewServer()
	url, realtimeURL := server.URL(), server.RealtimeURL()
	server.Close()
	bot, err := client.New(client.WithBaseURL(url), client.WithRealtimeURL(realtimeURL))
	if err != nil {
		t.Fatal(err)
	}
	err = bot.Run(t.Context(), "bot", canary.Password)
	<-bot.Done()
	if err == nil {
		t.Fatal("Run without a network succeeded")
	}
	expectWords(t, "Run returned", err.Error(), []string{"QueUp cannot be reached, check the network", url})
	if strings.Contains(err.Error(), canary.Password) {
		t.Errorf("the password is told: %v", err)
	}
}

// expectWords checks that a text holds all of some words, and nothing at all for no words.
func expectWords(t *testing.T, what, text string, words []string) {
	t.Helper()
	if len(words) == 0 && text != "" {
		t.Errorf("%s %q, want nothing", what, text)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s %q, want %q in it", what, text, word)
		}
	}
}

// captureDefaultLog collects what goes to slog.Default, which writes to stderr otherwise.
func captureDefaultLog(t *testing.T) *logBuffer {
	t.Helper()
	buffer, before, output, flags := &logBuffer{}, slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(slog.NewTextHandler(buffer, nil))) // which takes package log along
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetOutput(output)
		log.SetFlags(flags)
	})
	return buffer
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// worldWithClosedDoors is the default world with two rooms that do not let the bot in.
func worldWithClosedDoors() queuptest.World {
	world := queuptest.DefaultWorld()
	world.Rooms = append(world.Rooms,
		queuptest.RoomSpec{Slug: "fortress", Owner: "owner", Banned: []string{"bot"}},
		queuptest.RoomSpec{Slug: "cellar", Owner: "owner", Password: "swordfish"},
	)
	return world
}

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
