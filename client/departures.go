package client

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/queup-go/queup/client/internal/cache"
)

const (
	// lingering is how long who has left a room is remembered, because events about them may still come. Source:
	// docs/PROTOCOL.md 7, rule 7.
	lingering = 10 * time.Second
	// maxDepartures bounds how many are.
	maxDepartures = 5000
)

// departures are the members who left a room a moment ago.
type departures struct {
	mu   sync.Mutex
	gone *simplelru.LRU[UserID, departure] // guarded by mu; in the order they left
}

type departure struct {
	member Member
	at     time.Time
}

func newDepartures() *departures {
	return &departures{gone: cache.NewLRU[UserID, departure](maxDepartures)}
}

func (d *departures) add(m Member) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for {
		_, oldest, ok := d.gone.GetOldest()
		if !ok || now.Sub(oldest.at) <= lingering {
			break
		}
		d.gone.RemoveOldest()
	}
	d.gone.Add(m.UserID, departure{m, now})
}

// update replaces the record of who has left within the last moments.
func (d *departures) update(m Member) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if gone, ok := d.gone.Peek(m.UserID); ok {
		d.gone.Add(m.UserID, departure{m, gone.at})
	}
}

// get returns the record of who has left within the last moments.
func (d *departures) get(id UserID) (Member, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	gone, ok := d.gone.Peek(id)
	if !ok || time.Since(gone.at) > lingering {
		return Member{}, false
	}
	return gone.member, true
}

func (d *departures) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = cache.NewLRU[UserID, departure](maxDepartures) // a map that was large stays so
}
