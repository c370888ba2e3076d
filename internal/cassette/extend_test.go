package cassette

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"
)

// Every placeholder that a redactor makes counts, whatever text it stands in, and a text that only looks like one does not.
func TestPlaceholders_ofARecording(t *testing.T) {
	t.Parallel()
	kinds := []string{kindPassword, kindLogin, kindCookie, kindToken, kindAuth, kindEmail, kindExtra, kindMember, kindMemberID, kindPicture}
	for _, kind := range kinds {
		for _, n := range []int{1, 7, 1234} {
			mask := placeholder(kind, n, "value")
			for _, text := range []string{mask, `{"a":"x ` + mask + `"}`, "a=" + strings.ReplaceAll(mask, "@", "%40"), "/user/" + mask + "/x"} {
				tape := &Tape{Socket: []*Record{{Conn: 1, Dir: In, Op: OpText, Data: []byte(text)}}}
				got := tape.Placeholders()
				if got[kind] != n {
					t.Errorf("%s: %v, want %s %d", text, got, kind, n)
				}
				if got.Find(text) == "" || (Placeholders{kind: n - 1}).Find(text) != "" {
					t.Errorf("%s is not found, or found where the numbers are lower", text)
				}
			}
		}
	}
	for _, value := range []string{"93.184.216.34", "2606:2800:220:1::"} {
		for _, n := range []int{1, 255, 256, 70000} {
			if strings.Contains(value, ":") && n > 0xffff {
				continue // the placeholder of an IPv6 address has four digits
			}
			tape := &Tape{Socket: []*Record{{Conn: 1, Dir: In, Op: OpText, Data: []byte(placeholder(kindIP, n, value))}}}
			if got := tape.Placeholders(); got[kindIP] != n {
				t.Errorf("%s is %v, want %d", placeholder(kindIP, n, value), got, n)
			}
		}
	}
	text := "member-99999999 remember-5 redacted-cookie- 198.17.0.1 redacted-token-99999999999999999999"
	tape := &Tape{
		Header: Header{Redactions: map[string]int{kindCookie: 3}}, Socket: []*Record{{Conn: 1, Dir: In, Op: OpText, Data: []byte(text)}},
	}
	got := tape.Placeholders()
	if diff := cmp.Diff(Placeholders{kindCookie: 3, kindMember: 0, kindToken: 0}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if p := got.Find(text); p != "" {
		t.Errorf("found %q", p)
	}
}

// login is a captured login.
func login(order int, name string) *Exchange {
	return &Exchange{Order: order, Interaction: &vcr.Interaction{
		Request: vcr.Request{
			Method: "POST", URL: "https://api.queup.net/auth/login", Headers: map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}},
			Body: "username=" + name + "&password=hunter2-Secret",
		},
		Response: vcr.Response{Code: 200, Status: "200 OK", Headers: map[string][]string{}, Body: `{"code":200}`},
	}}
}

// A login that is added is marked unless it is of the only account. One that has the mark of another account is refused.
func TestExtend_marks(t *testing.T) {
	t.Parallel()
	double := "" // a name with the same mark as alice
	for i := 0; double == ""; i++ {
		if name := fmt.Sprintf("zoe%d", i); mark(name, 1) == mark("alice", 1) {
			double = name
		}
	}
	for name, test := range map[string]struct {
		recorded []string
		added    []string
		marked   bool // the last login that was added
		fails    bool
	}{
		"one account":                   {recorded: []string{"alice"}, added: []string{"alice"}},
		"a second one":                  {recorded: []string{"alice"}, added: []string{"zoe"}, marked: true},
		"two new ones":                  {added: []string{"alice", "zoe"}, marked: true},
		"one of two":                    {recorded: []string{"alice", "bob"}, added: []string{"alice"}, marked: true},
		"a third one":                   {recorded: []string{"alice", "bob"}, added: []string{"zoe"}, marked: true},
		"a third one with a known mark": {recorded: []string{"alice", "bob"}, added: []string{double}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tape := func(names ...string) *Tape {
				t := &Tape{Header: Header{Source: SourceTest}}
				for i, name := range names {
					t.HTTP = append(t.HTTP, login(i+1, name))
				}
				return t
			}
			old, err := Seal(tape(test.recorded...), NewRedactor(Rules{}))
			if err != nil {
				t.Fatal(err)
			}
			r, program := NewRedactorAfter(Rules{}, old.Placeholders()), NewRedactorAfter(Rules{}, old.Placeholders())
			for i, name := range test.recorded { // the program has sent these names
				r.Adopt(program, old.HTTP[i].Request, program.Request(login(0, name).Request))
			}
			whole, err := old.Extend(tape(test.added...), r)
			if test.fails {
				if !errors.Is(err, ErrNames) {
					t.Errorf("the error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			last := whole.HTTP[len(whole.HTTP)-1]
			if name := test.added[len(test.added)-1]; last.Marked(name) != test.marked || last.HasMark() != test.marked {
				t.Errorf("the mark is %q", last.Response.Headers.Get(markHeader))
			}
			for i, e := range whole.HTTP {
				if e.ID != i {
					t.Errorf("interaction %d has the id %d", i, e.ID)
				}
			}
		})
	}
}

// What is added is searched for together with what was there: a new secret may be in the old part.
func TestExtend_searchesAll(t *testing.T) {
	t.Parallel()
	read := func(body string, header ...string) *Tape {
		e := login(1, "x")
		e.Request = vcr.Request{Method: "GET", URL: "https://api.queup.net/room/a", Headers: map[string][]string{}}
		if len(header) > 0 {
			e.Request.Headers["Cookie"] = header
		}
		e.Response.Body = body
		return &Tape{Header: Header{Source: SourceTest}, HTTP: []*Exchange{e}}
	}
	old, err := Seal(read(`{"line":"the word is canary-of-zoe"}`), NewRedactor(Rules{}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = old.Extend(read(`{}`, "sid=canary-of-zoe"), NewRedactorAfter(Rules{}, old.Placeholders()))
	if leak, ok := errors.AsType[*LeakError](err); !ok || !strings.Contains(leak.Where, "interaction 0") {
		t.Errorf("the error is %v", err)
	}
}

// An answer that is added names the events of the connections that were recorded with it.
func TestExtend_events(t *testing.T) {
	t.Parallel()
	read := func() *Tape {
		e := login(1, "x")
		e.Request = vcr.Request{Method: "GET", URL: "https://api.queup.net/room/a", Headers: map[string][]string{}}
		e.Events = map[int]int{1: 3}
		return &Tape{Header: Header{Source: SourceTest}, HTTP: []*Exchange{e}, Socket: []*Record{{Op: OpOpen, Status: 101, Conn: 1, URL: "wss://ws.queup.net/ws/"}}}
	}
	old, err := Seal(read(), NewRedactor(Rules{}))
	if err != nil {
		t.Fatal(err)
	}
	both, err := old.Extend(read(), NewRedactorAfter(Rules{}, old.Placeholders()))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[int]int{{1: 3}, {2: 3}} {
		if events, err := both.HTTP[i].EventsBefore(); err != nil || !maps.Equal(events, want) {
			t.Errorf("answer %d came after %v, %v, want %v", i, events, err, want)
		}
	}
}
