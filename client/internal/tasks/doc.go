// Package tasks runs the goroutines of a client. A [Group] counts them, so that Close can wait for the last one.
// [SharedCalls] lets concurrent callers share one call.
package tasks
