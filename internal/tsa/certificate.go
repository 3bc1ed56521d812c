package tsa

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"time"
)

const (
	// maxCerts bounds the certificates of a token: a chain is three or four.
	maxCerts = 32
	// maxRSA bounds moduli, in bits, as crypto/tls does: a token has room for one of half a
	// million, which would keep a processor busy.
	maxRSA = 8192
)

// certificates reads a CertificateSet. What is no X.509 certificate, or one that cannot be
// used here, is passed over: either it is not needed, or who needs it will miss it.
func (r *reader) certificates() (out []*x509.Certificate) {
	for n := 0; r.more(); n++ {
		raw := r.any("certificate")
		if n == maxCerts {
			r.fail("more than %d certificates", maxCerts)
		}
		if *r.err != nil {
			return nil
		}
		if raw.Class != asn1.ClassUniversal || raw.Tag != asn1.TagSequence {
			continue
		}
		cert, err := x509.ParseCertificate(raw.FullBytes)
		if err != nil {
			continue
		}
		if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxRSA {
			continue
		}
		out = append(out, cert)
	}
	return out
}

// signerCertificate is the certificate that SignerInfo names and all signingCertificate
// attributes hash. Without those, whoever stores the token could exchange it for another
// certificate of the same key.
func (s signedData) signerCertificate(attrs attributes) (*x509.Certificate, error) {
	for _, cert := range s.certs {
		if !s.signer.names(cert) {
			continue
		}
		good := true
		for _, h := range attrs.certHashes {
			good = good && h.is(cert)
		}
		if good {
			return cert, nil
		}
	}
	return nil, fmt.Errorf("%w: none of its %d certificates is the signer's", ErrInvalid, len(s.certs))
}

func (s signerInfo) names(cert *x509.Certificate) bool {
	if s.issuer == nil {
		return len(s.keyID) > 0 && bytes.Equal(s.keyID, cert.SubjectKeyId)
	}
	return bytes.Equal(s.issuer, cert.RawIssuer) && s.serial.Cmp(cert.SerialNumber) == 0
}

// forTimeStamps wants extendedKeyUsage critical with timeStamping alone (RFC 3161, 2.3) and,
// as OpenSSL does, a keyUsage that signs and does nothing else, if there is one.
func forTimeStamps(cert *x509.Certificate) error {
	const oidExtKeyUsage = "2.5.29.37"
	critical := false
	for _, e := range cert.Extensions {
		critical = critical || e.Critical && e.Id.String() == oidExtKeyUsage
	}
	usages := cert.ExtKeyUsage
	if !critical || len(usages) != 1 || usages[0] != x509.ExtKeyUsageTimeStamping || len(cert.UnknownExtKeyUsage) > 0 {
		return fmt.Errorf("%w: its certificate is not one for time stamps alone", ErrInvalid)
	}
	const signing = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	if cert.KeyUsage&^signing != 0 {
		return fmt.Errorf("%w: its certificate's key does more than sign", ErrInvalid)
	}
	return nil
}

// chain checks cert up to roots as of the time it signed at.
func chain(cert *x509.Certificate, others []*x509.Certificate, roots *x509.CertPool, at time.Time) error {
	between := x509.NewCertPool()
	for _, c := range others {
		between.AddCert(c)
	}
	_, err := cert.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	if err != nil {
		// Bounded: x509 puts the names of certificates into its errors.
		return fmt.Errorf("%w at %s: %.300q", ErrUntrusted, at.Format(time.RFC3339), err.Error())
	}
	return nil
}
