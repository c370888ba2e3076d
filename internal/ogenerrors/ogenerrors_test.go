package ogenerrors_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	ht "github.com/ogen-go/ogen/http"
	theirs "github.com/ogen-go/ogen/ogenerrors"
	"github.com/ogen-go/ogen/validate"

	"github.com/queup-go/queup/internal/ogenerrors"
)

// pairs are errors of ours beside the same errors of ogen's.
func pairs() map[string][2]error {
	reason := errors.New("not a number")
	unsupported := validate.InvalidContentType("text/html")
	return map[string][2]error{
		"body":       {&ogenerrors.DecodeBodyError{ContentType: "application/json", Err: reason}, &theirs.DecodeBodyError{ContentType: "application/json", Err: reason}},
		"param":      {&ogenerrors.DecodeParamError{Name: "page", In: "query", Err: reason}, &theirs.DecodeParamError{Name: "page", In: "query", Err: reason}},
		"params":     {&ogenerrors.DecodeParamsError{OperationContext: ogenerrors.OperationContext{Name: "Room", ID: "room"}, Err: reason}, &theirs.DecodeParamsError{OperationContext: theirs.OperationContext{Name: "Room", ID: "room"}, Err: reason}},
		"request":    {&ogenerrors.DecodeRequestError{OperationContext: ogenerrors.OperationContext{Name: "Room", ID: "room"}, Err: reason}, &theirs.DecodeRequestError{OperationContext: theirs.OperationContext{Name: "Room", ID: "room"}, Err: reason}},
		"media type": {&ogenerrors.DecodeRequestError{Err: unsupported}, &theirs.DecodeRequestError{Err: unsupported}},
		"no handler": {ht.ErrNotImplemented, ht.ErrNotImplemented},
		"other":      {reason, reason},
	}
}

// Whoever handles the errors of the generated code cannot tell ours from ogen's.
func TestErrors_equalThoseOfOgen(t *testing.T) {
	for name, pair := range pairs() {
		t.Run(name, func(t *testing.T) {
			ours, want := pair[0], pair[1]
			if ours.Error() != want.Error() {
				t.Errorf("%q, ogen's is %q", ours, want)
			}
			if errors.Unwrap(ours) != errors.Unwrap(want) { //nolint:errorlint // the very same reason
				t.Errorf("it wraps %v, ogen's wraps %v", errors.Unwrap(ours), errors.Unwrap(want))
			}
			if got, want := ogenerrors.ErrorCode(ours), theirs.ErrorCode(want); got != want {
				t.Errorf("status %d, ogen's has %d", got, want)
			}
			got, expected := answer(ogenerrors.DefaultErrorHandler, ours), answer(theirs.DefaultErrorHandler, want)
			if got != expected {
				t.Errorf("the answer is\n%s\nogen's is\n%s", got, expected)
			}
		})
	}
}

func TestError_namesItsOperation(t *testing.T) {
	for _, err := range []ogenerrors.Error{
		&ogenerrors.DecodeParamsError{OperationContext: ogenerrors.OperationContext{Name: "Room", ID: "room"}},
		&ogenerrors.DecodeRequestError{OperationContext: ogenerrors.OperationContext{Name: "Room", ID: "room"}},
	} {
		if err.OperationName() != "Room" || err.OperationID() != "room" {
			t.Errorf("%T is of %s, %s", err, err.OperationName(), err.OperationID())
		}
	}
}

func TestDecodeBodyError_doesNotShowTheBody(t *testing.T) {
	err := &ogenerrors.DecodeBodyError{ContentType: "application/json", Body: []byte("hunter2"), Err: errors.New("not an object")}
	if text := fmt.Sprintf("%v %+v %s %q", err, err, err, err); strings.Contains(text, "hunter2") {
		t.Error(text)
	}
}

func answer(handle func(context.Context, http.ResponseWriter, *http.Request, error), err error) string {
	rec := httptest.NewRecorder()
	handle(context.Background(), rec, nil, err)
	return fmt.Sprint(rec.Code, rec.Header(), rec.Body)
}
