//go:build browser

package main

import (
	"path/filepath"
	"testing"

	"github.com/queup-go/queup/internal/testkit/browser"
	"github.com/queup-go/queup/queuptest"
)

// What a browser of today records can be imported, not only the file in testdata.
func TestBrowser_importHAR(t *testing.T) {
	server := queuptest.NewServer()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "room.har")
	browser.RecordHAR(t, "internal/testkit/browser/chromium/har.js", server.URL(), file)
	checkPlaywright(t, file, "har-secret-")
}
