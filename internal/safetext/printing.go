package safetext

import (
	"encoding/binary"
	"math/bits"
)

// The words of eight bytes are tested at once: for each byte, (x - 1) &^ x has its top bit set
// where x is 0. A borrow travels upwards, so that only the lowest mark of a word can be trusted,
// which is the first byte in memory.
const ones, tops = 0x0101010101010101, 0x8080808080808080

// Printing is how many bytes at the beginning of b are printing ASCII, 0x20 to 0x7e.
func Printing(b []byte) int {
	i := 0
	for ; i+32 <= len(b); i += 32 { // in strides as long as there is nothing
		q := b[i : i+32 : i+32]
		w, x, y, z := binary.LittleEndian.Uint64(q), binary.LittleEndian.Uint64(q[8:]), binary.LittleEndian.Uint64(q[16:]), binary.LittleEndian.Uint64(q[24:])
		if (unclear(w)|unclear(x)|unclear(y)|unclear(z))&tops != 0 {
			break
		}
	}
	for ; i+8 <= len(b); i += 8 {
		if m := unprinting(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(b) && b[i] >= 0x20 && b[i] < 0x7f {
		i++
	}
	return i
}

// unclear has a top bit set if a byte is not printing ASCII, and says not which: below 0x20 the first
// term borrows, 0x7f the second makes 0x80 of, and a carry or borrow only leaves a byte that has it.
func unclear(w uint64) uint64 { return w - 0x20*ones | w + ones | w }

// unprinting marks bytes that are not printing ASCII. Only the lowest mark can be trusted.
func unprinting(w uint64) uint64 {
	del := w ^ (0x7f * ones)
	return ((w-0x20*ones)&^w | (del-ones)&^del | w) & tops
}
