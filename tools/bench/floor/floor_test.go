package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"github.com/queup-go/queup/queuptest"
)

// strict decodes JSON of which every member must have a field.
func strict(t *testing.T, what string, text []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Errorf("%s: %v\n%s", what, err, text)
	}
}

// A floor that skipped what it has no field for would be too low.
func TestMirror_hasAFieldForEveryMemberOfEvents(t *testing.T) {
	t.Parallel()
	server := queuptest.NewServer()
	defer server.Close()
	flood := server.Room("lounge").PrepareFlood(queuptest.FloodConfig{Events: 5000})
	seen := map[string]int{}
	for packet := range flood.Frames() {
		var f frame
		strict(t, "frame", packet[1:], &f)
		event := newEvent(f.Message.Name)
		if event == nil {
			t.Fatalf("%s is not known", f.Message.Name)
		}
		strict(t, f.Message.Name, []byte(f.Message.Data), event)
		seen[f.Message.Name]++
		name, decoded, err := decode(packet)
		if err != nil || name != f.Message.Name || decoded == nil {
			t.Fatalf("decode: %s, %v, %v", name, decoded, err)
		}
	}
	for kind, n := range flood.Kinds() {
		if kind == "user_update" {
			continue // its name has a suffix
		}
		if seen[kind] != n {
			t.Errorf("%d of %d events are %s", seen[kind], n, kind)
		}
	}
}

func TestMirror_hasAFieldForEveryMemberOfAnswers(t *testing.T) {
	t.Parallel()
	server := queuptest.NewServer()
	defer server.Close()
	lounge := server.Room("lounge")
	lounge.Say("bob", "hello")
	lounge.Vote("bob", true)
	lounge.Vote("carol", false)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	send := func(method, path string, form url.Values) []byte {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, bytes.NewBufferString(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s, %v", method, path, resp.Status, err)
		}
		return text
	}
	send(http.MethodPost, "/auth/login", url.Values{"username": {"bot"}, "password": {"secret"}})
	id := lounge.ID()
	var queue envelope[[]play[user]]
	for _, test := range []struct {
		method, path string
		into         any
	}{
		{http.MethodGet, "/auth/session", new(envelope[user])},
		{http.MethodGet, "/auth/token", new(envelope[token])},
		{http.MethodGet, "/room/lounge", new(envelope[room[user]])},
		{http.MethodPost, "/room/" + id + "/users", new(envelope[joined])},
		{http.MethodGet, "/room/" + id + "/users", new(envelope[[]member[user, role]])},
		{http.MethodGet, "/room/" + id + "/roles", new(envelope[roles])},
		{http.MethodGet, "/room/" + id + "/playlist/active", new(envelope[active])},
		{http.MethodGet, "/room/" + id + "/playlist/active/dubs", new(envelope[dubs])},
		{http.MethodGet, "/room/" + id + "/playlist/details", &queue},
		{http.MethodGet, "/chat/" + id, new(envelope[[]chatMessage])},
	} {
		strict(t, test.path, send(test.method, test.path, nil), test.into)
	}
	if len(queue.Data) == 0 {
		t.Fatal("the queue is empty")
	}
	strict(t, "song", send(http.MethodGet, "/song/"+queue.Data[0].SongID, nil), new(envelope[song]))
}

// One iteration is one event of the usual mix, without a network.
func BenchmarkFloor_decode(b *testing.B) {
	server := queuptest.NewServer()
	defer server.Close()
	var packets [][]byte
	for packet := range server.Room("lounge").PrepareFlood(queuptest.FloodConfig{Events: 5000}).Frames() {
		packets = append(packets, packet)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := decode(packets[i%len(packets)]); err != nil {
			b.Fatal(err)
		}
	}
}
