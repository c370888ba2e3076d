package client

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/queup-go/queup/client/internal/cache"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/redact"
	"github.com/queup-go/queup/realtime"
)

// A tracker keeps the state of one room up to date with the events of the connection. All of its methods run on the connection's
// goroutine, so they need no lock but the room's mu, for those who read.
type tracker struct {
	room   *Room   // immutable
	client *Client // immutable; the room's

	link    *connection // the room is attached to; nil before and after
	waiting waiting
	alarms  map[string]func()  // what is due at some time, by its purpose; calling one calls it off
	reading context.CancelFunc // ends the try to read the room again after a lost connection; nil for none
	asking  map[string]func()  // what is under way that is asked in turn, by its purpose; what follows it, or nil
	epoch   int                // changes whenever what was asked of QueUp for this room is no longer wanted
	lost    bool               // the connection was lost since the state was read
	late    bool               // the channel did not come back with the connection yet
	stale   bool               // events are applied that may be older than the state
	former  formerPlay         // the play before the current one
	told    time.Time          // plays that began before this are no news, by QueUp's clock

	nameless *simplelru.LRU[UserID, struct{}] // members whose name QueUp, asked, did not say
	muted    *simplelru.LRU[UserID, struct{}] // who is known to be muted, there or not
	plays    *simplelru.LRU[PlayID, struct{}] // which have been told
	presence map[string]map[string]struct{}   // connections of each who is visible
	news     *Meta                            // the latest event that was about the queue and not told yet
}

const (
	maxMuted = 1024 // users whose mute is remembered when they have left
	maxPlays = 512  // plays that are known not to be news
)

func newTracker(r *Room) *tracker {
	t := &tracker{room: r, client: r.client}
	t.reset()
	return t
}

// reset forgets everything but the epoch.
func (t *tracker) reset() {
	*t = tracker{
		room:     t.room,
		client:   t.client,
		epoch:    t.epoch + 1,
		waiting:  waiting{turn: t.waiting.turn + 1},
		alarms:   make(map[string]func()),
		asking:   make(map[string]func()),
		nameless: cache.NewLRU[UserID, struct{}](maxNameless),
		muted:    cache.NewLRU[UserID, struct{}](maxMuted),
		plays:    cache.NewLRU[PlayID, struct{}](maxPlays),
		presence: make(map[string]map[string]struct{}),
	}
}

// attach makes t the receiver of what comes from the room's channel. All of it waits under hold until the room is loaded.
func (t *tracker) attach(l *connection) (hold int) {
	l.rooms[t.room.channel()] = t
	t.reset()
	t.room.deleted.Purge()
	t.link = l
	return t.hold()
}

// setJoined notes that the room is joined, and present if it may also be acted in.
func (t *tracker) setJoined(present bool) {
	t.client.rooms.Put(t.room.id, t.room)
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.joined, t.room.present = true, present
}

// adopt takes over the client's own record, when a room that was only listened to is joined.
func (t *tracker) adopt(self wire.RoomUser, password redact.Secret) {
	t.setPassword(password)
	if m := newMember(t.client, self); m.UserID != "" {
		m.RoomID = t.room.id
		t.put(m)
		t.setMuted(m.UserID, m.Muted)
		t.readRolesSoon()
	}
}

// setPassword remembers what the room was joined with, for coming back.
func (t *tracker) setPassword(password redact.Secret) {
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.password = password
}

// close forgets what is only true while the client is in the room.
func (t *tracker) close() {
	gone := t.room.members.List()
	t.room.members.Replace(nil)
	for _, e := range gone {
		t.client.people.leave(e.ID)
	}
	t.room.left.clear()
	t.callOff()
	t.reset()
	t.room.deleted.Purge()
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.joined, t.room.present, t.room.invisible, t.room.password = false, false, false, redact.Secret{}
	t.room.now, t.room.queue, t.room.roles = nil, nil, authority{}
}

// read decodes a message of the room and applies it.
func (t *tracker) read(m realtime.Message) {
	event, err := t.link.events.Decode(m.Name, m.Data)
	if err != nil {
		t.client.events.emit(Malformed{Meta: Meta{At: m.At, Room: t.room, Name: m.Name, Raw: m.Data}, Err: err})
		return
	}
	t.apply(event, Meta{At: m.At, Room: t.room, Name: event.EventName(), Raw: event.RawJSON()})
}

// apply brings the room's state up to date with an event and then tells everyone who listens. It runs on the
// connection's goroutine; events are known by their name on the wire in docs/PROTOCOL.md 6.2.
func (t *tracker) apply(event wire.Event, meta Meta) {
	switch e := event.(type) {
	case *wire.ChatMessage:
		t.applyChat(e, meta)
	case *wire.DeleteChatMessage:
		t.applyChatDeleted(e, meta)
	case *wire.DeleteChatMessageGlobal:
		t.applyChatCleared(e, meta)

	case *wire.UserJoin:
		t.applyJoin(e, meta)
	case *wire.UserLeave:
		t.applyLeave(e, meta)
	case *wire.UserUpdate:
		t.applyUpdate(e, meta)
	case *wire.UserImageUpdate:
		t.applyAvatar(e.Subject, e.User, e.Image, meta)
	case *wire.UserAvatarUpdate:
		t.applyAvatar("", e.User, e.Image, meta)

	case *wire.UserKick:
		t.applyKick(e, meta)
	case *wire.UserBan:
		t.applyBan(e, meta)
	case *wire.UserUnban:
		t.applyUnban(e, meta)
	case *wire.UserMute:
		t.applyMute(e.Target, e.User, true, meta)
	case *wire.UserUnmute:
		t.applyMute(e.Target, e.User, false, meta)

	case *wire.RoomPlaylistUpdate:
		t.applyPlaylist(e, meta)
	case *wire.RoomPlaylistDub:
		t.applyDub(e, meta)
	case *wire.RoomPlaylistQueueUpdateGrabs:
		t.applyGrab(e, meta)
	case *wire.ChatSkip:
		t.applySkip(e, meta)

	case *wire.RoomPlaylistQueueUpdateDub, *wire.RoomPlaylistQueueUpdate:
		t.queueNews(meta)
	case *wire.RoomPlaylistQueueReorder:
		t.applyReorder(e, meta)
	case *wire.RoomPlaylistQueueRemoveUserSong:
		t.applySongRemoved(e, meta)
	case *wire.RoomPlaylistQueueRemoveUser:
		t.applyDJRemoved(e, meta)
	case *wire.UserPauseQueue:
		t.applyPause(e.User, e.Member, e.User, meta)
	case *wire.UserPauseQueueMod:
		t.applyPause(e.User, e.Member, e.Moderator, meta)
	case *wire.RoomLockQueue:
		t.applyLock(e, meta)

	case *wire.UserSetRole:
		t.applyRoleSet(e, meta)
	case *wire.UserUnsetRole:
		t.applyRoleUnset(e, meta)
	case *wire.RoomRoleCreate:
		t.applyRoleWritten(e.Role, meta)
	case *wire.RoomRoleUpdate:
		t.applyRoleWritten(e.Role, meta)
	case *wire.RoomRoleDelete:
		t.applyRoleDeleted(e.RoleID, meta)
	case *wire.RoomRolesReorder:
		t.applyRolesReordered(e, meta)

	case *wire.RoomUpdate:
		t.applyRoomUpdate(e, meta)
	case *wire.RoomSlowMode:
		t.applySlowMode(e, meta)
	case *wire.RoomAllowGuestChat:
		t.applyGuestChat(e, meta)
	case *wire.RoomAllowGuestEmbed:
		t.applyGuestEmbed(e, meta)

	default:
		t.client.applyElsewhere(event, meta)
	}
}

// applyElsewhere is apply for what has nothing to do with a room, whatever channel it comes from.
func (c *Client) applyElsewhere(event wire.Event, meta Meta) {
	switch e := event.(type) {
	case *wire.CommentAdd:
		c.events.emit(CommentAdded{Meta: meta, Comment: newComment(c, "", e.Comment)})
	case *wire.CommentRemove:
		comment := newComment(c, "", e.Comment)
		comment.Deleted = true
		c.events.emit(CommentRemoved{Meta: meta, Comment: comment})
	case *wire.CommentUpdate:
		comment := newComment(c, "", e.Comment)
		if comment.ID == "" {
			comment.ID = e.Subject
		}
		c.events.emit(CommentUpdated{Meta: meta, Comment: comment})
	default:
		c.events.emit(Unknown{meta})
	}
}

// unfit reports whether a member of an object has come with a value that is not known.
func unfit(extra map[string]json.RawMessage, name string) bool {
	_, is := extra[name]
	return is
}

// unclear is for an event whose news is one member: if that is unfit, it is told as Unknown.
func (t *tracker) unclear(extra map[string]json.RawMessage, name string, meta Meta) bool {
	is := unfit(extra, name)
	if is {
		t.client.events.emit(Unknown{meta})
	}
	return is
}

var errNobody = errors.New("queup: the event does not say who it is about")

// someone returns the user that an event is about, who may have left, and their record in the room. The record of
// someone who was not there has just the ids. It is false for nobody, which is told as Malformed.
func (t *tracker) someone(w wire.User, meta Meta) (User, Member, bool) {
	if userID(w) == "" {
		t.client.events.emit(Malformed{Meta: meta, Err: errNobody})
		return User{}, Member{}, false
	}
	user := t.client.seeUser(w, false)
	member, known := t.room.lately(user.ID)
	if !known {
		member = Member{UserID: user.ID, RoomID: t.room.id, client: t.client}
	}
	return user, member, true
}

// by returns who did something. It is zero where the event does not say.
func (t *tracker) by(w wire.User) User {
	if userID(w) == "" && w.Username == "" {
		return User{}
	}
	return t.client.seeUser(w, false)
}

// alarm runs f on the connection's goroutine once d has passed, unless the alarm is called off: by another one for the
// same purpose, because the connection is lost, or because the room is over.
func (t *tracker) alarm(purpose string, d time.Duration, f func()) {
	t.quiet(purpose)
	t.alarms[purpose] = t.link.after(d, func() {
		delete(t.alarms, purpose)
		f()
	})
}

// pending reports whether an alarm is set.
func (t *tracker) pending(purpose string) bool {
	_, set := t.alarms[purpose]
	return set
}

// quiet calls an alarm off.
func (t *tracker) quiet(purpose string) {
	if stop, set := t.alarms[purpose]; set {
		stop()
		delete(t.alarms, purpose)
	}
}

// callOff calls everything off that is due or was asked of QueUp.
func (t *tracker) callOff() {
	for purpose := range t.alarms {
		t.quiet(purpose)
	}
	clear(t.asking)
	if t.reading != nil {
		t.reading()
		t.reading = nil
	}
	t.epoch++
}

// ask runs f in a goroutine of its own, for as long as limit allows, and what it returns on the connection's, unless
// that was called off meanwhile.
func (t *tracker) ask(limit time.Duration, f func(ctx context.Context) (then func())) {
	l, epoch := t.link, t.epoch
	t.client.workers.Start(func() {
		ctx, cancel := context.WithTimeout(l.life, limit)
		defer cancel()
		then := f(ctx)
		if then == nil {
			return
		}
		_ = l.do(l.life, func() {
			if t.link == l && t.epoch == epoch {
				then()
			}
		})
	})
}

// askInTurn is ask for what may be wanted many times in a short while: of those with the same purpose one is under way,
// and the latest that was wanted meanwhile follows.
func (t *tracker) askInTurn(purpose string, limit time.Duration, f func(ctx context.Context) (then func())) {
	if t.busy(purpose, func() { t.askInTurn(purpose, limit, f) }) {
		return
	}
	t.asking[purpose] = nil
	t.ask(limit, func(ctx context.Context) func() {
		then := f(ctx)
		return func() {
			if then != nil {
				then()
			}
			next := t.asking[purpose] // nil, too, if that was the end of the room
			delete(t.asking, purpose)
			if next != nil {
				next()
			}
		}
	})
}

// busy reports whether something with that purpose is under way. Then again is what follows it.
func (t *tracker) busy(purpose string, again func()) bool {
	_, is := t.asking[purpose]
	if is {
		t.asking[purpose] = again
	}
	return is
}

// meta is the Meta of what is not the answer to an event.
func (t *tracker) meta() Meta { return Meta{At: time.Now(), Room: t.room} }

// again is the Meta of what was found out after a lost connection.
func (t *tracker) again() Meta { return Meta{At: time.Now(), Room: t.room, Resynced: true} }
