package rest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/ogenerrors"
)

func TestCallError_quotesNoResponse(t *testing.T) {
	broken := &ogenerrors.DecodeBodyError{ContentType: "application/json", Body: []byte(`{"was":"hunter2-canary"}`), Err: errors.New("no object")}
	err := CallError("token", fmt.Errorf("decode response: %w", broken))
	if text := fmt.Sprintf("%v %+v %+v", err, err, broken); strings.Contains(text, "hunter2") || !strings.Contains(text, "no object") {
		t.Errorf("CallError: %s", text)
	}
}
