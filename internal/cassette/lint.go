package cassette

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
)

// Lint searches the files of a cassette for secrets: everything that recording would have redacted, and the given texts in all
// their spellings. found names files and lines; err is not nil if a file could not be read.
func Lint(dir, name string, secrets ...string) (found []*LeakError, err error) {
	httpFile, socketFile := Files(dir, name)
	httpBytes, err := os.ReadFile(httpFile)
	socketBytes, err2 := os.ReadFile(socketFile)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	t, err := Read(dir, name)
	if err != nil {
		return nil, err
	}
	return lint(t, httpFile, socketFile, httpBytes, socketBytes, secrets), nil
}

func lint(t *Tape, httpFile, socketFile string, httpBytes, socketBytes []byte, secrets []string) (found []*LeakError) {
	report := func(file string, line int, kind, why string) {
		found = append(found, &LeakError{Where: fmt.Sprintf("%s:%d", file, line), Kind: kind, Why: why})
	}
	r := NewRedactor(Rules{})
	met := func(file string, line int, look func()) {
		before := r.Counts()
		look()
		after := r.Counts()
		for _, kind := range sortedKeys(after) {
			if after[kind] > before[kind] {
				report(file, line, kind, "")
			}
		}
	}
	for _, e := range t.HTTP {
		for _, h := range []struct {
			header http.Header
			kept   []string
		}{{e.Request.Headers, keptOfRequests}, {e.Response.Headers, keptOfAnswers}} {
			for _, name := range sortedKeys(h.header) {
				if !slices.Contains(h.kept, http.CanonicalHeaderKey(name)) {
					report(httpFile, e.Line, "header", "may be in "+name+", which is not kept in cassettes")
				}
			}
		}
		met(httpFile, e.Line, func() {
			_, err := r.exchange(e, e.ID)
			if err != nil {
				report(httpFile, e.Line, "unknown", "may be in it: "+err.Error())
			}
			for name, values := range e.Request.Form {
				r.pairs(name+"="+strings.Join(values, "&"+name+"="), names{login: loginPath(e.Request.URL)})
			}
			for _, s := range []string{e.Request.Host, e.Request.RemoteAddr, e.Request.RequestURI, e.Response.Status} {
				r.text(s)
			}
		})
	}
	for _, rec := range t.Socket {
		met(socketFile, rec.Line, func() { r.record(rec) })
	}
	// The secrets found so far, and those of the caller, may be elsewhere in another spelling.
	for _, s := range secrets {
		r.learn(kindExtra, s)
	}
	s := r.searcher()
	for _, word := range r.searchWords(t, s) {
		if word.exchange != nil {
			report(httpFile, word.exchange.Line, word.leak.Kind, "")
		} else {
			report(socketFile, word.record.Line, word.leak.Kind, "")
		}
	}
	for _, file := range []struct {
		name string
		text []byte
	}{{httpFile, httpBytes}, {socketFile, socketBytes}} {
		for n, line := range strings.Split(string(file.text), "\n") {
			if kind, leaks := s.find(line); leaks && !slices.ContainsFunc(found, func(e *LeakError) bool { return e.Where == fmt.Sprintf("%s:%d", file.name, n+1) }) {
				report(file.name, n+1, kind, "")
			}
		}
	}
	for _, p := range texts(t) {
		if kind, leaks := s.find(p.text); leaks && len(found) == 0 { // written over several lines
			found = append(found, &LeakError{Where: p.where, Kind: kind})
		}
	}
	return found
}
