package client

import (
	"strings"

	"github.com/queup-go/queup/client/internal/cache"
)

// A RoomCollection is a Collection of rooms that can also be looked up by their other names.
type RoomCollection struct {
	Collection[RoomID, *Room]
}

// BySlug returns the room with that slug, in any case.
func (c *RoomCollection) BySlug(slug string) (*Room, bool) {
	return c.Find(func(r *Room) bool { return strings.EqualFold(r.Slug(), slug) })
}

// ByRTC returns the room with that channel name of a realtime system of the past.
func (c *RoomCollection) ByRTC(rtc string) (*Room, bool) {
	return c.Find(func(r *Room) bool { return r.RTC() == rtc })
}

// maxIdleRooms is how many rooms there may be before the client forgets those it is not in.
const maxIdleRooms = 64

// newRoomTable returns the table of a client's room handles. A handle of a room that the client is in, or is about to enter or
// leave, stays.
func (c *Client) newRoomTable() *cache.Handles[RoomID, Room] {
	return cache.NewHandles(cache.HandlesConfig[RoomID, Room]{
		MaxIdle: maxIdleRooms,
		Idle:    func(r *Room) bool { return !r.Joined() && len(r.turn) == 0 },
		New:     func(id RoomID) *Room { return newRoom(c, id) },
	})
}
