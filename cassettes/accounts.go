package cassettes

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
)

// accounts pairs the accounts of a program with those of the recording. It is guarded by playback.mu.
type accounts struct {
	recorded *cassette.Accounts // of the recording; immutable
	known    map[string]bool    // the accounts of the recording; immutable
	paired   map[string]string  // the account of the recording, by that of the program
	strict   bool               // immutable; a login with another name than the recorded ones is not in the recording
}

// findAccounts sets the account of each request and connection of the recording.
func (p *playback) findAccounts() {
	a := &accounts{recorded: cassette.NewAccounts(), known: map[string]bool{}, paired: map[string]string{}}
	for range 2 { // the file is not in the order of time: a cookie may be replaced before the login that it came from
		for _, r := range p.all {
			a.recorded.Learn(r.Request, r.Response)
		}
	}
	for _, r := range p.all {
		if r.account = a.recorded.Of(r.Request); r.account != "" {
			a.known[r.account] = true
		}
	}
	for _, l := range p.lines {
		if l.token = token(l.open.URL); l.token == "" {
			continue
		}
		quoted := strconv.Quote(l.token)
		for _, r := range p.all {
			if strings.Contains(r.Response.Body, quoted) {
				l.account = r.account
				break
			}
		}
	}
	p.accounts = a
}

// token returns the token in the URL of a handshake.
func token(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return u.Query().Get("access_token")
}

// of returns the account of a program's request, and whether that account is already paired.
func (a *accounts) of(raw vcr.Request) (account string, paired bool) {
	own := a.recorded.Of(raw)
	if account, ok := a.paired[own]; ok {
		return account, true
	}
	return own, a.known[own]
}

// pair pairs an account of the program with one of the recording.
func (a *accounts) pair(own, account string) {
	if own != "" && account != "" {
		a.paired[own] = account
	}
}

// choose returns the index of the answer in a queue that a request gets, and -1 if all of them belong to other accounts.
//
// The name of a new login is compared with the marks of the recorded logins. A name or a credential that is not in the recording is
// paired with the next account that has no partner yet.
func (a *accounts) choose(queue []*request, raw vcr.Request) int {
	own, paired := a.of(raw)
	index := func(match func(*request) bool) int { return slices.IndexFunc(queue, match) }
	if own == "" {
		return min(0, len(queue)-1)
	}
	if paired {
		if i := index(func(r *request) bool { return r.account == own }); i >= 0 {
			return i
		}
		if strings.HasPrefix(own, cassette.LoginAccount) {
			return index(func(r *request) bool { return !strings.HasPrefix(r.account, cassette.LoginAccount) })
		}
		return min(0, len(queue)-1) // the same person may have had another cookie
	}
	taken := map[string]bool{}
	for account := range maps.Values(a.paired) {
		taken[account] = true
	}
	i := -1
	name := cassette.LoginName(raw)
	strict := a.strict && name != ""
	if name != "" {
		i = index(func(r *request) bool { return r.Marked(name) })
	}
	if i < 0 {
		i = index(func(r *request) bool { return !taken[r.account] && (!strict || !r.HasMark()) })
	}
	if i < 0 && !strict {
		i = min(0, len(queue)-1)
	}
	if i >= 0 {
		a.pair(own, queue[i].account)
	}
	return i
}

// nextLine returns the connection for a handshake: the first unused one with its token, or of its account, or of no account. nil if
// there is none. The caller holds mu.
func (p *playback) nextLine(rawURL string) *line {
	sent, account := token(rawURL), ""
	for _, l := range p.lines {
		if sent != "" && l.token == sent {
			account = l.account
		}
	}
	for _, fits := range []func(*line) bool{
		func(l *line) bool { return account != "" && l.token == sent },
		func(l *line) bool { return account == "" || l.account == account },
		func(l *line) bool { return l.account == "" },
	} {
		if i := slices.IndexFunc(p.lines, func(l *line) bool { return !l.used && fits(l) }); i >= 0 {
			return p.lines[i]
		}
	}
	return nil
}

// The fields of an identity for a message, where nothing but the account or the host differs.
const (
	accountField = "account"
	hostField    = "host"
)

// foreign adds the account and the host to an identity if the recording has an unused answer to that request for another account or
// from another host.
func (p *playback) foreign(id cassette.Identity, raw vcr.Request, host string) cassette.Identity {
	p.mu.Lock()
	defer p.mu.Unlock()
	own, _ := p.accounts.of(raw)
	for _, r := range p.requests[id.Key()] {
		switch {
		case r.played:
		case !sameHost(r.Request.Host, host):
			return with(id, hostField, host)
		default:
			return with(id, accountField, own)
		}
	}
	return id
}

// with returns an identity with one more field.
func with(id cassette.Identity, field, value string) cassette.Identity {
	fields := map[string]string{field: value}
	maps.Copy(fields, id.Fields)
	return cassette.Identity{Lane: id.Lane, Fields: fields}
}

// comparable returns the identity of a recorded request, with the fields that foreign has added to that of a sent one.
func (r *request) comparable(sent cassette.Identity) cassette.Identity {
	id := r.id
	if _, ok := sent.Fields[accountField]; ok {
		id = with(id, accountField, r.account)
	}
	if _, ok := sent.Fields[hostField]; ok {
		id = with(id, hostField, r.Request.Host)
	}
	return id
}
