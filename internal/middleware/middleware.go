// Package middleware has the middleware of the generated REST server: what the server uses of
// github.com/ogen-go/ogen/middleware, under the same names.
//
// It exists because that package imports ogen's parser for the type of one field, and with it seven modules that no server
// needs. The generator replaces the import in the code that ogen has written.
package middleware

import (
	"context"
	"net/http"
	"slices"
)

// A Middleware handles a request whose parameters and body are decoded. It may call next, which calls the handler.
type Middleware func(req Request, next Next) (Response, error)

// Next is the rest of a chain: the next middleware, or the handler.
type Next = func(req Request) (Response, error)

// A Request is a decoded request.
type Request struct {
	Context          context.Context
	OperationName    string // of the Go method
	OperationSummary string
	OperationID      string
	Body             any    // decoded; nil for an operation without a body
	RawBody          []byte // as received; may be empty
	Params           Parameters
	Raw              *http.Request
}

// A Response is the response of a handler, of the type that the operation has.
type Response struct {
	Type any
}

// Parameters are the decoded parameters of a request.
type Parameters map[ParameterKey]any

// A ParameterKey names a parameter.
type ParameterKey struct {
	Name string
	In   string // path, query, header or cookie
}

// ChainMiddlewares returns the middleware that calls each of m in turn.
func ChainMiddlewares(m ...Middleware) Middleware {
	return func(req Request, next Next) (Response, error) {
		for _, m := range slices.Backward(m) {
			rest := next
			next = func(req Request) (Response, error) { return m(req, rest) }
		}
		return next(req)
	}
}

// HookMiddleware calls m for a request. What it gives to m as next calls handler with the types of the operation.
func HookMiddleware[Body, Params, Result any](
	m Middleware,
	req Request,
	unpack func(Parameters) Params, // nil for an operation without parameters
	handler func(context.Context, Body, Params) (Result, error),
) (result Result, err error) {
	response, err := m(req, func(req Request) (Response, error) {
		var params Params
		if unpack != nil {
			params = unpack(req.Params)
		}
		var body Body
		if req.Body != nil {
			body = req.Body.(Body)
		}
		result, err := handler(req.Context, body, params)
		if err != nil {
			return Response{}, err
		}
		return Response{Type: result}, nil
	})
	if err != nil {
		return result, err
	}
	return response.Type.(Result), nil
}
