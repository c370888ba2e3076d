package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MarshalEvent returns an event as one JSON object on one line, to store it or to send it to another process:
//
//	{"type":"Chat","id":"...","at":"...","name":"chat-message","resynced":false,
//	 "room":{"id":"...","slug":"...","name":"..."},"event":{"message":{...},"author":{...},"member":{...}},"raw":{...}}
//
// type is the name of the event's Go type, and event has its fields, their first letter in lower case. Fields with a zero value are left
// out, and so are id, name, room and raw. A duration is in nanoseconds. raw is what QueUp sent, byte for byte. If that is not JSON on one
// line, rawBytes has it in base64 instead. Its error is an [*ArgumentError]: e is nil, or a pointer.
func MarshalEvent(e Event) ([]byte, error) {
	const op = "MarshalEvent"
	if e == nil {
		return nil, &ArgumentError{Op: op, Argument: "e", Reason: "is nil"}
	}
	v := reflect.ValueOf(e)
	if !slices.Contains(eventTypes, v.Type()) {
		return nil, &ArgumentError{Op: op, Argument: "e", Reason: fmt.Sprintf("is a %T, which is not an event type of package client%s", e, hint(v.Type()))}
	}
	meta := e.EventMeta()
	fields := make(map[string]any)
	for i := range v.NumField() {
		if field := v.Type().Field(i); !field.Anonymous && !isEmptyValue(v.Field(i)) {
			fields[fieldName(field)] = saved(v.Field(i).Interface())
		}
	}
	s := savedEvent{
		Type:     v.Type().Name(),
		ID:       meta.ID,
		At:       meta.At,
		Name:     meta.Name,
		Resynced: meta.Resynced,
		Event:    fields,
	}
	if room := meta.Room; room != nil {
		s.Room = &savedRoom{ID: room.ID(), Slug: room.Slug(), Name: room.Name()}
	}
	verbatim := len(meta.Raw) > 0 && isOneLine(meta.Raw)
	if !verbatim {
		s.RawBytes = meta.Raw
	}
	text, err := marshalPlain(s)
	if err != nil {
		return nil, &ArgumentError{Op: op, Argument: "e", Reason: "cannot be written as JSON: " + err.Error()}
	}
	if verbatim {
		text = append(text[:len(text)-1], `,"raw":`...)
		text = append(text, meta.Raw...)
		text = append(text, '}')
	}
	return text, nil
}

// UnmarshalEvent returns the event that [MarshalEvent] has written. It is equal to the original except for what belongs to a client. A
// [Room] or a [Conversation] in it is detached: it has its id and its names, its methods that call QueUp return [ErrDetached], and [On]
// panics. Errors keep their text and match the same sentinels of this package with [errors.Is].
//
// An event of a type that this version does not know becomes [Unknown], so that one process may be newer than another. Data that is not
// such an object is an [*ArgumentError].
func UnmarshalEvent(data []byte) (Event, error) {
	invalid := func(reason string) error {
		return &ArgumentError{Op: "UnmarshalEvent", Argument: "data", Reason: "is not an event of MarshalEvent: " + reason}
	}
	var s struct {
		savedEvent
		Event map[string]json.RawMessage `json:"event"`
		Raw   json.RawMessage            `json:"raw"`
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, invalid(err.Error())
	}
	if s.Type == "" {
		return nil, invalid("it has no type")
	}
	meta := Meta{At: s.At, ID: s.ID, Name: s.Name, Resynced: s.Resynced, Raw: s.RawBytes}
	if meta.Raw == nil {
		meta.Raw = s.Raw
	}
	if s.Room != nil {
		meta.Room = newDetachedRoom(*s.Room)
	}
	i := slices.IndexFunc(eventTypes, func(t reflect.Type) bool { return t.Name() == s.Type })
	if i < 0 {
		return Unknown{meta}, nil
	}
	v := reflect.New(eventTypes[i]).Elem()
	v.FieldByName("Meta").Set(reflect.ValueOf(meta))
	for i := range v.NumField() {
		field := v.Type().Field(i)
		text, has := s.Event[fieldName(field)]
		if field.Anonymous || !has {
			continue
		}
		if err := restore(v.Field(i).Addr().Interface(), text); err != nil {
			return nil, invalid(fmt.Sprintf("%s of %s: %v", fieldName(field), s.Type, err))
		}
	}
	return v.Interface().(Event), nil
}

// savedEvent is the form of an event in JSON, without its fields and its raw JSON.
type savedEvent struct {
	Type     string     `json:"type"`
	ID       string     `json:"id,omitempty"`
	At       time.Time  `json:"at"`
	Name     string     `json:"name,omitempty"`
	Resynced bool       `json:"resynced"`
	Room     *savedRoom `json:"room,omitempty"`
	Event    any        `json:"event"`
	RawBytes []byte     `json:"rawBytes,omitempty"`
}

type savedRoom struct {
	ID   RoomID `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

// The following are the values of events with what their exported fields do not hold.
type (
	savedUser struct {
		User
		Extra map[string]json.RawMessage `json:"extra,omitempty"`
	}
	savedMember struct {
		Member
		Roles []savedRole                `json:"roles,omitempty"`
		Extra map[string]json.RawMessage `json:"extra,omitempty"`
	}
	savedRole struct {
		Role
		ByType bool                       `json:"byType,omitempty"`
		Extra  map[string]json.RawMessage `json:"extra,omitempty"`
	}
	savedMessage struct {
		Message
		Author *savedUser                 `json:"author,omitempty"`
		Extra  map[string]json.RawMessage `json:"extra,omitempty"`
	}
	savedSong struct {
		Song
		Info  *savedSongInfo             `json:"info,omitempty"`
		Extra map[string]json.RawMessage `json:"extra,omitempty"`
	}
	savedSongInfo struct {
		SongInfo
		Extra map[string]json.RawMessage `json:"extra,omitempty"`
	}
	savedRoomInfo struct {
		RoomInfo
		Extra map[string]json.RawMessage `json:"extra,omitempty"`
	}
	savedComment struct {
		Comment
		Extra map[string]json.RawMessage `json:"extra,omitempty"`
	}
	savedConversation struct {
		ID         ConversationID `json:"id"`
		CreatedAt  time.Time      `json:"createdAt,omitzero"`
		Recipients []savedUser    `json:"recipients,omitempty"`
	}
	savedError struct {
		Text string   `json:"text"`
		Is   []string `json:"is,omitempty"` // the texts of the sentinels that it matches
	}
)

// saved returns the form of an event's field in JSON.
func saved(field any) any {
	switch v := field.(type) {
	case User:
		return saveUser(v)
	case Member:
		return savedMember{Member: v, Roles: saveList(v.roles(), saveRole), Extra: v.members}
	case Role:
		return saveRole(v)
	case []Role:
		return saveList(v, saveRole)
	case Message:
		s := savedMessage{Message: v, Extra: v.members}
		if v.author != nil {
			author := saveUser(*v.author)
			s.Author = &author
		}
		return s
	case Song:
		return saveSong(v)
	case []Song:
		return saveList(v, saveSong)
	case SongInfo:
		return savedSongInfo{v, v.members}
	case RoomInfo:
		return savedRoomInfo{v, v.members}
	case Comment:
		return savedComment{v, v.members}
	case *Conversation:
		return savedConversation{ID: v.ID(), CreatedAt: v.CreatedAt(), Recipients: saveList(v.Recipients(), saveUser)}
	case Presence:
		return v.String()
	case error:
		s := savedError{Text: v.Error()}
		for _, sentinel := range sentinels {
			if errors.Is(v, sentinel) {
				s.Is = append(s.Is, sentinel.Error())
			}
		}
		return s
	}
	return field
}

func saveUser(u User) savedUser { return savedUser{u, u.members} }

func saveRole(r Role) savedRole { return savedRole{r, r.byType, r.members} }

func saveSong(s Song) savedSong {
	saved := savedSong{Song: s, Extra: s.members}
	if s.info != nil {
		saved.Info = &savedSongInfo{*s.info, s.info.members}
	}
	return saved
}

func saveList[V, S any](values []V, save func(V) S) []S {
	list := make([]S, 0, len(values))
	for _, v := range values {
		list = append(list, save(v))
	}
	return list
}

// restore sets a field of an event, which is given by its address, to the value that text has.
func restore(field any, text json.RawMessage) error {
	switch p := field.(type) {
	case *User:
		return restoreAs(text, p, restoreUser)
	case *Member:
		return restoreAs(text, p, func(s savedMember) Member {
			s.extra, s.held = extra{s.Extra}, restoreList(s.Roles, restoreRole)
			return s.Member
		})
	case *Role:
		return restoreAs(text, p, restoreRole)
	case *[]Role:
		return restoreAs(text, p, func(list []savedRole) []Role { return restoreList(list, restoreRole) })
	case *Message:
		return restoreAs(text, p, func(s savedMessage) Message {
			s.extra = extra{s.Extra}
			if s.Author != nil {
				author := restoreUser(*s.Author)
				s.author = &author
			}
			return s.Message
		})
	case *Song:
		return restoreAs(text, p, restoreSong)
	case *[]Song:
		return restoreAs(text, p, func(list []savedSong) []Song { return restoreList(list, restoreSong) })
	case *SongInfo:
		return restoreAs(text, p, restoreSongInfo)
	case *RoomInfo:
		return restoreAs(text, p, func(s savedRoomInfo) RoomInfo {
			s.extra = extra{s.Extra}
			return s.RoomInfo
		})
	case *Comment:
		return restoreAs(text, p, func(s savedComment) Comment {
			s.extra = extra{s.Extra}
			return s.Comment
		})
	case **Conversation:
		return restoreAs(text, p, func(s savedConversation) *Conversation {
			return &Conversation{client: detachedClient(), id: s.ID, createdAt: s.CreatedAt, others: restoreList(s.Recipients, restoreUser)}
		})
	case *Presence:
		return restoreAs(text, p, func(name string) Presence {
			for _, presence := range []Presence{PresenceEnter, PresenceExit, PresenceUpdate} {
				if presence.String() == name {
					return presence
				}
			}
			return 0
		})
	case *error:
		return restoreAs(text, p, func(s savedError) error { return &restoredError{s} })
	}
	return json.Unmarshal(text, field)
}

// restoreAs sets a value to what convert returns for a text.
func restoreAs[S, V any](text json.RawMessage, value *V, convert func(S) V) error {
	var s S
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	*value = convert(s)
	return nil
}

func restoreUser(s savedUser) User {
	s.extra = extra{s.Extra}
	return s.User
}

func restoreRole(s savedRole) Role {
	s.extra, s.byType = extra{s.Extra}, s.ByType
	return s.Role
}

func restoreSongInfo(s savedSongInfo) SongInfo {
	s.extra = extra{s.Extra}
	return s.SongInfo
}

func restoreSong(s savedSong) Song {
	s.extra = extra{s.Extra}
	if s.Info != nil {
		info := restoreSongInfo(*s.Info)
		s.info = &info
	}
	return s.Song
}

func restoreList[S, V any](list []S, restore func(S) V) []V {
	if list == nil {
		return nil
	}
	values := make([]V, 0, len(list))
	for _, s := range list {
		values = append(values, restore(s))
	}
	return values
}

// sentinels are the errors that a restored error can match.
var sentinels = []error{
	ErrUnauthorized, ErrForbidden, ErrNotFound, ErrRateLimited, ErrBanned, ErrKicked, ErrRoomPassword, ErrTooManyPasswords, ErrNotLoggedIn,
	ErrNotConnected, ErrNotJoined, ErrSessionExpired, ErrNothingPlaying, ErrUsernameTaken, ErrDetached, ErrClosed,
	context.Canceled, context.DeadlineExceeded,
}

// restoredError is an error of an event that was in another process.
type restoredError struct{ saved savedError }

// Error returns the text of the original.
func (e *restoredError) Error() string { return e.saved.Text }

// Is reports whether the original matched target, one of the sentinels.
func (e *restoredError) Is(target error) bool {
	return slices.Contains(sentinels, target) && slices.Contains(e.saved.Is, target.Error())
}

// fieldName returns the name of a field of an event in JSON.
func fieldName(field reflect.StructField) string {
	first, size := utf8.DecodeRuneInString(field.Name)
	return string(unicode.ToLower(first)) + field.Name[size:]
}

// isEmptyValue reports whether a field of an event has its zero value, whatever client it belongs to.
func isEmptyValue(field reflect.Value) bool {
	if equal := field.MethodByName("Equal"); field.Kind() == reflect.Struct && equal.IsValid() {
		return equal.Call([]reflect.Value{reflect.Zero(field.Type())})[0].Bool()
	}
	return field.IsZero()
}

// isOneLine reports whether a text is valid JSON, in valid UTF-8, without a line break and without white space around it.
func isOneLine(text []byte) bool {
	return !bytes.ContainsAny(text, "\r\n") && len(bytes.TrimSpace(text)) == len(text) && utf8.Valid(text) && json.Valid(text)
}

// marshalPlain is json.Marshal without the escapes for HTML.
func marshalPlain(v any) ([]byte, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(text.String(), "\n")), nil
}
