package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/queup-go/queup/client"
)

// exporter saves a room into a folder.
type exporter struct {
	room   *client.Room
	folder string
	out    io.Writer
	bar    *progress
	plays  *journal
	state  state
}

// state is the progress that is needed to continue after an interruption, in state.json. The plays are in their journal.
type state struct {
	Room     client.RoomID   `json:"room"`
	Started  time.Time       `json:"started,omitzero"`  // of the unfinished run, zero if all are finished
	Done     map[string]bool `json:"done,omitempty"`    // the parts that run has saved
	Top      time.Time       `json:"top,omitzero"`      // no play is missing between this time and the oldest play in the journal
	Complete bool            `json:"complete,omitzero"` // the oldest in the journal is the oldest of the room
}

// open prepares a folder for the export of a room, or opens an earlier export.
func open(folder string, room *client.Room) (*exporter, error) {
	if err := os.MkdirAll(filepath.Join(folder, "playlists"), 0o755); err != nil {
		return nil, err
	}
	x := &exporter{room: room, folder: folder, out: io.Discard, bar: newProgress(io.Discard), state: state{Room: room.ID()}}
	text, err := os.ReadFile(x.path("state.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(text, &x.state); err != nil {
			return nil, fmt.Errorf("%s cannot be read, move the folder away to start again: %w", x.path("state.json"), err)
		}
	}
	if x.state.Room != room.ID() {
		return nil, fmt.Errorf("the folder %s holds another room, %s; name another one in QUEUP_EXPORT", folder, x.state.Room)
	}
	for _, half := range []string{x.path("*" + halfDone), x.path("playlists", "*"+halfDone)} { // of a run that was killed
		names, err := filepath.Glob(half)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if err := os.Remove(name); err != nil {
				return nil, err
			}
		}
	}
	x.plays, err = openJournal(x.path("history.jsonl"))
	return x, err
}

func (x *exporter) close() error { return x.plays.close() }

func (x *exporter) path(name ...string) string {
	return filepath.Join(append([]string{x.folder}, name...)...)
}

// done records that a part is saved.
func (x *exporter) done(part string) error {
	if x.state.Done == nil {
		x.state.Done = make(map[string]bool)
	}
	x.state.Done[part] = true
	return x.saveState()
}

func (x *exporter) saveState() error {
	if err := x.plays.sync(); err != nil {
		return err
	}
	return replace(x.path("state.json"), func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(x.state)
	})
}

// members saves a list of members.
func (x *exporter) members(ctx context.Context, name string, fetch func(context.Context) ([]client.Member, error)) error {
	list, err := fetch(ctx)
	if err != nil {
		return err
	}
	rows := make([]record, len(list))
	for i, m := range list {
		rows[i] = newMemberRow(m)
	}
	return x.write(name, name, memberColumns, rows)
}

func (x *exporter) audit(ctx context.Context) error {
	entries, err := x.room.AuditLog(ctx)
	if err != nil {
		return err
	}
	rows := make([]record, len(entries))
	for i, e := range entries {
		rows[i] = newAuditRow(e)
	}
	return x.write("audit", "audit", auditColumns, rows)
}

// playlists saves the account's own playlists, each in files of its own. It does not read a playlist again that was saved before
// an interruption.
func (x *exporter) playlists(ctx context.Context, bot *client.Client) error {
	if _, ok := bot.User(); !ok {
		return client.ErrNotLoggedIn
	}
	lists, err := bot.FetchPlaylists(ctx)
	if err != nil {
		return err
	}
	for i, list := range lists {
		part := "playlist " + string(list.ID)
		if x.state.Done[part] {
			continue
		}
		x.bar.begin(fmt.Sprintf("playlist %d of %d", i+1, len(lists)))
		var rows []record
		for song, err := range list.Songs(ctx, "") {
			if err != nil {
				return err
			}
			rows = append(rows, newEntryRow(song))
			x.bar.set(len(rows), float64(len(rows))/float64(max(list.SongCount, 1)))
		}
		x.bar.end()
		name := filepath.Join("playlists", fileName(list.Name)+"-"+fileName(string(list.ID)))
		if err := x.write("playlist", name, entryColumns, rows); err != nil {
			return err
		}
		if err := x.done(part); err != nil {
			return err
		}
	}
	return nil
}

// write saves rows in all formats and prints the result. Each file is replaced as a whole or stays as it was.
func (x *exporter) write(what, name string, columns []string, rows []record) error {
	each := func(use func(record) error) error {
		for _, row := range rows {
			if err := use(row); err != nil {
				return err
			}
		}
		return nil
	}
	if err := replace(x.path(name+".jsonl"), func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		return each(func(row record) error { return encoder.Encode(row) })
	}); err != nil {
		return err
	}
	count, err := x.tables(name, columns, each)
	if err != nil {
		return err
	}
	fmt.Fprintf(x.out, "%-10s %s in %s.*\n", what, count, filepath.ToSlash(name))
	return nil
}

// fileName returns a name for a file: letters, digits and underscores, not too many.
func fileName(name string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' {
			return r
		}
		return '-'
	}, strings.TrimSpace(name)))
	if len(runes) > 40 {
		runes = runes[:40]
	}
	return strings.Join(strings.FieldsFunc(string(runes), func(r rune) bool { return r == '-' }), "-")
}

// halfDone is the end of the name of a file that is being written.
const halfDone = ".part"

// replace writes a new file and replaces the old one when it is complete.
func replace(path string, write func(w io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*"+halfDone)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
