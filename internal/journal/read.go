package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/go-json-experiment/json"
)

// MaxLine bounds one entry, in bytes.
const MaxLine = 4 << 20

// ErrLine: a line is no entry: cut short, too long, unknown or duplicate keys.
var ErrLine = errors.New("bad journal line")

// Read yields the entries of one segment. It stops at the first bad line, with ErrLine:
// a segment is written whole, so anything after it is not to be trusted.
func Read(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 64<<10), MaxLine)
		lines.Split(wholeLines)
		for n := 1; lines.Scan(); n++ {
			var e Entry
			if err := json.Unmarshal(lines.Bytes(), &e, json.RejectUnknownMembers(true)); err != nil {
				yield(Entry{}, fmt.Errorf("line %d: %w: %w", n, ErrLine, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
			yield(Entry{}, fmt.Errorf("%w: longer than %d bytes", ErrLine, MaxLine))
		} else if err != nil {
			yield(Entry{}, fmt.Errorf("read journal: %w", err))
		}
	}
}

// wholeLines is bufio.ScanLines, but a last line without its newline is an error.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if n, line, err := bufio.ScanLines(data, false); n > 0 || err != nil {
		return n, line, err
	}
	if atEOF && len(data) > 0 {
		return 0, nil, fmt.Errorf("%w: the last one has no end", ErrLine)
	}
	return 0, nil, nil
}
