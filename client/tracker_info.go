package client

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// applyRoomUpdate merges the fields of the event into the room's info; the event may lack some. Source: docs/PROTOCOL.md 7, rule 28.
func (t *tracker) applyRoomUpdate(e *wire.RoomUpdate, meta Meta) {
	if t.isOtherRoom(e.Room.ID) {
		return
	}
	before := t.room.Info()
	info := t.editInfo(func(w *wire.Room) {
		if merged, ok := overlay(*w, e.Raw, "room"); ok {
			*w = merged
		}
	})
	if e.PasswordUpdated {
		t.reenterAfterPasswordChange()
	}
	if t.stale && before.Equal(info) {
		return
	}
	t.emitSettings(before, info, meta)
	t.client.events.emit(RoomUpdated{Meta: meta, Info: info})
}

// isOtherRoom reports whether an event is about another room. Source: docs/PROTOCOL.md 7, rule 28.
func (t *tracker) isOtherRoom(id RoomID) bool { return id != "" && id != t.room.id }

// editInfo changes the room's info and returns it.
func (t *tracker) editInfo(change func(*wire.Room)) RoomInfo {
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	change(&t.room.about)
	t.room.info = newRoomInfo(t.room.about)
	return t.room.info
}

// overlay returns a room with the fields replaced that an event has in its JSON field in. It reports false if they are not valid.
func overlay(w wire.Room, event json.RawMessage, in string) (wire.Room, bool) {
	var changed map[string]json.RawMessage
	if json.Unmarshal(jsonField(event, in), &changed) != nil {
		return w, false
	}
	known, err := json.Marshal(w)
	if err != nil {
		return w, false
	}
	var whole map[string]json.RawMessage
	if json.Unmarshal(known, &whole) != nil {
		return w, false
	}
	maps.Copy(whole, changed)
	text, err := json.Marshal(whole)
	if err != nil {
		return w, false
	}
	var merged wire.Room
	if err := merged.UnmarshalJSON(text); err != nil {
		return w, false
	}
	return merged, true
}

// reenterAfterPasswordChange enters the room again after its password has changed, as a member without a role must. Source:
// docs/PROTOCOL.md 7, rule 28.
func (t *tracker) reenterAfterPasswordChange() {
	a := t.room.authority()
	if !t.room.mayAct() || a.me == a.owner || holdsAny(t.room.rolesOf(a.me)) {
		return
	}
	t.askOnce(forEntry, answerTimeout, func(ctx context.Context) func() {
		_, err := t.room.reenter(ctx, func() error { return nil })
		if err == nil {
			return nil
		}
		return func() {
			t.client.log.WarnContext(ctx, "room not entered again after its password changed", t.room.logged(), slog.Any("error", err))
			if refused(err) {
				t.end(err)
			}
		}
	})
}

func (t *tracker) applyLock(e *wire.RoomLockQueue, meta Meta) {
	if t.isOtherRoom(e.Room.ID) || t.rejectUnfit(e.Room.Extra, "lockQueue", meta) || t.stale && t.room.Info().QueueLocked == e.Room.LockQueue {
		return
	}
	t.editInfo(func(w *wire.Room) { w.LockQueue = e.Room.LockQueue })
	t.client.events.emit(QueueLocked{Meta: meta, Locked: e.Room.LockQueue, By: t.actor(e.User)})
}

func (t *tracker) applySlowMode(e *wire.RoomSlowMode, meta Meta) {
	if t.isOtherRoom(e.Room.ID) || t.rejectUnfit(e.Room.Extra, "slowMode", meta) || t.stale && t.room.Info().SlowMode == e.Room.SlowMode {
		return
	}
	t.editInfo(func(w *wire.Room) { w.SlowMode = e.Room.SlowMode })
	t.client.events.emit(SlowMode{Meta: meta, On: e.Room.SlowMode, By: t.actor(e.User)})
}

func (t *tracker) applyGuestChat(e *wire.RoomAllowGuestChat, meta Meta) {
	if t.isOtherRoom(e.Room.ID) || t.rejectUnfit(e.Room.Extra, "allowGuestsToChat", meta) || t.stale && t.room.Info().GuestChat == e.Room.AllowGuestsToChat {
		return
	}
	t.editInfo(func(w *wire.Room) { w.AllowGuestsToChat = e.Room.AllowGuestsToChat })
	t.client.events.emit(GuestChat{Meta: meta, On: e.Room.AllowGuestsToChat, By: t.actor(e.User)})
}

func (t *tracker) applyGuestEmbed(e *wire.RoomAllowGuestEmbed, meta Meta) {
	if t.isOtherRoom(e.Room.ID) || t.rejectUnfit(e.Room.Extra, "allowGuestsToEmbed", meta) || t.stale && t.room.Info().GuestEmbed == e.Room.AllowGuestsToEmbed {
		return
	}
	t.editInfo(func(w *wire.Room) { w.AllowGuestsToEmbed = e.Room.AllowGuestsToEmbed })
	t.client.events.emit(GuestEmbed{Meta: meta, On: e.Room.AllowGuestsToEmbed, By: t.actor(e.User)})
}

// readInfo reads the room's info and emits the differences. If events have changed the info meanwhile, the answer may be older, and it
// is read again later.
func (t *tracker) readInfo() {
	before := t.room.Info()
	t.askOnce(forInfo, answerTimeout, func(ctx context.Context) func() {
		answer, err := t.client.loads.Room(ctx, queupapi.RoomParams{RoomID: t.room.id})
		if err != nil {
			t.client.log.WarnContext(ctx, "room info not read", t.room.logged(), slog.Any("error", err))
			return func() { t.retryLater(forInfo, err, t.readInfo) }
		}
		return func() {
			if !before.Equal(t.room.Info()) {
				t.startTimer(forInfo, retryDelay, t.readInfo)
				return
			}
			t.catchUpInfo(answer.Data)
		}
	})
}
