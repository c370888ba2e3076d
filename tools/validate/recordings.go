package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// irregular are the recordings whose events break the schema on purpose.
const irregular = "quirks.ws.jsonl"

// actionMessage is the action of QueUp's message layer that carries an event, see docs/PROTOCOL.md 5.3.
const actionMessage = 15

// recordings validates the events of all recordings and returns how many there are.
func (s *schema) recordings(root string) (n int, err error) {
	files, err := filepath.Glob(filepath.Join(root, "cassettes", "testdata", "*.ws.jsonl"))
	if err != nil {
		return 0, err
	}
	var problems []error
	for _, file := range files {
		if filepath.Base(file) == irregular {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 16<<20)
		for number := 1; lines.Scan(); number++ {
			event, err := eventOf(lines.Bytes())
			if err == nil && event != nil {
				n++
				err = s.event(event)
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("%s:%d: %w", filepath.Base(file), number, err))
			}
		}
		problems = append(problems, lines.Err())
	}
	return n, errors.Join(problems...)
}

// eventOf returns the event of a recorded frame. It is nil for a line that carries none.
func eventOf(line []byte) (json.RawMessage, error) {
	var recorded struct{ Dir, Op, Data string }
	if err := json.Unmarshal(line, &recorded); err != nil {
		return nil, err
	}
	packet, isMessage := strings.CutPrefix(recorded.Data, "4")
	if recorded.Dir != "<" || recorded.Op != "text" || !isMessage {
		return nil, nil
	}
	var frame struct {
		Action  int
		Message struct{ Data json.RawMessage }
	}
	if err := json.Unmarshal([]byte(packet), &frame); err != nil {
		return nil, err
	}
	if frame.Action != actionMessage {
		return nil, nil
	}
	var text string
	if err := json.Unmarshal(frame.Message.Data, &text); err != nil {
		return nil, fmt.Errorf("the data of a message: %w", err)
	}
	return json.RawMessage(text), nil
}

// event validates one event.
func (s *schema) event(text json.RawMessage) error {
	var named struct{ Type string }
	if err := json.Unmarshal(text, &named); err != nil {
		return err
	}
	definition, ok := s.ofEvent(named.Type)
	if !ok {
		return fmt.Errorf("events.schema.json has no event %q", named.Type)
	}
	value, err := decode(text)
	if err != nil {
		return err
	}
	return s.check(definition, named.Type, value)
}
