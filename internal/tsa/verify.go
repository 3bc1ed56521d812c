package tsa

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	_ "crypto/sha512" // crypto.SHA384, crypto.SHA512
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Verify checks a TimeStampResp (DER, at most 64 KiB, nothing after it) over a SHA-256
// digest without any network: its form, the imprint, the signed attributes, the signature,
// that the signing certificate is the one the attributes name, and that it is one for time
// stamps alone. With roots it must chain to them at the time of the stamp, by the
// certificates in the token; with nil, Info.Trusted is false and who signed is anybody's
// word.
//
// Signatures: RSA PKCS #1 v1.5, RSA-PSS and ECDSA with SHA-256, SHA-384 or SHA-512.
//
// Errors: ErrRefused, ErrMismatch (another digest), ErrInvalid, ErrUntrusted. With
// ErrUntrusted Info is filled in, so that the caller can say whom not to trust.
func Verify(tsr []byte, digest [32]byte, roots *x509.CertPool) (Info, error) {
	signed, stamp, err := parse(tsr)
	if err != nil {
		return Info{}, err
	}
	if stamp.hash != oidSHA256 || !bytes.Equal(stamp.imprint, digest[:]) {
		return Info{}, fmt.Errorf("%w: it is over %.64x (algorithm %.100s)", ErrMismatch, stamp.imprint, stamp.hash)
	}
	cert, err := signed.verify()
	if err != nil {
		return Info{}, err
	}
	if err := forTimeStamps(cert); err != nil {
		return Info{}, err
	}
	if !bears(cert, stamp.tsa) {
		return Info{}, fmt.Errorf("%w: it names an authority whose name its certificate does not bear", ErrInvalid)
	}
	info := Info{
		Time: stamp.at, Accuracy: stamp.accuracy, Serial: serialText(stamp.serial),
		TSA: bounded(cert.Subject.String()), Policy: stamp.policy,
	}
	if roots == nil {
		return info, nil
	}
	if err := chain(cert, signed.certs, roots, stamp.at); err != nil {
		return info, err
	}
	info.Trusted = true
	return info, nil
}

// verify checks attributes and signature, and returns the certificate of the signer.
func (s signedData) verify() (*x509.Certificate, error) {
	hash, ok := hashes(s.signer.digest.oid)
	if !ok {
		return nil, fmt.Errorf("%w: digest algorithm %.100s", ErrInvalid, s.signer.digest.oid)
	}
	s.signer.digest.plain()
	if err := *s.signer.digest.params.err; err != nil {
		return nil, err
	}
	attrs, err := s.signer.attributes()
	if err != nil {
		return nil, err
	}
	if attrs.contentType != oidTSTInfo {
		return nil, fmt.Errorf("%w: the content-type attribute says %.100q", ErrInvalid, attrs.contentType)
	}
	if !bytes.Equal(attrs.digest, sum(hash, s.content)) {
		return nil, fmt.Errorf("%w: the message-digest attribute is not of its content", ErrInvalid)
	}
	cert, err := s.signerCertificate(attrs)
	if err != nil {
		return nil, err
	}
	// What is signed is the DER form, a sorted SET OF, whatever the order in the token
	// (RFC 5652, 5.4). OpenSSL takes the token's order instead; both say the same.
	sorted := slices.Clone(s.signer.attrs)
	slices.SortFunc(sorted, bytes.Compare)
	err = s.signer.check(cert, hash, setOf(sorted))
	if err != nil && !slices.EqualFunc(sorted, s.signer.attrs, bytes.Equal) {
		err = s.signer.check(cert, hash, setOf(s.signer.attrs))
	}
	return cert, err
}

func setOf(elements [][]byte) []byte {
	content := bytes.Join(elements, nil)
	out, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: content})
	if err != nil { // a RawValue without parameters is written as it is
		return nil
	}
	return out
}

// attributes are the signed ones that count.
type attributes struct {
	contentType string
	digest      []byte
	certHashes  []certHash
}

// certHash names the signing certificate: the first entry of a signingCertificate (v1,
// SHA-1) or signingCertificateV2 attribute.
type certHash struct {
	hash  crypto.Hash
	value []byte
}

func (c certHash) is(cert *x509.Certificate) bool {
	return bytes.Equal(c.value, sum(c.hash, cert.Raw))
}

func (s signerInfo) attributes() (a attributes, err error) {
	seen := map[string]bool{}
	for _, raw := range s.attrs {
		r := newReader(raw)
		in := r.sequence("Attribute")
		kind := in.oid("attrType")
		values := in.set("attrValues")
		in.end("Attribute")
		switch kind {
		case oidContentType:
			a.contentType = values.oid("content-type")
		case oidDigest:
			a.digest = values.octets("message-digest")
		case oidSigningV1, oidSigningV2:
			a.certHashes = append(a.certHashes, values.signingCertificate(kind == oidSigningV2))
		default:
			continue // signing time, algorithm protection, ...
		}
		values.end("the only value of an attribute")
		if seen[kind] {
			r.fail("two attributes of type %.100s", kind)
		}
		seen[kind] = true
		if *r.err != nil {
			return attributes{}, *r.err
		}
	}
	for _, kind := range []string{oidContentType, oidDigest} {
		if !seen[kind] {
			return attributes{}, fmt.Errorf("%w: no signed attribute %s", ErrInvalid, kind)
		}
	}
	if len(a.certHashes) == 0 {
		return attributes{}, fmt.Errorf("%w: no signingCertificate attribute", ErrInvalid)
	}
	return a, nil
}

// signingCertificate reads RFC 5035, 3 (v2) or RFC 2634, 5.4 (v1). The hash covers the
// whole certificate, so that the issuer and serial that may follow it add nothing.
func (r *reader) signingCertificate(v2 bool) certHash {
	const what = "signingCertificate"
	in := r.sequence(what)
	certs := in.sequence(what)
	if in.more() {
		in.sequence("policies")
	}
	in.end(what)
	first := certs.sequence("ESSCertID") // further ones are not the signer's
	c := certHash{hash: crypto.SHA1}
	if v2 {
		c.hash = crypto.SHA256 // the DEFAULT
		if first.next(asn1.ClassUniversal, asn1.TagSequence) {
			alg := first.algorithm(what)
			alg.plain()
			var ok bool
			if c.hash, ok = hashes(alg.oid); !ok {
				first.fail("%s: hash algorithm %.100s", what, alg.oid)
			}
		}
	}
	c.value = first.octets("certHash")
	if first.more() {
		first.sequence("issuerSerial")
	}
	first.end("ESSCertID")
	return c
}

// hashes knows the algorithms a digest may be made with.
func hashes(oid string) (crypto.Hash, bool) {
	switch oid {
	case oidSHA256:
		return crypto.SHA256, true
	case oidSHA384:
		return crypto.SHA384, true
	case oidSHA512:
		return crypto.SHA512, true
	}
	return 0, false
}

func sum(hash crypto.Hash, b []byte) []byte {
	switch hash {
	case crypto.SHA1:
		s := sha1.Sum(b)
		return s[:]
	case crypto.SHA256:
		s := sha256.Sum256(b)
		return s[:]
	}
	h := hash.New()
	h.Write(b)
	return h.Sum(nil)
}

// serialText prints a serial number as openssl does: whole bytes, but for 0.
func serialText(n *big.Int) string {
	s := fmt.Sprintf("%X", new(big.Int).Abs(n))
	if len(s)%2 == 1 && n.Sign() != 0 {
		s = "0" + s
	}
	if n.Sign() < 0 {
		return "-0x" + s
	}
	return "0x" + s
}

func bounded(s string) string {
	runes := []rune(strings.ToValidUTF8(s, "\ufffd"))
	if len(runes) > maxName {
		runes = append(runes[:maxName-3], '.', '.', '.')
	}
	return string(runes)
}
