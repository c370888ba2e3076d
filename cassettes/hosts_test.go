package cassettes_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/realtime"
)

func TestReplay_refusesAnotherHost(t *testing.T) {
	t.Parallel()
	dir := capture(t, "host", numbered(), nil, func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		want(t, c, "GET", api+"/a", "", "")
	})
	c, fake := play(t, dir, "host")
	if _, _, err := send(t, c, "GET", "https://api.example.com/a", "", ""); !errors.Is(err, cassettes.ErrUnmatched) {
		t.Errorf("another host was answered: %v", err)
	}
	for _, line := range []string{"- host: api.queup.net", "+ host: api.example.com"} {
		if !strings.Contains(fake.failures(), line) {
			t.Errorf("%q is not in the message:\n%s", line, fake.failures())
		}
	}
	want(t, c, "GET", "http://127.0.0.1:8080/a", "", "") // a queuptest stands for any host
}

func TestPassThroughAndRefuse(t *testing.T) {
	t.Parallel()
	const songs, ads = "https://songs.example.org", "https://ads.example.com"
	server := answers(func(req *http.Request) (*http.Response, error) {
		if req.URL.Host == "ads.example.com" {
			t.Error("a refused host was reached")
		}
		return reply(req.URL.Host), nil
	})
	dialer := newScript(nil, greeting)
	opts := []cassettes.Option{
		cassettes.PassThrough("songs.example.org"), cassettes.Refuse("*.example.com"), cassettes.Through(server), cassettes.ThroughDialer(dialer),
	}
	run := func(t *testing.T, c *cassettes.Cassette) {
		t.Helper()
		if got := want(t, c, "GET", api+"/a", "", ""); got != "api.queup.net" {
			t.Errorf("answered by %s", got)
		}
		if got := want(t, c, "GET", songs+"/a", "", ""); got != "songs.example.org" {
			t.Errorf("answered by %s", got)
		}
		if _, _, err := send(t, c, "GET", ads+"/a", "", ""); !errors.Is(err, cassettes.ErrRefusedHost) {
			t.Errorf("a refused host was answered: %v", err)
		}
		if _, err := c.Dialer().Dial(t.Context(), "wss://ads.example.com/ws/", nil); !errors.Is(err, cassettes.ErrRefusedHost) || !realtime.IsPermanent(err) {
			t.Errorf("the handshake with a refused host: %v", err)
		}
		sock, err := c.Dialer().Dial(t.Context(), "wss://songs.example.org/ws/", nil)
		if err != nil {
			t.Fatal(err)
		}
		readFrames(t, sock, 1)
		_ = sock.Close(1000, "")
		dialer.mu.Lock()
		dialer.lines = []string{greeting}
		dialer.mu.Unlock()
	}
	dir := capture(t, "hosts", server, dialer, run, opts...)
	if text := files(t, dir, "hosts"); strings.Contains(text, "example") {
		t.Error("a host that does not belong to the recording is in it")
	}
	c, fake := play(t, dir, "hosts", opts...)
	run(t, c)
	fake.end()
	if fake.Failed() {
		t.Error(fake.failures())
	}
	if log := fake.logged(); !strings.Contains(log, "played 1 of 1, live 2") {
		t.Errorf("the summary is %q", log)
	}
	if _, fake := play(t, dir, "hosts", cassettes.Refuse(), cassettes.PassThrough("[")); !strings.Contains(fake.failures(), "Refuse without a host") || !strings.Contains(fake.failures(), `"[" is not valid`) {
		t.Errorf("reported %q", fake.failures())
	}
}
