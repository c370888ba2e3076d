package lenient_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-faster/jx"
	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/internal/lenient"
)

// A fit is a JSON value and the Go value it decodes to.
type fit[T any] struct {
	json string
	want T
}

// test wants decode to take every value in fits, from bytes and from a stream alike, to refuse every value in unfit
// without an error, and to report broken JSON.
func test[T any](t *testing.T, decode lenient.Func[T], fits []fit[T], unfit ...string) {
	t.Helper()
	decoders := func(text string) map[string]*lenient.Decoder {
		return map[string]*lenient.Decoder{
			"bytes":  lenient.Lend([]byte(" " + text + " ")),
			"stream": lenient.Over(jx.Decode(iotest.OneByteReader(strings.NewReader(" "+text+" ")), 1), len(text)),
		}
	}
	for _, f := range append(fits, fit[T]{json: "null"}) {
		for from, d := range decoders(f.json) {
			got := *new(T)
			kept, err := decode(&got, d)
			if diff := cmp.Diff(f.want, got); diff != "" || kept != nil || err != nil {
				t.Errorf("%s from %s: kept %s, error %v (-want +got):\n%s", f.json, from, kept, err, diff)
			}
			if err := d.Skip(); !errors.Is(err, io.EOF) {
				t.Errorf("%s from %s: something is left: %v", f.json, from, err)
			}
		}
	}
	for _, text := range unfit {
		for from, d := range decoders(text) {
			got := *new(T)
			if len(fits) > 0 {
				got = fits[0].want // to be overwritten
			}
			kept, err := decode(&got, d)
			if diff := cmp.Diff(*new(T), got); diff != "" || string(kept) != text || err != nil {
				t.Errorf("%s from %s: kept %s, error %v (-want +got):\n%s", text, from, kept, err, diff)
			}
			if err := d.Skip(); !errors.Is(err, io.EOF) {
				t.Errorf("%s from %s: something is left: %v", text, from, err)
			}
		}
	}
	for _, text := range []string{``, `tru`, `nul`, `-`, `1.`, `1e`, `01`, `"a`, `"\x"`, `"\ud8"`, "\"\n\"", `[1`, `{"a":`, `}`, `,`, `x`} {
		for from, d := range decoders(text) {
			var got T
			if err := lenient.Drop(decode(&got, d)); err == nil {
				t.Errorf("%q from %s: no error but %v", text, from, got)
			}
		}
	}
}

func TestString(t *testing.T) {
	test(t, lenient.String, []fit[string]{
		{`"text"`, "text"},
		{`""`, ""},
		{`"\u00e9\n\"\ud83c\udfb5"`, "é\n\"🎵"},
		{`"&amp;"`, "&amp;"},
		{`12`, "12"},
		{`-1.50e+3`, "-1.50e+3"},
		{`12345678901234567890123`, "12345678901234567890123"},
		{`true`, "true"},
		{`false`, "false"},
		{"\"a\xff\xfeb\"", "a\uFFFD\uFFFDb"},
		{`"\ud800"`, "\uFFFD"},
	}, `{}`, `[]`, `["text"]`, `{"a": 1}`)
}

func TestHTML(t *testing.T) {
	test(t, lenient.HTML, []fit[string]{
		{`"R&amp;B &lt;3"`, "R&B <3"},
		{`"&amp;lt;"`, "&lt;"},
		{"\"\xff&amp;\xe2&eacute;\x82 &\xffamp; \xe2\x82&#172;\"", "\uFFFD&\uFFFDé\uFFFD &\uFFFDamp; \uFFFD\uFFFD¬"},
		{`7`, "7"},
	}, `{}`, `["&amp;"]`)
}

func TestID(t *testing.T) {
	test(t, lenient.ID, []fit[string]{
		{`"65a1f0c2"`, "65a1f0c2"},
		{`""`, ""},
		{`42`, "42"},
		{`{"_id": "a"}`, "a"},
		{`{"id": "a"}`, "a"},
		{`{"x": {"_id": "no"}, "_id": "a", "name": ["n"]}`, "a"},
		{`{"_id": 42}`, "42"},
		{`{"id": "b", "_id": "a"}`, "a"},
		{`{"_id": "a", "id": "b"}`, "a"},
		{`{"_id": null, "id": "b"}`, "b"},
	}, `true`, `[]`, `["a"]`, `{}`, `{"name": "n"}`, `{"_id": {"_id": "a"}}`, `{"_id": ["a"]}`)
}

func TestInt(t *testing.T) {
	test(t, lenient.Int, []fit[int64]{
		{`1`, 1},
		{`0`, 0},
		{`-0`, 0},
		{`-12`, -12},
		{`"12"`, 12},
		{`" 12 "`, 12},
		{`"\u0031"`, 1},
		{`true`, 1},
		{`false`, 0},
		{`9007199254740993`, 9007199254740993}, // 2^53 + 1, which no float64 is
		{`"9007199254740993"`, 9007199254740993},
		{`9007199254740993.7`, 9007199254740993},
		{`9223372036854775807`, 9223372036854775807},
		{`-9223372036854775808`, -9223372036854775808},
		{`1.9`, 1},
		{`-1.9`, -1},
		{`0.5`, 0},
		{`1e3`, 1000},
		{`1.5e1`, 15},
		{`"1e3"`, 1000},
		{`1e-400`, 0},
	}, `""`, `"zz"`, `"NaN"`, `"nan"`, `"Infinity"`, `"-inf"`, `"0x10"`, `"1_000"`, `"1,000"`, `"--1"`, `"."`, `"-"`, `"e"`,
		`9223372036854775808`, `-9223372036854775809`, `9223372036854775807.0e0`, `1e19`, `1e400`, `"-1e400"`, `[]`, `{}`, `[1]`)
}

func TestFloat(t *testing.T) {
	test(t, lenient.Float, []fit[float64]{
		{`1.5`, 1.5},
		{`-2`, -2},
		{`"0.1"`, 0.1},
		{`0.1234567890123456`, 0.1234567890123456},
		{`1e300`, 1e300},
	}, `""`, `"NaN"`, `"Inf"`, `"0x1p-2"`, `1e999`, `true`, `false`, `{}`, `[]`, `"zz"`)
}

func TestBool(t *testing.T) {
	test(t, lenient.Bool, []fit[bool]{
		{`true`, true},
		{`false`, false},
		{`1`, true},
		{`0`, false},
		{`-0`, false},
		{`0.0e5`, false},
		{`0.5`, true},
		{`-7`, true},
		{`"1"`, true},
		{`"0"`, false},
		{`"true"`, true},
		{`"false"`, false},
	}, `""`, `"yes"`, `"2"`, `{}`, `[]`)
}

func TestTime(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC)
	noMillis := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	test(t, lenient.Time, []fit[time.Time]{
		{`1704164645678`, at},
		{`"1704164645678"`, at},
		{`1704164645678.9`, at},
		{`1.704164645678e12`, at},
		{`"2024-01-02T03:04:05.678Z"`, at},
		{`"2024-01-02T03:04:05.678901Z"`, at},
		{`"2024-01-02T04:04:05.678+01:00"`, at},
		{`"2024-01-02T04:04:05.678\u002b0100"`, at},
		{`"2024-01-02T03:04:05.678"`, at},
		{`"2024-01-02T03:04:05Z"`, noMillis},
		{`"2024-01-02 03:04:05"`, noMillis},
		{`"2024-01-02"`, noMillis.Truncate(24 * time.Hour)},
		{`-1000`, time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)},
		{`0`, time.Time{}},
		{`"0"`, time.Time{}},
		{`0.4`, time.Time{}},
		{`""`, time.Time{}},
		{`" "`, time.Time{}},
		{`"1970-01-01T00:00:00Z"`, time.Time{}},
	}, `"soon"`, `"NaN"`, `"2024-13-01T00:00:00Z"`, `"02/01/2024"`, `true`, `{}`, `[]`, `9e15`, `1e300`, `"0000-06-01T00:00:00Z"`, `-9e15`)
}

func TestTimeIsUTC(t *testing.T) {
	for _, text := range []string{`1704164645678`, `"2024-01-02T04:04:05.678+01:00"`} {
		var at time.Time
		if err := lenient.Drop(lenient.Time(&at, lenient.Lend([]byte(text)))); err != nil || at.Location() != time.UTC {
			t.Errorf("%s: %v, %v", text, at, err)
		}
	}
}

func TestDurations(t *testing.T) {
	test(t, lenient.Milliseconds, []fit[time.Duration]{{`215000`, 215 * time.Second}, {`"1"`, time.Millisecond}, {`-1`, -time.Millisecond}},
		`9223372036854775807`, `-9223372036854775807`, `"NaN"`, `{}`, `true`, `false`)
	test(t, lenient.Seconds, []fit[time.Duration]{{`12`, 12 * time.Second}, {`12.7`, 12 * time.Second}, {`-1`, -time.Second}}, `9223372037`, `"soon"`)
	test(t, lenient.Minutes, []fit[time.Duration]{{`10`, 10 * time.Minute}, {`true`, time.Minute}}, `153722868`, `-153722868`, `[]`)
}

func TestRaw(t *testing.T) {
	test(t, lenient.Raw, []fit[json.RawMessage]{
		{`{"a": [1, null]}`, json.RawMessage(`{"a": [1, null]}`)},
		{`"text"`, json.RawMessage(`"text"`)},
		{`0`, json.RawMessage(`0`)},
		{`false`, json.RawMessage(`false`)},
	})
}

func TestList(t *testing.T) {
	decode := func(dst *[]int64, d *lenient.Decoder) (jx.Raw, error) { return lenient.List(dst, d, lenient.Int) }
	test(t, decode, []fit[[]int64]{
		{`[1, "2", 3.5]`, []int64{1, 2, 3}},
		{`[null, 1, null]`, []int64{1}},
		{`["zz", 1, {"a": [2]}, [3]]`, []int64{1}},
		{`[null]`, []int64{}},
		{`[ ]`, []int64{}},
	}, `{}`, `"1"`, `1`, `false`)
}

func TestPointer(t *testing.T) {
	decode := func(dst **int64, d *lenient.Decoder) (jx.Raw, error) { return lenient.Pointer(dst, d, lenient.Int) }
	test(t, decode, []fit[*int64]{{`5`, new(int64(5))}, {`0`, new(int64(0))}}, `"zz"`, `{}`)
}

// A thing stands for a generated type.
type thing struct {
	ID    string
	Size  int64
	Extra map[string]json.RawMessage
}

func (x *thing) member(key []byte, d *lenient.Decoder) (jx.Raw, error) {
	switch string(key) {
	case "id":
		return lenient.ID(&x.ID, d)
	case "size":
		return lenient.Int(&x.Size, d)
	}
	return d.Raw()
}

func TestObject(t *testing.T) {
	whole := func(dst *thing, d *lenient.Decoder) (jx.Raw, error) {
		*dst = thing{}
		return lenient.Object(d, dst, &dst.Extra, (*thing).member)
	}
	objects := []fit[thing]{
		{`{"id": "a", "size": 1}`, thing{ID: "a", Size: 1}},
		{`{"size": null}`, thing{}},
		{`{ }`, thing{}},
		{`{"size" : "zz" , "b" : {"c" : null}, "a":null}`, thing{Extra: map[string]json.RawMessage{
			"size": json.RawMessage(`"zz"`), "b": json.RawMessage(`{"c" : null}`), "a": json.RawMessage(`null`),
		}}},
		{`{"\u0069d": "a", "\"": 1}`, thing{ID: "a", Extra: map[string]json.RawMessage{`"`: json.RawMessage("1")}}},
		{`{"size": 1, "size": "zz", "x": 1, "x": 2}`, thing{Extra: map[string]json.RawMessage{"size": json.RawMessage(`"zz"`), "x": json.RawMessage("2")}}},
	}
	test(t, whole, objects, `[]`, `"a"`, `1`, `true`, `[{"id": "a"}]`)

	orID := func(dst *thing, d *lenient.Decoder) (jx.Raw, error) {
		*dst = thing{}
		return lenient.ObjectOrID(d, &dst.ID, dst, &dst.Extra, (*thing).member)
	}
	test(t, orID, append(objects, fit[thing]{`"a"`, thing{ID: "a"}}, fit[thing]{`1`, thing{ID: "1"}}, fit[thing]{`""`, thing{}}), `[]`, `true`)
}

func TestUnmarshal(t *testing.T) {
	var x thing
	decode := func(d *lenient.Decoder) error { return lenient.Drop(lenient.Object(d, &x, &x.Extra, (*thing).member)) }
	for _, text := range []string{`{}`, ` null `, `[1]`} {
		if err := lenient.Unmarshal([]byte(text), decode); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		``:                   "unexpected EOF",
		`{"a": [{"b": tru}]`: "unexpected byte 125 '}' at 16",
		`{} {}`:              "more than one JSON value",
		`{} ,`:               "unexpected byte 44 ',' at 3",
		`{} [[],`:            "unexpected EOF",
	} {
		if err := lenient.Unmarshal([]byte(text), decode); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
}

// The input may be a buffer that is reused.
func TestWhatIsKeptIsCopied(t *testing.T) {
	type kept struct {
		thing
		Raw  json.RawMessage
		Name string
	}
	var x kept
	data := []byte(`{"a":{"b":1},"size":"zz","raw":[1,2],"name":"n"}`)
	err := lenient.Unmarshal(data, func(d *lenient.Decoder) error {
		return lenient.Drop(lenient.Object(d, &x, &x.Extra, func(x *kept, key []byte, d *lenient.Decoder) (jx.Raw, error) {
			switch string(key) {
			case "raw":
				return lenient.Raw(&x.Raw, d)
			case "name":
				return lenient.String(&x.Name, d)
			}
			return x.member(key, d)
		}))
	})
	clear(data)
	want := kept{thing: thing{Extra: map[string]json.RawMessage{"a": json.RawMessage(`{"b":1}`), "size": json.RawMessage(`"zz"`)}}, Raw: json.RawMessage(`[1,2]`), Name: "n"}
	if diff := cmp.Diff(want, x, cmp.AllowUnexported(kept{})); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

func TestEventType(t *testing.T) {
	for text, want := range map[string]string{`{"a": {"type": "x"}, "type": "y"}`: "y", `{}`: "", `{"type": 5}`: "5", `{"type": {"a": 1}}`: ""} {
		if got, err := eventType([]byte(text)); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{``, `null`, `[]`, `{"type": "y"`, `{"type": "y"} 1`} {
		if got, err := eventType([]byte(text)); err == nil {
			t.Errorf("%s: %q without an error", text, got)
		}
	}
}

func eventType(data []byte) (string, error) {
	d := lenient.Lend(data)
	defer d.GiveBack()
	return lenient.EventType(d, data)
}

// A decoder must not keep the input of its last user: it belongs to an event.
func TestInputIsLeftAlone(t *testing.T) {
	const text = `{"type":"a","message":"the first input"}`
	data := []byte(text)
	for range 100 {
		if _, err := eventType(data); err != nil {
			t.Fatal(err)
		}
		var others [8]*jx.Decoder // several, because a pool does not return what it got last
		for i := range others {
			others[i] = jx.GetDecoder()
			others[i].Reset(strings.NewReader(`{"type":"b","message":"another one, read from a stream"}`))
			if err := others[i].Skip(); err != nil {
				t.Fatal(err)
			}
		}
		for _, d := range others {
			jx.PutDecoder(d)
		}
	}
	if string(data) != text {
		t.Errorf("the input became %s", data)
	}
}

func TestDeepNesting(t *testing.T) {
	const levels = 1_000_000
	for _, open := range []string{`[`, `{"a":`, `{"a":[`} {
		var x thing
		err := lenient.Unmarshal([]byte(strings.Repeat(open, levels)), func(d *lenient.Decoder) error {
			return lenient.Drop(lenient.Object(d, &x, &x.Extra, (*thing).member))
		})
		if err == nil || !strings.Contains(err.Error(), "depth") {
			t.Errorf("%d levels of %s: error %v", levels, open, err)
		}
	}
}

func TestEncodeObject(t *testing.T) {
	at := time.UnixMilli(1704164645678).In(time.FixedZone("", 3600))
	tests := []struct {
		name   string
		extra  map[string]json.RawMessage
		encode func(o *lenient.ObjectEncoder)
		want   string
	}{
		{"nothing", nil, func(*lenient.ObjectEncoder) {}, `{}`},
		{"values", nil, func(o *lenient.ObjectEncoder) {
			o.String("string", "a\"\n", lenient.Optional)
			o.HTML("html", "<R&B>", lenient.Optional)
			o.Int("int", 9007199254740993, lenient.Optional)
			o.Float("float", 0.5, lenient.Optional)
			o.Bool("bool", true, lenient.Optional)
			o.EpochTime("epoch", at, lenient.Optional)
			o.ISOTime("iso", at, lenient.Optional)
			o.Milliseconds("ms", 1500*time.Millisecond, lenient.Optional)
			o.Seconds("s", 1500*time.Millisecond, lenient.Optional)
			o.Minutes("min", 90*time.Second, lenient.Optional)
			o.Raw("raw", json.RawMessage(`[1]`), lenient.Optional)
		}, `{"string":"a\"\n","html":"&lt;R&amp;B&gt;","int":9007199254740993,"float":0.5,"bool":true,"epoch":1704164645678,"iso":"2024-01-02T03:04:05.678Z","ms":1500,"s":1,"min":1,"raw":[1]}`},
		{"zero values, optional", nil, zeros(lenient.Optional), `{}`},
		{"zero values, required", nil, zeros(lenient.Required), `{"string":"","html":"","int":0,"float":0,"bool":false,"epoch":0,"iso":0,"ms":0,"s":0,"min":0,"raw":null}`},
		{"zero values, nullable", nil, zeros(lenient.Nullable), `{"string":null,"html":null,"int":null,"float":null,"bool":null,"epoch":null,"iso":null,"ms":null,"s":null,"min":null,"raw":null}`},
		{"extra members, sorted", map[string]json.RawMessage{"z": json.RawMessage("1"), "a": json.RawMessage(`{"b":2}`), "m": nil}, func(o *lenient.ObjectEncoder) {
			o.Int("n", 1, lenient.Optional)
		}, `{"n":1,"a":{"b":2},"m":null,"z":1}`},
		{"values that did not fit, in their place", map[string]json.RawMessage{"a": json.RawMessage(`"zz"`), "c": json.RawMessage("[]"), "x": json.RawMessage("1")}, func(o *lenient.ObjectEncoder) {
			o.Int("a", 0, lenient.Optional)
			o.Int("b", 2, lenient.Optional)
			o.Int("c", 3, lenient.Optional)
		}, `{"a":"zz","b":2,"c":[],"x":1}`},
		{"type of an event", map[string]json.RawMessage{"type": json.RawMessage("1"), "a": json.RawMessage("2")}, func(o *lenient.ObjectEncoder) {
			o.Type("name")
		}, `{"type":"name","a":2}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lenient.Marshal(func(e *jx.Encoder) {
				o := lenient.EncodeObject(e, tt.extra)
				tt.encode(&o)
				o.End()
			})
			if diff := cmp.Diff(tt.want, string(got)); diff != "" || err != nil {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func zeros(p lenient.Presence) func(o *lenient.ObjectEncoder) {
	return func(o *lenient.ObjectEncoder) {
		o.String("string", "", p)
		o.HTML("html", "", p)
		o.Int("int", 0, p)
		o.Float("float", 0, p)
		o.Bool("bool", false, p)
		o.EpochTime("epoch", time.Time{}, p)
		o.ISOTime("iso", time.Time{}, p)
		o.Milliseconds("ms", 0, p)
		o.Seconds("s", 0, p)
		o.Minutes("min", 0, p)
		o.Raw("raw", nil, p)
	}
}

func TestEncodeList(t *testing.T) {
	var e jx.Encoder
	lenient.EncodeList([]string{"a", "<b>"}, &e, lenient.EncodeHTML)
	if got, want := e.String(), `["a","&lt;b&gt;"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	e.Reset()
	lenient.EncodeList(nil, &e, lenient.EncodeInt)
	if got, want := e.String(), `[]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzScalars feeds every scalar decoder the same text: none panics, all agree on what is JSON, each leaves its target
// at zero when it hands the value back, and what fits is the same after it was written.
func FuzzScalars(f *testing.F) {
	for _, s := range []string{`0`, `"1e3"`, `"2024-01-02T03:04:05.678Z"`, `9223372036854775807`, `1e999`, `"\u0031"`, `{"_id":"a"}`, `[null]`, `tru`, "\"\xff\"", `-0.0`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		check(t, data, lenient.String, lenient.EncodeString)
		check(t, data, lenient.HTML, lenient.EncodeHTML)
		check(t, data, lenient.ID, lenient.EncodeString)
		check(t, data, lenient.Int, lenient.EncodeInt)
		check(t, data, lenient.Float, lenient.EncodeFloat)
		check(t, data, lenient.Bool, lenient.EncodeBool)
		check(t, data, lenient.Time, lenient.EncodeEpochTime)
		check(t, data, lenient.Time, lenient.EncodeISOTime)
		check(t, data, lenient.Milliseconds, lenient.EncodeMilliseconds)
		check(t, data, lenient.Seconds, lenient.EncodeSeconds)
		check(t, data, lenient.Minutes, lenient.EncodeMinutes)
		check(t, data, lenient.Raw, lenient.EncodeRaw)
	})
}

func check[T any](t *testing.T, data []byte, decode lenient.Func[T], encode func(T, *jx.Encoder)) {
	t.Helper()
	var v T
	var unfit string
	err := lenient.Unmarshal(data, func(d *lenient.Decoder) error {
		raw, err := decode(&v, d)
		unfit = string(raw)
		return err
	})
	if json.Valid(data) != (err == nil) {
		t.Fatalf("%T from %q: error %v", v, data, err)
	}
	if err != nil {
		return
	}
	if unfit != "" {
		if diff := cmp.Diff(*new(T), v); diff != "" || unfit != strings.Trim(string(data), " \t\r\n") {
			t.Fatalf("%T from %q: kept %q and (-want +got):\n%s", v, data, unfit, diff)
		}
		return
	}
	var e jx.Encoder
	encode(v, &e)
	var again T
	if raw, err := decode(&again, lenient.Lend(e.Bytes())); raw != nil || err != nil || !cmp.Equal(v, again) {
		t.Fatalf("%T from %q is written as %s and read as %v, unfit %q, error %v", v, data, e.Bytes(), again, raw, err)
	}
}
