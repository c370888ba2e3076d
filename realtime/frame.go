package realtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/go-faster/jx"
)

// Frame is one QueUp message, the JSON inside an Engine.IO message packet. See docs/PROTOCOL.md 5.3.
//
// A string is empty if the wire had none. Extra holds unknown fields as they came, and known fields of an unusable type.
type Frame struct {
	Action       Action
	Channel      string
	ClientID     string
	ConnectionID string // also read from "socketId"
	ReqID        string // pairs a request with its answer
	Token        string
	Error        string // the text of an [ActionError]; JSON if the server sent more than text
	Presence     *PresenceBody
	Message      *MessageBody
	Extra        map[string]json.RawMessage
}

// PresenceBody is the "presence" field of a [Frame].
type PresenceBody struct {
	Action       PresenceAction
	ClientID     string // filled in by the server
	ConnectionID string // one of the client's connections; filled in by the server
	Data         json.RawMessage
	Extra        map[string]json.RawMessage
}

// MessageBody is the "message" field of a [Frame].
type MessageBody struct {
	Name string // the event; "*" when the publisher gave none
	Type string // "json" or "string"
	// Data is JSON text, nil if there was none. For type json it is the text inside the string that QueUp sends, or the value
	// itself if it came without a string around it. That text is not validated: a publisher may have sent anything. For type
	// string it is the string with its quotes.
	Data  []byte
	Extra map[string]json.RawMessage
}

// ErrFrame is returned by [ParseFrame] for text that is not a JSON object.
var ErrFrame = errors.New("realtime: not a QueUp frame")

// ParseFrame reads the data of a message packet. It is lenient: null counts as absent, numbers may be in quotes, and a
// field of the wrong type does not affect the others. Only text that is not a JSON object is an error, which wraps
// [ErrFrame]. The result shares no memory with data.
func ParseFrame(data []byte) (Frame, error) {
	var p parser
	if err := p.parse(data); err != nil {
		return Frame{}, err
	}
	return p.owned(), nil
}

// AppendFrame appends the JSON of f to dst, in the order and spelling that QueUp uses. Empty fields are left out, and message
// data of type json is sent as a string. Only message data of type string is validated: text that is not JSON is taken as the
// string itself.
func AppendFrame(dst []byte, f Frame) []byte {
	w := objectWriter{Writer: jx.Writer{Buf: dst}}
	w.open()
	if f.Action != ActionNone {
		w.key("action")
		w.Int(int(f.Action))
	}
	w.str("channel", f.Channel)
	if f.Action == ActionToken && f.Token == "" && f.Extra["clientId"] == nil {
		w.key("clientId") // a request for a token names the client even if there is none
		w.Str(f.ClientID)
	} else {
		w.str("clientId", f.ClientID)
	}
	w.str("connectionId", f.ConnectionID)
	w.str("token", f.Token)
	w.str("error", f.Error)
	if f.Presence != nil {
		w.key("presence")
		w.presence(*f.Presence)
	}
	if f.Message != nil {
		w.key("message")
		w.message(*f.Message)
	}
	w.str("reqId", f.ReqID)
	w.extra(f.Extra)
	w.close()
	return w.Buf
}

// objectWriter writes nested objects without empty fields and without a second field of the same name.
type objectWriter struct {
	jx.Writer
	begun bool     // the current object has a field
	names []string // of the current object's fields
}

func (w *objectWriter) open()  { w.RawStr("{"); w.begun, w.names = false, w.names[:0] }
func (w *objectWriter) close() { w.RawStr("}"); w.begun = true }

func (w *objectWriter) key(name string) {
	if w.begun {
		w.RawStr(",")
	}
	w.begun = true
	w.names = append(w.names, name)
	w.Str(name)
	w.RawStr(":")
}

func (w *objectWriter) str(name, value string) {
	if value != "" {
		w.key(name)
		w.Str(value)
	}
}

func (w *objectWriter) raw(name string, value []byte) {
	if len(value) > 0 {
		w.key(name)
		w.Raw(value)
	}
}

// extra writes the Extra of a frame, sorted, so that equal frames are equal text.
func (w *objectWriter) extra(fields map[string]json.RawMessage) {
	if len(fields) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(w.names, name) {
			w.raw(name, fields[name])
		}
	}
}

func (w *objectWriter) presence(p PresenceBody) {
	outer := w.names
	w.names = nil
	w.open()
	if p.Extra["action"] == nil { // else the action could not be read, and is sent as it came
		w.key("action")
		w.Int(int(p.Action))
	}
	w.str("clientId", p.ClientID)
	w.str("connectionId", p.ConnectionID)
	w.raw("data", p.Data)
	w.extra(p.Extra)
	w.close()
	w.names = outer
}

func (w *objectWriter) message(m MessageBody) {
	outer := w.names
	w.names = nil
	w.open()
	w.str("name", m.Name)
	w.str("type", m.Type)
	if len(m.Data) > 0 {
		w.key("data")
		if m.Type == typeString && jx.Valid(m.Data) {
			w.Raw(m.Data)
		} else {
			w.ByteStr(m.Data)
		}
	}
	w.extra(m.Extra)
	w.close()
	w.names = outer
}

// typeString marks a message whose data is text, not JSON.
const typeString = "string"

// errFrame returns an ErrFrame with its cause. It does not quote the frame, which may hold a token.
func errFrame(err error) error { return fmt.Errorf("%w: %w", ErrFrame, cause(err)) }

// cause returns the innermost error of a decoder, which wraps it once per level of nesting. There may be thousands of levels.
func cause(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
		err = next
	}
	if err == io.EOF { //nolint:errorlint // it is the innermost error
		return io.ErrUnexpectedEOF // the other is the regular end of a stream
	}
	return err
}
