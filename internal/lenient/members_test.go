package lenient_test

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/go-faster/jx"
	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/internal/lenient"
)

// An occasion stands for an event: an object that contains objects that are remembered.
type occasion struct {
	Text   string
	Author thing
	Extra  map[string]json.RawMessage
}

// things remembers the authors of occasions.
var things lenient.Memory[thing]

func decodeThing(x *thing, d *lenient.Decoder) (jx.Raw, error) {
	*x = thing{}
	return lenient.ObjectOrID(d, &x.ID, x, &x.Extra, (*thing).member)
}

func (x *occasion) member(key []byte, d *lenient.Decoder) (jx.Raw, error) {
	switch string(key) {
	case "text":
		return lenient.String(&x.Text, d)
	case "author":
		return things.Learn(&x.Author, d, decodeThing)
	}
	return d.Raw()
}

func (x *occasion) recall(key, rest []byte) int {
	if string(key) == "author" {
		return things.Recall(&x.Author, rest)
	}
	return 0
}

func members(data []byte, x *occasion) error {
	d := lenient.Lend(data)
	defer d.GiveBack()
	return lenient.Members(d, data, x, &x.Extra, (*occasion).member, (*occasion).recall)
}

// slowly reads an object with the decoder only.
func slowly(data []byte) (x occasion, err error) {
	err = lenient.Unmarshal(data, func(d *lenient.Decoder) error {
		if d.Next() == jx.Null {
			return io.ErrUnexpectedEOF
		}
		unfit, err := lenient.Object(d, &x, &x.Extra, func(x *occasion, key []byte, d *lenient.Decoder) (jx.Raw, error) {
			if string(key) == "author" {
				return decodeThing(&x.Author, d)
			}
			return x.member(key, d)
		})
		if unfit != nil {
			return io.ErrUnexpectedEOF
		}
		return err
	})
	return x, err
}

// However an object is written, and whether or not its values are remembered, Members reads what the decoder reads.
func FuzzMembers(f *testing.F) {
	known := person("a", 1)
	for _, text := range []string{
		`{"text":"a","author":` + known + `}`, ` { "text" : "a" , "author" : ` + known + ` , "x" : [ 1 , {"y":"}"} ] } `, `{"author":` + known + known + `}`,
		`{"author":` + known + `,"author":"b"}`, `{"author":[1],"author":` + known + `}`, `{"author":` + known[:len(known)-1] + `,"more":1},"text":"x"}`,
		`{}`, `{ }`, `{,}`, `{"text":"a",}`, `{"text":}`, `{"text":"a""author":1}`, `{"text":"a"]`, `{"text":"a"}}`, `{"text":"a"} x`, `{"text" "a"}`, `{1:2}`,
		`{"te\u0078t":"\"\\"}`, `{"text":"\\"}`, `{"text":"a\`, `{"text":"a\\\"}`, `{"x":nul}`, `{"x":nullx}`, `{"x":[}`, `{"x":[1}]}`, `{"x":{"y":[{"z":"]"}]}}`,
		`{"x":1.5e3,"y":-0,"z":true}`, `{"x":01}`, `null`, `[]`, `"{}"`, ``, `{`, `{"`, `{"x"`, `{"x":`, `{"x":1`, "{\"x\":\"\n\"}", "{\"\xff\":\"\xff\"}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, wantErr := slowly(data)
		for range 3 { // the last time, its author is remembered
			var got occasion
			err := members(data, &got)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%s: %v; the decoder says %v", data, err, wantErr)
			}
			if diff := cmp.Diff(want, got); err == nil && diff != "" {
				t.Fatalf("%s (-decoder +members):\n%s", data, diff)
			}
		}
	})
}

// The position in an error counts from the beginning of the document, not of the value that was decoded.
func TestMembers_errorNamesThePosition(t *testing.T) {
	for text, want := range map[string]string{
		`{"text": "a", "author": {"id": tru}}`: "unexpected byte 125 '}' at 34",
		`{"text": "a" "author": 1}`:            "unexpected byte 34 '\"' at 13",
		`[1]`:                                  "not a JSON object",
		`{"text": "a"`:                         "unexpected EOF",
	} {
		var got occasion
		err := members([]byte(text), &got)
		if err == nil || err.Error() != want {
			t.Errorf("%.80s: %v, want %s", text, err, want)
		}
	}
}
