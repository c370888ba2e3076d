package queuptest

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/queup-go/queup/gen/queupserver"
	"github.com/queup-go/queup/gen/wire"
)

const (
	maxRooms    = 5 // of one owner
	maxRoomName = 100

	textRoomLimit = "You have reached the limit of 5 rooms"
	textRoomName  = "name is required, with 100 characters at most"
)

// roomsWith lists the rooms for which match is true, the busiest first, each with an id for its owner. The caller holds s.mu.
func (s *state) roomsWith(match func(wire.Room) bool) wire.Rooms {
	rooms := wire.Rooms{}
	for _, r := range s.rooms {
		if w := r.wireRoom(); match(w) {
			rooms = append(rooms, w)
		}
	}
	slices.SortStableFunc(rooms, func(a, b wire.Room) int { return cmp.Compare(b.ActiveUsers, a.ActiveUsers) })
	return rooms
}

// searchable makes a match for rooms whose names or slugs have all the words. Without a word nothing matches.
func searchable(query string) func(wire.Room) bool {
	words := strings.Fields(strings.ToLower(query))
	return func(w wire.Room) bool {
		return w.DisplayInSearch && len(words) > 0 && hasWords(w.Name+" "+w.Slug, words)
	}
}

// Rooms implements GET /room.
func (h *rest) Rooms(_ context.Context, params queupserver.RoomsParams) (wire.RoomsEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	public := h.roomsWith(func(w wire.Room) bool { return w.DisplayInLobby && w.Display == "public" })
	return wire.RoomsEnvelope{Envelope: success, Data: page(public, params.Offset.Or(0), pageSize)}, nil
}

// SearchRooms implements GET /room/term/{term}.
func (h *rest) SearchRooms(_ context.Context, params queupserver.SearchRoomsParams) (wire.RoomsEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := h.roomsWith(searchable(params.Term))
	return wire.RoomsEnvelope{Envelope: success, Data: page(found, params.Offset.Or(0), pageSize)}, nil
}

// Search implements GET /search. It answers a page of rooms and a page of users.
func (h *rest) Search(_ context.Context, params queupserver.SearchParams) (wire.SearchResultEnvelope, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	result := wire.SearchResult{Rooms: wire.Rooms{}, Users: wire.Users{}}
	for _, w := range page(h.roomsWith(searchable(params.Query)), 0, pageSize) {
		result.Rooms = append(result.Rooms, wire.Room{ID: w.ID, Name: w.Name, Slug: w.Slug, ActiveUsers: w.ActiveUsers})
	}
	words := strings.Fields(strings.ToLower(params.Query))
	for _, a := range h.accounts {
		if len(words) > 0 && len(result.Users) < pageSize && hasWords(a.name, words) {
			result.Users = append(result.Users, wire.User{ID: a.id, Username: a.name})
		}
	}
	return wire.SearchResultEnvelope{Envelope: success, Data: result}, nil
}

// CreateRoom implements POST /room. The creator is not in the room until they join.
func (h *rest) CreateRoom(ctx context.Context, req *queupserver.RoomSettings) (out wire.RoomEnvelope, _ error) {
	name := strings.TrimSpace(req.Name.Or(""))
	if name == "" {
		return out, errorE1(http.StatusBadRequest, textRoomName)
	}
	chosen := defaultSettings(name)
	if err := chosen.merge(req); err != nil {
		return out, err
	}
	chosen.locked = req.LockQueue.Or(false)
	h.mu.Lock()
	defer h.mu.Unlock()
	a := callOf(ctx).account
	owned := 0
	for _, r := range h.rooms {
		if r.owner == a {
			owned++
		}
	}
	if owned >= maxRooms {
		return out, errorE1(http.StatusBadRequest, textRoomLimit)
	}
	r := h.newRoom(RoomSpec{Slug: h.freeSlug(name), Owner: a.name})
	r.settings = chosen
	r.created = h.now()
	r.updated = r.created
	h.change(func() { h.rooms = append(h.rooms, r) })
	return wire.RoomEnvelope{Envelope: success, Data: r.wireRoom()}, nil
}

var notSlug = regexp.MustCompile(`[^0-9a-z]+`)

// freeSlug makes a slug of a name that no room has yet. The caller holds s.mu.
func (s *state) freeSlug(name string) string {
	base := cmp.Or(strings.Trim(notSlug.ReplaceAllString(strings.ToLower(name), "-"), "-"), "room")
	if hexID.MatchString(base) {
		base = "room-" + base
	}
	slug := base
	for i := 2; s.roomBySlug(slug) != nil; i++ {
		slug = base + "-" + strconv.Itoa(i)
	}
	return slug
}
