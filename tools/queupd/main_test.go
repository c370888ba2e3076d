package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queup-go/queup/queuptest"
)

// asProgram, in the environment, makes the test binary be queupd: a process of its own, with the race detector if the
// tests have it, and without a second build.
const asProgram = "QUEUPD_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// The first line is all a program in another language needs: with it, it logs in.
func TestRun_announcesItselfAndServesUntilInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	reader, stdout := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"-addr", "localhost:0"}, stdout, &stderr)
		_ = stdout.Close()
	}()
	lines := bufio.NewReader(reader)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err, stderr.String())
	}
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.DisallowUnknownFields()
	var a announcement
	if err := decoder.Decode(&a); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	base := regexp.MustCompile(`^http(://(?:127\.0\.0\.1|\[::1\]):\d+)$`).FindStringSubmatch(a.URL)
	if base == nil || a.RealtimeURL != "ws"+base[1]+"/ws/" {
		t.Errorf("addresses are %s and %s", a.URL, a.RealtimeURL)
	}
	id := regexp.MustCompile(`^[0-9a-f]{24}$`)
	if len(a.Rooms) != 1 || a.Rooms[0].Slug != "lounge" || a.Rooms[0].Name == "" || !id.MatchString(a.Rooms[0].ID) {
		t.Errorf("rooms are %+v", a.Rooms)
	}
	roles := map[string]string{"owner": "owner", "bot": "co-owner", "mod": "mod", "alice": "", "bob": "", "carol": ""}
	if len(a.Accounts) != len(roles) {
		t.Errorf("accounts are %+v", a.Accounts)
	}
	for _, u := range a.Accounts {
		role, known := roles[u.Username]
		if !known || u.Role != role || u.Password != "secret" || !id.MatchString(u.ID) {
			t.Errorf("account is %+v", u)
		}
	}
	client := &http.Client{}
	defer client.CloseIdleConnections()
	form := url.Values{"username": {a.Accounts[0].Username}, "password": {a.Accounts[0].Password}}
	resp, err := client.PostForm(a.URL+"/auth/login", form) //nolint:noctx // the server is local
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("login: %v, %v", resp, err)
	}
	_ = resp.Body.Close()

	interrupt()
	if got := <-code; got != 0 {
		t.Errorf("exit status %d", got)
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("after the first line: %q, %v", rest, err)
	}
	if stderr.Len() > 0 {
		t.Errorf("standard error: %s", &stderr)
	}
	if _, err := client.Get(a.URL); err == nil { //nolint:noctx,bodyclose // there is nobody to answer
		t.Error("it still serves")
	}
}

// start runs the program and returns what it announces, and what interrupts it and waits for its end.
func start(t *testing.T, args ...string) (a announcement, stop func()) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	reader, stdout := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, args, stdout, io.Discard)
		_ = stdout.Close()
	}()
	stop = sync.OnceFunc(func() {
		interrupt()
		_, _ = io.Copy(io.Discard, reader) // until it ends
		if got := <-code; got != 0 {
			t.Errorf("exit status %d", got)
		}
	})
	t.Cleanup(stop)
	if err := json.NewDecoder(reader).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a, stop
}

// The roles of a room can be read in one world only.
func TestRun_roles(t *testing.T) {
	for roles, want := range map[string]int{"custom": http.StatusOK, "classic": http.StatusNotFound} {
		t.Run(roles, func(t *testing.T) {
			a, _ := start(t, "-roles", roles)
			jar, _ := cookiejar.New(nil) // its error is always nil
			client := &http.Client{Jar: jar}
			defer client.CloseIdleConnections()
			form := url.Values{"username": {a.Accounts[0].Username}, "password": {a.Accounts[0].Password}}
			resp, err := client.PostForm(a.URL+"/auth/login", form) //nolint:noctx // the server is local
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			resp, err = client.Get(a.URL + "/room/" + a.Rooms[0].ID + "/roles") //nolint:noctx // the server is local
			if err != nil || resp.StatusCode != want {
				t.Errorf("%v, %v", resp, err)
			}
			_ = resp.Body.Close()
		})
	}
}

func TestRun_refusals(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no host":        {[]string{"-addr", ":8080"}, 1, `queupd: queuptest: address ":8080" would leave the loopback`},
		"all interfaces": {[]string{"-addr", "0.0.0.0:8080"}, 1, "would leave the loopback"},
		"a name":         {[]string{"-addr", "example.com:8080"}, 1, "would leave the loopback"},
		"no such folder": {[]string{"-log", "testdata/nowhere/log.jsonl"}, 1, "queupd: -log: open testdata/nowhere/log.jsonl"},
		"no port":        {[]string{"-addr", "127.0.0.1"}, 1, "missing port"},
		"a word":         {[]string{"now"}, 2, `unexpected argument "now"`},
		"a third world":  {[]string{"-roles", "both"}, 2, `-roles is custom or classic, not "both"`},
		"unknown flag":   {[]string{"-crowds", "7"}, 2, "flag provided but not defined: -crowds"},
		"a large crowd":  {[]string{"-crowd", "6000"}, 1, "crowd of 6000: it has 1 to 5000 members"},
		"rate of nobody": {[]string{"-rate", "3"}, 1, "crowd of 0: it has 1 to 5000 members"},
		"a fault":        {[]string{"-fault", "reset,gravity"}, 1, `faults: "gravity" is none of bandwidth, corrupt,`},
		"help":           {[]string{"-h"}, 0, "must be on the loopback"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), c.args, &stdout, &stderr); code != c.code || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("status %d: %s", code, &stderr)
			}
			if stdout.Len() > 0 {
				t.Errorf("standard output: %s", &stdout)
			}
		})
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestRun_endsWhenNobodyReadsTheAnnouncement(t *testing.T) {
	var stderr bytes.Buffer
	if code := run(t.Context(), nil, brokenPipe{}, &stderr); code != 1 || !strings.Contains(stderr.String(), "broken pipe") {
		t.Errorf("status %d: %s", code, &stderr)
	}
}

// With -crowd the room is full, and things happen there; nobody of the crowd is announced. -fault does not get into its way.
func TestRun_crowdAndFault(t *testing.T) {
	a, stop := start(t, "-crowd", "300", "-seed", "3", "-rate", "500", "-fault", "all")
	if len(a.Accounts) != 6 {
		t.Fatal(a.Accounts)
	}
	client := &http.Client{}
	defer client.CloseIdleConnections()
	var history struct{ Data []json.RawMessage }
	// The first fault comes after ten seconds at the earliest, the lines within a tenth of one.
	for begin := time.Now(); time.Since(begin) < 8*time.Second && len(history.Data) <= 20; {
		resp, err := client.Get(a.URL + "/chat/" + a.Rooms[0].ID) //nolint:noctx // the server is local
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(resp.Body).Decode(&history)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(history.Data) <= 20 {
		t.Errorf("the chat has %d lines", len(history.Data))
	}
	stop()
}

// With -quirks the song that plays lacks its media in the second answer, see queuptest.Quirks.
func TestRun_quirks(t *testing.T) {
	a, stop := start(t, "-quirks")
	client := &http.Client{}
	defer client.CloseIdleConnections()
	for i, want := range []bool{false, true} {
		resp, err := client.Get(a.URL + "/room/" + a.Rooms[0].ID + "/playlist/active") //nolint:noctx // the server is local
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if got := bytes.Contains(body, []byte(`"songInfo":null`)); err != nil || got != want {
			t.Errorf("answer %d: %s, %v", i, body, err)
		}
	}
	stop()
}

// With -clock-offset the answers say the time by the server's own clock.
func TestRun_clockOffset(t *testing.T) {
	a, stop := start(t, "-clock-offset", "-90m")
	client := &http.Client{}
	defer client.CloseIdleConnections()
	resp, err := client.Get(a.URL + "/room/" + a.Rooms[0].ID) //nolint:noctx // the server is local
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if behind := time.Since(date); err != nil || behind < 89*time.Minute || behind > 91*time.Minute {
		t.Errorf("the answer is of %v, %v", date, err)
	}
	stop()
}

// A program sends its password, and the log tells of all it did but that.
func TestRun_log(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log.jsonl")
	a, stop := start(t, "-log", file)
	client := &http.Client{}
	defer client.CloseIdleConnections()
	form := url.Values{"username": {"<bot>"}, "password": {"correct-horse"}}
	resp, err := client.PostForm(a.URL+"/auth/login", form) //nolint:noctx // the server is local
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	stop()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("correct-horse")) {
		t.Errorf("the password is in %s", text)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	var asked, answered line
	if len(lines) != 2 || json.Unmarshal([]byte(lines[0]), &asked) != nil || json.Unmarshal([]byte(lines[1]), &answered) != nil {
		t.Fatalf("log: %s", text)
	}
	if asked.From != "client" || asked.Kind != queuptest.KindHTTP || asked.Method != http.MethodPost || asked.Path != "/auth/login" ||
		asked.Status != 0 || asked.At.IsZero() || !strings.Contains(asked.Body, "username=%3Cbot%3E") {
		t.Errorf("the request: %+v", asked)
	}
	if answered.From != "server" || answered.Status != http.StatusBadRequest || !strings.Contains(answered.Body, "Wrong username") {
		t.Errorf("the answer: %+v", answered)
	}
}
