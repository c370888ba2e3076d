package events

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/lenient"
	"github.com/queup-go/queup/internal/testkit/mutate"
)

// Promise Q15, for everything that is decoded into a type of gen/wire: so many bytes are allocated for each byte of JSON, and so
// many more whatever its length.
const (
	allocatedPerByte = 80
	allocatedAnyway  = 1 << 20
)

func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// eventRows are the smallest objects that become events, one of each kind.
func eventRows() (rows []string) {
	for _, v := range wire.Definitions() {
		if e, ok := reflect.TypeAssert[wire.Event](reflect.New(reflect.TypeOf(v))); ok {
			rows = append(rows, fmt.Sprintf(`{"type":%q}`, e.EventName()))
		}
	}
	slices.Sort(rows)
	return rows
}

func TestQ15_whatJSONTakesInMemory(t *testing.T) {
	const size = 32 << 10
	definitions := wire.Definitions()
	worst, worstName, tried, refused := 0.0, "", 0, 0
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		typ := reflect.TypeOf(definitions[name])
		for what, data := range mutate.Bloated(typ, size, eventRows()...) {
			decode := func() error { return reflect.New(typ).Interface().(decoder).Decode(jx.DecodeBytes(data)) }
			if e, ok := reflect.TypeAssert[wire.Event](reflect.New(typ)); ok {
				decode = func() error { _, err := wire.DecodeEvent(e.EventName(), data); return err }
			}
			if tried++; underRace && tried%4 > 0 || testing.Short() && tried%32 > 0 {
				continue
			}
			var err error
			cost := allocated(func() { err = decode() })
			if err != nil {
				refused++
				if _, ok := errors.AsType[*lenient.LimitError](err); !ok || !strings.Contains(err.Error(), "more objects and list entries than fit into") {
					t.Errorf("%s: %v", what, err)
				}
			}
			if err != nil && lenient.Fits(data) {
				t.Errorf("%s: %v, though it fits", what, err)
			}
			if ratio := float64(cost-allocatedAnyway) / float64(len(data)); ratio > worst {
				worst, worstName = ratio, what
			}
			if most := allocatedAnyway + allocatedPerByte*len(data); cost > most && !underRace { // the detector allocates, too
				t.Errorf("%s: %d bytes allocated for %d", what, cost, len(data))
			}
		}
	}
	t.Logf("%d documents, %d of them refused; at worst %.1f bytes for a byte: %s", tried, refused, worst, worstName)
	fewest := 100
	if testing.Short() {
		fewest = 10
	}
	if tried < 1000 || refused < fewest {
		t.Errorf("%d documents were tried and %d refused", tried, refused)
	}
}

// What Fits assumes of the size of an entry holds for every type.
func TestMaxEntry(t *testing.T) {
	for name, v := range wire.Definitions() {
		if size := int(reflect.TypeOf(v).Size() + reflect.TypeFor[wire.Event]().Size()); size > lenient.MaxEntry {
			t.Errorf("a %s takes %d bytes, more than %d", name, size, lenient.MaxEntry)
		}
	}
}
