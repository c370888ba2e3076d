package queuptest

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"

	"github.com/queup-go/queup/internal/redact"
)

// exchange is one HTTP request and its answer, on their way into the log. It is the ResponseWriter that everything above
// it writes to.
type exchange struct {
	http.ResponseWriter
	log    *journal
	entry  Entry // without what tells the answer from the request
	status int   // 0: nothing written yet
	whole  bool  // the handler came to its end
	body   []byte
}

type exchangeKey struct{}

// exchangeOf returns the exchange of a request; it may be nil for a context of a handler's own.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// logged puts every request that next serves into the log, and its answer.
func logged(s *state, log *journal, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{ResponseWriter: w, log: log, entry: Entry{
			Kind: KindHTTP, Agent: redact.Text(r.UserAgent()), Method: r.Method, Path: maskPath(r.URL),
		}}
		_, a := s.session(r)
		x.entry.User = s.username(a)
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
		if err == nil {
			r.Body = readCloser{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
		} else {
			r.Body = readCloser{io.MultiReader(bytes.NewReader(body), failingReader{err}), r.Body}
		}
		in := x.entry
		in.In = true
		log.add(in, newLogText(body))
		defer x.end()
		next.ServeHTTP(x, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
		x.whole = true
	})
}

type readCloser struct {
	io.Reader
	io.Closer
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// user sets whose request it is.
func (x *exchange) user(name string) {
	if x != nil && name != "" {
		x.entry.User = name
	}
}

// end puts the answer into the log, once the handler is through with it. The rest of it leaves the server after that.
func (x *exchange) end() {
	if x.status == http.StatusSwitchingProtocols {
		return // it is there already
	}
	out := x.entry
	if out.Status = x.status; out.Status == 0 && x.whole {
		out.Status = http.StatusOK
	}
	x.log.add(out, newLogText(x.body))
}

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= http.StatusOK {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	x.body = append(x.body, p[:min(len(p), maxLogBody-len(x.body))]...)
	return x.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (x *exchange) Flush() { _ = http.NewResponseController(x.ResponseWriter).Flush() }

// Hijack implements http.Hijacker. The websocket opens with it.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err == nil {
		x.status = http.StatusSwitchingProtocols
		out := x.entry
		out.Status = x.status
		x.log.add(out, newLogText(nil))
	}
	return conn, rw, err
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }
