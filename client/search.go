package client

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/queup-go/queup/gen/queupapi"
)

// FetchSong returns what QueUp knows about a piece of media. Media that the client has seen cost no call
// ([WithSongCache]); of lookups of the same media at the same time one is sent, and it does not count as one of the
// bot's calls ([WithRateLimit]). Unknown media is [ErrNotFound], an empty id an [*ArgumentError]. Source:
// docs/PROTOCOL.md 2.8.
func (c *Client) FetchSong(ctx context.Context, id SongID) (SongInfo, error) {
	if err := checkID("Client.FetchSong", "id", id); err != nil {
		return SongInfo{}, err
	}
	if info, ok := c.songs.Get(id); ok {
		return info, nil
	}
	info, err := c.lookups.Do(ctx, id, c.workers, func(ctx context.Context) (SongInfo, error) {
		if info, ok := c.songs.Get(id); ok { // since we looked
			return info, nil
		}
		answer, err := c.loads.Song(ctx, queupapi.SongParams{SongID: id})
		if err != nil {
			return SongInfo{}, failed("song", err)
		}
		if known, ok := c.seeSong(answer.Data); ok {
			return known, nil
		}
		if answer.Data.ID == "" {
			return SongInfo{}, &APIError{Op: "song", Status: http.StatusOK, Message: "answered without a song"}
		}
		return newSongInfo(answer.Data), nil // a broken one, which is asked for again next time
	})
	if err != nil && ctx.Err() != nil {
		return SongInfo{}, &withinError{"song", context.Cause(ctx)}
	}
	return info, err
}

// SearchSongs looks for media at YouTube or SoundCloud, page by page as the loop goes on. An error ends the sequence;
// an empty text and a provider that is neither [YouTube] nor [SoundCloud] are an [*ArgumentError]. Source:
// docs/PROTOCOL.md 1.5, 2.8.
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
		if err != nil {
			return nil, "", failed("searchSongs", err)
		}
		if noRows(answer.Data.Items) {
			return nil, "", noList("searchSongs")
		}
		found := make([]SongInfo, 0, len(answer.Data.Items))
		for _, w := range filled(answer.Data.Items) {
			c.seeSong(w)
			found = append(found, newSongInfo(w))
		}
		return found, answer.Data.NextPageToken, nil
	})
}

// mediaKey tells media apart. What QueUp has not stored yet may have no id.
func mediaKey(s SongInfo) string { return cmp.Or(string(s.ID), string(s.Provider)+" "+s.MediaID) }

// checkProvider refuses a provider that QueUp does not know.
func checkProvider(op string, provider Provider) error {
	if provider != YouTube && provider != SoundCloud {
		return &ArgumentError{Op: op, Argument: "provider", Reason: "must be YouTube or SoundCloud"}
	}
	return nil
}

// SongLink asks QueUp for the page of a piece of media at its provider. It needs no login. [SongInfo.URL] makes one
// without a call. Unknown media is [ErrNotFound], an empty id an [*ArgumentError]. Source: docs/PROTOCOL.md 2.8.
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
