package cassettes_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
)

// quiet is an evening without a fault: the bot joins and receives ten lines.
func quiet(received *[]string) scenario {
	return func(t *testing.T, bot *client.Client, server *queuptest.Server) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		readTen(received, joinAndListen(ctx, t, bot), server)
	}
}

// joinAndListen brings a bot into the lounge.
func joinAndListen(ctx context.Context, t *testing.T, bot *client.Client) iter.Seq[client.Chat] {
	t.Helper()
	lines := client.Stream[client.Chat](ctx, bot)
	if err := errors.Join(bot.Login(ctx, "bot", canary.Password), bot.Connect(ctx)); err != nil {
		t.Fatal(err)
	}
	if _, err := bot.JoinRoom(ctx, "lounge"); err != nil {
		t.Fatal(err)
	}
	return lines
}

// readTen sends ten lines of alice, if there is a server, and receives them.
func readTen(received *[]string, lines iter.Seq[client.Chat], server *queuptest.Server) {
	if server != nil {
		for _, n := range tenLines {
			time.Sleep(3 * time.Second)
			server.Room("lounge").Say("alice", n)
		}
	}
	for e := range lines {
		*received = append(*received, e.Message.Content)
		if e.Message.Content == "ten" {
			return
		}
	}
}

var tenLines = strings.Fields("one two three four five six seven eight nine ten")

// mended is quiet with a connection that is lost before the first line, so that the recording has the requests of a reconnect.
// It is lost before the lines, so that the answers to these requests are not newer than the lines.
func mended(received *[]string) scenario {
	return func(t *testing.T, bot *client.Client, server *queuptest.Server) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		resynced := client.Stream[client.Resynced](ctx, bot)
		lines := joinAndListen(ctx, t, bot)
		if server != nil {
			// Long enough for the bot to be back from a fault while it joined. Not at the moment of a ping, which would fail,
			// and so the client would have closed the connection instead of losing it.
			time.Sleep(5*time.Minute + time.Second)
			server.CutLinks()
			for range resynced {
				break
			}
		}
		readTen(received, lines, server)
	}
}

// A bot that reconnects receives the whole recording, wherever its connection breaks.
func TestFaults_everyDropAndStallHeals(t *testing.T) {
	t.Parallel()
	dir := record(t, "mended", mended(new([]string)))
	faults := map[string]cassettes.Option{}
	for _, n := range []int{5, 6, 8, 13} { // from behind the join, in the middle of which a bot asks more often than recorded
		faults[fmt.Sprintf("drop after %d", n)] = cassettes.DropAfter(n)
	}
	for _, n := range []int{5, 6, 8, 13} {
		faults[fmt.Sprintf("stall after %d", n)] = cassettes.StallAfter(n)
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var received []string
			replay(t, dir, "mended", mended(&received), fault, cassettes.Speed(1)) // at once, it is over before the bot is back
			if diff := cmp.Diff(tenLines, received); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaults_onFrames(t *testing.T) {
	t.Parallel()
	dir := longNight(t)
	listen := func(t *testing.T, opts ...cassettes.Option) (frames []string, end error) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			c, fake := play(t, dir, "night", opts...)
			sock := dial(t, c)
			for end == nil {
				_ = sock.SetReadDeadline(time.Now().Add(time.Hour))
				var data []byte
				if _, data, end = sock.Read(); end == nil {
					frames = append(frames, string(data))
				}
			}
			_ = sock.Close(1000, "")
			fake.end()
		})
		return frames, end
	}
	whole, _ := listen(t)
	if len(whole) != 6 {
		t.Fatalf("the recording has %d frames", len(whole))
	}
	t.Run("drop", func(t *testing.T) {
		got, end := listen(t, cassettes.DropAfter(3))
		if !slices.Equal(got, whole[:3]) || !errors.Is(end, syscall.ECONNRESET) {
			t.Errorf("%q, %v", got, end)
		}
	})
	t.Run("stall", func(t *testing.T) {
		got, end := listen(t, cassettes.StallAfter(3))
		if !slices.Equal(got, whole[:3]) || !errors.Is(end, os.ErrDeadlineExceeded) {
			t.Errorf("%q, %v", got, end)
		}
	})
	t.Run("truncate", func(t *testing.T) {
		got, _ := listen(t, cassettes.Truncate(10))
		for i, frame := range whole {
			if i > 0 {
				frame = frame[:10]
			}
			if got[i] != frame {
				t.Errorf("frame %d is %q", i, got[i])
			}
		}
	})
	t.Run("duplicate", func(t *testing.T) {
		got, _ := listen(t, cassettes.Duplicate())
		want := whole[:1:1]
		for _, frame := range whole[1:] {
			want = append(want, frame, frame)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("frames (-want +got):\n%s", diff)
		}
	})
	t.Run("corrupt", func(t *testing.T) {
		spoilt := map[uint64][]string{}
		for _, seed := range []uint64{1, 2, 1} {
			got, _ := listen(t, cassettes.Corrupt(seed))
			if len(got) != len(whole) || got[0] != whole[0] {
				t.Fatalf("%q", got)
			}
			if before, ok := spoilt[seed]; ok && !slices.Equal(before, got) {
				t.Errorf("the same seed flips other bits:\n%q\n%q", before, got)
			}
			spoilt[seed] = got
		}
		if slices.Equal(spoilt[1], whole) || slices.Equal(spoilt[1], spoilt[2]) {
			t.Errorf("nothing was flipped, or the same: %q, %q", spoilt[1], spoilt[2])
		}
	})
}

// Neither events that come twice nor ones that are spoilt take a bot down.
func TestFaults_botLivesOn(t *testing.T) {
	t.Parallel()
	dir := record(t, "quiet", quiet(new([]string)))
	for name, fault := range map[string]cassettes.Option{"duplicate": cassettes.Duplicate(), "corrupt": cassettes.Corrupt(7), "truncate": cassettes.Truncate(40)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			replay(t, dir, "quiet", func(t *testing.T, bot *client.Client, _ *queuptest.Server) {
				t.Helper()
				lost := 0
				client.On(bot, func(context.Context, client.Disconnected) error { lost++; return nil })
				if err := errors.Join(bot.Login(t.Context(), "bot", canary.Password), bot.Connect(t.Context())); err != nil {
					t.Fatal(err)
				}
				room, err := bot.JoinRoom(t.Context(), "lounge")
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if lost != 0 || !room.Joined() {
					t.Errorf("it was disconnected %d times, joined: %v", lost, room.Joined())
				}
			}, fault)
		})
	}
}
