package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// events is the output of go test -json: a passes while b is still running, b fails in one test and passes in another, c has
// no tests.
const events = `{"Action":"start","Package":"a"}
{"Action":"start","Package":"b"}
{"Action":"run","Package":"b","Test":"TestGood"}
{"Action":"output","Package":"b","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"output","Package":"b","Test":"TestGood","Output":"    b_test.go:3: fine\n"}
{"Action":"output","Package":"b","Test":"TestGood","Output":"--- PASS: TestGood (0.00s)\n"}
{"Action":"pass","Package":"b","Test":"TestGood","Elapsed":0}
{"Action":"output","Package":"a","Output":"PASS\n"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.1s\n"}
{"Action":"pass","Package":"a","Elapsed":0.1}
{"Action":"run","Package":"b","Test":"TestBad"}
{"Action":"output","Package":"b","Test":"TestBad","Output":"=== RUN   TestBad\n"}
{"Action":"output","Package":"b","Test":"TestBad","Output":"    b_test.go:7: broken\n"}
{"Action":"output","Package":"b","Test":"TestBad","Output":"--- FAIL: TestBad (0.00s)\n"}
{"Action":"fail","Package":"b","Test":"TestBad","Elapsed":0}
{"Action":"run","Package":"b","Test":"TestUnfinished"}
{"Action":"output","Package":"b","Test":"TestUnfinished","Output":"panic: no\n"}
{"Action":"output","Package":"b","Output":"FAIL\tb\t0.2s\n"}
{"Action":"fail","Package":"b","Elapsed":0.2}
{"Action":"output","Package":"c","Output":"?   \tc\t[no test files]\n"}
{"Action":"skip","Package":"c","Elapsed":0}
{"ImportPath":"d","Action":"build-output","Output":"d/d.go:3:1: syntax error\n"}
{"Action":"output","Package":"d","Output":"FAIL\td [build failed]\n"}
{"Action":"fail","Package":"d","Elapsed":0,"FailedBuild":"d"}
`

func TestReport(t *testing.T) {
	var out bytes.Buffer
	passed, failed, err := report(strings.NewReader(events), &out)
	if err != nil || passed != 1 || !slices.Equal(failed, []string{"b", "d"}) {
		t.Errorf("%d packages passed, %q failed, %v", passed, failed, err)
	}
	want := `ok  	a	0.1s
    b_test.go:7: broken
--- FAIL: TestBad (0.00s)
panic: no
FAIL	b	0.2s
d/d.go:3:1: syntax error
FAIL	d [build failed]
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

// Each package is printed when it has finished, not when all have.
func TestReport_doesNotWait(t *testing.T) {
	var out bytes.Buffer
	finished, _, _ := strings.Cut(events, `{"Action":"run","Package":"b","Test":"TestBad"}`)
	if _, _, err := report(strings.NewReader(finished), &out); err != nil || out.String() != "ok  \ta\t0.1s\n" {
		t.Errorf("%v, printed %q", err, out.String())
	}
}

func TestReport_outputThatIsNotJSON(t *testing.T) {
	if _, _, err := report(strings.NewReader("panic: go test"), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "go test -json") {
		t.Errorf("err = %v", err)
	}
}

func TestRun_exitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"go.mod":        "module example.com/m\n\ngo 1.26.0\n",
		"bad/a_test.go": "package bad\n\nfunc f() int { return \"\" }\n",
		"good/a.go":     "package good\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"a package that does not compile": {[]string{"./..."}, 1, "FAIL: example.com/m/bad\n"},
		"a package without tests":         {[]string{"./good"}, 0, "ok: 0 packages in"},
		"a flag that go test refuses":     {[]string{"-mod=none", "./good"}, 1, "-mod"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer // written at the same time
			code := run(t.Context(), tt.args, &out, &errs)
			if text := out.String() + errs.String(); code != tt.code || !strings.Contains(text, tt.want) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, tt.code, tt.want, text)
			}
		})
	}
}
