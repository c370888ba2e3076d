package api_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	ht "github.com/ogen-go/ogen/http"
	"github.com/ogen-go/ogen/validate"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/middleware"
	"github.com/queup-go/queup/internal/testkit/source"
)

const (
	contentJSON      = "application/json"
	contentForm      = "application/x-www-form-urlencoded"
	contentMultipart = "multipart/form-data"
)

// bodies are the Go types of request bodies that come in more than one encoding: the client takes an interface for them.
var bodies = map[string]any{
	"login " + contentJSON:            queupapi.LoginApplicationJSON{},
	"login " + contentForm:            queupapi.LoginApplicationXWwwFormUrlencoded{},
	"loginDubtrack " + contentJSON:    queupapi.LoginDubtrackApplicationJSON{},
	"loginDubtrack " + contentForm:    queupapi.LoginDubtrackApplicationXWwwFormUrlencoded{},
	"queueSong " + contentJSON:        queupapi.QueueSongApplicationJSON{},
	"queueSong " + contentForm:        queupapi.QueueSongApplicationXWwwFormUrlencoded{},
	"createPlaylist " + contentJSON:   queupapi.CreatePlaylistApplicationJSON{},
	"createPlaylist " + contentForm:   queupapi.CreatePlaylistApplicationXWwwFormUrlencoded{},
	"addPlaylistSong " + contentJSON:  queupapi.AddPlaylistSongApplicationJSON{},
	"addPlaylistSong " + contentForm:  queupapi.AddPlaylistSongApplicationXWwwFormUrlencoded{},
	"postChat " + contentJSON:         queupapi.PostChatApplicationJSON{},
	"postChat " + contentForm:         queupapi.PostChatApplicationXWwwFormUrlencoded{},
	"openConversation " + contentJSON: queupapi.OpenConversationRequest{},
	"openConversation " + contentForm: queupapi.OpenConversationForm{},
	"sendMessage " + contentJSON:      queupapi.SendMessageApplicationJSON{},
	"sendMessage " + contentForm:      queupapi.SendMessageApplicationXWwwFormUrlencoded{},
}

// TestExamples sends each example request with the generated client and has the generated server read it; the server answers
// with the example answer, and the client reads it. What comes out must be what the specification shows, to the last member.
func TestExamples(t *testing.T) {
	used := map[string]bool{}
	for _, o := range operations(t) {
		t.Run(o.OperationID, func(t *testing.T) {
			t.Logf("%s: %s", o.at, o)
			if o.RequestBody == nil || !o.RequestBody.Required {
				t.Run("no body", func(t *testing.T) { o.try(t, "", nil, nil) })
			}
			if o.RequestBody == nil {
				return
			}
			for contentType, media := range o.RequestBody.Content {
				t.Run(contentType, func(t *testing.T) {
					if len(media.Example) == 0 {
						t.Fatal("there is no example")
					}
					var body any
					if len(o.RequestBody.Content) > 1 {
						key := o.OperationID + " " + contentType
						if body = bodies[key]; body == nil {
							t.Fatalf("%s: add the Go type of gen/queupapi for %q to bodies", source.Line(t, "api/examples_test.go", "var bodies"+" = "), key)
						}
						used[key] = true
					}
					o.try(t, contentType, media.Example, body)
				})
			}
		})
	}
	for key := range bodies {
		if !used[key] {
			t.Errorf("%s: the specification has no %q; remove it from bodies", source.Line(t, "api/examples_test.go", "var bodies"+" = "), key)
		}
	}
}

// try makes one call, with the example body of that content type or without one.
func (o operation) try(t *testing.T, contentType string, example []byte, body any) {
	way := &exchange{o: o, contentType: contentType, body: example}
	result, err := o.call(t, way.start(t), example, body)
	if err != nil {
		t.Fatalf("the client: %v", err)
	}
	if !way.sent {
		t.Fatal("the client sent nothing")
	}
	if o.redirects {
		if got := result.Elem().FieldByName("Location").String(); got != o.example {
			t.Errorf("the redirect leads to %q, want %q", got, o.example)
		}
		return
	}
	same(t, "the client's answer", result.Interface(), o.example)
	nothingExtra(t, result, "")
}

// call makes one call with the parameters of the examples, and with that body or without one. The body is of the type of the
// given one, or of the only one that the client takes.
func (o operation) call(t *testing.T, send doer, example []byte, body any) (result reflect.Value, err error) {
	t.Helper()
	client, err := queupapi.NewClient("https://queup.test", queupapi.WithClient(send))
	if err != nil {
		t.Fatal(err)
	}
	method := reflect.ValueOf(client).MethodByName(strings.ToUpper(o.OperationID[:1]) + o.OperationID[1:])
	if !method.IsValid() {
		t.Fatalf("the client has no method for %s", o)
	}
	args := []reflect.Value{reflect.ValueOf(t.Context())}
	for i := 1; i < method.Type().NumIn()-1; i++ { // the last are options
		typ := method.Type().In(i)
		switch {
		case strings.HasSuffix(typ.Name(), "Params"):
			params := reflect.New(typ).Elem()
			for _, p := range o.parameters {
				name := cmp.Or(p.Common.Extensions["x-ogen-name"].Value, p.Name)
				field := params.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, name) })
				if !field.IsValid() {
					t.Fatalf("%s has no field %s", typ, name)
				}
				fill(t, field, p.Example)
			}
			args = append(args, params)
		case example == nil: // the body is optional
			args = append(args, reflect.Zero(typ))
		default:
			if body != nil {
				typ = reflect.PointerTo(reflect.TypeOf(body))
			}
			arg := reflect.New(typ).Elem()
			if typ.Kind() == reflect.Pointer {
				arg.Set(reflect.New(typ.Elem()))
			}
			fill(t, arg, example)
			args = append(args, arg)
		}
	}
	results := method.Call(args)
	err, _ = reflect.TypeAssert[error](results[1])
	return results[0], err
}

// What QueUp answers in a form that nobody expects costs a value, and never the call.
func TestIrregularAnswers(t *testing.T) {
	for _, o := range operations(t) {
		if o.redirects {
			continue
		}
		t.Run(o.OperationID, func(t *testing.T) {
			t.Logf("%s: %s", o.at, o)
			var example []byte
			var body any
			if o.RequestBody != nil {
				for contentType, media := range o.RequestBody.Content {
					example, body = media.Example, bodies[o.OperationID+" "+contentType]
				}
			}
			for _, answer := range []string{
				`{"code":"200","message":null,"data":null}`, `{"data":[null]}`, `{"data":[{"_id":{}},[],7]}`, `{"data":{"new":{}}}`, `{"data":"x"}`,
				`{"data":7,"new":[1]}`, `{"data":{"_id":null,"user":[],"items":{},"room":"r","created":"soon"},"code":{},"message":[]}`,
			} {
				_, err := o.call(t, func(*http.Request) (*http.Response, error) {
					return &http.Response{
						StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {contentJSON}}, Body: io.NopCloser(strings.NewReader(answer)),
					}, nil
				}, example, body)
				if err != nil {
					t.Errorf("%s: %v", answer, err)
				}
			}
		})
	}
}

// fill puts an example into a value of the client's types. It goes by the tags of fields and not by generated code, because
// forms have none that reads.
func fill(t *testing.T, v reflect.Value, example []byte) {
	t.Helper()
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch set := optional(v); {
	case set.IsValid():
		fill(t, v.FieldByName("Value"), example)
		set.SetBool(true)
	case v.Type() == reflect.TypeFor[ht.MultipartFile]():
		text := unquote(t, example)
		v.Set(reflect.ValueOf(ht.MultipartFile{Name: "example", File: strings.NewReader(text), Size: int64(len(text))}))
	case v.Kind() == reflect.Struct:
		var members map[string]json.RawMessage
		parse(t, example, &members)
		for field, at := range v.Fields() {
			tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if text, ok := members[tag]; ok {
				fill(t, at, text)
				delete(members, tag)
			}
		}
		for key := range members {
			t.Errorf("%s has no place for the member %q of the example", v.Type(), key)
		}
	case v.Kind() == reflect.Slice:
		var items []json.RawMessage
		parse(t, example, &items)
		v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
		for i, item := range items {
			fill(t, v.Index(i), item)
		}
	case v.Kind() == reflect.String:
		v.SetString(unquote(t, example))
	default:
		parse(t, example, v.Addr().Interface())
	}
}

// optional returns the field of an optional value that says whether it is there; it is not valid for any other value.
func optional(v reflect.Value) (set reflect.Value) {
	if v.Kind() == reflect.Struct && strings.HasPrefix(v.Type().Name(), "Opt") {
		set = v.FieldByName("Set")
	}
	return set
}

// content is fill the other way round.
func content(t *testing.T, v reflect.Value) any {
	t.Helper()
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case optional(v).IsValid():
		return content(t, v.FieldByName("Value"))
	case v.Type() == reflect.TypeFor[ht.MultipartFile]():
		text, err := io.ReadAll(v.Interface().(ht.MultipartFile).File)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	case v.Kind() == reflect.Struct:
		members := map[string]any{}
		for field, at := range v.Fields() {
			tag, set := field.Tag.Get("json"), optional(at)
			switch {
			case tag == "": // what the specification does not know
				if at.Len() > 0 {
					t.Errorf("%s has %s %v", v.Type(), field.Name, at)
				}
			case set.IsValid() && !set.Bool(), at.Kind() == reflect.Slice && at.IsNil():
			default:
				members[tag] = content(t, at)
			}
		}
		return members
	case v.Kind() == reflect.Slice:
		items := []any{}
		for i := range v.Len() {
			items = append(items, content(t, v.Index(i)))
		}
		return items
	default:
		return v.Interface()
	}
}

// An exchange is the way of one call: it looks at the request, lets the server read and answer it, looks at that answer, and
// gives the client the example.
type exchange struct {
	o           operation
	contentType string
	body        []byte // the example, nil for none
	sent        bool
}

type doer func(r *http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func (x *exchange) start(t *testing.T) doer {
	t.Helper()
	server, err := queupserver.NewServer(queupserver.UnimplementedHandler{}, queupserver.WithMiddleware(
		func(req middleware.Request, _ middleware.Next) (middleware.Response, error) {
			x.received(t, req)
			return middleware.Response{Type: x.answer(t)}, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	return func(r *http.Request) (*http.Response, error) {
		x.sent = true
		text, err := bodyOf(r)
		if err != nil {
			return nil, err
		}
		x.request(t, r, text)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text)) // as a transport would
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, r)
		resp := rec.Result()
		if x.o.redirects {
			if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != x.o.example {
				t.Errorf("the server answers %s to %q", resp.Status, resp.Header.Get("Location"))
			}
			return resp, nil
		}
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("the server answers %s: %s", resp.Status, rec.Body)
		}
		same(t, "the server's answer", json.RawMessage(rec.Body.Bytes()), x.o.example)
		resp.Body = io.NopCloser(strings.NewReader(x.o.example))
		return resp, nil
	}
}

func bodyOf(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	return io.ReadAll(r.Body)
}

// request wants what the client sent to be what the specification shows.
func (x *exchange) request(t *testing.T, r *http.Request, body []byte) {
	t.Helper()
	path, query := x.o.path, url.Values{}
	for _, p := range x.o.parameters {
		if text := plain(t, p.Example); p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(text))
		} else {
			query.Set(p.Name, text)
		}
	}
	if r.Method != x.o.method || r.URL.EscapedPath() != path {
		t.Errorf("the client sends %s %s, want %s %s", r.Method, r.URL.EscapedPath(), x.o.method, path)
	}
	if op, ok := queupapi.FindOperation(r.Method, r.URL.EscapedPath()); !ok || op.ID != x.o.OperationID || op.Redirect != x.o.redirects {
		t.Errorf("FindOperation(%s %s) is %+v, want %s, redirect: %v", r.Method, r.URL.EscapedPath(), op, x.o, x.o.redirects)
	}
	if diff := gocmp.Diff(query, r.URL.Query()); diff != "" {
		t.Errorf("the query differs (-example +sent):\n%s", diff)
	}
	if x.body == nil {
		if len(body) > 0 || r.Header.Get("Content-Type") != "" {
			t.Errorf("the client sends %q as %q, want no body", body, r.Header.Get("Content-Type"))
		}
		return
	}
	contentType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || contentType != x.contentType {
		t.Fatalf("the body is %q (%v), want %s", r.Header.Get("Content-Type"), err, x.contentType)
	}
	switch contentType {
	case contentJSON:
		equalJSON(t, "the body differs (-example +sent)", x.body, body)
	case contentForm:
		got, err := url.ParseQuery(string(body))
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(x.form(t), got); diff != "" {
			t.Errorf("the form differs (-example +sent):\n%s", diff)
		}
	case contentMultipart:
		form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		got := url.Values(form.Value)
		for name, files := range form.File {
			for _, header := range files {
				file, err := header.Open()
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(file)
				if err != nil {
					t.Fatal(err)
				}
				got[name] = append(got[name], string(text))
			}
		}
		if diff := gocmp.Diff(x.form(t), got); diff != "" {
			t.Errorf("the parts differ (-example +sent):\n%s", diff)
		}
	}
}

// form is the example body as the members of a form. A list is sent by repeating its name.
func (x *exchange) form(t *testing.T) url.Values {
	t.Helper()
	var members map[string]json.RawMessage
	parse(t, x.body, &members)
	form := url.Values{}
	for key, value := range members {
		items := []json.RawMessage{value}
		if value[0] == '[' {
			parse(t, value, &items)
		}
		for _, item := range items {
			form.Add(key, plain(t, item))
		}
	}
	return form
}

// received wants the server to have read what the specification shows.
func (x *exchange) received(t *testing.T, req middleware.Request) {
	t.Helper()
	if req.OperationID != x.o.OperationID {
		t.Errorf("the server takes it for %s, want %s", req.OperationID, x.o)
	}
	want, got := map[string]string{}, map[string]string{}
	for _, p := range x.o.parameters {
		want[p.In+" "+p.Name] = plain(t, p.Example)
	}
	for key, value := range req.Params {
		got[key.In+" "+key.Name] = fmt.Sprint(content(t, reflect.ValueOf(value)))
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("the server's parameters differ (-example +received):\n%s", diff)
	}
	if x.body == nil {
		return
	}
	text, err := json.Marshal(content(t, reflect.ValueOf(req.Body)))
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, "what the server reads differs (-example +received)", x.body, text)
}

// answer makes the example the answer of the server.
func (x *exchange) answer(t *testing.T) any {
	t.Helper()
	name := strings.ToUpper(x.o.OperationID[:1]) + x.o.OperationID[1:]
	method, ok := reflect.TypeFor[queupserver.Handler]().MethodByName(name)
	if !ok {
		t.Fatalf("the server has no method %s", name)
	}
	typ := method.Type.Out(0)
	if typ.Kind() != reflect.Pointer { // an envelope of gen/wire
		answer := reflect.New(typ)
		parse(t, []byte(x.o.example), answer.Interface())
		return answer.Elem().Interface()
	}
	answer := reflect.New(typ.Elem())
	if x.o.redirects {
		answer.Elem().FieldByName("Location").SetString(x.o.example)
	} else {
		parse(t, []byte(x.o.example), answer.Interface())
	}
	return answer.Interface()
}

func TestErrorExample(t *testing.T) {
	spec := load(t)
	example := string(spec.Components.Responses["Error"].Content[contentJSON].Example)
	client, err := queupapi.NewClient("https://queup.test", queupapi.WithClient(doer(func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusNotFound, Header: http.Header{"Content-Type": {contentJSON}}, Body: io.NopCloser(strings.NewReader(example)),
		}, nil
	})))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Room(t.Context(), queupapi.RoomParams{RoomID: "nowhere"})
	status, refusal := refusalOf(t, err)
	if status != http.StatusNotFound {
		t.Fatalf("err = %v", err)
	}
	same(t, "the error", refusal, example)
}

// refusalOf returns the status and the body of a failed answer. The generated client does not decode it, so it is decoded as
// the generated server would encode it. The status is 0 for another error.
func refusalOf(t *testing.T, err error) (status int, refusal *queupserver.Error) {
	t.Helper()
	unexpected, ok := errors.AsType[*validate.UnexpectedStatusCodeError](err)
	if !ok {
		return 0, nil
	}
	body, err := io.ReadAll(unexpected.Payload.Body)
	if err != nil {
		t.Fatal(err)
	}
	refusal = new(queupserver.Error)
	parse(t, body, refusal)
	return unexpected.StatusCode, refusal
}

// same wants what encodes as JSON to be the example: each member of the example that says something, and no member that the
// example lacks, such as a required one.
func same(t *testing.T, what string, got any, example string) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	equalJSON(t, what+" differs (-example +got)", []byte(example), text)
	var have, want any
	parse(t, []byte(example), &have)
	parse(t, text, &want)
	lacks(t, what, have, want)
}

// lacks complains about members of want that have does not have, not even as null or 0.
func lacks(t *testing.T, path string, have, want any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		members, _ := have.(map[string]any)
		for key, value := range want {
			if _, ok := members[key]; !ok {
				t.Errorf("%s: the example lacks the member %q", path, key)
			} else {
				lacks(t, path+"."+key, members[key], value)
			}
		}
	case []any:
		items, _ := have.([]any)
		items = slices.DeleteFunc(slices.Clone(items), func(item any) bool { return item == nil })
		for i := range min(len(items), len(want)) {
			lacks(t, fmt.Sprintf("%s[%d]", path, i), items[i], want[i])
		}
	}
}

// equalJSON compares two texts apart from what says nothing: null, 0, false, "" and what is empty.
func equalJSON(t *testing.T, what string, want, got []byte) {
	t.Helper()
	var a, b any
	parse(t, want, &a)
	parse(t, got, &b)
	if diff := gocmp.Diff(pruned(a), pruned(b)); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
}

// pruned returns v without what says nothing.
func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range maps.Clone(v) {
			if v[key] = pruned(v[key]); v[key] == nil {
				delete(v, key)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		items := []any{}
		for _, item := range v {
			if item != nil {
				items = append(items, pruned(item))
			}
		}
		if len(items) == 0 {
			return nil
		}
		return items
	case string:
		if v == "" {
			return nil
		}
	case json.Number:
		if v == "0" {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	}
	return v
}

// nothingExtra wants no value in an answer to have members or events that its type does not know.
func nothingExtra(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if unknown, ok := reflect.TypeAssert[*wire.UnknownEvent](v); ok {
			t.Errorf("%s: the event %q is unknown", path, unknown.Name)
		} else if !v.IsNil() {
			nothingExtra(t, v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			nothingExtra(t, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Struct:
		for field, at := range v.Fields() {
			switch {
			case !field.IsExported():
			case field.Name == "Extra":
				for key, raw := range at.Interface().(map[string]json.RawMessage) {
					t.Errorf("%s: the member %q is unknown or does not fit: %s", path, key, raw)
				}
			default:
				nothingExtra(t, at, path+"."+field.Name)
			}
		}
	}
}

func parse(t *testing.T, text []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// unquote returns the text in a JSON string.
func unquote(t *testing.T, text []byte) (s string) {
	t.Helper()
	parse(t, text, &s)
	return s
}

// plain returns a JSON value as it stands in a form or an address.
func plain(t *testing.T, text []byte) string {
	t.Helper()
	if text[0] == '"' {
		return unquote(t, text)
	}
	return string(text)
}
