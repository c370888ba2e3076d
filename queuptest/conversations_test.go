package queuptest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/gen/wire"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// talk opens a conversation with others and returns its path.
func (b *browser) talk(with ...string) string {
	b.tb.Helper()
	form := url.Values{}
	for _, name := range with {
		form.Add("usersid[]", userID(b, name))
	}
	return "/message/" + string(as[wire.Conversation](b.tb, b.post("/message", form)).ID)
}

func (b *browser) unread() string {
	b.tb.Helper()
	return string(b.get("/message/new").data(b.tb))
}

// One conversation from beginning to end, with what each side sees.
func TestConversation(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, bob := login(t, srv, "alice"), login(t, srv, "bob")
	atAlice, atBob := alice.listenOwn(), bob.listenOwn()
	carol := login(t, srv, "carol").listenOwn()

	path := alice.talk("bob")
	atBob.silent() // nothing was said yet
	if got := alice.unread() + bob.unread(); got != "00" {
		t.Errorf("unread at first: %s", got)
	}
	m := as[wire.ConversationMessage](t, alice.postJSON(path, `{"message":"see you &amp; \"thanks\"","time":1730000000000}`))
	if m.Text != `see you & "thanks"` || m.AuthorID != alice.me().ID || m.Author.Username != "alice" ||
		"/message/"+string(m.ConversationID) != path || time.Since(m.Created) > time.Minute {
		t.Errorf("message is %+v", m)
	}
	for name, s := range map[string]*socket{"alice": atAlice, "bob": atBob} { // the sender hears it too
		if e := event[*wire.NewMessage](s); e.AuthorID != alice.me().ID || "/message/"+string(e.ConversationID) != path {
			t.Errorf("%s hears %s", name, e.Raw)
		}
	}
	carol.silent()
	if got := alice.unread() + bob.unread(); got != "01" {
		t.Errorf("unread of alice and bob: %s", got)
	}
	c := as[wire.Conversations](t, bob.get("/message"))[0]
	if c.LatestText != `see you & "thanks"` || !c.LatestAt.Equal(m.Created) || len(c.Users) != 2 || c.Users[0].Username != "alice" ||
		c.Users[1].Username != "bob" || len(c.ReadBy) != 1 || c.ReadBy[0] != alice.me().ID {
		t.Errorf("conversation is %+v", c)
	}
	read := as[wire.Conversation](t, bob.send(http.MethodPost, path+"/read", "", ""))
	if d := cmp.Diff([]wire.UserID{alice.me().ID, bob.me().ID}, read.ReadBy); d != "" {
		t.Errorf("read by (-want +got):\n%s", d)
	}
	if got := bob.unread(); got != "0" {
		t.Errorf("unread of bob after reading: %s", got)
	}
	as[wire.Conversation](t, bob.send(http.MethodPost, path+"/read", "", "")) // twice does no harm
	as[wire.ConversationMessage](t, bob.post(path, url.Values{"message": {"bye"}, "userid": {userID(bob, "alice")}}))
	got := as[wire.ConversationMessages](t, alice.get(path))
	if len(got) != 2 || got[0].Text != "bye" || got[0].AuthorID != bob.me().ID || got[1].ID != m.ID {
		t.Errorf("messages are %+v", got) // the newest first; nobody writes in another's name
	}
	if got := alice.unread() + bob.unread(); got != "10" {
		t.Errorf("unread at the end: %s", got)
	}
}

// The entities of a private message are the sender's.
func TestConversation_keepsEntities(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice := login(t, srv, "alice")
	path := alice.talk("bob")
	for _, got := range []reply{alice.postJSON(path, `{"message":"a &#39;b&#39; <c>"}`), alice.get(path), alice.get("/message")} {
		if !strings.Contains(got.Body, `"a &#39;b&#39; <c>"`) && !strings.Contains(got.Body, `"a &#39;b&#39; \u003cc>"`) {
			t.Errorf("%s", got.Body)
		}
	}
}

func TestOpenConversation_givesTheOneThatTheseSamePeopleHave(t *testing.T) {
	t.Parallel()
	srv := start(t)
	alice, bob := login(t, srv, "alice"), login(t, srv, "bob")
	two := alice.talk("bob")
	three := alice.talk("carol", "bob")
	if two == three {
		t.Error("a third changes nothing")
	}
	for name, path := range map[string]string{
		"again":           alice.talk("bob"),
		"twice":           alice.talk("bob", "bob"),
		"oneself as well": alice.talk("alice", "bob"),
		"the other":       bob.talk("alice"),
		"as JSON": "/message/" + string(as[wire.Conversation](t,
			bob.postJSON("/message", `{"usersid":["`+userID(bob, "alice")+`"]}`)).ID),
	} {
		if path != two {
			t.Errorf("%s: %s, want %s", name, path, two)
		}
	}
	if path := bob.talk("alice", "carol"); path != three {
		t.Errorf("bob's with both is %s, want %s", path, three)
	}
	// The one with the latest message comes first; until something is said, the younger.
	list := func(b *browser) (paths []string) {
		for _, c := range as[wire.Conversations](t, b.get("/message")) {
			paths = append(paths, "/message/"+string(c.ID))
		}
		return paths
	}
	if d := cmp.Diff([]string{three, two}, list(alice)); d != "" {
		t.Errorf("alice's (-want +got):\n%s", d)
	}
	as[wire.ConversationMessage](t, bob.post(two, url.Values{"message": {"hi"}}))
	if d := cmp.Diff([]string{two, three}, list(alice)); d != "" {
		t.Errorf("alice's after bob's message (-want +got):\n%s", d)
	}
	if path := alice.talk("bob"); path != two { // although the other one has bob in it, too, and is found first
		t.Errorf("alice's with bob is %s, want %s", path, two)
	}
	if d := cmp.Diff([]string{three}, list(login(t, srv, "carol"))); d != "" {
		t.Errorf("carol's (-want +got):\n%s", d)
	}
}

func TestConversation_refusals(t *testing.T) {
	t.Parallel()
	world := queuptest.DefaultWorld()
	names := []string{}
	for i := range 11 {
		names = append(names, fmt.Sprintf("guest%d", i))
		world.Users = append(world.Users, queuptest.User{Name: names[i], Password: canary.Password})
	}
	srv := start(t, queuptest.WithWorld(world))
	alice, carol := login(t, srv, "alice"), login(t, srv, "carol")
	path := alice.talk("bob")
	for _, got := range []reply{
		carol.get(path),
		carol.post(path, url.Values{"message": {"hi"}}),
		carol.send(http.MethodPost, path+"/read", "", ""),
		alice.get("/message/6607f615293d0e00ffffffff"),
	} {
		got.refused(t, 404, shapeE1, "Conversation not found")
	}
	alice.post(path, url.Values{"message": {" "}}).refused(t, 400, shapeE1, "message is required")
	alice.post(path, url.Values{"message": {strings.Repeat("x", 10_001)}}).refused(t, 400, shapeE1, "message is too long")
	alice.post("/message", url.Values{"usersid[]": {"65b2a1c0d4e8b900ffffffff"}}).refused(t, 404, shapeE1, "User not found")
	alice.post("/message", url.Values{"usersid[]": {userID(alice, "alice")}}).refused(t, 400, shapeE1, "usersid must name one to ten others")
	eleven := url.Values{}
	for _, name := range names {
		eleven.Add("usersid[]", userID(alice, name))
	}
	alice.post("/message", eleven).refused(t, 400, shapeE1, "usersid must name one to ten others")
	if got := alice.talk(names[:10]...); got == path {
		t.Error("ten are not among themselves")
	}
	if got := as[wire.ConversationMessages](t, alice.get(path)); len(got) != 0 {
		t.Errorf("messages are %+v", got)
	}
}
