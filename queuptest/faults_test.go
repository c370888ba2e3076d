package queuptest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// badDay makes requests and keeps a websocket open while one fault comes and goes. It tells how many requests failed or took
// time, how often the link was lost, and how many pings arrived twice.
func badDay(t *testing.T, name string, seed uint64) (failed, slow, lost, twice int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, queuptest.InMemory(), queuptest.Heartbeat(time.Minute, time.Minute),
			queuptest.Faults(queuptest.FaultConfig{Names: []string{name}, Seed: seed, Every: 20 * time.Second, For: 6 * time.Second}))
		// Connections that a fault cut in two must not be used again, or the end of the test would wait for them.
		transport := &http.Transport{DialContext: srv.DialContext, DisableKeepAlives: true}
		client := &http.Client{Transport: transport, Timeout: 4 * time.Second}
		token := ""
		var link *websocket.Conn
		defer func() {
			if link != nil {
				_ = link.Close()
			}
		}()
		for range 360 {
			time.Sleep(time.Second)
			begin := time.Now()
			body, err := read(client, srv.URL()+"/auth/token")
			if err != nil {
				failed++
				continue
			}
			if time.Since(begin) > 5*time.Millisecond { // otherwise it takes none
				slow++
			}
			if _, found, ok := strings.Cut(body, `"token":"`); ok {
				token, _, _ = strings.Cut(found, `"`)
			}
			if link == nil {
				d := websocket.Dialer{NetDialContext: srv.DialContext, HandshakeTimeout: 10 * time.Second}
				conn, resp, err := d.DialContext(t.Context(), srv.RealtimeURL()+"?access_token="+token, nil)
				if err != nil {
					lost++
					continue
				}
				_ = resp.Body.Close()
				link = conn
			}
			twice--
			if !pings(link) {
				_ = link.Close()
				link = nil
				lost++
			}
		}
		for _, e := range srv.Log() {
			if e.In && e.Kind == queuptest.KindWS && e.Body == "2" {
				twice++
			}
		}
	})
	return failed, slow, lost, twice
}

func read(client *http.Client, address string) (string, error) {
	resp, err := client.Get(address) //nolint:noctx // the client has a timeout
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var b strings.Builder
	if _, err = fmt.Fprint(&b, resp.Status); err != nil {
		return "", err
	}
	buf := make([]byte, 4096)
	for {
		n, err := resp.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			if err.Error() == "EOF" {
				return b.String(), nil
			}
			return "", err
		}
	}
}

// pings says whether the link answers a ping within the time that it should.
func pings(link *websocket.Conn) bool {
	_ = link.SetReadDeadline(time.Now().Add(5 * time.Second))
	_ = link.SetWriteDeadline(time.Now().Add(5 * time.Second))
	if link.WriteMessage(websocket.TextMessage, []byte{byte(realtime.PacketPing)}) != nil {
		return false
	}
	for {
		_, data, err := link.ReadMessage()
		if err != nil {
			return false
		}
		if string(data) == string(rune(realtime.PacketPong)) {
			return true
		}
	}
}

// Each fault is felt by REST and by the websocket, it passes, and the same seed has the same faults.
func TestFaults_areFeltAndPass(t *testing.T) {
	t.Parallel()
	gentle := []string{"latency", "jitter", "bandwidth", "slicer"}
	for _, name := range queuptest.FaultNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed, slow, lost, twice := badDay(t, name, 1)
			t.Logf("of 360 requests %d failed and %d were slow; the link was lost %d times, %d pings came twice", failed, slow, lost, twice)
			switch {
			case failed+slow+lost == 0 && twice <= 0 && name != "slicer": // the slices of so little are quick
				t.Error("nobody felt it")
			case failed+lost > 0 && slices.Contains(gentle, name):
				t.Error("it breaks connections")
			case failed > 200:
				t.Error("it does not pass")
			}
		})
	}
}

func TestFaults_refusals(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]queuptest.FaultConfig{
		"faults: none is named":                       {},
		`faults: "gravity" is none of bandwidth, cor`: {Names: []string{"reset", "gravity"}},
		"faults: every -1ns for 0s":                   {Names: []string{"reset"}, Every: -1},
	} {
		if _, err := queuptest.Start(queuptest.Faults(f)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s in it", err, want)
		}
	}
}

// Close ends a server whose network is at its worst, over real sockets.
func TestFaults_closeHealsFirst(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"stall", "half-open", "reset"} {
		srv := queuptest.NewServer(queuptest.Faults(queuptest.FaultConfig{Names: []string{name}, Every: time.Nanosecond, For: time.Hour}))
		transport := &http.Transport{}
		client := &http.Client{Transport: transport, Timeout: 50 * time.Millisecond}
		for range 3 {
			_, _ = read(client, srv.URL()+"/auth/token") // as it may
		}
		done := make(chan struct{})
		go func() {
			srv.Close()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: Close does not return", name)
		}
		transport.CloseIdleConnections()
	}
}
