package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// recorder notes in which order objects arrive, and fails from some object on.
type recorder struct {
	*vault.Folder
	names []string
	left  int // objects it still takes
}

var errStopped = errors.New("stopped")

func (r *recorder) Create(ctx context.Context, name string, body io.ReadSeeker, size int64, sum [32]byte) (vault.Entry, error) {
	if r.left--; r.left < 0 {
		return vault.Entry{}, errStopped
	}
	r.names = append(r.names, name)
	return r.Folder.Create(ctx, name, body, size, sum)
}

func TestImport(t *testing.T) {
	want := objects()
	v := folder(t, want)
	ours, _ := mustWrite(t, v)
	path := save(t, ours)
	sources := map[string]vault.Vault{"archive": mustOpen(t, path), "folder": v}
	for what, a := range sources {
		into := &recorder{folder(t, nil), nil, 1 << 20}
		n, err := Import(context.Background(), a, into)
		if n != len(want) || err != nil {
			t.Fatalf("%s: imported %d of %d: %v", what, n, len(want), err)
		}
		sameObjects(t, into.Folder, want)
		if got := into.names[n-2:]; !slices.Equal(got, []string{caseFile, firstLink}) {
			t.Errorf("%s: %q come last", what, got)
		}
		if n, err := Import(context.Background(), a, into); n != 0 || err != nil {
			t.Errorf("%s: imported again: %d, %v", what, n, err)
		}
	}
}

// Stopped at any object, an import leaves no case, and the next one completes it.
func TestImportInterrupted(t *testing.T) {
	want := objects()
	delete(want, "collections/01/data/random")
	data, _ := mustWrite(t, folder(t, want))
	a := mustOpen(t, save(t, data))
	for at := range len(want) {
		into := &recorder{folder(t, nil), nil, at}
		if n, err := Import(context.Background(), a, into); n != at || !errors.Is(err, errStopped) {
			t.Fatalf("stopped after %d: %d, %v", at, n, err)
		}
		if _, err := into.Open(context.Background(), firstLink); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("stopped after %d: there is a ledger: %v", at, err)
		}
		into.left = 1 << 20
		if n, err := Import(context.Background(), a, into); n != len(want)-at || err != nil {
			t.Errorf("went on after %d: %d, %v", at, n, err)
		}
		sameObjects(t, into.Folder, want)
	}
}

func TestImportRefuses(t *testing.T) {
	want := map[string][]byte{"case.json": []byte("{}"), "data": []byte("mine"), firstLink: []byte("{}")}
	data, _ := mustWrite(t, folder(t, want))
	a := mustOpen(t, save(t, data))
	for what, there := range map[string]map[string][]byte{
		"foreign":     {"other": []byte("x")},
		"other size":  {"case.json": []byte("{ }")},
		"other bytes": {"data": []byte("your")},
	} {
		into := folder(t, there)
		if n, err := Import(context.Background(), a, into); n != 0 || !errors.Is(err, vault.ErrExists) {
			t.Errorf("%s: %d, %v", what, n, err)
		}
		sameObjects(t, into, there)
	}
	link := folder(t, nil)
	if err := os.Symlink("/etc/passwd", filepath.Join(link.String(), "data")); err != nil {
		t.Fatal(err)
	}
	if n, err := Import(context.Background(), a, link); n != 0 || !errors.Is(err, vault.ErrExists) {
		t.Errorf("symbolic link: %d, %v", n, err)
	}
	if n, err := Import(context.Background(), link, folder(t, nil)); n != 0 || err == nil {
		t.Errorf("from a folder with a link: %d, %v", n, err)
	}
	if _, err := Import(context.Background(), folder(t, want), a); !errors.Is(err, vault.ErrExists) && err != nil {
		t.Errorf("into the archive it is: %v", err)
	}
	empty, _ := mustWrite(t, folder(t, nil))
	if n, err := Import(context.Background(), folder(t, want), mustOpen(t, save(t, empty))); n != 0 || !errors.Is(err, ErrReadOnly) {
		t.Errorf("into an archive: %d, %v", n, err)
	}
}

// A body can be read from any place, as the SDK of a bucket does to find its length.
func TestBodySeek(t *testing.T) {
	text := noise(300_000)
	data, _ := mustWrite(t, folder(t, map[string][]byte{"a": text}))
	b := &body{ctx: context.Background(), v: mustOpen(t, save(t, data)), name: "a", size: int64(len(text))}
	defer b.Close()
	for _, c := range []struct {
		offset int64
		whence int
		want   int
	}{{0, io.SeekCurrent, 0}, {0, io.SeekEnd, len(text)}, {0, io.SeekStart, 0}, {1000, io.SeekStart, 1000}, {-7, io.SeekEnd, len(text) - 7}, {5, io.SeekStart, 5}, {1, io.SeekEnd, len(text) + 1}} {
		at, err := b.Seek(c.offset, c.whence)
		if at != int64(c.want) || err != nil {
			t.Fatalf("seek %+v: %d, %v", c, at, err)
		}
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, text[min(c.want, len(text)):]) {
			t.Errorf("read after %+v: %d bytes, %v", c, len(got), err)
		}
	}
	for _, whence := range []int{io.SeekStart, 9} {
		if _, err := b.Seek(-1, whence); err == nil {
			t.Errorf("seek to -1 from %d", whence)
		}
	}
}

// A true case verifies in its archive as it does in its folder, and damage shows.
func TestEvidence(t *testing.T) {
	ctx := context.Background()
	v := folder(t, nil)
	home := t.TempDir()
	_, err := evidence.CreateCase(ctx, v, evidence.CaseOptions{Title: "test", Operator: "tester", Home: home,
		Now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	problems := func(v vault.Vault) (out []string) {
		for p, err := range evidence.Verify(ctx, v, evidence.VerifyOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, p.Path+": "+p.What)
		}
		return out
	}
	want := problems(v)
	data, _ := mustWrite(t, v)
	a := mustOpen(t, save(t, data))
	if got := problems(a); !slices.Equal(got, want) {
		t.Errorf("archive has problems %q, the folder %q", got, want)
	}
	into := folder(t, nil)
	if _, err := Import(ctx, a, into); err != nil {
		t.Fatal(err)
	}
	if got := problems(into); !slices.Equal(got, want) {
		t.Errorf("imported, it has problems %q, had %q", got, want)
	}
	if err := os.Chmod(filepath.Join(v.String(), caseFile), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(get(t, v, caseFile)), "tester", "Tester", 1)
	if err := os.WriteFile(filepath.Join(v.String(), caseFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	data, _ = mustWrite(t, v)
	if got := problems(mustOpen(t, save(t, data))); !slices.Contains(got, caseFile+": changed") {
		t.Errorf("a changed case.json in an archive: %q", got)
	}
}

// Reading twice what shares one frame costs little more than inflating it twice.
func TestSharedFrameIsNotInflatedForEachMember(t *testing.T) {
	all := many(1000)
	v := folder(t, all)
	path := filepath.Join(t.TempDir(), "others.tar.zst")
	tool(t, "zstd")
	names := list(t, v, "")
	slices.Reverse(names)
	file := filepath.Join(t.TempDir(), "names")
	if err := os.WriteFile(file, []byte(strings.Join(names, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, v.String(), "tar", "--zstd", "-cf", path, "-T", file)
	disk, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	info, _ := disk.Stat()
	count := &counter{ReaderAt: disk}
	a, err := open(context.Background(), path, count, info.Size(), defaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	count.bytes = 0
	into := folder(t, nil)
	n, err := Import(context.Background(), a, into)
	if n != len(all) || err != nil {
		t.Fatalf("imported %d: %v", n, err)
	}
	// What comes last lies first here, and is read again from the start: twice each.
	times := float64(count.bytes) / float64(info.Size())
	t.Logf("import of %d members that share one frame of %d bytes read the file %.1f times", n, info.Size(), times)
	if times > 8 {
		t.Errorf("import read the archive %.1f times", times)
	}
}

type counter struct {
	io.ReaderAt
	bytes int64
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.bytes += int64(n)
	return n, err
}
