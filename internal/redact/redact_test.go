package redact_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/printable"
	"github.com/queup-go/queup/internal/redact"
)

func TestText_masksEveryKnownShape(t *testing.T) {
	const secret = "hunter2-Secret"
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJjbGllbnRJZCI6IjEifQ.c2lnbmF0dXJl"
	tests := map[string]string{
		"password in JSON":       `{"username":"bot","password":"` + secret + `"}`,
		"escaped quote in JSON":  `{"password":"a\"` + secret + `"}`,
		"room password in JSON":  `{"roomPassword": "` + secret + `"}`,
		"password in a form":     `username=bot&password=` + secret + `&x=1`,
		"room password in form":  `password-room=` + secret,
		"token in a URL":         `wss://ws.queup.net/ws/?connect=1&access_token=` + secret + `&EIO=3`,
		"token answer":           `{"action":17,"token":"` + token + `"}`,
		"bare token":             `the token ` + token + ` was refused`,
		"cookie header":          "Cookie: connect.sid=" + secret,
		"set-cookie header":      "Set-Cookie: sid=" + secret + "; Path=/",
		"cookie in running text": "got connect.sid=" + secret + "; again",
		"authorization header":   "Authorization: Bearer " + secret,
		"websocket host header":  "X-Access-Token: " + secret,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			got := redact.Text(text)
			if strings.Contains(got, secret) || strings.Contains(got, token) {
				t.Errorf("secret survives: %s", got)
			}
			if !strings.Contains(got, redact.Mask) {
				t.Errorf("no mask in %s", got)
			}
		})
	}
}

func TestText_leavesTheRest(t *testing.T) {
	for _, text := range []string{
		`{"code":404,"message":"Room not found"}`,
		`password-protected rooms exist`,
		`username=bot&x=1`,
	} {
		if got := redact.Text(text); got != text {
			t.Errorf("Text(%q) = %q", text, got)
		}
	}
}

func TestSecret_printsAsMask(t *testing.T) {
	secret := redact.New("hunter2-Secret")
	holder := struct{ Password redact.Secret }{secret}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "password", secret, "holder", holder)
	marshalled, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%s %q %v %+v %#v %x", secret, secret, secret, secret, secret, secret),
		fmt.Sprintf("%v %+v %#v", holder, holder, holder), log.String(), string(marshalled),
	} {
		if strings.Contains(out, "hunter2") || strings.Contains(out, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("secret printed: %s", out)
		}
	}
	if secret.Reveal() != "hunter2-Secret" {
		t.Error("Reveal does not give the secret")
	}
}

func TestEach_findsWhatTextMasks(t *testing.T) {
	const text = `{"token":"tok-123456"} and password=hunter2&x=1`
	var found []string
	redact.Each(text, func(start, end int) { found = append(found, text[start:end]) })
	if len(found) != 2 || found[0] != "tok-123456" || found[1] != "hunter2" {
		t.Errorf("found %q", found)
	}
	redact.Each("nothing to see", func(int, int) { t.Error("found something") })
}

// A secret that is an ordinary word or number is masked as a value, and left alone in prose.
func TestKnown_masksOrdinaryWordsOnlyAsValues(t *testing.T) {
	for _, c := range []struct{ secret, text, want string }{
		{"queup", "queup: no such room", "queup: no such room"},
		{"Found", "404 Not Found", "404 Not Found"},
		{"user", `{"user":"user"}`, `{"user":"***"}`},
		{"user", `{\"user\":\"user\"}`, `{\"user\":\"***\"}`},
		{"letmein", "x=letmein&y=1", "x=***&y=1"},
		{"letmein", "the password letmein is wrong", "the password *** is wrong"},
		{"letmein", "wrong Password: 'letmein'", "wrong Password: '***'"},
		{"2026", "since 2026, code=2026", "since 2026, code=***"},
		{"hunter2", "hunter2 is wrong", "*** is wrong"},
		{"hUnTeRx", "hUnTeRx is wrong", "*** is wrong"},
		{"20261130", "since 20261130", "since ***"},
		{"correcthorsebattery", "correcthorsebattery is wrong", "*** is wrong"},
		{"not found", "404 not found", "404 ***"},
		{"abc", `"abc"`, `"abc"`},
	} {
		var known redact.Known
		known.Learn("password", redact.New(c.secret))
		if got := known.Text(c.text); got != c.want {
			t.Errorf("with the secret %q, Text(%q) = %q, want %q", c.secret, c.text, got, c.want)
		}
	}
}

// An error escapes control characters in quoted text. A secret that has some is found all the same.
func TestKnown_findsWhatWasEscaped(t *testing.T) {
	const secret = "hun\x1bter\u202e\u009b2000"
	var known redact.Known
	known.Learn("password", redact.New(secret))
	for _, text := range []string{secret, printable.Text(secret), "dial: " + printable.Text("no host "+secret+"\n")} {
		if err := known.Error(errors.New(text)); strings.Contains(err.Error(), "2000") || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%q is printed as %q", text, err)
		}
	}
	if err := known.Error(errors.New("the password=hunter2000\x1b]52")); strings.ContainsRune(err.Error(), '\x1b') {
		t.Errorf("a masked error prints %q", err)
	}
}
