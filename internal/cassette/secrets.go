package cassette

import (
	"cmp"
	"fmt"
	"html"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/queup-go/queup/internal/redact"
)

// The kinds of secrets.
const (
	kindPassword = "password"
	kindLogin    = "login" // the name of a login; public, so redacted only there
	kindCookie   = "cookie"
	kindToken    = "token"
	kindAuth     = "authorization"
	kindEmail    = "email"
	kindIP       = "ip"
	kindExtra    = "extra"    // given by the caller
	kindMember   = "member"   // the name of a person, if people are anonymous
	kindMemberID = "memberid" // the id of the same person
	kindPicture  = "picture"  // a picture of the same person
)

// Rules are what a [Redactor] redacts in addition. The same rules make the same placeholders.
type Rules struct {
	Secrets   []string // more secret texts
	Anonymous bool     // people lose their names, ids and pictures, but stay distinct
	Except    []string // names that stay
	StableIDs bool     // ids are numbered in the order of their appearance
	KeepIDs   []string // ids that stay
}

// Redactor replaces secrets in texts. Each distinct secret gets a placeholder of its own, numbered in the order of learning. It is
// safe for concurrent use.
type Redactor struct {
	rules  Rules
	except map[string]bool

	mu     sync.Mutex
	known  map[string]*secret // guarded by mu; by kind and value
	counts map[string]int     // guarded by mu; by kind
	forms  *[256][]form       // guarded by mu; of known, by first byte, longest first; nil: to be made

	refused *LeakError     // guarded by mu; see refuse
	visit   func(s string) // if set, gets each text that was searched; not for concurrent use
}

// secret is a text to be redacted.
type secret struct {
	kind  string
	value string
	mask  string
	// inPlace is set for a secret that is masked only as the value of its name: it is too short or too public to be searched for.
	inPlace bool
}

// form is one spelling of a secret.
type form struct {
	text   string
	word   bool // counts only as a whole word
	secret *secret
}

// NewRedactor returns a redactor that knows only the secrets of the rules.
func NewRedactor(rules Rules) *Redactor {
	r := &Redactor{rules: rules, except: map[string]bool{}, known: map[string]*secret{}, counts: map[string]int{}}
	for _, name := range rules.Except {
		r.except[strings.ToLower(name)] = true
	}
	for _, s := range rules.Secrets {
		r.learn(kindExtra, s)
	}
	return r
}

// Counts returns how many distinct secrets of each kind were learned.
func (r *Redactor) Counts() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}

// The bounds of secrets that are searched for. Those shorter than minSecret would be found everywhere; those shorter than longSecret
// count only as whole words.
const (
	minSecret  = 4
	longSecret = 8
)

// learn makes a secret known and returns its placeholder. It returns a placeholder as it is. A text may be several kinds of secret, say
// a password and a name, and has a placeholder for each: which of them a program has met before must not matter.
func (r *Redactor) learn(kind, value string) (mask string) {
	if value == "" || isPlaceholder(value) {
		return value
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := kind + "\x00" + value
	if s, ok := r.known[key]; ok {
		return s.mask
	}
	r.counts[kind]++
	s := &secret{kind: kind, value: value, mask: placeholder(kind, r.counts[kind], value)}
	r.add(key, s)
	return s.mask
}

// add makes a secret known. The caller holds mu.
func (r *Redactor) add(key string, s *secret) {
	s.inPlace = s.kind == kindLogin || s.kind == kindCookie && len(s.value) < longSecret
	r.known[key] = s
	r.forms = nil
}

// placeholder replaces the nth secret of a kind. It has the form of the secret where programs check that.
func placeholder(kind string, n int, value string) string {
	switch kind {
	case kindMember:
		return fmt.Sprintf("member-%d", n)
	case kindMemberID:
		return fmt.Sprintf("%s%08x", memberIDs, n)
	case kindPicture:
		return fmt.Sprintf("https://redacted.invalid/redacted-picture-%d", n)
	case kindEmail:
		return fmt.Sprintf("redacted-email-%d@redacted.invalid", n)
	case kindIP:
		if addr, err := netip.ParseAddr(value); err == nil && addr.Is6() {
			return fmt.Sprintf("2001:db8::%x", n)
		}
		return fmt.Sprintf("198.%d.%d.%d", 18+n>>16&1, n>>8&255, n&255)
	}
	return fmt.Sprintf("redacted-%s-%d", kind, n)
}

// memberIDs is the beginning of the ids of anonymous people: 24 hexadecimal digits in all, like QueUp's.
const memberIDs = "00000000000a11a5"

// oldMemberIDs is the same in recordings made before the ids became hexadecimal.
const oldMemberIDs = "00000000anonymou"

var (
	placeholders = regexp.MustCompile(`^(?:redacted-(?:password|login|cookie|token|authorization|extra)-\d+|redacted-email-\d+@redacted\.invalid` +
		`|198\.1[89]\.\d{1,3}\.\d{1,3}|2001:db8::[0-9a-f]{1,4}|https://redacted\.invalid/redacted-picture-\d+|(?:` + memberIDs + `|` + oldMemberIDs + `)[0-9a-f]{8}|member-\d+)`)
	numbered = regexp.MustCompile(`redacted-(password|login|cookie|token|authorization)-\d+|redacted-(email)-\d+@redacted\.invalid` +
		`|198\.1[89]\.\d{1,3}\.\d{1,3}|2001:db8::[0-9a-f]{1,4}`)
)

// placeholderStarts are the first bytes of all placeholders.
const placeholderStarts = "r12h0m"

// isPlaceholder reports whether all of s is a placeholder.
func isPlaceholder(s string) bool { return len(s) > 0 && len(placeholders.FindString(s)) == len(s) }

// blank removes the numbers of the placeholders of credentials.
func blank(s string) string {
	if !strings.Contains(s, "redacted-") && !strings.Contains(s, "198.1") && !strings.Contains(s, "2001:db8::") {
		return s
	}
	return numbered.ReplaceAllStringFunc(s, func(p string) string {
		if strings.HasPrefix(p, "redacted-") {
			return strings.TrimRight(strings.TrimSuffix(p, "@redacted.invalid"), "0123456789")
		}
		return "redacted-ip-"
	})
}

// compiled returns the forms of all secrets that are searched for.
func (r *Redactor) compiled() *[256][]form {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forms != nil {
		return r.forms
	}
	var forms [256][]form
	for _, s := range r.known {
		if s.inPlace || len(s.value) < minSecret && s.kind != kindMember {
			continue
		}
		for _, text := range spellings(s.value) {
			forms[text[0]] = append(forms[text[0]], form{text: text, secret: s, word: s.kind == kindMember || s.kind == kindIP || len(s.value) < longSecret})
		}
	}
	for i := range forms {
		slices.SortFunc(forms[i], func(a, b form) int {
			return cmp.Or(cmp.Compare(len(b.text), len(a.text)), strings.Compare(a.text, b.text), cmp.Compare(rank(a.secret), rank(b.secret)),
				strings.Compare(a.secret.kind, b.secret.kind))
		})
	}
	r.forms = &forms
	return r.forms
}

// rank orders the kinds that one text may be: what the caller has named comes first, the names of people come last.
func rank(s *secret) int {
	switch s.kind {
	case kindExtra:
		return 0
	case kindMember, kindMemberID, kindPicture:
		return 2
	}
	return 1
}

// spellings returns the ways in which programs write a text into another.
func spellings(s string) []string {
	all := []string{s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s)}
	for _, text := range []string{s, html.EscapeString(s)} {
		if quoted, err := marshal(text); err == nil {
			all = append(all, string(quoted[1:len(quoted)-1]))
		}
	}
	all = append(all, lowerEscapes(url.QueryEscape(s)))
	if strings.Contains(s, "@") {
		all = append(all, strings.ReplaceAll(s, "@", "&#64;"), strings.ReplaceAll(s, "@", "&commat;"))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

var percent = regexp.MustCompile(`%[0-9A-F]{2}`)

// lowerEscapes writes %2F as %2f.
func lowerEscapes(s string) string { return percent.ReplaceAllStringFunc(s, strings.ToLower) }

var (
	emails = regexp.MustCompile(`(?i)[a-z0-9][a-z0-9._+-]*(?:@|%40|&#64;|&commat;)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\.[a-z]{2,24}\b`)
	ipv4s  = regexp.MustCompile(`\b(?:\d{1,3}\.){3}\d{1,3}\b`)
	ipv6s  = regexp.MustCompile(`(?i)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}`)
)

// shortIPv6 matches the beginning of an address with two colons that is no word with colons, such as std::list or a::b.
var shortIPv6 = regexp.MustCompile(`(?i)^(?:[23][0-9a-f]{3}|f[cde][0-9a-f]{2})::`)

// publicIP reports whether a text is an address that may locate a person.
func publicIP(s string) bool {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.IsLoopback() || addr.IsUnspecified() || isPlaceholder(s) {
		return false
	}
	if addr.Is6() {
		return strings.Count(s, ":") >= 3 || shortIPv6.MatchString(s)
	}
	return addr != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// mailAddress returns the address in a match of emails.
func mailAddress(match string) string {
	for _, at := range []string{"%40", "&#64;", "&commat;"} {
		match = strings.ReplaceAll(match, at, "@")
	}
	return match
}

// patterns are the secrets that are recognised by their form, tokens aside.
var patterns = []struct {
	kind     string
	possible func(s string) bool // quickly rules out most texts
	pattern  *regexp.Regexp
	secret   func(s string, start, end int) bool // whether a match is a secret
}{
	{
		kind: kindEmail,
		possible: func(s string) bool {
			return strings.Contains(s, "@") || strings.Contains(s, "%40") || strings.Contains(s, "&")
		},
		pattern: emails,
		secret:  func(string, int, int) bool { return true },
	},
	{
		kind:     kindIP,
		possible: func(s string) bool { return strings.Count(s, ".") >= 3 },
		pattern:  ipv4s,
		secret: func(s string, start, end int) bool {
			return isWholeIPv4(s, start, end) && !isVersion(s, start, end) && publicIP(s[start:end])
		},
	},
	{
		kind:     kindIP,
		possible: func(s string) bool { return strings.Count(s, ":") >= 2 },
		pattern:  ipv6s,
		secret:   func(s string, start, end int) bool { return isWholeIPv6(s, start, end) && publicIP(s[start:end]) },
	},
}

// shapes calls f with the place and kind of each secret that is recognised by its form.
func shapes(s string, f func(start, end int, kind string)) {
	for _, p := range patterns {
		if !p.possible(s) {
			continue
		}
		for _, m := range p.pattern.FindAllStringIndex(s, -1) {
			if p.secret(s, m[0], m[1]) {
				f(m[0], m[1], p.kind)
			}
		}
	}
	tokens(s, func(start, end int) { f(start, end, kindToken) })
	redact.Each(s, func(start, end int) { f(start, end, kindToken) })
}

// isWholeIPv4 reports whether s[start:end] is not a part of more than four numbers, such as a version. A dot after it may end a
// sentence.
func isWholeIPv4(s string, start, end int) bool {
	numberBefore := start > 0 && s[start-1] == '.'
	numberAfter := end+1 < len(s) && s[end] == '.' && '0' <= s[end+1] && s[end+1] <= '9'
	return !numberBefore && !numberAfter
}

// isWholeIPv6 reports whether s[start:end] is not a part of a word or of a longer list of numbers.
func isWholeIPv6(s string, start, end int) bool {
	wordBefore := start > 0 && wordByte(s[start-1])
	wordAfter := end < len(s) && (wordByte(s[end]) || s[end] == ':')
	ipv4After := end+1 < len(s) && s[end] == '.' && '0' <= s[end+1] && s[end+1] <= '9' // ::ffff:192.0.2.1
	return !wordBefore && !wordAfter && !ipv4After
}

func wordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= utf8.RuneSelf
}

var escapeBefore = regexp.MustCompile(`(?:\\[nrtbf]|\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2})$`)

// isWord reports whether s[start:end] is a whole word of s. Escapes beside it do not belong to the word.
func isWord(s string, start, end int) bool {
	if end < len(s) && wordByte(s[end]) && wordByte(s[end-1]) {
		return false
	}
	return start == 0 || !wordByte(s[start-1]) || !wordByte(s[start]) || escapeBefore.MatchString(s[max(start-6, 0):start])
}

// text redacts a text of unknown structure.
func (r *Redactor) text(s string) string {
	clean, _ := r.replace(s, nil)
	return clean
}

// replace redacts a text of unknown structure, except for secrets that skip returns true for. hit is a secret that was in it.
func (r *Redactor) replace(s string, skip func(*secret) bool) (clean string, hit *secret) {
	if s == "" || isPlaceholder(s) {
		return s, nil
	}
	if r.visit != nil && skip == nil {
		r.visit(s)
	}
	shapes(s, func(start, end int, kind string) {
		value := s[start:end]
		if kind == kindEmail {
			value = mailAddress(value)
		}
		if !holdsPlaceholder(value) && len(value) >= minSecret {
			r.learn(kind, value)
		}
	})
	forms := r.compiled()
	var b strings.Builder
	from := 0
	for i := 0; i < len(s); {
		if strings.IndexByte(placeholderStarts, s[i]) >= 0 {
			if p := placeholders.FindString(s[i:]); p != "" {
				i += len(p)
				continue
			}
		}
		f := match(forms[s[i]], s, i)
		if f == nil || skip != nil && skip(f.secret) {
			i++
			continue
		}
		b.WriteString(s[from:i])
		b.WriteString(f.secret.mask)
		hit = f.secret
		i += len(f.text)
		from = i
	}
	if from == 0 {
		return s, nil
	}
	b.WriteString(s[from:])
	return b.String(), hit
}

func match(forms []form, s string, at int) *form {
	for k := range forms {
		f := &forms[k]
		if strings.HasPrefix(s[at:], f.text) && (!f.word || isWord(s, at, at+len(f.text))) {
			return f
		}
	}
	return nil
}

func holdsPlaceholder(s string) bool {
	for i := range len(s) {
		if placeholders.MatchString(s[i:]) {
			return true
		}
	}
	return false
}
