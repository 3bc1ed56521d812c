package kmssign

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const account, region = "123456789012", "eu-west-1"

func connect(t *testing.T) (*awssim.Cloud, *awsapi.Session, *kms.Client) {
	t.Helper()
	cloud := awssim.New(awssim.Config{AccountID: account, Region: region, Seed: 1})
	keys := cloud.Bootstrap(account, "admin", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	creds := credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")
	s, err := awsapi.Connect(t.Context(), awsapi.Options{Region: region, EndpointURL: "http://aws.invalid", HTTPClient: cloud.Client(), Credentials: creds})
	if err != nil {
		t.Fatal(err)
	}
	admin := kms.NewFromConfig(aws.Config{Region: region, Credentials: creds, HTTPClient: cloud.Client(), BaseEndpoint: aws.String("http://aws.invalid")})
	return cloud, s, admin
}

func makeKey(t *testing.T, c *kms.Client, spec types.KeySpec, usage types.KeyUsageType) string {
	t.Helper()
	out, err := c.CreateKey(t.Context(), &kms.CreateKeyInput{KeySpec: spec, KeyUsage: usage})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.KeyMetadata.Arn)
}

// TestCaseSignedByKMS opens a case that KMS signs; a pin of the public key accepts it, and
// openssl accepts the signatures.
func TestCaseSignedByKMS(t *testing.T) {
	_, s, admin := connect(t)
	arn := makeKey(t, admin, types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify)
	if r, ok := IsARN(arn); !ok || r != region {
		t.Fatalf("%s: %s %v", arn, r, ok)
	}
	key, err := New(t.Context(), s.Config("", Needs(arn)), arn)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), folder, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: t.TempDir(), Signer: key})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Record(t.Context(), evidence.Event{Type: evidence.EventNote}); err != nil {
		t.Fatal(err)
	}
	var report evidence.Report
	for p, err := range evidence.Verify(t.Context(), folder, evidence.VerifyOptions{Keys: []*ecdsa.PublicKey{key.Public()}, Report: &report}) {
		t.Errorf("%+v %v", p, err)
	}
	if !report.Pinned || report.Heads != 2 {
		t.Errorf("%+v", report)
	}
	kid, _ := evidence.KeyID(key.Public())
	at := func(name string) string { return filepath.Join(folder.String(), name) }
	out, err := exec.Command("openssl", "dgst", "-sha256", "-verify", at("keys/"+kid+".pem"),
		"-signature", at("ledger/heads/00000001."+kid+".sig"), at("ledger/heads/00000001.txt")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Verified OK") {
		t.Errorf("openssl: %s %v", out, err)
	}
}

func TestWrongKeys(t *testing.T) {
	cloud, s, admin := connect(t)
	for _, arn := range []string{
		makeKey(t, admin, types.KeySpecRsa2048, types.KeyUsageTypeSignVerify),
		makeKey(t, admin, types.KeySpecEccNistP384, types.KeyUsageTypeSignVerify),
	} {
		if _, err := New(t.Context(), s.Config("", Needs(arn)), arn); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v", arn, err)
		}
	}
	arn := makeKey(t, admin, types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify)
	key, err := New(t.Context(), s.Config("", Needs(arn)), arn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), make([]byte, 4097)); err == nil {
		t.Error("more than KMS takes was signed")
	}
	sig, err := key.Sign(t.Context(), make([]byte, 4096))
	if sum := sha256.Sum256(make([]byte, 4096)); err != nil || !ecdsa.VerifyASN1(key.Public(), sum[:], sig) {
		t.Errorf("4096 bytes: %v", err)
	}
	cloud.Inject(awssim.Fault{Op: "KMS:Sign", Fail: awssim.Fail{Code: "AccessDeniedException", Message: "injected", Status: 400}})
	folder, err := vault.NewFolder(filepath.Join(t.TempDir(), "case"))
	if err != nil {
		t.Fatal(err)
	}
	// The event is there all the same, and said to be unsigned.
	_, err = evidence.CreateCase(t.Context(), folder, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: t.TempDir(), Signer: key})
	if !errors.Is(err, evidence.ErrNotSigned) {
		t.Errorf("denied: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder.String(), "ledger", "00000000.json")); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "alias/x", "arn:aws:s3:::bucket", "/etc/key.pem"} {
		if _, ok := IsARN(bad); ok {
			t.Errorf("%q is no ARN of a KMS key", bad)
		}
	}
}
