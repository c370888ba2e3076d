package client_test

import (
	"bytes"
	"context"
	"errors"
	"go/ast"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

// A surface is everything that package client exports and that can be called: a value of each type with methods, found by
// reflection, and arguments made by type. What the package declares is read from its source, so that a method, a
// function or a type that is new and not here fails TestSurface_isWhole.
type surface struct {
	bot, second  *client.Client // of the owner of the lounge; second is logged in, and not connected
	room         *client.Room
	conversation *client.Conversation

	receivers map[string]func() any   // by the name of their type
	special   map[string]func() []any // arguments of methods that are content with no others
	arguments map[reflect.Type]func() any
	functions map[string]func(ctx context.Context) error // those that have a type parameter, or act on a client
}

// A publicCall is one method, with its receiver and its arguments, or one function.
type publicCall struct {
	name string // Room.Kick, Next
	ctx  bool   // it takes a context
	call func(ctx context.Context) error
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// newSurface makes the surface of an account that may do everything in the lounge.
func newSurface(t *testing.T, server *queuptest.Server, opts ...client.Option) *surface {
	t.Helper()
	return newSurfaceWith(t, server, nil, opts...)
}

// newSurfaceWith is newSurface with something to do to the clients before they are used.
func newSurfaceWith(t *testing.T, server *queuptest.Server, prepare func(testing.TB, *client.Client), opts ...client.Option) *surface {
	t.Helper()
	ctx := t.Context()
	server.Room("lounge").Mute("owner", "carol")
	server.Room("lounge").Unmute("owner", "carol")
	kept := append([]client.Option{client.WithSession(new(memorySession))}, opts...)
	s := &surface{bot: newBot(t, server, kept...), second: newBot(t, server, opts...)}
	for _, c := range []*client.Client{s.bot, s.second} {
		if prepare != nil {
			prepare(t, c)
		}
		if err := c.Login(ctx, "owner", canary.Password); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.bot.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	bot, room := s.bot, must(s.bot.JoinRoom(ctx, "lounge"))(t)
	s.room = room
	var (
		account, _  = bot.User()
		alice       = memberOf(t, room, "alice").UserID
		bobs        = memberOf(t, room, "bob")
		carol, _    = bot.Users().Get(memberOf(t, room, "carol").UserID)
		songNow, _  = room.NowPlaying()
		line        = must(room.SendMessage(ctx, "hello"))(t)
		comment     = must(bot.AddComment(ctx, songNow.SongID, "nice"))(t)
		list        = must(must(bot.CreatePlaylist(ctx, "late hours"))(t).Add(ctx, client.YouTube, "n1neD1meC0r"))(t)
		entry       = all(t, list.Songs(ctx, ""), 1)[0]
		role        = must(room.CreateRole(ctx, client.RoleSettings{Label: "Helper"}))(t)
		roles       = must(room.FetchRoles(ctx))(t)
		queued      = must(room.QueueSong(ctx, client.YouTube, "f3rr1sTr4mH"))(t)
		audit       = must(room.AuditLog(ctx))(t)
		soundCloud  = must(bot.SoundCloudPlaylists(ctx, "night"))(t)
		wrong       = s.second.Login(ctx, "owner", "wrong")
		refusal, _  = errors.AsType[*client.AuthorizationError](wrong)
		settings    = client.RoomSettings{Name: "Cellar"}
		picture     = func() any { return bytes.NewReader([]byte(png)) }
		matchMember = func(client.Member) bool { return false }
	)
	if err := s.second.Login(ctx, "owner", canary.Password); err != nil {
		t.Fatal(err)
	}
	if err := bot.Follow(ctx, alice); err != nil {
		t.Fatal(err)
	}
	follow := must(bot.Following(ctx, account.ID))(t)[0]
	s.conversation = must(bot.OpenConversation(ctx, alice))(t)
	var roleIDs []client.RoleID
	for _, r := range roles {
		roleIDs = append(roleIDs, r.ID)
	}
	is := func(v any) func() any { return func() any { return v } }
	playing := func() any {
		if song, ok := room.NowPlaying(); ok {
			return song
		}
		return songNow
	}
	s.receivers = map[string]func() any{
		"Client": is(bot), "Room": is(room), "Conversation": is(s.conversation),
		"Collection":             func() any { return room.Members() },
		"RoomCollection":         func() any { return bot.Rooms() },
		"ConversationCollection": func() any { return bot.Conversations() },
		"AuthenticatedUser":      is(account), "User": is(carol), "Member": is(bobs), "Message": is(line), "Song": playing,
		"SongInfo": is(client.SongInfo{Provider: client.YouTube, MediaID: "n1neD1meC0r"}),
		"Comment":  is(comment), "Playlist": is(list), "PlaylistSong": is(entry), "Follow": is(follow), "Role": is(role),
		"RoomInfo": func() any { return room.Info() }, "RoomSettings": is(settings), "Standing": is(client.Standing{}),
		"AuditEntry": is(audit[0]), "SoundCloudPlaylist": is(soundCloud[0]), "Presence": is(client.PresenceEnter),
		"Meta": is(client.Meta{}), "Lagged": is(client.Lagged{Type: "Chat", Dropped: 1}),
		"APIError": is(&client.APIError{Op: "room", Status: 404}), "ArgumentError": is(&client.ArgumentError{}), "CallError": is(&client.CallError{Op: "room", Err: errors.New("no network")}),
		"AuthorizationError": is(refusal), "HandlerError": is(&client.HandlerError{Err: wrong}), "MailboxError": is(&client.MailboxError{Err: wrong}), "PanicError": is(&client.PanicError{}),
		"MessageTooLongError": is(&client.MessageTooLongError{}), "PermissionError": is(&client.PermissionError{}),
		"RateLimitError": is(&client.RateLimitError{}), "Secret": is(client.Secret("words")),
	}
	s.arguments = map[reflect.Type]func() any{
		reflect.TypeFor[client.UserID]():                   is(bobs.UserID),
		reflect.TypeFor[client.MessageID]():                is(line.ID),
		reflect.TypeFor[client.SongID]():                   is(songNow.SongID),
		reflect.TypeFor[client.PlayID]():                   is(queued.ID),
		reflect.TypeFor[client.RoleID]():                   is(role.ID),
		reflect.TypeFor[client.PlaylistID]():               is(list.ID),
		reflect.TypeFor[client.PlaylistSongID]():           is(entry.ID),
		reflect.TypeFor[client.CommentID]():                is(comment.ID),
		reflect.TypeFor[client.ConversationID]():           is(s.conversation.ID()),
		reflect.TypeFor[client.RoomID]():                   is(room.ID()),
		reflect.TypeFor[client.Permission]():               is(client.PermMembersKick),
		reflect.TypeFor[client.Provider]():                 is(client.YouTube),
		reflect.TypeFor[client.Presence]():                 is(client.PresenceUpdate),
		reflect.TypeFor[client.RoomSettings]():             is(settings),
		reflect.TypeFor[client.RoleSettings]():             is(client.RoleSettings{Label: "Guide"}),
		reflect.TypeFor[time.Duration]():                   is(time.Minute),
		reflect.TypeFor[string]():                          is("words"),
		reflect.TypeFor[int]():                             is(1),
		reflect.TypeFor[bool]():                            is(true),
		errorType:                                          is(client.ErrRateLimited),
		reflect.TypeFor[func(*client.RoomSettings)]():      is(func(r *client.RoomSettings) { r.MaxQueue = 7 }),
		reflect.TypeFor[func(*client.RoleSettings)]():      is(func(r *client.RoleSettings) { r.Mentionable = true }),
		reflect.TypeFor[func(client.Member) bool]():        is(matchMember),
		reflect.TypeFor[func(*client.Room) bool]():         is(func(*client.Room) bool { return false }),
		reflect.TypeFor[func(*client.Conversation) bool](): is(func(*client.Conversation) bool { return false }),
	}
	s.special = map[string]func() []any{
		"Client.JoinRoom":                     func() []any { return []any{"attic"} },
		"Client.Login":                        func() []any { return []any{"owner", canary.Password} },
		"Client.Run":                          func() []any { return []any{"owner", canary.Password} },
		"Client.FetchSong":                    func() []any { return []any{client.SongID("65e5d4f3071bec0015de00ff")} },
		"Room.QueueSong":                      func() []any { return []any{client.YouTube, "n1neD1meC0r"} },
		"Room.MoveDJ":                         func() []any { return []any{bobs.UserID, 5} },
		"Room.ReorderRoles":                   func() []any { return []any{roleIDs} },
		"Room.UploadBackground":               func() []any { return []any{"a.png", picture()} },
		"AuthenticatedUser.UploadAvatar":      func() []any { return []any{"a.png", picture()} },
		"Playlist.Add":                        func() []any { return []any{client.YouTube, "pL4nt3rnS0w"} },
		"ConversationCollection.ByRecipients": func() []any { return []any{alice} },
		"Client.ImportYouTubePlaylist":        func() []any { return []any{"PLabcdefgh12", list.ID} },
		"Client.ImportSoundCloudPlaylist":     func() []any { return []any{"1234567", list.ID} },
		"Client.FetchRoom":                    func() []any { return []any{"lounge"} },
		"Secret.Format":                       func() []any { return []any{verbState{}, 'v'} },
	}
	s.functions = map[string]func(ctx context.Context) error{
		"Next": func(ctx context.Context) error {
			return second(client.Next(ctx, bot, func(client.CommentAdded) bool { return false }))
		},
		"Stream": func(ctx context.Context) error {
			for range client.Stream[client.GuestEmbed](ctx, room) {
				continue
			}
			return context.Cause(ctx) // it has no other way to say so
		},
		"On": func(context.Context) error {
			client.On(bot, func(context.Context, client.Event) error { return nil })()
			return nil
		},
		"Find": func(context.Context) error {
			client.Find(room.Members().Values(), matchMember)
			return nil
		},
	}
	return s
}

// calls lists the surface, sorted by name.
func (s *surface) calls(t *testing.T) []publicCall {
	t.Helper()
	calls := map[string]publicCall{}
	for owner, receiver := range s.receivers {
		typ := reflect.TypeOf(receiver())
		for m := range typ.Methods() {
			name := owner + "." + m.Name
			takesContext := m.Type.NumIn() > 1 && m.Type.In(1) == contextType
			calls[name] = publicCall{name, takesContext, func(ctx context.Context) error {
				v := reflect.ValueOf(receiver())
				if name == "Client.Connect" {
					v = reflect.ValueOf(s.second)
				}
				return outcome(v.MethodByName(m.Name).Call(s.argumentsOf(ctx, t, name, m.Type)))
			}}
			s.argumentsOf(t.Context(), t, name, m.Type) // fails here if there are none
		}
	}
	for name, f := range s.functions {
		calls[name] = publicCall{name, name == "Next" || name == "Stream", f}
	}
	return slices.SortedFunc(maps.Values(calls), func(a, b publicCall) int { return strings.Compare(a.name, b.name) })
}

// argumentsOf makes the arguments of a method; of a variadic one, a single element if there is one of its type.
func (s *surface) argumentsOf(ctx context.Context, t *testing.T, name string, method reflect.Type) []reflect.Value {
	t.Helper()
	var args []reflect.Value
	first := 1 // after the receiver
	if first < method.NumIn() && method.In(first) == contextType {
		args = append(args, reflect.ValueOf(ctx))
		first++
	}
	if special, ok := s.special[name]; ok {
		for _, v := range special() {
			args = append(args, reflect.ValueOf(v))
		}
		return args
	}
	for i := first; i < method.NumIn(); i++ {
		typ := method.In(i)
		variadic := method.IsVariadic() && i == method.NumIn()-1
		if variadic {
			typ = typ.Elem()
		}
		v, ok := s.argument(typ)
		switch {
		case ok:
			args = append(args, v)
		case !variadic:
			t.Fatalf("%s: the surface has no argument of type %s", name, typ)
		}
	}
	return args
}

// argument makes an argument of a type: one that is listed, a receiver of that type, or a slice of one of either.
func (s *surface) argument(typ reflect.Type) (reflect.Value, bool) {
	if known, ok := s.arguments[typ]; ok {
		return reflect.ValueOf(known()), true
	}
	for _, receiver := range s.receivers {
		if v := receiver(); reflect.TypeOf(v) == typ {
			return reflect.ValueOf(v), true
		}
	}
	if typ.Kind() == reflect.Slice {
		if v, ok := s.argument(typ.Elem()); ok {
			return reflect.Append(reflect.MakeSlice(typ, 0, 1), v), true
		}
	}
	return reflect.Value{}, false
}

// outcome returns the error among the results of a call. A sequence is read to its end, of which the first 500 rows
// are enough.
func outcome(results []reflect.Value) error {
	for _, v := range results {
		switch {
		case v.Type() == errorType:
			err, _ := reflect.TypeAssert[error](v)
			return err
		case v.Kind() == reflect.Func && v.Type().CanSeq2():
			n := 0
			for _, second := range v.Seq2() {
				if n++; n > 500 {
					return nil
				}
				if err, failed := reflect.TypeAssert[error](second); failed {
					return err
				}
			}
		case v.Kind() == reflect.Func && v.Type().CanSeq():
			for range v.Seq() {
				continue
			}
		}
	}
	return nil
}

// verbState is what fmt hands to a Formatter: a verb without flags, whose text nobody reads.
type verbState struct{}

func (verbState) Write(p []byte) (int, error) { return len(p), nil }

func (verbState) Width() (width int, ok bool) { return 0, false }

func (verbState) Precision() (prec int, ok bool) { return 0, false }

func (verbState) Flag(int) bool { return false }

// pureFunctions are the exported functions that touch no client.
var pureFunctions = []string{
	"FileSession", "FormatSongLength", "MarshalEvent", "Millis", "New", "ParseMedia", "ParseTimestamp", "Quote", "TimeFromMillis", "UnmarshalEvent",
}

// The surface has every method of every exported type, and every function that has to do with a client.
func TestSurface_isWhole(t *testing.T) {
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		known := map[string]bool{}
		withContext := 0
		for _, call := range newSurface(t, server, client.WithRateLimit(0, 0)).calls(t) {
			known[call.name] = true
			if call.ctx {
				withContext++
			}
		}
		if withContext < 100 {
			t.Errorf("%d calls with a context", withContext)
		}
		t.Logf("%d calls, %d with a context", len(known), withContext)
		files := parseFolder(t, ".", func(name string) bool { return !strings.HasSuffix(name, "_test.go") })
		for _, file := range files {
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || !f.Name.IsExported() {
					continue
				}
				name := f.Name.Name
				if f.Recv != nil {
					owner := typeName(f.Recv.List[0].Type)
					if !ast.IsExported(owner) { // it is found where it is embedded
						continue
					}
					name = owner + "." + name
				} else if slices.Contains(pureFunctions, name) || makesOption(f) {
					continue
				}
				if !known[name] {
					t.Errorf("%s is not part of the surface: give newSurface what it needs", name)
				}
			}
		}
	}, queuptest.WithWorld(twoRooms()))
}

// makesOption reports whether a function returns an option.
func makesOption(f *ast.FuncDecl) bool {
	return f.Type.Results != nil && strings.HasSuffix(typeName(f.Type.Results.List[0].Type), "Option")
}
