package tsa

import (
	"encoding/asn1"
	"fmt"
	"math/big"
)

// timeStampReq is RFC 3161, 2.4.1, without reqPolicy and extensions.
type timeStampReq struct {
	Version int
	Imprint messageImprint
	Nonce   *big.Int `asn1:"optional"`
	CertReq bool
}

type messageImprint struct {
	Algorithm struct {
		OID        asn1.ObjectIdentifier
		Parameters asn1.RawValue
	}
	Digest []byte
}

// Request returns a TimeStampReq (version 1, DER) for a SHA-256 digest that asks for the
// signer's certificate. A nil nonce leaves the nonce out; it must not be negative, nor
// longer than 160 bits.
func Request(digest [32]byte, nonce *big.Int) ([]byte, error) {
	if nonce != nil && (nonce.Sign() < 0 || nonce.BitLen() > 160) {
		return nil, fmt.Errorf("encode a time stamp request: a nonce of %d bits, sign %d", nonce.BitLen(), nonce.Sign())
	}
	req := timeStampReq{Version: 1, Nonce: nonce, CertReq: true}
	req.Imprint.Algorithm.OID = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	req.Imprint.Algorithm.Parameters = asn1.NullRawValue // as openssl writes it: the form every authority knows
	req.Imprint.Digest = digest[:]
	der, err := asn1.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("encode a time stamp request: %w", err)
	}
	return der, nil
}
