package realtime

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/queup-go/queup/internal/printable"
)

// Opcode is the kind of a websocket data frame.
type Opcode int

// The opcodes of RFC 6455.
const (
	Text   Opcode = 1
	Binary Opcode = 2
)

// String returns "text" or "binary".
func (op Opcode) String() string {
	switch op {
	case Text:
		return "text"
	case Binary:
		return "binary"
	}
	return "opcode " + strconv.Itoa(int(op))
}

// Dialer opens websockets. Cassettes, faults and fakes plug in here.
//
// Dial returns when the handshake is complete, with a *[HandshakeError] if the server answered with anything but a websocket.
// It ends soon after ctx does. The URL holds the access token and must not appear in an error or a log. A dialer is safe for
// concurrent use.
type Dialer interface {
	Dial(ctx context.Context, url string, h http.Header) (Socket, error)
}

// Socket is one open websocket. One goroutine reads (and sets the read deadline), one writes (and sets the write deadline);
// Close may be called from anywhere, and more than once.
type Socket interface {
	// Read returns the next data frame; data is valid until the next Read. It returns a *[CloseError] when the other side
	// closed, and an error that matches os.ErrDeadlineExceeded when the deadline has passed. An error is final.
	Read() (op Opcode, data []byte, err error)
	// Write sends one data frame. An error is final.
	Write(op Opcode, data []byte) error
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	// Close ends the socket and makes a waiting Read and Write return. It sends a close frame with code and reason if it
	// can do so within about a second; with code 0 it sends none and takes no time.
	Close(code int, reason string) error
}

// HandshakeError is the answer of a server that did not open a websocket. It never holds the URL.
type HandshakeError struct {
	// Status is the HTTP status; 401, 403 and 302 to the login page mean that the token is not valid. It is 0 if the answer
	// was too long to be read.
	Status int
	Body   []byte // the beginning of the answer, at most 1 KiB, without the token
	// RetryAfter is the wait the server asks for; zero if it does not. [Backoff] keeps to it.
	RetryAfter time.Duration
	Err        error // of the websocket library
}

// Error names the status, or the fault of an answer whose status is not an error.
func (e *HandshakeError) Error() string {
	if e.Err != nil && (e.Status == 0 || e.Status == http.StatusSwitchingProtocols) {
		return printable.Text("realtime: handshake failed: " + e.Err.Error())
	}
	text := "realtime: handshake refused: " + strconv.Itoa(e.Status)
	if name := http.StatusText(e.Status); name != "" {
		text += " " + name
	}
	return text
}

// Unwrap returns Err.
func (e *HandshakeError) Unwrap() error { return e.Err }

// CloseError is returned when the other side has closed the websocket.
type CloseError struct {
	Code   int    // RFC 6455 7.4; 1006 is a connection that broke without a close frame
	Reason string // as the server gave it, often empty
}

// Error names code and reason.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("realtime: websocket closed (%d)", e.Code)
	}
	return printable.Text(fmt.Sprintf("realtime: websocket closed (%d): %s", e.Code, e.Reason))
}

var (
	// ErrClosed is returned by calls after [Conn.Close]. After the connection has ended for good it wraps the reason, too.
	ErrClosed = errors.New("realtime: connection closed")
	// ErrNotConnected is returned by calls before [Conn.Connect].
	ErrNotConnected = errors.New("realtime: not connected")
	// ErrAlreadyConnected is returned by [Conn.Connect] when it was called before and has succeeded or is under way.
	ErrAlreadyConnected = errors.New("realtime: already connected")
	// ErrNoAnswer is returned when the server did not answer a request within Config.RequestTimeout.
	ErrNoAnswer = errors.New("realtime: no answer from the server")
	// ErrNotSent is returned by [Conn.Publish] when the message could not be written, or the link broke over it.
	ErrNotSent = errors.New("realtime: not sent")
	// ErrConnectTimeout ends an attempt to connect after Config.ConnectTimeout.
	ErrConnectTimeout = errors.New("realtime: connecting took too long")
	// ErrHeartbeat ends a link on which no frame, or no pong, was received for as long as the open packet allows.
	ErrHeartbeat = errors.New("realtime: the server fell silent")
	// ErrServerClosed ends a link when the server sent the Engine.IO close packet.
	ErrServerClosed = errors.New("realtime: the server closed the session")
	// ErrReadLimit ends a link when a frame is larger than [WebsocketDialer].ReadLimit.
	ErrReadLimit = errors.New("realtime: frame over the read limit")
)

// errPermanent is what [Permanent] errors match.
var errPermanent = errors.New("permanent")

type permanentError struct{ err error }

func (e *permanentError) Error() string        { return e.err.Error() }
func (e *permanentError) Unwrap() error        { return e.err }
func (e *permanentError) Is(target error) bool { return target == errPermanent }

// Permanent marks an error of Config.Token (or of a [Dialer]) that a retry cannot fix, such as a wrong password. The connection
// ends after this attempt. Every other error is transient. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether err was marked by [Permanent].
func IsPermanent(err error) bool { return errors.Is(err, errPermanent) }
