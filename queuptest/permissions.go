package queuptest

import (
	"math"
	"net/http"
	"slices"
	"time"
)

// Who may do what, in both worlds of roles. See docs/PROTOCOL.md 4.

// The permissions of custom roles. In the classic world they stand for the rights that they took the place of.
const (
	permAdmin          = "room.admin"
	permManage         = "room.manage"
	permAudit          = "room.audit.view"
	permSettings       = "room.settings.moderation"
	permQueueView      = "queue.view"
	permQueueJoin      = "queue.join"
	permSkip           = "queue.skip"
	permQueueOrder     = "queue.order"
	permQueueRemove    = "queue.remove"
	permLock           = "queue.lock"
	permLockBypass     = "queue.lock.bypass"
	permDJRemove       = "queue.dj.remove"
	permChat           = "chat.send"
	permChatDelete     = "chat.delete"
	permMention        = "chat.mention"
	permEmbedImage     = "chat.embed.image"
	permEmbedLink      = "chat.embed.link"
	permSlowModeBypass = "chat.slowmode.bypass"
	permMembers        = "members.list"
	permMute           = "members.mute"
	permKick           = "members.kick"
	permBan            = "members.ban"
	permRoles          = "roles.manage"
	permStreamAdmin    = "stream.admin"
	permStreamTitle    = "stream.title"
)

// permissionKeys is the catalogue of permissions.
var permissionKeys = []string{
	permManage, permSettings, permAudit, permAdmin, permQueueView, permQueueJoin, permSkip, permQueueOrder, permQueueRemove,
	permLock, permLockBypass, permDJRemove, permChat, permChatDelete, permMention, permEmbedImage, permEmbedLink,
	permSlowModeBypass, permMembers, permMute, permKick, permBan, permRoles, permStreamAdmin, permStreamTitle,
}

// impliedBy says which permissions bring another one along.
var impliedBy = map[string][]string{
	permQueueView: {permSettings, permQueueOrder, permQueueRemove, permLock, permDJRemove, permKick, permBan},
	permMembers:   {permMute, permKick, permBan, permRoles},
}

// classicRights are the rights that permissions were before custom roles. That the slow mode spares those who may switch it
// is an assumption.
var classicRights = map[string]string{
	permManage: "update-room", permSettings: "mod-settings", permSkip: "skip", permQueueOrder: "queue-order",
	permQueueRemove: "queue-order", permDJRemove: "queue-order", permLock: "lock-queue", permChat: "chat",
	permChatDelete: "delete-chat", permMention: "chat-mention", permSlowModeBypass: "mod-settings", permMute: "mute",
	permKick: "kick", permBan: "ban", permRoles: "set-roles",
}

// Starter roles of a room in the custom world: permissions and positions as in docs/PROTOCOL.md 4.3.
var (
	guestPermissions   = []string{permQueueView, permQueueJoin, permChat, permEmbedImage, permEmbedLink}
	djPermissions      = []string{permQueueView, permQueueJoin, permLockBypass, permChat, permEmbedImage, permEmbedLink}
	vipPermissions     = []string{permQueueView, permQueueJoin, permSkip, permLockBypass, permChat, permEmbedImage, permEmbedLink}
	coOwnerPermissions = without(permissionKeys, permMembers)
	managerPermissions = without(coOwnerPermissions, permManage, permAdmin)
	modPermissions     = without(managerPermissions, permAudit, permRoles, permStreamAdmin)
)

func without(keys []string, gone ...string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return slices.Contains(gone, k) })
}

// starterRoles are the roles that every room begins with in the custom world, the highest first.
var starterRoles = []customRole{
	{template: CoOwner, label: "Co-Owner", color: "#e6522c", position: 896, permissions: coOwnerPermissions, separate: true},
	{template: Manager, label: "Manager", color: "#f39c12", position: 768, permissions: managerPermissions, separate: true},
	{template: Moderator, label: "Moderator", color: "#00aeff", position: 640, permissions: modPermissions, separate: true, mentionable: true},
	{template: VIP, label: "VIP", color: "#9b59b6", position: 512, permissions: vipPermissions, separate: true},
	{template: ResidentDJ, label: "Resident DJ", color: "#2ecc71", position: 384, permissions: djPermissions, separate: true},
	{template: DJ, label: "DJ", color: "#95a5a6", position: 256, permissions: djPermissions},
	{template: roleGuest, label: "Guest", permissions: guestPermissions, isDefault: true},
}

// Two roles that a world cannot give: the default role of the custom world, which everybody has, and one of 2024 of the
// classic world, for rooms where guests may not chat.
const (
	roleGuest  Role = "guest"
	roleMember Role = "member"
)

// classicRanks orders the fixed roles as their successors are ordered.
var classicRanks = map[Role]int64{CoOwner: 896, Manager: 768, Moderator: 640, VIP: 512, ResidentDJ: 384, DJ: 256}

// can says whether a member has a permission, or in the classic world the right that it was. The owner has all. The caller
// holds s.mu.
func (r *room) can(m *member, permission string) bool {
	switch {
	case m.account == r.owner:
		return true
	case !r.classic:
		return slices.Contains(r.permissionsOf(m), permission)
	}
	switch permission {
	case permChat:
		if m.role == "" {
			return true // unless the room says otherwise, see mayChat
		}
	case permLockBypass:
		return m.hasRole()
	case permQueueView, permQueueJoin, permMembers, permEmbedImage, permEmbedLink:
		return true
	}
	right := classicRights[permission]
	return right != "" && slices.Contains(fixedRoles[m.role].Rights, right)
}

// permissionsOf are all permissions of a member in the custom world, the implied ones included, in the order of the
// catalogue.
func (r *room) permissionsOf(m *member) []string {
	if m.account == r.owner {
		return permissionKeys
	}
	held := map[string]bool{}
	for _, role := range append(slices.Clone(m.roles), r.defaultRole()) {
		for _, p := range role.permissions {
			held[p] = true
		}
	}
	if held[permAdmin] {
		return permissionKeys
	}
	all := []string{}
	for _, p := range permissionKeys {
		if held[p] || slices.ContainsFunc(impliedBy[p], func(q string) bool { return held[q] }) {
			all = append(all, p)
		}
	}
	return all
}

// unlimited is the owner's rank.
const unlimited = math.MaxInt64

// rank is the position of the highest role.
func (r *room) rank(m *member) int64 {
	switch {
	case m.account == r.owner:
		return unlimited
	case r.classic:
		return classicRanks[m.role]
	case len(m.roles) > 0:
		return m.roles[0].position
	}
	return r.defaultRole().position
}

// hasRole says whether a member holds a role that not everybody has.
func (m *member) hasRole() bool { return len(m.roles) > 0 || m.role != "" && m.role != roleMember }

// The texts of refusals; all are ours.
const (
	textNoRight  = "Unauthorized action"
	textYourself = "You cannot do that to yourself"
	textTheOwner = "You cannot do that to the owner of the room"
	textStaff    = "You cannot do that to staff"
	textRank     = "You cannot do that to a member of your rank or above"
)

// need refuses who lacks a permission.
func (r *room) need(m *member, permission string) error {
	if r.can(m, permission) {
		return nil
	}
	return errorE1(http.StatusUnauthorized, textNoRight)
}

// needOver refuses who may not moderate a member: kick, ban or mute. See docs/PROTOCOL.md 2.9.
func (r *room) needOver(by, target *member, permission string) error {
	why := ""
	switch {
	case !r.can(by, permission):
		why = textNoRight
	case target.account == by.account:
		why = textYourself
	case target.account == r.owner:
		why = textTheOwner
	case r.classic || permission == permMute:
		if target.hasRole() {
			why = textStaff
		}
	case r.rank(target) >= r.rank(by):
		why = textRank
	}
	if why == "" {
		return nil
	}
	return errorE1(http.StatusUnauthorized, why)
}

// isBanned says whether a member may not come in.
func (m *member) isBanned(now time.Time) bool {
	return m.banned && (m.bannedUntil.IsZero() || now.Before(m.bannedUntil))
}

// seen is the record of an account, or an empty one that is kept nowhere. The caller holds s.mu.
func (r *room) seen(a *account) *member {
	if m := r.members[a.id]; m != nil {
		return m
	}
	return &member{account: a}
}
