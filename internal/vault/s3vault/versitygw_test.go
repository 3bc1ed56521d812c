package s3vault

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/vaulttest"
)

// gateway starts versitygw, an S3 server with real Object Lock that is not ours.
func gateway(t *testing.T) *s3.Client {
	t.Helper()
	binary := os.Getenv("FREEZEFRAME_VERSITYGW")
	if binary == "" {
		t.Skip("SKIPPED LOUDLY: FREEZEFRAME_VERSITYGW is not set to a versitygw binary")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	data, versions := filepath.Join(dir, "data"), filepath.Join(dir, "versions")
	os.Mkdir(data, 0o700)
	os.Mkdir(versions, 0o700)
	cmd := exec.Command(binary, "--port", addr, "--region", "eu-central-1", "--access", "AKIDEXAMPLE", "--secret", "secret-key-of-tests", "posix", "--versioning-dir", versions, data)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return s3.NewFromConfig(config("http://"+addr), func(o *s3.Options) { o.UsePathStyle = true })
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("versitygw does not answer")
	return nil
}

func lockedBucket(t *testing.T, client *s3.Client, name string) {
	t.Helper()
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func overVault(t *testing.T, client *s3.Client, o Options) *Vault {
	t.Helper()
	v, err := New(config(*client.Options().BaseEndpoint), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVersitygw(t *testing.T) {
	client := gateway(t)
	var n atomic.Int64
	vaulttest.Run(t, func(t *testing.T) vault.Vault {
		bucket := fmt.Sprintf("evidence-%d", n.Add(1))
		lockedBucket(t, client, bucket)
		return overVault(t, client, Options{Bucket: bucket, Prefix: "cases/1"})
	})
}

// A whole case in a bucket: it verifies, its lock refuses, and a marker over it is seen
// while the evidence behind it stays readable.
func TestCaseInBucket(t *testing.T) {
	client := gateway(t)
	lockedBucket(t, client, "evidence")
	v := overVault(t, client, Options{
		Bucket: "evidence", Prefix: "cases/1", RetentionMode: types.ObjectLockModeCompliance, RetainUntil: time.Now().Add(time.Hour),
	})
	c, err := evidence.CreateCase(ctx, v, evidence.CaseOptions{Title: "t", Operator: "o", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Begin(ctx, evidence.Header{})
	if err != nil {
		t.Fatal(err)
	}
	it, err := w.Put(ctx, evidence.Meta{Artefact: "a", Name: "a"}, func(w io.Writer) error {
		_, err := io.Copy(w, strings.NewReader(strings.Repeat("evidence ", 10_000)))
		return err
	})
	if err != nil || it.VersionID == "" {
		t.Fatal(it, err)
	}
	bag, err := w.Seal(ctx, evidence.StatusComplete)
	if err != nil {
		t.Fatal(err)
	}
	if ps := verify(t, v); len(ps) != 0 {
		t.Fatalf("%+v", ps)
	}
	key := aws.String("cases/1/" + bag.Ref(it).Path)
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("evidence"), Key: key, VersionId: &it.VersionID})
	if code(err) != "AccessDenied" {
		t.Errorf("deleting a locked version: %v", err)
	}
	if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("evidence"), Key: key}); err != nil {
		t.Fatal(err)
	}
	v = overVault(t, client, Options{Bucket: "evidence", Prefix: "cases/1"})
	ps := verify(t, v)
	if len(ps) != 1 || !strings.Contains(ps[0].What, "delete marker") || !ps[0].Damage() {
		t.Errorf("with a delete marker: %+v", ps)
	}
}

func verify(t *testing.T, v vault.Vault) []evidence.Problem {
	t.Helper()
	var out []evidence.Problem
	for p, err := range evidence.Verify(ctx, v, evidence.VerifyOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}
