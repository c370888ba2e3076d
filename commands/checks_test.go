package commands_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/commands"
)

func TestHandle_refusesTypos(t *testing.T) {
	for name, tt := range map[string]struct {
		prefixes []string
		cmd      commands.Command
		want     string // of the panic; empty for none
	}{
		"prefix":                       {nil, commands.Command{Name: "!ping"}, `command "!ping": the name "!ping" contains the prefix "!", which people type before the name; leave it out`},
		"prefix of an alias":           {nil, commands.Command{Name: "ping", Aliases: []string{"!p"}}, `command "ping": the name "!p" contains the prefix "!"`},
		"prefix within":                {nil, commands.Command{Name: "p!ng"}, `the name "p!ng" contains the prefix "!"`},
		"another prefix":               {[]string{"!", "~~"}, commands.Command{Name: "~~ping"}, `the name "~~ping" contains the prefix "~~"`},
		"prefix in other case":         {[]string{"Bot!"}, commands.Command{Name: "bot!ping"}, `contains the prefix "Bot!"`},
		"prefix that joins words":      {[]string{"-"}, commands.Command{Name: "-ping"}, `contains the prefix "-"`},
		"words that it joins":          {[]string{"-"}, commands.Command{Name: "auto-skip"}, ""},
		"prefix that is a word":        {[]string{"q"}, commands.Command{Name: "queue"}, ""},
		"another bot's prefix":         {[]string{"~"}, commands.Command{Name: "!ping"}, ""},
		"permission":                   {nil, commands.Command{Name: "a", Permission: "queue.skpi"}, `command "a": the permission "queue.skpi" is not known; did you mean "queue.skip"?`},
		"permission in capitals":       {nil, commands.Command{Name: "a", Permission: "Members.Kick"}, `did you mean "members.kick"?`},
		"right of before":              {nil, commands.Command{Name: "a", Permission: "lockqueue"}, `did you mean "lock-queue"?`},
		"good right of before":         {nil, commands.Command{Name: "a", Permission: "set-dj"}, ""},
		"long permission":              {nil, commands.Command{Name: "a", Permission: client.Permission(strings.Repeat("x", 1_000_000))}, `is not known`},
		"name of a role":               {nil, commands.Command{Name: "a", Role: "Moderator"}, `command "a": the role "Moderator" is not the id of a role; did you mean client.RoleModerator?`},
		"template of a role":           {nil, commands.Command{Name: "a", Role: "resident-dj"}, `did you mean client.RoleResidentDJ?`},
		"name of a constant":           {nil, commands.Command{Name: "a", Role: "RoleVIP"}, `did you mean client.RoleVIP?`},
		"id with a letter missing":     {nil, commands.Command{Name: "a", Role: "52d1ce33c38a06510c00001"}, `did you mean client.RoleModerator?`},
		"id with a wrong digit":        {nil, commands.Command{Name: "a", Role: "5615fa9ae596154a5c000009"}, `did you mean client.RoleCoOwner?`},
		"id in capitals":               {nil, commands.Command{Name: "a", Role: "5615FA9AE596154A5C000000"}, `did you mean client.RoleCoOwner?`},
		"role of the room":             {nil, commands.Command{Name: "a", Role: "65f6e504182cfd0016ef0007"}, ""},
		"one role, not nearly another": {nil, commands.Command{Name: "a", Role: client.RoleResidentDJ}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.prefixes == nil {
				tt.prefixes = []string{"!"}
			}
			r := commands.New(commands.Prefix(tt.prefixes...))
			if tt.want == "" {
				r.Handle(tt.cmd, reply(""))
				return
			}
			expectPanic(t, tt.want, func(*commands.Router) { r.Handle(tt.cmd, reply("")) })
		})
	}
}

// All permissions and roles that package client declares can be needed.
func TestHandle_knowsWhatClientDeclares(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../client/role.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	r := commands.New()
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.CONST {
			continue
		}
		for _, spec := range decl.Specs {
			c := spec.(*ast.ValueSpec)
			typ, ok := c.Type.(*ast.Ident)
			if !ok {
				continue
			}
			text, err := strconv.Unquote(c.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			cmd := commands.Command{Name: c.Names[0].Name}
			switch typ.Name {
			case "Permission":
				cmd.Permission = client.Permission(text)
			case "RoleID":
				cmd.Role = client.RoleID(text)
			}
			r.Handle(cmd, reply(""))
			n++
		}
	}
	if n < 32 {
		t.Errorf("%d constants", n)
	}
}
