package commands

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/queup-go/queup/client"
)

// flaw returns the fault of a command, empty if there is none.
func (r *Router) flaw(e *entry) string {
	for _, name := range slices.Concat([]string{e.Name}, e.Aliases) {
		if name == "" || strings.ContainsFunc(name, unicode.IsSpace) {
			return fmt.Sprintf("the name %q is empty or has white space in it", name)
		}
		if prefix, found := r.prefixIn(name); found {
			return fmt.Sprintf("the name %q contains the prefix %q, which people type before the name; leave it out", name, prefix)
		}
	}
	switch {
	case e.Cooldown < 0 || e.UserCooldown < 0:
		return "a cooldown is negative"
	case e.Private && (e.Permission != "" || e.Role != ""):
		return "it is Private, where nobody has a permission or a role; leave out one or the other"
	case e.Permission != "" && !slices.Contains(permissions, e.Permission):
		return fmt.Sprintf("the permission %q is not known; did you mean %q?", e.Permission, nearestPermission(e.Permission))
	case e.Role != "":
		return roleFlaw(e.Role)
	}
	return ""
}

// prefixIn returns the prefix that a name contains by mistake. A prefix that is a word may occur in a name, and one that joins words,
// such as a hyphen, may stand between them.
func (r *Router) prefixIn(name string) (prefix string, found bool) {
	name = strings.ToLower(name)
	for _, prefix := range r.prefixes {
		p := strings.ToLower(prefix)
		signs := strings.TrimFunc(p, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) })
		joins := strings.Trim(signs, "-_.") == ""
		if signs != "" && (strings.HasPrefix(name, p) || strings.Contains(name, p) && !joins) {
			return prefix, true
		}
	}
	return "", false
}

// permissions are the permissions that a command can need: those of package client, and the rights of before autumn 2026. Source:
// docs/PROTOCOL.md 4.1, 4.3.
var permissions = []client.Permission{
	client.PermRoomAdmin, client.PermRoomManage, client.PermRoomAuditView, client.PermSettingsModeration,
	client.PermQueueView, client.PermQueueJoin, client.PermQueueSkip, client.PermQueueOrder, client.PermQueueRemove, client.PermQueueLock,
	client.PermQueueLockBypass, client.PermQueueDJRemove,
	client.PermChatSend, client.PermChatDelete, client.PermChatMention, client.PermChatEmbedImage, client.PermChatEmbedLink,
	client.PermChatSlowModeBypass,
	client.PermMembersList, client.PermMembersMute, client.PermMembersKick, client.PermMembersBan,
	client.PermRolesManage, client.PermStreamAdmin, client.PermStreamTitle,
	"update-room", "set-roles", "set-managers", "skip", "queue-order", "kick", "ban", "mute", "set-dj", "lock-queue", "delete-chat",
	"chat-mention", "chat", "mod-settings",
}

// nearestPermission returns the permission that is written most like p.
func nearestPermission(p client.Permission) client.Permission {
	said := shortened(strings.ToLower(string(p)))
	return slices.MinFunc(permissions, func(a, b client.Permission) int {
		return distance(said, []rune(a)) - distance(said, []rune(b))
	})
}

// fixedRole is a role with the same id in every room, and the names that people give it.
type fixedRole struct {
	id    client.RoleID
	name  string // of its constant
	names []string
}

// fixedRoles are the roles of docs/PROTOCOL.md 4.1.
var fixedRoles = []fixedRole{
	{client.RoleCoOwner, "client.RoleCoOwner", []string{"co-owner", "rolecoowner"}},
	{client.RoleManager, "client.RoleManager", []string{"manager", "rolemanager"}},
	{client.RoleModerator, "client.RoleModerator", []string{"mod", "moderator", "rolemoderator"}},
	{client.RoleVIP, "client.RoleVIP", []string{"vip", "rolevip"}},
	{client.RoleResidentDJ, "client.RoleResidentDJ", []string{"resident-dj", "roleresidentdj"}},
	{client.RoleDJ, "client.RoleDJ", []string{"dj", "roledj"}},
	{client.RoleMember, "client.RoleMember", []string{"member", "rolemember"}},
}

// objectID matches an id of QueUp's. Source: docs/PROTOCOL.md 1.
var objectID = regexp.MustCompile(`^[0-9a-f]{24}$`)

// typo is how many characters of the id of a fixed role may differ for it to be a mistake. The ids of two roles differ in more.
const typo = 2

// roleFlaw returns the fault of a role, empty if there is none. The roles of a room are not known yet, so any id can be one of theirs,
// unless it is nearly that of a fixed role.
func roleFlaw(role client.RoleID) string {
	said := shortened(strings.ToLower(string(role)))
	best, least := fixedRole{}, 0
	for _, fixed := range fixedRoles {
		for _, name := range append([]string{string(fixed.id)}, fixed.names...) {
			if d := distance(said, []rune(name)); best.id == "" || d < least {
				best, least = fixed, d
			}
		}
	}
	switch {
	case role == best.id, objectID.MatchString(string(role)) && least > typo:
		return ""
	}
	return fmt.Sprintf("the role %q is not the id of a role; did you mean %s?", role, best.name)
}

// shortened returns the beginning of a word for distance, whose time grows with the square of the length.
func shortened(word string) []rune {
	letters := []rune(word)
	return letters[:min(len(letters), longestTypo)]
}
