package printable_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/queup-go/queup/internal/printable"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "",
		"plain":            "plain",
		`a \ and "quotes"`: `a \ and "quotes"`,
		"déjà vu, 東京, عربي, 👩‍🚀, \u00a0": "déjà vu, 東京, عربي, 👩‍🚀, \u00a0",
		"one\ntwo\r\n\tthree":            `one\ntwo\r\n\tthree`,
		"\x1b]52;c;aGk=\x07":             `\u001b]52;c;aGk=\u0007`,
		"\x1b[31mred\x1b[0m":             `\u001b[31mred\u001b[0m`,
		"\x00 \x7f \u0085 \u009b31m":     `\u0000 \u007f \u0085 \u009b31m`,
		"evil\u202etxt.exe\u2066 \u200f": `evil\u202etxt.exe\u2066 \u200f`,
		"a\u2028b\u2029c":                `a\u2028b\u2029c`,
		"\xff bytes \x9b31m":             `\xff bytes \x9b31m`,
		"\uFFFD itself":                  "\uFFFD itself",
	} {
		got := printable.Text(text)
		if got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
		if again := printable.Text(got); again != got {
			t.Errorf("%q is printed as %q when it is printed once more", got, again)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b]52;c;aGk=\x07 \u202e \xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := printable.Text(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
			t.Errorf("%q is printed as %q", s, got)
		}
	})
}
