// Package apispec reads the two specifications of api/ for pages and tables: in the order of the files, with types in words
// and examples as HTML.
package apispec

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"os"
	"regexp"
	"slices"
	"strings"
)

// A Spec is the content of both files, ready to be shown.
type Spec struct {
	Title       string
	Version     string
	Description []string // paragraphs
	Server      string
	Tags        []*Tag
	Events      []*Definition
	Types       []*Definition
	EventsAbout []string
	Sources     []Source // who said it
}

// CountOperations returns the number of operations under all tags.
func (s *Spec) CountOperations() (n int) {
	for _, t := range s.Tags {
		n += len(t.Operations)
	}
	return n
}

// A Source is a project, or a person, that an evidence names by its tag.
type Source struct{ Tag, Who, When string }

// A Tag is a group of operations.
type Tag struct {
	Name, ID, Description string
	Operations            []*Operation
}

// Evidence names who has seen an operation or a type, how sure that is, and when it was last seen.
type Evidence struct {
	Sources                    []string
	Confidence, Section, Alive string
}

// An Operation is one of REST.
type Operation struct {
	Name, ID             string // operationId, and the anchor
	Method, Path         string
	Summary              string
	Description          []string
	Deprecated           bool
	Parameters           []Field
	Requests             []Body
	Optional             bool // a request is not needed
	Answer               string
	Data                 *Type // of the answer's envelope; nil for a redirect
	Redirect             bool
	AnswerExample, Error template.HTML
	Evidence             Evidence
}

// A Body is a request in the encodings that have the same fields.
type Body struct {
	Encodings []string
	About     []string
	Fields    []Field
	Examples  []Example
}

// An Example is JSON, or a form, as HTML.
type Example struct {
	Title string
	Code  template.HTML
}

// A Field is a parameter, or a member of an object.
type Field struct {
	Name        string
	In          string // of a parameter: path, query
	Required    bool
	Type        Type
	Description string
	Example     string
}

// A Definition is a type, or an event.
type Definition struct {
	Name, ID    string // the Go name, and the anchor
	Event       string // the name on the wire, with what is appended
	Kind        string // event, object, list, id, value
	Of          Type
	Description []string
	Fields      []Field
	Values      []Field // those known so far
	Examples    []Example
	Evidence    Evidence
	UsedBy      []Link
}

// A Link leads to an anchor on the page.
type Link struct{ Name, ID string }

// A Type is a type in words, with the names of definitions as links.
type Type []Word

// A Word is a part of a Type. ID is the anchor that it leads to, empty for none.
type Word struct{ Text, ID string }

// String returns the words without links.
func (v Type) String() string {
	var b strings.Builder
	for _, w := range v {
		b.WriteString(w.Text)
	}
	return b.String()
}

// Words returns a Type without links.
func Words(text string) Type { return Type{{Text: text}} }

// A loader reads both files and collects the mistakes in them.
type loader struct {
	rest, events node
	problems     []error
}

// Load reads both files. Its error lists everything that is wrong with them.
func Load(restFile, eventsFile string) (*Spec, error) {
	rest, err := readNode(restFile)
	if err != nil {
		return nil, err
	}
	events, err := readNode(eventsFile)
	if err != nil {
		return nil, err
	}
	l := &loader{rest: rest, events: events}
	s := &Spec{
		Title:       rest.text("info", "title"),
		Version:     rest.text("info", "version"),
		Description: paragraphs(rest.text("info", "description")),
		EventsAbout: paragraphs(events.text("description")),
	}
	for server := range rest.get("servers").items() {
		s.Server = cmp.Or(s.Server, server.text("url"))
	}
	for t := range rest.get("tags").items() {
		s.Tags = append(s.Tags, &Tag{Name: t.text("name"), ID: anchor("tag", t.text("name")), Description: t.text("description")})
	}
	for path, item := range rest.get("paths").members() {
		for method, n := range item.members() {
			if method != "parameters" {
				l.operation(s, path, method, item, n)
			}
		}
	}
	for name, n := range events.get("$defs").members() {
		if d := l.definition(name, n); d.Kind == "event" {
			s.Events = append(s.Events, d)
		} else {
			s.Types = append(s.Types, d)
		}
	}
	s.crossReference()
	if s.CountOperations() == 0 || len(s.Events) == 0 {
		l.problems = append(l.problems, errors.New("there are no operations, or no events"))
	}
	return s, errors.Join(l.problems...)
}

func (l *loader) follow(n node) node {
	found, err := n.resolved(l.rest)
	if err != nil {
		l.problems = append(l.problems, err)
	}
	return found
}

func (l *loader) operation(s *Spec, path, method string, item, n node) {
	o := &Operation{
		Name: n.text("operationId"), ID: anchor("op", n.text("operationId")), Method: strings.ToUpper(method), Path: path,
		Summary: n.text("summary"), Description: paragraphs(n.text("description")), Deprecated: n.isTrue("deprecated"),
		Evidence: evidenceOf(n),
	}
	o.Evidence.Alive = n.text("x-alive")
	for _, list := range []node{item.get("parameters"), n.get("parameters")} {
		for p := range list.items() {
			p = l.follow(p)
			o.Parameters = append(o.Parameters, Field{
				Name: p.text("name"), In: p.text("in"), Required: p.isTrue("required"), Type: l.restType(p.get("schema")),
				Description: p.text("description"), Example: p.text("example"),
			})
		}
	}
	o.Requests = l.requests(n.get("requestBody", "content"))
	o.Optional = len(o.Requests) > 0 && !n.isTrue("requestBody", "required")
	l.answer(o, n.get("responses"))
	i := slices.IndexFunc(s.Tags, func(t *Tag) bool { return slices.Contains(n.texts("tags"), t.Name) })
	if o.Name == "" || i < 0 {
		l.problems = append(l.problems, fmt.Errorf("line %d: %s %s has no operationId, or a tag that is not declared", n.y.Line, o.Method, path))
		return
	}
	s.Tags[i].Operations = append(s.Tags[i].Operations, o)
}

// requests lists the bodies that an operation takes. Most take the same fields in more than one encoding.
func (l *loader) requests(content node) (bodies []Body) {
	seen := map[string]int{} // by the schema's name
	for encoding, media := range content.members() {
		ref := media.text("schema", "$ref")
		schema := l.follow(media.get("schema"))
		i, again := seen[ref]
		if !again || ref == "" {
			i = len(bodies)
			seen[ref] = i
			bodies = append(bodies, Body{About: paragraphs(schema.text("description")), Fields: l.fields(schema, l.restType)})
		}
		bodies[i].Encodings = append(bodies[i].Encodings, encoding)
		if e := media.get("example"); e.ok() {
			code := codeOf(e)
			if encoding != "application/json" {
				code = formOf(e)
			}
			bodies[i].Examples = append(bodies[i].Examples, Example{encoding, code})
		}
	}
	return bodies
}

func (l *loader) answer(o *Operation, responses node) {
	if r := responses.get("302"); r.ok() {
		r = l.follow(r)
		o.Redirect, o.Answer = true, r.text("description")
		o.AnswerExample = codeText("302 Found\nLocation: " + r.text("headers", "Location", "example"))
		return
	}
	r := l.follow(responses.get("200"))
	media := r.get("content", "application/json")
	data := l.data(media.get("schema"))
	o.Answer, o.Data, o.AnswerExample = r.text("description"), &data, codeOf(media.get("example"))
	failed := l.follow(responses.get("default"))
	o.Error = codeOf(failed.get("content", "application/json", "example"))
}

// Nothing is the Type of data that no client looks at.
const Nothing = "nothing of use"

// shapeless are the envelopes whose data has no type; see api/README.md.
var shapeless = map[string]string{
	"#/components/schemas/DoneEnvelope": Nothing,
	"#/components/schemas/RawEnvelope":  "any JSON",
}

// data returns the type of an envelope's data.
func (l *loader) data(envelope node) Type {
	ref := envelope.text("$ref")
	for part := range l.follow(envelope).get("allOf").items() {
		if data := part.get("properties", "data"); data.text("x-ogen-type") != "" {
			return l.restType(data)
		}
	}
	if shapeless[ref] == "" {
		l.problems = append(l.problems, fmt.Errorf("%s says nothing of its data", ref))
	}
	return Words(shapeless[ref])
}

// restType returns the type of a schema of the REST specification.
func (l *loader) restType(n node) Type {
	if ref := n.text("$ref"); ref != "" {
		return l.restType(l.follow(n))
	}
	if name := n.text("x-ogen-type"); name != "" {
		return l.named(name[strings.LastIndex(name, ".")+1:])
	}
	if n.text("type") == "array" {
		return append(Words("list of "), l.restType(n.get("items"))...)
	}
	return Words(cmp.Or(n.text("type"), "any JSON"))
}

// named returns a type of the other specification.
func (l *loader) named(name string) Type {
	if !l.events.get("$defs", name).ok() {
		l.problems = append(l.problems, fmt.Errorf("there is no type %s", name))
	}
	return Type{{name, anchor("type", name)}}
}

func (l *loader) fields(schema node, typeOf func(node) Type) (fields []Field) {
	required := schema.texts("required")
	for name, n := range schema.get("properties").members() {
		fields = append(fields, Field{Name: name, Required: slices.Contains(required, name), Type: typeOf(n), Description: n.text("description")})
	}
	return fields
}

func (l *loader) definition(name string, n node) *Definition {
	d := &Definition{
		Name: name, ID: anchor("type", name), Event: n.text("x-event"), Description: paragraphs(n.text("description")),
		Fields: l.fields(n, l.wireType), Evidence: evidenceOf(n),
	}
	d.Evidence.Alive = n.text("x-evidence", "alive")
	switch {
	case d.Event != "":
		d.Kind, d.ID = "event", anchor("event", d.Event)
		if suffix := n.get("x-suffix"); suffix.ok() {
			d.Event += suffix.text("separator") + "<" + suffix.text("type") + ">"
		}
	case n.text("type") == "object":
		d.Kind = "object"
	case n.text("type") == "array":
		d.Kind, d.Of = "list", l.wireType(n)
	case n.text("format") == "id":
		d.Kind, d.Of = "id", Words("string")
	default:
		d.Kind, d.Of = "value", l.wireType(n)
	}
	for v := range n.get("x-values").items() {
		d.Values = append(d.Values, Field{Name: v.text("value"), Type: Words(v.text("name")), Description: v.text("description")})
	}
	for e := range n.get("examples").items() {
		d.Examples = append(d.Examples, Example{Code: codeOf(e)})
	}
	return d
}

// Units says what numbers and texts of a format stand for.
var Units = map[string]string{
	"epoch-ms": "time, ms since 1970", "date-time": "time, ISO 8601", "duration-ms": "duration, ms", "duration-s": "duration, s", "duration-min": "duration, min",
}

// wireType returns the type of a schema of the events.
func (l *loader) wireType(n node) Type {
	if ref := n.text("$ref"); ref != "" {
		return l.named(strings.TrimPrefix(ref, "#/$defs/"))
	}
	var parts []Type
	for part := range n.get("oneOf").items() {
		parts = append(parts, l.wireType(part))
	}
	for _, name := range n.texts("type") {
		parts = append(parts, Words(name))
	}
	kind := n.text("type")
	switch {
	case len(parts) > 0:
	case n.text("x-event") == "*":
		parts = append(parts, Words("event of any kind"))
	case kind == "array":
		parts = append(parts, append(Words("list of "), l.wireType(n.get("items"))...))
	default:
		parts = append(parts, Words(cmp.Or(kind, "any JSON")))
	}
	var all Type
	for i, part := range parts {
		if i > 0 {
			all = append(all, Word{Text: " or "})
		}
		all = append(all, part...)
	}
	if unit := Units[n.text("format")]; unit != "" {
		all = append(all, Word{Text: " (" + unit + ")"})
	}
	if n.text("x-text") == "html" {
		all = append(all, Word{Text: " (HTML-encoded)"})
	}
	return all
}

// crossReference lists at each type the operations, events and types that mention it.
func (s *Spec) crossReference() {
	byID := map[string]*Definition{}
	for _, d := range slices.Concat(s.Events, s.Types) {
		byID[d.ID] = d
	}
	mention := func(by Link, in Type) {
		for _, w := range in {
			if d := byID[w.ID]; d != nil && d.ID != by.ID && !slices.Contains(d.UsedBy, by) {
				d.UsedBy = append(d.UsedBy, by)
			}
		}
	}
	for _, t := range s.Tags {
		for _, o := range t.Operations {
			by := Link{o.Name, o.ID}
			if o.Data != nil {
				mention(by, *o.Data)
			}
			for _, f := range o.Parameters {
				mention(by, f.Type)
			}
			for _, b := range o.Requests {
				for _, f := range b.Fields {
					mention(by, f.Type)
				}
			}
		}
	}
	for _, d := range slices.Concat(s.Events, s.Types) {
		by := Link{cmp.Or(d.Event, d.Name), d.ID}
		mention(by, d.Of)
		for _, f := range d.Fields {
			mention(by, f.Type)
		}
	}
}

func evidenceOf(n node) Evidence {
	n = n.get("x-evidence")
	return Evidence{Sources: n.texts("sources"), Confidence: n.text("confidence"), Section: n.text("section")}
}

// paragraphs splits a text at its empty lines.
func paragraphs(text string) (list []string) {
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if part = strings.Join(strings.Fields(part), " "); part != "" {
			list = append(list, part)
		}
	}
	return list
}

var noAnchor = regexp.MustCompile(`[^0-9A-Za-z_-]+`)

// anchor returns the name of an anchor on the page.
func anchor(kind, name string) string { return kind + "-" + noAnchor.ReplaceAllString(name, "-") }

var sourceRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)

// ReadSources reads the sources, with their tags, from the table of docs/PROTOCOL.md.
func ReadSources(file string) (list []Source, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	_, section, found := strings.Cut(string(text), "## How to read the evidence")
	section, _, _ = strings.Cut(section, "\n---\n")
	for _, row := range sourceRow.FindAllStringSubmatch(section, -1) {
		if row[1] != "Tag" && !strings.HasPrefix(row[1], "---") {
			list = append(list, Source{row[1], strings.ReplaceAll(row[2], "`", ""), row[3]})
		}
	}
	if !found || len(list) == 0 {
		return nil, fmt.Errorf("%s has no table that explains the tags", file)
	}
	return list, nil
}

// Encodings are short names of content types.
var Encodings = map[string]string{"application/x-www-form-urlencoded": "form", "application/json": "JSON", "multipart/form-data": "multipart"}
