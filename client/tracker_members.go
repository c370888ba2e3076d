package client

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/realtime"
)

// put adds or replaces a member. It runs on the connection's goroutine, as all changes of members do.
func (r *Room) put(m Member) {
	if _, present := r.members.Get(m.UserID); !present {
		r.client.people.enter(m.UserID)
	}
	r.members.Put(m.UserID, m)
}

// take removes a member, who is remembered for a while.
func (r *Room) take(id UserID) (Member, bool) {
	m, present := r.members.Remove(id)
	if present {
		r.client.people.leave(id)
		r.left.add(m)
	}
	return m, present
}

// keep notes the new record of who is in the room, or has just left it.
func (r *Room) keep(m Member) {
	if _, present := r.members.Get(m.UserID); present {
		r.put(m)
		return
	}
	r.left.update(m)
}

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

const (
	maxVisible     = 10_000 // users whose presence is counted by connection
	maxConnections = 64     // connections of one of them that are counted
)

// applyPresence counts connections: only the first makes somebody visible, and only the last invisible. An action that is not
// known makes nobody either, and is told as it is. Source: docs/PROTOCOL.md 7, rule 30.
func (r *Room) applyPresence(e realtime.Presence) {
	connections := r.live.presence[e.ClientID]
	_, known := connections[e.ConnectionID]
	news := true
	switch e.Action {
	case realtime.PresenceLeave:
		delete(connections, e.ConnectionID)
		if news = len(connections) == 0; news {
			delete(r.live.presence, e.ClientID)
		}
	case realtime.PresenceEnter, realtime.PresenceUpdate:
		if e.Action == realtime.PresenceEnter {
			news = len(connections) == 0 && !known
		}
		if connections == nil && len(r.live.presence) < maxVisible {
			connections = make(map[string]struct{})
			r.live.presence[e.ClientID] = connections
		}
		if connections != nil && len(connections) < maxConnections {
			connections[e.ConnectionID] = struct{}{}
		}
	}
	if !news || e.ClientID == "" || r.client.isMe(UserID(e.ClientID)) {
		return
	}
	meta := Meta{At: e.At, Room: r, Name: "presence", Raw: e.Data}
	r.client.events.emit(MemberPresence{Meta: meta, User: r.client.userOrID(UserID(e.ClientID)), Presence: Presence(e.Action)})
}

// readUsers reads who is in the room, and tells the difference to what is known as after a lost connection. What events have
// changed meanwhile is newer: then it is read once more.
func (r *Room) readUsers() {
	before := r.members.List()
	r.askInTurn(dueUsers, answerTimeout, func(ctx context.Context) func() {
		users, err := r.fetchUsers(ctx)
		if err != nil {
			r.notRead(ctx, "members", err)
			return func() { r.later(dueUsers, err, r.readUsers) }
		}
		return func() {
			if now := r.members.List(); len(now) != len(before) || len(now) > 0 && &now[0] != &before[0] { // snapshots are the same until a change
				r.alarm(dueUsers, readAgain, r.readUsers)
				return
			}
			r.catchUpMembers(users)
			r.forgetRoles()
		}
	})
}

// dueNames is the purpose of a reading: the names of members of whom QueUp has told the id alone.
const dueNames = "names"

const (
	// maxNames is how many names are looked up at a time, so that other rooms can be read meanwhile.
	maxNames = 20
	// maxNameless is how many names are asked for in vain until the room is joined again.
	maxNameless = 1024
)

// unnamed returns some members whose name is not known, and whether there are more.
func (r *Room) unnamed() (ids []UserID, more bool) {
	if r.live.nameless.Len() >= maxNameless {
		return nil, false
	}
	for id := range r.members.All() {
		if _, named := r.client.people.Get(id); named || r.live.nameless.Contains(id) {
			continue
		}
		if len(ids) == maxNames {
			return ids, true
		}
		ids = append(ids, id)
	}
	return ids, false
}

// readNames looks up the names of members that are not known, and tells each that it finds as MemberUpdated. It asks once for
// a name that QueUp does not say. Source: docs/PROTOCOL.md 1.8.
func (r *Room) readNames() {
	if r.busy(dueNames, r.readNames) {
		return
	}
	ids, more := r.unnamed()
	if len(ids) == 0 {
		return
	}
	r.askInTurn(dueNames, mediaTimeout, func(ctx context.Context) func() {
		errs := make([]error, len(ids))
		var lookups errgroup.Group
		lookups.SetLimit(loadsAtOnce)
		for i, id := range ids {
			lookups.Go(func() error {
				_, errs[i] = r.client.lookUp(ctx, id)
				return nil
			})
		}
		_ = lookups.Wait() // the errors are in errs
		return func() {
			again := more
			for i, id := range ids {
				fails := passes(errs[i]) && !unreadable(errs[i]) // and may succeed another time
				again = again || fails
				member, present := r.members.Get(id)
				switch {
				case errs[i] == nil && present:
					r.client.events.emit(MemberUpdated{Meta: r.meta(), Member: member.own()})
				case errs[i] != nil && !fails:
					r.live.nameless.Add(id, struct{}{})
				}
			}
			if err := errors.Join(errs...); err != nil {
				r.client.log.DebugContext(ctx, "names of members not read", r.logged(), slog.Any("error", err))
			}
			if again {
				r.alarm(dueNames, readAgain, r.readNames)
			}
		}
	})
}
