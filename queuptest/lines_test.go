package queuptest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/queuptest"
)

// twoLounges is the default world with a second room, in which alice is as well.
func twoLounges() queuptest.Option {
	world := queuptest.DefaultWorld()
	world.Rooms = append(world.Rooms, queuptest.RoomSpec{Slug: "attic", Owner: "owner", Present: []string{"alice"}})
	return queuptest.WithWorld(world)
}

func TestSaid_isEverythingInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := queuptest.NewServer(queuptest.InMemory(), twoLounges())
		defer srv.Close()
		lounge, attic := srv.Room("lounge"), srv.Room("attic")
		began := time.Now()
		first := lounge.Say("alice", `1 < 2 & "3"`)
		lounge.Say("bob", "not hers")
		time.Sleep(time.Second)
		srv.Message("alice", "<psst>", "bob", "mod")
		srv.Message("bob", "not hers either", "alice", "mod")
		deleted := attic.Say("alice", "up here")
		attic.DeleteMessage("alice", deleted)
		lounge.Say("alice", "and down again")
		said := srv.Said("Alice")
		want := []queuptest.Line{
			{ID: first, User: "alice", Room: "lounge", Text: `1 < 2 & "3"`, At: began},
			{ID: said[1].ID, User: "alice", To: []string{"bob", "mod"}, Text: "<psst>", At: began.Add(time.Second)},
			{ID: deleted, User: "alice", Room: "attic", Text: "up here", At: began.Add(time.Second)},
			{ID: said[3].ID, User: "alice", Room: "lounge", Text: "and down again", At: began.Add(time.Second)},
		}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Errorf("Said:\n%s", diff)
		}
		if got := srv.Said("carol"); len(got) != 0 {
			t.Errorf("carol said %v", got)
		}
		if got, want := fmt.Sprint(said[:2]), `[alice in lounge: 1 < 2 & "3" alice to bob, mod: <psst>]`; got != want {
			t.Errorf("printed as %s, want %s", got, want)
		}
	})
}

// A bot's lines come by REST, in real time.
func TestNextLine_waitsForABot(t *testing.T) {
	t.Parallel()
	srv := start(t)
	bot := login(t, srv, "alice")
	lines := make(chan queuptest.Line)
	go func() {
		defer close(lines)
		for range 2 {
			line, err := srv.NextLine(soon(t), "alice")
			if err != nil {
				t.Error(err)
				return
			}
			lines <- line
		}
	}()
	srv.Room("lounge").Say("bob", "not hers")
	room := srv.Room("lounge").ID()
	bot.postJSON("/chat/"+room, `{"type":"chat-message","message":"a &amp; b","time":1,"realTimeChannel":"dubtrackfm-lounge"}`)
	if line := <-lines; line.Text != "a & b" || line.Room != "lounge" {
		t.Errorf("the first line is %v", line)
	}
	srv.Message("alice", "psst", "bob")
	if line := <-lines; line.Text != "psst" || !slices.Equal(line.To, []string{"bob"}) {
		t.Errorf("the second line is %v", line)
	}
}

// Each line is returned once, whether it was written before the call or comes after it.
func TestNextLine_returnsEachLineOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := queuptest.NewServer(queuptest.InMemory(), twoLounges())
		defer srv.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		srv.Room("lounge").Say("alice", "0")
		srv.Message("alice", "1", "bob")
		var mu sync.Mutex
		var got []string
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				for {
					line, err := srv.NextLine(ctx, "alice")
					if err != nil {
						return
					}
					mu.Lock()
					got = append(got, line.Text)
					mu.Unlock()
				}
			})
		}
		var want []string
		for i := range 20 {
			if i > 1 {
				srv.Room([]string{"lounge", "attic"}[i%2]).Say("alice", fmt.Sprint(i))
			}
			srv.Room("lounge").Say("bob", "not hers")
			want = append(want, fmt.Sprint(i))
			synctest.Wait()
		}
		cancel()
		wait.Wait()
		slices.Sort(got) // of lines that were there before, another goroutine may be the first to append
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if n := len(srv.Said("alice")); n != len(want) {
			t.Errorf("Said has %d lines, want all %d", n, len(want))
		}
	})
}

func TestNextLine_ends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := queuptest.NewServer(queuptest.InMemory())
		srv.Room("lounge").Say("alice", "hello")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := srv.NextLine(ctx, "alice"); err != nil {
			t.Fatal(err)
		}
		_, err := srv.NextLine(ctx, "alice")
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "alice wrote no further line after 1") {
			t.Errorf("after the deadline: %v", err)
		}
		ended := make(chan error)
		go func() {
			_, err := srv.NextLine(t.Context(), "alice")
			ended <- err
		}()
		synctest.Wait()
		srv.Close()
		if err := <-ended; !errors.Is(err, queuptest.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		for name, call := range map[string]func(){
			"Said":     func() { srv.Said("nobody") },
			"NextLine": func() { _, _ = srv.NextLine(t.Context(), "nobody") },
		} {
			func() {
				defer func() {
					want := fmt.Sprintf(`queuptest: Server.%s: there is no user "nobody"`, name)
					if v := recover(); v != want {
						t.Errorf("%s of nobody panics with %v, want %s", name, v, want)
					}
				}()
				call()
			}()
		}
	})
}
