//go:build !queupcanary

package canary

// Watching reports whether the program was built with the tag queupcanary, as `make secrets` builds it. The hooks then print all
// that they see, which takes time and memory.
const Watching = false

// Password is what tests log in with. queuptest.DefaultWorld has it, too.
const Password = "secret"
