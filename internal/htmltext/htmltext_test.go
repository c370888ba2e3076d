package htmltext_test

import (
	"html"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/queup-go/queup/internal/htmltext"
)

func TestDecode(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain text", "hello", "hello"},
		{"nothing", "", ""},
		{"what QueUp's clients encode", `&lt;b&gt; &amp; &#34;q&#34; &#39;a&#39;`, `<b> & "q" 'a'`},
		{"other spellings of quotes", "&quot;q&quot; &apos;a&apos;", `"q" 'a'`},
		{"hexadecimal", "&#x27;&#X1F3B5;", "'🎵"},
		{"named", "caf&eacute; &rarr; &NotEqualTilde;", "café → ≂̸"},
		{"once, not twice", "&amp;lt;b&amp;gt;", "&lt;b&gt;"},
		{"once, however deep", "&amp;amp;amp;", "&amp;amp;"},
		{"query string", "?a=1&copy=2&lt=3", "?a=1&copy=2&lt=3"},
		{"prefix of an entity", "I'm &notit; and &ampx;", "I'm &notit; and &ampx;"},
		{"whole entity with the same prefix", "&not;it; &notin;", "¬it; ∉"},
		{"the semicolon itself", "a&semi;b&#59;c", "a;b;c"},
		{"unknown entity", "R&B; &nosuch;", "R&B; &nosuch;"},
		{"lonely ampersands", "R & B &&amp; &", "R & B && &"},
		{"broken numbers", "&#; &#x; &#12", "&#; &#x; &#12"},
		{"two signs", "&##39;", "&##39;"},
		{"cut off", "Tom &am", "Tom &am"},
		{"no character", "&#0;&#xD800;&#x110000;&#99999999999999999999;", "\uFFFD\uFFFD\uFFFD\uFFFD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := htmltext.Decode([]byte(tt.in)); got != tt.want {
				t.Errorf("Decode(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	const in, want = `<a href="x">R&B's</a> &amp;`, `&lt;a href=&#34;x&#34;&gt;R&amp;B&#39;s&lt;/a&gt; &amp;amp;`
	if got := htmltext.Encode(in); got != want {
		t.Errorf("Encode(%q) = %q, want %q", in, got, want)
	}
}

func TestDecode_makesOnlyItsResult(t *testing.T) {
	for _, s := range []string{"no ampersand here ", "&lt;one&gt; here "} {
		text := []byte(strings.Repeat(s, 100))
		if n := testing.AllocsPerRun(100, func() { htmltext.Decode(text) }); n != 1 {
			t.Errorf("%q: %v allocations", s, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "a", "&amp;lt;", "a=1&copy=2", "&notit;", "&#x1F3B5;", "&#99999999999;", "\xff&\x00;", "&semi;&;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := htmltext.Decode([]byte(htmltext.Encode(s))); got != s {
			t.Errorf("Decode(Encode(%q)) = %q", s, got)
		}
		got := htmltext.Decode([]byte(s))
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("Decode(%q) = %q, which is not UTF-8", s, got)
		}
		// Where every ampersand starts a well-known entity, package html must agree.
		if enc := html.EscapeString(s); htmltext.Decode([]byte(enc)) != html.UnescapeString(enc) {
			t.Errorf("Decode(%q) = %q, package html says %q", enc, htmltext.Decode([]byte(enc)), html.UnescapeString(enc))
		}
	})
}
