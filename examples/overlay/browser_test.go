//go:build browser

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queup-go/queup/internal/testkit/browser"
	"github.com/queup-go/queup/queuptest"
)

// These tests look at the page with a headless Chromium; `make browser` runs them.

// pictures, in the environment, names a folder for a screenshot of the page: see the Makefile, target pictures.
const pictures = "QUEUP_PICTURES"

// One browser looks at all of them: it takes some seconds to start.
func TestBrowser(t *testing.T) {
	b := browser.Start(t, "../../internal/testkit/browser/chromium/look.js")
	for name, test := range map[string]func(*testing.T, *browser.Browser){
		"shows the room": showsTheRoom, "text is harmless": textIsHarmless, "comes back": comesBack,
		"obeys its address": obeysItsAddress, "picture": takesPicture,
	} {
		t.Run(name, func(t *testing.T) {
			b := b.For(t)
			test(t, b)
			b.Open("about:blank", wide) // the next one has another server
			b.Report()
		})
	}
}

var wide = browser.View{Width: 1280, Height: 720}

// clean fails the test if the page complained, or asked for anything that is not the overlay's.
func (o *shown) clean(t *testing.T, b *browser.Browser) {
	t.Helper()
	report := b.Report()
	if len(report.Errors) > 0 {
		t.Errorf("the page complains: %q", report.Errors)
	}
	if len(report.Requests) == 0 {
		t.Error("the page asked for nothing, not even itself")
	}
	for _, url := range report.Requests {
		if !strings.HasPrefix(url, o.address) {
			t.Errorf("the page asks for %s", url)
		}
	}
}

// text reads what stands in the elements that a selector finds.
func text(b *browser.Browser, selector string) (texts []string) {
	b.Evaluate("[...document.querySelectorAll('"+selector+"')].map((e) => e.innerText.replaceAll(/\\s+/g, ' ').trim())", &texts)
	return texts
}

func showsTheRoom(t *testing.T, b *browser.Browser) {
	o := show(t, asBot)
	o.lounge.Say("alice", "before")
	o.lounge.Vote("bob", true)
	b.Open(o.address, wide)
	b.Wait("document.querySelector('#up').textContent === '1' && document.querySelectorAll('#lines li').length === 1")
	for selector, want := range map[string][]string{
		"#title": {"Slow Tide"}, "#artist": {"Paper Lanterns"}, "#by": {"queued by alice"}, "#up": {"1"}, "#down": {"0"},
		"#lines li": {"alicebefore"}, "#name": {"The Lounge"}, "#people": {"· 5 here"},
		"#entries .name": {"Corner Shop · Nine & Dime", `"Dust" (Live) · The Attic`}, "#entries b": {"bob", "carol"},
	} {
		if got := text(b, selector); !slices.Equal(got, want) {
			t.Errorf("%s reads %q, want %q", selector, got, want)
		}
	}
	o.lounge.Say("bob", "after")
	b.Wait("document.querySelector('#lines li:last-child').innerText.includes('after')")
	o.lounge.Vote("carol", false)
	b.Wait("document.querySelector('#down').textContent === '1'")
	var from, to float64
	const width = "parseFloat(document.querySelector('#bar').style.width)"
	b.Evaluate(width, &from)
	b.Evaluate("new Promise((done) => setTimeout(() => done("+width+"), 1500))", &to)
	if moved := (to - from) / 100 * 180; moved < 1 || moved > 10 {
		t.Errorf("the bar moved by %.1f s in 1.5 s", moved)
	}
	o.lounge.Skip("mod")
	b.Wait("document.querySelector('#title').textContent === 'Corner Shop'")
	var background string
	b.Evaluate("getComputedStyle(document.body).backgroundColor + getComputedStyle(document.documentElement).backgroundColor", &background)
	if background != "rgba(0, 0, 0, 0)rgba(0, 0, 0, 0)" {
		t.Errorf("the page covers the stream: %s", background)
	}
	o.clean(t, b)
}

// Whatever people write, in chat and titles and the name of a room, is shown and never done.
func textIsHarmless(t *testing.T, b *browser.Browser) {
	const (
		script = `<script>window.pwned = true</script>`
		image  = `<img src=x onerror="window.pwned = true">`
	)
	world := queuptest.DefaultWorld()
	world.Rooms[0].Name = image
	world.Rooms[0].Songs[0].Name = image + " - " + script
	world.Rooms[0].Songs[1].Name = script + " - " + image
	o := show(t, asBot, queuptest.WithWorld(world))
	b.Open(o.address, wide)
	o.lounge.Say("alice", script)
	o.lounge.Say("bob", image)
	o.lounge.Say("carol", "/me "+image+` <svg onload="window.pwned = true"> </ol></body>`)
	b.Wait("document.querySelectorAll('#lines li').length === 3")
	for selector, want := range map[string]string{"#title": script, "#artist": image, "#name": image, "#entries .name": script, "#lines li": script} {
		if got := text(b, selector); len(got) == 0 || !strings.Contains(got[0], want) {
			t.Errorf("%s reads %q, want %q", selector, got, want)
		}
	}
	var done struct {
		Pwned    bool `json:"pwned"`
		Elements int  `json:"elements"`
	}
	b.Evaluate("({pwned: Boolean(window.pwned), elements: document.querySelectorAll('main script, main img, #chat svg, #entries svg').length})", &done)
	if done.Pwned || done.Elements > 0 {
		t.Errorf("what was written became %+v", done)
	}
	o.clean(t, b)
}

// The program ends and starts again, at the same address: the page is back by itself.
func comesBack(t *testing.T, b *browser.Browser) {
	o := show(t, asBot)
	b.Open(o.address, wide)
	b.Wait("document.querySelector('#title').textContent === 'Slow Tide'")
	o.clean(t, b)
	address := strings.TrimSuffix(strings.TrimPrefix(o.address, "http://"), "/")
	o.stop()
	if err := <-o.ended; err != nil {
		t.Fatal(err)
	}
	b.Wait("document.body.classList.contains('lost')")
	o.lounge.Say("alice", "nobody hears this")
	o.lounge.Skip("mod")
	time.Sleep(2 * time.Second) // the page meets a closed port meanwhile
	o.start(t, asBot, address)
	b.Wait("!document.body.classList.contains('lost') && document.querySelector('#title').textContent === 'Corner Shop'")
	if lines := text(b, "#lines li"); !slices.Equal(lines, []string{"alicenobody hears this"}) {
		t.Errorf("the chat reads %q", lines)
	}
}

func obeysItsAddress(t *testing.T, b *browser.Browser) {
	o := show(t, asBot)
	o.lounge.Say("alice", "hello")
	tests := map[string]string{ // what is visible
		"":                           "now queue chat",
		"?show=now":                  "now",
		"?show=chat":                 "chat",
		"?show=queue,now":            "now queue",
		"?show=nothing":              "now queue chat",
		"?scale=2&accent=ff5c8a":     "now queue chat",
		"?accent=red;}&scale=100000": "now queue chat",
	}
	for query, want := range tests {
		b.Open(o.address+query, wide)
		b.Wait("!document.body.classList.contains('waiting')")
		var visible string
		b.Evaluate("['now', 'queue', 'chat'].filter((id) => document.getElementById(id).getClientRects().length > 0).join(' ')", &visible)
		if visible != want {
			t.Errorf("%s shows %q, want %q", query, visible, want)
		}
		var outside int
		b.Evaluate("[...document.querySelectorAll('#now, #queue, #room')].filter((e) => e.getBoundingClientRect().right > innerWidth).length", &outside)
		if outside > 0 {
			t.Errorf("%s: something is outside of the page", query)
		}
	}
	for query, want := range map[string]string{"?accent=ff5c8a": "#ff5c8a", "?accent=red": "#7c5cff", "": "#7c5cff"} {
		b.Open(o.address+query, wide)
		var accent string
		b.Evaluate("getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()", &accent)
		if accent != want {
			t.Errorf("%s has the accent %s, want %s", query, accent, want)
		}
	}
}

// evening is a room that is worth a picture.
func evening() queuptest.Option {
	world := queuptest.DefaultWorld()
	lounge := &world.Rooms[0]
	lounge.Songs = append(lounge.Songs,
		queuptest.Song{By: "mod", Name: "Velvet Harbour - Nightswimmer (Extended Mix)", Length: 6*time.Minute + 12*time.Second},
		queuptest.Song{By: "owner", Name: "Static Bloom - Paper Moon", Length: 3*time.Minute + 48*time.Second},
	)
	return queuptest.WithWorld(world)
}

func takesPicture(t *testing.T, b *browser.Browser) {
	o := show(t, asBot, evening())
	for _, said := range [][2]string{
		{"mod", "welcome to the stream, everybody 👋"},
		{"carol", "o/ good to be back"},
		{"bob", "what a tune"},
		{"alice", "thank you! I have been waiting all day to play this one"},
		{"carol", "/me turns it up 🔊"},
		{"owner", "queue is open, bring something slow"},
		{"bob", "<script>alert('nice try')</script>"},
		{"mod", "これはいい曲ですね"},
		{"carol", "@bob that's only text in here, sorry :)"},
		{"bob", "❤️ had to try"},
		{"alice", "who's next?"},
	} {
		o.lounge.Say(said[0], said[1])
	}
	for _, name := range []string{"bob", "carol", "mod", "owner"} {
		o.lounge.Vote(name, true)
	}
	o.lounge.Grab("carol")
	o.lounge.Grab("mod")
	b.Open(o.address+"?backdrop", browser.View{Width: 1280, Height: 720})
	b.Wait("document.querySelector('#up').textContent === '4' && document.querySelector('#grabs').textContent === '2'")
	b.Wait("document.getAnimations().every((a) => a.animationName === 'beat')") // all others are over
	folder := os.Getenv(pictures)
	if folder == "" {
		folder = t.TempDir()
	}
	file := filepath.Join(folder, "overlay.png")
	b.Screenshot(file, false)
	if info, err := os.Stat(file); err != nil || info.Size() < 20_000 || info.Size() > 600_000 {
		t.Errorf("the screenshot is %v, %v", info, err)
	}
	o.clean(t, b)
}
