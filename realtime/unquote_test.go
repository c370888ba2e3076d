package realtime

import (
	"bytes"
	"testing"

	"github.com/go-faster/jx"
)

func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`""`, `"a"`, `"\""`, `"{\"a\":\"b\\\\\"}"`, `"\u0041"`, `"\"\ud83d\ude00"`, `"\ud800"`, `"\b\f\n\r\t\/"`, `"1234567\"89"`, `"12345678\""`, `"\"\"\"\"\"\"\"\"\""`, `"\\u0041"`, "\"\xff\\n\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := jx.DecodeBytes(data)
		d.Next() // skips white space, as the decoder does between fields
		quoted, err := d.Raw()
		if err != nil || quoted.Type() != jx.String {
			return
		}
		want, wantErr := jx.DecodeBytes(quoted).StrAppend(nil)
		for _, before := range []string{"", "before "} {
			got, size, ok := unquote(append(make([]byte, 0, len(before)+len(quoted)+word), before...), quoted[1:])
			if ok != (wantErr == nil && !bytes.Contains(quoted, []byte(`\u`))) && !bytes.Contains(quoted, []byte(`\\u`)) {
				t.Errorf("%s: %v", quoted, ok)
			}
			if ok && (string(got) != before+string(want) || size != len(quoted)-1) {
				t.Errorf("%s: %q, %d bytes; jx says %q", quoted, got, size, want)
			}
		}
		var p parser
		if got, err := p.unquoted(quoted); (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s: %q, %v; jx says %q, %v", quoted, got, err, want, wantErr)
		}
	})
}
