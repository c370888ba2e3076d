package queuptest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/htmltext"
	"github.com/queup-go/queup/internal/saturate"
)

// A CrowdConfig describes people who live in a room by themselves.
type CrowdConfig struct {
	Members int     // how many there are, 1 to 5,000; some of them are always out
	Seed    uint64  // what they do; the same seed, the same lives
	Rate    float64 // what all of them do in a second; 0: what suits their number, something every half minute each
	Room    string  // the slug of their room; empty: the first one
}

// The bounds of a crowd.
const (
	maxCrowd     = 5_000
	maxCrowdRate = 10_000
)

// Crowd adds people to a room who come and go, chat, queue songs, vote, grab, change their names and pictures and do what else
// people do, each in a way of their own. They are accounts like others, with the password secret, and act under the same
// rules: they can be banned, they wait in slow mode, and a locked queue takes none of their songs. They hold no roles.
//
// All of it depends on the seed, the clock and what others do: in a testing/synctest bubble, two servers with the same seed
// see the same events. What they leave behind is bounded: a crowd may run for weeks.
func Crowd(crowd CrowdConfig) Option {
	return func(c *config) error {
		var errs []error
		if crowd.Members < 1 || crowd.Members > maxCrowd {
			errs = append(errs, fmt.Errorf("crowd of %d: it has 1 to %d members", crowd.Members, maxCrowd))
		}
		if !(crowd.Rate >= 0 && crowd.Rate <= maxCrowdRate) { // NaN is neither
			errs = append(errs, fmt.Errorf("crowd rate of %v: it is a number of events a second, at most %d; 0 suits the number of members",
				crowd.Rate, maxCrowdRate))
		}
		if crowd.Rate == 0 {
			crowd.Rate = float64(crowd.Members) / 30
		}
		c.crowd = &crowd
		return errors.Join(errs...)
	}
}

// person is one of a crowd.
type person struct {
	account *account
	name    string    // the first one
	manners []float64 // how likely each of the deeds is
	dj      bool      // queues songs
	likes   float64   // how often a vote is for the song
	friend  *account  // to write to; nil in a crowd of one

	last *message // of this person
	said *comment // of this person; nil: none
}

// crowd is what moves the people of [Crowd]. It is guarded by state.mu.
type crowd struct {
	r      *room
	rand   *rand.Rand
	people []*person
	rate   float64
	due    time.Time // when the next thing happens
	timer  *time.Timer
	idle   bool // nobody does anything
}

// A deed is something that a person does. It returns false if there is nothing of the kind to do now.
type deed struct {
	weight float64
	do     func(c *crowd, p *person, m *member, now time.Time) bool
}

// deeds are what people do who are in the room.
var deeds = [...]deed{
	{55, (*crowd).talk},
	{18, (*crowd).vote},
	{6, (*crowd).queueSong},
	{5, (*crowd).leave},
	{3, (*crowd).grab},
	{1.5, (*crowd).writePrivately},
	{1, (*crowd).takeBack},
	{1, (*crowd).tidyQueue},
	{0.5, (*crowd).pause},
	{0.5, (*crowd).comment},
	{0.3, (*crowd).rename},
	{0.3, (*crowd).dress},
	{2, (*crowd).skipOwn}, // one of them at most can
	{0.2, (*crowd).follow},
}

// What one person leaves behind at most.
const (
	crowdQueue    = 3   // songs in the queue
	crowdLetters  = 50  // private messages between two
	crowdComments = 20  // on one song
	crowdDJs      = 40  // people who queue songs, in a crowd of 200 and more
	crowdAtOnce   = 100 // deeds under one lock
)

// newCrowd puts people into a world. Two thirds of them are in the room when it starts.
func (s *state) newCrowd(c CrowdConfig) (*crowd, error) {
	var r *room
	if c.Room != "" {
		r = s.roomBySlug(c.Room)
	} else if len(s.rooms) > 0 {
		r = s.rooms[0]
	}
	if r == nil {
		return nil, fmt.Errorf("crowd: the world has no room %q", c.Room)
	}
	crowd := &crowd{r: r, rand: rand.New(rand.NewPCG(c.Seed, 5)), rate: c.Rate}
	djs := max(1, min(c.Members/5, crowdDJs))
	for i, name := range crowdNames(crowd.rand, c.Members, func(name string) bool { return s.accountByName(name) == nil }) {
		a := &account{
			id:       wire.UserID(s.id(idUser)),
			infoID:   s.id(idInfo),
			name:     name,
			password: "secret",
			created:  s.start.Add(-time.Duration(1+crowd.rand.IntN(2000)) * 24 * time.Hour),
		}
		s.accounts = append(s.accounts, a)
		p := &person{account: a, name: name, dj: i < djs, likes: 0.7 + 0.3*crowd.rand.Float64()}
		for _, d := range deeds {
			p.manners = append(p.manners, d.weight*(0.3+1.4*crowd.rand.Float64()))
		}
		crowd.people = append(crowd.people, p)
		if crowd.rand.Float64() < 2.0/3 {
			m := r.member(a)
			m.active, m.updated = true, s.start
		}
	}
	if n := len(crowd.people); n > 1 {
		for i, p := range crowd.people {
			p.friend = crowd.people[min(i^1, n-1)].account
			if p.friend == p.account { // the last one of an odd number
				p.friend = crowd.people[0].account
			}
		}
	}
	return crowd, nil
}

// begin has the crowd live. The caller holds s.mu.
func (c *crowd) begin(now time.Time) {
	c.due = now
	c.next()
	c.wait(now)
}

// next sets when the next thing happens: as often as the rate says, but not in step.
func (c *crowd) next() {
	c.due = c.due.Add(saturate.Float(c.rand.ExpFloat64()/c.rate, time.Second))
}

// wait sets the timer. The caller holds s.mu.
func (c *crowd) wait(now time.Time) {
	c.r.timers.Add(1)
	var timer *time.Timer
	timer = time.AfterFunc(c.due.Sub(now), func() {
		defer c.r.timers.Done()
		c.r.mu.Lock()
		defer c.r.mu.Unlock()
		if c.timer == timer && !c.r.closed && !c.idle {
			c.live(c.r.now())
		}
	})
	c.timer = timer
}

// IdleCrowd has the people of [Crowd] do nothing, or go on with their lives: so that a test can look at a room in which nothing
// happens but the next song. Without a crowd it is a mistake in the test: IdleCrowd panics.
func (s *Server) IdleCrowd(idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.crowd
	if c == nil {
		panic("queuptest: IdleCrowd without a Crowd")
	}
	if s.closed || c.idle == idle {
		return
	}
	c.idle = idle
	if idle {
		c.end()
		return
	}
	now := s.now()
	c.due = now
	c.next()
	c.wait(now)
}

// end stops the crowd: state.closed is set, or idle. The caller holds s.mu.
func (c *crowd) end() {
	if c != nil && c.timer.Stop() {
		c.r.timers.Done()
	}
}

// live does all that is due. What a slow machine has missed for more than a second never happens.
func (c *crowd) live(now time.Time) {
	if now.Sub(c.due) > time.Second {
		c.due = now
	}
	for range crowdAtOnce {
		if c.due.After(now) {
			break
		}
		c.step(now)
		c.next()
	}
	c.wait(now)
}

// step lets somebody do something. If nothing can be done, nothing happens: everybody may be banned.
func (c *crowd) step(now time.Time) {
	for range 32 {
		p := c.people[c.rand.IntN(len(c.people))]
		m := c.r.present(p.account)
		if m == nil {
			if c.arrive(p, now) {
				return
			}
			continue
		}
		if c.act(p, m, now) {
			return
		}
	}
}

// act lets a person who is in the room do something.
func (c *crowd) act(p *person, m *member, now time.Time) bool {
	sum := 0.0
	for _, w := range p.manners {
		sum += w
	}
	x := c.rand.Float64() * sum
	for i, w := range p.manners {
		if x -= w; x < 0 {
			return deeds[i].do(c, p, m, now)
		}
	}
	return false
}

// arrive comes in, if the room lets them. They know its password.
func (c *crowd) arrive(p *person, now time.Time) bool {
	if c.rand.IntN(3) == 0 || c.r.mayJoin(p.account, c.r.password, now) != nil {
		return false
	}
	c.r.join(p.account, now)
	return true
}

func (c *crowd) leave(_ *person, m *member, now time.Time) bool {
	c.r.leave(m, now)
	return true
}

func (c *crowd) talk(p *person, _ *member, now time.Time) bool {
	m, err := c.r.chat(p.account, c.line(p), now)
	if err == nil {
		p.last = m
	}
	return err == nil
}

// vote votes on what plays, and now and then otherwise than before.
func (c *crowd) vote(p *person, m *member, now time.Time) bool {
	song := c.r.playing
	if song == nil || song.dj == m {
		return false
	}
	if slices.ContainsFunc(song.votes, func(v vote) bool { return v.account == p.account }) && c.rand.IntN(20) > 0 {
		return false
	}
	kind := wire.Downdub
	if c.rand.Float64() < p.likes {
		kind = wire.Updub
	}
	return c.r.castVote(m, song, kind, now) == nil
}

func (c *crowd) queueSong(p *person, m *member, now time.Time) bool {
	if !p.dj && len(c.r.rotation) > 0 || len(m.queue) >= crowdQueue {
		return false
	}
	all := catalogue()
	return c.r.addSongs(m, []*song{c.r.addFact(all[c.rand.IntN(len(all))], now)}, now) == nil
}

// grab puts what plays into the person's playlist.
func (c *crowd) grab(p *person, _ *member, now time.Time) bool {
	play := c.r.playing
	if play == nil || slices.ContainsFunc(play.grabs, func(v vote) bool { return v.account == p.account }) {
		return false
	}
	return c.r.grab(p.account, now) == nil
}

// writePrivately writes to a friend.
func (c *crowd) writePrivately(p *person, _ *member, now time.Time) bool {
	if p.friend == nil {
		return false
	}
	talk, err := c.r.conversationAmong([]*account{p.account, p.friend}, now)
	if err != nil {
		return false
	}
	if len(talk.messages) >= crowdLetters {
		talk.messages = slices.Delete(talk.messages, 0, 1)
	}
	c.r.write(talk, p.account, htmltext.Encode(c.pick(crowdLetterLines)), now)
	return true
}

// takeBack deletes the person's last line.
func (c *crowd) takeBack(p *person, m *member, now time.Time) bool {
	if p.last == nil || p.last.deleted {
		return false
	}
	return c.r.deleteByID(m, p.last.id, now) == nil
}

// tidyQueue removes one of the person's songs, or changes their order.
func (c *crowd) tidyQueue(_ *person, m *member, now time.Time) bool {
	if len(m.queue) < 2 {
		return false
	}
	if c.rand.IntN(2) == 0 {
		return c.r.removeOwn(m, m.queue[c.rand.IntN(len(m.queue))].id, now) == nil
	}
	order := make([]wire.PlayID, len(m.queue))
	for i, to := range c.rand.Perm(len(order)) {
		order[to] = m.queue[i].id
	}
	return c.r.reorderOwn(m, order, now) == nil
}

// pause leaves the rotation or comes back to it.
func (c *crowd) pause(_ *person, m *member, now time.Time) bool {
	return len(m.queue) > 0 && c.r.pauseOwn(m, !m.paused, now) == nil
}

// comment writes about what plays, takes that back, or votes on what others wrote.
func (c *crowd) comment(p *person, _ *member, now time.Time) bool {
	if c.r.playing == nil {
		return false
	}
	media := c.r.playing.song
	all := c.r.site.comments[media.id]
	switch {
	case p.said != nil && p.said.song == media && slices.Contains(all, p.said):
		said := p.said
		p.said = nil
		return c.r.removeComment(said, p.account) == nil
	case len(all) > 0 && c.rand.IntN(2) == 0 || len(all) >= crowdComments:
		return c.r.voteComment(all[c.rand.IntN(len(all))], p.account, wire.Updub) == nil
	}
	said, err := c.r.addComment(media, p.account, c.pick(crowdComment), now)
	p.said = said
	return err == nil
}

// rename changes the person's name, or changes it back.
func (c *crowd) rename(p *person, _ *member, _ time.Time) bool {
	name := p.name
	if p.account.name == p.name {
		name += c.pick([]string{"_afk", "_dj", ".2", "-zzz"})
	}
	if nameError(name) != nil || c.r.accountByName(name) != nil {
		return false
	}
	c.r.change(func() { p.account.name = name })
	return true
}

// dress uploads another picture.
func (c *crowd) dress(p *person, _ *member, _ time.Time) bool {
	return c.r.setAvatar(p.account, tinyGIF) == nil
}

// skipOwn ends the person's own song.
func (c *crowd) skipOwn(_ *person, m *member, now time.Time) bool {
	return c.r.playing != nil && c.r.playing.dj == m && c.r.skipPlay(m, c.r.playing.id, now) == nil
}

// follow follows a friend, once.
func (c *crowd) follow(p *person, _ *member, now time.Time) bool {
	return p.friend != nil && c.r.follow(p.account, p.friend, now)
}

func (c *crowd) pick(from []string) string { return from[c.rand.IntN(len(from))] }
