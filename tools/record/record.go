package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/scenario"
)

// patience is how long a scenario may take on the live service.
const patience = 10 * time.Minute

// record makes cassettes. From queuptest they are the library's own, in virtual time, which only tests have; so the
// test of the scenarios makes them. From the live service it is done here.
func (p *program) record(ctx context.Context, flags *flag.FlagSet, args []string) error {
	from := flags.String("from", "queuptest", "`source`: queuptest, for the library's own cassettes, or live, with QUEUP_EMAIL, QUEUP_PASSWORD and QUEUP_ROOM")
	dir := flags.String("dir", "testdata", "`folder` for what is recorded live; from queuptest it is "+own)
	yes := flags.Bool("yes", false, "act on the live account without asking")
	anonymous := flags.Bool("anonymous", true, "take the names, ids and pictures of people out of what is recorded live")
	list := flags.Bool("list", false, "list the scenarios and do nothing")
	names, err := parse(flags, args)
	if err != nil {
		return err
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	switch {
	case *list:
		for _, sc := range chosen {
			where := "queuptest"
			if len(sc.Live) > 0 {
				where = "queuptest, live"
			}
			fmt.Fprintf(p.stdout, "%-18s %-15s  %s\n", sc.Name, where, sc.About)
		}
		return nil
	case *from == "queuptest":
		return p.recordOwn(ctx, chosen)
	case *from != "live":
		return usagef("the source %q is neither queuptest nor live", *from)
	case len(names) == 0:
		return usagef("name the scenarios to record live; -list lists them")
	}
	return p.recordLive(ctx, chosen, *dir, *yes, *anonymous)
}

// choose returns the scenarios of these names, or all.
func choose(names []string) ([]scenario.Scenario, error) {
	all := scenario.All()
	if len(names) == 0 {
		return all, nil
	}
	var chosen []scenario.Scenario
	for _, name := range names {
		i := slices.IndexFunc(all, func(sc scenario.Scenario) bool { return sc.Name == name })
		if i < 0 {
			return nil, usagef("there is no scenario %q; -list lists them", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// recordOwn has the test of the scenarios record them.
func (p *program) recordOwn(ctx context.Context, chosen []scenario.Scenario) error {
	patterns := make([]string, len(chosen))
	for i, sc := range chosen {
		patterns[i] = regexp.QuoteMeta(sc.Name)
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-run", "^TestScenarios$/^("+strings.Join(patterns, "|")+")$", //nolint:gosec // names of ours
		"github.com/queup-go/queup/internal/testkit/scenario")
	cmd.Env = append(os.Environ(), cassettes.ModeVar+"="+string(cassettes.Rewrite))
	var failure bytes.Buffer
	cmd.Stderr = &failure
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("the recordings are made by go test: %w", err)
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		failure.WriteString(line + "\n")
		if _, name, ok := strings.Cut(line, "=== RUN   TestScenarios/"); ok {
			n++
			p.step("record %s (%d of %d)", name, n, len(chosen))
		}
	}
	p.step("")
	if err := cmd.Wait(); err != nil {
		_, _ = p.stderr.Write(failure.Bytes())
		return fmt.Errorf("go test, which records, has failed: %w", err)
	}
	if n != len(chosen) {
		return fmt.Errorf("go test has run %d scenarios of %d", n, len(chosen))
	}
	fmt.Fprintf(p.stdout, "recorded %d scenarios to %s\n", n, own)
	return nil
}

// recordLive acts on somebody's account, after saying what it will do.
func (p *program) recordLive(ctx context.Context, chosen []scenario.Scenario, dir string, yes, anonymous bool) error {
	email, password, room := p.getenv("QUEUP_EMAIL"), p.getenv("QUEUP_PASSWORD"), p.getenv("QUEUP_ROOM")
	if email == "" || password == "" || room == "" {
		return errors.New("recording live needs an account and a room of yours: set QUEUP_EMAIL, QUEUP_PASSWORD and QUEUP_ROOM")
	}
	for _, sc := range chosen {
		if len(sc.Live) == 0 {
			return fmt.Errorf("the scenario %s needs people who play their parts, and can be recorded from queuptest only", sc.Name)
		}
	}
	fmt.Fprintf(p.stderr, "With the account of QUEUP_EMAIL and the room %s, on queup.net, this will\n", room)
	for _, sc := range chosen {
		fmt.Fprintf(p.stderr, "  %s: %s\n", sc.Name, strings.Join(sc.Live, "; "))
	}
	fmt.Fprintf(p.stderr, "and write %s.\n", dir)
	if !yes {
		if !p.asks {
			return errors.New("nobody can be asked whether to go on: say -yes")
		}
		fmt.Fprint(p.stderr, "Go on? [y/N] ")
		answer, err := bufio.NewReader(p.stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
			return errors.New("nothing was done")
		}
	}
	for i, sc := range chosen {
		p.step("record %s (%d of %d)", sc.Name, i+1, len(chosen))
		requests, records, err := recordOne(ctx, sc, dir, anonymous, func(opts ...client.Option) *scenario.Stage {
			return scenario.OnService(email, password, room, opts...)
		}, cassettes.Secrets(secrets(email, password)...))
		p.step("")
		if err != nil {
			return fmt.Errorf("%s: %w", sc.Name, err)
		}
		fmt.Fprintf(p.stdout, "%s: wrote %d requests and %d records of the websocket to %s; read them before you commit them\n", sc.Name, requests, records, dir)
	}
	return nil
}

// secrets are those of an account that are long enough to be searched for; the others are masked where they are sent.
func secrets(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return len(s) < 4 })
}

// recordOne records a scenario in real time.
func recordOne(ctx context.Context, sc scenario.Scenario, dir string, anonymous bool, stage func(...client.Option) *scenario.Stage,
	opts ...cassettes.Option,
) (requests, records int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	opts = append(opts, cassettes.Dir(dir))
	if anonymous {
		opts = append(opts, cassettes.Anonymous())
	}
	r, err := cassettes.NewRecorder(sc.Name, opts...)
	if err != nil {
		return 0, 0, err
	}
	s := stage(client.WithTransport(r.Transport()), client.WithDialer(r.Dialer()))
	err = sc.Run(ctx, s)
	s.Close()
	if err != nil {
		return 0, 0, err
	}
	return r.Save()
}
