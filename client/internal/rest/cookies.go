package rest

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"
)

// cookies is the cookie jar of one login. It remembers why a cookie does not fit, because a login without a returned cookie
// looks like one that QueUp forgot at once.
type cookies struct {
	*cookiejar.Jar
	changed func() // immutable; called after the cookies to store have changed

	mu      sync.Mutex
	kept    []keptCookie // guarded by mu; for Store
	misfit  string       // guarded by mu; what is wrong with the latest cookie that does not fit
	offered bool         // guarded by mu; a cookie was offered
}

func newCookies(changed func()) *cookies {
	jar, _ := cookiejar.New(nil) // without options it returns no error
	return &cookies{Jar: jar, changed: changed}
}

// SetCookies implements [http.CookieJar].
func (c *cookies) SetCookies(u *url.URL, offered []*http.Cookie) {
	c.Jar.SetCookies(u, offered)
	changed := false
	defer func() {
		if changed {
			c.changed()
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cookie := range offered {
		c.offered = true
		changed = c.keep(u, cookie) || changed
		if why := whyMisfit(u, cookie); why != "" {
			c.misfit = fmt.Sprintf("its cookie %q %s", cookie.Name, why)
		}
	}
}

// explain returns why no cookie was sent back to QueUp, empty if the jar does not know.
func (c *cookies) explain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.offered {
		return "the answer set no cookie"
	}
	return c.misfit
}

// whyMisfit returns why a cookie from u is not sent to the other addresses of its host, empty if it is sent.
func whyMisfit(u *url.URL, cookie *http.Cookie) string {
	host, domain := strings.ToLower(u.Hostname()), strings.ToLower(strings.TrimPrefix(cookie.Domain, "."))
	switch {
	case domain != "" && host != domain && !strings.HasSuffix(host, "."+domain):
		return fmt.Sprintf("is for the domain %q, which does not cover %s: check the base URL", cookie.Domain, host)
	case cookie.Secure && u.Scheme != "https":
		return "is for https only: check the base URL"
	case cookie.Path != "" && !strings.HasPrefix(strings.TrimSuffix(u.Path, "auth/login"), strings.TrimSuffix(cookie.Path, "/")+"/"):
		return fmt.Sprintf("is for the path %q only", cookie.Path)
	case cookie.MaxAge < 0, cookie.MaxAge == 0 && !cookie.Expires.IsZero() && cookie.Expires.Before(time.Now()):
		return "has expired by the clock of this machine: check the date and the time zone"
	}
	return ""
}
