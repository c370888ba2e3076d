package cassette

import "testing"

// Of records that differ in the same fields, the nearest is the one whose text differs least.
func TestNearest_byText(t *testing.T) {
	t.Parallel()
	say := func(text string) Identity {
		return Identity{Lane: "POST /chat/1", Fields: map[string]string{"body.message": text, "body.type": "chat-message"}}
	}
	recorded := []Identity{say("welcome, alice"), say("the song is over"), say("Pong!"), {Lane: "POST /chat/1"}, {Lane: "GET /chat/1"}}
	for text, want := range map[string]int{"Pang!": 2, "welcome, bob": 0, "the song was over": 1} {
		if got := Nearest(say(text), recorded); got != want {
			t.Errorf("nearest to %q is %v, want %v", text, recorded[got], recorded[want])
		}
	}
}
