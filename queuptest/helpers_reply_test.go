package queuptest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// The shapes of data in errors, see docs/PROTOCOL.md 1.3.
type shape string

const (
	shapeE1 shape = "E1"
	shapeE2 shape = "E2"
	shapeE5 shape = "E5"
)

// refused fails unless the answer is an error of that status and shape with that text.
func (r reply) refused(tb testing.TB, status int, s shape, why string) {
	tb.Helper()
	var want string
	switch s {
	case shapeE1:
		want = fmt.Sprintf(`{"err":{"details":{"code":%d,"message":%q},"origin":"method"}}`, status, why)
	case shapeE2:
		want = fmt.Sprintf(`{"details":{"message":%q}}`, why)
	case shapeE5:
		want = fmt.Sprintf(`{"err":{"message":%q}}`, why)
	}
	if r.Status != status || string(r.data(tb)) != want {
		tb.Errorf("got  %d %s\nwant %d %s", r.Status, r.Body, status, want)
	}
}

// done fails unless the answer is a 200 without data.
func (r reply) done(tb testing.TB) {
	tb.Helper()
	if r.Status != http.StatusOK || string(r.data(tb)) != `{}` {
		tb.Fatalf("got %d %s, want 200 {}", r.Status, r.Body)
	}
}

// put sends a form with PUT.
func (b *browser) put(path string, form url.Values) reply {
	b.tb.Helper()
	return b.send(http.MethodPut, path, "application/x-www-form-urlencoded", form.Encode())
}

// listenOwn opens a websocket and attaches it to the account's own channel.
func (b *browser) listenOwn() *socket {
	b.tb.Helper()
	s := b.open()
	s.ask(`{"action":10,"channel":"user:` + string(b.me().ID) + `"}`)
	if f := s.frame(); f.Action != realtime.ActionAttached {
		b.tb.Fatalf("answer to attach is %v (%s)", f.Action, f.Error)
	}
	return s
}

// me is the account that is logged in.
func (b *browser) me() wire.User {
	b.tb.Helper()
	return as[wire.User](b.tb, b.get("/auth/session"))
}

// userID is the id of somebody.
func userID(b *browser, name string) string {
	b.tb.Helper()
	return string(as[wire.User](b.tb, b.get("/user/"+name)).ID)
}
