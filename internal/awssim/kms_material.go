package awssim

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"io"
	"math/big"
	"strings"

	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// Key material is made from the seed and the key's ARN: real keys, the same in every
// run. They protect nothing but what the simulator holds.

// kindOfKey: "SYMMETRIC", "RSA", "ECC", "HMAC", or "" for one that is not simulated.
func kindOfKey(spec kmstypes.KeySpec) string {
	switch spec {
	case kmstypes.KeySpecSymmetricDefault:
		return "SYMMETRIC"
	case kmstypes.KeySpecRsa2048, kmstypes.KeySpecRsa3072, kmstypes.KeySpecRsa4096:
		return "RSA"
	case kmstypes.KeySpecEccNistP256, kmstypes.KeySpecEccNistP384, kmstypes.KeySpecEccNistP521, kmstypes.KeySpecEccNistEdwards25519:
		return "ECC"
	case kmstypes.KeySpecHmac224, kmstypes.KeySpecHmac256, kmstypes.KeySpecHmac384, kmstypes.KeySpecHmac512:
		return "HMAC"
	}
	return ""
}

// usageOf checks a usage against the spec. Only symmetric keys have a default.
func usageOf(spec kmstypes.KeySpec, asked kmstypes.KeyUsageType) (kmstypes.KeyUsageType, error) {
	kind := kindOfKey(spec)
	fits := map[string][]kmstypes.KeyUsageType{
		"SYMMETRIC": {kmstypes.KeyUsageTypeEncryptDecrypt}, "HMAC": {kmstypes.KeyUsageTypeGenerateVerifyMac},
		"RSA": {kmstypes.KeyUsageTypeEncryptDecrypt, kmstypes.KeyUsageTypeSignVerify}, "ECC": {kmstypes.KeyUsageTypeSignVerify},
	}[kind]
	if kind == "" || kind == "ECC" && asked == kmstypes.KeyUsageTypeKeyAgreement {
		return "", fail("UnsupportedOperationException", "freezeframe simulator: keys of spec %s and usage %s are not simulated", spec, asked)
	}
	if asked == "" && kind == "SYMMETRIC" {
		return kmstypes.KeyUsageTypeEncryptDecrypt, nil
	}
	if asked == "" {
		return "", fail("ValidationException", "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
	}
	for _, u := range fits {
		if u == asked {
			return u, nil
		}
	}
	return "", fail("ValidationException", "KeyUsage %s is not compatible with KeySpec %s", asked, spec)
}

// algorithms are what a key of that spec and usage does (KMS: "Key spec reference").
func (k *kmsKey) algorithms() (enc []kmstypes.EncryptionAlgorithmSpec, sign []kmstypes.SigningAlgorithmSpec, mac []kmstypes.MacAlgorithmSpec) {
	switch k.spec {
	case kmstypes.KeySpecSymmetricDefault:
		enc = []kmstypes.EncryptionAlgorithmSpec{kmstypes.EncryptionAlgorithmSpecSymmetricDefault}
	case kmstypes.KeySpecEccNistP256:
		sign = []kmstypes.SigningAlgorithmSpec{kmstypes.SigningAlgorithmSpecEcdsaSha256}
	case kmstypes.KeySpecEccNistP384:
		sign = []kmstypes.SigningAlgorithmSpec{kmstypes.SigningAlgorithmSpecEcdsaSha384}
	case kmstypes.KeySpecEccNistP521:
		sign = []kmstypes.SigningAlgorithmSpec{kmstypes.SigningAlgorithmSpecEcdsaSha512}
	case kmstypes.KeySpecEccNistEdwards25519:
		sign = []kmstypes.SigningAlgorithmSpec{kmstypes.SigningAlgorithmSpecEd25519Sha512, kmstypes.SigningAlgorithmSpecEd25519PhSha512}
	case kmstypes.KeySpecHmac224, kmstypes.KeySpecHmac256, kmstypes.KeySpecHmac384, kmstypes.KeySpecHmac512:
		mac = []kmstypes.MacAlgorithmSpec{kmstypes.MacAlgorithmSpec("HMAC_SHA_" + strings.TrimPrefix(string(k.spec), "HMAC_"))}
	default: // RSA
		if k.usage == kmstypes.KeyUsageTypeEncryptDecrypt {
			enc = []kmstypes.EncryptionAlgorithmSpec{kmstypes.EncryptionAlgorithmSpecRsaesOaepSha1, kmstypes.EncryptionAlgorithmSpecRsaesOaepSha256}
			break
		}
		sign = []kmstypes.SigningAlgorithmSpec{
			kmstypes.SigningAlgorithmSpecRsassaPkcs1V15Sha256, kmstypes.SigningAlgorithmSpecRsassaPkcs1V15Sha384, kmstypes.SigningAlgorithmSpecRsassaPkcs1V15Sha512,
			kmstypes.SigningAlgorithmSpecRsassaPssSha256, kmstypes.SigningAlgorithmSpecRsassaPssSha384, kmstypes.SigningAlgorithmSpecRsassaPssSha512}
	}
	return enc, sign, mac
}

// bytesOf is key material: n bytes that depend on the seed, the key and what they are for.
func (c *Cloud) bytesOf(k *kmsKey, n int, purpose ...string) []byte {
	return c.stretch(c.digest(append([]string{"kms", k.arn}, purpose...)...), n)
}

// symmetric is the secret of a symmetric or HMAC key.
func (c *Cloud) symmetric(k *kmsKey) []byte {
	if k.secret == nil {
		k.secret = c.bytesOf(k, 32, "secret")
	}
	return k.secret
}

// signer is the private key of an asymmetric key.
func (c *Cloud) signer(k *kmsKey) (crypto.Signer, error) {
	if k.private != nil {
		return k.private, nil
	}
	var err error
	switch k.spec {
	case kmstypes.KeySpecRsa2048, kmstypes.KeySpecRsa3072, kmstypes.KeySpecRsa4096:
		k.private, err = c.rsaKey(k)
	case kmstypes.KeySpecEccNistEdwards25519:
		k.private = ed25519.NewKeyFromSeed(c.bytesOf(k, ed25519.SeedSize, "private"))
	default:
		k.private, err = c.ecdsaKey(k)
	}
	if err != nil {
		k.private = nil
		return nil, fmt.Errorf("making the key pair of %s: %w", k.arn, err)
	}
	return k.private, nil
}

// ecdsaKey takes the first scalar of the stream that is in the curve's range.
func (c *Cloud) ecdsaKey(k *kmsKey) (*ecdsa.PrivateKey, error) {
	curve := map[kmstypes.KeySpec]elliptic.Curve{kmstypes.KeySpecEccNistP256: elliptic.P256(), kmstypes.KeySpecEccNistP384: elliptic.P384(), kmstypes.KeySpecEccNistP521: elliptic.P521()}[k.spec]
	size := (curve.Params().BitSize + 7) / 8
	var err error
	for i := range 256 {
		raw := c.bytesOf(k, size, "private", fmt.Sprint(i))
		if curve == elliptic.P521() {
			raw[0] &= 1
		}
		var key *ecdsa.PrivateKey
		if key, err = ecdsa.ParseRawPrivateKey(curve, raw); err == nil {
			return key, nil
		}
	}
	return nil, err
}

// rsaKey searches its primes from two starting points; crypto/rsa would take them from
// the machine's randomness whatever it is given.
func (c *Cloud) rsaKey(k *kmsKey) (*rsa.PrivateKey, error) {
	bits := map[kmstypes.KeySpec]int{kmstypes.KeySpecRsa2048: 2048, kmstypes.KeySpecRsa3072: 3072, kmstypes.KeySpecRsa4096: 4096}[k.spec]
	e, one := big.NewInt(65537), big.NewInt(1)
	p, q := c.prime(k, bits/2, "p", e), c.prime(k, bits/2, "q", e)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, D: new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q}}
	key.Precompute()
	return key, key.Validate()
}

func (c *Cloud) prime(k *kmsKey, bits int, purpose string, e *big.Int) *big.Int {
	p := new(big.Int).SetBytes(c.bytesOf(k, bits/8, "prime", purpose))
	for _, bit := range []int{0, bits - 1, bits - 2} { // odd, and large enough for the product to have all its bits
		p.SetBit(p, bit, 1)
	}
	one, two := big.NewInt(1), big.NewInt(2)
	for ; ; p.Add(p, two) {
		if p.ProbablyPrime(20) && new(big.Int).GCD(nil, nil, e, new(big.Int).Sub(p, one)).Cmp(one) == 0 {
			return p
		}
	}
}

// salt is a source for what an algorithm draws at random, made from what it works on.
func (c *Cloud) salt(k *kmsKey, about string, message []byte) io.Reader {
	return bytes.NewReader(c.bytesOf(k, 512, about, string(message)))
}
