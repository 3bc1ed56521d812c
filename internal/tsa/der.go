package tsa

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// reader takes the elements of a constructed value one after the other. encoding/asn1
// fills structs, too, but skips what follows the last field; here every reader is told
// where the value ends, and what is left over is an error.
//
// The first error sticks, and is shared by all readers of one input: callers read on
// (getting zero values) and look once.
type reader struct {
	rest []byte
	err  *error
}

func newReader(b []byte) *reader { return &reader{rest: b, err: new(error)} }

func (r *reader) fail(format string, args ...any) {
	if *r.err == nil {
		*r.err = fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
}

// more says whether another element may be read.
func (r *reader) more() bool { return *r.err == nil && len(r.rest) > 0 }

// end refuses what is left over.
func (r *reader) end(what string) {
	if len(r.rest) > 0 {
		r.fail("%d bytes after the end of %s", len(r.rest), what)
	}
}

// any reads one element, whatever it is.
func (r *reader) any(what string) (v asn1.RawValue) {
	if *r.err != nil {
		return asn1.RawValue{}
	}
	rest, err := asn1.Unmarshal(r.rest, &v)
	if err != nil {
		r.fail("%s: %v", what, err)
		return asn1.RawValue{}
	}
	r.rest = rest
	return v
}

// next says whether the next element has this class and tag.
func (r *reader) next(class, tag int) bool {
	if !r.more() {
		return false
	}
	var v asn1.RawValue
	_, err := asn1.Unmarshal(r.rest, &v)
	return err == nil && v.Class == class && v.Tag == tag
}

func (r *reader) take(what string, class, tag int, compound bool) asn1.RawValue {
	v := r.any(what)
	if *r.err == nil && (v.Class != class || v.Tag != tag || v.IsCompound != compound) {
		r.fail("%s: class %d tag %d where class %d tag %d is due", what, v.Class, v.Tag, class, tag)
		return asn1.RawValue{}
	}
	return v
}

// inside reads a constructed element and returns a reader of its content.
func (r *reader) inside(what string, class, tag int) *reader {
	return &reader{rest: r.take(what, class, tag, true).Bytes, err: r.err}
}

func (r *reader) sequence(what string) *reader {
	return r.inside(what, asn1.ClassUniversal, asn1.TagSequence)
}

func (r *reader) set(what string) *reader {
	return r.inside(what, asn1.ClassUniversal, asn1.TagSet)
}

// tagged reads a constructed [tag], be it the wrapper of EXPLICIT or an IMPLICIT SET OF.
func (r *reader) tagged(what string, tag int) *reader {
	return r.inside(what, asn1.ClassContextSpecific, tag)
}

func (r *reader) octets(what string) []byte {
	return r.take(what, asn1.ClassUniversal, asn1.TagOctetString, false).Bytes
}

// integer is never nil.
func (r *reader) integer(what string) *big.Int {
	return r.number(what, r.take(what, asn1.ClassUniversal, asn1.TagInteger, false).Bytes)
}

// number decodes the content of an INTEGER, which may have had an implicit tag.
func (r *reader) number(what string, content []byte) *big.Int {
	n := new(big.Int)
	if *r.err != nil {
		return n
	}
	if len(content) > maxNumber {
		r.fail("%s: a number of %d bytes", what, len(content))
		return n
	}
	full := append([]byte{asn1.TagInteger, byte(len(content))}, content...)
	if _, err := asn1.Unmarshal(full, &n); err != nil {
		r.fail("%s: %v", what, err)
		return new(big.Int)
	}
	return n
}

// small reads an INTEGER between 0 and limit.
func (r *reader) small(what string, limit int64) int64 {
	return r.within(what, r.integer(what), limit)
}

func (r *reader) within(what string, n *big.Int, limit int64) int64 {
	if n.Sign() < 0 || !n.IsInt64() || n.Int64() > limit {
		r.fail("%s: %v is not between 0 and %d", what, n, limit)
		return 0
	}
	return n.Int64()
}

// oid reads an OBJECT IDENTIFIER in dotted form.
func (r *reader) oid(what string) string {
	content := r.take(what, asn1.ClassUniversal, asn1.TagOID, false).Bytes
	if *r.err != nil {
		return ""
	}
	var id x509.OID // asn1.ObjectIdentifier stops at arcs of 31 bits; those under 2.25 have 128
	if len(content) > maxNumber {
		r.fail("%s: an object identifier of %d bytes", what, len(content))
	} else if err := id.UnmarshalBinary(content); err != nil {
		r.fail("%s: %v", what, err)
	}
	return id.String()
}

// algorithm is an AlgorithmIdentifier.
type algorithm struct {
	oid    string
	params *reader // of whatever follows the identifier
}

func (r *reader) algorithm(what string) algorithm {
	in := r.sequence(what)
	return algorithm{in.oid(what), in}
}

// plain refuses parameters other than NULL. Both absence and NULL are in use (RFC 5754).
func (a algorithm) plain() {
	if a.params.more() {
		null := a.params.take(a.oid, asn1.ClassUniversal, asn1.TagNull, false)
		if len(null.Bytes) > 0 {
			a.params.fail("%s: a NULL with content", a.oid)
		}
	}
	a.params.end(a.oid)
}
