package client

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/internal/saturate"
)

// Queue returns the next song of each DJ, in the order they will play; what plays now is not among them. It is read
// again a few seconds after QueUp has said that it changed. Source: docs/PROTOCOL.md 7, rules 19 and 20.
func (r *Room) Queue() []Song {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.queue)
}

// QueuePosition returns the place of a user in the queue, and false for who is not in it. 1 plays next.
func (r *Room) QueuePosition(u UserID) (int, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i := slices.IndexFunc(r.queue, func(s Song) bool { return s.UserID == u })
	return i + 1, i >= 0
}

// ETA returns how long it takes until the next song of a user begins, if nothing changes: what is left of the current
// song, and the songs of those before. It is false for a user who is not in the queue, and when a song comes before whose end
// is not known: a live stream, or a song without a length.
func (r *Room) ETA(u UserID) (time.Duration, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var wait time.Duration
	if r.now != nil {
		if r.now.song.endless() {
			return 0, false
		}
		wait = r.now.remaining()
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

// fetchQueue reads the queue, and then for as long as media allows what the client does not know of its media: QueUp
// leaves them out. lacks says why some are missing still, if they are.
func (r *Room) fetchQueue(ctx, media context.Context) (queue []Song, lacks, err error) {
	answer, err := r.client.loads.PlaylistDetails(ctx, queupapi.PlaylistDetailsParams{RoomID: r.id})
	if err != nil {
		return nil, nil, failed("playlistDetails", err)
	}
	if answer.Data == nil { // nothing but null is what QueUp has for a queue whose songs are gone
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
			} else if !passes(err) || unreadable(err) { // and one that is not there hides no other
				return nil
			}
			return err
		})
	}
	if lacks = lookups.Wait(); lacks != nil {
		r.client.log.DebugContext(ctx, "media of the queue not read", r.logged(), slog.Any("error", lacks))
	}
	return queue, lacks, nil
}

// lacksMedia reports whether there are media in the queue that are not known.
func lacksMedia(queue []Song) bool {
	return slices.ContainsFunc(queue, func(s Song) bool {
		_, known := s.Info()
		return !known && s.SongID != ""
	})
}
