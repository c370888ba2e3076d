package client_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// masquerade gives QueUp's cookies and tokens the form of canaries on their way to the client, and takes it off on the way back.
// It can also answer in QueUp's place.
type masquerade struct {
	mu      sync.Mutex
	real    map[string]string // by disguise
	seen    map[string]bool   // which secrets came from the client
	instead func(w http.ResponseWriter, r *http.Request, said string) (answered bool)
}

// answer has f answer requests to paths that hold part; said is all that the client sent, secrets included.
func (m *masquerade) answer(part string, f func(w http.ResponseWriter, r *http.Request, said string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.instead = func(w http.ResponseWriter, r *http.Request, said string) bool {
		if !strings.Contains(r.URL.Path, part) {
			return false
		}
		f(w, r, said)
		return true
	}
}

func (m *masquerade) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.instead = nil
}

func (m *masquerade) disguise(core, secret string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for mask, known := range m.real {
		if known == secret {
			return mask
		}
	}
	mask := core + strconv.Itoa(len(m.real))
	m.real[mask] = secret
	return mask
}

func (m *masquerade) undo(kind, mask string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if secret, ok := m.real[mask]; ok {
		m.seen[kind] = true
		return secret
	}
	return mask
}

func (m *masquerade) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		said := r.URL.Query().Get("access_token")
		for _, cookie := range r.Cookies() {
			said += " " + cookie.Value
		}
		if form, err := url.ParseQuery(string(body)); err == nil {
			said += " " + form.Get("password") + form.Get("password-room")
		}
		m.mu.Lock()
		instead := m.instead
		for _, password := range []string{ownPassword, wrongPassword, roomPassword, badRoomWord} {
			m.seen[password] = m.seen[password] || strings.Contains(said, password)
		}
		m.mu.Unlock()
		cookies := r.Cookies()
		r.Header.Del("Cookie")
		for _, cookie := range cookies {
			cookie.Value = m.undo("cookie", cookie.Value)
			r.AddCookie(cookie)
		}
		if query := r.URL.Query(); query.Has("access_token") {
			query.Set("access_token", m.undo("token", query.Get("access_token")))
			r.URL.RawQuery = query.Encode()
		}
		if instead != nil && instead(w, r, strings.TrimSpace(said)) {
			return
		}
		if strings.HasPrefix(r.URL.Path, "/ws") {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Set-Cookie")
		for _, cookie := range answer.Result().Cookies() {
			w.Header().Add("Set-Cookie", cookie.Name+"="+m.disguise(cookieCore, cookie.Value)+"; Path=/")
		}
		w.WriteHeader(answer.Code)
		text := answer.Body.Bytes()
		var token struct {
			Data struct{ Token string }
		}
		if r.URL.Path == "/auth/token" && json.Unmarshal(text, &token) == nil {
			mask, _ := json.Marshal(m.disguise(tokenCore, token.Data.Token))
			text = bytes.ReplaceAll(text, []byte(strconv.Quote(token.Data.Token)), mask)
		}
		_, _ = w.Write(text)
	})
}

// echoes are the ways in which a server may send back what it was sent. Each answer holds the secrets in one of the forms in which
// programs write a text into another.
func echoes() map[string]func(w http.ResponseWriter, said string) {
	in := func(status int, contentType string, body func(said string) string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, said string) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body(said))
		}
	}
	sentence := func(said string) string { return "you came with " + said + ", which nobody knows" }
	inJSON := func(text string) string { quoted, _ := json.Marshal(text); return string(quoted) }
	const application = "application/json"
	return map[string]func(w http.ResponseWriter, said string){
		"a sentence": in(400, application, func(s string) string { return `{"code":400,"message":` + inJSON(sentence(s)) + `}` }),
		"a code": in(400, application, func(s string) string {
			return `{"code":400,"data":{"err":{"details":{"code":` + inJSON(s) + `,"message":` + inJSON(sentence(s)) + `}}}}`
		}),
		"URL escapes": in(401, application, func(s string) string { return `{"message":"bad form: q=` + url.QueryEscape(s) + `"}` }),
		"HTML":        in(502, "text/html", func(s string) string { return "<p>" + html.EscapeString(sentence(s)) }),
		"hexadecimal": in(403, application, func(s string) string { return `{"message":"` + hex.EncodeToString([]byte(s)) + `"}` }),
		"base64":      in(403, application, func(s string) string { return `{"message":"` + base64.StdEncoding.EncodeToString([]byte("x"+s)) + `"}` }),
		"JSON in JSON": in(500, application, func(s string) string {
			return `{"message":` + inJSON(`{"was":`+inJSON(s)+`}`) + `}`
		}),
		"damaged JSON":   in(200, application, func(s string) string { return `{"code":200,"data":{"x":` + inJSON(s) + `,` }),
		"a good refusal": in(200, application, func(s string) string { return `{"code":400,"message":` + inJSON(sentence(s)) + `}` }),
		"plain text":     in(429, "text/plain", sentence),
		"at the cut": in(400, application, func(s string) string {
			return `{"message":` + inJSON(strings.Repeat("-", 4<<10-14-len(s)/2)+" "+s) + `}`
		}),
		"a redirect": func(w http.ResponseWriter, said string) {
			w.Header().Set("Location", "/elsewhere?was="+url.QueryEscape(said))
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
	}
}
