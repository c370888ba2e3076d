package realtime

import "bytes"

// The fast path reads a frame in one pass, in which it finds, checks and unescapes the data of a message. The decoder needs two.
// It takes frames as JSON.stringify writes them: no white space, known fields only, and escapes only in the data. Nearly all
// frames are like that. Any other frame goes to [parser.decode], which is the reference: FuzzFastPath holds both to the same result.

// parseFast reads a frame on the fast path. It reports false for a frame that needs [parser.decode], valid or not.
func (p *parser) parseFast(text []byte) bool {
	p.frame = Frame{Action: ActionNone}
	f, s := &p.frame, scanner{rest: text}
	for key := range s.fields {
		switch string(key) {
		case "action":
			f.Action = Action(s.smallInt())
		case "channel":
			f.Channel = p.intern(s.plainString())
		case "clientId":
			f.ClientID = p.intern(s.plainString())
		case "connectionId":
			f.ConnectionID = p.intern(s.plainString())
		case "message":
			f.Message = &p.message
			p.parseFastMessage(&s)
		default:
			s.failed = true
		}
	}
	return !s.failed && len(s.rest) == 0
}

// parseFastMessage reads the message of a frame. It fails for data of type string, which keeps its quotes and escapes.
func (p *parser) parseFastMessage(s *scanner) {
	p.message = MessageBody{}
	m := &p.message
	for key := range s.fields {
		switch string(key) {
		case "name":
			m.Name = p.intern(s.plainString())
		case "type":
			m.Type = p.intern(s.plainString())
		case "data":
			m.Data = p.parseFastData(s)
		default:
			s.failed = true
		}
	}
	if m.Type == typeString {
		s.failed = true
	}
}

// parseFastData returns the data of a message, which is JSON in a string. Empty data is nil.
func (p *parser) parseFastData(s *scanner) []byte {
	s.expect('"')
	text, size, ok := unquote(p.buffer(len(s.rest)), s.rest)
	if !ok || s.failed {
		s.failed = true
		return nil
	}
	s.rest = s.rest[size:]
	if len(text) == 0 {
		return nil
	}
	return p.claim(text)
}

// scanner reads the JSON that the fast path takes. After a failure the results of its methods mean nothing.
type scanner struct {
	rest   []byte
	failed bool
}

// fields yields the names of an object's fields. The body of the loop reads the value.
func (s *scanner) fields(yield func(key []byte) bool) {
	s.expect('{')
	for !s.failed {
		key := s.plainString()
		s.expect(':')
		if s.failed || !yield(key) {
			return
		}
		if len(s.rest) == 0 || s.rest[0] != ',' {
			break
		}
		s.rest = s.rest[1:]
	}
	s.expect('}')
}

// expect skips the byte c, and fails at any other.
func (s *scanner) expect(c byte) {
	if len(s.rest) == 0 || s.rest[0] != c {
		s.failed = true
		return
	}
	s.rest = s.rest[1:]
}

// plainString reads a string without escapes.
func (s *scanner) plainString() []byte {
	s.expect('"')
	end := bytes.IndexByte(s.rest, '"')
	if s.failed || end < 0 {
		s.failed = true
		return nil
	}
	text := s.rest[:end]
	for _, c := range text {
		if c == '\\' || c < ' ' {
			s.failed = true
		}
	}
	s.rest = s.rest[end+1:]
	return text
}

// smallInt reads a whole number of one or two digits.
func (s *scanner) smallInt() int {
	n, size := 0, 0
	for size < min(len(s.rest), 2) && '0' <= s.rest[size] && s.rest[size] <= '9' {
		n = n*10 + int(s.rest[size]-'0')
		size++
	}
	if leadingZero := size == 2 && n < 10; size == 0 || leadingZero {
		s.failed = true
	}
	s.rest = s.rest[size:]
	return n
}
