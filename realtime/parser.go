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

// parser reads frames in one pass. The reader of a link keeps one, so that the decoder, the bodies and the strings that
// come again and again (channels, event names, ids) cost nothing; message data is copied once, into memory of its own.
type parser struct {
	frame    Frame // the result of parse, valid until the next one; its strings and Data for ever
	presence PresenceBody
	message  MessageBody
	dec      jx.Decoder
	known    map[string]string // nil: strings are not shared
	free     []byte            // memory for data, empty
}

const (
	maxKnown       = 1024 // strings a parser remembers
	maxKnownLength = 64   // bytes; longer ones are not worth it
)

func (p *parser) parse(text []byte) error {
	if p.usual(text) {
		return nil
	}
	return p.decode(text)
}

// decode reads a frame of any form.
func (p *parser) decode(text []byte) error {
	p.frame = Frame{Action: ActionNone}
	p.dec.ResetBytes(text)
	it, err := p.dec.ObjIter()
	if err != nil {
		return errFrame(err)
	}
	var socketID string
	for it.Next() {
		if err := p.member(it.Key(), &socketID); err != nil {
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

// owned returns the result of parse for keeping.
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

// atEnd says whether nothing but white space is left. [jx.Decoder.Next] alone takes an odd character for the end.
func (p *parser) atEnd() bool {
	if p.dec.Next() != jx.Invalid {
		return false
	}
	_, err := p.dec.StrBytes()
	return errors.Is(err, io.ErrUnexpectedEOF)
}

func (p *parser) member(key []byte, socketID *string) error {
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
			return p.keep(key, &f.Extra)
		}
		forget(key, f.Extra)
		f.Presence = &p.presence
		return p.parsePresence()
	case "message":
		f.Message = nil
		if p.dec.Next() != jx.Object {
			return p.keep(key, &f.Extra)
		}
		forget(key, f.Extra)
		f.Message = &p.message
		return p.parseMessage()
	}
	return p.keep(key, &f.Extra)
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
			err = p.keep(key, &b.Extra)
		}
		if err != nil {
			return err
		}
	}
	return it.Err()
}

// parseMessage looks at data when the object is through: the type may stand behind it.
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
			err = p.keep(key, &m.Extra)
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

// slab is how much memory the reader of a link takes at once for the data of messages, of a few events as QueUp sends them: who
// keeps one of them keeps so much. It is a tenth of the work of a busy room to ask for each alone.
const slab = 16 << 10

// unquoted returns the text of a JSON string.
func (p *parser) unquoted(quoted jx.Raw) ([]byte, error) {
	text, _, ok := unquote(p.room(len(quoted)), quoted[1:])
	if !ok {
		return jx.DecodeBytes(quoted).StrAppend(nil)
	}
	return p.take(text), nil
}

// room returns memory for what unquote makes of n bytes.
func (p *parser) room(n int) []byte {
	if need := n + word; cap(p.free) < need {
		if p.known != nil { // there will be more
			need = max(need, slab)
		}
		p.free = make([]byte, 0, need)
	}
	return p.free
}

// take gives away the part of the room that has been written.
func (p *parser) take(text []byte) []byte {
	n := len(text)
	p.free = text[n:n]
	return text[:n:n]
}

var errTrailing = errors.New("something follows the object")

// text reads a string, or makes one of a number or a boolean; what else there is, is kept.
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
		return p.keep(key, extra)
	}
	forget(key, *extra)
	return nil
}

// errorText reads the member "error", of which nothing may be lost: it is what the caller gets to see.
func (p *parser) errorText() error {
	s, raw, err := readString(&p.dec)
	if s == "" {
		s = string(raw)
	}
	p.frame.Error = s
	return err
}

// int reads a whole number, in quotes or not; what else there is, is kept.
func (p *parser) int(key []byte, extra *map[string]json.RawMessage) (n int, ok bool, err error) {
	if t := p.dec.Next(); t != jx.Number && t != jx.String {
		return 0, false, p.keep(key, extra)
	}
	raw, err := p.dec.Raw()
	if err != nil {
		return 0, false, err
	}
	if n, ok := whole(raw); ok {
		forget(key, *extra)
		return n, true, nil
	}
	put(extra, key, raw)
	return 0, false, nil
}

// keep saves a member as it is, unless it is null.
func (p *parser) keep(key []byte, extra *map[string]json.RawMessage) error {
	raw, err := p.dec.Raw()
	if err != nil {
		return err
	}
	if raw.Type() == jx.Null {
		forget(key, *extra)
		return nil
	}
	put(extra, key, raw)
	return nil
}

func put(extra *map[string]json.RawMessage, key, raw []byte) {
	if *extra == nil {
		*extra = make(map[string]json.RawMessage)
	}
	(*extra)[string(key)] = bytes.Clone(raw)
}

// forget drops what a member of the same name has left: the last one counts.
func forget(key []byte, extra map[string]json.RawMessage) {
	if extra != nil {
		delete(extra, string(key))
	}
}

// intern returns b as a string, the same one as last time if it can.
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

// readString reads any value: a string as what it says, null as nothing, others as their JSON in raw.
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

// whole makes an int of a JSON number, with or without quotes, if it is one: 15, "15", 15.0.
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

// number makes a float of a JSON number, with or without quotes.
func number(raw []byte) (float64, bool) {
	raw = bytes.TrimSpace(bytes.Trim(raw, `"`))
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}
