package queuptest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/saturate"
)

// settings are what can be changed of a room. They are guarded by state.mu.
type settings struct {
	name, description, kind, embed, welcome, meta string

	private     bool
	password    string // what a private room asks for; empty: nothing
	maxLength   time.Duration
	repeat      time.Duration // how long the same song must rest
	limitQueue  bool          // whether maxQueue counts
	maxQueue    int           // DJs
	recycle     bool
	locked      bool
	slow        bool
	guestsChat  bool
	guestsEmbed bool

	showDJs, inSearch, inLobby, showJoin, showLeave, showGrab bool
}

// defaultSettings are those of a new room.
func defaultSettings(name string) settings {
	return settings{
		name: name, kind: "room", maxLength: 10 * time.Minute, repeat: time.Hour, maxQueue: 50, recycle: true,
		guestsChat: true, guestsEmbed: true,
		showDJs: true, inSearch: true, inLobby: true, showJoin: true, showLeave: true, showGrab: true,
	}
}

// The texts of refusals; all are ours.
const (
	textSettingText    = "a text is too long"
	textSettingNumber  = "a number is out of range"
	textSettingDisplay = "roomDisplay must be public or private"
	textSettingKind    = "roomType must be room or iframe"
	textSettingAction  = "action must be slowMode, allowGuestsToChat or allowGuestsToEmbed"
	textSwitch         = "the value must be 0 or 1"
)

// maxMinutes is the largest number of minutes or DJs in a setting: a year.
const maxMinutes = 366 * 24 * 60

// merge changes the settings that a request names, if all of them can be. The lock is not among them: see update.
func (s *settings) merge(req *queupserver.RoomSettings) error {
	if name, ok := req.Name.Get(); ok && strings.TrimSpace(name) == "" {
		return errorE1(http.StatusBadRequest, textRoomName)
	}
	for text, most := range map[*queupserver.OptString]int{
		&req.Name: maxRoomName, &req.Description: 2000, &req.WelcomeMessage: 300, &req.MetaDescription: 255, &req.Embed: 2000, &req.Password: 255,
	} {
		if utf8.RuneCountInString(text.Value) > most {
			return errorE1(http.StatusBadRequest, textSettingText)
		}
	}
	for _, n := range []queupserver.OptInt{req.MaxLengthSong, req.TimeSongQueueRepeat, req.MaxSongQueueLength} {
		if n.Value < 0 || n.Value > maxMinutes {
			return errorE1(http.StatusBadRequest, textSettingNumber)
		}
	}
	if d := req.Display.Or("public"); d != "public" && d != "private" {
		return errorE1(http.StatusBadRequest, textSettingDisplay)
	}
	if k := req.Type.Or("room"); k != "room" && k != "iframe" {
		return errorE1(http.StatusBadRequest, textSettingKind)
	}
	if name, ok := req.Name.Get(); ok {
		s.name = strings.TrimSpace(name)
	}
	for to, from := range map[*string]queupserver.OptString{
		&s.description: req.Description, &s.kind: req.Type, &s.embed: req.Embed, &s.welcome: req.WelcomeMessage, &s.meta: req.MetaDescription,
	} {
		*to = from.Or(*to)
	}
	s.private = req.Display.Or(s.display()) == "private"
	if p := req.Password.Or(""); p != "" {
		s.password = p
	}
	if n, ok := req.MaxLengthSong.Get(); ok {
		s.maxLength = saturate.Times(int64(n), time.Minute)
	}
	if n, ok := req.TimeSongQueueRepeat.Get(); ok {
		s.repeat = saturate.Times(int64(n), time.Minute)
	}
	s.maxQueue = req.MaxSongQueueLength.Or(s.maxQueue)
	for to, from := range map[*bool]queupserver.OptBool{
		&s.limitQueue: req.LimitQueueLength, &s.recycle: req.RecycleDJ, &s.showDJs: req.DisplayDJInQueue, &s.inSearch: req.DisplayInSearch,
		&s.inLobby: req.DisplayInLobby, &s.showJoin: req.DisplayUserJoin, &s.showLeave: req.DisplayUserLeave, &s.showGrab: req.DisplayUserGrab,
	} {
		*to = from.Or(*to)
	}
	return nil
}

func (s *settings) display() string {
	if s.private {
		return "private"
	}
	return "public"
}

// wireSettings writes them, also those that are no, 0 or empty: clients merge a room-update into what they know.
func (s *settings) wireSettings(w *wire.Room) {
	w.Name, w.Description, w.Type, w.Embed, w.Display = s.name, s.description, s.kind, s.embed, s.display()
	w.WelcomeMessage, w.MetaDescription = s.welcome, s.meta
	w.MaxLengthSong, w.TimeSongQueueRepeat = s.maxLength, s.repeat
	w.LimitQueueLength, w.MaxSongQueueLength, w.RecycleDJ, w.LockQueue = s.limitQueue, int64(s.maxQueue), s.recycle, s.locked
	w.SlowMode, w.AllowGuestsToChat, w.AllowGuestsToEmbed = s.slow, s.guestsChat, s.guestsEmbed
	w.DisplayDJInQueue, w.DisplayInSearch, w.DisplayInLobby = s.showDJs, s.inSearch, s.inLobby
	w.DisplayUserJoin, w.DisplayUserLeave, w.DisplayUserGrab = s.showJoin, s.showLeave, s.showGrab
	falses(w.Extra, map[string]bool{
		"limitQueueLength": s.limitQueue, "recycleDJ": s.recycle, "lockQueue": s.locked, "slowMode": s.slow,
		"allowGuestsToChat": s.guestsChat, "allowGuestsToEmbed": s.guestsEmbed, "displayDJinQueue": s.showDJs,
		"displayInSearch": s.inSearch, "displayInLobby": s.inLobby, "displayUserJoin": s.showJoin,
		"displayUserLeave": s.showLeave, "displayUserGrab": s.showGrab,
	})
	zeros(w.Extra, map[string]int64{
		"maxLengthSong": int64(s.maxLength), "timeSongQueueRepeat": int64(s.repeat), "maxSongQueueLength": int64(s.maxQueue),
	})
	for name, text := range map[string]string{"description": s.description, "welcomeMessage": s.welcome, "metaDescription": s.meta, "roomEmbed": s.embed} {
		if text == "" {
			w.Extra[name] = json.RawMessage(`""`)
		}
	}
}

// update saves settings and tells the room.
func (r *room) update(by *member, req *queupserver.RoomSettings, now time.Time) error {
	if err := r.need(by, permManage); err != nil {
		return err
	}
	password := r.password
	if err := r.merge(req); err != nil {
		return err
	}
	r.updated = now
	if locked := req.LockQueue.Or(r.locked); locked != r.locked {
		r.setLock(by, locked, now)
	}
	r.emit(&wire.RoomUpdate{Room: r.wireRoom(), PasswordUpdated: r.password != password})
	r.note(by, nil, "update-room", 0, now)
	return nil
}

// setLock locks the queue or opens it, and tells the room. When it opens, whoever holds the role DJ loses it.
func (r *room) setLock(by *member, locked bool, now time.Time) {
	r.locked, r.updated = locked, now
	r.emit(&wire.RoomLockQueue{User: r.wireEventUser(by.account), Room: wire.RoomLock{ID: r.id, LockQueue: locked}})
	if locked {
		return
	}
	dj := r.roleLike(DJ)
	for _, m := range r.sorted(func(m *member) bool { return m.role == DJ || dj != nil && slices.Contains(m.roles, dj) }) {
		if r.classic {
			r.takeFixed(by, m, now)
		} else {
			r.takeCustom(by, m, dj)
		}
	}
}

// lockQueue locks the queue or opens it. The state that it has already is no error, and no event: an assumption.
func (r *room) lockQueue(by *member, locked bool, now time.Time) error {
	if err := r.need(by, permLock); err != nil {
		return err
	}
	if locked == r.locked {
		return nil
	}
	r.setLock(by, locked, now)
	kind := "unlock"
	if locked {
		kind = "lock"
	}
	r.note(by, nil, kind, 0, now)
	return nil
}

// modSetting switches what moderators may switch.
func (r *room) modSetting(by *member, setting wire.ModSetting, on bool, now time.Time) error {
	if err := r.need(by, permSettings); err != nil {
		return err
	}
	user := r.wireEventUser(by.account)
	switch setting {
	case wire.SettingSlowMode:
		r.slow = on
		r.emit(&wire.RoomSlowMode{User: user, Room: wire.RoomSlow{ID: r.id, SlowMode: on}})
	case wire.SettingGuestChat:
		r.guestsChat = on
		r.emit(&wire.RoomAllowGuestChat{User: user, Room: wire.RoomGuestChat{ID: r.id, AllowGuestsToChat: on}})
	case wire.SettingGuestEmbed:
		r.guestsEmbed = on
		r.emit(&wire.RoomAllowGuestEmbed{User: user, Room: wire.RoomGuestEmbed{ID: r.id, AllowGuestsToEmbed: on}})
	default:
		return errorE1(http.StatusBadRequest, textSettingAction)
	}
	r.updated = now
	r.note(by, nil, string(setting), 0, now)
	return nil
}

// UpdateRoom implements PUT /room/{roomId}. What is left out stays, which is an assumption: the website sends everything.
func (h *rest) UpdateRoom(ctx context.Context, req *queupserver.RoomSettings, p queupserver.UpdateRoomParams) (out wire.RoomEnvelope, _ error) {
	var w wire.Room
	_, err := h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error {
		if err := r.update(me, req, now); err != nil {
			return err
		}
		w = r.wireRoom()
		w.Owner = r.owner.wireUser()
		return nil
	})
	if err != nil {
		return out, err
	}
	return wire.RoomEnvelope{Envelope: success, Data: w}, nil
}

// LockQueue implements PUT /room/{roomId}/lockQueue.
func (h *rest) LockQueue(ctx context.Context, req *queupserver.LockQueueRequest, p queupserver.LockQueueParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error {
		on, err := isOn(req.LockQueue)
		if err != nil {
			return err
		}
		return r.lockQueue(me, on, now)
	})
}

// SetModSetting implements POST /room/{roomId}/modsettings.
func (h *rest) SetModSetting(ctx context.Context, req *queupserver.ModSettingRequest, p queupserver.SetModSettingParams) (*queupserver.DoneEnvelope, error) {
	return h.act(ctx, p.RoomID, func(r *room, me *member, now time.Time) error {
		return r.modSetting(me, req.Setting, req.Value, now)
	})
}

// isOn reads a yes or no of a form.
func isOn(s wire.Switch) (bool, error) {
	switch s {
	case wire.SwitchOn, "true":
		return true, nil
	case wire.SwitchOff, "false":
		return false, nil
	}
	return false, errorE1(http.StatusBadRequest, textSwitch)
}
