package bench

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const latency = 50 * time.Millisecond

// BenchmarkCollect collects a function with 20 versions of 10 MB into a case on
// disk, 50 ms added to every answer. Beside it, in the same run, a bare loop that
// downloads the same packages and throws them away.
func BenchmarkCollect(b *testing.B) {
	for _, c := range []struct {
		name   string
		quotas bool
	}{{"QuotasOff", false}, {"QuotasOn", true}} {
		b.Run(c.name, func(b *testing.B) {
			a, err := NewAccount(b.Context(), awssim.Config{Latency: latency, Quotas: c.quotas}, 20, 10<<20)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				run(b, a, c.quotas)
			}
		})
	}
}

func run(b *testing.B, a *Account, paced bool) {
	s, err := awsapi.Connect(b.Context(), awsapi.Options{
		Region: Region, EndpointURL: Endpoint, HTTPClient: a.Cloud.Client(), ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	})
	if err != nil {
		b.Fatal(err)
	}
	bare := bareLoop(b, a)
	cs := newCase(b)
	t, err := collect.ResolveTarget(b.Context(), s.Config("", collect.ResolveNeeds()), AccountID, Region, Function)
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var calls []awsapi.Exchange
	peak := watchHeap()
	start := time.Now()
	_, sum, err := collect.Into(b.Context(), s, cs, evidence.Header{}, []collect.Target{t}, collect.Options{
		Unpaced: !paced,
		Record:  func(_ string, x awsapi.Exchange) { mu.Lock(); defer mu.Unlock(); calls = append(calls, x) },
	})
	took := time.Since(start)
	if err != nil || !sum.Complete {
		b.Fatal(err, sum)
	}
	b.ReportMetric(took.Seconds(), "s/run")
	b.ReportMetric(took.Seconds()/bare.Seconds(), "x-bare-loop")
	b.ReportMetric(float64(peak())/(1<<20), "peak-MiB")
	b.ReportMetric(float64(len(calls)), "calls")
	b.ReportMetric(float64(chain(calls)), "round-trips")
	if paced {
		quota, _ := byQuota(calls)
		b.ReportMetric(took.Seconds()/quota.Seconds(), "x-quota")
	}
}

// byQuota is the time that the quotas allow these calls in, and that of which bucket: the
// busiest. Each attempt counts.
func byQuota(calls []awsapi.Exchange) (time.Duration, string) {
	n := map[string]float64{}
	for _, x := range calls {
		tries := float64(max(1, x.Attempts))
		switch {
		case x.Call == "Lambda:GetFunction":
			n["GetFunction"] += tries / 100
		case x.Call == "Lambda:GetPolicy":
			n["GetPolicy"] += tries / 15
		case x.Call == lookupEvents:
			n["LookupEvents "+x.Region] += tries / 2
		case strings.HasPrefix(x.Call, "Lambda:"):
			n["Lambda "+x.Region] += tries / 15
		}
	}
	most, which := 0.0, ""
	for bucket, s := range n {
		if s > most {
			most, which = s, bucket
		}
	}
	return time.Duration(most * float64(time.Second)), which
}

const lookupEvents = "CloudTrail:LookupEvents"

// chain is the largest number of calls of which each began after the one before
// had ended.
func chain(calls []awsapi.Exchange) int {
	calls = slices.Clone(calls)
	slices.SortFunc(calls, func(a, b awsapi.Exchange) int { return a.Ended.Compare(b.Ended) })
	n := 0
	var end time.Time
	for _, x := range calls {
		if !x.Started.Before(end) {
			n, end = n+1, x.Ended
		}
	}
	return n
}

func newCase(b *testing.B) *evidence.Case {
	v, err := vault.NewFolder(filepath.Join(b.TempDir(), "case"))
	if err != nil {
		b.Fatal(err)
	}
	c, err := evidence.CreateCase(b.Context(), v, evidence.CaseOptions{Title: "bench", Authority: "bench", Operator: "bench", Home: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// bareLoop asks for every version's address and downloads it, one after the other.
func bareLoop(b *testing.B, a *Account) time.Duration {
	start := time.Now()
	c := lambda.NewFromConfig(a.cfg)
	list, err := c.ListVersionsByFunction(b.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String(Function)})
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range list.Versions {
		out, err := c.GetFunction(b.Context(), &lambda.GetFunctionInput{FunctionName: aws.String(Function), Qualifier: v.Version})
		if err != nil {
			b.Fatal(err)
		}
		if err := discard(b.Context(), a.Cloud.Client(), aws.ToString(out.Code.Location)); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

func discard(ctx context.Context, c *http.Client, location string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// watchHeap samples the live heap until the returned function is called, which
// gives the peak above the start. The simulated account's own packages are below it.
func watchHeap() func() uint64 {
	live := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	runtime.GC()
	before, stop, done := live(), make(chan struct{}), make(chan uint64)
	go func() {
		most := before
		for {
			most = max(most, live())
			select {
			case <-stop:
				done <- most - before
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); return <-done }
}
