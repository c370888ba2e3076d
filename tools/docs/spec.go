package main

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

// A specification is what both files say, ready to be shown.
type specification struct {
	Title       string
	Version     string
	Description []string // paragraphs
	Server      string
	Tags        []*tag
	Events      []*definition
	Types       []*definition
	EventsAbout []string
	Sources     []source // who said it
}

func (s *specification) operations() (n int) {
	for _, t := range s.Tags {
		n += len(t.Operations)
	}
	return n
}

// A source is who said something.
type source struct{ Tag, Who, When string }

type tag struct {
	Name, ID, Description string
	Operations            []*operation
}

// evidence is who has seen a thing, how sure that is, and when it was seen last.
type evidence struct {
	Sources                    []string
	Confidence, Section, Alive string
}

type operation struct {
	Name, ID             string // operationId, and the anchor
	Method, Path         string
	Summary              string
	Description          []string
	Deprecated           bool
	Parameters           []field
	Requests             []body
	Optional             bool // a request is not needed
	Answer               string
	Data                 *valueType // of the answer's envelope; nil for a redirect
	Redirect             bool
	AnswerExample, Error template.HTML
	Evidence             evidence
}

// A body is a request in the encodings that have the same fields.
type body struct {
	Encodings []string
	About     []string
	Fields    []field
	Examples  []example
}

type example struct {
	Title string
	Code  template.HTML
}

// A field is a parameter, or a member of an object.
type field struct {
	Name        string
	In          string // of a parameter: path, query
	Required    bool
	Type        valueType
	Description string
	Example     string
}

// A definition is a type, or an event.
type definition struct {
	Name, ID    string // the Go name, and the anchor
	Event       string // the name on the wire, with what is appended
	Kind        string // event, object, list, id, value
	Of          valueType
	Description []string
	Fields      []field
	Values      []field // those known so far
	Examples    []example
	Evidence    evidence
	UsedBy      []link
}

type link struct{ Name, ID string }

// A valueType is a type in words, with the names of definitions as links.
type valueType []word

type word struct{ Text, ID string } // ID: the anchor it leads to

func (v valueType) String() string {
	var b strings.Builder
	for _, w := range v {
		b.WriteString(w.Text)
	}
	return b.String()
}

func words(text string) valueType { return valueType{{Text: text}} }

// A loader reads both files and collects what is wrong with them.
type loader struct {
	rest, events node
	problems     []error
}

func load(restFile, eventsFile string) (*specification, error) {
	rest, err := readNode(restFile)
	if err != nil {
		return nil, err
	}
	events, err := readNode(eventsFile)
	if err != nil {
		return nil, err
	}
	l := &loader{rest: rest, events: events}
	s := &specification{
		Title:       rest.text("info", "title"),
		Version:     rest.text("info", "version"),
		Description: paragraphs(rest.text("info", "description")),
		EventsAbout: paragraphs(events.text("description")),
	}
	for server := range rest.get("servers").items() {
		s.Server = cmp.Or(s.Server, server.text("url"))
	}
	for t := range rest.get("tags").items() {
		s.Tags = append(s.Tags, &tag{Name: t.text("name"), ID: anchor("tag", t.text("name")), Description: t.text("description")})
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
	if s.operations() == 0 || len(s.Events) == 0 {
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

func (l *loader) operation(s *specification, path, method string, item, n node) {
	o := &operation{
		Name: n.text("operationId"), ID: anchor("op", n.text("operationId")), Method: strings.ToUpper(method), Path: path,
		Summary: n.text("summary"), Description: paragraphs(n.text("description")), Deprecated: n.isTrue("deprecated"),
		Evidence: evidenceOf(n),
	}
	o.Evidence.Alive = n.text("x-alive")
	for _, list := range []node{item.get("parameters"), n.get("parameters")} {
		for p := range list.items() {
			p = l.follow(p)
			o.Parameters = append(o.Parameters, field{
				Name: p.text("name"), In: p.text("in"), Required: p.isTrue("required"), Type: l.restType(p.get("schema")),
				Description: p.text("description"), Example: p.text("example"),
			})
		}
	}
	o.Requests = l.requests(n.get("requestBody", "content"))
	o.Optional = len(o.Requests) > 0 && !n.isTrue("requestBody", "required")
	l.answer(o, n.get("responses"))
	i := slices.IndexFunc(s.Tags, func(t *tag) bool { return slices.Contains(n.texts("tags"), t.Name) })
	if o.Name == "" || i < 0 {
		l.problems = append(l.problems, fmt.Errorf("line %d: %s %s has no operationId, or a tag that is not declared", n.y.Line, o.Method, path))
		return
	}
	s.Tags[i].Operations = append(s.Tags[i].Operations, o)
}

// requests lists the bodies that an operation takes. Most take the same fields in more than one encoding.
func (l *loader) requests(content node) (bodies []body) {
	seen := map[string]int{} // by the schema's name
	for encoding, media := range content.members() {
		ref := media.text("schema", "$ref")
		schema := l.follow(media.get("schema"))
		i, again := seen[ref]
		if !again || ref == "" {
			i = len(bodies)
			seen[ref] = i
			bodies = append(bodies, body{About: paragraphs(schema.text("description")), Fields: l.fields(schema, l.restType)})
		}
		bodies[i].Encodings = append(bodies[i].Encodings, encoding)
		if e := media.get("example"); e.ok() {
			code := codeOf(e)
			if encoding != "application/json" {
				code = formOf(e)
			}
			bodies[i].Examples = append(bodies[i].Examples, example{encoding, code})
		}
	}
	return bodies
}

func (l *loader) answer(o *operation, responses node) {
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

// nothing is what an envelope carries whose data no client looks at.
const nothing = "nothing of use"

// shapeless are the envelopes whose data has no type; api/README.md tells of them.
var shapeless = map[string]string{
	"#/components/schemas/DoneEnvelope": nothing,
	"#/components/schemas/RawEnvelope":  "any JSON",
}

// data is the type of what an envelope carries.
func (l *loader) data(envelope node) valueType {
	ref := envelope.text("$ref")
	for part := range l.follow(envelope).get("allOf").items() {
		if data := part.get("properties", "data"); data.text("x-ogen-type") != "" {
			return l.restType(data)
		}
	}
	if shapeless[ref] == "" {
		l.problems = append(l.problems, fmt.Errorf("%s says nothing of its data", ref))
	}
	return words(shapeless[ref])
}

// restType is the type of a schema of the REST specification.
func (l *loader) restType(n node) valueType {
	if ref := n.text("$ref"); ref != "" {
		return l.restType(l.follow(n))
	}
	if name := n.text("x-ogen-type"); name != "" {
		return l.named(name[strings.LastIndex(name, ".")+1:])
	}
	if n.text("type") == "array" {
		return append(words("list of "), l.restType(n.get("items"))...)
	}
	return words(cmp.Or(n.text("type"), "any JSON"))
}

// named is a type of the other specification.
func (l *loader) named(name string) valueType {
	if !l.events.get("$defs", name).ok() {
		l.problems = append(l.problems, fmt.Errorf("there is no type %s", name))
	}
	return valueType{{name, anchor("type", name)}}
}

func (l *loader) fields(schema node, typeOf func(node) valueType) (fields []field) {
	required := schema.texts("required")
	for name, n := range schema.get("properties").members() {
		fields = append(fields, field{Name: name, Required: slices.Contains(required, name), Type: typeOf(n), Description: n.text("description")})
	}
	return fields
}

func (l *loader) definition(name string, n node) *definition {
	d := &definition{
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
		d.Kind, d.Of = "id", words("string")
	default:
		d.Kind, d.Of = "value", l.wireType(n)
	}
	for v := range n.get("x-values").items() {
		d.Values = append(d.Values, field{Name: v.text("value"), Type: words(v.text("name")), Description: v.text("description")})
	}
	for e := range n.get("examples").items() {
		d.Examples = append(d.Examples, example{Code: codeOf(e)})
	}
	return d
}

// units are what numbers and texts of a format stand for.
var units = map[string]string{
	"epoch-ms": "time, ms since 1970", "date-time": "time, ISO 8601", "duration-ms": "duration, ms", "duration-s": "duration, s", "duration-min": "duration, min",
}

// wireType is the type of a schema of the events.
func (l *loader) wireType(n node) valueType {
	if ref := n.text("$ref"); ref != "" {
		return l.named(strings.TrimPrefix(ref, "#/$defs/"))
	}
	var parts []valueType
	for part := range n.get("oneOf").items() {
		parts = append(parts, l.wireType(part))
	}
	for _, name := range n.texts("type") {
		parts = append(parts, words(name))
	}
	kind := n.text("type")
	switch {
	case len(parts) > 0:
	case n.text("x-event") == "*":
		parts = append(parts, words("event of any kind"))
	case kind == "array":
		parts = append(parts, append(words("list of "), l.wireType(n.get("items"))...))
	default:
		parts = append(parts, words(cmp.Or(kind, "any JSON")))
	}
	var all valueType
	for i, part := range parts {
		if i > 0 {
			all = append(all, word{Text: " or "})
		}
		all = append(all, part...)
	}
	if unit := units[n.text("format")]; unit != "" {
		all = append(all, word{Text: " (" + unit + ")"})
	}
	if n.text("x-text") == "html" {
		all = append(all, word{Text: " (HTML-encoded)"})
	}
	return all
}

// crossReference notes at each type who mentions it.
func (s *specification) crossReference() {
	byID := map[string]*definition{}
	for _, d := range slices.Concat(s.Events, s.Types) {
		byID[d.ID] = d
	}
	mention := func(by link, in valueType) {
		for _, w := range in {
			if d := byID[w.ID]; d != nil && d.ID != by.ID && !slices.Contains(d.UsedBy, by) {
				d.UsedBy = append(d.UsedBy, by)
			}
		}
	}
	for _, t := range s.Tags {
		for _, o := range t.Operations {
			by := link{o.Name, o.ID}
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
		by := link{cmp.Or(d.Event, d.Name), d.ID}
		mention(by, d.Of)
		for _, f := range d.Fields {
			mention(by, f.Type)
		}
	}
}

func evidenceOf(n node) evidence {
	n = n.get("x-evidence")
	return evidence{Sources: n.texts("sources"), Confidence: n.text("confidence"), Section: n.text("section")}
}

// paragraphs takes a text apart at its empty lines.
func paragraphs(text string) (list []string) {
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if part = strings.Join(strings.Fields(part), " "); part != "" {
			list = append(list, part)
		}
	}
	return list
}

var noAnchor = regexp.MustCompile(`[^0-9A-Za-z_-]+`)

// anchor is the name of a place on the page.
func anchor(kind, name string) string { return kind + "-" + noAnchor.ReplaceAllString(name, "-") }

var sourceRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`)

// readSources reads who is who from the table of docs/PROTOCOL.md.
func readSources(file string) (list []source, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	_, section, found := strings.Cut(string(text), "## How to read the evidence")
	section, _, _ = strings.Cut(section, "\n---\n")
	for _, row := range sourceRow.FindAllStringSubmatch(section, -1) {
		if row[1] != "Tag" && !strings.HasPrefix(row[1], "---") {
			list = append(list, source{row[1], strings.ReplaceAll(row[2], "`", ""), row[3]})
		}
	}
	if !found || len(list) == 0 {
		return nil, fmt.Errorf("%s has no table that explains the tags", file)
	}
	return list, nil
}
