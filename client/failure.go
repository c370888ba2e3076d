package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/internal/lenient"
	"github.com/queup-go/queup/internal/ogenerrors"
	"github.com/queup-go/queup/internal/redact"
	"github.com/queup-go/queup/internal/retryafter"
)

const (
	// maxErrorBody is how much of a failed answer is read to find its text.
	maxErrorBody = 64 << 10
	// keptErrorBody is how much of it an APIError keeps.
	keptErrorBody = 4 << 10
)

// failure makes the error of an answer that means failure, and closes the answer. If the call's context ends while the
// answer comes in, that is part of the reason.
func failure(op string, resp *http.Response, reason error) *APIError {
	body, readErr := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	_ = resp.Body.Close()
	if readErr != nil {
		if cause := context.Cause(resp.Request.Context()); cause != nil {
			reason, readErr = errors.Join(reason, cause), cause
		}
	}
	e := &APIError{
		Op:         op,
		Method:     resp.Request.Method,
		Path:       resp.Request.URL.Path,
		Status:     resp.StatusCode,
		RetryAfter: retryafter.Read(resp.Header),
		reason:     reason,
	}
	e.foreign = !json.Valid(body)
	switch {
	case !e.foreign:
		e.Message, e.Code = explain(body)
	case readErr != nil:
		e.Message = "the answer broke off: " + readErr.Error()
	default:
		e.Message = explainForeign(resp)
	}
	if e.byHeader = e.RetryAfter > 0; !e.byHeader && op == opPostChat && e.Status == http.StatusTooManyRequests {
		e.RetryAfter = retryafter.Words(e.Message)
	}
	e.Message = redact.Text(e.Message)
	e.Body = redact.Bytes(body) // secrets.hide cuts it, when no secret is left that a cut could halve
	return e
}

// explain finds the text and the code in the body of a failed answer. QueUp moves them around; the places are those of
// docs/PROTOCOL.md 1.3, E1 to E6, in that order.
func explain(body []byte) (message, code string) {
	envelope := member(body, "")
	data := member(body, "data")
	inner := member(data, "err")
	details := member(inner, "details")
	if details == nil {
		details = member(data, "details")
	}
	detail := member(details, "message")
	code = text(member(details, "code"))
	if word := text(member(detail, "err")); word != "" { // E4
		return word, word
	}
	for _, place := range []json.RawMessage{
		detail,                      // E1, E2
		member(detail, "message"),   // E3
		member(inner, "message"),    // E5
		member(envelope, "message"), // E6
	} {
		if message = text(place); message != "" {
			return message, code
		}
	}
	return "", code
}

// explainForeign describes an answer that is not QueUp's (E7): a hosting error page, a login page, nothing at all.
func explainForeign(resp *http.Response) string {
	if location := resp.Header.Get("Location"); location != "" {
		return "answered with a redirect to " + redact.Text(location)
	}
	if resp.ContentLength == 0 {
		return "answered without a body"
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil {
		return "answered with " + kind + " instead of JSON"
	}
	return "answered with something that is not JSON"
}

// member returns the raw member of a JSON object, the value itself for no name, nil if there is none.
func member(raw json.RawMessage, name string) json.RawMessage {
	if name == "" || len(raw) == 0 {
		return raw
	}
	var found json.RawMessage
	d := jx.DecodeBytes(raw)
	if d.Next() != jx.Object {
		return nil
	}
	_ = d.ObjBytes(func(d *jx.Decoder, key []byte) error {
		if string(key) != name {
			return d.Skip()
		}
		value, err := d.Raw()
		found = json.RawMessage(value)
		return err
	})
	return found
}

// text returns a JSON string or number as text, and nothing for any other value.
func text(raw json.RawMessage) string {
	switch d := jx.DecodeBytes(raw); d.Next() {
	case jx.String:
		s, _ := d.Str()
		return strings.TrimSpace(s)
	case jx.Number:
		return string(raw)
	default:
		return ""
	}
}

// readJSON reads a successful answer to its end and makes sure that it is what the generated decoders expect, because
// they would put the whole body into their errors. The answer's body is what was read.
func readJSON(op queupapi.OperationInfo, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close()
	if err != nil {
		return sendError(resp.Request, op.ID, err)
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // a byte order mark is not JSON
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) > maxAnswer {
		return nonsense(op.ID, resp, fmt.Sprintf("the answer is longer than %d MiB", maxAnswer>>20))
	}
	if jx.DecodeBytes(body).Next() != jx.Object {
		return failure(op.ID, resp, nil)
	}
	if !jx.Valid(body) {
		return nonsense(op.ID, resp, "answered with JSON that is damaged or cut off")
	}
	code, data := envelope(body)
	if code, err := strconv.Atoi(text(code)); err == nil && code >= http.StatusBadRequest { // the envelope has the last word
		resp.StatusCode = code
		return failure(op.ID, resp, nil)
	}
	if op.Data && data == nil {
		return nonsense(op.ID, resp, "answered without data")
	}
	if err := checkMemory(op.ID, body, data); err != nil {
		return nonsense(op.ID, resp, "the answer has "+err.Error())
	}
	resp.Header = resp.Header.Clone()
	resp.Header.Set("Content-Type", "application/json")
	return nil
}

// envelope returns the code of an answer and what it has under the name data, which is one value unless it was made to be odd.
func envelope(body []byte) (code json.RawMessage, data []json.RawMessage) {
	_ = jx.DecodeBytes(body).ObjBytes(func(d *jx.Decoder, key []byte) error {
		value, err := d.Raw()
		switch string(key) {
		case "code":
			code = json.RawMessage(value)
		case "data":
			data = append(data, json.RawMessage(value))
		}
		return err
	})
	return code, data
}

// checkMemory returns an error if the generated client would not take the data of an answer for the memory it needs. The
// client's own error would not say which request that was, and would hold the whole answer.
func checkMemory(op string, body []byte, data []json.RawMessage) error {
	if len(data) > 1 && !lenient.Fits(body) { // each would have a limit of its own
		return errDataTwice
	}
	for _, value := range data {
		if lenient.Fits(value) {
			continue
		}
		if limit, ok := errors.AsType[*lenient.LimitError](queupapi.CheckData(op, value)); ok {
			return limit
		}
	}
	return nil
}

var errDataTwice = errors.New("its data more than once")

// nonsense makes the error of an answer that looks like success and is none.
func nonsense(op string, resp *http.Response, what string) *APIError {
	e := failure(op, resp, nil)
	e.Message = what
	return e
}

// failed takes the wrapping of the generated client off an error of the doer, and names the operation in any other. It
// is nil for nil.
func failed(op string, err error) error {
	err = operationError(op, err)
	hookOperation(err)
	return err
}

// operationError is failed without the hook.
func operationError(op string, err error) error {
	if err == nil {
		return nil
	}
	if inner := errors.Unwrap(err); inner != nil && strings.HasPrefix(err.Error(), "do request: ") {
		return inner
	}
	if broken, ok := errors.AsType[*ogenerrors.DecodeBodyError](err); ok {
		broken.Body = nil // the whole answer, which %+v would print
	}
	return &withinError{op, err}
}
