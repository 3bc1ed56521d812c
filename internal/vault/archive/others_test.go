package archive

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// GNU tar, zstd and sha256sum read what Write wrote.
func TestOthersRead(t *testing.T) {
	want := objects()
	v := folder(t, want)
	data, _ := mustWrite(t, v)
	path := save(t, data)
	run(t, "", "zstd", "-q", "-t", path)

	names := slices.Sorted(maps.Keys(want))
	if got := strings.Fields(run(t, "", "tar", "--zstd", "-tf", path)); !slices.Equal(got, names) {
		t.Errorf("tar lists %q, want %q", got, names)
	}
	for line := range strings.Lines(run(t, "", "tar", "--zstd", "--utc", "--full-time", "-tvf", path)) {
		if f := strings.Fields(line); f[0] != "-r--------" || f[1] != "0/0" || f[3]+" "+f[4] != "1970-01-01 00:00:00" {
			t.Errorf("tar says %q", line)
		}
	}
	// A frame for each member and one for the end.
	if out, line := run(t, "", "zstd", "-lv", path), fmt.Sprintf("# Zstandard Frames: %d\n", len(want)+1); !strings.Contains(out, line) {
		t.Errorf("zstd does not say %q:\n%s", line, out)
	}

	// The objects' own hashes, by sha256sum, before and after.
	sums := run(t, v.String(), "sha256sum", names...)
	out := t.TempDir()
	run(t, out, "tar", "--zstd", "-xf", path)
	list := filepath.Join(t.TempDir(), "sums")
	if err := os.WriteFile(list, []byte(sums), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, out, "sha256sum", "--quiet", "--strict", "-c", list)
}

// An archive made by tar: members share frames.
func TestReadOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: one reader, which shares nothing, of archives that other programs made; run without -short")
	}
	want := objects()
	v := folder(t, want)
	canonical, _ := mustWrite(t, v)
	names := slices.Sorted(maps.Keys(want))
	slices.Reverse(names) // no order that we would choose
	for what, args := range map[string][]string{
		"gnu":     {"--zstd", "--format=gnu"},
		"pax":     {"--zstd", "--format=pax"},
		"records": {"--zstd", "--format=gnu", "-b", "1000"},
		"level":   {"-I", "zstd -19", "--format=gnu"},
		"no sums": {"-I", "zstd --no-check", "--format=gnu"},
		"threads": {"-I", "zstd -T2 -B512KiB", "--format=gnu"},
	} {
		t.Run(what, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "others.tar.zst")
			tool(t, "zstd")
			run(t, v.String(), "tar", append(append(args, "-cf", path), names...)...)
			a := mustOpen(t, path)
			sameObjects(t, a, want)
			if again, _ := mustWrite(t, a); !bytes.Equal(again, canonical) {
				t.Error("written again, it differs from an archive of the folder")
			}
		})
	}
	// Compressed from a file, whose size the frame header then declares; and in pieces
	// that begin in the midst of members, with frames between them that hold nothing.
	dir := t.TempDir()
	run(t, v.String(), "tar", append([]string{"-cf", filepath.Join(dir, "plain.tar")}, names...)...)
	run(t, dir, "zstd", "-q", "plain.tar")
	sameObjects(t, mustOpen(t, filepath.Join(dir, "plain.tar.zst")), want)
	plain, err := os.ReadFile(filepath.Join(dir, "plain.tar"))
	if err != nil {
		t.Fatal(err)
	}
	var pieces []byte
	for piece := range slices.Chunk(plain, 300_001) {
		pieces = append(pieces, compress(t, piece)...)
		pieces = append(pieces, 0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'x', 'y', 'z') // skippable, RFC 8878 section 3.1.2
		pieces = append(pieces, compress(t, nil)...)
	}
	sameObjects(t, mustOpen(t, save(t, pieces)), want)
}

// A tar of a folder as such holds directories: refused, by name.
func TestReadOthersFolder(t *testing.T) {
	v := folder(t, objects())
	path := filepath.Join(t.TempDir(), "others.tar.zst")
	tool(t, "zstd")
	run(t, v.String(), "tar", "--zstd", "-cf", path, ".")
	refused(t, path, `"./"`, "a directory")
}
