package queuptest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

// playlist is a list of songs that an account keeps. It is guarded by state.mu.
type playlist struct {
	id       wire.PlaylistID
	owner    *account
	name     string
	public   bool
	created  time.Time
	provider wire.Provider // of what was imported last; empty: nothing was
	mediaID  string
	entries  []*playlistEntry
	shuffles uint64
}

type playlistEntry struct {
	id    wire.PlaylistSongID
	song  *song
	added time.Time
}

// maxPlaylistName is the longest name the website's fields take.
const maxPlaylistName = 100

const (
	textNoPlaylist   = "Playlist not found"
	textNoEntry      = "Song not found in the playlist"
	textPlaylistName = "name is required, with 100 characters at most"
	textSongOrMedia  = "songid or fkid and type are required"
	textOrder        = "order must have every entry once"
	textNoMediaList  = "The playlist could not be found"
)

// playlistOf finds a playlist of an account; nil if it has none with that id. The caller holds s.mu.
func (s *state) playlistOf(a *account, id wire.PlaylistID) *playlist {
	i := slices.IndexFunc(s.site.playlists[a.id], func(p *playlist) bool { return p.id == id })
	if i < 0 {
		return nil
	}
	return s.site.playlists[a.id][i]
}

// playlistSongs returns the songs of a playlist of an account, in order; false if the account has none with that id. The
// caller holds s.mu.
func (s *state) playlistSongs(id wire.PlaylistID, a *account) ([]*song, bool) {
	p := s.playlistOf(a, id)
	if p == nil {
		return nil, false
	}
	songs := make([]*song, len(p.entries))
	for i, e := range p.entries {
		songs[i] = e.song
	}
	return songs, true
}

// newPlaylist makes an empty playlist. The caller holds s.mu.
func (s *state) newPlaylist(a *account, name string, now time.Time) (*playlist, error) {
	if len(s.site.playlists[a.id]) >= maxOwned {
		return nil, errorE1(http.StatusBadRequest, textTooMany)
	}
	p := &playlist{id: wire.PlaylistID(s.id(idPlaylist)), owner: a, name: name, created: now}
	s.site.playlists[a.id] = append(s.site.playlists[a.id], p)
	return p, nil
}

// add puts songs at the end of a playlist. The caller holds s.mu.
func (s *state) add(p *playlist, now time.Time, songs ...*song) error {
	if len(p.entries)+len(songs) > maxOwned {
		return errorE1(http.StatusBadRequest, textTooMany)
	}
	for _, m := range songs {
		p.entries = append(p.entries, &playlistEntry{id: wire.PlaylistSongID(s.id(idEntry)), song: m, added: now})
	}
	return nil
}

func (p *playlist) wire() wire.Playlist {
	return wire.Playlist{
		ID:         p.id,
		Name:       p.name,
		OwnerID:    p.owner.id,
		Status:     1,
		Public:     p.public,
		Created:    p.created,
		Provider:   p.provider,
		MediaID:    p.mediaID,
		TotalItems: int64(len(p.entries)),
		Extra:      unrevised(),
	}
}

func (p *playlist) envelope() wire.PlaylistEnvelope {
	return wire.PlaylistEnvelope{Envelope: success, Data: p.wire()}
}

// ownPlaylist finds the playlist of a path, which must belong to the caller. That others' are answered as if they were not
// there is an assumption. The caller holds h.mu.
func (h *rest) ownPlaylist(ctx context.Context, id wire.PlaylistID) (*playlist, error) {
	if p := h.playlistOf(callOf(ctx).account, id); p != nil {
		return p, nil
	}
	return nil, errorE1(http.StatusNotFound, textNoPlaylist)
}

// playlistName checks a name.
func playlistName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxPlaylistName {
		return "", errorE1(http.StatusBadRequest, textPlaylistName)
	}
	return name, nil
}

// Playlists implements GET /playlist.
func (h *rest) Playlists(ctx context.Context) (wire.PlaylistsEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	playlists := wire.Playlists{}
	for _, p := range h.site.playlists[callOf(ctx).account.id] {
		playlists = append(playlists, p.wire())
	}
	return wire.PlaylistsEnvelope{Envelope: success, Data: playlists}, nil
}

// CreatePlaylist implements POST /playlist.
func (h *rest) CreatePlaylist(ctx context.Context, body queupserver.CreatePlaylistReq) (out wire.PlaylistEnvelope, _ error) {
	var req queupserver.CreatePlaylistRequest
	switch body := body.(type) {
	case *queupserver.CreatePlaylistApplicationJSON:
		req = queupserver.CreatePlaylistRequest(*body)
	case *queupserver.CreatePlaylistApplicationXWwwFormUrlencoded:
		req = queupserver.CreatePlaylistRequest(*body)
	}
	name, err := playlistName(req.Name)
	if err != nil {
		return out, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.newPlaylist(callOf(ctx).account, name, h.now())
	if err != nil {
		return out, err
	}
	p.public = req.Public.Or(false)
	return p.envelope(), nil
}

// RenamePlaylist implements PUT /playlist/{playlistId}.
func (h *rest) RenamePlaylist(ctx context.Context, req *queupserver.RenamePlaylistRequest, params queupserver.RenamePlaylistParams) (*queupserver.DoneEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.ownPlaylist(ctx, params.PlaylistID)
	if err != nil {
		return nil, err
	}
	name, err := playlistName(req.Name)
	if err != nil {
		return nil, err
	}
	p.name = name
	return done(), nil
}

// DeletePlaylist implements DELETE /playlist/{playlistId}.
func (h *rest) DeletePlaylist(ctx context.Context, params queupserver.DeletePlaylistParams) (*queupserver.DoneEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.ownPlaylist(ctx, params.PlaylistID)
	if err != nil {
		return nil, err
	}
	own := h.site.playlists
	own[p.owner.id] = slices.DeleteFunc(own[p.owner.id], func(q *playlist) bool { return q == p })
	return done(), nil
}

// PlaylistSongs implements GET /playlist/{playlistId}/songs.
func (h *rest) PlaylistSongs(ctx context.Context, params queupserver.PlaylistSongsParams) (out wire.PlaylistSongsEnvelope, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.ownPlaylist(ctx, params.PlaylistID)
	if err != nil {
		return out, err
	}
	words := strings.Fields(strings.ToLower(params.Name.Or("")))
	var found []*playlistEntry
	for _, e := range p.entries {
		if hasWords(e.song.name, words) {
			found = append(found, e)
		}
	}
	songs := wire.PlaylistSongs{}
	for _, e := range page(found, offsetOf(params.Page.Or(1)), pageSize) {
		songs = append(songs, wire.PlaylistSong{
			ID: e.id, SongID: e.song.id, Song: e.song.wireSong(), PlaylistID: p.id, AddedAt: e.added, Extra: unrevised(),
		})
	}
	return wire.PlaylistSongsEnvelope{Envelope: success, Data: songs}, nil
}

// offsetOf is where a page begins; pages count from 1. No list is so long that the limit would matter.
func offsetOf(page int) int { return (min(max(page, 1), 1<<20) - 1) * pageSize }

// AddPlaylistSong implements POST /playlist/{playlistId}/songs. With QueUp's id of a song that plays where the caller is, it
// is a grab.
func (h *rest) AddPlaylistSong(ctx context.Context, body queupserver.AddPlaylistSongReq, params queupserver.AddPlaylistSongParams) (out wire.PlaylistEnvelope, _ error) {
	var req queupserver.AddPlaylistSongRequest
	switch body := body.(type) {
	case *queupserver.AddPlaylistSongApplicationJSON:
		req = queupserver.AddPlaylistSongRequest(*body)
	case *queupserver.AddPlaylistSongApplicationXWwwFormUrlencoded:
		req = queupserver.AddPlaylistSongRequest(*body)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.ownPlaylist(ctx, params.PlaylistID)
	if err != nil {
		return out, err
	}
	now := h.now()
	songID, byID := req.SongID.Get()
	mediaID, provider := req.MediaID.Or(""), req.Provider.Or("")
	if songID == "" && (mediaID == "" || provider == "") {
		return out, errorE1(http.StatusBadRequest, textSongOrMedia)
	}
	var m *song
	if byID && songID != "" {
		m = h.songs[songID]
	} else {
		m = h.findMedia(provider, mediaID, now)
	}
	if m == nil {
		return out, errorE1(http.StatusNotFound, textNoSong)
	}
	if err := h.add(p, now, m); err != nil {
		return out, err
	}
	if byID && songID != "" {
		h.grabbed(p.owner, m, now)
	}
	return p.envelope(), nil
}

// RemovePlaylistSong implements DELETE /playlist/{playlistId}/songs/{playlistSongId}. It takes the entry's id; that it does
// not take the song's is an assumption.
func (h *rest) RemovePlaylistSong(ctx context.Context, params queupserver.RemovePlaylistSongParams) (out wire.PlaylistEnvelope, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.ownPlaylist(ctx, params.PlaylistID)
	if err != nil {
		return out, err
	}
	i := slices.IndexFunc(p.entries, func(e *playlistEntry) bool { return e.id == params.PlaylistSongID })
	if i < 0 {
		return out, errorE1(http.StatusNotFound, textNoEntry)
	}
	p.entries = slices.Delete(p.entries, i, i+1)
	return p.envelope(), nil
}

// ReorderPlaylist implements POST /playlist/{playlistId}/order. That an order must be complete is an assumption.
func (h *rest) ReorderPlaylist(ctx context.Context, req *queupserver.PlaylistOrderRequest, params queupserver.ReorderPlaylistParams) (*queupserver.DoneEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.ownPlaylist(ctx, params.PlaylistID)
	if err != nil {
		return nil, err
	}
	byID := map[wire.PlaylistSongID]*playlistEntry{}
	for _, e := range p.entries {
		byID[e.id] = e
	}
	ordered := make([]*playlistEntry, 0, len(p.entries))
	for _, id := range req.Order {
		if e := byID[id]; e != nil {
			ordered = append(ordered, e)
			delete(byID, id)
		}
	}
	if len(byID) > 0 || len(ordered) != len(req.Order) {
		return nil, errorE1(http.StatusBadRequest, textOrder)
	}
	p.entries = ordered
	return done(), nil
}

// ShufflePlaylist implements POST /playlist/{playlistId}/order/randomize. The order depends on nothing but how often the
// playlist was shuffled, so that runs can be compared.
func (h *rest) ShufflePlaylist(ctx context.Context, params queupserver.ShufflePlaylistParams) (*queupserver.DoneEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.ownPlaylist(ctx, params.PlaylistID)
	if err != nil {
		return nil, err
	}
	p.shuffles++
	r := rand.New(rand.NewPCG(p.shuffles, 0))
	r.Shuffle(len(p.entries), func(i, k int) { p.entries[i], p.entries[k] = p.entries[k], p.entries[i] })
	return done(), nil
}

// SoundCloudPlaylists implements GET /playlist/soundcloud. Everybody has three playlists there.
func (h *rest) SoundCloudPlaylists(_ context.Context, params queupserver.SoundCloudPlaylistsParams) (wire.SoundCloudPlaylistsEnvelope, error) {
	lists := wire.SoundCloudPlaylists{}
	user := strings.ToLower(strings.TrimSpace(params.Username))
	for i := range 3 {
		if user == "" {
			break
		}
		id := inventedID(wire.SoundCloud, draw("list of %s %d", user, i))
		l, _ := listOf(wire.SoundCloud, id)
		lists = append(lists, wire.SoundCloudPlaylist{
			ID:               l.id,
			Title:            l.title,
			TotalTracks:      int64(len(l.songs)),
			Genre:            l.genre,
			SoundCloudUserID: inventedID(wire.SoundCloud, draw("user %s", user)),
			Permalink:        strings.ReplaceAll(strings.ToLower(l.title), " ", "-"),
		})
	}
	return wire.SoundCloudPlaylistsEnvelope{Envelope: success, Data: lists}, nil
}

// ImportYouTubePlaylist implements POST /playlist/import/youtube.
func (h *rest) ImportYouTubePlaylist(ctx context.Context, req *queupserver.ImportYouTubeRequest) (wire.PlaylistEnvelope, error) {
	return h.importList(ctx, wire.YouTube, req.MediaID, req.Into.Or(""))
}

// ImportSoundCloudPlaylist implements POST /playlist/import/soundcloud. That its errors are those of YouTube's is an
// assumption.
func (h *rest) ImportSoundCloudPlaylist(ctx context.Context, req *queupserver.ImportSoundCloudRequest) (wire.PlaylistEnvelope, error) {
	return h.importList(ctx, wire.SoundCloud, req.MediaID, req.Into.Or(""))
}

func (h *rest) importList(ctx context.Context, provider wire.Provider, mediaID string, into wire.PlaylistID) (out wire.PlaylistEnvelope, _ error) {
	l, ok := listOf(provider, mediaID)
	if !ok {
		return out, errorE5(http.StatusBadRequest, textNoMediaList)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	var p *playlist
	var err error
	if into == "" {
		p, err = h.newPlaylist(callOf(ctx).account, l.title, now)
	} else {
		p, err = h.ownPlaylist(ctx, into)
	}
	if err != nil {
		return out, err
	}
	songs := make([]*song, len(l.songs))
	for i, f := range l.songs {
		songs[i] = h.addFact(f, now)
	}
	if err := h.add(p, now, songs...); err != nil {
		return out, err
	}
	p.provider, p.mediaID = provider, mediaID
	return p.envelope(), nil
}
