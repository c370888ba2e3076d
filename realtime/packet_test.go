package realtime_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/realtime"
)

func TestParsePacket(t *testing.T) {
	tests := map[string]struct {
		frame string
		typ   realtime.PacketType
		data  string
	}{
		"open":                {`0{"sid":"x"}`, realtime.PacketOpen, `{"sid":"x"}`},
		"close":               {`1`, realtime.PacketClose, ``},
		"ping":                {`2`, realtime.PacketPing, ``},
		"ping with data":      {`2probe`, realtime.PacketPing, `probe`},
		"pong":                {`3`, realtime.PacketPong, ``},
		"message":             {`4{"action":4}`, realtime.PacketMessage, `{"action":4}`},
		"upgrade":             {`5`, realtime.PacketUpgrade, ``},
		"noop":                {`6`, realtime.PacketNoop, ``},
		"base64":              {`b4eyJhY3Rpb24iOjR9`, realtime.PacketMessage, `{"action":4}`},
		"base64 of nothing":   {`b2`, realtime.PacketPing, ``},
		"binary":              {"\x04{}", realtime.PacketMessage, `{}`},
		"message of a number": {`44`, realtime.PacketMessage, `4`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := realtime.ParsePacket([]byte(tt.frame))
			if err != nil || p.Type != tt.typ || string(p.Data) != tt.data {
				t.Errorf("got %v %q, %v; want %v %q", p.Type, p.Data, err, tt.typ, tt.data)
			}
		})
	}
	for _, frame := range []string{"", "7", "x", "{}", " 4{}", "b", "b7", "b4!", "\x07", "\xff"} {
		if p, err := realtime.ParsePacket([]byte(frame)); !errors.Is(err, realtime.ErrPacket) {
			t.Errorf("%q was taken for %v, %v", frame, p, err)
		}
	}
}

func TestAppendPacket(t *testing.T) {
	got := realtime.AppendPacket([]byte("before "), realtime.PacketMessage, []byte(`{}`))
	if string(got) != `before 4{}` {
		t.Errorf("got %s", got)
	}
}

func TestPacketType_String(t *testing.T) {
	var names []string
	for p := realtime.PacketOpen; p <= realtime.PacketNoop+1; p++ {
		names = append(names, p.String())
	}
	if got := strings.Join(names, " "); got != "open close ping pong message upgrade noop packet '7'" {
		t.Error(got)
	}
}

func TestParseOpen(t *testing.T) {
	const year = 365 * 24 * time.Hour
	tests := map[string]struct {
		json string
		want realtime.Open
	}{
		"as QueUp sends it": {
			`{"sid":"a-b","upgrades":[],"pingInterval":25000,"pingTimeout":60000}`,
			realtime.Open{SID: "a-b", PingInterval: 25 * time.Second, PingTimeout: time.Minute},
		},
		"empty":          {`{}`, realtime.Open{}},
		"null":           {`{"sid":null,"pingInterval":null,"pingTimeout":null}`, realtime.Open{}},
		"quoted, float":  {`{"pingInterval":"500","pingTimeout":1e3}`, realtime.Open{PingInterval: 500 * time.Millisecond, PingTimeout: time.Second}},
		"wrong types":    {`{"sid":[1],"pingInterval":{"a":1},"pingTimeout":true}`, realtime.Open{}},
		"negative":       {`{"pingInterval":-1,"pingTimeout":-1e99}`, realtime.Open{}},
		"more than fits": {`{"pingInterval":1e300,"pingTimeout":9223372036854775807}`, realtime.Open{PingInterval: year, PingTimeout: year}},
		"unknown fields": {`{"maxPayload":1000000,"sid":"x"}`, realtime.Open{SID: "x"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := realtime.ParseOpen([]byte(tt.json))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			again, err := realtime.ParseOpen(realtime.AppendOpen(nil, got))
			if err != nil || again != got {
				t.Errorf("after a round trip: %v, %v", again, err)
			}
		})
	}
	for _, text := range []string{"", "null", "[]", "{", `"x"`} {
		if o, err := realtime.ParseOpen([]byte(text)); err == nil {
			t.Errorf("%q was taken for %v", text, o)
		}
	}
}

func TestAppendOpen(t *testing.T) {
	got := realtime.AppendOpen(nil, realtime.Open{SID: `"x"`, PingInterval: 25 * time.Second, PingTimeout: time.Minute})
	if want := `{"sid":"\"x\"","upgrades":[],"pingInterval":25000,"pingTimeout":60000}`; string(got) != want {
		t.Errorf("got %s", got)
	}
}

func FuzzParsePacket(f *testing.F) {
	for _, s := range []string{"", "2", "2probe", `0{"sid":"x","pingInterval":25000}`, `4{"action":4}`, "b4e30=", "\x04x", "9"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		p, err := realtime.ParsePacket(frame)
		if err != nil {
			return
		}
		again, err := realtime.ParsePacket(realtime.AppendPacket(nil, p.Type, p.Data))
		if err != nil || again.Type != p.Type || !bytes.Equal(again.Data, p.Data) {
			t.Errorf("%v became %v, %v", p, again, err)
		}
		if o, err := realtime.ParseOpen(p.Data); err == nil && o == (realtime.Open{}) {
			return
		} else if err == nil {
			o.SID = strings.ToValidUTF8(o.SID, "\uFFFD")
			if again, err := realtime.ParseOpen(realtime.AppendOpen(nil, o)); err != nil || again != o {
				t.Errorf("%v became %v, %v", o, again, err)
			}
		}
	})
}
