package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

const (
	heartbeat   = 15 * time.Second // so that both sides notice when the other is gone
	writeTime   = 10 * time.Second // a browser that reads nothing for so long is gone
	maxBrowsers = 32
)

// A pageListener listens on the address of the page.
type pageListener struct {
	net.Listener
	remote bool
}

// listen opens the page's address. The page has no password, so without remote only this machine can use it.
func listen(ctx context.Context, addr string, remote bool) (*pageListener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-listen is a host and a port, such as 127.0.0.1:8017: %w", err)
	}
	if !remote && !isLoopback(host) {
		return nil, fmt.Errorf("-listen %s could be seen by other machines, and the page has no password: use 127.0.0.1, or say -remote if you mean it", addr)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("the page cannot be at %s, -listen names another address: %w", addr, err)
	}
	return &pageListener{l, remote}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// shownAddress returns an address of the page for this machine. If the listener is on all addresses, it is the loopback.
func shownAddress(addr net.Addr) string {
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil || !at.Addr().IsUnspecified() {
		return addr.String()
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port()).String()
}

// A page is the web server.
type page struct {
	server *http.Server
	screen *screen
	failed chan error
}

// serve starts the web server of the page.
func (l *pageListener) serve(s *screen) *page {
	p := &page{
		server: &http.Server{Handler: handler(s, l.remote), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10},
		screen: s,
		failed: make(chan error, 1),
	}
	go func() {
		if err := p.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- err
		}
	}()
	return p
}

// close ends the streams, then the server.
func (p *page) close() {
	p.screen.close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if p.server.Shutdown(ctx) != nil {
		_ = p.server.Close()
	}
}

// handler serves the page and its events.
func handler(s *screen, remote bool) http.Handler {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.Handle("GET /events", &events{screen: s, seats: make(chan struct{}, maxBrowsers)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A website elsewhere can point its own name to our address, and the browser would let it in.
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if !remote && !isLoopback(strings.Trim(host, "[]")) {
			http.Error(w, "this page is for this machine alone", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// events is the stream of pictures, as server-sent events.
type events struct {
	screen *screen
	seats  chan struct{} // one for each browser
}

// ServeHTTP sends the latest picture at once and each time there is a newer one. Only this goroutine waits for the browser. A
// slow browser misses pictures, and one that reads nothing is disconnected.
func (e *events) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case e.seats <- struct{}{}:
		defer func() { <-e.seats }()
	default:
		http.Error(w, "too many browsers look at this page", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(text string) error {
		c := http.NewResponseController(w)
		if err := c.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			return err
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return err
		}
		return c.Flush()
	}
	if send("retry: 1000\n\n") != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		picture, changed := e.screen.look()
		data, err := picture.encode(time.Now())
		if err != nil || send("event: picture\ndata: "+string(data)+"\n\n") != nil {
			return
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-beat.C:
				if send("event: beat\ndata: 0\n\n") != nil {
					return
				}
			case <-r.Context().Done():
				return
			case <-e.screen.done:
				return
			}
		}
	}
}
