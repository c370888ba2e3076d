package commands

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/queup-go/queup/client"
)

// maxSpelled is the longest word with several spellings, in bytes. No word of a chat line is longer.
const maxSpelled = 1024

// spellings returns the names that a word of a sentence may stand for, the most exact first: @alice's, for example, may stand for
// @alice's, alice's, @alice and alice. A name may itself have such characters.
func spellings(word string) []string {
	var names []string
	for word != "" {
		names = append(names, word)
		if bare, found := strings.CutPrefix(word, "@"); found && bare != "" {
			names = append(names, bare)
		}
		shorter := withoutEnding(word)
		if shorter == word || len(word) > maxSpelled {
			break
		}
		word = shorter
	}
	return names
}

// withoutEnding returns a word without what may follow a name in a sentence: a punctuation mark, or an apostrophe with up to two letters.
func withoutEnding(word string) string {
	last, size := utf8.DecodeLastRuneInString(word)
	if strings.ContainsRune(",:;.!?", last) {
		return word[:len(word)-size]
	}
	rest := word
	for range 3 {
		last, size = utf8.DecodeLastRuneInString(rest)
		rest = rest[:len(rest)-size]
		if last == '\'' || last == '’' {
			return rest
		}
		if !unicode.IsLetter(last) {
			break
		}
	}
	return word
}

// named returns the first person that a word may stand for.
func named[T any](word string, find func(name string) (T, bool)) (found T, ok bool) {
	for _, name := range spellings(word) {
		if found, ok = find(name); ok {
			break
		}
	}
	return found, ok
}

// memberNamed returns the member of the room that a word names.
func (c *Context) memberNamed(word string) (client.Member, bool) {
	return named(word, c.Room.MemberNamed)
}

// userNamed returns the user that a word names: a member of the room or, in private, any user that the client knows.
func (c *Context) userNamed(word string) (client.User, bool) {
	if c.Room == nil {
		return named(word, func(name string) (client.User, bool) {
			return c.Bot.Users().Find(func(u client.User) bool { return strings.EqualFold(u.Username, name) })
		})
	}
	m, _ := c.memberNamed(word)
	return m.User()
}

// userAway returns the user that a word names, who need not be in the room, and errWanted if there is none.
func (c *Context) userAway(ctx context.Context, word string) (client.User, error) {
	if u, ok := c.knownUser(word); ok {
		return u, nil
	}
	if c.router != nil {
		if wait := c.router.lookups.use(c); wait > 0 {
			return client.User{}, &CooldownError{Command: c.Command.Name, Wait: wait, User: true}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	for _, name := range lookedUp(word) {
		u, err := c.Bot.FetchUser(ctx, name)
		if err == nil || !isNobody(err) {
			return u, err
		}
	}
	return c.punishedUser(ctx, word)
}

// lookupTimeout bounds how long a command waits for the calls that find a person who is away.
const lookupTimeout = 10 * time.Second

// knownUser returns the user that a word names, of those in the room and those that the client knows. If several users are known by a
// name, because one has been renamed, it returns none of them, unless one is in the room.
func (c *Context) knownUser(word string) (client.User, bool) {
	known := sync.OnceValue(func() map[string][]client.User { return usersByName(c.Bot.Users().Values()) })
	return named(word, func(name string) (client.User, bool) {
		if c.Room != nil {
			if m, here := c.Room.MemberNamed(name); here {
				return m.User()
			}
		}
		if users := known()[strings.ToLower(name)]; len(users) == 1 {
			return users[0], true
		}
		return client.User{}, false
	})
}

// usersByName returns users by their names in lower case.
func usersByName(users iter.Seq[client.User]) map[string][]client.User {
	byName := make(map[string][]client.User)
	for u := range users {
		name := strings.ToLower(u.Username)
		byName[name] = append(byName[name], u)
	}
	return byName
}

// maxLookedUp is how many spellings of a name QueUp is asked for.
const maxLookedUp = 4

// lookedUp returns the spellings of a word that QueUp is asked for: the most exact, and the shortest. No name begins with an @, and one of
// dots alone would be another path.
func lookedUp(word string) []string {
	names := slices.DeleteFunc(spellings(word), func(name string) bool {
		return strings.HasPrefix(name, "@") || !strings.ContainsFunc(name, isWordy)
	})
	if len(names) > maxLookedUp {
		names = append(names[:maxLookedUp-1], names[len(names)-1])
	}
	return names
}

// isNobody reports whether QueUp knows no user of a name, or says that it is not a name.
func isNobody(err error) bool {
	refusal, ok := errors.AsType[*client.APIError](err)
	return errors.Is(err, client.ErrNotFound) || ok && refusal.Status == http.StatusBadRequest
}

// punishedUser returns the user that a word names, of those who are banned or muted in the room. A list that the bot may not read is
// left out.
func (c *Context) punishedUser(ctx context.Context, word string) (client.User, error) {
	if c.Room == nil {
		return client.User{}, errWanted
	}
	var users []client.User
	for _, fetch := range []func(context.Context) ([]client.Member, error){c.Room.FetchBanned, c.Room.FetchMuted} {
		members, err := fetch(ctx)
		if err != nil && !errors.Is(err, client.ErrUnauthorized) && !errors.Is(err, client.ErrForbidden) {
			return client.User{}, err
		}
		for _, m := range members {
			if u, ok := m.User(); ok {
				users = append(users, u)
			}
		}
	}
	u, ok := named(word, func(name string) (client.User, bool) {
		return client.Find(slices.Values(users), func(u client.User) bool { return strings.EqualFold(u.Username, name) })
	})
	return u, wantedIf(ok)
}

// awayKind is the kind of a user who need not be in the room.
var awayKind = kind{"the name of a user", func(ctx context.Context, c *Context, word string, v reflect.Value) error {
	u, err := c.userAway(ctx, word)
	if err != nil {
		return err
	}
	v.Set(reflect.ValueOf(u))
	return nil
}}

// outranked returns the kind for a person who must rank below the author, and may be away.
func outranked(k kind, away bool) kind {
	wanted := "somebody here who ranks below you"
	if away {
		wanted = "somebody who ranks below you"
	}
	return kind{wanted, func(ctx context.Context, c *Context, word string, v reflect.Value) error {
		if err := k.set(ctx, c, word, v); err != nil {
			return err
		}
		if m, ok := reflect.TypeAssert[client.Member](v); ok {
			return wantedIf(c.Room.Outranks(c.Author.ID, m.UserID))
		}
		below, err := c.outranks(ctx, v.Interface().(client.User).ID)
		if err != nil {
			return err
		}
		return wantedIf(below)
	}}
}

// outranks reports whether the author ranks above a user. The room knows the roles of its members only, so QueUp is asked for those of a
// user who is away.
func (c *Context) outranks(ctx context.Context, u client.UserID) (bool, error) {
	if _, here := c.Room.Members().Get(u); here || !c.Room.Outranks(c.Author.ID, u) {
		return here && c.Room.Outranks(c.Author.ID, u), nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	staff, err := c.Room.FetchStaff(ctx)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(staff, func(m client.Member) bool { return m.UserID == u })
	if i < 0 || c.Author.ID == c.Room.Info().OwnerID {
		return true, nil
	}
	role, holds := staff[i].Role()
	if !holds {
		return true, nil
	}
	author, _ := c.Room.Members().Get(c.Author.ID)
	own, ranked := author.Role()
	return ranked && own.Position > role.Position, nil
}
