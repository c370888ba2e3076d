package client

import (
	"net/http"
	"sync"

	"github.com/queup-go/queup/client/internal/rest"
	"github.com/queup-go/queup/gen/queupapi"
)

// detachedClient returns the client of all rooms and conversations that belong to no other. It is not logged in, and each of its calls
// returns [ErrDetached].
var detachedClient = sync.OnceValue(func() *Client {
	c, err := New()
	if err == nil {
		c.detached = true
		c.rest, err = queupapi.NewClient(rest.ServerURL(c.config.baseURL), queupapi.WithClient(detachedDoer{}))
		c.loads = c.rest
	}
	if err != nil {
		panic(err) // the defaults are valid
	}
	return c
})

// newDetachedRoom returns a room that has only its id and its names.
func newDetachedRoom(s savedRoom) *Room {
	r := newRoom(detachedClient(), s.ID)
	r.info = RoomInfo{ID: s.ID, Slug: s.Slug, Name: s.Name}
	return r
}

// detachedDoer sends nothing.
type detachedDoer struct{}

// Do returns [ErrDetached].
func (detachedDoer) Do(*http.Request) (*http.Response, error) { return nil, ErrDetached }
