package client

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

func (r *Room) applyReorder(e *wire.RoomPlaylistQueueReorder, meta Meta) {
	r.queueNews(meta)
	r.client.events.emit(QueueReordered{Meta: meta, By: r.by(e.User)})
}

func (r *Room) applySongRemoved(e *wire.RoomPlaylistQueueRemoveUserSong, meta Meta) {
	_, member, ok := r.someone(e.Target, meta)
	if !ok {
		return
	}
	r.queueNews(meta)
	r.client.events.emit(SongRemoved{Meta: meta, Member: member.own(), By: r.by(e.User)})
}

func (r *Room) applyDJRemoved(e *wire.RoomPlaylistQueueRemoveUser, meta Meta) {
	user, member, ok := r.someone(e.Target, meta)
	if !ok {
		return
	}
	r.unqueue(user.ID)
	r.queueNews(meta)
	r.client.events.emit(DJRemoved{Meta: meta, Member: member.own(), By: r.by(e.User)})
}

func (r *Room) applyPause(dj wire.User, w wire.RoomUser, by wire.User, meta Meta) {
	if r.unclear(w.Extra, "queuePaused", meta) {
		return
	}
	dj.ID = cmp.Or(userID(dj), recordOf(w))
	_, member, ok := r.someone(dj, meta)
	if !ok || r.live.replay && member.QueuePaused == w.QueuePaused {
		return
	}
	if w.ID != "" { // more than the news alone
		member = r.memberOf(dj.ID, w)
	}
	member.QueuePaused = w.QueuePaused
	r.keep(member)
	if w.QueuePaused {
		r.unqueue(dj.ID)
	}
	r.queueNews(meta)
	r.client.events.emit(QueuePaused{Meta: meta, Member: member.own(), Paused: w.QueuePaused, By: r.by(by)})
}

// unqueue takes a DJ out of the queue, until it is read again.
func (r *Room) unqueue(dj UserID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = slices.DeleteFunc(slices.Clone(r.queue), func(s Song) bool { return s.UserID == dj })
}

func (r *Room) applyLock(e *wire.RoomLockQueue, meta Meta) {
	if r.elsewhere(e.Room.ID) || r.unclear(e.Room.Extra, "lockQueue", meta) || r.live.replay && r.Info().QueueLocked == e.Room.LockQueue {
		return
	}
	r.edit(func(w *wire.Room) { w.LockQueue = e.Room.LockQueue })
	r.client.events.emit(QueueLocked{Meta: meta, Locked: e.Room.LockQueue, By: r.by(e.User)})
}

// Purposes of alarms.
const dueQueue = "queue" // read the queue again

// queueDelay is how long the news that the queue has changed is collected. Source: docs/PROTOCOL.md 7, rule 19.
const queueDelay = 5 * time.Second

// queueNews has the queue read again and told of, because an event has said that it changed.
func (r *Room) queueNews(meta Meta) {
	r.live.news = &meta
	r.readQueueSoon()
}

// readQueueSoon has the queue read again. Much news in a short time lead to one reading.
func (r *Room) readQueueSoon() {
	if !r.pending(dueQueue) {
		r.alarm(dueQueue, queueDelay, r.readQueue)
	}
}

// mediaTimeout bounds the look-up of the media of a queue.
const mediaTimeout = 20 * time.Second

// readQueue reads the queue and tells of it, if an event has said that it changed or if it did.
func (r *Room) readQueue() {
	if r.busy(dueQueue, r.readQueue) {
		return
	}
	news := r.live.news
	r.live.news = nil
	r.askInTurn(dueQueue, mediaTimeout, func(ctx context.Context) func() {
		queue, lacks, err := r.fetchQueue(ctx, ctx)
		if err != nil {
			r.client.log.WarnContext(ctx, "queue not read", r.logged(), slog.Any("error", err))
			return func() {
				if r.live.news == nil {
					r.live.news = news // still to be told
				}
				r.later(dueQueue, err, r.readQueue)
			}
		}
		return func() {
			r.later(dueQueue, lacks, r.readQueue)
			if changed := r.setQueue(queue); !changed && news == nil {
				return
			}
			meta := r.meta()
			if news != nil {
				meta = *news
			}
			r.client.events.emit(QueueUpdated{Meta: meta, Queue: r.Queue()})
		}
	})
}

// setQueue notes the queue and reports whether it is another one.
func (r *Room) setQueue(queue []Song) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		queue = slices.DeleteFunc(queue, func(s Song) bool { return s.ID == r.now.song.ID })
	}
	changed = !slices.EqualFunc(r.queue, queue, func(a, b Song) bool {
		before, _ := a.Info()
		after, _ := b.Info()
		return a.Equal(b) && before.Equal(after)
	})
	r.queue = queue
	return changed
}

// loadQueue takes over the queue. What could not be looked up in time of its media follows.
func (r *Room) loadQueue(state roomState) (changed bool) {
	if state.queue == nil {
		return false
	}
	changed = r.setQueue(*state.queue)
	if lacksMedia(*state.queue) {
		r.readQueueSoon()
	}
	return changed
}
