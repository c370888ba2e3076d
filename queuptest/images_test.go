package queuptest_test

import (
	"bytes"
	"encoding/base64"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/queuptest"
)

// The beginnings of files.
const (
	pngFile = "\x89PNG\x0D\x0A\x1A\x0A"
	gifFile = "GIF89a"
	jpgFile = "\xFF\xD8\xFF"
	bmpFile = "BM"
)

// upload sends a file as a field of a form.
func (b *browser) upload(path, field, content string) reply {
	b.tb.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	file, err := w.CreateFormFile(field, "picture")
	if err != nil {
		b.tb.Fatal(err)
	}
	_, _ = file.Write([]byte(content)) // to memory
	if err := w.Close(); err != nil {
		b.tb.Fatal(err)
	}
	return b.send(http.MethodPost, path, w.FormDataContentType(), body.String())
}

// leads returns where a redirect leads.
func (r reply) leads(tb testing.TB) string {
	tb.Helper()
	if r.Status != http.StatusFound {
		tb.Fatalf("%d %s", r.Status, r.Body)
	}
	return r.Header.Get("Location")
}

// A new avatar shows in the profile and in the redirects, and the rooms where its owner is hear of it.
func TestUserImage(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, bot, listener := login(t, srv, "alice"), login(t, srv, "bot"), newBrowser(t, srv).listen()
	path := "/user/" + userID(alice, "alice") + "/image"
	if got := alice.get(path).leads(t); got != "https://queup.test/image/user.png" {
		t.Errorf("without a picture: %s", got)
	}
	before := ""
	for i, c := range []struct{ file, format string }{{pngFile, "png"}, {gifFile, "gif"}, {jpgFile, "jpg"}, {bmpFile, "bmp"}} {
		u := as[wire.User](t, alice.upload("/user/image", "image", c.file))
		image := u.ProfileImage
		if u.Username != "alice" || image.Format != c.format || image.Bytes != int64(len(c.file)) || image.Version == before ||
			!strings.HasPrefix(image.URL, "http://queup.test/image/") || !strings.HasSuffix(image.SecureURL, "."+c.format) {
			t.Errorf("picture %d is %+v", i, image)
		}
		e := event[*wire.UserImageUpdate](listener)
		if e.User.ID != u.ID || cmp.Diff(image, e.Image) != "" {
			t.Errorf("event is %s", e.Raw)
		}
		if got := newBrowser(t, srv).get(path + "?v=" + image.Version).leads(t); got != image.SecureURL {
			t.Errorf("redirect to %s", got)
		}
		if got := alice.get(path + "/large?lastmod=1").leads(t); got != image.SecureURL+"?size=large" {
			t.Errorf("redirect to the large one: %s", got)
		}
		for _, from := range []string{"/user/alice", "/auth/session"} {
			if d := cmp.Diff(image, as[wire.User](t, alice.get(from)).ProfileImage); d != "" {
				t.Errorf("%s (-want +got):\n%s", from, d)
			}
		}
		before = image.Version
	}
	as[wire.User](t, bot.upload("/user/image", "image", pngFile)) // who is in no room
	listener.silent()
}

// The event has the id of the account in its name, in both worlds: it is the website that knows it under another name.
func TestUserImage_namesTheAccountInTheEvent(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]queuptest.Option{"fixed roles": {queuptest.ClassicRoles()}, "custom roles": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, opts...)
			alice, listener := login(t, srv, "alice"), newBrowser(t, srv).listen()
			u := as[wire.User](t, alice.upload("/user/image", "image", pngFile))
			e := event[*wire.UserImageUpdate](listener)
			if e.Subject != u.ID || e.User.ID != u.ID || e.Name != "user-update-"+string(u.ID) || cmp.Diff(u.ProfileImage, e.Image) != "" {
				t.Errorf("event is %s", e.Raw)
			}
		})
	}
}

func TestUserGIF(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, listener := login(t, srv, "alice"), newBrowser(t, srv).listen()
	form := func(file, kind string) url.Values {
		return url.Values{"image": {base64.StdEncoding.EncodeToString([]byte(file))}, "type": {kind}}
	}
	u := as[wire.User](t, alice.post("/user/imagegif", form(gifFile, "base64")))
	if u.ProfileImage.Format != "gif" || u.ProfileImage.URL == "" {
		t.Errorf("picture is %+v", u.ProfileImage)
	}
	if e := event[*wire.UserImageUpdate](listener); e.User.Username != "alice" || e.Image.Version != u.ProfileImage.Version {
		t.Errorf("event is %s", e.Raw)
	}
	for _, bad := range []url.Values{form(pngFile, "base64"), form(gifFile, "file"), {"image": {"%"}, "type": {"base64"}}} {
		alice.post("/user/imagegif", bad).refused(t, 400, shapeE2, "The file is not a GIF")
	}
	listener.silent()
}

func TestUserImage_refusals(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	alice.upload("/user/image", "image", "text").refused(t, 400, shapeE2, "The file is not a picture")
	alice.upload("/user/image", "image", pngFile+strings.Repeat("x", 2<<20)).refused(t, 400, shapeE2, "The file is larger than 2 MB")
	if got := alice.upload("/user/image", "other", pngFile); got.Status != http.StatusBadRequest {
		t.Errorf("in the wrong field: %d %s", got.Status, got.Body)
	}
	if got := alice.upload("/user/image", "image", pngFile+strings.Repeat("x", 4<<20)); got.Status != http.StatusBadRequest {
		t.Errorf("far too much: %d %s", got.Status, got.Body)
	}
	if me := alice.me(); !me.ProfileImage.IsZero() {
		t.Errorf("the picture is %+v", me.ProfileImage)
	}
	for _, path := range []string{"/image", "/image/large"} {
		alice.get("/user/65b2a1c0d4e8b900ffffffff"+path).refused(t, 404, shapeE1, "User not found")
	}
}

// A new background shows in the room and in the redirects, and the room hears of it.
func TestRoomImage(t *testing.T) {
	t.Parallel()
	srv := start(t)
	owner, bot, listener := login(t, srv, "owner"), login(t, srv, "bot"), newBrowser(t, srv).listen()
	path := "/room/" + srv.Room("lounge").ID() + "/image"
	for suffix, want := range map[string]string{
		"": "https://queup.test/image/room.png", "/thumbnail": "https://queup.test/image/room.png?size=thumbnail",
		"/thumbnail-small": "https://queup.test/image/room.png?size=thumbnail-small",
	} {
		if got := newBrowser(t, srv).get(path + suffix).leads(t); got != want {
			t.Errorf("%s leads to %s", suffix, got)
		}
	}
	bot.upload(path, "room_bg", pngFile).refused(t, 401, shapeE2, "Only the owner may change the picture")
	owner.upload(path, "room_bg", "text").refused(t, 400, shapeE2, "The file is not a picture")
	owner.upload(path, "room_bg", jpgFile+strings.Repeat("x", 2<<20)).refused(t, 400, shapeE2, "The file is larger than 2 MB")
	owner.upload("/room/nowhere/image", "room_bg", pngFile).refused(t, 404, shapeE1, "Room not found")
	listener.silent()
	owner.upload(path, "room_bg", jpgFile+strings.Repeat("x", 2<<20-3)).done(t)
	e := event[*wire.RoomUpdate](listener)
	if string(e.Room.ID) != srv.Room("lounge").ID() || e.Room.Name != "The Lounge" || e.Room.Background.Format != "jpg" || e.PasswordUpdated {
		t.Errorf("event is %s", e.Raw)
	}
	if got := as[wire.Room](t, bot.get("/room/lounge")).Background; got.Bytes != 2<<20 || got.SecureURL != e.Room.Background.SecureURL {
		t.Errorf("background is %+v", got)
	}
	if got := bot.get(path + "?v=1").leads(t); got != e.Room.Background.SecureURL {
		t.Errorf("redirect to %s", got)
	}
	if got := bot.get(path + "/thumbnail").leads(t); got != e.Room.Background.SecureURL+"?size=thumbnail" {
		t.Errorf("redirect to %s", got)
	}
	for _, suffix := range []string{"", "/thumbnail", "/thumbnail-small"} {
		bot.get("/room/nowhere/image"+suffix).refused(t, 404, shapeE1, "Room not found")
	}
}
