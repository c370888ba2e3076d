package main

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/queup-go/queup/client"
)

// The limits of the page.
const (
	maxLines   = 30
	maxEntries = 5
	maxText    = 500 // letters of a line or title
)

// repaint is the shortest time between two pictures, however busy the room.
const repaint = 100 * time.Millisecond

// watch joins a room as a listener and keeps a screen up to date until it is closed.
func watch(ctx context.Context, bot *client.Client, slug string) (*client.Room, *screen, error) {
	s := newScreen()
	// One subscription for everything, so that lines come in order. Its handler never waits.
	client.On(bot, func(_ context.Context, e client.Event) error {
		s.receive(e)
		return nil
	})
	room, err := bot.JoinRoom(ctx, slug, client.Listen())
	if err != nil {
		return nil, nil, err
	}
	if earlier, err := room.FetchChat(ctx); err == nil { // an overlay that starts with an empty chat is one, too
		s.recall(earlier)
	}
	_, err = room.FetchQueue(ctx)
	s.blind = err != nil // QueUp may show the queue to accounts only
	s.show(s.picture(room))
	go s.paint(room)
	return room, s, nil
}

// receive applies an event. It never waits.
func (s *screen) receive(e client.Event) {
	switch e := e.(type) {
	case client.Chat:
		s.add(newLine(e.Message, e.Author.Username))
	case client.ChatDeleted:
		s.remove(func(l line) bool { return l.ID == string(e.Message.ID) })
	case client.ChatCleared:
		s.remove(func(l line) bool { return l.author == e.User.ID })
	case client.Disconnected:
		s.connected(false)
	case client.Reconnected:
		s.connected(true)
	case client.RoomLeft:
		select {
		case s.left <- e.Err:
		default:
		}
	}
	select {
	case s.stale <- struct{}{}:
	default: // a picture is already due
	}
}

// paint shows a new picture after each change, until the screen is closed.
func (s *screen) paint(room *client.Room) {
	for {
		select {
		case <-s.stale:
			s.show(s.picture(room))
		case <-s.done:
			return
		}
		select {
		case <-time.After(repaint):
		case <-s.done:
			return
		}
	}
}

// picture returns the current picture of a room. It reads the client's cache and makes no call.
func (s *screen) picture(room *client.Room) picture {
	p := picture{Room: clip(room.Name()), People: room.Members().Len(), Queue: []entry{}, Blind: s.blind}
	p.Chat, p.Live = s.noted()
	if song, playing := room.NowPlaying(); playing {
		elapsed, _ := room.Elapsed()
		info, _ := song.Info()
		artist, title := credits(info.Name)
		p.Playing = &current{
			ID: string(song.ID), Title: title, Artist: artist, DJ: dj(song),
			Length: song.Length.Milliseconds(), Endless: song.Length <= 0 || info.Live(),
			Up: song.Updubs, Down: song.Downdubs, Grabs: song.Grabs,
			began: time.Now().Add(-elapsed),
		}
	}
	queue := room.Queue()
	p.More = max(len(queue)-maxEntries, 0)
	for _, song := range queue[:len(queue)-p.More] {
		info, _ := song.Info()
		artist, title := credits(info.Name)
		e := entry{ID: string(song.ID), Title: title, Artist: artist, DJ: dj(song)}
		if wait, known := room.ETA(song.UserID); known {
			e.begins = time.Now().Add(wait)
		}
		p.Queue = append(p.Queue, e)
	}
	return p
}

// credits splits the name of a song. Most are called Artist - Title; the others have no artist.
func credits(name string) (artist, title string) {
	if strings.TrimSpace(name) == "" {
		return "", "a song without a name"
	}
	if artist, title, ok := strings.Cut(name, " - "); ok && strings.TrimSpace(artist) != "" && strings.TrimSpace(title) != "" {
		return clip(artist), clip(title)
	}
	return "", clip(name)
}

func dj(song client.Song) string {
	if user, ok := song.User(); ok {
		return clip(user.Username)
	}
	return "somebody"
}

func newLine(m client.Message, name string) line {
	if name == "" {
		name = "somebody"
	}
	text, action := strings.CutPrefix(m.Content, "/me ")
	return line{ID: string(m.ID), Name: clip(name), Text: clip(text), Action: action, author: m.AuthorID}
}

// recall adds lines from before the join before the lines that came since.
func (s *screen) recall(earlier []client.Message) {
	var lines []line
	for _, m := range earlier {
		if author, _ := m.Author(); !m.Deleted && m.Content != "" {
			lines = append(lines, newLine(m, author.Username))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lines = slices.DeleteFunc(lines, func(l line) bool {
		return slices.ContainsFunc(s.lines, func(known line) bool { return known.ID == l.ID })
	})
	s.lines = last(slices.Concat(lines, s.lines))
}

func last(lines []line) []line { return lines[max(len(lines)-maxLines, 0):] }

// clip returns a text as one short line, so that a long chat line cannot enlarge the page.
func clip(text string) string {
	text = strings.TrimSpace(printable(strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ").Replace(text)))
	if letters := []rune(text); len(letters) > maxText {
		return string(letters[:maxText-1]) + "…"
	}
	return text
}

// printable drops control characters, for the page and the terminal, and the marks that change the direction of text.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, text)
}
