package client_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// promises is how many docs/BEHAVIOUR.md makes.
const promises = 21

// promise is a section of docs/BEHAVIOUR.md: its number, and its points by their names.
type promise struct {
	number   int
	sentence string
	points   map[string]string
}

var (
	promiseHead  = regexp.MustCompile(`(?m)^### Q(\d+)\. \S.*$`)
	promisePoint = regexp.MustCompile(`(?m)^- \*\*(\w+):\*\* `)
	promiseTest  = regexp.MustCompile("^`(TestQ(\\d\\d)_\\w+)` in `([\\w/]+_test\\.go)`$")
	figure       = regexp.MustCompile(`\d`)
)

// readPromises takes the page apart.
func readPromises(t *testing.T, page string) []promise {
	t.Helper()
	var list []promise
	heads := promiseHead.FindAllStringSubmatchIndex(page, -1)
	for i, head := range heads {
		end := len(page)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		text, _, _ := strings.Cut(page[head[1]:end], "\n## ")
		p := promise{points: make(map[string]string)}
		if _, err := fmt.Sscan(page[head[2]:head[3]], &p.number); err != nil {
			t.Fatal(err)
		}
		points := promisePoint.FindAllStringSubmatchIndex(text, -1)
		p.sentence = strings.TrimSpace(text)
		for j, at := range points {
			if j == 0 {
				p.sentence = strings.TrimSpace(text[:at[0]])
			}
			stop := len(text)
			if j+1 < len(points) {
				stop = points[j+1][0]
			}
			p.points[text[at[2]:at[3]]] = strings.TrimSpace(text[at[1]:stop])
		}
		list = append(list, p)
	}
	return list
}

// Every promise has its sentence, its figure, its costs, its end, and a test that is where the page says.
func TestBehaviour_promises(t *testing.T) {
	list := readPromises(t, readPage(t, "BEHAVIOUR.md"))
	var numbers []int
	for _, p := range list {
		numbers = append(numbers, p.number)
		if p.sentence == "" {
			t.Errorf("Q%d promises nothing", p.number)
		}
		for _, name := range []string{"Figure", "Costs", "Ends", "Test"} {
			if p.points[name] == "" {
				t.Errorf("Q%d: nothing is said under %s", p.number, name)
			}
		}
		if !figure.MatchString(p.points["Figure"]) {
			t.Errorf("Q%d: there is no figure in %q", p.number, p.points["Figure"])
		}
		m := promiseTest.FindStringSubmatch(p.points["Test"])
		if m == nil {
			t.Errorf("Q%d: no test and its file in %q", p.number, p.points["Test"])
			continue
		}
		if m[2] != fmt.Sprintf("%02d", p.number) {
			t.Errorf("Q%d: %s carries another number", p.number, m[1])
		}
		source, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(m[3])))
		if err != nil || !strings.Contains(string(source), "\nfunc "+m[1]+"(t *testing.T) {") {
			t.Errorf("Q%d: there is no %s in %s", p.number, m[1], m[3])
		}
	}
	slices.Sort(numbers)
	for i := range promises {
		if i >= len(numbers) || numbers[i] != i+1 {
			t.Fatalf("the promises are %v, want 1 to %d, each once", numbers, promises)
		}
	}
	if len(numbers) != promises {
		t.Errorf("there are %d promises", len(numbers))
	}
}

// A name of the library that the page quotes exists, and so does a page or a file that it leads to.
func TestBehaviour_namesThatExist(t *testing.T) {
	page := readPage(t, "BEHAVIOUR.md")
	exported := exportedNames(t, ".", "")
	for name := range exportedNames(t, filepath.Join("..", "realtime"), "realtime.") {
		exported[name] = true
	}
	for _, name := range quotes(page) {
		name = strings.TrimPrefix(name, "Client.")
		if goName.MatchString(name) && !strings.HasPrefix(name, "TestQ") && !exported[name] && !exported["Client."+name] {
			t.Errorf("there is no %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(filepath.Join("..", "docs", filepath.FromSlash(m[1]))); err != nil {
			t.Errorf("the page leads to %s: %v", m[1], err)
		}
	}
}
