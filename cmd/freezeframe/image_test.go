package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/oci"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// TestCaseImage: what a version ran comes out of the case by digest, whole or not at all, from
// a case that seals all too.
func TestCaseImage(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: processes of commands that TestScripts runs too; the plain run has it")
	}
	t.Parallel()
	for name, flags := range map[string][]string{"plain": nil, "sealed": {"--seal-all"}} {
		t.Run(name, func(t *testing.T) {
			a, err := bench.NewAccount(context.Background(), awssim.Config{}, 1, 1<<10)
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(a.Cloud)
			t.Cleanup(server.Close)
			dir := t.TempDir()
			run := func(want int, args ...string) string {
				t.Helper()
				code, out, err := process(a, server.URL, dir, args...)
				if err != nil || code != want {
					t.Fatalf("%v: exit code %d, want %d: %v\n%s", args, code, want, err, out)
				}
				return string(out)
			}
			run(ui.ExitOK, append([]string{"case", "open", "case", "--title", "t", "--authority", "a", "--operator", "o"}, flags...)...)
			run(ui.ExitUsage, "case", "image", "none")
			run(ui.ExitOK, "collect", "--function", bench.ImageFunction, "--only", "ecr.image", "--only", "lambda.configuration")
			var said imageWritten
			if err := json.Unmarshal([]byte(run(ui.ExitOK, "case", "image", "--qualifier", "1", "one", "--json")), &said); err != nil || said.Qualifier != "1" || !strings.HasSuffix(said.Image, said.Manifest.Digest) || len(said.Blobs) != 4 {
				t.Errorf("%+v, %v", said, err)
			}
			for _, b := range said.Blobs {
				data, err := os.ReadFile(filepath.Join(dir, "one", "blobs", "sha256", strings.TrimPrefix(b.Digest, "sha256:")))
				if err != nil || oci.DigestOf(data) != b.Digest || int64(len(data)) != b.Size {
					t.Errorf("%s: %d bytes, %v", b.Digest, len(data), err)
				}
			}
			run(ui.ExitOK, "case", "image", "--out", "latest.tar")
			for _, args := range [][]string{{"one"}, {"two", "--out", "two.tar"}, {}, {"--qualifier", "7", "seven"}, {"--function", "payments", "p"}} {
				run(ui.ExitUsage, append([]string{"case", "image"}, args...)...)
			}
			tampered(t, filepath.Join(dir, "case", filepath.FromSlash(said.From[4].Path)))
			if code, out, err := process(a, server.URL, dir, "case", "image", "--qualifier", "1", "damaged"); err != nil || code == ui.ExitOK {
				t.Errorf("a changed layer: %d %s %v", code, out, err)
			}
			if _, err := os.Lstat(filepath.Join(dir, "damaged")); !os.IsNotExist(err) {
				t.Errorf("half an image is left: %v", err)
			}
		})
	}
}

// tampered changes the last byte of a file of the case.
func tampered(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
}
