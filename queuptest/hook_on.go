//go:build queupcanary

package queuptest

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/queup-go/queup/internal/testkit/canary"
)

// The hooks of `make secrets`; hook_off.go says what they are. Cookies and tokens hold made-up secrets.

const (
	cookiePrefix = canary.MadeUpCookie
	tokenPrefix  = canary.MadeUpToken
)

// samePassword takes the made-up password for the one of DefaultWorld, so that tests may log in with either.
func samePassword(stored, sent string) bool {
	if sent == canary.MadeUpPassword {
		canary.Hit("logins of " + strings.TrimSuffix(filepath.Base(os.Args[0]), ".test"))
	}
	return defaultPassword(stored) == defaultPassword(sent)
}

func defaultPassword(password string) string {
	if password == canary.MadeUpPassword {
		return "secret"
	}
	return password
}
