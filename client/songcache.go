package client

import (
	"time"

	"github.com/queup-go/queup/gen/wire"
)

// songTTL is how long the media of a song that nobody asks for are remembered. Source: docs/PROTOCOL.md 7, rule 20.
const songTTL = 15 * time.Minute

// learnSong notes media that an event or an answer told of, unless it does not say where they are to be had; then it
// returns what is known of them, if anything is. Source: docs/PROTOCOL.md 7, rule 15.
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

// mediaOf returns what can be told of the media of a play: what is known of them, or at least a title; else nil.
func (c *Client) mediaOf(w wire.Song) *SongInfo {
	info, known := c.learnSong(w)
	if !known && (info.ID == "" || info.Name == "") {
		return nil
	}
	return &info
}
