package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

const bucket = "evidence"

// run is one collection.
type run struct {
	acct   *bench.Account
	chaos  *chaos
	binary string
	dir    string
	url    string
	where  string
}

func newRun(t *testing.T, binary string, inBucket bool) *run {
	t.Helper()
	a, err := bench.NewAccount(context.Background(), awssim.Config{}, 3, 32<<10)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{acct: a, binary: binary, dir: t.TempDir(), chaos: &chaos{next: a.Cloud, done: map[string]int{}, row: map[string]int{}}}
	server := httptest.NewServer(r.chaos)
	t.Cleanup(server.Close)
	r.url, r.where = server.URL, filepath.Join(r.dir, "case")
	if inBucket {
		r.where = "s3://" + bucket + "/case"
		if _, err := r.s3().CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: aws.String(bucket), ObjectLockEnabledForBucket: aws.Bool(true),
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(bench.Region)}}); err != nil {
			t.Fatal(err)
		}
	}
	if code, said := r.process("case", "open", r.where, "--title", "t", "--authority", "a", "--operator", "o"); code != 0 {
		t.Fatalf("opening the case: exit code %d\n%s", code, said)
	}
	return r
}

func (r *run) s3() *s3.Client {
	return s3.New(s3.Options{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: r.acct.Cloud.Client(), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(r.acct.Keys.AccessKeyID, r.acct.Keys.SecretAccessKey, "")})
}

func (r *run) process(args ...string) (int, string) {
	cmd := exec.Command(r.binary, args...)
	cmd.Dir = r.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "TMPDIR=" + r.dir, "FREEZEFRAME_HOME=" + filepath.Join(r.dir, "home"), "FREEZEFRAME_CASE=" + r.where,
		"AWS_ENDPOINT_URL=" + r.url, "AWS_REGION=" + bench.Region, "AWS_ACCESS_KEY_ID=" + r.acct.Keys.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + r.acct.Keys.SecretAccessKey, "AWS_EC2_METADATA_DISABLED=true", scratch.Process,
	}
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		return -1, err.Error()
	}
	return 0, string(out)
}

// names are all objects of the case: name -> how many versions; reader reads one.
func (r *run) names(t *testing.T) (map[string]int, func(name string) []byte) {
	t.Helper()
	out := map[string]int{}
	if !strings.HasPrefix(r.where, "s3://") {
		err := filepath.WalkDir(r.where, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				rel, _ := filepath.Rel(r.where, path) // path lies below it
				out[filepath.ToSlash(rel)]++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out, func(name string) []byte {
			data, err := os.ReadFile(filepath.Join(r.where, name))
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	c := r.s3()
	in := &s3.ListObjectVersionsInput{Bucket: aws.String(bucket)}
	for {
		page, err := c.ListObjectVersions(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			out[strings.TrimPrefix(*v.Key, "case/")]++
		}
		if len(page.DeleteMarkers) > 0 {
			t.Errorf("%d delete markers", len(page.DeleteMarkers))
		}
		if in.KeyMarker, in.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker; in.KeyMarker == nil {
			break
		}
	}
	return out, func(name string) []byte {
		o, err := c.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("case/" + name)})
		if err != nil {
			t.Fatal(err)
		}
		defer o.Body.Close()
		data, err := io.ReadAll(o.Body)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}

// payload are the names under data/, sealed ones by their number, each object once.
func (r *run) payload(t *testing.T) []string {
	t.Helper()
	names, read := r.names(t)
	var out []string
	collects := 0
	for name, versions := range names {
		if versions != 1 {
			t.Errorf("%s was written %d times", name, versions)
		}
		if strings.HasPrefix(name, "ledger/0") && strings.Contains(string(read(name)), `"type": "collect"`) {
			collects++
		}
		if strings.HasSuffix(name, "/coverage.json") {
			once(t, read(name))
		}
		if _, path, ok := strings.Cut(name, "/data/"); ok {
			if strings.HasPrefix(path, "sealed/") {
				path = "sealed"
			}
			out = append(out, path)
		}
	}
	if collects != 1 {
		t.Errorf("%d collect events", collects)
	}
	slices.Sort(out)
	return out
}

// once: no artefact stands twice in the coverage, and none is a gap.
func once(t *testing.T, coverage []byte) {
	t.Helper()
	var c struct {
		Entries []struct {
			Artefact, State string
			Source          struct{ ARN, Qualifier, Region string }
			Item            *struct{ Sensitive bool }
		}
	}
	if err := json.Unmarshal(coverage, &c); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range c.Entries {
		key := fmt.Sprint(e.Artefact, e.Source, e.Item != nil && e.Item.Sensitive)
		if seen[key] || e.Artefact == "orphan" {
			t.Errorf("twice in the coverage: %s", key)
		}
		seen[key] = true
	}
}

// TestFaultRuns: see the package.
func TestFaultRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is disturbed is built without the race detector; the plain run has it")
	}
	binary := build(t)
	undisturbed := newRun(t, binary, false)
	if code, said := undisturbed.process("collect", "--function", bench.Function); code != 0 {
		t.Fatalf("undisturbed: exit code %d\n%s", code, said)
	}
	want := undisturbed.payload(t)
	runs := 2 // .ci/run asks for more, .ci/long for all
	if text := os.Getenv("FREEZEFRAME_FAULT_RUNS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		runs = n
	}
	for seed := range runs {
		t.Run(fmt.Sprintf("Seed%d", seed), func(t *testing.T) {
			t.Parallel()
			r := newRun(t, binary, seed%2 == 1)
			r.chaos.mu.Lock()
			r.chaos.random = rand.New(rand.NewPCG(uint64(seed), 3))
			r.chaos.mu.Unlock()
			code, said := r.process("collect", "--function", bench.Function)
			r.chaos.mu.Lock()
			r.chaos.random = nil
			met := 0
			for _, n := range r.chaos.done {
				met += n
			}
			t.Logf("%d faults: %v", met, r.chaos.done)
			r.chaos.mu.Unlock()
			if code != 0 {
				t.Errorf("collect: exit code %d\n%s", code, said)
			}
			if met < 10 {
				t.Errorf("only %d faults", met)
			}
			if code, said := r.process("verify"); code != 0 {
				t.Errorf("verify: exit code %d\n%s", code, said)
			}
			if got := r.payload(t); !slices.Equal(got, want) {
				t.Errorf("payload differs from an undisturbed run's:\n%v\n%v", got, want)
			}
		})
	}
}
