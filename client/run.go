package client

import (
	"context"
	"errors"
	"time"
)

const (
	shutdownTimeout = 5 * time.Second // bounds how long Run takes to leave its rooms, close the client and wait for handlers
	leaveTimeout    = 3 * time.Second // the part of it for the rooms: Close takes up to 2 s if the network is dead
)

// Run logs in, connects and waits until ctx ends or the connection ends for good. Then it leaves its rooms ([WithLeave]), closes the
// client and waits for handlers, for at most 5 s. It returns nil when ctx ends. The log names a handler that does not return, as
// [Client.Close] says.
//
// Run also ends when a handler of [Ready] returns the error of [Client.JoinRoom], wrapped or not. Then it returns the handler's error: a
// bot that cannot join any room would wait for ever. It does not end while the client is in another room or is joining one. A handler
// that wants to retry does so itself, or returns nil.
func (c *Client) Run(ctx context.Context, email, password string) error {
	c.running.Store(true)
	defer c.running.Store(false)
	err := c.run(ctx, email, password)
	farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if c.config.leave && !c.closed() {
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

// failRun ends Run with the error of a handler of Ready that could not join a room. It reports false, and does not, if the client is in
// another room or joining one.
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
		return false // Run is ending with the error of another handler
	}
}

// inSomeRoom reports whether the client is in any room, or listens to one.
func (c *Client) inSomeRoom() bool {
	_, found := c.Rooms().Find((*Room).Joined)
	return found
}

// Wait waits until the connection has ended. It returns nil after Close or Logout, and an error if the connection ended for good by
// itself. Before Connect it returns [ErrNotConnected].
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

// Close ends the client for good: the connection, the subscriptions and the calls in flight. It returns nil, and may be called twice and
// from a handler. It does not wait for handlers; Done is closed when the last one has returned. A handler that has not returned
// after a second is logged at Warn with the function's name, through [slog.Default] if [WithLogger] was not used.
func (c *Client) Close() error {
	if !c.workers.Close() {
		return nil
	}
	c.events.close()
	c.end(ErrClosed)
	c.disconnect()
	go func() {
		stop := c.watchHandlers()
		c.workers.Wait()
		stop()
		if c.transport != nil {
			c.transport.Close()
		}
		close(c.done)
	}()
	return nil
}

// Done returns a channel that is closed after Close, when the client's last goroutine has returned, including those that run handlers.
func (c *Client) Done() <-chan struct{} { return c.done }
