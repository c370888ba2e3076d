package queup_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/zip"
)

// trackedFiles returns the slash-separated paths of the files that git tracks. Where there is no repository, as in a module
// zip, it returns all files of the folder.
func trackedFiles(t *testing.T) (paths []string) {
	t.Helper()
	if _, err := os.Stat(".git"); errors.Is(err, fs.ErrNotExist) {
		err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				paths = append(paths, filepath.ToSlash(path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return paths
	}
	for path := range strings.SplitSeq(run(t, nil, "git", "ls-files", "-z"), "\x00") {
		if _, err := os.Lstat(path); err == nil { // else it is deleted, and not committed yet
			paths = append(paths, path)
		}
	}
	return paths
}

// run runs a program with more environment variables and returns what it writes to standard output.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.String()
}

// zipFile is a file as package zip wants it, by its path.
type zipFile string

func (f zipFile) Path() string                 { return string(f) }
func (f zipFile) Lstat() (fs.FileInfo, error)  { return os.Lstat(string(f)) }
func (f zipFile) Open() (io.ReadCloser, error) { return os.Open(string(f)) }

// Every file has a name that a module zip may hold. A single other one, and nobody can go get the module.
func TestModule_namesOfFiles(t *testing.T) {
	var files []zip.File
	for _, path := range trackedFiles(t) {
		files = append(files, zipFile(path))
	}
	checked, err := zip.CheckFiles(files)
	if err != nil {
		t.Error(err)
	}
	if len(checked.Valid) < 500 {
		t.Errorf("the module has %d files", len(checked.Valid))
	}
}

// A program that go build has left in the folder is not committed: everybody who gets the module would download it.
func TestModule_holdsNoProgram(t *testing.T) {
	const largest = 1 << 20
	for _, path := range trackedFiles(t) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(content) > largest {
			t.Errorf("%s has %d KiB", path, len(content)>>10)
		}
		for _, magic := range []string{"\x7fELF", "MZ", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"} {
			if strings.HasPrefix(string(content), magic) {
				t.Errorf("%s is a program", path)
			}
		}
	}
}

// The module can be fetched with go get, by way of git, into a module that is empty, and the bot of the README can be built
// there. It is the files as they are now, with what is not committed; only a file that git does not track yet is left out.
func TestModule_goGet(t *testing.T) {
	if testing.Short() {
		t.Skip("fetching and building the module takes several seconds; it depends on the names of files and on go.mod")
	}
	dir := t.TempDir()
	bare := filepath.Join(dir, "queup.git")
	git := []string{
		"GIT_DIR=" + bare, "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_SYSTEM=" + os.DevNull,
		"GIT_AUTHOR_NAME=nobody", "GIT_AUTHOR_EMAIL=nobody@example.com", "GIT_COMMITTER_NAME=nobody", "GIT_COMMITTER_EMAIL=nobody@example.com",
	}
	list := filepath.Join(dir, "files")
	if err := os.WriteFile(list, []byte(strings.Join(trackedFiles(t), "\x00")), 0o600); err != nil {
		t.Fatal(err)
	}
	// One commit without a history, so that a shallow clone will do.
	run(t, git, "git", "init", "--quiet", "--bare", "--initial-branch=main")
	run(t, git, "git", "--work-tree=.", "add", "--force", "--pathspec-from-file="+list, "--pathspec-file-nul")
	tree := strings.TrimSpace(run(t, git, "git", "write-tree"))
	commit := strings.TrimSpace(run(t, git, "git", "commit-tree", "-m", "all", tree))
	run(t, git, "git", "update-ref", "refs/heads/main", commit)
	run(t, git, "git", "tag", "v0.0.1", commit) // the same version each time, so that the next run finds its packages in the build cache

	empty := filepath.Join(dir, "mybot")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"go.mod": []byte("module example.com/mybot\n\ngo 1.26.0\n"), "main.go": readmePrograms(t)[1]} {
		if err := os.WriteFile(filepath.Join(empty, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fetched := filepath.ToSlash(strings.TrimSpace(run(t, nil, "go", "env", "GOMODCACHE"))) + "/cache/download"
	user := []string{
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url." + fileURL(bare) + ".insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/queup-go/queup",
		"GOPRIVATE=github.com/queup-go/queup", "GOSUMDB=off", "GOWORK=off", "GOVCS=", "GOINSECURE=",
		// What this module is built with is there already. A proxy that finds nothing leads to the next.
		"GOPROXY=" + fileURL(fetched) + "," + strings.TrimSpace(run(t, nil, "go", "env", "GOPROXY")),
		"GOMODCACHE=" + filepath.Join(dir, "modules"),
		"GOFLAGS=-modcacherw -trimpath -buildvcs=false", // -trimpath: the build cache knows the packages, whatever the folder
	}
	run(t, user, "go", "-C", empty, "get", "github.com/queup-go/queup@latest")
	run(t, user, "go", "-C", empty, "build", "-mod=mod", "-o", os.DevNull, ".")
}

// fileURL returns the URL of an absolute path.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	return "file:///" + strings.TrimPrefix(path, "/")
}
