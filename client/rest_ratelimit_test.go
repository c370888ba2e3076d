package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/internal/testkit/canary"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/gen/queupapi"
	"github.com/queup-go/queup/queuptest"
)

// arrivals is a site that notes when requests come.
type arrivals struct {
	mu sync.Mutex
	at []time.Time
}

func (a *arrivals) site(next site) site {
	return func(req *http.Request) answer {
		a.mu.Lock()
		a.at = append(a.at, time.Now())
		a.mu.Unlock()
		return next(req)
	}
}

func quiet(*http.Request) answer {
	return ok(`{"_id":"65b2a1c0d4e8b90012ab0001","username":"mixmaster","name":"Night Room","roomUrl":"night-room","token":"t"}`)
}

func TestRateLimit_neverMoreThanNInAnyWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen arrivals
		bot := newClient(t, seen.site(quiet), client.WithRateLimit(5, 10*time.Second))
		var calls sync.WaitGroup
		for i := range 23 { // in bursts that straddle the windows
			calls.Go(func() {
				if err := fetchRoom(t.Context(), bot); err != nil {
					t.Error(err)
				}
			})
			if i%4 == 3 {
				time.Sleep(7 * time.Second)
			}
		}
		calls.Wait()
		for i := range seen.at[5:] {
			if span := seen.at[i+5].Sub(seen.at[i]); span <= 10*time.Second {
				t.Errorf("six calls within %v, from the %dth on", span, i+1)
			}
		}
		if took := seen.at[22].Sub(seen.at[0]); took > 50*time.Second {
			t.Errorf("23 calls took %v", took)
		}
	})
}

func TestRateLimit_off(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := newClient(t, quiet, client.WithRateLimit(0, 0))
		start := time.Now()
		for range 100 {
			if err := fetchRoom(t.Context(), bot); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("100 calls took %v", took)
		}
	})
}

func TestRateLimit_deadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen arrivals
		bot := newClient(t, seen.site(quiet), client.WithRateLimit(1, time.Minute))
		if err := fetchRoom(t.Context(), bot); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := fetchRoom(ctx, bot)
		limit, ok := errors.AsType[*client.RateLimitError](err)
		if !ok || !errors.Is(err, client.ErrRateLimited) || limit.Op != "room" || limit.Wait.Round(time.Second) != time.Minute {
			t.Errorf("a deadline that cannot be met = %v", err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v to say so", took)
		}
		stopped, stop := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, stop)
		if err := fetchRoom(stopped, bot); !errors.Is(err, context.Canceled) || time.Since(start) != 10*time.Second {
			t.Errorf("a wait that is given up = %v after %v", err, time.Since(start))
		}
		if err := fetchRoom(t.Context(), bot); err != nil || len(seen.at) != 2 || time.Since(start).Round(time.Second) != time.Minute {
			t.Errorf("the next call = %v after %v, %d calls in all: what was given up still takes a place", err, time.Since(start), len(seen.at))
		}
	})
}

func TestLanes_doNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := newClient(t, quiet, client.WithRateLimit(1, time.Hour))
		if err := fetchRoom(t.Context(), bot); err != nil { // the hour's call
			t.Fatal(err)
		}
		start := time.Now()
		if err := bot.Login(t.Context(), "mixmaster", canary.Password); err != nil {
			t.Fatal(err)
		}
		if _, err := bot.REST().PostChat(t.Context(), &queupapi.PostChatApplicationJSON{Message: "hi"}, queupapi.PostChatParams{RoomID: "1"}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("login and chat waited %v", took)
		}
	})
}

func TestLanes_chatGoesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		flying, most := 0, 0
		bot := newClient(t, func(*http.Request) answer {
			mu.Lock()
			flying++
			most = max(most, flying)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			flying--
			mu.Unlock()
			return ok(`{"chatid":"1-1","message":"hi"}`)
		})
		var calls sync.WaitGroup
		for range 5 {
			calls.Go(func() {
				if _, err := bot.REST().PostChat(t.Context(), &queupapi.PostChatApplicationJSON{Message: "hi"}, queupapi.PostChatParams{RoomID: "1"}); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if most != 1 {
			t.Errorf("%d lines in flight", most)
		}
	})
}

func TestLanes_loadsAreBoundedByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		flying, most := 0, 0
		bot := newClient(t, func(req *http.Request) answer {
			mu.Lock()
			at = append(at, time.Now())
			flying++
			most = max(most, flying)
			mu.Unlock()
			time.Sleep(100 * time.Millisecond)
			mu.Lock()
			flying--
			mu.Unlock()
			id := strings.TrimPrefix(req.URL.Path, "/song/")
			return ok(`{"_id":"` + id + `","name":"Song","type":"youtube","fkid":"x"}`)
		}, client.WithRateLimit(1, time.Hour))
		var calls sync.WaitGroup
		for i := range 80 {
			calls.Go(func() {
				for range 2 { // the second time from the cache
					if _, err := bot.FetchSong(t.Context(), client.SongID(fmt.Sprint("s", i))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		calls.Wait()
		if most != 5 || len(at) != 80 {
			t.Errorf("%d look-ups, %d at once; want 80, 5 at once", len(at), most)
		}
		for i := range at[20:] {
			if span := at[i+20].Sub(at[i]); span < time.Second {
				t.Errorf("21 look-ups within %v, from the %dth on", span, i+1)
			}
		}
	})
}

func TestLanes_joiningIsNeverSlowedByTheBotsOwnCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := queuptest.NewServer(queuptest.InMemory())
		defer server.Close()
		start := time.Now()
		_, room := joinLounge(t, server, "bot", client.WithRateLimit(1, time.Hour))
		if err := room.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("joining and leaving took %v", took)
		}
	})
}

func TestLanes_loggingOutIsNeverSlowedByTheBotsOwnCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := newClient(t, quiet, client.WithRateLimit(1, time.Hour))
		if err := bot.Login(t.Context(), "mixmaster", canary.Password); err != nil {
			t.Fatal(err)
		}
		if err := fetchRoom(t.Context(), bot); err != nil { // the hour's call
			t.Fatal(err)
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := bot.Logout(ctx); err != nil || time.Since(start) != 0 {
			t.Errorf("Logout = %v after %v", err, time.Since(start))
		}
	})
}

func TestRefusals_stopEveryLane(t *testing.T) {
	tests := map[string]struct {
		refusal answer
		wait    time.Duration
	}{
		"429 that says how long":            {answer{status: 429, body: `{}`, header: http.Header{"Retry-After": {"40"}}}, 40 * time.Second},
		"429 in an answer with status 200":  {answer{status: 200, body: `{"code":429,"message":"Too Many Requests","data":{}}`}, 5 * time.Second},
		"429 that does not":                 {answer{status: 429, body: `{}`}, 5 * time.Second},
		"any other answer with Retry-After": {answer{status: 500, body: `{}`, header: http.Header{"Retry-After": {"20"}}}, 20 * time.Second},
		"429 that asks for years":           {answer{status: 429, body: `{}`, header: http.Header{"Retry-After": {"2000000000"}}}, 15 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refused := false
				bot := newClient(t, func(req *http.Request) answer {
					if !refused {
						refused = true
						return tt.refusal
					}
					return quiet(req)
				})
				if err := fetchRoom(t.Context(), bot); err == nil {
					t.Fatal("no refusal")
				}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := bot.Login(ctx, "mixmaster", canary.Password); !errors.Is(err, client.ErrRateLimited) || time.Since(start) != 0 {
					t.Errorf("Login = %v after %v", err, time.Since(start))
				}
				if err := bot.Login(t.Context(), "mixmaster", canary.Password); err != nil || time.Since(start) != tt.wait {
					t.Errorf("Login = %v after %v, want %v", err, time.Since(start), tt.wait)
				}
			})
		})
	}
}

func TestRefusals_goodAnswersStopNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := newClient(t, func(req *http.Request) answer {
			a := quiet(req)
			a.header = http.Header{"Retry-After": {"40"}}
			return a
		})
		start := time.Now()
		for range 2 {
			if err := fetchRoom(t.Context(), bot); err != nil || time.Since(start) != 0 {
				t.Errorf("a call = %v after %v", err, time.Since(start))
			}
		}
	})
}

func TestRetry(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	reset := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	say := func(ctx context.Context, bot *client.Client) error {
		_, err := bot.REST().PostChat(ctx, &queupapi.PostChatApplicationJSON{Message: "hi"}, queupapi.PostChatParams{RoomID: "1"})
		return err
	}
	tests := map[string]struct {
		call  func(context.Context, *client.Client) error
		fails any // error, or status
		tries int
	}{
		"a read meets a reset":                {fetchRoom, reset, 3},
		"a read meets no server":              {fetchRoom, dial, 3},
		"a read meets a bad gateway":          {fetchRoom, 502, 3},
		"a read meets a host that is down":    {fetchRoom, 503, 3},
		"a read meets a slow gateway":         {fetchRoom, 504, 3},
		"a read meets an error of QueUp":      {fetchRoom, 500, 1},
		"a chat line may have been delivered": {say, reset, 1},
		"a chat line meets a slow gateway":    {say, 504, 1},
		"a chat line has not left":            {say, dial, 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bodies []string
				bot, err := client.New(client.WithTransport(roundTripper(func(req *http.Request) (*http.Response, error) {
					body := ""
					if req.Body != nil {
						read, _ := io.ReadAll(req.Body)
						body = string(read)
					}
					bodies = append(bodies, body)
					if err, ok := tt.fails.(error); ok {
						return nil, err
					}
					return &http.Response{StatusCode: tt.fails.(int), Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<html>")), Request: req}, nil
				})))
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				err = tt.call(t.Context(), bot)
				if err == nil || len(bodies) != tt.tries {
					t.Errorf("%d tries, %v", len(bodies), err)
				}
				if bodies[len(bodies)-1] != bodies[0] {
					t.Errorf("the last try sent %q, the first %q", bodies[len(bodies)-1], bodies[0])
				}
				if took := time.Since(start); took > 1500*time.Millisecond {
					t.Errorf("the tries took %v", took)
				}
				_ = bot.Close()
				<-bot.Done()
			})
		})
	}
}

func TestRetry_endsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		tries := 0
		bot := newClient(t, func(*http.Request) answer {
			tries++
			cancel(why)
			return answer{status: 503}
		})
		if err := fetchRoom(ctx, bot); !errors.Is(err, why) || tries != 1 {
			t.Errorf("%d tries, %v", tries, err)
		}
	})
}

// QueUp asks for two seconds of silence by naming a time, by its own clock.
func TestClock_retryAfterDateIsByQueUpsClock(t *testing.T) {
	withClocks(t, func(t *testing.T, clock queuptest.Option) {
		var refused atomic.Bool
		server := queuptest.NewServer(queuptest.InMemory(), clock, intercept(http.MethodGet, "/user/", func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if refused.Swap(true) {
				next.ServeHTTP(w, req)
				return
			}
			now, err := http.ParseTime(w.Header().Get("Date"))
			if err != nil {
				t.Errorf("the answer has the date %q", w.Header().Get("Date"))
			}
			w.Header().Set("Retry-After", now.Add(2*time.Second).Format(http.TimeFormat))
			http.Error(w, `{"code":429,"message":"slow down"}`, http.StatusTooManyRequests)
		}))
		defer server.Close()
		bot := connect(t, server, "bot")
		began := time.Now()
		_, err := bot.FetchUser(t.Context(), "alice")
		if refusal, ok := errors.AsType[*client.APIError](err); !ok || refusal.RetryAfter != 2*time.Second {
			t.Errorf("refused with %v", err)
		}
		if _, err := bot.FetchUser(context.WithoutCancel(t.Context()), "alice"); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("the next call waited for %v", waited)
		}
	})
}

const longest = time.Duration(math.MaxInt64)

// A limit of any length is a limit.
func TestRateLimit_ofAnyLength(t *testing.T) {
	for _, per := range []time.Duration{longest, longest - 1, longest - 50*time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			bot := newClient(t, func(*http.Request) answer {
				return answer{status: http.StatusOK, body: `{"code":200,"message":"OK","data":{"_id":"u"}}`}
			}, client.WithRateLimit(2, per))
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			var failed []bool
			for range 3 {
				_, err := bot.FetchUser(ctx, "alice")
				failed = append(failed, err != nil)
			}
			if !slices.Equal(failed, []bool{false, false, true}) {
				t.Errorf("with 2 calls in %v: failed %v", per, failed)
			}
		})
	}
}

// QueUp may ask for silence of any length: it lasts for 15 minutes at most, and never for less because the number is large.
func TestRetryAfter_ofAnyLength(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"1": time.Second, "9223372036": 15 * time.Minute, "9223372037": 15 * time.Minute, "99999999999999999999": 15 * time.Minute, "-99999999999999999999": 5 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			refused := false
			bot := newClient(t, func(*http.Request) answer {
				if !refused {
					refused = true
					return answer{status: http.StatusTooManyRequests, body: `{}`, header: http.Header{"Retry-After": {value}}}
				}
				return answer{status: http.StatusOK, body: `{"code":200,"message":"OK","data":{"_id":"u"}}`}
			})
			_, _ = bot.FetchUser(t.Context(), "alice")
			began := time.Now()
			_, err := bot.FetchUser(context.WithoutCancel(t.Context()), "alice")
			if waited := time.Since(began); err != nil || waited != want {
				t.Errorf("Retry-After %s: waited for %v, want %v, %v", value, waited, want, err)
			}
		})
	}
}
