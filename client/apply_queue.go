package client

import (
	"cmp"
	"slices"

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
