package awssim

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// realCloud is an account with every operation, and its administrator.
func realCloud(t *testing.T, cfg Config) (*Cloud, aws.Config) {
	t.Helper()
	c := New(cfg)
	return c, checked(t, c, clientConfig(c, c.Bootstrap(c.AccountID(), "admin", allowAll)))
}

// user is another principal of the account, with one policy.
func user(c *Cloud, name, policy string) aws.Config {
	return clientConfig(c, c.Bootstrap(c.AccountID(), name, policy))
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if got := codeOf(err); got != code || code == "" && err != nil {
		t.Errorf("%s: %q, want %q (%v)", what, got, code, err)
	}
}

func newKey(t *testing.T, cl *kms.Client, spec kmstypes.KeySpec, usage kmstypes.KeyUsageType) string {
	t.Helper()
	return *must(cl.CreateKey(context.Background(), &kms.CreateKeyInput{KeySpec: spec, KeyUsage: usage}))(t).KeyMetadata.Arn
}

func TestSignaturesVerifyWithThePublicKey(t *testing.T) {
	_, cfg := realCloud(t, Config{})
	cl, ctx := kms.NewFromConfig(cfg), context.Background()
	message := []byte("of a case")
	sum := sha256.Sum256(message)
	for _, tc := range []struct {
		spec      kmstypes.KeySpec
		algorithm kmstypes.SigningAlgorithmSpec
	}{
		{kmstypes.KeySpecEccNistP256, kmstypes.SigningAlgorithmSpecEcdsaSha256}, {kmstypes.KeySpecEccNistP521, kmstypes.SigningAlgorithmSpecEcdsaSha512},
		{kmstypes.KeySpecRsa2048, kmstypes.SigningAlgorithmSpecRsassaPssSha256}, {kmstypes.KeySpecRsa2048, kmstypes.SigningAlgorithmSpecRsassaPkcs1V15Sha384},
		{kmstypes.KeySpecEccNistEdwards25519, kmstypes.SigningAlgorithmSpecEd25519Sha512},
	} {
		id := newKey(t, cl, tc.spec, kmstypes.KeyUsageTypeSignVerify)
		in := &kms.SignInput{KeyId: &id, Message: message, SigningAlgorithm: tc.algorithm}
		sig := must(cl.Sign(ctx, in))(t).Signature
		if again := must(cl.Sign(ctx, in))(t).Signature; !bytes.Equal(sig, again) {
			t.Errorf("%s: another signature the second time", tc.algorithm)
		}
		verify := &kms.VerifyInput{KeyId: &id, Message: message, Signature: sig, SigningAlgorithm: tc.algorithm}
		if out := must(cl.Verify(ctx, verify))(t); !out.SignatureValid {
			t.Errorf("%s: not valid", tc.algorithm)
		}
		verify.Message = []byte("of another case")
		_, err := cl.Verify(ctx, verify)
		wantCode(t, string(tc.algorithm)+" of another message", err, "KMSInvalidSignatureException")
		pub := must(x509.ParsePKIXPublicKey(must(cl.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &id}))(t).PublicKey))(t)
		if key, ok := pub.(*ecdsa.PublicKey); ok && tc.spec == kmstypes.KeySpecEccNistP256 && !ecdsa.VerifyASN1(key, sum[:], sig) {
			t.Errorf("%s: crypto/ecdsa does not accept it", tc.algorithm)
		}
	}
	id := newKey(t, cl, kmstypes.KeySpecEccNistP256, kmstypes.KeyUsageTypeSignVerify)
	_, err := cl.Sign(ctx, &kms.SignInput{KeyId: &id, Message: message, MessageType: kmstypes.MessageTypeDigest, SigningAlgorithm: kmstypes.SigningAlgorithmSpecEcdsaSha256})
	wantCode(t, "a digest of the wrong length", err, "ValidationException")
	_, err = cl.Sign(ctx, &kms.SignInput{KeyId: &id, Message: message, SigningAlgorithm: kmstypes.SigningAlgorithmSpecRsassaPssSha256})
	wantCode(t, "another key's algorithm", err, "InvalidKeyUsageException")
	_, err = cl.Encrypt(ctx, &kms.EncryptInput{KeyId: &id, Plaintext: message})
	wantCode(t, "encrypting with a signing key", err, "InvalidKeyUsageException")
	_, err = cl.CreateKey(ctx, &kms.CreateKeyInput{KeySpec: kmstypes.KeySpecEccNistP256})
	wantCode(t, "no usage", err, "ValidationException")
}

func TestSameSeedSameKey(t *testing.T) {
	keys := map[string]bool{}
	for _, seed := range []uint64{1, 1, 2} {
		_, cfg := realCloud(t, Config{Seed: seed, Clock: &frozen{time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}})
		cl := kms.NewFromConfig(cfg)
		id := newKey(t, cl, kmstypes.KeySpecRsa2048, kmstypes.KeyUsageTypeSignVerify)
		keys[id+string(must(cl.GetPublicKey(context.Background(), &kms.GetPublicKeyInput{KeyId: &id}))(t).PublicKey)] = true
	}
	if len(keys) != 2 {
		t.Errorf("%d different keys of two seeds", len(keys))
	}
}

func TestEncryptionIsBoundToKeyAndContext(t *testing.T) {
	_, cfg := realCloud(t, Config{})
	cl, ctx := kms.NewFromConfig(cfg), context.Background()
	one, other := newKey(t, cl, "", ""), newKey(t, cl, "", "")
	about := map[string]string{"function": "pay", "b": "2"}
	blob := must(cl.Encrypt(ctx, &kms.EncryptInput{KeyId: &one, Plaintext: []byte("secret"), EncryptionContext: about}))(t).CiphertextBlob
	if bytes.Contains(blob, []byte("secret")) {
		t.Error("the ciphertext holds the plaintext")
	}
	out := must(cl.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: about}))(t)
	if string(out.Plaintext) != "secret" || *out.KeyId != one {
		t.Errorf("decrypted %q with %s", out.Plaintext, *out.KeyId)
	}
	_, err := cl.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob})
	wantCode(t, "without the context", err, "InvalidCiphertextException")
	_, err = cl.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: about, KeyId: &other})
	wantCode(t, "with another key", err, "IncorrectKeyException")
	blob[len(blob)-1] ^= 1
	_, err = cl.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: about})
	wantCode(t, "with a changed byte", err, "InvalidCiphertextException")

	data := must(cl.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: &one, KeySpec: kmstypes.DataKeySpecAes256}))(t)
	again := must(cl.ReEncrypt(ctx, &kms.ReEncryptInput{CiphertextBlob: data.CiphertextBlob, DestinationKeyId: &other}))(t)
	if got := must(cl.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: again.CiphertextBlob}))(t); !bytes.Equal(got.Plaintext, data.Plaintext) || len(got.Plaintext) != 32 {
		t.Errorf("%d bytes of data key came back", len(got.Plaintext))
	}
	rsa := newKey(t, cl, kmstypes.KeySpecRsa2048, kmstypes.KeyUsageTypeEncryptDecrypt)
	enc := must(cl.Encrypt(ctx, &kms.EncryptInput{KeyId: &rsa, Plaintext: []byte("secret"), EncryptionAlgorithm: kmstypes.EncryptionAlgorithmSpecRsaesOaepSha256}))(t)
	if got := must(cl.Decrypt(ctx, &kms.DecryptInput{KeyId: &rsa, CiphertextBlob: enc.CiphertextBlob, EncryptionAlgorithm: kmstypes.EncryptionAlgorithmSpecRsaesOaepSha256}))(t); string(got.Plaintext) != "secret" {
		t.Errorf("RSA gave %q", got.Plaintext)
	}
	mac := newKey(t, cl, kmstypes.KeySpecHmac256, kmstypes.KeyUsageTypeGenerateVerifyMac)
	sum := must(cl.GenerateMac(ctx, &kms.GenerateMacInput{KeyId: &mac, Message: []byte("m"), MacAlgorithm: kmstypes.MacAlgorithmSpecHmacSha256}))(t).Mac
	must(cl.VerifyMac(ctx, &kms.VerifyMacInput{KeyId: &mac, Message: []byte("m"), Mac: sum, MacAlgorithm: kmstypes.MacAlgorithmSpecHmacSha256}))(t)
	_, err = cl.VerifyMac(ctx, &kms.VerifyMacInput{KeyId: &mac, Message: []byte("n"), Mac: sum, MacAlgorithm: kmstypes.MacAlgorithmSpecHmacSha256})
	wantCode(t, "the MAC of another message", err, "KMSInvalidMacException")
}

// TestKeyPolicyDecides: an identity policy opens a key only where the key's policy lets
// the account decide (KMS Developer Guide, "Key policies in AWS KMS").
func TestKeyPolicyDecides(t *testing.T) {
	c, cfg := realCloud(t, Config{})
	cl, ctx := kms.NewFromConfig(cfg), context.Background()
	id := newKey(t, cl, "", "")
	bob := kms.NewFromConfig(user(c, "bob", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}`))
	eve := kms.NewFromConfig(user(c, "eve", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}`))
	use := func(cl *kms.Client) error {
		_, err := cl.Encrypt(ctx, &kms.EncryptInput{KeyId: &id, Plaintext: []byte("x"), EncryptionContext: map[string]string{"team": "red"}})
		return err
	}
	wantCode(t, "bob under the default policy", use(bob), "")
	wantCode(t, "eve under the default policy", use(eve), "AccessDeniedException")

	admin := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/admin"},"Action":"kms:*","Resource":"*"}`
	must(cl.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &id, Policy: aws.String(admin + `]}`)}))(t)
	wantCode(t, "bob, whom the key's policy does not name", use(bob), "AccessDeniedException")
	must(cl.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &id, Policy: aws.String(admin + `,{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/eve"},"Action":"kms:Encrypt","Resource":"*"}]}`)}))(t)
	wantCode(t, "eve, whom it names, without any identity policy", use(eve), "")
	_, err := cl.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &id, Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/eve"},"Action":"kms:*","Resource":"*"}]}`)})
	wantCode(t, "a policy that locks its author out", err, "MalformedPolicyDocumentException")
	_, err = cl.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &id, Policy: aws.String(`{"Version":`)})
	wantCode(t, "half a policy", err, "MalformedPolicyDocumentException")
	if got := must(cl.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &id}))(t); !bytes.Contains([]byte(*got.Policy), []byte("user/eve")) {
		t.Errorf("refused policies changed it: %s", *got.Policy)
	}

	grant := must(cl.CreateGrant(ctx, &kms.CreateGrantInput{KeyId: &id, GranteePrincipal: aws.String("arn:aws:iam::111122223333:user/bob"), Operations: []kmstypes.GrantOperation{kmstypes.GrantOperationEncrypt},
		Constraints: &kmstypes.GrantConstraints{EncryptionContextSubset: map[string]string{"team": "red"}}}))(t)
	wantCode(t, "bob with a grant", use(bob), "")
	_, err = bob.Encrypt(ctx, &kms.EncryptInput{KeyId: &id, Plaintext: []byte("x")})
	wantCode(t, "bob with a grant for another context", err, "AccessDeniedException")
	if l := must(cl.ListGrants(ctx, &kms.ListGrantsInput{KeyId: &id}))(t); len(l.Grants) != 1 {
		t.Errorf("grants %v", l.Grants)
	}
	must(cl.RevokeGrant(ctx, &kms.RevokeGrantInput{KeyId: &id, GrantId: grant.GrantId}))(t)
	wantCode(t, "bob after the grant", use(bob), "AccessDeniedException")
}

func TestStatesOfAKey(t *testing.T) {
	clock := &frozen{time.Now()}
	c, cfg := realCloud(t, Config{Clock: clock})
	cl, ctx := kms.NewFromConfig(cfg), context.Background()
	id := newKey(t, cl, "", "")
	use := func() error {
		_, err := cl.Encrypt(ctx, &kms.EncryptInput{KeyId: aws.String("alias/app"), Plaintext: []byte("x")})
		return err
	}
	wantCode(t, "no alias", use(), "NotFoundException")
	must(cl.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/app"), TargetKeyId: &id}))(t)
	wantCode(t, "by alias", use(), "")
	before := c.Digest()
	must(cl.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/app")}))(t)
	must(cl.ListAliases(ctx, &kms.ListAliasesInput{}))(t)
	must(cl.ListKeys(ctx, &kms.ListKeysInput{}))(t)
	must(cl.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &id}))(t)
	if c.Digest() != before {
		t.Error("reading changed the account")
	}
	must(cl.DisableKey(ctx, &kms.DisableKeyInput{KeyId: &id}))(t)
	wantCode(t, "disabled", use(), "DisabledException")
	must(cl.EnableKey(ctx, &kms.EnableKeyInput{KeyId: &id}))(t)
	must(cl.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: &id, PendingWindowInDays: aws.Int32(7)}))(t)
	wantCode(t, "pending deletion", use(), "KMSInvalidStateException")
	must(cl.CancelKeyDeletion(ctx, &kms.CancelKeyDeletionInput{KeyId: &id}))(t)
	wantCode(t, "after cancelling", use(), "DisabledException")
	must(cl.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: &id, PendingWindowInDays: aws.Int32(7)}))(t)
	clock.at = clock.at.Add(8 * 24 * time.Hour)
	_, err := cl.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	wantCode(t, "deleted", err, "NotFoundException")
	_, err = cl.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: aws.String(newKey(t, cl, "", "")), PendingWindowInDays: aws.Int32(3)})
	wantCode(t, "too soon", err, "ValidationException")
}
