package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ogen-go/ogen"

	"github.com/queup-go/queup/tools/internal/apispec"
)

const (
	restFile     = "../../api/openapi.yaml"
	eventsFile   = "../../api/events.schema.json"
	protocolFile = "../../docs/PROTOCOL.md"
)

var (
	ours = sync.OnceValues(func() (*apispec.Spec, error) {
		s, err := apispec.Load(restFile, eventsFile)
		if err != nil {
			return nil, err
		}
		s.Sources, err = apispec.ReadSources(protocolFile)
		return s, err
	})
	rendered = sync.OnceValues(func() ([]byte, error) {
		s, err := ours()
		if err != nil {
			return nil, err
		}
		return render(s)
	})
)

// specs are ours.
func specs(t *testing.T) *apispec.Spec {
	t.Helper()
	s, err := ours()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// page is the page of them.
func page(t *testing.T) []byte {
	t.Helper()
	page, err := rendered()
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// article cuts an entry out of the page.
func article(t *testing.T, page []byte, id string) string {
	t.Helper()
	_, rest, found := bytes.Cut(page, []byte(`id="`+id+`">`))
	text, _, end := bytes.Cut(rest, []byte("</article>"))
	if !found || !end {
		t.Fatalf("the page has no entry %s", id)
	}
	return string(text)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// plain is what a reader sees.
func plain(text string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(text, " "))), " ")
}

// Every operation is on the page, with all that the specification says of it. ogen's own reading of the file says what there is.
func TestPage_everyOperation(t *testing.T) {
	spec, err := ogen.Parse(read(t, restFile))
	if err != nil {
		t.Fatal(err)
	}
	page := page(t)
	count := 0
	for path, item := range spec.Paths {
		for method, o := range map[string]*ogen.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete, "PATCH": item.Patch} {
			if o == nil {
				continue
			}
			count++
			text := plain(article(t, page, "op-"+o.OperationID))
			wants := []string{method, o.OperationID, o.Summary}
			for _, p := range slices.Concat(item.Parameters, o.Parameters) {
				if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
					p = spec.Components.Parameters[name]
				}
				wants = append(wants, p.Name+" ", p.In)
			}
			if o.RequestBody != nil {
				for encoding, media := range o.RequestBody.Content {
					wants = append(wants, "Example as "+apispec.Encodings[encoding])
					schema := media.Schema
					if name, ok := strings.CutPrefix(schema.Ref, "#/components/schemas/"); ok {
						schema = spec.Components.Schemas[name]
					}
					for _, p := range schema.Properties {
						wants = append(wants, p.Name)
					}
				}
			}
			var evidence struct{ Sources []string }
			node := o.Common.Extensions["x-evidence"]
			if err := node.Decode(&evidence); err != nil {
				t.Fatal(err)
			}
			wants = append(wants, evidence.Sources...)
			for _, want := range wants {
				if !strings.Contains(text, want) {
					t.Errorf("%s: the entry lacks %q: %s", o.OperationID, want, text)
				}
			}
			if !strings.Contains(strings.ReplaceAll(text, " ", ""), path) {
				t.Errorf("%s: the entry lacks its path %s", o.OperationID, path)
			}
			if got := strings.Contains(text, "deprecated"); o.Deprecated && !got {
				t.Errorf("%s: the entry does not say that it is deprecated", o.OperationID)
			}
		}
	}
	if written := bytes.Count(read(t, restFile), []byte("operationId: ")); count != written {
		t.Errorf("ogen reads %d operations, and %s has %d", count, restFile, written)
	}
	if n := bytes.Count(page, []byte(`<article class="operation"`)); n != count {
		t.Errorf("the page has %d operations, want %d", n, count)
	}
}

// Every event and every type is on the page, with its members. encoding/json says what there is.
func TestPage_everyEventAndType(t *testing.T) {
	var schema struct {
		Defs map[string]struct {
			Event      string `json:"x-event"`
			Properties map[string]struct {
				Description string `json:"description"`
				Format      string `json:"format"`
			} `json:"properties"`
			Examples []json.RawMessage `json:"examples"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(read(t, eventsFile), &schema); err != nil {
		t.Fatal(err)
	}
	page := page(t)
	events := 0
	for name, d := range schema.Defs {
		id := "type-" + name
		if d.Event != "" {
			id = "event-" + d.Event
			events++
		}
		entry := article(t, page, id)
		text := plain(entry)
		if !strings.Contains(text, name) || !strings.Contains(text, d.Event) {
			t.Errorf("%s: the entry does not name it", name)
		}
		for member, p := range d.Properties {
			squeezed := strings.ReplaceAll(text, " ", "")
			if !strings.Contains(text, member) || !strings.Contains(squeezed, strings.Join(strings.Fields(p.Description), "")) {
				t.Errorf("%s: the entry lacks the member %s, or what it means", name, member)
			}
			if unit := apispec.Units[p.Format]; unit != "" && !strings.Contains(text, unit) {
				t.Errorf("%s: the entry lacks the unit of %s", name, member)
			}
		}
		if n := strings.Count(entry, "<pre>"); n != len(d.Examples) {
			t.Errorf("%s: the entry has %d examples, want %d", name, n, len(d.Examples))
		}
	}
	if n := bytes.Count(page, []byte(`<article class="event"`)); n != events {
		t.Errorf("the schema has %d events, and the page %d", events, n)
	}
}

// Examples are on the page as they are in the specification, value by value.
func TestPage_examplesAreTheSame(t *testing.T) {
	var schema struct {
		Defs map[string]struct {
			Examples []any `json:"examples"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(read(t, eventsFile), &schema); err != nil {
		t.Fatal(err)
	}
	compared := 0
	s := specs(t)
	for _, d := range slices.Concat(s.Events, s.Types) {
		for i, e := range d.Examples {
			var got any
			if err := json.Unmarshal([]byte(html.UnescapeString(tags.ReplaceAllString(string(e.Code), ""))), &got); err != nil {
				t.Errorf("%s: example %d is no JSON: %v", d.Name, i, err)
				continue
			}
			want, _ := json.Marshal(schema.Defs[d.Name].Examples[i])
			again, _ := json.Marshal(got)
			if !bytes.Equal(want, again) {
				t.Errorf("%s: example %d is %s, want %s", d.Name, i, again, want)
			}
			compared++
		}
	}
	if compared < 60 {
		t.Errorf("only %d examples were compared", compared)
	}
	for _, tag := range s.Tags {
		for _, o := range tag.Operations {
			if o.Redirect {
				continue
			}
			if err := json.Unmarshal([]byte(html.UnescapeString(tags.ReplaceAllString(string(o.AnswerExample), ""))), new(any)); err != nil {
				t.Errorf("%s: the answer is no JSON: %v", o.Name, err)
			}
		}
	}
}

// The page needs nothing but itself, and every link on it leads somewhere.
func TestPage_standsAlone(t *testing.T) {
	page := page(t)
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllSubmatch(page, -1) {
		if ids[string(m[1])] {
			t.Errorf("two things are called %s", m[1])
		}
		ids[string(m[1])] = true
	}
	links := regexp.MustCompile(`<a [^>]*href="([^"]*)"`).FindAllSubmatch(page, -1)
	for _, m := range links {
		if id, ok := strings.CutPrefix(string(m[1]), "#"); !ok || !ids[id] {
			t.Errorf("a link leads to %s", m[1])
		}
	}
	if len(links) < 1000 {
		t.Errorf("there are only %d links", len(links))
	}
	for _, asset := range []string{` src=`, `<link`, `<img`, `<iframe`, `@import`, `url(`, `fetch(`, `XMLHttpRequest`} {
		if bytes.Contains(page, []byte(asset)) {
			t.Errorf("the page has %s", asset)
		}
	}
	if !bytes.Contains(page, []byte(`default-src 'none'`)) {
		t.Error("the page lets itself load things")
	}
	again, err := render(specs(t))
	if err != nil || !bytes.Equal(page, again) {
		t.Errorf("a second run writes another page (%v)", err)
	}
}

func TestProse(t *testing.T) {
	known := map[string]string{"joinRoom": "op-joinRoom"}
	tests := map[string]string{
		"as joinRoom does":             `as <a href="#op-joinRoom"><code>joinRoom</code></a> does`,
		"the answer to POST /auth/x.":  `the answer to <code>POST /auth/x</code>.`,
		"302 to /auth/login when <3":   `302 to <code>/auth/login</code> when &lt;3`,
		"needs members.kick (kick).":   `needs <code>members.kick</code> (kick).`,
		"see docs/PROTOCOL.md 1.3":     `see docs/PROTOCOL.md 1.3`,
		"at queup.net, formerly":       `at queup.net, formerly`,
		`<script>alert("x")</script> `: `&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; `,
	}
	for text, want := range tests {
		if got := string(prose(text, known)); got != want {
			t.Errorf("prose(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a", "index.html")
	var out bytes.Buffer
	if err := run([]string{"-openapi", restFile, "-events", eventsFile, "-protocol", protocolFile, "-out", file}, &out); err != nil {
		t.Fatal(err)
	}
	counts := fmt.Sprintf("%d operations, %d events",
		bytes.Count(read(t, restFile), []byte("operationId: ")), len(regexp.MustCompile(`"x-event": "[a-z]`).FindAll(read(t, eventsFile), -1)))
	if !bytes.Equal(read(t, file), page(t)) || !strings.Contains(out.String(), counts) {
		t.Errorf("it wrote another page, and said %s", &out)
	}
	broken := filepath.Join(t.TempDir(), "openapi.yaml")
	text := bytes.Replace(read(t, restFile), []byte(`"#/components/parameters/Offset"`), []byte(`"#/components/parameters/Nowhere"`), 1)
	if err := os.WriteFile(broken, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"a broken reference": {[]string{"-openapi", broken, "-events", eventsFile}, "Nowhere refers to nothing"},
		"no such file":       {[]string{"-openapi", "nowhere.yaml"}, "nowhere.yaml"},
		"no specification":   {[]string{"-openapi", eventsFile, "-events", eventsFile}, "no operations"},
		"no table of tags":   {[]string{"-openapi", restFile, "-events", eventsFile, "-protocol", "page.css"}, "page.css"},
		"an argument":        {[]string{"api"}, `"api"`},
	} {
		if err := run(append(tt.args, "-out", file), &out); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
