package timeline

import (
	"encoding/binary"
	"math/bits"
)

// The words of eight bytes are tested at once: for each byte, (x - 1) &^ x has its top bit set
// where x is 0. A borrow travels upwards, so that only the lowest mark of a word can be trusted,
// which is the first byte in memory.
const ones, tops = 0x0101010101010101, 0x8080808080808080

// stringEnd is where in b the first quote, backslash or control character (below 0x20) is;
// len(b) if there is none.
func stringEnd(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^('"'*ones), w^('\\'*ones)
		if m := ((quote-ones)&^quote | (slash-ones)&^slash | (w-0x20*ones)&^w) & tops; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		i++
	}
	return i
}
