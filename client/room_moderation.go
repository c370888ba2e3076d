package client

import (
	"context"
	"html"
	"strings"
	"time"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/internal/saturate"
)

// BanForever is the duration of a ban that does not end by itself.
const BanForever time.Duration = -1

// rtc returns the room's channel name, which moderation calls carry. Source: docs/PROTOCOL.md 1.4.
func (r *Room) rtc() queupapi.OptString {
	return queupapi.NewOptString(r.RTC())
}

func (r *Room) channelRequest() queupapi.OptChannelRequest {
	return queupapi.NewOptChannelRequest(queupapi.ChannelRequest{RealTimeChannel: r.rtc()})
}

// Kick removes a user from the room. The user may come back. The reason is shown to the room and may be empty.
//
// It needs the permission members.kick, and a rank above the user's. In a room without custom roles, a member with a role
// cannot be kicked. Errors: [*ArgumentError] for an empty id, [ErrNotJoined], [*PermissionError] before anything is sent,
// and [*APIError] for a refusal by QueUp. Source: docs/PROTOCOL.md 2.9, 7 rules 24 and 32.
func (r *Room) Kick(ctx context.Context, u UserID, reason string) error {
	if err := r.targetOver("Room.Kick", PermMembersKick, u); err != nil {
		return err
	}
	if !r.client.config.rawChat {
		reason = html.EscapeString(reason)
	}
	request := queupapi.NewOptKickRequest(queupapi.KickRequest{RealTimeChannel: r.rtc(), Message: queupapi.NewOptString(reason)})
	_, err := r.client.rest.Kick(ctx, request, queupapi.KickParams{RoomID: r.id, UserID: u})
	return failed("kick", err)
}

// Ban bans a user from the room for a time, which is rounded up to minutes, or permanently with [BanForever]. Any other
// duration that is not positive is an [*ArgumentError].
//
// It needs the permission members.ban, and a rank above the user's. Errors are those of Kick. Source: docs/PROTOCOL.md 2.9.
func (r *Room) Ban(ctx context.Context, u UserID, d time.Duration) error {
	if d <= 0 && d != BanForever {
		return &ArgumentError{Op: "Room.Ban", Argument: "d", Reason: "must be positive, or BanForever"}
	}
	if err := r.targetOver("Room.Ban", PermMembersBan, u); err != nil {
		return err
	}
	minutes := 0
	if d != BanForever {
		minutes = int(saturate.Ceil(d, time.Minute))
	}
	_, err := r.client.rest.Ban(ctx, &queupapi.BanRequest{RealTimeChannel: r.rtc(), Time: minutes}, queupapi.BanParams{RoomID: r.id, UserID: u})
	return failed("ban", err)
}

// Unban lets a banned user come back. It needs the permission members.ban. Errors are those of Kick. Source:
// docs/PROTOCOL.md 2.9.
func (r *Room) Unban(ctx context.Context, u UserID) error {
	if err := r.targetWith("Room.Unban", PermMembersBan, u); err != nil {
		return err
	}
	_, err := r.client.rest.Unban(ctx, r.channelRequest(), queupapi.UnbanParams{RoomID: r.id, UserID: u})
	return failed("unban", err)
}

// Mute keeps a user from chatting until Unmute; QueUp has no duration for it. It needs the permission members.mute and
// works on members without a role. Errors are those of Kick. Source: docs/PROTOCOL.md 2.9.
func (r *Room) Mute(ctx context.Context, u UserID) error {
	if err := r.targetOver("Room.Mute", PermMembersMute, u); err != nil {
		return err
	}
	_, err := r.client.rest.Mute(ctx, r.channelRequest(), queupapi.MuteParams{RoomID: r.id, UserID: u})
	return failed("mute", err)
}

// Unmute lets a user chat again. It needs the permission members.mute. Errors are those of Kick. Source:
// docs/PROTOCOL.md 2.9.
func (r *Room) Unmute(ctx context.Context, u UserID) error {
	if err := r.targetWith("Room.Unmute", PermMembersMute, u); err != nil {
		return err
	}
	_, err := r.client.rest.Unmute(ctx, r.channelRequest(), queupapi.UnmuteParams{RoomID: r.id, UserID: u})
	return failed("unmute", err)
}

// isOwnLine reports whether the client has written a line. The id of a line begins with its author's id.
func (r *Room) isOwnLine(id MessageID) bool {
	if m, known := r.chatLog.get(id); known {
		return r.client.isMe(m.AuthorID)
	}
	author, _, _ := strings.Cut(string(id), "-")
	return r.client.isMe(UserID(author))
}

// DeleteMessage deletes a chat line. Deleting another user's line needs the permission chat.delete. Errors are those of
// Kick. Source: docs/PROTOCOL.md 2.9.
func (r *Room) DeleteMessage(ctx context.Context, id MessageID) error {
	if id == "" {
		return &ArgumentError{Op: "Room.DeleteMessage", Argument: "id", Reason: "is empty"}
	}
	if err := r.act(); err != nil {
		return err
	}
	if !r.isOwnLine(id) {
		if err := r.may("Room.DeleteMessage", PermChatDelete); err != nil {
			return err
		}
	}
	_, err := r.client.rest.DeleteChat(ctx, queupapi.OptChannelRequest{}, queupapi.DeleteChatParams{RoomID: r.id, ChatID: id})
	return failed("deleteChat", err)
}

// Delete deletes the line from its room; see [Room.DeleteMessage]. It is [ErrDetached] for a value that no client made, and
// [ErrNotJoined] if the client does not know the room. A private message cannot be deleted, which is an [*ArgumentError].
func (m Message) Delete(ctx context.Context) error {
	if m.client == nil {
		return ErrDetached
	}
	if m.RoomID == "" {
		return &ArgumentError{Op: "Message.Delete", Argument: "m", Reason: "is private: QueUp deletes chat lines of rooms only"}
	}
	room, ok := m.Room()
	if !ok {
		return ErrNotJoined
	}
	return room.DeleteMessage(ctx, m.ID)
}
