package cassettes

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/printable"
)

// ErrRefusedHost is the error for a request or a handshake to a host that the option [Refuse] names.
var ErrRefusedHost = errors.New("cassettes: the host is refused")

// PassThrough sends requests and handshakes for these hosts over the network in every mode, also in replay. They are neither recorded nor
// compared. A host is a name without a port, or a pattern of [path.Match] such as "*.example.com".
func PassThrough(hosts ...string) Option {
	return func(c *config) error {
		c.hosts.passed = append(c.hosts.passed, hosts...)
		return checkHosts("PassThrough", hosts)
	}
}

// Refuse refuses requests and handshakes for these hosts in every mode, with an error that matches [ErrRefusedHost]. The test does not
// fail by that. A host is a name without a port, or a pattern of [path.Match] such as "*.example.com".
func Refuse(hosts ...string) Option {
	return func(c *config) error {
		c.hosts.refused = append(c.hosts.refused, hosts...)
		return checkHosts("Refuse", hosts)
	}
}

func checkHosts(option string, hosts []string) error {
	if len(hosts) == 0 {
		return fmt.Errorf("%s without a host", option)
	}
	errs := make([]error, len(hosts))
	for i, host := range hosts {
		errs[i] = checkPattern(host)
	}
	return errors.Join(errs...)
}

// hosts are those that do not belong to the recording.
type hosts struct{ passed, refused []string }

// passes reports whether requests to a host go over the network in every mode. A host that is refused has an error.
func (h *hosts) passes(u *url.URL) (bool, error) {
	name := strings.ToLower(u.Hostname())
	in := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(strings.ToLower(pattern), name) })
	}
	if in(h.refused) {
		return false, fmt.Errorf("%w: %s", ErrRefusedHost, printable.Text(name))
	}
	return in(h.passed), nil
}

// pass handles a request for a host that does not belong to the recording. done is false for any other request.
func (c *Cassette) pass(req *http.Request, body []byte) (resp *http.Response, done bool, err error) {
	passes, err := c.cfg.hosts.passes(req.URL)
	if err != nil || !passes {
		return nil, err != nil, err
	}
	c.wentLive()
	resp, err = c.through.RoundTrip(sent(req, body))
	return resp, true, err
}

// sameHost reports whether a request for one host may get an answer that was recorded from another. Both are redacted, so a server on
// the loopback, such as a queuptest, stands for any host. So does a host that an older recording does not name.
func sameHost(recorded, sent string) bool {
	anyHost := func(host string) bool { return host == "" || host == cassette.TestHost }
	return strings.EqualFold(recorded, sent) || anyHost(recorded) || anyHost(sent)
}
