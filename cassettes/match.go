package cassettes

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
)

// Request is a request without secrets, for [Match].
type Request struct {
	Method string
	URL    string
	Header http.Header // only headers that are kept in recordings
	Body   string
}

// rules are what a test says about some of its requests.
type rules struct {
	ignored []ignored
	matches []matcher
	repeats []string // patterns
}

type ignored struct{ pattern, field string }

type matcher struct {
	pattern string
	same    func(recorded, sent Request) bool
}

// checkPattern returns an error for a pattern that is malformed.
func checkPattern(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
		return fmt.Errorf("the pattern %q is not valid", pattern)
	}
	return nil
}

// matches reports whether a text matches a pattern that checkPattern has accepted.
func matches(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return err == nil && ok
}

// Ignore leaves fields out when requests are compared, for values that are new each time. The pattern is one of [path.Match] for
// method and path, such as "POST /chat/*". The fields are named as in the message about a request that does not match, such as
// "query.nonce", "body.sent" or "body.items[[]*].id"; they may be patterns, too.
func Ignore(pattern string, fields ...string) Option {
	return func(c *config) error {
		errs := []error{checkPattern(pattern)}
		if len(fields) == 0 {
			errs = append(errs, errors.New("Ignore without a field"))
		}
		for _, field := range fields {
			errs = append(errs, checkPattern(field))
			c.request.ignored = append(c.request.ignored, ignored{pattern, field})
		}
		return errors.Join(errs...)
	}
}

// Match decides by a function whether a request that is sent is the recorded one. The pattern is one of [path.Match] for method and
// path, such as "GET /search/*". Both requests have the same placeholders for secrets, but their numbers may differ. Among the recorded
// requests that match, the first unused one is played.
func Match(pattern string, same func(recorded, sent Request) bool) Option {
	return func(c *config) error {
		if same == nil {
			return errors.New("Match without a function")
		}
		c.request.matches = append(c.request.matches, matcher{pattern, same})
		return checkPattern(pattern)
	}
}

// Repeat allows requests to be sent more or less often than they were recorded, such as polls and clocks. Once all answers were
// played, the last one comes again, and unused answers do not fail the test. An answer that was recorded after a change comes only
// after the change; until then, the answer before it comes again. After the change, unused answers from before it are skipped. The
// pattern is one of [path.Match] for method and path, such as "GET /room/*/playlist/active".
func Repeat(pattern string) Option {
	return func(c *config) error {
		c.request.repeats = append(c.request.repeats, pattern)
		return checkPattern(pattern)
	}
}

// identity returns the identity of a redacted request, without ignored fields.
func (r *rules) identity(request vcr.Request) (cassette.Identity, error) {
	id, err := cassette.Identify(request)
	if err != nil {
		return id, err
	}
	for _, rule := range r.ignored {
		if matches(rule.pattern, id.Lane) {
			maps.DeleteFunc(id.Fields, func(name, _ string) bool { return matches(rule.field, name) })
		}
	}
	return id, nil
}

// repeatable reports whether a request may be sent more or less often than it was recorded.
func (r *rules) repeatable(id cassette.Identity) bool {
	return slices.ContainsFunc(r.repeats, func(pattern string) bool { return matches(pattern, id.Lane) })
}

// matching returns the recorded requests that are the same as one that is sent, played ones too. Without [Match] they are those with
// the same identity.
func (p *playback) matching(id cassette.Identity, sent vcr.Request) (all []*request) {
	rules := &p.c.cfg.request
	i := slices.IndexFunc(rules.matches, func(m matcher) bool { return matches(m.pattern, id.Lane) })
	if i < 0 {
		return p.requests[id.Key()]
	}
	m := rules.matches[i]
	for _, r := range p.all {
		if matches(m.pattern, r.id.Lane) && m.same(public(r.Request), public(sent)) {
			all = append(all, r)
		}
	}
	return all
}

// public returns a redacted request for a function of the test. It shares no memory with the recording.
func public(r vcr.Request) Request {
	return Request{Method: r.Method, URL: r.URL, Header: r.Headers.Clone(), Body: r.Body}
}
