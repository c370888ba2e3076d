package realtime

import (
	"bytes"
	"testing"

	"github.com/go-faster/jx"
)

func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`""`, `"a"`, `"\""`, `"{\"a\":\"b\\\\\"}"`, `"\u0041"`, `"\"\ud83d\ude00"`, `"\ud800"`, `"\b\f\n\r\t\/"`, "\"\xff\\n\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := jx.DecodeBytes(data)
		d.Next() // skips white space, as going from member to member does
		quoted, err := d.Raw()
		if err != nil || quoted.Type() != jx.String {
			return
		}
		want, wantErr := jx.DecodeBytes(quoted).StrAppend(nil)
		got, err := unquote(quoted)
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s: %q, %v; jx says %q, %v", quoted, got, err, want, wantErr)
		}
	})
}
