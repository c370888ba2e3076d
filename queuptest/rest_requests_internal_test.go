package queuptest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ogen-go/ogen"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/internal/middleware"
)

// A way is one way in which a client may write a value: as fields of a form, or as members of a JSON object.
type way struct {
	name string
	form url.Values
	json map[string]string // raw
	same any               // what the generated server reads in the same way; nil: nothing was sent
}

// ways are all in which a member can be written.
func ways(m queupserver.RequestMember) (list []way) {
	name := strings.TrimSuffix(m.Name, "[]")
	one := func(same any, words ...string) {
		for _, w := range words {
			list = append(list, way{"form " + w, url.Values{name: {w}}, nil, same})
		}
	}
	raw := func(same any, values ...string) {
		for _, v := range values {
			list = append(list, way{"JSON " + v, nil, map[string]string{name: v}, same})
		}
	}
	switch m.Kind {
	case queupserver.MemberText:
		one("a b", "a b")
		raw("a b", `"a b"`)
	case queupserver.MemberInteger:
		one(1796074585702, "1796074585702", "1796074585702.945", "1796074585702.0", `"1796074585702"`, " 1796074585702 ", "1.796074585702e12")
		raw(1796074585702, `1796074585702`, `1796074585702.945`, `"1796074585702"`, `"1796074585702.945"`, `1.796074585702e12`)
		one(-3, "-3", "-3.5")
		raw(-3, `-3`, `"-3"`)
		if m.Required {
			one(0, "")
			raw(0, `""`)
		} else {
			one(nil, "")
			raw(nil, `""`)
		}
	case queupserver.MemberBoolean, queupserver.MemberSwitch:
		one(true, "1", "true", "on", "TRUE", `"true"`, "1.0")
		raw(true, `true`, `1`, `"1"`, `"true"`, `"on"`)
		one(false, "0", "false", "off", "False", "0.0")
		raw(false, `false`, `0`, `"0"`, `"false"`, `"off"`)
		if !m.Required {
			one(nil, "")
			raw(nil, `""`)
		}
	case queupserver.MemberList:
		both := []string{"a", "b"}
		forms := []url.Values{
			{name: both},
			{name + "[]": both},
			{name + "[0]": {"a"}, name + "[1]": {"b"}},
			{name + "[2]": {"a"}, name + "[10]": {"b"}},
			{name: {"a,b"}},
			{name: {"a, b"}},
			{name + "[]": {"a,b"}},
			{name: {`["a","b"]`}},
			{name + "[]": {` ["a", "b"]`}},
		}
		for _, f := range forms {
			list = append(list, way{"form " + f.Encode(), f, nil, both})
		}
		one([]string{"a"}, "a", `["a"]`)
		raw(both, `["a","b"]`, `"a,b"`, `"[\"a\",\"b\"]"`)
		raw([]string{"a"}, `"a"`, `["a"]`)
		raw([]string{"1", "2"}, `[1,2]`, `"1,2"`)
		list = append(list,
			way{"JSON with brackets", nil, map[string]string{name + "[]": `["a","b"]`}, both},
			way{"JSON with numbers", nil, map[string]string{name + "[1]": `"b"`, name + "[0]": `"a"`}, both})
	}
	if !m.Required {
		raw(nil, `null`)
	}
	return list
}

// canon writes a value as the specification has it.
func canon(m queupserver.RequestMember, value any) (words []string, raw any) {
	switch v := value.(type) {
	case []string:
		return v, v
	case bool:
		if m.Kind == queupserver.MemberSwitch {
			word := map[bool]string{true: "1", false: "0"}[v]
			return []string{word}, word
		}
		return []string{fmt.Sprint(v)}, v
	default:
		return []string{fmt.Sprint(v)}, v
	}
}

// sample is a value for the members that a test is not about.
func sample(m queupserver.RequestMember) any {
	switch m.Kind {
	case queupserver.MemberInteger:
		return 7
	case queupserver.MemberBoolean, queupserver.MemberSwitch:
		return true
	case queupserver.MemberList:
		return []string{"x", "y"}
	case queupserver.MemberText:
	}
	return "text"
}

// errSeen ends a request when its body has been read.
var errSeen = errors.New("seen")

// A reader is the generated server with no handlers: it shows what it has read.
type reader struct {
	server *queupserver.Server
	body   string
	params string
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{}
	server, err := queupserver.NewServer(queupserver.UnimplementedHandler{}, queupserver.WithMiddleware(func(req middleware.Request, _ middleware.Next) (middleware.Response, error) {
		body := reflect.ValueOf(req.Body)
		r.body = fmt.Sprintf("%+v", reflect.Indirect(body))
		r.params = fmt.Sprint(req.Params)
		return middleware.Response{}, errSeen
	}))
	if err != nil {
		t.Fatal(err)
	}
	r.server = server
	return r
}

// read sends a request, as it is or made plain, and returns what the generated server makes of its body.
func (r *reader) read(t *testing.T, o bodyOperation, contentType, body string, plain bool) string {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), o.method, o.path, strings.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	if plain {
		plainRequest(req, o.id)
	}
	r.body = ""
	answer := httptest.NewRecorder()
	r.server.ServeHTTP(answer, req)
	if r.body == "" {
		t.Errorf("the server refuses %s: %d %s", body, answer.Code, answer.Body)
	}
	return r.body
}

type bodyOperation struct {
	id, method, path string
	info             queupserver.RequestInfo
	withBody         bool
}

// bodyOperations lists the operations of the specification, with paths that lead to them.
func bodyOperations(t *testing.T) (list []bodyOperation) {
	t.Helper()
	document, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := ogen.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\{\w+\}`)
	for path, item := range spec.Paths {
		for method, op := range map[string]*ogen.Operation{"DELETE": item.Delete, "GET": item.Get, "POST": item.Post, "PUT": item.Put} {
			if op == nil {
				continue
			}
			info, _ := queupserver.FindRequest(op.OperationID)
			o := bodyOperation{op.OperationID, method, parameter.ReplaceAllString(path, "x"), info, false}
			if op.RequestBody != nil {
				for content := range op.RequestBody.Content {
					o.withBody = o.withBody || content != "multipart/form-data"
				}
			}
			list = append(list, o)
		}
	}
	return list
}

// Every form of every kind of value, in both encodings, for every operation that has a body: the generated server reads the same
// as from the form that the specification describes.
func TestRequests_everyFormOfEveryValue(t *testing.T) {
	server := newReader(t)
	operations, sentForms := 0, 0
	for _, o := range bodyOperations(t) {
		if !o.withBody {
			continue
		}
		operations++
		members, encoding := o.info.JSON, contentJSON
		if o.info.Form != nil {
			members, encoding = o.info.Form, contentForm
		}
		if len(members) == 0 {
			t.Errorf("the table has no members of the body of %s", o.id)
		}
		for i, m := range members {
			for _, w := range ways(m) {
				t.Run(fmt.Sprintf("%s %s %s", o.id, m.Name, w.name), func(t *testing.T) {
					sentForms++
					wantForm, wantJSON := url.Values{}, map[string]any{}
					form, object := url.Values{}, map[string]any{}
					for j, other := range members {
						value := sample(other)
						if i == j {
							value = w.same
						}
						if value == nil {
							continue
						}
						words, raw := canon(other, value)
						wantForm[other.Name], wantJSON[other.Name] = words, raw
						if i != j {
							form[other.Name], object[other.Name] = words, raw
						}
					}
					maps.Copy(form, w.form)
					for name, raw := range w.json {
						object[name] = json.RawMessage(raw)
					}
					want := wantForm.Encode()
					if encoding == contentJSON {
						want = jsonText(t, wantJSON)
					}
					got, as := form.Encode(), contentForm+"; charset=UTF-8"
					if w.json != nil {
						got, as = jsonText(t, object), contentJSON
					}
					if want, got := server.read(t, o, encoding, want, false), server.read(t, o, as, got, true); got != want {
						t.Errorf("the server reads %s, want %s", got, want)
					}
				})
			}
		}
	}
	if operations < 40 || sentForms < 1000 {
		t.Errorf("%d operations and %d forms", operations, sentForms)
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Numbers in a query come in the same forms.
func TestRequests_everyFormOfAQuery(t *testing.T) {
	server := newReader(t)
	sent := 0
	for _, o := range bodyOperations(t) {
		for _, m := range o.info.Query {
			if m.Kind != queupserver.MemberInteger {
				continue
			}
			for _, w := range []string{"2", "2.0", `"2"`, ""} {
				sent++
				params := func(query url.Values) string {
					for _, other := range o.info.Query {
						if other.Required {
							query.Set(other.Name, "text")
						}
					}
					req := httptest.NewRequestWithContext(t.Context(), o.method, o.path+"?"+query.Encode(), http.NoBody)
					plainRequest(req, o.id)
					server.params = ""
					server.server.ServeHTTP(httptest.NewRecorder(), req)
					return server.params
				}
				want := params(url.Values{})
				if w != "" {
					want = params(url.Values{m.Name: {"2"}})
				}
				if got := params(url.Values{m.Name: {w}}); got != want || want == "" {
					t.Errorf("%s with %s=%s has the parameters %s, want %s", o.id, m.Name, w, got, want)
				}
			}
		}
	}
	if sent < 12 {
		t.Errorf("%d queries", sent)
	}
}

// What says nothing clear is refused, and not guessed at.
func TestRequests_unclearValuesAreRefused(t *testing.T) {
	server := newReader(t)
	ban := bodyOperation{id: "ban", method: http.MethodPost, path: "/chat/ban/x/user/x"}
	for _, body := range []string{"time=soon", "time=NaN", "time=Inf", "time=1e300", "time=%00"} {
		req := httptest.NewRequestWithContext(t.Context(), ban.method, ban.path, strings.NewReader(body))
		req.Header.Set("Content-Type", contentForm)
		plainRequest(req, ban.id)
		server.body = ""
		answer := httptest.NewRecorder()
		server.server.ServeHTTP(answer, req)
		if answer.Code != http.StatusBadRequest || server.body != "" {
			t.Errorf("%s: %d, read as %s", body, answer.Code, server.body)
		}
	}
}
