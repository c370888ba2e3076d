package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the driver; no C compiler is needed

	"github.com/queup-go/queup/client"
)

// store is the database. Every row has the id that QueUp gave it, so that an event that comes twice is stored once.
type store struct{ db *sql.DB }

const schema = `
CREATE TABLE IF NOT EXISTS users (
	id   TEXT PRIMARY KEY,
	name TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS plays (
	id       TEXT PRIMARY KEY,
	room     TEXT NOT NULL,
	song     TEXT NOT NULL,    -- the media
	title    TEXT NOT NULL,    -- empty for a deleted track
	dj       TEXT NOT NULL,    -- users.id
	played   INTEGER NOT NULL, -- when it started, in milliseconds since 1970
	length   INTEGER NOT NULL, -- in milliseconds
	updubs   INTEGER NOT NULL,
	downdubs INTEGER NOT NULL,
	grabs    INTEGER NOT NULL,
	skipped  INTEGER NOT NULL,
	over     INTEGER NOT NULL  -- 1: the score is the final one
);
CREATE INDEX IF NOT EXISTS plays_by_time ON plays (room, played);
CREATE TABLE IF NOT EXISTS votes (
	play TEXT NOT NULL,
	user TEXT NOT NULL,
	up   INTEGER NOT NULL,
	PRIMARY KEY (play, user)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rooms (
	id       TEXT PRIMARY KEY,
	complete INTEGER NOT NULL  -- no play is missing that started up to this time
);`

// openStore opens a database, and makes it if there is none.
func openStore(ctx context.Context, path string) (*store, error) {
	options := "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(5000)"
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+options)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	db.SetMaxOpenConns(1) // SQLite has one writer at a time anyway
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", path, err), db.Close())
	}
	return &store{db}, nil
}

func (s *store) Close() error { return s.db.Close() }

// A play that is over has its final score: earlier events do not change it any more. A known title stays, even if the media come
// late or not at all.
const savePlay = `
INSERT INTO plays (id, room, song, title, dj, played, length, updubs, downdubs, grabs, skipped, over)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
	title = CASE excluded.title WHEN '' THEN title ELSE excluded.title END,
	updubs = excluded.updubs, downdubs = excluded.downdubs, grabs = excluded.grabs,
	skipped = max(skipped, excluded.skipped), over = excluded.over
WHERE excluded.over >= over`

const saveUser = `INSERT INTO users (id, name) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE name <> excluded.name`

// save stores plays, all of them or none, and records the time up to which none is missing. A zero time leaves that as it is.
func (s *store) save(ctx context.Context, room client.RoomID, complete time.Time, songs ...client.Song) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("save plays: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit, and before it the error is known
	for _, song := range songs {
		if song.ID == "" {
			continue
		}
		info, _ := song.Info()
		if _, err := tx.ExecContext(ctx, savePlay, song.ID, room, song.SongID, info.Name, song.UserID, client.Millis(song.PlayedAt), song.Length.Milliseconds(),
			song.Updubs, song.Downdubs, song.Grabs, song.Skipped, !song.Active); err != nil {
			return fmt.Errorf("save play %s: %w", song.ID, err)
		}
		if user, ok := song.User(); ok && user.Username != "" {
			if _, err := tx.ExecContext(ctx, saveUser, user.ID, user.Username); err != nil {
				return fmt.Errorf("save user %s: %w", user.ID, err)
			}
		}
	}
	if !complete.IsZero() {
		if _, err := tx.ExecContext(ctx, `INSERT INTO rooms (id, complete) VALUES (?, ?)
			ON CONFLICT (id) DO UPDATE SET complete = max(complete, excluded.complete)`, room, client.Millis(complete)); err != nil {
			return fmt.Errorf("save plays: %w", err)
		}
	}
	return tx.Commit()
}

// saveUser stores the name of a user, which may have changed.
func (s *store) saveUser(ctx context.Context, user client.User) error {
	if user.ID == "" || user.Username == "" {
		return nil
	}
	if _, err := s.db.ExecContext(ctx, saveUser, user.ID, user.Username); err != nil {
		return fmt.Errorf("save user %s: %w", user.ID, err)
	}
	return nil
}

// saveVote stores a vote for or against a play. The last vote of each user counts.
func (s *store) saveVote(ctx context.Context, play client.PlayID, user client.UserID, up bool) error {
	if play == "" || user == "" {
		return nil
	}
	if _, err := s.db.ExecContext(ctx, `INSERT INTO votes (play, user, up) VALUES (?, ?, ?)
		ON CONFLICT (play, user) DO UPDATE SET up = excluded.up`, play, user, up); err != nil {
		return fmt.Errorf("save vote on %s: %w", play, err)
	}
	return nil
}

// saveScore stores the score of the current play.
func (s *store) saveScore(ctx context.Context, song client.Song) error {
	if _, err := s.db.ExecContext(ctx, `UPDATE plays SET updubs = ?, downdubs = ?, grabs = max(grabs, ?) WHERE id = ? AND over = 0`,
		song.Updubs, song.Downdubs, song.Grabs, song.ID); err != nil {
		return fmt.Errorf("save score of %s: %w", song.ID, err)
	}
	return nil
}

// complete returns the time up to which no play of a room is missing, and false for a new room.
func (s *store) complete(ctx context.Context, room client.RoomID) (time.Time, bool, error) {
	var ms int64
	err := s.db.QueryRowContext(ctx, `SELECT complete FROM rooms WHERE id = ?`, room).Scan(&ms)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, false, nil
	}
	return client.TimeFromMillis(ms), err == nil, err
}

// topSong is a song with all its plays together.
type topSong struct {
	title        string
	plays, score int64
}

// top returns the songs with the most votes.
func (s *store) top(ctx context.Context, room client.RoomID, limit int) ([]topSong, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT max(title), count(*), sum(updubs - downdubs) AS score FROM plays
		WHERE room = ? AND title <> '' GROUP BY song ORDER BY score DESC, count(*) DESC, max(title) LIMIT ?`, room, limit)
	if err != nil {
		return nil, fmt.Errorf("top songs: %w", err)
	}
	defer rows.Close()
	var songs []topSong
	for rows.Next() {
		var t topSong
		if err := rows.Scan(&t.title, &t.plays, &t.score); err != nil {
			return nil, fmt.Errorf("top songs: %w", err)
		}
		songs = append(songs, t)
	}
	return songs, rows.Err()
}

// lastPlay is a play that is over.
type lastPlay struct {
	title, dj string
	played    time.Time
	score     int64
}

// last returns the latest play that is over, of all or of those with a text in their title, and false if there is none.
func (s *store) last(ctx context.Context, room client.RoomID, text string) (lastPlay, bool, error) {
	var p lastPlay
	var ms int64
	err := s.db.QueryRowContext(ctx, `SELECT title, coalesce(users.name, ''), played, updubs - downdubs FROM plays LEFT JOIN users ON users.id = dj
		WHERE room = ? AND over AND title <> '' AND instr(lower(title), lower(?)) > 0 ORDER BY played DESC LIMIT 1`, room, text).
		Scan(&p.title, &p.dj, &ms, &p.score)
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	}
	p.played = client.TimeFromMillis(ms)
	return p, err == nil, err
}

// counts returns how much is in the database.
func (s *store) counts(ctx context.Context) (plays, votes, users int, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM plays), (SELECT count(*) FROM votes), (SELECT count(*) FROM users)`).
		Scan(&plays, &votes, &users)
	return plays, votes, users, err
}
