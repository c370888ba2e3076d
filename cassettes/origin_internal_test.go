package cassettes

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The command in a message is pasted into a shell, whatever the test and its package are called.
func TestOrigin_commandForAShell(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	for _, o := range []origin{
		{test: "TestJoin", pkg: "example.com/bot"},
		{test: "TestJoin/v1.2", pkg: packageOf("example.com/bot%2ev3_test.TestJoin.func1")},
		{test: "TestJoin/it's_$HOME", pkg: packageOf("gopkg.in/queup%2ebot%2ev3.TestJoin")},
		{test: `TestJoin/a"b"/c*(d)`, pkg: packageOf("main_test.TestJoin")},
		{test: "TestJoin/`x`", pkg: packageOf("example.com/with%22quotes.TestJoin")},
	} {
		t.Run(o.test, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), sh, "-c", `go() { printf '%s\n' "$QUEUP_CASSETTE" "$@"; }; `+o.command()).CombinedOutput()
			args := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
			if err != nil || len(args) != 6 || args[0] != "rewrite" || args[5] != o.pkg {
				t.Fatalf("%s\nruns go with %q, %v", o.command(), args, err)
			}
			patterns, names := strings.Split(args[4], "/"), strings.Split(o.test, "/")
			for i, name := range names {
				if !regexp.MustCompile(patterns[i]).MatchString(name) || regexp.MustCompile(patterns[i]).MatchString(strings.ReplaceAll(name, ".", "x")) != !strings.Contains(name, ".") {
					t.Errorf("%s does not select only %s", patterns[i], name)
				}
			}
		})
	}
	for function, want := range map[string]string{
		"example.com/bot%2ev3_test.TestJoin.func1":     "example.com/bot.v3",
		"example.com/with%22quotes.TestJoin":           `example.com/with"quotes`,
		"github.com/queup-go/queup/cassettes.TestJoin": "github.com/queup-go/queup/cassettes",
	} {
		if got := packageOf(function); got != want {
			t.Errorf("%s is of %s, want %s", function, got, want)
		}
	}
}
