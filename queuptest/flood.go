package queuptest

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-faster/jx"
	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/htmltext"
	"github.com/queup-go/queup/realtime"
)

// A FloodConfig says what [Room.PrepareFlood] prepares.
type FloodConfig struct {
	Events int    // how many, 1 to 1,000,000
	Seed   uint64 // which ones; the same seed in the same room, the same events
	Mix    Mix    // of what; zero: UsualMix
	Size   int    // of a frame on average, in bytes, as far as the length of the lines can make it so; 0: 1,380
}

// A Mix is how often kinds of events come, as weights.
type Mix struct {
	Chat   float64 // chat-message
	Votes  float64 // room_playlist-dub
	People float64 // user-join and user-leave
	Songs  float64 // room_playlist-update: one in eight starts a song, the others say that the queue has changed
	Others float64 // user_update, room_playlist-queue-update-dub, grabs, deleted lines
}

// UsualMix is what a lively room sounds like: 60 % chat, 15 % votes, 10 % people who come and go, 5 % song updates, 10 % others.
func UsualMix() Mix { return Mix{Chat: 60, Votes: 15, People: 10, Songs: 5, Others: 10} }

const (
	maxFlood         = 1_000_000
	defaultFrameSize = 1380
	maxFrameSize     = 4096
	floodChunk       = 64 << 10 // bytes that are written at once
	floodAhead       = 1 << 20  // bytes that wait for a link at most
)

// A Flood is a run of events of one room, encoded as frames of the websocket. It is for benchmarks, in which the server should
// cost nothing. It is immutable.
type Flood struct {
	room   *room
	frames []byte // of the websocket, with their headers
	ends   []int  // of each in frames
	kinds  []string
}

// Len returns the number of events.
func (f *Flood) Len() int { return len(f.ends) }

// Size returns the number of bytes that the events have on a websocket.
func (f *Flood) Size() int { return len(f.frames) }

// Kinds returns how many events have which name; suffixes are left out: user_update.
func (f *Flood) Kinds() map[string]int {
	n := make(map[string]int)
	for _, kind := range f.kinds {
		n[kind]++
	}
	return n
}

// Split cuts a flood in two, the first of which has so many events: a warm-up, and the part that is measured. Two floods that
// were prepared one after the other may have lines with the same ids, and a client emits one of each. The parts of a flood never
// do. More events than there are is a mistake in the test: Split panics.
func (f *Flood) Split(events int) (first, rest *Flood) {
	if events < 0 || events > f.Len() {
		panic(mistake("queuptest: Flood.Split: %d events of %d", events, f.Len()))
	}
	size := 0
	if events > 0 {
		size = f.ends[events-1]
	}
	first = &Flood{room: f.room, frames: f.frames[:size:size], ends: f.ends[:events:events], kinds: f.kinds[:events:events]}
	rest = &Flood{room: f.room, frames: f.frames[size:], kinds: f.kinds[events:]}
	for _, end := range f.ends[events:] {
		rest.ends = append(rest.ends, end-size)
	}
	return first, rest
}

// Frames yields the text of each frame, as a client reads it. Nobody may change it.
func (f *Flood) Frames() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		begin := 0
		for _, end := range f.ends {
			if !yield(payload(f.frames[begin:end])) {
				return
			}
			begin = end
		}
	}
}

// PrepareFlood returns events that could happen in the room as it is. Its members talk, vote for the current song and those that
// follow, leave and come back, queue and grab. The events are not sent yet, and the state of the room does not change. The last
// events bring back the members who have left and the song that really plays, so that a flood can be sent again. Lines of chat
// have the same ids then.
//
// A room without people, or where nothing plays, is a mistake in the test: PrepareFlood panics.
func (r *Room) PrepareFlood(c FloodConfig) *Flood {
	defer r.lock("PrepareFlood")()
	if c.Events < 1 || c.Events > maxFlood {
		panic(mistake("a flood of %d events; 1 to %d are allowed", c.Events, maxFlood))
	}
	if c.Mix == (Mix{}) {
		c.Mix = UsualMix()
	}
	if m := c.Mix; min(m.Chat, m.Votes, m.People, m.Songs, m.Others) < 0 {
		panic(mistake("a mix has no weights below zero: %+v", m))
	}
	if c.Size == 0 {
		c.Size = defaultFrameSize
	}
	if c.Size < 0 || c.Size > maxFrameSize {
		panic(mistake("frames of %d bytes; 1 to %d are allowed", c.Size, maxFrameSize))
	}
	r.mustPlay()
	here := r.here()
	if len(here) == 0 {
		panic(mistake("nobody is in %s", r.slug))
	}
	w := newFloodWriter(r.room, here, c, r.now())
	w.write()
	return w.flood
}

// floodWriter plays a room on paper.
type floodWriter struct {
	flood  *Flood
	r      *room
	config FloodConfig
	rand   *rand.Rand
	now    time.Time
	here   []*member
	away   []*member
	play   wire.Play // what plays on paper
	song   wire.Song
	votes  map[*member]bool     // on it
	grabs  map[*member]bool     // of it
	lines  []wire.MessageID     // the latest ones
	faces  bool                 // users come with their pictures
	chars  int                  // of a line, on average
	events [5]func() floodEvent // by kind, in the order of Mix
}

// floodEvent is an event, and the name under which it is counted.
type floodEvent struct {
	kind  string
	event wire.Event
}

func newFloodWriter(r *room, here []*member, c FloodConfig, now time.Time) *floodWriter {
	w := &floodWriter{
		flood: &Flood{
			room:   r,
			frames: make([]byte, 0, c.Events*(c.Size+c.Size/50)),
			ends:   make([]int, 0, c.Events),
			kinds:  make([]string, 0, c.Events),
		},
		r:      r,
		config: c,
		rand:   rand.New(rand.NewPCG(c.Seed, 6)),
		now:    now.Add(-time.Duration(c.Events) * time.Millisecond),
		here:   here,
	}
	w.events = [5]func() floodEvent{w.chat, w.vote, w.person, w.songUpdate, w.other}
	w.playReal()
	if w.chars = w.lineLength(); w.chars >= maxChat { // words alone will not do
		w.faces = true
		w.chars = w.lineLength()
	}
	return w
}

// user is somebody as they stand in events, with a picture if faces says so: events were seen with and without.
func (w *floodWriter) user(m *member) wire.User {
	u := w.r.wireEventUser(m.account)
	if !w.faces {
		return u
	}
	u.ProfileImage = m.account.image
	if u.ProfileImage.IsZero() {
		id := "user/" + string(m.account.id)
		u.ProfileImage = wire.ProfileImage{
			PublicID: id, Version: "1496772839", Width: 512, Height: 512, Format: "png", ResourceType: "image", Tags: []string{"user"},
			Bytes: 48231, Type: "upload", Etag: string(m.account.id) + "5f0a91c2", URL: "http://" + inMemoryHost + "/image/" + id + ".png",
			SecureURL: imageURL("image/" + id + ".png"),
		}
	}
	return u
}

// playReal sets what plays on paper to what really does.
func (w *floodWriter) playReal() {
	w.play, w.song = w.r.wirePlay(w.r.playing), w.r.playing.song.wireSong()
	w.votes, w.grabs = map[*member]bool{}, map[*member]bool{}
	for _, v := range w.r.playing.votes {
		w.votes[w.r.seen(v.account)] = v.up
	}
	for _, v := range w.r.playing.grabs {
		w.grabs[w.r.seen(v.account)] = true
	}
}

// lineLength is how long the lines are to be on average, so that the frames have the wanted size.
func (w *floodWriter) lineLength() int {
	m := w.config.Mix
	others := 0.0
	for i, weight := range []float64{m.Votes, m.People, m.Songs, m.Others} {
		if weight == 0 {
			continue
		}
		sample := *w // what it counts on paper does not matter
		sample.rand = rand.New(rand.NewPCG(1, 1))
		sample.votes, sample.grabs = map[*member]bool{}, map[*member]bool{}
		sample.here, sample.away = slices.Clone(w.here), nil
		sample.events = [5]func() floodEvent{sample.chat, sample.vote, sample.person, sample.songUpdate, sample.other}
		const samples = 40
		size := 0
		for range samples {
			size += len(w.frame(sample.events[i+1]().event))
		}
		others += weight * float64(size) / samples
	}
	if m.Chat == 0 {
		return 0
	}
	empty := len(w.frame(w.line(w.here[0], "")))
	all := m.Chat + m.Votes + m.People + m.Songs + m.Others
	wanted := (float64(w.config.Size)*all - others) / m.Chat
	return min(max(int(wanted)-empty, 2), maxChat)
}

// frame is an event as one frame of the websocket.
func (w *floodWriter) frame(event wire.Event) []byte {
	var e jx.Encoder
	event.Encode(&e)
	text := newOutgoing(realtime.Frame{
		Action:  realtime.ActionMessage,
		Channel: w.r.channel,
		Message: &realtime.MessageBody{Name: event.EventName(), Type: "json", Data: w.r.quirks.event(e.Bytes())},
	}).packet
	header := []byte{0x80 | websocket.TextMessage} // the last frame of its message; see RFC 6455, 5.2
	switch n := len(text); {
	case n <= 125:
		header = append(header, byte(n))
	case n <= 0xffff:
		header = binary.BigEndian.AppendUint16(append(header, 126), uint16(n))
	default:
		header = binary.BigEndian.AppendUint64(append(header, 127), uint64(n))
	}
	return append(header, text...)
}

// payload is the text in a frame of a flood.
func payload(frame []byte) []byte {
	switch frame[1] {
	case 126:
		return frame[4:]
	case 127:
		return frame[10:]
	}
	return frame[2:]
}

// write writes the flood.
func (w *floodWriter) write() {
	m := w.config.Mix
	weights := []float64{m.Chat, m.Votes, m.People, m.Songs, m.Others}
	sum := 0.0
	for _, weight := range weights {
		sum += weight
	}
	for {
		left := w.config.Events - len(w.flood.ends)
		if left <= len(w.away)+1 {
			break
		}
		x := w.rand.Float64() * sum
		for i, weight := range weights {
			if x -= weight; x < 0 {
				w.add(w.events[i]())
				break
			}
		}
	}
	for len(w.away) > 0 { // as it was
		w.add(w.comeIn())
	}
	w.playReal()
	w.add(floodEvent{"room_playlist-update", &wire.RoomPlaylistUpdate{
		Elapsed: w.r.now().Sub(w.r.playing.playedAt).Truncate(time.Second), Play: w.play, Song: w.song,
	}})
}

func (w *floodWriter) add(from floodEvent) {
	w.flood.frames = append(w.flood.frames, w.frame(from.event)...)
	w.flood.ends = append(w.flood.ends, len(w.flood.frames))
	w.flood.kinds = append(w.flood.kinds, from.kind)
	w.now = w.now.Add(time.Millisecond)
}

func (w *floodWriter) somebody() *member { return w.here[w.rand.IntN(len(w.here))] }

// line is a line of chat. Each has a time of its own, so the ids differ.
func (w *floodWriter) line(m *member, text string) *wire.ChatMessage {
	line := &message{id: wire.MessageID(string(m.account.id) + "-" + formatInt(w.now.UnixMilli())), author: m.account, sent: text, at: w.now}
	e := w.r.wireMessage(line)
	e.User, e.Member = w.user(m), w.r.wireMember(m)
	return e
}

func (w *floodWriter) chat() floodEvent {
	length := max(1, w.chars*(60+w.rand.IntN(81))/100)
	var text strings.Builder
	for text.Len() < length {
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(crowdLines[w.rand.IntN(len(crowdLines))])
	}
	sent := []rune(htmltext.Encode(text.String()))
	sent = sent[:min(len(sent), length, maxChat)]
	for utf16Len(string(sent)) > maxChat {
		sent = sent[:len(sent)-1]
	}
	e := w.line(w.somebody(), string(sent))
	if w.lines = append(w.lines, e.ID); len(w.lines) > maxRecent {
		w.lines = w.lines[1:]
	}
	return floodEvent{"chat-message", e}
}

func (w *floodWriter) vote() floodEvent {
	m := w.somebody()
	up, voted := w.votes[m]
	switch {
	case voted && up:
		w.play.Updubs--
	case voted:
		w.play.Downdubs--
	default:
		up = w.rand.IntN(5) == 0 // turned round below: most votes are for the song
	}
	up = !up
	w.votes[m] = up
	kind := wire.Downdub
	if up {
		kind = wire.Updub
		w.play.Updubs++
	} else {
		w.play.Downdubs++
	}
	return floodEvent{"room_playlist-dub", &wire.RoomPlaylistDub{Type: kind, User: w.user(m), Play: w.play}}
}

// person lets somebody go, or come in again. Most are always there.
func (w *floodWriter) person() floodEvent {
	if len(w.away) > 0 && (len(w.here) < 2 || len(w.away) > len(w.here)/8 || w.rand.IntN(2) == 0) {
		return w.comeIn()
	}
	if len(w.here) < 2 {
		return w.chat() // nobody is left if the only one goes
	}
	i := w.rand.IntN(len(w.here))
	m := w.here[i]
	w.here = slices.Delete(w.here, i, i+1)
	w.away = append(w.away, m)
	return floodEvent{"user-leave", &wire.UserLeave{User: w.user(m), Room: w.r.wireLeft()}}
}

func (w *floodWriter) comeIn() floodEvent {
	m := w.away[0]
	w.away = w.away[1:]
	w.here = append(w.here, m)
	return floodEvent{"user-join", &wire.UserJoin{User: w.user(m), Member: w.r.wireMember(m)}}
}

func (w *floodWriter) songUpdate() floodEvent {
	elapsed := w.now.Sub(w.play.PlayedAt).Truncate(time.Second)
	if w.rand.IntN(8) == 0 {
		all := catalogue()
		dj := w.somebody()
		media := w.r.addFact(all[w.rand.IntN(len(all))], w.now)
		w.song = media.wireSong()
		w.play = w.r.wirePlay(&play{id: wire.PlayID(w.r.state.id(idPlay)), dj: dj, song: media, created: w.now, playedAt: w.now})
		w.votes, w.grabs = map[*member]bool{}, map[*member]bool{}
		elapsed = -time.Second
	}
	return floodEvent{"room_playlist-update", &wire.RoomPlaylistUpdate{Elapsed: max(elapsed, -time.Second), Play: w.play, Song: w.song}}
}

func (w *floodWriter) other() floodEvent {
	m := w.somebody()
	user := w.user(m)
	switch n := w.rand.IntN(10); {
	case n < 5:
		record := w.r.wireMember(m)
		record.Updated, record.Dubs = w.now, record.Dubs+w.rand.Int64N(50)
		return floodEvent{"user_update", &wire.UserUpdate{Subject: m.account.id, Member: record}}
	case n < 6 && len(w.lines) > 0:
		i := w.rand.IntN(len(w.lines))
		id := w.lines[i]
		w.lines = slices.Delete(w.lines, i, i+1)
		return floodEvent{"delete-chat-message", &wire.DeleteChatMessage{ID: id, User: user}}
	case n < 7 && !w.grabs[m]:
		w.grabs[m] = true
		w.play.Grabs++
		return floodEvent{"room_playlist-queue-update-grabs", &wire.RoomPlaylistQueueUpdateGrabs{User: user, Play: w.play}}
	}
	return floodEvent{"room_playlist-queue-update-dub", &wire.RoomPlaylistQueueUpdateDub{User: user}}
}

// The ways in which a flood ends too early.
var (
	errNobodyListens = errors.New("queuptest: nobody is attached to the room")
	errLinkLost      = errors.New("queuptest: a websocket was lost during the flood")
)

// SendFlood sends a flood of this room to every websocket that is attached to it, at a rate of so many events a second. A rate
// of 0 is as fast as each of them reads. It returns when everything is written, when ctx ends, or when a websocket is lost. Other
// events are sent between those of the flood. The log leaves a flood out, or a benchmark would measure the log.
func (r *Room) SendFlood(ctx context.Context, f *Flood, rate int) error {
	if f.room != r.room || rate < 0 {
		panic(mistake("queuptest: Room.SendFlood: the flood is of %s, the rate is %d", f.room.slug, rate))
	}
	r.mu.Lock()
	var links []*link
	for l := range r.channels[r.channel] {
		links = append(links, l)
	}
	r.mu.Unlock()
	if len(links) == 0 {
		return errNobodyListens
	}
	var wait sync.WaitGroup
	errs := make([]error, len(links))
	for i, l := range links {
		wait.Go(func() { errs[i] = l.flood(ctx, f, rate) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// flood sends f to one link.
func (l *link) flood(ctx context.Context, f *Flood, rate int) error {
	begin, from := time.Now(), 0
	for i := 0; i < len(f.ends); {
		last := i // of this chunk
		for last+1 < len(f.ends) && f.ends[last+1]-from <= floodChunk {
			last++
		}
		if rate > 0 {
			due := int(time.Since(begin).Seconds()*float64(rate)) - 1
			if due < i {
				if err := pause(ctx, time.Until(begin.Add(time.Duration(i+1)*time.Second/time.Duration(rate)))); err != nil {
					return err
				}
				due = i
			}
			last = min(last, due)
		}
		if err := l.sendRaw(ctx, f.frames[from:f.ends[last]]); err != nil {
			return err
		}
		from, i = f.ends[last], last+1
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sendRaw queues whole frames of the websocket, and waits while too much is queued.
func (l *link) sendRaw(ctx context.Context, frames []byte) error {
	for {
		l.mu.Lock()
		if l.ended || l.leaving {
			l.mu.Unlock()
			return errLinkLost
		}
		if l.size < floodAhead {
			l.queue = append(l.queue, outgoing{packet: frames, raw: true})
			l.size += len(frames)
			l.mu.Unlock()
			l.awake()
			return nil
		}
		if l.taken == nil {
			l.taken = make(chan struct{})
		}
		taken := l.taken
		l.mu.Unlock()
		select {
		case <-taken:
		case <-l.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
