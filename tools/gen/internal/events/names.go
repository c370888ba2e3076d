package events

import (
	"go/token"
	"strings"
	"unicode"
)

// initialisms are the words that Go writes in capitals.
var initialisms = map[string]bool{"ID": true, "URL": true, "DJ": true, "JSON": true, "HTTP": true, "API": true}

// goName derives the name of a field from the name of a member: roomUrl becomes RoomURL and _force_updated ForceUpdated.
func goName(member string) string {
	var b strings.Builder
	for _, word := range words(member) {
		upper := strings.ToUpper(word)
		switch singular, plural := strings.CutSuffix(upper, "S"); {
		case initialisms[upper]:
			b.WriteString(upper)
		case plural && initialisms[singular]:
			b.WriteString(singular + "s")
		default:
			r := []rune(word)
			b.WriteString(string(unicode.ToUpper(r[0])) + string(r[1:]))
		}
	}
	return b.String()
}

// words splits a name at underscores, at hyphens and where a capital begins a new word.
func words(name string) (list []string) {
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' }) {
		runes := []rune(part)
		start := 0
		for i := 1; i < len(runes); i++ {
			afterSmall := !unicode.IsUpper(runes[i-1])
			beforeSmall := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if unicode.IsUpper(runes[i]) && (afterSmall || beforeSmall) {
				list = append(list, string(runes[start:i]))
				start = i
			}
		}
		list = append(list, string(runes[start:]))
	}
	return list
}

// isExported reports whether name can be seen outside its package and is a name at all.
func isExported(name string) bool { return token.IsIdentifier(name) && token.IsExported(name) }
