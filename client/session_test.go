package client_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// memorySession is a store in memory that can fail.
type memorySession struct {
	mu       sync.Mutex
	data     []byte
	saves    int
	loadErr  error
	saveErr  error
	deletion error
}

func (m *memorySession) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.data), m.loadErr
}

func (m *memorySession) Save(_ context.Context, session []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if session == nil && m.deletion != nil {
		return m.deletion
	}
	if m.saveErr != nil {
		return m.saveErr
	}
	m.data = bytes.Clone(session)
	m.saves++
	return nil
}

func (m *memorySession) stored() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return string(m.data)
}

// passwords counts the requests with a password that a server has received.
func passwords(server *queuptest.Server) (n int) {
	for _, e := range server.Log() {
		if e.In && e.Method == http.MethodPost && e.Path == "/auth/login" {
			n++
		}
	}
	return n
}

// process is a program that logs in, does something and ends.
func process(t *testing.T, server *queuptest.Server, store client.SessionStore, name string, do func(bot *client.Client)) {
	t.Helper()
	bot := newBot(t, server, client.WithSession(store))
	if err := bot.Login(t.Context(), name, canary.Password); err != nil {
		t.Fatal(err)
	}
	if me, _ := bot.User(); me.Username != name {
		t.Errorf("logged in as %v", me)
	}
	if do != nil {
		do(bot)
	}
	_ = bot.Close()
	<-bot.Done()
}

func TestSession_outlivesTheProcess(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		store := new(memorySession)
		process(t, server, store, "bot", nil)
		if n := passwords(server); n != 1 {
			t.Fatalf("%d passwords were sent by the first process", n)
		}
		for range 3 {
			process(t, server, store, "bot", func(bot *client.Client) {
				if err := bot.Connect(t.Context()); err != nil {
					t.Error(err)
				}
				room := must(bot.JoinRoom(t.Context(), "lounge"))(t)
				if _, err := room.SendMessage(t.Context(), "hello"); err != nil {
					t.Error(err)
				}
			})
		}
		if n := passwords(server); n != 1 {
			t.Errorf("%d passwords were sent, want 1", n)
		}
		if strings.Contains(store.stored(), canary.Password) {
			t.Error("the password is stored")
		}
	})
}

func TestSession_renewals(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		store := new(memorySession)
		process(t, server, store, "bot", nil)
		first := store.stored()
		server.ExpireSessions()
		process(t, server, store, "bot", func(bot *client.Client) {
			second := store.stored()
			if second == first || passwords(server) != 2 {
				t.Errorf("after an expired session: %d passwords, changed %t", passwords(server), second != first)
			}
			server.ExpireSessions()
			if _, err := bot.FetchConversations(t.Context()); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if store.stored() == second || passwords(server) != 3 {
				t.Errorf("after a renewal: %d passwords, changed %t", passwords(server), store.stored() != second)
			}
		})
		process(t, server, store, "bot", nil)
		if n := passwords(server); n != 3 {
			t.Errorf("%d passwords, want 3: the renewed session was not used", n)
		}
	})
}

func TestSession_ofAnotherAccount(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		store := new(memorySession)
		process(t, server, store, "bot", func(bot *client.Client) {
			before := store.stored()
			if err := bot.Login(t.Context(), "mod", "wrong"); !errors.Is(err, client.ErrUnauthorized) {
				t.Errorf("a wrong password: %v", err)
			}
			if store.stored() != before {
				t.Error("a failed login has changed the store")
			}
		})
		process(t, server, store, "mod", nil)
		process(t, server, store, "mod", nil)
		if n := passwords(server); n != 3 { // bot, the wrong one, mod
			t.Errorf("%d passwords, want 3", n)
		}
		process(t, server, store, "mod", func(bot *client.Client) {
			if err := bot.Logout(t.Context()); err != nil || store.stored() != "" {
				t.Errorf("after Logout the store has %q, %v", store.stored(), err)
			}
		})
		bot := newBot(t, server, client.WithSession(store))
		if err := bot.Resume(t.Context()); !errors.Is(err, client.ErrNotLoggedIn) {
			t.Errorf("Resume without a session: %v", err)
		}
	})
}

// Whatever is stored, the password still logs in, and nothing of the data reaches the log.
func TestSession_unusable(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		store := new(memorySession)
		process(t, server, store, "bot", nil)
		good := store.stored()
		for name, data := range map[string]string{
			"empty": "", "not JSON": "canaryword", "cut": good[:len(good)/2], "another version": strings.Replace(good, `"version":1`, `"version":99`, 1),
			"another site": strings.Replace(good, server.URL(), "https://elsewhere.example", 1), "null": "null", "a list": "[]", "a number": "7",
			"without cookies": `{"version":1,"site":"` + server.URL() + `","login":"bot","user":"1"}`,
			"another user":    strings.Replace(good, `"user":"`, `"user":"x`, 1),
			"odd cookie":      strings.Replace(good, `"from":"`, `"from":"%zz`, 1),
		} {
			log := new(bytes.Buffer)
			store.data = []byte(data)
			before := passwords(server)
			bot := newBot(t, server, client.WithSession(store), client.WithLogger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			if err := bot.Resume(t.Context()); !errors.Is(err, client.ErrNotLoggedIn) && !errors.Is(err, client.ErrSessionExpired) {
				t.Errorf("%s: Resume: %v", name, err)
			}
			if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if n := passwords(server) - before; n != 1 {
				t.Errorf("%s: %d passwords", name, n)
			}
			if strings.Contains(log.String(), "canaryword") {
				t.Errorf("%s: the log has the data: %s", name, log)
			}
			if _, err := client.New(client.WithSession(nil)); err == nil {
				t.Error("a nil store is accepted")
			}
		}
	})
}

func TestSession_resumed(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		store := new(memorySession)
		process(t, server, store, "bot", nil)
		bot := newBot(t, server, client.WithSession(store))
		if err := bot.Resume(t.Context()); err != nil || !bot.LoggedIn() {
			t.Fatalf("Resume: %v", err)
		}
		if err := bot.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := bot.JoinRoom(t.Context(), "lounge"); err != nil {
			t.Fatal(err)
		}
		server.ExpireSessions()
		if _, err := bot.FetchConversations(t.Context()); !errors.Is(err, client.ErrNotLoggedIn) {
			t.Errorf("a call after the session has ended: %v", err)
		}
		if n := passwords(server); n != 1 {
			t.Errorf("%d passwords", n)
		}
		other := newBot(t, server, client.WithSession(store))
		if err := other.Resume(t.Context()); !errors.Is(err, client.ErrNotLoggedIn) || !strings.Contains(err.Error(), "has ended the stored session") {
			t.Errorf("Resume of an ended session: %v", err)
		}
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
			t.Error(err)
		}
		if _, err := bot.FetchConversations(t.Context()); err != nil {
			t.Error(err)
		}
		if err := newBot(t, server).Resume(t.Context()); !errors.Is(err, client.ErrNotLoggedIn) || !strings.Contains(err.Error(), "WithSession") {
			t.Errorf("Resume without a store: %v", err)
		}
	})
}

func TestSession_storeFails(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		store := &memorySession{loadErr: errors.New("no such disk")}
		bot := newBot(t, server, client.WithSession(store))
		if err := bot.Login(t.Context(), "bot", canary.Password); err == nil || !strings.Contains(err.Error(), "no such disk") || passwords(server) > 0 {
			t.Errorf("Login with a store that cannot be read: %v, %d passwords", err, passwords(server))
		}
		store.loadErr, store.saveErr, store.deletion = nil, errors.New("no space left on device"), errors.New("read-only")
		var reported []error
		bot = newBot(t, server, client.WithSession(store), client.WithErrorHandler(func(_ context.Context, err error) { reported = append(reported, err) }))
		if err := bot.Login(t.Context(), "bot", canary.Password); err != nil || len(reported) != 1 || !strings.Contains(reported[0].Error(), "no space left") {
			t.Errorf("Login with a full disk: %v, reported %v", err, reported)
		}
		if err := bot.Logout(t.Context()); err == nil || !strings.Contains(err.Error(), "read-only") || bot.LoggedIn() {
			t.Errorf("Logout: %v, logged in: %t", err, bot.LoggedIn())
		}
	})
}

func TestFileSession_file(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "session")
	store := client.FileSession(path)
	ctx := t.Context()
	if data, err := store.Load(ctx); data != nil || err != nil {
		t.Errorf("without a file: %q, %v", data, err)
	}
	if err := store.Save(ctx, nil); err != nil {
		t.Errorf("deleting nothing: %v", err)
	}
	for _, session := range []string{"one", "a longer one", "2"} {
		if err := store.Save(ctx, []byte(session)); err != nil {
			t.Fatal(err)
		}
		if data, err := store.Load(ctx); string(data) != session || err != nil {
			t.Errorf("loaded %q, %v", data, err)
		}
	}
	about := must(os.Stat(path))(t)
	if runtime.GOOS != "windows" && about.Mode() != 0o600 {
		t.Errorf("the mode is %v", about.Mode())
	}
	if files := must(os.ReadDir(folder))(t); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
	if runtime.GOOS != "windows" {
		for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o622} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Load(ctx); err == nil || !strings.Contains(err.Error(), "chmod 600") {
				t.Errorf("mode %v: %v", mode, err)
			}
		}
	}
	if err := store.Save(ctx, nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after deletion: %v", err)
	}
	for name, wrong := range map[string]string{"a folder": folder, "no folder": filepath.Join(folder, "missing", "session")} {
		err := client.FileSession(wrong).Save(ctx, []byte("x"))
		if err == nil {
			t.Errorf("%s: saved", name)
		}
	}
	if _, err := client.FileSession(folder).Load(ctx); err == nil {
		t.Error("a folder was loaded")
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(ctx); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a large file: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := store.Load(ctx); data == nil || err != nil { // it counts as damaged, not as missing
		t.Errorf("an empty file: %v, %v", data, err)
	}
}

// Two processes with one file never read half of a session.
func TestFileSession_sharedByTwoProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "session")
	var running sync.WaitGroup
	for _, letter := range []string{"a", "b"} {
		running.Go(func() {
			store := client.FileSession(path)
			for range 200 {
				if err := store.Save(t.Context(), []byte(strings.Repeat(letter, 4000))); err != nil {
					t.Error(err)
				}
				data, err := store.Load(t.Context())
				if err != nil || len(data) != 4000 || strings.Trim(string(data), string(data[:1])) != "" {
					t.Errorf("loaded %d bytes, %v", len(data), err)
				}
			}
		})
	}
	running.Wait()
}

func TestSession_inAFile(t *testing.T) {
	t.Parallel()
	server := queuptest.NewServer()
	defer server.Close()
	path := filepath.Join(t.TempDir(), "session")
	for range 2 {
		process(t, server, client.FileSession(path), "bot", nil)
	}
	if n := passwords(server); n != 1 {
		t.Errorf("%d passwords", n)
	}
	data := must(os.ReadFile(path))(t)
	if bytes.Contains(data, []byte(canary.Password)) {
		t.Errorf("the file has the password")
	}
}

func TestWithLeave_staysInTheRoom(t *testing.T) {
	for _, leave := range []bool{true, false} {
		inBubble(t, func(t *testing.T, server *queuptest.Server) {
			bot := newBot(t, server, client.WithLeave(leave))
			client.On(bot, func(ctx context.Context, _ client.Ready) error {
				_, err := bot.JoinRoom(ctx, "lounge")
				return err
			})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- bot.Run(ctx, "bot", canary.Password) }()
			time.Sleep(time.Second)
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			left := 0
			for _, e := range server.Log() {
				if e.In && e.Method == http.MethodDelete && strings.HasSuffix(e.Path, "/users") {
					left++
				}
			}
			if left > 0 != leave {
				t.Errorf("WithLeave(%t): the room was left %d times", leave, left)
			}
		})
	}
}
