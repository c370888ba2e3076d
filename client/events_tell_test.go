package client_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/client"
)

// tell is an event as a line of text that begins with its type, with everything that it resolves, and what the room makes of it.
func tell(room *client.Room, start time.Time, e client.Event) string {
	line := strings.TrimPrefix(fmt.Sprintf("%T ", e), "client.")
	switch e := e.(type) {
	case client.Chat:
		line += tellMessage(e.Message) + "; " + tellMember(e.Member)
		if author, ok := e.Message.Author(); !ok || !author.Equal(e.Author) || e.Member.UserID != e.Author.ID {
			line += ", but by " + tellUser(e.Author)
		}
	case client.ChatDeleted:
		line += tellMessage(e.Message) + "; by " + tellUser(e.By)
	case client.ChatCleared:
		lines := room.Messages()
		gone := slices.DeleteFunc(slices.Clone(lines), func(m client.Message) bool { return !m.Deleted })
		line += fmt.Sprintf("of %s, by %s; %d of %d lines are deleted", tellUser(e.User), tellUser(e.By), len(gone), len(lines))
	case client.PrivateMessage:
		line += fmt.Sprintf("%s; with %v", tellMessage(e.Message), names(e.Conversation.Recipients()))
		if e.Author.ID != e.Message.AuthorID || e.Message.ConversationID != e.Conversation.ID() {
			line += ", but by " + tellUser(e.Author)
		}
	case client.CommentAdded:
		line += tellComment(e.Comment)
	case client.CommentRemoved:
		line += tellComment(e.Comment)
	case client.CommentUpdated:
		line += tellComment(e.Comment)

	case client.SongSkipped:
		line += tellSong(e.Song) + "; by " + tellUser(e.By)
	case client.PlaylistUpdated:
		line += tellSong(e.Song)
	case client.SongChanged:
		now, playing := room.NowPlaying()
		line += fmt.Sprintf("%s%s; from %s %s", tellSong(e.Song), map[bool]string{true: ", playing now"}[playing && e.Playing && now.ID == e.Song.ID], e.Info.Provider, e.Info.MediaID)
		if e.Info.Thumbnail != "" {
			line += ", " + e.Info.Thumbnail + ", made " + e.Info.CreatedAt.UTC().Format(time.RFC3339Nano)
		}
		if info, known := e.Song.Info(); known && !info.Equal(e.Info) || e.User.ID != e.Song.UserID {
			line += fmt.Sprintf(", but Info is %v and User %v", e.Info, e.User)
		}
		line += "; before " + tellSong(e.Previous)
	case client.Dub:
		up, down := room.Votes()
		line += fmt.Sprintf("%s by %s, %s; votes %v %v", map[bool]string{true: "up", false: "down"}[e.Up], tellUser(e.User), tellPlaying(room, e.Song), named(room, up), named(room, down))
	case client.Grab:
		line += fmt.Sprintf("by %s, %s; grabbers %v", tellUser(e.User), tellPlaying(room, e.Song), named(room, room.Grabbers()))

	case client.QueueUpdated:
		var songs []string
		for _, s := range e.Queue {
			songs = append(songs, tellSong(s))
		}
		line += fmt.Sprintf("%v later: %s", time.Since(start), strings.Join(songs, ", "))
	case client.QueueReordered:
		line += "by " + tellUser(e.By)
	case client.SongRemoved:
		line += fmt.Sprintf("of %s; by %s", tellMember(e.Member), tellUser(e.By))
	case client.DJRemoved:
		line += fmt.Sprintf("of %s; by %s; queued now: %d", tellMember(e.Member), tellUser(e.By), len(room.Queue()))
	case client.QueuePaused:
		line += fmt.Sprintf("%v, %s; by %s; queued now: %d", e.Paused, tellMember(e.Member), tellUser(e.By), len(room.Queue()))
	case client.QueueLocked:
		line += fmt.Sprintf("%v by %s; the room has %v", e.Locked, tellUser(e.By), room.Info().QueueLocked)

	case client.RoomUpdated:
		i := e.Info
		owner, _ := room.Members().Get(i.OwnerID)
		line += fmt.Sprintf("%q %s of %s, songs up to %v, locked %v", i.Name, i.Slug, owner, i.MaxSongLength, i.QueueLocked)
		if i.Equal(room.Info()) {
			line += "; the room has it"
		}
	case client.SlowMode:
		line += fmt.Sprintf("%v by %s; the room has %v", e.On, tellUser(e.By), room.Info().SlowMode)
	case client.GuestChat:
		line += fmt.Sprintf("%v by %s; the room has %v", e.On, tellUser(e.By), room.Info().GuestChat)
	case client.GuestEmbed:
		line += fmt.Sprintf("%v by %s; the room has %v", e.On, tellUser(e.By), room.Info().GuestEmbed)

	case client.RoleCreated:
		line += tellRole(e.Role) + hasRole(room, e.Role)
	case client.RoleUpdated:
		line += tellRole(e.Role) + hasRole(room, e.Role)
	case client.RoleDeleted:
		line += tellRole(e.Role) + hasRole(room, e.Role)
	case client.RolesReordered:
		var roles []string
		for _, r := range e.Roles {
			roles = append(roles, fmt.Sprintf("%v (%d)", r, r.Position))
		}
		line += fmt.Sprintf("%s; the room has %v", strings.Join(roles, ", "), room.Roles())
	case client.RoleSet:
		line += fmt.Sprintf("%s for %s; by %s", tellRole(e.Role), tellSubject(e.User, e.Member), tellUser(e.By))
	case client.RoleUnset:
		line += fmt.Sprintf("%s for %s; by %s", tellRole(e.Role), tellSubject(e.User, e.Member), tellUser(e.By))

	case client.MemberJoined:
		_, there := room.Members().Get(e.User.ID)
		line += fmt.Sprintf("%s; a member now: %v", tellSubject(e.User, e.Member), there)
	case client.MemberLeft:
		_, there := room.Members().Get(e.User.ID)
		line += fmt.Sprintf("%s; a member now: %v", tellSubject(e.User, e.Member), there)
	case client.MemberUpdated:
		line += tellMember(e.Member)
		if now, there := room.Members().Get(e.Member.UserID); there && now.Equal(e.Member) {
			line += "; the room has it"
		}
	case client.MemberKicked:
		line += fmt.Sprintf("%s; by %s, because %q", tellSubject(e.User, e.Member), tellUser(e.By), e.Reason)
	case client.MemberBanned:
		line += fmt.Sprintf("for %v (permanent %v), %s; by %s", e.For, e.Permanent, tellSubject(e.User, e.Member), tellUser(e.By))
	case client.MemberUnbanned:
		line += fmt.Sprintf("%s; by %s", tellSubject(e.User, e.Member), tellUser(e.By))
	case client.MemberMuted:
		line += fmt.Sprintf("%s; by %s", tellSubject(e.User, e.Member), tellUser(e.By))
	case client.MemberUnmuted:
		line += fmt.Sprintf("%s; by %s", tellSubject(e.User, e.Member), tellUser(e.By))
	case client.AvatarUpdated:
		line += tellUser(e.User)
		if address, ok := e.User.AvatarURL(); ok {
			line += ": " + address
		}

	case client.Unknown:
	case client.Malformed:
		why, _, _ := strings.Cut(e.Err.Error(), `": `)
		if why != e.Err.Error() {
			why += `"`
		}
		line = strings.TrimSpace(line) + ": " + why
	}
	return strings.TrimSpace(line)
}

// tail is the end of an id, enough to know it by.
func tail[T ~string](id T) string { return string(id[max(0, len(id)-4):]) }

func tellUser(u client.User) string {
	if u.ID == "" && u.Username == "" {
		return "nobody"
	}
	return u.Username + "#" + tail(u.ID)
}

// tellSubject is whom an event is about, who must be the same in two places.
func tellSubject(u client.User, m client.Member) string {
	line := tellMember(m)
	if m.UserID != u.ID || !strings.HasPrefix(line, tellUser(u)) {
		line += ", but the user is " + tellUser(u)
	}
	return line
}

func tellMember(m client.Member) string {
	user, ok := m.User()
	if !ok {
		user.ID = m.UserID
	}
	line := tellUser(user)
	if room, ok := m.Room(); !ok || room.Slug() != "lounge" {
		line += ", in no room"
	}
	if strings.Contains(string(m.ID), "13bc") { // told by the event, not by the list
		line += " bc" + tail(m.ID)
	}
	for _, count := range []struct {
		n    int64
		what string
	}{{m.Dubs, "dubs"}, {m.Played, "played"}, {m.Skipped, "skipped"}, {m.QueuedNow, "queued"}} {
		if count.n != 0 {
			line += fmt.Sprintf(", %d %s", count.n, count.what)
		}
	}
	if m.QueuePaused {
		line += ", paused"
	}
	if m.Muted {
		line += ", muted"
	}
	switch {
	case m.Banned && m.BannedUntil.IsZero():
		line += ", banned for good"
	case m.Banned:
		line += fmt.Sprintf(", banned for %v", m.BannedUntil.Sub(m.BannedAt))
	}
	return line + ", " + fmt.Sprint(m.Roles())
}

func tellMessage(m client.Message) string {
	author, ok := m.Author()
	if !ok {
		author.ID = m.AuthorID
	}
	line := fmt.Sprintf("%q of %s", m.Content, tellUser(author))
	if !m.CreatedAt.IsZero() {
		line += " at " + m.CreatedAt.UTC().Format(time.RFC3339Nano)
	}
	if m.Deleted {
		line += ", deleted"
	}
	if room, ok := m.Room(); ok && slices.ContainsFunc(room.Messages(), m.Equal) {
		line += ", kept"
	}
	return line
}

func tellSong(s client.Song) string {
	if s.ID == "" {
		return "nothing"
	}
	user, ok := s.User()
	if !ok {
		user.ID = s.UserID
	}
	name := "#" + tail(s.SongID)
	if info, ok := s.Info(); ok && info.Name != "" {
		name = fmt.Sprintf("%q", info.Name)
	}
	line := fmt.Sprintf("%s of %s, %v, %+d %+d", name, tellUser(user), s.Length, s.Updubs, -s.Downdubs)
	line = strings.Replace(line, " +0 +0", " +0 -0", 1)
	line = strings.TrimSuffix(line, " +0") + map[bool]string{true: " -0"}[strings.HasSuffix(line, " +0")]
	if s.Grabs > 0 {
		line += fmt.Sprintf(", %d grabs", s.Grabs)
	}
	if s.Skipped {
		line += ", skipped"
	}
	if s.PlayedAt.Year() == 2024 { // told by the event
		line += ", since " + s.PlayedAt.UTC().Format(time.RFC3339)
	}
	return line
}

// tellPlaying is tellSong, and whether the song plays with that score.
func tellPlaying(room *client.Room, s client.Song) string {
	line := tellSong(s)
	if now, playing := room.NowPlaying(); playing && now.Equal(s) {
		line += ", playing now"
	}
	return line
}

func named(room *client.Room, ids []client.UserID) []string {
	list := []string{}
	for _, id := range ids {
		member, _ := room.Members().Get(id)
		list = append(list, member.String())
	}
	slices.Sort(list)
	return list
}

func tellRole(r client.Role) string {
	return fmt.Sprintf("%q at %d %s %v", cmp.Or(r.Label, "#"+tail(r.ID)), r.Position, r.Color, r.Permissions)
}

func hasRole(room *client.Room, r client.Role) string {
	for _, role := range room.Roles() {
		if role.Equal(r) {
			return "; the room has it"
		}
	}
	return "; the room does not have it"
}

func tellComment(c client.Comment) string {
	line := fmt.Sprintf("#%s %q of #%s", tail(c.ID), c.Content, tail(c.AuthorID))
	if !c.CreatedAt.IsZero() {
		line += " at " + c.CreatedAt.UTC().Format(time.RFC3339Nano)
	}
	line += fmt.Sprintf(", +%d -%d", c.Updubs, c.Downdubs)
	if c.Deleted {
		line += ", deleted"
	}
	return line
}
