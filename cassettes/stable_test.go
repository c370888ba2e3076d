package cassettes_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/queup-go/queup/cassettes"
	"github.com/queup-go/queup/queuptest"
	"github.com/queup-go/queup/realtime"
)

// rotation is a network between a program and a server. It adds its value to each digit of each id that the server sends, and takes it
// away from those that the program sends. So two recordings of one scene have no id in common, as those of QueUp.
type rotation int

var hexRun = regexp.MustCompile(`[0-9a-f]+`)

func (s rotation) add(text []byte, by int) []byte {
	const digits = "0123456789abcdef"
	return hexRun.ReplaceAllFunc(text, func(id []byte) []byte {
		if len(id) != 24 && len(id) != 32 {
			return id
		}
		out := make([]byte, len(id))
		for i, c := range id {
			out[i] = digits[(strings.IndexByte(digits, c)+by+16)%16]
		}
		return out
	})
}

func (s rotation) toServer(text []byte) []byte  { return s.add(text, -int(s)) }
func (s rotation) toProgram(text []byte) []byte { return s.add(text, int(s)) }

// rotatedTransport is a transport behind a rotation.
type rotatedTransport struct {
	rotation
	http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (s rotatedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	sent := req.Clone(req.Context())
	sent.URL.Path = string(s.toServer([]byte(req.URL.Path)))
	sent.URL.RawQuery = string(s.toServer([]byte(req.URL.RawQuery)))
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		_ = req.Body.Close()
		sent.Body = io.NopCloser(bytes.NewReader(s.toServer(body)))
	}
	resp, err := s.RoundTripper.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(s.toProgram(body)))
	return resp, err
}

// rotatedDialer is a dialer behind a rotation.
type rotatedDialer struct {
	rotation
	realtime.Dialer
}

// Dial implements [realtime.Dialer].
func (s rotatedDialer) Dial(ctx context.Context, url string, h http.Header) (realtime.Socket, error) {
	sock, err := s.Dialer.Dial(ctx, string(s.toServer([]byte(url))), h)
	if err != nil {
		return nil, err
	}
	return &rotatedSocket{sock, s.rotation}, nil
}

type rotatedSocket struct {
	realtime.Socket
	rotation
}

// Read implements [realtime.Socket].
func (s *rotatedSocket) Read() (realtime.Opcode, []byte, error) {
	op, data, err := s.Socket.Read()
	return op, s.toProgram(data), err
}

// Write implements [realtime.Socket].
func (s *rotatedSocket) Write(op realtime.Opcode, data []byte) error {
	return s.Socket.Write(op, s.toServer(data))
}

// recordRotated records a scene behind a rotation, and returns its notes.
func recordRotated(t *testing.T, sc scene, dir string, by rotation, opts ...cassettes.Option) []string {
	t.Helper()
	return playScene(t, sc, "secret", append([]queuptest.Option{queuptest.InMemory()}, sc.server...), func(server *queuptest.Server) []cassettes.Option {
		direct := &http.Transport{DialContext: server.DialContext, DisableKeepAlives: true}
		return append([]cassettes.Option{
			cassettes.Source("queuptest"), cassettes.Dir(dir), cassettes.WithMode(cassettes.Rewrite), cassettes.RecordInCI(),
			cassettes.Through(rotatedTransport{by, direct}),
			cassettes.ThroughDialer(rotatedDialer{by, &realtime.WebsocketDialer{NetDialContext: server.DialContext}}),
		}, opts...)
	})
}

// linesOf returns the lines of both files of the scene's recording in a folder, without the name of the pair.
func linesOf(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, file := range []string{"scene.http.yaml", "scene.ws.jsonl"} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Split(regexp.MustCompile(`pair"?:? ?"?[0-9a-f]+`).ReplaceAllString(string(b), "pair"), "\n")...)
	}
	return all
}

// idInText matches ids and their placeholders.
var idInText = regexp.MustCompile(`[0-9a-f]{24,32}`)

// Recordings with stable ids hold none of the server's, and play as any other. Two of one scene have the same ids, and in a scene that
// does one thing after another they are the same line by line. In the others, two requests or two accounts act at once.
func TestStableIDs_twoRecordings(t *testing.T) {
	t.Parallel()
	for name, inOrder := range map[string]bool{"comments": true, "roles": true, "search": true, "private": false, "queue": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc, first, second := scenes[name], t.TempDir(), t.TempDir()
			notes := recordRotated(t, sc, first, 1, cassettes.StableIDs())
			recordRotated(t, sc, second, 5, cassettes.StableIDs())
			lines, lines2 := linesOf(t, first), linesOf(t, second)
			for _, id := range idInText.FindAllString(strings.Join(lines, "\n"), -1) {
				if number := strings.HasPrefix(id, "0000000000000000"); !number && !strings.HasPrefix(id, "00000000000001d5") {
					t.Errorf("%s is an id of the server", id)
				}
			}
			if diff := cmp.Diff(lines, lines2); inOrder && diff != "" {
				t.Errorf("(-first +second):\n%s", diff)
			}
			again := playScene(t, sc, "another", nil, func(*queuptest.Server) []cassettes.Option {
				return []cassettes.Option{cassettes.Dir(first), cassettes.WithMode(cassettes.Replay)}
			})
			if diff := cmp.Diff(notes, again); diff != "" {
				t.Errorf("other notes (-recorded +replayed):\n%s", diff)
			}
		})
	}
}
