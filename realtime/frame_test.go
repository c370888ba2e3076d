package realtime_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/queup-go/queup/realtime"
)

// The frames of docs/PROTOCOL.md 5.3, in the text AppendFrame makes of them.
var frames = map[string]struct {
	json  string
	frame realtime.Frame
}{
	"heartbeat": {`{"action":0}`, realtime.Frame{}},
	"connected": {
		`{"action":4,"clientId":"c","connectionId":"k"}`,
		realtime.Frame{Action: realtime.ActionConnected, ClientID: "c", ConnectionID: "k"},
	},
	"error": {
		`{"action":9,"error":"no","reqId":"r","code":403}`,
		realtime.Frame{Action: realtime.ActionError, Error: "no", ReqID: "r", Extra: raw("code", `403`)},
	},
	"attach": {
		`{"action":10,"channel":"room:1","reqId":"r"}`,
		realtime.Frame{Action: realtime.ActionAttach, Channel: "room:1", ReqID: "r"},
	},
	"attached": {
		`{"action":11,"channel":"room:1","clientId":"c","connectionId":"k"}`,
		realtime.Frame{Action: realtime.ActionAttached, Channel: "room:1", ClientID: "c", ConnectionID: "k"},
	},
	"detach": {`{"action":12,"channel":"room:1"}`, realtime.Frame{Action: realtime.ActionDetach, Channel: "room:1"}},
	"detached": {
		`{"action":13,"channel":"room:1","clientId":"c","connectionId":"k"}`,
		realtime.Frame{Action: realtime.ActionDetached, Channel: "room:1", ClientID: "c", ConnectionID: "k"},
	},
	"presence to the server": {
		`{"action":14,"channel":"room:1","presence":{"action":0,"data":{}}}`,
		realtime.Frame{Action: realtime.ActionPresence, Channel: "room:1", Presence: &realtime.PresenceBody{
			Action: realtime.PresenceEnter, Data: json.RawMessage(`{}`),
		}},
	},
	"presence from the server": {
		`{"action":14,"channel":"room:1","presence":{"action":1,"clientId":"c","connectionId":"k","data":{"a":[1]},"x":1}}`,
		realtime.Frame{Action: realtime.ActionPresence, Channel: "room:1", Presence: &realtime.PresenceBody{
			Action: realtime.PresenceLeave, ClientID: "c", ConnectionID: "k", Data: json.RawMessage(`{"a":[1]}`), Extra: raw("x", `1`),
		}},
	},
	"message": {
		`{"action":15,"channel":"room:1","message":{"name":"chat-skip","type":"json","data":"{\"type\":\"chat-skip\",\"username\":\"mixmaster\"}"}}`,
		realtime.Frame{Action: realtime.ActionMessage, Channel: "room:1", Message: &realtime.MessageBody{
			Name: "chat-skip", Type: "json", Data: []byte(`{"type":"chat-skip","username":"mixmaster"}`),
		}},
	},
	"message of text": {
		`{"action":15,"channel":"room:1","message":{"name":"*","type":"string","data":"say \"hi\""}}`,
		realtime.Frame{Action: realtime.ActionMessage, Channel: "room:1", Message: &realtime.MessageBody{
			Name: "*", Type: "string", Data: []byte(`"say \"hi\""`),
		}},
	},
	"message without anything": {
		`{"action":15,"channel":"room:1","message":{}}`,
		realtime.Frame{Action: realtime.ActionMessage, Channel: "room:1", Message: &realtime.MessageBody{}},
	},
	"token request": {
		`{"action":17,"clientId":"","reqId":"r"}`,
		realtime.Frame{Action: realtime.ActionToken, ReqID: "r"},
	},
	"token": {
		`{"action":17,"clientId":"c","token":"t","reqId":"r"}`,
		realtime.Frame{Action: realtime.ActionToken, ClientID: "c", Token: "t", ReqID: "r"},
	},
	"unknown action": {
		`{"action":42,"channel":"room:1","a":[null],"b":{"c":"d"}}`,
		realtime.Frame{Action: 42, Channel: "room:1", Extra: raw("a", `[null]`, "b", `{"c":"d"}`)},
	},
	"no action": {`{"x":true}`, realtime.Frame{Action: realtime.ActionNone, Extra: raw("x", `true`)}},
}

func raw(pairs ...string) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage)
	for pair := range slices.Chunk(pairs, 2) {
		m[pair[0]] = json.RawMessage(pair[1])
	}
	return m
}

func TestFrame_bothWays(t *testing.T) {
	for name, tt := range frames {
		t.Run(name, func(t *testing.T) {
			text := tt.json
			got, err := realtime.ParseFrame([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.frame, got); diff != "" {
				t.Error(diff)
			}
			if got := string(realtime.AppendFrame([]byte("4"), tt.frame)); got != "4"+text {
				t.Errorf("appended:\n got %s\nwant 4%s", got, text)
			}
		})
	}
}

// Faults of real servers, and the frame that must be read all the same.
func TestParseFrame_isLenient(t *testing.T) {
	message := func(name, typ, data string) realtime.Frame {
		return realtime.Frame{Action: realtime.ActionMessage, Message: &realtime.MessageBody{Name: name, Type: typ, Data: []byte(data)}}
	}
	tests := map[string]struct {
		json string
		want realtime.Frame
	}{
		"quoted action":         {`{"action":"15"}`, realtime.Frame{Action: 15}},
		"float action":          {`{"action":1.5e1}`, realtime.Frame{Action: 15}},
		"half an action":        {`{"action":1.5}`, realtime.Frame{Action: -1, Extra: raw("action", `1.5`)}},
		"action in words":       {`{"action":"attach","channel":"c"}`, realtime.Frame{Action: -1, Channel: "c", Extra: raw("action", `"attach"`)}},
		"null all over":         {`{"action":4,"channel":null,"clientId":null,"connectionId":null,"reqId":null,"token":null,"error":null,"presence":null,"message":null,"x":null}`, realtime.Frame{Action: 4}},
		"wrong types all over":  {`{"action":4,"channel":[1],"clientId":{},"presence":"p","message":7,"reqId":[]}`, realtime.Frame{Action: 4, Extra: raw("channel", `[1]`, "clientId", `{}`, "presence", `"p"`, "message", `7`, "reqId", `[]`)}},
		"numbers for strings":   {`{"action":4,"clientId":12,"connectionId":1.50,"reqId":true}`, realtime.Frame{Action: 4, ClientID: "12", ConnectionID: "1.50", ReqID: "true"}},
		"socketId":              {`{"action":4,"clientId":"c","socketId":"k"}`, realtime.Frame{Action: 4, ClientID: "c", ConnectionID: "k"}},
		"socketId comes second": {`{"action":4,"socketId":"s","connectionId":"k"}`, realtime.Frame{Action: 4, ConnectionID: "k"}},
		"error object":          {`{"action":9,"error":{"message":"no"}}`, realtime.Frame{Action: 9, Error: `{"message":"no"}`}},
		"last one counts":       {`{"action":1,"channel":[],"channel":"c","action":2}`, realtime.Frame{Action: 2, Channel: "c"}},
		"white space":           {" {\n\"action\" :\t4 , \"channel\" : \"c\" } \r\n", realtime.Frame{Action: 4, Channel: "c"}},
		"data before type":      {`{"action":15,"message":{"data":"{\"a\":1}","type":"json","name":"n"}}`, message("n", "json", `{"a":1}`)},
		"text before type":      {`{"action":15,"message":{"data":"hi","type":"string","name":"n"}}`, message("n", "string", `"hi"`)},
		"data without type":     {`{"action":15,"message":{"name":"n","data":"[1]"}}`, message("n", "", `[1]`)},
		"data as an object":     {`{"action":15,"message":{"name":"n","type":"json","data":{"a": "b\n"}}}`, message("n", "json", `{"a": "b\n"}`)},
		"data as an array":      {`{"action":15,"message":{"name":"n","type":"json","data":[1, 2]}}`, message("n", "json", `[1, 2]`)},
		"data as a number":      {`{"action":15,"message":{"name":"n","type":"string","data":5}}`, message("n", "string", `5`)},
		"data that is not JSON": {`{"action":15,"message":{"name":"n","type":"json","data":"oops"}}`, message("n", "json", `oops`)},
		"data of type xml":      {`{"action":15,"message":{"name":"n","type":"xml","data":"<a>"}}`, message("n", "xml", `<a>`)},
		"null data":             {`{"action":15,"message":{"name":"n","type":"json","data":null}}`, realtime.Frame{Action: 15, Message: &realtime.MessageBody{Name: "n", Type: "json"}}},
		"surrogates":            {`{"action":15,"message":{"name":"n","type":"json","data":"\"\ud83d\ude00\""}}`, message("n", "json", `"😀"`)},
		"message fields":        {`{"action":15,"message":{"name":["n"],"type":7,"data":"1","id":"m1"}}`, realtime.Frame{Action: 15, Message: &realtime.MessageBody{Type: "7", Data: []byte(`1`), Extra: raw("name", `["n"]`, "id", `"m1"`)}}},
		"presence fields":       {`{"action":14,"presence":{"action":null,"clientId":5,"data":null,"more":1}}`, realtime.Frame{Action: 14, Presence: &realtime.PresenceBody{ClientID: "5", Extra: raw("more", `1`)}}},
		"presence action":       {`{"action":14,"presence":{"action":"2"}}`, realtime.Frame{Action: 14, Presence: &realtime.PresenceBody{Action: 2}}},
		"presence in words":     {`{"action":14,"presence":{"action":"join"}}`, realtime.Frame{Action: 14, Presence: &realtime.PresenceBody{Action: -1, Extra: raw("action", `"join"`)}}},
		"escaped names":         {`{"\u0061ction":15,"message":{"n\u0061me":"n"}}`, realtime.Frame{Action: 15, Message: &realtime.MessageBody{Name: "n"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := realtime.ParseFrame([]byte(tt.json))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseFrame_errors(t *testing.T) {
	for _, text := range []string{
		``, ` `, `null`, `4`, `"x"`, `[]`, `{`, `{"action"`, `{"action":`, `{"action":4`, `{"action":4,}`, `{"action":4}x`, `{"action":4}{}`,
		`{"action":4}"`, `{"message":{"data":"\x"}}`, `{"message":{"data":"`, `{"presence":{"action"}}`, `{"action":4 "channel":"c"}`,
	} {
		if f, err := realtime.ParseFrame([]byte(text)); !errors.Is(err, realtime.ErrFrame) {
			t.Errorf("%s was taken for %+v, %v", text, f, err)
		}
	}
}

func TestParseFrame_sharesNoMemory(t *testing.T) {
	text := []byte(`{"action":15,"channel":"room:1","x":{"y":1},"presence":{"data":{"p":1},"clientId":"c"},"message":{"name":"n","type":"json","data":{"k":1},"z":[1]}}`)
	got, err := realtime.ParseFrame(text)
	if err != nil {
		t.Fatal(err)
	}
	before := string(realtime.AppendFrame(nil, got))
	for i := range text {
		text[i] = '#'
	}
	if after := string(realtime.AppendFrame(nil, got)); after != before {
		t.Errorf("the frame has changed with the buffer:\n%s\n%s", before, after)
	}
}

func TestAppendFrame_textThatIsNoJSON(t *testing.T) {
	f := realtime.Frame{Action: realtime.ActionMessage, Message: &realtime.MessageBody{Type: "string", Data: []byte(`hello "you"`)}}
	if got := string(realtime.AppendFrame(nil, f)); got != `{"action":15,"message":{"type":"string","data":"hello \"you\""}}` {
		t.Error(got)
	}
}

func TestAction_String(t *testing.T) {
	var names []string
	for a := realtime.ActionNone; a <= realtime.ActionToken+1; a++ {
		names = append(names, a.String())
	}
	want := "none heartbeat ack nack connect connected disconnect disconnected close closed error attach attached detach detached " +
		"presence message sync token action 18"
	if got := strings.Join(names, " "); got != want {
		t.Error(got)
	}
	for a, want := range map[realtime.PresenceAction]string{0: "enter", 1: "leave", 2: "update", 3: "presence 3"} {
		if a.String() != want {
			t.Errorf("%d is %v", int(a), a)
		}
	}
}

// The error for a fault deep inside a frame is one line.
func TestParseFrame_deepNonsenseIsAShortError(t *testing.T) {
	for _, levels := range []int{100, 9_000, 500_000} {
		for name, open := range map[string]string{"arrays": "[", "objects": `{"a":`} {
			_, err := realtime.ParseFrame([]byte(`{"action":15,"x":` + strings.Repeat(open, levels)))
			if !errors.Is(err, realtime.ErrFrame) || len(err.Error()) > 100 {
				t.Errorf("%d %s: an error of %d bytes: %.100v", levels, name, len(fmt.Sprint(err)), err)
			}
			if _, err := realtime.ParseOpen([]byte(`{"sid":` + strings.Repeat(open, levels))); err == nil || len(err.Error()) > 100 {
				t.Errorf("%d %s in open: an error of %d bytes", levels, name, len(fmt.Sprint(err)))
			}
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	for _, tt := range frames {
		f.Add([]byte(tt.json))
	}
	f.Add([]byte(`{"action":"9","error":{"a":[1,2]},"socketId":"x","connectionId":{}}`))
	f.Add([]byte(`{"action":14,"presence":{"action":"join","data":null},"message":{"data":"\ud83d","type":"string"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		frame, err := realtime.ParseFrame(text)
		if err != nil {
			return
		}
		once := realtime.AppendFrame(nil, frame)
		if !json.Valid(once) {
			t.Fatalf("no JSON: %s", once)
		}
		again, err := realtime.ParseFrame(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice := realtime.AppendFrame(nil, again); !bytes.Equal(once, twice) {
			t.Errorf("text:\n%s\n%s", once, twice)
		}
		if utf8.Valid(text) {
			if diff := cmp.Diff(frame, again, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n%s", once, diff)
			}
		}
	})
}

func BenchmarkParseFrame(b *testing.B) {
	for _, size := range []int{200, 2_000, 20_000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			data := []byte(`{"type":"chat-message","message":"` + strings.Repeat(`a \"quote\" `, size/12) + `"}`)
			text := realtime.AppendFrame(nil, realtime.Frame{
				Action: realtime.ActionMessage, Channel: "room:65a1f0c2d4e8b90012ab34cd",
				Message: &realtime.MessageBody{Name: "chat-message", Type: "json", Data: data},
			})
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := realtime.ParseFrame(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
