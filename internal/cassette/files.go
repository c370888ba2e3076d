package cassette

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	vcr "gopkg.in/dnaeon/go-vcr.v3/cassette"
	"gopkg.in/yaml.v3"
)

// The ends of the names of the two files.
const (
	HTTPSuffix   = ".http.yaml"
	SocketSuffix = ".ws.jsonl"
)

// Files returns the paths of the two files.
func Files(dir, name string) (http, socket string) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	return path + HTTPSuffix, path + SocketSuffix
}

// Exist reports whether both files exist.
func Exist(dir, name string) bool {
	httpFile, socketFile := Files(dir, name)
	_, err := os.Stat(httpFile)
	_, err2 := os.Stat(socketFile)
	return err == nil && err2 == nil
}

// Read reads both files. If one is missing the error matches fs.ErrNotExist.
func Read(dir, name string) (*Tape, error) {
	httpFile, socketFile := Files(dir, name)
	t := &Tape{}
	for _, half := range []struct {
		file  string
		parse func(*Tape, []byte) error
	}{{socketFile, parseSocket}, {httpFile, parseHTTP}} {
		b, err := os.ReadFile(half.file)
		if err != nil {
			return nil, err
		}
		err = conflict(b)
		if err == nil {
			err = half.parse(t, b)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", half.file, err)
		}
		if half.file == httpFile {
			if err := t.checkPair(b); err != nil {
				return nil, fmt.Errorf("%s: %w", half.file, err)
			}
		}
	}
	return t, nil
}

// ReadHalf reads one of the two files without the other, to show it.
func ReadHalf(file string) (*Tape, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	t := &Tape{}
	if strings.HasSuffix(file, SocketSuffix) {
		err = parseSocket(t, b)
	} else {
		err = parseHTTP(t, b)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return t, nil
}

// Parse reads both files from memory.
func Parse(http, socket []byte) (*Tape, error) {
	t := &Tape{}
	if err := parseSocket(t, socket); err != nil {
		return nil, err
	}
	if err := parseHTTP(t, http); err != nil {
		return nil, err
	}
	return t, t.checkPair(http)
}

func parseHTTP(t *Tape, b []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return err
	}
	if err := checkMappings(&doc); err != nil {
		return err
	}
	c := vcr.Cassette{}
	if err := doc.Decode(&c); err != nil {
		return err
	}
	if c.Version != vcr.CassetteFormatV2 {
		return fmt.Errorf("version %d of the format of go-vcr; only %d is understood", c.Version, vcr.CassetteFormatV2)
	}
	lines := itemLines(&doc)
	ids := make(map[int]bool, len(c.Interactions))
	for i, in := range c.Interactions {
		if in == nil {
			return fmt.Errorf("interaction %d is empty", i)
		}
		if ids[in.ID] {
			return fmt.Errorf("two interactions have the id %d", in.ID)
		}
		ids[in.ID] = true
		e := &Exchange{Interaction: in}
		if i < len(lines) {
			e.Line = lines[i]
		}
		if _, err := identify(in.Request); err != nil {
			return fmt.Errorf("line %d: interaction %d: %w", e.Line, in.ID, err)
		}
		t.HTTP = append(t.HTTP, e)
	}
	for _, r := range t.Socket {
		for _, id := range r.After {
			if !ids[id] {
				return fmt.Errorf("the websocket's record in line %d comes after interaction %d, which does not exist", r.Line, id)
			}
		}
	}
	return nil
}

// maxKeys is how many keys a mapping may have: far more than a request has headers. yaml compares all pairs of keys, and makes an
// error of every equal pair: 256 KiB of equal keys end the process.
const maxKeys = 1000

// checkMappings returns an error for a mapping with too many keys, or with the same key twice.
func checkMappings(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		if len(n.Content) > 2*maxKeys {
			return fmt.Errorf("line %d: a mapping with more than %d keys", n.Line, maxKeys)
		}
		seen := make(map[string]bool)
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind == yaml.ScalarNode && seen[key.Value] {
				return fmt.Errorf("line %d: the key %.40q comes twice", key.Line, key.Value)
			}
			seen[key.Value] = true
		}
	}
	for _, part := range n.Content {
		if err := checkMappings(part); err != nil {
			return err
		}
	}
	return nil
}

// itemLines returns the lines of the interactions.
func itemLines(doc *yaml.Node) (lines []int) {
	if len(doc.Content) == 0 {
		return nil
	}
	root := doc.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "interactions" {
			for _, item := range root.Content[i+1].Content {
				lines = append(lines, item.Line)
			}
		}
	}
	return lines
}

// VersionError is returned for a recording in a format that this version of the library cannot read.
type VersionError struct{ Version string }

// Error names the versions and the remedy.
func (e *VersionError) Error() string {
	return fmt.Sprintf("the cassette has version %s, and this library reads versions up to %d: update the library, or record the cassette again",
		e.Version, Major)
}

func parseVersion(v string) (major, minor int, err error) {
	first, second, ok := strings.Cut(v, ".")
	if !ok {
		second = "0"
	}
	if major, err = strconv.Atoi(first); err == nil {
		minor, err = strconv.Atoi(second)
	}
	if err != nil || major < 1 || minor < 0 {
		return 0, 0, fmt.Errorf("version %q is not valid", v)
	}
	return major, minor, nil
}

func parseSocket(t *Tape, b []byte) error {
	first, rest, _ := bytes.Cut(b, []byte("\n"))
	var version struct {
		Version string `json:"version"`
		V       int    `json:"v"` // of version 1
	}
	if err := json.Unmarshal(first, &version); err != nil {
		return fmt.Errorf("line 1: no header: %w", err)
	}
	if version.V != 0 && version.Version == "" {
		version.Version = strconv.Itoa(version.V)
	}
	major, _, err := parseVersion(version.Version)
	switch {
	case err != nil:
		return fmt.Errorf("line 1: %w", err)
	case major > Major:
		return &VersionError{version.Version}
	case major == 1:
		return parseSocketV1(t, first, rest)
	}
	if err := json.Unmarshal(first, &t.Header); err != nil {
		return fmt.Errorf("line 1: %w", err)
	}
	if t.Header.Kind != Kind {
		return fmt.Errorf("line 1: kind %q is not %q", t.Header.Kind, Kind)
	}
	if t.Header.Source != SourceTest && t.Header.Source != SourceLive {
		return fmt.Errorf("line 1: source %q is neither %s nor %s", t.Header.Source, SourceTest, SourceLive)
	}
	return eachLine(rest, func(n int, line []byte) error {
		r := &Record{}
		if err := json.Unmarshal(line, r); err != nil {
			return err
		}
		r.Line = n
		t.Socket = append(t.Socket, r)
		return checkConn(t.Socket)
	})
}

// checkConn checks that the last record belongs to a connection that is open.
func checkConn(records []*Record) error {
	last := records[len(records)-1]
	for i := len(records) - 2; i >= 0; i-- {
		r := records[i]
		if r.Conn != last.Conn {
			continue
		}
		switch {
		case last.Op == OpOpen:
			return fmt.Errorf("connection %d is opened twice", last.Conn)
		case r.Op == OpDrop, r.Op == OpOpen && r.Status != 101, r.Op == OpClose && last.Op != OpClose && last.Op != OpDrop && r.Dir == In:
			return fmt.Errorf("connection %d is over", last.Conn)
		case last.At < r.At:
			return fmt.Errorf("time goes back: %d ms after %d ms", last.At, r.At)
		}
		return nil
	}
	if last.Op != OpOpen {
		return fmt.Errorf("connection %d was not opened", last.Conn)
	}
	return nil
}

// eachLine calls f for each line that is not empty, counting from 2.
func eachLine(b []byte, f func(n int, line []byte) error) error {
	n := 1
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		n++
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := f(n, line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

// recordV1 is a line of version 1. That version had one connection, the URL in the header, and a close with code -1 for a drop.
type recordV1 struct {
	At   int64   `json:"at"`
	Dir  string  `json:"dir"`
	Op   string  `json:"op"`
	Data *string `json:"data"`
	Code int     `json:"code"`
}

func parseSocketV1(t *Tape, first, rest []byte) error {
	var h struct {
		Kind   string `json:"kind"`
		URL    string `json:"url"`
		Source string `json:"source"`
	}
	if err := json.Unmarshal(first, &h); err != nil {
		return fmt.Errorf("line 1: %w", err)
	}
	if h.Kind != "queup-ws" {
		return fmt.Errorf("line 1: kind %q is not that of version 1, queup-ws", h.Kind)
	}
	if h.URL == "" {
		return errors.New("line 1: a header of version 1 without url")
	}
	if h.Source == "" {
		h.Source = SourceLive // version 1 had no source, and live recordings are read with more care
	}
	t.Header = Header{Version: "1", Kind: Kind, Source: h.Source}
	t.Socket = []*Record{{Conn: 1, Op: OpOpen, URL: h.URL, Status: 101, Line: 1}}
	return eachLine(rest, func(n int, line []byte) error {
		var v recordV1
		if err := json.Unmarshal(line, &v); err != nil {
			return err
		}
		r := &Record{At: v.At, Conn: 1, Dir: v.Dir, Op: v.Op, Line: n}
		switch {
		case v.Op == OpClose && v.Code == -1:
			r.Op, r.Dir = OpDrop, ""
		case v.Op == OpClose:
			r.Code = v.Code
			if v.Data != nil {
				r.Reason = *v.Data
			}
		case v.Data == nil:
			return errors.New("a frame without data: frames that are given by a pattern cannot be upgraded, record the cassette again")
		default:
			r.Data = []byte(*v.Data)
		}
		if err := r.check(); err != nil {
			return err
		}
		t.Socket = append(t.Socket, r)
		return checkConn(t.Socket)
	})
}

// marshal is json.Marshal without escapes for <, > and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Encode returns the contents of both files.
func (t *Tape) Encode() (http, socket []byte, err error) {
	if http, err = encodeHTTP(t.HTTP); err != nil {
		return nil, nil, err
	}
	for _, r := range t.Socket {
		line, err := r.MarshalJSON()
		if err != nil {
			return nil, nil, err
		}
		socket = append(append(socket, line...), '\n')
	}
	h := t.Header
	h.Version, h.Kind = fmt.Sprintf("%d.%d", Major, Minor), Kind
	h.Pair, h.Requests, h.Records = pairID(http, socket), len(t.HTTP), len(t.Socket)
	http = append(http, "# pair "+h.Pair+"\n"...)
	line, err := marshal(h)
	if err != nil {
		return nil, nil, err
	}
	socket = append(append(line, '\n'), socket...)
	return http, socket, nil
}

// Write writes both files, or neither. It refuses a tape that does not come from [Seal] or [Tape.Upgraded]. What was written is read back
// and compared before it replaces anything.
func Write(dir, name string, t *Tape) error {
	if !t.sealed {
		return errors.New("the tape may hold secrets: it was not sealed")
	}
	if err := CheckName(dir, name); err != nil { // two tests may have opened names that differ only by case
		return err
	}
	http, socket, err := t.Encode()
	if err != nil {
		return err
	}
	httpFile, socketFile := Files(dir, name)
	if err := os.MkdirAll(filepath.Dir(httpFile), 0o755); err != nil {
		return err
	}
	tmp := make(map[string]string, 2) // by the final name
	defer func() {
		for _, file := range tmp {
			_ = os.Remove(file) // fails if it was renamed
		}
	}()
	for file, b := range map[string][]byte{httpFile: http, socketFile: socket} {
		if tmp[file], err = writeTemp(file, b); err != nil {
			return err
		}
	}
	if err := readBack(t, tmp[httpFile], tmp[socketFile]); err != nil {
		return fmt.Errorf("read back before it replaces anything: %w", err)
	}
	return replace([]string{httpFile, socketFile}, tmp)
}

// readBack returns an error if the two files are not exactly the tape.
func readBack(t *Tape, httpFile, socketFile string) error {
	http, err := os.ReadFile(httpFile)
	socket, err2 := os.ReadFile(socketFile)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	got, err := Parse(http, socket)
	if err != nil {
		return err
	}
	if len(got.HTTP) != len(t.HTTP) || len(got.Socket) != len(t.Socket) {
		return fmt.Errorf("%d requests and %d records, where %d and %d were written", len(got.HTTP), len(got.Socket), len(t.HTTP), len(t.Socket))
	}
	for i, e := range t.HTTP {
		if !sameExchange(e, got.HTTP[i]) {
			return fmt.Errorf("interaction %d, %s, is not what was written", e.ID, e.Label())
		}
	}
	for i, r := range t.Socket {
		was, is := *r, *got.Socket[i]
		was.Line, is.Line = 0, 0
		if !reflect.DeepEqual(was, is) {
			return fmt.Errorf("record %d of the websocket, %s, is not what was written", i+1, r.Label())
		}
	}
	return nil
}

// sameExchange reports whether two exchanges are the same in all that replay uses.
func sameExchange(a, b *Exchange) bool {
	same := func(a, b map[string][]string) bool {
		return maps.EqualFunc(a, b, func(a, b []string) bool { return slices.Equal(a, b) })
	}
	return a.ID == b.ID && a.Request.Method == b.Request.Method && a.Request.URL == b.Request.URL && a.Request.Body == b.Request.Body &&
		same(a.Request.Headers, b.Request.Headers) && a.Response.Status == b.Response.Status && a.Response.Code == b.Response.Code &&
		a.Response.Body == b.Response.Body && same(a.Response.Headers, b.Response.Headers)
}

func writeTemp(file string, b []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.tmp")
	if err != nil {
		return "", err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(0o644)
	}
	return f.Name(), errors.Join(err, f.Close())
}

// Upgraded returns the tape in the current version of the format, ready to be written. It was sealed when it was recorded, and is
// searched for secrets again, as [Lint] does.
func (t *Tape) Upgraded() (*Tape, error) {
	up := &Tape{Header: t.Header, HTTP: t.HTTP, Socket: t.Socket, sealed: true}
	up.Header.Version = fmt.Sprintf("%d.%d", Major, Minor)
	http, socket, err := up.Encode()
	if err != nil {
		return nil, err
	}
	if found := lint(up, "http", "ws", http, socket, nil); len(found) > 0 {
		return nil, found[0]
	}
	return up, nil
}

// List returns the names of the cassettes under dir, sorted.
func List(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if base, ok := strings.CutSuffix(path, SocketSuffix); ok {
			rel, err := filepath.Rel(dir, base)
			if err != nil {
				return err
			}
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	return names, err // WalkDir is in lexical order
}
