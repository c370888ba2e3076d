package queuptest

import (
	"time"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/htmltext"
	"github.com/queup-go/queup/internal/saturate"
)

// An AuditEntry is something a moderator did.
type AuditEntry struct {
	At       time.Time
	Type     string
	By       string        // the moderator's name
	User     string        // whom it was done to; empty: nobody
	Duration time.Duration // of a ban; 0: for good
}

// Kick lets a moderator throw a user out. The reason is plain text and may be empty. As everywhere below, the moderator
// need not be in the room, and what they may not do is a mistake in the test.
func (r *Room) Kick(by, user, reason string) {
	defer r.lock("Kick")()
	r.act(by, user, func(m, target *member, now time.Time) error {
		return r.kick(m, target, htmltext.Encode(reason), now)
	})
}

// Ban lets a moderator ban a user for some minutes, or for good if d is 0. A part of a minute counts as one.
func (r *Room) Ban(by, user string, d time.Duration) {
	defer r.lock("Ban")()
	r.act(by, user, func(m, target *member, now time.Time) error {
		return r.ban(m, target, int(saturate.Ceil(d, time.Minute)), now)
	})
}

// Unban lets a moderator let a banned user in again.
func (r *Room) Unban(by, user string) {
	defer r.lock("Unban")()
	r.act(by, user, r.unban)
}

// Mute lets a moderator keep a user from chatting.
func (r *Room) Mute(by, user string) {
	defer r.lock("Mute")()
	r.act(by, user, r.mute)
}

// Unmute lets a moderator let a user chat again.
func (r *Room) Unmute(by, user string) {
	defer r.lock("Unmute")()
	r.act(by, user, r.unmute)
}

// DeleteMessagesOf lets someone with the permission chat.delete delete all lines of a user at once. No operation of REST is
// known that does it.
func (r *Room) DeleteMessagesOf(by, user string) {
	defer r.lock("DeleteMessagesOf")()
	r.act(by, user, func(m, target *member, now time.Time) error {
		if err := r.need(m, permChatDelete); err != nil {
			return err
		}
		for _, line := range r.messages {
			if line.author == target.account {
				line.deleted = true
			}
		}
		e := &wire.DeleteChatMessageGlobal{AuthorID: target.account.id, User: r.wireEventUser(m.account)}
		r.remember(e)
		r.emit(e)
		r.note(m, target, "delete-chat", 0, now)
		return nil
	})
}

// Banned returns the names of those who may not come in now, sorted.
func (r *Room) Banned() []string {
	defer r.lock("Banned")()
	return names(r.banned(r.now()))
}

// Muted returns the names of those who may not chat, sorted.
func (r *Room) Muted() []string {
	defer r.lock("Muted")()
	return names(r.muted())
}

func names(members []*member) []string {
	names := []string{}
	for _, m := range members {
		names = append(names, m.account.name)
	}
	return names
}

// Audit returns what moderators did, oldest first, at most the last 1,000.
func (r *Room) Audit() []AuditEntry {
	defer r.lock("Audit")()
	entries := []AuditEntry{}
	for _, e := range r.audit {
		entry := AuditEntry{At: e.at, Type: e.kind, By: e.by.name, Duration: e.duration}
		if e.target != nil {
			entry.User = e.target.name
		}
		entries = append(entries, entry)
	}
	return entries
}
