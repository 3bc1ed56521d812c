package oci

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var hexA, hexB = strings.Repeat("a", 64), strings.Repeat("b", 64)

func TestParseManifest(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"schemaVersion":2,"config":{"digest":"sha256:` + hexA + `","size":2},"layers":[{"digest":"sha256:` + hexB + `","size":5}]}`:    true,
		`{"schemaVersion":2,"manifests":[{"digest":"sha256:` + hexA + `","size":2}]}`:                                                    true,
		`{"schemaVersion":2,"manifests":[{"digest":"sha256:` + hexA + `","size":2}],"config":{"digest":"sha256:` + hexA + `","size":2}}`: false,
		`{"schemaVersion":2,"config":{"digest":"sha256:` + hexA + `","size":2},"config":{"digest":"sha256:` + hexB + `","size":2}}`:      false,
		`{"schemaVersion":2,"config":{"digest":"sha256:../../etc/passwd","size":2}}`:                                                     false,
		`{"schemaVersion":2,"config":{"digest":"sha256:` + strings.ToUpper(hexA) + `","size":2}}`:                                        false,
		`{"schemaVersion":2,"config":{"digest":"sha256:` + hexA + `","size":-2}}`:                                                        false,
		`{"schemaVersion":1,"config":{"digest":"sha256:` + hexA + `","size":2}}`:                                                         false,
		`{"schemaVersion":2,"Config":{"digest":"sha256:` + hexA + `","size":2}}`:                                                         false,
		``:                           false,
		strings.Repeat(" ", 5000000): false,
	} {
		if _, err := ParseManifest([]byte(text)); (err == nil) != ok || err != nil && !errors.Is(err, ErrManifest) {
			t.Errorf("%.120s: %v", text, err)
		}
	}
}

func TestPick(t *testing.T) {
	m := &Manifest{Manifests: []Descriptor{
		{Digest: "windows", Platform: &Platform{Architecture: "amd64", OS: "windows"}}, {Digest: "unknown", Platform: &Platform{Architecture: "unknown", OS: "unknown"}},
		{Digest: "amd", Platform: &Platform{Architecture: "amd64", OS: "linux"}}, {Digest: "arm", Platform: &Platform{Architecture: "arm64", OS: "linux"}},
	}}
	for arch, want := range map[string]string{"x86_64": "amd", "": "amd", "arm64": "arm", "riscv64": ""} {
		if d, err := m.Pick(arch); d.Digest != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s, %v", arch, d.Digest, err)
		}
	}
	if d, err := (&Manifest{Manifests: []Descriptor{{Digest: "only"}}}).Pick("arm64"); err != nil || d.Digest != "only" {
		t.Errorf("%s, %v", d.Digest, err)
	}
}

func TestParseReference(t *testing.T) {
	for uri, want := range map[string]Reference{
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/thumbs:v1":              {"123456789012", "eu-central-1", "shop/thumbs", "v1", ""},
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a@sha256:" + hexA:           {"123456789012", "cn-north-1", "a", "", "sha256:" + hexA},
		"123456789012.dkr-ecr.us-east-1.on.aws/a__b:v1@sha256:" + hexA:                {"123456789012", "us-east-1", "a__b", "v1", "sha256:" + hexA},
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/a-b.c":                 {"123456789012", "us-gov-west-1", "a-b.c", "", ""},
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example/a":              {},
		"evil.example/123456789012.dkr.ecr.eu-central-1.amazonaws.com/a":              {},
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com/../a":                        {},
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com/a@sha256:ab":                 {},
		"123456789012.dkr.ecr.eu-central-1.amazonaws.com/" + strings.Repeat("a", 300): {},
	} {
		if got, ok := ParseReference(uri); got != want || ok != (want != Reference{}) {
			t.Errorf("%s: %+v", uri, got)
		}
	}
}

func blob(text string) Blob {
	return Blob{Descriptor{Digest: DigestOf([]byte(text)), Size: int64(len(text))}, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func TestWriteLayout(t *testing.T) {
	config, layer := blob("{}"), blob("layer")
	manifest := blob(fmt.Sprintf(`{"config":%q,"layers":[%q]}`, config.Digest, layer.Digest))
	image := Image{Manifest: manifest.Descriptor, Blobs: []Blob{manifest, config, layer, layer}}
	dir := filepath.Join(t.TempDir(), "image")
	folder, err := NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteLayout(folder, image); err != nil {
		t.Fatal(err)
	}
	if _, err := NewFolder(dir); err == nil {
		t.Error("a folder that is there is written into")
	}
	var b bytes.Buffer
	archive := NewTar(&b)
	if err := errors.Join(WriteLayout(archive, image), archive.Close()); err != nil {
		t.Fatal(err)
	}
	n := 0
	for r := tar.NewReader(&b); ; n++ {
		h, err := r.Next()
		if err != nil {
			break
		}
		want, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(h.Name)))
		got, rerr := io.ReadAll(r)
		if err := errors.Join(err, rerr); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs: %v", h.Name, err)
		}
	}
	if n != 5 {
		t.Errorf("%d files in the archive", n)
	}
	for what, bad := range map[string]Blob{
		"other bytes":  {Descriptor{Digest: layer.Digest, Size: 5}, blob("leyar").Open},
		"fewer bytes":  {Descriptor{Digest: layer.Digest, Size: 6}, layer.Open},
		"more bytes":   {Descriptor{Digest: layer.Digest, Size: 4}, layer.Open},
		"not a digest": {Descriptor{Digest: "sha256:../../x", Size: 5}, layer.Open},
	} {
		folder, err := NewFolder(filepath.Join(t.TempDir(), "bad"))
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteLayout(folder, Image{Manifest: manifest.Descriptor, Blobs: []Blob{manifest, config, bad}}); !errors.Is(err, ErrDigest) {
			t.Errorf("%s: %v", what, err)
		}
		if err := folder.Remove(); err != nil {
			t.Error(err)
		}
	}
	if err := WriteLayout(archive, Image{Manifest: manifest.Descriptor}); !errors.Is(err, ErrDigest) {
		t.Errorf("an image without its manifest: %v", err)
	}
}
