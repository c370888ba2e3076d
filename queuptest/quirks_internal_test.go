package queuptest

import (
	"bytes"
	"encoding/json"
	"testing"
)

// The same run meets the same quirks.
func TestQuirks_areTheSameInEveryRun(t *testing.T) {
	t.Parallel()
	const body = `{"code":200,"message":"OK","data":{"_id":"a","created":1730000000000,"dubs":7,"username":"x","list":[1,2,{"_id":"b"}]}}`
	run := func() (all [][]byte) {
		q := newQuirks(true)
		for range 50 {
			all = append(all, q.answer("/user/x", []byte(body)), q.event([]byte(body)))
		}
		return all
	}
	first, second := run(), run()
	different := map[string]bool{}
	for i := range first {
		if !bytes.Equal(first[i], second[i]) {
			t.Errorf("answer %d is %s and %s", i, first[i], second[i])
		}
		different[string(first[i])] = true
	}
	if len(different) < 10 {
		t.Errorf("only %d different forms", len(different))
	}
}

// What is bent stays one JSON object with the same ids, and what is no object stays as it is.
func FuzzQuirks(f *testing.F) {
	f.Add([]byte(`{"code":200,"data":{"_id":"a","_song":{"_id":"b"},"usersid":["c",{"_id":"d"}]}}`))
	f.Add([]byte(`{"code":200,"data":[{"authorized":true,"userid":"u","roleids":[{"id":"r"}],"queuePaused":{}}]}`))
	f.Add([]byte(`{"data":{"username":"x","_id":"y","profileImage":{"version":"7"}},"songInfo":1e999}`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`nul`))
	f.Fuzz(func(t *testing.T, data []byte) {
		q := newQuirks(true)
		for _, path := range []string{"/x", "/room/x/playlist/active", "/room/x/playlist/history", "/room/x/playlist/details"} {
			var before, after map[string]json.RawMessage
			err := json.Unmarshal(data, &before)
			bent := q.answer(path, data)
			if err != nil || before == nil {
				if !bytes.Equal(bent, data) {
					t.Errorf("%s became %s", data, bent)
				}
				continue
			}
			if err := json.Unmarshal(bent, &after); err != nil || len(after) != len(before) {
				t.Fatalf("%s became %s: %v", data, bent, err)
			}
			var was, is map[string]any // keys are taken as they are, unlike those of a struct
			if json.Unmarshal(before["data"], &was) != nil || json.Unmarshal(after["data"], &is) != nil {
				continue
			}
			if id, ok := was["_id"].(string); ok && is["_id"] != id {
				t.Errorf("the id of %s is not that of %s", bent, data)
			}
		}
	})
}
