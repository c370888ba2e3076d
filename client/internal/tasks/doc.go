// Package tasks runs the goroutines of a client: a [Group] counts them, so that Close can wait for the last one, and
// [SharedCalls] lets concurrent callers share one call.
package tasks
