package inspect

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// oddName says what is wrong with an entry's name, as a name.
func oddName(name string) []string {
	var odd []string
	add := func(bad bool, what string) {
		if bad {
			odd = append(odd, what)
		}
	}
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' })
	add(name == "", "has no name")
	add(slices.Contains(parts, ".."), "the name leads out of the archive's folder")
	add(strings.HasPrefix(name, "/") || len(name) > 1 && name[1] == ':', "the name is absolute")
	add(strings.Contains(name, `\`), "a backslash in the name")
	add(!utf8.ValidString(name), "the name is not UTF-8")
	add(strings.IndexFunc(name, unicode.IsControl) >= 0, "control characters in the name")
	add(strings.IndexFunc(name, isBidi) >= 0, "characters in the name that change the direction of text")
	add(len(name) > 4096, fmt.Sprintf("the name is %d bytes long", len(name)))
	return odd
}

// isBidi: embeddings, overrides and isolates, which make a name read as another.
func isBidi(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x200E || r == 0x200F || r == 0x061C
}

// local is an entry's local header: what a reader sees who does not believe the directory.
type local struct {
	start, data, end int64 // in the archive; data and end are of the compressed bytes
	name             bool  // it carries the name that the directory gives
	ok               bool  // it is there
}

// locals finds the local header of each entry.
func locals(ctx context.Context, r io.ReaderAt, files []*zip.File) ([]local, error) {
	out := make([]local, len(files))
	for i, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at, err := f.DataOffset()
		if err != nil {
			continue
		}
		out[i] = local{start: at, data: at, end: at + int64(f.CompressedSize64), ok: true}
		for _, most := range []int64{64, 1 << 16} { // nearly all headers are short
			if start, ok := headerBefore(r, at, f.Name, most); ok {
				out[i].start, out[i].name = start, true
				break
			}
		}
	}
	return out, nil
}

// headerBefore looks for the local header that has this name, an extra field of at most so
// many bytes, and its data at `at`.
func headerBefore(r io.ReaderAt, at int64, name string, extra int64) (start int64, ok bool) {
	const fixed = 30
	buf := make([]byte, min(at, fixed+int64(len(name))+extra))
	if _, err := r.ReadAt(buf, at-int64(len(buf))); err != nil {
		return 0, false
	}
	for n := 0; fixed+len(name)+n <= len(buf); n++ {
		head := buf[len(buf)-fixed-len(name)-n:]
		if bytes.HasPrefix(head, []byte("PK\x03\x04")) && int(binary.LittleEndian.Uint16(head[26:])) == len(name) &&
			int(binary.LittleEndian.Uint16(head[28:])) == n && string(head[fixed:fixed+len(name)]) == name {
			return at - int64(len(head)), true
		}
	}
	return 0, false
}

// oddHeader says where directory and local header contradict each other: readers differ in
// whom they believe.
func oddHeader(f *zip.File, l local) []string {
	var odd []string
	if f.Flags&1 != 0 {
		odd = append(odd, "is encrypted")
	}
	switch {
	case !l.ok:
		odd = append(odd, "has no local header")
	case !l.name:
		odd = append(odd, "its local header has another name")
	}
	return odd
}

// layout says what is odd about the archive as a whole: bytes that belong to no entry, and
// bytes that belong to two.
func layout(end end, files []*zip.File, headers []local) []string {
	var odd []string
	if end.start > 0 {
		odd = append(odd, fmt.Sprintf("%d bytes before the archive's beginning", end.start))
	}
	if end.tail > 0 {
		odd = append(odd, fmt.Sprintf("%d bytes behind the archive's end", end.tail))
	}
	if end.records != int64(len(files)) {
		odd = append(odd, fmt.Sprintf("the archive's end counts %d entries, its directory lists %d", end.records, len(files)))
	}
	spans := slices.DeleteFunc(slices.Clone(headers), func(l local) bool { return !l.ok })
	slices.SortFunc(spans, func(a, b local) int { return cmp.Compare(a.start, b.start) })
	const descriptor = 24 // may follow an entry's bytes
	overlaps, reached, unclaimed := 0, end.start, int64(0)
	for i, s := range spans {
		if s.start < reached {
			overlaps++
		} else if s.name && (s.start-reached > descriptor || i == 0 && s.start > reached) {
			unclaimed += s.start - reached
		}
		reached = max(reached, s.end)
	}
	if unclaimed > 0 {
		odd = append(odd, fmt.Sprintf("%d bytes between entries belong to none", unclaimed))
	}
	if overlaps > 0 {
		odd = append(odd, fmt.Sprintf("%d entries share their bytes with others", overlaps))
	}
	if n := links(files); n > 0 {
		odd = append(odd, fmt.Sprintf("%d symbolic links or special files", n))
	}
	return odd
}

func links(files []*zip.File) int {
	n := 0
	for _, f := range files {
		if t := f.Mode() & fs.ModeType; t != 0 && t != fs.ModeDir {
			n++
		}
	}
	return n
}
