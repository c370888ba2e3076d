package client_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/queup-go/queup/client"
)

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
