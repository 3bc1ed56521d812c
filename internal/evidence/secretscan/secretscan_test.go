package secretscan

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

const secret = "p@ss<w&rd>/\"über\"+'q'"

func hits(t *testing.T, data []byte) []Hit {
	t.Helper()
	out, err := New("another secret, not there", secret).Bytes("x", data)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range out {
		if h.Secret != 1 {
			t.Errorf("found what is not there: %s", h)
		}
	}
	return out
}

func asJSON(s string) string { b, _ := json.Marshal(s); return string(b) }

// Encoded by others' code, in the middle of other text, each form is found.
func TestForms(t *testing.T) {
	sum := sha256.Sum256([]byte(secret))
	for name, text := range map[string]string{
		"text":       secret,
		"json":       asJSON(secret),
		"json twice": asJSON(`{"env":` + asJSON(secret) + `}`),
		"go":         fmt.Sprintf("%q", secret),
		"query":      url.Values{"v": {secret}}.Encode(),
		"path":       (&url.URL{Path: "/" + secret}).EscapedPath() + url.PathEscape(secret),
		"html":       html.EscapeString(secret),
		"hex":        hex.EncodeToString([]byte(secret)),
		"HEX":        strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"sha256":     hex.EncodeToString(sum[:]),
		"SHA256":     fmt.Sprintf("%X", sum),
		"sha256 b64": base64.StdEncoding.EncodeToString(sum[:]),
		"sha256 url": base64.RawURLEncoding.EncodeToString(sum[:]),
	} {
		if len(hits(t, []byte("before "+text+" after"))) == 0 {
			t.Errorf("%s: not found in %s", name, text)
		}
	}
	if got := hits(t, []byte("p@ss and w&rd and nothing else")); len(got) != 0 {
		t.Errorf("found %v in harmless text", got)
	}
}

// Wherever it starts within encoded data, and whatever stands around it.
func TestBase64Alignments(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for length := MinLength; length < 20; length++ {
		planted := make([]byte, length)
		for i := range planted {
			planted[i] = byte(rng.IntN(256))
		}
		scan := New(string(planted))
		for before := range 7 {
			for after := range 4 {
				data := append(append(bytes.Repeat([]byte{0xA5}, before), planted...), bytes.Repeat([]byte{0x5A}, after)...)
				for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
					found, err := scan.Bytes("x", []byte(enc.EncodeToString(data)))
					if err != nil || len(found) == 0 {
						t.Fatalf("length %d, %d before, %d after: not found (%v)", length, before, after, err)
					}
				}
			}
		}
	}
}

func TestChunkBorders(t *testing.T) {
	scan := New(secret)
	for _, at := range []int{0, 1, chunk - 3, chunk + scan.longest - 5, chunk + scan.longest, 3*chunk - 1} {
		data := bytes.Repeat([]byte("\xff"), 4*chunk)
		copy(data[at:], secret)
		found, err := scan.Bytes("x", data)
		if err != nil || len(found) == 0 || found[0].Offset != int64(at) {
			t.Errorf("at %d: %v %v", at, found, err)
		}
	}
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func zipped(name string, data []byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, _ := z.Create(name)
	w.Write(data)
	z.Close()
	return b.Bytes()
}

func zst(data []byte) []byte {
	w, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	return w.EncodeAll(data, nil)
}

func broken(archive []byte) []byte { return archive[:len(archive)-100] }

func TestArchives(t *testing.T) {
	// Random letters: compressors must code them, instead of copying the few that do not repeat.
	rng := rand.New(rand.NewPCG(3, 4))
	data := make([]byte, 20_000)
	for i := range data {
		data[i] = byte('a' + rng.IntN(16))
	}
	copy(data[10_000:], secret)
	for name, archive := range map[string][]byte{
		"gzip": gz(data), "zip": zipped("a", data), "zstd": zst(data), "zip of gzip of zstd": zipped("a", gz(zst(data))),
		"broken gzip": broken(gz(data)),
	} {
		if bytes.Contains(archive, []byte(secret)) {
			t.Fatalf("%s does not compress it", name)
		}
		if len(hits(t, archive)) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	if len(hits(t, zipped(secret, nil))) == 0 {
		t.Error("not found in the name of a member")
	}
	deep := data
	for range maxDepth + 1 {
		deep = gz(deep)
	}
	if _, err := New(secret).Bytes("deep", deep); !errors.Is(err, ErrLimit) {
		t.Errorf("deeper than searched: %v, want ErrLimit", err)
	}
	bomb := gz(make([]byte, 64<<20))
	left := int64(1 << 20)
	if _, err := New(secret).scan("bomb", bytes.NewReader(bomb), maxDepth, &left); !errors.Is(err, ErrLimit) {
		t.Errorf("bomb: %v, want ErrLimit", err)
	}
}

func TestDir(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, "data", "sealed"), 0o700)
	for _, name := range []string{"data/sealed/x.age", "data/x.json", "clean.txt"} {
		text := secret
		if name == "clean.txt" {
			text = "nothing"
		}
		os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
	}
	found, err := New(secret).Dir(dir, func(p string) bool { return strings.HasPrefix(p, "data/sealed/") })
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, h := range found {
		if h.Where != "data/x.json" {
			t.Errorf("found %s", h)
		}
	}
}
