package main

import "encoding/json"

// The mirror structs: what QueUp sends, written down as plainly as encoding/json can read it, with times as numbers. Nobody
// is lenient here: a number in quotes is an error. Every member that the benchmark's server sends has a field.

// An envelope is around every answer of REST.
type envelope[T any] struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    T      `json:"data"`
}

type image struct {
	PublicID     string   `json:"public_id"`
	Version      string   `json:"version"`
	Width        int      `json:"width"`
	Height       int      `json:"height"`
	Format       string   `json:"format"`
	ResourceType string   `json:"resource_type"`
	Tags         []string `json:"tags"`
	Bytes        int64    `json:"bytes"`
	Type         string   `json:"type"`
	Etag         string   `json:"etag"`
	URL          string   `json:"url"`
	SecureURL    string   `json:"secure_url"`
}

type userInfo struct {
	ID     string `json:"_id"`
	UserID string `json:"userid"`
	V      int    `json:"__v"`
}

type user struct {
	ID           string   `json:"_id"`
	Username     string   `json:"username"`
	Status       int      `json:"status"`
	RoleID       int      `json:"roleid"`
	Dubs         int64    `json:"dubs"`
	Created      int64    `json:"created"`
	ProfileImage *image   `json:"profileImage"`
	UserInfo     userInfo `json:"userInfo"`
	ForceUpdated int64    `json:"_force_updated"`
	V            int      `json:"__v"`
}

type role struct {
	ID                string   `json:"id"`
	RoomID            string   `json:"roomId"`
	TemplateKey       string   `json:"templateKey"`
	Type              string   `json:"type"`
	Label             string   `json:"label"`
	Position          int64    `json:"position"`
	Color             string   `json:"color"`
	Permissions       []string `json:"permissions"`
	IsDefault         bool     `json:"isDefault"`
	Mentionable       bool     `json:"mentionable"`
	DisplaySeparately bool     `json:"displaySeparately"`
}

// A member has whole users and roles in some places, and their ids in others.
type member[U, R any] struct {
	ID           string  `json:"_id"`
	UserID       string  `json:"userid"`
	RoomID       string  `json:"roomid"`
	User         U       `json:"_user"`
	Updated      int64   `json:"updated"`
	Active       bool    `json:"active"`
	Authorized   bool    `json:"authorized"`
	Dubs         int64   `json:"dubs"`
	PlayedCount  int64   `json:"playedCount"`
	SkippedCount int64   `json:"skippedCount"`
	SongsInQueue int64   `json:"songsInQueue"`
	Order        int64   `json:"order"`
	QueuePaused  *bool   `json:"queuePaused"`
	WaitLine     int64   `json:"waitLine"`
	RoleIDs      []R     `json:"roleids"`
	OTToken      *string `json:"ot_token"`
	V            int     `json:"__v"`
}

type song struct {
	ID         string `json:"_id"`
	Name       string `json:"name"`
	Type       string `json:"type"`
	FKID       string `json:"fkid"`
	SongLength int64  `json:"songLength"`
	Images     struct {
		Thumbnail string `json:"thumbnail"`
	} `json:"images"`
	Created string `json:"created"`
	V       int    `json:"__v"`
}

// A play has a whole user in a queue, and the id of one elsewhere.
type play[U any] struct {
	ID         string `json:"_id"`
	Created    int64  `json:"created"`
	Played     int64  `json:"played"`
	IsActive   bool   `json:"isActive"`
	IsPlayed   bool   `json:"isPlayed"`
	Skipped    bool   `json:"skipped"`
	Order      int64  `json:"order"`
	SongLength int64  `json:"songLength"`
	Updubs     int64  `json:"updubs"`
	Downdubs   int64  `json:"downdubs"`
	Grabs      int64  `json:"grabs"`
	RoomID     string `json:"roomid"`
	UserID     string `json:"userid"`
	SongID     string `json:"songid"`
	User       U      `json:"_user"`
	Song       string `json:"_song"`
	V          int    `json:"__v"`
}

type room[U any] struct {
	ID                  string `json:"_id"`
	Name                string `json:"name"`
	Description         string `json:"description"`
	RoomURL             string `json:"roomUrl"`
	RealTimeChannel     string `json:"realTimeChannel"`
	Status              int    `json:"status"`
	RoomType            string `json:"roomType"`
	RoomEmbed           string `json:"roomEmbed"`
	RoomDisplay         string `json:"roomDisplay"`
	MaxLengthSong       int64  `json:"maxLengthSong"`
	TimeSongQueueRepeat int64  `json:"timeSongQueueRepeat"`
	LimitQueueLength    bool   `json:"limitQueueLength"`
	MaxSongQueueLength  int64  `json:"maxSongQueueLength"`
	RecycleDJ           bool   `json:"recycleDJ"`
	LockQueue           bool   `json:"lockQueue"`
	SlowMode            bool   `json:"slowMode"`
	AllowGuestsToChat   bool   `json:"allowGuestsToChat"`
	AllowGuestsToEmbed  bool   `json:"allowGuestsToEmbed"`
	DisplayQueue        bool   `json:"displayQueue"`
	DisplayDJinQueue    bool   `json:"displayDJinQueue"`
	DisplayInSearch     bool   `json:"displayInSearch"`
	DisplayInLobby      bool   `json:"displayInLobby"`
	DisplayUserJoin     bool   `json:"displayUserJoin"`
	DisplayUserLeave    bool   `json:"displayUserLeave"`
	DisplayUserGrab     bool   `json:"displayUserGrab"`
	WelcomeMessage      string `json:"welcomeMessage"`
	MetaDescription     string `json:"metaDescription"`
	Created             int64  `json:"created"`
	Updated             int64  `json:"updated"`
	UserID              string `json:"userid"`
	User                U      `json:"_user"`
	ActiveUsers         int64  `json:"activeUsers"`
	CurrentSong         struct {
		SongID string `json:"songid"`
		Type   string `json:"type"`
		FKID   string `json:"fkid"`
		Name   string `json:"name"`
	} `json:"currentSong"`
	V int `json:"__v"`
}

type vote struct {
	ID      string `json:"_id"`
	UserID  string `json:"userid"`
	Type    string `json:"type"`
	Created int64  `json:"created"`
	Updated int64  `json:"updated"`
	FKID    string `json:"fkid"`
}

// Answers of REST.
type (
	token struct {
		Action   int    `json:"action"`
		Token    string `json:"token"`
		ClientID string `json:"clientId"`
		ReqID    string `json:"reqId"`
	}
	joined struct {
		Room room[string]         `json:"room"`
		User member[string, role] `json:"user"`
	}
	active struct {
		Song      play[string] `json:"song"`
		SongInfo  song         `json:"songInfo"`
		StartTime int64        `json:"startTime"`
	}
	dubs struct {
		CurrentSong play[string] `json:"currentSong"`
		UpDubs      []vote       `json:"upDubs"`
		DownDubs    []vote       `json:"downDubs"`
	}
	roles struct {
		Roles []role `json:"roles"`
		Actor struct {
			Permissions   []string `json:"permissions"`
			Position      *int64   `json:"position"`
			IsOwner       bool     `json:"isOwner"`
			IsGlobalAdmin bool     `json:"isGlobalAdmin"`
			Roles         []string `json:"roles"`
		} `json:"actor"`
	}
)

// Events of a room.
type (
	chatMessage struct {
		Type            string                 `json:"type"`
		ChatID          string                 `json:"chatid"`
		Message         string                 `json:"message"`
		Time            int64                  `json:"time"`
		User            user                   `json:"user"`
		QueueObject     member[string, string] `json:"queue_object"`
		RealTimeChannel string                 `json:"realTimeChannel"`
	}
	deleteChatMessage struct {
		Type   string `json:"type"`
		ChatID string `json:"chatid"`
		User   user   `json:"user"`
	}
	playlistDub struct {
		Type     string       `json:"type"`
		DubType  string       `json:"dubtype"`
		User     user         `json:"user"`
		Playlist play[string] `json:"playlist"`
	}
	playlistUpdate struct {
		Type      string       `json:"type"`
		StartTime int64        `json:"startTime"`
		Song      play[string] `json:"song"`
		SongInfo  song         `json:"songInfo"`
	}
	queueUpdateDub struct {
		Type string `json:"type"`
		User user   `json:"user"`
	}
	userJoin struct {
		Type     string                 `json:"type"`
		User     user                   `json:"user"`
		RoomUser member[string, string] `json:"roomUser"`
	}
	userLeave struct {
		Type string `json:"type"`
		User user   `json:"user"`
		Room string `json:"room"`
	}
	userUpdate struct {
		Type string                 `json:"type"`
		User member[string, string] `json:"user"`
	}
)

// A frame is QueUp's action message. The event is JSON in a string.
type frame struct {
	Action  int    `json:"action"`
	Channel string `json:"channel"`
	Message struct {
		Name string `json:"name"`
		Type string `json:"type"`
		Data string `json:"data"`
	} `json:"message"`
}

// newEvent returns what an event of that name is decoded into, nil for an unknown one.
func newEvent(name string) any {
	switch name {
	case "chat-message":
		return new(chatMessage)
	case "delete-chat-message":
		return new(deleteChatMessage)
	case "room_playlist-dub", "room_playlist-queue-update-grabs":
		return new(playlistDub)
	case "room_playlist-update":
		return new(playlistUpdate)
	case "room_playlist-queue-update-dub":
		return new(queueUpdateDub)
	case "user-join":
		return new(userJoin)
	case "user-leave":
		return new(userLeave)
	}
	if len(name) > len(userUpdatePrefix) && name[:len(userUpdatePrefix)] == userUpdatePrefix {
		return new(userUpdate)
	}
	return nil
}

const userUpdatePrefix = "user_update_"

// decode is the floor: a frame into its struct, and the event into its own. It keeps nothing.
func decode(packet []byte) (name string, event any, err error) {
	if len(packet) == 0 || packet[0] != '4' {
		return "", nil, nil
	}
	var f frame
	if err := json.Unmarshal(packet[1:], &f); err != nil {
		return "", nil, err
	}
	if event = newEvent(f.Message.Name); event == nil {
		return f.Message.Name, nil, nil
	}
	return f.Message.Name, event, json.Unmarshal([]byte(f.Message.Data), event)
}
