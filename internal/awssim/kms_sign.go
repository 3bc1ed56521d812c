package awssim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// kmsSigningKey finds a key that signs by that algorithm.
func (c *call) kmsSigningKey(action string, id *string, algorithm kmstypes.SigningAlgorithmSpec, kind kmstypes.MessageType) (*kmsKey, error) {
	k, err := c.workingKey(action, id, kmstypes.KeyUsageTypeSignVerify, nil,
		withCondition("kms:SigningAlgorithm", string(algorithm)), withCondition("kms:MessageType", string(kind)))
	if err != nil {
		return nil, err
	}
	if _, sign, _ := k.algorithms(); !slices.Contains(sign, algorithm) {
		return nil, fail("InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.", algorithm, k.spec)
	}
	return k, nil
}

func digestOf(algorithm string) crypto.Hash {
	for suffix, h := range map[string]crypto.Hash{"_256": crypto.SHA256, "_384": crypto.SHA384, "_512": crypto.SHA512} {
		if strings.HasSuffix(algorithm, suffix) {
			return h
		}
	}
	return 0
}

// digested is what is signed: the message's digest, or the digest that was sent. Plain
// Ed25519 signs messages only, its pre-hashed form digests only (KMS: Sign, MessageType).
func digested(algorithm kmstypes.SigningAlgorithmSpec, message []byte, kind kmstypes.MessageType) ([]byte, error) {
	raw := kind == "" || kind == kmstypes.MessageTypeRaw
	switch {
	case !raw && kind != kmstypes.MessageTypeDigest, algorithm == kmstypes.SigningAlgorithmSpecEd25519Sha512 && !raw, algorithm == kmstypes.SigningAlgorithmSpecEd25519PhSha512 && raw:
		return nil, fail("ValidationException", "MessageType %s is not valid for algorithm %s.", kind, algorithm)
	case algorithm == kmstypes.SigningAlgorithmSpecEd25519Sha512:
		return message, nil
	}
	h := digestOf(string(algorithm))
	if raw {
		sum := h.New()
		sum.Write(message)
		return sum.Sum(nil), nil
	}
	if len(message) != h.Size() {
		return nil, fail("ValidationException", "Digest is invalid length for algorithm %s.", algorithm)
	}
	return message, nil
}

func signOptions(algorithm kmstypes.SigningAlgorithmSpec) crypto.SignerOpts {
	h := digestOf(string(algorithm))
	switch {
	case strings.HasPrefix(string(algorithm), "RSASSA_PSS"):
		return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
	case algorithm == kmstypes.SigningAlgorithmSpecEd25519Sha512:
		return crypto.Hash(0)
	}
	return h
}

func kmsSign(c *call, in *kms.SignInput) (*kms.SignOutput, error) {
	k, err := c.kmsSigningKey("Sign", in.KeyId, in.SigningAlgorithm, in.MessageType)
	if err != nil {
		return nil, err
	}
	digest, err := digested(in.SigningAlgorithm, in.Message, in.MessageType)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	key, err := c.signer(k)
	if err != nil {
		return nil, err
	}
	signature, err := c.signWith(k, key, in.SigningAlgorithm, digest)
	if err != nil {
		return nil, fmt.Errorf("signing with %s: %w", k.arn, err)
	}
	return &kms.SignOutput{KeyId: aws.String(k.arn), Signature: signature, SigningAlgorithm: in.SigningAlgorithm}, nil
}

// signWith gives the same signature each time: ECDSA after RFC 6979, and PSS with a salt
// made from the digest. (KMS draws both at random.)
func (c *call) signWith(k *kmsKey, key crypto.Signer, algorithm kmstypes.SigningAlgorithmSpec, digest []byte) ([]byte, error) {
	opts := signOptions(algorithm)
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return key.Sign(c.salt(k, "pss", digest), digest, opts)
	}
	return key.Sign(nil, digest, opts)
}

func verified(public crypto.PublicKey, algorithm kmstypes.SigningAlgorithmSpec, digest, signature []byte) bool {
	h := digestOf(string(algorithm))
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, digest, signature)
	case ed25519.PublicKey:
		opts := &ed25519.Options{}
		if algorithm == kmstypes.SigningAlgorithmSpecEd25519PhSha512 {
			opts.Hash = crypto.SHA512
		}
		return ed25519.VerifyWithOptions(public, digest, signature, opts) == nil
	case *rsa.PublicKey:
		if strings.HasPrefix(string(algorithm), "RSASSA_PSS") {
			return rsa.VerifyPSS(public, h, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(public, h, digest, signature) == nil
	}
	return false
}

func kmsVerify(c *call, in *kms.VerifyInput) (*kms.VerifyOutput, error) {
	k, err := c.kmsSigningKey("Verify", in.KeyId, in.SigningAlgorithm, in.MessageType)
	if err != nil {
		return nil, err
	}
	digest, err := digested(in.SigningAlgorithm, in.Message, in.MessageType)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	key, err := c.signer(k)
	if err != nil {
		return nil, err
	}
	if !verified(key.Public(), in.SigningAlgorithm, digest, in.Signature) {
		return nil, fail("KMSInvalidSignatureException", "")
	}
	return &kms.VerifyOutput{KeyId: aws.String(k.arn), SignatureValid: true, SigningAlgorithm: in.SigningAlgorithm}, nil
}

func kmsGetPublicKey(c *call, in *kms.GetPublicKeyInput) (*kms.GetPublicKeyOutput, error) {
	k, err := c.kmsKeyOf("GetPublicKey", in.KeyId)
	if err != nil {
		return nil, err
	}
	if kind := kindOfKey(k.spec); kind != "RSA" && kind != "ECC" {
		return nil, fail("UnsupportedOperationException", "%s KeySpec is %s which is not valid for GetPublicKey.", k.arn, k.spec)
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	key, err := c.signer(k)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("encoding the public key of %s: %w", k.arn, err)
	}
	out := &kms.GetPublicKeyOutput{KeyId: aws.String(k.arn), PublicKey: der, KeySpec: k.spec, KeyUsage: k.usage}
	//lint:ignore SA1019 AWS still answers with the old name too
	out.CustomerMasterKeySpec = k.oldSpec()
	out.EncryptionAlgorithms, out.SigningAlgorithms, _ = k.algorithms()
	return out, nil
}

// mac is the HMAC of a message.
func (c *call) mac(action string, id *string, algorithm kmstypes.MacAlgorithmSpec, message []byte) ([]byte, *kmsKey, error) {
	k, err := c.workingKey(action, id, kmstypes.KeyUsageTypeGenerateVerifyMac, nil, withCondition("kms:MacAlgorithm", string(algorithm)))
	if err != nil {
		return nil, nil, err
	}
	if _, _, macs := k.algorithms(); !slices.Contains(macs, algorithm) {
		return nil, nil, fail("InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.", algorithm, k.spec)
	}
	makes := map[kmstypes.MacAlgorithmSpec]func() hash.Hash{kmstypes.MacAlgorithmSpecHmacSha224: sha256.New224, kmstypes.MacAlgorithmSpecHmacSha256: sha256.New,
		kmstypes.MacAlgorithmSpecHmacSha384: sha512.New384, kmstypes.MacAlgorithmSpecHmacSha512: sha512.New}
	h := hmac.New(makes[algorithm], c.symmetric(k))
	h.Write(message)
	return h.Sum(nil), k, nil
}

func kmsGenerateMac(c *call, in *kms.GenerateMacInput) (*kms.GenerateMacOutput, error) {
	sum, k, err := c.mac("GenerateMac", in.KeyId, in.MacAlgorithm, in.Message)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	return &kms.GenerateMacOutput{KeyId: aws.String(k.arn), Mac: sum, MacAlgorithm: in.MacAlgorithm}, nil
}

func kmsVerifyMac(c *call, in *kms.VerifyMacInput) (*kms.VerifyMacOutput, error) {
	sum, k, err := c.mac("VerifyMac", in.KeyId, in.MacAlgorithm, in.Message)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	if !hmac.Equal(sum, in.Mac) {
		return nil, fail("KMSInvalidMacException", "")
	}
	return &kms.VerifyMacOutput{KeyId: aws.String(k.arn), MacAlgorithm: in.MacAlgorithm, MacValid: true}, nil
}
