package client

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/redact"
)

// RoomSettings are the settings of a room. Source: docs/PROTOCOL.md 3.4.
type RoomSettings struct {
	// Name is the title, 1 to 100 characters.
	Name string
	// Description is plain text with line breaks, at most 2000 characters.
	Description string
	// EmbedURL is the page that the room shows instead of a player, empty for none.
	EmbedURL string
	// Private hides the room from the lobby.
	Private bool
	// Password is the password of a private room. It can be set but not read; empty leaves it unchanged.
	Password Secret
	// MaxSongLength is the longest song that may be queued, in whole minutes.
	MaxSongLength time.Duration
	// SongRepeat is how long a song must rest before it may be queued again, in whole minutes; 0 for no rest.
	SongRepeat time.Duration
	// LimitQueue says whether MaxQueue applies.
	LimitQueue bool
	// MaxQueue is the largest number of users in the queue.
	MaxQueue int64
	// RecycleDJ puts a DJ back at the end of the queue after a play.
	RecycleDJ bool
	// LockQueue lets only members with a role join the queue; see also [Room.LockQueue].
	LockQueue bool
	// ShowDJInQueue shows the user who queued a song.
	ShowDJInQueue bool
	// ShowInSearch lets the search find the room.
	ShowInSearch bool
	// ShowInLobby lists the room in the lobby.
	ShowInLobby bool
	// ShowJoins, ShowLeaves and ShowGrabs show notices in the chat.
	ShowJoins, ShowLeaves, ShowGrabs bool
	// Welcome is shown to users who join, at most 300 characters; {username} and {roomname} are replaced on the room's
	// page.
	Welcome string
	// MetaDescription describes the room to search engines, at most 255 characters.
	MetaDescription string

	display, kind string // of an existing room, if the kinds are not known: they stay
}

// String returns all settings; for the password it shows only whether there is one.
func (s RoomSettings) String() string {
	type plain RoomSettings
	return fmt.Sprintf("%+v", plain(s))
}

// GoString is String, so that %#v prints no secret either.
func (s RoomSettings) GoString() string { return s.String() }

// LogValue is String, so that no handler of slog encodes the password.
func (s RoomSettings) LogValue() slog.Value { return slog.StringValue(s.String()) }

// settingsOf returns the current settings of a room.
func settingsOf(w wire.Room) RoomSettings {
	return RoomSettings{
		Name:            w.Name,
		Description:     w.Description,
		EmbedURL:        w.Embed,
		Private:         w.Display == displayPrivate,
		MaxSongLength:   w.MaxLengthSong,
		SongRepeat:      w.TimeSongQueueRepeat,
		LimitQueue:      w.LimitQueueLength,
		MaxQueue:        w.MaxSongQueueLength,
		RecycleDJ:       w.RecycleDJ,
		LockQueue:       w.LockQueue,
		ShowDJInQueue:   w.DisplayDJInQueue,
		ShowInSearch:    w.DisplayInSearch,
		ShowInLobby:     w.DisplayInLobby,
		ShowJoins:       w.DisplayUserJoin,
		ShowLeaves:      w.DisplayUserLeave,
		ShowGrabs:       w.DisplayUserGrab,
		Welcome:         w.WelcomeMessage,
		MetaDescription: w.MetaDescription,
		display:         unlessKnown(w.Display, displayPublic, displayPrivate),
		kind:            unlessKnown(w.Type, typeRoom, typeFrame),
	}
}

// unlessKnown returns value, or nothing if it is one of the known values.
func unlessKnown(value string, known ...string) string {
	if slices.Contains(known, value) {
		return ""
	}
	return value
}

// check returns an error for the first invalid setting.
func (s RoomSettings) check(op string) error {
	for _, limit := range []struct {
		name, text string
		most       int
	}{{"Name", s.Name, 100}, {"Description", s.Description, 2000}, {"Welcome", s.Welcome, 300}, {"MetaDescription", s.MetaDescription, 255}} {
		if utf8.RuneCountInString(limit.text) > limit.most {
			return &ArgumentError{Op: op, Argument: limit.name, Reason: fmt.Sprintf("is longer than %d characters", limit.most)}
		}
	}
	switch {
	case strings.TrimSpace(s.Name) == "":
		return &ArgumentError{Op: op, Argument: "Name", Reason: "is empty"}
	case s.Password == redact.Mask: // settings that were marshalled as JSON and read again
		return &ArgumentError{Op: op, Argument: "Password", Reason: "is the mask of a password; set it, or leave it empty to keep the current one"}
	case s.MaxSongLength < 0 || s.MaxSongLength%time.Minute != 0:
		return &ArgumentError{Op: op, Argument: "MaxSongLength", Reason: "must be whole minutes"}
	case s.SongRepeat < 0 || s.SongRepeat%time.Minute != 0:
		return &ArgumentError{Op: op, Argument: "SongRepeat", Reason: "must be whole minutes"}
	case s.MaxQueue < 0:
		return &ArgumentError{Op: op, Argument: "MaxQueue", Reason: "must not be negative"}
	}
	return nil
}

// write puts all settings into a request.
func (s RoomSettings) write(request *queupapi.RoomSettings) {
	display, kind := cmp.Or(s.display, displayPublic), cmp.Or(s.kind, typeRoom)
	if s.Private {
		display = displayPrivate
	}
	if s.EmbedURL != "" && s.kind == "" {
		kind = typeFrame
	}
	request.Name.SetTo(s.Name)
	request.Description.SetTo(s.Description)
	request.Type.SetTo(kind)
	request.Embed.SetTo(s.EmbedURL)
	request.Display.SetTo(display)
	if s.Password != "" {
		request.Password.SetTo(string(s.Password))
	}
	request.MaxLengthSong.SetTo(int(s.MaxSongLength / time.Minute))
	request.TimeSongQueueRepeat.SetTo(int(s.SongRepeat / time.Minute))
	request.LimitQueueLength.SetTo(s.LimitQueue)
	request.MaxSongQueueLength.SetTo(int(min(s.MaxQueue, math.MaxInt)))
	request.RecycleDJ.SetTo(s.RecycleDJ)
	request.LockQueue.SetTo(s.LockQueue)
	request.DisplayDJInQueue.SetTo(s.ShowDJInQueue)
	request.DisplayInSearch.SetTo(s.ShowInSearch)
	request.DisplayInLobby.SetTo(s.ShowInLobby)
	request.DisplayUserJoin.SetTo(s.ShowJoins)
	request.DisplayUserLeave.SetTo(s.ShowLeaves)
	request.DisplayUserGrab.SetTo(s.ShowGrabs)
	request.WelcomeMessage.SetTo(s.Welcome)
	request.MetaDescription.SetTo(s.MetaDescription)
}

// leaveOutUnset removes from a request what is zero in settings, so that QueUp uses its own defaults.
func leaveOutUnset(request *queupapi.RoomSettings) {
	request.Type.Set = request.Type.Value != typeRoom
	request.Display.Set = request.Display.Value != displayPublic
	for _, text := range []*queupapi.OptString{&request.Description, &request.Embed, &request.WelcomeMessage, &request.MetaDescription} {
		text.Set = text.Value != ""
	}
	for _, number := range []*queupapi.OptInt{&request.MaxLengthSong, &request.TimeSongQueueRepeat, &request.MaxSongQueueLength} {
		number.Set = number.Value != 0
	}
	for _, flag := range []*queupapi.OptBool{
		&request.LimitQueueLength, &request.RecycleDJ, &request.LockQueue, &request.DisplayDJInQueue, &request.DisplayInSearch,
		&request.DisplayInLobby, &request.DisplayUserJoin, &request.DisplayUserLeave, &request.DisplayUserGrab,
	} {
		flag.Set = flag.Value
	}
}

// CreateRoom creates a room that the account owns. It does not join the room. An account may own five rooms. QueUp chooses
// settings that are zero. Its own page begins with 120 minutes for the longest song and for the rest of a song, and with
// every switch on. [Room.Update] turns a switch off. Errors: [*ArgumentError] for invalid settings, and [*APIError].
// Source: docs/PROTOCOL.md 2.3.
func (c *Client) CreateRoom(ctx context.Context, s RoomSettings) (*Room, error) {
	if err := s.check("Client.CreateRoom"); err != nil {
		return nil, err
	}
	var request queupapi.RoomSettings
	s.write(&request)
	leaveOutUnset(&request)
	c.secrets.Learn(secretRoom, redact.New(string(s.Password)))
	answer, err := c.rest.CreateRoom(ctx, &request)
	if err != nil {
		return nil, failed("createRoom", err)
	}
	return c.roomOf("createRoom", answer.Data)
}

// Update changes the room's settings. edit receives the current settings and changes them, because QueUp is sent the whole
// room. Settings that this version does not know stay as they were. It needs the permission room.manage. Errors:
// [*ArgumentError] for invalid settings, [ErrNotJoined], [*PermissionError] before anything is sent, and [*APIError].
// Source: docs/PROTOCOL.md 2.3.
func (r *Room) Update(ctx context.Context, edit func(*RoomSettings)) (RoomInfo, error) {
	const op = "Room.Update"
	if edit == nil {
		return RoomInfo{}, &ArgumentError{Op: op, Argument: "edit", Reason: "is nil"}
	}
	if err := r.actWith(op, PermRoomManage); err != nil {
		return RoomInfo{}, err
	}
	now, err := r.client.rest.Room(ctx, queupapi.RoomParams{RoomID: r.id})
	if err != nil {
		return RoomInfo{}, failed("room", err)
	}
	s := settingsOf(now.Data)
	edit(&s)
	if err := s.check(op); err != nil {
		return RoomInfo{}, err
	}
	whole, err := now.Data.MarshalJSON()
	if err != nil {
		return RoomInfo{}, &withinError{op, err}
	}
	var request queupapi.RoomSettings
	if err := request.UnmarshalJSON(whole); err != nil {
		return RoomInfo{}, &withinError{op, err}
	}
	s.write(&request)
	r.client.secrets.Learn(secretRoom, redact.New(string(s.Password)))
	answer, err := r.client.rest.UpdateRoom(ctx, &request, queupapi.UpdateRoomParams{RoomID: r.id})
	if err != nil {
		return RoomInfo{}, failed("updateRoom", err)
	}
	if answer.Data.ID == r.id {
		r.setInfo(answer.Data)
	}
	return r.Info(), nil
}

// SetSlowMode turns the limit on how often members may chat on or off. It needs the permission room.settings.moderation.
// Errors: [ErrNotJoined], [*PermissionError] before anything is sent, and [*APIError]. Source: docs/PROTOCOL.md 2.3.
func (r *Room) SetSlowMode(ctx context.Context, on bool) error {
	return r.set(ctx, "Room.SetSlowMode", wire.SettingSlowMode, on)
}

// SetGuestChat allows or forbids members without a role to chat. Permission, errors and source are those of SetSlowMode.
func (r *Room) SetGuestChat(ctx context.Context, on bool) error {
	return r.set(ctx, "Room.SetGuestChat", wire.SettingGuestChat, on)
}

// SetGuestEmbed allows or forbids members without a role to post links and pictures. Permission, errors and source are
// those of SetSlowMode.
func (r *Room) SetGuestEmbed(ctx context.Context, on bool) error {
	return r.set(ctx, "Room.SetGuestEmbed", wire.SettingGuestEmbed, on)
}

func (r *Room) set(ctx context.Context, op string, setting wire.ModSetting, on bool) error {
	if err := r.actWith(op, PermSettingsModeration); err != nil {
		return err
	}
	_, err := r.client.rest.SetModSetting(ctx, &queupapi.ModSettingRequest{Setting: setting, Value: on}, queupapi.SetModSettingParams{RoomID: r.id})
	return failed("setModSetting", err)
}
