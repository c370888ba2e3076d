package queuptest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/internal/htmltext"
)

// Room is a room of a [Server]. Its methods do what users do there, and return the state of the room. Together they can cause
// every event of docs/PROTOCOL.md 6.2.
//
// What a method causes is in the queues of all attached websockets when it returns, in the order of the calls. Names are
// those of accounts, in any case. What cannot be is a mistake in the test, and panics with a message that says what:
// an account or a message that does not exist, someone who speaks without being in the room, a vote while nothing plays.
type Room struct{ *room }

// Message is a line of chat.
type Message struct {
	ID      string
	User    string // the author's name
	Text    string // as people read it, without HTML entities
	At      time.Time
	Deleted bool
}

// Play is a song in a queue: one that will play, plays or has played.
type Play struct {
	ID       string // of this one play
	SongID   string // of the media
	User     string // the DJ's name
	Name     string
	Length   time.Duration
	Started  time.Time // zero before
	Updubs   int
	Downdubs int
	Skipped  bool
}

// ID returns the room's id.
func (r *Room) ID() string { return string(r.id) }

// Slug returns the name in the room's address.
func (r *Room) Slug() string { return r.slug }

// Name returns the room's title.
func (r *Room) Name() string {
	defer r.lock("Name")()
	return r.name
}

// Say lets a user who is in the room chat, and returns the line's id. The text is plain; its HTML entities are made here.
func (r *Room) Say(user, text string) string {
	defer r.lock("Say")()
	sent := htmltext.Encode(text)
	if n := utf16Len(sent); n > maxChat || strings.TrimSpace(text) == "" {
		panic(mistake("a text of %d characters with its HTML entities; 1 to %d are allowed", n, maxChat))
	}
	return string(r.say(r.inside(user).account, sent, r.now()).id)
}

// DeleteMessage lets a user delete a line: the author, or someone with the permission chat.delete.
func (r *Room) DeleteMessage(by, id string) {
	defer r.lock("DeleteMessage")()
	m := r.inside(by)
	i := slices.IndexFunc(r.messages, func(m *message) bool { return string(m.id) == id && !m.deleted })
	if i < 0 {
		panic(mistake("no message has the id %q", id))
	}
	if r.messages[i].author != m.account && !r.can(m, permChatDelete) {
		panic(mistake("%s may not delete a message of %s", by, r.messages[i].author.name))
	}
	r.deleteMessage(m.account, r.messages[i])
}

// Join lets a user come in. Of someone who is there already the room hears again.
func (r *Room) Join(user string) {
	defer r.lock("Join")()
	a := r.account(user)
	if r.seen(a).isBanned(r.now()) {
		panic(mistake("%s is banned from %s", user, r.slug))
	}
	r.join(a, r.now())
}

// Leave lets a user go.
func (r *Room) Leave(user string) {
	defer r.lock("Leave")()
	r.leave(r.inside(user), r.now())
}

// Vote lets a user vote for or against what plays. A second vote replaces the first; the same one again changes nothing and
// is no event.
func (r *Room) Vote(user string, up bool) {
	defer r.lock("Vote")()
	m := r.inside(user)
	r.mustPlay()
	r.vote(m.account, up, r.now())
}

// Skip lets a user end what plays: the DJ, or someone with the permission queue.skip.
func (r *Room) Skip(by string) {
	defer r.lock("Skip")()
	m := r.inside(by)
	r.mustPlay()
	if r.playing.dj != m && !r.can(m, permSkip) {
		panic(mistake("%s may not skip a song of %s", by, r.playing.dj.account.name))
	}
	r.skip(m.account, r.now())
}

// Broadcast sends an event to everybody who is attached to the room, as it is: data need not be JSON. The room's state does
// not change.
func (r *Room) Broadcast(name string, data json.RawMessage) {
	defer r.lock("Broadcast")()
	r.publish(r.channel, name, data)
}

// Members returns the names of those who are in the room, sorted.
func (r *Room) Members() []string {
	defer r.lock("Members")()
	return names(r.here())
}

// Messages returns the lines said so far, oldest first, at most the last 10,000.
func (r *Room) Messages() []Message {
	defer r.lock("Messages")()
	messages := make([]Message, len(r.messages))
	for i, m := range r.messages {
		messages[i] = Message{ID: string(m.id), User: m.author.name, Text: m.text(), At: m.at, Deleted: m.deleted}
	}
	return messages
}

// NowPlaying returns what plays, and false when nothing does.
func (r *Room) NowPlaying() (Play, bool) {
	defer r.lock("NowPlaying")()
	p := r.playing
	if p == nil {
		return Play{}, false
	}
	return p.public(), true
}

// mistake is what a wrong call panics with.
func mistake(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// lock takes the state's mutex. What it returns gives it back, and says in a panic which call it was.
func (r *Room) lock(method string) (unlock func()) {
	r.mu.Lock()
	return func() {
		r.mu.Unlock()
		if v := recover(); v != nil {
			panic(fmt.Sprintf("queuptest: Room.%s: %v", method, v))
		}
	}
}

// account finds a user by name.
func (r *Room) account(name string) *account {
	a := r.named(name)
	if a == nil {
		panic(mistake("there is no user %q", name))
	}
	return a
}

// inside finds a user who is in the room.
func (r *Room) inside(name string) *member {
	m := r.present(r.account(name))
	if m == nil {
		panic(mistake("%s is not in %s; Join first", name, r.slug))
	}
	return m
}

func (r *Room) mustPlay() {
	if r.playing == nil {
		panic(mistake("nothing plays in %s", r.slug))
	}
}

// do runs what someone does.
func (r *Room) do(by string, do func(m *member, now time.Time) error) {
	now := r.now()
	m := r.seen(r.account(by))
	if m.isBanned(now) {
		panic(mistake("%s is banned from %s", by, r.slug))
	}
	if err := do(m, now); err != nil {
		panic(mistake("%s: %v", by, err))
	}
}

// act runs what someone does to a user.
func (r *Room) act(by, user string, do func(m, target *member, now time.Time) error) {
	r.do(by, func(m *member, now time.Time) error {
		target := r.seen(r.account(user))
		err := do(m, target, now)
		if err == nil {
			r.keep(target)
		}
		return err
	})
}
