// Package ogenerrors has the errors that the generated REST code returns: those of
// github.com/ogen-go/ogen/ogenerrors that it uses, under the same names.
//
// It exists because that package imports ogen's parser for the type of one field, and with it eight modules that no
// client needs (ogen-go/ogen#1242). The generator replaces the import in the code that ogen has written.
package ogenerrors

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-faster/jx"
	ht "github.com/ogen-go/ogen/http"
	"github.com/ogen-go/ogen/validate"
)

// DecodeBodyError reports a body of a request or a response that does not decode.
type DecodeBodyError struct {
	ContentType string
	Body        []byte // as received; Error does not show it
	Err         error
}

func (e *DecodeBodyError) Error() string { return fmt.Sprintf("decode %s: %s", e.ContentType, e.Err) }

// Unwrap returns the reason.
func (e *DecodeBodyError) Unwrap() error { return e.Err }

// OperationContext names the operation whose request is at fault.
type OperationContext struct {
	Name string // of the Go method
	ID   string // operationId
}

// OperationName returns the name of the operation's Go method.
func (c OperationContext) OperationName() string { return c.Name }

// OperationID returns the operationId.
func (c OperationContext) OperationID() string { return c.ID }

// Error is a request that the generated server refuses before a handler sees it: a *DecodeParamsError or a
// *DecodeRequestError.
type Error interface {
	error
	OperationName() string
	OperationID() string
	// Code returns the HTTP status to answer with.
	Code() int
}

var _, _ Error = (*DecodeParamsError)(nil), (*DecodeRequestError)(nil)

// DecodeParamsError reports a request whose parameters do not decode.
type DecodeParamsError struct {
	OperationContext
	Err error
}

// Code returns 400.
func (e *DecodeParamsError) Code() int { return http.StatusBadRequest }

func (e *DecodeParamsError) Error() string {
	return fmt.Sprintf("operation %s: decode params: %s", e.Name, e.Err)
}

// Unwrap returns the reason.
func (e *DecodeParamsError) Unwrap() error { return e.Err }

// DecodeParamError reports one parameter that does not decode.
type DecodeParamError struct {
	Name string
	In   string // path, query, header or cookie
	Err  error
}

func (e *DecodeParamError) Error() string { return fmt.Sprintf("%s: %q: %s", e.In, e.Name, e.Err) }

// Unwrap returns the reason.
func (e *DecodeParamError) Unwrap() error { return e.Err }

// DecodeRequestError reports a request whose body does not decode.
type DecodeRequestError struct {
	OperationContext
	Err error
}

// Code returns 400.
func (e *DecodeRequestError) Code() int { return http.StatusBadRequest }

func (e *DecodeRequestError) Error() string {
	return fmt.Sprintf("operation %s: decode request: %s", e.Name, e.Err)
}

// Unwrap returns the reason.
func (e *DecodeRequestError) Unwrap() error { return e.Err }

// ErrorHandler answers a request that failed before its handler returned.
type ErrorHandler func(ctx context.Context, w http.ResponseWriter, r *http.Request, err error)

// ErrorCode returns the HTTP status that says what went wrong: 501 for an operation without a handler, 415 for a media
// type that is not supported, the code of an Error, and 500 for any other error.
func ErrorCode(err error) int {
	if errors.Is(err, ht.ErrNotImplemented) {
		return http.StatusNotImplemented
	}
	if _, ok := errors.AsType[*validate.InvalidContentTypeError](err); ok { // it is inside an Error
		return http.StatusUnsupportedMediaType
	}
	if e, ok := errors.AsType[Error](err); ok {
		return e.Code()
	}
	return http.StatusInternalServerError
}

// DefaultErrorHandler is the ErrorHandler of a server that was given no other. It answers with ErrorCode and the text of
// the error.
func DefaultErrorHandler(_ context.Context, w http.ResponseWriter, _ *http.Request, err error) {
	var e jx.Encoder
	e.Obj(func(e *jx.Encoder) {
		e.Field("error_message", func(e *jx.Encoder) { e.StrEscape(err.Error()) })
	})
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(ErrorCode(err))
	_, _ = w.Write(e.Bytes()) // a failure cannot be reported to anyone
}
