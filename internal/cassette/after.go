package cassette

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"
)

// afterHeader is the header of a recorded answer that names the requests which came before it. go-vcr ignores it.
const afterHeader = "Cassette-After"

// setAfter writes the ids of the requests that came before an answer.
func setAfter(r *vcr.Response, ids []int) {
	if len(ids) == 0 {
		return
	}
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = strconv.Itoa(id)
	}
	r.Headers.Set(afterHeader, strings.Join(text, " "))
}

// Before returns the ids of the requests that came before an answer when it was recorded: for a read the changes that it may have
// seen, for a change the reads that did not see it.
func (e *Exchange) Before() (ids []int, err error) {
	for text := range strings.FieldsSeq(e.Response.Headers.Get(afterHeader)) {
		id, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("its header %s is malformed", afterHeader)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// eventsHeader is the header of a recorded answer that names the events which came before it: for each connection that was open, its
// number and how many of its events the program had received, such as "1:14 2:3".
const eventsHeader = "Cassette-Events"

// setEvents writes how many events came before an answer, by connection.
func setEvents(r *vcr.Response, events map[int]int) {
	if len(events) == 0 {
		return
	}
	var text []string
	for _, conn := range slices.Sorted(maps.Keys(events)) {
		text = append(text, fmt.Sprintf("%d:%d", conn, events[conn]))
	}
	r.Headers.Set(eventsHeader, strings.Join(text, " "))
}

// EventsBefore returns how many events the program had received before an answer when it was recorded, by the number of the
// connection. It has the connections that were open then. It is empty for recordings that do not have it.
func (e *Exchange) EventsBefore() (events map[int]int, err error) {
	for text := range strings.FieldsSeq(e.Response.Headers.Get(eventsHeader)) {
		left, right, _ := strings.Cut(text, ":")
		conn, err := strconv.Atoi(left)
		if err != nil {
			return nil, fmt.Errorf("its header %s is malformed", eventsHeader)
		}
		n, err := strconv.Atoi(right)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("its header %s is malformed", eventsHeader)
		}
		if events == nil {
			events = map[int]int{}
		}
		events[conn] = n
	}
	return events, nil
}

// OwnHeader reports whether a header of an answer is the recording's own, and not the server's.
func OwnHeader(name string) bool {
	switch name {
	case errorHeader, errorOpHeader, afterHeader, eventsHeader, markHeader:
		return true
	}
	return false
}
