package client

import (
	"net/url"
	"regexp"
	"strings"
)

// ParseMedia returns the provider and the media id that an address names, as [Room.QueueSong] takes them. It makes no call.
// White space and angle brackets around the address are ignored, and http:// or https:// may be missing. It accepts
//
//   - any common address of a YouTube video: watch?v=, youtu.be, shorts, live, embed, and those of the mobile and music sites;
//   - an id of a YouTube video: 11 letters, digits, hyphens and underscores;
//   - a SoundCloud track's number, or an address of SoundCloud's API or player that contains it, such as [SongInfo.URL] returns.
//
// A text of digits alone is a SoundCloud number. The page of a SoundCloud track does not contain the number, so its address
// cannot be parsed. It is an [*ArgumentError], which lists the accepted forms, as is everything else. Source:
// docs/PROTOCOL.md 3.8.
func ParseMedia(address string) (Provider, string, error) {
	text := strings.TrimSpace(strings.Trim(strings.TrimSpace(address), "<>"))
	switch {
	case soundCloudID.MatchString(text):
		return SoundCloud, text, nil
	case videoID.MatchString(text):
		return YouTube, text, nil
	}
	if urn := trackURN.FindStringSubmatch(text); urn != nil {
		return SoundCloud, urn[1], nil
	}
	if u, err := parseAddress(text); err == nil {
		if id := videoIn(u); id != "" {
			return YouTube, id, nil
		}
		if id := trackIn(u); id != "" {
			return SoundCloud, id, nil
		}
	}
	return "", "", &ArgumentError{Op: "ParseMedia", Argument: "address", Reason: "must be the address of a YouTube video (youtube.com/watch?v=..., youtu.be/..., " +
		"/shorts/..., /live/..., /embed/...), its id of 11 characters, a SoundCloud track's number, or api.soundcloud.com/tracks/NUMBER"}
}

var (
	videoID      = regexp.MustCompile(`^[A-Za-z0-9_-]{11}$`)
	soundCloudID = regexp.MustCompile(`^[0-9]{1,19}$`)
	trackURN     = regexp.MustCompile(`^soundcloud:tracks:([0-9]{1,19})$`)
)

// parseAddress parses an address that may lack its scheme.
func parseAddress(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + strings.TrimPrefix(text, "//")
	}
	return url.Parse(text)
}

// videoIn returns the id of the video that an address of YouTube names, empty if it names none.
func videoIn(u *url.URL) string {
	path := strings.Split(strings.Trim(u.Path, "/"), "/")
	var id string
	switch host := siteOf(u); host {
	case "youtu.be":
		id = path[0]
	case "youtube.com", "youtube-nocookie.com":
		switch {
		case path[0] == "watch" && u.Query().Has("v"):
			id = u.Query().Get("v")
		case path[0] == "attribution_link":
			if inner, err := url.Parse(u.Query().Get("u")); err == nil && inner.Host == "" {
				id = inner.Query().Get("v")
			}
		case len(path) > 1:
			switch path[0] {
			case "watch", "shorts", "live", "embed", "v", "e":
				id = path[1]
			}
		}
	}
	if !videoID.MatchString(id) {
		return ""
	}
	return id
}

// trackIn returns the number of the track that an address of SoundCloud contains, empty if it contains none.
func trackIn(u *url.URL) string {
	if siteOf(u) != "soundcloud.com" {
		return ""
	}
	if inner := u.Query().Get("url"); inner != "" { // the player names the track in a parameter
		v, err := parseAddress(inner)
		if err != nil || siteOf(v) != "soundcloud.com" {
			return ""
		}
		u = v
	}
	_, id, _ := strings.Cut(strings.TrimRight(u.Path, "/"), "/tracks/")
	id = strings.TrimPrefix(id, "soundcloud:tracks:") // newer addresses of the API have the whole name
	if !soundCloudID.MatchString(id) {
		return ""
	}
	return id
}

// siteOf returns the domain of an address in small letters, without those parts in front that lead to the same site.
func siteOf(u *url.URL) string {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	for _, part := range []string{"www.", "m.", "music.", "gaming.", "w.", "api.", "api-v2."} {
		host = strings.TrimPrefix(host, part)
	}
	return host
}
