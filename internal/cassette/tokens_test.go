package cassette_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/cassette"
)

const parts = "multipart/form-data; boundary=bbb"

// part is a body of one part.
func part(head, value string) string {
	return "--bbb\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + value + "\r\n--bbb--\r\n"
}

// Made-up tokens in the forms of services. They are put together here, so that no scanner takes this file for a leak.
var (
	stripe  = "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc"
	github  = "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a"
	google  = "AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"
	slack   = "xoxb" + "-123456789012-abcdefABCDEF"
	longHex = "9f86d081884c7d659a2feaa0c55ad015"
)

const canary = "Qz7xTr4nG9"

func TestSeal_takesOutMoreSecrets(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw    *cassette.Tape
		secret string
	}{
		"multipart password":              {one("POST", login, parts, part(`name="password"`, canary), "{}"), canary},
		"multipart password beside bytes": {one("POST", login, parts, strings.Replace(part(`name="password"`, canary), "--bbb--", part(`name="image"; filename="x.png"`, "\x89PNG\xff"), 1), "{}"), canary},
		"multipart JSON":                  {one("POST", login, parts, part(`name="x"`, `{"pwd":"`+canary+`"}`), "{}"), canary},
		"password in password":            {one("PUT", other, js, `{"password":{"new":"`+canary+`","old":["x"]}}`, "{}"), canary},
		"password as a nested number":     {one("PUT", other, js, `{"password":{"new":48151623}}`, "{}"), "48151623"},
		"token in token":                  {one("GET", other, "", "", `{"auth_token":{"value":"`+canary+`"}}`), canary},
		"path of Discord":                 {one("POST", "https://discord.com/api/webhooks/1234567890/abcDEF123456_-abcDEF123456", js, `{}`, "{}"), "abcDEF123456_-abcDEF123456"},
		"path of Slack":                   {one("POST", "https://hooks.slack.com/services/T00000001/B00000001/XXabcd1234efgh5678IJKL90", js, `{}`, "{}"), "XXabcd1234efgh5678IJKL90"},
		"path of Telegram":                {one("GET", "https://api.telegram.org/bot123456789:AAabcdefghijklmnopqrstuvwxyz012345/getMe", "", "", "{}"), "AAabcdefghijklmnopqrstuvwxyz012345"},
		"path of a webhook, in chat":      {frames(`4{"action":15,"message":{"data":"{\"message\":\"see https://x.example/my-webhook/abcDEF1234567890\"}"}}`), "abcDEF1234567890"},
		"key of another service":          {one("GET", "https://www.googleapis.com/youtube/v3/videos?id=x&key="+canary, "", "", "{}"), canary},
		"key of another service, in text": {one("GET", other, "", "", `{"x":"see https://maps.example/a?x=1&key=`+canary+`."}`), canary},
		"short address of version 6":      {one("GET", other, "", "", `{"ip":"2a01::7"}`), "2a01::7"},
		"mapped address":                  {one("GET", other, "", "", `{"ip":"::ffff:203.0.113.9"}`), "203.0.113.9"},
		"CSRF in HTML":                    {one("GET", other, "", "", `<input type="hidden" name="_csrf" value="`+canary+`">`), canary},
		"CSRF in a meta element":          {one("GET", other, "", "", `<meta name="csrf-token" content="`+canary+`">`), canary},
		"Stripe":                          {one("GET", other, "", "", `{"x":"`+stripe+`"}`), stripe},
		"GitHub":                          {one("GET", other, "", "", `say `+github), github},
		"Google":                          {frames("4 " + google), google},
		"Slack":                           {frames("4 " + slack), slack},
		"long hex":                        {one("GET", other, "", "", `{"x":"`+longHex+`"}`), longHex},
	}
	for _, name := range []string{
		"refreshToken", "refresh_token", "authToken", "sessionId", "session_id", "pass", "pwd", "csrf", "_csrf", "csrfToken", "csrf-token", "xsrf_token", "apiKey", "newPassword", "clientSecret",
	} {
		tests["JSON "+name] = struct {
			raw    *cassette.Tape
			secret string
		}{one("POST", other, js, `{"`+name+`":"`+canary+`"}`, "{}"), canary}
		tests["form "+name] = struct {
			raw    *cassette.Tape
			secret string
		}{one("POST", other, form, "a=b&"+name+"="+canary, "{}"), canary}
		tests["query "+name] = struct {
			raw    *cassette.Tape
			secret string
		}{one("GET", other+"?"+name+"="+canary, "", "", "{}"), canary}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Such a recording, made by something that has left the secret in, is reported.
			dir := t.TempDir()
			if err := writeRaw(dir, test.raw); err != nil {
				t.Fatal(err)
			}
			if found, err := cassette.Lint(dir, "raw"); err != nil || len(found) == 0 {
				t.Errorf("lint reports nothing: %v", err)
			}
			clean, err := cassette.Seal(test.raw, cassette.NewRedactor(cassette.Rules{}))
			if err != nil {
				t.Fatal(err)
			}
			http, socket, err := clean.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if text := string(http) + string(socket); strings.Contains(text, test.secret) {
				t.Errorf("%q survives:\n%s", test.secret, text)
			}
			// What was sealed is accepted.
			if err := cassette.Write(dir, "clean", clean); err != nil {
				t.Fatal(err)
			}
			if found, err := cassette.Lint(dir, "clean"); err != nil || len(found) > 0 {
				t.Errorf("lint reports %v, %v in\n%s%s", found, err, http, socket)
			}
		})
	}
}

// What only looks like a secret stays.
func TestSeal_leavesVersionsAndIDs(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"version":"1.2.3.4","appVersion":"10.20.30.40"}`,
		`{"x":"version 1.2.3.4 of it","y":"Version: 1.2.3.4","z":"lib/1.2.3.4","w":"release 1.2.3.4","v":"v1.2.3.4","u":"1.2.3.4-beta"}`,
		`{"a":"std::list","b":"a::b","c":"face::off","d":"12:30:45","e":"::"}`,
		`{"etag":"` + longHex + `","_id":"65b2a1c0d4e8b90000000002","zeros":"00000000000000000000000000000000"}`,
		`{"reqId":"` + longHex + `","clientId":"` + longHex + `","channel":"user:` + longHex + `"}`,
		`{"nextPageToken":"abcdef","tokens":3,"passed":"yes","compass":"north","key":"profile/abc","passenger":"bob"}`,
		`{"url":"https://api.queup.net/room?page=2","hook":"a hook/line","sk":"sk-8","x":"ghp_"}`,
	} {
		clean, err := cassette.Seal(one("GET", other, "", "", body), cassette.NewRedactor(cassette.Rules{}))
		if err != nil {
			t.Fatal(err)
		}
		if got := clean.HTTP[0].Response.Body; got != body {
			t.Errorf("%s\nbecame\n%s", body, got)
		}
	}
}

// writeRaw writes a tape with its secrets, which Write refuses to do.
func writeRaw(dir string, t *cassette.Tape) error {
	http, socket, err := t.Encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "raw"+cassette.HTTPSuffix), http, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "raw"+cassette.SocketSuffix), socket, 0o600)
}
