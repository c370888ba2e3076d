package client_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queup-go/queup/client"
	"github.com/queup-go/queup/internal/testkit/canary"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// zipped is a complete answer whose body is begin, then next so many times, and end, compressed.
func zipped(begin, next string, times int, end string) string {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = io.WriteString(w, begin)
	chunk := strings.Repeat(next, 1000)
	for range times / 1000 {
		_, _ = io.WriteString(w, chunk)
	}
	_, _ = io.WriteString(w, end)
	_ = w.Close()
	return fmt.Sprintf("%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", jsonHeader, b.Len(), b.String())
}

// spent returns how much memory and virtual time f takes.
func spent(f func()) (bytes uint64, took time.Duration) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	took = time.Since(start)
	runtime.ReadMemStats(&after)
	if canary.Watching { // the hooks allocate more
		return 0, took
	}
	return after.TotalAlloc - before.TotalAlloc, took
}

// Promise Q16: what a hostile server can do to a call and to a connection has an end, which is soon, cheap and clear.
func TestQ16_hostileServers(t *testing.T) {
	t.Run("REST", testHostileREST)
	t.Run("websocket", testHostileWebsocket)
	t.Run("open websocket", testHostileFrames)
}

func testHostileREST(t *testing.T) {
	const (
		most = 256 << 20        // bytes allocated in all, which is far above what is needed at a time
		wait = 60 * time.Second // of one try
	)
	tests := map[string]struct {
		answer func(net.Conn, *http.Request)
		words  string // of the error
		within time.Duration
	}{
		"a bomb":                      {say(zipped(`{"code":200,"data":{"name":"`, "a", 48<<20, "")), "longer than 32 MiB", 0},
		"a bomb of members":           {say(zipped(`{"code":200,"data":{"a":0`, `,"a":0`, 5<<20, "}}")), "more objects and list entries than fit into 65536 KiB", 0},
		"a bomb of depth":             {say(zipped(`{"code":200,"data":`, "[", 30<<20, "")), "damaged or cut off", 0},
		"a body without end":          {endlessly(jsonHeader+"\r\n{", " "), "longer than 32 MiB", 0},
		"chunks without end":          {endlessly(jsonHeader+"Transfer-Encoding: chunked\r\n\r\n", "1000\r\n"+strings.Repeat("{", 0x1000)+"\r\n"), "longer than 32 MiB", 0},
		"a failure without end":       {endlessly("HTTP/1.1 400 Bad Request\r\n\r\n", "no "), "400 Bad Request", 0},
		"a redirect without end":      {endlessly("HTTP/1.1 302 Found\r\nLocation: https://evil.test/\r\n\r\n", "no "), "redirect to https://evil.test/", 0},
		"header lines without end":    {endlessly(jsonHeader, "X-Much: more\r\n"), "header", 5 * time.Second},
		"a header line without end":   {endlessly(jsonHeader+"X-Much: ", "more"), "header", 5 * time.Second},
		"a line that is no header":    {say(jsonHeader + strings.Repeat("a", 100_000) + "\r\n\r\n"), "malformed MIME header", 5 * time.Second},
		"hints without end":           {endlessly("", "HTTP/1.1 103 Early Hints\r\nX-Much: more\r\n\r\n"), "", 5 * time.Second},
		"a header, a byte a second":   {drip(jsonHeader), "takes too long", 3*wait + 5*time.Second},
		"a body, a byte a second":     {drip(jsonHeader + "\r\n{"), "takes too long", wait},
		"a failure, a byte a second":  {drip("HTTP/1.1 404 Not Found\r\n\r\n"), "404 Not Found", wait},
		"a 502, a byte a second":      {drip("HTTP/1.1 502 Bad Gateway\r\n\r\n"), "502 Bad Gateway", 3*wait + 5*time.Second},
		"no answer":                   {nothing, "takes too long", 3*wait + 5*time.Second},
		"the end of the connection":   {say(""), "EOF", 5 * time.Second},
		"no HTTP":                     {say("SSH-2.0-OpenSSH\r\n"), "HTTP", 5 * time.Second},
		"half an answer":              {say(jsonHeader + "Content-Length: 100\r\n\r\n{"), "EOF", 0},
		"a length beyond all numbers": {say(jsonHeader + "Content-Length: 99999999999999999999\r\n\r\n{"), "Content-Length", 5 * time.Second},
		"another host":                {redirect("https://evil.test/room/night-room"), "redirect to https://evil.test/", 0},
		"itself":                      {redirect("http://api.queup.test/room/night-room"), "redirect", 0},
		"a login elsewhere":           {redirect("https://evil.test/auth/login"), "redirect to https://evil.test/auth/login", 0},
		"a wait for ever":             {say("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 2147483647\r\nContent-Length: 0\r\n\r\n"), "429", 0},
	}
	calls := map[string]func(ctx context.Context, bot *client.Client) error{
		"room":  fetchRoom,
		"login": func(ctx context.Context, bot *client.Client) error { return bot.Login(ctx, "bot", canary.Password) },
		"token": func(ctx context.Context, bot *client.Client) error { return bot.Connect(ctx) },
	}
	for name, tt := range tests {
		for op, call := range calls {
			if (strings.HasPrefix(name, "a bomb") || strings.HasPrefix(name, "chunks")) && op != "room" || op == "login" && name == "a login elsewhere" {
				continue // the former take their time, the latter is another host
			}
			t.Run(op+" gets "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := &rawServer{answer: tt.answer}
					defer w.wg.Wait()
					bot, err := client.New(client.WithBaseURL("http://api.queup.test"), client.WithRealtimeURL("ws://ws.queup.test/ws/"),
						client.WithDialContext(w.dial), client.WithGuest())
					if err != nil {
						t.Fatal(err)
					}
					defer func() {
						_ = bot.Close()
						<-bot.Done()
					}()
					bytes, took := spent(func() { err = call(t.Context(), bot) })
					if err == nil {
						t.Fatal("the call succeeded")
					}
					refusal, refused := errors.AsType[*client.APIError](err)
					failure, failed := errors.AsType[*client.CallError](err)
					limit := tt.within
					switch {
					case refused && refusal.Op == op:
					case failed && failure.Op == op && failure.URL != "" && failure.Method != "":
						if failure.Timeout() != (tt.words == "takes too long") {
							t.Errorf("Timeout of %v", failure)
						}
					case op == "token" && errors.Is(err, realtime.ErrConnectTimeout): // the whole attempt is bounded
						limit = min(limit, 30*time.Second)
						took -= time.Nanosecond
					default:
						t.Errorf("err = %#v", err)
					}
					if text := err.Error(); !strings.Contains(text, op) && !strings.Contains(text, "connect") || len(text) > 500 ||
						!errors.Is(err, realtime.ErrConnectTimeout) && !strings.Contains(text, tt.words) {
						t.Errorf("err = %v", err)
					}
					if bytes > most || took > limit {
						t.Errorf("it took %v and %d MiB", took, bytes>>20)
					}
				})
			})
		}
	}
}

// upgrade opens a websocket by hand, with these header lines more.
func upgrade(conn net.Conn, req *http.Request, more string) {
	sum := sha1.Sum([]byte(req.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455 4.2.2
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
		base64.StdEncoding.EncodeToString(sum[:]), more)
}

// frame is a websocket frame of a server; first is its first byte.
func frame(first byte, data string) string {
	switch n := len(data); {
	case n < 126:
		return string([]byte{first, byte(n)}) + data
	case n <= math.MaxUint16:
		return string(binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(n))) + data
	default:
		return string(binary.BigEndian.AppendUint64([]byte{first, 127}, uint64(n))) + data
	}
}

// First bytes of frames, RFC 6455 5.2.
const (
	textFrame     = 0x81
	textBegins    = 0x01 // more fragments follow
	textGoesOn    = 0x00
	textDeflated  = 0xc1 // RFC 7692
	closeFrame    = 0x88
	pingFrame     = 0x89
	reservedFrame = 0x83
)

// speak opens a websocket and goes on with what attack writes; it reads what the client sends meanwhile.
func speak(more string, attack func(net.Conn, *http.Request)) func(net.Conn, *http.Request) {
	return func(conn net.Conn, req *http.Request) {
		upgrade(conn, req, more)
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { _, _ = io.Copy(io.Discard, conn) })
		attack(conn, req)
		_ = conn.Close()
	}
}

// deflated is the data of a frame of so many bytes, compressed.
func deflated(n int) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed)
	chunk := []byte(strings.Repeat("a", 1<<16))
	for range n / len(chunk) {
		_, _ = w.Write(chunk)
	}
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

const (
	openPacket      = `0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":60000}`
	connectedPacket = `4{"action":4,"clientId":"u","connectionId":"c"}`
)

func testHostileWebsocket(t *testing.T) {
	const deflate = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	bomb := frame(textDeflated, deflated(64<<20))
	if len(bomb) > 4<<20 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	handshake := func(err error) bool {
		_, ok := errors.AsType[*realtime.HandshakeError](err)
		return ok
	}
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	closed := func(err error) bool {
		_, ok := errors.AsType[*realtime.CloseError](err)
		return ok
	}
	refusedOrLate := func(err error) bool { return handshake(err) || errors.Is(err, context.DeadlineExceeded) } // at the same moment
	protocol := func(err error) bool { return strings.Contains(err.Error(), "websocket: ") }
	tests := map[string]struct {
		answer func(net.Conn, *http.Request)
		is     func(error) bool
		words  string
		within time.Duration
	}{
		"no answer":                         {nothing, is(context.DeadlineExceeded), "handshake took too long", 15 * time.Second},
		"a byte a second":                   {drip("HTTP/1.1 101 Switching Protocols\r\n"), is(context.DeadlineExceeded), "handshake took too long", 15 * time.Second},
		"header lines without end":          {endlessly("HTTP/1.1 101 Switching Protocols\r\n", "X-Much: more\r\n"), handshake, "more than 512 KiB", 0},
		"a header line without end":         {endlessly("HTTP/1.1 101 Switching Protocols\r\nX-Much: ", "more"), handshake, "more than 512 KiB", 0},
		"a line that is no header":          {say("HTTP/1.1 101 Switching Protocols\r\n" + strings.Repeat("a", 100_000) + "\r\n\r\n"), nil, "malformed MIME header", 0},
		"such a line without end":           {endlessly("HTTP/1.1 101 Switching Protocols\r\n", "more"), handshake, "more than 512 KiB", 0},
		"a status line without end":         {endlessly("HTTP/1.1 101 ", "more"), handshake, "more than 512 KiB", 0},
		"a refusal without end":             {endlessly("HTTP/1.1 500 Internal Server Error\r\n\r\n", "no "), handshake, "500 Internal Server Error", 0},
		"a refusal, a byte a second":        {drip("HTTP/1.1 500 Internal Server Error\r\n\r\n"), refusedOrLate, "handshake", 15 * time.Second},
		"another host":                      {redirect("wss://evil.test/ws/"), handshake, "302 Found", 0},
		"itself":                            {redirect("ws://ws.queup.test/ws/"), handshake, "302 Found", 0},
		"no HTTP":                           {say("SSH-2.0-OpenSSH\r\n"), nil, "malformed HTTP", 0},
		"a wrong key":                       {say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"), handshake, "bad handshake", 0},
		"compression that nobody asked for": {speak(deflate, say(frame(textFrame, openPacket)+bomb)), handshake, "not offered", 0},
		"half of it":                        {speak("Sec-WebSocket-Extensions: permessage-deflate\r\n", say(bomb)), handshake, "compression", 0},
		"some extension":                    {speak("Sec-WebSocket-Extensions: x-mine\r\n", say(bomb)), handshake, "not offered", 0},
		"a compressed frame":                {speak("", say(bomb)), protocol, "", 0},
		"a frame over the limit":            {speak("", say(frame(textFrame, strings.Repeat("a", 1<<20+1)))), is(realtime.ErrReadLimit), "read limit", 0},
		"the length of such a frame":        {speak("", say("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff")), is(realtime.ErrReadLimit), "read limit", 0},
		"a negative length":                 {speak("", say("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff")), nil, "", 0},
		"fragments without end":             {speak("", endlessly(frame(textBegins, "0"), frame(textGoesOn, strings.Repeat("a", 1000)))), is(realtime.ErrReadLimit), "read limit", 0},
		"a reserved frame":                  {speak("", say(frame(reservedFrame, "a"))), protocol, "", 0},
		"a long ping":                       {speak("", say(frame(pingFrame, strings.Repeat("a", 1000)))), protocol, "", 0},
		"a refusal in a close frame":        {speak("", say(frame(closeFrame, "\x03\xf0no"))), closed, "1008", 0},
		"silence":                           {speak("", nothing), is(realtime.ErrConnectTimeout), "", 30 * time.Second},
		"a frame, a byte a second":          {speak("", drip("\x81\x7e\xff\xff0{")), is(realtime.ErrConnectTimeout), "", 30 * time.Second},
		"silence after open":                {speak("", func(c net.Conn, r *http.Request) { say(frame(textFrame, openPacket))(c, r); nothing(c, r) }), is(realtime.ErrConnectTimeout), "", 30 * time.Second},
		"noops for a while":                 {speak("", drip(frame(textFrame, openPacket)+strings.Repeat(frame(textFrame, "6"), 10_000))), nil, "", 30 * time.Second},
		"another protocol":                  {speak("", say(frame(textFrame, "hello"))), is(realtime.ErrPacket), "", 0},
		"open without JSON":                 {speak("", say(frame(textFrame, "0["))), nil, "open packet", 0},
		"an error":                          {speak("", say(frame(textFrame, openPacket)+frame(textFrame, `4{"action":9,"error":"`+strings.Repeat("no ", 1000)+`"}`))), nil, "no no", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &rawServer{answer: tt.answer}
				defer w.wg.Wait()
				bot := newClient(t, func(*http.Request) answer { return ok(`{"token":"tok-1234567890"}`) },
					client.WithRealtimeURL("ws://ws.queup.test/ws/"), client.WithDialContext(w.dial), client.WithGuest())
				var err error
				bytes, took := spent(func() { err = bot.Connect(t.Context()) })
				switch {
				case err == nil:
					t.Fatal("it is connected")
				case !strings.HasPrefix(err.Error(), "queup: connect: ") || !strings.Contains(err.Error(), tt.words) || strings.Contains(err.Error(), "tok-1"), len(err.Error()) > 500 && name != "an error":
					t.Errorf("err = %v", err)
				case tt.is != nil && !tt.is(err):
					t.Errorf("err = %#v", err)
				}
				if bytes > 32<<20 || took > tt.within {
					t.Errorf("it took %v and %d MiB", took, bytes>>20)
				}
			})
		})
	}
}

// What a server does on an open websocket costs that websocket, and the next one is opened.
func testHostileFrames(t *testing.T) {
	tests := map[string]struct {
		attack func(net.Conn, *http.Request)
		is     error // nil for a frame that the connection survives
		within time.Duration
	}{
		"a frame over the limit":    {say(frame(textFrame, strings.Repeat("a", 1<<20+1))), realtime.ErrReadLimit, 0},
		"fragments without end":     {endlessly(frame(textBegins, "4"), frame(textGoesOn, "aaaaaaaaaa")), realtime.ErrReadLimit, 0},
		"silence":                   {nothing, realtime.ErrHeartbeat, 86 * time.Second},
		"a frame, a byte a second":  {drip("\x81\x7e\xff\xff4{"), realtime.ErrHeartbeat, 86 * time.Second},
		"nothing but pings":         {endlesslySlow(frame(pingFrame, "")), realtime.ErrHeartbeat, 86 * time.Second},
		"empty fragments, for ever": {endlesslySlow(frame(textBegins, ""), frame(textGoesOn, "")), realtime.ErrHeartbeat, 86 * time.Second},
		"nonsense":                  {say(frame(textFrame, "x") + frame(textFrame, "4[") + frame(textFrame, "4"+strings.Repeat("[", 1<<19)) + frame(textFrame, "\xff")), nil, 0},
		"compressed":                {say(frame(textDeflated, deflated(64<<20))), nil, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				links := 0
				w := &rawServer{}
				w.answer = speak("", func(conn net.Conn, req *http.Request) {
					links++
					say(frame(textFrame, openPacket)+frame(textFrame, connectedPacket))(conn, req)
					if links == 1 {
						tt.attack(conn, req)
						if tt.is == nil {
							return
						}
					}
					nothing(conn, req)
				})
				defer w.wg.Wait()
				bot := newClient(t, func(*http.Request) answer { return ok(`{"token":"tok-1234567890"}`) },
					client.WithRealtimeURL("ws://ws.queup.test/ws/"), client.WithDialContext(w.dial), client.WithGuest())
				lost, back := make(chan error, 9), make(chan struct{}, 9)
				client.On(bot, func(_ context.Context, e client.Disconnected) error { lost <- e.Err; return nil })
				client.On(bot, func(context.Context, client.Reconnected) error { back <- struct{}{}; return nil })
				var err error
				bytes, took := spent(func() {
					if err = bot.Connect(t.Context()); err == nil {
						err = <-lost
					}
				})
				if tt.is != nil && !errors.Is(err, tt.is) || bytes > 32<<20 || took > tt.within {
					t.Errorf("after %v and %d MiB: %v", took, bytes>>20, err)
				}
				<-back
			})
		})
	}
}

// endlesslySlow sends what begins and then, ten times a second, what goes on.
func endlesslySlow(frames ...string) func(net.Conn, *http.Request) {
	return func(conn net.Conn, _ *http.Request) {
		_, err := io.WriteString(conn, frames[0])
		for err == nil {
			time.Sleep(100 * time.Millisecond)
			_, err = io.WriteString(conn, frames[len(frames)-1])
		}
	}
}

// Promise Q17: password, cookies and token go to the hosts that were named, and not readable over a network.
func TestQ17_credentialsStayHome(t *testing.T) {
	t.Run("redirects", testRedirects)
	t.Run("plaintext", testPlaintext)
}

// A home is QueUp on hosts of the test, and a thief on all others.
type home struct {
	server *queuptest.Server
	mu     sync.Mutex
	astray []string // guarded by mu; who else was dialled
	stolen []string // guarded by mu; requests that came to the thief
	wg     sync.WaitGroup
}

func (h *home) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr == "api.queup.test:80" || addr == "ws.queup.test:80" {
		return h.server.DialContext(ctx, network, addr)
	}
	h.mu.Lock()
	h.astray = append(h.astray, addr)
	h.mu.Unlock()
	w := &rawServer{answer: func(conn net.Conn, req *http.Request) {
		h.mu.Lock()
		h.stolen = append(h.stolen, req.Method+" "+req.Host)
		h.mu.Unlock()
		say(jsonHeader+"Content-Length: 2\r\n\r\n{}")(conn, req)
	}}
	conn, err := w.dial(ctx, network, addr)
	h.wg.Go(w.wg.Wait)
	return conn, err
}

func testRedirects(t *testing.T) {
	places := []string{
		"http://evil.test/auth/login", "http://evil.test/", "https://evil.test/ws/", "//evil.test/auth/login", "http://api.queup.test@evil.test/",
		"http://queup.test/", "http://api.queup.test:8080/", "http://api.queup.test.evil.test/auth/login",
	}
	clients := map[string][]client.Option{
		"our own client":     nil,
		"a client that goes": {client.WithHTTPClient(&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }})},
	}
	for name, opts := range clients {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				status, to := 0, ""        // guarded by mu
				var requests, bad []string // guarded by mu
				steer := func(s int, place string) {
					mu.Lock()
					defer mu.Unlock()
					status, to = s, place
				}
				h := &home{server: queuptest.NewServer(queuptest.InMemory(), queuptest.WithHandler(func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						mu.Lock()
						status, to := status, to
						socket := req.Host == "ws.queup.test"
						requests = append(requests, req.Host+req.URL.Path)
						if socket != req.URL.Query().Has("access_token") || socket && (len(req.Cookies()) > 0 || req.Header.Get("Authorization") != "") {
							bad = append(bad, req.Host+req.URL.String())
						}
						mu.Unlock()
						if status == 0 || !socket && strings.HasPrefix(to, "ws:") {
							http.SetCookie(w, &http.Cookie{Name: "wide", Value: "canary", Domain: "queup.test", Path: "/"})
							next.ServeHTTP(w, req)
							return
						}
						w.Header().Set("Location", to)
						w.WriteHeader(status)
					})
				}))}
				defer h.wg.Wait()
				defer h.server.Close()
				bot, err := client.New(append([]client.Option{
					client.WithBaseURL("http://api.queup.test"), client.WithRealtimeURL("ws://ws.queup.test/ws/"), client.WithDialContext(h.dial),
					client.WithRateLimit(0, 0), client.WithErrorHandler(func(context.Context, error) {}),
				}, opts...)...)
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					_ = bot.Close()
					<-bot.Done()
				}()
				calls := client.EveryCall(t, bot)
				for i, status := range []int{301, 302, 303, 307, 308} {
					for j, place := range places {
						steer(status, place)
						if err := bot.Login(t.Context(), "bot", canary.Password); err == nil {
							t.Errorf("login: %d to %s is taken for success", status, place)
						}
						if j%5 != i { // each place gets one of them for everything else
							continue
						}
						steer(0, "")
						if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
							t.Fatal(err)
						}
						steer(status, place)
						for _, c := range calls {
							_, _ = c.Do(t.Context()) // some operations answer with redirects
						}
						if err := bot.Connect(t.Context()); err == nil {
							t.Errorf("connect: %d to %s is taken for success", status, place)
						}
						if _, err := bot.JoinRoom(t.Context(), "lounge"); err == nil {
							t.Errorf("join: %d to %s is taken for success", status, place)
						}
					}
				}
				steer(0, "")
				if err := bot.Login(t.Context(), "bot", canary.Password); err != nil {
					t.Fatal(err)
				}
				if err := bot.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				steer(302, "ws://evil.test/ws/?access_token=mine")
				h.server.CutLinks()
				settle(2 * time.Minute) // the handshakes of many attempts
				h.mu.Lock()
				defer h.mu.Unlock()
				mu.Lock()
				defer mu.Unlock()
				if len(h.astray) > 0 || len(h.stolen) > 0 || len(bad) > 0 {
					t.Errorf("dialled %q, stolen %q, bad %q", h.astray, h.stolen, bad)
				}
				if sockets := len(requests) - len(slices.DeleteFunc(slices.Clone(requests), func(r string) bool { return r == "ws.queup.test/ws/" })); sockets < 5 ||
					len(requests) < 1000 {
					t.Errorf("only %d requests, %d of them for a websocket", len(requests), sockets)
				}
			})
		})
	}
	t.Run("what a client without care does", func(t *testing.T) { // the thief would notice
		synctest.Test(t, func(t *testing.T) {
			h := &home{server: queuptest.NewServer(queuptest.InMemory(), intercept("GET", "/auth", func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
				http.Redirect(w, req, "http://evil.test/", http.StatusFound)
			}))}
			defer h.wg.Wait()
			defer h.server.Close()
			careless := &http.Client{Transport: &http.Transport{DialContext: h.dial, DisableKeepAlives: true}}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.queup.test/auth/session", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := careless.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			expect(t, "stolen", h.stolen, []string{"GET evil.test"})
		})
	})
}

// testPlaintext is about who may be spoken to without encryption: this machine, and what the user carries.
func testPlaintext(t *testing.T) {
	t.Helper()
	proxy := func(address string) client.Option {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return client.WithProxy(u)
	}
	dial := client.WithDialContext(func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed })
	transport := client.WithTransport(http.NewFileTransport(http.Dir(t.TempDir())))
	dialer := client.WithDialer(&realtime.WebsocketDialer{})
	ownClient := client.WithHTTPClient(&http.Client{Transport: http.NewFileTransport(http.Dir(t.TempDir()))})
	rest, socket := client.WithBaseURL("http://api.queup.net"), client.WithRealtimeURL("ws://ws.queup.net/ws/")
	tests := map[string]struct {
		opts    []client.Option
		refused []string // options
	}{
		"encrypted":                    {nil, nil},
		"REST":                         {[]client.Option{rest}, []string{"WithBaseURL"}},
		"websocket":                    {[]client.Option{socket}, []string{"WithRealtimeURL"}},
		"both":                         {[]client.Option{rest, socket}, []string{"WithBaseURL", "WithRealtimeURL"}},
		"the user says so":             {[]client.Option{rest, socket, client.WithPlaintext()}, nil},
		"an address":                   {[]client.Option{client.WithBaseURL("http://192.0.2.1:80")}, []string{"WithBaseURL"}},
		"the network at home":          {[]client.Option{client.WithBaseURL("http://192.168.0.1")}, []string{"WithBaseURL"}},
		"any address":                  {[]client.Option{client.WithBaseURL("http://0.0.0.0")}, []string{"WithBaseURL"}},
		"a name like loopback":         {[]client.Option{client.WithBaseURL("http://127.0.0.1.example.com")}, []string{"WithBaseURL"}},
		"a name like localhost":        {[]client.Option{client.WithBaseURL("http://localhost.example.com")}, []string{"WithBaseURL"}},
		"a user like loopback":         {[]client.Option{client.WithBaseURL("http://127.0.0.1@example.com")}, []string{"WithBaseURL"}},
		"a name":                       {[]client.Option{client.WithBaseURL("http://LocalHost:8080"), client.WithRealtimeURL("ws://localhost/")}, nil},
		"IPv4":                         {[]client.Option{client.WithBaseURL("http://127.0.0.1:1"), client.WithRealtimeURL("ws://127.255.0.9/")}, nil},
		"IPv6":                         {[]client.Option{client.WithBaseURL("http://[::1]:1"), client.WithRealtimeURL("ws://[::ffff:127.0.0.1]/")}, nil},
		"IPv6 elsewhere":               {[]client.Option{client.WithBaseURL("http://[2001:db8::1]")}, []string{"WithBaseURL"}},
		"the user dials":               {[]client.Option{rest, socket, dial}, nil},
		"the user carries":             {[]client.Option{rest, socket, transport, dialer}, nil},
		"the user carries REST":        {[]client.Option{rest, socket, transport}, []string{"WithRealtimeURL"}},
		"the user carries websockets":  {[]client.Option{rest, socket, dialer}, []string{"WithBaseURL"}},
		"a client that carries":        {[]client.Option{rest, ownClient}, nil},
		"a client that does not":       {[]client.Option{rest, client.WithHTTPClient(&http.Client{})}, []string{"WithBaseURL"}},
		"a tunnel that begins here":    {[]client.Option{rest, socket, proxy("socks5h://127.0.0.1:1080")}, nil},
		"a proxy elsewhere":            {[]client.Option{rest, socket, proxy("https://proxy.example.com")}, []string{"WithBaseURL", "WithRealtimeURL"}},
		"this machine, from elsewhere": {[]client.Option{client.WithBaseURL("http://127.0.0.1"), proxy("http://proxy.example.com")}, []string{"WithBaseURL"}},
		"encrypted, through a proxy":   {[]client.Option{proxy("http://proxy.example.com")}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bot, err := client.New(tt.opts...)
			if bot != nil {
				_ = bot.Close()
				<-bot.Done()
			}
			var refused []string
			for _, err := range unjoined(err) {
				problem, ok := errors.AsType[*client.ArgumentError](err)
				if !ok {
					t.Fatalf("err = %v", err)
				}
				refused = append(refused, problem.Op)
				expectWords(t, "the reason", problem.Reason, []string{"not encrypted", "WithPlaintext", "password", "cookies", "token"})
			}
			expect(t, "refused options", refused, tt.refused)
		})
	}
}

func unjoined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok { // what New returns, not what it wraps
		return all.Unwrap()
	}
	return nil
}
