package sigma

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// fold appends s in the form in which texts that differ only in case are the same: each
// character as one of those that Unicode's simple folding holds equal to it.
func fold(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = append(dst, lower(c))
			i++
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, c)
		} else {
			dst = utf8.AppendRune(dst, foldRune(r))
		}
		i += n
	}
	return dst
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least < utf8.RuneSelf {
		return rune(lower(byte(least)))
	}
	return least
}

// folded says whether fold would change nothing.
func folded(s []byte) bool {
	for _, c := range s {
		if c >= utf8.RuneSelf || c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return true
}

// ascii says whether all bytes are ASCII.
func ascii(s []byte) bool {
	var all uint64
	for ; len(s) >= 8; s = s[8:] {
		all |= binary.LittleEndian.Uint64(s)
	}
	for _, c := range s {
		all |= uint64(c)
	}
	return all&0x8080808080808080 == 0
}

// glob is a compiled pattern.
type glob struct {
	form globForm
	lit  []byte   // of all forms but globParts
	segs [][]part // between the '*'s, each of literals and '?'s
}

type globForm uint8

const (
	globExact globForm = iota
	globPrefix
	globSuffix
	globInside
	globAny
	globParts // segs; the first is bound to the start, the last to the end
)

// newGlob compiles a pattern; its literals must be folded already if the text will be.
func newGlob(parts []part) glob {
	segs := [][]part{nil}
	for _, p := range parts {
		if p.wild == '*' {
			segs = append(segs, nil)
			continue
		}
		last := len(segs) - 1
		segs[last] = append(segs[last], p)
	}
	switch n := len(segs); {
	case n == 1 && simple(segs[0]):
		return glob{form: globExact, lit: lit(segs[0])}
	case n == 2 && simple(segs[0]) && simple(segs[1]) && (len(segs[0]) == 0 || len(segs[1]) == 0):
		switch {
		case len(segs[0]) > 0:
			return glob{form: globPrefix, lit: lit(segs[0])}
		case len(segs[1]) > 0:
			return glob{form: globSuffix, lit: lit(segs[1])}
		}
		return glob{form: globAny}
	case n == 3 && len(segs[0]) == 0 && len(segs[2]) == 0 && simple(segs[1]):
		return glob{form: globInside, lit: lit(segs[1])}
	}
	return glob{form: globParts, segs: segs}
}

func simple(seg []part) bool { return len(seg) == 0 || len(seg) == 1 && seg[0].wild == 0 }

func lit(seg []part) []byte {
	if len(seg) == 0 {
		return nil
	}
	return seg[0].lit
}

func (g *glob) match(s []byte) bool {
	switch g.form {
	case globExact:
		return bytes.Equal(s, g.lit)
	case globPrefix:
		return bytes.HasPrefix(s, g.lit)
	case globSuffix:
		return bytes.HasSuffix(s, g.lit)
	case globInside:
		return bytes.Contains(s, g.lit)
	case globAny:
		return true
	}
	return g.matchParts(s)
}

// matchParts takes each part at the first place where it fits, which is right for all
// but the last, and the last at the end: the cost is the text's length times the
// pattern's, whatever either is.
func (g *glob) matchParts(s []byte) bool {
	n, ok := fits(g.segs[0], s)
	if !ok {
		return false
	}
	s = s[n:]
	last := len(g.segs) - 1
	if last == 0 {
		return len(s) == 0
	}
	for _, seg := range g.segs[1:last] {
		n, ok := find(seg, s)
		if !ok {
			return false
		}
		s = s[n:]
	}
	return ends(g.segs[last], s)
}

// fits says whether s begins with seg, and how long that is.
func fits(seg []part, s []byte) (int, bool) {
	at := 0
	for _, p := range seg {
		switch {
		case p.wild == 0:
			if !bytes.HasPrefix(s[at:], p.lit) {
				return 0, false
			}
			at += len(p.lit)
		case at == len(s):
			return 0, false
		default:
			_, n := utf8.DecodeRune(s[at:])
			at += n
		}
	}
	return at, true
}

// find gives the end of the first place where seg fits.
func find(seg []part, s []byte) (int, bool) {
	for at := 0; ; {
		if len(seg) > 0 && seg[0].wild == 0 {
			n := bytes.Index(s[at:], seg[0].lit)
			if n < 0 {
				return 0, false
			}
			at += n
		}
		if n, ok := fits(seg, s[at:]); ok {
			return at + n, true
		}
		if at >= len(s) {
			return 0, false
		}
		_, n := utf8.DecodeRune(s[at:])
		at += n
	}
}

// ends says whether s ends with seg: its characters are counted from the end.
func ends(seg []part, s []byte) bool {
	for i := len(seg) - 1; i >= 0; i-- {
		p := seg[i]
		switch {
		case p.wild == 0:
			if !bytes.HasSuffix(s, p.lit) {
				return false
			}
			s = s[:len(s)-len(p.lit)]
		case len(s) == 0:
			return false
		default:
			_, n := utf8.DecodeLastRune(s)
			s = s[:len(s)-n]
		}
	}
	return true
}
