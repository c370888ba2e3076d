//go:build !queupcanary

package scene

// Password is what bots log in with on a QueUp in memory.
const Password = "secret"
