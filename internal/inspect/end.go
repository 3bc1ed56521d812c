package inspect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// end is what an archive's last record says (APPNOTE.TXT 4.3.14 to 4.3.16).
type end struct {
	directory int64 // bytes of the central directory
	records   int64
	start     int64 // bytes before the archive begins: something was put in front of it
	tail      int64 // bytes behind its end
}

const (
	endLen   = 22
	end64Len = 56
	locLen   = 20
)

// findEnd finds the last record as unzip does: from the back, and behind at most a comment.
func findEnd(r io.ReaderAt, size int64) (end, error) {
	most := min(size, endLen+1<<16)
	buf := make([]byte, most)
	if _, err := r.ReadAt(buf, size-most); err != nil && most > 0 {
		return end{}, fmt.Errorf("%w: %w", ErrNotZip, err)
	}
	i := endRecord(buf)
	if i < 0 {
		return end{}, fmt.Errorf("%w: it has no end record", ErrNotZip)
	}
	rec := buf[i:]
	at := size - most + int64(i)
	e := end{
		records:   int64(binary.LittleEndian.Uint16(rec[10:])),
		directory: int64(binary.LittleEndian.Uint32(rec[12:])),
	}
	offset := int64(binary.LittleEndian.Uint32(rec[16:]))
	if comment := int64(binary.LittleEndian.Uint16(rec[20:])); int64(len(rec)) > endLen+comment {
		e.tail = int64(len(rec)) - endLen - comment
	}
	if e.records == 0xffff || e.directory == 0xffffffff || offset == 0xffffffff {
		if wide, pos, ok := end64(r, at); ok {
			at = pos
			e.records, e.directory, offset = int64(binary.LittleEndian.Uint64(wide[32:])), int64(binary.LittleEndian.Uint64(wide[40:])), int64(binary.LittleEndian.Uint64(wide[48:]))
		}
	}
	if e.directory < 0 || offset < 0 || e.directory > at {
		return end{}, fmt.Errorf("%w: its end record points outside of it", ErrNotZip)
	}
	e.start = max(at-e.directory-offset, 0)
	return e, nil
}

// endRecord is where the record begins: the last one whose comment leads to the end, or, if
// none does, the last one whose comment fits. A comment may hold what looks like a record.
func endRecord(buf []byte) int {
	fits := -1
	for i := len(buf) - endLen; i >= 0; i-- {
		if !bytes.HasPrefix(buf[i:], []byte("PK\x05\x06")) {
			continue
		}
		switch rest := len(buf) - i - endLen - int(binary.LittleEndian.Uint16(buf[i+20:])); {
		case rest == 0:
			return i
		case rest > 0 && fits < 0:
			fits = i
		}
	}
	return fits
}

// end64 is the record of an archive with more than 65,535 entries or 4 GiB.
func end64(r io.ReaderAt, at int64) (rec []byte, pos int64, ok bool) {
	loc := make([]byte, locLen)
	if at < locLen {
		return nil, 0, false
	}
	if _, err := r.ReadAt(loc, at-locLen); err != nil || !bytes.HasPrefix(loc, []byte("PK\x06\x07")) {
		return nil, 0, false
	}
	pos = int64(binary.LittleEndian.Uint64(loc[8:]))
	rec = make([]byte, end64Len)
	if pos < 0 || pos > at {
		return nil, 0, false
	}
	if _, err := r.ReadAt(rec, pos); err != nil || !bytes.HasPrefix(rec, []byte("PK\x06\x06")) {
		return nil, 0, false
	}
	return rec, pos, true
}
