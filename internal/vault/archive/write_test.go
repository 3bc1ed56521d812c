package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

func TestRoundTrip(t *testing.T) {
	want := objects()
	data, s := mustWrite(t, folder(t, want))
	bytesIn := int64(0)
	for _, d := range want {
		bytesIn += int64(len(d))
	}
	sum := sha256.Sum256(data)
	if diff := cmp.Diff(Summary{Objects: len(want), Bytes: bytesIn, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}, s); diff != "" {
		t.Error(diff)
	}
	path := save(t, data)
	a := mustOpen(t, path)
	if a.String() != path {
		t.Errorf("String is %q", a.String())
	}
	sameObjects(t, a, want)
	again, _ := mustWrite(t, a)
	if !bytes.Equal(again, data) {
		t.Error("an archive written from the archive differs")
	}
}

// goldenSHA256 is of an archive of objects(). It changes with the version of the
// compressor; on one version it is the same on every machine.
const goldenSHA256 = "590780489796dff41f31b93f94ea73e65e26db44923729a46c729b732c488bbb"

func TestSameBytes(t *testing.T) {
	first, s := mustWrite(t, folder(t, objects()))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	second, _ := mustWrite(t, folder(t, objects()))
	if !bytes.Equal(first, second) {
		t.Error("two archives of the same objects differ")
	}
	if s.SHA256 != goldenSHA256 {
		t.Errorf("archive has SHA-256 %s, was %s: another version of the compressor?", s.SHA256, goldenSHA256)
	}
	short := fake{[]vault.Entry{{Name: "a", Size: 3}, {Name: "b", Size: 3}}, fixed("abc")}
	one, _ := mustWrite(t, short)
	short.open = func(string) (io.ReadCloser, error) { // byte by byte
		return io.NopCloser(io.MultiReader(bytes.NewReader([]byte("a")), bytes.NewReader([]byte("b")), bytes.NewReader([]byte("c")))), nil
	}
	short.entries[0], short.entries[1] = short.entries[1], short.entries[0]
	if two, _ := mustWrite(t, short); !bytes.Equal(one, two) {
		t.Error("the order of the listing or the size of reads shows in the archive")
	}
}

func TestEmpty(t *testing.T) {
	data, s := mustWrite(t, folder(t, nil))
	if s.Objects != 0 {
		t.Errorf("%+v", s)
	}
	sameObjects(t, mustOpen(t, save(t, data)), nil)
}

func TestLeftOut(t *testing.T) {
	v := fake{[]vault.Entry{
		{Name: "a", Version: "v0", Marker: true},
		{Name: "a", Size: 5, Version: "v1"},
		{Name: "a", Size: 9, Version: "v2"},
		{Name: "b", Odd: "symbolic link"},
		{Name: "c/.tmp-1", Odd: vault.OddLeftover},
		{Name: "d d/e", Size: 5},
	}, fixed("first")}
	data, s := mustWrite(t, v)
	want := []LeftOut{
		{"a", "delete marker"}, {"a", "later version"}, {"b", "symbolic link"},
		{"c/.tmp-1", vault.OddLeftover}, {"d d/e", "unsafe name"},
	}
	if diff := cmp.Diff(want, s.LeftOuts); diff != "" || s.LeftOut != 5 || s.Objects != 1 {
		t.Errorf("%d objects, %d left out: %s", s.Objects, s.LeftOut, diff)
	}
	sameObjects(t, mustOpen(t, save(t, data)), map[string][]byte{"a": []byte("first")})

	v.entries = nil
	for i := range 3 * maxNamed {
		v.entries = append(v.entries, vault.Entry{Name: fmt.Sprint(i), Odd: "pipe"})
	}
	if _, s := mustWrite(t, v); s.LeftOut != 3*maxNamed || len(s.LeftOuts) != maxNamed {
		t.Errorf("%d left out, %d named", s.LeftOut, len(s.LeftOuts))
	}
}

func TestLeftOutOfFolder(t *testing.T) {
	f := folder(t, map[string][]byte{"a": []byte("a")})
	if err := os.Symlink("/etc/passwd", filepath.Join(f.String(), "link")); err != nil {
		t.Fatal(err)
	}
	_, s := mustWrite(t, f)
	if diff := cmp.Diff([]LeftOut{{"link", "symbolic link"}}, s.LeftOuts); diff != "" {
		t.Error(diff)
	}
}

func TestWriteErrors(t *testing.T) {
	broken := errors.New("broken")
	names := func(all ...string) (out []vault.Entry) {
		for _, n := range all {
			out = append(out, vault.Entry{Name: n, Size: 4})
		}
		return out
	}
	small := limits{members: 3, names: 100, size: 4}
	for what, c := range map[string]struct {
		v    fake
		want error
	}{
		"shorter than listed": {fake{names("a"), fixed("123")}, vault.ErrBody},
		"longer than listed":  {fake{names("a"), fixed("12345")}, vault.ErrBody},
		"empty":               {fake{names("a"), fixed("")}, vault.ErrBody},
		"case":                {fake{names("A/b", "a/B"), fixed("1234")}, vault.ErrName},
		"below an object":     {fake{names("a", "a.b", "a/b"), fixed("1234")}, vault.ErrName},
		"too many":            {fake{names("a", "b", "c", "d"), fixed("1234")}, nil},
		"too large":           {fake{[]vault.Entry{{Name: "a", Size: 5}}, fixed("12345")}, nil},
		"negative":            {fake{[]vault.Entry{{Name: "a", Size: -5}}, fixed("")}, nil},
		"unreadable":          {fake{names("a"), func(string) (io.ReadCloser, error) { return nil, broken }}, broken},
	} {
		_, err := write(context.Background(), c.v, io.Discard, small)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	if _, err := write(context.Background(), fake{names("a", "a.b", "ab"), fixed("1234")}, io.Discard, small); err != nil {
		t.Errorf("names that do not collide: %v", err)
	}
	if _, err := Write(context.Background(), folder(t, objects()), &fullDisk{left: 5000}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("full disk: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Write(ctx, fake{names("a"), fixed("1234")}, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type fullDisk struct{ left int }

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.left)
	d.left -= n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// large is an object of any size, which repeats one piece of noise.
type large struct {
	piece []byte
	at    int
	left  int64
}

func (l *large) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), l.left)], l.piece[l.at:])
	l.at = (l.at + n) % len(l.piece)
	l.left -= int64(n)
	return n, nil
}

func (l *large) Close() error { return nil }

func largeVault(size int64) fake {
	piece := noise(1 << 20)
	return fake{[]vault.Entry{{Name: "large", Size: size}}, func(string) (io.ReadCloser, error) {
		return &large{piece: piece, left: size}, nil
	}}
}

// What is allocated in all must not grow with the object: neither writing, nor opening, nor reading.
func TestMemory(t *testing.T) {
	spent := func(size int64) (written, read uint64) {
		file, err := os.Create(filepath.Join(t.TempDir(), "large.tar.zst"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		v := largeVault(size)
		written = allocated(func() {
			if _, err := Write(context.Background(), v, file); err != nil {
				t.Fatal(err)
			}
		})
		read = allocated(func() {
			a := mustOpen(t, file.Name())
			r, err := a.Open(context.Background(), "large")
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, r); n != size || err != nil {
				t.Fatalf("read %d bytes of %d: %v", n, size, err)
			}
			r.Close()
		})
		return written, read
	}
	const limit = 64 << 20
	for _, size := range []int64{64 << 20, 512 << 20} {
		w, r := spent(size)
		t.Logf("object of %d MiB: %d KiB allocated to write, %d KiB to open and read", size>>20, w>>10, r>>10)
		if w > limit || r > limit {
			t.Errorf("an object of %d bytes makes writing allocate %d bytes and reading %d", size, w, r)
		}
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func BenchmarkWrite(b *testing.B) {
	log := bytes.Repeat([]byte(`{"eventVersion":"1.08","eventName":"Invoke","sourceIPAddress":"198.51.100.7","n":`), 1)
	var text bytes.Buffer
	for i := 0; text.Len() < 32<<20; i++ {
		fmt.Fprintf(&text, "%s%d,%x}\n", log, i, sha256.Sum256([]byte{byte(i), byte(i >> 8), byte(i >> 16)}))
	}
	for _, c := range []struct {
		name    string
		objects map[string][]byte
	}{
		{"log", map[string][]byte{"log": text.Bytes()}},
		{"noise", map[string][]byte{"noise": noise(32 << 20)}},
		{"small", many(10_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			v := folder(b, c.objects)
			for b.Loop() {
				s, err := Write(context.Background(), v, io.Discard)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(s.Bytes)
				b.ReportMetric(float64(s.Bytes)/float64(s.Size), "ratio")
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	data, s := mustWrite(b, largeVault(256<<20))
	path := save(b, data)
	b.SetBytes(s.Bytes)
	for b.Loop() {
		a, err := Open(context.Background(), path)
		if err != nil {
			b.Fatal(err)
		}
		a.Close()
	}
}

func many(n int) map[string][]byte {
	out := map[string][]byte{}
	for i := range n {
		out[fmt.Sprintf("ledger/%08d.json", i)] = fmt.Appendf(nil, `{"seq":%d,"prev_hash":"%x"}`, i, sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	return out
}
