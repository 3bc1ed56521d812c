// Package kmssign signs the heads of a case with an asymmetric key of AWS KMS, so that the
// private key is on nobody's laptop and CloudTrail records every signature.
package kmssign

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// ErrKey: the key cannot sign heads: they want ECC_NIST_P256 for SIGN_VERIFY.
var ErrKey = errors.New("not a KMS key that signs with ECDSA_SHA_256")

// maxMessage is what KMS Sign takes as it is (MessageType RAW).
const maxMessage = 4096

// Key implements evidence.Signer.
type Key struct {
	kms *kms.Client
	arn string
	pub *ecdsa.PublicKey
}

// IsARN says whether a signer's name means a key in KMS, and in which region.
func IsARN(name string) (region string, ok bool) {
	parts := strings.SplitN(name, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "kms" || parts[3] == "" {
		return "", false
	}
	return parts[3], true
}

// Needs are the calls made on a key. It is ours, not the investigated account's.
func Needs(arn string) []awsapi.Need {
	return []awsapi.Need{
		{Call: "KMS:GetPublicKey", IAM: []awsapi.Grant{{Action: "kms:GetPublicKey", Resource: arn}}, Class: awsapi.Vault},
		{Call: "KMS:Sign", IAM: []awsapi.Grant{{Action: "kms:Sign", Resource: arn}}, Mutates: true, Class: awsapi.Vault},
	}
}

// New asks KMS for the public key. cfg must allow the calls of Needs.
func New(ctx context.Context, cfg aws.Config, arn string) (*Key, error) {
	k := &Key{kms: kms.NewFromConfig(cfg), arn: arn}
	out, err := k.kms.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &arn})
	if err != nil {
		return nil, fmt.Errorf("ask for the public key of %s: %w", arn, err)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	pub, ok := parsed.(*ecdsa.PublicKey)
	if err != nil || !ok || pub.Curve != elliptic.P256() || out.KeyUsage != types.KeyUsageTypeSignVerify {
		return nil, fmt.Errorf("%s: %w: it is %s for %s", arn, ErrKey, out.KeySpec, out.KeyUsage)
	}
	k.pub = pub
	return k, nil
}

// Public implements evidence.Signer.
func (k *Key) Public() *ecdsa.PublicKey { return k.pub }

// Sign implements evidence.Signer: DER bytes, of at most 4096 bytes of message.
func (k *Key) Sign(ctx context.Context, message []byte) ([]byte, error) {
	if len(message) > maxMessage {
		return nil, fmt.Errorf("sign with %s: %d bytes, KMS takes %d", k.arn, len(message), maxMessage)
	}
	out, err := k.kms.Sign(ctx, &kms.SignInput{
		KeyId: &k.arn, Message: message, MessageType: types.MessageTypeRaw, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", k.arn, err)
	}
	return out.Signature, nil
}
