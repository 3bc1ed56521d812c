package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// BenchmarkLogs collects a million log events, of a hundred streams or of five thousand: the
// built binary over TCP. x-served is the share of the rate at which the simulator serves the
// same pages, measured before it in the same run by a client that throws them away unread;
// x-sdk is the share of a bare loop over the SDK, which reads them and throws them away.
func BenchmarkLogs(b *testing.B) {
	freezeframe, simserver := build(b, "../cmd/freezeframe"), build(b, "../test/simserver")
	for _, c := range []struct{ streams, each int }{{100, 10_000}, {5_000, 200}} {
		b.Run(fmt.Sprintf("%dx%d", c.streams, c.each), func(b *testing.B) {
			s := simulate(b, simserver, "-versions", "1", "-log-streams", fmt.Sprint(c.streams), "-log-events", fmt.Sprint(c.each))
			tool := collector{program: freezeframe, dir: benchDir(b), check: func(dir string) {
				if n := countLogs(b, dir); n < c.streams*c.each {
					b.Fatalf("%d events of %d", n, c.streams*c.each)
				}
			}}
			for b.Loop() {
				served, sdk := s.servePages(b, c.streams, unread), s.servePages(b, c.streams, func(r http.RoundTripper) http.RoundTripper { return r })
				r := tool.collect(b, s, "--unpaced", "--function", Function, "--since", "48h", "--max-log-bytes", fmt.Sprint(4<<30), "--only", "lambda.configuration", "--only", "logs.group", "--only", "logs.events")
				b.ReportMetric(served.Seconds()/r.wall.Seconds(), "x-served")
				b.ReportMetric(sdk.Seconds()/r.wall.Seconds(), "x-sdk")
				b.ReportMetric(float64(c.streams*c.each)/r.wall.Seconds(), "events/s")
				b.ReportMetric(float64(len(r.calls)), "calls")
				b.ReportMetric(r.peak-r.idle, "MiB-above-help")
				b.ReportMetric(r.cpu.Seconds(), "s-cpu-collector")
				b.ReportMetric(r.sim.Seconds(), "s-cpu-simulator")
				b.ReportMetric(float64(r.bytes)/(1<<20), "stored-MiB")
			}
		})
	}
}

// servePages asks for all pages of the streams, as many at once as a collection does.
func (s *simulator) servePages(b *testing.B, streams int, wrap func(http.RoundTripper) http.RoundTripper) time.Duration {
	b.Helper()
	c := cloudwatchlogs.NewFromConfig(aws.Config{Region: Region, BaseEndpoint: aws.String(s.Endpoint), Credentials: credentials.NewStaticCredentialsProvider(s.Key, s.Secret, ""),
		HTTPClient: &http.Client{Transport: wrap(&http.Transport{MaxIdleConnsPerHost: 64})}})
	per := max(1, (streams+511)/512)
	var names []string
	for i := range streams {
		names = append(names, logStream(i))
	}
	var all errgroup.Group
	all.SetLimit(8)
	start := time.Now()
	for some := range slices.Chunk(names, per) {
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
	return time.Since(start)
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

// countLogs counts the events in a case's bag, as a timeline's reader sees them: compressed lines.
func countLogs(b *testing.B, dir string) (n int) {
	b.Helper()
	var bag *evidence.Bag
	for x, err := range openCase(b, dir).Bags(b.Context()) {
		if bag = x; err != nil {
			b.Fatal(err)
		}
	}
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
