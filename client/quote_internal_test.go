package client

import (
	"strings"
	"testing"
	"unicode"
)

func TestDefused_crowdsOnly(t *testing.T) {
	for text, want := range map[string]string{
		"@everyone":                     "@ everyone",
		"hi @Everyone, and @MODS!":      "hi @ Everyone, and @ MODS!",
		"@djs's turn":                   "@ djs's turn",
		"mail@everyone.example":         "mail@ everyone.example", // QueUp's rule for what stands before is not known
		"@modsquad":                     "@ modsquad",             // a line may be cut behind the s
		"@@djs@mods":                    "@@ djs@ mods",
		"@mod\u017f":                    "@ mod\u017f", // a long s is an s in any case
		"@every\u200bone @\x00djs":      "@ every\u200bone @ \x00djs",
		"@\u200beveryone":               "@ \u200beveryone",
		"@alice, @mod and @dj: hello":   "@alice, @mod and @dj: hello",
		"everyone here, mods and djs":   "everyone here, mods and djs",
		"@ everyone":                    "@ everyone",
		"\xff@everyone\xfe":             "\xff@ everyone\xfe",
		"＠everyone (another character)": "＠everyone (another character)",
		"":                              "",
	} {
		if got := defused(text); got != want || defused(got) != want {
			t.Errorf("defused(%q) = %q, again %q, want %q", text, got, defused(got), want)
		}
	}
}

func TestOpens_refusesEveryUsualPrefix(t *testing.T) {
	for r := rune(0); r <= unicode.MaxASCII; r++ {
		if unicode.IsControl(r) || r == ' ' {
			continue // tested below
		}
		usual := unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(`"'(`, r)
		if text := string(r) + "help"; opens(text) != usual {
			t.Errorf("opens(%q) = %t", text, !usual)
		}
	}
	for _, text := range []string{"\u200b!help", "\ufeff!help", "\u00a0!help", " !help", "\x00!help", "\u202e\t!help", "§help", "¿help", "€help", "！help", "—help", "￥help"} {
		if opens(text) {
			t.Errorf("opens(%q)", text)
		}
	}
	for _, text := range []string{"", "\u200b", "…!help", "\u200bhelp", "e\u0301", "\u0301", "Ünï", "歌", "♪ song", "🎵 song", "⇄ alice: hi", "“hi”", "«hi»", "7 o'clock", "٣"} {
		if !opens(text) {
			t.Errorf("opens(%q) = false", text)
		}
	}
}
