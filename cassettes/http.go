package cassettes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"syscall"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
)

// transport is a Cassette as an http.RoundTripper.
type transport Cassette

// maxBody bounds the bodies that a cassette takes.
const maxBody = 64 << 20

// RoundTrip implements http.RoundTripper.
func (tr *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	c := (*Cassette)(tr)
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if c.isOver() {
		return nil, errOver
	}
	if c.task == playing {
		c.play.obeyWatch()
		defer c.play.sending()()
	}
	if resp, done, err := c.pass(req, body); done {
		return resp, err
	}
	switch c.task {
	case playing:
		return c.play.answer(req, body)
	case recordingNew:
		return c.record(req, body)
	case verifying:
		return c.verify(req, body)
	default:
		c.wentLive()
		return c.through.RoundTrip(sent(req, body))
	}
}

// readBody reads and closes the body of a request.
func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	b, err := io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("cassettes: the body of the request: %w", err)
	}
	if len(b) > maxBody {
		return nil, fmt.Errorf("cassettes: the body of the request is over %d bytes", maxBody)
	}
	return b, nil
}

// sent returns a copy of the request with the body that was read from it. A RoundTripper must not change its request.
func sent(req *http.Request, body []byte) *http.Request {
	out := req.Clone(req.Context())
	if body != nil {
		out.Body = io.NopCloser(bytes.NewReader(body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	return out
}

// captured returns the request in the form of a recording, before redaction. It shares no memory with the request.
func captured(req *http.Request, body []byte) vcr.Request {
	return vcr.Request{Method: method(req), URL: req.URL.String(), Headers: req.Header.Clone(), Body: string(body)}
}

// method returns the method of a request. The empty one means GET.
func method(req *http.Request) string {
	if req.Method == "" {
		return http.MethodGet
	}
	return req.Method
}

// exchange sends a request over the network and reads the whole answer. It returns the answer twice, without shared memory:
// resp for the program and answer for the recording, which redaction may change.
func (c *Cassette) exchange(req *http.Request, body []byte) (resp *http.Response, answer vcr.Response, err error) {
	c.wentLive()
	resp, err = c.through.RoundTrip(sent(req, body))
	if err != nil {
		return nil, networkError(req.Context(), err), err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, networkError(req.Context(), err), err
	}
	if len(content) > maxBody {
		return nil, answer, fmt.Errorf("cassettes: the answer is over %d bytes", maxBody)
	}
	answer = vcr.Response{Status: resp.Status, Code: resp.StatusCode, Headers: resp.Header.Clone(), Body: string(content)}
	resp.Body = io.NopCloser(bytes.NewReader(content))
	return resp, answer, nil
}

// record sends a request over the network and records it with its answer.
func (c *Cassette) record(req *http.Request, body []byte) (*http.Response, error) {
	request := captured(req, body)
	order := c.recorded.begin(c, request)
	resp, answer, err := c.exchange(req, body)
	c.recorded.settle()
	c.recorded.end(order, &vcr.Interaction{Request: request, Response: answer})
	return resp, err
}

// networkError returns the record of a network error, instead of an answer.
func networkError(ctx context.Context, err error) (r vcr.Response) {
	kind, op := classify(ctx, err)
	cassette.SetNetworkError(&r, kind, op, err.Error())
	return r
}

// classify returns the kind of a network error, and the operation that failed.
func classify(ctx context.Context, err error) (kind, op string) {
	kind = cassette.ErrOther
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		op = failed.Op
	}
	var timeout net.Error
	var dns *net.DNSError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() && ctx.Err() == nil:
		kind = cassette.ErrTimeout
	case ctx.Err() != nil:
		kind = cassette.ErrAbandoned
	case errors.As(err, &dns):
		kind = cassette.ErrNoHost
	case errors.Is(err, syscall.ECONNREFUSED):
		kind = cassette.ErrRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		kind = cassette.ErrReset
	case errors.Is(err, io.ErrUnexpectedEOF):
		kind = cassette.ErrEOF
	case errors.Is(err, io.EOF):
		kind = cassette.ErrEnd
	}
	return kind, op
}

// replayError returns a recorded network error. If the caller had given up, it waits until the caller gives up again.
func replayError(ctx context.Context, kind, op, text string) error {
	var err error
	switch kind {
	case cassette.ErrAbandoned:
		<-ctx.Done()
		return ctx.Err()
	case cassette.ErrTimeout:
		err = os.ErrDeadlineExceeded
	case cassette.ErrRefused:
		err = syscall.ECONNREFUSED
	case cassette.ErrReset:
		err = syscall.ECONNRESET
	case cassette.ErrNoHost:
		err = &net.DNSError{Err: "no such host", IsNotFound: true}
	case cassette.ErrEOF:
		err = io.ErrUnexpectedEOF
	case cassette.ErrEnd:
		err = io.EOF
	default:
		return errors.New(text)
	}
	if op == "" {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Err: err}
}

// answer plays the answer to a request.
func (p *playback) answer(req *http.Request, body []byte) (*http.Response, error) {
	raw := captured(req, body)
	request := p.c.redactor.Request(raw)
	id, err := p.c.cfg.request.identity(request)
	if err != nil {
		return nil, fmt.Errorf("cassettes: the request cannot be compared: %w", err)
	}
	added := p.c.added
	if added != nil && added.isLive(raw) {
		return added.answer(req, body, id)
	}
	e := p.nextAnswer(id, raw, p.matching(id, request), request.Host)
	if e == nil && added != nil {
		return added.answer(req, body, id)
	}
	if e == nil {
		return nil, p.c.unmatchedRequest(p.foreign(id, raw, request.Host))
	}
	if added != nil {
		added.played(req, body, raw, request, e)
	}
	defer p.answered(e)
	if err := p.await(req.Context(), e); err != nil {
		return nil, err
	}
	if kind, op, failed := e.NetworkError(); failed {
		return nil, replayError(req.Context(), kind, op, e.Response.Body)
	}
	resp, err := e.GetHTTPResponse()
	if err != nil {
		return nil, err
	}
	resp.Header = maps.Clone(resp.Header) // the original belongs to the recording, and callers may write to theirs
	for name, values := range resp.Header {
		if cassette.OwnHeader(name) {
			delete(resp.Header, name)
			continue
		}
		resp.Header[name] = slices.Clone(values)
	}
	resp.Request, resp.Close = req, false
	resp.ContentLength = int64(len(e.Response.Body))
	if method(req) == http.MethodHead {
		resp.Body = http.NoBody
	}
	return resp, nil
}
