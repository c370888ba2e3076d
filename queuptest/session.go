package queuptest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/queupserver"
)

// cookieName is that of express-session, the only name anyone has seen; see docs/PROTOCOL.md 1.2.
const cookieName = "connect.sid"

// call is what an operation needs to know of its HTTP request, and may change of the answer.
type call struct {
	w       http.ResponseWriter
	session string   // the key of the session, empty if there is none
	account *account // who is logged in, nil if nobody is
	log     *exchange
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// begin starts a session and sets its cookie.
func (c *call) begin(s *state, a *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.session != "" {
		s.sessions.remove(c.session)
	}
	c.session, c.account = "s:"+s.secret(s.id(idSession)), a
	s.sessions.put(c.session, a)
	http.SetCookie(c.w, &http.Cookie{ //nolint:gosec // not Secure: this is plain HTTP on the loopback
		Name: cookieName, Value: url.QueryEscape(c.session), Path: "/", HttpOnly: true,
	})
	c.log.user(a.name)
}

// end ends the session, if there is one.
func (c *call) end(s *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.remove(c.session)
}

// session finds the session of a request.
func (s *state) session(r *http.Request) (key string, a *account) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return "", nil
	}
	key, err = url.QueryUnescape(cookie.Value)
	if err != nil {
		return "", nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.sessions.get(key)
	if !ok {
		return "", nil
	}
	return key, a
}

// secret makes what follows an id in a cookie or a token. It depends on the id alone, so that runs can be compared.
func (s *state) secret(id string) string {
	sum := sha256.Sum256([]byte("queuptest " + id))
	return cookiePrefix + id + "." + base64.RawURLEncoding.EncodeToString(sum[:])
}

// newToken makes a token for the websocket in the form of a JSON Web Token, for a guest if a is nil. The caller holds s.mu.
func (s *state) newToken(a *account, now time.Time) (token, clientID string) {
	clientID = s.id(idGuest)
	if a != nil {
		clientID = string(a.id)
	}
	socket := s.id(idSocket)
	var e jx.Encoder
	e.Obj(func(e *jx.Encoder) {
		e.Field("clientId", func(e *jx.Encoder) { e.Str(clientID) })
		e.Field("socketId", func(e *jx.Encoder) { e.Str(socket) })
		e.Field("serverId", func(e *jx.Encoder) { e.Str("queuptest") })
		e.Field("isGuest", func(e *jx.Encoder) { e.Bool(a == nil) })
		e.Field("project", func(e *jx.Encoder) { e.Str("queup") })
		e.Field("iat", func(e *jx.Encoder) { e.Int64(now.Unix()) })
	})
	_, signature, _ := strings.Cut(s.secret(socket), ".")
	token = tokenHeader + "." + base64.RawURLEncoding.EncodeToString(e.Bytes()) + "." + tokenPrefix + signature
	s.tokens.put(token, identity{account: a, clientID: clientID})
	return token, clientID
}

// tokenHeader is {"alg":"HS256","typ":"JWT"}.
const tokenHeader = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

// protected are the operations that need a session. That the queue does was seen in 2015, see docs/PROTOCOL.md 2.5.
var protected = map[queupserver.OperationName]bool{
	queupserver.SessionOperation:         true,
	queupserver.JoinRoomOperation:        true,
	queupserver.LeaveRoomOperation:       true,
	queupserver.PlaylistDetailsOperation: true,
	queupserver.PostChatOperation:        true,

	queupserver.UpdateRoomOperation:      true,
	queupserver.SetModSettingOperation:   true,
	queupserver.LockQueueOperation:       true,
	queupserver.LeaveRoomBeaconOperation: true,
	queupserver.VoteOperation:            true,
	queupserver.VoteActiveOperation:      true,
	queupserver.ReorderQueueOperation:    true,
	queupserver.RemoveSongOperation:      true,
	queupserver.RemoveDJOperation:        true,
	queupserver.PauseDJOperation:         true,
	queupserver.QueueSongOperation:       true,
	queupserver.QueuePlaylistOperation:   true,
	queupserver.RemoveOwnSongOperation:   true,
	queupserver.ClearOwnQueueOperation:   true,
	queupserver.PauseOwnQueueOperation:   true,
	queupserver.OwnQueueOperation:        true,
	queupserver.ReorderOwnQueueOperation: true,
	queupserver.DeleteChatOperation:      true,
	queupserver.SkipOperation:            true,
	queupserver.KickOperation:            true,
	queupserver.BanOperation:             true,
	queupserver.UnbanOperation:           true,
	queupserver.MuteOperation:            true,
	queupserver.UnmuteOperation:          true,
	queupserver.SetRoleOperation:         true,
	queupserver.UnsetRoleOperation:       true,
	queupserver.RoomRolesOperation:       true,
	queupserver.OwnPermissionsOperation:  true,
	queupserver.CreateRoleOperation:      true,
	queupserver.UpdateRoleOperation:      true,
	queupserver.DeleteRoleOperation:      true,
	queupserver.ReorderRolesOperation:    true,
	queupserver.AssignRoleOperation:      true,
	queupserver.UnassignRoleOperation:    true,

	queupserver.PlaylistsOperation:                true,
	queupserver.CreatePlaylistOperation:           true,
	queupserver.RenamePlaylistOperation:           true,
	queupserver.DeletePlaylistOperation:           true,
	queupserver.PlaylistSongsOperation:            true,
	queupserver.AddPlaylistSongOperation:          true,
	queupserver.RemovePlaylistSongOperation:       true,
	queupserver.ReorderPlaylistOperation:          true,
	queupserver.ShufflePlaylistOperation:          true,
	queupserver.SoundCloudPlaylistsOperation:      true,
	queupserver.ImportYouTubePlaylistOperation:    true,
	queupserver.ImportSoundCloudPlaylistOperation: true,
	queupserver.ConversationsOperation:            true,
	queupserver.OpenConversationOperation:         true,
	queupserver.ConversationMessagesOperation:     true,
	queupserver.SendMessageOperation:              true,
	queupserver.MarkReadOperation:                 true,
	queupserver.UnreadCountOperation:              true,
	queupserver.UpdateUsernameOperation:           true,
	queupserver.UploadUserImageOperation:          true,
	queupserver.UploadUserGIFOperation:            true,
	queupserver.FollowOperation:                   true,
	queupserver.UnfollowOperation:                 true,
	queupserver.SearchSongsOperation:              true,
	queupserver.AddCommentOperation:               true,
	queupserver.DeleteCommentOperation:            true,
	queupserver.VoteCommentOperation:              true,
	queupserver.FlagCommentOperation:              true,
	queupserver.CreateRoomOperation:               true,
	queupserver.UploadRoomImageOperation:          true,
}

// How much of a request body is read, and of one with a file.
const (
	maxBody   = 1 << 20
	maxUpload = maxPicture + maxBody
)

// newREST makes the handler of everything but the websocket.
func newREST(s *state) (http.Handler, error) {
	routes, err := queupserver.NewServer(&rest{state: s},
		queupserver.WithErrorHandler(func(_ context.Context, w http.ResponseWriter, _ *http.Request, err error) {
			asProblem(err).write(w)
		}),
		queupserver.WithNotFound(func(w http.ResponseWriter, _ *http.Request) { errNotFound.write(w) }),
		queupserver.WithMethodNotAllowed(func(w http.ResponseWriter, _ *http.Request, _ string) { errNotFound.write(w) }),
	)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer recoverAs500(w)
		c := &call{w: w, log: exchangeOf(r.Context())}
		c.session, c.account = s.session(r)
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/lockQueue") {
			r.Method = http.MethodPut // two clients write POST, see docs/PROTOCOL.md 2.3
		}
		route, ok := routes.FindPath(r.Method, r.URL)
		switch {
		case r.URL.Path == "/auth/login" && r.Method == http.MethodGet:
			// Where the redirect below leads, and what tells a client that it followed it; docs/PROTOCOL.md 1.2.
			writeEnvelope(w, http.StatusOK, jx.Raw(`{"message":"dologin"}`))
		case ok && c.account == nil && protected[route.Name()]:
			redirectToLogin(w, r)
		default:
			limit := int64(maxBody)
			if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data;") {
				limit = maxUpload
			}
			r.Body = http.MaxBytesReader(w, r.Body, limit)
			plainRequest(r, route.OperationID())
			routes.ServeHTTP(w, r)
		}
	}), nil
}

var errNotFound = errorE1(http.StatusNotFound, "Not Found")

// redirectToLogin answers a call without a session, in the words of Express: none to who reads JSON alone. One client
// parses what it gets before it looks where that leads, see docs/PROTOCOL.md 5.8.
func redirectToLogin(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Location", "/auth/login")
	if accept := r.Header.Get("Accept"); accept != "" && !strings.Contains(accept, "text/") && !strings.Contains(accept, "*/*") {
		w.WriteHeader(http.StatusFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusFound)
	_, _ = w.Write([]byte(`<p>Found. Redirecting to <a href="/auth/login">/auth/login</a></p>`))
}

// recoverAs500 keeps a fault of ours from closing the connection without a word.
func recoverAs500(w http.ResponseWriter) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		errorE1(http.StatusInternalServerError, fmt.Sprintf("panic: %v", v)).write(w)
	}
}
