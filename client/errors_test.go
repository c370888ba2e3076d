package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// However deep an error comes from, it says once whose it is, and once what was to be done.
func TestErrors_nameTheirOriginOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		told := make(chan error, 1)
		bot := newBot(t, server, client.WithErrorHandler(func(_ context.Context, err error) { told <- err }))
		client.On(bot, func(ctx context.Context, _ client.Ready) error {
			_, err := bot.JoinRoom(ctx, "nowhere")
			return err
		})
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := <-told
		if text := err.Error(); strings.Count(text, "queup: ") != 1 || !strings.HasPrefix(text, `queup: handler of Ready: room "nowhere" not joined, check the slug`) {
			t.Errorf("told: %v", text)
		}
		if !errors.Is(err, client.ErrNotFound) {
			t.Errorf("%v is not ErrNotFound", err)
		}
	})
	t.Run("connect", func(t *testing.T) {
		refusing := queuptest.WithHandler(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path == "/ws/" {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				next.ServeHTTP(w, req)
			})
		})
		server := queuptest.NewServer(refusing)
		defer server.Close()
		bot := newBot(t, server)
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Fatal(err)
		}
		err := bot.Connect(t.Context())
		if err == nil || strings.Count(err.Error(), "connect: ") != 1 || strings.Count(err.Error(), "queup: ") != 1 {
			t.Errorf("connecting: %v", err)
		}
	})
	if err := (&client.HandlerError{Event: "Chat"}).Error(); err != "queup: handler of Chat: <nil>" {
		t.Errorf("an empty one: %s", err)
	}
}

// evil does what QueUp's words must not do: it writes to the clipboard, changes the colour (by two ways), turns the direction of
// reading around and begins a line of a log.
const evil = "words\x1b]52;c;aGk=\x07 \u009b31m \u202e\u2066 \u2028\x7f\ntime=now level=ERROR msg=forged\r\xff"

// notSaved returns the error of a store that refuses a session.
func notSaved(t *testing.T, why error) (reported error) {
	t.Helper()
	server := queuptest.NewServer()
	defer server.Close()
	bot := newBot(t, server, client.WithSession(&memorySession{saveErr: why}), client.WithErrorHandler(func(_ context.Context, err error) { reported = err }))
	if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
		t.Error(err)
	}
	return reported
}

// inert reports whether a text does nothing of that.
func inert(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
	})
}

// plainErrors are those whose text holds nothing but what the program itself has named, or quotes it.
var plainErrors = []string{
	"ArgumentError", "MessageTooLongError", "RateLimitError", "PermissionError", "Lagged", // of our own words
	"restoredError",                                       // of the text that another process escaped
	"leftError",                                           // it quotes
	"badPacketError", "permanentError", "translatedError", // of the text of an error that is looked at by itself
}

// Error of every type of error escapes what the words in it would do. Fields keep the words.
func TestPrintable_everyError(t *testing.T) {
	bad := errors.New(evil)
	refusing := func(status int) site {
		body := must(json.Marshal(map[string]any{"code": status, "message": evil}))(t)
		return func(*http.Request) answer { return answer{status: status, body: string(body)} }
	}
	login := newClient(t, refusing(http.StatusUnauthorized)).Login(t.Context(), "bot", canary.Password)
	broken := newClient(t, func(*http.Request) answer {
		return answer{status: http.StatusOK, body: `{"code":200,"data":` + evil + `}`}
	})
	_, decoding := broken.FetchUser(t.Context(), "alice")
	failing := newClient(t, refusing(http.StatusBadRequest))
	_, called := failing.FetchUser(t.Context(), "alice")
	_, room := newClient(t, refusing(http.StatusNotFound)).FetchRoom(t.Context(), "lounge")
	api, ok := errors.AsType[*client.APIError](called)
	if !ok || !strings.Contains(api.Message, "\x1b]52") {
		t.Errorf("the message is %q", api.Message)
	}
	known := map[string]bool{}
	for _, name := range plainErrors {
		known[name] = true
	}
	for what, err := range map[string]error{
		"a refused login":   login,
		"a refused call":    called,
		"an unknown room":   room,
		"an answer":         decoding,
		"an APIError":       &client.APIError{Op: "room", Status: 400, Message: evil, Code: evil},
		"a CallError":       &client.CallError{Op: "room", Method: "GET", URL: "https://queup.test", Err: bad},
		"a HandlerError":    &client.HandlerError{Event: "Chat", Err: bad},
		"a PanicError":      &client.PanicError{Event: "Chat", Value: evil},
		"joined":            &client.HandlerError{Event: "Chat", Err: errors.Join(bad, bad)},
		"a CloseError":      &realtime.CloseError{Code: 4000, Reason: evil},
		"a ServerError":     realtime.ServerError{Text: evil},
		"a HandshakeError":  &realtime.HandshakeError{Err: bad},
		"another one":       &realtime.HandshakeError{Status: 403, Body: []byte(evil)},
		"a list":            &realtime.PresenceListError{Err: bad},
		"a dial":            dialled(t, bad),
		"a room not joined": notJoined(t),
		"no mailbox":        &client.MailboxError{Err: bad},
		"a full disk":       notSaved(t, bad),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
			continue
		}
		if text := fmt.Sprintf("%v", err); !inert(text) || !inert(fmt.Sprintf("%+v", err)) {
			t.Errorf("%s prints %q", what, text)
		}
		for e := err; e != nil && !errors.Is(bad, e); e = errors.Unwrap(e) {
			known[typeOf(e)] = true
		}
	}
	for _, folder := range []string{".", "../realtime"} {
		for _, file := range parseFolder(t, folder, func(name string) bool { return !strings.HasSuffix(name, "_test.go") }) {
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if ok && f.Recv != nil && f.Name.Name == "Error" && !known[typeName(f.Recv.List[0].Type)] {
					t.Errorf("%s: the error %s is not among those that are looked at", folder, typeName(f.Recv.List[0].Type))
				}
			}
		}
	}
}

func typeOf(err error) string {
	typ := reflect.TypeOf(err)
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	return typ.Name()
}

// dialled is what an attempt to connect ends with when the network says err.
func dialled(t *testing.T, err error) error {
	t.Helper()
	dialer := &realtime.WebsocketDialer{NetDialContext: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	_, problem := dialer.Dial(t.Context(), "ws://127.0.0.1:1/ws/", nil)
	return problem
}

// notJoined is what JoinRoom returns when QueUp refuses the room.
func notJoined(t *testing.T) (err error) {
	t.Helper()
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, err = connect(t, server, "bot").JoinRoom(t.Context(), "lounge")
	}, intercept(http.MethodPost, "/users", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		must(0, json.NewEncoder(w).Encode(map[string]any{"code": 400, "message": evil}))(t)
	}))
	return err
}

// callItEvil gives the lounge another slug in an answer.
func callItEvil(t *testing.T) func(answer string) string {
	return func(answer string) string {
		return strings.ReplaceAll(answer, `"roomUrl":"lounge"`, `"roomUrl":`+string(must(json.Marshal(evil))(t)))
	}
}

// What QueUp calls a room, and what it says when it refuses, does nothing to a log, whatever handler writes it.
func TestPrintable_logs(t *testing.T) {
	var (
		mu   sync.Mutex
		rows []slog.Record
		text bytes.Buffer
	)
	synctest.Test(t, func(t *testing.T) {
		var joined atomic.Bool
		server := queuptest.NewServer(queuptest.InMemory(),
			intercept(http.MethodGet, "/room/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if joined.Load() && strings.HasSuffix(req.URL.Path, "/users") {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusInternalServerError)
					must(0, json.NewEncoder(w).Encode(map[string]any{"code": 500, "message": evil}))(t)
					return
				}
				change(w, req, next, callItEvil(t))
			}),
			intercept(http.MethodPost, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				change(w, req, next, callItEvil(t))
			}))
		defer server.Close()
		logger := slog.New(teeHandler{slog.NewTextHandler(lockedWriter{&mu, &text}, &slog.HandlerOptions{Level: slog.LevelDebug}), &mu, &rows})
		bot, room := joinLounge(t, server, "bot", client.WithLogger(logger))
		if room.Slug() == "lounge" {
			t.Fatal("the room is called as ever: the test proves nothing")
		}
		joined.Store(true)
		server.CutLinks()
		settle(10 * time.Second)
		_ = bot.Close()
		<-bot.Done()
	})
	mu.Lock()
	defer mu.Unlock()
	rooms := 0
	for _, row := range rows {
		row.Attrs(func(a slog.Attr) bool {
			if a.Key == "room" {
				rooms++
			}
			if s := a.Value.String(); !inert(s) {
				t.Errorf("%s: %s is %q", row.Message, a.Key, s)
			}
			return true
		})
	}
	if rooms == 0 || !strings.Contains(text.String(), "forged") {
		t.Errorf("nothing was logged of the room: %d rows", len(rows))
	}
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, "time=20") || !inert(strings.TrimSuffix(line, "\n")) {
			t.Errorf("a line of the log is %q", line)
		}
	}
}

// teeHandler is a handler that also keeps the records.
type teeHandler struct {
	slog.Handler
	mu   *sync.Mutex
	rows *[]slog.Record
}

func (h teeHandler) Handle(ctx context.Context, r slog.Record) error {
	h.mu.Lock()
	*h.rows = append(*h.rows, r.Clone())
	h.mu.Unlock()
	return h.Handler.Handle(ctx, r)
}

func TestSecret_isNotShown(t *testing.T) {
	const password = "K4nari-Vogel-im-Keller"
	bird := canary.New("password", password)
	settings := client.RoomSettings{Name: "Cellar", Password: password}
	for name, v := range map[string]any{
		"secret": client.Secret(password), "settings": settings, "pointer": &settings, "list": []client.Secret{password},
		"inside": struct{ Settings client.RoomSettings }{settings},
	} {
		if form, found := bird.Find(canary.Spell(v)); found {
			t.Errorf("%s shows it (as %s)", name, form)
		}
	}
	for format, want := range map[string]string{"%v": "***", "%+v": "***", "%#v": `"***"`, "%s": "***", "%q": `"***"`, "%x": "***"} {
		if got := fmt.Sprintf(format, client.Secret(password)); got != want {
			t.Errorf("%s: %s, want %s", format, got, want)
		}
	}
	if got := fmt.Sprintf("%v %q", client.Secret(""), client.Secret("")); got != ` ""` {
		t.Errorf("none: %s", got)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("set", "password", settings.Password, "settings", settings)
	if form, found := bird.Find(log.String()); found || !bytes.Contains(log.Bytes(), []byte(`"password":"***"`)) {
		t.Errorf("slog shows it (as %q), or no mask", form)
	}
}

// What was written with a mask does not come back as a password.
func TestSecret_readsWhatIsThere(t *testing.T) {
	var read client.RoomSettings
	if err := json.Unmarshal([]byte(`{"Name":"Cellar","Password":"swordfish"}`), &read); err != nil || string(read.Password) != "swordfish" {
		t.Fatalf("not read: %v", err)
	}
	written, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	var again client.RoomSettings
	if err := json.Unmarshal(written, &again); err != nil {
		t.Fatal(err)
	}
	bot, err := client.New()
	if err != nil {
		t.Fatal(err)
	}
	defer bot.Close()
	again.MaxSongLength, again.MaxQueue = 10*60e9, 10
	_, err = bot.CreateRoom(t.Context(), again)
	if wrong, ok := errors.AsType[*client.ArgumentError](err); !ok || wrong.Argument != "Password" {
		t.Errorf("a mask is taken for a password: %v", err)
	}
}

// wordySecrets are passwords and cookies that stand in error texts anyway: in ours, in those of net/http, in QueUp's.
var wordySecrets = []string{
	"queup", "user", "Found", "site", "session", "login", "refused", "room", "Not", "Unauthorized", "lookup", "password", "UNKNOWN", "dial", "2026",
}

// A secret that is an ordinary word changes neither the type nor the text of an error.
func TestSecretsThatAreWords_changeNoError(t *testing.T) { synctest.Test(t, changeNoError) } // reads are tried again

func changeNoError(t *testing.T) {
	const neutral = "zq7-Neutral-secret"
	want := errorsWithSecret(t, neutral)
	for what, text := range want {
		if strings.Contains(text, "***") {
			t.Fatalf("%s is masked with a secret that nobody quotes: %s", what, text)
		}
	}
	for _, word := range wordySecrets {
		got := errorsWithSecret(t, word)
		for _, what := range slices.Sorted(maps.Keys(want)) {
			if got[what] != want[what] {
				t.Errorf("with the secret %q %s is %q, want %q", word, what, got[what], want[what])
			}
		}
	}
}

// errorsWithSecret returns types and texts of the errors of a client all of whose secrets are the same word.
func errorsWithSecret(t *testing.T, secret string) map[string]string {
	t.Helper()
	refuse := false
	cookie := http.Header{"Set-Cookie": {"sid=" + secret + "; Path=/"}}
	found := make(map[string]string)
	bot := newClient(t, func(req *http.Request) answer {
		switch path := req.URL.Path; {
		case path == "/auth/login" && refuse:
			return answer{status: 401, body: `{"code":401,"message":"Unauthorized","data":{"details":{"message":"Unknown user, login refused: password of the site unknown in 2026"}}}`}
		case path == "/auth/login":
			return answer{status: 200, body: `{"code":200,"message":"OK","data":{}}`, header: cookie}
		case path == "/auth/session":
			return ok(`{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster"}`)
		case strings.HasPrefix(path, "/user/"):
			return answer{status: 404, body: `{"code":404,"message":"Not Found","data":{"err":{"details":{"message":"No such user of the site queup found in a room"}}}}`}
		case strings.HasPrefix(path, "/room/"):
			return answer{status: 502, body: `<html>dial: lookup refused</html>`, header: http.Header{"Content-Type": {"text/html"}}}
		default:
			return toLogin()
		}
	}, client.WithRecentConversations(false), client.WithRateLimit(0, 0))
	if err := bot.Login(t.Context(), "mixmaster", secret); err != nil {
		t.Fatal(err)
	}
	_, err := bot.FetchUser(t.Context(), "nobody")
	answer, isAnswer := errors.AsType[*client.APIError](err)
	found["an unknown user"] = fmt.Sprint(isAnswer, errors.Is(err, client.ErrNotFound), err)
	if isAnswer {
		found["its body"] = string(answer.Body)
	}
	_, err = bot.FetchRoom(t.Context(), "night-room")
	_, isAnswer = errors.AsType[*client.APIError](err)
	found["a host in trouble"] = fmt.Sprint(isAnswer, err)
	refuse = true
	err = bot.Login(t.Context(), "mixmaster", secret)
	_, isRefusal := errors.AsType[*client.AuthorizationError](err)
	found["a refused login"] = fmt.Sprint(isRefusal, err)
	_, err = bot.FetchConversations(t.Context())
	_, isAnswer = errors.AsType[*client.APIError](err)
	_, isRefusal = errors.AsType[*client.AuthorizationError](err)
	found["a refused renewal"] = fmt.Sprint(isAnswer, isRefusal, errors.Is(err, client.ErrSessionExpired), err)
	return found
}

// Also where a secret is quoted, and so masked, a network error stays one: the reason is found by type.
func TestSecretsThatAreQuoted_keepTheTypeOfANetworkError(t *testing.T) {
	bot, err := client.New(client.WithTransport(lost{}))
	if err != nil {
		t.Fatal(err)
	}
	defer bot.Close()
	ctx := t.Context()
	err = bot.Login(ctx, "mixmaster", "queup")
	call, isCall := errors.AsType[*client.CallError](err)
	network, isNetwork := errors.AsType[*net.OpError](err)
	name, isName := errors.AsType[*net.DNSError](err)
	if !isCall || !isNetwork || !isName {
		t.Fatalf("a masked error is a CallError: %v, a net.OpError: %v, a net.DNSError: %v", isCall, isNetwork, isName)
	}
	if !call.Timeout() || !network.Timeout() || !name.IsNotFound || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("the masked error has lost what it says: %v", err)
	}
	if strings.Contains(err.Error(), `"queup"`) || strings.Contains(err.Error(), "password queup") {
		t.Errorf("the password got out: %v", err)
	}
}

// A password that is a word of the refusal is tried once: a decision does not depend on what is masked.
func TestSecretsThatAreWords_areNotSentAgainAfterARefusal(t *testing.T) {
	for _, password := range []string{"queup", "login", "Unauthorized", "user"} {
		t.Run(password, func(t *testing.T) {
			var refused atomic.Bool
			var logins atomic.Int32
			synctest.Test(t, func(t *testing.T) {
				world := queuptest.DefaultWorld()
				for i := range world.Users {
					world.Users[i].Password = password
				}
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world),
					intercept(http.MethodPost, "/auth/login", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
						logins.Add(1)
						if refused.Load() {
							w.Header().Set("Content-Type", "application/json")
							w.WriteHeader(http.StatusUnauthorized)
							_, _ = w.Write([]byte(`{"code":401,"message":"Unauthorized","data":{"details":{"message":"queup: login of that user refused"}}}`))
							return
						}
						next.ServeHTTP(w, req)
					}))
				defer server.Close()
				bot := newBot(t, server, client.WithRateLimit(0, 0))
				if err := bot.Login(t.Context(), "bot", password); err != nil {
					t.Fatal(err)
				}
				if err := bot.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				refused.Store(true)
				server.ExpireSessions()
				before := logins.Load()
				for range 120 { // half an hour
					_, err := bot.FetchConversations(t.Context())
					if _, is := errors.AsType[*client.AuthorizationError](err); !is {
						t.Fatalf("err = %v, want an *AuthorizationError", err)
					}
					server.CutLinks()
					settle(15 * time.Second)
				}
				if n := logins.Load() - before; n != 1 {
					t.Errorf("a refused password was sent %d times in half an hour, want 1", n)
				}
			})
		})
	}
}

// A room that is gone ends with RoomLeft, whatever its password was.
func TestSecretsThatAreWords_doNotHideTheEndOfARoom(t *testing.T) {
	for _, password := range []string{"Found", "room", "queup"} {
		t.Run(password, func(t *testing.T) {
			var gone atomic.Bool
			synctest.Test(t, func(t *testing.T) {
				world := queuptest.DefaultWorld()
				world.Rooms[0].Password = password
				server := queuptest.NewServer(queuptest.InMemory(), queuptest.WithWorld(world),
					intercept(http.MethodGet, "/room/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
						if gone.Load() {
							w.Header().Set("Content-Type", "application/json")
							w.WriteHeader(http.StatusNotFound)
							_, _ = w.Write([]byte(`{"code":404,"message":"Not Found","data":{"err":{"details":{"code":404,"message":"queup: room not Found"}}}}`))
							return
						}
						next.ServeHTTP(w, req)
					}))
				defer server.Close()
				bot := connect(t, server, "bot")
				_, err := bot.JoinRoom(t.Context(), "lounge", client.RoomPassword("a wrong one"))
				if !errors.Is(err, client.ErrRoomPassword) {
					t.Fatalf("JoinRoom with a wrong password = %v", err)
				}
				room, err := bot.JoinRoom(t.Context(), "lounge", client.RoomPassword(password))
				if err != nil {
					t.Fatal(err)
				}
				left := record(room, func(e client.RoomLeft) string { return fmt.Sprint(errors.Is(e.Err, client.ErrNotFound)) })
				gone.Store(true)
				server.CutLinks()
				settle(2 * time.Minute)
				expect(t, "RoomLeft because of ErrNotFound", left(), []string{"true"})
			})
		})
	}
}
