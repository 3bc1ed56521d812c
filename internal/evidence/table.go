package evidence

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"io"
	"iter"
	"slices"
	"strings"
)

// table is a manifest in memory: a hundred thousand lines in some ten megabytes.
type table struct {
	names []byte
	rows  []tableRow
	bad   []error // lines that are none, in the order of the file
}

type tableRow struct {
	at   uint32
	size uint16
	hash [32]byte
}

// readTable reads a manifest. Lines that are not in our form, a second line for a path (also
// when only case differs) and paths that do not belong are kept apart as errors.
func readTable(r io.Reader, belongs func(path string) error) *table {
	t := &table{}
	for line, err := range manifestLines(r) {
		if err == nil {
			err = belongs(line.path)
		}
		if err != nil {
			t.bad = append(t.bad, err)
			continue
		}
		row := tableRow{at: uint32(len(t.names)), size: uint16(len(line.path))}
		if _, err := hex.Decode(row.hash[:], []byte(line.hash)); err != nil {
			t.bad = append(t.bad, err)
			continue
		}
		t.names = append(t.names, line.path...)
		t.rows = append(t.rows, row)
	}
	t.names, t.rows = append([]byte(nil), t.names...), append([]tableRow(nil), t.rows...) // without what growing left
	t.refuseTwins()
	slices.SortFunc(t.rows, func(a, b tableRow) int { return bytes.Compare(t.name(a), t.name(b)) })
	return t
}

// refuseTwins reports second lines for a path, folded.
func (t *table) refuseTwins() {
	byFold := func(a, b tableRow) int {
		return cmp.Or(bytes.Compare(bytes.ToLower(t.name(a)), bytes.ToLower(t.name(b))), cmp.Compare(a.at, b.at))
	}
	slices.SortFunc(t.rows, byFold)
	t.rows = slices.CompactFunc(t.rows, func(a, b tableRow) bool {
		twins := strings.EqualFold(string(t.name(a)), string(t.name(b)))
		if twins {
			t.bad = append(t.bad, twinError(string(t.name(b))))
		}
		return twins
	})
}

func (t *table) name(r tableRow) []byte { return t.names[r.at : r.at+uint32(r.size)] }

// find is the row of a path; nil if there is none.
func (t *table) find(path string) *tableRow {
	i, ok := slices.BinarySearchFunc(t.rows, path, func(r tableRow, path string) int { return bytes.Compare(t.name(r), []byte(path)) })
	if !ok {
		return nil
	}
	return &t.rows[i]
}

// hash is what the manifest says of a path, in hex; "" if nothing.
func (t *table) hash(path string) string {
	if r := t.find(path); r != nil {
		return hex.EncodeToString(r.hash[:])
	}
	return ""
}

// listed yields all files with their hashes, by name.
func (t *table) listed(prefix string) iter.Seq[listed] {
	return func(yield func(listed) bool) {
		for _, r := range t.rows {
			if !yield(listed{name: prefix + string(t.name(r)), want: hex.EncodeToString(r.hash[:])}) {
				return
			}
		}
	}
}
