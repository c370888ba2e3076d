package realtime

import (
	"fmt"
	"strings"
	"testing"
)

// The reader's parser makes less than one allocation per message like those before it: memory for the data of a few messages.
// The receiver owns only the data, and writing to it does not affect the next message.
func TestParser_copiesTheDataOnceAndNothingElse(t *testing.T) {
	data := []byte(`{"type":"chat-message","message":"` + strings.Repeat("a \\\"b\\\" ", 100) + `"}`)
	text := AppendFrame(nil, Frame{
		Action: ActionMessage, Channel: "room:65a1f0c2d4e8b90012ab34cd",
		Message: &MessageBody{Name: "chat-message", Type: "json", Data: data},
	})
	p := parser{known: make(map[string]string)}
	if n := testing.AllocsPerRun(100, func() {
		if err := p.parse(text); err != nil {
			t.Fatal(err)
		}
	}); n >= 1 {
		t.Errorf("%v allocations", n)
	}
	got := p.frame.Message.Data
	if string(got) != string(data) {
		t.Errorf("data: %s", got)
	}
	if cap(got) != len(got) {
		t.Errorf("%d bytes more than the data", cap(got)-len(got))
	}
	if err := p.parse(text); err != nil {
		t.Fatal(err)
	}
	clear(got)
	if next := p.frame.Message.Data; string(next) != string(data) {
		t.Errorf("data of the next message: %s", next)
	}
}

func TestParser_remembersABoundedNumberOfStrings(t *testing.T) {
	p := parser{known: make(map[string]string)}
	for i := range 10 * maxKnown {
		if err := p.parse(fmt.Appendf(nil, `{"action":15,"channel":"room:%d"}`, i)); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("room:%d", i); p.frame.Channel != want {
			t.Fatalf("channel %q, want %q", p.frame.Channel, want)
		}
	}
	if len(p.known) > maxKnown {
		t.Errorf("%d strings are remembered, want at most %d", len(p.known), maxKnown)
	}
}

func BenchmarkParser(b *testing.B) {
	text := AppendFrame(nil, Frame{
		Action: ActionMessage, Channel: "room:65a1f0c2d4e8b90012ab34cd",
		Message: &MessageBody{Name: "chat-message", Type: "json", Data: []byte(`{"message":"` + strings.Repeat("hello ", 300) + `"}`)},
	})
	p := parser{known: make(map[string]string)}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := p.parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
