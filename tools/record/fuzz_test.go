package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/cassette"
)

// FuzzImportHAR imports what may be a HAR file, as import-har does. What comes of it can be played, holds no secret
// that was in it, and is still the same conversation after it was exported and imported again.
func FuzzImportHAR(f *testing.F) {
	f.Chdir("tools/record") // where the corpus is, and where the processes that try inputs have to begin; TestMain led away
	chrome, err := os.ReadFile("testdata/chrome.har")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(chrome)
	recorded, err := cassette.Read("../../cassettes/testdata", "ping")
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(toHAR(recorded))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	const entry = `{"log":{"entries":[{"startedDateTime":"2024-01-02T03:04:05.678Z","request":{"method":"POST","url":"https://api.queup.net/auth/login","headers":` +
		`[{"name":"Cookie","value":"connect.sid=canary-cookie"}],"postData":{"mimeType":"application/x-www-form-urlencoded","text":"username=bot&password=canary-password"}},` +
		`"response":{"status":200,"headers":[{"name":"Content-Type","value":"application/json"}],"content":{"text":"{\"code\":200,\"data\":{\"token\":\"canary-token\"}}"}}}`
	f.Add([]byte(entry + `]}}`))
	f.Add([]byte(entry + `,{"startedDateTime":"2024-01-02T03:04:06Z","_resourceType":"websocket","request":{"method":"GET","url":"wss://ws.queup.net/ws/?access_token=canary-token"},` +
		`"response":{"status":101},"_webSocketMessages":[{"type":"receive","time":1704164647.5,"opcode":1,"data":"0{}"},{"type":"send","time":1e300,"opcode":2,"data":"AA=="},` +
		`{"type":"send","time":-1,"opcode":9,"data":""}]}]}}`))
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"GET","url":"https://api.queup.net"},"response":{"status":0,"_error":"net::ERR"}}]}}`))
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"","url":"//ws.queup.net/%zz"},"response":{"status":-1,"content":{"encoding":"base64","text":"!"}}}]}}`))
	hosts := []string{"api.queup.net", "ws.queup.net", "queup.test"}
	f.Fuzz(func(t *testing.T, data []byte) {
		first := importAgain(t, data, hosts)
		if first == nil {
			return
		}
		text, err := json.Marshal(toHAR(first))
		if err != nil {
			t.Fatal(err)
		}
		second := importAgain(t, text, hosts)
		if second == nil {
			t.Fatalf("what was imported cannot be imported again: %s", text)
		}
		if len(first.HTTP) != len(second.HTTP) {
			t.Errorf("%d requests have become %d", len(first.HTTP), len(second.HTTP))
		}
		frames := func(recorded *cassette.Tape) (all []string) {
			for _, r := range recorded.Socket {
				if r.Frame() {
					all = append(all, r.Dir+string(r.Data))
				}
			}
			return all
		}
		if a, b := strings.Join(frames(first), "\n"), strings.Join(frames(second), "\n"); a != b {
			t.Errorf("the frames\n%s\nhave become\n%s", a, b)
		}
	})
}

// importAgain imports, unless that is refused, and wants what was written to be readable and without secrets.
func importAgain(t *testing.T, data []byte, hosts []string) *cassette.Tape {
	t.Helper()
	var har harFile
	if json.Unmarshal(data, &har) != nil {
		return nil
	}
	raw, _, err := har.tape(hosts)
	if err != nil {
		return nil
	}
	sealed, err := cassette.Seal(raw, cassette.NewRedactor(cassette.Rules{}))
	if err != nil {
		return nil // refused, which is always right
	}
	httpText, socketText, err := sealed.Encode()
	if err != nil {
		t.Fatalf("what was imported cannot be written: %v", err)
	}
	read, err := cassette.Parse(httpText, socketText)
	if err != nil {
		return nil // import-har writes nothing then
	}
	if twice, err := cassette.Seal(sealed, cassette.NewRedactor(cassette.Rules{})); err == nil && twice.Header.Redactions != nil {
		t.Errorf("what was imported held more: %v", twice.Header.Redactions)
	}
	for _, secret := range []string{"canary-password", "canary-cookie"} {
		if bytes.Count(data, []byte(secret)) == 1 && bytes.Contains(data, []byte("password="+secret+`"`)) && bytes.Contains(append(httpText, socketText...), []byte(secret)) {
			t.Errorf("%s is in the cassette", secret)
		}
	}
	return read
}
