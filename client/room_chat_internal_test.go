package client

import (
	"html"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func plain(s string) string { return s }

func TestSplitChat(t *testing.T) {
	x := strings.Repeat
	tests := map[string]struct {
		text string
		most int
		want []string
	}{
		"fits":                         {"hello", 1, []string{"hello"}},
		"fits exactly":                 {x("a", 255), 1, []string{x("a", 255)}},
		"one over":                     {x("a", 256), 1, nil},
		"splits at white space":        {x("a", 200) + " " + x("b", 100), 2, []string{x("a", 200), x("b", 100)}},
		"white space at the very edge": {x("a", 255) + " \n " + x("b", 255), 2, []string{x("a", 255), x("b", 255)}},
		"splits at the last one":       {x("a", 100) + " " + x("b", 100) + " " + x("c", 100), 2, []string{x("a", 100) + " " + x("b", 100), x("c", 100)}},
		"splits a long word":           {x("a", 300), 2, []string{x("a", 255), x("a", 45)}},
		"too long for two":             {x("a", 511), 2, nil},
		"never inside a rune":          {x("🎵", 128), 2, []string{x("🎵", 127), "🎵"}},
		"never inside a flag":          {x("🇳🇿", 65), 2, []string{x("🇳🇿", 63), x("🇳🇿", 2)}},
		"never inside a family":        {x("a", 250) + "👨‍👩‍👧‍👦", 2, []string{x("a", 250), "👨‍👩‍👧‍👦"}},
		"never inside a skin tone":     {x("a", 252) + "👍🏽", 2, []string{x("a", 252), "👍🏽"}},
		"never before its marks":       {x("a", 254) + "e\u0301\u0323", 2, []string{x("a", 254), "e\u0301\u0323"}},
		"a letter longer than a line":  {"e" + x("\u0301", 300), 2, []string{"e" + x("\u0301", 254), x("\u0301", 46)}},
		"never inside an entity":       {x("&", 52), 2, []string{x("&amp;", 51), "…&amp;"}},
		"never into a command":         {x("a", 250) + " !kick bob", 2, []string{x("a", 250), "…!kick bob"}},
		"never into an action":         {x("a", 255) + "/me kicks", 2, []string{x("a", 255), "…/me kicks"}},
		"never into a hidden command":  {x("a", 255) + "\ufeff\u200b!kick", 2, []string{x("a", 255), "…\ufeff\u200b!kick"}},
		"three lines of signs":         {x("!", 600), 3, []string{x("!", 255), "…" + x("!", 254), "…" + x("!", 91)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := splitChat(characters(tt.text), html.EscapeString, tt.most); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("never inside an entity that was there", func(t *testing.T) {
		text := x("a", 253) + "&amp;" + "b"
		if got, want := splitChat(charactersAndEntities(text), plain, 2), []string{x("a", 253), "…&amp;b"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestShortenChat(t *testing.T) {
	x := strings.Repeat
	tests := map[string]struct {
		text string
		most int
		want []string
	}{
		"fits":                         {"hello", 1, []string{"hello"}},
		"fits exactly":                 {x("a", 255), 1, []string{x("a", 255)}},
		"fits into two":                {x("a", 300), 2, []string{x("a", 255), x("a", 45)}},
		"one over":                     {x("a", 256), 1, []string{x("a", 254) + "…"}},
		"too long for two":             {x("a", 200) + " " + x("b", 400), 2, []string{x("a", 200), x("b", 254) + "…"}},
		"no space before the ellipsis": {x("a", 250) + "    " + x("b", 9), 1, []string{x("a", 250) + "…"}},
		"never inside a rune":          {x("🎵", 128), 1, []string{x("🎵", 127) + "…"}},
		"never inside a flag":          {x("🇳🇿", 65), 1, []string{x("🇳🇿", 63) + "…"}},
		"never inside a family":        {x("a", 250) + "👨‍👩‍👧‍👦" + "b", 1, []string{x("a", 250) + "…"}},
		"never before its marks":       {x("a", 253) + "e\u0301\u0323" + "b", 1, []string{x("a", 253) + "…"}},
		"never inside an entity":       {x("&", 52), 1, []string{x("&amp;", 50) + "…"}},
		"never into a command":         {x("a", 250) + " !kick " + x("b", 300), 2, []string{x("a", 250), "…!kick " + x("b", 247) + "…"}},
		"a letter longer than a line":  {"e" + x("\u0301", 300), 1, []string{"e" + x("\u0301", 253) + "…"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := shortenChat(characters(tt.text), html.EscapeString, tt.most); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("never inside an entity that was there", func(t *testing.T) {
		text := x("a", 251) + "&amp;" + "b"
		if got, want := shortenChat(charactersAndEntities(text), plain, 1), []string{x("a", 251) + "…"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// Whatever the text, its shortened lines fit, and are those of the whole text if that fits.
func FuzzShortenChat(f *testing.F) {
	f.Add("hello & welcome", false, uint8(1))
	f.Add(strings.Repeat("🇳🇿👨‍👩‍👧‍👦e\u0301\u0323 \u0301", 40), false, uint8(2))
	f.Add(strings.Repeat("a b&lt;🎵\u2003", 90), true, uint8(3))
	f.Fuzz(func(t *testing.T, text string, raw bool, most uint8) {
		encode, units := html.EscapeString, characters
		if raw {
			encode, units = plain, charactersAndEntities
		}
		text = strings.TrimSpace(strings.ToValidUTF8(text, ""))
		lines := max(int(most%4), 1)
		whole := splitChat(units(text), encode, lines)
		got := shortenChat(units(text), encode, lines)
		if whole != nil && !slices.Equal(got, whole) {
			t.Errorf("got %q, want %q", got, whole)
		}
		if len(got) > lines || text != "" && whole == nil && !strings.HasSuffix(got[len(got)-1], "…") {
			t.Errorf("%q became %q", text, got)
		}
		for _, line := range got {
			if n := utf16Len(line); n == 0 || n > maxMessage {
				t.Errorf("a line of %d units", n)
			}
		}
	})
}

func FuzzSplitChat(f *testing.F) {
	f.Add("hello & welcome", false)
	f.Add(strings.Repeat("🇳🇿👨‍👩‍👧‍👦e\u0301\u0323 \u0301", 40), false)
	f.Add(strings.Repeat("a b&lt;🎵\u2003", 90), true)
	f.Fuzz(func(t *testing.T, text string, raw bool) {
		encode, units := html.EscapeString, characters
		if raw {
			encode, units = plain, charactersAndEntities
		}
		text = strings.TrimSpace(strings.ToValidUTF8(text, ""))
		if strings.Join(units(text), "") != text {
			t.Fatalf("the units of %q are not the text", text)
		}
		pieces := splitChat(units(text), encode, 10)
		var said []string
		for _, piece := range pieces {
			if n := utf16Len(piece); n == 0 || n > maxMessage {
				t.Errorf("a line of %d units", n)
			}
			if !raw && encode(html.UnescapeString(piece)) != piece {
				t.Errorf("a line that cuts an entity: %q", piece)
			}
			if said != nil && !opens(piece) && !strings.HasPrefix(html.UnescapeString(piece), `"`) && !strings.HasPrefix(html.UnescapeString(piece), "'") {
				t.Errorf("a further line that may be taken for a command: %q", piece)
			}
			said = append(said, piece)
		}
		if pieces != nil && withoutSpace(strings.Join(said, "")) != withoutSpace(encode(text)) {
			t.Errorf("%q became %q", text, said)
		}
	})
}

// withoutSpace returns a text without white space and the sign of a further line.
func withoutSpace(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), ""), "…", "")
}

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
