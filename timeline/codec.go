package timeline

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// A frame is an event in bytes: what it is sorted by, then its fields.
//
//	u32 length of what follows
//	u16 length of the key, u16 length of the key up to the end of the id
//	u32 length of the fields that say what happened (as against where it was read)
//	key: time u64 (sign bit flipped), kind u8, id, 0, origin u32, offset u64   (big-endian)
//	fields
//
// Keys compare as bytes; records of one event id are neighbours, and the order is total, so
// the number of readers does not show in the result. An origin is an artefact or a file, by
// its number in the order of the listing.

const frameHead = 12

var errFrame = errors.New("a spilled run is not what was written")

type frame []byte

func (f frame) key() []byte { return f[frameHead : frameHead+int(binary.LittleEndian.Uint16(f[4:]))] }

// order is the first sixteen bytes of the key, as numbers.
func (f frame) order() (time, id uint64) {
	return binary.BigEndian.Uint64(f[frameHead:]), binary.BigEndian.Uint64(f[frameHead+8:])
}

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
	if len(f) < frameHead+22 {
		return errFrame
	}
	key, id := int(binary.LittleEndian.Uint16(f[4:])), int(binary.LittleEndian.Uint16(f[6:]))
	if id < 9 || id+13 > key || int64(frameHead+key)+int64(binary.LittleEndian.Uint32(f[8:])) > int64(len(f)) {
		return errFrame
	}
	return nil
}

func kindRank(k Kind) byte {
	return byte(slices.Index([]Kind{KindCloudTrail, KindLog, KindState, KindResponder, KindFinding, KindTrace}, k) + 1)
}

// origins are the artefacts and files that events were read in. Safe for concurrent use.
type origins struct {
	mu  sync.Mutex
	all []origin
}

type origin struct {
	raw     Raw // without line and offset
	source  string
	members *[]string // of an archive; an event's offset has the number above memberShift
}

func originOf(raw Raw, source string) origin {
	raw.Line, raw.Offset = 0, 0
	return origin{raw: raw, source: source}
}

func (p *origins) add(x origin) uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, x)
	return uint32(len(p.all) - 1)
}

// members are the paths of an archive's files, to be filled by who reads it. A pivot numbers no
// origins, and gives out no events.
func (p *origins) members(n uint32) *[]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(n) >= len(p.all) {
		return &[]string{}
	}
	if p.all[n].members == nil {
		p.all[n].members = &[]string{}
	}
	return p.all[n].members
}

// appendFrame encodes e behind b.
func appendFrame(b []byte, e *Event, at uint32) []byte {
	start := len(b)
	b = append(b, make([]byte, frameHead)...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Time.UnixNano())^1<<63)
	b = append(b, kindRank(e.Kind))
	b = append(b, cut(e.ID, MaxField)...)
	idEnd := len(b) - start - frameHead
	b = append(b, 0)
	b = binary.BigEndian.AppendUint32(b, at)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Raw.Offset))
	keyEnd := len(b) - start - frameHead

	c := codec{b: b}
	if len(e.ID) > MaxField { // then the key has only its beginning
		c.strings(single, &e.ID)
	} else {
		c.b = append(c.b, 0)
	}
	c.substance(e)
	substance := len(c.b) - start - frameHead - keyEnd
	c.number(&e.Raw.Line)
	c.rest(e)
	c.hits(e)
	b = c.b
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	binary.LittleEndian.PutUint16(b[start+4:], uint16(keyEnd))
	binary.LittleEndian.PutUint16(b[start+6:], uint16(idEnd))
	binary.LittleEndian.PutUint32(b[start+8:], uint32(substance))
	return b
}

// decoder makes events of frames. Strings are made through words; without them they lie in the
// frame, and are good as long as that is.
type decoder struct {
	words *words
	few   *words
	at    []origin
	clear []bool // which of them need no escape
}

func newDecoder(at []origin) decoder {
	d := decoder{few: newWords(), at: at, clear: make([]bool, len(at))}
	for i, o := range at {
		d.clear[i] = true
		for _, s := range [...]string{o.source, o.raw.Bag, o.raw.Item, o.raw.Path, o.raw.SHA256} {
			d.clear[i] = d.clear[i] && safetext.Printing([]byte(s)) == len(s) && !strings.ContainsAny(s, "\"\\")
		}
	}
	return d
}

// decode fills e.
func (d *decoder) decode(f frame, e *Event) error {
	if err := f.check(); err != nil {
		return err
	}
	key := f.key()
	*e = Event{Resources: e.Resources[:0], Named: e.Named[:0], Tags: e.Tags[:0], Rules: e.Rules[:0], hits: e.hits[:0]}
	e.Time = time.Unix(0, int64(binary.BigEndian.Uint64(key)^1<<63)).UTC()
	c := codec{b: f.fields(), decoder: d, reading: true}
	if c.strings(single, &e.ID); e.ID == "" {
		e.ID = c.made(single, f.ident()[9:])
	}
	c.substance(e)
	var line int64
	c.number(&line)
	c.rest(e)
	c.hits(e)
	n := binary.BigEndian.Uint32(key[len(key)-12:])
	if len(c.b) != 0 || c.bad || int64(n) >= int64(len(d.at)) {
		return errFrame
	}
	e.Raw, e.Source = d.at[n].raw, d.at[n].source
	if e.clear = clearOurs; e.plain {
		e.clear |= clearRecord
	}
	e.Raw.Line, e.Raw.Offset = line, int64(binary.BigEndian.Uint64(key[len(key)-8:]))
	if e.Kind == KindFinding && e.Source == fileSource {
		e.Source = findingFile
	}
	if m := d.at[n].members; m != nil {
		return ofMember(e, *m)
	}
	if d.clear[n] {
		e.clear |= clearOrigin
	}
	return nil
}

func ofMember(e *Event, paths []string) error {
	n := e.Raw.Offset >> memberShift
	if n < 1 || n > int64(len(paths)) {
		return errFrame
	}
	e.Raw.Path, e.Raw.Offset = paths[n-1], e.Raw.Offset&memberMask
	return nil
}

// codec walks the fields of an event, writing or reading them: one list for both.
type codec struct {
	*decoder
	b       []byte
	reading bool
	bad     bool
}

func (c *codec) substance(e *Event) {
	c.usual((*string)(&e.Kind))
	c.usual(&e.TimestampDesc)
	c.usual((*string)(&e.Outcome))
	c.text(&e.Category, &e.AccessKey, &e.Address, &e.UserAgent, &e.Service, &e.Action)
	c.unless(&e.RawAction, e.Action)
	c.text(&e.ErrorCode, &e.ErrorText, &e.Region, &e.Account, &e.VPCE, &e.Function, &e.Qualifier)
	c.strings(single, &e.RequestID, &e.SharedID, &e.Message)
	p := &e.Principal
	c.text(&p.Type, &p.Name, &p.Session, &p.ARN, &p.ID, &p.Account, &p.Role, &p.Function, &p.Version, &p.Via, &p.SignIn, &p.Identity)
	c.time(&p.Created)
	d := &e.Change
	c.text(&d.CodeHash, &d.WasHash, &d.Version, &d.Role, &d.Layers, &d.Grantee, &d.Allows, &d.Sid,
		&d.AuthType, &d.URL, &d.NewKey, &d.Policy, &d.Setting)
	c.flags(&e.InLambda, &e.ReadOnly, &p.Scoped, &p.Console)
	c.list(&e.Resources, shared)
	c.list(&e.Named, single)
	c.list(&e.Tags, few)
}

// rest is what few events have: a bit each, where they lack it.
func (c *codec) rest(e *Event) {
	c.number(&e.key.reader)
	c.number(&e.key.number)
	linked := e.LinkedTo != ""
	if c.flags(&e.plain, &linked); linked {
		c.strings(single, &e.LinkedTo)
		c.list(&e.Cites, single)
	}
}

// making is how a string is made of a frame's bytes.
type making byte

const (
	shared making = iota // through the words, or in the frame
	single               // what hardly repeats: its own, or in the frame
	few                  // of which there are few, and which counters are kept by: never in the frame
	kept                 // outlives the event: correlations remember it
)

func (c *codec) text(all ...*string) { c.strings(shared, all...) }

func (c *codec) made(how making, b []byte) string {
	switch {
	case how == few:
		return c.decoder.few.of(b)
	case how == kept:
		return string(b)
	case c.words == nil && len(b) <= MaxField:
		return unsafe.String(unsafe.SliceData(b), len(b))
	case c.words == nil:
		return view(b)
	case how == single:
		return c.words.once(b)
	}
	return c.words.of(b)
}

// usualWords are what kinds, outcomes and meanings of times mostly are: a byte each.
var usualWords = []string{"", string(KindCloudTrail), "Event Time", string(Success), string(Denied), string(Throttled), string(NotFound), string(Failed), string(KindLog), "Log Event Time"}

const unusual = 0xff

func (c *codec) usual(s *string) {
	if !c.reading {
		if n := slices.Index(usualWords, *s); n >= 0 {
			c.b = append(c.b, byte(n))
			return
		}
		c.b = append(c.b, unusual)
		c.strings(few, s)
		return
	}
	if len(c.b) == 0 || c.b[0] != unusual && int(c.b[0]) >= len(usualWords) {
		c.bad, c.b = true, nil
		return
	}
	n := c.b[0]
	if c.b = c.b[1:]; n == unusual {
		c.strings(few, s)
		return
	}
	*s = usualWords[n]
}

// unless writes nothing for what is usually the same.
func (c *codec) unless(s *string, usual string) {
	if !c.reading && *s == usual {
		var none string
		c.text(&none)
		return
	}
	if c.text(s); c.reading && *s == "" {
		*s = usual
	}
}

// strings writes which of the strings are there, and those.
func (c *codec) strings(how making, all ...*string) {
	if !c.reading {
		var there uint64
		for i, s := range all {
			if *s != "" {
				there |= 1 << i
			}
		}
		b := binary.AppendUvarint(c.b, there)
		for ; there != 0; there &= there - 1 {
			s := *all[bits.TrailingZeros64(there)]
			if len(s) < 0x80 {
				b = append(b, byte(len(s)))
			} else {
				b = binary.AppendUvarint(b, uint64(len(s)))
			}
			b = append(b, s...)
		}
		c.b = b
		return
	}
	// What is not there stays as it is: an event that is read is empty.
	for there := c.uvarint(); there != 0; there &= there - 1 {
		i, n := bits.TrailingZeros64(there), c.uvarint()
		if i >= len(all) || n > uint64(len(c.b)) {
			c.bad, c.b = true, nil
			return
		}
		*all[i] = c.made(how, c.b[:n])
		c.b = c.b[n:]
	}
}

func (c *codec) uvarint() uint64 {
	if len(c.b) > 0 && c.b[0] < 0x80 { // most are
		n := uint64(c.b[0])
		c.b = c.b[1:]
		return n
	}
	n, used := binary.Uvarint(c.b)
	if used <= 0 {
		c.bad, c.b = true, nil
		return 0
	}
	c.b = c.b[used:]
	return n
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

func (c *codec) list(l *[]string, how making) {
	n := int64(len(*l))
	c.number(&n)
	if !c.reading {
		for i := range *l {
			c.strings(how, &(*l)[i])
		}
		return
	}
	for ; n > 0 && !c.bad; n-- {
		var s string
		c.strings(how, &s)
		*l = append(*l, s)
	}
}
