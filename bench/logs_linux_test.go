package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// BenchmarkLogs collects a million log events into a case on disk, of a hundred streams
// or of five thousand. x-served is the share of the rate at which the simulator serves the
// same pages, measured before it in the same run by a client that throws them away unread;
// x-sdk is the share of a bare loop over the SDK, which reads them and throws them away;
// x-served-cpu is x-served in processor time, for machines that others use too.
func BenchmarkLogs(b *testing.B) {
	for _, c := range []struct{ streams, each int }{{100, 10_000}, {5_000, 200}} {
		b.Run(fmt.Sprintf("%dx%d", c.streams, c.each), func(b *testing.B) {
			a, err := NewAccount(b.Context(), awssim.Config{}, 1, 32<<10)
			if err != nil {
				b.Fatal(err)
			}
			names := a.AddLogs(c.streams, c.each)
			// The account's events are most of the heap: what may be garbage is not to grow with them.
			defer debug.SetGCPercent(debug.SetGCPercent(25))
			for b.Loop() {
				var served, sdk, took spent
				served.of(func() { a.serve(b, names, unread) })
				sdk.of(func() { a.serve(b, names, func(r http.RoundTripper) http.RoundTripper { return r }) })
				var bag *evidence.Bag
				took.of(func() { bag = collectLogs(b, a) })
				if n := countLogs(b, bag); n < c.streams*c.each {
					b.Fatalf("%d events of %d", n, c.streams*c.each)
				}
				b.ReportMetric(served.wall.Seconds()/took.wall.Seconds(), "x-served")
				b.ReportMetric(sdk.wall.Seconds()/took.wall.Seconds(), "x-sdk")
				b.ReportMetric(served.cpu.Seconds()/took.cpu.Seconds(), "x-served-cpu")
				b.ReportMetric(float64(c.streams*c.each)/took.wall.Seconds(), "events/s")
			}
		})
	}
}

// spent is what something took.
type spent struct{ wall, cpu time.Duration }

func (s *spent) of(f func()) {
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	start := time.Now()
	f()
	s.wall = time.Since(start)
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	s.cpu = time.Duration(after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano())
}

// serve asks for all pages of the streams, as many at once as a collection does.
func (a *Account) serve(b *testing.B, names []string, wrap func(http.RoundTripper) http.RoundTripper) {
	cfg := a.cfg.Copy()
	cfg.HTTPClient = &http.Client{Transport: wrap(a.Cloud.Client().Transport)}
	c := cloudwatchlogs.NewFromConfig(cfg)
	per := max(1, (len(names)+511)/512)
	var all errgroup.Group
	all.SetLimit(8)
	for i := 0; i < len(names); i += per {
		some := names[i:min(i+per, len(names))]
		all.Go(func() error {
			in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/" + Function), LogStreamNames: some,
				StartTime: aws.Int64(time.Now().Add(-48 * time.Hour).UnixMilli())}
			for {
				out, err := c.FilterLogEvents(b.Context(), in)
				if err != nil {
					return err
				}
				if in.NextToken = out.NextToken; in.NextToken == nil {
					return nil
				}
			}
		})
	}
	if err := all.Wait(); err != nil {
		b.Fatal(err)
	}
}

// unread takes a page off the wire and leaves of it the token alone.
func unread(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		rest := []byte(`{}`)
		if i := bytes.LastIndex(body, []byte(`"nextToken":"`)); i >= 0 {
			token, _, _ := bytes.Cut(body[i+len(`"nextToken":"`):], []byte(`"`))
			rest = fmt.Appendf(nil, `{"nextToken":%q}`, token)
		}
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(rest)), int64(len(rest))
		return resp, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func collectLogs(b *testing.B, a *Account) *evidence.Bag {
	s, err := awsapi.Connect(b.Context(), awsapi.Options{
		Region: Region, EndpointURL: Endpoint, HTTPClient: a.Cloud.Client(), ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	})
	if err != nil {
		b.Fatal(err)
	}
	t, err := collect.ParseTarget(AccountID, Region, Function)
	if err != nil {
		b.Fatal(err)
	}
	cs := newCase(b)
	var calls atomic.Int64
	peak := watchHeap()
	bag, sum, err := collect.Into(b.Context(), s, cs, evidence.Header{}, []collect.Target{t}, collect.Options{
		Unpaced: true, Since: 48 * time.Hour, MaxLogBytes: 4 << 30, Only: []string{"lambda.configuration", "logs.group", "logs.events"},
		Record: func(string, awsapi.Exchange) { calls.Add(1) },
	})
	b.ReportMetric(float64(peak())/(1<<20), "peak-MiB")
	if err != nil || !sum.Complete {
		b.Fatal(err, sum)
	}
	b.ReportMetric(float64(calls.Load()), "calls")
	b.ReportMetric(float64(sum.Bytes)/(1<<20), "stored-MiB")
	b.ReportMetric(float64(sum.Items), "artefacts")
	return bag
}

// countLogs counts the events in a bag, in the form of a timeline's reader: compressed lines.
func countLogs(b *testing.B, bag *evidence.Bag) (n int) {
	entries, err := bag.Coverage(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var all errgroup.Group
	all.SetLimit(2)
	for _, e := range entries {
		if e.Artefact != "logs.events" || e.Item == nil {
			continue
		}
		if filepath.Ext(e.Item.Path) != ".zst" {
			b.Fatalf("%s is not compressed", e.Item.Path)
		}
		all.Go(func() error {
			r, err := bag.Open(b.Context(), *e.Item)
			if err != nil {
				return err
			}
			lines, err := zstdLines(r)
			mu.Lock()
			defer mu.Unlock()
			n += lines
			return err
		})
	}
	if err := all.Wait(); err != nil {
		b.Fatal(err)
	}
	return n
}

func zstdLines(r io.ReadCloser) (n int, err error) {
	defer func() { err = errors.Join(err, r.Close()) }()
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	defer z.Close()
	buf := make([]byte, 64<<10)
	for {
		m, err := z.Read(buf)
		n += bytes.Count(buf[:m], []byte{'\n'})
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
