package queuptest

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/go-faster/jx"
	ht "github.com/ogen-go/ogen/http"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/internal/ogenerrors"
)

// problem is an answer that means failure. Its data has one of the shapes of docs/PROTOCOL.md 1.3.
type problem struct {
	status int
	text   string // for people; empty: that of the status
	data   jx.Raw
}

// Error says what is wrong.
func (p *problem) Error() string { return cmp.Or(p.text, http.StatusText(p.status)) }

// errorE1 is what most operations answer.
func errorE1(status int, text string) *problem {
	var e jx.Encoder
	e.Obj(func(e *jx.Encoder) {
		e.Field("err", func(e *jx.Encoder) {
			e.Obj(func(e *jx.Encoder) {
				e.Field("details", func(e *jx.Encoder) {
					e.Obj(func(e *jx.Encoder) {
						e.Field("code", func(e *jx.Encoder) { e.Int(status) })
						e.Field("message", func(e *jx.Encoder) { e.Str(text) })
					})
				})
				e.Field("origin", func(e *jx.Encoder) { e.Str("method") })
			})
		})
	})
	return &problem{status: status, text: text, data: e.Bytes()}
}

// errorE2 is what a refused login answers.
func errorE2(status int, text string) *problem {
	return nestedError(status, text, "details", "message")
}

// errorE4 is what joining a private room answers; word is for programs.
func errorE4(status int, word string) *problem {
	return nestedError(status, word, "err", "details", "message", "err")
}

// errorE5 is what the import of a playlist answers.
func errorE5(status int, text string) *problem { return nestedError(status, text, "err", "message") }

// nestedError answers a text within objects that have one member each, named in this order.
func nestedError(status int, text string, members ...string) *problem {
	var e jx.Encoder
	for _, member := range members {
		e.ObjStart()
		e.FieldStart(member)
	}
	e.Str(text)
	for range members {
		e.ObjEnd()
	}
	return &problem{status: status, text: text, data: e.Bytes()}
}

// asProblem makes a problem of any error: of those that say what is wrong with a request, and of our own faults.
func asProblem(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if errors.Is(err, ht.ErrNotImplemented) {
		return errorE1(http.StatusNotImplemented, "queuptest does not simulate this operation yet")
	}
	if _, ok := errors.AsType[ogenerrors.Error](err); ok { // params, body or media type do not decode
		return errorE1(http.StatusBadRequest, err.Error())
	}
	return errorE1(http.StatusInternalServerError, err.Error())
}

// NewError makes the answer for an error of an operation.
func (h *rest) NewError(_ context.Context, err error) *queupserver.ErrorStatusCode {
	p := asProblem(err)
	return &queupserver.ErrorStatusCode{StatusCode: p.status, Response: queupserver.Error{
		Code:    queupserver.NewOptCode(queupserver.Code(p.status)),
		Message: queupserver.NewOptStatusText(queupserver.StatusText(http.StatusText(p.status))),
		Data:    p.data,
	}}
}

// write answers with p where no operation is involved.
func (p *problem) write(w http.ResponseWriter) { writeEnvelope(w, p.status, p.data) }

// writeEnvelope answers with an envelope.
func writeEnvelope(w http.ResponseWriter, status int, data jx.Raw) {
	var e jx.Encoder
	e.Obj(func(e *jx.Encoder) {
		e.Field("code", func(e *jx.Encoder) { e.Int(status) })
		e.Field("message", func(e *jx.Encoder) { e.Str(http.StatusText(status)) })
		e.Field("data", func(e *jx.Encoder) { e.Raw(data) })
	})
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(e.Bytes()) // nobody is left to hear of a failure
}
