package client

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/queup-go/queup/realtime"
)

// FuzzEvent sends an event of any name to a room. Nobody panics; text that is not a JSON object is emitted as Malformed, once, and as
// nothing else; what is one becomes two events at most, which keep what came; and the room remains one.
func FuzzEvent(f *testing.F) {
	var names []string
	for _, e := range exampleEvents(f) {
		i := slices.Index(names, e.name)
		if i < 0 {
			i = len(names)
			names = append(names, e.name)
		}
		f.Add(uint8(i), e.data)
	}
	names = append(names, "user_update_65b2a1c0d4e8b90000000001", "user-update-", "", "no such event")
	for i := range names {
		f.Add(uint8(i), []byte(`{"type":"`+names[i]+`","user":{"_id":"65b2a1c0d4e8b90000000001"},"song":null,"room":[],"kickedUser":5,"roles":[{},{"position":-1}]}`))
		f.Add(uint8(i), []byte(`[]`))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		name := names[int(which)%len(names)]
		inCrowd(t, 5, func(t *testing.T, k *crowd) {
			var mu sync.Mutex
			var malformed, told int
			On(k.room.client, func(_ context.Context, e Event) error {
				mu.Lock()
				defer mu.Unlock()
				meta := e.EventMeta()
				if _, ok := e.(Malformed); ok { // its Raw need not be JSON
					malformed++
					return nil
				}
				if len(meta.Raw) > 0 {
					told++
					if !bytes.Equal(meta.Raw, data) {
						t.Errorf("%T keeps %q", e, meta.Raw)
					}
				}
				if _, err := json.Marshal(e); err != nil {
					t.Errorf("%T cannot be written: %v", e, err)
				}
				return nil
			})
			synctest.Wait()
			k.connection.receive(realtime.Message{Channel: k.room.channel, Name: name, Type: "json", Data: data})
			k.settle()
			mu.Lock()
			defer mu.Unlock()
			object := json.Valid(data) && bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))
			if !object && (malformed != 1 || told != 0) || malformed > 1 || malformed+told > 2 {
				t.Errorf("%s %q: %d events, %d of them malformed", name, data, told+malformed, malformed)
			}
			if n := k.room.Members().Len(); n < 4 || n > 6 {
				t.Errorf("%d members are left of 5", n)
			}
			for id, m := range k.room.Members().All() {
				if id != m.UserID {
					t.Errorf("%s has the record of %s", id, m.UserID)
				}
			}
		}, WithErrorHandler(func(_ context.Context, err error) { t.Error(err) }))
	})
}

// FuzzAnswer gives an answer of any kind to any operation. It counts as good exactly if encoding/json says so: status 200, an
// object, no code that means failure, and data where the specification has some. Everything else is an error that names the
// operation in few words.
func FuzzAnswer(f *testing.F) {
	corpus := answerCorpus(f)
	for i, body := range corpus {
		f.Add(uint8(i), uint16(http.StatusOK), body)
	}
	for i, body := range []string{
		``, `{}`, `[]`, `null`, `{"data":null}`, `{"code":"404","message":"no","data":{}}`, `{"code":1e3,"data":[{}]}`, `{"code":200,"code":500,"data":1}`,
		"\xef\xbb\xbf{\"data\":[]}", `{"data":{}} {}`, `{"code":{},"data":{"err":{"details":{"message":{"err":"invalidPassword"}}}}}`, `<html>`,
		`{"data":[{"_id":{"_id":1},"created":"soon","user":[]},null,7]}`, `{"data":"\ud800","message":"` + "\xff" + `"}`,
	} {
		for _, status := range []uint16{200, 201, 302, 400, 429, 503} {
			f.Add(uint8(i*7), status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, status uint16, body []byte) {
		synctest.Test(t, func(t *testing.T) {
			q := newQuestioner(t)
			q.status, q.body = int(status), body
			if status < 200 || status > 599 {
				q.status = http.StatusOK
			}
			call := q.calls[int(which)%len(q.calls)]
			answer, err := call.Do(t.Context())
			if q.asked.Redirect || call.Name == "logout" && q.status == http.StatusFound {
				return // what is good there has no body
			}
			checkAnswer(t, call.Name, q.status, answer, err)
			if good := q.status == http.StatusOK && isGood(q, body); good != (err == nil) {
				t.Errorf("%s got %d %q: good is %v, and the error %v", call.Name, q.status, body, good, err)
			}
		})
	})
}

// isGood judges an answer by encoding/json alone.
func isGood(q *questioner, body []byte) bool {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return false
	}
	code := string(members["code"])
	var text string
	if json.Unmarshal(members["code"], &text) == nil {
		code = text
	}
	if n, err := strconv.Atoi(strings.TrimSpace(code)); err == nil && n >= http.StatusBadRequest {
		return false
	}
	_, data := members["data"]
	return data || !q.asked.Data
}
