package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/queup-go/queup/internal/cassette"
	"github.com/queup-go/queup/internal/printable"
)

// lint looks for secrets in the cassettes that are named, and in all below the folders. It also looks for the secrets of the
// environment.
func (p *program) lint(_ context.Context, flags *flag.FlagSet, args []string) error {
	upgrade := flags.Bool("upgrade", false, "write cassettes of an older version of the format anew")
	names, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	var secrets []string
	for _, name := range []string{"QUEUP_EMAIL", "QUEUP_PASSWORD"} {
		if s := p.getenv(name); len(s) >= 4 {
			secrets = append(secrets, s)
		}
	}
	count, bad := 0, 0
	complain := func(format string, args ...any) {
		bad++
		fmt.Fprintln(p.stderr, printable.Text(fmt.Sprintf(format, args...)))
	}
	for _, name := range names {
		found, halves, err := named(name)
		if err != nil {
			return err
		}
		for _, at := range halves {
			complain("%s: one of its two files is missing", at)
		}
		for _, at := range found {
			count++
			p.step("lint %s", at)
			leaks, err := cassette.Lint(at.dir, at.name, secrets...)
			if err != nil {
				complain("%v", err)
				continue
			}
			for _, leak := range leaks {
				complain("%v", leak)
			}
			if err := p.upgrade(at, *upgrade && len(leaks) == 0); err != nil {
				complain("%s: %v", at, err)
			}
		}
	}
	p.step("")
	if bad > 0 {
		fmt.Fprintf(p.stderr, "record lint: %d found in %d cassettes: take them out before anything is committed, or record anew\n", bad, count)
		return errFound
	}
	if count == 0 {
		return fmt.Errorf("there are no cassettes below %s", strings.Join(names, ", "))
	}
	what := "cassettes"
	if count == 1 {
		what = "cassette"
	}
	fmt.Fprintf(p.stdout, "%d %s: no known secrets\n", count, what)
	return nil
}

// upgrade writes an older cassette anew if it shall, and says so.
func (p *program) upgrade(at place, shall bool) error {
	t, err := cassette.Read(at.dir, at.name)
	if err != nil || !t.Upgrade() || !shall {
		return err
	}
	from := t.Header.Version
	if t, err = t.Upgraded(); err != nil {
		return err
	}
	if err := cassette.Write(at.dir, at.name, t); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s: version %s is now %s\n", at, from, t.Header.Version)
	return nil
}

// step shows what is done now, in a line that the next one replaces; an empty one ends it.
func (p *program) step(format string, args ...any) {
	if p.progress {
		fmt.Fprint(p.stderr, "\r\x1b[K"+fmt.Sprintf(format, args...))
	}
}

func (p *program) show(_ context.Context, flags *flag.FlagSet, args []string) error {
	width := flags.Int("width", 0, "cut lines after so many `columns`; 0 cuts none")
	half := flags.Bool("half", false, "show one of the two files without the other, as git does with textconv")
	names, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return usagef("which cassette?")
	}
	get := read
	if *half {
		get = cassette.ReadHalf
	}
	if *width < 0 {
		return usagef("a width of %d", *width)
	}
	for _, name := range names {
		t, err := get(name)
		if err != nil {
			return err
		}
		if err := cassette.Show(p.stdout, t, p.colour, *width); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) diff(_ context.Context, flags *flag.FlagSet, args []string) error {
	names, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(names) != 2 {
		return usagef("it takes two cassettes")
	}
	a, err := read(names[0])
	if err != nil {
		return err
	}
	b, err := read(names[1])
	if err != nil {
		return err
	}
	lines := cassette.Diff(a, b)
	var out bytes.Buffer
	for _, line := range lines {
		switch {
		case !p.colour:
			fmt.Fprintln(&out, line)
		case strings.HasPrefix(line, " "):
			fmt.Fprintf(&out, "\x1b[2m%s\x1b[0m\n", line)
		case strings.HasPrefix(line, "-"):
			fmt.Fprintf(&out, "\x1b[31m%s\x1b[0m\n", line)
		default:
			fmt.Fprintf(&out, "\x1b[32m%s\x1b[0m\n", line)
		}
	}
	if _, err := p.stdout.Write(out.Bytes()); err != nil {
		return err
	}
	if len(lines) > 0 {
		return errFound
	}
	return nil
}

// counted is what stat says of a cassette.
type counted struct {
	Cassette string    `json:"cassette"`
	Version  string    `json:"version"`
	Date     time.Time `json:"date,omitzero"`
	Bytes    int64     `json:"bytes"`
	cassette.Stat
}

func (p *program) stat(_ context.Context, flags *flag.FlagSet, args []string) error {
	asJSON := flags.Bool("json", false, "print a line of JSON for each, with statuses and events")
	names, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	var all []counted
	for _, name := range names {
		places, _, err := named(name)
		if err != nil {
			return err
		}
		for _, at := range places {
			c, err := count(at)
			if err != nil {
				return err
			}
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("there are no cassettes below %s", strings.Join(names, ", "))
	}
	if *asJSON {
		for _, c := range all {
			if err := json.NewEncoder(p.stdout).Encode(c); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "cassette\tsource\tdate\trequests\tconnections\tin\tout\tevents\tlasts\tbytes")
	for _, c := range all {
		events := 0
		for n := range maps.Values(c.Events) {
			events += n
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d of %d kinds\t%v\t%d\n", c.Cassette, c.Source, day(c.Date), c.Requests,
			c.Connections, c.In, c.Out, events, len(c.Events), (time.Duration(c.Duration) * time.Millisecond).Round(time.Second), c.Bytes)
	}
	return w.Flush()
}

func count(at place) (counted, error) {
	t, err := cassette.Read(at.dir, at.name)
	if err != nil {
		return counted{}, err
	}
	c := counted{Cassette: at.String(), Version: t.Header.Version, Date: t.Header.Date, Stat: t.Count()}
	httpFile, socketFile := cassette.Files(at.dir, at.name)
	var errs []error
	for _, file := range []string{httpFile, socketFile} {
		info, err := os.Stat(file)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c.Bytes += info.Size()
	}
	return c, errors.Join(errs...)
}

// day is the date of a recording; the first ones had none.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.DateOnly)
}
