// Package inflate inflates gzip that is all in memory, to memory: what a trail's bucket is made of.
//
// It does the plain case alone: one member, whole and undamaged, of a size that is asked for. Of all
// else it says no more than that it is something else, and who asked goes to a library that tells
// what is wrong. What it gives has the checksum and the length that the file says.
package inflate

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

const (
	litBits, distBits, lenBits = 11, 8, 7

	litEntries  = 1<<litBits + 144<<(maxBits-litBits)
	distEntries = 1<<distBits + 16<<(maxBits-distBits)

	padding  = 16       // of the input, so that eight bytes can be read anywhere in it
	maxMatch = 258      // bytes that one symbol stands for
	room     = 258 + 64 // behind the output: copies may write too much
)

// Decoder inflates one file after the other.
type Decoder struct {
	lit  [litEntries]entry
	dist [distEntries]entry
	lens [1 << lenBits]entry

	in   []byte // with padding
	size int    // of it, without
	pos  int    // of the byte that comes next into bits
	bits uint64 // the next n, and some of those that follow
	n    uint
	out  []byte // with room
	want int    // bytes of output
}

// Gzip gives what a gzip file of one member inflates to, in the memory of dst if it fits in there.
// False: it is no such file, is damaged, or inflates to more than limit bytes.
func (d *Decoder) Gzip(dst, file []byte, limit int) ([]byte, bool) {
	start := header(file)
	if start == 0 {
		return dst, false
	}
	trailer := file[len(file)-8:]
	d.want = int(binary.LittleEndian.Uint32(trailer[4:]))
	if d.want > limit {
		return dst, false
	}
	d.size = len(file) - 8 - start
	d.in = append(append(d.in[:0], file[start:len(file)-8]...), make([]byte, padding)...)
	if cap(dst) < d.want+room {
		dst = make([]byte, d.want+room)
	}
	d.out, d.pos, d.bits, d.n = dst[:d.want+room], 0, 0, 0
	if !d.inflate() {
		return dst, false
	}
	dst = dst[:d.want]
	return dst, crc32.ChecksumIEEE(dst) == binary.LittleEndian.Uint32(trailer)
}

// header is how long the header of a file is, with nothing in it or a name; 0: something else.
func header(file []byte) int {
	const size, named = 10, 8
	if len(file) < size+8 || !bytes.HasPrefix(file, []byte{0x1f, 0x8b, 8}) {
		return 0
	}
	switch file[3] {
	case 0:
		return size
	case named:
		if end := bytes.IndexByte(file[size:len(file)-8], 0); end >= 0 {
			return size + end + 1
		}
	}
	return 0
}

// inflate inflates all blocks.
func (d *Decoder) inflate() bool {
	at := 0
	for last := false; !last; {
		head := d.take(3)
		last = head&1 != 0
		ok := false
		switch head >> 1 {
		case 0:
			at, ok = d.stored(at)
		case 1:
			d.fixed()
			at, ok = d.block(at)
		case 2:
			if ok = d.dynamic(); ok {
				at, ok = d.block(at)
			}
		}
		if !ok {
			return false
		}
	}
	return at == d.want && d.used() == d.size
}

// used is how many bytes of the input have been used, the last perhaps in part.
func (d *Decoder) used() int { return d.pos - int(d.n>>3) }

// fill makes bits hold at least 56. Behind the input there are zeros; who goes too far sees it by used.
func (d *Decoder) fill() {
	if d.pos+8 > len(d.in) {
		d.n = min(d.n+56, 63) // of zeros
		d.pos = len(d.in) + padding
		return
	}
	d.bits |= binary.LittleEndian.Uint64(d.in[d.pos:]) << d.n
	d.pos += int((63 - d.n) >> 3)
	d.n |= 56
}

// take reads a few bits.
func (d *Decoder) take(n uint) uint64 {
	d.fill()
	v := d.bits & (1<<n - 1)
	d.bits, d.n = d.bits>>n, d.n-n
	return v
}

// stored copies a block that is not packed.
func (d *Decoder) stored(at int) (int, bool) {
	from := d.used()
	if from+4 > d.size {
		return at, false
	}
	n := int(binary.LittleEndian.Uint16(d.in[from:]))
	if n != int(^binary.LittleEndian.Uint16(d.in[from+2:])) || from+4+n > d.size || at+n > d.want {
		return at, false
	}
	copy(d.out[at:], d.in[from+4:from+4+n])
	d.pos, d.bits, d.n = from+4+n, 0, 0
	return at + n, true
}

// block inflates a packed block behind at.
func (d *Decoder) block(at int) (int, bool) {
	in, out, want := d.in, d.out, d.want
	pos, hold, n := d.pos, d.bits, d.n
	for pos+8 <= len(in) && at <= want {
		hold |= binary.LittleEndian.Uint64(in[pos:]) << (n & 63)
		pos += int((63 - n) >> 3)
		n |= 56
		e := d.lit[hold&(1<<litBits-1)]
		if e&literal != 0 { // up to three, of eleven bits at most
			hold, n = hold>>(e&63), n-uint(e&63)
			out[at] = byte(e >> 16)
			at++
			if e = d.lit[hold&(1<<litBits-1)]; e&literal != 0 {
				hold, n = hold>>(e&63), n-uint(e&63)
				out[at] = byte(e >> 16)
				at++
				if e = d.lit[hold&(1<<litBits-1)]; e&literal != 0 {
					hold, n = hold>>(e&63), n-uint(e&63)
					out[at] = byte(e >> 16)
					at++
					continue
				}
			}
		}
		if e&further != 0 {
			e = d.lit[e>>16+entry(hold>>litBits)&(1<<(maxBits-litBits)-1)]
		}
		if e&(literal|special) != 0 {
			hold, n = hold>>(e&63), n-uint(e&63)
			if e&literal == 0 {
				d.pos, d.bits, d.n = pos, hold, n
				return at, e&end != 0 && at <= want
			}
			out[at] = byte(e >> 16)
			at++
			continue
		}
		length := int(e>>16) + int(hold>>(e&63)&(1<<(e>>8&15)-1))
		used := uint(e&63) + uint(e>>8&15)
		hold, n = hold>>(used&63), n-used

		hold |= binary.LittleEndian.Uint64(in[min(pos, len(in)-8):]) << (n & 63)
		pos += int((63 - n) >> 3)
		n |= 56
		e = d.dist[hold&(1<<distBits-1)]
		if e&further != 0 {
			e = d.dist[e>>16+entry(hold>>distBits)&(1<<(maxBits-distBits)-1)]
		}
		back := int(e>>16) + int(hold>>(e&63)&(1<<(e>>8&15)-1))
		used = uint(e&63) + uint(e>>8&15)
		hold, n = hold>>(used&63), n-used
		if e&special != 0 || back > at || at > want {
			return at, false
		}
		repeat(out, at, back, length)
		at += length
	}
	return at, false
}

// repeat copies what lies back bytes before, which may reach into what it writes. It may write up
// to 31 bytes too many.
func repeat(out []byte, at, back, length int) {
	from, stop := at-back, at+length
	switch {
	case back >= 32:
		for ; at < stop; at, from = at+32, from+32 {
			b, a := out[from:from+32:from+32], out[at:at+32:at+32]
			binary.LittleEndian.PutUint64(a, binary.LittleEndian.Uint64(b))
			binary.LittleEndian.PutUint64(a[8:], binary.LittleEndian.Uint64(b[8:]))
			binary.LittleEndian.PutUint64(a[16:], binary.LittleEndian.Uint64(b[16:]))
			binary.LittleEndian.PutUint64(a[24:], binary.LittleEndian.Uint64(b[24:]))
		}
	case back >= 8:
		for ; at < stop; at, from = at+8, from+8 {
			binary.LittleEndian.PutUint64(out[at:], binary.LittleEndian.Uint64(out[from:]))
		}
	default:
		for ; at < stop; at, from = at+1, from+1 {
			out[at] = out[from]
		}
	}
}
