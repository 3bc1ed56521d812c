package conformance

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestImageLayout lets go-containerregistry read what `case image` writes, folder and archive:
// layout, index, manifest, configuration, layers and the digests of what is in them.
func TestImageLayout(t *testing.T) {
	x, end := simulator(t, "-seeded")
	dir := t.TempDir()
	home := append(x.env(), "AWS_REGION=eu-central-1", "FREEZEFRAME_HOME="+dir+"/home", "FREEZEFRAME_CASE="+dir+"/case")
	must(t, 0, home, built.freezeframe, "case", "open", dir+"/case", "--title", "t", "--authority", "a", "--operator", "o")
	must(t, 0, home, built.freezeframe, "collect", "--function", "thumbnails")
	bags(t, dir+"/case")
	digests := map[string]bool{}
	for _, version := range []string{"$LATEST", "1", "2"} {
		folder := filepath.Join(dir, "image-"+version)
		must(t, 0, home, built.freezeframe, "case", "image", "--qualifier", version, folder)
		digests[judged(t, folder)] = true
		must(t, 0, home, built.freezeframe, "case", "image", "--qualifier", version, "--out", folder+".tar")
		unpacked(t, folder+".tar", folder+"-again")
		if again := judged(t, folder+"-again"); !digests[again] {
			t.Errorf("the archive of %s is another image: %s", version, again)
		}
	}
	if len(digests) != 2 {
		t.Errorf("%d images of two", len(digests))
	}
	for _, problem := range end().Problems {
		t.Errorf("shape: %s", problem)
	}
}

// judged is the digest of the one image in a layout that go-containerregistry finds no fault with.
func judged(t *testing.T, folder string) string {
	t.Helper()
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Errorf("%s: %v", folder, err)
	}
	m, err := index.IndexManifest()
	if err != nil || len(m.Manifests) != 1 {
		t.Fatalf("%s: %+v, %v", folder, m, err)
	}
	image, err := index.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		t.Errorf("%s: %v", folder, err)
	}
	if layers, err := image.Layers(); err != nil || len(layers) != 2 {
		t.Errorf("%s: %d layers, %v", folder, len(layers), err)
	}
	return m.Manifests[0].Digest.String()
}

func unpacked(t *testing.T, archive, folder string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || !filepath.IsLocal(h.Name) || strings.Contains(h.Name, "\\") {
			t.Fatalf("%s: %v", h.Name, err)
		}
		at := filepath.Join(folder, filepath.FromSlash(h.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}
