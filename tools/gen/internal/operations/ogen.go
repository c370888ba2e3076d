package operations

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// runOgen returns the files that ogen writes for a document, by name, with the imports of the named packages replaced.
func runOgen(ctx context.Context, document *yaml.Node, config, packageName string, replaced ...string) (map[string][]byte, error) {
	text, err := yaml.Marshal(document)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "queup-ogen")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	spec, target := filepath.Join(dir, "openapi.yaml"), filepath.Join(dir, packageName)
	if err := os.WriteFile(spec, text, 0o600); err != nil {
		return nil, err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "tool", "ogen", "--loglevel", "warn", //nolint:gosec // generate.go names the files
		"--config", config, "--target", target, "--package", packageName, spec)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("ogen --config %s: %w\n%s", config, err, said.Bytes())
	}
	paths, err := filepath.Glob(filepath.Join(target, "*.go"))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(paths))
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return files, replaceImports(files, replaced...)
}
