package main

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/queup-go/queup/client"
)

// A picture is everything that the page shows at one moment. A browser always gets whole pictures: one that connects late or reads
// slowly gets fewer of them, but never a wrong one.
type picture struct {
	Room    string   `json:"room"`
	People  int      `json:"people"`
	Live    bool     `json:"live"` // the connection to QueUp is up
	Playing *current `json:"playing"`
	Queue   []entry  `json:"queue"`
	Blind   bool     `json:"blind"` // the queue is not shown to this account
	More    int      `json:"more"`  // songs after those in Queue
	Chat    []line   `json:"chat"`  // the oldest first
}

type current struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Artist  string `json:"artist"` // may be empty
	DJ      string `json:"dj"`
	Elapsed int64  `json:"elapsed"` // ms, when it is sent
	Length  int64  `json:"length"`  // ms
	Endless bool   `json:"endless"` // a live stream
	Up      int64  `json:"up"`
	Down    int64  `json:"down"`
	Grabs   int64  `json:"grabs"`

	began time.Time
}

type entry struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Artist string `json:"artist"`
	DJ     string `json:"dj"`
	In     int64  `json:"in"` // ms until it plays, when it is sent; -1: nobody knows

	begins time.Time // zero: nobody knows
}

type line struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Text   string `json:"text"`
	Action bool   `json:"action"` // it was written with /me

	author client.UserID
}

// encode returns a picture as JSON, with times relative to now, because the clock of the browser's machine may differ.
func (p picture) encode(now time.Time) ([]byte, error) {
	sent := p // other goroutines encode the same picture
	if p.Playing != nil {
		song := *p.Playing
		song.Elapsed = max(now.Sub(song.began).Milliseconds(), 0)
		sent.Playing = &song
	}
	sent.Queue = slices.Clone(p.Queue)
	for i, e := range sent.Queue {
		sent.Queue[i].In = -1
		if !e.begins.IsZero() {
			sent.Queue[i].In = max(e.begins.Sub(now).Milliseconds(), 0)
		}
	}
	return json.Marshal(sent)
}

// A screen holds the latest picture: the bot sets it, and the browsers read it. Neither waits for the other.
type screen struct {
	stale chan struct{} // an event came that is not painted yet
	left  chan error    // why the room had to be left
	done  chan struct{} // closed at the end
	blind bool          // set before the first picture

	mu      sync.Mutex
	lines   []line        // guarded by mu
	deaf    bool          // guarded by mu: the connection to QueUp is lost
	latest  picture       // guarded by mu
	changed chan struct{} // guarded by mu: closed when there is a later one
	closed  bool          // guarded by mu
}

func newScreen() *screen {
	return &screen{
		stale: make(chan struct{}, 1), left: make(chan error, 1), done: make(chan struct{}), changed: make(chan struct{}),
	}
}

// show sets the latest picture.
func (s *screen) show(p picture) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = p
	close(s.changed)
	s.changed = make(chan struct{})
}

// look returns the latest picture, and a channel that is closed when there is a newer one.
func (s *screen) look() (picture, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest, s.changed
}

// close ends all streams.
func (s *screen) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
}

func (s *screen) add(l line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = last(append(s.lines, l))
}

func (s *screen) remove(gone func(line) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = slices.DeleteFunc(slices.Clone(s.lines), gone)
}

func (s *screen) connected(is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = !is
}

// noted returns the lines and the state of the connection, from the events so far.
func (s *screen) noted() (chat []line, live bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]line{}, s.lines...), !s.deaf
}
