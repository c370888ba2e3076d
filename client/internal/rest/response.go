package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/internal/lenient"
	"github.com/queup-go/queup/internal/redact"
)

// maxResponse bounds the decompressed response to a REST call. A room of 5,000 members has about 3 MiB. The memory for its
// data is bounded where it is decoded, in internal/lenient.
const maxResponse = 32 << 20

// check returns a response that the generated client may read, or an error.
func (d *Doer) check(op queupapi.OperationInfo, resp *http.Response) (*http.Response, error) {
	switch {
	case op.ID == opLogout && loginRedirect(resp): // there was no session to end
		return success(resp), nil
	case op.ID != opLogin && loginRedirect(resp):
		return nil, responseError(op.ID, resp, ErrSessionExpired)
	case op.Redirect && resp.StatusCode >= 300 && resp.StatusCode <= 399:
		resp.StatusCode = http.StatusFound // the status that the specification defines
		return resp, nil
	case op.Redirect && resp.StatusCode == http.StatusOK: // the generated client would put the whole body into its error
		return nil, invalidAnswer(op.ID, resp, "answered without a redirect")
	case resp.StatusCode != http.StatusOK:
		return nil, responseError(op.ID, resp, nil)
	}
	if err := readJSON(op, resp); err != nil {
		d.suspect(resp.Request, err)
		return nil, err
	}
	return resp, nil
}

// loginRedirect reports whether QueUp answered that there is no session. Source: docs/PROTOCOL.md 1.2.
func loginRedirect(resp *http.Response) bool {
	if resp.StatusCode < 300 || resp.StatusCode > 399 {
		return false
	}
	location, err := url.Parse(resp.Header.Get("Location"))
	return err == nil && strings.HasSuffix(location.Path, "/auth/login")
}

// success changes a response into one that means success.
func success(resp *http.Response) *http.Response {
	_ = resp.Body.Close()
	good := *resp
	good.StatusCode = http.StatusOK
	good.Header = http.Header{"Content-Type": {"application/json"}}
	good.Body = io.NopCloser(strings.NewReader(`{"code":200,"message":"OK"}`))
	return &good
}

// readJSON reads a successful response to its end and checks that it is what the generated decoders expect, because they
// would put the whole body into their errors. The response's body then holds the bytes that were read.
func readJSON(op queupapi.OperationInfo, resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	_ = resp.Body.Close()
	if err != nil {
		return sendError(resp.Request, op.ID, err)
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // a byte order mark is not JSON
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) > maxResponse {
		return invalidAnswer(op.ID, resp, fmt.Sprintf("the answer is longer than %d MiB", maxResponse>>20))
	}
	if jx.DecodeBytes(body).Next() != jx.Object {
		return responseError(op.ID, resp, nil)
	}
	if !jx.Valid(body) {
		return invalidAnswer(op.ID, resp, "answered with JSON that is damaged or cut off")
	}
	code, data := envelope(body)
	if code, err := strconv.Atoi(text(code)); err == nil && code >= http.StatusBadRequest { // the code in the envelope decides
		resp.StatusCode = code
		return responseError(op.ID, resp, nil)
	}
	if op.Data && data == nil {
		return invalidAnswer(op.ID, resp, "answered without data")
	}
	if err := checkMemory(op.ID, body, data); err != nil {
		return invalidAnswer(op.ID, resp, "the answer has "+err.Error())
	}
	resp.Header = resp.Header.Clone()
	resp.Header.Set("Content-Type", "application/json")
	return nil
}

// envelope returns the code of a response, and its data. A response that has the name data more than once has several
// values.
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

// checkMemory returns an error if the generated client would refuse the data of a response because of the memory it needs.
// The generated client's own error does not name the request, and contains the whole response.
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

// explain returns the text and the code in the body of a failed response. QueUp puts them in different places, which are
// those of docs/PROTOCOL.md 1.3, E1 to E6, in that order.
func explain(body []byte) (message, code string) {
	envelope := JSONField(body, "")
	data := JSONField(body, "data")
	inner := JSONField(data, "err")
	details := JSONField(inner, "details")
	if details == nil {
		details = JSONField(data, "details")
	}
	detail := JSONField(details, "message")
	code = text(JSONField(details, "code"))
	if word := text(JSONField(detail, "err")); word != "" { // E4
		return word, word
	}
	for _, place := range []json.RawMessage{
		detail,                         // E1, E2
		JSONField(detail, "message"),   // E3
		JSONField(inner, "message"),    // E5
		JSONField(envelope, "message"), // E6
	} {
		if message = text(place); message != "" {
			return message, code
		}
	}
	return "", code
}

// explainForeign describes a response that is not QueUp's (E7): a hosting error page, a login page, nothing at all.
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

// JSONField returns the raw value of a field of a JSON object, nil if there is none. For an empty name it returns the value
// itself.
func JSONField(raw json.RawMessage, name string) json.RawMessage {
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
