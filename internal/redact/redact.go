// Package redact keeps secrets out of logs, errors and recordings.
package redact

import "regexp"

// Mask replaces a secret.
const Mask = "***"

// shapes match the places of secrets in QueUp's traffic and in URLs. The first group of each is kept and the rest masked.
var shapes = []*regexp.Regexp{
	// JSON fields that hold a secret by name.
	regexp.MustCompile(`(?i)("(?:password[\w-]*|roomPassword|token|access_token|secret|g-recaptcha-response)"\s*:\s*")(?:[^"\\]|\\.)*`),
	// The same in forms and URLs.
	regexp.MustCompile(`(?i)(\b(?:password[\w-]*|roomPassword|token|access_token|secret|g-recaptcha-response)=)[^&\s"'<>]+`),
	// Headers of a session.
	regexp.MustCompile(`(?i)((?:\b(?:set-)?cookie|\bauthorization|\bx-access-token)["']?\s*[:=]\s*["']?)[^\r\n"']+`),
	// The cookie of Express, anywhere.
	regexp.MustCompile(`(?i)(connect\.sid=)[^;\s"']+`),
	// The password in a URL, and the @ after it.
	regexp.MustCompile(`(\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@"'<>]*:)[^\s/?#@"'<>]+@`),
	// A JSON Web Token, anywhere.
	regexp.MustCompile(`()\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*`),
}

// Bytes returns b with everything that looks like a secret masked. It does not change b.
func Bytes(b []byte) []byte {
	for _, shape := range shapes {
		b = shape.ReplaceAll(b, []byte("${1}"+Mask))
	}
	return b
}

// Text is Bytes for a string.
func Text(s string) string { return string(Bytes([]byte(s))) }

// Each calls f with the start and end of everything in s that looks like a secret, without the name before it. A mask counts,
// too.
func Each(s string, f func(start, end int)) {
	for _, shape := range shapes {
		for _, m := range shape.FindAllStringSubmatchIndex(s, -1) {
			f(m[3], m[1])
		}
	}
}
