package client

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// Someone whose presence is not known has neither come nor gone by it.
func TestPresence_ofAnUnknownActionCountsNobody(t *testing.T) {
	inLounge(t, func(t *testing.T, _ *queuptest.Server, bot *Client) {
		room, err := bot.JoinRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		var heard []string
		On(room, func(_ context.Context, e MemberPresence) error {
			heard = append(heard, e.Presence.String())
			return nil
		})
		onGoroutine(t, bot, func(*connection) {
			for _, action := range []realtime.PresenceAction{7, realtime.PresenceEnter, 7, realtime.PresenceEnter, realtime.PresenceLeave} {
				room.tracker.applyPresence(realtime.Presence{ClientID: "stranger", ConnectionID: "1", Action: action})
			}
		})
		synctest.Wait()
		if want := []string{"presence 7", "enter", "presence 7", "exit"}; !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}
