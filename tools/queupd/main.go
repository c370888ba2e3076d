// Queupd serves the default world of package queuptest until it is interrupted: a QueUp to try bots on, in any language,
// without an account and without the network.
//
//	go run ./tools/queupd -addr 127.0.0.1:8080 -roles custom
//
// With -crowd 50 the room is full of people, with -fault reset,latency the network is bad now and then, and with -quirks the
// answers are as irregular as those of the service.
//
// With -log FILE it writes the traffic it has seen into a file when it ends, one JSON object a line: what went over the wire,
// in order, without passwords, cookies and tokens.
//
// Its first line on standard output is one JSON object that says where it is and who may log in; nothing else is written
// there. It listens on the loopback only.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/queup-go/queup/queuptest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// announcement is the first line.
type announcement struct {
	URL         string    `json:"url"`
	RealtimeURL string    `json:"realtimeURL"`
	Rooms       []room    `json:"rooms"`
	Accounts    []account `json:"accounts"`
}

type room struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

type account struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Role     string `json:"role"` // in the first room: owner, a role's name, or empty
	ID       string `json:"id"`
}

// run is main with everything it touches as arguments. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("queupd", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:0", "`host:port` to listen on; the host must be on the loopback, port 0 is any free one")
	roles := flags.String("roles", "custom", "`world` of roles: custom, as since autumn 2026, or classic, the fixed roles until then")
	crowd := flags.Int("crowd", 0, "let `N` people, 1 to 5000, live in the room by themselves: they come and go, chat, queue songs and vote")
	seed := flags.Uint64("seed", 1, "what -crowd and -fault do; the same seed, the same deeds")
	rate := flags.Float64("rate", 0, "what the whole crowd does in a second; 0 suits their number, something every half minute each")
	fault := flags.String("fault", "", "make the network bad now and then, by `names` with commas between them, or all: "+
		strings.Join(queuptest.FaultNames(), ", "))
	quirks := flags.Bool("quirks", false, "answer as irregularly as QueUp does, see docs/PROTOCOL.md 1.8")
	offset := flags.Duration("clock-offset", 0, "set the server's clock ahead of this machine's by a `duration`, or behind it: 30m, -1h")
	logTo := flags.String("log", "", "`file` for the traffic, written at the end as JSON lines: the last 10,000 requests, answers and frames")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "queupd: unexpected argument %q\n", flags.Arg(0))
		return 2
	}
	opts := []queuptest.Option{queuptest.Addr(*addr)}
	switch *roles {
	case "custom":
	case "classic":
		opts = append(opts, queuptest.ClassicRoles())
	default:
		fmt.Fprintf(stderr, "queupd: -roles is custom or classic, not %q\n", *roles)
		return 2
	}
	if *offset != 0 {
		opts = append(opts, queuptest.ClockOffset(*offset))
	}
	if *quirks {
		opts = append(opts, queuptest.Quirks())
	}
	if *crowd != 0 || *rate != 0 {
		opts = append(opts, queuptest.Crowd(queuptest.CrowdConfig{Members: *crowd, Seed: *seed, Rate: *rate}))
	}
	if *fault != "" {
		names := strings.Split(*fault, ",")
		if *fault == "all" {
			names = queuptest.FaultNames()
		}
		opts = append(opts, queuptest.Faults(queuptest.FaultConfig{Names: names, Seed: *seed}))
	}
	if err := serve(ctx, opts, *logTo, stdout); err != nil {
		fmt.Fprintf(stderr, "queupd: %v\n", err)
		return 1
	}
	return 0
}

// serve runs the server until ctx ends. It writes the log to a file unless its name is empty.
func serve(ctx context.Context, opts []queuptest.Option, logTo string, stdout io.Writer) (err error) {
	var log io.Writer
	if logTo != "" { // opened now, so that a bad name shows at once
		file, problem := os.Create(logTo)
		if problem != nil {
			return fmt.Errorf("-log: %w", problem)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		log = file
	}
	srv, err := queuptest.Start(opts...)
	if err != nil {
		return err
	}
	defer func() {
		srv.Close()
		err = errors.Join(err, writeLog(log, srv.Log()))
	}()
	if err := json.NewEncoder(stdout).Encode(announce(srv)); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// line is a queuptest.Entry as the log has it.
type line struct {
	At     time.Time `json:"at"`
	From   string    `json:"from"` // client or server
	Kind   string    `json:"kind"` // http or ws
	Agent  string    `json:"agent,omitzero"`
	User   string    `json:"user,omitzero"`
	Method string    `json:"method,omitzero"`
	Path   string    `json:"path,omitzero"`
	Status int       `json:"status,omitzero"`
	Body   string    `json:"body,omitzero"`
}

func writeLog(w io.Writer, entries []queuptest.Entry) error {
	if w == nil {
		return nil
	}
	buffered := bufio.NewWriter(w)
	lines := json.NewEncoder(buffered)
	lines.SetEscapeHTML(false) // a person may read it
	for _, e := range entries {
		l := line{
			At: e.At, From: "server", Kind: e.Kind, Agent: e.Agent, User: e.User,
			Method: e.Method, Path: e.Path, Status: e.Status, Body: e.Body,
		}
		if e.In {
			l.From = "client"
		}
		if err := lines.Encode(l); err != nil {
			return fmt.Errorf("-log: %w", err)
		}
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("-log: %w", err)
	}
	return nil
}

func announce(srv *queuptest.Server) announcement {
	world := srv.World()
	a := announcement{URL: srv.URL(), RealtimeURL: srv.RealtimeURL()}
	for _, r := range world.Rooms {
		a.Rooms = append(a.Rooms, room{ID: r.ID, Slug: r.Slug, Name: r.Name})
	}
	for _, u := range world.Users {
		role := string(world.Rooms[0].Roles[u.Name])
		if u.Name == world.Rooms[0].Owner {
			role = "owner"
		}
		a.Accounts = append(a.Accounts, account{Username: u.Name, Password: u.Password, Role: role, ID: u.ID})
	}
	return a
}
