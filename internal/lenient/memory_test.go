package lenient_test

import (
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
