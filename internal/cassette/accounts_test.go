package cassette_test

import (
	"net/http"
	"testing"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	login := func(contentType, body string) vcr.Request {
		return vcr.Request{Method: "POST", URL: "https://api.queup.net/auth/login", Headers: http.Header{"Content-Type": {contentType}}, Body: body}
	}
	get := func(header, value string) vcr.Request {
		return vcr.Request{Method: "GET", URL: "https://api.queup.net/auth/session", Headers: http.Header{header: {value}}}
	}
	const form = "application/x-www-form-urlencoded"
	a := cassette.NewAccounts()
	a.Learn(login(form, "username=Bot&password=x"), vcr.Response{Headers: http.Header{"Set-Cookie": {"connect.sid=one; Path=/", "gone=; Path=/"}}})
	a.Learn(login("application/json", `{"email":"mod@example.org","password":"x"}`), vcr.Response{Headers: http.Header{"Set-Cookie": {"connect.sid=two"}}})
	a.Learn(get("Cookie", "connect.sid=one"), vcr.Response{Headers: http.Header{"Set-Cookie": {"connect.sid=three"}}})
	for want, requests := range map[string][]vcr.Request{
		"login bot":               {login(form, "username=bot&password=y"), get("Cookie", "x=1; connect.sid=one"), get("Cookie", "connect.sid=three")},
		"login mod@example.org":   {get("Cookie", "connect.sid=two")},
		"cookie connect.sid=four": {get("Cookie", "connect.sid=four")},
		"Authorization Bearer x":  {get("Authorization", "Bearer x")},
		"":                        {get("Accept", "*/*"), get("Cookie", "connect.sid="), login(form, "%zz"), login("application/json", "{")},
	} {
		for _, r := range requests {
			if got := a.Of(r); got != want {
				t.Errorf("%s %v %s belongs to %q, want %q", r.URL, r.Headers, r.Body, got, want)
			}
		}
	}
}

// The marks of logins are in a recording only if it has several accounts, and hold one byte.
func TestSeal_marksLogins(t *testing.T) {
	t.Parallel()
	tape := func(names ...string) *cassette.Tape {
		raw := &cassette.Tape{Header: cassette.Header{Source: cassette.SourceTest}}
		for i, name := range names {
			raw.HTTP = append(raw.HTTP, &cassette.Exchange{Order: i + 1, Interaction: &vcr.Interaction{
				Request:  vcr.Request{Method: "POST", URL: "https://api.queup.net/auth/login", Headers: http.Header{"Content-Type": {"application/json"}}, Body: `{"username":"` + name + `","password":"hunter22"}`},
				Response: vcr.Response{Code: 200, Headers: http.Header{}, Body: `{}`},
			}})
		}
		sealed, err := cassette.Seal(raw, cassette.NewRedactor(cassette.Rules{}))
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	for _, e := range tape("bot", "BOT").HTTP {
		if e.Marked("bot") || len(e.Response.Headers) != 0 {
			t.Errorf("the only account is marked: %v", e.Response.Headers)
		}
	}
	found := 0
	for _, e := range tape("bot", "mod").HTTP {
		if mark := e.Response.Headers.Get("Cassette-Account"); len(mark) != 2 {
			t.Errorf("the mark is %q", mark)
		}
		if e.Marked("Bot") {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d logins are marked as that of the bot", found)
	}
}
