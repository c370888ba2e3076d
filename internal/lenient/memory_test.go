package lenient_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-faster/jx"
	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/internal/lenient"
)

// recaller reads objects as Members does: remembered ones are recalled, all others are decoded and learned.
type recaller struct {
	memory  lenient.Memory[thing]
	decoded int
}

// read returns the value at the beginning of text, and the length of its JSON if it was remembered.
func (r *recaller) read(text []byte) (got thing, size int, unfit jx.Raw, err error) {
	if size = r.memory.Recall(&got, text); size > 0 {
		return got, size, nil, nil
	}
	unfit, err = r.memory.Learn(&got, lenient.Lend(text), func(dst *thing, d *lenient.Decoder) (jx.Raw, error) {
		r.decoded++
		*dst = thing{}
		return lenient.ObjectOrID(d, &dst.ID, dst, &dst.Extra, (*thing).member)
	})
	return got, 0, unfit, err
}

// person is the JSON of a thing, long enough to be remembered.
func person(id string, size int) string {
	return fmt.Sprintf(`{"id": %q, "name": %q, "size": %d}`, id, strings.Repeat("a long name, ", 15), size)
}

func TestMemory_decodesRepeatedObjectsOnce(t *testing.T) {
	var r recaller
	for _, step := range []struct {
		json string
		want thing
		cost int // how often it is decoded
	}{
		{person("a", 1), thing{ID: "a", Size: 1}, 1},
		{person("a", 1), thing{ID: "a", Size: 1}, 1},
		{person("a", 1), thing{ID: "a", Size: 1}, 0},
		{person("a", 2), thing{ID: "a", Size: 2}, 1},
		{person("a", 1), thing{ID: "a", Size: 1}, 0},
		{person("a", 12), thing{ID: "a", Size: 12}, 1},
		{person("a", 1) + `, "next": {"id": 3}}`, thing{ID: "a", Size: 1}, 0},
		{person("a", 1) + `}`, thing{ID: "a", Size: 1}, 0},
		{`"a"`, thing{ID: "a"}, 1},
		{`"a"`, thing{ID: "a"}, 1},
		{`"a"`, thing{ID: "a"}, 1},
		{`null`, thing{}, 1},
		{`{"id": "short"}`, thing{ID: "short"}, 1},
		{`{"id": "short"}`, thing{ID: "short"}, 1},
		{`{"id": "short"}`, thing{ID: "short"}, 1},
	} {
		before := r.decoded
		got, size, unfit, err := r.read([]byte(step.json))
		if unfit != nil || err != nil {
			t.Fatalf("%s: %s, %v", step.json, unfit, err)
		}
		got.Extra = nil
		if diff := cmp.Diff(step.want, got); diff != "" || r.decoded-before != step.cost {
			t.Errorf("%s: decoded %d times, want %d (-want +got):\n%s", step.json, r.decoded-before, step.cost, diff)
		}
		if step.cost == 0 && size != len(person("a", 1)) {
			t.Errorf("%s: %d bytes are said to be recalled", step.json, size)
		}
	}
	for range 3 {
		if _, _, unfit, err := r.read([]byte(`[1]`)); string(unfit) != `[1]` || err != nil {
			t.Errorf("a value that does not fit: %s, %v", unfit, err)
		}
		whole := person("a", 1)
		if _, _, _, err := r.read([]byte(whole[:len(whole)-1])); err == nil {
			t.Error("an object without an end is not an error")
		}
	}
}

// A later reader must not see how an earlier one reuses its buffer.
func TestMemory_copiesItsInput(t *testing.T) {
	var r recaller
	text := person("a", 1)
	want, _, _, err := r.read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		input := []byte(text)
		got, _, _, err := r.read(input)
		if err != nil {
			t.Fatal(err)
		}
		clear(input)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if r.decoded != 2 {
		t.Errorf("decoded %d times: it is not remembered", r.decoded)
	}
}

// A room of 5,000 people is remembered as well as one of 50: they do not evict each other, and people who no longer come do not
// keep them out.
func TestMemory_holdsALargeRoom(t *testing.T) {
	const people = 5000
	var r recaller
	recallAll := func(who string, n int) {
		for i := range n {
			got, _, unfit, err := r.read([]byte(person(fmt.Sprint(who, i), i)))
			if unfit != nil || err != nil {
				t.Fatalf("%s, %v", unfit, err)
			}
			if got.Size != int64(i) {
				t.Fatalf("%d is taken for %+v", i, got)
			}
		}
	}
	for range 4 {
		recallAll("gone", 4*people)
	}
	for range 20 { // two with the same hint, or in the same place, need a few more rounds than others
		recallAll("here", people)
	}
	r.decoded = 0
	recallAll("here", people)
	if r.decoded > people/50 {
		t.Errorf("%d of %d were decoded again", r.decoded, people)
	}
}

// However long the objects that a server sends, the memory for them is bounded.
func TestMemory_doesNotHoldGiants(t *testing.T) {
	var r recaller
	text := `{"id": "a", "x": "` + strings.Repeat("y", 4<<10) + `"}`
	for range 5 {
		if got, _, _, err := r.read([]byte(text)); err != nil || got.ID != "a" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if r.decoded != 5 {
		t.Errorf("decoded %d times of 5: it is held", r.decoded)
	}
}

// Several connections share one memory.
func TestMemory_isSafeForConcurrentUse(t *testing.T) {
	var memory lenient.Memory[thing]
	decode := func(dst *thing, d *lenient.Decoder) (jx.Raw, error) {
		*dst = thing{}
		return lenient.Object(d, dst, &dst.Extra, (*thing).member)
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for i := range 40_000 { // of more than it holds
				n := i * 7919 % 20_000
				text := []byte(person(fmt.Sprint("u", n), n))
				var got thing
				if memory.Recall(&got, text) == 0 {
					if _, err := memory.Learn(&got, lenient.Lend(text), decode); err != nil {
						t.Error(err)
						return
					}
				}
				if got.Size != int64(n) {
					t.Errorf("%d is taken for %+v", n, got)
					return
				}
			}
		})
	}
	readers.Wait()
}

func BenchmarkMemory(b *testing.B) {
	decode := func(dst *thing, d *lenient.Decoder) (jx.Raw, error) {
		*dst = thing{}
		return lenient.Object(d, dst, &dst.Extra, (*thing).member)
	}
	var memory lenient.Memory[thing]
	var dst thing
	learn := func(b *testing.B, text []byte) {
		b.Helper()
		d := lenient.Lend(text)
		defer d.GiveBack()
		if _, err := memory.Learn(&dst, d, decode); err != nil {
			b.Fatal(err)
		}
	}
	known, long := []byte(person("known", 1)), []byte(person(strings.Repeat("long", 1100), 1))
	learn(b, known)
	learn(b, known)
	b.Run("recall", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if memory.Recall(&dst, known) == 0 {
				b.Fatal("it is not remembered")
			}
		}
	})
	b.Run("learn", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			learn(b, long)
		}
	})
}
