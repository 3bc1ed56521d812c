package bench

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"golang.org/x/sync/errgroup"
)

// What BenchmarkCollectCode collects: 2.5 GB.
const codeVersions, codeSize = 50, 50_000_000

// BenchmarkCollectCode collects a function with 50 versions of 50 MB: the built binary, from a
// simulator in a process of its own over TCP, 50 ms added to every answer. The case lies in
// FREEZEFRAME_BENCH_DIR, which is to have 3 GB: in memory (/dev/shm) it is measured against
// the loopback, on a disk against that disk.
//
// x-loopback is the wall time over the larger of what the bytes take on the loopback (clients
// that discard, as many at once as the collector has, in the same run) and the critical path of
// calls. What no collector can leave out is to hash the bytes and to keep them: x-kept is the
// wall time over that of the same clients when they do. x-awscli-curl and x-boto3 say how many
// times as long the same reads take one after another by those tools, found by .ci/tools.
func BenchmarkCollectCode(b *testing.B) {
	freezeframe, simserver := build(b, "../cmd/freezeframe"), build(b, "../test/simserver")
	b.Run("QuotasOff", func(b *testing.B) {
		log := filepath.Join(b.TempDir(), "calls")
		s := simulate(b, simserver, "-latency", latency.String(), "-versions", fmt.Sprint(codeVersions), "-code", fmt.Sprint(codeSize), "-calls", log)
		c := collector{program: freezeframe, dir: benchDir(b)}
		for b.Loop() {
			loopback := fetchAll(b, s, func(_ int, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
			kept := keepAll(b, s, c.dir)
			before := lines(b, log)
			r := c.collect(b, s, "--unpaced", "--function", Function)
			reads := lines(b, log)[len(before)-1:] // the last of before is empty
			path := (criticalPath + 2) * latency
			b.Logf("discarded in %s, hashed and kept in %s, critical path %s; collected in %s", loopback, kept, path, r.wall)
			b.ReportMetric(r.wall.Seconds(), "s/run")
			b.ReportMetric(loopback.Seconds(), "s-loopback")
			b.ReportMetric(kept.Seconds(), "s-kept")
			b.ReportMetric(r.wall.Seconds()/max(kept, path).Seconds(), "x-kept")
			b.ReportMetric(r.wall.Seconds()/max(loopback, path).Seconds(), "x-loopback")
			b.ReportMetric(r.peak-r.idle, "MiB-above-help")
			b.ReportMetric(float64(len(r.calls)), "calls")
			b.ReportMetric(r.cpu.Seconds(), "s-cpu-collector")
			b.ReportMetric(r.sim.Seconds(), "s-cpu-simulator")
			others(b, s, r.wall, reads)
		}
	})
	b.Run("QuotasOn", func(b *testing.B) {
		s := simulate(b, simserver, "-quotas", "-latency", latency.String(), "-versions", fmt.Sprint(codeVersions), "-code", fmt.Sprint(codeSize))
		c := collector{program: freezeframe, dir: benchDir(b)}
		for b.Loop() {
			r := c.collect(b, s, "--function", Function)
			quota, busiest := byQuota(exchanges(r.calls))
			b.Logf("calls over quota: %s (%s); collected in %s", quota, busiest, r.wall)
			b.ReportMetric(r.wall.Seconds(), "s/run")
			b.ReportMetric(r.wall.Seconds()/quota.Seconds(), "x-quota")
			b.ReportMetric(float64(retried(r.calls)), "retried")
			b.ReportMetric(r.peak-r.idle, "MiB-above-help")
		}
	})
}

// benchDir is where gigabytes may be written.
func benchDir(b *testing.B) string {
	b.Helper()
	if dir := os.Getenv("FREEZEFRAME_BENCH_DIR"); dir != "" {
		return dir
	}
	return b.TempDir()
}

// retried counts calls that took more than one attempt.
func retried(calls []call) (n int) {
	for _, c := range calls {
		if c.Attempts > 1 {
			n++
		}
	}
	return n
}

// fetchAll downloads every package, eight at once, into take.
func fetchAll(b *testing.B, s *simulator, take func(i int, r io.Reader) error) time.Duration {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	c := lambda.NewFromConfig(aws.Config{Region: Region, BaseEndpoint: aws.String(s.Endpoint), HTTPClient: client, Credentials: credentials.NewStaticCredentialsProvider(s.Key, s.Secret, "")})
	list, err := c.ListVersionsByFunction(b.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String(Function)})
	if err != nil {
		b.Fatal(err)
	}
	var all errgroup.Group
	all.SetLimit(8)
	start := time.Now()
	for i, v := range list.Versions {
		all.Go(func() error {
			out, err := c.GetFunction(b.Context(), &lambda.GetFunctionInput{FunctionName: aws.String(Function), Qualifier: v.Version})
			if err != nil {
				return err
			}
			resp, err := client.Get(aws.ToString(out.Code.Location))
			if err != nil {
				return err
			}
			return errors.Join(take(i, resp.Body), resp.Body.Close())
		})
	}
	if err := all.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// keepAll is fetchAll into files that are hashed and synced.
func keepAll(b *testing.B, s *simulator, dir string) time.Duration {
	b.Helper()
	tmp, err := os.MkdirTemp(dir, "kept-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // what stays is seen
	return fetchAll(b, s, func(i int, r io.Reader) error {
		f, err := os.Create(filepath.Join(tmp, fmt.Sprint(i)))
		if err != nil {
			return err
		}
		_, err = io.CopyBuffer(io.MultiWriter(f, sha256.New()), r, make([]byte, 128<<10))
		return errors.Join(err, f.Sync(), f.Close())
	})
}

// others makes the same reads with other tools.
func others(b *testing.B, s *simulator, ours time.Duration, reads [][]byte) {
	b.Helper()
	for _, tool := range []struct{ mode, metric, needs string }{{"boto3", "x-boto3", "FREEZEFRAME_PYTHON"}, {"awscli", "x-awscli-curl", "FREEZEFRAME_AWS"}} {
		python, program := os.Getenv("FREEZEFRAME_PYTHON"), os.Getenv(tool.needs)
		if python == "" || program == "" {
			b.Logf("SKIPPED: no comparison with %s. Run .ci/tools and set what it prints (%s is not set).", tool.mode, tool.needs)
			continue
		}
		name := filepath.Join(b.TempDir(), tool.mode)
		if err := os.WriteFile(name, bytes.Join(reads, nil), 0o600); err != nil {
			b.Fatal(err)
		}
		dir, err := os.MkdirTemp(benchDir(b), "other-")
		if err != nil {
			b.Fatal(err)
		}
		cmd := exec.Command(python, "testdata/reads.py", tool.mode, name, dir, program)
		cmd.Env = s.env()
		start := time.Now()
		out, err := cmd.CombinedOutput()
		took := time.Since(start)
		if rerr := os.RemoveAll(dir); err != nil || rerr != nil {
			b.Fatalf("%s: %v %v\n%s", tool.mode, err, rerr, out)
		}
		b.Logf("%s: %s, %s", tool.mode, took, out)
		b.ReportMetric(took.Seconds()/ours.Seconds(), tool.metric)
	}
}

// lines are those of a file.
func lines(b *testing.B, name string) [][]byte {
	b.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	return bytes.SplitAfter(data, []byte{'\n'})
}
