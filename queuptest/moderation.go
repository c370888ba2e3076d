package queuptest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

// What moderators do. The functions of room check who may, change the state and tell the room; the caller holds s.mu.

const (
	textNoMessage = "Message not found"
	textNoPlay    = "The song is not playing"
	textBanTime   = "time must be a number of minutes, 0 for good"
)

// maxBan is how many minutes a ban may last: more than a lifetime.
const maxBan = 100 * 366 * 24 * 60

// auditEntry is something a moderator did. It is immutable.
type auditEntry struct {
	at       time.Time
	kind     string
	duration time.Duration
	by       *account
	target   *account // nil: nobody
}

// maxAudit is how many entries of its audit log a room keeps.
const maxAudit = 1000

// note puts something into the audit log. Target may be nil.
func (r *room) note(by, target *member, kind string, d time.Duration, now time.Time) {
	e := auditEntry{at: now, kind: kind, duration: d, by: by.account}
	if target != nil {
		e.target = target.account
	}
	if len(r.audit) >= maxAudit {
		r.audit = r.audit[1:]
	}
	r.audit = append(r.audit, e)
}

// kick throws someone who is in the room out of it. Sent is the reason with its HTML entities.
func (r *room) kick(by, target *member, sent string, now time.Time) error {
	if err := r.needOver(by, target, permKick); err != nil {
		return err
	}
	if !target.active {
		return errorE1(http.StatusNotFound, textAbsent) // an assumption
	}
	target.kicks, target.kickedAt = target.kicks+1, now
	e := &wire.UserKick{User: r.wireEventUser(by.account), Target: r.wireEventUser(target.account)}
	if sent != "" {
		e.Extra = map[string]json.RawMessage{"message": quoted(sent)}
	}
	r.emit(e)
	r.leave(target, now)
	r.note(by, target, "kick", 0, now)
	return nil
}

// ban throws someone out and lets them not in again, for good if minutes is 0. That their songs leave the rotation is an
// assumption.
func (r *room) ban(by, target *member, minutes int, now time.Time) error {
	if err := r.needOver(by, target, permBan); err != nil {
		return err
	}
	if minutes < 0 || minutes > maxBan {
		return errorE1(http.StatusBadRequest, textBanTime)
	}
	d := time.Duration(minutes) * time.Minute
	target.banned, target.bannedAt, target.bannedUntil = true, now, time.Time{}
	if d > 0 {
		target.bannedUntil = now.Add(d)
	}
	e := &wire.UserBan{User: r.wireEventUser(by.account), Target: r.wireEventUser(target.account), Duration: d}
	r.remember(e)
	r.emit(e)
	if target.active {
		r.leave(target, now)
	}
	if slices.Contains(r.rotation, target) {
		target.paused = true
		r.queueChanged(target, now)
	}
	r.note(by, target, "ban", d, now)
	return nil
}

// unban lets someone in again. That it is no error for who is not banned is an assumption.
func (r *room) unban(by, target *member, now time.Time) error {
	if err := r.need(by, permBan); err != nil {
		return err
	}
	if !target.isBanned(now) {
		return nil
	}
	target.banned, target.bannedAt, target.bannedUntil = false, time.Time{}, time.Time{}
	r.emit(&wire.UserUnban{User: r.wireEventUser(by.account), Target: r.wireEventUser(target.account)})
	r.note(by, target, "unban", 0, now)
	return nil
}

// mute keeps someone from chatting.
func (r *room) mute(by, target *member, now time.Time) error {
	if err := r.needOver(by, target, permMute); err != nil {
		return err
	}
	if target.muted {
		return nil
	}
	target.muted, target.updated = true, now
	r.emit(&wire.UserMute{User: r.wireEventUser(by.account), Target: r.wireEventUser(target.account)})
	r.note(by, target, "mute", 0, now)
	return nil
}

// unmute lets someone chat again, but not oneself.
func (r *room) unmute(by, target *member, now time.Time) error {
	if err := r.need(by, permMute); err != nil {
		return err
	}
	if target.account == by.account {
		return errorE1(http.StatusUnauthorized, textYourself)
	}
	if !target.muted {
		return nil
	}
	target.muted, target.updated = false, now
	r.emit(&wire.UserUnmute{User: r.wireEventUser(by.account), Target: r.wireEventUser(target.account)})
	r.note(by, target, "unmute", 0, now)
	return nil
}

// deleteByID deletes a line: one's own, or anyone's with the permission.
func (r *room) deleteByID(by *member, id wire.MessageID, now time.Time) error {
	i := slices.IndexFunc(r.messages, func(m *message) bool { return m.id == id && !m.deleted })
	if i < 0 {
		return errorE1(http.StatusNotFound, textNoMessage)
	}
	m := r.messages[i]
	if m.author != by.account {
		if err := r.need(by, permChatDelete); err != nil {
			return err
		}
		r.note(by, r.seen(m.author), "delete-chat", 0, now)
	}
	r.deleteMessage(by.account, m)
	return nil
}

// skipPlay ends what plays: the DJ's own song, or anyone's with the permission.
func (r *room) skipPlay(by *member, id wire.PlayID, now time.Time) error {
	p, err := r.nowPlaying(id)
	if err != nil {
		return err
	}
	if p.dj.account != by.account {
		if err := r.need(by, permSkip); err != nil {
			return err
		}
		r.note(by, p.dj, "skip", 0, now)
	}
	r.skip(by.account, now)
	return nil
}

// nowPlaying is what plays, if it has that id.
func (r *room) nowPlaying(id wire.PlayID) (*play, error) {
	switch p := r.playing; {
	case p == nil:
		return nil, errorE1(http.StatusNotFound, textNothingPlays)
	case p.id != id:
		return nil, errorE1(http.StatusNotFound, textNoPlay)
	default:
		return p, nil
	}
}

// act runs a change of a room for the account that calls, who must not be banned there.
func (h *rest) act(ctx context.Context, id wire.RoomID, do func(r *room, me *member, now time.Time) error) (*queupserver.DoneEnvelope, error) {
	r, err := h.known(id)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	me := r.seen(callOf(ctx).account)
	if me.isBanned(now) {
		return nil, errorE1(http.StatusUnauthorized, textBanned)
	}
	if err := do(r, me, now); err != nil {
		return nil, err
	}
	return done(), nil
}

// actOn runs a change of what a room knows of a user.
func (h *rest) actOn(ctx context.Context, id wire.RoomID, user wire.UserID, do func(r *room, me, target *member, now time.Time) error) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, id, func(r *room, me *member, now time.Time) error {
		a := h.accountByID(user)
		if a == nil {
			return errorE1(http.StatusNotFound, textNoUser)
		}
		target := r.seen(a)
		if err := do(r, me, target, now); err != nil {
			return err
		}
		r.keep(target)
		return nil
	})
}

// keep makes a record that seen made for the occasion one of the room's, if it holds anything by now.
func (r *room) keep(m *member) {
	if r.members[m.account.id] == nil && (m.banned || m.muted || m.hasRole() || m.role != "") {
		m.id, m.updated = wire.MemberID(r.state.id(idMember)), r.created
		r.members[m.account.id] = m
	}
}

// Kick implements POST /chat/kick/{roomId}/user/{userId}.
func (h *rest) Kick(ctx context.Context, req queupserver.OptKickRequest, p queupserver.KickParams) (*queupserver.DoneEnvelope, error) {
	return h.actOn(ctx, p.RoomID, p.UserID, func(r *room, me, target *member, now time.Time) error {
		sent := req.Value.Message.Or("")
		if utf16Len(sent) > maxChat {
			return errorE1(http.StatusBadRequest, textLongChat)
		}
		return r.kick(me, target, sent, now)
	})
}

// Ban implements POST /chat/ban/{roomId}/user/{userId}.
func (h *rest) Ban(ctx context.Context, req *queupserver.BanRequest, p queupserver.BanParams) (*queupserver.DoneEnvelope, error) {
	return h.actOn(ctx, p.RoomID, p.UserID, func(r *room, me, target *member, now time.Time) error {
		return r.ban(me, target, req.Time, now)
	})
}

// Unban implements DELETE /chat/ban/{roomId}/user/{userId}.
func (h *rest) Unban(ctx context.Context, _ queupserver.OptChannelRequest, p queupserver.UnbanParams) (*queupserver.DoneEnvelope, error) {
	return h.actOn(ctx, p.RoomID, p.UserID, (*room).unban)
}

// Mute implements POST /chat/mute/{roomId}/user/{userId}.
func (h *rest) Mute(ctx context.Context, _ queupserver.OptChannelRequest, p queupserver.MuteParams) (*queupserver.DoneEnvelope, error) {
	return h.actOn(ctx, p.RoomID, p.UserID, (*room).mute)
}

// Unmute implements DELETE /chat/mute/{roomId}/user/{userId}.
func (h *rest) Unmute(ctx context.Context, _ queupserver.OptChannelRequest, p queupserver.UnmuteParams) (*queupserver.DoneEnvelope, error) {
	return h.actOn(ctx, p.RoomID, p.UserID, (*room).unmute)
}

// DeleteChat implements DELETE /chat/{roomId}/{chatId}.
func (h *rest) DeleteChat(ctx context.Context, _ queupserver.OptChannelRequest, p queupserver.DeleteChatParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error { return r.deleteByID(me, p.ChatID, now) })
}

// Skip implements POST /chat/skip/{roomId}/{playId}.
func (h *rest) Skip(ctx context.Context, _ queupserver.OptChannelRequest, p queupserver.SkipParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error { return r.skipPlay(me, p.PlayID, now) })
}

// RoomAudit implements GET /room/{roomId}/audit: the newest first, which is an assumption, as are the types. It needs no
// session, as the one client that reads it has none.
func (h *rest) RoomAudit(_ context.Context, p queupserver.RoomAuditParams) (out wire.AuditEntriesEnvelope, _ error) {
	r, err := h.known(p.RoomID)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	entries := wire.AuditEntries{}
	for _, e := range slices.Backward(r.audit) {
		w := wire.AuditEntry{Created: e.at, Type: e.kind, Duration: e.duration, Moderator: e.by.wireUser()}
		if e.target != nil {
			w.User = e.target.wireUser()
		}
		entries = append(entries, w)
	}
	return wire.AuditEntriesEnvelope{Envelope: success, Data: entries}, nil
}
