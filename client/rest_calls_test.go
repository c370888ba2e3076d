package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/queuptest"
)

const (
	png = "\x89PNG\x0D\x0A\x1A\x0A..."
	gif = "GIF89a..."
)

// Each call sends what docs/PROTOCOL.md 2 says, and a refusal by QueUp comes back as what it is.
func TestCalls_sendAndAreRefused(t *testing.T) {
	const comment = `{"_id":"c1","comment":"nice","userid":"65b2a1c0d4e8b90012ab0002"}`
	const conversation = `{"_id":"v1","usersid":["65b2a1c0d4e8b90012ab0002"]}`
	type (
		call    = func(ctx context.Context, bot *client.Client) error
		example struct {
			act  call
			op   string
			sent string
			data string
		}
	)
	tests := map[string]example{
		"a user": {
			func(ctx context.Context, bot *client.Client) error { return second(bot.FetchUser(ctx, "late/night")) },
			"user", "GET /user/late%2Fnight", `{"_id":"65b2a1c0d4e8b90012ab0002","username":"late/night"}`,
		},
		"is a name free": {
			func(ctx context.Context, bot *client.Client) error {
				return second(bot.UsernameAvailable(ctx, "mix-master_2.0"))
			},
			"usernameAvailability", "GET /user/query/availabilty?username=mix-master_2.0", `{"username":"mix-master_2.0","taken":false}`,
		},
		"another name": {
			func(ctx context.Context, bot *client.Client) error {
				return login(t, bot).ChangeUsername(ctx, "nightowl")
			},
			"updateUsername", "POST /user/updateUsername form username=nightowl", `{"username":"nightowl"}`,
		},
		"a picture": {
			func(ctx context.Context, bot *client.Client) error {
				return second(login(t, bot).UploadAvatar(ctx, "me.png", strings.NewReader(png)))
			},
			"uploadUserImage", "POST /user/image file image me.png image/png " + png, `{"profileImage":{"url":"http://img.example/new.png"}}`,
		},
		"a moving picture": {
			func(ctx context.Context, bot *client.Client) error {
				return second(login(t, bot).UploadAvatar(ctx, "me.gif", strings.NewReader(gif)))
			},
			"uploadUserGIF", "POST /user/imagegif form image=R0lGODlhLi4u&type=base64", `{"profileImage":{"url":"http://img.example/new.gif"}}`,
		},
		"follow": {
			func(ctx context.Context, bot *client.Client) error { return bot.Follow(ctx, alice) },
			"follow", "POST /user/65b2a1c0d4e8b90012ab0002/following", `{}`,
		},
		"follow a user": {
			func(ctx context.Context, bot *client.Client) error { return login(t, bot).Follow(ctx) },
			"follow", "POST /user/65b2a1c0d4e8b90012ab0001/following", `{}`,
		},
		"unfollow": {
			func(ctx context.Context, bot *client.Client) error { return bot.Unfollow(ctx, alice) },
			"unfollow", "DELETE /user/65b2a1c0d4e8b90012ab0002/following", `{}`,
		},
		"unfollow a user": {
			func(ctx context.Context, bot *client.Client) error { return login(t, bot).Unfollow(ctx) },
			"unfollow", "DELETE /user/65b2a1c0d4e8b90012ab0001/following", `{}`,
		},
		"followers": {
			func(ctx context.Context, bot *client.Client) error { return second(bot.Followers(ctx, alice)) },
			"followers", "GET /user/65b2a1c0d4e8b90012ab0002/following", `[]`,
		},
		"followers of a user": {
			func(ctx context.Context, bot *client.Client) error { return second(login(t, bot).Followers(ctx)) },
			"followers", "GET /user/65b2a1c0d4e8b90012ab0001/following", `[]`,
		},
		"following": {
			func(ctx context.Context, bot *client.Client) error { return second(bot.Following(ctx, alice)) },
			"followedUsers", "GET /user/65b2a1c0d4e8b90012ab0002/follows", `[]`,
		},
		"followed by a user": {
			func(ctx context.Context, bot *client.Client) error { return second(login(t, bot).Following(ctx)) },
			"followedUsers", "GET /user/65b2a1c0d4e8b90012ab0001/follows", `[]`,
		},
		"search": {
			func(ctx context.Context, bot *client.Client) error {
				_, _, err := bot.Search(ctx, "night & day")
				return err
			},
			"search", "GET /search?query=night+%26+day", `{"rooms":[],"users":[]}`,
		},
		"a song": {
			func(ctx context.Context, bot *client.Client) error { return second(bot.FetchSong(ctx, nightRide)) },
			"song", "GET /song/65e5d4f3071bec0015de0001", `{"_id":"65e5d4f3071bec0015de0001","name":"Night Ride","type":"youtube","fkid":"x"}`,
		},
		"song search": {
			func(ctx context.Context, bot *client.Client) error {
				return first(bot.SearchSongs(ctx, "night ride", client.SoundCloud))
			},
			"searchSongs", "GET /song?details=1&name=night+ride&nextPageToken=&type=soundcloud", `{"items":[]}`,
		},
		"comments": {
			func(ctx context.Context, bot *client.Client) error { return second(bot.Comments(ctx, nightRide)) },
			"songComments", "GET /song/65e5d4f3071bec0015de0001/comments", `[]`,
		},
		"comment": {
			func(ctx context.Context, bot *client.Client) error {
				return second(bot.AddComment(ctx, nightRide, " nice & slow\n"))
			},
			"addComment", `POST /song/65e5d4f3071bec0015de0001/comments json {"comment":"nice & slow"}`, comment,
		},
		"delete a comment": {
			func(ctx context.Context, bot *client.Client) error { return bot.DeleteComment(ctx, nightRide, "c1") },
			"deleteComment", "DELETE /song/65e5d4f3071bec0015de0001/comments/c1", `{}`,
		},
		"vote for a comment": {
			func(ctx context.Context, bot *client.Client) error { return second(bot.VoteComment(ctx, "c1", true)) },
			"voteComment", "POST /comments/c1/dubs form type=updub", `{"comment":` + comment + `}`,
		},
		"vote against a comment": {
			func(ctx context.Context, bot *client.Client) error { return second(bot.VoteComment(ctx, "c1", false)) },
			"voteComment", "POST /comments/c1/dubs form type=downdub", `{"comment":` + comment + `}`,
		},
		"flag a comment": {
			func(ctx context.Context, bot *client.Client) error { return bot.FlagComment(ctx, "c1") },
			"flagComment", "POST /comments/c1/flag", `{}`,
		},
		"a new playlist": {
			func(ctx context.Context, bot *client.Client) error {
				return second(bot.CreatePlaylist(ctx, "early hours"))
			},
			"createPlaylist", `POST /playlist json {"name":"early hours"}`, `{"_id":"p2","name":"early hours"}`,
		},
		"rename a playlist": {
			func(ctx context.Context, bot *client.Client) error {
				return playlist(t, bot).Rename(ctx, "early & late")
			},
			"renamePlaylist", "PUT /playlist/6600f0a51d2c8e0015aa0001 form name=early & late", `{}`,
		},
		"delete a playlist": {
			func(ctx context.Context, bot *client.Client) error { return playlist(t, bot).Delete(ctx) },
			"deletePlaylist", "DELETE /playlist/6600f0a51d2c8e0015aa0001", `{}`,
		},
		"songs of a playlist": {
			func(ctx context.Context, bot *client.Client) error { return first(playlist(t, bot).Songs(ctx, "")) },
			"playlistSongs", "GET /playlist/6600f0a51d2c8e0015aa0001/songs?name=&page=1", `[]`,
		},
		"some songs of a playlist": {
			func(ctx context.Context, bot *client.Client) error { return first(playlist(t, bot).Songs(ctx, "ride")) },
			"playlistSongs", "GET /playlist/6600f0a51d2c8e0015aa0001/songs?name=ride&page=1", `[]`,
		},
		"add media": {
			func(ctx context.Context, bot *client.Client) error {
				return second(playlist(t, bot).Add(ctx, client.YouTube, "x"))
			},
			"addPlaylistSong", `POST /playlist/6600f0a51d2c8e0015aa0001/songs json {"fkid":"x","type":"youtube"}`, `{}`,
		},
		"add a song": {
			func(ctx context.Context, bot *client.Client) error {
				return second(playlist(t, bot).AddSong(ctx, nightRide))
			},
			"addPlaylistSong", `POST /playlist/6600f0a51d2c8e0015aa0001/songs json {"songid":"65e5d4f3071bec0015de0001"}`, `{}`,
		},
		"remove a song": {
			func(ctx context.Context, bot *client.Client) error { return second(playlist(t, bot).Remove(ctx, "e1")) },
			"removePlaylistSong", "DELETE /playlist/6600f0a51d2c8e0015aa0001/songs/e1", `{}`,
		},
		"reorder a playlist": {
			func(ctx context.Context, bot *client.Client) error {
				return playlist(t, bot).Reorder(ctx, []client.PlaylistSongID{"e2", "e1"})
			},
			"reorderPlaylist", "POST /playlist/6600f0a51d2c8e0015aa0001/order form order[]=e2&order[]=e1", `{}`,
		},
		"shuffle a playlist": {
			func(ctx context.Context, bot *client.Client) error { return playlist(t, bot).Shuffle(ctx) },
			"shufflePlaylist", "POST /playlist/6600f0a51d2c8e0015aa0001/order/randomize", `{}`,
		},
		"playlists at SoundCloud": {
			func(ctx context.Context, bot *client.Client) error {
				return second(bot.SoundCloudPlaylists(ctx, "dj night"))
			},
			"soundCloudPlaylists", "GET /playlist/soundcloud?username=dj+night", `[]`,
		},
		"import from YouTube": {
			func(ctx context.Context, bot *client.Client) error {
				return second(bot.ImportYouTubePlaylist(ctx, "PL1", ""))
			},
			"importYouTubePlaylist", "POST /playlist/import/youtube form id=&yt_playlistid=PL1", `{"_id":"p2"}`,
		},
		"import from SoundCloud": {
			func(ctx context.Context, bot *client.Client) error {
				return second(bot.ImportSoundCloudPlaylist(ctx, "123", lateHours))
			},
			"importSoundCloudPlaylist", "POST /playlist/import/soundcloud form id=6600f0a51d2c8e0015aa0001&playlistid=123", `{"_id":"6600f0a51d2c8e0015aa0001"}`,
		},
		"open a conversation": {
			func(ctx context.Context, bot *client.Client) error {
				return second(bot.OpenConversation(ctx, bob, alice, bob))
			},
			"openConversation", "POST /message form usersid[]=65b2a1c0d4e8b90012ab0002&usersid[]=65b2a1c0d4e8b90012ab0003", conversation,
		},
		"how many are unread": {
			func(ctx context.Context, bot *client.Client) error { return second(bot.UnreadCount(ctx)) },
			"unreadCount", "GET /message/new", `3`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var sent string
			answers := func(good answer) site {
				return func(req *http.Request) answer {
					if a, found := account(req); found {
						return a
					}
					sent = written(t, req)
					return good
				}
			}
			bot := newClient(t, answers(ok(tt.data)))
			if err := tt.act(t.Context(), bot); err != nil || sent != tt.sent {
				t.Errorf("sent %q, want %q; %v", sent, tt.sent, err)
			}
			refused := newClient(t, answers(answer{status: 403, body: `{"code":403,"data":{"err":{"details":{"message":"not for you"}}}}`}))
			err := tt.act(t.Context(), refused)
			if refusal, isAPI := errors.AsType[*client.APIError](err); !isAPI || refusal.Op != tt.op || !errors.Is(err, client.ErrForbidden) || !strings.Contains(err.Error(), "not for you") {
				t.Errorf("a refusal is %v", err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(errGoingHome)
			sent = ""
			if err := tt.act(ctx, bot); !errors.Is(err, errGoingHome) && name != "a song" && name != "open a conversation" || sent != "" {
				t.Errorf("with a context that has ended: %v, sent %q", err, sent)
			}
		})
	}
}

// Nothing leaves for an argument that cannot be right.
func TestCalls_checkTheirArguments(t *testing.T) {
	long := strings.Repeat("x", 101)
	type call = func(ctx context.Context, bot *client.Client) error
	tests := map[string]struct {
		act      call
		argument string
	}{
		"no user":             {func(ctx context.Context, bot *client.Client) error { return second(bot.FetchUser(ctx, " ")) }, "idOrName"},
		"no name to look for": {func(ctx context.Context, bot *client.Client) error { return second(bot.UsernameAvailable(ctx, "")) }, "name"},
		"no new name":         {func(ctx context.Context, bot *client.Client) error { return login(t, bot).ChangeUsername(ctx, "") }, "name"},
		"a name with a space": {func(ctx context.Context, bot *client.Client) error {
			return login(t, bot).ChangeUsername(ctx, "night owl")
		}, "name"},
		"a long name": {func(ctx context.Context, bot *client.Client) error {
			return login(t, bot).ChangeUsername(ctx, long[:31])
		}, "name"},
		"follow nobody":       {func(ctx context.Context, bot *client.Client) error { return bot.Follow(ctx, "") }, "u"},
		"unfollow nobody":     {func(ctx context.Context, bot *client.Client) error { return bot.Unfollow(ctx, "") }, "u"},
		"followers of nobody": {func(ctx context.Context, bot *client.Client) error { return second(bot.Followers(ctx, "")) }, "u"},
		"followed by nobody":  {func(ctx context.Context, bot *client.Client) error { return second(bot.Following(ctx, "")) }, "u"},
		"search for nothing":  {func(ctx context.Context, bot *client.Client) error { _, _, err := bot.Search(ctx, "\t"); return err }, "text"},
		"no song":             {func(ctx context.Context, bot *client.Client) error { return second(bot.FetchSong(ctx, "")) }, "id"},
		"link of no song":     {func(ctx context.Context, bot *client.Client) error { return second(bot.SongLink(ctx, "")) }, "id"},
		"song search for naught": {func(ctx context.Context, bot *client.Client) error {
			return first(bot.SearchSongs(ctx, "", client.YouTube))
		}, "text"},
		"song search nowhere": {func(ctx context.Context, bot *client.Client) error {
			return first(bot.SearchSongs(ctx, "x", "spotify"))
		}, "provider"},
		"comments on nothing": {func(ctx context.Context, bot *client.Client) error { return second(bot.Comments(ctx, "")) }, "song"},
		"comment on nothing":  {func(ctx context.Context, bot *client.Client) error { return second(bot.AddComment(ctx, "", "x")) }, "song"},
		"an empty comment": {func(ctx context.Context, bot *client.Client) error {
			return second(bot.AddComment(ctx, nightRide, " "))
		}, "text"},
		"delete no comment":    {func(ctx context.Context, bot *client.Client) error { return bot.DeleteComment(ctx, nightRide, "") }, "id"},
		"delete on nothing":    {func(ctx context.Context, bot *client.Client) error { return bot.DeleteComment(ctx, "", "c1") }, "song"},
		"vote for no comment":  {func(ctx context.Context, bot *client.Client) error { return second(bot.VoteComment(ctx, "", true)) }, "id"},
		"flag no comment":      {func(ctx context.Context, bot *client.Client) error { return bot.FlagComment(ctx, "") }, "id"},
		"a nameless playlist":  {func(ctx context.Context, bot *client.Client) error { return second(bot.CreatePlaylist(ctx, " ")) }, "name"},
		"a long playlist name": {func(ctx context.Context, bot *client.Client) error { return second(bot.CreatePlaylist(ctx, long)) }, "name"},
		"rename to nothing":    {func(ctx context.Context, bot *client.Client) error { return playlist(t, bot).Rename(ctx, "") }, "name"},
		"add from elsewhere": {func(ctx context.Context, bot *client.Client) error {
			return second(playlist(t, bot).Add(ctx, "spotify", "x"))
		}, "provider"},
		"add no media": {func(ctx context.Context, bot *client.Client) error {
			return second(playlist(t, bot).Add(ctx, client.YouTube, ""))
		}, "mediaID"},
		"add no song":     {func(ctx context.Context, bot *client.Client) error { return second(playlist(t, bot).AddSong(ctx, "")) }, "song"},
		"remove nothing":  {func(ctx context.Context, bot *client.Client) error { return second(playlist(t, bot).Remove(ctx, "")) }, "entry"},
		"reorder nothing": {func(ctx context.Context, bot *client.Client) error { return playlist(t, bot).Reorder(ctx, nil) }, "ids"},
		"reorder one too few": {func(ctx context.Context, bot *client.Client) error {
			return playlist(t, bot).Reorder(ctx, []client.PlaylistSongID{"e1"})
		}, "ids"},
		"reorder one twice": {func(ctx context.Context, bot *client.Client) error {
			return playlist(t, bot).Reorder(ctx, []client.PlaylistSongID{"e1", "e1"})
		}, "ids"},
		"reorder an empty id": {func(ctx context.Context, bot *client.Client) error {
			return playlist(t, bot).Reorder(ctx, []client.PlaylistSongID{"e1", ""})
		}, "ids"},
		"playlists of nobody": {func(ctx context.Context, bot *client.Client) error { return second(bot.SoundCloudPlaylists(ctx, "")) }, "username"},
		"import nothing": {func(ctx context.Context, bot *client.Client) error {
			return second(bot.ImportYouTubePlaylist(ctx, "", lateHours))
		}, "mediaID"},
		"import naught": {func(ctx context.Context, bot *client.Client) error {
			return second(bot.ImportSoundCloudPlaylist(ctx, "", ""))
		}, "mediaID"},
		"talk to nobody": {func(ctx context.Context, bot *client.Client) error { return second(bot.OpenConversation(ctx)) }, "users"},
		"talk to an empty id": {func(ctx context.Context, bot *client.Client) error {
			return second(bot.OpenConversation(ctx, alice, ""))
		}, "users"},
		"talk to oneself": {func(ctx context.Context, bot *client.Client) error {
			return second(login(t, bot).OpenConversation(ctx))
		}, "users"},
		"talk to eleven people": {func(ctx context.Context, bot *client.Client) error {
			return second(bot.OpenConversation(ctx, people(11)...))
		}, "users"},
		"a picture without a name": {func(ctx context.Context, bot *client.Client) error {
			return second(login(t, bot).UploadAvatar(ctx, "", strings.NewReader(png)))
		}, "name"},
		"a picture with two lines": {func(ctx context.Context, bot *client.Client) error {
			return second(login(t, bot).UploadAvatar(ctx, "a\r\nb.png", strings.NewReader(png)))
		}, "name"},
		"no picture": {func(ctx context.Context, bot *client.Client) error {
			return second(login(t, bot).UploadAvatar(ctx, "a.png", nil))
		}, "picture"},
		"an empty picture": {func(ctx context.Context, bot *client.Client) error {
			return second(login(t, bot).UploadAvatar(ctx, "a.png", strings.NewReader("")))
		}, "picture"},
		"a text": {func(ctx context.Context, bot *client.Client) error {
			return second(login(t, bot).UploadAvatar(ctx, "a.png", strings.NewReader("<html>")))
		}, "picture"},
		"a huge picture": {func(ctx context.Context, bot *client.Client) error {
			return second(login(t, bot).UploadAvatar(ctx, "a.png", io.MultiReader(strings.NewReader(png), strings.NewReader(strings.Repeat("x", 10<<20)))))
		}, "picture"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bot := newClient(t, func(req *http.Request) answer {
				a, found := account(req)
				if !found {
					t.Errorf("sent %s", written(t, req))
				}
				return a
			})
			err := tt.act(t.Context(), bot)
			if wrong, is := errors.AsType[*client.ArgumentError](err); !is || wrong.Argument != tt.argument {
				t.Errorf("err = %v, want an *ArgumentError about %s", err, tt.argument)
			}
		})
	}
}

// Values that no client made say so instead of reaching for one.
func TestValues_withoutAClient(t *testing.T) {
	ctx := t.Context()
	var (
		account      client.AuthenticatedUser
		user         client.User
		list         client.Playlist
		entry        client.PlaylistSong
		comment      client.Comment
		follow       client.Follow
		message      client.Message
		conversation client.Conversation
	)
	errs := map[string]error{
		"AuthenticatedUser.ChangeUsername": account.ChangeUsername(ctx, "x"),
		"AuthenticatedUser.UploadAvatar":   second(account.UploadAvatar(ctx, "x.png", strings.NewReader(png))),
		"User.Follow":                      user.Follow(ctx),
		"User.Unfollow":                    user.Unfollow(ctx),
		"User.Followers":                   second(user.Followers(ctx)),
		"User.Following":                   second(user.Following(ctx)),
		"User.OpenConversation":            second(user.OpenConversation(ctx)),
		"Playlist.Songs":                   first(list.Songs(ctx, "")),
		"Playlist.Rename":                  list.Rename(ctx, "x"),
		"Playlist.Delete":                  list.Delete(ctx),
		"Playlist.Add":                     second(list.Add(ctx, client.YouTube, "x")),
		"Playlist.AddSong":                 second(list.AddSong(ctx, "x")),
		"Playlist.Remove":                  second(list.Remove(ctx, "x")),
		"Playlist.Reorder":                 list.Reorder(ctx, []client.PlaylistSongID{"x"}),
		"Playlist.Shuffle":                 list.Shuffle(ctx),
		"Comment.Delete":                   comment.Delete(ctx),
		"Comment.Vote":                     second(comment.Vote(ctx, true)),
		"Comment.Flag":                     comment.Flag(ctx),
		"Conversation.Fetch":               second(conversation.Fetch(ctx)),
		"Conversation.SendMessage":         second(conversation.SendMessage(ctx, "x")),
		"Conversation.MarkAsRead":          conversation.MarkAsRead(ctx),
	}
	for name, err := range errs {
		if !errors.Is(err, client.ErrDetached) {
			t.Errorf("%s = %v", name, err)
		}
	}
	misses := map[string]bool{}
	_, misses["Playlist.Owner"] = list.Owner()
	_, misses["PlaylistSong.Info"] = entry.Info()
	_, misses["Comment.Author"] = comment.Author()
	_, misses["Follow.Follower"] = follow.Follower()
	_, misses["Follow.Followed"] = follow.Followed()
	_, misses["Message.Conversation"] = message.Conversation()
	_, misses["ByRecipients"] = new(client.ConversationCollection).ByRecipients(alice)
	for name, found := range misses {
		if found {
			t.Errorf("%s of a zero value finds something", name)
		}
	}
	if conversation.ID() != "" || conversation.String() != "" || len(conversation.Recipients()) != 0 || conversation.HasRead("") {
		t.Error("a zero conversation knows something")
	}
}

// These tests hold what our requests have in common with those of the clients that worked on the live service.
// Source: docs/PROTOCOL.md 2.

// A join reads the room once. Of rooms that are joined at the same time two are entered at a time.
func TestJoinRoom_readsTheRoomOnce(t *testing.T) {
	var mu sync.Mutex
	var entering, most int
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		bot := connect(t, server, "bot")
		before := len(requests(server))
		var joins sync.WaitGroup
		for _, room := range crowded(30, 30, 30, 30, 30).Rooms {
			joins.Go(func() { must(bot.JoinRoom(t.Context(), room.Slug))(t) })
		}
		joins.Wait()
		reads := 0
		for _, call := range requests(server)[before:] {
			if path, get := strings.CutPrefix(call, "GET /room/"); get && !strings.Contains(path, "/") {
				reads++
			}
		}
		if reads != 5 {
			t.Errorf("five joins read their rooms %d times", reads)
		}
		if most != 2 {
			t.Errorf("%d rooms were entered at a time, want 2", most)
		}
	}, queuptest.WithWorld(crowded(30, 30, 30, 30, 30)), intercept(http.MethodPost, "/users", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		mu.Lock()
		entering++
		most = max(most, entering)
		mu.Unlock()
		time.Sleep(time.Second)
		next.ServeHTTP(w, req)
		mu.Lock()
		entering--
		mu.Unlock()
	}))
}

// DA, BT, NUCO, FE and DTM say which answers they take.
func TestRequests_sayWhatTheyAccept(t *testing.T) {
	bot := newClient(t, func(req *http.Request) answer {
		if accept := req.Header.Get("Accept"); accept != "application/json" {
			t.Errorf("%s %s has Accept %q", req.Method, req.URL.Path, accept)
		}
		return ok(`{}`)
	})
	_ = fetchRoom(t.Context(), bot)
	_ = bot.Login(t.Context(), "mixmaster", canary.Password)
}

// FE begins a room with 120 minutes and every switch on; a literal that leaves them out must not turn them off.
func TestCreateRoom_leavesUnsetSettingsOut(t *testing.T) {
	for name, c := range map[string]struct {
		settings client.RoomSettings
		want     string
	}{
		"a name":   {client.RoomSettings{Name: "Night"}, `{"name":"Night"}`},
		"some set": {client.RoomSettings{Name: "Night", Private: true, MaxSongLength: 10 * time.Minute, LockQueue: true}, `{"name":"Night","roomDisplay":"private","maxLengthSong":10,"lockQueue":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			sent := ""
			bot := newClient(t, func(req *http.Request) answer {
				if req.Method == http.MethodPost && req.URL.Path == "/room" {
					body, _ := io.ReadAll(req.Body)
					sent = string(body)
				}
				return ok(`{"_id":"65a1f0c2d4e8b90012ab34cd","roomUrl":"night","username":"mixmaster"}`)
			})
			must(bot.CreateRoom(t.Context(), c.settings))(t)
			if sent != c.want {
				t.Errorf("sent %s, want %s", sent, c.want)
			}
		})
	}
}

// FE and DA delete a line without a body.
func TestDeleteMessage_hasNoBody(t *testing.T) {
	bodies := make(chan string, 1)
	inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
		_, room := joinLounge(t, server, "bot")
		m := must(room.SendMessage(t.Context(), "hello"))(t)
		if err := m.Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
		if body := <-bodies; body != "" {
			t.Errorf("the body is %q", body)
		}
	}, intercept(http.MethodDelete, "/chat/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		body, _ := io.ReadAll(req.Body)
		bodies <- string(body) + req.Header.Get("Content-Type")
		next.ServeHTTP(w, req)
	}))
}

// FE strips a term to letters, digits and blanks.
func TestSearchRooms_sendsLettersDigitsAndBlanks(t *testing.T) {
	for text, want := range map[string]string{
		"night room":         "/room/term/night room",
		" rock'n'roll/80s! ": "/room/term/rocknroll80s",
		"ümläut":             "/room/term/ümläut",
	} {
		path := ""
		bot := newClient(t, func(req *http.Request) answer {
			path = req.URL.Path
			return ok(`[]`)
		})
		for _, err := range bot.SearchRooms(t.Context(), text) {
			t.Error(err)
		}
		if path != want {
			t.Errorf("%q asks for %q, want %q", text, path, want)
		}
	}
	bot := newClient(t, func(*http.Request) answer { t.Error("a request was sent"); return ok(`[]`) })
	for _, err := range bot.SearchRooms(t.Context(), " !? ") {
		if !isArgument(err) {
			t.Errorf("err = %v, want an *ArgumentError", err)
		}
	}
}

// WSC and ABOT send the clientId with the token it belongs to. A guest has a new token, and so another id.
func TestReconnect_guestsSendNoOldClientID(t *testing.T) {
	for name, guest := range map[string]bool{"guest": true, "account": false} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var ids []string
			inBubbleWith(t, func(t *testing.T, server *queuptest.Server) {
				bot := newBot(t, server, client.WithGuest())
				if !guest {
					if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
						t.Fatal(err)
					}
				}
				if err := bot.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				server.CutLinks()
				settle(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if len(ids) != 2 || ids[0] != "" || (ids[1] == "") != guest {
					t.Errorf("the links asked for the client ids %q", ids)
				}
			}, intercept(http.MethodGet, "/ws/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				mu.Lock()
				ids = append(ids, req.URL.Query().Get("clientId"))
				mu.Unlock()
				next.ServeHTTP(w, req)
			}))
		})
	}
}

// ABOT shows a clientId of 32 digits. It is reason for one login in a session, and its refusal does not end the bot.
func TestConnect_tokenWithAForeignClientID(t *testing.T) {
	for name, refuse := range map[string]bool{"login works": false, "login refused": true} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			logins := 0
			synctest.Test(t, func(t *testing.T) {
				server := queuptest.NewServer(queuptest.InMemory(),
					intercept(http.MethodGet, "/auth/token", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
						answer := httptest.NewRecorder()
						next.ServeHTTP(answer, req)
						_, token, _ := strings.Cut(answer.Body.String(), `"token":"`)
						token, _, _ = strings.Cut(token, `"`)
						w.Header().Set("Content-Type", "application/json")
						_, _ = fmt.Fprintf(w, `{"code":200,"message":"OK","data":{"action":17,"token":%q,"clientId":"00112233445566778899aabbccddeeff"}}`, token)
					}),
					intercept(http.MethodPost, "/auth/login", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
						mu.Lock()
						logins++
						again := logins > 1
						mu.Unlock()
						if again && refuse {
							w.Header().Set("Content-Type", "application/json")
							w.WriteHeader(http.StatusUnauthorized)
							_, _ = io.WriteString(w, `{"code":401,"message":"Unauthorized","data":{}}`)
							return
						}
						next.ServeHTTP(w, req)
					}))
				defer server.Close()
				bot, room := joinLounge(t, server, "bot")
				for range 5 {
					server.CutLinks()
					settle(time.Minute)
				}
				if err := room.Updub(t.Context()); err != nil {
					t.Errorf("the bot is gone: %v", err)
				}
				if logins != 2 {
					t.Errorf("%d logins, want the first and one more", logins)
				}
				if health := bot.Health(); health.Reconnects != 5 {
					t.Errorf("%d reconnects, want 5", health.Reconnects)
				}
			})
		})
	}
}

// What is read without joining needs no login either.
func TestFetchRoom_withoutALogin(t *testing.T) {
	inBubble(t, func(t *testing.T, server *queuptest.Server) {
		nobody := newBot(t, server, client.WithRateLimit(0, 0))
		room, err := nobody.FetchRoom(t.Context(), "lounge")
		if err != nil {
			t.Fatal(err)
		}
		members, err := room.FetchMembers(t.Context())
		if err != nil || len(members) != 5 {
			t.Errorf("members %v, %v", members, err)
		}
		staff, err := room.FetchStaff(t.Context())
		if err != nil || len(staff) == 0 {
			t.Errorf("staff %v, %v", staff, err)
		}
		if _, err := room.FetchBanned(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := room.AuditLog(t.Context()); err != nil {
			t.Error(err)
		}
		plays := 0
		for _, err := range room.History(t.Context()) {
			if plays++; err != nil {
				t.Fatal(err)
			}
		}
		if plays != 45 {
			t.Errorf("%d plays in the history", plays)
		}
		if err := room.Kick(t.Context(), members[0].UserID, ""); !errors.Is(err, client.ErrNotJoined) {
			t.Errorf("acting = %v", err)
		}
	})
}
