package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// evil does what QueUp's words must not do: it writes to the clipboard, changes the colour (by two ways), turns the direction of
// reading around and begins a line of a log.
const evil = "words\x1b]52;c;aGk=\x07 \u009b31m \u202e\u2066 \u2028\x7f\ntime=now level=ERROR msg=forged\r\xff"

// inert reports whether a text does nothing of that.
func inert(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
	})
}

// plainErrors are those whose text holds nothing but what the program itself has named, or quotes it.
var plainErrors = []string{
	"ArgumentError", "MessageTooLongError", "RateLimitError", "PermissionError", "Lagged", // of our own words
	"badPacketError", "permanentError", // of the text of an error that is looked at by itself
}

// Error of every type of error escapes what the words in it would do. Fields keep the words.
func TestPrintable_everyError(t *testing.T) {
	bad := errors.New(evil)
	refusing := func(status int) site {
		body := must(json.Marshal(map[string]any{"code": status, "message": evil}))(t)
		return func(*http.Request) answer { return answer{status: status, body: string(body)} }
	}
	login := newClient(t, refusing(http.StatusUnauthorized)).Login(t.Context(), "bot", "secret")
	broken := newClient(t, func(*http.Request) answer {
		return answer{status: http.StatusOK, body: `{"code":200,"data":` + evil + `}`}
	})
	_, decoding := broken.FetchUser(t.Context(), "alice")
	failing := newClient(t, refusing(http.StatusBadRequest))
	_, called := failing.FetchUser(t.Context(), "alice")
	_, room := newClient(t, refusing(http.StatusNotFound)).FetchRoom(t.Context(), "lounge"+evil)
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
	}, meddle(http.MethodPost, "/users", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
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
			meddle(http.MethodGet, "/room/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if joined.Load() && strings.HasSuffix(req.URL.Path, "/users") {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusInternalServerError)
					must(0, json.NewEncoder(w).Encode(map[string]any{"code": 500, "message": evil}))(t)
					return
				}
				change(w, req, next, callItEvil(t))
			}),
			meddle(http.MethodPost, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
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
