package client

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/redact"
	"github.com/queup-go/queup/realtime"
)

// applyJoin ignores who is in the room already. Source: docs/PROTOCOL.md 7, rule 8.
func (t *tracker) applyJoin(e *wire.UserJoin, meta Meta) {
	if userID(e.User) == "" { // the record tells it, too
		e.User = e.Member.User
		e.User.ID = memberUserID(e.Member)
	}
	user, _, ok := t.subject(e.User, meta)
	if !ok {
		return
	}
	t.stopTimer(forExpelled(user.ID))
	if t.client.isMe(user.ID) {
		t.stopTimer(forReturn)
	}
	if _, present := t.room.members.Get(user.ID); present {
		return
	}
	member := t.memberOf(user.ID, e.Member)
	t.addMember(member)
	t.client.events.emit(MemberJoined{Meta: meta, Member: member.clone(), User: user})
	if user.Username == "" {
		t.readNames()
	}
}

// applyLeave ignores who is not in the room any more.
func (t *tracker) applyLeave(e *wire.UserLeave, meta Meta) {
	e.User.ID = cmp.Or(userID(e.User), memberUserID(e.Member))
	user, _, ok := t.subject(e.User, meta)
	if !ok {
		return
	}
	if t.client.isMe(user.ID) && t.room.mayAct() {
		t.verifyOwnLeave()
		return
	}
	t.stopTimer(forExpelled(user.ID))
	if member, present := t.removeMember(user.ID); present {
		t.client.events.emit(MemberLeft{Meta: meta, Member: member.clone(), User: user})
		t.readQueueSoon()
	}
}

// expulsionDelay is how long a leave takes to follow a kick or a ban, and a kick or a ban to follow a leave. Source:
// docs/PROTOCOL.md 7, rule 5.
const expulsionDelay = 5 * time.Second

// verifyOwnLeave is about QueUp saying that the client itself has left, which it has not. A kick or a ban may follow and explain
// it; else QueUp is mistaken, and the client comes back. Source: docs/PROTOCOL.md 7, rule 5.
func (t *tracker) verifyOwnLeave() {
	t.startTimer(forReturn, expulsionDelay, func() {
		l := t.link
		t.client.log.WarnContext(t.client.workers.Context(), "QueUp says that we have left: coming back", t.room.logged())
		t.ask(answerTimeout, func(ctx context.Context) func() {
			_, err := t.room.reenter(ctx, func() error { return t.room.restorePresence(ctx, l) })
			if err == nil {
				return nil
			}
			return func() {
				if refused(err) {
					l.endRoom(t.room.channel, err)
					return
				}
				t.client.log.WarnContext(ctx, "not back yet", t.room.logged(), slog.Any("error", err))
				t.verifyOwnLeave()
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

func (t *tracker) applyUpdate(e *wire.UserUpdate, meta Meta) {
	id := cmp.Or(memberUserID(e.Member), e.Subject)
	if _, _, ok := t.subject(wire.User{ID: id}, meta); !ok {
		return
	}
	before, _ := t.room.memberOrDeparted(id)
	member := t.memberOf(id, e.Member)
	if t.stale && before.Equal(member) {
		return
	}
	t.storeMember(member)
	t.client.events.emit(MemberUpdated{Meta: meta, Member: member.clone()})
}

func (t *tracker) applyAvatar(subject UserID, w wire.User, picture wire.ProfileImage, meta Meta) {
	w.ID = cmp.Or(userID(w), subject)
	w.ProfileImage = picture
	if user, _, ok := t.subject(w, meta); ok {
		t.client.events.emit(AvatarUpdated{Meta: meta, User: user})
	}
}

func (t *tracker) applyKick(e *wire.UserKick, meta Meta) {
	user, member, ok := t.subject(e.Target, meta)
	if !ok {
		return
	}
	t.client.events.emit(MemberKicked{Meta: meta, User: user, Member: member.clone(), By: t.actor(e.User), Reason: e.Reason})
	t.removeExpelled(user, ErrKicked)
}

func (t *tracker) applyBan(e *wire.UserBan, meta Meta) {
	user, member, ok := t.subject(e.Target, meta)
	if !ok {
		return
	}
	permanent := e.Duration == 0 && !isUnfit(e.Extra, "time")
	member.Banned, member.BannedAt, member.BannedUntil = true, t.client.clock.At(meta.At), time.Time{}
	if e.Duration > 0 {
		member.BannedUntil = member.BannedAt.Add(e.Duration)
	}
	t.storeMember(member)
	t.client.events.emit(MemberBanned{Meta: meta, User: user, Member: member.clone(), By: t.actor(e.User), For: max(e.Duration, 0), Permanent: permanent})
	t.removeExpelled(user, ErrBanned)
}

// removeExpelled sees to it that who was put out is gone: for the client itself, the room is over; of others QueUp has been
// seen to say so of the wrong one. Source: docs/PROTOCOL.md 7, rules 5 and 6.
func (t *tracker) removeExpelled(user User, why error) {
	if t.client.isMe(user.ID) && t.room.mayAct() {
		t.link.endRoom(t.room.channel, why)
		return
	}
	if _, present := t.room.members.Get(user.ID); !present {
		return
	}
	t.startTimer(forExpelled(user.ID), expulsionDelay, func() {
		if member, present := t.removeMember(user.ID); present {
			t.client.events.emit(MemberLeft{Meta: t.newMeta(), Member: member.clone(), User: user})
		}
	})
}

func (t *tracker) applyUnban(e *wire.UserUnban, meta Meta) {
	user, member, ok := t.subject(e.Target, meta)
	if !ok {
		return
	}
	member.Banned, member.BannedAt, member.BannedUntil = false, time.Time{}, time.Time{}
	t.storeMember(member)
	t.client.events.emit(MemberUnbanned{Meta: meta, User: user, Member: member.clone(), By: t.actor(e.User)})
}

// applyMute notes mutes of who has left, too: QueUp does not repeat them when they come back. Source: docs/PROTOCOL.md
// 7, rule 11.
func (t *tracker) applyMute(target, by wire.User, muted bool, meta Meta) {
	user, member, ok := t.subject(target, meta)
	if !ok || t.stale && t.isMuted(member) == muted {
		return
	}
	t.setMuted(user.ID, muted)
	member.Muted = muted
	t.storeMember(member)
	if muted {
		t.client.events.emit(MemberMuted{Meta: meta, User: user, Member: member.clone(), By: t.actor(by)})
	} else {
		t.client.events.emit(MemberUnmuted{Meta: meta, User: user, Member: member.clone(), By: t.actor(by)})
	}
}

func (t *tracker) isMuted(m Member) bool { return m.Muted || t.muted.Contains(m.UserID) }

func (t *tracker) setMuted(u UserID, muted bool) {
	if muted {
		t.muted.Add(u, struct{}{})
	} else {
		t.muted.Remove(u)
	}
}

const (
	maxVisible     = 10_000 // users whose presence is counted by connection
	maxConnections = 64     // connections of one of them that are counted
)

// applyPresence counts connections: only the first makes somebody visible, and only the last invisible. An action that is not
// known makes nobody either, and is told as it is. Source: docs/PROTOCOL.md 7, rule 30.
func (t *tracker) applyPresence(e realtime.Presence) {
	connections := t.presence[e.ClientID]
	_, known := connections[e.ConnectionID]
	news := true
	switch e.Action {
	case realtime.PresenceLeave:
		delete(connections, e.ConnectionID)
		if news = len(connections) == 0; news {
			delete(t.presence, e.ClientID)
		}
	case realtime.PresenceEnter, realtime.PresenceUpdate:
		if e.Action == realtime.PresenceEnter {
			news = len(connections) == 0 && !known
		}
		if connections == nil && len(t.presence) < maxVisible {
			connections = make(map[string]struct{})
			t.presence[e.ClientID] = connections
		}
		if connections != nil && len(connections) < maxConnections {
			connections[e.ConnectionID] = struct{}{}
		}
	}
	if !news || e.ClientID == "" || t.client.isMe(UserID(e.ClientID)) {
		return
	}
	meta := Meta{At: e.At, Room: t.room, Name: "presence", Raw: e.Data}
	t.client.events.emit(MemberPresence{Meta: meta, User: t.client.userOrID(UserID(e.ClientID)), Presence: Presence(e.Action)})
}

var errNoSubject = errors.New("queup: the event does not say who it is about")

// subject returns the user that an event is about, who may have left, and their record in the room. The record of
// subject who was not there has just the ids. It is false for nobody, which is told as Malformed.
func (t *tracker) subject(w wire.User, meta Meta) (User, Member, bool) {
	if userID(w) == "" {
		t.client.events.emit(Malformed{Meta: meta, Err: errNoSubject})
		return User{}, Member{}, false
	}
	user := t.client.learnUser(w, false)
	member, known := t.room.memberOrDeparted(user.ID)
	if !known {
		member = Member{UserID: user.ID, RoomID: t.room.id, client: t.client}
	}
	return user, member, true
}

// actor returns who did something. It is zero where the event does not say.
func (t *tracker) actor(w wire.User) User {
	if userID(w) == "" && w.Username == "" {
		return User{}
	}
	return t.client.learnUser(w, false)
}

// memberOf returns the record of a user as an event tells it. Events leave out whether somebody is muted, and tell
// roles by their ids or not at all; what is known stays. An event without the record leaves what is known, or a record
// with nothing but the ids.
func (t *tracker) memberOf(id UserID, w wire.RoomUser) Member {
	known, present := t.room.memberOrDeparted(id)
	if memberUserID(w) == "" && w.ID == "" {
		if present {
			return known
		}
		return Member{UserID: id, RoomID: t.room.id, Muted: t.muted.Contains(id), client: t.client}
	}
	var m Member
	if addsNoRoles(w, known.RoleIDs) {
		m = newRecord(t.client, w)
		m.RoleIDs, m.held = known.RoleIDs, known.held
	} else {
		m = newMember(t.client, w)
		for _, role := range m.held {
			t.learnRole(role)
		}
		m.setHeld(append(m.held, known.held...)) // what the event told counts first
	}
	m.UserID, m.RoomID = id, t.room.id
	m.Muted = m.Muted || known.Muted || t.muted.Contains(id)
	m.Banned = m.Banned || known.Banned
	if isUnfit(w.Extra, "queuePaused") {
		m.QueuePaused = known.QueuePaused
	}
	m.forget(t.room.deleted.Contains)
	return m
}

// addMember adds or replaces a member. It runs on the connection's goroutine, as all changes of members do.
func (t *tracker) addMember(m Member) {
	if _, present := t.room.members.Get(m.UserID); !present {
		t.client.users.enter(m.UserID)
	}
	t.room.members.Put(m.UserID, m)
}

// removeMember removes a member, who is remembered for a while.
func (t *tracker) removeMember(id UserID) (Member, bool) {
	m, present := t.room.members.Remove(id)
	if present {
		t.client.users.leave(id)
		t.room.departed.Put(m.UserID, m)
	}
	return m, present
}

// storeMember notes the new record of who is in the room, or has just left it.
func (t *tracker) storeMember(m Member) {
	if _, present := t.room.members.Get(m.UserID); present {
		t.addMember(m)
		return
	}
	t.room.departed.Replace(m.UserID, m)
}

// storeOwnRecord takes over the client's own record, when a room that was only listened to is joined.
func (t *tracker) storeOwnRecord(self wire.RoomUser, password redact.Secret) {
	t.setPassword(password)
	if m := newMember(t.client, self); m.UserID != "" {
		m.RoomID = t.room.id
		t.addMember(m)
		t.setMuted(m.UserID, m.Muted)
		t.readRolesSoon()
	}
}

// readUsers reads who is in the room, and tells the difference to what is known as after a lost connection. What events have
// changed meanwhile is newer: then it is read once more.
func (t *tracker) readUsers() {
	before := t.room.members.List()
	t.askOnce(forUsers, answerTimeout, func(ctx context.Context) func() {
		users, err := t.room.fetchUsers(ctx)
		if err != nil {
			t.room.notRead(ctx, "members", err)
			return func() { t.retryLater(forUsers, err, t.readUsers) }
		}
		return func() {
			if now := t.room.members.List(); len(now) != len(before) || len(now) > 0 && &now[0] != &before[0] { // snapshots are the same until a change
				t.startTimer(forUsers, retryDelay, t.readUsers)
				return
			}
			t.catchUpMembers(users)
			t.stripDeletedRoles()
		}
	})
}

const (
	// maxNames is how many names are looked up at a time, so that other rooms can be read meanwhile.
	maxNames = 20
	// maxNameless is how many names are asked for in vain until the room is joined again.
	maxNameless = 1024
)

// readNames looks up the names of members that are not known, and tells each that it finds as MemberUpdated. It asks once for
// a name that QueUp does not say. Source: docs/PROTOCOL.md 1.8.
func (t *tracker) readNames() {
	if t.queueBehind(forNames, t.readNames) {
		return
	}
	ids, more := t.unnamed()
	if len(ids) == 0 {
		return
	}
	t.askOnce(forNames, mediaTimeout, func(ctx context.Context) func() {
		errs := make([]error, len(ids))
		var lookups errgroup.Group
		lookups.SetLimit(loadsAtOnce)
		for i, id := range ids {
			lookups.Go(func() error {
				_, errs[i] = t.client.lookUp(ctx, id)
				return nil
			})
		}
		_ = lookups.Wait() // the errors are in errs
		return func() {
			again := more
			for i, id := range ids {
				fails := isTransient(errs[i]) && !unreadable(errs[i]) // and may succeed another time
				again = again || fails
				member, present := t.room.members.Get(id)
				switch {
				case errs[i] == nil && present:
					t.client.events.emit(MemberUpdated{Meta: t.newMeta(), Member: member.clone()})
				case errs[i] != nil && !fails:
					t.nameless.Add(id, struct{}{})
				}
			}
			if err := errors.Join(errs...); err != nil {
				t.client.log.DebugContext(ctx, "names of members not read", t.room.logged(), slog.Any("error", err))
			}
			if again {
				t.startTimer(forNames, retryDelay, t.readNames)
			}
		}
	})
}

// unnamed returns some members whose name is not known, and whether there are more.
func (t *tracker) unnamed() (ids []UserID, more bool) {
	if t.nameless.Len() >= maxNameless {
		return nil, false
	}
	for id := range t.room.members.All() {
		if _, named := t.client.users.Get(id); named || t.nameless.Contains(id) {
			continue
		}
		if len(ids) == maxNames {
			return ids, true
		}
		ids = append(ids, id)
	}
	return ids, false
}
