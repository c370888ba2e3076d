//go:build queupcanary

package scene

import "github.com/queup-go/queup/internal/testkit/canary"

// Password is what bots log in with on a QueUp in memory. `make secrets` looks for it in all that a bot writes.
const Password = canary.Password
