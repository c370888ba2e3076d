// Package scenetest tests what the examples have in common: how they end when they are not let in, and what they say when
// people want them to say something bad.
package scenetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/examples/internal/scene"
	"github.com/queup-go/queup/queuptest"
)

// Refusals runs an example in a QueUp that does not let it in, in each way that a newcomer meets, and wants one line that says what to do.
// given are variables that it needs beyond those of all examples. bans says whether it enters its room, which a ban forbids.
func Refusals(t *testing.T, bans bool, given map[string]string, run func(ctx context.Context, getenv func(string) string) error) {
	t.Helper()
	world := queuptest.DefaultWorld()
	world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: "fortress", Owner: "owner", Banned: []string{"bot"}})
	server := queuptest.NewServer(queuptest.WithWorld(world))
	defer server.Close()
	gone := queuptest.NewServer()
	gone.Close()
	tests := map[string]struct{ url, password, room, want string }{
		"a wrong password": {server.URL(), "sesame", "lounge", "check the username and password"},
		"an unknown room":  {server.URL(), scene.Password, "longue", "check the slug"},
		"a whole address":  {server.URL(), scene.Password, "https://www.queup.net/join/nowhere", "only the last part of its address"},
		"a ban":            {server.URL(), scene.Password, "fortress", "this account is banned"},
		"no network":       {gone.URL(), scene.Password, "lounge", "check the network"},
	}
	if !bans {
		delete(tests, "a ban")
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			variables := map[string]string{"QUEUP_URL": tt.url, "QUEUP_EMAIL": "bot", "QUEUP_PASSWORD": tt.password, "QUEUP_ROOM": tt.room}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := run(ctx, func(variable string) string {
				if value, known := variables[variable]; known {
					return value
				}
				return given[variable]
			})
			switch {
			case err == nil:
				t.Errorf("run = nil, want an error with %s", tt.want)
			case !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), "\n") > 0 || strings.Count(err.Error(), "queup: ") > 1:
				t.Errorf("run = %v, want one line with %s", err, tt.want)
			case strings.Contains(err.Error(), tt.password):
				t.Errorf("the error contains the password: %v", err)
			}
		})
	}
}
