package byeights

import (
	"bytes"
	"testing"
)

// plainly are the same questions, byte by byte.
func plainly(b []byte) (end, printing int) {
	end, printing = len(b), len(b)
	for i, c := range b {
		if end == len(b) && (c == '"' || c == '\\' || c < 0x20) {
			end = i
		}
		if printing == len(b) && (c < 0x20 || c >= 0x7f) {
			printing = i
		}
	}
	return end, printing
}

func check(t *testing.T, b []byte) {
	t.Helper()
	if end, printing := plainly(b); StringEnd(b) != end || Printing(b) != printing {
		t.Errorf("%q: %d and %d, want %d and %d", b, StringEnd(b), Printing(b), end, printing)
	}
}

// TestEveryByte: each byte at each place of texts of every length around two words, alone and
// before each other byte that is looked for: the borrow of one mark must not hide or make another.
func TestEveryByte(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				for _, next := range []byte{'a', '"', '\\', 0, 0x1f, 0x20, 0x21, 0x7e, 0x7f, 0x80, 0xff} {
					b := bytes.Repeat([]byte{'a'}, length)
					b[at] = byte(c)
					if at+1 < length {
						b[at+1] = next
					}
					check(t, b)
				}
			}
		}
	}
}

func FuzzByEights(f *testing.F) {
	f.Add([]byte(`arn:aws:lambda:eu-west-1:"\` + "\x00\x7f\xff"))
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}
