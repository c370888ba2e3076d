package queuptest

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

// The queue of a room: each DJ has songs, and those who want to play stand in the rotation. The functions of room check who
// may, change the state and tell the room; the caller holds s.mu.

// The texts of refusals; all are ours.
const (
	textLocked      = "The queue is locked"
	textQueueFull   = "The queue is full"
	textTooLong     = "The song is too long for this room"
	textQueued      = "The song is in your queue already"
	textPlayed      = "The song was played recently"
	textManySongs   = "You have too many songs in your queue"
	textNotQueued   = "The song is not in your queue"
	textNoQueue     = "The user has nothing in the queue"
	textQueueOrder  = "order must have everybody who is queued exactly once"
	textOwnOrder    = "order must have every song of your queue exactly once"
	textNoMediaType = "songType must be youtube or soundcloud"
)

// maxQueued is how many songs somebody may have in the queue of a room. A playlist of some 5,500 songs was too much for the
// service; see docs/PROTOCOL.md 1.3.
const maxQueued = 5_000

// place puts a member into the rotation, or takes them out, as songs and pause want it.
func (r *room) place(m *member) {
	i := slices.Index(r.rotation, m)
	switch want := len(m.queue) > 0 && !m.paused; {
	case want && i < 0:
		r.rotation = append(r.rotation, m)
	case !want && i >= 0:
		r.rotation = slices.Delete(r.rotation, i, i+1)
	}
}

// queueChanged tells the room that a member's queue has changed. In a silent room the next song starts.
func (r *room) queueChanged(m *member, now time.Time) {
	r.place(m)
	m.updated = now
	r.emit(&wire.RoomPlaylistQueueUpdateDub{User: r.wireEventUser(m.account)})
	r.emitMember(m)
	r.emitQueue(now)
}

// emitQueue tells the room that there is another queue behind what plays. In a silent room the next song starts.
func (r *room) emitQueue(now time.Time) {
	if r.playing == nil {
		r.advance(now, false)
		return
	}
	r.emit(&wire.RoomPlaylistUpdate{
		Elapsed: now.Sub(r.playing.playedAt).Truncate(time.Second),
		Play:    r.wirePlay(r.playing),
		Song:    r.playing.song.wireSong(),
	})
}

// mayEnter refuses who cannot join the rotation. That a locked queue takes no songs even of those who are in it is an
// assumption.
func (r *room) mayEnter(m *member) error {
	switch {
	case !r.can(m, permQueueJoin):
		return errorE1(http.StatusUnauthorized, textNoRight)
	case r.locked && !r.can(m, permLockBypass):
		return errorE1(http.StatusBadRequest, textLocked)
	case r.limitQueue && len(r.rotation) >= r.maxQueue && !slices.Contains(r.rotation, m):
		return errorE1(http.StatusBadRequest, textQueueFull)
	}
	return nil
}

// mayQueue refuses a song that the room does not take.
func (r *room) mayQueue(m *member, media *song, now time.Time) error {
	why := ""
	switch {
	case r.maxLength > 0 && media.length > r.maxLength:
		why = textTooLong
	case slices.ContainsFunc(m.queue, func(p *play) bool { return p.song == media }):
		why = textQueued
	case r.playedSince(media, now.Add(-r.repeat)):
		why = textPlayed
	case len(m.queue) >= maxQueued:
		why = textManySongs
	}
	if why == "" {
		return nil
	}
	return errorE1(http.StatusBadRequest, why)
}

// playedSince says whether a song started after a time.
func (r *room) playedSince(media *song, since time.Time) bool {
	if p := r.playing; p != nil && p.song == media && p.playedAt.After(since) {
		return true
	}
	for _, p := range slices.Backward(r.history) {
		if !p.playedAt.After(since) {
			return false
		}
		if p.song == media {
			return true
		}
	}
	return false
}

// addSongs queues songs; those that the room does not take are left out, unless it is just one.
func (r *room) addSongs(m *member, songs []*song, now time.Time) error {
	if !m.active {
		return errorE1(http.StatusUnauthorized, textNotHere)
	}
	if err := r.mayEnter(m); err != nil {
		return err
	}
	before := len(m.queue)
	for _, media := range songs {
		if err := r.mayQueue(m, media, now); err == nil {
			m.queue = append(m.queue, r.newPlay(m, media, now))
		} else if len(songs) == 1 {
			return err
		}
	}
	if len(m.queue) > before {
		r.queueChanged(m, now)
	}
	return nil
}

// removeNext removes a DJ's next song. It returns the one that is next now, nil if there is none.
func (r *room) removeNext(by, dj *member, now time.Time) (*play, error) {
	if err := r.need(by, permQueueRemove); err != nil {
		return nil, err
	}
	if len(dj.queue) == 0 {
		return nil, errorE1(http.StatusNotFound, textNoQueue)
	}
	dj.queue = dj.queue[1:]
	r.emit(&wire.RoomPlaylistQueueRemoveUserSong{User: r.wireEventUser(by.account), Target: r.wireEventUser(dj.account)})
	r.queueChanged(dj, now)
	r.note(by, dj, "remove-song", 0, now)
	if len(dj.queue) == 0 {
		return nil, nil //nolint:nilnil // no next song is an answer
	}
	return dj.queue[0], nil
}

// removeAll removes all songs of a DJ.
func (r *room) removeAll(by, dj *member, now time.Time) error {
	if err := r.need(by, permDJRemove); err != nil {
		return err
	}
	if len(dj.queue) == 0 {
		return errorE1(http.StatusNotFound, textNoQueue)
	}
	dj.queue = nil
	r.emit(&wire.RoomPlaylistQueueRemoveUser{User: r.wireEventUser(by.account), Target: r.wireEventUser(dj.account)})
	r.queueChanged(dj, now)
	r.note(by, dj, "remove-dj", 0, now)
	return nil
}

// pauseDJ takes a DJ out of the rotation, or puts them back.
func (r *room) pauseDJ(by, dj *member, paused bool, now time.Time) error {
	if err := r.need(by, permDJRemove); err != nil {
		return err
	}
	if len(dj.queue) == 0 {
		return errorE1(http.StatusNotFound, textNoQueue)
	}
	dj.paused = paused
	r.place(dj)
	r.emit(&wire.UserPauseQueueMod{User: r.wireEventUser(dj.account), Moderator: r.wireEventUser(by.account), Member: r.wireMember(dj)})
	r.queueChanged(dj, now)
	r.note(by, dj, "pause-dj", 0, now)
	return nil
}

// pauseOwn takes a member out of the rotation, or puts them in.
func (r *room) pauseOwn(m *member, paused bool, now time.Time) error {
	if r.members[m.account.id] == nil || !paused && !m.active {
		return errorE1(http.StatusUnauthorized, textNotHere)
	}
	if !paused && !slices.Contains(r.rotation, m) {
		if err := r.mayEnter(m); err != nil {
			return err
		}
	}
	m.paused = paused
	r.place(m)
	r.emit(&wire.UserPauseQueue{User: r.wireEventUser(m.account), Member: r.wireMember(m)})
	r.queueChanged(m, now)
	return nil
}

// reorder sets the order of the DJs.
func (r *room) reorder(by *member, order []wire.UserID, now time.Time) error {
	if err := r.need(by, permQueueOrder); err != nil {
		return err
	}
	rotation, ok := permuted(r.rotation, order, func(m *member) wire.UserID { return m.account.id })
	if !ok {
		return errorE1(http.StatusBadRequest, textQueueOrder)
	}
	r.rotation = rotation
	r.emit(&wire.RoomPlaylistQueueReorder{User: r.wireEventUser(by.account)})
	r.emit(&wire.RoomPlaylistQueueUpdate{}) // what causes it is an assumption: nobody has told
	r.emitQueue(now)
	r.note(by, nil, "queue-order", 0, now)
	return nil
}

// reorderOwn sets the order of a member's songs.
func (r *room) reorderOwn(m *member, order []wire.PlayID, now time.Time) error {
	queue, ok := permuted(m.queue, order, func(p *play) wire.PlayID { return p.id })
	if !ok {
		return errorE1(http.StatusBadRequest, textOwnOrder)
	}
	if m.queue = queue; len(queue) > 0 {
		r.queueChanged(m, now)
	}
	return nil
}

// removeOwn removes one song of a member's own.
func (r *room) removeOwn(m *member, id wire.PlayID, now time.Time) error {
	i := slices.IndexFunc(m.queue, func(p *play) bool { return p.id == id })
	if i < 0 {
		return errorE1(http.StatusNotFound, textNotQueued)
	}
	m.queue = slices.Delete(m.queue, i, i+1)
	r.queueChanged(m, now)
	return nil
}

// clearOwn removes all songs of a member's own. With nothing to remove it is no event.
func (r *room) clearOwn(m *member, now time.Time) {
	if len(m.queue) > 0 {
		m.queue = nil
		r.queueChanged(m, now)
	}
}

// QueueSong implements POST /room/{roomId}/playlist.
func (h *rest) QueueSong(ctx context.Context, body queupserver.QueueSongReq, p queupserver.QueueSongParams) (out wire.PlayEnvelope, _ error) {
	var req queupserver.QueueSongRequest
	switch body := body.(type) {
	case *queupserver.QueueSongApplicationJSON:
		req = queupserver.QueueSongRequest(*body)
	case *queupserver.QueueSongApplicationXWwwFormUrlencoded:
		req = queupserver.QueueSongRequest(*body)
	}
	var w wire.Play
	_, err := h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error {
		if mediaShapes[req.Provider] == nil {
			return errorE1(http.StatusBadRequest, textNoMediaType)
		}
		media := h.findMedia(req.Provider, req.MediaID, now)
		if media == nil {
			return errorE1(http.StatusNotFound, textNoSong)
		}
		count := len(me.queue)
		if err := r.addSongs(me, []*song{media}, now); err != nil {
			return err
		}
		entry := r.playing // it started at once
		if len(me.queue) > count {
			entry = me.queue[len(me.queue)-1]
		}
		w = r.wirePlay(entry)
		return nil
	})
	if err != nil {
		return out, err
	}
	return wire.PlayEnvelope{Envelope: success, Data: w}, nil
}

// QueuePlaylist implements POST /room/{roomId}/queueplaylist/{playlistId}. Songs that the room does not take are left out.
func (h *rest) QueuePlaylist(ctx context.Context, p queupserver.QueuePlaylistParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error {
		songs, ok := h.playlistSongs(p.PlaylistID, me.account)
		switch {
		case !ok:
			return errorE1(http.StatusNotFound, textNoPlaylist)
		case len(songs) > maxQueued:
			return errorE1(http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable))
		}
		return r.addSongs(me, songs, now)
	})
}

// RemoveOwnSong implements DELETE /room/{roomId}/playlist/{queueItemId}.
func (h *rest) RemoveOwnSong(ctx context.Context, p queupserver.RemoveOwnSongParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error { return r.removeOwn(me, p.QueueItemID, now) })
}

// ClearOwnQueue implements DELETE /room/{roomId}/playlist.
func (h *rest) ClearOwnQueue(ctx context.Context, p queupserver.ClearOwnQueueParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error {
		r.clearOwn(me, now)
		return nil
	})
}

// PauseOwnQueue implements PUT /room/{roomId}/queue/pause.
func (h *rest) PauseOwnQueue(ctx context.Context, req *queupserver.PauseQueueRequest, p queupserver.PauseOwnQueueParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error {
		paused, err := isOn(req.QueuePaused)
		if err != nil {
			return err
		}
		return r.pauseOwn(me, paused, now)
	})
}

// OwnQueue implements GET /user/session/room/{roomId}/queue.
func (h *rest) OwnQueue(ctx context.Context, p queupserver.OwnQueueParams) (out wire.PlaysEnvelope, _ error) {
	plays := wire.Plays{}
	_, err := h.act(ctx, p.RoomID, func(r *room, me *member, _ time.Time) error {
		for i, entry := range me.queue {
			w := r.wirePlay(entry)
			w.Order, w.Song = int64(i+1), entry.song.wireSong()
			plays = append(plays, w)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	return wire.PlaysEnvelope{Envelope: success, Data: plays}, nil
}

// ReorderOwnQueue implements POST /user/session/room/{roomId}/queue/order.
func (h *rest) ReorderOwnQueue(ctx context.Context, req *queupserver.OwnQueueOrderRequest, p queupserver.ReorderOwnQueueParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error { return r.reorderOwn(me, req.Order, now) })
}

// ReorderQueue implements POST /room/{roomId}/queue/order.
func (h *rest) ReorderQueue(ctx context.Context, req *queupserver.QueueOrderRequest, p queupserver.ReorderQueueParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error { return r.reorder(me, req.Order, now) })
}

// RemoveSong implements DELETE /room/{roomId}/queue/user/{userId}.
func (h *rest) RemoveSong(ctx context.Context, p queupserver.RemoveSongParams) (out wire.RemoveSongResultEnvelope, _ error) {
	var result wire.RemoveSongResult
	_, err := h.actOn(ctx, p.RoomID, p.UserID, func(r *room, me, dj *member, now time.Time) error {
		next, err := r.removeNext(me, dj, now)
		if err == nil && next != nil {
			result.Next = r.wirePlayFull(next)
		}
		return err
	})
	if err != nil {
		return out, err
	}
	return wire.RemoveSongResultEnvelope{Envelope: success, Data: result}, nil
}

// RemoveDJ implements DELETE /room/{roomId}/queue/user/{userId}/all.
func (h *rest) RemoveDJ(ctx context.Context, p queupserver.RemoveDJParams) (*queupserver.DoneEnvelope, error) {
	return h.actOn(ctx, p.RoomID, p.UserID, (*room).removeAll)
}

// PauseDJ implements PUT /room/{roomId}/queue/user/{userId}/pause. That it pauses without a body, and is no toggle, is an
// assumption.
func (h *rest) PauseDJ(ctx context.Context, req queupserver.OptPauseDJRequest, p queupserver.PauseDJParams) (*queupserver.DoneEnvelope, error) {
	return h.actOn(ctx, p.RoomID, p.UserID, func(r *room, me, dj *member, now time.Time) error {
		paused, err := isOn(req.Value.Pause.Or(wire.SwitchOn))
		if err != nil {
			return err
		}
		return r.pauseDJ(me, dj, paused, now)
	})
}

// QueueUsers implements GET /room/{roomId}/playlist: a row for each DJ in play order.
func (h *rest) QueueUsers(_ context.Context, p queupserver.QueueUsersParams) (wire.RoomUsersEnvelope, error) {
	return h.list(p.RoomID, func(r *room) []*member { return r.rotation })
}

// Waitlist implements GET /room/{roomId}/playlist/waitlist: the next songs of those who have some and are not in the
// rotation. That these are who waits is an assumption.
func (h *rest) Waitlist(_ context.Context, p queupserver.WaitlistParams) (out wire.PlaysEnvelope, _ error) {
	r, err := h.known(p.RoomID)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	plays := wire.Plays{}
	for _, m := range r.sorted(func(m *member) bool { return m.paused && len(m.queue) > 0 }) {
		plays = append(plays, r.wirePlayFull(m.queue[0]))
	}
	return wire.PlaysEnvelope{Envelope: success, Data: plays}, nil
}
