package cache

import (
	"slices"
	"testing"
)

func TestRecent(t *testing.T) {
	r := NewRecent[string, int](3)
	expect := func(want ...int) {
		t.Helper()
		if got := slices.Collect(r.All()); !slices.Equal(got, want) || r.Len() != len(want) {
			t.Errorf("%v, of length %d; want %v", got, r.Len(), want)
		}
	}
	expect()
	r.Add("a", 1)
	r.Add("b", 2)
	r.Add("a", 10) // keeps its place
	expect(10, 2)
	r.Add("c", 3)
	r.Add("d", 4)
	r.Add("e", 5)
	expect(3, 4, 5)
	if r.At("a") != nil || r.At("b") != nil || *r.At("d") != 4 {
		t.Error("the oldest are still there, or the wrong ones are gone")
	}
	*r.At("c") = 30
	r.Add("f", 6)
	r.Add("a", 7)
	r.Add("b", 8)
	r.Add("c", 9)
	expect(7, 8, 9)
	if r.AddNew("b", 80) || !r.AddNew("g", 10) {
		t.Error("what is there is new, or what is not is not")
	}
	expect(8, 9, 10)
	if !r.AddNew("a", 7) || !r.AddNew("b", 8) || !r.AddNew("c", 9) {
		t.Error("what has given way is still there")
	}
	expect(7, 8, 9)
	for range slices.Collect(r.All()) {
		for v := range r.All() {
			if v != 7 {
				t.Errorf("the first is %d", v)
			}
			break
		}
	}
	if len(r.places) != 3 {
		t.Errorf("%d places are known of 3 values", len(r.places))
	}
}
