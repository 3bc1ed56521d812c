package tsa

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Object identifiers: RFC 3161, 5035, 5652, 5754, 5758, 8017.
const (
	oidSignedData  = "1.2.840.113549.1.7.2"
	oidTSTInfo     = "1.2.840.113549.1.9.16.1.4"
	oidContentType = "1.2.840.113549.1.9.3"
	oidDigest      = "1.2.840.113549.1.9.4"
	oidSigningV1   = "1.2.840.113549.1.9.16.2.12"
	oidSigningV2   = "1.2.840.113549.1.9.16.2.47"

	oidSHA256 = "2.16.840.1.101.3.4.2.1"
	oidSHA384 = "2.16.840.1.101.3.4.2.2"
	oidSHA512 = "2.16.840.1.101.3.4.2.3"
)

// signedData is what counts of a SignedData.
type signedData struct {
	content []byte // eContent: the TSTInfo in DER
	certs   []*x509.Certificate
	signer  signerInfo
}

type signerInfo struct {
	issuer    []byte // the whole Name; nil where keyID names the signer
	serial    *big.Int
	keyID     []byte
	digest    algorithm
	attrs     [][]byte // each a whole Attribute, in the token's order
	algorithm algorithm
	signature []byte
}

// tstInfo is what counts of a TSTInfo.
type tstInfo struct {
	policy   string
	hash     string // the imprint's algorithm
	imprint  []byte
	serial   *big.Int
	at       time.Time
	accuracy time.Duration
	nonce    *big.Int      // nil where there is none
	tsa      asn1.RawValue // a GeneralName; without bytes where there is none
}

// parse reads a TimeStampResp. Nothing is verified but its form and its status.
func parse(tsr []byte) (signedData, tstInfo, error) {
	if len(tsr) > maxToken {
		return signedData{}, tstInfo{}, fmt.Errorf("%w: %d bytes, more than %d", ErrInvalid, len(tsr), maxToken)
	}
	r := newReader(tsr)
	resp := r.sequence("TimeStampResp")
	r.end("TimeStampResp")
	if err := resp.status(); err != nil {
		return signedData{}, tstInfo{}, err
	}
	info := resp.sequence("ContentInfo")
	resp.end("the token")
	if kind := info.oid("contentType"); kind != oidSignedData {
		info.fail("content of type %.100s where SignedData is due", kind)
	}
	content := info.tagged("content", 0)
	info.end("ContentInfo")
	signed := content.signedData()
	content.end("SignedData")
	if *r.err != nil {
		return signedData{}, tstInfo{}, *r.err
	}
	stamp := newReader(signed.content)
	tst := stamp.tstInfo()
	stamp.end("TSTInfo")
	return signed, tst, *stamp.err
}

// status reads PKIStatusInfo and returns what is wrong, or that it is no grant.
func (r *reader) status() error {
	in := r.sequence("PKIStatusInfo")
	status := in.integer("status")
	var text []string
	if in.next(asn1.ClassUniversal, asn1.TagSequence) {
		for free := in.sequence("statusString"); free.more(); {
			text = append(text, string(free.take("statusString", asn1.ClassUniversal, asn1.TagUTF8String, false).Bytes))
		}
	}
	failure := ""
	if in.next(asn1.ClassUniversal, asn1.TagBitString) {
		var bits asn1.BitString
		if _, err := asn1.Unmarshal(in.any("failInfo").FullBytes, &bits); err != nil {
			in.fail("failInfo: %v", err)
		}
		failure = failures(bits)
	}
	in.end("PKIStatusInfo")
	if *r.err != nil {
		return *r.err
	}
	// 0 is granted, 1 granted with modifications: the policy may be another, the imprint not.
	if status.Sign() < 0 || status.Cmp(big.NewInt(1)) > 0 {
		return fmt.Errorf("%w: status %d%s: %.200q", ErrRefused, status, failure, strings.Join(text, "; "))
	}
	return nil
}

// failures names the bits of PKIFailureInfo that RFC 3161 knows.
func failures(bits asn1.BitString) string {
	out := ""
	for _, f := range []struct {
		bit  int
		name string
	}{
		{0, "badAlg"}, {2, "badRequest"}, {5, "badDataFormat"}, {14, "timeNotAvailable"}, {15, "unacceptedPolicy"},
		{16, "unacceptedExtension"}, {17, "addInfoNotAvailable"}, {25, "systemFailure"},
	} {
		if bits.At(f.bit) == 1 {
			out += ", " + f.name
		}
	}
	return out
}

func (r *reader) signedData() (s signedData) {
	in := r.sequence("SignedData")
	in.small("SignedData version", 5)
	in.set("digestAlgorithms") // a hint for readers in one pass; SignerInfo says which one counts
	encap := in.sequence("encapContentInfo")
	if kind := encap.oid("eContentType"); kind != oidTSTInfo {
		encap.fail("signed content of type %.100s where TSTInfo is due", kind)
	}
	wrapped := encap.tagged("eContent", 0)
	encap.end("encapContentInfo")
	s.content = wrapped.octets("eContent")
	wrapped.end("eContent")
	if in.next(asn1.ClassContextSpecific, 0) {
		s.certs = in.tagged("certificates", 0).certificates()
	}
	if in.next(asn1.ClassContextSpecific, 1) {
		in.tagged("crls", 1)
	}
	signers := in.set("signerInfos")
	in.end("SignedData")
	s.signer = signers.signerInfo()
	signers.end("the only SignerInfo")
	return s
}

func (r *reader) signerInfo() (s signerInfo) {
	in := r.sequence("SignerInfo")
	in.small("SignerInfo version", 5)
	if in.next(asn1.ClassContextSpecific, 0) {
		s.keyID = in.take("subjectKeyIdentifier", asn1.ClassContextSpecific, 0, false).Bytes
	} else {
		sid := in.sequence("issuerAndSerialNumber")
		s.issuer = sid.take("issuer", asn1.ClassUniversal, asn1.TagSequence, true).FullBytes
		s.serial = sid.integer("serialNumber")
		sid.end("issuerAndSerialNumber")
	}
	s.digest = in.algorithm("digestAlgorithm")
	for attrs := in.tagged("signedAttrs", 0); attrs.more(); {
		s.attrs = append(s.attrs, attrs.any("Attribute").FullBytes)
	}
	s.algorithm = in.algorithm("signatureAlgorithm")
	s.signature = in.octets("signature")
	if in.next(asn1.ClassContextSpecific, 1) {
		in.tagged("unsignedAttrs", 1)
	}
	in.end("SignerInfo")
	return s
}

// tstInfo reads RFC 3161, 2.4.2.
func (r *reader) tstInfo() (t tstInfo) {
	in := r.sequence("TSTInfo")
	if v := in.small("TSTInfo version", 127); v != 1 {
		in.fail("TSTInfo version %d where 1 is due", v)
	}
	t.policy = in.oid("policy")
	imprint := in.sequence("messageImprint")
	hash := imprint.algorithm("hashAlgorithm")
	hash.plain()
	t.hash, t.imprint = hash.oid, bytes.Clone(imprint.octets("hashedMessage"))
	imprint.end("messageImprint")
	t.serial = in.integer("serialNumber")
	t.at = in.generalizedTime("genTime")
	if in.next(asn1.ClassUniversal, asn1.TagSequence) {
		t.accuracy = in.accuracy()
	}
	if in.next(asn1.ClassUniversal, asn1.TagBoolean) {
		in.any("ordering")
	}
	if in.next(asn1.ClassUniversal, asn1.TagInteger) {
		t.nonce = in.integer("nonce")
	}
	if in.next(asn1.ClassContextSpecific, 0) {
		named := in.tagged("tsa", 0)
		t.tsa = named.any("tsa")
		named.end("tsa")
	}
	if in.next(asn1.ClassContextSpecific, 1) {
		in.tagged("extensions", 1).extensions()
	}
	in.end("TSTInfo")
	return t
}

// extensions passes over what may be ignored, and refuses what is marked critical.
func (r *reader) extensions() {
	for r.more() {
		ext := r.sequence("Extension")
		id := ext.oid("extnID")
		if ext.next(asn1.ClassUniversal, asn1.TagBoolean) {
			if v := ext.any("critical"); len(v.Bytes) != 1 || v.Bytes[0] != 0 {
				ext.fail("a critical extension that is not known here: %.100s", id)
			}
		}
		ext.octets("extnValue")
		ext.end("Extension")
	}
}

// generalizedTime reads the form RFC 3161 prescribes: YYYYMMDDhhmmss[.s...]Z. Zeros at the
// end of the fraction, which it forbids, do no harm and are let through.
func (r *reader) generalizedTime(what string) time.Time {
	text := string(r.take(what, asn1.ClassUniversal, asn1.TagGeneralizedTime, false).Bytes)
	if *r.err != nil {
		return time.Time{}
	}
	at, err := time.Parse("20060102150405Z", text) // Parse takes a fraction though the layout has none
	if err != nil || len(text) > 25 || strings.Contains(text, ",") {
		r.fail("%s: %.40q", what, text)
		return time.Time{}
	}
	return at.UTC()
}

func (r *reader) accuracy() time.Duration {
	in := r.sequence("accuracy")
	var total time.Duration
	if in.next(asn1.ClassUniversal, asn1.TagInteger) {
		total = time.Duration(in.small("accuracy in seconds", 1<<31)) * time.Second
	}
	for tag, unit := range []time.Duration{time.Millisecond, time.Microsecond} {
		if in.next(asn1.ClassContextSpecific, tag) {
			const what = "accuracy below a second"
			n := in.number(what, in.take(what, asn1.ClassContextSpecific, tag, false).Bytes)
			total += time.Duration(in.within(what, n, 999)) * unit
		}
	}
	in.end("accuracy")
	return total
}
