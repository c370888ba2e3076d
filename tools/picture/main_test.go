package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain is also the command of which a picture is made.
func TestMain(m *testing.M) {
	switch os.Getenv("PICTURE_TEST") {
	case "talk":
		_, _ = io.WriteString(os.Stdout, "— a note\n12:00  alice  <3 & more\n")
		os.Exit(0)
	case "silence":
		os.Exit(0)
	case "failure":
		_, _ = io.WriteString(os.Stdout, "oh\n")
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func TestRun(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x.svg")
	t.Setenv("PICTURE_TEST", "talk")
	if err := run(t.Context(), []string{"-o", file, "-prompt", "make demo", self}, io.Discard); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
		if s, ok := token.(xml.CharData); ok && strings.TrimSpace(string(s)) != "" {
			text = append(text, strings.TrimSpace(string(s)))
		}
	}
	shown := strings.Join(text, "\n")
	for _, want := range []string{"$\nmake demo\n— a note\n12:00  alice  <3 & more"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in the picture:\n%s", want, shown)
		}
	}
	for _, bad := range []struct{ talk, want string }{{"silence", "printed nothing"}, {"failure", "exit status 3"}} {
		t.Setenv("PICTURE_TEST", bad.talk)
		if err := run(t.Context(), []string{"-o", file, self}, io.Discard); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v", bad.talk, err)
		}
	}
	if err := run(t.Context(), []string{"-o", file}, io.Discard); err == nil {
		t.Error("nothing to run is no error")
	}
}

func TestDraw_showsTheLinesInTheirTime(t *testing.T) {
	svg := string(draw("x", []line{{"first", 0}, {"second", 1500 * time.Millisecond}}))
	for _, want := range []string{`animation-delay: 600ms" xml:space="preserve">first`, `animation-delay: 2100ms" xml:space="preserve">second`} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is missing in\n%s", want, svg)
		}
	}
}
