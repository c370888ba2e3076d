package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/queup-go/queup/client"
)

// journal is the file of the plays, one JSON object a line, in the order they were read. It only grows, line by line, so the
// program may be killed at any time: at worst the last line is incomplete, and is cut off the next time. Only the positions of
// the plays are kept in memory.
type journal struct {
	file  *os.File
	size  int64
	where map[client.PlayID]place
}

type place struct {
	played int64 // in milliseconds since 1970
	offset int64
	length int
}

// openJournal opens a journal, or makes an empty one.
func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: f, where: make(map[client.PlayID]place)}
	if err := j.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return j, nil
}

// read reads the positions of the plays in the file.
func (j *journal) read() error {
	in := bufio.NewReaderSize(j.file, 1<<16)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // a line without a line break is incomplete
		}
		if err != nil {
			return err
		}
		var row playRow
		if err := json.Unmarshal(line, &row); err != nil || row.ID == "" {
			return fmt.Errorf("line %d is not a play; move the folder away to start again", n)
		}
		j.note(row, len(line))
	}
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	_, err := j.file.Seek(j.size, io.SeekStart)
	return err
}

func (j *journal) note(row playRow, length int) {
	j.where[row.ID] = place{client.Millis(row.PlayedAt), j.size, length}
	j.size += int64(length)
}

func (j *journal) len() int { return len(j.where) }

func (j *journal) has(id client.PlayID) bool {
	_, ok := j.where[id]
	return ok
}

// append writes a play at the end, at once, so that it is not lost if the program is killed.
func (j *journal) append(row playRow) error {
	line, err := json.Marshal(row)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if _, err := j.file.Write(line); err != nil {
		return err
	}
	j.note(row, len(line))
	return nil
}

func (j *journal) sync() error { return j.file.Sync() }

func (j *journal) close() error { return j.file.Close() }

// each goes over the plays, the newest first.
func (j *journal) each(use func(record) error) error {
	places := make([]place, 0, len(j.where))
	for _, p := range j.where {
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(b.played, a.played), cmp.Compare(a.offset, b.offset))
	})
	for _, p := range places {
		line := make([]byte, p.length)
		if _, err := j.file.ReadAt(line, p.offset); err != nil {
			return err
		}
		var row playRow
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		if err := use(row); err != nil {
			return err
		}
	}
	return nil
}
