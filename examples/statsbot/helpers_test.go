package main

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/queup-go/queup/queuptest"
)

// brokenHistory is a transport that loses the third page of the history until it is mended.
type brokenHistory struct {
	next   *http.Transport
	mended atomic.Bool
}

func (b *brokenHistory) wrap(server *queuptest.Server) http.RoundTripper {
	b.next = &http.Transport{DialContext: server.DialContext}
	return b
}

func (b *brokenHistory) mend()  { b.mended.Store(true) }
func (b *brokenHistory) close() { b.next.CloseIdleConnections() }

// RoundTrip answers as a host in trouble does.
func (b *brokenHistory) RoundTrip(req *http.Request) (*http.Response, error) {
	if !b.mended.Load() && strings.HasSuffix(req.URL.Path, "/playlist/history") && req.URL.Query().Get("page") == "3" {
		return &http.Response{
			Status: "500 Internal Server Error", StatusCode: http.StatusInternalServerError, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"text/plain"}}, Body: http.NoBody, Request: req,
		}, nil
	}
	return b.next.RoundTrip(req)
}
