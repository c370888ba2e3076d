package client

import (
	"regexp"
	"strings"
	"unicode"
)

// Quote returns the words of somebody else as a bot may say them: a song's name, an argument of a command, a line from
// another room or service. Without it people reach through a bot what they may not do themselves.
//
//   - In @everyone, @mods and @djs, in any case, a space follows the @: "@ everyone". QueUp alerts these people only if the
//     sender has the permission chat.mention, which bots mostly have. Mentions of one person stay: everybody may make them.
//   - Text that another bot could take for a command is put into quotation marks: “!kick bob”. That is text that
//     begins, as people see it, with anything but a letter, a digit, a quotation mark, an opening parenthesis, an
//     ellipsis or a picture such as ♪ (Unicode class So). Slashes, exclamation marks, hyphens and @ are examples.
//
// White space around the text is cut off. What Quote has returned, it returns again. It adds one character for each such
// mention, and two for the quotation marks, so use it before you measure or cut a text. With [WithRawChat], encode the
// text as HTML first. To address somebody, begin a line with [User.Mention]. Source: docs/PROTOCOL.md 1.7.
func Quote(text string) string {
	text = defused(strings.TrimSpace(text))
	if opens(text) {
		return text
	}
	return "“" + text + "”"
}

// crowds matches the mentions that alert many people at once. Characters that nobody sees may stand between the letters,
// because QueUp or its page may drop them. What follows does not matter: a line may be cut there. Source:
// docs/PROTOCOL.md 1.7.
var crowds = regexp.MustCompile(`(?i)@(\pC*(?:` + strings.Join([]string{spread("everyone"), spread("mods"), spread("djs")}, "|") + `))`)

// spread returns a pattern for a word with invisible characters between its letters.
func spread(word string) string { return strings.Join(strings.Split(word, ""), `\pC*`) }

// defused returns text with a space behind the @ of each mention of everyone, mods and djs.
func defused(text string) string { return crowds.ReplaceAllString(text, "@ $1") }

// openers are the signs that a line may begin with, beside letters, digits and pictures.
const openers = `"'“”„‟‘’‚‛«»‹›(…`

// opens reports whether a line can begin with text and no bot takes it for a command: the first character that people see
// is a letter, a digit, a quotation mark, an opening parenthesis, an ellipsis or a picture such as ♪ (Unicode class So).
func opens(text string) bool {
	for _, r := range text {
		if unicode.Is(unicode.C, r) || unicode.IsSpace(r) { // a bot may trim it off
			continue
		}
		return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.So) || strings.ContainsRune(openers, r)
	}
	return true
}
