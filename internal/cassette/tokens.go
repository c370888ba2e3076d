package cassette

import (
	"mime"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The names of secrets, in lower case and without separators.
var (
	passwordNames = nameSet("pass pwd passwd passphrase passcode secret clientsecret appsecret apisecret webhooksecret signingsecret secretkey " +
		"privatekey apikey appkey accesskey")
	tokenNames  = nameSet("grecaptcharesponse otsession sessionid sessionkey phpsessid jsessionid csrf xsrf jwt bearer")
	cookieNames = nameSet("cookie setcookie connect.sid")
	pageTokens  = nameSet("nextpagetoken prevpagetoken pagetoken continuationtoken synctoken")
	// foreignNames are secrets in the query of another service. QueUp has public fields of these names.
	foreignNames = nameSet("key sig signature auth hmac")
)

func nameSet(names string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

var separators = strings.NewReplacer("_", "", "-", "")

// secretName returns the kind of secret that has a name in JSON, a form or a query.
func secretName(name string) (kind string, secret bool) {
	name = separators.Replace(strings.ToLower(strings.TrimSuffix(name, "[]")))
	switch {
	case pageTokens[name]:
		return "", false
	case tokenNames[name] || strings.HasSuffix(name, "token") || strings.HasSuffix(name, "csrf"):
		return kindToken, true
	case passwordNames[name] || strings.HasPrefix(name, "password") || strings.HasSuffix(name, "password"):
		return kindPassword, true
	case cookieNames[name]:
		return kindCookie, true
	case name == "authorization":
		return kindAuth, true
	}
	return "", false
}

// foreignHost reports whether a host is neither QueUp nor a test.
func foreignHost(host string) bool {
	return host != "" && host != TestHost && !loopback(host) && !strings.HasSuffix("."+host, ".queup.net")
}

// tokenShapes are the forms of tokens that well-known services make. They follow the rules of gitleaks, and take shorter tokens, too. The
// module of gitleaks is not used: it requires 74 other modules, and a recording is redacted inside the tests of a bot. The first group is
// the secret.
var tokenShapes = []struct {
	has     []string // one of these is in a text with such a token
	pattern *regexp.Regexp
}{
	{[]string{"_live_", "_test_", "_prod_"}, regexp.MustCompile(`\b((?:sk|pk|rk)_(?:live|test|prod)_[0-9A-Za-z]{8,})`)},
	{[]string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}, regexp.MustCompile(`\b(gh[pousr]_[0-9A-Za-z]{16,})`)},
	{[]string{"github_pat_"}, regexp.MustCompile(`\b(github_pat_\w{20,})`)},
	{[]string{"glpat-"}, regexp.MustCompile(`\b(glpat-[\w-]{16,})`)},
	{[]string{"xox", "xapp-"}, regexp.MustCompile(`\b((?:xox[a-z]|xapp)-[\w-]{10,})`)},
	{[]string{"AIza"}, regexp.MustCompile(`\b(AIza[\w-]{30,})`)},
	{[]string{"AKIA", "ASIA"}, regexp.MustCompile(`\b((?:AKIA|ASIA)[0-9A-Z]{16})\b`)},
	{[]string{"ya29."}, regexp.MustCompile(`\b(ya29\.[\w-]{16,})`)},
	{[]string{"SG."}, regexp.MustCompile(`\b(SG\.[\w-]{16,}\.[\w-]{16,})`)},
	{[]string{"sk-"}, regexp.MustCompile(`\b(sk-[A-Za-z][\w-]*\d[\w-]{16,}|sk-[0-9A-Za-z]{20,})`)},
	{[]string{"npm_", "hf_", "whsec_", "shpat_", "dop_v1_", "pypi-"}, regexp.MustCompile(`\b((?:npm|hf|whsec|shpat|dop_v1)_\w{20,}|pypi-[\w-]{30,})`)},
	{[]string{":A"}, regexp.MustCompile(`(\d{5,16}:A[\w-]{31,})`)},
	{[]string{"."}, regexp.MustCompile(`\b([MNO][\w-]{22,}\.[\w-]{6,7}\.[\w-]{27,})`)},
	{[]string{"PRIVATE KEY"}, regexp.MustCompile(`(-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----)`)},
	{
		[]string{"csrf", "xsrf", "CSRF", "XSRF", "authenticity_token"},
		regexp.MustCompile(`(?i)name=\\?["'][^"'\\]*(?:csrf|xsrf|authenticity_token)[^"'\\]*\\?["'][^>]*?(?:value|content)=\\?["']([^"'\\]{4,})`),
	},
}

var (
	queryPair = regexp.MustCompile(`[?&;]([\w.-]+)=([^&;\s"'<>#\\]{4,})`)
	hookPath  = regexp.MustCompile(`(?i)(?:/[\w-]*hooks?|hooks\.slack\.com/[a-z]+)/([^\s"'<>?#\\]+)`)
	hexRun    = regexp.MustCompile(`\b(?:[0-9a-f]{32,}|[0-9A-F]{32,})\b`)
)

// tokens calls f with the place of each token that is recognised by its form, by the query of a URL, or by the path of a webhook.
func tokens(s string, f func(start, end int)) {
	if len(s) < longSecret {
		return
	}
	for i := range tokenShapes {
		shape := &tokenShapes[i]
		for _, part := range shape.has {
			if strings.Contains(s, part) {
				for _, m := range shape.pattern.FindAllStringSubmatchIndex(s, -1) {
					f(m[2], m[3])
				}
				break
			}
		}
	}
	if strings.Contains(s, "://") && strings.Contains(s, "=") {
		for _, m := range queryPair.FindAllStringSubmatchIndex(s, -1) {
			name := s[m[2]:m[3]]
			if _, secret := secretName(name); secret || foreignNames[strings.ToLower(name)] {
				f(m[4], m[5])
			}
		}
	}
	if strings.Contains(s, "hook") || strings.Contains(s, "Hook") {
		for _, m := range hookPath.FindAllStringSubmatchIndex(s, -1) {
			from := m[2]
			for _, segment := range strings.SplitAfter(s[m[2]:m[3]], "/") {
				if part := strings.TrimSuffix(segment, "/"); randomText(part) {
					f(from, from+len(part))
				}
				from += len(segment)
			}
		}
	}
	if len(s) < 32 {
		return
	}
	for _, m := range hexRun.FindAllStringIndex(s, -1) {
		if hex := s[m[0]:m[1]]; strings.ContainsAny(hex, "123456789") && strings.ContainsAny(hex, "abcdefABCDEF") {
			f(m[0], m[1])
		}
	}
}

// randomText reports whether a part of a path is long and mixed enough for a token. An id of QueUp is none.
func randomText(s string) bool {
	if len(s) < 16 || id24.MatchString(s) {
		return false
	}
	return strings.ContainsAny(s, "0123456789") && strings.Trim(s, "0123456789") != ""
}

var id24 = regexp.MustCompile(`^[0-9a-f]{24}$`)

// hashField reports whether a field holds the hash of public contents.
func hashField(name string) bool {
	switch strings.ToLower(name) {
	case "etag", "hash", "md5", "sha", "sha1", "sha256", "checksum", "digest", "commit", "public_id":
		return true
	}
	return false
}

var (
	wholeHex      = regexp.MustCompile(`^[0-9a-fA-F]{32,}$`)
	versionBefore = regexp.MustCompile(`(?i)(?:version|release|build|\bver|\brev)[.\s"'\\:=]*$|[A-Za-z]/$`)
	versionAfter  = regexp.MustCompile(`(?i)^[-+](?:alpha|beta|rc|dev|snapshot)`)
)

// isVersion reports whether four numbers in a text are a version: the word stands in front, or the name of a program with a slash.
func isVersion(s string, start, end int) bool {
	return versionBefore.MatchString(s[max(start-24, 0):start]) || versionAfter.MatchString(s[end:])
}

// public reports whether the value of a field is public because of the field's name, although it has the form of a secret: the id of a
// request or of a guest, the hash of a picture, a version. The ids that are secrets, such as sessionId, never come here.
func public(field, value string) bool {
	lower := strings.ToLower(field)
	return (hashField(field) || strings.HasSuffix(lower, "id") || lower == "channel") && wholeHex.MatchString(value[strings.IndexByte(value, ':')+1:]) ||
		strings.Contains(lower, "version") && ipv4s.FindString(value) == value
}

var partName = regexp.MustCompile(`(?i)content-disposition:[^\r\n]*[;\s]name="?([^";\r\n]*)"?`)

// parts redacts a body of parts. The parts of files stay as they are, unless they are text.
func (r *Redactor) parts(body, boundary string, n names) string {
	pieces := strings.Split(body, "--"+boundary)
	for i, piece := range pieces {
		head, value, ok := strings.Cut(piece, "\r\n\r\n")
		gap := "\r\n\r\n"
		if !ok {
			if head, value, ok = strings.Cut(piece, "\n\n"); !ok {
				continue
			}
			gap = "\n\n"
		}
		content := strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r")
		end := value[len(content):]
		name := ""
		if m := partName.FindStringSubmatch(head); m != nil {
			name = m[1]
		}
		kind, isSecret := n.kind(name)
		nested, isJSON := r.json(content, n, 1)
		switch {
		case isJSON:
			content = nested
		case isSecret && content != "":
			content = r.learn(kind, content)
		case utf8.ValidString(content):
			content = r.value(name, content)
		}
		if clean, hit := r.replace(head, func(known *secret) bool { return protocol().has(known.value) }); hit != nil {
			head = clean
		}
		pieces[i] = head + gap + content + end
	}
	return strings.Join(pieces, "--"+boundary)
}

// boundaryOf returns the boundary of parts, and "" for any other content.
func boundaryOf(contentType string) string {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(media, "multipart/") {
		return ""
	}
	return params["boundary"]
}

// learnURL learns the tokens in the path of a URL.
func (r *Redactor) learnURL(u *url.URL) {
	text := u.Host + u.Path
	tokens(text, func(start, end int) {
		if value := text[start:end]; !holdsPlaceholder(value) {
			r.learn(kindToken, value)
		}
	})
}
