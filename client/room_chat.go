package client

import (
	"context"
	"html"
	"iter"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/gen/queupapi"
)

// maxMessage is the longest chat line, in UTF-16 units after HTML encoding. Source: docs/PROTOCOL.md 1.7.
const maxMessage = 255

// SendMessage posts a line in the room and returns it as QueUp stored it. White space around the text is cut off.
//
// Nothing is sent if the error is one of these:
//
//   - an [*ArgumentError] for an empty text
//   - a [*MessageTooLongError] for a text longer than 255 UTF-16 units after HTML encoding (SendLong splits it)
//   - [ErrNotJoined] if the client is not in the room, or has left it; [ErrClosed] after Close
//   - a [*PermissionError] while the account is muted or lacks the permission chat.send
//
// A refusal by QueUp is an [*APIError], or [ErrRateLimited] if the account has sent too much. Source: docs/PROTOCOL.md 1.7,
// 2.9.
func (r *Room) SendMessage(ctx context.Context, text string) (Message, error) {
	pieces, err := r.chatPieces("Room.SendMessage", text, 1)
	if err != nil {
		return Message{}, err
	}
	return r.say(ctx, pieces[0])
}

// SendLong posts a text that may be too long for one line. It splits the text at white space into at most as many lines as
// [WithMessageParts] allows. A further line that would begin like a command, with ! for example, gets … in front. Otherwise
// people could choose their words so that a line of the bot begins with a command.
//
// A text that does not fit is a [*MessageTooLongError] before the first line is sent; other errors are those of
// SendMessage. If a later line fails, the lines that were sent are returned together with the error.
func (r *Room) SendLong(ctx context.Context, text string) ([]Message, error) {
	if r.client == nil {
		return nil, ErrNotJoined
	}
	pieces, err := r.chatPieces("Room.SendLong", text, r.client.config.messageParts)
	if err != nil {
		return nil, err
	}
	return r.sayAll(ctx, pieces)
}

// SendShortened is SendLong for a text that need not arrive in full. A text that does not fit is cut between two characters,
// as people see them, and … stands for the rest. So the error is never a [*MessageTooLongError].
func (r *Room) SendShortened(ctx context.Context, text string) ([]Message, error) {
	if r.client == nil {
		return nil, ErrNotJoined
	}
	pieces, err := r.chatPiecesBy(shortenChat, "Room.SendShortened", text, r.client.config.messageParts)
	if err != nil {
		return nil, err
	}
	return r.sayAll(ctx, pieces)
}

// sayAll posts lines until one fails.
func (r *Room) sayAll(ctx context.Context, pieces []string) ([]Message, error) {
	var sent []Message
	for _, piece := range pieces {
		m, err := r.say(ctx, piece)
		if err != nil {
			return sent, err
		}
		sent = append(sent, m)
	}
	return sent, nil
}

// chatPieces checks a text and returns its lines, encoded and ready to send.
func (r *Room) chatPieces(op, text string, most int) ([]string, error) {
	return r.chatPiecesBy(splitChat, op, text, most)
}

// chatPiecesBy is chatPieces with a given way to split the text.
func (r *Room) chatPiecesBy(split chatSplitter, op, text string, most int) ([]string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, &ArgumentError{Op: op, Argument: "text", Reason: "is empty"}
	}
	if r.client == nil {
		return nil, ErrNotJoined
	}
	encode, units := html.EscapeString, characters
	if r.client.config.rawChat {
		encode, units = func(s string) string { return s }, charactersAndEntities
	}
	pieces := split(units(text), encode, most)
	if pieces == nil {
		return nil, &MessageTooLongError{Length: utf16Len(encode(text)), Limit: maxMessage, Parts: most}
	}
	if err := r.act(); err != nil {
		return nil, err
	}
	return pieces, r.mayChat(op)
}

// mayChat returns an error if the client may not chat: a line from a muted account is not sent. Source: docs/PROTOCOL.md 7,
// rule 11.
func (r *Room) mayChat(op string) error {
	if self, ok := r.members.Get(r.client.myID()); ok && self.Muted {
		return &PermissionError{Op: op, Permission: PermChatSend, Reason: "this account is muted in the room"}
	}
	if _, custom := r.Standing(); custom {
		return r.may(op, PermChatSend)
	}
	return nil
}

// say posts one line.
func (r *Room) say(ctx context.Context, encoded string) (Message, error) {
	answer, err := r.client.rest.PostChat(ctx, &queupapi.PostChatApplicationJSON{
		Type:            queupapi.NewOptString("chat-message"),
		Message:         encoded,
		Time:            queupapi.NewOptInt64(Millis(r.client.clock.Now())),
		RealTimeChannel: queupapi.NewOptString(r.RTC()),
	}, queupapi.PostChatParams{RoomID: r.id})
	if err != nil {
		return Message{}, failed(opPostChat, err)
	}
	me, _ := r.client.User()
	return newSentMessage(r.client, r.id, me.ID, answer.Data), nil
}

// A chatSplitter splits a text into at most the given number of lines. It returns nil if the text does not fit. units are the
// parts of the text that are not split, unless one alone is longer than a line. No line except the first begins like a
// command.
type chatSplitter func(units []string, encode func(string) string, most int) []string

// splitChat is a chatSplitter that returns nothing but the whole text.
func splitChat(units []string, encode func(string) string, most int) []string {
	pieces, whole := chatLines(units, encode, most)
	if !whole {
		return nil
	}
	return pieces
}

// shortenChat is a chatSplitter that cuts a text that does not fit. The last line then ends with ….
func shortenChat(units []string, encode func(string) string, most int) []string {
	pieces, _ := chatLines(units, encode, most)
	return pieces
}

// chatLines splits a text into at most the given number of lines, and reports whether they have the whole text. If they do not,
// the last one ends with ….
func chatLines(units []string, encode func(string) string, most int) (pieces []string, whole bool) {
	for len(units) > 0 {
		if len(pieces) > 0 && !opens(opening(units)) {
			units[0] = ellipsis + units[0]
		}
		n := fitting(units, encode)
		if n == 0 { // one character with hundreds of marks
			units = append(strings.Split(units[0], ""), units[1:]...)
			continue
		}
		if n < len(units) && len(pieces) == most-1 {
			return append(pieces, cutLine(units, encode)), false
		}
		pieces = append(pieces, encode(strings.TrimSpace(strings.Join(units[:n], ""))))
		units = units[n:]
		for len(units) > 0 && isSpace(units[0]) {
			units = units[1:]
		}
	}
	return pieces, true
}

const ellipsis = "…"

// cutLine returns a line with as many of the units as fit, and … behind them.
func cutLine(units []string, encode func(string) string) string {
	n, length := 0, utf16Len(ellipsis)
	for ; n < len(units); n++ {
		if length += utf16Len(encode(units[n])); length > maxMessage {
			break
		}
	}
	return encode(strings.TrimSpace(strings.Join(units[:n], ""))) + ellipsis
}

// opening returns the first of the units that is visible by itself, empty if there is none.
func opening(units []string) string {
	i := slices.IndexFunc(units, func(unit string) bool { return strings.ContainsFunc(unit, unicode.IsGraphic) && !isSpace(unit) })
	if i < 0 {
		return ""
	}
	return units[i]
}

// fitting returns how many of the units make up the next line: as many as fit, back to the last white space if there is
// any.
func fitting(units []string, encode func(string) string) int {
	length, atSpace := 0, 0
	for i, unit := range units {
		if isSpace(unit) {
			atSpace = i
		}
		length += utf16Len(encode(unit))
		if length > maxMessage && !isSpace(unit) {
			if atSpace > 0 {
				return atSpace
			}
			return i
		}
	}
	return len(units)
}

func isSpace(unit string) bool { return strings.TrimSpace(unit) == "" }

// characters splits a text into what people see as characters: letters with their marks, flags, families.
func characters(text string) []string {
	var units []string
	for rest, state := text, -1; rest != ""; {
		var unit string
		unit, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		units = append(units, unit)
	}
	return units
}

var entity = regexp.MustCompile(`^&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// charactersAndEntities is characters for a text that is already encoded.
func charactersAndEntities(text string) []string {
	var units []string
	for text != "" {
		unit := entity.FindString(text)
		if unit == "" {
			unit, _, _, _ = uniseg.FirstGraphemeClusterInString(text, -1)
		}
		units = append(units, unit)
		text = text[len(unit):]
	}
	return units
}

// Messages returns the latest chat lines since the room was joined, the oldest first; see [WithMessageHistory].
func (r *Room) Messages() []Message {
	if r.client == nil {
		return nil
	}
	return r.chatLog.list()
}

// allMessages is a store that shows the histories of all rooms as one.
type allMessages struct{ rooms *cache.Table[RoomID, *Room] }

func (a allMessages) Get(id MessageID) (Message, bool) {
	for _, r := range a.rooms.All() {
		if m, ok := r.chatLog.get(id); ok {
			return m, true
		}
	}
	return Message{}, false
}

func (a allMessages) Len() int {
	n := 0
	for _, r := range a.rooms.All() {
		n += r.chatLog.len()
	}
	return n
}

func (a allMessages) All() iter.Seq2[MessageID, Message] { return cache.Each(a.list) }

func (a allMessages) list() []cache.Entry[MessageID, Message] {
	var entries []cache.Entry[MessageID, Message]
	for _, r := range a.rooms.All() {
		for _, m := range r.chatLog.list() {
			entries = append(entries, cache.Entry[MessageID, Message]{ID: m.ID, Value: m})
		}
	}
	return entries
}
