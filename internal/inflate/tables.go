package inflate

import (
	"math/bits"
)

// entry says what the next bits are: how many they are (the lowest eight bits), how many more bits
// follow (four), flags, and a literal, the least length or distance, or where the table goes on.
type entry uint32

const (
	literal entry = 1 << 12
	special entry = 1 << 13 // one of the following, or nothing that there is
	further entry = 1 << 14 // the code is longer than the table's index
	end     entry = 1 << 15 // of the block

	maxBits = 15
)

// symbols are the entries of literals and lengths, and those of distances, without their bits.
var symbols, distances = func() (lit [288]entry, dist [32]entry) {
	for i := range 256 {
		lit[i] = literal | entry(i)<<16
	}
	lit[256] = special | end
	least := 3
	for i := 257; i < 285; i++ {
		extra := max(0, (i-261)/4)
		lit[i] = entry(least)<<16 | entry(extra)<<8
		least += 1 << extra
	}
	lit[285], lit[286], lit[287] = maxMatch<<16, special, special
	least = 1
	for i := range 30 {
		extra := max(0, (i-2)/2)
		dist[i] = entry(least)<<16 | entry(extra)<<8
		least += 1 << extra
	}
	dist[30], dist[31] = special, special
	return lit, dist
}()

// build makes a table of codes by their lengths. False: they are no complete code, or none that
// fits. A single code of one bit is one, and so is none at all.
func build(table []entry, width uint, lengths []uint8, of func(symbol int) entry) bool {
	var count, next [maxBits + 2]uint32
	for _, n := range lengths {
		count[n]++
	}
	used := uint32(len(lengths)) - count[0]
	count[0] = 0
	code := uint32(0)
	for n := 1; n <= maxBits; n++ {
		next[n] = code
		code = (code + count[n]) << 1
	}
	if code != 1<<(maxBits+1) {
		if used > 1 || used == 1 && count[1] != 1 {
			return false
		}
		for i := range table[:1<<width] {
			table[i] = special
		}
	}
	// Codes longer than the table's index are the last of all, so that the tables that go on stand in
	// the order of what such codes begin with.
	long, first := uint32(1)<<(maxBits-width), next[width+1]>>1
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		code, e := next[n], of(symbol)|entry(n)
		next[n]++
		reversed := uint32(bits.Reverse16(uint16(code)) >> (16 - n))
		if uint(n) <= width {
			for i := reversed; i < 1<<width; i += 1 << n {
				table[i] = e
			}
			continue
		}
		beyond := uint(n) - width
		sub := 1<<width + (code>>beyond-first)*long
		if sub+long > uint32(len(table)) {
			return false
		}
		table[reversed&(1<<width-1)] = special | further | entry(sub)<<16
		for i := reversed >> width; i < long; i += 1 << beyond {
			table[sub+i] = e
		}
	}
	return true
}

// fixed makes the tables of blocks that bring none.
func (d *Decoder) fixed() {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	build(d.lit[:], litBits, lengths[:], func(s int) entry { return symbols[s] })
	for i := range 32 {
		lengths[i] = 5
	}
	build(d.dist[:], distBits, lengths[:32], func(s int) entry { return distances[s] })
}

// lengthOrder is in which order the lengths of the codes come that lengths are written in.
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic reads the tables of a block.
func (d *Decoder) dynamic() bool {
	lits, dists, codes := 257+int(d.take(5)), 1+int(d.take(5)), 4+int(d.take(4))
	if lits > 286 || dists > 30 {
		return false
	}
	var of [19]uint8
	for _, i := range lengthOrder[:codes] {
		of[i] = uint8(d.take(3))
	}
	if !build(d.lens[:], lenBits, of[:], func(s int) entry { return entry(s) << 16 }) {
		return false
	}
	var lengths [286 + 30]uint8
	for i := 0; i < lits+dists; {
		d.fill()
		e := d.lens[d.bits&(1<<lenBits-1)]
		if e&special != 0 || d.used() > d.size {
			return false
		}
		d.bits, d.n = d.bits>>(e&63), d.n-uint(e&63)
		times, value := 1, uint8(e>>16)
		switch value {
		case 16:
			if i == 0 {
				return false
			}
			times, value = 3+int(d.take(2)), lengths[i-1]
		case 17:
			times, value = 3+int(d.take(3)), 0
		case 18:
			times, value = 11+int(d.take(7)), 0
		}
		if i+times > lits+dists {
			return false
		}
		for range times {
			lengths[i] = value
			i++
		}
	}
	return lengths[256] != 0 && build(d.lit[:], litBits, lengths[:lits], func(s int) entry { return symbols[s] }) &&
		build(d.dist[:], distBits, lengths[lits:lits+dists], func(s int) entry { return distances[s] })
}
