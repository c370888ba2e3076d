package queuptest

import (
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/queup-go/queup/internal/redact"
	"github.com/queup-go/queup/internal/saturate"
	"github.com/queup-go/queup/realtime"
)

// socketPath is where websockets open, see docs/PROTOCOL.md 5.1.
const socketPath = "/ws/"

func isSocketPath(path string) bool { return path == socketPath || path+"/" == socketPath }

const (
	maxFrame     = 1 << 20                // of what a client sends
	maxQueue     = 16 << 10               // frames that wait for a client to read
	maxQueueSize = 32 << 20               // and their bytes
	writeTimeout = 10 * time.Second       // for one frame
	goodbye      = 250 * time.Millisecond // for all that is left to write
)

const textBadToken = "invalid token"

// link is one websocket. One goroutine reads, that of the HTTP handler, and one writes.
type link struct {
	s        *Server
	conn     *websocket.Conn
	id       string
	identity identity
	agent    string        // as in the log
	done     chan struct{} // closed by cut
	wake     chan struct{} // holds a token when there is something for the writer to do

	mu      sync.Mutex // guards these
	queue   []outgoing
	size    int           // of queue, in bytes
	taken   chan struct{} // closed when the writer takes the queue; nil if nobody waits for that
	ended   bool          // nothing is queued any more
	leaving bool          // the writer is to say goodbye when queue is empty
	limit   *time.Timer   // of leaving; nil before
	life    *time.Timer   // ends a link that flaps; nil for none

	attached map[string]bool                   // channels; guarded by state.mu
	present  map[string]*realtime.PresenceBody // what was entered, by channel; guarded by state.mu
}

// outgoing is a frame on its way, possibly to many.
type outgoing struct {
	packet []byte
	log    *logText
	raw    bool // packet is whole frames with their headers, and log is nil; see sendRaw
}

func newPacket(t realtime.PacketType, data []byte) outgoing {
	packet := realtime.AppendPacket(nil, t, data)
	return outgoing{packet: packet, log: newLogText(packet)}
}

func newOutgoing(f realtime.Frame) outgoing {
	packet := realtime.AppendFrame([]byte{byte(realtime.PacketMessage)}, f)
	return outgoing{packet: packet, log: newLogText(packet)}
}

// serveSocket opens a websocket and stays until it ends.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	who, ok := s.tokens.get(r.URL.Query().Get("access_token"))
	s.mu.Unlock()
	if !ok {
		errorE1(http.StatusUnauthorized, textBadToken).write(w)
		return
	}
	exchangeOf(r.Context()).user(s.username(who.account))
	up := websocket.Upgrader{
		HandshakeTimeout: writeTimeout,
		CheckOrigin:      func(*http.Request) bool { return true },
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			errorE1(status, reason.Error()).write(w)
		},
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // answered by up
	}
	l := &link{
		s:        s,
		conn:     conn,
		identity: who,
		agent:    redact.Text(r.UserAgent()),
		done:     make(chan struct{}),
		wake:     make(chan struct{}, 1),
		attached: map[string]bool{},
		present:  map[string]*realtime.PresenceBody{},
	}
	if !s.open(l) {
		_ = conn.Close()
		return
	}
	var writer sync.WaitGroup
	writer.Go(l.write)
	l.read()
	l.cut()
	s.forget(l)
	writer.Wait()
}

// open makes a link known and greets it. It returns false if the server is closed, or restarts.
func (s *Server) open(l *link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.down {
		return false
	}
	s.links[l] = struct{}{}
	l.id = s.id(idConnection)
	l.send(newPacket(realtime.PacketOpen, realtime.AppendOpen(nil, realtime.Open{
		SID: l.id, PingInterval: s.config.pingInterval, PingTimeout: s.config.pingTimeout,
	})))
	l.send(newOutgoing(realtime.Frame{
		Action: realtime.ActionConnected, ClientID: l.identity.clientID, ConnectionID: l.id,
	}))
	s.limitLife(l)
	return true
}

// forget takes a link out of all channels; its presence goes with it.
func (s *state) forget(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, l)
	for channel := range l.attached {
		s.detach(l, channel)
	}
	for channel := range l.present {
		s.presenceLeft(l, channel)
	}
}

// cut ends the link at once. It does not block.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.ended = true
		l.queue = nil
		close(l.done)
		for _, timer := range []*time.Timer{l.limit, l.life} {
			if timer != nil && timer.Stop() {
				l.s.timers.Done()
			}
		}
	}
	_ = l.conn.NetConn().Close() // the peer sees a broken connection, whatever this returns
}

// goAway ends the link when what is queued is written, but soon.
func (l *link) goAway() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.leaving {
		return
	}
	l.leaving = true
	l.s.timers.Add(1)
	l.limit = time.AfterFunc(goodbye, func() {
		defer l.s.timers.Done()
		l.cut()
	})
	l.awake()
}

// send queues a frame. It does not block: a link that does not read is cut, and the others go on.
func (l *link) send(o outgoing) {
	l.mu.Lock()
	if l.ended || l.leaving {
		l.mu.Unlock()
		return
	}
	l.queue = append(l.queue, o)
	l.size += len(o.packet)
	full := len(l.queue) > maxQueue || l.size > maxQueueSize
	l.mu.Unlock()
	if full {
		l.cut()
		return
	}
	l.awake()
}

func (l *link) awake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// next takes all that is queued.
func (l *link) next() (queue []outgoing, leaving bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue = l.queue
	l.queue, l.size = nil, 0
	if l.taken != nil {
		close(l.taken)
		l.taken = nil
	}
	return queue, l.leaving
}

// write is the writer: it sends what is queued until the link ends.
func (l *link) write() {
	defer l.cut()
	for {
		queue, leaving := l.next()
		for _, o := range queue {
			if err := l.put(o); err != nil {
				return
			}
		}
		if leaving {
			bye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
			_ = l.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(goodbye)) // a courtesy
			return
		}
		select {
		case <-l.wake:
		case <-l.done:
			return
		}
	}
}

// put writes one frame, or some that are ready. Nothing of gorilla's is in the way of the latter: it keeps no part of a frame
// back between two calls.
func (l *link) put(o outgoing) error {
	deadline := time.Now().Add(writeTimeout)
	if o.raw {
		_ = l.conn.NetConn().SetWriteDeadline(deadline) // never fails; the write tells
		_, err := l.conn.NetConn().Write(o.packet)
		return err
	}
	l.log(false, o.log)
	_ = l.conn.SetWriteDeadline(deadline) // never fails; the write tells
	return l.conn.WriteMessage(websocket.TextMessage, o.packet)
}

// read is the reader: it answers what comes until the link ends, or until the client has not pinged for too long.
func (l *link) read() {
	l.conn.SetReadLimit(maxFrame)
	patience := saturate.Add(l.s.config.pingInterval, l.s.config.pingTimeout)
	_ = l.conn.SetReadDeadline(time.Now().Add(patience)) // never fails; the read tells
	for {
		_, data, err := l.conn.ReadMessage()
		if err != nil {
			return
		}
		l.log(true, newLogText(data))
		pinged, goOn := l.receive(data)
		if !goOn {
			return
		}
		if pinged {
			_ = l.conn.SetReadDeadline(time.Now().Add(patience))
		}
	}
}

func (l *link) log(in bool, text *logText) {
	l.s.log.add(Entry{In: in, Kind: KindWS, Agent: l.agent, User: l.s.username(l.identity.account)}, text)
}
