//go:build !queupcanary

package queuptest

import "crypto/subtle"

// The hooks of `make secrets`. hook_on.go has the same names, for a build with the tag queupcanary.

// The secrets of cookies and tokens begin with these texts.
const (
	cookiePrefix = ""
	tokenPrefix  = ""
)

// samePassword reports whether the password of an account is the one that was sent.
func samePassword(stored, sent string) bool {
	return subtle.ConstantTimeCompare([]byte(stored), []byte(sent)) == 1
}
