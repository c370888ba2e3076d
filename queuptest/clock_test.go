package queuptest_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/queuptest"
)

// All that the server states is by its own clock; how long things last is not.
func TestClockOffset(t *testing.T) {
	for _, ahead := range []time.Duration{0, 30 * time.Minute, -30 * time.Minute, 24 * 365 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			srv := queuptest.NewServer(queuptest.InMemory(), queuptest.ClockOffset(ahead))
			defer srv.Close()
			time.Sleep(time.Minute)
			now := time.Now().Add(ahead)
			h := &http.Client{Transport: &http.Transport{DialContext: srv.DialContext, DisableKeepAlives: true}}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL()+"/room/lounge", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := h.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if date := resp.Header.Get("Date"); date != now.UTC().Format(http.TimeFormat) {
				t.Errorf("%v ahead: the answer is of %s, it is %v there", ahead, date, now)
			}
			lounge := srv.Room("lounge")
			lounge.Say("alice", "hello")
			if said := lounge.Messages(); !said[len(said)-1].At.Equal(now) {
				t.Errorf("%v ahead: said at %v, it is %v there", ahead, said[len(said)-1].At, now)
			}
			first, _ := lounge.NowPlaying()
			time.Sleep(3*time.Minute - time.Second) // of a song that lasts three
			second, _ := lounge.NowPlaying()
			if began := now.Add(2 * time.Minute); second.ID == first.ID || !second.Started.Equal(began) {
				t.Errorf("%v ahead: after %v the song of %v plays, want one of %v", ahead, first.Started, second.Started, began)
			}
		})
	}
}

func TestClockOffset_refuses(t *testing.T) {
	for _, d := range []time.Duration{math.MaxInt64, math.MinInt64} {
		if _, err := queuptest.Start(queuptest.InMemory(), queuptest.ClockOffset(d)); err == nil || !strings.Contains(err.Error(), "clock offset") {
			t.Errorf("%v: %v", d, err)
		}
	}
}
