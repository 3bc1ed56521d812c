// Package hostile makes deployment packages, names and texts as an attacker may write
// them, for tests: each with what a reader has to say about it. Deterministic.
package hostile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Package is a deployment package that means harm.
type Package struct {
	Name string
	Zip  []byte
	// Says is part of what must be said of it: of the archive, or of one of its entries.
	// "" means that nothing is odd about the archive itself: what is hostile lies deeper.
	Says string
}

func ptr[T any](v T) *T { return &v }

func one(e entry) archive { return archive{entries: []entry{handler, e}} }

var handler = entry{name: "index.js", data: []byte("exports.handler = async () => 1\n"), method: 8}

// Packages are all of them.
func Packages() []Package {
	var all []Package
	add := func(name, says string, a archive) { all = append(all, Package{name, a.bytes(), says}) }
	names(add)
	headers(add)
	bombs(add)
	links(add)
	return append(all, broken()...)
}

const outside, absolute, slash, control, bidi = "leads out of the archive's folder", "the name is absolute", "a backslash in the name", "control characters", "direction of text"

func names(add func(name, says string, a archive)) {
	payload := []byte("#!/bin/sh\ntouch /tmp/freezeframe-was-here\n")
	for i, c := range []struct{ name, says string }{
		{"../../../../tmp/freezeframe-slip", outside}, {"a/../../b", outside}, {"..", outside}, {"../", outside},
		{`..\..\evil.bat`, outside}, {`dir\file`, slash}, {"/etc/cron.d/evil", absolute}, {`C:\Windows\evil.dll`, absolute}, {"//server/share/evil", absolute},
		{"a\x00b.js", control}, {"a\rb.js", control}, {"a\nb.js", control}, {"\x1b[2J\x1b[31mred.js", control}, {"\x1b]0;title\x07.js", control},
		{"\u202egpj.exe", bidi}, {"a\u2066b\u2069.js", bidi}, {"\u200fx.js", bidi},
		{"\xff\xfe\xfd.js", "not UTF-8"}, {"caf\xe9.js", "not UTF-8"},
		{strings.Repeat("n", 64<<10-1), "bytes long"}, {strings.Repeat("d/", 16<<10) + "x", "bytes long"},
		{"", "has no name"}, {"index.js", "there twice"}, {"INDEX.js", "only in case"}, {"index.js/", "only in case|there twice|a directory"},
		{"=cmd|' /C calc'!A0", ""}, {"<script>alert(1)</script>.js", ""}, {"{{.}}.js", ""}, {"$(id).js", ""}, {"-rf", ""},
		{"con", ""}, {"aux.js", ""}, {"node_modules/__proto__/index.js", ""},
	} {
		add(fmt.Sprintf("name-%02d", i), c.says, one(entry{name: c.name, data: payload, method: 8}))
	}
	many := archive{}
	for i := range 60_000 {
		many.entries = append(many.entries, entry{name: fmt.Sprintf("d%d/f%d", i%7, i)})
	}
	add("many-entries", "", many)
	long := archive{}
	for i := range 1500 {
		long.entries = append(long.entries, entry{name: strings.Repeat("l", 60_000) + fmt.Sprint(i)})
	}
	add("names-of-90-MB", "the names alone take", long)
}

func headers(add func(name, says string, a archive)) {
	x := []byte("const x = 1\n")
	add("other-local-name", "another name", one(entry{name: "good.js", local: "evil.js", data: x}))
	add("shared-bytes", "share their bytes", archive{entries: []entry{handler, {name: "copy.js", data: handler.data, method: 8, share: true}}})
	add("no-local-header", "no local header|another name|cannot be read", one(entry{name: "ghost.js", data: x, bare: true}))
	add("wrong-checksum", "checksum", one(entry{name: "crc.js", data: x, crc: ptr(uint32(1))}))
	add("encrypted", "encrypted", one(entry{name: "secret.js", data: x, flags: 1}))
	add("unknown-method", "does not take", one(entry{name: "lzma.js", data: x, method: 14}))
	add("claims-more", "end|checksum", one(entry{name: "more.js", data: x, method: 8, size: ptr(uint32(1 << 30))}))
	add("claims-less", "end|checksum|valid", one(entry{name: "less.js", data: bytes.Repeat(x, 1000), method: 8, size: ptr(uint32(5))}))
	add("prefix", "belong to none", archive{prefix: []byte("#!/bin/sh\nexec evil\n"), entries: []entry{handler}})
	add("prefix-shifted", "before the archive's beginning", archive{prefix: []byte("#!/bin/sh\nexec evil\n"), shifted: true, entries: []entry{handler}})
	add("tail", "behind the archive's end", archive{entries: []entry{handler}, tail: []byte("PAYLOAD behind the end")})
	add("between", "belong to none", archive{entries: []entry{handler, {name: "b.js", data: x}}, between: bytes.Repeat([]byte("HIDDEN"), 100)})
	add("count", "counts|not a zip archive", archive{entries: []entry{handler, {name: "b.js", data: x}}, count: ptr(uint16(1))})
	add("comment", "", archive{entries: []entry{handler}, comment: "\x1b[31mPK\x05\x06 red"})
	add("entry-comment", "", one(entry{name: "c.js", data: x, comment: strings.Repeat("\x1b[2J", 1000)}))
	add("directory-with-bytes", "directory that has bytes", one(entry{name: "dir/", data: x}))
}

func bombs(add func(name, says string, a archive)) {
	add("bomb-24MB", "a bomb", one(entry{name: "zeros", data: make([]byte, 24<<20), method: 8}))
	inner := archive{entries: []entry{{name: "zeros", data: make([]byte, 8<<20), method: 8}}}
	nested := inner.bytes()
	for i := range 5 {
		a := archive{}
		for j := range 4 {
			a.entries = append(a.entries, entry{name: fmt.Sprintf("l%d-%d.zip", i, j), data: nested, method: 8})
		}
		nested = a.bytes()
	}
	add("nested-zips", "", one(entry{name: "deep.zip", data: nested, method: 0}))
	add("gzip-bomb", "", one(entry{name: "logs.gz", data: gzipped(make([]byte, 24<<20))}))
	add("zstd-bomb", "", one(entry{name: "data.zst", data: zstded(make([]byte, 24<<20))}))
	add("tar-sparse", "", one(entry{name: "sparse.tar", data: sparseTar()}))
	over := archive{entries: []entry{{name: "kernel", data: make([]byte, 1<<20), method: 8}}}
	for i := range 300 { // the same bytes, claimed three hundred times
		over.entries = append(over.entries, entry{name: fmt.Sprintf("copy-%d", i), data: make([]byte, 1<<20), method: 8, share: true})
	}
	add("overlap-bomb", "share their bytes", over)
}

func links(add func(name, says string, a archive)) {
	for _, c := range []struct {
		name   string
		target string
		mode   fs.FileMode
		says   string
	}{
		{"link-passwd", "/etc/passwd", fs.ModeSymlink | 0o777, "symbolic link"},
		{"link-up", "../../..", fs.ModeSymlink | 0o777, "symbolic link"},
		{"device", "", fs.ModeDevice | 0o666, "device"},
		{"pipe", "", fs.ModeNamedPipe | 0o666, "named pipe"},
		{"socket", "", fs.ModeSocket | 0o666, "socket"},
		{"setuid", "\x7fELF", fs.ModeSetuid | 0o755, ""},
	} {
		add(c.name, c.says, one(entry{name: c.name, data: []byte(c.target), mode: c.mode}))
	}
	// A link, and a file that would be written through it.
	add("link-then-file", "symbolic link", archive{entries: []entry{
		handler, {name: "out", data: []byte("/tmp"), mode: fs.ModeSymlink | 0o777}, {name: "out/freezeframe-through-link", data: []byte("x")}}})
}

// broken are no archives at all.
func broken() []Package {
	whole := archive{entries: []entry{handler}}.bytes()
	const no = "not a zip archive"
	return []Package{
		{"empty", nil, no},
		{"text", []byte("not a zip"), no},
		{"cut", whole[:len(whole)/2], no},
		{"zeros", make([]byte, 4096), no},
		{"end-only", []byte("PK\x05\x06" + strings.Repeat("\x00", 18)), ""},
		{"end-points-outside", []byte("PK\x05\x06\x00\x00\x00\x00\xff\x00\xff\x00\xff\xff\xff\x7f\xff\xff\xff\x7f\x00\x00"), no},
		{"two-ends", append(bytes.Clone(whole), archive{entries: []entry{{name: "other.js", data: []byte("x")}}}.bytes()...), "before the archive's beginning"},
		{"gzip", gzipped([]byte("x")), no},
	}
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data) // into memory
	_ = w.Close()
	return b.Bytes()
}

func zstded(data []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err) // no options that could be wrong
	}
	return w.EncodeAll(data, nil)
}

// sparseTar claims a file of a terabyte that has no bytes (GNU sparse 1.0).
func sparseTar() []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "GNUSparseFile.0/big", Size: 512, Mode: 0o644, Format: tar.FormatPAX,
		PAXRecords: map[string]string{"comment": "sparse"}})
	_, _ = io.WriteString(w, "1\n1099511627776\n0\n"+strings.Repeat("\x00", 512-18))
	_ = w.Close()
	return b.Bytes()
}
