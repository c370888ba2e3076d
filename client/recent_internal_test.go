package client

import (
	"slices"
	"testing"
)

func TestRecent(t *testing.T) {
	r := newRecent[MessageID, int](3)
	expect := func(want ...int) {
		t.Helper()
		if got := slices.Collect(r.all()); !slices.Equal(got, want) || r.len() != len(want) {
			t.Errorf("%v, of length %d; want %v", got, r.len(), want)
		}
	}
	expect()
	r.add("a", 1)
	r.add("b", 2)
	r.add("a", 10) // keeps its place
	expect(10, 2)
	r.add("c", 3)
	r.add("d", 4)
	r.add("e", 5)
	expect(3, 4, 5)
	if r.at("a") != nil || r.at("b") != nil || *r.at("d") != 4 {
		t.Error("the oldest are still there, or the wrong ones are gone")
	}
	*r.at("c") = 30
	r.add("f", 6)
	r.add("a", 7)
	r.add("b", 8)
	r.add("c", 9)
	expect(7, 8, 9)
	if r.addNew("b", 80) || !r.addNew("g", 10) {
		t.Error("what is there is new, or what is not is not")
	}
	expect(8, 9, 10)
	if !r.addNew("a", 7) || !r.addNew("b", 8) || !r.addNew("c", 9) {
		t.Error("what has given way is still there")
	}
	expect(7, 8, 9)
	for range slices.Collect(r.all()) {
		for v := range r.all() {
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
