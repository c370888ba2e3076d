package queuptest

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

const (
	textNoProvider  = "type must be youtube or soundcloud"
	textNoSuchToken = "nextPageToken is invalid"
)

// searchPage is how many songs one page of the search has.
const searchPage = 15

// searchToken is what asks for the page at an offset of a search.
func searchToken(p wire.Provider, query string, offset int) string {
	return base64.RawURLEncoding.EncodeToString(draw("page %s %d %s", p, offset, strings.ToLower(query))[:9])
}

// SearchSongs implements GET /song. It finds what is in the invented catalogue and what the service knows besides, songs
// whose names have all the words.
func (h *rest) SearchSongs(_ context.Context, params queupserver.SearchSongsParams) (out wire.SongSearchEnvelope, _ error) {
	if mediaShapes[params.Provider] == nil {
		return out, errorE1(http.StatusBadRequest, textNoProvider)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	facts := searchCatalogue(params.Provider, params.Name)
	facts = append(facts, h.knownBesides(params.Provider, params.Name)...)
	offset := 0
	if token := params.NextPageToken.Or(""); token != "" {
		for offset < len(facts) && token != searchToken(params.Provider, params.Name, offset) {
			offset += searchPage
		}
		if offset >= len(facts) {
			return out, errorE1(http.StatusBadRequest, textNoSuchToken)
		}
	}
	result := wire.SongSearch{Items: []wire.Song{}}
	now := h.now()
	for _, f := range page(facts, offset, searchPage) {
		result.Items = append(result.Items, h.addFact(f, now).wireSong())
	}
	if next := offset + searchPage; next < len(facts) {
		result.NextPageToken = searchToken(params.Provider, params.Name, next)
	}
	return wire.SongSearchEnvelope{Envelope: success, Data: result}, nil
}

// knownBesides finds songs that the search does not find in the catalogue, in the order of their ids. The caller holds s.mu.
func (s *state) knownBesides(p wire.Provider, query string) []mediaFact {
	words := strings.Fields(strings.ToLower(query))
	var found []*song
	for _, m := range s.songs {
		if m.provider == p && len(words) > 0 && hasWords(m.name, words) && catalogueIndex(p, m.mediaID) < 0 {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b *song) int { return strings.Compare(string(a.id), string(b.id)) })
	facts := make([]mediaFact, len(found))
	for i, m := range found {
		facts[i] = mediaFact{provider: m.provider, mediaID: m.mediaID, name: m.name, length: m.length}
	}
	return facts
}

// knownSong finds the song of a path. The caller holds h.mu.
func (h *rest) knownSong(id wire.SongID) (*song, error) {
	if m := h.songs[id]; m != nil {
		return m, nil
	}
	return nil, errorE1(http.StatusNotFound, textNoSong)
}

// SongLink implements GET /song/{songId}/redirect. What SoundCloud's pages are called cannot be made of an id, so that link
// is to the track as its widget names it.
func (h *rest) SongLink(_ context.Context, params queupserver.SongLinkParams) (*queupserver.Redirect, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := h.knownSong(params.SongID)
	if err != nil {
		return nil, err
	}
	if m.provider == wire.SoundCloud {
		return &queupserver.Redirect{Location: "https://api.soundcloud.com/tracks/" + m.mediaID}, nil
	}
	return &queupserver.Redirect{Location: "https://www.youtube.com/watch?v=" + m.mediaID}, nil
}

// SongImage implements GET /song/{songId}/image/large.
func (h *rest) SongImage(_ context.Context, params queupserver.SongImageParams) (*queupserver.Redirect, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m, err := h.knownSong(params.SongID)
	if err != nil {
		return nil, err
	}
	return &queupserver.Redirect{Location: m.wireSong().Images.Thumbnail}, nil
}
