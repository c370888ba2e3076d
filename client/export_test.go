package client

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ht "github.com/ogen-go/ogen/http"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/internal/testkit/source"
)

// EventTypes are all event types, for the test that meets each of them.
var EventTypes = eventTypes

// Sentinels are the errors that an event of another process can match.
var Sentinels = sentinels

// UnlessShort returns all, and few under -short: the lane of the edit loop tries less of the same.
func UnlessShort[N int | uint64 | time.Duration](all, few N) N {
	if testing.Short() {
		return few
	}
	return all
}

// WithoutRateLimits takes the bounds off all calls of a client that has made none yet.
func WithoutRateLimits(tb testing.TB, c *Client) {
	tb.Helper()
	c.doer.RemoveLimits()
}

// What the tests of hostile servers share with those of hostile input.
var (
	EveryCall = everyCall
	TakeBody  = takeBody
)

// A restCall is one operation of the generated client, with arguments that mean nothing.
type restCall struct {
	Name string
	Do   func(ctx context.Context) (answer any, err error)
}

// requestBodies are what goes where the generated client takes one of several types.
var requestBodies = []reflect.Type{
	reflect.TypeFor[*queupapi.AddPlaylistSongApplicationJSON](),
	reflect.TypeFor[*queupapi.CreatePlaylistApplicationJSON](),
	reflect.TypeFor[*queupapi.LoginApplicationXWwwFormUrlencoded](),
	reflect.TypeFor[*queupapi.LoginDubtrackApplicationXWwwFormUrlencoded](),
	reflect.TypeFor[*queupapi.OpenConversationForm](),
	reflect.TypeFor[*queupapi.PostChatApplicationXWwwFormUrlencoded](),
	reflect.TypeFor[*queupapi.QueueSongApplicationXWwwFormUrlencoded](),
	reflect.TypeFor[*queupapi.SendMessageApplicationXWwwFormUrlencoded](),
}

// everyCall returns all operations of a client.
func everyCall(tb testing.TB, bot *Client) (calls []restCall) {
	tb.Helper()
	rest := reflect.ValueOf(bot.REST())
	for method := range rest.Type().Methods() {
		typ := method.Type
		if typ.NumOut() != 2 || !typ.IsVariadic() || typ.In(1) != reflect.TypeFor[context.Context]() {
			continue
		}
		do := rest.MethodByName(method.Name)
		calls = append(calls, restCall{strings.ToLower(method.Name[:1]) + method.Name[1:], func(ctx context.Context) (any, error) {
			args := []reflect.Value{reflect.ValueOf(ctx)}
			for i := 2; i < typ.NumIn()-1; i++ { // the first is the receiver, the last are options
				args = append(args, someArgument(tb, typ.In(i)))
			}
			results := do.Call(args)
			err, _ := reflect.TypeAssert[error](results[1])
			return results[0].Interface(), err
		}})
	}
	if len(calls) == 0 {
		tb.Fatal("the generated client has no operations")
	}
	return calls
}

// someArgument returns a value in which nothing is missing.
func someArgument(tb testing.TB, typ reflect.Type) reflect.Value {
	tb.Helper()
	v := reflect.New(typ).Elem()
	switch typ.Kind() {
	case reflect.Interface:
		for _, body := range requestBodies {
			if body.Implements(typ) {
				return someArgument(tb, body)
			}
		}
		tb.Fatalf("%s: add a type that implements %s to requestBodies", source.Line(tb, "client/export_test.go", "var requestBodies"+" = "), typ)
	case reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
		v.Elem().Set(someArgument(tb, typ.Elem()))
	case reflect.Struct:
		if typ == reflect.TypeFor[ht.MultipartFile]() {
			return reflect.ValueOf(ht.MultipartFile{Name: "x.png", File: strings.NewReader("x"), Size: 1})
		}
		for field := range typ.Fields() {
			if field.IsExported() && field.Name != "Extra" {
				v.FieldByIndex(field.Index).Set(someArgument(tb, field.Type))
			}
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(typ, 1, 1))
		v.Index(0).Set(someArgument(tb, typ.Elem()))
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Bool:
		v.SetBool(true)
	}
	return v
}

// takeBody does with a request's body what a RoundTripper has to: an upload waits for it.
func takeBody(req *http.Request) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
}

// Each operation leaves with these arguments, or what uses them would prove nothing.
func TestEveryCall_leaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where to repeat a call takes no time
		sent := 0
		bot, err := New(WithRateLimit(0, 0), WithTransport(roundTrip(func(req *http.Request) (*http.Response, error) {
			sent++
			takeBody(req)
			return nil, errNoNetwork
		})))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = bot.Close()
			<-bot.Done()
		}()
		for _, c := range everyCall(t, bot) {
			before := sent
			if _, err := c.Do(t.Context()); sent == before {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
	})
}
