package main

import (
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/examples/internal/scene"
)

// duties are the permissions that the bot needs, and what it does with each.
var duties = []struct {
	right client.Permission
	duty  string
}{
	{client.PermQueueSkip, "skip songs"},
	{client.PermChatDelete, "delete links"},
	{client.PermMembersMute, "mute people"},
}

// reportMissingRights prints the duties for which the bot lacks a right in a room.
func reportMissingRights(bot *client.Client, room *client.Room, out *scene.Transcript) {
	me, _ := bot.User()
	for _, d := range duties {
		if !room.Can(me.ID, d.right) {
			out.Note("%s cannot %s here: it needs a role with the permission %s", me, d.duty, d.right)
		}
	}
}
