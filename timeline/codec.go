package timeline

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// A frame is an event in bytes: what it is sorted by, then its fields.
//
//	u32 length of what follows
//	u16 length of the key, u16 length of the key up to the end of the id
//	u32 length of the fields that say what happened (as against where it was read)
//	key: time u64 (sign bit flipped), kind u8, id, 0, path, 0, offset u64   (big-endian)
//	fields
//
// Keys compare as bytes; records of one event id are neighbours, and the order is
// total, so neither the number of readers nor the order of files shows in the result.

const frameHead = 12

var errFrame = errors.New("a spilled run is not what was written")

type frame []byte

func (f frame) key() []byte { return f[frameHead : frameHead+int(binary.LittleEndian.Uint16(f[4:]))] }
func (f frame) ident() []byte {
	return f[frameHead : frameHead+int(binary.LittleEndian.Uint16(f[6:]))]
}
func (f frame) hasID() bool { return len(f.ident()) > 9 }

// substance is what two copies of one record have in common.
func (f frame) substance() []byte {
	start := frameHead + len(f.key())
	return f[start : start+int(binary.LittleEndian.Uint32(f[8:]))]
}
func (f frame) fields() []byte { return f[frameHead+len(f.key()):] }

// check makes sure that the lengths of a frame lie inside it.
func (f frame) check() error {
	if len(f) < frameHead+9 {
		return errFrame
	}
	key, id := int(binary.LittleEndian.Uint16(f[4:])), int(binary.LittleEndian.Uint16(f[6:]))
	if id < 9 || id > key || int64(frameHead+key)+int64(binary.LittleEndian.Uint32(f[8:])) > int64(len(f)) {
		return errFrame
	}
	return nil
}

func kindRank(k Kind) byte {
	return byte(slices.Index([]Kind{KindCloudTrail, KindLog, KindState, KindResponder}, k) + 1)
}

// appendFrame encodes e behind b.
func appendFrame(b []byte, e *Event) []byte {
	start := len(b)
	b = append(b, make([]byte, frameHead)...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time.UnixNano())^1<<63)
	b = append(b, kindRank(e.Kind))
	b = append(b, cut(e.ID, MaxField)...)
	idEnd := len(b) - start - frameHead
	b = append(append(append(b, 0), cut(e.Raw.Path, 2*MaxField)...), 0)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Raw.Offset))
	keyEnd := len(b) - start - frameHead

	c := codec{b: b}
	c.substance(e)
	substance := len(c.b) - start - frameHead - keyEnd
	c.place(e)
	b = c.b
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	binary.LittleEndian.PutUint16(b[start+4:], uint16(keyEnd))
	binary.LittleEndian.PutUint16(b[start+6:], uint16(idEnd))
	binary.LittleEndian.PutUint32(b[start+8:], uint32(substance))
	return b
}

// decodeFrame fills e. Strings are made through w.
func decodeFrame(f frame, e *Event, w *words) error {
	if err := f.check(); err != nil {
		return err
	}
	*e = Event{Resources: e.Resources[:0], Named: e.Named[:0], Tags: e.Tags[:0]}
	e.Time = time.Unix(0, int64(binary.BigEndian.Uint64(f.key())^1<<63)).UTC()
	c := codec{b: f.fields(), words: w, reading: true}
	c.substance(e)
	c.place(e)
	if len(c.b) != 0 {
		c.bad = true
	}
	if c.bad {
		return errFrame
	}
	return nil
}

// codec walks the fields of an event, writing or reading them: one list for both.
type codec struct {
	b       []byte
	words   *words
	reading bool
	bad     bool
}

func (c *codec) substance(e *Event) {
	c.text((*string)(&e.Kind), &e.TimestampDesc, &e.Category, &e.AccessKey, &e.Address, &e.UserAgent,
		&e.Service, &e.Action, &e.RawAction, (*string)(&e.Outcome), &e.ErrorCode, &e.ErrorText,
		&e.Region, &e.Account, &e.VPCE, &e.Function, &e.Qualifier)
	c.strings(c.words.once, &e.ID, &e.RequestID, &e.SharedID, &e.Message)
	p := &e.Principal
	c.text(&p.Type, &p.Name, &p.Session, &p.ARN, &p.ID, &p.Account, &p.Role, &p.Function, &p.Version, &p.Via, &p.SignIn, &p.Identity)
	c.time(&p.Created)
	d := &e.Change
	c.text(&d.CodeHash, &d.WasHash, &d.Version, &d.Role, &d.Layers, &d.Grantee, &d.Allows, &d.Sid,
		&d.AuthType, &d.URL, &d.NewKey, &d.Policy, &d.Setting)
	c.flags(&e.InLambda, &e.ReadOnly, &p.Scoped, &p.Console)
	c.list(&e.Resources)
	c.listOf(c.words.once, &e.Named)
	c.list(&e.Tags)
}

func (c *codec) place(e *Event) {
	c.text(&e.Source, &e.Raw.Bag, &e.Raw.Item, &e.Raw.Path, &e.Raw.SHA256)
	c.number(&e.Raw.Line)
	c.number(&e.Raw.Offset)
}

func (c *codec) text(all ...*string) { c.strings(c.words.of, all...) }

func (c *codec) strings(make func([]byte) string, all ...*string) {
	for _, s := range all {
		if !c.reading {
			c.b = append(binary.AppendUvarint(c.b, uint64(len(*s))), *s...)
			continue
		}
		n, used := binary.Uvarint(c.b)
		if used <= 0 || n > uint64(len(c.b)-used) {
			c.bad, c.b = true, nil
			return
		}
		*s = make(c.b[used : used+int(n)])
		c.b = c.b[used+int(n):]
	}
}

func (c *codec) number(n *int64) {
	if !c.reading {
		c.b = binary.AppendVarint(c.b, *n)
		return
	}
	v, used := binary.Varint(c.b)
	if used <= 0 {
		c.bad, c.b = true, nil
		return
	}
	*n, c.b = v, c.b[used:]
}

func (c *codec) time(t *time.Time) {
	var n int64
	if !t.IsZero() {
		n = t.UnixNano()
	}
	if c.number(&n); c.reading && n != 0 {
		*t = time.Unix(0, n).UTC()
	}
}

func (c *codec) flags(all ...*bool) {
	var bits int64
	for i, f := range all {
		if *f {
			bits |= 1 << i
		}
	}
	c.number(&bits)
	for i, f := range all {
		*f = bits&(1<<i) != 0
	}
}

func (c *codec) list(l *[]string) { c.listOf(c.words.of, l) }

func (c *codec) listOf(make func([]byte) string, l *[]string) {
	n := int64(len(*l))
	c.number(&n)
	if !c.reading {
		for i := range *l {
			c.strings(make, &(*l)[i])
		}
		return
	}
	for ; n > 0 && !c.bad; n-- {
		var s string
		c.strings(make, &s)
		*l = append(*l, s)
	}
}
