package cassette

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"
)

// Accounts finds out which requests belong to the same account: a login by its name, and later requests by the cookie that the
// login set. The zero value is not ready for use; see [NewAccounts].
type Accounts struct {
	owners map[string]string // account by credential
}

// NewAccounts returns Accounts that know no login yet.
func NewAccounts() *Accounts { return &Accounts{owners: map[string]string{}} }

// Of returns the account of a request: the name of a login, or else the owner of its credential. A credential that no login set
// is an account of its own. A request without any has the account "".
func (a *Accounts) Of(r vcr.Request) string {
	if name := LoginName(r); name != "" {
		return loginAccount(name)
	}
	first := ""
	for _, c := range credentials(r.Headers) {
		if owner, ok := a.owners[c]; ok {
			return owner
		}
		if first == "" {
			first = c
		}
	}
	return first
}

// Learn adds the cookies that an answer sets. They belong to the account of the request.
func (a *Accounts) Learn(r vcr.Request, answer vcr.Response) {
	account := a.Of(r)
	if account == "" {
		return
	}
	for _, header := range answer.Headers.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(header); err == nil && c.Value != "" {
			a.owners[cookieCredential(c.Name, c.Value)] = account
		}
	}
}

// LoginAccount is the beginning of the name of an account that has logged in.
const LoginAccount = "login "

func loginAccount(name string) string            { return LoginAccount + strings.ToLower(name) }
func cookieCredential(name, value string) string { return "cookie " + name + "=" + value }

// credentials returns what says who sends a request.
func credentials(h http.Header) (all []string) {
	for _, name := range []string{"Authorization", "X-Access-Token"} {
		if v := h.Get(name); v != "" {
			all = append(all, name+" "+v)
		}
	}
	for _, line := range h.Values("Cookie") {
		cookies, err := http.ParseCookie(line)
		if err != nil {
			continue // of no account that could be named
		}
		for _, c := range cookies {
			if c.Value != "" {
				all = append(all, cookieCredential(c.Name, c.Value))
			}
		}
	}
	return all
}

// LoginName returns the name with which a request logs in, and "" for any other request.
func LoginName(r vcr.Request) string {
	u, err := url.Parse(r.URL)
	if err != nil || r.Body == "" || !loginPath(u.Path) {
		return ""
	}
	values := map[string]string{}
	media, _, _ := mime.ParseMediaType(r.Headers.Get("Content-Type")) // empty if it is malformed
	if media == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(r.Body)
		if err != nil {
			return ""
		}
		for name := range form {
			values[strings.ToLower(name)] = form.Get(name)
		}
	} else {
		var fields map[string]any
		if json.Unmarshal([]byte(r.Body), &fields) != nil {
			return ""
		}
		for name, v := range fields {
			if s, ok := v.(string); ok {
				values[strings.ToLower(name)] = s
			}
		}
	}
	if values["username"] != "" {
		return values["username"]
	}
	return values["email"]
}

// markHeader is the header of the answer to a login that tells it from the logins of other accounts. It is one byte of a hash of the
// name, more if two names would have the same: enough to tell the names of a recording apart, and too little to find a name.
const (
	markHeader = "Cassette-Account"
	maxMark    = 4 // bytes
)

func mark(name string, size int) string {
	sum := sha256.Sum256([]byte(Kind + " " + strings.ToLower(name)))
	return hex.EncodeToString(sum[:size])
}

// markLogins returns the marks of captured logins, by the order of the request. others is how many more accounts the recording has. One
// account needs none.
func markLogins(raw []*Exchange, others int) map[int]string {
	logins := map[int]string{}
	names := map[string]bool{}
	for _, e := range raw {
		if name := strings.ToLower(LoginName(e.Request)); name != "" {
			logins[e.Order] = name
			names[name] = true
		}
	}
	if len(names)+others < 2 {
		return nil
	}
	size := 1
	for ; size < maxMark; size++ {
		distinct := map[string]bool{}
		for name := range names {
			distinct[mark(name, size)] = true
		}
		if len(distinct) == len(names) {
			break
		}
	}
	for order, name := range logins {
		logins[order] = mark(name, size)
	}
	return logins
}

// mark marks the logins of a tape, by the order of the request.
func (t *Tape) mark(marks map[int]string) {
	for _, e := range t.HTTP {
		if m := marks[e.Order]; m != "" {
			e.Response.Headers.Set(markHeader, m)
		}
	}
}

// HasMark reports whether an exchange is a login that only one name fits.
func (e *Exchange) HasMark() bool { return e.Response.Headers.Get(markHeader) != "" }

// Marked reports whether an exchange is a login with that name. It is false if the recording has only one account.
func (e *Exchange) Marked(name string) bool {
	m := e.Response.Headers.Get(markHeader)
	size := len(m) / 2
	return size > 0 && size <= maxMark && m == mark(name, size)
}
