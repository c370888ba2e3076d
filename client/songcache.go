package client

import (
	"iter"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/queup-go/queup/client/internal/cache"
)

// mediaLife is how long media are remembered that nobody asks for. Source: docs/PROTOCOL.md 7, rule 20.
const mediaLife = 15 * time.Minute

// media is a store of the media that were used last. Those that nobody asked for in a while are given up.
type media struct {
	mu   sync.Mutex
	used *simplelru.LRU[SongID, usedMedia] // guarded by mu; in the order they were used
}

type usedMedia struct {
	info SongInfo
	at   time.Time
}

func newMedia(size int) *media { return &media{used: cache.NewLRU[SongID, usedMedia](size)} }

func (m *media) Get(id SongID) (SongInfo, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	u, ok := m.used.Peek(id)
	if !ok {
		return SongInfo{}, false
	}
	m.used.Add(id, usedMedia{u.info, time.Now()})
	return u.info, true
}

func (m *media) put(id SongID, info SongInfo) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	m.used.Add(id, usedMedia{info, time.Now()})
}

func (m *media) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	return m.used.Len()
}

func (m *media) All() iter.Seq2[SongID, SongInfo] { return cache.Each(m.list) }

func (m *media) list() []cache.Entry[SongID, SongInfo] {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	entries := make([]cache.Entry[SongID, SongInfo], 0, m.used.Len())
	for _, id := range m.used.Keys() {
		if u, ok := m.used.Peek(id); ok {
			entries = append(entries, cache.Entry[SongID, SongInfo]{ID: id, Value: u.info})
		}
	}
	return entries
}

// expire gives up what was not used for too long. mu is held.
func (m *media) expire() {
	for {
		_, oldest, ok := m.used.GetOldest()
		if !ok || time.Since(oldest.at) <= mediaLife {
			return
		}
		m.used.RemoveOldest()
	}
}
