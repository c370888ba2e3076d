package client

import (
	"bytes"
	"encoding/json"
	"maps"
)

// extra holds the members of a wire object that its value has no field for. It is embedded in the values.
type extra struct {
	members map[string]json.RawMessage // not changed once set
}

// Extra returns what QueUp sent beyond the fields, by the name on the wire: members this version does not know, and
// those whose value did not fit. The map and its values are copies.
func (x extra) Extra() map[string]json.RawMessage {
	members := maps.Clone(x.members)
	for name, value := range members {
		members[name] = bytes.Clone(value)
	}
	return members
}

func (x extra) sameExtra(y extra) bool {
	return maps.EqualFunc(x.members, y.members, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) })
}
