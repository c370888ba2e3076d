package queuptest

import "net/http"

// OddLists puts what nobody expects between the objects of every list in an answer: null, numbers, texts, booleans, lists, and objects
// without members. State and events are as without it. Docs/PROTOCOL.md 1.8 has seen null; the others are an assumption.
func OddLists() Option {
	return WithHandler(func(next http.Handler) http.Handler {
		return bending(next, func(_ string, body []byte) []byte {
			return bend(body, func(envelope object) { envelope["data"] = withOddEntries(envelope["data"]) })
		})
	})
}

// oddEntries are what a list of objects may hold beside them.
var oddEntries = []any{nil, 0, "", true, []any{}, object{}, false, []any{nil, object{}}, 1.5}

// withOddEntries puts one of them before each object of a list, and one at its end, in all lists of a value.
func withOddEntries(v any) any {
	switch v := v.(type) {
	case object:
		for key, member := range v {
			v[key] = withOddEntries(member)
		}
	case []any:
		var list []any
		odd := false
		for i, entry := range v {
			if _, ok := entry.(object); ok {
				odd = true
				list = append(list, oddEntries[i%len(oddEntries)])
			}
			list = append(list, withOddEntries(entry))
		}
		if odd {
			return append(list, oddEntries[len(v)%len(oddEntries)])
		}
	}
	return v
}
