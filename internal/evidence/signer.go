package evidence

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
)

var (
	// ErrKey: not a P-256 key in a form that openssl reads too.
	ErrKey = errors.New("not a P-256 key in PEM")
	// ErrNotSigned: an event is in the ledger, and the head over it could not be signed.
	ErrNotSigned = errors.New("recorded, but not signed")
)

// Signer signs the heads of a case's ledger: ECDSA on P-256 over the SHA-256 of the
// message, as the DER bytes that AWS KMS returns and openssl expects. The message is at
// most 4096 bytes, which is what KMS Sign takes.
type Signer interface {
	Public() *ecdsa.PublicKey
	Sign(ctx context.Context, message []byte) ([]byte, error)
}

// KeyID names a public key: the first 128 bits of the SHA-256 of its SubjectPublicKeyInfo, in hex.
func KeyID(pub *ecdsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", fmt.Errorf("encode public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:16]), nil
}

// EncodePublicKey is the key as PEM (SubjectPublicKeyInfo), as openssl reads it.
func EncodePublicKey(pub *ecdsa.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ParsePublicKeys reads one or more P-256 public keys in PEM (ErrKey).
func ParsePublicKeys(data []byte) ([]*ecdsa.PublicKey, error) {
	var out []*ecdsa.PublicKey
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		pub, ok := key.(*ecdsa.PublicKey)
		if err != nil || !ok || pub.Curve != elliptic.P256() {
			return nil, fmt.Errorf("%w: a %.40q block", ErrKey, block.Type)
		}
		out, data = append(out, pub), rest
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no PEM block", ErrKey)
	}
	return out, nil
}

// LocalKey signs with a private key in memory. Its signatures are deterministic (RFC 6979).
type LocalKey struct{ key *ecdsa.PrivateKey }

// ParseLocalKey reads a P-256 private key in PEM, PKCS #8 or SEC 1, as openssl writes them (ErrKey).
func ParseLocalKey(data []byte) (*LocalKey, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "EC PARAMETERS" {
			continue // openssl ecparam -genkey writes them first
		}
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			key, err = x509.ParseECPrivateKey(block.Bytes)
		}
		private, ok := key.(*ecdsa.PrivateKey)
		if err != nil || !ok || private.Curve != elliptic.P256() {
			return nil, fmt.Errorf("%w: a %.40q block", ErrKey, block.Type)
		}
		return &LocalKey{private}, nil
	}
	return nil, fmt.Errorf("%w: no PEM block", ErrKey)
}

// Public implements Signer.
func (k *LocalKey) Public() *ecdsa.PublicKey { return &k.key.PublicKey }

// Sign implements Signer.
func (k *LocalKey) Sign(_ context.Context, message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return k.key.Sign(nil, sum[:], crypto.SHA256) // without randomness: RFC 6979
}

// verifySignature says whether sig is the key's over message.
func verifySignature(pub *ecdsa.PublicKey, message, sig []byte) bool {
	sum := sha256.Sum256(message)
	return ecdsa.VerifyASN1(pub, sum[:], sig)
}
