package safetext

import (
	"bytes"
	"testing"
)

// TestEveryByte: each byte at each place of texts of every length around two words, alone and
// before each other byte that is looked for: the borrow of one mark must not hide or make another.
func TestEveryByte(t *testing.T) {
	plainly := func(b []byte) int {
		for i, c := range b {
			if c < 0x20 || c >= 0x7f {
				return i
			}
		}
		return len(b)
	}
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				for _, next := range []byte{'a', '"', '\\', 0, 0x1f, 0x20, 0x21, 0x7e, 0x7f, 0x80, 0xff} {
					b := bytes.Repeat([]byte{'a'}, length)
					b[at] = byte(c)
					if at+1 < length {
						b[at+1] = next
					}
					if got := Printing(b); got != plainly(b) {
						t.Errorf("%q: %d, want %d", b, got, plainly(b))
					}
				}
			}
		}
	}
}
