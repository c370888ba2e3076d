package client_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
)

func TestSecret_isNotShown(t *testing.T) {
	const password = "K4nari-Vogel-im-Keller"
	bird := canary.New("password", password)
	settings := client.RoomSettings{Name: "Cellar", Password: password}
	for name, v := range map[string]any{
		"secret": client.Secret(password), "settings": settings, "pointer": &settings, "list": []client.Secret{password},
		"inside": struct{ Settings client.RoomSettings }{settings},
	} {
		if form, found := bird.Find(canary.Spell(v)); found {
			t.Errorf("%s shows it (as %s)", name, form)
		}
	}
	for format, want := range map[string]string{"%v": "***", "%+v": "***", "%#v": `"***"`, "%s": "***", "%q": `"***"`, "%x": "***"} {
		if got := fmt.Sprintf(format, client.Secret(password)); got != want {
			t.Errorf("%s: %s, want %s", format, got, want)
		}
	}
	if got := fmt.Sprintf("%v %q", client.Secret(""), client.Secret("")); got != ` ""` {
		t.Errorf("none: %s", got)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("set", "password", settings.Password, "settings", settings)
	if form, found := bird.Find(log.String()); found || !bytes.Contains(log.Bytes(), []byte(`"password":"***"`)) {
		t.Errorf("slog shows it (as %q), or no mask", form)
	}
}

// What was written with a mask does not come back as a password.
func TestSecret_readsWhatIsThere(t *testing.T) {
	var read client.RoomSettings
	if err := json.Unmarshal([]byte(`{"Name":"Cellar","Password":"swordfish"}`), &read); err != nil || string(read.Password) != "swordfish" {
		t.Fatalf("not read: %v", err)
	}
	written, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	var again client.RoomSettings
	if err := json.Unmarshal(written, &again); err != nil {
		t.Fatal(err)
	}
	bot, err := client.New()
	if err != nil {
		t.Fatal(err)
	}
	defer bot.Close()
	again.MaxSongLength, again.MaxQueue = 10*60e9, 10
	_, err = bot.CreateRoom(t.Context(), again)
	if wrong, ok := errors.AsType[*client.ArgumentError](err); !ok || wrong.Argument != "Password" {
		t.Errorf("a mask is taken for a password: %v", err)
	}
}
