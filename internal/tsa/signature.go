package tsa

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

const (
	oidRSA             = "1.2.840.113549.1.1.1" // the hash is that of digestAlgorithm
	oidMGF1            = "1.2.840.113549.1.1.8"
	oidRSAPSS          = "1.2.840.113549.1.1.10"
	oidRSAWithSHA256   = "1.2.840.113549.1.1.11"
	oidRSAWithSHA384   = "1.2.840.113549.1.1.12"
	oidRSAWithSHA512   = "1.2.840.113549.1.1.13"
	oidECDSAWithSHA256 = "1.2.840.10045.4.3.2"
	oidECDSAWithSHA384 = "1.2.840.10045.4.3.3"
	oidECDSAWithSHA512 = "1.2.840.10045.4.3.4"
)

// schemes says how signature algorithms sign, and with which hash (0: any).
func schemes(oid string) (sign x509.PublicKeyAlgorithm, hash crypto.Hash) {
	switch oid {
	case oidRSA:
		return x509.RSA, 0
	case oidRSAWithSHA256:
		return x509.RSA, crypto.SHA256
	case oidRSAWithSHA384:
		return x509.RSA, crypto.SHA384
	case oidRSAWithSHA512:
		return x509.RSA, crypto.SHA512
	case oidECDSAWithSHA256:
		return x509.ECDSA, crypto.SHA256
	case oidECDSAWithSHA384:
		return x509.ECDSA, crypto.SHA384
	case oidECDSAWithSHA512:
		return x509.ECDSA, crypto.SHA512
	}
	return x509.UnknownPublicKeyAlgorithm, 0
}

// check verifies the signature over signed with the key of cert. The algorithm's hash must
// be that of the attributes (RFC 5754, 3): OpenSSL knows no other kind either.
func (s signerInfo) check(cert *x509.Certificate, hash crypto.Hash, signed []byte) error {
	if s.algorithm.oid == oidRSAPSS {
		return s.checkPSS(cert, hash, signed)
	}
	in := *s.algorithm.params // a copy: check may be called twice
	algorithm{s.algorithm.oid, &in}.plain()
	if *in.err != nil {
		return *in.err
	}
	scheme, with := schemes(s.algorithm.oid)
	if scheme == x509.UnknownPublicKeyAlgorithm || with != 0 && with != hash {
		return fmt.Errorf("%w: signature algorithm %.100s with %v", ErrInvalid, s.algorithm.oid, hash)
	}
	digest := sum(hash, signed)
	good := false
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		good = scheme == x509.RSA && rsa.VerifyPKCS1v15(key, hash, digest, s.signature) == nil
	case *ecdsa.PublicKey:
		good = scheme == x509.ECDSA && ecdsa.VerifyASN1(key, digest, s.signature)
	}
	if !good {
		return fmt.Errorf("%w: the signature does not hold", ErrInvalid)
	}
	return nil
}

// checkPSS wants one hash throughout, as every signer in use does.
func (s signerInfo) checkPSS(cert *x509.Certificate, hash crypto.Hash, signed []byte) error {
	in := *s.algorithm.params
	salt := in.pss(hash)
	if *in.err != nil {
		return *in.err
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	opts := &rsa.PSSOptions{SaltLength: salt, Hash: hash}
	if !ok || rsa.VerifyPSS(key, hash, sum(hash, signed), s.signature, opts) != nil {
		return fmt.Errorf("%w: the RSA-PSS signature does not hold", ErrInvalid)
	}
	return nil
}

// pss reads RSASSA-PSS-params (RFC 8017, A.2.3) and returns the salt's length in bytes.
// What is left out there stands for SHA-1, which is refused.
func (r *reader) pss(hash crypto.Hash) int {
	const what = "RSASSA-PSS-params"
	in := r.sequence(what)
	r.end(what)
	same := func(wrapped *reader) {
		alg := wrapped.algorithm(what)
		alg.plain()
		if h, ok := hashes(alg.oid); !ok || h != hash {
			in.fail("%s: hash algorithm %.100s beside %v", what, alg.oid, hash)
		}
		wrapped.end(what)
	}
	same(in.tagged("PSS hashAlgorithm", 0))
	outer := in.tagged("PSS maskGenAlgorithm", 1)
	mask := outer.algorithm("PSS maskGenAlgorithm")
	if mask.oid != oidMGF1 {
		in.fail("%s: mask %.100s", what, mask.oid)
	}
	same(mask.params)
	outer.end(what)
	// A length of 0 means "whatever it is" to crypto/rsa: no signer in use writes it.
	length := in.tagged("PSS saltLength", 2)
	salt := length.small("PSS saltLength", 512)
	length.end(what)
	if salt == 0 {
		in.fail("%s: no salt", what)
	}
	if in.more() { // trailerField, DEFAULT 1 and nothing else defined
		trailer := in.tagged("PSS trailerField", 3)
		if trailer.small("PSS trailerField", 1) != 1 {
			in.fail("%s: trailer", what)
		}
		trailer.end(what)
	}
	in.end(what)
	return int(salt)
}
