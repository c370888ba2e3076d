package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/saturate"
)

// Queue returns the next song of each DJ, in the order they will play, without the current song. The client reads it again
// a few seconds after QueUp has reported a change. Source: docs/PROTOCOL.md 7, rules 19 and 20.
func (r *Room) Queue() []Song {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.queue)
}

// QueuePosition returns the place of a user in the queue, where 1 plays next, and false for a user who is not in it.
func (r *Room) QueuePosition(u UserID) (int, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i := slices.IndexFunc(r.queue, func(s Song) bool { return s.UserID == u })
	return i + 1, i >= 0
}

// ETA returns the time until the next song of a user begins, if nothing changes. That is the rest of the current song, and
// the songs before it. It is false for a user who is not in the queue. It is also false if a song before it is a live
// stream or has no length, so that its end is not known.
func (r *Room) ETA(u UserID) (time.Duration, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var wait time.Duration
	if r.current != nil {
		if r.current.song.endless() {
			return 0, false
		}
		wait = r.current.remaining()
	}
	for _, s := range r.queue {
		if s.UserID == u {
			return wait, true
		}
		if s.endless() {
			return 0, false
		}
		wait = saturate.Add(wait, s.Length)
	}
	return 0, false
}

// A QueueOption changes how QueueSong queues.
type QueueOption func(*queueConfig)

type queueConfig struct{ noJoin bool }

// NoJoin only adds the song: a client that has left the rotation stays out of it.
func NoJoin() QueueOption { return func(q *queueConfig) { q.noJoin = true } }

// QueueSong adds a song to the client's own queue in the room and returns it as QueUp stored it. It also joins the rotation
// so that the song will play, because QueUp does not do that by itself.
//
// It needs the permission queue.join, or queue.lock.bypass while the queue is locked. Errors: [*ArgumentError] for a
// provider that is neither [YouTube] nor [SoundCloud] and for an empty id, [ErrNotJoined], and an [*APIError] for a refusal
// by QueUp, for example because the song was played recently. If joining the rotation fails, the queued song is returned
// together with the error. Source: docs/PROTOCOL.md 2.6.
func (r *Room) QueueSong(ctx context.Context, p Provider, mediaID string, opts ...QueueOption) (Song, error) {
	const op = "Room.QueueSong"
	if p != YouTube && p != SoundCloud {
		return Song{}, &ArgumentError{Op: op, Argument: "p", Reason: "must be YouTube or SoundCloud"}
	}
	if mediaID == "" {
		return Song{}, &ArgumentError{Op: op, Argument: "mediaID", Reason: "is empty"}
	}
	var how queueConfig
	for _, opt := range opts {
		if opt == nil {
			return Song{}, &ArgumentError{Op: op, Argument: "opts", Reason: "hold a nil option"}
		}
		opt(&how)
	}
	if err := r.act(); err != nil {
		return Song{}, err
	}
	request := &queupapi.QueueSongApplicationXWwwFormUrlencoded{MediaID: mediaID, Provider: p}
	answer, err := r.client.rest.QueueSong(ctx, request, queupapi.QueueSongParams{RoomID: r.id})
	if err != nil {
		return Song{}, failed("queueSong", err)
	}
	song := newSong(r.client, answer.Data)
	song.RoomID = r.id
	if how.noJoin {
		return song, nil
	}
	return song, r.PauseQueue(ctx, false)
}

// QueuePlaylist adds all songs of a playlist to the client's own queue, and joins the rotation. QueUp fails on playlists of
// thousands of songs. Permissions and errors are those of QueueSong. Source: docs/PROTOCOL.md 2.6.
func (r *Room) QueuePlaylist(ctx context.Context, id PlaylistID) error {
	if id == "" {
		return &ArgumentError{Op: "Room.QueuePlaylist", Argument: "id", Reason: "is empty"}
	}
	if err := r.act(); err != nil {
		return err
	}
	if _, err := r.client.rest.QueuePlaylist(ctx, queupapi.QueuePlaylistParams{RoomID: r.id, PlaylistID: id}); err != nil {
		return failed("queuePlaylist", err)
	}
	return r.PauseQueue(ctx, false)
}

// OwnQueue reads the client's own queue in the room, the next song first. It is [ErrNotLoggedIn] for a guest. Source:
// docs/PROTOCOL.md 2.6.
func (r *Room) OwnQueue(ctx context.Context) ([]Song, error) {
	answer, err := r.client.rest.OwnQueue(ctx, queupapi.OwnQueueParams{RoomID: r.id})
	rows, err := rowsOf("ownQueue", answer.Data, err)
	if err != nil {
		return nil, err
	}
	return r.songs(rows), nil
}

// ReorderOwnQueue changes the order of the client's own queue. ids must name each of its songs once. Any other list is an
// [*ArgumentError], and so is a list that is outdated because the queue has grown meanwhile. Source: docs/PROTOCOL.md 2.6.
func (r *Room) ReorderOwnQueue(ctx context.Context, ids []PlayID) error {
	if err := r.act(); err != nil {
		return err
	}
	queue, err := r.OwnQueue(ctx)
	if err != nil {
		return err
	}
	var known []PlayID
	for _, s := range queue {
		known = append(known, s.ID)
	}
	if !isPermutation(ids, known) {
		return &ArgumentError{Op: "Room.ReorderOwnQueue", Argument: "ids", Reason: "must name each song of the queue once"}
	}
	_, err = r.client.rest.ReorderOwnQueue(ctx, &queupapi.OwnQueueOrderRequest{Order: ids}, queupapi.ReorderOwnQueueParams{RoomID: r.id})
	return failed("reorderOwnQueue", err)
}

// RemoveOwnSong removes one song from the client's own queue. If QueUp answers with an error of its own, the queue is read,
// and it is not an error if the song is gone. Errors: [*ArgumentError] for an empty id, [ErrNotJoined], and [*APIError].
// Source: docs/PROTOCOL.md 2.6.
func (r *Room) RemoveOwnSong(ctx context.Context, id PlayID) error {
	if id == "" {
		return &ArgumentError{Op: "Room.RemoveOwnSong", Argument: "id", Reason: "is empty"}
	}
	if err := r.act(); err != nil {
		return err
	}
	_, err := r.client.rest.RemoveOwnSong(ctx, queupapi.RemoveOwnSongParams{RoomID: r.id, QueueItemID: id})
	return r.unlessQueue(ctx, failed("removeOwnSong", err), func(queue wire.Plays) bool {
		return !slices.ContainsFunc(queue, func(w wire.Play) bool { return w.ID == id })
	})
}

// ClearQueue empties the client's own queue in the room. QueUp has been seen to answer 500 although it had done so. In that
// case the queue is read, and it is not an error if it is empty. Errors: [ErrNotJoined], and [*APIError]. Source:
// docs/PROTOCOL.md 1.3, 2.6.
func (r *Room) ClearQueue(ctx context.Context) error {
	if err := r.act(); err != nil {
		return err
	}
	_, err := r.client.rest.ClearOwnQueue(ctx, queupapi.ClearOwnQueueParams{RoomID: r.id})
	return r.unlessQueue(ctx, failed("clearOwnQueue", err), func(queue wire.Plays) bool { return len(queue) == 0 })
}

// unlessQueue returns the error of a call that changes the client's own queue. If it is QueUp's own error but the queue is
// as wanted, it returns nil. The call is not repeated. Source: docs/PROTOCOL.md 1.3.
func (r *Room) unlessQueue(ctx context.Context, err error, done func(queue wire.Plays) bool) error {
	if answer, ok := errors.AsType[*APIError](err); !ok || answer.Status < http.StatusInternalServerError {
		return err
	}
	answer, unread := r.client.loads.OwnQueue(ctx, queupapi.OwnQueueParams{RoomID: r.id})
	if unread != nil || noRows(answer.Data) || !done(answer.Data) {
		return err
	}
	return nil
}

// PauseQueue leaves the rotation and keeps the songs, or joins it again. Errors: [ErrNotJoined], and [*APIError], for
// example if the queue is locked. Source: docs/PROTOCOL.md 2.6.
func (r *Room) PauseQueue(ctx context.Context, paused bool) error {
	if err := r.act(); err != nil {
		return err
	}
	_, err := r.client.rest.PauseOwnQueue(ctx, &queupapi.PauseQueueRequest{QueuePaused: onOff(paused)}, queupapi.PauseOwnQueueParams{RoomID: r.id})
	return failed("pauseOwnQueue", err)
}

// LockQueue lets only members with a role join the queue, or everybody again. It needs the permission queue.lock. Errors:
// [ErrNotJoined], [*PermissionError] before anything is sent, and [*APIError]. Source: docs/PROTOCOL.md 2.3.
func (r *Room) LockQueue(ctx context.Context, locked bool) error {
	if err := r.actWith("Room.LockQueue", PermQueueLock); err != nil {
		return err
	}
	_, err := r.client.rest.LockQueue(ctx, &queupapi.LockQueueRequest{LockQueue: onOff(locked)}, queupapi.LockQueueParams{RoomID: r.id})
	return failed("lockQueue", err)
}

// onOff returns a boolean as QueUp's forms write it.
func onOff(on bool) wire.Switch {
	if on {
		return wire.SwitchOn
	}
	return wire.SwitchOff
}

// FetchQueue reads the queue of the room: the next song of each DJ, in the order they will play. QueUp leaves the media
// out; [Song.Info] knows the media that the client has seen, and [Client.FetchSong] reads the others. Errors: [*APIError],
// [*CallError]. Source: docs/PROTOCOL.md 2.5.
func (r *Room) FetchQueue(ctx context.Context) ([]Song, error) {
	answer, err := r.client.rest.PlaylistDetails(ctx, queupapi.PlaylistDetailsParams{RoomID: r.id})
	if err != nil {
		return nil, failed("playlistDetails", err)
	}
	if answer.Data == nil {
		return nil, noList("playlistDetails")
	}
	return r.songs(answer.Data), nil
}

// MoveDJ moves a DJ to another place in the queue. 0 plays next, and an index beyond either end means that end. Nothing is
// sent if the DJ is there already.
//
// It needs the permission queue.order. Errors: [*ArgumentError] for an empty id and for a user who is not queued,
// [ErrNotJoined], [*PermissionError], and [*APIError]. Source: docs/PROTOCOL.md 2.5, 7 rule 23.
func (r *Room) MoveDJ(ctx context.Context, u UserID, index int) error {
	if err := r.targetWith("Room.MoveDJ", PermQueueOrder, u); err != nil {
		return err
	}
	queue, err := r.FetchQueue(ctx)
	if err != nil {
		return err
	}
	var order []UserID
	for _, s := range queue {
		order = append(order, s.UserID)
	}
	from := slices.Index(order, u)
	if from < 0 {
		return &ArgumentError{Op: "Room.MoveDJ", Argument: "u", Reason: "is not in the queue"}
	}
	to := min(max(index, 0), len(order)-1)
	if to == from {
		return nil
	}
	order = slices.Insert(slices.Delete(order, from, from+1), to, u)
	_, err = r.client.rest.ReorderQueue(ctx, &queupapi.QueueOrderRequest{Order: order}, queupapi.ReorderQueueParams{RoomID: r.id})
	return failed("reorderQueue", err)
}

// RemoveDJ removes all songs of a user from the queue. It needs the permission queue.dj.remove. Errors are those of Kick.
// Source: docs/PROTOCOL.md 2.5.
func (r *Room) RemoveDJ(ctx context.Context, u UserID) error {
	if err := r.targetWith("Room.RemoveDJ", PermQueueDJRemove, u); err != nil {
		return err
	}
	_, err := r.client.rest.RemoveDJ(ctx, queupapi.RemoveDJParams{RoomID: r.id, UserID: u})
	return failed("removeDJ", err)
}

// RemoveSong removes the next song of a user from the queue. It needs the permission queue.remove. Errors are those of
// Kick. Source: docs/PROTOCOL.md 2.5.
func (r *Room) RemoveSong(ctx context.Context, u UserID) error {
	if err := r.targetWith("Room.RemoveSong", PermQueueRemove, u); err != nil {
		return err
	}
	_, err := r.client.rest.RemoveSong(ctx, queupapi.RemoveSongParams{RoomID: r.id, UserID: u})
	return failed("removeSong", err)
}

// PauseDJ removes a DJ, who keeps the songs, from the rotation, or puts the DJ back. Nothing is sent if the DJ is known to
// be in that state, because QueUp may treat the call as a toggle. It needs the permission queue.dj.remove. Errors are those
// of Kick. Source: docs/PROTOCOL.md 2.5, 8.
func (r *Room) PauseDJ(ctx context.Context, u UserID, paused bool) error {
	if err := r.targetWith("Room.PauseDJ", PermQueueDJRemove, u); err != nil {
		return err
	}
	if m, ok := r.members.Get(u); ok && m.QueuePaused == paused {
		return nil
	}
	request := queupapi.NewOptPauseDJRequest(queupapi.PauseDJRequest{Pause: queupapi.NewOptSwitch(onOff(paused))})
	_, err := r.client.rest.PauseDJ(ctx, request, queupapi.PauseDJParams{RoomID: r.id, UserID: u})
	return failed("pauseDJ", err)
}

// fetchQueue reads the queue, and looks up the media that the client does not know until the context media ends. QueUp's answer does not
// contain them. missing is the error because of which some media are still missing; they may be read later.
func (r *Room) fetchQueue(ctx, media context.Context) (queue []Song, missing, err error) {
	answer, err := r.client.loads.PlaylistDetails(ctx, queupapi.PlaylistDetailsParams{RoomID: r.id})
	if err != nil {
		return nil, nil, failed("playlistDetails", err)
	}
	if answer.Data == nil { // QueUp answers null alone for a queue whose songs are gone
		return nil, nil, noList("playlistDetails")
	}
	queue = slices.DeleteFunc(r.songs(answer.Data), func(s Song) bool { return s.ID == "" })
	var lookups errgroup.Group
	lookups.SetLimit(loadsAtOnce)
	for i := range queue {
		if info, known := queue[i].Info(); known {
			queue[i].info = &info // the cache may forget it
		}
		if queue[i].hasMedia() {
			continue
		}
		lookups.Go(func() error {
			info, err := r.client.FetchSong(media, queue[i].SongID)
			if err == nil {
				queue[i].info = &info
				queue[i].takeLength()
			} else if !isTransient(err) || unreadable(err) { // not to be read again, so it must not hide the error of another one
				return nil
			}
			return err
		})
	}
	if missing = lookups.Wait(); missing != nil {
		r.client.log.DebugContext(ctx, "media of the queue not read", r.logged(), slog.Any("error", missing))
	}
	return queue, missing, nil
}

// lacksMedia reports whether the media of some song in the queue are not known.
func lacksMedia(queue []Song) bool {
	return slices.ContainsFunc(queue, func(s Song) bool {
		_, known := s.Info()
		return !known && s.SongID != ""
	})
}
