package operations

import (
	"testing"

	"github.com/ogen-go/ogen"
	"gopkg.in/yaml.v3"
)

// ogen gets the Go type wherever an answer has an envelope of gen/wire, and is given the rest as it is.
func TestForOgen(t *testing.T) {
	spec := prepared(t, func(*yaml.Node) {})
	room, act := spec.Paths["/room"].Get.Responses, spec.Paths["/done"].Post.Responses
	schema := room["200"].Content["application/json"].Schema
	if got := schema.Common.Extensions["x-ogen-type"].Value; schema.Ref != "" || got != "github.com/queup-go/queup/gen/wire.RoomEnvelope" {
		t.Errorf("the answer of room is a %q, or refers to %q", got, schema.Ref)
	}
	if ref := act["200"].Content["application/json"].Schema.Ref; ref != "#/components/schemas/DoneEnvelope" {
		t.Errorf("the answer of act refers to %q", ref)
	}
	if room["default"] == nil {
		t.Error("the default response of room is lost")
	}
}

func TestDropDefaults(t *testing.T) {
	spec := prepared(t, dropDefaults)
	for path, responses := range map[string]ogen.Responses{"/room": spec.Paths["/room"].Get.Responses, "/done": spec.Paths["/done"].Post.Responses} {
		if responses["default"] != nil || responses["200"] == nil || len(responses) != 1 {
			t.Errorf("%s has the responses %v", path, responses)
		}
	}
}

// prepared returns withEnvelopes as ogen reads it, after a last change.
func prepared(t *testing.T, change func(*yaml.Node)) *ogen.Spec {
	t.Helper()
	document, err := forOgen([]byte(withEnvelopes), envelopesOf(parse(t, withEnvelopes)))
	if err != nil {
		t.Fatal(err)
	}
	change(document)
	text, err := yaml.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}
