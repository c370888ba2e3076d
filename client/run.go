package client

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	shutdownTimeout = 5 * time.Second // for Run to leave its rooms, close the client and wait for handlers
	leaveTimeout    = 3 * time.Second // of that, for the rooms: Close takes up to 2 s where the network is dead
)

// Run logs in, connects and waits until ctx ends or the connection ends for good. Then it leaves its rooms, closes the
// client and waits for handlers, for at most 5 s. It returns nil when ctx ends.
//
// A bot that no room lets in would wait for nothing, so Run also ends when a handler of [Ready] returns the error of
// [Client.JoinRoom], wrapped or not, while the client is in no room and on its way to none, and returns what the handler returned.
// A handler that wants to try again does so itself, or returns nil.
func (c *Client) Run(ctx context.Context, email, password string) error {
	c.running.Store(true)
	defer c.running.Store(false)
	err := c.run(ctx, email, password)
	farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if !c.closed() {
		leaving, stop := context.WithTimeout(farewell, leaveTimeout)
		c.leaveRooms(leaving)
		stop()
	}
	_ = c.Close()
	select {
	case <-c.Done():
	case <-farewell.Done():
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *Client) run(ctx context.Context, email, password string) error {
	if err := c.Login(ctx, email, password); err != nil {
		return err
	}
	if err := c.Connect(ctx); err != nil {
		return err
	}
	l, err := c.link()
	if err != nil {
		return err
	}
	select {
	case <-l.ended:
		return l.err()
	case err := <-c.runFailed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// failRun ends Run, and reports whether it does, when a handler of Ready could not join a room and the client is in no other.
func (c *Client) failRun(err error) bool {
	handler, ok := errors.AsType[*HandlerError](err)
	if !ok || handler.Event != "Ready" || !c.running.Load() || c.joining.Load() > 0 || c.inSomeRoom() {
		return false
	}
	if _, refused := errors.AsType[*joinError](handler.Err); !refused {
		return false
	}
	select {
	case c.runFailed <- handler.Err:
		return true
	default:
		return false // another handler has ended it
	}
}

// inSomeRoom reports whether the client is in a room, or listens to one.
func (c *Client) inSomeRoom() bool {
	_, found := c.Rooms().Find((*Room).Joined)
	return found
}

// leaveRooms leaves all rooms at once, as far as ctx allows. Joins under way are ended first.
func (c *Client) leaveRooms(ctx context.Context) {
	if l, err := c.link(); err == nil {
		l.stopJoins(ErrClosed)
	}
	var leaving sync.WaitGroup
	for room := range c.Rooms().Values() {
		leaving.Go(func() {
			if err := room.joinLock.acquire(ctx); err == nil { // a join that was ended has tidied up by then
				room.joinLock.release()
			}
			if err := room.Leave(ctx); err != nil && !errors.Is(err, ErrNotJoined) {
				c.log.WarnContext(ctx, "room not left in order", room.logged(), slog.Any("error", err))
			}
		})
	}
	leaving.Wait()
}

// Wait waits until the connection has ended: nil after Close or Logout, an error if it ended for good by itself. It is
// [ErrNotConnected] before Connect.
func (c *Client) Wait() error {
	c.mu.Lock()
	l := c.connection
	c.mu.Unlock()
	if l == nil {
		return ErrNotConnected
	}
	<-l.ended
	return l.err()
}

// Close ends the client for good: the connection, the subscriptions, the calls that are under way. It returns nil, may
// be called twice and from a handler, and waits for no handler; Done tells when the last one has returned.
func (c *Client) Close() error {
	if !c.workers.Close() {
		return nil
	}
	c.events.close()
	c.end(ErrClosed)
	c.disconnect()
	go func() {
		c.workers.Wait()
		if c.transport != nil {
			c.transport.Close()
		}
		close(c.done)
	}()
	return nil
}

// Done is closed when, after Close, the client's last goroutine has returned, those that run handlers included.
func (c *Client) Done() <-chan struct{} { return c.done }

func (c *Client) closed() bool { return c.workers.Context().Err() != nil }
