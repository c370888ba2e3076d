package canary_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/testkit/canary"
)

const secret = `s3cret "Kanari"/&<ü>+%=`

func TestFind_everyForm(t *testing.T) {
	bird := canary.New("password", secret)
	encoded, err := json.Marshal(map[string]string{"body": `{"password":"` + secret + `"}`})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"raw":             "x" + secret + "y",
		"query":           url.Values{"password": {secret}}.Encode(),
		"path":            url.PathEscape(secret),
		"URL":             (&url.URL{Scheme: "http", User: url.UserPassword("u", secret), Host: "h"}).String(),
		"lower percent":   strings.ToLower(url.QueryEscape(strings.ToLower(secret))),
		"JSON":            string(encoded),
		"Go quotes":       fmt.Sprintf("%q", secret),
		"Go ASCII quotes": fmt.Sprintf("%+q", secret),
		"HTML":            html.EscapeString(secret),
		"%x":              fmt.Sprintf("%x", "before"+secret),
		"% X":             fmt.Sprintf("% X", "before"+secret+"after"),
		"%#v of bytes":    fmt.Sprintf("%#v", []byte("before"+secret+"after")),
		"%v of bytes":     fmt.Sprintf("%v", []byte("before"+secret+"after")),
		"hex dump":        hex.EncodeToString([]byte(secret)),
		"base64, first":   base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64, second":  base64.StdEncoding.EncodeToString([]byte("user:" + secret)),
		"base64, third":   base64.URLEncoding.EncodeToString([]byte("user" + secret + "after")),
	} {
		t.Run(name, func(t *testing.T) {
			bird := bird
			if name == "lower percent" {
				bird = canary.New("password", strings.ToLower(secret))
			}
			if _, found := bird.Find(text); !found {
				t.Errorf("not found in %s", text)
			}
		})
	}
	if form, found := bird.Find("nothing of the kind: s3cret Kanari"); found {
		t.Errorf("found %s where there is none", form)
	}
}

func TestSpell_findsWhatIsInside(t *testing.T) {
	type holder struct{ password string }
	bird := canary.New("password", secret)
	for name, v := range map[string]any{
		"unexported field": holder{secret},
		"pointer":          &holder{secret},
		"list":             []string{secret},
		"bytes":            []byte(secret),
		"error":            errors.New(secret),
		"wrapped":          hidden{errors.New(secret)},
		"joined":           errors.Join(errors.New("a"), hidden{errors.New(secret)}),
	} {
		if _, found := bird.Find(canary.Spell(v)); !found {
			t.Errorf("%s: not found", name)
		}
	}
}

// hidden says nothing of the error inside.
type hidden struct{ err error }

func (hidden) Error() string    { return "no word" }
func (hidden) GoString() string { return "no word" }
func (h hidden) Unwrap() error  { return h.err }
