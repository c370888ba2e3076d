package realtime

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// minSecret is the length from which a token is searched for as such; a shorter one would be found in any text.
const minSecret = 6

var tokenParam = regexp.MustCompile(`(access_token=)[^&\s"'<>]*`)

// scrub replaces the token in a text.
func scrub(text, token string) string {
	text = tokenParam.ReplaceAllString(text, "${1}***")
	if len(token) < minSecret {
		return text
	}
	return strings.NewReplacer(token, "***", url.QueryEscape(token), "***", url.PathEscape(token), "***").Replace(text)
}

// redact returns err without the token. We put it nowhere, but a foreign dialer may quote the URL, and a server may send
// back what it was sent.
func redact(err error, token string) error {
	clean := err
	if refused, ok := errors.AsType[*HandshakeError](err); ok {
		if body := scrub(string(refused.Body), token); body != string(refused.Body) {
			scrubbed := *refused
			scrubbed.Body = []byte(body)
			if scrubbed.Err != nil {
				scrubbed.Err = redact(scrubbed.Err, token)
			}
			if clean = &scrubbed; IsPermanent(err) {
				clean = Permanent(clean)
			}
		}
	}
	if text := clean.Error(); scrub(text, token) != text {
		return &redacted{text: scrub(text, token), err: clean}
	}
	return clean
}

// redacted stands for an error that may be asked what it is, but not be unwrapped: what is inside quotes the token.
type redacted struct {
	text string
	err  error
}

func (e *redacted) Error() string        { return e.text }
func (e *redacted) Is(target error) bool { return errors.Is(e.err, target) }
