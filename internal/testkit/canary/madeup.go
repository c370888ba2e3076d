package canary

// The made-up secrets of `make secrets`. They need no escapes in URLs, cookies and tokens.
const (
	MadeUpPassword = "KanariPassword9q18"
	MadeUpCookie   = "KanariCookie9q18"
	MadeUpToken    = "KanariToken9q18"
)

// MadeUp returns canaries of the made-up secrets.
func MadeUp() []Canary {
	return []Canary{New("password", MadeUpPassword), New("cookie", MadeUpCookie), New("token", MadeUpToken)}
}
