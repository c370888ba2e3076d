package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
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

func TestAccounts_nameFollowersAndPicture(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		ctx := t.Context()
		bot := loggedIn(t, server, "bot")
		me, _ := bot.User()
		if free := must(bot.UsernameAvailable(ctx, "alice"))(t); free {
			t.Error("alice is free")
		}
		if err := me.ChangeUsername(ctx, "alice"); !errors.Is(err, client.ErrUsernameTaken) {
			t.Errorf("taken: %v", err)
		}
		if err := me.ChangeUsername(ctx, "nightowl"); err != nil {
			t.Fatal(err)
		}
		if now := must(bot.FetchUser(ctx, "nightowl"))(t); now.ID != me.ID {
			t.Errorf("nightowl is %+v", now)
		}
		server.ExpireSessions() // the bot logged in with its old name
		if free := must(bot.UsernameAvailable(ctx, "bot"))(t); !free {
			t.Error("the old name is not free")
		}
		if _, err := bot.UnreadCount(ctx); err != nil {
			t.Errorf("after the session has expired: %v", err)
		}

		alice := must(bot.FetchUser(ctx, "alice"))(t)
		for range 2 {
			if err := alice.Follow(ctx); err != nil {
				t.Fatal(err)
			}
		}
		followers := must(alice.Followers(ctx))(t)
		following := must(me.Following(ctx))(t)
		if len(followers) != 1 || followers[0].FollowerID != me.ID || len(following) != 1 || !following[0].Equal(followers[0]) || following[0].CreatedAt.IsZero() {
			t.Errorf("followers %v, following %v", followers, following)
		}
		if err := alice.Unfollow(ctx); err != nil {
			t.Fatal(err)
		}
		if followers := must(alice.Followers(ctx))(t); len(followers) != 0 {
			t.Errorf("followers %v", followers)
		}

		for _, picture := range []string{png, gif} {
			address := must(me.UploadAvatar(ctx, "me", strings.NewReader(picture)))(t)
			if known := must(bot.FetchUser(ctx, string(me.ID)))(t); address == "" || known.Avatar != address {
				t.Errorf("picture %q, QueUp has %q", address, known.Avatar)
			}
		}

		rooms, users, err := bot.Search(ctx, "lounge")
		if err != nil || len(rooms) != 1 || rooms[0].Slug != "lounge" {
			t.Errorf("found %v and %v, %v", rooms, users, err)
		}
		_, users, err = bot.Search(ctx, "alice")
		expect(t, fmt.Sprint("users found, ", err), names(users), []string{"alice"})
	})
}

func TestUploadAvatar(t *testing.T) {
	jpg, bmp := "\xFF\xD8\xFF...", "BM......."
	for picture, want := range map[string]string{
		png: "POST /user/image file image me image/png " + png,
		jpg: "POST /user/image file image me image/jpeg " + jpg,
		bmp: "POST /user/image file image me image/bmp " + bmp,
		gif: "POST /user/imagegif form image=R0lGODlhLi4u&type=base64",
	} {
		var sent string
		bot := newClient(t, func(req *http.Request) answer {
			if a, found := account(req); found {
				return a
			}
			if req.ContentLength <= 0 {
				t.Errorf("an upload of length %d", req.ContentLength)
			}
			sent = written(t, req)
			return ok(`{"profileImage":{"url":"http://img.example/new.png","secure_url":"https://img.example/new.png"}}`)
		})
		address, err := login(t, bot).UploadAvatar(t.Context(), "me", strings.NewReader(picture))
		if err != nil || address != "https://img.example/new.png" || sent != want {
			t.Errorf("address %q, %v; sent %q, want %q", address, err, sent, want)
		}
		if now, _ := bot.User(); now.Avatar != address || now.Username != "mixmaster" {
			t.Errorf("now %+v", now)
		}
	}
}

// A reader can be read only once, so the client keeps what it read for a second try.
func TestUploadAvatar_afterTheSessionHasExpired(t *testing.T) {
	for _, picture := range []string{png, gif} {
		var bodies []string
		bot := newClient(t, func(req *http.Request) answer {
			if a, found := account(req); found {
				return a
			}
			bodies = append(bodies, written(t, req))
			if len(bodies) == 1 {
				return toLogin()
			}
			return ok(`{}`)
		})
		address, err := login(t, bot).UploadAvatar(t.Context(), "me", strings.NewReader(picture))
		if err != nil || address != "" || len(bodies) != 2 || bodies[0] != bodies[1] {
			t.Errorf("%q, %v; sent %q", address, err, bodies)
		}
		if now, _ := bot.User(); now.Avatar != "http://img.example/old.png" {
			t.Errorf("an answer without an address makes it %q", now.Avatar)
		}
	}
}

func TestUploadAvatar_ofAReaderThatFails(t *testing.T) {
	bot := newClient(t, func(req *http.Request) answer {
		a, found := account(req)
		if !found {
			t.Errorf("sent %s", written(t, req))
		}
		return a
	})
	if _, err := login(t, bot).UploadAvatar(t.Context(), "me.png", iotest.ErrReader(errGoingHome)); !errors.Is(err, errGoingHome) {
		t.Errorf("err = %v", err)
	}
}

func TestUploadBackground(t *testing.T) {
	var sent []string
	bot := newClient(t, func(req *http.Request) answer {
		sent = append(sent, written(t, req))
		if req.Method == http.MethodPost && len(sent) > 2 {
			return answer{status: 403, body: `{"code":403,"data":{"details":{"message":"not your room"}}}`}
		}
		return ok(`{"_id":"65a1f0c2d4e8b90012ab34cd","name":"Night Room","roomUrl":"night-room"}`)
	})
	room, err := bot.FetchRoom(t.Context(), "night-room")
	if err != nil {
		t.Fatal(err)
	}
	if err := room.UploadBackground(t.Context(), "night.png", strings.NewReader(png)); err != nil {
		t.Error(err)
	}
	expect(t, "sent", sent, []string{"GET /room/night-room", "POST /room/65a1f0c2d4e8b90012ab34cd/image file room_bg night.png image/png " + png})
	if err := room.UploadBackground(t.Context(), "night.png", strings.NewReader(png)); !errors.Is(err, client.ErrForbidden) || !strings.Contains(err.Error(), "not your room") {
		t.Errorf("a refusal is %v", err)
	}
	sent = nil
	for argument, err := range map[string]error{
		"name":    room.UploadBackground(t.Context(), "", strings.NewReader(png)),
		"picture": room.UploadBackground(t.Context(), "night.png", strings.NewReader(png+strings.Repeat("x", 2<<20))),
	} {
		if wrong, is := errors.AsType[*client.ArgumentError](err); !is || wrong.Argument != argument {
			t.Errorf("err = %v, want one about %s", err, argument)
		}
	}
	expect(t, "sent", sent, nil)
}

// The largest picture that is sent is 2 MiB behind a room, and 10 MiB of a user, to the byte. What is sent is all of it.
func TestUpload_sizes(t *testing.T) {
	sent := 0
	bot := newClient(t, func(req *http.Request) answer {
		if a, found := account(req); found {
			return a
		}
		if req.Method == http.MethodGet {
			return ok(`{"_id":"65a1f0c2d4e8b90012ab34cd","name":"Night Room","roomUrl":"night-room"}`)
		}
		sent = strings.Count(written(t, req), "x")
		return ok(`{}`)
	})
	me := login(t, bot)
	room, err := bot.FetchRoom(t.Context(), "night-room")
	if err != nil {
		t.Fatal(err)
	}
	picture := func(size int) *strings.Reader { return strings.NewReader(png + strings.Repeat("x", size-len(png))) }
	for _, upload := range []struct {
		name, limit string
		most        int
		send        func(size int) error
	}{
		{"UploadBackground", "2 MiB", 2 << 20, func(size int) error {
			return room.UploadBackground(t.Context(), "night.png", picture(size))
		}},
		{"UploadAvatar", "10 MiB", 10 << 20, func(size int) error {
			_, err := me.UploadAvatar(t.Context(), "me.png", picture(size))
			return err
		}},
	} {
		sent = 0
		if err := upload.send(upload.most); err != nil || sent < upload.most-len(png) {
			t.Errorf("%s of %s: %v, with %d bytes sent", upload.name, upload.limit, err, sent)
		}
		sent = 0
		err := upload.send(upload.most + 1)
		wrong, is := errors.AsType[*client.ArgumentError](err)
		if !is || wrong.Argument != "picture" || wrong.Reason != "is larger than "+upload.limit || sent != 0 {
			t.Errorf("%s of a byte more than %s: %v, with %d bytes sent", upload.name, upload.limit, err, sent)
		}
	}
}
