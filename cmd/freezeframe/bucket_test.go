package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
)

// TestCaseInBucket: what `case open` says of retention, hold and owner holds for every object
// that any later command writes.
func TestCaseInBucket(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: processes of commands that TestScripts runs under it too; run without -short")
	}
	t.Parallel()
	a, server, client := accountWithBucket(t, true)
	dir := t.TempDir()
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, err := process(a, server, dir, args...)
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
	if said := run(ui.ExitOK, "verify", "s3://evidence/case"); strings.Contains(said, "kept no versions") {
		t.Error(said)
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

// TestUnversionedBucket: a bucket that keeps no versions is used, and named at every turn.
func TestUnversionedBucket(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: processes one after another, of commands that the scripts run too; run without -short")
	}
	t.Parallel()
	a, server, _ := accountWithBucket(t, false)
	dir := t.TempDir()
	said, code, err := both(a, server, dir, "case", "open", "s3://evidence/case", "--title", "t", "--authority", "a", "--operator", "o")
	if err != nil || code != ui.ExitOK || !strings.Contains(said, "s3://evidence/case keeps no versions") {
		t.Errorf("exit code %d, %v: %s", code, err, said)
	}
	said, code, err = both(a, server, dir, "verify", "s3://evidence/case")
	if err != nil || code != ui.ExitOK || !strings.Contains(said, "the bucket kept no versions of ") {
		t.Errorf("exit code %d, %v: %s", code, err, said)
	}
}

// TestTwoResponders: two processes collect into one case at the same moment; both end up in
// the ledger, in order, and nothing is lost.
func TestTwoResponders(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: processes one after another, of commands that the scripts run too; run without -short")
	}
	t.Parallel()
	a, server, _ := accountWithBucket(t, true)
	for _, where := range []string{"folder", "s3://evidence/case"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if said, code, err := both(a, server, dir, "case", "open", where, "--title", "t", "--authority", "a", "--operator", "o"); code != 0 || err != nil {
				t.Fatal(said, code, err)
			}
			var two sync.WaitGroup
			for range 2 {
				two.Go(func() {
					if said, code, err := both(a, server, dir, "collect", "--function", bench.Function, "--case", where); code != 0 || err != nil {
						t.Error(said, code, err)
					}
				})
			}
			two.Wait()
			said, code, err := both(a, server, dir, "verify", where)
			if err != nil || code != ui.ExitOK || !strings.Contains(said, "2 bags, 3 ledger events: every byte is what was sealed") || !strings.Contains(said, "which you pinned") {
				t.Errorf("exit code %d, %v: %s", code, err, said)
			}
		})
	}
}

// accountWithBucket is an account with a function and the bucket "evidence", behind a server.
func accountWithBucket(t *testing.T, lock bool) (*bench.Account, string, *s3.Client) {
	t.Helper()
	a, err := bench.NewAccount(t.Context(), awssim.Config{}, 1, 8<<10)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a.Cloud)
	t.Cleanup(server.Close)
	client := s3.New(s3.Options{Region: bench.Region, BaseEndpoint: &server.URL, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("evidence"), ObjectLockEnabledForBucket: aws.Bool(lock),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(bench.Region)}}); err != nil {
		t.Fatal(err)
	}
	return a, server.URL, client
}

// both is what a process says on stdout and stderr.
func both(a *bench.Account, endpoint, dir string, args ...string) (said string, code int, err error) {
	path, err := exec.LookPath("freezeframe")
	if err != nil {
		return "", 0, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = dir, environ(a.Keys, endpoint, bench.Region, dir)
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), exit.ExitCode(), nil
	}
	return string(out), 0, err
}

// TestOpeningInBucket: opening a case and adding to it costs the same calls however long its ledger is.
func TestOpeningInBucket(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: processes one after another, of commands that the scripts run too; run without -short")
	}
	t.Parallel()
	a, server, _ := accountWithBucket(t, true)
	cfg := aws.Config{Region: bench.Region, BaseEndpoint: &server, Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")}
	open := func() vault.Vault {
		v, err := s3vault.New(cfg, s3vault.Options{Bucket: "evidence", Prefix: "case"})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	made, err := evidence.CreateCase(t.Context(), open(), evidence.CaseOptions{Title: "t", Operator: "o", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	note := func(c *evidence.Case) {
		t.Helper()
		if err := c.Record(t.Context(), evidence.Event{Type: evidence.EventNote, Reason: "n"}); err != nil {
			t.Fatal(err)
		}
	}
	cost := func() int {
		t.Helper()
		before := len(a.Cloud.Calls())
		c, err := evidence.OpenCase(t.Context(), open())
		if err != nil {
			t.Fatal(err)
		}
		c.Signer = made.Signer
		note(c)
		return len(a.Cloud.Calls()) - before
	}
	note(made)
	short := cost()
	for range 200 {
		note(made)
	}
	long := cost()
	t.Logf("open, add an event, sign it: %d calls with 3 events, %d with %d", short, long, 204)
	if long != short || long > 14 {
		t.Errorf("%d calls with a short ledger, %d with a long one", short, long)
	}
}
