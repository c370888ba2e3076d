package queuptest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

const (
	contentForm = "application/x-www-form-urlencoded"
	contentJSON = "application/json"
)

// A request can say the same in several ways, and QueUp takes what clients send, see docs/PROTOCOL.md 1.4: both encodings for each
// body, a number with a fraction, in quotes or empty, a yes or no as 0, 1, true, false, on or off, and a list as one of five forms.
// plainRequest rewrites the query and the body of a request as the specification has them, which the generated server reads. What
// it cannot read stays as it came, and the generated server refuses it.
func plainRequest(r *http.Request, operation string) {
	info, _ := queupserver.FindRequest(operation)
	plainQuery(r, info.Query)
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == "multipart/form-data" {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		r.Body = readCloser{io.MultiReader(bytes.NewReader(body), failingReader{err}), r.Body}
		return
	}
	if plain, encoding, ok := plainBody(info, media, body); ok {
		body = plain
		r.Header.Set("Content-Type", encoding)
	}
	r.Body = readCloser{bytes.NewReader(body), r.Body}
	r.ContentLength = int64(len(body)) // also of a body that came in chunks
	if len(body) == 0 {
		r.Header.Del("Content-Type") // some HTTP clients name a type for nothing
	}
}

// plainQuery rewrites the members of the query that are not text.
func plainQuery(r *http.Request, members []queupserver.RequestMember) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return
	}
	for _, m := range members {
		if m.Kind == queupserver.MemberText || !query.Has(m.Name) {
			continue
		}
		if words := plainWords(m, query[m.Name]); words != nil {
			query[m.Name] = words
		} else {
			query.Del(m.Name)
		}
		u := *r.URL // the log has the one that came
		u.RawQuery = query.Encode()
		r.URL = &u
	}
}

// plainBody returns a body with the members, and in an encoding, that the operation has in the specification.
func plainBody(info queupserver.RequestInfo, media string, body []byte) (plain []byte, encoding string, ok bool) {
	var came map[string]sent
	switch {
	case len(body) == 0 || info.Form == nil && info.JSON == nil:
		return nil, "", false
	case media == contentForm:
		came, ok = sentForm(body)
	case media == contentJSON:
		came, ok = sentJSON(body)
	}
	if !ok {
		return nil, "", false
	}
	if info.JSON != nil && (media == contentJSON || info.Form == nil) {
		plain, err := json.Marshal(jsonMembers(info.JSON, came))
		return plain, contentJSON, err == nil
	}
	return []byte(formMembers(info.Form, came).Encode()), contentForm, true
}

// sent is a member of a body as it came: its words, and the JSON if it was JSON. A list has several words and null has none. An object,
// and a list with an object in it, have JSON only.
type sent struct {
	words []string
	json  json.RawMessage
}

func sentForm(body []byte) (map[string]sent, bool) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, false
	}
	came := make(map[string]sent, len(form))
	for name, values := range form {
		came[name] = sent{words: values}
	}
	return came, true
}

func sentJSON(body []byte) (map[string]sent, bool) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, false
	}
	came := make(map[string]sent, len(object))
	for name, raw := range object {
		came[name] = sent{wordsOf(raw), raw}
	}
	return came, true
}

// wordsOf returns the texts, numbers and booleans of a JSON value or list. It returns none if there is an object, or a list in a list.
func wordsOf(raw json.RawMessage) (words []string) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		list = []json.RawMessage{raw}
	}
	for _, entry := range list {
		var text string
		switch {
		case json.Unmarshal(entry, &text) != nil && (entry[0] == '{' || entry[0] == '['):
			return nil
		case string(entry) == "null":
		case entry[0] == '"':
			words = append(words, text)
		default:
			words = append(words, string(entry))
		}
	}
	return words
}

// jsonMembers has the members that the specification names in the types that it gives them, and the others as they came.
func jsonMembers(members []queupserver.RequestMember, came map[string]sent) map[string]any {
	object := make(map[string]any, len(came))
	for _, m := range members {
		v, ok := take(came, m)
		unreadable := v.words == nil && v.json != nil && string(v.json) != "[]"
		words := plainWords(m, v.words)
		switch {
		case !ok || string(v.json) == "null":
		case unreadable || v.json != nil && m.Kind == queupserver.MemberText: // text is JSON text and nothing else
			object[m.Name] = v.json
		case m.Kind == queupserver.MemberList:
			object[m.Name] = append([]string{}, words...)
		case words == nil:
		case m.Kind == queupserver.MemberInteger || m.Kind == queupserver.MemberBoolean:
			if object[m.Name] = json.RawMessage(words[0]); !json.Valid([]byte(words[0])) {
				object[m.Name] = words[0] // for the generated server to refuse
			}
		default:
			object[m.Name] = words[0]
		}
	}
	for name, v := range came {
		switch {
		case v.json != nil:
			object[name] = v.json
		case len(v.words) == 1:
			object[name] = v.words[0]
		default:
			object[name] = v.words
		}
	}
	return object
}

// formMembers is jsonMembers for a form. What has no words has no place in a form.
func formMembers(members []queupserver.RequestMember, came map[string]sent) url.Values {
	form := make(url.Values, len(came))
	for _, m := range members {
		if v, ok := take(came, m); ok {
			switch words := plainWords(m, v.words); {
			case words != nil:
				form[m.Name] = words
			case m.Kind == queupserver.MemberList && v.words != nil:
				form[m.Name] = []string{""} // a form has no other empty list
			}
		}
	}
	for name, v := range came {
		if v.words != nil {
			form[name] = v.words
		}
	}
	return form
}

// take removes a member from what came, under its name and, if it is a list, under those that clients give its entries: name[]
// and name[0].
func take(came map[string]sent, m queupserver.RequestMember) (v sent, ok bool) {
	if m.Kind != queupserver.MemberList {
		v, ok = came[m.Name]
		delete(came, m.Name)
		return v, ok
	}
	type part struct {
		index int
		name  string
	}
	var parts []part
	base := strings.TrimSuffix(m.Name, "[]")
	for name := range came {
		if name == base || name == base+"[]" {
			parts = append(parts, part{-1, name})
		} else if index, found := strings.CutPrefix(name, base+"["); found {
			if n, err := strconv.ParseUint(strings.TrimSuffix(index, "]"), 10, 31); err == nil && strings.HasSuffix(index, "]") {
				parts = append(parts, part{int(n), name})
			}
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(a.name, b.name)) })
	for _, p := range parts {
		v.words = append(v.words, came[p.name].words...)
		if came[p.name].words == nil {
			v.json = came[p.name].json
		}
		delete(came, p.name)
	}
	return v, len(parts) > 0
}

// plainWords returns the words of a member as the generated server reads them, nil for none. If the member is not a list, the first
// word counts. An empty number or boolean counts as absent; where a number is required, it is 0, as in JavaScript.
func plainWords(m queupserver.RequestMember, words []string) []string {
	if m.Kind == queupserver.MemberList {
		return plainList(words)
	}
	if len(words) == 0 {
		return nil
	}
	word := words[0]
	if m.Kind != queupserver.MemberText {
		if word = strings.Trim(word, ` "'`); word == "" && !m.Required {
			return nil
		}
	}
	switch m.Kind {
	case queupserver.MemberInteger:
		word = plainInteger(word)
	case queupserver.MemberBoolean:
		word = plainYesNo(word, "true", "false")
	case queupserver.MemberSwitch:
		word = plainYesNo(word, string(wire.SwitchOn), string(wire.SwitchOff))
	case queupserver.MemberText, queupserver.MemberList:
	}
	return []string{word}
}

// plainInteger drops the fraction of a number.
func plainInteger(word string) string {
	if word == "" {
		return "0"
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	f, err := strconv.ParseFloat(word, 64)
	if err != nil || math.Abs(f) >= 1<<63 || math.IsNaN(f) {
		return word
	}
	return strconv.FormatInt(int64(f), 10)
}

func plainYesNo(word, yes, no string) string {
	switch strings.ToLower(word) {
	case "1", "true", "on", "yes":
		return yes
	case "0", "false", "off", "no":
		return no
	}
	if f, err := strconv.ParseFloat(word, 64); err == nil && !math.IsNaN(f) {
		if f == 0 {
			return no
		}
		return yes
	}
	return word
}

// plainList takes apart what stands in one word: entries joined by commas, or a list as JSON.
func plainList(words []string) (entries []string) {
	for _, word := range words {
		list := strings.Split(word, ",")
		if strings.HasPrefix(strings.TrimSpace(word), "[") && json.Valid([]byte(word)) {
			list = wordsOf(json.RawMessage(word))
		}
		for _, entry := range list {
			if entry = strings.TrimSpace(entry); entry != "" {
				entries = append(entries, entry)
			}
		}
	}
	return entries
}
