package client_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/queup-go/queup/client"
)

func TestFetchUser(t *testing.T) {
	bot := newClient(t, func(req *http.Request) answer {
		switch req.URL.Path {
		case "/user/alice":
			return ok(`{"_id":"65b2a1c0d4e8b90012ab0002","username":"Alice","created":1496420594815,"profileImage":{"url":"http://img.example/a.png","secure_url":"https://img.example/a.png"},"new":1}`)
		case "/user/nothing":
			return ok(`{}`)
		}
		return answer{status: 404, body: `{"code":404,"data":{"err":{"details":{"message":"User not found"}}}}`}
	})
	user, err := bot.FetchUser(t.Context(), "alice")
	if err != nil || user.ID != alice || user.Username != "Alice" || user.CreatedAt.UnixMilli() != 1496420594815 || user.Avatar != "https://img.example/a.png" {
		t.Errorf("user = %+v, %v", user, err)
	}
	if known, seen := bot.Users().Get(alice); !seen || !known.Equal(user) || string(user.Extra()["new"]) != "1" {
		t.Errorf("the client knows %+v", known)
	}
	if _, err := bot.FetchUser(t.Context(), "bob"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("an unknown user: %v", err)
	}
	if _, err := bot.FetchUser(t.Context(), "nothing"); err == nil {
		t.Error("an answer without a user is a user")
	}
}

func TestUsernameAvailable(t *testing.T) {
	bot := newClient(t, func(req *http.Request) answer {
		name := req.URL.Query().Get("username")
		if name == "alice" {
			return ok(`{"username":"alice","taken":true}`)
		}
		return ok(`{"username":"` + name + `","taken":false}`)
	})
	for name, want := range map[string]bool{"alice": false, "nightowl": true, strings.Repeat("ö", 30): true} {
		if free, err := bot.UsernameAvailable(t.Context(), name); err != nil || free != want {
			t.Errorf("%s is free: %v, %v", name, free, err)
		}
	}
}

func TestChangeUsername(t *testing.T) {
	tests := map[string]struct {
		answer answer
		is     error // nil for any
		taken  bool
	}{
		"done":            {ok(`{"username":"nightowl"}`), nil, false},
		"taken":           {answer{status: 400, body: `{"code":400,"data":{"err":{"details":{"message":"username taken"}}}}`}, client.ErrUsernameTaken, true},
		"conflict":        {answer{status: 409, body: `{"code":409,"message":"taken"}`}, client.ErrUsernameTaken, true},
		"in the envelope": {answer{status: 200, body: `{"code":400,"message":"taken","data":{}}`}, client.ErrUsernameTaken, true},
		"without a name":  {ok(`{}`), client.ErrUsernameTaken, true},
		"not allowed":     {answer{status: 403, body: `{"code":403}`}, client.ErrForbidden, false},
		"too often":       {answer{status: 429, body: `{"code":429}`}, client.ErrRateLimited, false},
		"a host in pain":  {answer{status: 400, body: `<html>`, header: http.Header{"Content-Type": {"text/html"}}}, nil, false},
		"QueUp in pain":   {answer{status: 500, body: `{"code":500}`}, nil, false},
		"logged out":      {toLogin(), client.ErrSessionExpired, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var logins []string
			expired := false
			bot := newClient(t, func(req *http.Request) answer {
				if req.URL.Path == "/auth/login" {
					logins = append(logins, req.FormValue("username"))
					expired = false
				}
				if a, found := account(req); found {
					return a
				}
				if expired {
					return toLogin()
				}
				if req.URL.Path == "/user/updateUsername" {
					return tt.answer
				}
				return ok(`{}`)
			})
			who := login(t, bot)
			err := who.ChangeUsername(t.Context(), "nightowl")
			now, _ := bot.User()
			if name == "done" {
				known, _ := bot.Users().Get(me)
				if err != nil || now.Username != "nightowl" || known.Username != "nightowl" || now.Avatar == "" {
					t.Errorf("now %+v, %v", now, err)
				}
				expired = true // a bot that has logged in with its name must get in again
				if err := bot.Follow(t.Context(), alice); err != nil || len(logins) != 2 || logins[1] != "nightowl" {
					t.Errorf("logins %q, %v", logins, err)
				}
				return
			}
			if now.Username != "mixmaster" || err == nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("now %s, %v", now, err)
			}
			if errors.Is(err, client.ErrUsernameTaken) != tt.taken {
				t.Errorf("taken: %v", err)
			}
			if _, isAPI := errors.AsType[*client.APIError](err); !isAPI {
				t.Errorf("no details: %v", err)
			}
		})
	}
}

func TestAuthenticatedUser_ofAnotherLogin(t *testing.T) {
	bot := newClient(t, func(req *http.Request) answer {
		if a, found := account(req); found {
			return a
		}
		if req.URL.Path != "/auth/logout" {
			t.Errorf("sent %s", written(t, req))
		}
		return ok(`{}`)
	})
	who := login(t, bot)
	if err := bot.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := who.ChangeUsername(t.Context(), "nightowl"); !errors.Is(err, client.ErrNotLoggedIn) {
		t.Errorf("ChangeUsername = %v", err)
	}
	if _, err := who.UploadAvatar(t.Context(), "me.png", strings.NewReader(png)); !errors.Is(err, client.ErrNotLoggedIn) {
		t.Errorf("UploadAvatar = %v", err)
	}
	_ = bot.Close()
	if err := who.ChangeUsername(t.Context(), "nightowl"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestSearch(t *testing.T) {
	bot := newClient(t, func(*http.Request) answer {
		return ok(`{"rooms":[{"_id":"r1","name":"Night Room","roomUrl":"night-room","activeUsers":7},null],"users":[{"_id":"65b2a1c0d4e8b90012ab0002","username":"alice"}]}`)
	})
	rooms, users, err := bot.Search(t.Context(), "night")
	if err != nil || len(rooms) != 1 || rooms[0].Slug != "night-room" || rooms[0].ActiveUsers != 7 {
		t.Errorf("rooms %+v, %v", rooms, err)
	}
	if len(users) != 1 || users[0].Username != "alice" {
		t.Errorf("users %+v", users)
	}
	if _, known := bot.Users().Get(alice); !known {
		t.Error("the client does not know who was found")
	}
}

// The rows say who follows whom, because the path of the call does not. Source: docs/PROTOCOL.md 8.18.
func TestFollowers(t *testing.T) {
	bot := newClient(t, func(req *http.Request) answer {
		switch req.URL.Path {
		case "/user/65b2a1c0d4e8b90012ab0002":
			return ok(`{"_id":"65b2a1c0d4e8b90012ab0002","username":"alice"}`)
		default:
			return ok(`[
				{"_id":"f1","userid":"65b2a1c0d4e8b90012ab0003","following":"65b2a1c0d4e8b90012ab0002","created":1496420594815},
				{"_id":"f2","userid":"65b2a1c0d4e8b90012ab0002","following":"65b2a1c0d4e8b90012ab0001"},
				{"_id":"f3"},null]`)
		}
	})
	user, err := bot.FetchUser(t.Context(), string(alice))
	if err != nil {
		t.Fatal(err)
	}
	followers, err := user.Followers(t.Context())
	if err != nil || len(followers) != 2 || followers[0].FollowerID != bob || followers[0].CreatedAt.UnixMilli() != 1496420594815 || followers[1].FollowedID != alice {
		t.Errorf("followers %+v, %v", followers, err)
	}
	following, err := user.Following(t.Context())
	if err != nil || len(following) != 2 || following[0].FollowedID != me || following[1].FollowerID != alice {
		t.Errorf("following %+v, %v", following, err)
	}
	if u, known := followers[0].Followed(); !known || u.Username != "alice" {
		t.Errorf("followed is %v", u)
	}
	if u, known := followers[0].Follower(); known {
		t.Errorf("follower is %v, who was never seen", u)
	}
}
