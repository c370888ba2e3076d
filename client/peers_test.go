package client_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// These tests hold what our requests have in common with those of the clients that worked on the live service.
// Source: docs/PROTOCOL.md 2.

// A join reads the room once. Of rooms that are joined at the same time two are entered at a time.
func TestPeers_joinReadsTheRoomOnce(t *testing.T) {
	var mu sync.Mutex
	var entering, most int
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		before := len(requests(server))
		var joins sync.WaitGroup
		for _, room := range crowded(30, 30, 30, 30, 30).Rooms {
			joins.Go(func() { must(bot.JoinRoom(t.Context(), room.Slug))(t) })
		}
		joins.Wait()
		reads := 0
		for _, call := range requests(server)[before:] {
			if path, get := strings.CutPrefix(call, "GET /room/"); get && !strings.Contains(path, "/") {
				reads++
			}
		}
		if reads != 5 {
			t.Errorf("five joins read their rooms %d times", reads)
		}
		if most != 2 {
			t.Errorf("%d rooms were entered at a time, want 2", most)
		}
	}, queuptest.WithWorld(crowded(30, 30, 30, 30, 30)), meddle(http.MethodPost, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		mu.Lock()
		entering++
		most = max(most, entering)
		mu.Unlock()
		time.Sleep(time.Second)
		next.ServeHTTP(w, req)
		mu.Lock()
		entering--
		mu.Unlock()
	}))
}

// DA, BT, NUCO, FE and DTM say which answers they take.
func TestPeers_everyCallSaysWhatItAccepts(t *testing.T) {
	bot := newClient(t, func(req *http.Request) answer {
		if accept := req.Header.Get("Accept"); accept != "application/json" {
			t.Errorf("%s %s has Accept %q", req.Method, req.URL.Path, accept)
		}
		return ok(`{}`)
	})
	_ = fetchRoom(t.Context(), bot)
	_ = bot.Login(t.Context(), "mixmaster", "secret")
}

// FE begins a room with 120 minutes and every switch on; a literal that leaves them out must not turn them off.
func TestPeers_createRoomLeavesUnsetSettingsOut(t *testing.T) {
	for name, c := range map[string]struct {
		settings client.RoomSettings
		want     string
	}{
		"a name":   {client.RoomSettings{Name: "Night"}, `{"name":"Night"}`},
		"some set": {client.RoomSettings{Name: "Night", Private: true, MaxSongLength: 10 * time.Minute, LockQueue: true}, `{"name":"Night","roomDisplay":"private","maxLengthSong":10,"lockQueue":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			sent := ""
			bot := newClient(t, func(req *http.Request) answer {
				if req.Method == http.MethodPost && req.URL.Path == "/room" {
					body, _ := io.ReadAll(req.Body)
					sent = string(body)
				}
				return ok(`{"_id":"65a1f0c2d4e8b90012ab34cd","roomUrl":"night","username":"mixmaster"}`)
			})
			must(bot.CreateRoom(t.Context(), c.settings))(t)
			if sent != c.want {
				t.Errorf("sent %s, want %s", sent, c.want)
			}
		})
	}
}

// FE and DA delete a line without a body.
func TestPeers_deleteOfALineHasNoBody(t *testing.T) {
	bodies := make(chan string, 1)
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		m := must(room.SendMessage(t.Context(), "hello"))(t)
		if err := m.Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
		if body := <-bodies; body != "" {
			t.Errorf("the body is %q", body)
		}
	}, meddle(http.MethodDelete, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		body, _ := io.ReadAll(req.Body)
		bodies <- string(body) + req.Header.Get("Content-Type")
		next.ServeHTTP(w, req)
	}))
}

// FE strips a term to letters, digits and blanks.
func TestPeers_searchOfRoomsSendsLettersDigitsAndBlanks(t *testing.T) {
	for text, want := range map[string]string{
		"night room":         "/room/term/night room",
		" rock'n'roll/80s! ": "/room/term/rocknroll80s",
		"ümläut":             "/room/term/ümläut",
	} {
		path := ""
		bot := newClient(t, func(req *http.Request) answer {
			path = req.URL.Path
			return ok(`[]`)
		})
		for _, err := range bot.SearchRooms(t.Context(), text) {
			t.Error(err)
		}
		if path != want {
			t.Errorf("%q asks for %q, want %q", text, path, want)
		}
	}
	bot := newClient(t, func(*http.Request) answer { t.Error("a request was sent"); return ok(`[]`) })
	for _, err := range bot.SearchRooms(t.Context(), " !? ") {
		if !isArgument(err) {
			t.Errorf("err = %v, want an *ArgumentError", err)
		}
	}
}

// WSC and ABOT send the clientId with the token it belongs to. A guest has a new token, and so another id.
func TestPeers_guestsReconnectWithoutTheOldClientID(t *testing.T) {
	for name, guest := range map[string]bool{"guest": true, "account": false} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var ids []string
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot := newBot(t, server, client.WithGuest())
				if !guest {
					if err := bot.Login(t.Context(), "bot", "secret"); err != nil {
						t.Fatal(err)
					}
				}
				if err := bot.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				server.CutLinks()
				settle(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if len(ids) != 2 || ids[0] != "" || (ids[1] == "") != guest {
					t.Errorf("the links asked for the client ids %q", ids)
				}
			}, meddle(http.MethodGet, "/ws/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				mu.Lock()
				ids = append(ids, req.URL.Query().Get("clientId"))
				mu.Unlock()
				next.ServeHTTP(w, req)
			}))
		})
	}
}

// ABOT shows a clientId of 32 digits. It is reason for one login in a session, and its refusal does not end the bot.
func TestPeers_tokenWithAForeignClientID(t *testing.T) {
	for name, refuse := range map[string]bool{"login works": false, "login refused": true} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			logins := 0
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(queuptest.InMemory(),
					meddle(http.MethodGet, "/auth/token", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
						answer := httptest.NewRecorder()
						next.ServeHTTP(answer, req)
						_, token, _ := strings.Cut(answer.Body.String(), `"token":"`)
						token, _, _ = strings.Cut(token, `"`)
						w.Header().Set("Content-Type", "application/json")
						_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK","data":{"action":17,"token":%q,"clientId":"00112233445566778899aabbccddeeff"}}`, token)
					}),
					meddle(http.MethodPost, "/auth/login", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
						mu.Lock()
						logins++
						again := logins > 1
						mu.Unlock()
						if again && refuse {
							w.Header().Set("Content-Type", "application/json")
							w.WriteHeader(http.StatusUnauthorized)
							_, _ = io.WriteString(w, `{"code":401,"message":"Unauthorized","data":{}}`)
							return
						}
						next.ServeHTTP(w, req)
					}))
				defer server.Close()
				bot, room := joinLounge(t, server, "bot")
				for range 5 {
					server.CutLinks()
					settle(time.Minute)
				}
				if err := room.Updub(t.Context()); err != nil {
					t.Errorf("the bot is gone: %v", err)
				}
				if logins != 2 {
					t.Errorf("%d logins, want the first and one more", logins)
				}
				if health := bot.Health(); health.Reconnects != 5 {
					t.Errorf("%d reconnects, want 5", health.Reconnects)
				}
			})
		})
	}
}

// DA, FE and QueUp v2 go by the type inside of an event, BT, ABOT and DTM by its name.
func TestPeers_eventKnownByItsTypeAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		bot, room := joinLounge(t, server, "bot")
		lines := record(room, func(e client.Chat) string { return e.Message.Content })
		unknown := record(bot, func(e client.Unknown) string { return e.Name })
		for i, name := range []string{"realtime-message", "", "chat-message", "no-such-name"} {
			kind := "chat-message"
			if i == 3 {
				kind = "no-such-type"
			}
			server.Room("lounge").Broadcast(name, fmt.Appendf(nil, `{"type":%q,"chatid":"65b2a1c0d4e8b90012ab0001-%d","message":"line %d","time":%d,"user":{"_id":"65b2a1c0d4e8b90012ab0001","username":"x"}}`,
				kind, i, i, time.Now().UnixMilli()))
		}
		settle(time.Second)
		got := lines()
		slices.Sort(got)
		expect(t, "lines", got, []string{"line 0", "line 1", "line 2"})
		expect(t, "unknown", unknown(), []string{"no-such-name"})
	})
}
