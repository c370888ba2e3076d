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

// roomWork is what the connection's goroutine needs to keep a room up to date.
type roomWork struct {
	link    *connection // the room is attached to; nil before and after
	waiting waiting
	alarms  map[string]func()  // what is due at some time, by its purpose; calling one calls it off
	reading context.CancelFunc // ends the try to read the room again after a lost connection; nil for none
	asking  map[string]func()  // what is under way that is asked in turn, by its purpose; what follows it, or nil
	epoch   int                // changes whenever what was asked of QueUp for this room is no longer wanted
	lost    bool               // the connection was lost since the state was read
	late    bool               // the channel did not come back with the connection yet
	replay  bool               // events are applied that may be older than the state
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

// reset forgets everything but the epoch.
func (w *roomWork) reset() {
	*w = roomWork{
		epoch:    w.epoch + 1,
		waiting:  waiting{turn: w.waiting.turn + 1},
		alarms:   make(map[string]func()),
		asking:   make(map[string]func()),
		nameless: cache.NewLRU[UserID, struct{}](maxNameless),
		muted:    cache.NewLRU[UserID, struct{}](maxMuted),
		plays:    cache.NewLRU[PlayID, struct{}](maxPlays),
		presence: make(map[string]map[string]struct{}),
	}
}

// close forgets what is only true while the client is in the room.
func (r *Room) close() {
	gone := r.members.List()
	r.members.Replace(nil)
	for _, e := range gone {
		r.client.people.leave(e.ID)
	}
	r.left.clear()
	r.callOff()
	r.live.reset()
	r.deleted.Purge()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joined, r.present, r.invisible, r.password = false, false, false, redact.Secret{}
	r.now, r.queue, r.roles = nil, nil, authority{}
}

// read decodes a message of the room and applies it.
func (r *Room) read(m realtime.Message) {
	event, err := r.live.link.events.Decode(m.Name, m.Data)
	if err != nil {
		r.client.events.emit(Malformed{Meta: Meta{At: m.At, Room: r, Name: m.Name, Raw: m.Data}, Err: err})
		return
	}
	r.apply(event, Meta{At: m.At, Room: r, Name: event.EventName(), Raw: event.RawJSON()})
}

// apply brings the room's state up to date with an event and then tells everyone who listens. It runs on the
// connection's goroutine; events are known by their name on the wire in docs/PROTOCOL.md 6.2.
func (r *Room) apply(event wire.Event, meta Meta) {
	switch e := event.(type) {
	case *wire.ChatMessage:
		r.applyChat(e, meta)
	case *wire.DeleteChatMessage:
		r.applyChatDeleted(e, meta)
	case *wire.DeleteChatMessageGlobal:
		r.applyChatCleared(e, meta)

	case *wire.UserJoin:
		r.applyJoin(e, meta)
	case *wire.UserLeave:
		r.applyLeave(e, meta)
	case *wire.UserUpdate:
		r.applyUpdate(e, meta)
	case *wire.UserImageUpdate:
		r.applyAvatar(e.Subject, e.User, e.Image, meta)
	case *wire.UserAvatarUpdate:
		r.applyAvatar("", e.User, e.Image, meta)

	case *wire.UserKick:
		r.applyKick(e, meta)
	case *wire.UserBan:
		r.applyBan(e, meta)
	case *wire.UserUnban:
		r.applyUnban(e, meta)
	case *wire.UserMute:
		r.applyMute(e.Target, e.User, true, meta)
	case *wire.UserUnmute:
		r.applyMute(e.Target, e.User, false, meta)

	case *wire.RoomPlaylistUpdate:
		r.applyPlaylist(e, meta)
	case *wire.RoomPlaylistDub:
		r.applyDub(e, meta)
	case *wire.RoomPlaylistQueueUpdateGrabs:
		r.applyGrab(e, meta)
	case *wire.ChatSkip:
		r.applySkip(e, meta)

	case *wire.RoomPlaylistQueueUpdateDub, *wire.RoomPlaylistQueueUpdate:
		r.queueNews(meta)
	case *wire.RoomPlaylistQueueReorder:
		r.applyReorder(e, meta)
	case *wire.RoomPlaylistQueueRemoveUserSong:
		r.applySongRemoved(e, meta)
	case *wire.RoomPlaylistQueueRemoveUser:
		r.applyDJRemoved(e, meta)
	case *wire.UserPauseQueue:
		r.applyPause(e.User, e.Member, e.User, meta)
	case *wire.UserPauseQueueMod:
		r.applyPause(e.User, e.Member, e.Moderator, meta)
	case *wire.RoomLockQueue:
		r.applyLock(e, meta)

	case *wire.UserSetRole:
		r.applyRoleSet(e, meta)
	case *wire.UserUnsetRole:
		r.applyRoleUnset(e, meta)
	case *wire.RoomRoleCreate:
		r.applyRoleWritten(e.Role, meta)
	case *wire.RoomRoleUpdate:
		r.applyRoleWritten(e.Role, meta)
	case *wire.RoomRoleDelete:
		r.applyRoleDeleted(e.RoleID, meta)
	case *wire.RoomRolesReorder:
		r.applyRolesReordered(e, meta)

	case *wire.RoomUpdate:
		r.applyRoomUpdate(e, meta)
	case *wire.RoomSlowMode:
		r.applySlowMode(e, meta)
	case *wire.RoomAllowGuestChat:
		r.applyGuestChat(e, meta)
	case *wire.RoomAllowGuestEmbed:
		r.applyGuestEmbed(e, meta)

	default:
		r.client.applyElsewhere(event, meta)
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
func (r *Room) unclear(extra map[string]json.RawMessage, name string, meta Meta) bool {
	is := unfit(extra, name)
	if is {
		r.client.events.emit(Unknown{meta})
	}
	return is
}

var errNobody = errors.New("queup: the event does not say who it is about")

// someone returns the user that an event is about, who may have left, and their record in the room. The record of
// someone who was not there has just the ids. It is false for nobody, which is told as Malformed.
func (r *Room) someone(w wire.User, meta Meta) (User, Member, bool) {
	if userID(w) == "" {
		r.client.events.emit(Malformed{Meta: meta, Err: errNobody})
		return User{}, Member{}, false
	}
	user := r.client.seeUser(w, false)
	member, known := r.lately(user.ID)
	if !known {
		member = Member{UserID: user.ID, RoomID: r.id, client: r.client}
	}
	return user, member, true
}

// by returns who did something. It is zero where the event does not say.
func (r *Room) by(w wire.User) User {
	if userID(w) == "" && w.Username == "" {
		return User{}
	}
	return r.client.seeUser(w, false)
}

// alarm runs f on the connection's goroutine once d has passed, unless the alarm is called off: by another one for the
// same purpose, because the connection is lost, or because the room is over.
func (r *Room) alarm(purpose string, d time.Duration, f func()) {
	r.quiet(purpose)
	r.live.alarms[purpose] = r.live.link.after(d, func() {
		delete(r.live.alarms, purpose)
		f()
	})
}

// pending reports whether an alarm is set.
func (r *Room) pending(purpose string) bool {
	_, set := r.live.alarms[purpose]
	return set
}

// quiet calls an alarm off.
func (r *Room) quiet(purpose string) {
	if stop, set := r.live.alarms[purpose]; set {
		stop()
		delete(r.live.alarms, purpose)
	}
}

// callOff calls everything off that is due or was asked of QueUp.
func (r *Room) callOff() {
	for purpose := range r.live.alarms {
		r.quiet(purpose)
	}
	clear(r.live.asking)
	if r.live.reading != nil {
		r.live.reading()
		r.live.reading = nil
	}
	r.live.epoch++
}

// ask runs f in a goroutine of its own, for as long as limit allows, and what it returns on the connection's, unless
// that was called off meanwhile.
func (r *Room) ask(limit time.Duration, f func(ctx context.Context) (then func())) {
	l, epoch := r.live.link, r.live.epoch
	r.client.workers.Start(func() {
		ctx, cancel := context.WithTimeout(l.life, limit)
		defer cancel()
		then := f(ctx)
		if then == nil {
			return
		}
		_ = l.do(l.life, func() {
			if r.live.link == l && r.live.epoch == epoch {
				then()
			}
		})
	})
}

// askInTurn is ask for what may be wanted many times in a short while: of those with the same purpose one is under way,
// and the latest that was wanted meanwhile follows.
func (r *Room) askInTurn(purpose string, limit time.Duration, f func(ctx context.Context) (then func())) {
	if r.busy(purpose, func() { r.askInTurn(purpose, limit, f) }) {
		return
	}
	r.live.asking[purpose] = nil
	r.ask(limit, func(ctx context.Context) func() {
		then := f(ctx)
		return func() {
			if then != nil {
				then()
			}
			next := r.live.asking[purpose] // nil, too, if that was the end of the room
			delete(r.live.asking, purpose)
			if next != nil {
				next()
			}
		}
	})
}

// busy reports whether something with that purpose is under way. Then again is what follows it.
func (r *Room) busy(purpose string, again func()) bool {
	_, is := r.live.asking[purpose]
	if is {
		r.live.asking[purpose] = again
	}
	return is
}

// again is the Meta of what was found out after a lost connection.
func (r *Room) again() Meta { return Meta{At: time.Now(), Room: r, Resynced: true} }
