package client

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

func (t *tracker) applyReorder(e *wire.RoomPlaylistQueueReorder, meta Meta) {
	t.seenActor(e.User, meta)
	t.queueChanged(meta)
	t.client.events.emit(QueueReordered{Meta: meta, By: t.actor(e.User)})
}

func (t *tracker) applySongRemoved(e *wire.RoomPlaylistQueueRemoveUserSong, meta Meta) {
	_, member, ok := t.subject(e.Target, meta)
	if !ok {
		return
	}
	t.seenActor(e.User, meta)
	t.queueChanged(meta)
	t.client.events.emit(SongRemoved{Meta: meta, Member: member.clone(), By: t.actor(e.User)})
}

func (t *tracker) applyDJRemoved(e *wire.RoomPlaylistQueueRemoveUser, meta Meta) {
	user, member, ok := t.subject(e.Target, meta)
	if !ok {
		return
	}
	t.seenActor(e.User, meta)
	t.unqueue(user.ID)
	t.queueChanged(meta)
	t.client.events.emit(DJRemoved{Meta: meta, Member: member.clone(), By: t.actor(e.User)})
}

func (t *tracker) applyPause(dj wire.User, w wire.RoomUser, by wire.User, meta Meta) {
	if t.rejectUnfit(w.Extra, "queuePaused", meta) {
		return
	}
	dj.ID = cmp.Or(userID(dj), memberUserID(w))
	_, member, ok := t.subject(dj, meta)
	if !ok || t.stale && member.QueuePaused == w.QueuePaused {
		return
	}
	if w.ID != "" { // the event has the whole record
		member = t.memberOf(dj.ID, w)
	}
	member.QueuePaused = w.QueuePaused
	t.storeMember(member)
	if w.QueuePaused {
		t.unqueue(dj.ID)
	}
	t.seenActor(by, meta)
	t.queueChanged(meta)
	t.client.events.emit(QueuePaused{Meta: meta, Member: member.clone(), Paused: w.QueuePaused, By: t.actor(by)})
}

// unqueue removes the songs of a DJ from the queue, until it is read again.
func (t *tracker) unqueue(dj UserID) {
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	t.room.queue = slices.DeleteFunc(slices.Clone(t.room.queue), func(s Song) bool { return s.UserID == dj })
}

// queueDelay is how long changes of the queue are coalesced before it is read. Source: docs/PROTOCOL.md 7, rule 19.
const queueDelay = 5 * time.Second

// queueChanged schedules a read of the queue after an event that says that it has changed. QueueUpdated follows in any case.
func (t *tracker) queueChanged(meta Meta) {
	t.queueMeta = &meta
	t.readQueueSoon()
}

// readQueueSoon schedules a read of the queue. Calls within queueDelay are coalesced into one read.
func (t *tracker) readQueueSoon() {
	if !t.timerRuns(forQueue) {
		t.startTimer(forQueue, queueDelay, t.readQueue)
	}
}

// readQueue reads the queue, and emits QueueUpdated if an event has said that it changed or if it differs.
func (t *tracker) readQueue() {
	if t.queueBehind(forQueue, t.readQueue) {
		return
	}
	pending := t.queueMeta
	t.queueMeta = nil
	t.askOnce(forQueue, mediaTimeout, func(ctx context.Context) func() {
		queue, missing, err := t.room.fetchQueue(ctx, ctx)
		if err != nil {
			t.client.log.WarnContext(ctx, "queue not read", t.room.logged(), slog.Any("error", err))
			return func() {
				if t.queueMeta == nil {
					t.queueMeta = pending // its QueueUpdated is still due
				}
				t.retryLater(forQueue, err, t.readQueue)
			}
		}
		return func() {
			t.retryLater(forQueue, missing, t.readQueue)
			if changed := t.setQueue(queue); !changed && pending == nil {
				return
			}
			meta := t.newMeta()
			if pending != nil {
				meta = *pending
			}
			t.client.events.emit(QueueUpdated{Meta: meta, Queue: t.room.Queue()})
		}
	})
}

// setQueue stores the queue, without the current song, and reports whether it has changed.
func (t *tracker) setQueue(queue []Song) (changed bool) {
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	if t.room.current != nil {
		queue = slices.DeleteFunc(queue, func(s Song) bool { return s.ID == t.room.current.song.ID })
	}
	changed = !slices.EqualFunc(t.room.queue, queue, func(a, b Song) bool {
		before, _ := a.Info()
		after, _ := b.Info()
		return a.Equal(b) && before.Equal(after)
	})
	t.room.queue = queue
	return changed
}
