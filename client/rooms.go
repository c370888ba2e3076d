package client

import (
	"slices"
	"strings"
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

// maxIdleRooms is how many rooms there may be before those are forgotten that the client is not in.
const maxIdleRooms = 64

// roomTable is a store of room handles.
type roomTable struct {
	*table[RoomID, *Room]
	held handles[RoomID, Room] // guarded by mu
}

// handle returns the handle of a room: the one there is, or that the user still holds, so that it stays the same, or a new one.
func (t *roomTable) handle(c *Client, id RoomID) *Room {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r, ok := t.find(id); ok {
		return r
	}
	if len(t.entries) >= maxIdleRooms {
		for _, e := range slices.Clone(t.entries) {
			if !e.value.Joined() && len(e.value.turn) == 0 {
				t.drop(e.id)
			}
		}
	}
	r, ok := t.held.get(id)
	if !ok {
		r = newRoom(c, id)
		t.held.put(id, r)
	}
	t.set(id, r)
	return r
}
