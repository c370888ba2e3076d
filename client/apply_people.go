package client

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// recordOf returns whose record it is.
func recordOf(w wire.RoomUser) UserID { return cmp.Or(w.UserID, userID(w.User)) }

// memberOf returns the record of a user as an event tells it. Events leave out whether somebody is muted, and tell
// roles by their ids or not at all; what is known stays. An event without the record leaves what is known, or a record
// with nothing but the ids.
func (r *Room) memberOf(id UserID, w wire.RoomUser) Member {
	known, present := r.lately(id)
	if recordOf(w) == "" && w.ID == "" {
		if present {
			return known
		}
		return Member{UserID: id, RoomID: r.id, Muted: r.live.muted.Contains(id), client: r.client}
	}
	var m Member
	if tellsNoRoles(w, known.RoleIDs) {
		m = newRecord(r.client, w)
		m.RoleIDs, m.held = known.RoleIDs, known.held
	} else {
		m = newMember(r.client, w)
		for _, role := range m.held {
			r.learnRole(role)
		}
		m.hold(append(m.held, known.held...)) // what the event told counts first
	}
	m.UserID, m.RoomID = id, r.id
	m.Muted = m.Muted || known.Muted || r.live.muted.Contains(id)
	m.Banned = m.Banned || known.Banned
	if unfit(w.Extra, "queuePaused") {
		m.QueuePaused = known.QueuePaused
	}
	m.forget(r.deleted.Contains)
	return m
}

// applyJoin ignores who is in the room already. Source: docs/PROTOCOL.md 7, rule 8.
func (r *Room) applyJoin(e *wire.UserJoin, meta Meta) {
	if userID(e.User) == "" { // the record tells it, too
		e.User = e.Member.User
		e.User.ID = recordOf(e.Member)
	}
	user, _, ok := r.someone(e.User, meta)
	if !ok {
		return
	}
	r.quiet(dueGone + string(user.ID))
	if r.client.isMe(user.ID) {
		r.quiet(dueReturn)
	}
	if _, present := r.members.Get(user.ID); present {
		return
	}
	member := r.memberOf(user.ID, e.Member)
	r.put(member)
	r.client.events.emit(MemberJoined{Meta: meta, Member: member.own(), User: user})
	if user.Username == "" {
		r.readNames()
	}
}

// applyLeave ignores who is not in the room any more.
func (r *Room) applyLeave(e *wire.UserLeave, meta Meta) {
	e.User.ID = cmp.Or(userID(e.User), recordOf(e.Member))
	user, _, ok := r.someone(e.User, meta)
	if !ok {
		return
	}
	if r.client.isMe(user.ID) && r.mayAct() {
		r.doubt()
		return
	}
	r.quiet(dueGone + string(user.ID))
	if member, present := r.take(user.ID); present {
		r.client.events.emit(MemberLeft{Meta: meta, Member: member.own(), User: user})
		r.readQueueSoon()
	}
}

// Purposes of alarms.
const (
	dueReturn = "return" // come back after a departure of our own that we know nothing of
	dueGone   = "gone "  // and a user's id: who was put out has left, whether QueUp says so or not
)

// expulsion is how long a leave takes to follow a kick or a ban, and a kick or a ban to follow a leave. Source:
// docs/PROTOCOL.md 7, rule 5.
const expulsion = 5 * time.Second

// doubt is about QueUp saying that the client itself has left, which it has not. A kick or a ban may follow and explain
// it; else QueUp is mistaken, and the client comes back. Source: docs/PROTOCOL.md 7, rule 5.
func (r *Room) doubt() {
	r.alarm(dueReturn, expulsion, func() {
		l := r.live.link
		r.client.log.WarnContext(r.client.workers.Context(), "QueUp says that we have left: coming back", r.logged())
		r.ask(answerTimeout, func(ctx context.Context) func() {
			_, err := r.enterAgain(ctx, func() error { return r.appearAgain(ctx, l) })
			if err == nil {
				return nil
			}
			return func() {
				if refused(err) {
					l.lose(r.channel(), err)
					return
				}
				r.client.log.WarnContext(ctx, "not back yet", r.logged(), slog.Any("error", err))
				r.doubt()
			}
		})
	})
}

// refused reports whether QueUp does not let the client into a room. What a proxy or a host says meanwhile is not QueUp's word.
func refused(err error) bool {
	if answer, ok := errors.AsType[*APIError](err); ok && answer.foreign {
		return false
	}
	return errors.Is(err, ErrBanned) || errors.Is(err, ErrRoomPassword) || errors.Is(err, ErrTooManyPasswords) ||
		errors.Is(err, ErrNotFound) || errors.Is(err, ErrForbidden)
}

func (r *Room) applyUpdate(e *wire.UserUpdate, meta Meta) {
	id := cmp.Or(recordOf(e.Member), e.Subject)
	if _, _, ok := r.someone(wire.User{ID: id}, meta); !ok {
		return
	}
	before, _ := r.lately(id)
	member := r.memberOf(id, e.Member)
	if r.live.replay && before.Equal(member) {
		return
	}
	r.keep(member)
	r.client.events.emit(MemberUpdated{Meta: meta, Member: member.own()})
}

func (r *Room) applyAvatar(subject UserID, w wire.User, picture wire.ProfileImage, meta Meta) {
	w.ID = cmp.Or(userID(w), subject)
	w.ProfileImage = picture
	if user, _, ok := r.someone(w, meta); ok {
		r.client.events.emit(AvatarUpdated{Meta: meta, User: user})
	}
}

func (r *Room) applyKick(e *wire.UserKick, meta Meta) {
	user, member, ok := r.someone(e.Target, meta)
	if !ok {
		return
	}
	r.client.events.emit(MemberKicked{Meta: meta, User: user, Member: member.own(), By: r.by(e.User), Reason: e.Reason})
	r.expelled(user, ErrKicked)
}

func (r *Room) applyBan(e *wire.UserBan, meta Meta) {
	user, member, ok := r.someone(e.Target, meta)
	if !ok {
		return
	}
	permanent := e.Duration == 0 && !unfit(e.Extra, "time")
	member.Banned, member.BannedAt, member.BannedUntil = true, r.client.clock.At(meta.At), time.Time{}
	if e.Duration > 0 {
		member.BannedUntil = member.BannedAt.Add(e.Duration)
	}
	r.keep(member)
	r.client.events.emit(MemberBanned{Meta: meta, User: user, Member: member.own(), By: r.by(e.User), For: max(e.Duration, 0), Permanent: permanent})
	r.expelled(user, ErrBanned)
}

// expelled sees to it that who was put out is gone: for the client itself, the room is over; of others QueUp has been
// seen to say so of the wrong one. Source: docs/PROTOCOL.md 7, rules 5 and 6.
func (r *Room) expelled(user User, why error) {
	if r.client.isMe(user.ID) && r.mayAct() {
		r.live.link.lose(r.channel(), why)
		return
	}
	if _, present := r.members.Get(user.ID); !present {
		return
	}
	r.alarm(dueGone+string(user.ID), expulsion, func() {
		if member, present := r.take(user.ID); present {
			r.client.events.emit(MemberLeft{Meta: r.meta(), Member: member.own(), User: user})
		}
	})
}

func (r *Room) applyUnban(e *wire.UserUnban, meta Meta) {
	user, member, ok := r.someone(e.Target, meta)
	if !ok {
		return
	}
	member.Banned, member.BannedAt, member.BannedUntil = false, time.Time{}, time.Time{}
	r.keep(member)
	r.client.events.emit(MemberUnbanned{Meta: meta, User: user, Member: member.own(), By: r.by(e.User)})
}

// applyMute notes mutes of who has left, too: QueUp does not repeat them when they come back. Source: docs/PROTOCOL.md
// 7, rule 11.
func (r *Room) applyMute(target, by wire.User, muted bool, meta Meta) {
	user, member, ok := r.someone(target, meta)
	if !ok || r.live.replay && r.isMuted(member) == muted {
		return
	}
	r.setMuted(user.ID, muted)
	member.Muted = muted
	r.keep(member)
	if muted {
		r.client.events.emit(MemberMuted{Meta: meta, User: user, Member: member.own(), By: r.by(by)})
	} else {
		r.client.events.emit(MemberUnmuted{Meta: meta, User: user, Member: member.own(), By: r.by(by)})
	}
}

func (r *Room) isMuted(m Member) bool { return m.Muted || r.live.muted.Contains(m.UserID) }

func (r *Room) setMuted(u UserID, muted bool) {
	if muted {
		r.live.muted.Add(u, struct{}{})
	} else {
		r.live.muted.Remove(u)
	}
}
