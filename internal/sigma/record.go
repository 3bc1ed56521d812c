package sigma

import (
	"bytes"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrRecord: a record is no JSON object that can be read.
var ErrRecord = errors.New("not a JSON object")

// maxDepth bounds the nesting of a record.
const maxDepth = 128

// node is a value of a record. A value's parts follow it: its first child, if it has one,
// is the next node, and next is the node behind all of its parts.
type node struct {
	kind    byte // 'o'bject, 'a'rray, 's'tring, 'n'umber, 'b'oolean, 'z' null
	escaped bool // the string, or a string inside, holds escapes
	keyEsc  bool
	key     [2]int32 // of a member, without quotes
	at      [2]int32 // of a string without quotes
	next    int32
}

// record is a JSON object laid out flat. It is reused: what it gives lies in the text
// that was parsed.
type record struct {
	b       []byte
	nodes   []node
	members []member
	i       int
	err     error // of a member that was opened late
}

// Member is a member of a record that somebody else has walked: its name without escapes, and
// where its value lies in the record's text. Top is what Engine.Top says of the name, for a caller
// who has asked before; 0 for one who has not.
type Member struct {
	Name     []byte
	From, To int32
	Top      int32
}

// member is one of the record itself. Its node is -1 until somebody asks for it.
type member struct {
	Member
	node int32
}

func (r *record) parse(b []byte) error {
	r.b, r.nodes, r.members, r.i, r.err = b, r.nodes[:0], r.members[:0], 0, nil
	if len(b) > 1<<30 || r.peek() != '{' {
		return ErrRecord
	}
	if err := r.value(0, [2]int32{}, false); err != nil {
		return err
	}
	if r.peek() != 0 || r.i < len(b) {
		return ErrRecord
	}
	return nil
}

// take is parse for a record whose members are known: they are laid out when a rule asks for
// them, which it does for few.
func (r *record) take(b []byte) error {
	r.b, r.members, r.i, r.err = b, r.members[:0], 0, nil
	if len(b) > 1<<30 {
		return ErrRecord
	}
	r.nodes = append(r.nodes[:0], node{kind: 'o', escaped: bytes.IndexByte(b, '\\') >= 0, at: [2]int32{0, int32(len(b))}, next: 1})
	return nil
}

// open is the node of a member.
func (r *record) open(m *member) int32 {
	if m.node >= 0 {
		return m.node
	}
	m.node = int32(len(r.nodes))
	r.i = int(m.From)
	if err := r.value(1, [2]int32{}, false); (err != nil || r.i != int(m.To)) && r.err == nil {
		r.err = ErrRecord
	}
	return m.node
}

func (r *record) peek() byte {
	for r.i < len(r.b) {
		if c := r.b[r.i]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		r.i++
	}
	return 0
}

func (r *record) value(depth int, key [2]int32, keyEsc bool) error {
	if depth > maxDepth {
		return ErrRecord
	}
	c := r.peek()
	me := len(r.nodes)
	r.nodes = append(r.nodes, node{key: key, keyEsc: keyEsc, at: [2]int32{int32(r.i), 0}})
	var err error
	switch c {
	case '{', '[':
		r.nodes[me].kind = 'o'
		if c == '[' {
			r.nodes[me].kind = 'a'
		}
		err = r.body(me, depth, c)
	case '"':
		r.nodes[me].kind = 's'
		r.nodes[me].at, r.nodes[me].escaped, err = r.str()
	case 't', 'f', 'n':
		err = r.word(me, c)
	default:
		r.nodes[me].kind = 'n'
		err = r.number()
	}
	n := &r.nodes[me]
	if n.kind != 's' {
		n.at[1] = int32(r.i)
	}
	n.next = int32(len(r.nodes))
	return err
}

// body reads the parts of an object or array.
func (r *record) body(me, depth int, open byte) error {
	end := byte('}')
	if open == '[' {
		end = ']'
	}
	r.i++
	if r.peek() == end {
		r.i++
		return nil
	}
	for {
		var key [2]int32
		var esc bool
		if open == '{' {
			if r.peek() != '"' {
				return ErrRecord
			}
			var err error
			if key, esc, err = r.str(); err != nil {
				return err
			}
			if r.peek() != ':' {
				return ErrRecord
			}
			r.i++
		}
		kid := len(r.nodes)
		if err := r.value(depth+1, key, esc); err != nil {
			return err
		}
		r.nodes[me].escaped = r.nodes[me].escaped || esc || r.nodes[kid].escaped
		switch r.peek() {
		case ',':
			r.i++
		case end:
			r.i++
			return nil
		default:
			return ErrRecord
		}
	}
}

func (r *record) str() (at [2]int32, escaped bool, err error) {
	r.i++
	start := r.i
	n := bytes.IndexByte(r.b[start:], '"')
	if n < 0 {
		return at, false, ErrRecord
	}
	slash := bytes.IndexByte(r.b[start:start+n], '\\')
	if slash < 0 {
		r.i += n + 1
		return [2]int32{int32(start), int32(start + n)}, false, nil
	}
	// Byte by byte from here: looking for the quote from each escape anew would take a
	// time that grows with the square of a string of nothing but escapes.
	for r.i = start + slash; r.i < len(r.b); r.i++ {
		switch r.b[r.i] {
		case '\\':
			r.i++
		case '"':
			r.i++
			return [2]int32{int32(start), int32(r.i - 1)}, true, nil
		}
	}
	return at, true, ErrRecord
}

func (r *record) word(me int, c byte) error {
	w, kind := "null", byte('z')
	switch c {
	case 't':
		w, kind = "true", 'b'
	case 'f':
		w, kind = "false", 'b'
	}
	if !bytes.HasPrefix(r.b[r.i:], []byte(w)) {
		return ErrRecord
	}
	r.nodes[me].kind = kind
	r.i += len(w)
	return nil
}

func (r *record) number() error {
	start := r.i
	for r.i < len(r.b) {
		c := r.b[r.i]
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			break
		}
		r.i++
	}
	if r.i == start {
		return ErrRecord
	}
	return nil
}

func (r *record) raw(n *node) []byte { return r.b[n.at[0]:n.at[1]] }

// name is a member's name.
func (r *record) name(n *node) []byte {
	if n.keyEsc {
		return unescape(nil, r.b[n.key[0]:n.key[1]])
	}
	return r.b[n.key[0]:n.key[1]]
}

// under gives what of path lies below the member of a name, where that begins the path.
func under(k []byte, path string) (string, bool) {
	if len(k) >= len(path) || path[len(k)] != '.' || string(k) != path[:len(k)] {
		return "", false
	}
	return path[len(k)+1:], true
}

// compact appends the value's text without the white space between its parts; plain
// takes escapes in its strings off.
func (r *record) compact(dst []byte, n *node, plain bool) []byte {
	b := r.raw(n)
	for i := 0; i < len(b); {
		switch c := b[i]; c {
		case ' ', '\n', '\t', '\r':
			i++
		case '"':
			end := i + 1
			for end < len(b) && b[end] != '"' {
				if b[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(b))
			if plain {
				dst = unescape(dst, b[i:end])
			} else {
				dst = append(dst, b[i:end]...)
			}
			i = end
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// unescape appends the decoded form of a JSON string's content. What is no escape stays
// as it is; unpaired surrogates become U+FFFD.
func unescape(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		if b[i] != '\\' || i+1 == len(b) {
			dst = append(dst, b[i])
			i++
			continue
		}
		switch c := b[i+1]; c {
		case 'b', 'f', 'n', 'r', 't':
			dst = append(dst, "\b\f\n\r\t"[bytes.IndexByte([]byte("bfnrt"), c)])
		case 'u':
			r, ok := hex4(b[i+2:])
			if !ok {
				dst = append(dst, b[i], c)
				break
			}
			i += 4
			if utf16.IsSurrogate(r) {
				pair := utf8.RuneError
				if i+3 < len(b) && b[i+2] == '\\' && b[i+3] == 'u' {
					if low, ok := hex4(b[i+4:]); ok {
						pair = utf16.DecodeRune(r, low)
					}
				}
				if r = pair; r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
		i += 2
	}
	return dst
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
