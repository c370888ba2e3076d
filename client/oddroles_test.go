package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

const holder = "65c0ffee0000000000000007"

// roleRow is a row of the roster with this about its roles.
func roleRow(roles string) queuptest.Option {
	return withRows("/users", `{"_id":"m7","userid":"`+holder+`","_user":{"_id":"`+holder+`","username":"Hal"},`+roles+`}`)
}

// rolesOf prints the roles of the holder.
func rolesOf(m client.Member) string {
	var labels []string
	for _, role := range m.Roles() {
		labels = append(labels, role.Label)
	}
	return fmt.Sprint(strings.Join(labels, ","), " ", len(m.RoleIDs))
}

// Source: docs/PROTOCOL.md 1.8.
func TestRoles_withoutAnIDAreKnownByTheirType(t *testing.T) {
	tests := map[string]struct {
		roles   string
		want    string // label and number of RoleIDs
		extra   string // what Extra keeps
		maySkip bool
	}{
		"a moderator":          {`"roleid":{"type":"mod","rights":["skip","kick"]}`, "Moderator 1", "", true},
		"a list of one":        {`"roleids":[{"type":"mod","rights":["skip"]}]`, "Moderator 1", "", true},
		"by the template":      {`"roleids":[{"templateKey":"mod"}]`, "Moderator 1", "", true},
		"of an unknown type":   {`"roleid":{"type":"juggler","rights":["juggle"]}`, " 0", `roleid {"_id":"","type":"juggler","rights":["juggle"]}`, false},
		"without a type":       {`"roleid":{"rights":["skip"]}`, " 0", `roleid {"_id":"","rights":["skip"]}`, false},
		"unknown, in the list": {`"roleids":[{"type":"juggler"}]`, " 0", `roleids [{"id":"","type":"juggler"}]`, false},
		"none":                 {`"roleid":null`, " 0", "", false},
	}
	for name, tt := range tests {
		for world, opts := range map[string][]queuptest.Option{"fixed roles": {queuptest.ClassicRoles()}, "custom roles": nil} {
			t.Run(name+", "+world, func(t *testing.T) {
				inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
					_, room := joinLounge(t, server, "bot")
					check := func(when string) {
						t.Helper()
						m, _ := room.Members().Get(holder)
						if got := rolesOf(m); got != tt.want {
							t.Errorf("%s: roles %s, want %s", when, got, tt.want)
						}
						for key, value := range m.Extra() {
							if got := fmt.Sprint(key, " ", string(value)); got != tt.extra {
								t.Errorf("%s: Extra %s, want %s", when, got, tt.extra)
							}
						}
						if (len(m.Extra()) > 0) != (tt.extra != "") {
							t.Errorf("%s: Extra %v, want %s", when, m.Extra(), tt.extra)
						}
						if room.Can(holder, client.PermQueueSkip) != tt.maySkip {
							t.Errorf("%s: may skip %v", when, !tt.maySkip)
						}
					}
					check("joined")
					roles := record(room, func(e client.RoleSet) string { return e.Role.Label })
					lost := record(room, func(e client.RoleUnset) string { return e.Role.Label })
					broadcast(server, "user_update_"+holder, `,"user":{"_id":"m7","userid":"`+holder+`","dubs":3,%s}`, tt.roles)
					settle(time.Second)
					check("updated")
					server.CutLinks()
					settle(10 * time.Second)
					check("after a lost connection")
					expect(t, "RoleSet", roles(), nil)
					expect(t, "RoleUnset", lost(), nil)
				}, append(opts, roleRow(tt.roles))...)
			})
		}
	}
}

func TestRoles_givenByTheirTypeAlone(t *testing.T) {
	for world, opts := range map[string][]queuptest.Option{"fixed roles": {queuptest.ClassicRoles()}, "custom roles": nil} {
		t.Run(world, func(t *testing.T) {
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				_, room := joinLounge(t, server, "bot")
				events := record(room, func(e client.RoleSet) string { return e.User.Username + " " + e.Role.Label + e.Role.TemplateKey })
				send := func(name, role string) string {
					broadcast(server, name, `,"user":{"_id":"x"},"modUser":{"_id":"`+holder+`"},"role_object":%s`, role)
					settle(time.Second)
					m, _ := room.Members().Get(holder)
					return rolesOf(m)
				}
				if got := send("user-setrole", `{"type":"vip","rights":["skip"]}`); got != "VIP 1" {
					t.Errorf("given: %s", got)
				}
				if got := send("user-setrole", `{"type":"juggler"}`); got != "VIP 1" {
					t.Errorf("an unknown one is given: %s", got)
				}
				if got := send("user-unsetrole", `{"type":"vip","rights":["skip"]}`); got != " 0" {
					t.Errorf("taken: %s", got)
				}
				expect(t, "RoleSet", events(), []string{"Hal VIPvip", "Hal juggler"})
			}, append(opts, roleRow(`"roleid":null`))...)
		})
	}
}

// QueUp's records name a deleted role for longer.
func TestRoles_thatWereDeletedAreForgottenByTheirHolders(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		var vip, dj client.RoleID
		for _, role := range room.Roles() {
			switch role.TemplateKey {
			case "vip":
				vip = role.ID
			case "dj":
				dj = role.ID
			}
		}
		update := func(roles ...client.RoleID) {
			t.Helper()
			ids, _ := json.Marshal(roles)
			broadcast(server, "user_update_"+holder, `,"user":{"_id":"m7","userid":"`+holder+`","roleids":%s}`, ids)
			settle(100 * time.Millisecond)
		}
		check := func(when, want string) {
			t.Helper()
			m, _ := room.Members().Get(holder)
			if got := rolesOf(m); got != want {
				t.Errorf("%s: roles %s, want %s", when, got, want)
			}
		}
		update(vip, dj, "65c0ffee000000000000000a")
		check("given", "VIP,DJ 3") // one of them is not known yet
		broadcast(server, "room-role-delete", `,"roleid":%q`, vip)
		settle(0)
		check("deleted", "DJ 2")
		update(vip, dj)
		check("named by a record still", "DJ 1")
	}, roleRow(`"roleid":null`))
}

func TestRoles_thatWereDeletedBeforeTheJoinAreNotHeld(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		m, _ := room.Members().Get(holder)
		if got := rolesOf(m); got != " 0" {
			t.Errorf("joined: %s", got)
		}
		server.CutLinks()
		settle(10 * time.Second)
		m, _ = room.Members().Get(holder)
		if got := rolesOf(m); got != " 0" {
			t.Errorf("after a lost connection: %s", got)
		}
	}, roleRow(`"roleids":["65c0ffee000000000000000a"]`))
}

// QueUp may list a deleted role in a record that is read later.
func TestRoles_thatWereDeletedAreNotInFetchedRecords(t *testing.T) {
	var vip atomic.Value
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		for _, role := range room.Roles() {
			if role.TemplateKey == "vip" {
				vip.Store(string(role.ID))
			}
		}
		held := func() []client.RoleID { return must(room.FetchMember(t.Context(), holder))(t).RoleIDs }
		if got := held(); len(got) != 1 {
			t.Fatalf("before: %q", got)
		}
		broadcast(server, "room-role-delete", `,"roleid":%q`, vip.Load())
		settle(0)
		if got := held(); len(got) != 0 {
			t.Errorf("a record names the deleted role: %q", got)
		}
	}, meddle(http.MethodGet, "/users/"+holder, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK","data":{"_id":"m7","userid":%q,"roleids":[%q]}}`, holder, vip.Load())
	}))
}
