package awssim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// Symmetric ciphertext: blobMark, the key's id, nonce, AES-256-GCM with the encryption
// context as additional data.
const blobMark = "\x01\x02\x02\x00"

// dryRun is what KMS answers in place of a success that was only asked about.
func dryRun(asked *bool) error {
	if aws.ToBool(asked) {
		return fail("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
	}
	return nil
}

// workingKey finds a key and asks whether the caller may use it so, and whether it works.
func (c *call) workingKey(action string, id *string, usage kmstypes.KeyUsageType, context map[string]string, about ...authOption) (*kmsKey, error) {
	k, err := c.findKey(aws.ToString(id))
	if err != nil {
		c.authorized = true
		return nil, err
	}
	if err := c.allowKey(action, k, context, about...); err != nil {
		return nil, err
	}
	if err := k.usable(); err != nil {
		return nil, err
	}
	if k.usage != usage {
		return nil, fail("InvalidKeyUsageException", "%s key usage is %s which is not valid for %s.", k.arn, k.usage, action)
	}
	return k, nil
}

func (c *call) gcm(k *kmsKey) (cipher.AEAD, error) {
	block, err := aes.NewCipher(c.symmetric(k))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// bound is the encryption context as one string, whatever the order it came in.
func bound(context map[string]string) []byte {
	out, err := json.Marshal(context)
	if err != nil {
		panic(err) // strings always marshal
	}
	if len(context) == 0 {
		return nil
	}
	return out
}

func (c *call) seal(k *kmsKey, plain []byte, context map[string]string) ([]byte, error) {
	aead, err := c.gcm(k)
	if err != nil {
		return nil, err
	}
	id, err := hex.DecodeString(strings.ReplaceAll(k.id, "-", ""))
	if err != nil {
		return nil, err
	}
	// The nonce is a hash of the call and what it encrypts: the same in every run, and
	// used twice only for the same message.
	nonce, err := hex.DecodeString(c.id("hex:24", "nonce", k.arn, hashHex(plain), string(bound(context))))
	if err != nil {
		return nil, err
	}
	head := slices.Concat([]byte(blobMark), id, nonce)
	return aead.Seal(head, nonce, plain, bound(context)), nil
}

func invalidCiphertext() error { return fail("InvalidCiphertextException", "") }

// keyOfBlob is the key that a symmetric ciphertext names, in any account of the region.
func (c *call) keyOfBlob(blob []byte) *kmsKey {
	if len(blob) < 32+16 || string(blob[:4]) != blobMark {
		return nil
	}
	h := hex.EncodeToString(blob[4:20])
	id := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	for at, s := range c.kms.m {
		if k := s.keys[id]; at.region == c.region && !c.gone(k) {
			return k
		}
	}
	return nil
}

func (c *call) open(k *kmsKey, blob []byte, context map[string]string) ([]byte, error) {
	aead, err := c.gcm(k)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, blob[20:32], blob[32:], bound(context))
	if err != nil {
		return nil, invalidCiphertext()
	}
	return plain, nil
}

// encrypt is what Encrypt and the second half of ReEncrypt do.
func (c *call) encrypt(k *kmsKey, algorithm kmstypes.EncryptionAlgorithmSpec, plain []byte, context map[string]string) ([]byte, kmstypes.EncryptionAlgorithmSpec, error) {
	if algorithm == "" {
		algorithm = kmstypes.EncryptionAlgorithmSpecSymmetricDefault
	}
	enc, _, _ := k.algorithms()
	if !slices.Contains(enc, algorithm) {
		return nil, "", fail("InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.", algorithm, k.spec)
	}
	if algorithm == kmstypes.EncryptionAlgorithmSpecSymmetricDefault {
		blob, err := c.seal(k, plain, context)
		return blob, algorithm, err
	}
	key, err := c.signer(k)
	if err != nil {
		return nil, "", err
	}
	blob, err := rsa.EncryptOAEP(oaepHash(algorithm), c.salt(k, "oaep", plain), &key.(*rsa.PrivateKey).PublicKey, plain, nil)
	if err != nil {
		return nil, "", fail("ValidationException", "Algorithm %s and key spec %s cannot encrypt data larger than the key allows.", algorithm, k.spec)
	}
	return blob, algorithm, nil
}

func oaepHash(algorithm kmstypes.EncryptionAlgorithmSpec) hash.Hash {
	if algorithm == kmstypes.EncryptionAlgorithmSpecRsaesOaepSha1 {
		return sha1.New()
	}
	return sha256.New()
}

func kmsEncrypt(c *call, in *kms.EncryptInput) (*kms.EncryptOutput, error) {
	k, err := c.workingKey("Encrypt", in.KeyId, kmstypes.KeyUsageTypeEncryptDecrypt, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	blob, algorithm, err := c.encrypt(k, in.EncryptionAlgorithm, in.Plaintext, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kms.EncryptOutput{CiphertextBlob: blob, EncryptionAlgorithm: algorithm, KeyId: aws.String(k.arn)}, nil
}

// decrypt is what Decrypt and the first half of ReEncrypt do. Without a key id the
// blob says which key; a key id that is another's is refused.
func (c *call) decrypt(action string, id *string, algorithm kmstypes.EncryptionAlgorithmSpec, blob []byte, context map[string]string) ([]byte, *kmsKey, error) {
	named := c.keyOfBlob(blob)
	if id == nil {
		if named == nil || algorithm != "" && algorithm != kmstypes.EncryptionAlgorithmSpecSymmetricDefault {
			c.authorized = true
			return nil, nil, invalidCiphertext()
		}
		id = &named.arn
	}
	k, err := c.workingKey(action, id, kmstypes.KeyUsageTypeEncryptDecrypt, context)
	if err != nil {
		return nil, nil, err
	}
	if k.spec != kmstypes.KeySpecSymmetricDefault {
		plain, err := c.decryptRSA(k, algorithm, blob)
		return plain, k, err
	}
	if named == nil {
		return nil, nil, invalidCiphertext()
	}
	if named != k {
		return nil, nil, fail("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
	}
	plain, err := c.open(k, blob, context)
	return plain, k, err
}

func (c *call) decryptRSA(k *kmsKey, algorithm kmstypes.EncryptionAlgorithmSpec, blob []byte) ([]byte, error) {
	enc, _, _ := k.algorithms()
	if !slices.Contains(enc, algorithm) {
		return nil, fail("InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.", algorithm, k.spec)
	}
	key, err := c.signer(k)
	if err != nil {
		return nil, err
	}
	plain, err := rsa.DecryptOAEP(oaepHash(algorithm), nil, key.(*rsa.PrivateKey), blob, nil)
	if err != nil {
		return nil, invalidCiphertext()
	}
	return plain, nil
}

func kmsDecrypt(c *call, in *kms.DecryptInput) (*kms.DecryptOutput, error) {
	plain, k, err := c.decrypt("Decrypt", in.KeyId, in.EncryptionAlgorithm, in.CiphertextBlob, in.EncryptionContext)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	algorithm := in.EncryptionAlgorithm
	if algorithm == "" {
		algorithm = kmstypes.EncryptionAlgorithmSpecSymmetricDefault
	}
	return &kms.DecryptOutput{Plaintext: plain, KeyId: aws.String(k.arn), EncryptionAlgorithm: algorithm}, nil
}

func kmsReEncrypt(c *call, in *kms.ReEncryptInput) (*kms.ReEncryptOutput, error) {
	plain, from, err := c.decrypt("ReEncryptFrom", in.SourceKeyId, in.SourceEncryptionAlgorithm, in.CiphertextBlob, in.SourceEncryptionContext)
	if err != nil {
		return nil, err
	}
	to, err := c.workingKey("ReEncryptTo", in.DestinationKeyId, kmstypes.KeyUsageTypeEncryptDecrypt, in.DestinationEncryptionContext)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	blob, algorithm, err := c.encrypt(to, in.DestinationEncryptionAlgorithm, plain, in.DestinationEncryptionContext)
	if err != nil {
		return nil, err
	}
	source := in.SourceEncryptionAlgorithm
	if source == "" {
		source = kmstypes.EncryptionAlgorithmSpecSymmetricDefault
	}
	return &kms.ReEncryptOutput{CiphertextBlob: blob, KeyId: aws.String(to.arn), SourceKeyId: aws.String(from.arn), SourceEncryptionAlgorithm: source, DestinationEncryptionAlgorithm: algorithm}, nil
}

// dataKey makes a data key and its ciphertext.
func (c *call) dataKey(action string, id *string, spec kmstypes.DataKeySpec, number *int32, context map[string]string, dry *bool) (plain, blob []byte, k *kmsKey, err error) {
	if (spec == "") == (number == nil) {
		c.authorized = true
		return nil, nil, nil, fail("ValidationException", "Please specify either number of bytes or key spec.")
	}
	size := map[kmstypes.DataKeySpec]int{kmstypes.DataKeySpecAes128: 16, kmstypes.DataKeySpecAes256: 32}[spec]
	if number != nil {
		size = int(*number)
	}
	if k, err = c.workingKey(action, id, kmstypes.KeyUsageTypeEncryptDecrypt, context); err != nil {
		return nil, nil, nil, err
	}
	if k.spec != kmstypes.KeySpecSymmetricDefault {
		return nil, nil, nil, fail("InvalidKeyUsageException", "%s key spec is %s which is not valid for %s.", k.arn, k.spec, action)
	}
	if err := dryRun(dry); err != nil {
		return nil, nil, nil, err
	}
	plain = c.bytesOf(k, size, "data key", c.id("hex:32", "data key"))
	blob, err = c.seal(k, plain, context)
	return plain, blob, k, err
}

func kmsGenerateDataKey(c *call, in *kms.GenerateDataKeyInput) (*kms.GenerateDataKeyOutput, error) {
	plain, blob, k, err := c.dataKey("GenerateDataKey", in.KeyId, in.KeySpec, in.NumberOfBytes, in.EncryptionContext, in.DryRun)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyOutput{CiphertextBlob: blob, Plaintext: plain, KeyId: aws.String(k.arn)}, nil
}

func kmsGenerateDataKeyWithoutPlaintext(c *call, in *kms.GenerateDataKeyWithoutPlaintextInput) (*kms.GenerateDataKeyWithoutPlaintextOutput, error) {
	_, blob, k, err := c.dataKey("GenerateDataKeyWithoutPlaintext", in.KeyId, in.KeySpec, in.NumberOfBytes, in.EncryptionContext, in.DryRun)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyWithoutPlaintextOutput{CiphertextBlob: blob, KeyId: aws.String(k.arn)}, nil
}

func kmsGenerateRandom(c *call, in *kms.GenerateRandomInput) (*kms.GenerateRandomOutput, error) {
	if err := c.allow("kms:GenerateRandom", "*"); err != nil {
		return nil, err
	}
	if in.NumberOfBytes == nil {
		return nil, fail("ValidationException", "NumberOfBytes is required.")
	}
	return &kms.GenerateRandomOutput{Plaintext: c.stretch(c.digest("random", c.id("hex:32", "random")), int(*in.NumberOfBytes))}, nil
}
