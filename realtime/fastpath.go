package realtime

import "bytes"

// Nearly every frame has the form that JSON.stringify gives it: no white space, members that are known, no escapes but in the
// data of a message. Such a frame is read here in one pass, in which the data is found, checked and unescaped; with the decoder
// it takes two. A frame of any other form is none of this file's business: [parser.parse] reads it from the start.

// usual reads a frame of the usual form. It is false for any other, and for what is no frame.
func (p *parser) usual(text []byte) bool {
	p.frame = Frame{Action: ActionNone}
	f, s := &p.frame, scanner{rest: text}
	for key := range s.members {
		switch string(key) {
		case "action":
			f.Action = Action(s.small())
		case "channel":
			f.Channel = p.intern(s.plain())
		case "clientId":
			f.ClientID = p.intern(s.plain())
		case "connectionId":
			f.ConnectionID = p.intern(s.plain())
		case "message":
			f.Message = &p.message
			p.usualMessage(&s)
		default:
			s.other = true
		}
	}
	return !s.other && len(s.rest) == 0
}

// usualMessage reads the message of a frame. Data of type string stays in its quotes, and so is of another form.
func (p *parser) usualMessage(s *scanner) {
	p.message = MessageBody{}
	m := &p.message
	for key := range s.members {
		switch string(key) {
		case "name":
			m.Name = p.intern(s.plain())
		case "type":
			m.Type = p.intern(s.plain())
		case "data":
			m.Data = p.usualData(s)
		default:
			s.other = true
		}
	}
	s.other = s.other || m.Type == typeString
}

// usualData reads the data of a message: JSON in a string.
func (p *parser) usualData(s *scanner) []byte {
	s.expect('"')
	text, size, ok := unquote(p.room(len(s.rest)), s.rest)
	if !ok || s.other {
		s.other = true
		return nil
	}
	s.rest = s.rest[size:]
	if len(text) == 0 {
		return nil
	}
	return p.take(text)
}

// scanner goes over a frame of the usual form. Once it has met another form, what its methods return means nothing.
type scanner struct {
	rest  []byte
	other bool // than the usual form
}

// members yields the names of the members of an object. The body of the loop reads the value.
func (s *scanner) members(yield func(key []byte) bool) {
	s.expect('{')
	for !s.other {
		key := s.plain()
		s.expect(':')
		if s.other || !yield(key) {
			return
		}
		if len(s.rest) == 0 || s.rest[0] != ',' {
			break
		}
		s.rest = s.rest[1:]
	}
	s.expect('}')
}

func (s *scanner) expect(c byte) {
	if len(s.rest) == 0 || s.rest[0] != c {
		s.other = true
		return
	}
	s.rest = s.rest[1:]
}

// plain reads a string without escapes.
func (s *scanner) plain() []byte {
	s.expect('"')
	end := bytes.IndexByte(s.rest, '"')
	if s.other || end < 0 {
		s.other = true
		return nil
	}
	text := s.rest[:end]
	for _, c := range text {
		if c == '\\' || c < ' ' {
			s.other = true
		}
	}
	s.rest = s.rest[end+1:]
	return text
}

// small reads a whole number of one or two digits.
func (s *scanner) small() int {
	n, size := 0, 0
	for size < min(len(s.rest), 2) && '0' <= s.rest[size] && s.rest[size] <= '9' {
		n = n*10 + int(s.rest[size]-'0')
		size++
	}
	if size == 0 || size == 2 && n < 10 {
		s.other = true
	}
	s.rest = s.rest[size:]
	return n
}
