package cassette

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
)

// ErrHalf is the error for two files that were not written together, and for a file that was cut.
var ErrHalf = errors.New("the two files of the recording do not belong together, or one was cut; restore both or record it again")

// pairLine is the last line of the HTTP half. It is a comment, for readers of go-vcr's format.
var pairLine = regexp.MustCompile(`\n# pair ([0-9a-f]+)[ \t\r\n]*$`)

// pairID returns what names two halves that were written together. The same recording has the same one.
func pairID(http, socket []byte) string {
	h := sha256.New()
	h.Write(http)
	h.Write([]byte{0})
	h.Write(socket)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// checkPair checks that both halves were written together, and that none was cut. Recordings without a pair in their header are
// older, and not checked.
func (t *Tape) checkPair(http []byte) error {
	h := t.Header
	m := pairLine.FindSubmatch(http)
	switch {
	case h.Pair == "" && m == nil:
		return nil
	case m == nil:
		return fmt.Errorf("%w: the HTTP half has no last line # pair %s", ErrHalf, h.Pair)
	case string(m[1]) != h.Pair:
		return fmt.Errorf("%w: the HTTP half is of the pair %s, the websocket's of %q", ErrHalf, m[1], h.Pair)
	case len(t.HTTP) != h.Requests:
		return fmt.Errorf("%w: there are %d requests, and the header says %d", ErrHalf, len(t.HTTP), h.Requests)
	case len(t.Socket) != h.Records:
		return fmt.Errorf("%w: there are %d records of the websocket, and the header says %d", ErrHalf, len(t.Socket), h.Records)
	}
	return nil
}

// replace renames the temporary files to the final names: both, or neither. A file that is replaced is kept until both are.
func replace(files []string, tmp map[string]string) (err error) {
	old := make(map[string][]byte, len(files))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err == nil {
			old[file] = append([]byte{}, b...)
		}
	}
	for i, file := range files {
		if err = os.Rename(tmp[file], file); err == nil {
			continue
		}
		for _, done := range files[:i] {
			if b, existed := old[done]; existed {
				err = errors.Join(err, restore(done, b))
			} else {
				err = errors.Join(err, os.Remove(done))
			}
		}
		return err
	}
	return nil
}

// restore writes a file as it was, unless it is so already.
func restore(file string, b []byte) error {
	if now, err := os.ReadFile(file); err == nil && bytes.Equal(now, b) {
		return nil
	}
	tmp, err := writeTemp(file, b)
	if err != nil {
		return err
	}
	return os.Rename(tmp, file)
}
