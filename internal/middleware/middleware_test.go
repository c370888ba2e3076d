package middleware_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/queup-go/queup/internal/middleware"
)

type params struct{ ID string }

func unpack(p middleware.Parameters) params {
	return params{ID: p[middleware.ParameterKey{Name: "id", In: "path"}].(string)}
}

// Middleware runs in the order in which it was given, and the handler last, with what the last one has passed on.
func TestChainMiddlewares(t *testing.T) {
	var order []string
	named := func(name string) middleware.Middleware {
		return func(req middleware.Request, next middleware.Next) (middleware.Response, error) {
			order = append(order, name)
			req.Body = req.Body.(string) + name
			response, err := next(req)
			order = append(order, "after "+name)
			return response, err
		}
	}
	for range 2 { // a chain is used for many requests
		order = nil
		req := middleware.Request{Context: t.Context(), Body: "body ", Params: middleware.Parameters{{Name: "id", In: "path"}: "7"}}
		got, err := middleware.HookMiddleware(middleware.ChainMiddlewares(named("a"), named("b")), req, unpack,
			func(_ context.Context, body string, p params) (string, error) {
				order = append(order, "handler")
				return body + " " + p.ID, nil
			})
		if want := []string{"a", "b", "handler", "after b", "after a"}; err != nil || got != "body ab 7" || !slices.Equal(order, want) {
			t.Errorf("%q, %v; order %q, want %q", got, err, order, want)
		}
	}
}

func TestHookMiddleware(t *testing.T) {
	answer := func(response middleware.Response, err error) middleware.Middleware {
		return func(middleware.Request, middleware.Next) (middleware.Response, error) { return response, err }
	}
	errHandler, errMiddleware := errors.New("handler"), errors.New("middleware")
	pass := func(req middleware.Request, next middleware.Next) (middleware.Response, error) { return next(req) }
	for name, tt := range map[string]struct {
		m    middleware.Middleware
		fail error
		want int
		err  error
	}{
		"the response of the handler":   {m: pass, want: 1},
		"an error of the handler":       {m: pass, fail: errHandler, err: errHandler},
		"the response of a middleware":  {m: middleware.ChainMiddlewares(pass, answer(middleware.Response{Type: 2}, nil)), want: 2},
		"an error of a middleware":      {m: answer(middleware.Response{}, errMiddleware), err: errMiddleware},
		"an empty chain of middlewares": {m: middleware.ChainMiddlewares(), want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := middleware.HookMiddleware(tt.m, middleware.Request{Context: t.Context()}, nil,
				func(_ context.Context, body *int, p struct{}) (int, error) {
					if body != nil {
						t.Errorf("an operation without a body has the body %v", *body)
					}
					return 1, tt.fail
				})
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%d, %v; want %d, %v", got, err, tt.want, tt.err)
			}
		})
	}
}
