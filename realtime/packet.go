package realtime

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-faster/jx"
)

// PacketType is the first character of an Engine.IO v3 frame. See docs/PROTOCOL.md 5.2.
type PacketType byte

// The packets of Engine.IO v3.
const (
	PacketOpen    PacketType = '0' // server to client, once: the session and its heartbeat, see [Open]
	PacketClose   PacketType = '1' // either way: the session is over
	PacketPing    PacketType = '2' // in version 3 the client pings
	PacketPong    PacketType = '3' // the answer, with the data of the ping
	PacketMessage PacketType = '4' // carries one [Frame]
	PacketUpgrade PacketType = '5' // change of transport, unused with websocket alone
	PacketNoop    PacketType = '6' // to be ignored
)

// String returns the name Engine.IO gives the packet: "open", "ping" and so on.
func (t PacketType) String() string {
	switch t {
	case PacketOpen:
		return "open"
	case PacketClose:
		return "close"
	case PacketPing:
		return "ping"
	case PacketPong:
		return "pong"
	case PacketMessage:
		return "message"
	case PacketUpgrade:
		return "upgrade"
	case PacketNoop:
		return "noop"
	}
	return "packet " + strconv.QuoteRune(rune(t))
}

// Packet is one Engine.IO packet.
type Packet struct {
	Type PacketType
	Data []byte // what follows the type; nil or empty if nothing does
}

// ErrPacket is returned by [ParsePacket] for a frame that is not an Engine.IO v3 packet.
var ErrPacket = errors.New("realtime: not an Engine.IO packet")

// ParsePacket reads one websocket frame. It takes the three spellings of Engine.IO v3: text ("4{…}"), base64 ("b4e30=")
// and binary (a first byte of 0 to 6). Data of the first and the last aliases frame. An error wraps [ErrPacket].
func ParsePacket(frame []byte) (Packet, error) {
	if len(frame) == 0 {
		return Packet{}, fmt.Errorf("%w: empty frame", ErrPacket)
	}
	switch first := frame[0]; {
	case first >= '0' && first <= '6':
		return Packet{Type: PacketType(first), Data: frame[1:]}, nil
	case first <= 6:
		return Packet{Type: PacketType(first + '0'), Data: frame[1:]}, nil
	case first == 'b' && len(frame) > 1 && frame[1] >= '0' && frame[1] <= '6':
		data, err := base64.StdEncoding.AppendDecode(nil, frame[2:])
		if err != nil {
			return Packet{}, fmt.Errorf("%w: %w", ErrPacket, err)
		}
		return Packet{Type: PacketType(frame[1]), Data: data}, nil
	}
	return Packet{}, fmt.Errorf("%w: it begins with %q", ErrPacket, frame[0])
}

// AppendPacket appends the text form of a packet to dst.
func AppendPacket(dst []byte, t PacketType, data []byte) []byte {
	return append(append(dst, byte(t)), data...)
}

// Open is the data of the open packet: the session and its heartbeat.
type Open struct {
	SID          string        // the Engine.IO session
	PingInterval time.Duration // how often the client pings; whole milliseconds on the wire
	PingTimeout  time.Duration // how long it may wait for the pong; whole milliseconds on the wire
}

// maxOpenMillis keeps an announced duration from overflowing; [Conn] applies bounds of its own.
const maxOpenMillis = float64(365 * 24 * time.Hour / time.Millisecond)

// ParseOpen reads the data of an open packet. Missing, negative and unreadable numbers become zero, absurd ones a year;
// only data that is not a JSON object is an error.
func ParseOpen(data []byte) (Open, error) {
	var o Open
	d := jx.GetDecoder()
	defer jx.PutDecoder(d)
	d.ResetBytes(data)
	err := d.ObjBytes(func(d *jx.Decoder, key []byte) error {
		switch string(key) {
		case "sid":
			s, _, err := readString(d)
			o.SID = s
			return err
		case "pingInterval":
			ms, err := readMillis(d)
			o.PingInterval = ms
			return err
		case "pingTimeout":
			ms, err := readMillis(d)
			o.PingTimeout = ms
			return err
		}
		return d.Skip()
	})
	if err != nil {
		return Open{}, fmt.Errorf("realtime: open packet: %w", cause(err))
	}
	return o, nil
}

func readMillis(d *jx.Decoder) (time.Duration, error) {
	raw, err := d.Raw()
	if err != nil {
		return 0, err
	}
	f, ok := number(raw)
	if !ok || f < 0 {
		return 0, nil
	}
	return time.Duration(min(f, maxOpenMillis)) * time.Millisecond, nil
}

// AppendOpen appends the data of an open packet to dst, with an empty list of upgrades.
func AppendOpen(dst []byte, o Open) []byte {
	w := jx.Writer{Buf: dst}
	w.RawStr(`{"sid":`)
	w.Str(o.SID)
	w.RawStr(`,"upgrades":[],"pingInterval":`)
	w.Int64(o.PingInterval.Milliseconds())
	w.RawStr(`,"pingTimeout":`)
	w.Int64(o.PingTimeout.Milliseconds())
	w.RawStr(`}`)
	return w.Buf
}
