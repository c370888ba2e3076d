package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/testkit/scenario"
	"github.com/queup-go/queup/queuptest"
)

// TestMain leads to the folder of the module, where make and people call record.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// call runs record as a terminal-less program, with a clean environment.
func call(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(name string) string { return env[name] }}
	code = p.run(t.Context(), args)
	return code, out.String(), errs.String()
}

func TestRun_statuses(t *testing.T) {
	t.Parallel()
	account := map[string]string{"QUEUP_EMAIL": "me@example.com", "QUEUP_PASSWORD": "hunter22", "QUEUP_ROOM": "lounge"}
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		code int
		says string // on either stream
	}{
		{"nothing", nil, nil, 2, "usage: record command"},
		{"help", []string{"help"}, nil, 0, "import-har"},
		{"no command", []string{"play"}, nil, 2, `there is no command "play"`},
		{"usage", []string{"lint", "-h"}, nil, 0, "usage: record lint"},
		{"no flag", []string{"show", "-nope"}, nil, 2, "flag provided but not defined"},
		{"show what", []string{"show"}, nil, 2, "which cassette?"},
		{"show nothing", []string{"show", "nosuch"}, nil, 1, "there is no cassette nosuch: it would be nosuch.http.yaml and nosuch.ws.jsonl"},
		{"show", []string{"show", "login-bad"}, nil, 0, "POST /auth/login 400"},
		{"show a path", []string{"show", "-width", "20", "cassettes/testdata/join.ws.jsonl"}, nil, 0, "source queuptest"},
		{"show half, HTTP", []string{"show", "-half", "cassettes/testdata/login-bad.http.yaml"}, nil, 0, "POST /auth/login 400\n     > password"},
		{"show half, websocket", []string{"show", "-half", "cassettes/testdata/join.ws.jsonl"}, nil, 0, "#1 open"},
		{"show half of nothing", []string{"show", "-half", "nosuch.http.yaml"}, nil, 1, "nosuch.http.yaml"},
		{"diff one", []string{"diff", "join"}, nil, 2, "it takes two cassettes"},
		{"diff of the same", []string{"diff", "join", "cassettes/testdata/join"}, nil, 0, ""},
		{"diff", []string{"diff", "login-bad", "login-good"}, nil, 1, "- POST /auth/login 400"},
		{"stat", []string{"stat", "busy"}, nil, 0, "of 38 kinds"},
		{"stat as JSON", []string{"stat", "-json", "busy"}, nil, 0, `"user-kick":1`},
		{"stat of nothing", []string{"stat", "docs"}, nil, 1, "there are no cassettes below docs"},
		{"lint", []string{"lint"}, nil, 0, "no known secrets"},
		{"lint a cassette", []string{"lint", "join"}, nil, 0, "1 cassette: no known secrets"},
		{"lint a file", []string{"lint", "cassettes/testdata/join.http.yaml"}, nil, 0, "1 cassette: no known secrets"},
		{"lint the other file", []string{"lint", "cassettes/testdata/join.ws.jsonl"}, nil, 0, "1 cassette: no known secrets"},
		{"lint a path", []string{"lint", "cassettes/testdata/join", "cassettes/testdata/busy"}, nil, 0, "2 cassettes: no known secrets"},
		{"lint another file", []string{"lint", "Makefile"}, nil, 1, "Makefile is not a cassette: its name ends with neither .http.yaml nor .ws.jsonl"},
		{"lint nothing", []string{"lint", "nosuch"}, nil, 1, "there is no cassette nosuch: it would be nosuch.http.yaml and nosuch.ws.jsonl"},
		{"lint with a known secret", []string{"lint", "cassettes"}, map[string]string{"QUEUP_PASSWORD": "Paper Lanterns"}, 1, "busy.http.yaml:"},
		{"list", []string{"record", "-list"}, nil, 0, "queuptest, live"},
		{"no scenario", []string{"record", "joyn"}, nil, 2, `there is no scenario "joyn"`},
		{"no source", []string{"record", "-from", "life"}, nil, 2, `the source "life" is neither`},
		{"live without names", []string{"record", "-from", "live"}, account, 2, "name the scenarios"},
		{"live without account", []string{"record", "-from", "live", "join"}, nil, 1, "set QUEUP_EMAIL, QUEUP_PASSWORD and QUEUP_ROOM"},
		{"live with people", []string{"record", "-from", "live", "busy"}, account, 1, "needs people who play their parts"},
		{"live unasked", []string{"record", "-from", "live", "join"}, account, 1, "join: log in; join the room, where everybody sees it; leave the room"},
		{"no HAR", []string{"import-har"}, nil, 2, "it takes one file"},
		{"no such HAR", []string{"import-har", "nosuch.har"}, nil, 1, "nosuch.har"},
		{"a HAR for a name of Windows", []string{"import-har", "-o", "testdata/aux", "Makefile"}, nil, 1, `the name "aux" is not valid`},
		{"a HAR that is none", []string{"import-har", "Makefile"}, nil, 1, "Makefile is no HAR file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := call(t, c.env, c.args...)
			if code != c.code || !strings.Contains(stdout+stderr, c.says) {
				t.Errorf("record %v: status %d, want %d, and %q in\n%s%s", c.args, code, c.code, c.says, stdout, stderr)
			}
			if strings.Contains(stdout+stderr, "hunter22") || strings.Contains(stdout+stderr, "me@example.com") {
				t.Errorf("the account is shown:\n%s%s", stdout, stderr)
			}
			if strings.Contains(stdout+stderr, "\x1b") || strings.Contains(stdout+stderr, "\r") {
				t.Error("it writes for a terminal, and there is none")
			}
		})
	}
}

func TestRun_asksBeforeItActs(t *testing.T) {
	t.Parallel()
	env := map[string]string{"QUEUP_EMAIL": "me@example.com", "QUEUP_PASSWORD": "hunter22", "QUEUP_ROOM": "lounge"}
	var errs bytes.Buffer
	p := &program{
		stdin: strings.NewReader("no\n"), stdout: &bytes.Buffer{}, stderr: &errs, asks: true, progress: true,
		getenv: func(name string) string { return env[name] },
	}
	if code := p.run(t.Context(), []string{"record", "-from", "live", "login-bad"}); code != 1 {
		t.Errorf("status %d", code)
	}
	for _, want := range []string{"try to log in once with a wrong password", "Go on? [y/N]", "nothing was done"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q is not in\n%s", want, errs.String())
		}
	}
}

// Live is in real time; here the service is a QueUp in memory on the loopback.
func TestRecordOne(t *testing.T) {
	t.Parallel()
	server := queuptest.NewServer()
	defer server.Close()
	dir := t.TempDir()
	i := slices.IndexFunc(scenario.All(), func(sc scenario.Scenario) bool { return sc.Name == "history" })
	requests, _, err := recordOne(t.Context(), scenario.All()[i], dir, true, func(opts ...client.Option) *scenario.Stage {
		return scenario.OnServer(server, opts...)
	}, cassettes.RecordInCI())
	if err != nil || requests < 5 {
		t.Fatalf("%d requests, %v", requests, err)
	}
	if code, stdout, stderr := call(t, nil, "lint", dir); code != 0 {
		t.Errorf("lint: %s%s", stdout, stderr)
	}
	text, err := os.ReadFile(filepath.Join(dir, "history.http.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "alice") || !strings.Contains(string(text), "member-") {
		t.Error("people have kept their names")
	}
}

func TestLint_findsWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	copyCassette := func(name string, edit func(http, socket string) (string, string)) {
		t.Helper()
		httpFile, socketFile := cassette.Files(own, "login-good")
		h, err := os.ReadFile(httpFile)
		if err != nil {
			t.Fatal(err)
		}
		s, err := os.ReadFile(socketFile)
		if err != nil {
			t.Fatal(err)
		}
		newHTTP, newSocket := edit(string(h), string(s))
		httpFile, socketFile = cassette.Files(dir, name)
		for file, text := range map[string]string{httpFile: newHTTP, socketFile: newSocket} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	copyCassette("leak", func(h, s string) (string, string) {
		return strings.ReplaceAll(h, "redacted-password-1", "correct-horse"), s
	})
	copyCassette("half", func(h, _ string) (string, string) { return h, "" })
	copyCassette("newer", func(h, s string) (string, string) {
		return h, strings.Replace(s, `"version":"2.0"`, `"version":"9.0"`, 1)
	})
	code, _, stderr := call(t, nil, "lint", dir)
	if code != 1 {
		t.Errorf("status %d", code)
	}
	for _, want := range []string{"leak.http.yaml:", "half: one of its two files is missing", "version 9.0", "5 found in 2 cassettes"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not in\n%s", want, stderr)
		}
	}
	for file, want := range map[string]string{
		"leak.ws.jsonl": "leak.http.yaml:", "half.http.yaml": "half: one of its two files is missing", "newer.http.yaml": "version 9.0",
	} {
		code, _, one := call(t, nil, "lint", filepath.Join(dir, file))
		if code != 1 || !strings.Contains(one, want) {
			t.Errorf("lint %s: status %d, %q is not in\n%s", file, code, want, one)
		}
		stderr += one
	}
	if strings.Contains(stderr, "correct-horse") {
		t.Errorf("the secret is shown:\n%s", stderr)
	}
}

func TestLint_upgrades(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, suffix := range []string{cassette.HTTPSuffix, cassette.SocketSuffix} {
		text, err := os.ReadFile("internal/cassette/testdata/old" + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "old"+suffix), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := call(t, nil, "lint", "-upgrade", dir)
	if code != 0 || !strings.Contains(stdout, "is now 2.0") {
		t.Fatalf("status %d:\n%s%s", code, stdout, stderr)
	}
	now, err := cassette.Read(dir, "old")
	if err != nil || now.Upgrade() {
		t.Errorf("%v, still to be upgraded: %v", err, now.Upgrade())
	}
}

// What is exported and imported again says the same, and can be played.
func TestHAR_roundTrip(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"join", "busy", "reconnect", "login-bad", "session-expiry"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, name+".har")
			if code, _, stderr := call(t, nil, "export-har", "-o", file, name); code != 0 {
				t.Fatal(stderr)
			}
			if har, err := os.ReadFile(file); err != nil || strings.Contains(string(har), "Cassette-") {
				t.Errorf("headers of the recording itself are exported, %v", err)
			}
			code, stdout, stderr := call(t, nil, "import-har", "-hosts", "queup.test", "-o", filepath.Join(dir, "again"), file)
			if code != 0 {
				t.Fatalf("%s%s", stdout, stderr)
			}
			before, err := cassette.Read(own, name)
			if err != nil {
				t.Fatal(err)
			}
			// HAR has no word for the end of a websocket.
			before.Socket = slices.DeleteFunc(before.Socket, func(r *cassette.Record) bool { return !r.Frame() && r.Op != cassette.OpOpen })
			after, err := cassette.Read(dir, "again")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cassette.Diff(before, after); len(diff) > 0 {
				t.Errorf("it says something else (-before +after):\n%s", strings.Join(diff, "\n"))
			}
			waits := func(all *cassette.Tape) (n int) { // for requests that change something: the reads of a browser are its own
				changes := map[int]bool{}
				for _, e := range all.HTTP {
					changes[e.ID] = cassette.Changes(e.Request.Method)
				}
				for _, r := range all.Socket {
					for _, id := range r.After {
						if changes[id] {
							n++
						}
					}
				}
				return n
			}
			if waits(before) != waits(after) {
				t.Errorf("events wait for %d changes, before for %d", waits(after), waits(before))
			}
		})
	}
}

// What Chrome saves has more than what is kept: other hosts, preflights, headers of the browser, forms without text.
func TestHAR_fromChrome(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code, stdout, stderr := call(t, nil, "import-har", "-o", filepath.Join(dir, "room"), "-except", "quietbot", "tools/record/testdata/chrome.har")
	if code != 0 {
		t.Fatalf("%s%s", stdout, stderr)
	}
	got, err := cassette.Read(dir, "room")
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, e := range got.HTTP {
		labels = append(labels, e.Label())
	}
	for _, r := range got.Socket {
		labels = append(labels, r.Label())
	}
	text := strings.Join(labels, "\n")
	for _, want := range []string{"POST /auth/login 200", "GET /auth/session 200", "POST /chat/65a1f0c2d4e8b90012ab34cd 200", "GET /room/night-room other", "101", "> 2probe", "< 14 bytes"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if len(got.HTTP) != 4 || len(got.Socket) != 7 || got.Header.Source != cassette.SourceLive || got.Header.Library != "WebInspector 537.36" {
		t.Errorf("%d requests, %d records, header %+v\n%s", len(got.HTTP), len(got.Socket), got.Header, text)
	}
	if event := got.Socket[5]; len(event.After) != 1 {
		t.Errorf("the chat waits for %v", event.After)
	}
	for _, file := range []string{"room.http.yaml", "room.ws.jsonl"} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"open-sesame", "night@example.org", "eyJhbGciOi", "s3ss10n", "mixmaster", "sec-ch-ua", "tracker"} {
			if strings.Contains(string(b), secret) {
				t.Errorf("%s has %q", file, secret)
			}
		}
	}
	if !json.Valid([]byte(got.HTTP[0].Response.Body)) {
		t.Errorf("the answer is %q", got.HTTP[0].Response.Body)
	}
}

// testdata/README.md says how the file was made. Playwright writes the times of frames in milliseconds.
func TestHAR_fromPlaywright(t *testing.T) {
	t.Parallel()
	got := checkPlaywright(t, "tools/record/testdata/playwright.har", "har-secret-1-0123456789", "har-secret-2-0123456789")
	for _, r := range got.Socket {
		if strings.Contains(string(r.Data), "chat-message") && len(r.After) == 0 {
			t.Error("the chat does not wait for the request that said it")
		}
	}
}

// checkPlaywright imports what the script har.js has recorded.
func checkPlaywright(t *testing.T, file string, secrets ...string) *cassette.Tape {
	t.Helper()
	dir := t.TempDir()
	code, stdout, stderr := call(t, nil, "import-har", "-hosts", "127.0.0.1", "-o", filepath.Join(dir, "room"), file)
	if code != 0 || stderr != "" {
		t.Fatalf("%d: %s%s", code, stdout, stderr)
	}
	got, err := cassette.Read(dir, "room")
	if err != nil {
		t.Fatal(err)
	}
	count := got.Count()
	if count.Requests != 8 || count.Connections != 1 || count.In != 6 || count.Out != 1 || count.Statuses["404"] != 1 {
		t.Errorf("%+v", count)
	}
	for _, event := range []string{"user-join", "chat-message", "user-leave"} {
		if count.Events[event] != 1 {
			t.Errorf("%s came %d times", event, count.Events[event])
		}
	}
	if count.Duration <= 0 || count.Duration > 60_000 {
		t.Errorf("it lasts %d ms", count.Duration)
	}
	for _, name := range []string{"room.http.yaml", "room.ws.jsonl"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range append(secrets, "secret&", "password=secret", "connect.sid=s%3A") {
			if strings.Contains(string(b), secret) {
				t.Errorf("%s has %q", name, secret)
			}
		}
	}
	return got
}

// One odd entry does not cost the whole file.
func TestHAR_oddEntries(t *testing.T) {
	t.Parallel()
	const start = "2026-01-02T03:04:05Z" // 1767323045
	frame := func(kind, at string) string {
		return `{"type":"` + kind + `","time":` + at + `,"opcode":1,"data":"4{}"}`
	}
	socket := func(status, frames string) string {
		return `{"startedDateTime":"` + start + `","request":{"method":"GET","url":"wss://ws.queup.net/ws/"},"response":{"status":` + status + `},"_webSocketMessages":[` + frames + `]}`
	}
	answer := func(response string) string {
		return `{"startedDateTime":"` + start + `","request":{"method":"GET","url":"https://api.queup.net/a"},"response":` + response + `}`
	}
	for name, test := range map[string]struct {
		entry, says string
		frames      int
		lasts       int64
	}{
		"a frame of type error":    {socket("101", frame("send", "1767323045.5")+","+frame("error", "1767323045.6")+","+frame("receive", "1767323046")), "frame 2 is an error", 2, 1000},
		"HTTP/2":                   {socket("200", frame("send", "1767323045.5")), "", 1, 500},
		"milliseconds":             {socket("101", frame("send", "1767323045500.25")), "", 1, 500},
		"no times":                 {socket("101", frame("send", "-1")), "", 1, 0},
		"an absurd time":           {socket("101", frame("send", "1e300")), "", 1, 0},
		"a websocket without":      {socket("101", ""), "", 0, 0},
		"a file of frames":         {strings.Replace(socket("101", ""), `"status":101`, `"status":101,"content":{"_file":"x.jsonl"}`, 1), "the frames of a websocket are in another file", 0, 0},
		"content that is left out": {answer(`{"status":200,"content":{"size":7,"mimeType":"application/json"}}`), "1 of 1 answers have no content", 0, 0},
		"content in a file":        {answer(`{"status":200,"content":{"size":-1,"mimeType":"application/json","_file":"x.json"}}`), "1 of 1 answers have no content", 0, 0},
		"an empty answer":          {answer(`{"status":204,"content":{"size":0,"mimeType":"x-unknown"}}`), "", 0, 0},
		"no answer in Playwright":  {answer(`{"status":-1,"_failureText":"net::ERR_ABORTED","content":{"size":-1,"mimeType":"x-unknown"}}`), "", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "x.har")
			if err := os.WriteFile(file, []byte(`{"log":{"entries":[`+test.entry+`]}}`), 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := call(t, nil, "import-har", "-o", filepath.Join(dir, "x"), file)
			if code != 0 || !strings.Contains(stderr, test.says) || test.says == "" && stderr != "" {
				t.Fatalf("status %d: %s", code, stderr)
			}
			got, err := cassette.Read(dir, "x")
			if err != nil {
				t.Fatal(err)
			}
			if count := got.Count(); count.In+count.Out != test.frames || count.Duration != test.lasts {
				t.Errorf("%d frames in %d ms", count.In+count.Out, count.Duration)
			}
			if strings.Contains(test.entry, "ERR_ABORTED") && got.HTTP[0].Response.Body != "net::ERR_ABORTED" {
				t.Errorf("recorded as %q", got.HTTP[0].Response.Body)
			}
		})
	}
}

// People keep their names unless the caller asks for the opposite.
func TestHAR_anonymousOnRequest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flags []string
		named bool
	}{"by default": {nil, true}, "on request": {[]string{"-anonymous"}, false}, "with exceptions": {[]string{"-except", "quietbot"}, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := append([]string{"import-har", "-o", filepath.Join(dir, "room")}, test.flags...)
			if code, stdout, stderr := call(t, nil, append(args, "tools/record/testdata/chrome.har")...); code != 0 {
				t.Fatalf("%s%s", stdout, stderr)
			}
			b, err := os.ReadFile(filepath.Join(dir, "room.ws.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			if named := strings.Contains(string(b), "mixmaster"); named != test.named {
				t.Errorf("the name of a person is there: %v\n%s", named, b)
			}
		})
	}
}

// A file that would leak is not made.
func TestHAR_mistakes(t *testing.T) {
	t.Parallel()
	entry := func(more string) string {
		return `{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05Z","request":{"method":"GET","url":"wss://ws.queup.net/ws/?access_token=abcdefgh"},` +
			`"response":{"status":101},"_webSocketMessages":[` + more + `]}]}}`
	}
	for name, c := range map[string]struct{ text, says string }{
		"nothing of QueUp": {`{"log":{"entries":[]}}`, "none of its 0 requests is one of api.queup.net, ws.queup.net"},
		"a type":           {entry(`{"type":"sent","time":1,"opcode":1,"data":"2"}`), `message 1 is of type "sent"`},
		"base64":           {entry(`{"type":"send","time":1,"opcode":2,"data":"%"}`), "message 1: illegal base64"},
		"a refusal": {
			strings.Replace(entry(`{"type":"send","time":1,"opcode":1,"data":"2"}`), "101", "403", 1), "it has messages, and the status 403",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "x.har")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := call(t, nil, "import-har", "-o", filepath.Join(dir, "x"), file)
			if code != 1 || !strings.Contains(stderr, c.says) || strings.Contains(stderr, "abcdefgh") {
				t.Errorf("status %d: %s", code, stderr)
			}
			if cassette.Exist(dir, "x") {
				t.Error("something was written")
			}
		})
	}
}
