// Package redact keeps secrets out of logs, errors and recordings.
package redact

import "regexp"

// Mask stands where a secret stood.
const Mask = "***"

// shapes are the places where secrets stand in QueUp's traffic and in URLs. Each keeps its first group and masks the rest.
var shapes = []*regexp.Regexp{
	// JSON members that hold a secret by name.
	regexp.MustCompile(`(?i)("(?:password[\w-]*|roomPassword|token|access_token|secret|g-recaptcha-response)"\s*:\s*")(?:[^"\\]|\\.)*`),
	// The same in forms and URLs.
	regexp.MustCompile(`(?i)(\b(?:password[\w-]*|roomPassword|token|access_token|secret|g-recaptcha-response)=)[^&\s"'<>]+`),
	// Headers of a session.
	regexp.MustCompile(`(?i)((?:\b(?:set-)?cookie|\bauthorization|\bx-access-token)["']?\s*[:=]\s*["']?)[^\r\n"']+`),
	// The cookie of Express, wherever it stands.
	regexp.MustCompile(`(?i)(connect\.sid=)[^;\s"']+`),
	// The password in a URL, and the @ behind it.
	regexp.MustCompile(`(\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@"'<>]*:)[^\s/?#@"'<>]+@`),
	// A JSON Web Token, wherever it stands.
	regexp.MustCompile(`()\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*`),
}

// Bytes returns b with everything masked that looks like a secret. It does not change b.
func Bytes(b []byte) []byte {
	for _, shape := range shapes {
		b = shape.ReplaceAll(b, []byte("${1}"+Mask))
	}
	return b
}

// Text is Bytes for a string.
func Text(s string) string { return string(Bytes([]byte(s))) }

// Each calls f for everything in s that looks like a secret: where it starts and ends, without the name in front of it. What is
// masked already counts, too.
func Each(s string, f func(start, end int)) {
	for _, shape := range shapes {
		for _, m := range shape.FindAllStringSubmatchIndex(s, -1) {
			f(m[3], m[1])
		}
	}
}
