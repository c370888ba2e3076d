package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/lenient"
	"github.com/queup-go/queup/internal/testkit/mutate"
	"github.com/queup-go/queup/realtime"
)

// How much of it is tried, and with which seed; make fuzz sets both.
const (
	mutationsVariable = "QUEUP_MUTATIONS" // inputs, half of them frames and half of them answers; 4,000 by default
	seedVariable      = "QUEUP_SEED"      // 1 by default
	numberVariable    = "QUEUP_INPUT"     // the number of the only input to try
)

func variable(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// Bounds of what an input may cost, in bytes allocated in all, which is more than is held at any time.
const (
	perInput = 32 << 10  // of one of a batch, whatever its length
	perByte  = 64        // of its length
	perHuge  = 4 << 20   // of a huge one, whatever its length
	perBatch = 256       // inputs
	perRoom  = 40 * 256  // inputs that a room or a client lives for
	maxGrown = 16 << 20  // bytes that the heap may grow from the first room to the last
	maxError = 4 << 10   // bytes of an error's text
	maxHeap  = 256 << 20 // bytes in use at the end of each room
)

// Promise Q15: no frame and no answer ends the program, and none costs more than its length allows.
func TestQ15_mutatedInput(t *testing.T) {
	count, seed := variable(t, mutationsVariable, UnlessShort[uint64](4_000, 800)), variable(t, seedVariable, 1)
	t.Run("frames", func(t *testing.T) {
		tryAll(t, mutate.New(seed, frameCorpus(t)), seed, count/2, func(t *testing.T, done func(each func(input []byte))) {
			t.Helper()
			inCrowd(t, 20, func(t *testing.T, k *crowd) {
				var heard atomic.Int64
				On(k.room.client, func(_ context.Context, e Event) error {
					if len(e.EventMeta().Raw) > 0 {
						heard.Add(1)
					}
					return nil
				})
				before := k.events
				done(func(input []byte) { k.frame(t, input) })
				k.settle()
				if tried := int64(k.events - before); heard.Load() < tried/10 {
					t.Errorf("of %d frames only %d were heard of", tried, heard.Load())
				}
			}, WithUserCache(100), WithSongCache(100), WithMessageHistory(100), WithErrorHandler(func(_ context.Context, err error) { t.Error(err) }))
		})
	})
	t.Run("answers", func(t *testing.T) {
		tryAll(t, mutate.New(seed, answerCorpus(t)), seed, count/2, func(t *testing.T, done func(each func(input []byte))) {
			t.Helper()
			synctest.Test(t, func(t *testing.T) {
				q := newQuestioner(t)
				done(func(input []byte) { q.ask(t, input) })
			})
		})
	})
}

// tryAll makes count inputs and has them tried in stages, of which each takes up to perRoom.
func tryAll(t *testing.T, m *mutate.Mutator, seed, count uint64, stage func(t *testing.T, done func(each func(input []byte)))) {
	t.Helper()
	next := uint64(0)
	if only := variable(t, numberVariable, ^uint64(0)); only != ^uint64(0) {
		next, count = only, only+1
	}
	var first uint64
	for next < count && !t.Failed() {
		stage(t, func(each func(input []byte)) {
			for end := min(next+perRoom, count); next < end; {
				n := min(end-next, perBatch)
				tryBatch(t, m, seed, next, n, each)
				next += n
			}
		})
		heap := heapAtRest()
		if first == 0 {
			first = heap
		}
		if heap > first+maxGrown {
			t.Errorf("the heap has grown from %d to %d KiB by input %d of seed %d", first>>10, heap>>10, next, seed)
		}
	}
}

// heapAtRest returns how much memory is held.
func heapAtRest() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// tryBatch tries some inputs, the huge ones among them one by one.
func tryBatch(t *testing.T, m *mutate.Mutator, seed, from, n uint64, each func(input []byte)) {
	t.Helper()
	var small [][]byte
	length := 0
	for number := from; number < from+n; number++ {
		input := m.Input(number)
		if number%mutate.Huge == mutate.Huge-1 {
			cost := allocated(func() { tryOne(t, seed, number, input, each) })
			if most := perHuge + perByte*len(input); cost > most {
				t.Errorf("input %d of seed %d has %d bytes and takes %d: %s", number, seed, len(input), cost, excerpt(input))
			}
			continue
		}
		small = append(small, input)
		length += len(input)
	}
	number := from
	cost := allocated(func() {
		for _, input := range small {
			for number%mutate.Huge == mutate.Huge-1 {
				number++
			}
			tryOne(t, seed, number, input, each)
			number++
		}
	})
	most := perInput*len(small) + perByte*length
	if UnderRace { // which has pools forget what they are given, to find who uses it still
		most *= 4
	}
	if cost > most {
		t.Errorf("inputs %d to %d of seed %d have %d bytes and take %d", from, from+n, seed, length, cost)
	}
	if heap := heapHeld(); heap > maxHeap {
		t.Errorf("inputs %d to %d of seed %d: the heap holds %d MiB", from, from+n, seed, heap>>20)
	}
}

// heapHeld returns how much memory is held or not yet swept.
func heapHeld() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// tryOne says which input it was that failed.
func tryOne(t *testing.T, seed, number uint64, input []byte, each func(input []byte)) {
	t.Helper()
	failed := t.Failed()
	defer func() {
		if v := recover(); v != nil {
			t.Errorf("panic: %v\n%s", v, debug.Stack())
		}
		if t.Failed() && !failed {
			t.Errorf("that was input %d of seed %d (try it alone with %s=%d %s=%d):\n%s", number, seed, seedVariable, seed, numberVariable, number, excerpt(input))
		}
	}()
	each(input)
}

func excerpt(input []byte) string {
	const most = 8 << 10
	if len(input) <= most {
		return strconv.Quote(string(input))
	}
	return fmt.Sprintf("%q… (%d bytes)", input[:most], len(input))
}

// frame takes a websocket frame through all that a link and a connection do with it.
func (k *crowd) frame(t *testing.T, data []byte) {
	t.Helper()
	at := time.Now()
	if k.events++; k.events%100 == 0 {
		k.settle()
	}
	packet, err := realtime.ParsePacket(data)
	if err != nil {
		k.connection.receive(realtime.Malformed{At: at, Raw: data, Err: err})
		return
	}
	if packet.Type == realtime.PacketOpen {
		_, _ = realtime.ParseOpen(packet.Data)
	}
	f, err := realtime.ParseFrame(packet.Data)
	if err != nil {
		if text := err.Error(); len(text) > maxError {
			t.Errorf("an error of %d bytes", len(text))
		}
		k.connection.receive(realtime.Malformed{At: at, Raw: packet.Data, Err: err})
		return
	}
	channel := f.Channel
	if channel != "" { // the recordings are of other rooms
		channel = k.room.channel
	}
	switch {
	case f.Message != nil:
		k.connection.receive(realtime.Message{At: at, Channel: channel, Name: f.Message.Name, Type: f.Message.Type, Data: f.Message.Data})
	case f.Presence != nil:
		p := f.Presence
		k.connection.receive(realtime.Presence{At: at, Channel: channel, Action: p.Action, ClientID: p.ClientID, ConnectionID: p.ConnectionID, Data: p.Data})
	case f.Action == realtime.ActionError:
		k.connection.receive(realtime.ServerError{At: at, Text: f.Error, Channel: channel, Extra: f.Extra})
	default:
		k.connection.receive(realtime.UnknownAction{At: at, Frame: f, Raw: packet.Data})
	}
}

// settle has everybody hear what is said, and lets time pass for what waits.
func (k *crowd) settle() {
	time.Sleep(time.Second)
	for {
		synctest.Wait()
		select {
		case command := <-k.connection.commands:
			command()
		default:
			return
		}
	}
}

// A questioner calls one operation after the other and gets answers of others.
type questioner struct {
	calls  []restCall
	next   int
	status int
	body   []byte
	asked  queupapi.OperationInfo // in the last call
}

func newQuestioner(t *testing.T) *questioner {
	t.Helper()
	q := &questioner{}
	bot, err := New(WithRateLimit(0, 0), WithTransport(roundTrip(q.answer)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bot.Close()
		<-bot.Done()
	})
	q.calls = everyCall(t, bot)
	return q
}

// answerStatuses are what answers come with, most of them as good ones.
var answerStatuses = []int{200, 200, 200, 200, 200, 200, 200, 400, 404, 401, 302, 500}

func (q *questioner) answer(req *http.Request) (*http.Response, error) {
	takeBody(req)
	q.asked, _ = queupapi.FindOperation(req.Method, req.URL.EscapedPath())
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	if q.status == http.StatusFound {
		header.Set("Location", string(q.body[:min(len(q.body), 200)]))
	}
	return &http.Response{StatusCode: q.status, Header: header, Body: io.NopCloser(strings.NewReader(string(q.body))), ContentLength: int64(len(q.body)), Request: req}, nil
}

// ask makes a call that gets this answer. The call succeeds or says what is wrong, in few words.
func (q *questioner) ask(t *testing.T, body []byte) {
	t.Helper()
	call := q.calls[q.next%len(q.calls)]
	q.status, q.body = answerStatuses[q.next%len(answerStatuses)], body
	q.next++
	answer, err := call.Do(t.Context())
	checkAnswer(t, call.Name, q.status, answer, err)
}

// checkAnswer wants an error that tells what failed, or an answer that can be written.
func checkAnswer(t *testing.T, op string, status int, answer any, err error) {
	t.Helper()
	if err == nil {
		if status != http.StatusOK && status != http.StatusFound {
			t.Errorf("%s took an answer of status %d for good", op, status)
		}
		if _, err := json.Marshal(answer); err != nil {
			t.Errorf("%s: the answer cannot be written: %v", op, err)
		}
		return
	}
	text := err.Error()
	refusal, refused := errors.AsType[*APIError](err)
	failure, failed := errors.AsType[*CallError](err)
	switch {
	case len(text) > maxError+len("…"):
		t.Errorf("%s: an error of %d bytes: %.300s", op, len(text), text)
	case failed && failure.Op == op && status == http.StatusFound: // to a place that is no URL
	case !refused:
		t.Errorf("%s: %T: %v", op, err, err)
	case refusal.Op != op || !strings.Contains(text, op):
		t.Errorf("%s: the error names %s: %v", op, refusal.Op, err)
	case len(refusal.Body) > rest.MaxKeptBody:
		t.Errorf("%s: the error keeps %d bytes", op, len(refusal.Body))
	}
}

// frameCorpus are the frames of all recordings, and one for each event that somebody has described.
func frameCorpus(tb testing.TB) (corpus [][]byte) {
	tb.Helper()
	for _, recorded := range recordings(tb) {
		for _, r := range recorded.Socket {
			if r.Op == cassette.OpText && r.Dir == cassette.In {
				corpus = append(corpus, r.Data)
			}
		}
	}
	for _, event := range exampleEvents(tb) {
		corpus = append(corpus, eventFrame(event.name, event.data))
	}
	return corpus
}

// eventFrame is the frame that carries an event into the room of a crowd.
func eventFrame(name string, data []byte) []byte {
	return realtime.AppendFrame([]byte{byte(realtime.PacketMessage)}, realtime.Frame{
		Action: realtime.ActionMessage, Channel: "room:65a1f0c2d4e8b90012ab34cd", Message: &realtime.MessageBody{Name: name, Type: "json", Data: data},
	})
}

func recordings(tb testing.TB) (all []*cassette.Tape) {
	tb.Helper()
	const dir = "../cassettes/testdata"
	names, err := cassette.List(dir)
	if err != nil || len(names) < 10 {
		tb.Fatalf("the recordings are %v, %v", names, err)
	}
	for _, name := range names {
		recorded, err := cassette.Read(dir, name)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, recorded)
	}
	return all
}

type exampleEvent struct {
	name string
	data []byte
}

// exampleEvents are the examples of the events in the specification, and those typed in from docs/PROTOCOL.md.
func exampleEvents(tb testing.TB) (all []exampleEvent) {
	tb.Helper()
	var schema struct {
		Defs map[string]struct {
			Event    string            `json:"x-event"`
			Examples []json.RawMessage `json:"examples"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(testFile(tb, "../api/events.schema.json"), &schema); err != nil {
		tb.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Defs)) {
		if def := schema.Defs[name]; def.Event != "" {
			for _, example := range def.Examples {
				all = append(all, exampleEvent{def.Event, example})
			}
		}
	}
	for line := range strings.Lines(string(testFile(tb, "../api/testdata/events.jsonl"))) {
		var event struct {
			Type string `json:"type"`
		}
		if json.Unmarshal([]byte(line), &event) == nil && event.Type != "" {
			all = append(all, exampleEvent{event.Type, []byte(line)})
		}
	}
	if len(all) < 80 {
		tb.Fatalf("there are only %d examples of events", len(all))
	}
	return all
}

// answerCorpus are the answers of all recordings and those that the specification shows.
func answerCorpus(tb testing.TB) (corpus [][]byte) {
	tb.Helper()
	seen := map[string]bool{}
	add := func(body string) {
		if !seen[body] && len(body) < 64<<10 {
			seen[body] = true
			corpus = append(corpus, []byte(body))
		}
	}
	for _, recorded := range recordings(tb) {
		for _, e := range recorded.HTTP {
			add(e.Response.Body)
		}
	}
	var spec any
	if err := yaml.Unmarshal(testFile(tb, "../api/openapi.yaml"), &spec); err != nil {
		tb.Fatal(err)
	}
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				visit(item)
			}
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if example, ok := v[key].(map[string]any); ok && key == "example" {
					text, err := json.Marshal(example)
					if err != nil {
						tb.Fatal(err)
					}
					add(string(text))
				}
				visit(v[key])
			}
		}
	}
	visit(spec)
	if len(corpus) < 200 {
		tb.Fatalf("there are only %d answers", len(corpus))
	}
	return corpus
}

func testFile(tb testing.TB, path string) []byte {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

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
				if tried++; UnderRace && tried%8 > 0 || testing.Short() && tried%32 > 0 {
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
		if tried < 1000 || refused < UnlessShort(50, 10) {
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
		tried, sent, worst := 0, 0, 0.0
		for _, definition := range wire.Definitions() {
			typ := reflect.TypeOf(definition)
			event, ok := reflect.TypeAssert[wire.Event](reflect.New(typ))
			if !ok {
				continue
			}
			for what, data := range mutate.Bloated(typ, eventSize) {
				if tried++; testing.Short() && tried%16 > 0 {
					continue
				}
				frame := eventFrame(event.EventName(), data)
				checkMemoryOf(t, &worst, what, len(frame), func() { k.frame(t, frame) })
				if sent++; sent%10 == 0 { // before a subscription has lost any
					k.settle()
				}
			}
		}
		k.settle()
		t.Logf("%d events, %d of them malformed; %.1f bytes for a byte at worst", tried, malformed, worst)
		if tried < 1000 || malformed < UnlessShort(10, 1) {
			t.Errorf("%d events were tried, and %d malformed", tried, malformed)
		}
	}, WithUserCache(100), WithSongCache(100), WithMessageHistory(10))
}

// Promise Q16: lists of millions of entries end with an error, or without entries where there is nothing in them. They took
// gigabytes.
func TestQ16_listsOfMillions(t *testing.T) {
	length, most := 20<<20, 320<<20
	if UnderRace || testing.Short() {
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
