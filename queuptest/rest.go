package queuptest

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/go-faster/jx"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/htmltext"
)

// rest answers the operations of the specification. An operation without a method here is answered with 501.
type rest struct {
	queupserver.UnimplementedHandler
	*state
}

// success is the envelope of an answer that is not an error; okCode and okText are its fields for an answer of ogen's types.
var (
	success = wire.Envelope{Code: http.StatusOK, Message: wire.StatusText(http.StatusText(http.StatusOK))}
	okCode  = queupserver.NewOptCode(http.StatusOK)
	okText  = queupserver.NewOptStatusText(queupserver.StatusText(http.StatusText(http.StatusOK)))
)

func done() *queupserver.DoneEnvelope {
	return &queupserver.DoneEnvelope{Code: okCode, Message: okText, Data: jx.Raw(`{}`)}
}

// The texts of errors. Only the first is known from the service, see docs/PROTOCOL.md 1.3; the others are ours.
const (
	textNothingPlays = "no songs in active queue"
	textNoRoom       = "Room not found"
	textNoSong       = "Song not found"
	textNotHere      = "You are not in this room"
	textBanned       = "You are banned from this room"
	textBadLogin     = "Wrong username or password"
	textEmptyChat    = "message is required"
	textLongChat     = "message is too long"
)

// maxChat is the length of a chat line with its HTML entities, in UTF-16 units, as browsers count.
const maxChat = 255

// Login implements POST /auth/login.
func (h *rest) Login(ctx context.Context, req queupserver.LoginReq) (*queupserver.DoneEnvelope, error) {
	var c queupserver.Credentials
	switch req := req.(type) {
	case *queupserver.LoginApplicationJSON:
		c = queupserver.Credentials(*req)
	case *queupserver.LoginApplicationXWwwFormUrlencoded:
		c = queupserver.Credentials(*req)
	}
	return h.login(ctx, c)
}

// Logout implements GET /auth/logout.
func (h *rest) Logout(ctx context.Context) (*queupserver.DoneEnvelope, error) {
	callOf(ctx).end(h.state)
	return done(), nil
}

// Session implements GET /auth/session.
func (h *rest) Session(ctx context.Context) (wire.UserEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return wire.UserEnvelope{Envelope: success, Data: h.wireSession(callOf(ctx).account)}, nil
}

// Token implements GET /auth/token. Without a session it answers a guest's token.
func (h *rest) Token(ctx context.Context) (wire.TokenEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	token, clientID := h.newToken(callOf(ctx).account, h.now())
	return wire.TokenEnvelope{Envelope: success, Data: wire.Token{
		Action: 17, Token: token, ClientID: clientID, ReqID: h.id(idRequest),
	}}, nil
}

// Room implements GET /room/{roomId}, the one operation that takes a slug, too.
func (h *rest) Room(_ context.Context, p queupserver.RoomParams) (out wire.RoomEnvelope, _ error) {
	r := h.room(string(p.RoomID))
	if r == nil {
		r = h.roomBySlug(string(p.RoomID))
	}
	if r == nil {
		return out, errorE1(http.StatusNotFound, textNoRoom)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	w := r.wireRoom()
	w.Owner = r.owner.wireUser()
	return wire.RoomEnvelope{Envelope: success, Data: w}, nil
}

// known finds the room of a path.
func (h *rest) known(id wire.RoomID) (*room, error) {
	if r := h.room(string(id)); r != nil {
		return r, nil
	}
	return nil, errorE1(http.StatusNotFound, textNoRoom)
}

// JoinRoom implements POST /room/{roomId}/users.
func (h *rest) JoinRoom(ctx context.Context, req queupserver.OptJoinRequest, p queupserver.JoinRoomParams) (out wire.JoinResultEnvelope, _ error) {
	r, err := h.known(p.RoomID)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a := callOf(ctx).account
	now := h.now()
	if err := r.mayJoin(a, joinPassword(req), now); err != nil {
		return out, err
	}
	member := r.wireMemberRoles(r.join(a, now)) // the account is an id here; docs/PROTOCOL.md 3.10
	return wire.JoinResultEnvelope{Envelope: success, Data: wire.JoinResult{Room: r.wireRoom(), User: member}}, nil
}

// LeaveRoom implements DELETE /room/{roomId}/users.
func (h *rest) LeaveRoom(ctx context.Context, p queupserver.LeaveRoomParams) (*queupserver.DoneEnvelope, error) {
	r, err := h.known(p.RoomID)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m := r.present(callOf(ctx).account)
	if m == nil {
		// An assumption: nobody has seen what the service answers to leaving a room one is not in.
		return nil, errorE1(http.StatusUnauthorized, textNotHere)
	}
	r.leave(m, h.now())
	return done(), nil
}

// here lists who is in the room, by name. The caller holds s.mu.
func (r *room) here() []*member {
	return r.sorted(func(m *member) bool { return m.active })
}

// ActiveSong implements GET /room/{roomId}/playlist/active.
func (h *rest) ActiveSong(_ context.Context, p queupserver.ActiveSongParams) (out wire.ActiveSongEnvelope, _ error) {
	r, err := h.known(p.RoomID)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.playing == nil {
		return out, errorE1(http.StatusNotFound, textNothingPlays)
	}
	return wire.ActiveSongEnvelope{Envelope: success, Data: r.wireActive(h.now())}, nil
}

// ActiveDubs implements GET /room/{roomId}/playlist/active/dubs. That silence is answered like that of ActiveSong is an
// assumption.
func (h *rest) ActiveDubs(_ context.Context, p queupserver.ActiveDubsParams) (out wire.DubsEnvelope, _ error) {
	r, err := h.known(p.RoomID)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.playing == nil {
		return out, errorE1(http.StatusNotFound, textNothingPlays)
	}
	return wire.DubsEnvelope{Envelope: success, Data: r.wireDubs()}, nil
}

// PlaylistDetails implements GET /room/{roomId}/playlist/details.
func (h *rest) PlaylistDetails(_ context.Context, p queupserver.PlaylistDetailsParams) (out wire.PlaysEnvelope, _ error) {
	r, err := h.known(p.RoomID)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return wire.PlaysEnvelope{Envelope: success, Data: r.wireQueue()}, nil
}

// Song implements GET /song/{songId}.
func (h *rest) Song(_ context.Context, p queupserver.SongParams) (out wire.SongEnvelope, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.songs[p.SongID]
	if s == nil {
		return out, errorE1(http.StatusNotFound, textNoSong)
	}
	return wire.SongEnvelope{Envelope: success, Data: s.wireSong()}, nil
}

// PostChat implements POST /chat/{roomId}.
func (h *rest) PostChat(ctx context.Context, body queupserver.PostChatReq, p queupserver.PostChatParams) (out wire.ChatPostResultEnvelope, _ error) {
	var req queupserver.ChatRequest
	switch body := body.(type) {
	case *queupserver.PostChatApplicationJSON:
		req = queupserver.ChatRequest(*body)
	case *queupserver.PostChatApplicationXWwwFormUrlencoded:
		req = queupserver.ChatRequest(*body)
	}
	r, err := h.known(p.RoomID)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := r.chat(callOf(ctx).account, req.Message, h.now())
	if err != nil {
		return out, err
	}
	w := r.wireMessage(m)
	echo := wire.ChatPostEcho{
		Type:            req.Type.Or(""),
		Text:            htmltext.Decode([]byte(req.Message)),
		RealTimeChannel: req.RealTimeChannel.Or(""),
	}
	if ms, ok := req.Time.Get(); ok {
		echo.SentAt = time.UnixMilli(ms)
	}
	return wire.ChatPostResultEnvelope{Envelope: success, Data: wire.ChatPostResult{
		ID:              w.ID,
		Type:            w.EventName(),
		SentAt:          w.SentAt,
		User:            w.User,
		Member:          w.Member,
		RealTimeChannel: w.RealTimeChannel,
		Request:         echo,
		Extra:           map[string]json.RawMessage{"message": m.raw()},
	}}, nil
}

// utf16Len counts as JavaScript does.
func utf16Len(s string) int {
	n := 0
	for _, c := range s {
		n += max(utf16.RuneLen(c), 1)
	}
	return n
}

func joinPassword(req queupserver.OptJoinRequest) string { return req.Value.Password.Or("") }

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

const textTooMany = "Too many of them"

// page returns one page of a list: size elements from offset on.
func page[T any](list []T, offset, size int) []T {
	offset = min(max(offset, 0), len(list))
	return list[offset:min(offset+size, len(list))]
}

// pageSize is that of all lists with pages but the search for songs; docs/PROTOCOL.md 1.5.
const pageSize = 20
