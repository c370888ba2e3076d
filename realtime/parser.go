package realtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"

	"github.com/go-faster/jx"
)

// parser reads frames. The reader of a link reuses one, so that the decoder, the bodies and repeated strings (channels, event
// names, ids) cost nothing. Message data is copied once, into memory of its own.
type parser struct {
	frame    Frame // the result of parse, valid until the next call; its strings and Data stay valid
	presence PresenceBody
	message  MessageBody
	dec      jx.Decoder
	known    map[string]string // nil: strings are not shared
	free     []byte            // memory for data, empty
}

const (
	maxKnown       = 1024 // strings in parser.known
	maxKnownLength = 64   // bytes; a longer string is not shared
)

// parse reads a frame into p.frame.
func (p *parser) parse(text []byte) error {
	if p.parseFast(text) {
		return nil
	}
	return p.decode(text)
}

// decode reads any frame. It is the reference for [parser.parseFast].
func (p *parser) decode(text []byte) error {
	p.frame = Frame{Action: ActionNone}
	p.dec.ResetBytes(text)
	it, err := p.dec.ObjIter()
	if err != nil {
		return errFrame(err)
	}
	var socketID string
	for it.Next() {
		if err := p.parseField(it.Key(), &socketID); err != nil {
			return errFrame(err)
		}
	}
	if err := it.Err(); err != nil {
		return errFrame(err)
	}
	if !p.atEnd() {
		return errFrame(errTrailing)
	}
	if p.frame.ConnectionID == "" && socketID != "" {
		p.frame.ConnectionID = socketID
		delete(p.frame.Extra, "connectionId")
	}
	return nil
}

// owned returns a copy of the result of parse that stays valid.
func (p *parser) owned() Frame {
	f := p.frame
	if f.Presence != nil {
		f.Presence = new(p.presence)
	}
	if f.Message != nil {
		f.Message = new(p.message)
	}
	return f
}

// atEnd reports whether only white space is left. [jx.Decoder.Next] alone takes an invalid character for the end.
func (p *parser) atEnd() bool {
	if p.dec.Next() != jx.Invalid {
		return false
	}
	_, err := p.dec.StrBytes()
	return errors.Is(err, io.ErrUnexpectedEOF)
}

// parseField reads the value of one field of a frame.
func (p *parser) parseField(key []byte, socketID *string) error {
	f := &p.frame
	switch string(key) {
	case "action":
		n, ok, err := p.int(key, &f.Extra)
		f.Action = ActionNone
		if ok {
			f.Action = Action(n)
		}
		return err
	case "channel":
		return p.text(key, &f.Channel, &f.Extra)
	case "clientId":
		return p.text(key, &f.ClientID, &f.Extra)
	case "connectionId":
		return p.text(key, &f.ConnectionID, &f.Extra)
	case "socketId":
		return p.text(key, socketID, &f.Extra)
	case "reqId":
		return p.text(key, &f.ReqID, &f.Extra)
	case "token":
		return p.text(key, &f.Token, &f.Extra)
	case "error":
		return p.errorText()
	case "presence":
		f.Presence = nil
		if p.dec.Next() != jx.Object {
			return p.addExtra(key, &f.Extra)
		}
		deleteExtra(key, f.Extra)
		f.Presence = &p.presence
		return p.parsePresence()
	case "message":
		f.Message = nil
		if p.dec.Next() != jx.Object {
			return p.addExtra(key, &f.Extra)
		}
		deleteExtra(key, f.Extra)
		f.Message = &p.message
		return p.parseMessage()
	}
	return p.addExtra(key, &f.Extra)
}

func (p *parser) parsePresence() error {
	p.presence = PresenceBody{}
	b := &p.presence
	it, err := p.dec.ObjIter()
	if err != nil {
		return err
	}
	for it.Next() {
		key := it.Key()
		switch string(key) {
		case "action":
			var n int
			var ok bool
			if n, ok, err = p.int(key, &b.Extra); !ok && b.Extra["action"] != nil {
				n = int(presenceUnknown)
			}
			b.Action = PresenceAction(n)
		case "clientId":
			err = p.text(key, &b.ClientID, &b.Extra)
		case "connectionId":
			err = p.text(key, &b.ConnectionID, &b.Extra)
		case "data":
			var raw jx.Raw
			raw, err = p.dec.Raw()
			b.Data = nil
			if raw.Type() != jx.Null {
				b.Data = bytes.Clone(raw)
			}
		default:
			err = p.addExtra(key, &b.Extra)
		}
		if err != nil {
			return err
		}
	}
	return it.Err()
}

// parseMessage decodes data after the last field, because the type may come after the data.
func (p *parser) parseMessage() error {
	p.message = MessageBody{}
	m := &p.message
	it, err := p.dec.ObjIter()
	if err != nil {
		return err
	}
	var data jx.Raw
	for it.Next() {
		key := it.Key()
		switch string(key) {
		case "name":
			err = p.text(key, &m.Name, &m.Extra)
		case "type":
			err = p.text(key, &m.Type, &m.Extra)
		case "data":
			data, err = p.dec.Raw()
		default:
			err = p.addExtra(key, &m.Extra)
		}
		if err != nil {
			return err
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	switch data.Type() {
	case jx.Invalid, jx.Null:
	case jx.String:
		if m.Type == typeString {
			m.Data = bytes.Clone(data)
			break
		}
		m.Data, err = p.unquoted(data)
	default:
		m.Data = bytes.Clone(data)
	}
	if len(m.Data) == 0 {
		m.Data = nil
	}
	return err
}

// slab is how many bytes the reader of a link allocates at once: enough for the data of a few messages. One message that is kept
// keeps its whole slab in memory. An allocation per message would cost a tenth of the processor time of a busy room.
const slab = 16 << 10

// unquoted returns the text of a JSON string.
func (p *parser) unquoted(quoted jx.Raw) ([]byte, error) {
	text, _, ok := unquote(p.buffer(len(quoted)), quoted[1:])
	if !ok {
		return jx.DecodeBytes(quoted).StrAppend(nil)
	}
	return p.claim(text), nil
}

// buffer returns empty memory in which unquote can decode n bytes.
func (p *parser) buffer(n int) []byte {
	if need := n + word; cap(p.free) < need {
		if p.known != nil { // the parser is reused
			need = max(need, slab)
		}
		p.free = make([]byte, 0, need)
	}
	return p.free
}

// claim returns text, which was decoded into the buffer, and excludes it from the next buffer.
func (p *parser) claim(text []byte) []byte {
	n := len(text)
	p.free = text[n:n]
	return text[:n:n]
}

var errTrailing = errors.New("something follows the object")

// text reads a string, or makes one from a number or a boolean. Any other value goes to extra.
func (p *parser) text(key []byte, dst *string, extra *map[string]json.RawMessage) error {
	*dst = ""
	switch p.dec.Next() {
	case jx.String:
		b, err := p.dec.StrBytes()
		if err != nil {
			return err
		}
		*dst = p.intern(b)
	case jx.Number, jx.Bool:
		raw, err := p.dec.Raw()
		if err != nil {
			return err
		}
		*dst = p.intern(raw)
	default:
		return p.addExtra(key, extra)
	}
	deleteExtra(key, *extra)
	return nil
}

// errorText reads the field "error" without any loss, because the caller gets to see it.
func (p *parser) errorText() error {
	s, raw, err := readString(&p.dec)
	if s == "" {
		s = string(raw)
	}
	p.frame.Error = s
	return err
}

// int reads a whole number, with or without quotes. Any other value goes to extra.
func (p *parser) int(key []byte, extra *map[string]json.RawMessage) (n int, ok bool, err error) {
	if t := p.dec.Next(); t != jx.Number && t != jx.String {
		return 0, false, p.addExtra(key, extra)
	}
	raw, err := p.dec.Raw()
	if err != nil {
		return 0, false, err
	}
	if n, ok := whole(raw); ok {
		deleteExtra(key, *extra)
		return n, true, nil
	}
	setExtra(extra, key, raw)
	return 0, false, nil
}

// addExtra stores the next value as it is, unless it is null.
func (p *parser) addExtra(key []byte, extra *map[string]json.RawMessage) error {
	raw, err := p.dec.Raw()
	if err != nil {
		return err
	}
	if raw.Type() == jx.Null {
		deleteExtra(key, *extra)
		return nil
	}
	setExtra(extra, key, raw)
	return nil
}

// setExtra stores a copy of a value that fits no field.
func setExtra(extra *map[string]json.RawMessage, key, raw []byte) {
	if *extra == nil {
		*extra = make(map[string]json.RawMessage)
	}
	(*extra)[string(key)] = bytes.Clone(raw)
}

// deleteExtra removes what an earlier field of the same name has stored: the last one counts.
func deleteExtra(key []byte, extra map[string]json.RawMessage) {
	if extra != nil {
		delete(extra, string(key))
	}
}

// intern returns b as a string, shared with earlier calls if p.known has it.
func (p *parser) intern(b []byte) string {
	if p.known == nil || len(b) > maxKnownLength {
		return string(b)
	}
	if s, ok := p.known[string(b)]; ok {
		return s
	}
	if len(p.known) >= maxKnown {
		clear(p.known)
	}
	s := string(b)
	p.known[s] = s
	return s
}

// readString reads any value: the text of a string, nothing for null, and the JSON of any other value in raw.
func readString(d *jx.Decoder) (s string, raw jx.Raw, err error) {
	switch d.Next() {
	case jx.String:
		s, err = d.Str()
		return s, nil, err
	case jx.Null:
		return "", nil, d.Null()
	}
	raw, err = d.Raw()
	return "", raw, err
}

// whole returns the int that a JSON number stands for, with or without quotes: 15, "15", 15.0.
func whole(raw []byte) (int, bool) {
	if n, err := strconv.Atoi(string(raw)); err == nil {
		return n, true
	}
	f, ok := number(raw)
	if !ok || f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return 0, false
	}
	return int(f), true
}

// number returns the float that a JSON number stands for, with or without quotes.
func number(raw []byte) (float64, bool) {
	raw = bytes.TrimSpace(bytes.Trim(raw, `"`))
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}
