package cassette

import (
	"fmt"
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

// OwnHeader reports whether a header of an answer is the recording's own, and not the server's.
func OwnHeader(name string) bool {
	return name == errorHeader || name == errorOpHeader || name == afterHeader || name == markHeader
}
