package main

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

// TestCaseInBucket: what `case open` says of retention, hold and owner holds for every object
// that any later command writes.
func TestCaseInBucket(t *testing.T) {
	a, err := bench.NewAccount(t.Context(), awssim.Config{}, 1, 8<<10)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a.Cloud)
	t.Cleanup(server.Close)
	client := s3.New(s3.Options{Region: bench.Region, BaseEndpoint: &server.URL, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("evidence"), ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(bench.Region)}}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, err := process(a, server.URL, dir, args...)
		if err != nil || code != want {
			t.Fatalf("%v: exit code %d, want %d: %v\n%s", args, code, want, err, out)
		}
		return string(out)
	}
	who := []string{"--title", "t", "--authority", "a", "--operator", "o"}
	run(ui.ExitError, append([]string{"case", "open", "s3://evidence/other", "--bucket-owner", "999999999999"}, who...)...)
	run(ui.ExitOK, append([]string{"case", "open", "s3://evidence/case", "--bucket-owner", bench.AccountID, "--retention", "governance:30", "--legal-hold"}, who...)...)
	run(ui.ExitOK, "collect", "--function", bench.Function, "--case", "s3://evidence/case")
	if out := run(ui.ExitOK, "verify", "s3://evidence/case"); !strings.Contains(out, "which you pinned") {
		t.Error(out)
	}
	held := 0
	out, err := client.ListObjectVersions(context.Background(), &s3.ListObjectVersionsInput{Bucket: aws.String("evidence")})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range out.Versions {
		h, err := client.HeadObject(context.Background(), &s3.HeadObjectInput{Bucket: aws.String("evidence"), Key: v.Key, VersionId: v.VersionId})
		if err != nil {
			t.Fatal(err)
		}
		if h.ObjectLockMode != s3types.ObjectLockModeGovernance || h.ObjectLockLegalHoldStatus != s3types.ObjectLockLegalHoldStatusOn || time.Until(aws.ToTime(h.ObjectLockRetainUntilDate)) < 29*24*time.Hour {
			t.Errorf("%s: %s %s %v", *v.Key, h.ObjectLockMode, h.ObjectLockLegalHoldStatus, h.ObjectLockRetainUntilDate)
		}
		held++
	}
	if held < 40 {
		t.Errorf("only %d objects", held)
	}
	// Hidden by a delete marker, laid over by a newer version: both are damage, named.
	var code string
	for _, v := range out.Versions {
		if strings.HasSuffix(*v.Key, ".zip") {
			code = *v.Key
		}
	}
	if _, err := client.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: aws.String("evidence"), Key: &code}); err != nil {
		t.Fatal(err)
	}
	if said := run(ui.ExitDamaged, "verify", "s3://evidence/case"); !strings.Contains(said, filepath.Base(code)+": hidden by a delete marker") {
		t.Error(said)
	}
	if said := run(ui.ExitFindings, "vault", "check", "s3://evidence/case", "--owner", bench.AccountID); !strings.Contains(said, "pass versioning") || !strings.Contains(said, "fix: aws s3api") {
		t.Error(said)
	}
}
