package queuptest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// What YouTube and SoundCloud have, as far as this server is concerned. It is all made up, from the ids alone: the same id
// means the same song on every server.

var (
	inventedArtists = []string{
		"Slow Tide", "Corner Shop", "The Attic", "Ferris", "Paper Lanterns", "Nine & Dime", "Velvet Static", "Harbour Lights",
		"Mono Lake", "Kitchen Radio", "The Understudies", "Glass Arcade", "Winter Coat", "Small Hours", "Tin Parade", "Low Season",
	}
	inventedTitles = []string{
		"Last Tram Home", "Dust", "Blue Hour", "Copper Wire", "Second Language", "Night Swim", "Postcards", "Yellow Door",
		"Long Division", "Half Awake", "Overgrown", "Signal Fire", "Borrowed Time", "Rooftops", "Undertow", "Cassette",
	}
)

var mediaShapes = map[wire.Provider]*regexp.Regexp{
	wire.YouTube:    regexp.MustCompile(`^[0-9A-Za-z_-]{11}$`),
	wire.SoundCloud: regexp.MustCompile(`^[0-9]{1,12}$`),
}

// mediaFact is what a provider knows of a song.
type mediaFact struct {
	provider wire.Provider
	mediaID  string
	name     string
	length   time.Duration
}

// draw makes 32 numbers of a text.
func draw(format string, args ...any) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, format, args...))
	return sum[:]
}

func inventedID(p wire.Provider, n []byte) string {
	if p == wire.SoundCloud {
		return fmt.Sprint(100_000_000 + binary.BigEndian.Uint32(n)%900_000_000)
	}
	return base64.RawURLEncoding.EncodeToString(n)[:11]
}

// lengthOf makes a length between two and six minutes, in seconds.
func lengthOf(n []byte) time.Duration {
	return (120 + time.Duration(binary.BigEndian.Uint16(n)%240)) * time.Second
}

// catalogue is what the search finds at the providers: every artist with every title.
var catalogue = sync.OnceValue(func() []mediaFact {
	var facts []mediaFact
	for _, p := range []wire.Provider{wire.YouTube, wire.SoundCloud} {
		for i, artist := range inventedArtists {
			for k := range inventedTitles {
				n := draw("%s %d %d", p, i, k)
				facts = append(facts, mediaFact{
					provider: p,
					mediaID:  inventedID(p, n),
					name:     artist + " - " + inventedTitles[(i+k)%len(inventedTitles)],
					length:   lengthOf(n[16:]),
				})
			}
		}
	}
	return facts
})

// searchCatalogue finds the songs of a provider whose names have all the words.
func searchCatalogue(p wire.Provider, query string) []mediaFact {
	words := strings.Fields(strings.ToLower(query))
	var found []mediaFact
	for _, f := range catalogue() {
		if f.provider == p && len(words) > 0 && hasWords(f.name, words) {
			found = append(found, f)
		}
	}
	return found
}

// hasWords says whether name has all the words, which are in lower case.
func hasWords(name string, words []string) bool {
	name = strings.ToLower(name)
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(name, w) })
}

// catalogueIndex is where a song stands in the catalogue; -1 if it does not.
func catalogueIndex(p wire.Provider, mediaID string) int {
	return slices.IndexFunc(catalogue(), func(f mediaFact) bool { return f.provider == p && f.mediaID == mediaID })
}

// factOf is what a provider says of an id: something for every id that could be one of its own.
func factOf(p wire.Provider, mediaID string) (mediaFact, bool) {
	shape := mediaShapes[p]
	if shape == nil || !shape.MatchString(mediaID) {
		return mediaFact{}, false
	}
	if i := catalogueIndex(p, mediaID); i >= 0 {
		return catalogue()[i], true
	}
	n := draw("%s %s", p, mediaID)
	return mediaFact{
		provider: p,
		mediaID:  mediaID,
		name:     inventedArtists[int(n[0])%len(inventedArtists)] + " - " + inventedTitles[int(n[1])%len(inventedTitles)],
		length:   lengthOf(n[16:]),
	}, true
}

// findMedia returns the song with a provider's id, and makes it known if the provider has it; nil if it has not, or if the
// server knows as many songs as it can. The caller holds s.mu.
func (s *state) findMedia(p wire.Provider, mediaID string, now time.Time) *song {
	if m := s.media[mediaKey(p, mediaID)]; m != nil {
		return m
	}
	f, ok := factOf(p, mediaID)
	if !ok || len(s.songs) >= maxSongs {
		return nil
	}
	return s.addFact(f, now)
}

// addFact makes a song of what a provider has known, if it is not yet. The caller holds s.mu.
func (s *state) addFact(f mediaFact, now time.Time) *song {
	if m := s.media[mediaKey(f.provider, f.mediaID)]; m != nil {
		return m
	}
	return s.addSong(&song{name: f.name, provider: f.provider, mediaID: f.mediaID, length: f.length, created: now})
}

// A mediaList is a playlist at a provider.
type mediaList struct {
	id    string
	title string
	genre string
	songs []mediaFact
}

var listShapes = map[wire.Provider]*regexp.Regexp{
	wire.YouTube:    regexp.MustCompile(`^PL[0-9A-Za-z_-]{8,40}$`),
	wire.SoundCloud: regexp.MustCompile(`^[0-9]{7,9}$`),
}

// listOf is the playlist that a provider has under an id: between 8 and 39 songs for every id that could be one of its own.
func listOf(p wire.Provider, id string) (mediaList, bool) {
	if !listShapes[p].MatchString(id) {
		return mediaList{}, false
	}
	n := draw("list %s %s", p, id)
	l := mediaList{
		id:    id,
		title: inventedTitles[int(n[0])%len(inventedTitles)] + " mix",
		genre: []string{"ambient", "house", "dub", "folk"}[int(n[1])%4],
	}
	var all []mediaFact
	for _, f := range catalogue() {
		if f.provider == p {
			all = append(all, f)
		}
	}
	first, step := int(n[2]), 1+2*int(n[3]%16) // an odd step meets every song of 256 once
	for i := range 8 + int(n[4])%32 {
		l.songs = append(l.songs, all[(first+i*step)%len(all)])
	}
	return l, true
}
