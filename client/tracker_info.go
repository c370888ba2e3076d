package client

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"

	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/gen/wire"
)

// elsewhere reports whether an event is about another room. Source: docs/PROTOCOL.md 7, rule 28.
func (r *Room) elsewhere(id RoomID) bool { return id != "" && id != r.id }

// applyRoomUpdate takes over what the event tells; it need not tell everything. Source: docs/PROTOCOL.md 7, rule 28.
func (r *Room) applyRoomUpdate(e *wire.RoomUpdate, meta Meta) {
	if r.elsewhere(e.Room.ID) {
		return
	}
	before := r.Info()
	info := r.edit(func(w *wire.Room) {
		if merged, ok := overlay(*w, e.Raw, "room"); ok {
			*w = merged
		}
	})
	if e.PasswordUpdated {
		r.enterAnew()
	}
	if r.live.replay && before.Equal(info) {
		return
	}
	r.tellSettings(before, info, meta)
	r.client.events.emit(RoomUpdated{Meta: meta, Info: info})
}

// tellSettings tells the changes of settings that have an event of their own. Who changed them is not known.
func (r *Room) tellSettings(before, now RoomInfo, meta Meta) {
	emit := r.client.events.emit
	if before.QueueLocked != now.QueueLocked {
		emit(QueueLocked{Meta: meta, Locked: now.QueueLocked})
	}
	if before.SlowMode != now.SlowMode {
		emit(SlowMode{Meta: meta, On: now.SlowMode})
	}
	if before.GuestChat != now.GuestChat {
		emit(GuestChat{Meta: meta, On: now.GuestChat})
	}
	if before.GuestEmbed != now.GuestEmbed {
		emit(GuestEmbed{Meta: meta, On: now.GuestEmbed})
	}
}

// overlay returns a room with what an event tells of it in one of its members.
func overlay(w wire.Room, event json.RawMessage, in string) (wire.Room, bool) {
	var news map[string]json.RawMessage
	if json.Unmarshal(member(event, in), &news) != nil {
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
	maps.Copy(whole, news)
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

// enterAnew joins the room once more after its password has changed, as who has no role must. Source: docs/PROTOCOL.md
// 7, rule 28.
func (r *Room) enterAnew() {
	a := r.authority()
	if !r.mayAct() || a.me == a.owner || holdsAny(r.rolesOf(a.me)) {
		return
	}
	l := r.live.link
	r.askInTurn("enter", answerTimeout, func(ctx context.Context) func() {
		_, err := r.enterAgain(ctx, func() error { return nil })
		if err == nil {
			return nil
		}
		return func() {
			r.client.log.WarnContext(ctx, "not let in after the password changed", r.logged(), slog.Any("error", err))
			if refused(err) {
				l.lose(r.channel(), err)
			}
		}
	})
}

func (r *Room) applySlowMode(e *wire.RoomSlowMode, meta Meta) {
	if r.elsewhere(e.Room.ID) || r.unclear(e.Room.Extra, "slowMode", meta) || r.live.replay && r.Info().SlowMode == e.Room.SlowMode {
		return
	}
	r.edit(func(w *wire.Room) { w.SlowMode = e.Room.SlowMode })
	r.client.events.emit(SlowMode{Meta: meta, On: e.Room.SlowMode, By: r.by(e.User)})
}

func (r *Room) applyGuestChat(e *wire.RoomAllowGuestChat, meta Meta) {
	if r.elsewhere(e.Room.ID) || r.unclear(e.Room.Extra, "allowGuestsToChat", meta) || r.live.replay && r.Info().GuestChat == e.Room.AllowGuestsToChat {
		return
	}
	r.edit(func(w *wire.Room) { w.AllowGuestsToChat = e.Room.AllowGuestsToChat })
	r.client.events.emit(GuestChat{Meta: meta, On: e.Room.AllowGuestsToChat, By: r.by(e.User)})
}

func (r *Room) applyGuestEmbed(e *wire.RoomAllowGuestEmbed, meta Meta) {
	if r.elsewhere(e.Room.ID) || r.unclear(e.Room.Extra, "allowGuestsToEmbed", meta) || r.live.replay && r.Info().GuestEmbed == e.Room.AllowGuestsToEmbed {
		return
	}
	r.edit(func(w *wire.Room) { w.AllowGuestsToEmbed = e.Room.AllowGuestsToEmbed })
	r.client.events.emit(GuestEmbed{Meta: meta, On: e.Room.AllowGuestsToEmbed, By: r.by(e.User)})
}

// readInfo reads what the room says about itself. What events have changed meanwhile is newer: then it is read once more.
func (r *Room) readInfo() {
	before := r.Info()
	r.askInTurn(dueInfo, answerTimeout, func(ctx context.Context) func() {
		answer, err := r.client.loads.Room(ctx, queupapi.RoomParams{RoomID: r.id})
		if err != nil {
			r.client.log.WarnContext(ctx, "room not read", r.logged(), slog.Any("error", err))
			return func() { r.later(dueInfo, err, r.readInfo) }
		}
		return func() {
			if !before.Equal(r.Info()) {
				r.alarm(dueInfo, readAgain, r.readInfo)
				return
			}
			r.catchUpInfo(answer.Data)
		}
	})
}
