package client_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// Source: docs/PROTOCOL.md 7, rule 35.
func TestRule35_aSkipJustAfterASongChangeIsAboutTheSongBefore(t *testing.T) {
	const next = "65d4c3e2f60adb0014cd0002"
	type step struct {
		after time.Duration
		event string // skip, or the play that begins
	}
	first, second := "first", strangePlay
	tests := map[string]struct {
		steps    []step
		want     []string // the plays that SongSkipped names
		now      bool     // whether the current play is marked
		previous []string // Previous of each change, and whether it is marked
	}{
		"before the change":        {[]step{{0, "skip"}, {time.Second, second}}, []string{first}, false, []string{first + " true"}},
		"with the change":          {[]step{{0, second}, {0, "skip"}}, []string{first}, false, []string{first + " false"}},
		"shortly after the change": {[]step{{0, second}, {1900 * time.Millisecond, "skip"}}, []string{first}, false, []string{first + " false"}},
		"later":                    {[]step{{0, second}, {2100 * time.Millisecond, "skip"}}, []string{second}, true, []string{first + " false"}},
		"both songs, one by one":   {[]step{{0, "skip"}, {time.Second, second}, {time.Second, "skip"}}, []string{first, second}, true, []string{first + " true"}},
		"both songs, late":         {[]step{{0, second}, {time.Second, "skip"}, {500 * time.Millisecond, "skip"}}, []string{first, second}, true, []string{first + " false"}},
		"the second of two":        {[]step{{0, second}, {time.Minute, next}, {time.Second, "skip"}}, []string{second}, false, []string{first + " false", second + " false"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				song, _ := room.NowPlaying()
				name := func(id client.PlayID) string {
					if id == song.ID {
						return first
					}
					return string(id)
				}
				skips := record(room, func(e client.SongSkipped) string {
					if !e.Song.Skipped {
						t.Error("the song of SongSkipped is not marked")
					}
					return name(e.Song.ID)
				})
				previous := record(room, func(e client.SongChanged) string {
					return fmt.Sprintf("%s %v", name(e.Previous.ID), e.Previous.Skipped)
				})
				for _, s := range tt.steps {
					time.Sleep(s.after)
					if s.event == "skip" {
						broadcast(server, "chat-skip", `,"username":"mod"`)
					} else {
						startSong(server, s.event, "x", `,"songInfo":`+strangeMedia)
					}
					settle(0)
				}
				expect(t, "skipped", skips(), tt.want)
				if now, playing := room.NowPlaying(); !playing || now.Skipped != tt.now {
					t.Errorf("the current song is marked: %v, playing %v", now.Skipped, playing)
				}
				expect(t, "Previous of each change", previous(), tt.previous)
			}, oneSong())
		})
	}
}
