package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// hookTries is how often a line is posted before the bridge gives up.
	hookTries = 4
	// maxIncoming bounds the JSON of a posted line in bytes, maxText its text in characters.
	maxIncoming = 64 << 10
	maxText     = 1000
)

// hook is the way out to a webhook.
type hook struct {
	address string // it may hold a secret, as with many services, so no error contains it
	client  *http.Client
}

func newHook(address string) (*hook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("QUEUP_WEBHOOK is not an http or https address")
	}
	return &hook{address: address, client: &http.Client{Timeout: 10 * time.Second, CheckRedirect: stay}}, nil
}

// stay does not follow redirects: lines go only to the configured address.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// post sends a line to the webhook. It retries after a second and more if the webhook could not be reached or failed. Later
// lines wait meanwhile, so they keep their order. A line that arrives twice has the same id.
func (h *hook) post(ctx context.Context, l line) error {
	body, err := json.Marshal(l)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		transient, err := h.try(ctx, body)
		if err == nil || !transient || try == hookTries {
			return err
		}
		select {
		case <-time.After(time.Second << (try - 1)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// try posts once, and reports whether the error is transient.
func (h *hook) try(ctx context.Context, body []byte) (transient bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("webhook: the address is not valid")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.client.Do(req)
	if err != nil {
		if sent, ok := errors.AsType[*url.Error](err); ok {
			err = sent.Err // without the address
		}
		return ctx.Err() == nil, fmt.Errorf("webhook: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxIncoming)) // so that the connection can be reused
	if resp.StatusCode/100 == 2 {
		return false, nil
	}
	return resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests, fmt.Errorf("webhook: answered %d", resp.StatusCode)
}

// incoming returns the handler that sends posted lines to a room. It answers when the line has been sent. A line whose id has
// already crossed, or that has the mark, is accepted and not sent: it comes from here, from another bridge, or a second time.
func (b *bridge) incoming(slug string) http.Handler {
	send := b.to(slug)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		l, status, err := readLine(w, req)
		if err != nil {
			http.Error(w, err.Error(), status)
			return
		}
		b.inbound.Lock()
		defer b.inbound.Unlock()
		if l.ID != "" && b.crossed.has(l.ID) || strings.HasPrefix(l.Text, strings.TrimSpace(mark)) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		// The line is sent even if the caller does not wait for the answer. When it posts the line again, it is not sent twice.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), time.Minute)
		defer cancel()
		if err := send(ctx, l); err != nil {
			b.out.line("— a line of %s was not said: %v", l.User, err)
			http.Error(w, "the line could not be said", http.StatusBadGateway)
			return
		}
		b.crossed.add(l.ID)
		w.WriteHeader(http.StatusNoContent)
	})
}

// readLine reads a posted line. A page in a browser can post to the loopback, too, but it cannot post JSON, nor use a name of the
// loopback as the host.
func readLine(w http.ResponseWriter, req *http.Request) (l line, status int, err error) {
	host := req.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	switch {
	case host != "localhost" && (ip == nil || !ip.IsLoopback()):
		return l, http.StatusForbidden, errors.New("this is for programs of this machine")
	case req.Method != http.MethodPost:
		return l, http.StatusMethodNotAllowed, errors.New("post a line")
	case kind != "application/json":
		return l, http.StatusUnsupportedMediaType, errors.New("the Content-Type must be application/json")
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, req.Body, maxIncoming)).Decode(&l); err != nil {
		return l, http.StatusBadRequest, errors.New(`post JSON such as {"id":"1","user":"zoe","text":"hello"}`)
	}
	l.Text = plain(l.Text)
	switch {
	case l.Text == "" || name(l.User) == "":
		return l, http.StatusBadRequest, errors.New("user and text must not be empty")
	case utf8.RuneCountInString(l.Text) > maxText:
		return l, http.StatusRequestEntityTooLarge, fmt.Errorf("text has more than %d characters", maxText)
	}
	return l, 0, nil
}
