package queuptest

import (
	"slices"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// Queue lets a user who is in the room queue songs, under the rules of the room, and returns the ids of the plays. Song.By
// does not matter here; a song without a name is what the provider has under the MediaID.
func (r *Room) Queue(user string, songs ...Song) []string {
	defer r.lock("Queue")()
	var ids []string
	for _, s := range songs {
		r.do(user, func(m *member, now time.Time) error {
			var media *song
			if s.Name == "" {
				media = r.findMedia(providerOf(s), s.MediaID, now)
			} else if s.Length >= time.Millisecond {
				media = r.worldSong(s)
			}
			if media == nil {
				panic(mistake("the song %q needs a name and a length, or a MediaID that the provider knows", s.Name+s.MediaID))
			}
			before := len(m.queue)
			if err := r.addSongs(m, []*song{media}, now); err != nil {
				return err
			}
			entry := r.playing // it started at once
			if len(m.queue) > before {
				entry = m.queue[len(m.queue)-1]
			}
			ids = append(ids, string(entry.id))
			return nil
		})
	}
	return ids
}

func providerOf(s Song) wire.Provider {
	if s.Provider == "" {
		return wire.YouTube
	}
	return s.Provider
}

// Pause lets a user leave the rotation and keep the songs, or come back to it.
func (r *Room) Pause(user string, paused bool) {
	defer r.lock("Pause")()
	r.do(user, func(m *member, now time.Time) error { return r.pauseOwn(m, paused, now) })
}

// PauseDJ lets a moderator take a DJ out of the rotation, or put them back.
func (r *Room) PauseDJ(by, user string, paused bool) {
	defer r.lock("PauseDJ")()
	r.act(by, user, func(m, dj *member, now time.Time) error { return r.pauseDJ(m, dj, paused, now) })
}

// Reorder lets a moderator set the order of the DJs; all who are queued must be named.
func (r *Room) Reorder(by string, users ...string) {
	defer r.lock("Reorder")()
	r.do(by, func(m *member, now time.Time) error {
		var order []wire.UserID
		for _, user := range users {
			order = append(order, r.account(user).id)
		}
		return r.reorder(m, order, now)
	})
}

// RemoveSong lets a moderator remove a DJ's next song.
func (r *Room) RemoveSong(by, user string) {
	defer r.lock("RemoveSong")()
	r.act(by, user, func(m, dj *member, now time.Time) error {
		_, err := r.removeNext(m, dj, now)
		return err
	})
}

// RemoveDJ lets a moderator remove all songs of a DJ.
func (r *Room) RemoveDJ(by, user string) {
	defer r.lock("RemoveDJ")()
	r.act(by, user, r.removeAll)
}

// Queued returns the next song of each DJ, in play order.
func (r *Room) Queued() []Play {
	defer r.lock("Queued")()
	queued := []Play{}
	for _, dj := range r.rotation {
		queued = append(queued, dj.queue[0].public())
	}
	return queued
}

// QueueOf returns the songs that a user has queued, in their order, also while they are paused.
func (r *Room) QueueOf(user string) []Play {
	defer r.lock("QueueOf")()
	return plays(r.seen(r.account(user)).queue)
}

// History returns what is over, the newest first.
func (r *Room) History() []Play {
	defer r.lock("History")()
	history := plays(r.history)
	slices.Reverse(history)
	return history
}

func plays(list []*play) []Play {
	plays := []Play{}
	for _, p := range list {
		plays = append(plays, p.public())
	}
	return plays
}

func (p *play) public() Play {
	n := p.count()
	return Play{
		ID: string(p.id), SongID: string(p.song.id), User: p.dj.account.name, Name: p.song.name, Length: p.song.length,
		Started: p.playedAt, Updubs: int(n.up), Downdubs: int(n.down), Skipped: p.skipped,
	}
}

// Grab lets a user who is in the room put what plays into a playlist, Favourites. The second time, with the same play, is no
// event.
func (r *Room) Grab(user string) {
	defer r.lock("Grab")()
	m := r.inside(user)
	r.mustPlay()
	if err := r.grab(m.account, r.now()); err != nil {
		panic(mistake("%s: %v", user, err))
	}
}

// RemoveOwn lets a user take one of their songs out of the queue; the id is that of the play.
func (r *Room) RemoveOwn(user, id string) {
	defer r.lock("RemoveOwn")()
	r.do(user, func(m *member, now time.Time) error { return r.removeOwn(m, wire.PlayID(id), now) })
}

// ReorderOwn lets a user set the order of their songs; the ids of all of them must be named.
func (r *Room) ReorderOwn(user string, ids ...string) {
	defer r.lock("ReorderOwn")()
	r.do(user, func(m *member, now time.Time) error {
		var order []wire.PlayID
		for _, id := range ids {
			order = append(order, wire.PlayID(id))
		}
		return r.reorderOwn(m, order, now)
	})
}

// ClearQueue lets a user take all of their songs out of the queue.
func (r *Room) ClearQueue(user string) {
	defer r.lock("ClearQueue")()
	r.do(user, func(m *member, now time.Time) error {
		r.clearOwn(m, now)
		return nil
	})
}
