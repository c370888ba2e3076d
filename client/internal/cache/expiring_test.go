package cache

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

func TestExpiring(t *testing.T) {
	for name, tt := range map[string]struct {
		store *Expiring[string, int]
		use   func(s *Expiring[string, int])
		want  map[string]int
	}{
		"a value lives for its time": {
			NewExpiring[string, int](2, time.Minute),
			func(s *Expiring[string, int]) { s.Put("a", 1); time.Sleep(time.Minute) },
			map[string]int{"a": 1},
		},
		"and no longer": {
			NewExpiring[string, int](2, time.Minute),
			func(s *Expiring[string, int]) { s.Put("a", 1); time.Sleep(time.Minute + 1) },
			map[string]int{},
		},
		"reading does not renew it": {
			NewExpiring[string, int](2, time.Minute),
			func(s *Expiring[string, int]) {
				s.Put("a", 1)
				time.Sleep(50 * time.Second)
				s.Get("a")
				time.Sleep(50 * time.Second)
			},
			map[string]int{},
		},
		"unless the store renews": {
			NewRenewing[string, int](2, time.Minute),
			func(s *Expiring[string, int]) {
				s.Put("a", 1)
				time.Sleep(50 * time.Second)
				s.Get("a")
				time.Sleep(50 * time.Second)
			},
			map[string]int{"a": 1},
		},
		"the oldest makes room": {
			NewExpiring[string, int](2, time.Minute),
			func(s *Expiring[string, int]) { s.Put("a", 1); s.Put("b", 2); s.Put("c", 3) },
			map[string]int{"b": 2, "c": 3},
		},
		"a replaced value keeps its time and its place": {
			NewExpiring[string, int](2, time.Minute),
			func(s *Expiring[string, int]) {
				s.Put("a", 1)
				time.Sleep(30 * time.Second)
				s.Put("b", 2)
				s.Replace("a", 9)
				s.Replace("nobody", 7)
				time.Sleep(31 * time.Second)
			},
			map[string]int{"b": 2},
		},
		"nothing is left after Clear": {
			NewExpiring[string, int](2, time.Minute),
			func(s *Expiring[string, int]) { s.Put("a", 1); s.Clear() },
			map[string]int{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.use(tt.store)
				if got := maps.Collect(tt.store.All()); !maps.Equal(got, tt.want) || tt.store.Len() != len(tt.want) {
					t.Errorf("holds %v, Len %d; want %v", got, tt.store.Len(), tt.want)
				}
				for _, id := range []string{"a", "b", "c"} {
					want, kept := tt.want[id]
					if got, ok := tt.store.Get(id); got != want || ok != kept {
						t.Errorf("Get(%s) = %d, %v", id, got, ok)
					}
				}
			})
		})
	}
}

// Members come and go, and come again: only a new id costs an allocation.
func TestExpiring_allocatesOnlyForNewIDs(t *testing.T) {
	for name, x := range map[string]*Expiring[string, int]{
		"expiring": NewExpiring[string, int](10, time.Minute), "renewing": NewRenewing[string, int](10, time.Minute),
	} {
		x.Put("a", 1)
		x.Put("b", 1)
		if n := testing.AllocsPerRun(100, func() {
			x.Put("a", 2)
			x.Get("a")
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
