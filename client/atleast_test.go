package client_test

import (
	"testing"
	"testing/synctest"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// A role can be asked for by the name it had before custom roles, in rooms of both worlds.
func TestAtLeast(t *testing.T) {
	for name, opts := range map[string][]queuptest.Option{"custom roles": nil, "classic roles": {queuptest.ClassicRoles()}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(append(opts, queuptest.InMemory())...)
				defer server.Close()
				_, room := joinLounge(t, server, "bot")
				tests := []struct {
					user string
					role client.RoleID
					want bool
				}{
					{"mod", client.RoleModerator, true},
					{"mod", client.RoleVIP, true},
					{"mod", client.RoleManager, false},
					{"bot", client.RoleCoOwner, true},
					{"owner", client.RoleCoOwner, true},
					{"alice", client.RoleDJ, false},
					{"mod", "0123456789abcdef01234567", false},
					{"owner", "0123456789abcdef01234567", true},
					{"mod", "", false},
				}
				for _, tt := range tests {
					u, _ := server.UserID(tt.user)
					if got := room.AtLeast(client.UserID(u), tt.role); got != tt.want {
						t.Errorf("AtLeast(%s, %s) = %t", tt.user, tt.role, got)
					}
				}
				moderator, ok := room.Role(client.RoleModerator)
				if !ok || moderator.TemplateKey != "mod" {
					t.Errorf("Role(moderator) = %v, %t", moderator, ok)
				}
				if again, ok := room.Role(moderator.ID); !ok || !again.Equal(moderator) {
					t.Errorf("by its own id it is %v, %t", again, ok)
				}
				if role, ok := room.Role("0123456789abcdef01234567"); ok {
					t.Errorf("a role that is none: %v", role)
				}
				for _, none := range []*client.Room{new(client.Room)} {
					if role, ok := none.Role(client.RoleVIP); ok || none.AtLeast("u", client.RoleVIP) {
						t.Errorf("of a room that is not joined: %v", role)
					}
				}
			})
		})
	}
}
