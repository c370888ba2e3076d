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

func TestMemory_decodesOnceWhatComesAgain(t *testing.T) {
	var memory lenient.Memory[thing]
	decoded := 0
	decode := func(dst *thing, d *jx.Decoder) (jx.Raw, error) {
		decoded++
		*dst = thing{}
		return lenient.ObjectOrID(d, &dst.ID, dst, &dst.Extra, (*thing).member)
	}
	for _, step := range []struct {
		json string
		want thing
		cost int // how often decode is called
	}{
		{`{"id": "a", "size": 1}`, thing{ID: "a", Size: 1}, 1},
		{`{"id": "a", "size": 1}`, thing{ID: "a", Size: 1}, 1},
		{`{"id": "a", "size": 1}`, thing{ID: "a", Size: 1}, 0},
		{`{"id": "a", "size": 2}`, thing{ID: "a", Size: 2}, 1},
		{`{"id": "a", "size": 1}`, thing{ID: "a", Size: 1}, 0},
		{`"a"`, thing{ID: "a"}, 1},
		{`"a"`, thing{ID: "a"}, 1},
		{`"a"`, thing{ID: "a"}, 1},
		{`null`, thing{}, 1},
	} {
		before := decoded
		got := thing{ID: "old", Size: 7}
		d := jx.DecodeStr(step.json + " ")
		if unfit, err := memory.Recall(&got, d, decode); unfit != nil || err != nil {
			t.Fatalf("%s: %s, %v", step.json, unfit, err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" || decoded-before != step.cost {
			t.Errorf("%s: decoded %d times, want %d (-want +got):\n%s", step.json, decoded-before, step.cost, diff)
		}
	}
	for range 3 {
		var got thing
		if unfit, err := memory.Recall(&got, jx.DecodeStr(`[1]`), decode); string(unfit) != `[1]` || err != nil {
			t.Errorf("what does not fit: %s, %v", unfit, err)
		}
		if _, err := memory.Recall(&got, jx.DecodeStr(`{"id": "a", "size": 1`), decode); err == nil {
			t.Error("an object without an end is no error")
		}
	}
}

// Who comes late must not see what another one does with a buffer meanwhile.
func TestMemory_keepsNothingOfItsInput(t *testing.T) {
	var memory lenient.Memory[thing]
	decode := func(dst *thing, d *jx.Decoder) (jx.Raw, error) {
		*dst = thing{}
		return lenient.Object(d, dst, &dst.Extra, (*thing).member)
	}
	const text = `{"id": "a", "x": "y"}`
	want, got := thing{}, thing{}
	if _, err := decode(&want, jx.DecodeStr(text)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		input := []byte(text)
		if _, err := memory.Recall(&got, jx.DecodeBytes(input), decode); err != nil {
			t.Fatal(err)
		}
		clear(input)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// A room of 5,000 people is remembered as well as one of 50: they do not push each other out.
func TestMemory_holdsALargeRoom(t *testing.T) {
	const people = 5000
	var memory lenient.Memory[thing]
	decoded := 0
	decode := func(dst *thing, d *jx.Decoder) (jx.Raw, error) {
		decoded++
		*dst = thing{}
		return lenient.Object(d, dst, &dst.Extra, (*thing).member)
	}
	recallAll := func() {
		for i := range people {
			var got thing
			if unfit, err := memory.Recall(&got, jx.DecodeStr(fmt.Sprintf(`{"id": "u%d", "size": %d}`, i, i)), decode); unfit != nil || err != nil {
				t.Fatalf("%s, %v", unfit, err)
			}
			if got.Size != int64(i) {
				t.Fatalf("%d is taken for %+v", i, got)
			}
		}
	}
	for range 8 { // two with the same hint need a few more rounds than others
		recallAll()
	}
	decoded = 0
	recallAll()
	if decoded > people/50 {
		t.Errorf("%d of %d were decoded again", decoded, people)
	}
}

// However long the objects that a server sends, what is remembered of them is bounded.
func TestMemory_doesNotHoldGiants(t *testing.T) {
	var memory lenient.Memory[thing]
	decoded := 0
	decode := func(dst *thing, d *jx.Decoder) (jx.Raw, error) {
		decoded++
		*dst = thing{}
		return lenient.Object(d, dst, &dst.Extra, (*thing).member)
	}
	text := `{"id": "a", "x": "` + strings.Repeat("y", 4<<10) + `"}`
	for range 5 {
		var got thing
		if _, err := memory.Recall(&got, jx.DecodeStr(text), decode); err != nil || got.ID != "a" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if decoded != 5 {
		t.Errorf("decoded %d times of 5: it is held", decoded)
	}
}

// Several connections share what is remembered.
func TestMemory_isSafeForConcurrentUse(t *testing.T) {
	var memory lenient.Memory[thing]
	decode := func(dst *thing, d *jx.Decoder) (jx.Raw, error) {
		*dst = thing{}
		return lenient.Object(d, dst, &dst.Extra, (*thing).member)
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for i := range 40_000 { // of more than it holds
				n := i * 7919 % 20_000
				var got thing
				if _, err := memory.Recall(&got, jx.DecodeStr(fmt.Sprintf(`{"id": "u%d", "size": %d}`, n, n)), decode); err != nil || got.Size != int64(n) {
					t.Errorf("%d is taken for %+v, %v", n, got, err)
					return
				}
			}
		})
	}
	readers.Wait()
}
