package awssim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
)

// Identifiers are hashes of what they name, never counters: two runs in which
// the same principals make the same calls get the same ids, whatever order the
// scheduler puts concurrent calls in. The nth repeat of the same call is told
// apart by n.

// digest is a keyed hash of parts, unambiguous in where one part ends.
func (c *Cloud) digest(parts ...string) [32]byte {
	var seed [8]byte
	binary.BigEndian.PutUint64(seed[:], c.cfg.Seed)
	h := hmac.New(sha256.New, seed[:])
	var text []byte
	for _, p := range parts {
		text = strconv.AppendInt(text, int64(len(p)), 10)
		text = append(append(append(text, ':'), p...), ',')
	}
	h.Write(text)
	return [32]byte(h.Sum(nil))
}

// nth counts how often the same parts were seen, from 1. The lock is held.
func (c *Cloud) nth(parts ...string) int {
	if c.core.seen == nil {
		c.core.seen = map[[16]byte]int{}
	}
	d := c.digest(parts...)
	k := [16]byte(d[:16])
	c.core.seen[k]++
	return c.core.seen[k]
}

// id makes an identifier out of the call, kind and parts; asking again with the
// same arguments gives the next one. Kinds:
//
//	uuid                         8-4-4-4-12 hex, as request ids
//	AIDA AROA AGPA ANPA AIPA ... 21 characters, as IAM's unique ids
//	AKIA ASIA                    20 characters, as access key ids
//	secret                       40 characters, as a secret access key
//	token                        about 350 characters, as a session token
//	hex:N alnum:N ALNUM:N        N characters (alnum: lower case and digits)
func (c *call) id(kind string, parts ...string) string {
	all := append([]string{"id", c.requestID, kind}, parts...)
	n := c.nth(all...)
	return c.idFrom(kind, append(all, strconv.Itoa(n))...)
}

// idFrom is id without a call: for what exists before the first call.
func (c *Cloud) idFrom(kind string, parts ...string) string {
	d := c.digest(append(parts, kind)...)
	name, size, sized := strings.Cut(kind, ":")
	n, _ := strconv.Atoi(size)
	switch {
	case kind == "uuid":
		return uuidOf(d)
	case kind == "secret":
		return base64.RawStdEncoding.EncodeToString(d[:30])
	case kind == "token":
		return "IQoJb3JpZ2luX2Vj" + base64.StdEncoding.EncodeToString(c.stretch(d, 252))
	case sized && name == "hex":
		return hex.EncodeToString(c.stretch(d, n))[:n]
	case sized && name == "alnum":
		return strings.ToLower(base32.StdEncoding.EncodeToString(c.stretch(d, n)))[:n]
	case sized && name == "ALNUM":
		return base32.StdEncoding.EncodeToString(c.stretch(d, n))[:n]
	case kind == "AKIA" || kind == "ASIA":
		return kind + base32.StdEncoding.EncodeToString(d[:])[:16]
	case len(kind) == 4 && strings.ToUpper(kind) == kind:
		return kind + base32.StdEncoding.EncodeToString(d[:])[:17]
	}
	panic("awssim: unknown kind of id " + kind)
}

// stretch makes n bytes of d.
func (c *Cloud) stretch(d [32]byte, n int) []byte {
	out := make([]byte, 0, n+32)
	for i := 0; len(out) < n; i++ {
		next := c.digest(string(d[:]), strconv.Itoa(i))
		out = append(out, next[:]...)
	}
	return out[:n]
}

// uuidOf shapes a hash as a version 4 UUID.
func uuidOf(d [32]byte) string {
	d[6] = d[6]&0x0f | 0x40
	d[8] = d[8]&0x3f | 0x80
	h := hex.EncodeToString(d[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// errBadMarker is a pagination token that the service did not give out. An
// operation may return it as it is: it is reported as that service does.
var errBadMarker = errors.New("pagination token not given out by this service")

// paginate cuts one page out of items, which must come in the same order each
// time: max of them (nil or above limit: limit), from where marker points, and
// the marker of the next page, nil at the end.
func paginate[T any](items []T, marker *string, max *int32, limit int) ([]T, *string, error) {
	start, size := 0, limit
	if max != nil && int(*max) > 0 && int(*max) < limit {
		size = int(*max)
	}
	if marker != nil && *marker != "" {
		var err error
		if start, err = openMarker(*marker); err != nil {
			return nil, nil, err
		}
	}
	if start >= len(items) {
		return []T{}, nil, nil
	}
	end := min(start+size, len(items))
	if end == len(items) {
		return items[start:end], nil, nil
	}
	next := makeMarker(end)
	return items[start:end], &next, nil
}

// Markers are opaque on AWS; ours carry a checksum, so that one invented or
// damaged is refused, as AWS refuses it.
func makeMarker(offset int) string { return sealMarker(strconv.Itoa(offset)) }

func sealMarker(body string) string {
	sum := sha256.Sum256([]byte("marker " + body))
	return base64.StdEncoding.EncodeToString(append(sum[:17], body...))
}

func openMarker(m string) (int, error) {
	body, err := unsealMarker(m)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(body)
	if err != nil || n < 0 {
		return 0, errBadMarker
	}
	return n, nil
}

func unsealMarker(m string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(m)
	if err != nil || len(raw) < 18 || sealMarker(string(raw[17:])) != m {
		return "", errBadMarker
	}
	return string(raw[17:]), nil
}
