package client

import (
	"testing"

	"github.com/queup-go/queup/gen/wire"
)

// A user of whom nothing new is told is the same one, not a copy; one of whom there is news is another one, and who was told of the
// old one keeps it.
func TestPeople_replaceOnlyByNews(t *testing.T) {
	t.Parallel()
	for name, present := range map[string]bool{"in a room": true, "seen before": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := new(Client)
			p := newUserCache(10)
			if present {
				p.enter("1") // as a member whose account is not known yet
				if u := p.update(User{ID: "1", client: c}, false); u.client != c {
					t.Error("who is known by the id alone has no client, and is ErrDetached for ever")
				}
			}
			first := p.update(User{ID: "1", Username: "ann", Avatar: "a.png", client: c}, true)
			if first.client != c || first.Username != "ann" {
				t.Fatalf("%+v", *first)
			}
			for _, told := range []User{{ID: "1", client: c}, {ID: "1", Username: "ann", client: c}, {ID: "1", Username: "other", Avatar: "a.png", client: c}} {
				if again := p.update(told, false); again != first {
					t.Errorf("%+v makes a new user: %+v", told, *again)
				}
			}
			renamed := p.update(User{ID: "1", Username: "anna", client: c}, true)
			if renamed.Username != "anna" || renamed.Avatar != "a.png" || renamed.client != c {
				t.Errorf("%+v", *renamed)
			}
			if first.Username != "ann" {
				t.Error("who was told of the old name has lost it")
			}
			if known, ok := p.Get("1"); !ok || !known.Equal(*renamed) {
				t.Errorf("%+v, %v", known, ok)
			}
			_, named := p.byName("anna")
			if _, old := p.byName("ann"); named != present || old {
				t.Errorf("found by the new name: %v, by the old one: %v", named, old)
			}
		})
	}
}

// An account without an id is nobody, and is not kept.
func TestPeople_doNotKeepNobody(t *testing.T) {
	t.Parallel()
	c := new(Client)
	p := newUserCache(10)
	if u := p.update(User{Username: "x", client: c}, true); u.Username != "x" || u.client != c || p.Len() != 0 {
		t.Errorf("%+v, %d kept", *u, p.Len())
	}
}

// The author of a private message may be there without an id, with one in another place, or not at all.
func TestPeople_authorsOfPrivateMessages(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		message wire.ConversationMessage
		id      UserID
		known   bool
	}{
		"no account":    {wire.ConversationMessage{AuthorID: "1"}, "1", false},
		"no id":         {wire.ConversationMessage{AuthorID: "1", Author: wire.User{Username: "ann"}}, "1", true},
		"the inner id":  {wire.ConversationMessage{Author: wire.User{Username: "ann", UserInfo: wire.UserInfo{UserID: "1"}}}, "1", true},
		"just a number": {wire.ConversationMessage{Author: wire.User{ID: "1"}}, "1", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Client{users: newUserCache(10)}
			m := newPrivateMessage(c, "c", tt.message)
			if u, ok := m.Author(); m.AuthorID != tt.id || ok != tt.known || ok && (u.ID != tt.id || u.Username != "ann") {
				t.Errorf("%s: %+v, %v", m.AuthorID, u, ok)
			}
		})
	}
}
