package queuptest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/internal/htmltext"
)

// A Line is what somebody wrote: a line of chat or a private message.
type Line struct {
	ID   string    // of the message
	User string    // the author's name
	Room string    // the slug of the room; empty for a private message
	To   []string  // the names of the other people of the conversation; nil for a line of chat
	Text string    // as people read it, without HTML entities
	At   time.Time // by the server's clock
}

// String returns the author, where the line was said, and the text: "bot in lounge: Pong!" or "bot to alice: Pong!".
func (l Line) String() string {
	if l.Room != "" {
		return fmt.Sprintf("%s in %s: %s", l.User, l.Room, l.Text)
	}
	return fmt.Sprintf("%s to %s: %s", l.User, strings.Join(l.To, ", "), l.Text)
}

// Said returns everything that a user wrote so far, in order: lines of chat in all rooms, deleted ones as well, and private
// messages. It is bounded as [Room.Messages] is. A user who does not exist is a mistake in the test: Said panics.
func (s *Server) Said(user string) []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := s.linesOf(s.author("Said", user), 0)
	lines := make([]Line, len(said))
	for i, l := range said {
		lines[i] = l.Line
	}
	return lines
}

// NextLine returns the first line of a user that no NextLine has returned yet, and waits for one if there is none. So a
// loop of NextLine gets each line once, in the order of [Server.Said], which does not change what NextLine returns.
//
// It ends with the error of ctx, or with [ErrClosed] when the server is closed. In a synctest bubble a deadline costs no
// time. A user who does not exist is a mistake in the test: NextLine panics.
func (s *Server) NextLine(ctx context.Context, user string) (Line, error) {
	var seen uint64 // all lines up to this one have been looked at
	for {
		closed := s.isClosed() // asked before the lines, to which a closed server no longer adds
		line, found, changed := s.takeLine(user, &seen)
		switch {
		case found:
			return line, nil
		case closed:
			return Line{}, ErrClosed
		}
		select {
		case <-changed:
		case <-s.closing:
		case <-ctx.Done():
			return Line{}, fmt.Errorf("queuptest: %s wrote no further line after %d: %w", user, len(s.Said(user)), context.Cause(ctx))
		}
	}
}

// numbered is a line and its number among all lines of the server.
type numbered struct {
	Line
	number uint64
}

// lineCount numbers the lines of all rooms and conversations in the order in which they were written. It is guarded by
// state.mu.
type lineCount struct {
	last  uint64
	taken map[*account]uint64 // the number of the latest line that NextLine has returned
	added chan struct{}       // closed when there is another line; nil if nobody waits
}

// next returns the number of a line that is about to be stored, and wakes those who wait for it.
func (c *lineCount) next() uint64 {
	c.last++
	if c.added != nil {
		close(c.added)
		c.added = nil
	}
	return c.last
}

// takeLine takes the next line of a user for NextLine. Lines up to seen are known to be of others; takeLine raises it.
// changed is closed when there is another line.
func (s *state) takeLine(user string, seen *uint64) (line Line, found bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.author("NextLine", user)
	if lines := s.linesOf(a, max(s.lines.taken[a], *seen)); len(lines) > 0 {
		s.lines.taken[a] = lines[0].number
		return lines[0].Line, true, nil
	}
	*seen = s.lines.last
	if s.lines.added == nil {
		s.lines.added = make(chan struct{})
	}
	return Line{}, false, s.lines.added
}

// author finds the user whose lines a method of Server is asked for.
func (s *state) author(method, user string) *account {
	a := s.named(user)
	if a == nil {
		panic(mistake("queuptest: Server.%s: there is no user %q", method, user))
	}
	return a
}

// linesOf returns the lines of an account with a number above after, in order. The caller holds s.mu.
func (s *state) linesOf(a *account, after uint64) (lines []numbered) {
	for _, r := range s.rooms {
		for _, m := range r.messages[firstAfter(r.messages, after):] {
			if m.author == a {
				lines = append(lines, numbered{Line{ID: string(m.id), User: a.name, Room: r.slug, Text: m.text(), At: m.at}, m.number})
			}
		}
	}
	for _, c := range s.site.conversations {
		if !slices.Contains(c.people, a) {
			continue
		}
		var to []string
		for _, p := range c.people {
			if p != a {
				to = append(to, p.name)
			}
		}
		for _, m := range c.messages[firstAfter(c.messages, after):] {
			if m.author == a {
				text := htmltext.Decode([]byte(m.sent))
				lines = append(lines, numbered{Line{ID: string(m.id), User: a.name, To: slices.Clone(to), Text: text, At: m.at}, m.number})
			}
		}
	}
	slices.SortFunc(lines, func(x, y numbered) int { return cmp.Compare(x.number, y.number) })
	return lines
}

// firstAfter returns the index of the first message with a number above after.
func firstAfter[M interface{ lineNumber() uint64 }](messages []M, after uint64) int {
	i, _ := slices.BinarySearchFunc(messages, after, func(m M, after uint64) int {
		if m.lineNumber() <= after {
			return -1
		}
		return 1
	})
	return i
}

func (m *message) lineNumber() uint64 { return m.number }

func (m *private) lineNumber() uint64 { return m.number }
