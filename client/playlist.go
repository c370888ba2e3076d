package client

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// PlaylistSongID identifies an entry of a playlist; see [wire.PlaylistSongID].
type PlaylistSongID = wire.PlaylistSongID

// maxPlaylistName is the longest name that QueUp's own page accepts. Source: docs/PROTOCOL.md 2.7.
const maxPlaylistName = 100

// A Playlist is one of the account's own playlists, at a moment. [Room.QueuePlaylist] queues it. Source:
// docs/PROTOCOL.md 3.11.
type Playlist struct {
	// ID never changes.
	ID PlaylistID `json:"id"`
	// Name is what its owner calls it.
	Name string `json:"name"`
	// OwnerID is the user who owns it.
	OwnerID UserID `json:"ownerId"`
	// CreatedAt is when it was made.
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// Public is true if others may see it.
	Public bool `json:"public"`
	// Provider is the site it was imported from, empty if it was made at QueUp.
	Provider Provider `json:"provider,omitempty"`
	// MediaID is the provider's id of the playlist it was imported from.
	MediaID string `json:"mediaId,omitempty"`
	// SongCount is how many songs it has; 0 also if QueUp does not say.
	SongCount int64 `json:"songCount"`

	extra
	client *Client
}

func newPlaylist(c *Client, w wire.Playlist) Playlist {
	return Playlist{
		ID:        w.ID,
		Name:      w.Name,
		OwnerID:   w.OwnerID,
		CreatedAt: w.Created,
		Public:    w.Public,
		Provider:  w.Provider,
		MediaID:   w.MediaID,
		SongCount: w.TotalItems,
		extra:     extra{w.Extra},
		client:    c,
	}
}

// Owner returns the user who owns it, and false if the client does not know them.
func (p Playlist) Owner() (User, bool) {
	if p.client == nil {
		return User{}, false
	}
	return p.client.Users().Get(p.OwnerID)
}

// Equal reports whether both have the same content, whatever client they come from.
func (p Playlist) Equal(q Playlist) bool {
	return p.ID == q.ID && p.Name == q.Name && p.OwnerID == q.OwnerID && p.CreatedAt.Equal(q.CreatedAt) && p.Public == q.Public &&
		p.Provider == q.Provider && p.MediaID == q.MediaID && p.SongCount == q.SongCount && p.sameExtra(q.extra)
}

// String returns the name, or the id if the name is not known.
func (p Playlist) String() string { return cmp.Or(p.Name, string(p.ID)) }

// A PlaylistSong is an entry of a playlist, at a moment. Source: docs/PROTOCOL.md 3.11.
type PlaylistSong struct {
	// ID identifies the entry, not the song: a song can be in a playlist twice.
	ID PlaylistSongID `json:"id"`
	// SongID identifies its media; see Info.
	SongID SongID `json:"songId"`
	// PlaylistID is the playlist.
	PlaylistID PlaylistID `json:"playlistId"`
	// AddedAt is when it was added, zero if QueUp does not say.
	AddedAt time.Time `json:"addedAt,omitzero"`

	extra
	client *Client
	info   *SongInfo // its media as of the answer that made the value, nil if it had none
}

func newPlaylistSong(c *Client, playlist PlaylistID, w wire.PlaylistSong) PlaylistSong {
	s := PlaylistSong{
		ID:         w.ID,
		SongID:     cmp.Or(w.SongID, w.Song.ID),
		PlaylistID: playlist,
		AddedAt:    w.AddedAt,
		extra:      extra{w.Extra},
		client:     c,
	}
	s.info = c.mediaOf(w.Song)
	return s
}

// Info returns its media. It is false if QueUp has lost it and the client does not know it.
func (s PlaylistSong) Info() (SongInfo, bool) {
	if s.info != nil {
		return *s.info, true
	}
	if s.client == nil {
		return SongInfo{}, false
	}
	return s.client.Songs().Get(s.SongID)
}

// Equal reports whether both have the same content, whatever client they come from.
func (s PlaylistSong) Equal(t PlaylistSong) bool {
	return s.ID == t.ID && s.SongID == t.SongID && s.PlaylistID == t.PlaylistID && s.AddedAt.Equal(t.AddedAt) && s.sameExtra(t.extra)
}

// String returns the title and the length if the media is known, else the id.
func (s PlaylistSong) String() string {
	if info, ok := s.Info(); ok {
		return info.String()
	}
	return fmt.Sprintf("song %s", s.SongID)
}

// FetchPlaylists reads the account's playlists. Errors: [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md 2.7.
func (c *Client) FetchPlaylists(ctx context.Context) ([]Playlist, error) {
	answer, err := c.rest.Playlists(ctx)
	rows, err := rowsOf("playlists", answer.Data, err)
	if err != nil {
		return nil, err
	}
	playlists := make([]Playlist, 0, len(rows))
	for _, w := range filled(rows) {
		if !w.Removed {
			playlists = append(playlists, newPlaylist(c, w))
		}
	}
	return playlists, nil
}

// CreatePlaylist makes an empty playlist. Errors: [*ArgumentError] for a name that is empty or longer than 100
// characters, [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md 2.7.
func (c *Client) CreatePlaylist(ctx context.Context, name string) (Playlist, error) {
	if err := checkPlaylistName("Client.CreatePlaylist", name); err != nil {
		return Playlist{}, err
	}
	answer, err := c.rest.CreatePlaylist(ctx, &queupapi.CreatePlaylistApplicationJSON{Name: name})
	if err != nil {
		return Playlist{}, failed("createPlaylist", err)
	}
	p := newPlaylist(c, answer.Data)
	p.Name = cmp.Or(p.Name, name)
	return p, nil
}

func checkPlaylistName(op, name string) error {
	if strings.TrimSpace(name) == "" {
		return &ArgumentError{Op: op, Argument: "name", Reason: "is empty"}
	}
	if utf16Len(name) > maxPlaylistName {
		return &ArgumentError{Op: op, Argument: "name", Reason: fmt.Sprintf("is longer than %d characters", maxPlaylistName)}
	}
	return nil
}

// ImportYouTubePlaylist copies a playlist of YouTube and returns the playlist with the songs in it. mediaID is its id at
// YouTube. It is copied into the given playlist of the account, or into a new one if that is empty. Errors:
// [*ArgumentError] for an empty media id, [ErrNotLoggedIn], and [*APIError], for example for a private playlist. Source:
// docs/PROTOCOL.md 2.7.
func (c *Client) ImportYouTubePlaylist(ctx context.Context, mediaID string, into PlaylistID) (Playlist, error) {
	if err := checkID("Client.ImportYouTubePlaylist", "mediaID", mediaID); err != nil {
		return Playlist{}, err
	}
	answer, err := c.rest.ImportYouTubePlaylist(ctx, &queupapi.ImportYouTubeRequest{MediaID: mediaID, Into: queupapi.NewOptPlaylistID(into)})
	if err != nil {
		return Playlist{}, failed("importYouTubePlaylist", err)
	}
	return newPlaylist(c, answer.Data), nil
}

// ImportSoundCloudPlaylist is ImportYouTubePlaylist for SoundCloud, with the same errors. [Client.SoundCloudPlaylists] finds
// the media id. Source: docs/PROTOCOL.md 2.7.
func (c *Client) ImportSoundCloudPlaylist(ctx context.Context, mediaID string, into PlaylistID) (Playlist, error) {
	if err := checkID("Client.ImportSoundCloudPlaylist", "mediaID", mediaID); err != nil {
		return Playlist{}, err
	}
	answer, err := c.rest.ImportSoundCloudPlaylist(ctx, &queupapi.ImportSoundCloudRequest{MediaID: mediaID, Into: queupapi.NewOptPlaylistID(into)})
	if err != nil {
		return Playlist{}, failed("importSoundCloudPlaylist", err)
	}
	return newPlaylist(c, answer.Data), nil
}

// A SoundCloudPlaylist is a playlist at SoundCloud, which can be imported. Source: docs/PROTOCOL.md 3.10.
type SoundCloudPlaylist struct {
	// MediaID is SoundCloud's id, for [Client.ImportSoundCloudPlaylist].
	MediaID string `json:"mediaId"`
	// Title is its name.
	Title string `json:"title"`
	// TrackCount is how many tracks it has.
	TrackCount int64 `json:"trackCount"`
	// Description is its owner's text.
	Description string `json:"description,omitempty"`
	// Genre is the kind of music, if its owner has set it.
	Genre string `json:"genre,omitempty"`
	// Permalink is the last part of its address at SoundCloud.
	Permalink string `json:"permalink,omitempty"`

	extra
}

func newSoundCloudPlaylist(w wire.SoundCloudPlaylist) SoundCloudPlaylist {
	return SoundCloudPlaylist{
		MediaID:     w.ID,
		Title:       w.Title,
		TrackCount:  w.TotalTracks,
		Description: w.Description,
		Genre:       w.Genre,
		Permalink:   w.Permalink,
		extra:       extra{w.Extra},
	}
}

// Equal reports whether both have the same content.
func (p SoundCloudPlaylist) Equal(q SoundCloudPlaylist) bool {
	return p.MediaID == q.MediaID && p.Title == q.Title && p.TrackCount == q.TrackCount && p.Description == q.Description &&
		p.Genre == q.Genre && p.Permalink == q.Permalink && p.sameExtra(q.extra)
}

// String returns the title, or the id if the title is not known.
func (p SoundCloudPlaylist) String() string { return cmp.Or(p.Title, p.MediaID) }

// SoundCloudPlaylists reads the playlists that a user of SoundCloud has there. Errors: [*ArgumentError] for an empty
// name, [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md 2.7.
func (c *Client) SoundCloudPlaylists(ctx context.Context, username string) ([]SoundCloudPlaylist, error) {
	if err := checkID("Client.SoundCloudPlaylists", "username", username); err != nil {
		return nil, err
	}
	answer, err := c.rest.SoundCloudPlaylists(ctx, queupapi.SoundCloudPlaylistsParams{Username: username})
	rows, err := rowsOf("soundCloudPlaylists", answer.Data, err)
	if err != nil {
		return nil, err
	}
	playlists := make([]SoundCloudPlaylist, 0, len(rows))
	for _, w := range filled(rows) {
		playlists = append(playlists, newSoundCloudPlaylist(w))
	}
	return playlists, nil
}

// may returns an error if a playlist cannot be used.
func (p Playlist) may(op string) error {
	if p.client == nil {
		return ErrDetached
	}
	return checkID(op, "the playlist's ID", p.ID)
}

// Songs reads the entries of the playlist in their order, page by page as the loop goes on. A filter selects the entries
// that have it in their name. An error ends the sequence: [ErrDetached] for a value that no client made, [ErrNotLoggedIn],
// or an [*APIError]. Source: docs/PROTOCOL.md 1.5, 2.7.
func (p Playlist) Songs(ctx context.Context, filter string) iter.Seq2[PlaylistSong, error] {
	if err := p.may("Playlist.Songs"); err != nil {
		return failing[PlaylistSong](err)
	}
	return byPage(ctx, func(s PlaylistSong) PlaylistSongID { return s.ID }, func(ctx context.Context, page int) ([]PlaylistSong, int, error) {
		answer, err := p.client.rest.PlaylistSongs(ctx, queupapi.PlaylistSongsParams{
			PlaylistID: p.ID,
			Name:       queupapi.NewOptString(filter),
			Page:       queupapi.NewOptInt(page),
		})
		rows, err := rowsOf("playlistSongs", answer.Data, err)
		if err != nil {
			return nil, 0, err
		}
		songs := make([]PlaylistSong, 0, len(rows))
		for _, w := range filled(rows) {
			songs = append(songs, newPlaylistSong(p.client, p.ID, w))
		}
		return songs, len(rows), nil
	})
}

// Rename changes the name of the playlist. The value keeps the old one. Errors: [*ArgumentError] for a name that is empty
// or longer than 100 characters, [ErrDetached], [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md 2.7.
func (p Playlist) Rename(ctx context.Context, name string) error {
	const op = "Playlist.Rename"
	if err := checkPlaylistName(op, name); err != nil {
		return err
	}
	if err := p.may(op); err != nil {
		return err
	}
	_, err := p.client.rest.RenamePlaylist(ctx, &queupapi.RenamePlaylistRequest{Name: name}, queupapi.RenamePlaylistParams{PlaylistID: p.ID})
	return failed("renamePlaylist", err)
}

// Delete deletes the playlist. Errors: [ErrDetached], [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md 2.7.
func (p Playlist) Delete(ctx context.Context) error {
	if err := p.may("Playlist.Delete"); err != nil {
		return err
	}
	_, err := p.client.rest.DeletePlaylist(ctx, queupapi.DeletePlaylistParams{PlaylistID: p.ID})
	return failed("deletePlaylist", err)
}

// Add adds media by the provider's id and returns the playlist with its new SongCount. Errors: [*ArgumentError] for a
// provider that is neither [YouTube] nor [SoundCloud] and for an empty id, [ErrDetached], [ErrNotLoggedIn], and
// [*APIError]. Source: docs/PROTOCOL.md 2.7.
func (p Playlist) Add(ctx context.Context, provider Provider, mediaID string) (Playlist, error) {
	const op = "Playlist.Add"
	if err := checkProvider(op, provider); err != nil {
		return Playlist{}, err
	}
	if err := checkID(op, "mediaID", mediaID); err != nil {
		return Playlist{}, err
	}
	return p.add(ctx, op, &queupapi.AddPlaylistSongApplicationJSON{MediaID: queupapi.NewOptString(mediaID), Provider: queupapi.NewOptProvider(provider)})
}

// AddSong adds media that QueUp knows, for example the current song, and returns the playlist with its new SongCount.
// QueUp's own page calls it a grab. Errors: [*ArgumentError] for an empty id, [ErrDetached], [ErrNotLoggedIn], and
// [*APIError]. Source: docs/PROTOCOL.md 2.7.
func (p Playlist) AddSong(ctx context.Context, song SongID) (Playlist, error) {
	const op = "Playlist.AddSong"
	if err := checkID(op, "song", song); err != nil {
		return Playlist{}, err
	}
	return p.add(ctx, op, &queupapi.AddPlaylistSongApplicationJSON{SongID: queupapi.NewOptSongID(song)})
}

func (p Playlist) add(ctx context.Context, op string, request queupapi.AddPlaylistSongReq) (Playlist, error) {
	if err := p.may(op); err != nil {
		return Playlist{}, err
	}
	answer, err := p.client.rest.AddPlaylistSong(ctx, request, queupapi.AddPlaylistSongParams{PlaylistID: p.ID})
	if err != nil {
		return Playlist{}, failed("addPlaylistSong", err)
	}
	return p.changed(answer.Data), nil
}

// Remove removes an entry and returns the playlist with its new SongCount. Errors: [*ArgumentError] for an empty id,
// [ErrDetached], [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md 2.7.
func (p Playlist) Remove(ctx context.Context, entry PlaylistSongID) (Playlist, error) {
	const op = "Playlist.Remove"
	if err := checkID(op, "entry", entry); err != nil {
		return Playlist{}, err
	}
	if err := p.may(op); err != nil {
		return Playlist{}, err
	}
	answer, err := p.client.rest.RemovePlaylistSong(ctx, queupapi.RemovePlaylistSongParams{PlaylistID: p.ID, PlaylistSongID: entry})
	if err != nil {
		return Playlist{}, failed("removePlaylistSong", err)
	}
	return p.changed(answer.Data), nil
}

// changed returns the playlist as an answer describes it. An answer about anything else changes nothing.
func (p Playlist) changed(w wire.Playlist) Playlist {
	if w.ID != p.ID {
		return p
	}
	q := newPlaylist(p.client, w)
	q.Name = cmp.Or(q.Name, p.Name)
	q.OwnerID = cmp.Or(q.OwnerID, p.OwnerID)
	if q.CreatedAt.IsZero() {
		q.CreatedAt = p.CreatedAt
	}
	return q
}

// Reorder changes the order of the entries. ids must name each entry of the playlist once. A missing or repeated entry, or
// a number of ids other than SongCount if that is known, is an [*ArgumentError], and nothing is sent. Other errors:
// [ErrDetached], [ErrNotLoggedIn], and [*APIError]. Source: docs/PROTOCOL.md 2.7.
func (p Playlist) Reorder(ctx context.Context, ids []PlaylistSongID) error {
	const op = "Playlist.Reorder"
	sorted := slices.Sorted(slices.Values(ids))
	reason := ""
	switch {
	case len(ids) == 0:
		reason = "are empty"
	case sorted[0] == "":
		reason = "hold an empty id"
	case len(slices.Compact(sorted)) != len(ids):
		reason = "hold an entry twice"
	case p.SongCount > 0 && int64(len(ids)) != p.SongCount:
		reason = fmt.Sprintf("must name each of the %d entries once, and are %d", p.SongCount, len(ids))
	}
	if reason != "" {
		return &ArgumentError{Op: op, Argument: "ids", Reason: reason}
	}
	if err := p.may(op); err != nil {
		return err
	}
	_, err := p.client.rest.ReorderPlaylist(ctx, &queupapi.PlaylistOrderRequest{Order: ids}, queupapi.ReorderPlaylistParams{PlaylistID: p.ID})
	return failed("reorderPlaylist", err)
}

// Shuffle puts the entries into a random order. Errors: [ErrDetached], [ErrNotLoggedIn], and [*APIError]. Source:
// docs/PROTOCOL.md 2.7.
func (p Playlist) Shuffle(ctx context.Context) error {
	if err := p.may("Playlist.Shuffle"); err != nil {
		return err
	}
	_, err := p.client.rest.ShufflePlaylist(ctx, queupapi.ShufflePlaylistParams{PlaylistID: p.ID})
	return failed("shufflePlaylist", err)
}
