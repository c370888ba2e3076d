package queuptest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/printable"
)

// A TB is what [Server.LogOnFailure] needs of a *testing.T or *testing.B.
type TB interface {
	Helper()
	Cleanup(f func())
	Failed() bool
	Logf(format string, args ...any)
}

// How much of the log a failed test shows. A line of package testing has 120 columns with its indentation.
const (
	shownEntries = 40
	shownWidth   = 110 // characters
)

// LogOnFailure makes a test that fails show the end of the log: the program's requests, the server's answers and the events,
// a line each. Rooms and people have their names there, in place of their ids. The last request that the server refused is
// repeated at the end. Call LogOnFailure before the test registers its own cleanups: the log is shown after them.
//
//	srv := queuptest.NewServer()
//	srv.LogOnFailure(t)
func (s *Server) LogOnFailure(t TB) {
	t.Helper()
	t.Cleanup(func() {
		t.Helper()
		if t.Failed() {
			t.Logf("what the server saw (> is what came in):\n%s", s.failureLog())
		}
	})
}

// failureLog returns the end of the log and the last refusal.
func (s *Server) failureLog() string {
	entries := s.Log()
	names := s.names()
	var b strings.Builder
	left := max(0, len(entries)-shownEntries)
	if left > 0 {
		fmt.Fprintf(&b, "  (%d entries before)\n", left)
	}
	refusal := "the server refused nothing"
	for i, e := range entries {
		refused := e.refused()
		if i < left && !refused {
			continue
		}
		line := cut(printable.Text(names.Replace(e.brief())))
		if i >= left {
			b.WriteString("  " + line + "\n")
		}
		if refused {
			refusal = "the last refusal:\n  " + line
		}
	}
	return b.String() + refusal
}

// names returns what replaces the ids of rooms and people by their names.
func (s *state) names() *strings.Replacer {
	s.directory.RLock()
	defer s.directory.RUnlock()
	var pairs []string
	for _, r := range s.rooms {
		pairs = append(pairs, string(r.id), r.slug)
	}
	for _, a := range s.accounts {
		pairs = append(pairs, string(a.id), a.name)
	}
	return strings.NewReplacer(pairs...)
}

// refused reports whether the entry is the server's refusal of a request.
func (e Entry) refused() bool {
	if e.In {
		return false
	}
	f, ok := e.Frame()
	return e.Status >= http.StatusBadRequest || ok && f.Error != ""
}

// brief is String with less around what matters: a line of chat has its author and its text, other events do not repeat
// their name, and the answer to a request has its data or the text of the refusal, without the envelope.
func (e Entry) brief() string {
	if e.Kind == KindHTTP {
		short := e
		if !e.In {
			short.Body = answerData(e.Body)
		}
		return short.String()
	}
	f, ok := e.Frame()
	if !ok || f.Message == nil {
		return e.String()
	}
	head, _, _ := strings.Cut(e.String(), string(f.Message.Data))
	event, err := wire.DecodeEvent(f.Message.Name, f.Message.Data)
	if chat, ok := event.(*wire.ChatMessage); ok && err == nil {
		return fmt.Sprintf("%s%s: %s", head, chat.User.Username, chat.Text)
	}
	return head + strings.Replace(string(f.Message.Data), fmt.Sprintf(`{"type":%q,`, f.Message.Name), "{", 1)
}

// answerData returns the data in the body of an answer, and of a refusal its text. Another body is returned as it is.
func answerData(body string) string {
	var envelope struct{ Data json.RawMessage }
	if json.Unmarshal([]byte(body), &envelope) != nil || len(envelope.Data) == 0 {
		return body
	}
	var refusal struct {
		Err struct{ Details struct{ Message string } }
	}
	if json.Unmarshal(envelope.Data, &refusal) == nil && refusal.Err.Details.Message != "" {
		return refusal.Err.Details.Message
	}
	return string(envelope.Data)
}

// cut shortens a line to shownWidth characters, and says by how much.
func cut(line string) string {
	if utf8.RuneCountInString(line) <= shownWidth {
		return line
	}
	text := []rune(line)
	const room = 20 // for the rest of the sentence
	kept := shownWidth - room
	return fmt.Sprintf("%s… (%d more)", string(text[:kept]), len(text)-kept)
}
