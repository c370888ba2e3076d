package client_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// The secrets of TestQ18_secrets. Each has characters that every kind of escape writes in its own way; those of cookies are
// what a cookie may hold.
const (
	ownPassword   = `own "kanari"/&<ü>+%= one`
	wrongPassword = `wrong "kanari"/&<ü>+%= two`
	roomPassword  = `room "kanari"/&<ü>+%= three`
	badRoomWord   = `guess "kanari"/&<ü>+%= four`
	proxyPassword = `proxy-kanari+%=five`
	cookieCore    = `s:kanari+cookie/&<six>==`
	tokenCore     = `token "kanari"/&<ü>+%= seven`
)

// haul is everything that a test has made the library write, and where it did.
type haul struct {
	mu    sync.Mutex
	texts map[string]*strings.Builder
}

func (h *haul) add(where, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.texts == nil {
		h.texts = make(map[string]*strings.Builder)
	}
	if h.texts[where] == nil {
		h.texts[where] = new(strings.Builder)
	}
	h.texts[where].WriteString(text + "\n")
}

func (h *haul) value(where string, v any) { h.add(where, canary.Spell(v)) }

// writer is a place for logs.
func (h *haul) writer(where string) io.Writer { return haulWriter{h, where} }

type haulWriter struct {
	h     *haul
	where string
}

func (w haulWriter) Write(p []byte) (int, error) {
	w.h.add(w.where, string(p))
	return len(p), nil
}

// logger logs at debug level, as text and as JSON.
func (h *haul) logger() *slog.Logger {
	all := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	return slog.New(slog.NewMultiHandler(slog.NewTextHandler(h.writer("text log"), all), slog.NewJSONHandler(h.writer("JSON log"), all)))
}

// check fails the test for every secret that got out.
func (h *haul) check(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, bird := range canaries() {
		for where, text := range h.texts {
			if kind, found := bird.Find(text.String()); found {
				t.Errorf("the %s got out, in %s (as %s)", bird.Name, where, kind)
			}
		}
	}
}

func canaries() []canary.Canary {
	return []canary.Canary{
		canary.New("password", ownPassword), canary.New("wrong password", wrongPassword), canary.New("room password", roomPassword),
		canary.New("wrong room password", badRoomWord), canary.New("proxy password", proxyPassword),
		canary.New("cookie", cookieCore), canary.New("token", tokenCore),
	}
}

// Q18: passwords, cookies and tokens reach no log, error, panic, event, cassette or dump, whatever QueUp, a proxy or a transport of the
// user's own sends back or quotes.
func TestQ18_secrets(t *testing.T) {
	var h haul
	t.Run("options", func(t *testing.T) { optionsTellNothing(t, &h) })
	t.Run("login", func(t *testing.T) { secretBubble(t, &h, loginTellsNothing) })
	t.Run("room", func(t *testing.T) { secretBubble(t, &h, roomTellsNothing) })
	t.Run("session", func(t *testing.T) { secretBubble(t, &h, sessionTellsNothing) })
	t.Run("websocket", func(t *testing.T) { secretBubble(t, &h, websocketTellsNothing) })
	t.Run("transports", func(t *testing.T) { secretBubble(t, &h, transportsTellNothing) })
	t.Run("cassette", func(t *testing.T) { cassetteTellsNothing(t, &h) })
	h.check(t)
}

// stage is a QueUp with secrets, and where to put what the library writes.
type secretStage struct {
	*haul
	server *queuptest.Server
	masks  *masquerade
}

// client makes a client that writes all it can.
func (s *secretStage) client(t *testing.T, opts ...client.Option) *client.Client {
	t.Helper()
	opts = append([]client.Option{
		client.WithLogger(s.logger()),
		client.WithErrorHandler(func(_ context.Context, err error) { s.value("error handler", err) }),
		client.WithRateLimit(0, 0),
	}, opts...)
	bot := newBot(t, s.server, opts...)
	client.On(bot, func(_ context.Context, e client.Event) error {
		s.value("event", e)
		return nil
	})
	for _, opt := range opts {
		s.value("option", opt)
	}
	return bot
}

// inside looks into a client that does nothing at the moment, and at all goroutines.
func (s *secretStage) inside(bot *client.Client) {
	synctest.Wait()
	s.value("client", bot)
	s.value("health", bot.Health())
	for room := range bot.Rooms().Values() {
		s.value("room", room)
		s.value("room", room.Info())
	}
	stacks := make([]byte, 4<<20)
	s.add("goroutine dump", string(stacks[:runtime.Stack(stacks, true)]))
}

// end looks into the memory of a client before it closes it. It is left to nobody else meanwhile: all that follows, follows from Close.
func (s *secretStage) end(bot *client.Client) {
	s.inside(bot)
	s.add("the client's memory", strings.Join(ownTexts(reflect.ValueOf(bot)), "\n"))
	_ = bot.Close()
	<-bot.Done()
}

// failed puts an error into the haul, and wants there to be one; masked says that it quotes something, without the secrets.
func (s *secretStage) failed(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	s.value("error of "+what, err)
	if answer, ok := errors.AsType[*client.APIError](err); ok {
		s.value("error of "+what, *answer)
		s.add("body of "+what, string(answer.Body))
	}
}

func secretBubble(t *testing.T, h *haul, test func(t *testing.T, s *secretStage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		masks := &masquerade{real: map[string]string{}, seen: map[string]bool{}}
		world := queuptest.DefaultWorld()
		for i := range world.Users {
			if world.Users[i].Name == "bot" {
				world.Users[i].Password = ownPassword
			}
		}
		world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: "den", Owner: "owner", Password: roomPassword})
		server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world), queuptest.WithHandler(masks.wrap))
		defer server.Close()
		test(t, &secretStage{h, server, masks})
	})
}

func optionsTellNothing(t *testing.T, h *haul) {
	proxy := &url.URL{Scheme: "http", User: url.UserPassword("u", proxyPassword), Host: "127.0.0.1:1"}
	for name, opts := range map[string][]client.Option{
		"bad port":   {client.WithBaseURL("http://u:" + proxyPassword + "/x@h")},
		"bad escape": {client.WithRealtimeURL("ws://u:" + proxyPassword + "%zz@h")},
		"bad scheme": {client.WithBaseURL("gopher://u:" + url.QueryEscape(proxyPassword) + "@h")},
		"bad proxy":  {client.WithProxy(&url.URL{Scheme: "gopher", User: proxy.User, Host: "h"})},
	} {
		_, err := client.New(opts...)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		h.value("option error", err)
	}
	bot, err := client.New(client.WithProxy(proxy), client.WithLogger(h.logger()), client.WithGuest())
	if err != nil {
		t.Fatal(err)
	}
	defer bot.Close()
	err = bot.Login(t.Context(), "bot", ownPassword)
	if err == nil {
		t.Fatal("logged in through a proxy that is none")
	}
	h.value("proxy error", err)
	err = bot.Connect(t.Context())
	if err == nil {
		t.Fatal("connected through a proxy that is none")
	}
	h.value("proxy error", err)
	h.add("a client with a proxy", strings.Join(ownTexts(reflect.ValueOf(bot)), "\n"))
	settings := client.RoomSettings{Name: "den", Password: roomPassword}
	h.add("settings", fmt.Sprintf("%v %+v %#v %s", settings, settings, &settings, settings))
	h.value("settings", settings)
	h.value("password of settings", settings.Password)
	h.logger().LogAttrs(t.Context(), slog.LevelInfo, "settings", slog.Any("settings", settings))
	h.value("join option", client.RoomPassword(roomPassword))
}

func loginTellsNothing(t *testing.T, s *secretStage) {
	bot := s.client(t)
	err := bot.Login(t.Context(), "bot", wrongPassword)
	if _, ok := errors.AsType[*client.AuthorizationError](err); !ok {
		t.Errorf("a wrong password: %v", err)
	}
	s.failed(t, "a wrong password", err)
	for name, echo := range echoes() {
		s.masks.answer("/auth/login", func(w http.ResponseWriter, _ *http.Request, said string) { echo(w, said) })
		s.failed(t, "login with "+name, bot.Login(t.Context(), "bot", ownPassword))
		s.masks.answer("/auth/session", func(w http.ResponseWriter, _ *http.Request, said string) { echo(w, said) })
		s.failed(t, "session with "+name, bot.Login(t.Context(), "bot", ownPassword))
		s.masks.stop()
		if err := bot.Login(t.Context(), "bot", ownPassword); err != nil {
			t.Fatal(err)
		}
		s.masks.answer("/auth/token", func(w http.ResponseWriter, _ *http.Request, said string) { echo(w, said) })
		s.failed(t, "token with "+name, bot.Connect(t.Context()))
		s.masks.answer("/ws", func(w http.ResponseWriter, _ *http.Request, said string) { echo(w, said) })
		s.failed(t, "handshake with "+name, bot.Connect(t.Context()))
		s.masks.stop()
	}
	s.end(bot)
	for _, secret := range []string{ownPassword, wrongPassword, "cookie", "token"} {
		if !s.masks.seen[secret] {
			t.Errorf("%q was never sent, so this proves nothing", secret)
		}
	}
}

func roomTellsNothing(t *testing.T, s *secretStage) {
	bot := s.client(t)
	if err := errors.Join(bot.Login(t.Context(), "bot", ownPassword), bot.Connect(t.Context())); err != nil {
		t.Fatal(err)
	}
	_, err := bot.JoinRoom(t.Context(), "den", client.RoomPassword(badRoomWord))
	s.failed(t, "a wrong room password", err)
	if !errors.Is(err, client.ErrRoomPassword) {
		t.Errorf("a wrong room password: %v", err)
	}
	for name, echo := range echoes() {
		s.masks.answer("/users", func(w http.ResponseWriter, _ *http.Request, said string) { echo(w, said) })
		_, err := bot.JoinRoom(t.Context(), "den", client.RoomPassword(roomPassword))
		s.failed(t, "join with "+name, err)
		s.masks.stop()
	}
	room, err := bot.JoinRoom(t.Context(), "den", client.RoomPassword(roomPassword))
	if err != nil {
		t.Fatal(err)
	}
	client.On(room, func(_ context.Context, e client.Chat) error {
		if e.Message.Content == "panic" {
			panic(fmt.Sprintf("%v %+v %#v %v", bot, e, room, bot.Health()))
		}
		return fmt.Errorf("a handler that tells of %v and %+v", room, e)
	})
	s.server.Room("den").Join("owner")
	s.server.Room("den").Say("owner", "panic")
	s.server.Room("den").Say("owner", "hello")
	settle(time.Second)
	s.server.CutLinks()
	settle(time.Minute)
	s.end(bot)
	if !s.masks.seen[roomPassword] || !s.masks.seen[badRoomWord] {
		t.Error("the room's password was never sent, so this proves nothing")
	}
}

func sessionTellsNothing(t *testing.T, s *secretStage) {
	for name, echo := range echoes() {
		bot := s.client(t)
		if err := errors.Join(bot.Login(t.Context(), "bot", ownPassword), bot.Connect(t.Context())); err != nil {
			t.Fatal(err)
		}
		if _, err := bot.JoinRoom(t.Context(), "lounge"); err != nil {
			t.Fatal(err)
		}
		s.server.ExpireSessions()
		s.masks.answer("/auth/login", func(w http.ResponseWriter, _ *http.Request, said string) { echo(w, said) })
		_, err := bot.FetchConversations(t.Context())
		s.failed(t, "logging in again with "+name, err)
		// Each way back to the websocket is refused, too, and tells so in its own words.
		s.server.ExpireTokens()
		s.server.CutLinks()
		s.masks.answer("/ws", func(w http.ResponseWriter, _ *http.Request, said string) { echo(w, said) })
		settle(3 * time.Second)
		s.inside(bot)
		s.masks.stop()
		settle(40 * time.Second)
		s.inside(bot)
		if _, err := bot.FetchConversations(t.Context()); err != nil && !errors.Is(err, client.ErrClosed) {
			s.failed(t, "a call afterwards", err)
		}
		s.end(bot)
	}
}

// loudSocket says the token at the third frame, as the end of a websocket or as an error of QueUp's.
type loudSocket struct {
	realtime.Socket
	frames int
	last   func() (realtime.Opcode, []byte, error)
}

func (l *loudSocket) Read() (realtime.Opcode, []byte, error) {
	if l.frames++; l.frames == 4 {
		return l.last()
	}
	return l.Socket.Read()
}

// dialerFunc is a dialer of the user's own.
type dialerFunc func(ctx context.Context, rawURL string, h http.Header) (realtime.Socket, error)

func (f dialerFunc) Dial(ctx context.Context, rawURL string, h http.Header) (realtime.Socket, error) {
	return f(ctx, rawURL, h)
}

// chattyError is an error of the kind that fmt prints whole, at any depth.
type chattyError struct {
	URL    string
	Inside struct{ Request string }
}

func (e chattyError) Error() string { return "no way to " + e.URL }

func newChattyError(said string) chattyError {
	e := chattyError{URL: said}
	e.Inside.Request = said
	return e
}

func websocketTellsNothing(t *testing.T, s *secretStage) {
	direct := &realtime.WebsocketDialer{NetDialContext: s.server.DialContext}
	refusals := map[string]func(rawURL string) error{
		"url.Error":     func(u string) error { return &url.Error{Op: "dial", URL: u, Err: io.ErrUnexpectedEOF} },
		"value":         func(u string) error { return newChattyError(u) },
		"wrapped value": func(u string) error { return fmt.Errorf("dial: %w", newChattyError(u)) },
		"joined":        func(u string) error { return errors.Join(io.EOF, newChattyError(u)) },
		"permanent":     func(u string) error { return realtime.Permanent(newChattyError(u)) },
		"HandshakeError": func(u string) error {
			return &realtime.HandshakeError{Status: 401, Body: []byte(u), Err: newChattyError(u)}
		},
		"net.OpError":    func(u string) error { return &net.OpError{Op: "dial", Net: "tcp", Err: newChattyError(u)} },
		"silent outside": func(u string) error { return silentError{newChattyError(u)} },
		"token alone": func(u string) error {
			parsed, err := url.Parse(u)
			if err != nil {
				return err
			}
			return newChattyError(parsed.Query().Get("access_token"))
		},
	}
	for name, refuse := range refusals {
		refused := false
		bot := s.client(t, client.WithDialer(dialerFunc(func(ctx context.Context, u string, h http.Header) (realtime.Socket, error) {
			if refused {
				return nil, refuse(u)
			}
			return direct.Dial(ctx, u, h)
		})))
		if err := bot.Login(t.Context(), "bot", ownPassword); err != nil {
			t.Fatal(err)
		}
		refused = true
		s.failed(t, "dial with "+name, bot.Connect(t.Context()))
		refused = false
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		refused = true
		s.server.CutLinks()
		settle(3 * time.Second)
		s.end(bot)
	}
	words := map[string]func(token string) (realtime.Opcode, []byte, error){
		"close reason": func(token string) (realtime.Opcode, []byte, error) {
			return 0, nil, &realtime.CloseError{Code: 4001, Reason: "bad token " + token}
		},
		"broken link": func(token string) (realtime.Opcode, []byte, error) { return 0, nil, newChattyError(token) },
		"error": func(token string) (realtime.Opcode, []byte, error) {
			said, _ := json.Marshal(map[string]any{"action": 9, "error": "bad token " + token, "was": token})
			return realtime.Text, append([]byte("4"), said...), nil
		},
	}
	for name, last := range words {
		bot := s.client(t, client.WithDialer(dialerFunc(func(ctx context.Context, u string, h http.Header) (realtime.Socket, error) {
			parsed, err := url.Parse(u)
			if err != nil {
				return nil, err
			}
			socket, err := direct.Dial(ctx, u, h)
			if err != nil {
				return nil, err
			}
			return &loudSocket{Socket: socket, last: func() (realtime.Opcode, []byte, error) {
				return last(parsed.Query().Get("access_token"))
			}}, nil
		})))
		if err := bot.Login(t.Context(), "bot", ownPassword); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_ = bot.Connect(ctx)
		_, err := bot.JoinRoom(ctx, "lounge")
		if name != "error" { // which ends nothing
			s.failed(t, "join over a websocket with a "+name, err)
		}
		settle(10 * time.Second)
		s.end(bot)
		cancel()
	}
}

// silentError says nothing itself.
type silentError struct{ inner error }

func (silentError) Error() string { return "no word" }

func (e silentError) Unwrap() error { return e.inner }

// quoting is a transport that fails with all that it was given.
type quoting struct {
	http.RoundTripper
	fail func(said string) error // nil: it does not fail
}

func (q *quoting) RoundTrip(r *http.Request) (*http.Response, error) {
	if q.fail == nil {
		return q.RoundTripper.RoundTrip(r)
	}
	said := r.URL.String() + " " + r.Header.Get("Cookie")
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, _ := url.ParseQuery(string(body))
		said += " " + string(body) + " " + form.Get("password")
	}
	return nil, q.fail(said)
}

func transportsTellNothing(t *testing.T, s *secretStage) {
	plain := &http.Transport{DialContext: s.server.DialContext}
	defer plain.CloseIdleConnections()
	for name, fail := range map[string]func(said string) error{
		"value":         func(said string) error { return newChattyError(said) },
		"wrapped value": func(said string) error { return fmt.Errorf("send: %w", newChattyError(said)) },
		"silent":        func(said string) error { return silentError{newChattyError(said)} },
		"dial": func(said string) error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("%w", newChattyError(said))}
		},
	} {
		way := &quoting{RoundTripper: plain}
		bot := s.client(t, client.WithTransport(way))
		way.fail = fail
		s.failed(t, "login through a transport with a "+name, bot.Login(t.Context(), "bot", ownPassword))
		way.fail = nil
		if err := errors.Join(bot.Login(t.Context(), "bot", ownPassword), bot.Connect(t.Context())); err != nil {
			t.Fatal(err)
		}
		way.fail = fail
		_, err := bot.FetchUser(t.Context(), "alice")
		s.failed(t, "a call through a transport with a "+name, err)
		s.server.CutLinks()
		settle(5 * time.Second)
		s.end(bot)
	}
}

func cassetteTellsNothing(t *testing.T, h *haul) {
	world := queuptest.DefaultWorld()
	for i := range world.Users {
		if world.Users[i].Name == "bot" {
			world.Users[i].Password = ownPassword
		}
	}
	world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: "den", Owner: "owner", Password: roomPassword})
	masks := &masquerade{real: map[string]string{}, seen: map[string]bool{}}
	server := queuptest.NewServer(queuptest.WithWorld(world), queuptest.WithHandler(masks.wrap))
	defer server.Close()
	dir := t.TempDir()
	recorder, err := cassettes.NewRecorder("secrets", cassettes.Dir(dir), cassettes.Source("queuptest"), cassettes.RecordInCI())
	if err != nil {
		t.Fatal(err)
	}
	bot, err := client.New(client.WithBaseURL(server.URL()), client.WithRealtimeURL(server.RealtimeURL()), client.WithLogger(h.logger()),
		client.WithTransport(recorder.Transport()), client.WithDialer(recorder.Dialer()))
	if err != nil {
		t.Fatal(err)
	}
	if err := bot.Login(t.Context(), "bot", wrongPassword); err == nil {
		t.Fatal("logged in with a wrong password")
	}
	if err := errors.Join(bot.Login(t.Context(), "bot", ownPassword), bot.Connect(t.Context())); err != nil {
		t.Fatal(err)
	}
	if _, err := bot.JoinRoom(t.Context(), "den", client.RoomPassword(badRoomWord)); err == nil {
		t.Fatal("joined with a wrong password")
	}
	if _, err := bot.JoinRoom(t.Context(), "den", client.RoomPassword(roomPassword)); err != nil {
		t.Fatal(err)
	}
	_ = bot.Close()
	<-bot.Done()
	h.value("recorder", recorder)
	for _, e := range server.Log() {
		h.value("queuptest's log", e)
	}
	if _, _, err := recorder.Save(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("the recording is %q, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) < 1000 {
			t.Errorf("%s holds hardly anything", filepath.Base(file))
		}
		h.add("cassette", string(text))
	}
}

// ownTexts returns every string that the library's own types hold, exported or not, from v on. It does not look into the types of
// others: a cookie jar has to hold the cookie, and net/http what it sends.
func ownTexts(v reflect.Value) []string {
	const own = "github.com/queup-go/queup"
	var texts []string
	seen := make(map[[2]any]bool)
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			texts = append(texts, v.String())
		case reflect.Pointer:
			if at := [2]any{v.Type(), v.Pointer()}; !v.IsNil() && !seen[at] {
				seen[at] = true
				walk(v.Elem())
			}
		case reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			if path := v.Type().PkgPath(); path != "" && !strings.HasPrefix(path, own) {
				return
			}
			for _, field := range v.Fields() {
				walk(field)
			}
		case reflect.Slice, reflect.Array:
			if v.Type().Elem().Kind() == reflect.Uint8 {
				text := make([]byte, v.Len())
				for i := range text {
					text[i] = byte(v.Index(i).Uint())
				}
				texts = append(texts, string(text))
				return
			}
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Map:
			for entries := v.MapRange(); entries.Next(); {
				walk(entries.Key())
				walk(entries.Value())
			}
		}
	}
	walk(v)
	return texts
}

// masquerade gives QueUp's cookies and tokens the form of canaries on their way to the client, and takes it off on the way back.
// It can also answer in QueUp's place.
type masquerade struct {
	mu      sync.Mutex
	real    map[string]string // by disguise
	seen    map[string]bool   // which secrets came from the client
	instead func(w http.ResponseWriter, r *http.Request, said string) (answered bool)
}

// answer has f answer requests to paths that hold part; said is all that the client sent, secrets included.
func (m *masquerade) answer(part string, f func(w http.ResponseWriter, r *http.Request, said string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.instead = func(w http.ResponseWriter, r *http.Request, said string) bool {
		if !strings.Contains(r.URL.Path, part) {
			return false
		}
		f(w, r, said)
		return true
	}
}

func (m *masquerade) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.instead = nil
}

func (m *masquerade) disguise(core, secret string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for mask, known := range m.real {
		if known == secret {
			return mask
		}
	}
	mask := core + strconv.Itoa(len(m.real))
	m.real[mask] = secret
	return mask
}

func (m *masquerade) undo(kind, mask string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if secret, ok := m.real[mask]; ok {
		m.seen[kind] = true
		return secret
	}
	return mask
}

func (m *masquerade) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		said := r.URL.Query().Get("access_token")
		for _, cookie := range r.Cookies() {
			said += " " + cookie.Value
		}
		if form, err := url.ParseQuery(string(body)); err == nil {
			said += " " + form.Get("password") + form.Get("password-room")
		}
		m.mu.Lock()
		instead := m.instead
		for _, password := range []string{ownPassword, wrongPassword, roomPassword, badRoomWord} {
			m.seen[password] = m.seen[password] || strings.Contains(said, password)
		}
		m.mu.Unlock()
		cookies := r.Cookies()
		r.Header.Del("Cookie")
		for _, cookie := range cookies {
			cookie.Value = m.undo("cookie", cookie.Value)
			r.AddCookie(cookie)
		}
		if query := r.URL.Query(); query.Has("access_token") {
			query.Set("access_token", m.undo("token", query.Get("access_token")))
			r.URL.RawQuery = query.Encode()
		}
		if instead != nil && instead(w, r, strings.TrimSpace(said)) {
			return
		}
		if strings.HasPrefix(r.URL.Path, "/ws") {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Set-Cookie")
		for _, cookie := range answer.Result().Cookies() {
			w.Header().Add("Set-Cookie", cookie.Name+"="+m.disguise(cookieCore, cookie.Value)+"; Path=/")
		}
		w.WriteHeader(answer.Code)
		text := answer.Body.Bytes()
		var token struct {
			Data struct{ Token string }
		}
		if r.URL.Path == "/auth/token" && json.Unmarshal(text, &token) == nil {
			mask, _ := json.Marshal(m.disguise(tokenCore, token.Data.Token))
			text = bytes.ReplaceAll(text, []byte(strconv.Quote(token.Data.Token)), mask)
		}
		_, _ = w.Write(text)
	})
}

// echoes are the ways in which a server may send back what it was sent. Each answer holds the secrets in one of the forms in which
// programs write a text into another.
func echoes() map[string]func(w http.ResponseWriter, said string) {
	in := func(status int, contentType string, body func(said string) string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, said string) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body(said))
		}
	}
	sentence := func(said string) string { return "you came with " + said + ", which nobody knows" }
	inJSON := func(text string) string { quoted, _ := json.Marshal(text); return string(quoted) }
	const application = "application/json"
	return map[string]func(w http.ResponseWriter, said string){
		"a sentence": in(400, application, func(s string) string { return `{"code":400,"message":` + inJSON(sentence(s)) + `}` }),
		"a code": in(400, application, func(s string) string {
			return `{"code":400,"data":{"err":{"details":{"code":` + inJSON(s) + `,"message":` + inJSON(sentence(s)) + `}}}}`
		}),
		"URL escapes": in(401, application, func(s string) string { return `{"message":"bad form: q=` + url.QueryEscape(s) + `"}` }),
		"HTML":        in(502, "text/html", func(s string) string { return "<p>" + html.EscapeString(sentence(s)) }),
		"hexadecimal": in(403, application, func(s string) string { return `{"message":"` + hex.EncodeToString([]byte(s)) + `"}` }),
		"base64":      in(403, application, func(s string) string { return `{"message":"` + base64.StdEncoding.EncodeToString([]byte("x"+s)) + `"}` }),
		"JSON in JSON": in(500, application, func(s string) string {
			return `{"message":` + inJSON(`{"was":`+inJSON(s)+`}`) + `}`
		}),
		"damaged JSON":   in(200, application, func(s string) string { return `{"code":200,"data":{"x":` + inJSON(s) + `,` }),
		"a good refusal": in(200, application, func(s string) string { return `{"code":400,"message":` + inJSON(sentence(s)) + `}` }),
		"plain text":     in(429, "text/plain", sentence),
		"at the cut": in(400, application, func(s string) string {
			return `{"message":` + inJSON(strings.Repeat("-", 4<<10-14-len(s)/2)+" "+s) + `}`
		}),
		"a redirect": func(w http.ResponseWriter, said string) {
			w.Header().Set("Location", "/elsewhere?was="+url.QueryEscape(said))
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
	}
}
