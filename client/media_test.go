package client_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/queup-go/queup/client"
)

func TestParseMedia_addresses(t *testing.T) {
	t.Parallel()
	const video = "dQw4w9WgXcQ"
	for _, tt := range []struct {
		address  string
		provider client.Provider
		id       string
	}{
		{"https://www.youtube.com/watch?v=dQw4w9WgXcQ", client.YouTube, video},
		{"http://youtube.com/watch?v=dQw4w9WgXcQ", client.YouTube, video},
		{"youtube.com/watch?v=dQw4w9WgXcQ", client.YouTube, video},
		{"//www.youtube.com/watch?v=dQw4w9WgXcQ", client.YouTube, video},
		{"HTTPS://WWW.YOUTUBE.COM/watch?v=dQw4w9WgXcQ", client.YouTube, video},
		{"https://www.youtube.com/watch?feature=share&v=dQw4w9WgXcQ&t=42s#x", client.YouTube, video},
		{"https://www.youtube.com/watch/?v=dQw4w9WgXcQ", client.YouTube, video},
		{"https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=PLx&index=3", client.YouTube, video},
		{"https://m.youtube.com/watch?v=dQw4w9WgXcQ", client.YouTube, video},
		{"https://music.youtube.com/watch?v=dQw4w9WgXcQ&si=abc", client.YouTube, video},
		{"https://youtu.be/dQw4w9WgXcQ", client.YouTube, video},
		{"https://youtu.be/dQw4w9WgXcQ?si=abc&t=1", client.YouTube, video},
		{"youtu.be/dQw4w9WgXcQ", client.YouTube, video},
		{"https://www.youtube.com/shorts/dQw4w9WgXcQ?feature=share", client.YouTube, video},
		{"https://www.youtube.com/live/dQw4w9WgXcQ", client.YouTube, video},
		{"https://www.youtube.com/embed/dQw4w9WgXcQ?autoplay=1", client.YouTube, video},
		{"https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ", client.YouTube, video},
		{"https://www.youtube.com/v/dQw4w9WgXcQ", client.YouTube, video},
		{"https://www.youtube.com/watch/dQw4w9WgXcQ", client.YouTube, video},
		{"https://www.youtube.com/attribution_link?a=x&u=%2Fwatch%3Fv%3DdQw4w9WgXcQ%26feature%3Dshare", client.YouTube, video},
		{"<https://youtu.be/dQw4w9WgXcQ>", client.YouTube, video},
		{" \thttps://youtu.be/dQw4w9WgXcQ\n", client.YouTube, video},
		{"dQw4w9WgXcQ", client.YouTube, video},
		{"-_-_-_-_-_-", client.YouTube, "-_-_-_-_-_-"},

		{"13158665", client.SoundCloud, "13158665"},
		{"12345678901", client.SoundCloud, "12345678901"}, // eleven digits are not a video's id
		{"https://api.soundcloud.com/tracks/13158665", client.SoundCloud, "13158665"},
		{"https://api-v2.soundcloud.com/tracks/13158665/?client_id=x", client.SoundCloud, "13158665"},
		{"https://api.soundcloud.com/tracks/soundcloud:tracks:13158665", client.SoundCloud, "13158665"},
		{"soundcloud:tracks:13158665", client.SoundCloud, "13158665"},
		{"https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/13158665&color=ff5500", client.SoundCloud, "13158665"},
	} {
		provider, id, err := client.ParseMedia(tt.address)
		if err != nil || provider != tt.provider || id != tt.id {
			t.Errorf("ParseMedia(%q) = %q, %q, %v, want %q, %q", tt.address, provider, id, err, tt.provider, tt.id)
		}
	}
}

func TestParseMedia_refuses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", " ", "<>", "hello", "youtube.com", "https://www.youtube.com/", "https://www.youtube.com/watch?v=short", "https://www.youtube.com/watch",
		"https://www.youtube.com/watch?v=dQw4w9WgXcQQ", "https://www.youtube.com/playlist?list=PLdQw4w9WgXcQ", "https://www.youtube.com/@channelname",
		"https://youtube.com.example.org/watch?v=dQw4w9WgXcQ", "https://notyoutube.com/watch?v=dQw4w9WgXcQ", "https://vimeo.com/12345678",
		"https://www.youtube.com/attribution_link?u=https%3A%2F%2Fexample.org%2Fwatch%3Fv%3DdQw4w9WgXcQ",
		"https://soundcloud.com/artist/track", "https://soundcloud.com/artist/sets/13158665", "https://api.soundcloud.com/users/13158665",
		"https://w.soundcloud.com/player/?url=https%3A//example.org/tracks/13158665", "-13158665", "1e5", "https://%zz", "javascript:dQw4w9WgXcQ",
		strings.Repeat("9", 20), "dQw4w9WgXc\x00", "dQw4w9WgXcé",
	} {
		provider, id, err := client.ParseMedia(address)
		var argument *client.ArgumentError
		if !errors.As(err, &argument) || argument.Argument != "address" || provider != "" || id != "" {
			t.Errorf("ParseMedia(%q) = %q, %q, %v, want an ArgumentError", address, provider, id, err)
		}
	}
}

// SongInfo.URL and ParseMedia are each other's inverse.
func FuzzParseMedia(f *testing.F) {
	for _, address := range []string{"https://youtu.be/dQw4w9WgXcQ", "13158665", "soundcloud:tracks:1", "https://w.soundcloud.com/player/?url=1", "%", "://"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		provider, id, err := client.ParseMedia(address)
		if err != nil {
			return
		}
		page := client.SongInfo{Provider: provider, MediaID: id}.URL()
		if p, i, err := client.ParseMedia(page); err != nil || p != provider || i != id {
			t.Errorf("ParseMedia(%q) = %q, %q, but ParseMedia(%q) = %q, %q, %v", address, provider, id, page, p, i, err)
		}
	})
}

func ExampleParseMedia() {
	provider, id, err := client.ParseMedia("https://youtu.be/dQw4w9WgXcQ?t=42")
	fmt.Println(provider, id, err)
	_, _, err = client.ParseMedia("https://soundcloud.com/artist/track")
	fmt.Println(err != nil)
	// Output:
	// youtube dQw4w9WgXcQ <nil>
	// true
}
