package cassettes

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"

	"github.com/queup-go/queup/internal/cassette"
)

// causes finds out, while a recording is made, which requests of an account may have influenced an answer: those whose paths have a
// part in common with it, such as the id of a room.
type causes struct {
	accounts *cassette.Accounts
	requests map[int]sender   // by order
	changes  map[string][]int // by account; the orders of its changes, as they were sent
	reads    map[string][]int // by account; the orders of its reads that were answered, and that no change has named yet
	after    map[int][]int    // by order; what came before the answer
}

// sender is who sends a request, and what it is about.
type sender struct {
	account string
	parts   []string // of the path
}

// maxBefore bounds how many changes are named by a read. Earlier changes of the same account were nearly always sent before those.
const maxBefore = 8

// sent adds a request that is sent. A change comes after the related reads that were answered since the last related change.
func (c *causes) sent(order int, request vcr.Request) {
	if c.accounts == nil {
		*c = causes{
			accounts: cassette.NewAccounts(), requests: map[int]sender{}, changes: map[string][]int{}, reads: map[string][]int{}, after: map[int][]int{},
		}
	}
	account := c.accounts.Of(request)
	c.requests[order] = sender{account: account, parts: parts(request.URL)}
	if !cassette.Changes(request.Method) {
		return
	}
	var unrelated []int
	for _, read := range c.reads[account] {
		if c.related(order, read) {
			c.after[order] = append(c.after[order], read)
		} else {
			unrelated = append(unrelated, read)
		}
	}
	c.reads[account] = unrelated
	c.changes[account] = append(c.changes[account], order)
}

// answered adds the answer to a request. A read comes after the related changes that were sent before it was answered.
func (c *causes) answered(order int, i *vcr.Interaction) {
	c.accounts.Learn(i.Request, i.Response)
	if cassette.Changes(i.Request.Method) {
		return
	}
	account := c.requests[order].account
	for _, change := range slices.Backward(c.changes[account]) {
		if c.related(order, change) {
			if c.after[order] = append(c.after[order], change); len(c.after[order]) == maxBefore {
				break
			}
		}
	}
	c.reads[account] = append(c.reads[account], order)
}

// related reports whether the paths of two requests have a part in common.
func (c *causes) related(a, b int) bool {
	return slices.ContainsFunc(c.requests[a].parts, func(part string) bool { return slices.Contains(c.requests[b].parts, part) })
}

// parts returns the parts of the path of a URL.
func parts(rawURL string) []string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil
	}
	return strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
}

// connectRequests sets what comes before each request of the recording.
func (p *playback) connectRequests() error {
	p.byID = make(map[int]*request, len(p.all))
	for _, r := range p.all {
		p.byID[r.ID] = r
	}
	for _, r := range p.all {
		ids, err := r.Before()
		if err != nil {
			return fmt.Errorf("interaction %d: %w", r.ID, err)
		}
		for _, id := range ids {
			before := p.byID[id]
			if before == nil {
				return fmt.Errorf("interaction %d comes after interaction %d, which does not exist", r.ID, id)
			}
			r.before = append(r.before, before)
		}
	}
	return nil
}

// A request waits for the requests that came before it when it was recorded. If the program acts in another order than it did, they
// do not come while it waits. So it waits until nothing has been played for quietTime, and never longer than maxWait.
const (
	quietTime = 2 * time.Second
	maxWait   = 10 * time.Second

	// quietInBubble is quietTime in a synctest bubble, where time passes only when all goroutines wait. It is shorter than the limits
	// that a client sets itself: one that makes a few calls at a time can hold back the call for which all of these wait.
	quietInBubble = 500 * time.Millisecond
)

// quiet returns how long nothing must have been played before a request stops waiting for others.
func quiet(now time.Time) time.Duration {
	if inBubble(now) {
		return quietInBubble
	}
	return quietTime
}

// await waits until what came before the answer of a request has come again.
func (p *playback) await(ctx context.Context, r *request) error {
	since := time.Now()
	if err := p.awaitRequests(ctx, r, since); err != nil {
		return err
	}
	return p.awaitEvents(ctx, r, since)
}

// awaitRequests waits until the requests that came before the answer of a request have come again.
func (p *playback) awaitRequests(ctx context.Context, r *request, since time.Time) error {
	defer p.beginAnswer(r) // nothing waits for a request that was given up, either
	return p.hold(ctx, func() (left time.Duration) {
		for {
			missing := p.missing(r)
			if len(missing) == 0 {
				return 0
			}
			left = min(quiet(since)-time.Since(later(since, p.moved)), maxWait-time.Since(since))
			if left > 0 {
				return left
			}
			p.skip(missing)
			p.mu.Unlock()
			p.reportOrder(r, missing[0])
			p.mu.Lock()
		}
	})
}

// beginAnswer lets go what waited until a request does not wait for others any more.
func (p *playback) beginAnswer(r *request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun[r.ID] = true
	p.wake()
}

// hold waits until check returns 0. It calls check again whenever something may have changed, and after the time that check returned.
// check is called with mu held.
func (p *playback) hold(ctx context.Context, check func() (left time.Duration)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		left := check()
		if left <= 0 {
			return nil
		}
		turn := p.turn
		p.held++
		p.mu.Unlock()
		timer := time.NewTimer(left)
		var err error
		select {
		case <-turn:
		case <-timer.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
		timer.Stop()
		p.mu.Lock()
		p.held--
		if err != nil {
			return err
		}
	}
}

// missing returns the requests that one still has to wait for. A read waits until the changes before it do not wait themselves; a
// change waits until the reads before it are sent. The caller holds mu.
func (p *playback) missing(r *request) (missing []*request) {
	if p.c.cfg.allowUnused {
		return nil
	}
	here := p.sent
	if !cassette.Changes(r.Request.Method) {
		here = p.begun
	}
	for _, before := range r.before {
		if !here[before.ID] && !p.skipped[before.ID] {
			missing = append(missing, before)
		}
	}
	return missing
}

// skip gives up waiting for requests. The caller holds mu.
func (p *playback) skip(missing []*request) {
	for _, r := range missing {
		p.skipped[r.ID] = true
	}
}

// reportOrder logs that the program acts in another order than it did.
func (p *playback) reportOrder(r, missing *request) {
	httpFile, _ := p.c.file()
	p.c.report(func(tb testing.TB) {
		tb.Helper()
		tb.Logf("%s: %s waited in vain for %s, which was sent earlier when it was recorded",
			p.c.name, cite(httpFile, r.Line, r.Label()), cite(httpFile, missing.Line, missing.Label()))
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
