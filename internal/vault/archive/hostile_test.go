package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

func compress(t testing.TB, data []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	enc, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithZeroFrames(true)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return enc.EncodeAll(data, nil)
}

// plainTar is a tar archive of headers; a regular file's content is 'x' repeated.
func plainTar(t testing.TB, headers ...*tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, strings.Repeat("x", int(h.Size))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func regular(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size}
}

// refused fails unless Open refuses the file with ErrArchive, saying all of says.
func refused(t *testing.T, path string, says ...string) {
	t.Helper()
	a, err := Open(context.Background(), path)
	if err == nil {
		a.Close()
		t.Errorf("opened; want an error with %q", says)
		return
	}
	if !errors.Is(err, ErrArchive) {
		t.Errorf("%v is not ErrArchive", err)
	}
	for _, s := range append(says, path, "byte") {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}

// bare is one header with nothing after it, edited and with its checksum set right again.
func bare(t *testing.T, edit func(block []byte)) []byte {
	t.Helper()
	block := plainTar(t, regular("evil", 0))[:tarBlock]
	edit(block)
	copy(block[148:156], "        ")
	sum := 0
	for _, b := range block {
		sum += int(b)
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return block
}

func TestHostileTar(t *testing.T) {
	good := plainTar(t, regular("a", 3), regular("b", 600))
	end := make([]byte, 2*tarBlock)
	header := func(flag byte, name, link string) []byte {
		return plainTar(t, regular("before", 1), &tar.Header{Typeflag: flag, Name: name, Linkname: link})
	}
	sized := func(size string) []byte {
		return bare(t, func(b []byte) { copy(b[124:136], size) })
	}
	oldSparse := append(bare(t, func(b []byte) { // GNU tar's own, src/tar.h
		b[156] = 'S'
		copy(b[257:], "ustar  \x00")
		copy(b[386:], "00000000000\x0000000000000\x00")
		copy(b[483:], "00000000000\x00")
	}), end...)
	for what, c := range map[string]struct {
		tar  []byte
		says []string
	}{
		"directory":     {header(tar.TypeDir, "dir/", ""), []string{`"dir/"`, "a directory"}},
		"symbolic link": {header(tar.TypeSymlink, "evil", "/etc/passwd"), []string{`"evil"`, "symbolic link"}},
		"hard link":     {header(tar.TypeLink, "evil", "before"), []string{`"evil"`, "hard link"}},
		"device":        {header(tar.TypeChar, "evil", ""), []string{`"evil"`, "device"}},
		"block device":  {header(tar.TypeBlock, "evil", ""), []string{`"evil"`, "device"}},
		"pipe":          {header(tar.TypeFifo, "evil", ""), []string{`"evil"`, "pipe"}},
		"unknown type":  {append(bare(t, func(b []byte) { b[156] = 'Z' }), end...), []string{`"evil"`, `'Z'`}},
		"contiguous":    {append(bare(t, func(b []byte) { b[156] = '7' }), end...), []string{`"evil"`, `'7'`}},
		"global header": {plainTar(t, &tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "x"}}), []string{"global header"}},
		"sparse":        {oldSparse, []string{"evil", "sparse"}},
		"climbing":      {plainTar(t, regular("before", 1), regular("../evil", 1)), []string{`"../evil"`, "unsafe"}},
		"absolute":      {plainTar(t, regular("/etc/evil", 1)), []string{`"/etc/evil"`}},
		"control":       {plainTar(t, regular("a\x1b[2Jb", 1)), []string{`"a\x1b[2Jb"`}},
		"temporary":     {plainTar(t, regular("x/.tmp-1", 1)), []string{`"x/.tmp-1"`}},
		"too long":      {plainTar(t, regular(strings.Repeat("a/", 600)+"a", 1)), []string{"1201 characters"}},
		"no name":       {append(bare(t, func(b []byte) { clear(b[:100]) }), end...), []string{`""`}},
		"duplicate":     {plainTar(t, regular("x", 1), regular("y", 1), regular("x", 2)), []string{`"x"`, "collides"}},
		"case-folded":   {plainTar(t, regular("case.json", 1), regular("Case.JSON", 2)), []string{`"Case.JSON"`, "collides", `"case.json"`}},
		"below a file":  {plainTar(t, regular("x/y", 1), regular("x", 2)), []string{`"x"`, "collides"}},
		"8 GiB of 0":    {append(sized("77777777777\x00"), end...), []string{`"evil"`, "EOF"}},
		"8 EiB":         {append(sized("\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"), end...), []string{`"evil"`, "is said to have"}},
		"2^90 bytes":    {append(sized("\x80\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), end...), []string{"header"}},
		"negative":      {append(sized("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe"), end...), []string{"header"}},
		"bad checksum":  {append([]byte{'?'}, good[1:]...), []string{"header"}},
		"no end":        {good[:len(good)-2*tarBlock], []string{`"b"`, "cut off"}},
		"half an end":   {good[:len(good)-tarBlock], []string{`"b"`, "cut off"}},
		"part of a end": {good[:len(good)-1], []string{`"b"`}},
		"no padding":    {good[:2*tarBlock+tarBlock+600], []string{`"b"`, "cut off"}},
		"cut content":   {good[:2*tarBlock+tarBlock+599], []string{`"b"`, "EOF"}},
		"cut header":    {good[:2*tarBlock+100], []string{`"a"`, "EOF"}},
		"one zero":      {append(bytes.Clone(good[:len(good)-tarBlock]), good...), []string{"header"}},
		"junk after":    {append(bytes.Clone(good), "junk"...), []string{"after the end"}},
		"second tar":    {append(bytes.Clone(good), good...), []string{"after the end"}},
		"zeros after":   {append(bytes.Clone(good), make([]byte, maxTail+1)...), []string{"zeros after the end"}},
		"more content":  {append(append(bytes.Clone(good[:tarBlock]), bytes.Repeat([]byte("more"), 512)...), end...), []string{`"a"`, "header"}},
		"empty":         {nil, []string{"cut off"}},
	} {
		t.Run(what, func(t *testing.T) { refused(t, save(t, compress(t, c.tar)), c.says...) })
	}
	if a := mustOpen(t, save(t, compress(t, good))); len(list(t, a, "")) != 2 {
		t.Error("what the others are made from does not open")
	}
}

// Sparse files in the PAX way, as GNU tar itself makes them.
func TestHostileSparse(t *testing.T) {
	tool(t, "zstd")
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "holes"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(10<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"gnu", "pax"} {
		for _, version := range []string{"0.0", "0.1", "1.0"} {
			path := filepath.Join(dir, format+version+".tar.zst")
			run(t, dir, "tar", "--zstd", "-S", "--format="+format, "--sparse-version="+version, "-cf", path, "holes")
			refused(t, path, "sparse")
		}
	}
}

func TestHostileFrames(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: one reader, which shares nothing, of much text; the plain run has it")
	}
	magic := []byte{0x28, 0xb5, 0x2f, 0xfd}
	good := compress(t, plainTar(t, regular("a", 3), regular("b", 600)))
	if good[len(magic)]&4 == 0 {
		t.Fatal("no checksum at the end: the cases below prove nothing")
	}
	patch := func(data []byte, at int, b byte) []byte {
		data = bytes.Clone(data)
		data[(at+len(data))%len(data)] ^= b
		return data
	}
	frame := func(b ...byte) []byte { return append(bytes.Clone(magic), b...) }
	// No content size, a window of 1 KiB, then one block: RFC 8878 section 3.1.1.2.
	block := func(header uint32, content ...byte) []byte {
		return append(frame(0, 0, byte(header), byte(header>>8), byte(header>>16)), content...)
	}
	for what, c := range map[string]struct {
		data []byte
		says string
	}{
		"no file":            {nil, "cut off"},
		"not zstd":           {[]byte("PK\x03\x04 this is a zip"), "not a zstd frame"},
		"plain tar":          {plainTar(t, regular("a", 3)), "not a zstd frame"},
		"junk after":         {append(bytes.Clone(good), "junk"...), "not a zstd frame"},
		"a byte after":       {append(bytes.Clone(good), 0), "cut off in its header"},
		"wrong checksum":     {patch(good, -1, 1), "checksum"},
		"flipped content":    {patch(good, len(good)/2, 0x10), ""},
		"reserved block":     {block(3<<1 | 1), "type 3"},
		"block too large":    {block(1<<1|1|(maxBlock+1)<<3, 0), "type 1"},
		"window of 3.75 TB":  {frame(0, 0xff), "window"},
		"window of 16 MiB":   {frame(0, (24-10)<<3), "window"},
		"content of 4 GiB":   {frame(0xa0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0), "window"},
		"dictionary":         {frame(1, 0x58, 7, 1, 0, 0), "dictionary"},
		"wrong content size": {append(frame(0x20, 5), 1, 0, 0), ""},
		"skippable cut":      {append(bytes.Clone(good), 0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff), "cut off"},
		"skippable only":     {[]byte{0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0}, "cut off"},
		"zeros for ever":     {append(bytes.Clone(good), bomb(t, 1<<30)...), "zeros after the end"},
		"bomb":               {bomb(t, 1<<30), "zeros after the end"},
	} {
		t.Run(what, func(t *testing.T) { refused(t, save(t, c.data), c.says) })
	}
}

// bomb inflates to n zeros.
func bomb(t *testing.T, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	enc, err := zstd.NewWriter(&out, zstd.WithWindowSize(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 1<<20)
	for range n >> 20 {
		if _, err := enc.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Cut anywhere, an archive is refused: at each frame's start and end, and between.
func TestTruncated(t *testing.T) {
	small := objects()
	delete(small, "collections/01/data/random")
	delete(small, "collections/01/data/zeros")
	data, _ := mustWrite(t, folder(t, small))
	s := scanner{file: bytes.NewReader(data), size: int64(len(data))}
	cuts, frames := map[int64]bool{}, 0
	for off := int64(0); off < s.size; frames++ {
		f, err := s.frame(context.Background(), off)
		if err != nil {
			t.Fatal(err)
		}
		for _, cut := range []int64{f.start, f.start + 1, f.start + 5, (f.start + f.end) / 2, f.end - 4, f.end - 1} {
			cuts[cut] = true
		}
		off = f.end
	}
	if frames != len(small)+1 {
		t.Fatalf("%d frames, want %d", frames, len(small)+1)
	}
	for cut := range cuts {
		_, err := open(context.Background(), "cut", bytes.NewReader(data[:cut]), cut, defaultLimits())
		if !errors.Is(err, ErrArchive) {
			t.Errorf("cut at byte %d of %d: %v", cut, len(data), err)
		}
	}
}

// No single wrong byte opens as something else: every frame has a checksum.
func TestFlipped(t *testing.T) {
	want := map[string][]byte{"case.json": []byte(`{"id":"01"}`), "data": noise(700), "ledger/00000000.json": []byte(`{"seq":0}`)}
	data, _ := mustWrite(t, folder(t, want))
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		a, err := open(context.Background(), "flipped", bytes.NewReader(bad), int64(len(bad)), defaultLimits())
		if err == nil {
			sameObjects(t, a, want) // a flag that changes nothing, such as a larger window
		} else if !errors.Is(err, ErrArchive) {
			t.Errorf("byte %d: %v", i, err)
		}
	}
}

func TestLimits(t *testing.T) {
	data := compress(t, plainTar(t, regular("aa", 4), regular("bb", 4), regular("cc", 4)))
	for what, c := range map[string]struct {
		max limits
		ok  bool
	}{
		"exact":   {limits{3, 6, 4}, true},
		"members": {limits{2, 6, 4}, false},
		"names":   {limits{3, 5, 4}, false},
		"size":    {limits{3, 6, 3}, false},
	} {
		_, err := open(context.Background(), "limits", bytes.NewReader(data), int64(len(data)), c.max)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrArchive) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(context.Background(), filepath.Join(dir, "nothing")); !errors.Is(err, vault.ErrGone) || errors.Is(err, ErrArchive) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Open(context.Background(), dir); !errors.Is(err, ErrArchive) {
		t.Errorf("directory: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	data, _ := mustWrite(t, folder(t, objects()))
	if _, err := Open(ctx, save(t, data)); !errors.Is(err, context.Canceled) || errors.Is(err, ErrArchive) {
		t.Errorf("cancelled: %v", err)
	}
	_, err := open(context.Background(), "disk", brokenDisk{}, 1000, defaultLimits())
	if errors.Is(err, ErrArchive) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a disk that fails makes the archive bad: %v", err)
	}
}

type brokenDisk struct{}

func (brokenDisk) ReadAt([]byte, int64) (int, error) {
	return 0, &os.PathError{Op: "read", Path: "disk", Err: os.ErrDeadlineExceeded}
}
