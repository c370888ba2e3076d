package cassette

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"
)

// loginPath reports whether requests to a path hold the name of a login.
func loginPath(path string) bool {
	for _, end := range []string{"/auth/login", "/auth/dubtrack", "/auth/signup", "/auth/reset", "/auth/change-password"} {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return false
}

// names are the fields that hold secrets in one request. With login set, they include the name of the login; with foreign set, those of
// another service.
type names struct{ login, foreign bool }

func (n names) kind(name string) (string, bool) {
	if n.login && (strings.EqualFold(name, "username") || strings.EqualFold(name, "email")) {
		return kindLogin, true
	}
	if n.foreign && foreignNames[strings.ToLower(name)] {
		return kindToken, true
	}
	return secretName(name)
}

// maxNested bounds how deep JSON in strings of JSON is read.
const maxNested = 4

// json redacts a JSON text and leaves the rest as it was written, byte by byte. ok is false if the text is not a JSON object or
// array.
func (r *Redactor) json(text string, n names, depth int) (clean string, ok bool) {
	trimmed := strings.TrimLeft(text, " \t\r\n")
	if depth > maxNested || trimmed == "" || trimmed[0] != '{' && trimmed[0] != '[' || !json.Valid([]byte(text)) {
		return "", false
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	w := jsonWalk{r: r, d: d, text: text, names: n, depth: depth}
	w.value("", false, "")
	if w.from == 0 {
		return text, true
	}
	w.out.WriteString(text[w.from:])
	return w.out.String(), true
}

// jsonWalk redacts a JSON text that is known to be valid.
type jsonWalk struct {
	r     *Redactor
	d     *json.Decoder
	text  string
	names names
	depth int
	out   strings.Builder
	from  int // how many bytes of text are done
}

// next returns the next token and its position.
func (w *jsonWalk) next() (tok json.Token, start, end int) {
	before := int(w.d.InputOffset())
	tok, err := w.d.Token()
	if err != nil {
		return nil, len(w.text), len(w.text) // does not happen with valid JSON
	}
	end = int(w.d.InputOffset())
	start = before
	for start < end && strings.IndexByte(" \t\r\n,:", w.text[start]) >= 0 {
		start++
	}
	return tok, start, end
}

// replace writes a string instead of a token.
func (w *jsonWalk) replace(start, end int, s string) {
	quoted, err := marshal(s)
	if err != nil {
		quoted = []byte(strconv.Quote(kindExtra)) // strings always marshal
	}
	w.out.WriteString(w.text[w.from:start])
	w.out.Write(quoted)
	w.from = end
}

// value reads one value. named is set for the value of a field, or of a list in one. within is the kind of secret that an object or a
// list around it is, such as the password in {"password":{"new":"x"}}.
func (w *jsonWalk) value(name string, named bool, within string) {
	tok, start, end := w.next()
	kind, secret := "", false
	if named {
		kind, secret = w.names.kind(name)
	}
	if secret {
		within = kind
	}
	switch v := tok.(type) {
	case json.Delim:
		for w.d.More() {
			if v == '[' {
				w.value(name, named, within) // each entry of a list of secrets is a secret
				continue
			}
			key, start, end := w.next()
			k, _ := key.(string)
			if clean := w.r.key(k); clean != k {
				w.replace(start, end, clean)
			}
			w.value(k, true, within)
		}
		w.next() // the end
	case string:
		var clean string
		switch nested, ok := w.r.json(v, w.names, w.depth+1); {
		case ok:
			clean = nested
		case secret && v != "":
			clean = w.r.learn(kind, v)
		case within == kindPassword && len(v) >= minSecret, within != "" && within != kindLogin && len(v) >= longSecret:
			clean = w.r.learn(within, v)
		default:
			clean = w.r.value(name, v)
		}
		if clean != v {
			w.replace(start, end, clean)
		}
	case json.Number:
		switch {
		case secret:
			w.replace(start, end, w.r.learn(kind, v.String()))
		case within == kindPassword && len(v.String()) >= minSecret:
			w.replace(start, end, w.r.learn(within, v.String()))
		}
	}
}

// pairs redacts a form or a query. The order and spelling of the rest stay.
func (r *Redactor) pairs(s string, n names) string {
	if s == "" {
		return s
	}
	parts := strings.Split(s, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		plainName, err := url.QueryUnescape(name)
		plain, err2 := url.QueryUnescape(value)
		if err != nil || err2 != nil {
			parts[i] = r.text(part)
			continue
		}
		var clean string
		if kind, secret := n.kind(plainName); secret {
			clean = r.learn(kind, plain)
		} else if nested, ok := r.json(plain, n, 1); ok {
			clean = nested
		} else {
			clean = r.value(plainName, plain)
		}
		if cleanName := r.key(plainName); clean != plain || cleanName != plainName {
			parts[i] = url.QueryEscape(cleanName) + "=" + url.QueryEscape(clean)
		}
	}
	return strings.Join(parts, "&")
}

// TestHost replaces the host of a server on the loopback, whose port changes each time.
const TestHost = "queup.test"

// URL returns a URL without secrets.
func (r *Redactor) URL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return r.text(raw)
	}
	if u.User != nil {
		u.User = url.User(r.learn(kindAuth, u.User.String()))
	}
	if loopback(u.Hostname()) {
		u.Host = TestHost
	}
	r.learnURL(u)
	if clean := r.path(u.Path); clean != u.Path {
		u.Path, u.RawPath = clean, ""
	}
	u.RawQuery = r.pairs(u.RawQuery, names{login: loginPath(u.Path), foreign: foreignHost(u.Hostname())})
	u.Fragment = r.text(u.Fragment)
	return u.String()
}

func loopback(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

// body redacts the body of a request or an answer.
func (r *Redactor) body(contentType, body, path string) string {
	n := names{login: loginPath(path)}
	if clean, ok := r.json(body, n, 0); ok {
		return clean
	}
	if boundary := boundaryOf(contentType); boundary != "" && strings.Contains(body, "--"+boundary) {
		return r.parts(body, boundary, n)
	}
	media, _, _ := mime.ParseMediaType(contentType) // empty if it is malformed
	if media == "application/x-www-form-urlencoded" {
		return r.pairs(body, n)
	}
	if !utf8.ValidString(body) {
		return body // an image; Seal searches it all the same
	}
	return r.text(body)
}

// Headers that are kept. Others do not matter to a program, change with each answer, or may hold unexpected secrets.
var (
	keptOfRequests = []string{"Accept", "Authorization", "Content-Type", "Cookie", "X-Access-Token"}
	keptOfAnswers  = []string{
		"Allow", "Cache-Control", "Content-Disposition", "Content-Language", "Content-Type", "Etag", "Link", "Location", "Retry-After", "Set-Cookie",
		"Www-Authenticate", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", errorHeader, errorOpHeader, afterHeader, eventsHeader, markHeader,
	}
)

func (r *Redactor) header(h http.Header, kept []string) http.Header {
	clean := http.Header{}
	for _, name := range kept {
		for _, v := range h.Values(name) {
			switch name {
			case "Cookie":
				v = r.cookies(v)
			case "Set-Cookie":
				v = r.setCookie(v)
			case "Authorization":
				v = r.learn(kindAuth, v)
			case "X-Access-Token":
				v = r.learn(kindToken, v)
			case "Location":
				v = r.URL(v)
			case "Link":
				v = r.links(v)
			case "Content-Disposition", "Www-Authenticate":
				v = r.text(v)
			default:
				v = r.plainHeader(v)
			}
			clean[name] = append(clean[name], v)
		}
	}
	return clean
}

var linkTargets = regexp.MustCompile(`<[^>]*>`)

// links redacts the URLs in a Link header.
func (r *Redactor) links(header string) string {
	return r.text(linkTargets.ReplaceAllStringFunc(header, func(target string) string {
		return "<" + r.URL(target[1:len(target)-1]) + ">"
	}))
}

func (r *Redactor) cookies(header string) string {
	parts := strings.Split(header, ";")
	for i, part := range parts {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if ok {
			parts[i] = name + "=" + r.learnCookie(value)
		} else {
			parts[i] = r.text(name)
		}
	}
	return strings.Join(parts, "; ")
}

// learnCookie learns the value of a cookie without its escapes, so that both spellings are found.
func (r *Redactor) learnCookie(value string) string {
	if plain, err := url.QueryUnescape(value); err == nil && plain != value {
		return r.learn(kindCookie, plain)
	}
	return r.learn(kindCookie, value)
}

// setCookie masks the value of a cookie and removes its expiry, because a jar would drop the cookie when the recording is old. A
// header that deletes a cookie still does.
func (r *Redactor) setCookie(header string) string {
	c, err := http.ParseSetCookie(header)
	if err != nil {
		return r.learn(kindCookie, header)
	}
	gone := c.MaxAge < 0 || c.MaxAge == 0 && !c.Expires.IsZero() && c.Expires.Before(time.Unix(1e9, 0))
	clean := &http.Cookie{ //nolint:gosec // as the server set it
		Name: c.Name, Value: r.learnCookie(c.Value), Path: c.Path, Domain: c.Domain, Secure: c.Secure, HttpOnly: c.HttpOnly, SameSite: c.SameSite,
	}
	if gone {
		clean.MaxAge, clean.Value = -1, ""
	}
	return clean.String()
}

// Request returns a request without secrets, and without details that differ between equal requests: the host and the port of a
// server on the loopback, headers that do not matter, and the boundary of parts.
func (r *Redactor) Request(in vcr.Request) vcr.Request {
	path := ""
	if u, err := url.Parse(in.URL); err == nil {
		path = u.Path
	}
	out := vcr.Request{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Method: in.Method, URL: r.URL(in.URL), Headers: r.header(in.Headers, keptOfRequests),
	}
	if u, err := url.Parse(out.URL); err == nil {
		out.Host = u.Host
	}
	contentType := in.Headers.Get("Content-Type")
	body := in.Body
	if media, params, err := mime.ParseMediaType(contentType); err == nil && strings.HasPrefix(media, "multipart/") && params["boundary"] != "" {
		const constant = "queup-cassette-boundary"
		body = strings.ReplaceAll(body, params["boundary"], constant)
		params["boundary"] = constant
		contentType = mime.FormatMediaType(media, params)
		out.Headers.Set("Content-Type", contentType)
	}
	out.Body = r.body(contentType, body, path)
	if media, _, err := mime.ParseMediaType(contentType); err == nil && media == "application/x-www-form-urlencoded" {
		if form, _ := url.ParseQuery(out.Body); len(form) <= maxKeys {
			out.Form = form // a copy for people; Body counts
		}
	}
	out.ContentLength = int64(len(out.Body))
	return out
}

// maxUnpacked bounds the size of a compressed answer, unpacked.
const maxUnpacked = 64 << 20

// response redacts an answer.
func (r *Redactor) response(in vcr.Response, path string) (vcr.Response, error) {
	body := in.Body
	encoding := strings.ToLower(in.Headers.Get("Content-Encoding"))
	if body == "" {
		encoding = "" // HEAD, 204 and 304 have the header of a body that is not there
	}
	switch encoding {
	case "", "identity":
	case "gzip":
		zr, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			return in, fmt.Errorf("its gzip: %w", err)
		}
		b, err := io.ReadAll(io.LimitReader(zr, maxUnpacked+1))
		if err != nil {
			return in, fmt.Errorf("its gzip: %w", err)
		}
		if len(b) > maxUnpacked {
			return in, errors.New("unpacked it is over 64 MiB")
		}
		body = string(b)
	default:
		return in, fmt.Errorf("its body is compressed (%s) and cannot be searched: leave Accept-Encoding to net/http", encoding)
	}
	out := vcr.Response{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Status: in.Status, Code: in.Code, Headers: r.header(in.Headers, keptOfAnswers),
		Body: r.body(in.Headers.Get("Content-Type"), body, path),
	}
	out.ContentLength = int64(len(out.Body))
	return out, nil
}

// Frame returns a frame without secrets. If it had none, it is the same byte by byte.
func (r *Redactor) Frame(data []byte) []byte {
	if !utf8.Valid(data) {
		return data // Seal searches it all the same
	}
	text := string(data)
	prefix := strings.IndexAny(text, "{[")
	if prefix >= 0 && prefix <= 2 {
		if clean, ok := r.json(text[prefix:], names{}, 0); ok {
			return []byte(text[:prefix] + clean)
		}
	}
	return []byte(r.text(text))
}

// Text returns any other text without secrets.
func (r *Redactor) Text(s string) string { return r.text(s) }

func (r *Redactor) record(in *Record) *Record {
	out := *in
	if in.URL != "" {
		out.URL = r.URL(strings.ToValidUTF8(in.URL, "\ufffd"))
	}
	if in.Data != nil {
		out.Data = r.Frame(in.Data)
	}
	out.Reason = r.text(strings.ToValidUTF8(in.Reason, "\ufffd")) // JSON holds no other text
	out.After = slices.Clone(in.After)
	return &out
}

// meet learns the people in a JSON text: objects with an id and a user name.
func (r *Redactor) meet(text string) {
	var v any
	start := strings.IndexAny(text, "{[")
	if start < 0 || json.Unmarshal([]byte(text[start:]), &v) != nil {
		return
	}
	r.meetValue(v, 0)
}

func (r *Redactor) meetValue(v any, depth int) {
	switch v := v.(type) {
	case []any:
		for _, entry := range v {
			r.meetValue(entry, depth)
		}
	case string:
		if depth < maxNested && len(v) > 1 && (v[0] == '{' || v[0] == '[') {
			var nested any
			if json.NewDecoder(bytes.NewReader([]byte(v))).Decode(&nested) == nil {
				r.meetValue(nested, depth+1)
			}
		}
	case map[string]any:
		r.meetPerson(v)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			r.meetValue(v[name], depth)
		}
	}
}

// meetPerson learns name, id and pictures of a user, by the names that QueUp gives them; see docs/PROTOCOL.md 3.1.
func (r *Redactor) meetPerson(o map[string]any) {
	name, _ := o["username"].(string)
	if name == "" || r.except[strings.ToLower(name)] {
		return
	}
	r.learn(kindMember, name)
	for _, key := range []string{"_id", "userid", "userId"} {
		if id, _ := o[key].(string); len(id) == 24 {
			r.learn(kindMemberID, id)
			break
		}
	}
	image, _ := o["profileImage"].(map[string]any)
	for _, key := range []string{"url", "secure_url", "public_id", "key", "etag"} {
		if s, _ := image[key].(string); len(s) >= minSecret {
			r.learn(kindPicture, s)
		}
	}
}
