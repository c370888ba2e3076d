package client

import (
	"fmt"
	"log/slog"
	"path"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/queup-go/queup/realtime"
)

// notices returns the logger for what a bot's author has to know without any option.
func (c *Client) notices() *slog.Logger {
	if c.config.logger != nil {
		return c.config.logger
	}
	return slog.Default()
}

// logLost logs the first loss of the link in an outage, and the end of the connection unless Run returns it. With [WithLogger]
// package realtime has logged both.
func (l *connection) logLost(e realtime.Disconnected) {
	first := l.lostAt.IsZero()
	if first {
		l.lostAt = time.Now()
	}
	c := l.client
	switch {
	case c.config.logger != nil:
	case e.Final && !c.running.Load():
		c.notices().WarnContext(c.workers.Context(), "queup: connection lost for good", slog.Any("error", e.Err))
	case !e.Final && first:
		c.notices().WarnContext(c.workers.Context(), "queup: connection lost", slog.Any("error", e.Err), slog.Duration("retry_in", e.RetryIn))
	}
}

// logBack logs the end of an outage.
func (l *connection) logBack() {
	if c := l.client; c.config.logger == nil {
		c.notices().InfoContext(c.workers.Context(), "queup: connection is back", slog.Duration("after", time.Since(l.lostAt)))
	}
	l.lostAt = time.Time{}
}

// handlerPatience is how long a handler may go on after Close before it is named in the log.
const handlerPatience = time.Second

// watchHandlers logs the handlers that do not return within handlerPatience. stop ends the watch.
func (c *Client) watchHandlers() (stop func()) {
	over, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		patience := time.NewTimer(handlerPatience)
		defer patience.Stop()
		select {
		case <-over:
			return
		case <-patience.C:
		}
		for _, s := range c.events.running() {
			c.notices().WarnContext(c.workers.Context(), "queup: waiting for a handler that does not return",
				slog.String("event", s.event), slog.String("handler", functionOf(s.code)))
		}
	}()
	return func() {
		close(over)
		<-watched
	}
}

// codeOf returns where the code of a function begins.
func codeOf(f any) uintptr { return reflect.ValueOf(f).Pointer() }

// functionOf returns the name of a function, with the file and line where it begins. For a method that was passed as a value the
// runtime knows the name only.
func functionOf(code uintptr) string {
	f := runtime.FuncForPC(code)
	if f == nil {
		return "unknown"
	}
	if method, isMethod := strings.CutSuffix(f.Name(), "-fm"); isMethod {
		return method
	}
	file, line := f.FileLine(code)
	return fmt.Sprintf("%s (%s:%d)", f.Name(), path.Base(file), line)
}
