package main

import (
	"context"
	"testing"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/tools/bench/internal/probe"
)

// The handler of chat may still be at work when that of all events has heard the last one.
func TestReport_waitsForTheLastLine(t *testing.T) {
	l := &listener{config: probe.Config{Frames: 2, Chats: 2, WarmChats: 1}, chats: make(chan struct{})}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 { // one of the warm-up, and one of the two that count
		if err := l.chat(t.Context(), client.Chat{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.report(over); err == nil {
		t.Error("a report without the last line of chat")
	}
	if err := l.chat(t.Context(), client.Chat{}); err != nil {
		t.Fatal(err)
	}
	l.meter = probe.Start()
	if err := l.report(t.Context()); err != nil {
		t.Error(err)
	}
}
