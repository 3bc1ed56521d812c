package tsa

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"
	"time"
)

// forger signs whatever it is told to, so that each check is met by a token in which only
// that one thing is wrong. What it makes without being told otherwise, openssl accepts.
type forger struct {
	key       *ecdsa.PrivateKey
	ca, cert  *x509.Certificate
	otherCert []byte // of the same key and serial number, another name
}

// plan is a token to be forged: DER of the parts, and what to add at the end of each.
type plan struct {
	tstVersion, policy, imprint, serial, at []byte
	tail                                    [][]byte // of TSTInfo, after genTime
	contentType, kind                       []byte   // eContentType, that of ContentInfo
	certs                                   [][]byte
	sid, digestAlg, sigAlg                  []byte
	attrs                                   map[string][]byte
	order                                   []string // of the attributes
	unsorted                                bool     // send them in that order, not in DER's
	asSent                                  bool     // sign the order sent, not the sorted one
	sign                                    func(digest []byte) []byte
	moreSigners                             int
	extra                                   map[string][]byte
}

func oid(s string) []byte {
	id, err := x509.ParseOID(s)
	if err != nil {
		panic(err)
	}
	b, err := id.MarshalBinary()
	if err != nil {
		panic(err)
	}
	return element(6, b)
}

func attribute(id string, values ...[]byte) []byte {
	return element(0x30, oid(id), element(0x31, values...))
}

func ess(id string, hash []byte, alg ...[]byte) []byte {
	return attribute(id, element(0x30, element(0x30, element(0x30, bytes.Join(alg, nil), element(4, hash)))))
}

func newForger(t testing.TB) forger {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	f := forger{key: key}
	issue := func(serial int64, c, parent *x509.Certificate) *x509.Certificate {
		c.NotBefore, c.NotAfter = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC)
		c.SerialNumber = big.NewInt(serial)
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), key)
		check(err)
		out, err := x509.ParseCertificate(der)
		check(err)
		return out
	}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true}
	f.ca = issue(1, ca, ca)
	usage := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: element(0x30, oid("1.3.6.1.5.5.7.3.8"))}
	f.cert = issue(77, &x509.Certificate{Subject: pkix.Name{CommonName: "TSA", Organization: []string{"Test  org"}}, SubjectKeyId: []byte("key id"), DNSNames: []string{"tsa.example", "tsa.invalid"}, ExtraExtensions: []pkix.Extension{usage}}, f.ca)
	f.otherCert = issue(77, &x509.Certificate{Subject: pkix.Name{CommonName: "Swiss Federal Stamps"}, ExtraExtensions: []pkix.Extension{usage}}, f.ca).Raw
	return f
}

// token makes a TimeStampResp after the changes that mutate makes to an honest plan.
func (f forger) token(mutate func(*plan)) []byte {
	p := plan{
		tstVersion: []byte{2, 1, 1}, policy: oid("1.2.3.4"), serial: []byte{2, 2, 4, 0xd2}, at: element(0x18, []byte("20260502101112.25Z")),
		imprint:     element(0x30, element(0x30, oid(oidSHA256), []byte{5, 0}), element(4, theDigest[:])),
		contentType: oid(oidTSTInfo), kind: oid(oidSignedData), certs: [][]byte{f.cert.Raw},
		sid:       element(0x30, f.cert.RawIssuer, []byte{2, 1, 77}),
		digestAlg: element(0x30, oid(oidSHA256)), sigAlg: element(0x30, oid(oidECDSAWithSHA256)),
		attrs: map[string][]byte{}, order: []string{"type", "digest", "cert"}, extra: map[string][]byte{},
		sign: func(digest []byte) []byte {
			sig, err := ecdsa.SignASN1(rand.Reader, f.key, digest)
			if err != nil {
				panic(err)
			}
			return sig
		},
	}
	own := sha256.Sum256(f.cert.Raw)
	p.attrs["type"], p.attrs["cert"] = attribute(oidContentType, oid(oidTSTInfo)), ess(oidSigningV2, own[:])
	mutate(&p)

	tst := element(0x30, p.tstVersion, p.policy, p.imprint, p.serial, p.at, bytes.Join(p.tail, nil), p.extra["tst"])
	if p.attrs["digest"] == nil {
		sum := sha256.Sum256(tst)
		p.attrs["digest"] = attribute(oidDigest, element(4, sum[:]))
	}
	var attrs [][]byte
	for _, name := range p.order {
		attrs = append(attrs, p.attrs[name])
	}
	signed := slices.Clone(attrs)
	slices.SortFunc(signed, bytes.Compare)
	if !p.unsorted {
		attrs = signed
	}
	if p.asSent {
		signed = attrs
	}
	sum := sha256.Sum256(element(0x31, signed...))
	signer := element(0x30, []byte{2, 1, 1}, p.sid, p.digestAlg, element(0xa0, attrs...), p.sigAlg, element(4, p.sign(sum[:])), p.extra["signer"])
	return element(0x30, element(0x30, []byte{2, 1, 0}, p.extra["status"]),
		element(0x30, p.kind, element(0xa0,
			element(0x30, []byte{2, 1, 3}, element(0x31, p.digestAlg),
				element(0x30, p.contentType, element(0xa0, element(4, tst, p.extra["content"]), p.extra["wrap"]), p.extra["encap"]),
				element(0xa0, p.certs...),
				element(0x31, bytes.Repeat(signer, 1+p.moreSigners)),
				p.extra["signed"]),
			p.extra["explicit"]), p.extra["info"]), p.extra["resp"])
}

func (f forger) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(f.ca)
	return pool
}

func (f forger) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.ca.Raw})
}
