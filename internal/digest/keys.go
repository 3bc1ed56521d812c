package digest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Keys are CloudTrail's public keys, by region and fingerprint. AWS has key pairs of its own
// in each region. A region with an empty map was asked, and has none.
type Keys map[string]map[string]*rsa.PublicKey

// AnyRegion is the region of keys of which nobody says where they are from.
const AnyRegion = ""

var (
	errNoKeys     = errors.New("no public keys of its region are at hand")
	errUnknownKey = errors.New("it is signed with a key that CloudTrail does not have in this region at this time")
	errSignature  = errors.New("the signature does not verify")
	errAlgorithm  = errors.New("the signature is of an unknown algorithm")
)

// Add takes the keys of a region from an answer of ListPublicKeys, as the AWS CLI prints it.
func (k Keys) Add(region string, answer []byte) error {
	var doc struct {
		PublicKeyList []struct {
			Value       []byte
			Fingerprint string
		}
	}
	if err := json.Unmarshal(answer, &doc); err != nil {
		return fmt.Errorf("reading public keys: %w", err)
	}
	if k[region] == nil {
		k[region] = map[string]*rsa.PublicKey{}
	}
	for _, p := range doc.PublicKeyList {
		key, err := x509.ParsePKCS1PublicKey(p.Value)
		if err != nil {
			return fmt.Errorf("reading public key %q: %w", p.Fingerprint, err)
		}
		k[region][p.Fingerprint] = key
	}
	return nil
}

// verify checks a digest's signature, in hex.
func (k Keys) verify(region string, d *Document, hash, signature string) error {
	known := k[region]
	if known == nil {
		known = k[AnyRegion]
	}
	key := known[d.Fingerprint]
	switch {
	case known == nil:
		return errNoKeys
	case key == nil:
		return errUnknownKey
	case d.Algorithm != "SHA256withRSA":
		return errAlgorithm
	}
	raw, err := hex.DecodeString(signature)
	sum := sha256.Sum256(d.signed(hash))
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) != nil {
		return errSignature
	}
	return nil
}
