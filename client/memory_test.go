package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/lenient"
	"github.com/queup-go/queup/internal/testkit/mutate"
)

// Promise Q15: what an answer and an event take in memory, in bytes allocated in all, for each of their own bytes, and whatever
// their length.
const (
	memoryPerByte = 256
	memoryAnyway  = 2 << 20
	answerSize    = 16 << 10 // of the bloated ones that are tried
	eventSize     = 64 << 10
)

// checkMemoryOf wants that f, which is given so many bytes, takes no more than is promised.
func checkMemoryOf(t *testing.T, worst *float64, what string, length int, f func()) {
	t.Helper()
	cost := allocated(f)
	*worst = max(*worst, float64(cost-memoryAnyway)/float64(length))
	if most := memoryAnyway + memoryPerByte*length; cost > most && !UnderRace { // the detector allocates, too
		t.Errorf("%s: %d bytes allocated for %d", what, cost, length)
	}
}

// Promise Q15: no answer of any operation takes more memory than its length allows, whatever its lists are full of.
func TestQ15_memoryOfAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuestioner(t)
		q.status = http.StatusOK
		tried, refused, worst := 0, 0, 0.0
		for typ, call := range callsByData(t, q) {
			for what, data := range mutate.Bloated(typ, answerSize, `{"type":"user-leave"}`) {
				if tried++; UnderRace && tried%8 > 0 {
					continue
				}
				q.body = fmt.Appendf(nil, `{"code":200,"message":"OK","data":%s}`, data)
				var err error
				checkMemoryOf(t, &worst, call.Name+" gets "+what, len(q.body), func() { _, err = call.Do(t.Context()) })
				if err == nil {
					continue
				}
				refused++
				refusal, ok := errors.AsType[*APIError](err)
				if !ok || refusal.Op != call.Name || refusal.Path == "" || !strings.HasPrefix(refusal.Message, "the answer has more objects and list entries than fit into ") {
					t.Errorf("%s gets %s: %v", call.Name, what, err)
				}
			}
		}
		t.Logf("%d answers, %d of them refused; %.1f bytes for a byte at worst", tried, refused, worst)
		if tried < 1000 || refused < 50 {
			t.Errorf("%d answers were tried and %d refused", tried, refused)
		}
	})
}

// callsByData returns one operation for each type of data that answers hold.
func callsByData(t *testing.T, q *questioner) map[reflect.Type]restCall {
	t.Helper()
	q.body = []byte(`{"code":200,"data":null}`)
	calls := make(map[reflect.Type]restCall)
	for _, call := range q.calls {
		answer, err := call.Do(t.Context())
		if err != nil || q.asked.Redirect {
			continue
		}
		if data := reflect.Indirect(reflect.ValueOf(answer)).FieldByName("Data"); data.IsValid() {
			calls[data.Type()] = call
		}
	}
	if len(calls) < 30 {
		t.Fatalf("answers hold %d types of data", len(calls))
	}
	return calls
}

// An answer that holds its data twice would have a limit for each.
func TestQ15_memoryOfDataThatComesOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuestioner(t)
		q.status = http.StatusOK
		data := `"data":[` + strings.Repeat("{},", 200) + `{}]`
		q.body = []byte(`{` + strings.Repeat(data+",", 400) + data + `}`)
		call := callsByData(t, q)[reflect.TypeFor[wire.Rooms]()]
		q.body = []byte(`{` + strings.Repeat(data+",", 400) + data + `}`)
		var worst float64
		checkMemoryOf(t, &worst, "400 times data", len(q.body), func() {
			_, err := call.Do(t.Context())
			if refusal, ok := errors.AsType[*APIError](err); !ok || refusal.Message != "the answer has its data more than once" {
				t.Errorf("err = %v", err)
			}
		})
	})
}

// Promise Q15: no event takes more memory than its length allows. One that would is Malformed.
func TestQ15_memoryOfEvents(t *testing.T) {
	inCrowd(t, 20, func(t *testing.T, k *crowd) {
		malformed := 0
		On(k.room.client, func(_ context.Context, e Malformed) error {
			if _, ok := errors.AsType[*lenient.LimitError](e.Err); ok && len(e.Raw) > 0 {
				malformed++
			}
			return nil
		})
		tried, worst := 0, 0.0
		for _, definition := range wire.Definitions() {
			typ := reflect.TypeOf(definition)
			event, ok := reflect.TypeAssert[wire.Event](reflect.New(typ))
			if !ok {
				continue
			}
			for what, data := range mutate.Bloated(typ, eventSize) {
				frame := eventFrame(event.EventName(), data)
				checkMemoryOf(t, &worst, what, len(frame), func() { k.frame(t, frame) })
				if tried++; tried%10 == 0 { // before a subscription has lost any
					k.settle()
				}
			}
		}
		k.settle()
		t.Logf("%d events, %d of them malformed; %.1f bytes for a byte at worst", tried, malformed, worst)
		if tried < 1000 || malformed < 10 {
			t.Errorf("%d events were tried, and %d malformed", tried, malformed)
		}
	}, WithUserCache(100), WithSongCache(100), WithMessageHistory(10))
}

// Promise Q16: lists of millions of entries end with an error, or without entries where there is nothing in them. They took
// gigabytes.
func TestQ16_listsOfMillions(t *testing.T) {
	length, most := 20<<20, 320<<20
	if UnderRace {
		length = 4 << 20
	}
	synctest.Test(t, func(t *testing.T) {
		q := newQuestioner(t)
		q.status = http.StatusOK
		calls := callsByData(t, q)
		for _, typ := range []reflect.Type{reflect.TypeFor[wire.Rooms]()} {
			for entry, refused := range map[string]bool{`0`: false, `""`: false, `true`: false, `{}`: true, `{"a":0}`: true} {
				q.body = []byte(`{"code":200,"data":[` + strings.Repeat(entry+",", length/(len(entry)+1)) + entry + `]}`)
				var answer any
				var err error
				cost := allocated(func() { answer, err = calls[typ].Do(t.Context()) })
				if cost > most {
					t.Errorf("%v of %s: %d MiB allocated", typ, entry, cost>>20)
				}
				if _, ok := errors.AsType[*APIError](err); ok != refused {
					t.Errorf("%v of %s: %v", typ, entry, err)
				}
				if err == nil {
					if n := reflect.Indirect(reflect.ValueOf(answer)).FieldByName("Data").Len(); n > 0 {
						t.Errorf("%v of %s: %d entries", typ, entry, n)
					}
				}
			}
		}
	})
}

// What people write is not counted: eleven conversations whose latest messages are full of braces are fetched.
func TestQ15_bracesInTextsAreNotObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuestioner(t)
		braces := strings.Repeat("{", 10_000)
		conversation := func(i int) string {
			return fmt.Sprintf(`{"_id":"65f7a60d293de00017f0%04d","usersid":[{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener3"}],"latest_message":1730000000000,"latest_message_str":%q}`, i, braces)
		}
		var list []string
		for i := range 11 {
			list = append(list, conversation(i))
		}
		q.status, q.body = http.StatusOK, []byte(`{"code":200,"message":"OK","data":[`+strings.Join(list, ",")+`]}`)
		call := callNamed(t, q, "conversations")
		answer, err := call.Do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n := reflect.Indirect(reflect.ValueOf(answer)).FieldByName("Data").Len(); n != 11 {
			t.Errorf("%d conversations", n)
		}
	})
	inCrowd(t, 2, func(t *testing.T, k *crowd) {
		heard := ""
		On(k.room, func(_ context.Context, e Chat) error {
			heard = e.Message.Content
			return nil
		})
		braces := strings.Repeat("{", 30_000)
		k.receive("chat-message", fmt.Sprintf(`{"type":"chat-message","chatid":"x","message":%q,"user":{"_id":%q},"time":1730000000000}`, braces, crowdID(1)))
		synctest.Wait()
		if heard != braces {
			t.Errorf("a line of %d braces arrived as %.20q", len(braces), heard)
		}
	})
}

func callNamed(t *testing.T, q *questioner, name string) restCall {
	t.Helper()
	for _, call := range q.calls {
		if call.Name == name {
			return call
		}
	}
	t.Fatalf("there is no operation %s", name)
	return restCall{}
}

// Honest answers fit: a room of 5,000 members with roles, a long queue, a page of chat, and rooms of which there is nothing but the id.
func TestQ15_honestAnswersFit(t *testing.T) {
	member := `{"_id":"65c3b2d1e5f9ca0013bc%04d","userid":"65b2a1c0d4e8b90012ab%04d","_user":{"_id":"65b2a1c0d4e8b90012ab%04d","username":"listener%d","status":1,"roleid":1,"created":1704164645678,` +
		`"profileImage":{"public_id":"x","width":100,"height":100,"url":"https://i.example/x.png"}},"roleid":{"_id":"5615fe1ee596154fc2000001","type":"vip","label":"VIP","rights":["skip","set-dj"]},` +
		`"roleids":["65f6e504182cfd0016ef0004","65f6e504182cfd0016ef0007"],"dubs":40,"order":99999,"playedCount":0,"skippedCount":0,"songsInQueue":0,"active":true,"authorized":true,"waitLine":0,"ot_token":null,"__v":0}`
	play := `{"_id":"65d4c3e2f60adb0014cd%04d","created":1729998000000,"isActive":false,"songLength":215000,"updubs":0,"downdubs":0,"userid":"65b2a1c0d4e8b90012ab%04d","songid":"65e5d4f3071bec0015de%04d",` +
		`"_user":{"_id":"x","username":"listener%d"},"_song":{"_id":"65e5d4f3071bec0015de0001","name":"Artist - Title","type":"youtube","fkid":"AbCdEfGhIjK","songLength":215000}}`
	line := `{"type":"chat-message","chatid":"65b2a1c0d4e8b90012ab%04d","time":17300000%04d,"message":"hi %04d","user":{"_id":"65b2a1c0d4e8b90012ab0003","username":"listener%d"}}`
	synctest.Test(t, func(t *testing.T) {
		q := newQuestioner(t)
		q.status = http.StatusOK
		for _, tt := range []struct {
			op, entry string
			n         int
		}{{"roomUsers", member, 5000}, {"roomUsers", member, 1}, {"ownQueue", play, 2000}, {"chatHistory", line, 100}, {"rooms", `{"_id":"65a1f0c2d4e8b90012ab%04[1]d"}`, 500}} {
			var list []string
			for i := range tt.n {
				args := []any{i, i, i, i}
				if tt.op == "rooms" {
					args = args[:1]
				}
				list = append(list, fmt.Sprintf(tt.entry, args...))
			}
			q.body = []byte(`{"code":200,"message":"OK","data":[` + strings.Join(list, ",") + `]}`)
			call := callNamed(t, q, tt.op)
			answer, err := call.Do(t.Context())
			if err != nil {
				t.Errorf("%s of %d, %d bytes: %v", tt.op, tt.n, len(q.body), err)
				continue
			}
			if n := reflect.Indirect(reflect.ValueOf(answer)).FieldByName("Data").Len(); n != tt.n {
				t.Errorf("%s: %d of %d", tt.op, n, tt.n)
			}
		}
	})
}
