package commands

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/queup-go/queup/client"
)

// param is an argument of a command: a field of the struct that its handler takes.
type param struct {
	field    int
	name     string
	kind     kind
	optional bool
	rest     bool          // the rest of the line, as it was typed
	below    bool          // a person whom the author outranks
	away     bool          // a person who need not be in the room
	many     bool          // a slice
	fallback reflect.Value // the value if the argument is left out; not valid for zero
}

// kind is the type of an argument: how a word is set as its value.
type kind struct {
	wanted string // what the word must be, for people; empty if the type's own error says it
	set    func(ctx context.Context, c *Context, word string, v reflect.Value) error
}

// errWanted is the error of a word that is not of the kind. If it is not the author's mistake, there is another error.
var errWanted = errors.New("not what is wanted")

// A wordError is the error of an argument's own type for a word.
type wordError struct{ err error }

func (e *wordError) Error() string { return e.err.Error() }

func (e *wordError) Unwrap() error { return e.err }

// wantedIf returns errWanted unless ok.
func wantedIf(ok bool) error {
	if ok {
		return nil
	}
	return errWanted
}

// complaint returns the fault of a word, for people. It is false for an error that is not about the word. The error of a bot's own
// type may quote people, so it loses each @: it must not make the bot mention anybody.
func (k kind) complaint(err error) (string, bool) {
	if errors.Is(err, errWanted) {
		return "must be " + k.wanted, true
	}
	own, ok := errors.AsType[*wordError](err)
	if !ok {
		return "", false
	}
	reason := []rune(strings.ReplaceAll(own.Error(), "@", ""))
	if len(reason) > maxReason {
		reason = append(reason[:maxReason], '…')
	}
	return "is not accepted: " + string(reason), true
}

const maxReason = 120 // characters of the error of an argument's type

var (
	userType     = reflect.TypeFor[client.User]()
	memberType   = reflect.TypeFor[client.Member]()
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// paramsOf reads the arguments of a command from the struct that its handler takes. It fails if one of them cannot work.
func paramsOf(args reflect.Type, cmd Command) ([]param, error) {
	if args.Kind() != reflect.Struct {
		return nil, fmt.Errorf("the arguments must be a struct with a field for each, and are %s", args)
	}
	var params []param
	for i := range args.NumField() {
		field := args.Field(i)
		p, err := paramOf(field, cmd)
		if err == nil && len(params) > 0 {
			err = p.after(params[len(params)-1])
		}
		if err != nil {
			return nil, fmt.Errorf("argument %s: %w", field.Name, err)
		}
		p.field = i
		params = append(params, p)
	}
	return params, nil
}

func paramOf(field reflect.StructField, cmd Command) (param, error) {
	p := param{name: strings.ToLower(field.Name)}
	if !field.IsExported() {
		return p, errors.New("must be exported, so that it can be set")
	}
	for flag := range strings.SplitSeq(field.Tag.Get("arg"), ",") {
		name, named := strings.CutPrefix(flag, "name=")
		switch {
		case named && name != "":
			p.name = name
		case flag == "optional":
			p.optional = true
		case flag == "rest":
			p.rest = true
		case flag == "below":
			p.below = true
		case flag == "away":
			p.away = true
		case flag != "":
			return p, fmt.Errorf("the tag arg has %q; it knows name=, optional, rest, below and away", flag)
		}
	}
	t := field.Type
	var ok bool
	if p.kind, ok = kindOf(t); !ok && t.Kind() == reflect.Slice {
		t, p.many = t.Elem(), true
		p.kind, ok = kindOf(t)
	}
	person := t == userType || t == memberType
	switch {
	case !ok:
		return p, fmt.Errorf("is a %s, which no word can be made into; implement encoding.TextUnmarshaler", field.Type)
	case p.rest && field.Type.Kind() != reflect.String:
		return p, errors.New("is rest and not a string")
	case p.below && !person:
		return p, errors.New("is below and not a client.User or client.Member")
	case p.away && t != userType:
		return p, errors.New("is away and not a client.User")
	case cmd.Private && (t == memberType || p.below):
		return p, errors.New("needs a room, and the command is Private")
	}
	if p.away {
		p.kind = awayKind
	}
	if p.below {
		p.kind = outranked(p.kind, p.away)
	}
	def, has := field.Tag.Lookup("default")
	if !has {
		return p, nil
	}
	if p.many || person {
		return p, errors.New("can have no default; make it optional")
	}
	p.optional, p.fallback = true, reflect.New(t).Elem()
	if err := p.kind.set(context.Background(), nil, def, p.fallback); err != nil {
		reason, _ := p.kind.complaint(err)
		return p, fmt.Errorf("the default %q %s", def, reason)
	}
	return p, nil
}

// after returns an error if p cannot follow another argument.
func (p param) after(before param) error {
	switch {
	case before.rest || before.many:
		return fmt.Errorf("stands behind %s, which takes all that follows", before.name)
	case before.optional && !p.optional:
		return fmt.Errorf("must be optional, because %s before it is", before.name)
	}
	return nil
}

// syntaxOf returns the arguments as help shows them: <name> [reason…].
func syntaxOf(params []param) string {
	words := make([]string, len(params))
	for i, p := range params {
		name := p.name
		if p.rest || p.many {
			name += "…"
		}
		if p.optional {
			words[i] = "[" + name + "]"
		} else {
			words[i] = "<" + name + ">"
		}
	}
	return strings.Join(words, " ")
}

// parse reads the arguments of a command from the line into the fields of args.
func parse(ctx context.Context, c *Context, params []param, args reflect.Value) error {
	text := c.Text
	for _, p := range params {
		v := args.Field(p.field)
		if text == "" {
			if !p.optional {
				return c.UsageError("the argument <" + p.name + "> is missing")
			}
			if p.fallback.IsValid() {
				v.Set(p.fallback)
			}
			continue
		}
		var words []string
		switch {
		case p.rest:
			words, text = []string{text}, ""
		case p.many:
			words, text = split(text), ""
		default:
			var word string
			word, text = cutWord(text)
			words = []string{word}
		}
		if p.many {
			v.Set(reflect.MakeSlice(v.Type(), len(words), len(words)))
		}
		for i, word := range words {
			into := v
			if p.many {
				into = v.Index(i)
			}
			if err := p.kind.set(ctx, c, word, into); err != nil {
				reason, ok := p.kind.complaint(err)
				if !ok {
					return err
				}
				return c.UsageError("the argument <" + p.name + "> " + reason)
			}
		}
	}
	if text != "" {
		return c.UsageError("that is more than it takes; several words for one go into double quotes")
	}
	return nil
}

// quotes are double quotes as people type them and as phones replace them.
var quotes = map[rune]rune{'"': '"', '“': '”', '„': '“', '«': '»'}

// cutWord cuts off the first word of a text: up to white space, or the text in double quotes. In quotes a backslash escapes the
// next character. A quote that is not closed is a character like others.
func cutWord(text string) (word, rest string) {
	first, size := utf8.DecodeRuneInString(text)
	if end, quoted := quotes[first]; quoted {
		var inside strings.Builder
		escaped := false
		for i, r := range text[size:] {
			switch {
			case !escaped && r == '\\':
				escaped = true
				continue
			case !escaped && r == end:
				return inside.String(), strings.TrimSpace(text[size+i+utf8.RuneLen(r):])
			}
			escaped = false
			inside.WriteRune(r)
		}
	}
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		return text[:i], strings.TrimSpace(text[i:])
	}
	return text, ""
}

// split splits a text into words.
func split(text string) []string {
	var words []string
	for text != "" {
		var word string
		word, text = cutWord(text)
		words = append(words, word)
	}
	return words
}

// kindOf returns the kind for a type, and false for a type that cannot be an argument.
func kindOf(t reflect.Type) (kind, bool) {
	switch {
	case reflect.PointerTo(t).Implements(textType):
		return kind{"", func(_ context.Context, _ *Context, word string, v reflect.Value) error {
			if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(word)); err != nil {
				return &wordError{err}
			}
			return nil
		}}, true
	case t == userType:
		return kind{"the name of somebody who is here", func(_ context.Context, c *Context, word string, v reflect.Value) error {
			u, ok := c.userNamed(word)
			v.Set(reflect.ValueOf(u))
			return wantedIf(ok)
		}}, true
	case t == memberType:
		return kind{"the name of somebody who is here", func(_ context.Context, c *Context, word string, v reflect.Value) error {
			m, ok := c.memberNamed(word)
			v.Set(reflect.ValueOf(m))
			return wantedIf(ok)
		}}, true
	case t == durationType:
		return kind{"a time, such as 90s, 10m, 1h30m or 2d", func(_ context.Context, _ *Context, word string, v reflect.Value) error {
			d, ok := duration(word)
			v.SetInt(int64(d))
			return wantedIf(ok)
		}}, true
	}
	return basicKind(t)
}

// basicKind is kindOf for the basic types of Go.
func basicKind(t reflect.Type) (kind, bool) {
	switch t.Kind() {
	case reflect.String:
		return kind{"text", func(_ context.Context, _ *Context, word string, v reflect.Value) error {
			v.SetString(word)
			return nil
		}}, true
	case reflect.Bool:
		return kind{"yes or no", func(_ context.Context, _ *Context, word string, v reflect.Value) error {
			on, ok := switches[strings.ToLower(word)]
			v.SetBool(on)
			return wantedIf(ok)
		}}, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return kind{"a whole number", func(_ context.Context, _ *Context, word string, v reflect.Value) error {
			n, err := strconv.ParseInt(word, 10, v.Type().Bits())
			v.SetInt(n)
			return wantedIf(err == nil)
		}}, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return kind{"a whole number, not below 0", func(_ context.Context, _ *Context, word string, v reflect.Value) error {
			n, err := strconv.ParseUint(word, 10, v.Type().Bits())
			v.SetUint(n)
			return wantedIf(err == nil)
		}}, true
	case reflect.Float32, reflect.Float64:
		return kind{"a number", func(_ context.Context, _ *Context, word string, v reflect.Value) error {
			f, err := strconv.ParseFloat(word, v.Type().Bits())
			v.SetFloat(f)
			return wantedIf(err == nil && !math.IsInf(f, 0) && !math.IsNaN(f))
		}}, true
	}
	return kind{}, false
}

// switches are the words for a bool.
var switches = map[string]bool{
	"yes": true, "y": true, "on": true, "true": true, "1": true,
	"no": false, "n": false, "off": false, "false": false, "0": false,
}

// duration reads a time as Go writes it, with days as well.
func duration(word string) (time.Duration, bool) {
	word = strings.ToLower(word)
	var sum time.Duration
	if days, rest, found := strings.Cut(word, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, false
		}
		if sum, word = time.Duration(n)*24*time.Hour, rest; word == "" {
			return sum, true
		}
	}
	d, err := time.ParseDuration(word)
	return sum + d, err == nil && d >= 0 && sum+d >= 0
}
