package scenetest

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// Prefixes are what the commands of other bots begin with, and /me.
var Prefixes = []string{"!", "/", "/me ", ".", "~", "?", "-", "$", "#", "%", "&", "*", "+", "=", ":", ";", ",", "<", ">", "|", "\\", "^", "_", "`", "[", "{", "@otherbot ", "\ufeff!", "\u200b/"}

// Hostile returns lines of a user who wants a bot to give commands or to alert the room: words that begin with each
// prefix and name everyone, mods or djs in some case, and long ones that are cut in two lines right before a prefix.
func Hostile() []string {
	crowds := []string{"@everyone", "@Everyone,", "@EVERYONE's", "@mods", "@MoDs:", "@djs", "@DJS!", "@@djs"}
	words := slices.Clone(crowds)
	for i, prefix := range Prefixes {
		words = append(words, prefix+"kick bob "+crowds[i%len(crowds)])
	}
	for n := 5; n <= 35; n += 10 {
		words = append(words, "la "+strings.Repeat("!kick ", n)+"bob") // wherever it is cut, a command follows
	}
	return words
}

var (
	crowd = regexp.MustCompile(`(?i)@(everyone|mods|djs)`)
	quiet = regexp.MustCompile(`^["'“(…]?[\pL\pN]|^“|^…|^⇄ `)
)

// Polite wants of the lines that a bot has said in a room that each fits, alerts no crowd, and begins with a word, in quotation
// marks or not, with the mark of a bridge, or with the mention of one of these people.
func Polite(t *testing.T, lines []string, people ...string) {
	t.Helper()
	for _, line := range lines {
		rest := line
		for _, name := range people {
			rest = strings.TrimPrefix(rest, "@"+name+": ")
		}
		if rest == line && !quiet.MatchString(line) {
			t.Errorf("begins as a command may: %q", line)
		}
		if crowd.MatchString(line) {
			t.Errorf("alerts a crowd: %q", line)
		}
		if n := len(utf16.Encode([]rune(html.EscapeString(line)))); n > 255 {
			t.Errorf("%d characters: %q", n, line)
		}
	}
}
