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

// applyJoin adds a member, unless the user is in the room already. Source: docs/PROTOCOL.md 7, rule 8.
func (t *tracker) applyJoin(e *wire.UserJoin, meta Meta) {
	if userID(e.User) == "" { // the member's record has it, too
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
	member := t.addMember(t.memberOf(user.ID, e.Member))
	t.seen(member, meta)
	t.client.events.emit(MemberJoined{Meta: meta, Member: member.clone(), User: user})
	if user.Username == "" {
		t.readNames()
	}
}

// applyLeave removes a member, unless the user is not in the room any more.
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

// expulsionDelay is the longest time between a kick or a ban and the leave that goes with it; either may come first. Source:
// docs/PROTOCOL.md 7, rule 5.
const expulsionDelay = 5 * time.Second

// verifyOwnLeave handles a user-leave for our own account that we did not cause. A kick or a ban may follow and explain it. Otherwise QueUp
// is mistaken, and the client enters the room again. Source: docs/PROTOCOL.md 7, rule 5.
func (t *tracker) verifyOwnLeave() {
	t.startTimer(forReturn, expulsionDelay, func() {
		l := t.link
		t.client.log.WarnContext(t.client.workers.Context(), "QueUp reports that the account has left a room: entering it again", t.room.logged())
		t.ask(answerTimeout, func(ctx context.Context) func() {
			_, err := t.room.reenter(ctx, func() error { return t.room.restorePresence(ctx, l) })
			if err == nil {
				return nil
			}
			return func() {
				if refused(err) {
					t.end(err)
					return
				}
				t.client.log.WarnContext(ctx, "room not entered again after a wrong leave", t.room.logged(), slog.Any("error", err))
				t.verifyOwnLeave()
			}
		})
	})
}

// refused reports whether QueUp does not let the client into a room. The answer of a proxy or a host does not count as QueUp's.
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

// removeExpelled removes a kicked or banned member whose leave does not follow within expulsionDelay. It does not at once, because QueUp
// has been seen to name the wrong user. If it is the client itself, the room ends at once. Source: docs/PROTOCOL.md 7, rules 5 and 6.
func (t *tracker) removeExpelled(user User, why error) {
	if t.client.isMe(user.ID) && t.room.mayAct() {
		t.end(why)
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

// applyMute mutes or unmutes a user, also one who has left: QueUp does not repeat a mute when the user comes back. Source:
// docs/PROTOCOL.md 7, rule 11.
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
	maxVisible     = 10_000 // users whose connections are counted
	maxConnections = 64     // connections that are counted for each of them
)

// applyPresence emits MemberPresence when a user's presence changes. A user may have several connections: only the first makes the user
// visible, and only the end of the last makes the user invisible. An unknown action changes neither and is emitted as it is. Source:
// docs/PROTOCOL.md 7, rule 30.
func (t *tracker) applyPresence(e realtime.Presence) {
	connections := t.presence[e.ClientID]
	_, known := connections[e.ConnectionID]
	changed := true
	switch e.Action {
	case realtime.PresenceLeave:
		delete(connections, e.ConnectionID)
		if changed = len(connections) == 0; changed {
			delete(t.presence, e.ClientID)
		}
	case realtime.PresenceEnter, realtime.PresenceUpdate:
		if e.Action == realtime.PresenceEnter {
			changed = len(connections) == 0 && !known
		}
		if connections == nil && len(t.presence) < maxVisible {
			connections = make(map[string]struct{})
			t.presence[e.ClientID] = connections
		}
		if connections != nil && len(connections) < maxConnections {
			connections[e.ConnectionID] = struct{}{}
		}
	}
	if !changed || e.ClientID == "" || t.client.isMe(UserID(e.ClientID)) {
		return
	}
	meta := Meta{At: e.At, Room: t.room, Name: "presence", Raw: e.Data}
	t.client.events.emit(MemberPresence{Meta: meta, User: t.client.userOrID(UserID(e.ClientID)), Presence: Presence(e.Action)})
}

var errNoSubject = errors.New("queup: the event does not say who it is about")

// subject returns the user that an event is about and the user's record in the room. The user may have left; a record that is not known
// has just the ids. If the event names no user, subject emits it as Malformed and reports false.
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

// actor returns the user who caused an event. It is zero if the event does not say.
func (t *tracker) actor(w wire.User) User {
	if userID(w) == "" && w.Username == "" {
		return User{}
	}
	return t.client.learnUser(w, false)
}

// memberOf returns a user's record: the one of an event, merged with the known one. Events do not say whether a user is muted, and give
// roles by their ids or not at all. These fields keep what is known. For an event without a record it returns the known one, or else one
// with just the ids.
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
		m.setHeld(append(m.held, known.held...)) // the event's roles come first
	}
	m.UserID, m.RoomID, m.active = id, t.room.id, known.active
	m.Muted = m.Muted || known.Muted || t.muted.Contains(id)
	m.Banned = m.Banned || known.Banned
	if isUnfit(w.Extra, "queuePaused") {
		m.QueuePaused = known.QueuePaused
	}
	m.forget(t.room.deleted.Contains)
	return m
}

// addMember adds or replaces a member, and returns the record with the activity that belongs to it.
func (t *tracker) addMember(m Member) Member {
	known, present := t.room.members.Get(m.UserID)
	if !present {
		t.client.users.enter(m.UserID)
	}
	if known.active != nil {
		m.active = known.active
	}
	if m.active == nil {
		m.active = new(activity)
	}
	t.room.members.Put(m.UserID, m)
	return m
}

// seen records that a member was active when an event happened. Members of whom no activity is kept are left out.
func (t *tracker) seen(m Member, meta Meta) {
	if m.active != nil {
		m.active.seen(t.client.clock.At(meta.At))
	}
}

// seenActor records that the user who caused an event was active, if the user is in the room.
func (t *tracker) seenActor(w wire.User, meta Meta) {
	if m, present := t.room.members.Get(userID(w)); present {
		t.seen(m, meta)
	}
}

// removeMember removes a member and returns the record, which is kept for departedTTL.
func (t *tracker) removeMember(id UserID) (Member, bool) {
	m, present := t.room.members.Remove(id)
	if present {
		t.client.users.leave(id)
		t.room.departed.Put(m.UserID, m)
	}
	return m, present
}

// storeMember replaces the record of a user who is in the room or has just left it.
func (t *tracker) storeMember(m Member) {
	if _, present := t.room.members.Get(m.UserID); present {
		t.addMember(m)
		return
	}
	t.room.departed.Replace(m.UserID, m)
}

// storeOwnRecord stores the client's own record and the password, when a room that the client only listened to is joined.
func (t *tracker) storeOwnRecord(self wire.RoomUser, password redact.Secret) {
	t.setPassword(password)
	if m := newMember(t.client, self); m.UserID != "" {
		m.RoomID = t.room.id
		t.addMember(m)
		t.setMuted(m.UserID, m.Muted)
		t.readRolesSoon()
	}
}

// readUsers reads the users in the room and emits the differences, as a resync does. If events have changed the members meanwhile, the
// answer may be older, and they are read again later.
func (t *tracker) readUsers() {
	before := t.room.members.List()
	t.askOnce(forUsers, answerTimeout, func(ctx context.Context) func() {
		users, err := t.room.fetchUsers(ctx)
		if err != nil {
			t.room.logNotRead(ctx, "members", err)
			return func() { t.retryLater(forUsers, err, t.readUsers) }
		}
		return func() {
			if list := t.room.members.List(); len(list) != len(before) || len(list) > 0 && &list[0] != &before[0] { // List returns the same snapshot until a change
				t.startTimer(forUsers, retryDelay, t.readUsers)
				return
			}
			t.catchUpMembers(users)
			t.stripDeletedRoles()
		}
	})
}

// readNames looks up the names of members that are not known, and emits MemberUpdated for each that it finds. A name that QueUp does not
// give is looked up once. Source: docs/PROTOCOL.md 1.8.
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
			retry := more
			for i, id := range ids {
				transient := isTransient(errs[i]) && !unreadable(errs[i])
				retry = retry || transient
				member, present := t.room.members.Get(id)
				switch {
				case errs[i] == nil && present:
					t.client.events.emit(MemberUpdated{Meta: t.newMeta(), Member: member.clone()})
				case errs[i] != nil && !transient:
					t.nameless.Add(id, struct{}{})
				}
			}
			if err := errors.Join(errs...); err != nil {
				t.client.log.DebugContext(ctx, "names of members not read", t.room.logged(), slog.Any("error", err))
			}
			if retry {
				t.startTimer(forNames, retryDelay, t.readNames)
			}
		}
	})
}

// unnamed returns up to maxNames members whose name is not known, and whether there are more.
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
