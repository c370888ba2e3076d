//go:build browser

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/queup-go/queup/internal/testkit/browser"
)

// The page is opened as a file, as a reader does who has run `make docs`. `make browser` runs this.
func TestBrowser(t *testing.T) {
	file := filepath.Join(t.TempDir(), "index.html")
	if err := os.WriteFile(file, page(t), 0o600); err != nil {
		t.Fatal(err)
	}
	url := "file://" + file
	b := browser.Start(t, "../../internal/testkit/browser/chromium/look.js")
	screen := browser.View{Width: 1280, Height: 900}
	const visible = "[...document.querySelectorAll('article')].filter((e) => e.getClientRects().length > 0)"
	shown := func() (n int) {
		b.Evaluate(visible+".length", &n)
		return n
	}
	folder := os.Getenv("QUEUP_PICTURES")
	picture := func(name string) {
		if folder != "" {
			b.Screenshot(filepath.Join(folder, name), false)
		}
	}

	b.Open(url, screen)
	all := shown()
	if spec := specs(t); all != spec.CountOperations()+len(spec.Events)+len(spec.Types) {
		t.Errorf("%d entries are to be seen", all)
	}
	picture("docs.png")

	b.Type("#filter", "  MUTE   chat/mute ")
	if n := shown(); n != 2 {
		t.Errorf("the filter shows %d entries, want mute and unmute", n)
	}
	var count, hash string
	b.Evaluate("document.querySelector('#count').textContent", &count)
	b.Evaluate("location.hash", &hash)
	if count != fmt.Sprintf("2 of %d", all) || !strings.HasPrefix(hash, "#filter=") {
		t.Errorf("it counts %q and the address ends with %q", count, hash)
	}
	var listed int
	b.Evaluate("[...document.querySelectorAll('nav li')].filter((e) => e.getClientRects().length > 0).length", &listed)
	if listed != 2 {
		t.Errorf("the contents list %d entries", listed)
	}
	b.Type("#filter", "no such thing anywhere")
	var nothing bool
	b.Evaluate("document.getElementById('nothing').getClientRects().length > 0", &nothing)
	if n := shown(); n != 0 || !nothing {
		t.Errorf("for nothing it shows %d entries", n)
	}
	b.Type("#filter", "")
	if n := shown(); n != all {
		t.Errorf("without a filter %d entries are back", n)
	}

	// Links from outside: to a place, and to a filter.
	for _, id := range []string{"op-login", "event-chat-message", "event-user_update", "type-User"} {
		b.Open("about:blank", screen)
		b.Open(url+"#"+id, screen)
		var top float64
		b.Evaluate("document.getElementById('"+id+"').getBoundingClientRect().top", &top)
		if top < 40 || top > 200 {
			t.Errorf("#%s is at %v px", id, top)
		}
	}
	b.Open("about:blank", screen)
	b.Open(url+"#filter=user-kick%20reason", screen)
	if n := shown(); n != 1 {
		t.Errorf("a link to a filter shows %d entries", n)
	}
	// A link to what the filter hides shows it all the same.
	b.Evaluate("(location.hash = '#op-login', null)", nil)
	b.Wait("document.getElementById('op-login').getClientRects().length > 0")

	b.Open("about:blank", screen)
	b.Open(url+"#op-queueSong", browser.View{Width: 1280, Height: 900, Dark: true})
	b.Evaluate("(document.querySelector('#op-queueSong details').open = true, null)", nil)
	var dark string
	b.Evaluate("getComputedStyle(document.body).backgroundColor", &dark)
	if dark != "rgb(19, 21, 29)" {
		t.Errorf("in the dark it is %s", dark)
	}
	picture("docs-dark.png")
	b.Open("about:blank", screen)
	b.Open(url+"#event-chat-message", browser.View{Width: 400, Height: 800})
	var wider int
	b.Evaluate("document.documentElement.scrollWidth - innerWidth", &wider)
	if wider > 0 {
		t.Errorf("on a phone it is %d px too wide", wider)
	}
	picture("docs-narrow.png")

	report := b.Report()
	if len(report.Errors) > 0 {
		t.Errorf("the page complains: %q", report.Errors)
	}
	for _, request := range report.Requests {
		if request, _, _ := strings.Cut(request, "#"); request != url && request != "about:blank" {
			t.Errorf("the page asks for %s", request)
		}
	}
}
