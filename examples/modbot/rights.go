package main

import (
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
)

// duties are what the bot needs the right to, and what it cannot do without.
var duties = []struct {
	right client.Permission
	duty  string
}{
	{client.PermQueueSkip, "skip songs"},
	{client.PermChatDelete, "delete links"},
	{client.PermMembersMute, "mute people"},
}

// tellMissingRights says what the bot cannot do in a room, before people wonder why it only talks.
func tellMissingRights(bot *client.Client, room *client.Room, out *scene.Transcript) {
	me, _ := bot.User()
	for _, d := range duties {
		if !room.Can(me.ID, d.right) {
			out.Note("%s cannot %s here: it needs a role with the permission %s", me, d.duty, d.right)
		}
	}
}
