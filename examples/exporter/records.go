package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/queup-go/queup/client"
)

// A record is one line of each file.
type record interface {
	cells() []string
	link() (url string, is bool) // the song's address; is false for a record that is not a song
}

// media are the columns of a song, empty for one that QueUp has lost.
type media struct {
	Title    string          `json:"title"`
	Provider client.Provider `json:"provider"`
	MediaID  string          `json:"mediaId"`
	URL      string          `json:"url"`
	Seconds  int64           `json:"seconds"`
	Deleted  bool            `json:"deleted"`
}

// newMedia marks a track as deleted if QueUp does not name its site. A track of an unknown site is not deleted.
func newMedia(info client.SongInfo, length time.Duration) media {
	if length == 0 {
		length = info.Length
	}
	return media{info.Name, info.Provider, info.MediaID, info.URL(), int64(length / time.Second), info.Provider == "" || info.MediaID == ""}
}

var mediaColumns = []string{"title", "provider", "media_id", "url", "seconds", "deleted"}

func (m media) cells() []string {
	return []string{m.Title, string(m.Provider), m.MediaID, m.URL, number(m.Seconds), strconv.FormatBool(m.Deleted)}
}

func (m media) link() (string, bool) { return m.URL, true }

// playRow is a play of the history.
type playRow struct {
	ID       client.PlayID `json:"id"`
	PlayedAt time.Time     `json:"playedAt,omitzero"`
	media
	DJ       string        `json:"dj"`
	DJID     client.UserID `json:"djId"`
	Updubs   int64         `json:"updubs"`
	Downdubs int64         `json:"downdubs"`
	Grabs    int64         `json:"grabs"`
	Skipped  bool          `json:"skipped"`
}

var playColumns = append(append([]string{"id", "played_at"}, mediaColumns...), "dj", "dj_id", "updubs", "downdubs", "grabs", "skipped")

func newPlayRow(s client.Song) playRow {
	info, _ := s.Info()
	user, _ := s.User()
	return playRow{s.ID, s.PlayedAt, newMedia(info, s.Length), user.Username, s.UserID, s.Updubs, s.Downdubs, s.Grabs, s.Skipped}
}

func (r playRow) cells() []string {
	return append(append([]string{string(r.ID), when(r.PlayedAt)}, r.media.cells()...),
		r.DJ, string(r.DJID), number(r.Updubs), number(r.Downdubs), number(r.Grabs), strconv.FormatBool(r.Skipped))
}

// entryRow is an entry of a playlist.
type entryRow struct {
	ID      client.PlaylistSongID `json:"id"`
	AddedAt time.Time             `json:"addedAt,omitzero"`
	media
}

var entryColumns = append([]string{"id", "added_at"}, mediaColumns...)

func newEntryRow(s client.PlaylistSong) entryRow {
	info, _ := s.Info()
	return entryRow{s.ID, s.AddedAt, newMedia(info, 0)}
}

func (r entryRow) cells() []string {
	return append([]string{string(r.ID), when(r.AddedAt)}, r.media.cells()...)
}

// memberRow is a member of the staff or a banned user.
type memberRow struct {
	UserID      client.UserID `json:"userId"`
	Username    string        `json:"username"`
	Roles       []string      `json:"roles,omitempty"`
	Dubs        int64         `json:"dubs"`
	Played      int64         `json:"played"`
	BannedAt    time.Time     `json:"bannedAt,omitzero"`
	BannedUntil time.Time     `json:"bannedUntil,omitzero"` // zero beside BannedAt: for good
}

var memberColumns = []string{"user_id", "username", "roles", "dubs", "played", "banned_at", "banned_until"}

func newMemberRow(m client.Member) memberRow {
	user, _ := m.User()
	row := memberRow{UserID: m.UserID, Username: user.Username, Dubs: m.Dubs, Played: m.Played, BannedAt: m.BannedAt, BannedUntil: m.BannedUntil}
	for _, role := range m.Roles() {
		row.Roles = append(row.Roles, role.Label)
	}
	return row
}

func (r memberRow) cells() []string {
	return []string{string(r.UserID), r.Username, strings.Join(r.Roles, ", "), number(r.Dubs), number(r.Played), when(r.BannedAt), when(r.BannedUntil)}
}

func (r memberRow) link() (string, bool) { return "", false }

// auditRow is an act of moderation.
type auditRow struct {
	At      time.Time     `json:"at,omitzero"`
	Type    string        `json:"type"`
	By      string        `json:"by"`
	ByID    client.UserID `json:"byId,omitempty"`
	User    string        `json:"user,omitempty"`
	UserID  client.UserID `json:"userId,omitempty"`
	Seconds int64         `json:"seconds,omitempty"`
}

var auditColumns = []string{"at", "type", "by", "by_id", "user", "user_id", "seconds"}

func newAuditRow(e client.AuditEntry) auditRow {
	return auditRow{e.At, e.Type, e.By.Username, e.By.ID, e.User.Username, e.User.ID, int64(e.Duration / time.Second)}
}

func (r auditRow) cells() []string {
	return []string{when(r.At), r.Type, r.By, string(r.ByID), r.User, string(r.UserID), number(r.Seconds)}
}

func (r auditRow) link() (string, bool) { return "", false }

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

var isNumber = regexp.MustCompile(`^-?\d+$`)

// safe returns a cell that no spreadsheet takes for a formula. Anybody can call a song =HYPERLINK(…), and the spreadsheet would run
// it. Such a cell gets an apostrophe first. Control characters except line breaks are dropped.
func safe(cell string) string {
	cell = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, cell)
	first := strings.TrimLeftFunc(cell, unicode.IsSpace)
	if strings.HasPrefix(cell, "\n") || strings.IndexAny(first, "=+-@＝＋－＠|%") == 0 && !isNumber.MatchString(cell) {
		return "'" + cell
	}
	return cell
}

// counts are the figures of a file.
type counts struct{ rows, songs, deleted int }

// String returns the figures in words.
func (c counts) String() string {
	if c.deleted > 0 {
		return fmt.Sprintf("%s, %d of them deleted tracks,", rows(c.rows), c.deleted)
	}
	return rows(c.rows)
}

func rows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// tables saves rows as CSV, and as a list of links if they are songs. It may call each twice.
func (x *exporter) tables(name string, columns []string, each func(use func(record) error) error) (counts, error) {
	var n counts
	err := replace(x.path(name+".csv"), func(w io.Writer) error {
		table := csv.NewWriter(w)
		err := table.Write(columns)
		if err == nil {
			err = each(func(row record) error {
				n.rows++
				if link, is := row.link(); is {
					n.songs++
					if link == "" {
						n.deleted++
					}
				}
				cells := row.cells()
				for i := range cells {
					cells[i] = safe(cells[i])
				}
				return table.Write(cells)
			})
		}
		table.Flush()
		return errors.Join(err, table.Error())
	})
	if err != nil || n.songs == 0 {
		return n, err
	}
	return n, replace(x.path(name+"-links.txt"), func(w io.Writer) error {
		list := bufio.NewWriter(w)
		listed := make(map[string]bool)
		err := each(func(row record) error {
			link, _ := row.link()
			if link == "" || listed[link] {
				return nil
			}
			listed[link] = true
			_, err := fmt.Fprintln(list, link)
			return err
		})
		return errors.Join(err, list.Flush())
	})
}
