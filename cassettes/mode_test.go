package cassettes_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/cassettes"
)

// run opens a cassette in the mode of the environment, makes one request, and ends the test. It returns that test.
func run(t *testing.T, dir string, server http.RoundTripper, opts ...cassettes.Option) *fakeTB {
	t.Helper()
	fake := newFake(t)
	c := cassettes.Open(fake, "mode", append([]cassettes.Option{cassettes.Dir(dir), cassettes.Through(server), cassettes.Source("queuptest")}, opts...)...)
	if !fake.Failed() {
		want(t, c, "GET", api+"/a", "", "")
	}
	fake.end()
	return fake
}

func TestMode_ofTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	server := numbered()
	at := time.Unix(1_700_000_000, 0)
	clock := cassettes.Clock(func() time.Time { return at })
	steps := []struct {
		mode, ci string
		fails    string // part of the message
		logs     string // part of the log
	}{
		{mode: "", fails: "there is no recording"},
		{mode: "play", fails: "the modes are replay, once, new, rewrite, live and verify"},
		{mode: "once,please", fails: "only force is understood"},
		{mode: "verify", fails: "there is no recording"},
		{mode: "once", ci: "true", fails: "recording is refused because CI is set"},
		{mode: "rewrite", ci: "1", fails: "QUEUP_CASSETTE=rewrite,force"},
		{mode: "new", ci: "true", fails: "QUEUP_CASSETTE=new,force"},
		{mode: "live", ci: "true", logs: "mode: played 0 of 0, live 1"},
		{mode: "once", ci: "false", logs: "mode: played 0 of 0, live 1, wrote 1 requests"},
		{mode: "once", ci: "true", logs: "mode: played 1 of 1, live 0"},
		{mode: "new", logs: "mode: played 1 of 1, live 0\nmode: nothing was added"},
		{mode: "new", ci: "true", fails: "recording is refused because CI is set"},
		{mode: "new,force", ci: "true", logs: "mode: played 1 of 1, live 0\nmode: nothing was added"},
		{mode: "", logs: "mode: played 1 of 1, live 0"},
		{mode: "replay", logs: "mode: played 1 of 1, live 0"},
		{mode: "verify", ci: "true", logs: "mode: played 0 of 0, live 1, 0 shapes drifted"},
		{mode: "rewrite,force", ci: "true", logs: "wrote 1 requests"},
	}
	first := dir
	for _, step := range steps {
		t.Run(step.mode+" "+step.ci, func(t *testing.T) {
			t.Setenv(cassettes.ModeVar, step.mode)
			t.Setenv("CI", step.ci)
			if strings.HasPrefix(step.mode, "rewrite,") {
				dir = t.TempDir() // of two recordings of one name in one run, the second is refused
			}
			fake := run(t, dir, server, clock)
			if !strings.Contains(fake.failures(), step.fails) || fake.Failed() != (step.fails != "") {
				t.Errorf("reported %q, want %q", fake.failures(), step.fails)
			}
			if !strings.Contains(fake.logged(), step.logs) {
				t.Errorf("logged %q, want %q", fake.logged(), step.logs)
			}
		})
	}
	if text := files(t, first, "mode"); !strings.Contains(text, `"source":"queuptest","date":"2023-11-14T22:13:20Z"`) || strings.Contains(text, `"library"`) {
		t.Errorf("the header is wrong: %s", text)
	}
}

func TestRecord_headerOfALiveRecording(t *testing.T) {
	t.Parallel()
	dir := capture(t, "live", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) { t.Helper(); want(t, c, "GET", api+"/a", "", "") },
		cassettes.Source("live"), cassettes.Library("v0.3.0"))
	if text := files(t, dir, "live"); !strings.Contains(text, `"source":"live","date":"`) || !strings.Contains(text, `"library":"v0.3.0"`) {
		t.Errorf("the header is wrong: %s", text)
	}
}

func TestRecord_notWhenTheTestFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fake := newFake(t)
	c := cassettes.Open(fake, "failed", cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI(), cassettes.Through(numbered()))
	want(t, c, "GET", api+"/a", "", "")
	fake.Error("something else")
	fake.end()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("written: %v, %v", left, err)
	}
	if !strings.Contains(fake.logged(), "not written, because the test failed") {
		t.Errorf("logged %q", fake.logged())
	}
}

// A secret that redaction cannot take out stops the recording, and neither the message nor the disk shows it.
func TestRecord_failsClosed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ answer, where string }{
		"in base64":     {`{"data":"eCBodW50ZXIyLVNlY3JldCB5"}`, "interaction 0, GET /a 200: response body"},
		"escaped twice": {`{"data":"hunter2%252DSecret"}`, "response body"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fake := newFake(t)
			c := cassettes.Open(fake, "leak", cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI(), cassettes.Secrets("hunter2-Secret"),
				cassettes.Through(answers(func(*http.Request) (*http.Response, error) { return reply(test.answer, "Content-Type", js), nil })))
			want(t, c, "GET", api+"/a", "", "")
			fake.end()
			if !strings.Contains(fake.failures(), test.where) || !strings.Contains(fake.failures(), "nothing was written") || strings.Contains(fake.failures(), "hunter2") {
				t.Errorf("reported %q", fake.failures())
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("written: %v, %v", left, err)
			}
		})
	}
}

func TestVerify_reportsDrift(t *testing.T) {
	t.Parallel()
	body := `{"code":200,"data":[{"id":"65a1f0c2d4e8b90000000001","n":1,"gone":true,"maybe":null}]}`
	event := `4{"action":15,"channel":"room:a","message":{"name":"chat-message","type":"json","data":"{\"message\":\"x\",\"time\":1}"}}`
	server := answers(func(*http.Request) (*http.Response, error) { return reply(body, "Content-Type", js), nil })
	talk := func(path string) func(t *testing.T, c *cassettes.Cassette) {
		return func(t *testing.T, c *cassettes.Cassette) {
			t.Helper()
			want(t, c, "GET", api+path, "", "")
			sock := dial(t, c)
			defer sock.Close(1000, "")
			readFrames(t, sock, 1)
			writeFrames(t, sock, "2")
		}
	}
	dir := capture(t, "drift", server, newScript(nil, event), talk("/room/65a1f0c2d4e8b90000000001/users"))

	verify := func() *fakeTB {
		fake := newFake(t)
		c := cassettes.Open(fake, "drift", cassettes.Dir(dir), cassettes.WithMode(cassettes.Verify), cassettes.Through(server), cassettes.ThroughDialer(newScript(nil, event)))
		talk("/room/65a1f0c2d4e8b900000000ff/users")(t, c)
		fake.end()
		return fake
	}
	before := files(t, dir, "drift")
	body = `{"code":200,"data":[{"id":"other","n":77,"gone":false,"maybe":"text"},{"id":"more","n":1,"gone":true,"maybe":null}]}`
	if fake := verify(); fake.Failed() {
		t.Errorf("other values are a drift: %s", fake.failures())
	}
	body = `{"code":200,"data":[{"id":5,"n":1,"fresh":{"a":1},"maybe":[]}]}`
	event = strings.ReplaceAll(event, `\"time\":1`, `\"at\":1`)
	fake := verify()
	for _, line := range []string{
		"GET /room/{}/users 200: data[].fresh appeared (object)",
		"GET /room/{}/users 200: data[].gone went (was bool)",
		"GET /room/{}/users 200: data[].id changed from string to number",
		"event chat-message: message.data(json).at appeared (number)",
		"event chat-message: message.data(json).time went (was number)",
	} {
		if !strings.Contains(fake.failures(), line) {
			t.Errorf("%q is not reported:\n%s", line, fake.failures())
		}
	}
	if n := strings.Count(fake.failures(), "\n"); n != 6 {
		t.Errorf("more is reported: %s", fake.failures())
	}
	if files(t, dir, "drift") != before {
		t.Error("verify has changed the recording")
	}
}

func TestRecorder(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CI", "true")
	if _, err := cassettes.NewRecorder("tool", cassettes.Dir(dir)); err == nil || !strings.Contains(err.Error(), "refused because CI is set") {
		t.Errorf("in CI: %v", err)
	}
	t.Setenv("CI", "")
	r, err := cassettes.NewRecorder("tool", cassettes.Dir(dir), cassettes.Through(numbered()), cassettes.ThroughDialer(newScript(nil, greeting)))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api+"/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	sock, err := r.Dialer().Dial(t.Context(), "wss://ws.queup.net/ws/?access_token=tok-12345678", nil)
	if err != nil {
		t.Fatal(err)
	}
	readFrames(t, sock, 1)
	_ = sock.Close(1000, "")
	if requests, records, err := r.Save(); requests != 1 || records != 3 || err != nil {
		t.Errorf("Save = %d, %d, %v", requests, records, err)
	}
	c, fake := play(t, dir, "tool")
	want(t, c, "GET", api+"/a", "", "")
	if sock, err = c.Dialer().Dial(t.Context(), "wss://elsewhere.example/ws/?access_token=another-token", nil); err != nil {
		t.Fatal(err)
	}
	readFrames(t, sock, 1)
	_ = sock.Close(1000, "")
	fake.end()
	if fake.Failed() {
		t.Error(fake.failures())
	}
}

// Of two recordings that are made at the same time under names that differ only by case, the second is not written.
func TestMode_namesThatDifferByCaseAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	opts := []cassettes.Option{cassettes.Dir(dir), cassettes.Through(numbered()), cassettes.Source("queuptest"), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI()}
	first, second := newFake(t), newFake(t)
	for fake, name := range map[*fakeTB]string{first: "lounge", second: "Lounge"} {
		want(t, cassettes.Open(fake, name, opts...), "GET", api+"/a", "", "")
	}
	first.end()
	second.end()
	if first.Failed() || !strings.Contains(second.failures(), "differs only by case from") {
		t.Errorf("reported %q and %q", first.failures(), second.failures())
	}
}
