package cassette_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/cassette"
)

// The fixed words of the protocol stay, whatever the secrets are.
func TestSeal_neverRewritesTheProtocol(t *testing.T) {
	t.Parallel()
	const (
		answer = `{"code":200,"message":"OK","data":{"type":"youtube","details":{"message":"a message of data"},"users":["message"]}}`
		event  = `4{"action":15,"channel":"room:65a1f0c2d4e8b90000000001","message":{"name":"chat-message","type":"json","data":"{\"type\":\"chat-message\",\"message\":\"hi\"}"}}`
		suffix = `4{"action":15,"channel":"user:65b2a1c0d4e8b90000000002","message":{"name":"user_update_65b2a1c0d4e8b90000000002","type":"json","data":"{}"}}`
		attach = `4{"action":10,"channel":"room:65a1f0c2d4e8b90000000001","reqId":"1"}`
		greet  = `0{"sid":"x","upgrades":["websocket"],"pingInterval":25000}`
	)
	for _, word := range []string{
		"message", "data", "name", "code", "type", "user", "users", "room", "chat", "chat-message", "user_update", "channel", "action", "login", "auth",
		"session", "password", "username", "json", "application", "youtube", "websocket", "access_token", "redacted", "interactions", "queup", "Content-Type",
	} {
		for kind, made := range map[string]struct {
			rules cassette.Rules
			pass  string
			who   string
		}{
			"password": {pass: word, who: "x"},
			"member":   {rules: cassette.Rules{Anonymous: true}, pass: "hunter2-Secret", who: word},
			"extra":    {rules: cassette.Rules{Secrets: []string{word}}, pass: "hunter2-Secret", who: "x"},
		} {
			t.Run(kind+" "+word, func(t *testing.T) {
				t.Parallel()
				raw := one("POST", login, form, "username=bot&password="+made.pass, answer)
				for _, more := range []*cassette.Tape{
					one("GET", "https://api.queup.net/auth/session", "", "", `{"code":200,"data":{"_id":"65b2a1c0d4e8b90000000009","username":"`+made.who+`"}}`),
					one("POST", "https://api.queup.net/chat/65a1f0c2d4e8b90000000001", js, `{"type":"chat-message","message":"hello","time":1}`, answer),
					one("GET", "https://api.queup.net/room/65a1f0c2d4e8b90000000001/users", "", "", answer),
				} {
					more.HTTP[0].Order = len(raw.HTTP) + 1
					raw.HTTP = append(raw.HTTP, more.HTTP[0])
				}
				raw.Socket = frames(greet, attach, event, suffix).Socket
				clean, err := cassette.Seal(raw, cassette.NewRedactor(made.rules))
				if err != nil {
					t.Fatal(err)
				}
				text := ""
				for _, e := range clean.HTTP {
					text += e.Request.Method + " " + e.Request.URL + " " + e.Request.Headers.Get("Content-Type") + "\n" + e.Request.Body + "\n" + e.Response.Headers.Get("Content-Type") + e.Response.Body + "\n"
				}
				for _, r := range clean.Socket {
					text += r.URL + string(r.Data) + "\n"
				}
				for _, kept := range []string{
					"POST https://api.queup.net/auth/login application/x-www-form-urlencoded\nusername=redacted-login-1&password=redacted-password-1\napplication/json",
					`{"code":200,"message":"OK","data":{"type":"youtube","details":{"message":"a `, "GET https://api.queup.net/auth/session \n",
					`{"type":"chat-message","message":"hello","time":1}`, "POST https://api.queup.net/chat/65a1f0c2d4e8b90000000001 application/json\n",
					"GET https://api.queup.net/room/65a1f0c2d4e8b90000000001/users \n", "access_token=redacted-token-", greet, attach, event, suffix,
				} {
					if !strings.Contains(text, kept) {
						t.Errorf("%q is not in\n%s", kept, text)
					}
				}
				if word == "message" && strings.Contains(text, "a message of data") {
					t.Errorf("the text of others keeps the secret:\n%s", text)
				}
			})
		}
	}
}

// Where a secret may as well be a part of the protocol, the recording is refused.
func TestSeal_refusesWhatCannotBeToldApart(t *testing.T) {
	t.Parallel()
	person := `{"_id":"65b2a1c0d4e8b90000000009","username":"fancy","fancy":1}`
	for name, test := range map[string]struct {
		raw   *cassette.Tape
		rules cassette.Rules
		want  []string
	}{
		"a field":         {raw: one("POST", login, form, "password=fancy", `{"fancy":1}`), want: []string{"interaction 0", "password", "name of a field", "use another one"}},
		"a field, person": {raw: one("GET", other, "", "", person), rules: cassette.Rules{Anonymous: true}, want: []string{"member", "name of a field", "leave this person out"}},
		"a path": {
			raw: one("POST", "https://bots.example/hook/message", form, "password=message", `{}`), want: []string{"password", "path of a request"},
		},
		"a form": {raw: one("POST", login, form, "password=fancy&fancy=1", `{}`), want: []string{"name of a field"}},
		"a word of the protocol, in base64": {
			raw: one("POST", login, form, "password=playlistid", `{"x":"cGxheWxpc3RpZA=="}`), want: []string{"interaction 0", "a secret (password) is still in it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := cassette.Seal(test.raw, cassette.NewRedactor(test.rules))
			if _, ok := errors.AsType[*cassette.LeakError](err); !ok {
				t.Fatalf("not refused: %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "fancy") {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
}

// The login is the same, whether the account is among the people that are made anonymous or not.
func TestSeal_anonymousKeepsTheLogin(t *testing.T) {
	t.Parallel()
	raw := one("POST", login, form, "username=bot&password=hunter2-Secret", `{"data":{}}`)
	second := one("GET", "https://api.queup.net/auth/session", "", "", `{"data":{"_id":"65b2a1c0d4e8b90000000002","username":"bot"}}`)
	second.HTTP[0].Order = 2
	raw.HTTP = append(raw.HTTP, second.HTTP[0])
	clean, err := cassette.Seal(raw, cassette.NewRedactor(cassette.Rules{Anonymous: true}))
	if err != nil {
		t.Fatal(err)
	}
	rec := clean.HTTP
	recorded, err := cassette.Identify(rec[1].Request)
	if err != nil {
		t.Fatal(err)
	}
	played, err := cassette.Identify(cassette.NewRedactor(cassette.Rules{Anonymous: true}).Request(raw.HTTP[0].Request))
	if err != nil {
		t.Fatal(err)
	}
	if recorded.Key() != played.Key() {
		t.Errorf("recorded\n%s\nplayed\n%s", recorded.Key(), played.Key())
	}
	if !strings.Contains(rec[0].Response.Body, `"username":"member-1"`) {
		t.Errorf("the session is %s", rec[0].Response.Body)
	}
}
