package timeline

import (
	"encoding/binary"
	"math/bits"
)

// bracketed is the end of the object at i, by its brackets and quotes; -1 if it does not end.
func bracketed(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch c := b[i]; c {
		case '"':
			if i = quoted(b, i+1); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}

// bracketedPlain is bracketed for a text without escapes, in which every quote begins or ends a
// string: sixty-four bytes at a time, of which a bit each says where quotes and brackets are.
func bracketedPlain(b []byte, i int) int {
	depth, within := 0, uint64(0) // within: all bits are set where a string goes on
	for ; i+64 <= len(b); i += 64 {
		quotes, brackets := marks((*[64]byte)(b[i:]))
		inside := parity(quotes) ^ within
		within = uint64(int64(inside) >> 63)
		for at := brackets &^ inside; at != 0; at &= at - 1 {
			n := i + bits.TrailingZeros64(at)
			switch b[n] {
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return n + 1
				}
			}
		}
	}
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			within = ^within
		case within != 0:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// marks has a bit for each byte that is a quote, and for each that is a bracket or one of the few
// like them: y, Y, DEL, \x5f.
func marks(b *[64]byte) (quotes, brackets uint64) {
	const gather = 0x0102040810204080 // the lowest bits of eight bytes into the highest byte
	for k := 0; k < 64; k += 8 {
		w := binary.LittleEndian.Uint64(b[k:])
		quote := w ^ '"'*ones
		// With 0x20, '{' and '[' are 0x7b, '}' and ']' 0x7d, which differ in 0x06.
		bracket := (w | 0x20*ones) ^ 0x7b*ones
		bracket &= 0xf9 * ones
		quotes |= (zero(quote) >> 7 * gather) >> 56 << k
		brackets |= (zero(bracket) >> 7 * gather) >> 56 << k
	}
	return quotes, brackets
}

// zero marks the bytes that are 0, exactly.
func zero(w uint64) uint64 { return ^((w&^tops + ^uint64(tops)) | w) & tops }

// parity has a bit for each that an odd number of bits stand at or below.
func parity(w uint64) uint64 {
	for n := 1; n < 64; n *= 2 {
		w ^= w << n
	}
	return w
}
