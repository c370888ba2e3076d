package client

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/saturate"
)

// A Song is an entry of a room's queue at a moment: one play that is queued, playing or over. Source: docs/PROTOCOL.md 3.9.
type Song struct {
	// ID identifies the play.
	ID PlayID `json:"id"`
	// SongID identifies its media; see Info.
	SongID SongID `json:"songId"`
	// UserID is the user who queued it.
	UserID UserID `json:"userId"`
	// RoomID is the room.
	RoomID RoomID `json:"roomId"`
	// Length is how long it plays, as QueUp states it for the play, or else the length of its media. 0 means that it is not
	// known, and more than a day is a live stream. In both cases the end of the song is not known.
	Length time.Duration `json:"length"`
	// CreatedAt is when it was queued.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// PlayedAt is when it started, zero before.
	PlayedAt time.Time `json:"playedAt,omitzero"`
	// Active is true while it plays.
	Active bool `json:"active"`
	// Played is true when the play is over.
	Played bool `json:"played"`
	// Skipped is true when it was ended early.
	Skipped bool `json:"skipped"`
	// Order is its place in the queue as QueUp sends it, 999 for a new entry.
	Order int64 `json:"order"`
	// Updubs counts votes for it.
	Updubs int64 `json:"updubs"`
	// Downdubs counts votes against it.
	Downdubs int64 `json:"downdubs"`
	// Grabs counts how often it was added to a playlist.
	Grabs int64 `json:"grabs"`

	extra
	client *Client
	info   *SongInfo // its media as of the event that made the value, nil if it had none
}

func newSong(c *Client, w wire.Play) Song {
	s := Song{
		ID:        w.ID,
		SongID:    w.SongID,
		UserID:    w.UserID,
		RoomID:    w.RoomID,
		Length:    max(w.Length, 0),
		CreatedAt: w.Created,
		PlayedAt:  w.PlayedAt,
		Active:    w.Active && !w.Played, // rows of the history have both set
		Played:    w.Played,
		Skipped:   w.Skipped,
		Order:     w.Order,
		Updubs:    w.Updubs,
		Downdubs:  w.Downdubs,
		Grabs:     w.Grabs,
		extra:     extra{w.Extra},
		client:    c,
	}
	if s.SongID == "" {
		s.SongID = w.Song.ID
	}
	s.UserID = cmp.Or(s.UserID, userID(w.User))
	return s
}

// queuedBy returns the account of the user who queued a play. If the account has no id, the play has it.
func queuedBy(w wire.Play) wire.User {
	w.User.ID = cmp.Or(userID(w.User), w.UserID)
	return w.User
}

// endless reports whether its end is not known, because it has no length or is a live stream. Source: docs/PROTOCOL.md 7,
// rule 36.
func (s Song) endless() bool { return s.Length <= 0 || isLive(s.Length) }

// overAfter reports whether it has ended after playing for the given time.
func (s Song) overAfter(elapsed time.Duration) bool { return !s.endless() && elapsed >= s.Length }

// takeLength sets a missing length to the length of the media.
func (s *Song) takeLength() {
	if s.Length <= 0 {
		info, _ := s.Info()
		s.Length = info.Length
	}
}

// NetDubs is the score: votes for it minus votes against it.
func (s Song) NetDubs() int64 { return saturate.Sub(s.Updubs, s.Downdubs) }

// Info returns its media, and false if the client does not know it.
func (s Song) Info() (SongInfo, bool) {
	if s.info != nil {
		return *s.info, true
	}
	if s.client == nil {
		return SongInfo{}, false
	}
	return s.client.Songs().Get(s.SongID)
}

// User returns the user who queued it, and false if the client does not know their name.
func (s Song) User() (User, bool) {
	if s.client == nil {
		return User{}, false
	}
	return s.client.Users().Get(s.UserID)
}

// Room returns the room, and false if the client does not know it.
func (s Song) Room() (*Room, bool) {
	if s.client == nil {
		return nil, false
	}
	return s.client.Rooms().Get(s.RoomID)
}

// Equal reports whether both have the same content, whatever client they come from.
func (s Song) Equal(t Song) bool {
	return s.ID == t.ID && s.SongID == t.SongID && s.UserID == t.UserID && s.RoomID == t.RoomID && s.Length == t.Length &&
		s.CreatedAt.Equal(t.CreatedAt) && s.PlayedAt.Equal(t.PlayedAt) &&
		s.Active == t.Active && s.Played == t.Played && s.Skipped == t.Skipped && s.Order == t.Order &&
		s.Updubs == t.Updubs && s.Downdubs == t.Downdubs && s.Grabs == t.Grabs && s.sameExtra(t.extra)
}

// String returns the title and the length if the media is known, else the id.
func (s Song) String() string {
	if info, ok := s.Info(); ok {
		return info.String()
	}
	return fmt.Sprintf("song %s", s.SongID)
}

// complete reports whether everything about a song that could be looked up is known.
func (s Song) complete() bool {
	_, hasUser := s.User()
	return s.hasMedia() && (hasUser || s.UserID == "")
}

// hasMedia reports whether the media of a song needs no lookup. Source: docs/PROTOCOL.md 7, rule 15.
func (s Song) hasMedia() bool {
	info, _ := s.Info()
	return info.playable() || s.SongID == ""
}

// Provider is the site that media come from.
type Provider = wire.Provider

// The providers that QueUp knows.
const (
	YouTube    = wire.YouTube
	SoundCloud = wire.SoundCloud
)

// longestSong is the longest length of a song. QueUp states 99,999 s for a live stream. Source: docs/PROTOCOL.md 7, rule
// 36.
const longestSong = 24 * time.Hour

func isLive(length time.Duration) bool { return length > longestSong }

// A SongInfo is a piece of media: a video or a track. Broken imports lack name, provider and media id. Source:
// docs/PROTOCOL.md 3.8.
type SongInfo struct {
	// ID is QueUp's id.
	ID SongID `json:"id"`
	// Name is the title.
	Name string `json:"name"`
	// Provider is the site it comes from.
	Provider Provider `json:"provider"`
	// MediaID is the provider's id.
	MediaID string `json:"mediaId"`
	// Length is how long it is, 0 if QueUp does not say. More than a day is a live stream; see Live.
	Length time.Duration `json:"length"`
	// Thumbnail is the address of a small picture, empty if there is none.
	Thumbnail string `json:"thumbnail,omitempty"`
	// CreatedAt is when QueUp stored it first.
	CreatedAt time.Time `json:"createdAt,omitzero"`

	extra
}

// playable reports whether it says where to find the media. Broken imports do not.
func (s SongInfo) playable() bool { return s.Provider != "" && s.MediaID != "" }

func newSongInfo(w wire.Song) SongInfo {
	return SongInfo{
		ID:        w.ID,
		Name:      w.Name,
		Provider:  w.Provider,
		MediaID:   w.MediaID,
		Length:    max(w.Length, 0),
		Thumbnail: w.Images.Thumbnail,
		CreatedAt: w.Created,
		extra:     extra{w.Extra},
	}
}

// URL returns an address at which a person can play the media, empty if it is not known. It is YouTube's page, or
// SoundCloud's player, because the page of a track there cannot be derived from its number. [Client.SongLink] asks QueUp
// for the page. Source: docs/PROTOCOL.md 3.8.
func (s SongInfo) URL() string {
	switch {
	case s.MediaID == "":
		return ""
	case s.Provider == YouTube:
		return "https://www.youtube.com/watch?v=" + url.QueryEscape(s.MediaID)
	case s.Provider == SoundCloud:
		if strings.Trim(s.MediaID, "0123456789") != "" { // the player accepts numbers only
			return ""
		}
		return "https://w.soundcloud.com/player/?url=" + url.QueryEscape("https://api.soundcloud.com/tracks/"+s.MediaID)
	}
	return ""
}

// Live reports whether it is a live stream, which has no end. QueUp states a length of more than a day. Source:
// docs/PROTOCOL.md 7, rule 36.
func (s SongInfo) Live() bool { return isLive(s.Length) }

// Equal reports whether both have the same content.
func (s SongInfo) Equal(t SongInfo) bool {
	return s.ID == t.ID && s.Name == t.Name && s.Provider == t.Provider && s.MediaID == t.MediaID && s.Length == t.Length &&
		s.Thumbnail == t.Thumbnail && s.CreatedAt.Equal(t.CreatedAt) && s.sameExtra(t.extra)
}

// String returns the title, and the length if it is known.
func (s SongInfo) String() string {
	name := s.Name
	if name == "" {
		name = "song " + string(s.ID)
	}
	if s.Live() {
		return name + " (live)"
	}
	if s.Length <= 0 {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, FormatSongLength(s.Length))
}

// FetchSong returns a piece of media. It costs no call if the client has seen it ([WithSongCache]). Concurrent lookups of
// the same media share one call, which does not count as one of the bot's calls ([WithRateLimit]). Unknown media is
// [ErrNotFound], an empty id an [*ArgumentError]. Source: docs/PROTOCOL.md 2.8.
func (c *Client) FetchSong(ctx context.Context, id SongID) (SongInfo, error) {
	if err := checkID("Client.FetchSong", "id", id); err != nil {
		return SongInfo{}, err
	}
	if info, ok := c.songs.Get(id); ok {
		return info, nil
	}
	info, err := c.lookups.Do(ctx, id, c.workers, func(ctx context.Context) (SongInfo, error) {
		if info, ok := c.songs.Get(id); ok { // another call has found it meanwhile
			return info, nil
		}
		answer, err := c.loads.Song(ctx, queupapi.SongParams{SongID: id})
		if err != nil {
			return SongInfo{}, failed("song", err)
		}
		if known, ok := c.learnSong(answer.Data); ok {
			return known, nil
		}
		if answer.Data.ID == "" {
			return SongInfo{}, &APIError{Op: "song", Status: http.StatusOK, Message: "answered without a song"}
		}
		return newSongInfo(answer.Data), nil // a broken import, which is fetched again next time
	})
	if err != nil && ctx.Err() != nil {
		return SongInfo{}, &withinError{"song", context.Cause(ctx)}
	}
	return info, err
}

// SearchSongs finds media at YouTube or SoundCloud, page by page as the loop goes on. An error ends the sequence. An empty
// text, and a provider that is neither [YouTube] nor [SoundCloud], is an [*ArgumentError]. Source: docs/PROTOCOL.md 1.5,
// 2.8.
func (c *Client) SearchSongs(ctx context.Context, text string, provider Provider) iter.Seq2[SongInfo, error] {
	const op = "Client.SearchSongs"
	if strings.TrimSpace(text) == "" {
		return failing[SongInfo](&ArgumentError{Op: op, Argument: "text", Reason: "is empty"})
	}
	if err := checkProvider(op, provider); err != nil {
		return failing[SongInfo](err)
	}
	return byToken(ctx, mediaKey, func(ctx context.Context, token string) ([]SongInfo, string, error) {
		answer, err := c.rest.SearchSongs(ctx, queupapi.SearchSongsParams{
			Name:          text,
			Provider:      provider,
			Details:       queupapi.NewOptInt(1),
			NextPageToken: queupapi.NewOptString(token),
		})
		rows, err := rowsOf("searchSongs", answer.Data.Items, err)
		if err != nil {
			return nil, "", err
		}
		found := make([]SongInfo, 0, len(rows))
		for _, w := range filled(rows) {
			c.learnSong(w)
			found = append(found, newSongInfo(w))
		}
		return found, answer.Data.NextPageToken, nil
	})
}

// mediaKey returns a key that tells media apart. Media that QueUp has not stored yet may have no id.
func mediaKey(s SongInfo) string { return cmp.Or(string(s.ID), string(s.Provider)+" "+s.MediaID) }

// checkProvider returns an error for a provider that QueUp does not know.
func checkProvider(op string, provider Provider) error {
	if provider != YouTube && provider != SoundCloud {
		return &ArgumentError{Op: op, Argument: "provider", Reason: "must be YouTube or SoundCloud"}
	}
	return nil
}

// SongLink returns the page of a piece of media at its provider, as QueUp knows it. It needs no login. [SongInfo.URL]
// returns an address without a call. Unknown media is [ErrNotFound], an empty id an [*ArgumentError]. Source:
// docs/PROTOCOL.md 2.8.
func (c *Client) SongLink(ctx context.Context, id SongID) (string, error) {
	if err := checkID("Client.SongLink", "id", id); err != nil {
		return "", err
	}
	answer, err := c.rest.SongLink(ctx, queupapi.SongLinkParams{SongID: id})
	if err != nil {
		return "", failed("songLink", err)
	}
	return answer.Location, nil
}

// songs makes the values of a list of plays, and records the media that came with them.
func (r *Room) songs(plays wire.Plays) []Song {
	songs := make([]Song, 0, len(plays))
	for _, w := range filled(plays) {
		songs = append(songs, r.newSong(w))
	}
	return songs
}

// newSong makes the value of a play in an answer, and records its user and its media.
func (r *Room) newSong(w wire.Play) Song {
	c := r.client
	s := newSong(c, w)
	if s.RoomID == "" {
		s.RoomID = r.id
	}
	if info := c.mediaOf(w.Song); info != nil {
		s.SongID, s.info = info.ID, info
	}
	s.takeLength()
	if w.User.Username != "" {
		c.learnUser(queuedBy(w), true)
	}
	return s
}

// songTTL is how long unused media are remembered. Source: docs/PROTOCOL.md 7, rule 20.
const songTTL = 15 * time.Minute

// learnSong records the media of an event or an answer, and returns them. If they do not say where to find the media, it
// records nothing, and returns what is already known, if anything. Source: docs/PROTOCOL.md 7, rule 15.
func (c *Client) learnSong(w wire.Song) (SongInfo, bool) {
	info := newSongInfo(w)
	if info.ID == "" {
		return info, false
	}
	if !info.playable() {
		if known, ok := c.songs.Get(info.ID); ok {
			return known, true
		}
		return info, false
	}
	if info.Length <= 0 {
		known, _ := c.songs.Get(info.ID)
		info.Length = known.Length
	}
	c.songs.Put(info.ID, info)
	return info, true
}

// mediaOf returns the media of a play if they are known or at least have a title, else nil.
func (c *Client) mediaOf(w wire.Song) *SongInfo {
	info, known := c.learnSong(w)
	if !known && (info.ID == "" || info.Name == "") {
		return nil
	}
	return &info
}
