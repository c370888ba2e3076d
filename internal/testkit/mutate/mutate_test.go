package mutate_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/queup-go/queup/internal/testkit/mutate"
)

func corpus() [][]byte {
	return [][]byte{
		[]byte(`{"type":"chat-message","user":{"_id":"u1","roleids":[1,2,null]},"time":1730000000000,"ok":true}`),
		[]byte(`4{"action":15,"message":{"data":"{\"type\":\"x\",\"n\":5}"}}`),
		{},
	}
}

// An input depends on nothing but the seed, the number and the corpus.
func TestInput_canBeMadeAgain(t *testing.T) {
	a, b, other := mutate.New(7, corpus()), mutate.New(7, corpus()), mutate.New(8, corpus())
	different := 0
	for i := range uint64(2000) {
		first := a.Input(i)
		if again := b.Input(i); !bytes.Equal(first, again) {
			t.Fatalf("input %d is %q and %q", i, first, again)
		}
		if !bytes.Equal(first, other.Input(i)) {
			different++
		}
	}
	if different < 1500 {
		t.Errorf("only %d of 2000 inputs depend on the seed", different)
	}
	for i, text := range corpus() {
		if !bytes.Equal(text, corpus()[i]) {
			t.Errorf("the corpus was changed: %q", text)
		}
	}
}

// Whatever is asked for turns up: what is valid and what is not, what is deep, long and odd.
func TestInput_hasEverything(t *testing.T) {
	m := mutate.New(1, corpus())
	seen := map[string]int{}
	for i := range uint64(20_000) {
		text := m.Input(i)
		if len(text) > 1<<20+1<<10 {
			t.Fatalf("input %d has %d bytes", i, len(text))
		}
		for what, is := range map[string]bool{
			"valid":            json.Valid(text),
			"invalid":          !json.Valid(text),
			"invalid UTF-8":    !utf8.Valid(text),
			"1 MiB":            len(text) >= 1<<20,
			"deep":             bytes.Contains(text, []byte(strings.Repeat("[", 20_000))),
			"lone surrogate":   bytes.Contains(text, []byte(`"\ud800"`)),
			"huge number":      bytes.Contains(text, []byte("1e999")),
			"duplicate member": bytes.Count(text, []byte(`"time":`)) > 1,
			"cut":              len(text) > 0 && len(text) < 20,
			"inner JSON":       bytes.Contains(text, []byte(`\"n\":null`)),
		} {
			if is {
				seen[what]++
			}
		}
	}
	if len(seen) != 10 {
		t.Errorf("not all kinds of input turn up: %v", seen)
	}
	if seen["valid"] < 2000 || seen["invalid"] < 2000 {
		t.Errorf("the mix is %v", seen)
	}
}

func BenchmarkInput(b *testing.B) {
	m := mutate.New(1, corpus())
	i := uint64(0)
	for b.Loop() {
		m.Input(i)
		i++
	}
}
