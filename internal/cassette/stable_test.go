package cassette_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/cassette"
)

// scenesWithIDs are recordings with ids in all places: paths, bodies, channels and names of events.
var scenesWithIDs = []string{"busy", "guest", "moderation-custom"}

// otherIDs returns a recording as another run of the same scene would have made it: each id is another one, and keeps its length.
func otherIDs(t *testing.T, name, seed string) *cassette.Tape {
	t.Helper()
	tape, err := cassette.Read("../../cassettes/testdata", name)
	if err != nil {
		t.Fatal(err)
	}
	hash := func(id string) string {
		sum := sha256.Sum256([]byte(seed + id))
		return hex.EncodeToString(sum[:])[:len(id)]
	}
	text := func(s string) string {
		return regexp.MustCompile(`[0-9A-Za-z]+`).ReplaceAllStringFunc(s, func(run string) string {
			if i := strings.Index(run, "c0nnect10n"); i >= 0 { // behind a number, in the id of a request
				return run[:i] + hash(run[i:])
			}
			if regexp.MustCompile(`^(?:[0-9a-f]{24}|[0-9a-f]{32})$`).MatchString(run) {
				return hash(run)
			}
			return run
		})
	}
	for i, e := range tape.HTTP {
		e.Order = i + 1
		e.Request.URL, e.Request.Body, e.Response.Body = text(e.Request.URL), text(e.Request.Body), text(e.Response.Body)
		for _, values := range e.Request.Form {
			for i, v := range values {
				values[i] = text(v)
			}
		}
		e.Response.Headers.Del("Cassette-After")
	}
	for _, r := range tape.Socket {
		r.URL, r.After = text(r.URL), nil
		if r.Data != nil {
			r.Data = []byte(text(string(r.Data)))
		}
	}
	return tape
}

// encoded returns both files of a recording after it was sealed.
func encoded(t *testing.T, raw *cassette.Tape, rules cassette.Rules) (clean *cassette.Tape, text string) {
	t.Helper()
	clean, err := cassette.Seal(raw, cassette.NewRedactor(rules))
	if err != nil {
		t.Fatal(err)
	}
	http, socket, err := clean.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return clean, string(http) + string(socket)
}

// differing counts the lines that differ between two texts with as many lines.
func differing(t *testing.T, a, b string) (n, of int) {
	t.Helper()
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			n++
		}
	}
	return n, len(x)
}

// Two recordings of one scene, which differ in every id, are the same byte by byte with stable ids.
func TestSeal_stableIDs(t *testing.T) {
	t.Parallel()
	for _, name := range scenesWithIDs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := cassette.Rules{StableIDs: true}
			first, plain := encoded(t, otherIDs(t, name, "monday"), cassette.Rules{})
			second, plain2 := encoded(t, otherIDs(t, name, "tuesday"), cassette.Rules{})
			clean, stable := encoded(t, otherIDs(t, name, "monday"), rules)
			_, stable2 := encoded(t, otherIDs(t, name, "tuesday"), rules)
			n, of := differing(t, plain, plain2)
			t.Logf("without stable ids %d of %d lines differ", n, of)
			if n, _ := differing(t, stable, stable2); n > 0 {
				t.Errorf("%d of %d lines differ", n, of)
			}
			for what, other := range map[string]*cassette.Tape{"another recording": second, "stable ids": clean} {
				if diff := cassette.Diff(first, other); diff != nil {
					t.Errorf("with %s it means something else:\n%s", what, strings.Join(diff, "\n"))
				}
			}
			if _, twice := encoded(t, clean, rules); twice != stable {
				t.Error("sealed again, it is another one")
			}
		})
	}
}

// Anonymous people have the same placeholders whatever their ids are.
func TestSeal_anonymousIsStable(t *testing.T) {
	t.Parallel()
	for _, name := range scenesWithIDs {
		rules := cassette.Rules{Anonymous: true, StableIDs: true}
		_, a := encoded(t, otherIDs(t, name, "monday"), rules)
		_, b := encoded(t, otherIDs(t, name, "tuesday"), rules)
		if n, of := differing(t, a, b); n > 0 {
			t.Errorf("%s: %d of %d lines differ", name, n, of)
		}
		first, _ := encoded(t, otherIDs(t, name, "monday"), cassette.Rules{Anonymous: true})
		second, _ := encoded(t, otherIDs(t, name, "tuesday"), cassette.Rules{Anonymous: true})
		people := regexp.MustCompile(`member-\d+|00000000000a11a5[0-9a-f]{8}`)
		for i := range first.HTTP {
			if a, b := people.FindAllString(first.HTTP[i].Response.Body, -1), people.FindAllString(second.HTTP[i].Response.Body, -1); fmt.Sprint(a) != fmt.Sprint(b) {
				t.Errorf("%s, interaction %d: %v and %v", name, i, a, b)
				break
			}
		}
	}
}

// Requests that differ only by an id may be sent in any order, as those of a program that reads several people at once.
func TestSeal_stableIDsOfConcurrentRequests(t *testing.T) {
	t.Parallel()
	const alice, bob = "65b2a1c0d4e8b90000000004", "65b2a1c0d4e8b90000000005"
	tape := func(first, second string) *cassette.Tape {
		raw := one("GET", other, "", "", `{"users":["`+alice+`","`+bob+`"]}`)
		for i, id := range []string{first, second} {
			more := one("GET", "https://api.queup.net/user/"+id, "", "", `{"_id":"`+id+`"}`).HTTP[0]
			more.Order = i + 2
			raw.HTTP = append(raw.HTTP, more)
		}
		return raw
	}
	rules := cassette.Rules{StableIDs: true}
	_, a := encoded(t, tape(alice, bob), rules)
	_, b := encoded(t, tape(bob, alice), rules)
	if a != b {
		t.Errorf("the order matters:\n%s\n%s", a, b)
	}
}

// What is not an id stays, and so does an id that is to be kept. Escapes beside an id do not belong to it.
func TestSeal_stableIDsOnly(t *testing.T) {
	t.Parallel()
	const id, kept = "65b2a1c0d4e8b90000000004", "65a1f0c2d4e8b90000000001"
	body := `{"a":"x\n` + id + `","b":"` + id + `-1700000000000","c":"a` + id + `","d":"` + kept + `","e":"` + id + `7","f":"` + strings.ToUpper(id) + `","g":"user_update_` + id + `"}`
	raw := one("POST", "https://api.queup.net/user/"+id+"?x=%2F"+id, form, "u="+id, body)
	raw.Socket = append(frames(`0{"sid":"abcdefghijklmnopqrst"}`, `4{"reqId":"1-abcdefghijklmnopqrst","id":"`+id+`"}`, "\xff"+id).Socket,
		&cassette.Record{Conn: 1, Dir: cassette.Out, Op: cassette.OpClose, Code: 1000, Reason: id})
	clean, _ := encoded(t, raw, cassette.Rules{StableIDs: true, KeepIDs: []string{kept}})
	const mask = "00000000000001d500000001"
	want := strings.NewReplacer(`"a":"x\n`+id, `"a":"x\n`+mask, `"b":"`+id, `"b":"`+mask, `_`+id, `_`+mask).Replace(body)
	e := clean.HTTP[0]
	if e.Response.Body != want {
		t.Errorf("the body is\n%s, want\n%s", e.Response.Body, want)
	}
	if e.Request.URL != "https://api.queup.net/user/"+mask+"?x=%2F"+mask || e.Request.Body != "u="+mask || e.Request.Form.Get("u") != mask {
		t.Errorf("the request is %+v", e.Request)
	}
	for i, data := range []string{`0{"sid":"c0nnect10n0000000001"}`, `4{"reqId":"1-c0nnect10n0000000001","id":"` + mask + `"}`, "\xff" + id} {
		if got := clean.Socket[i+1].Data; !bytes.Equal(got, []byte(data)) {
			t.Errorf("frame %q, want %q", got, data)
		}
	}
	if got := clean.Socket[4].Reason; got != mask {
		t.Errorf("the reason is %q", got)
	}
	if clean.Header.Redactions["id"] > 0 {
		t.Error("ids count as secrets")
	}
}
