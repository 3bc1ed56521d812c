package s3vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const (
	mib      = 1 << 20
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

func sumOf(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// place is a locked bucket, and how to reach it.
type place struct {
	cfg    aws.Config
	client *s3.Client
	bucket string
	owner  string
}

// everywhere runs a test in a bucket of the simulator and in one of versitygw.
func everywhere(t *testing.T, test func(t *testing.T, p place)) {
	t.Run("awssim", func(t *testing.T) {
		test(t, simulated(t, allowAll))
	})
	if testing.Short() {
		return // the race detector looks at us, not at the other server
	}
	t.Run("versitygw", func(t *testing.T) {
		client := gateway(t)
		lockedBucket(t, client, "evidence")
		test(t, place{cfg: config(*client.Options().BaseEndpoint), client: client, bucket: "evidence"})
	})
}

// simulated is a bucket whose vault may do what policy says.
func simulated(t *testing.T, policy string) place {
	t.Helper()
	cloud := awssim.New(awssim.Config{Region: "eu-central-1"})
	root := cloud.Bootstrap("444455556666", "root-of-test", allowAll)
	keeper := cloud.Bootstrap("444455556666", "keeper", policy)
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	admin, cfg := config(server.URL), config(server.URL)
	admin.Credentials = credentials.NewStaticCredentialsProvider(root.AccessKeyID, root.SecretAccessKey, root.SessionToken)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(keeper.AccessKeyID, keeper.SecretAccessKey, keeper.SessionToken)
	client := s3.NewFromConfig(admin, func(o *s3.Options) { o.UsePathStyle = true })
	lockedBucket(t, client, "evidence")
	return place{cfg: cfg, client: client, bucket: "evidence", owner: "444455556666"}
}

// wire counts the multipart calls that leave, and lets a test get in their way.
type wire struct {
	mu    sync.Mutex
	calls map[string]int
	// before may answer itself; n is the how-manieth call of its kind this is.
	before func(call string, n int) (*http.Response, error)
	// after may lose the answer.
	after func(call string, n int) error
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	call := callOf(r)
	w.mu.Lock()
	if w.calls == nil {
		w.calls = map[string]int{}
	}
	w.calls[call]++
	n := w.calls[call]
	w.mu.Unlock()
	if w.before != nil {
		if out, err := w.before(call, n); out != nil || err != nil {
			return out, err
		}
	}
	out, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && w.after != nil {
		if lost := w.after(call, n); lost != nil {
			out.Body.Close()
			return nil, lost
		}
	}
	return out, err
}

func (w *wire) count(call string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[call]
}

func callOf(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case q.Has("uploads"):
		return "create"
	case !q.Has("uploadId"):
		return "other"
	}
	return map[string]string{http.MethodPut: "part", http.MethodPost: "complete", http.MethodDelete: "abort", http.MethodGet: "list"}[r.Method]
}

func answer(status int, code string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/xml"}},
		Body: io.NopCloser(strings.NewReader("<Error><Code>" + code + "</Code><Message>m</Message></Error>")),
	}
}

// vault is a new process's: its wire and what is on disk are all that it knows.
func (p place) vault(t *testing.T, w *wire, o Options) *Vault {
	t.Helper()
	cfg := p.cfg
	cfg.HTTPClient = &http.Client{Transport: w}
	o.Bucket, o.Prefix, o.Owner = p.bucket, "cases/1", p.owner
	if o.PartSize == 0 {
		o.SinglePut, o.PartSize = 8*mib, 5*mib
	}
	o.Wait = func(ctx context.Context, _ int) error { return ctx.Err() }
	v, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// large is 40 MiB less a bit: eight parts of 5 MiB, the last a little short.
func large(seed byte) []byte {
	data := make([]byte, 40*mib-7)
	rand.NewChaCha8([32]byte{seed}).Read(data)
	return data
}

const largeParts = 8

func store(ctx context.Context, v *Vault, data []byte) (vault.Entry, error) {
	return v.Create(ctx, "big/volume.raw", bytes.NewReader(data), int64(len(data)), sha256.Sum256(data))
}

// holds fails unless the name has one version, which is data.
func holds(t *testing.T, v *Vault, data []byte) {
	t.Helper()
	n := 0
	for e, err := range v.List(ctx, "big/") {
		if err != nil || e.Marker || e.Size != int64(len(data)) {
			t.Errorf("listed %+v: %v", e, err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d versions, want 1", n)
	}
	r, err := v.Open(ctx, "big/volume.raw")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, equal %v: %v", len(got), bytes.Equal(got, data), err)
	}
}

// unfinished is how many uploads the bucket has, asked of it directly.
func (p place) unfinished(t *testing.T) int {
	t.Helper()
	out, err := p.client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &p.bucket})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Uploads)
}

// dieAfter runs a Create of data whose process ends when n parts are stored.
func (p place) dieAfter(t *testing.T, n int, data []byte, o Options) {
	t.Helper()
	dying, die := context.WithCancel(ctx)
	defer die()
	stored := make(chan struct{}, n)
	w := &wire{
		before: func(call string, i int) (*http.Response, error) {
			if call != "part" || i <= n {
				return nil, nil
			}
			if i == n+1 {
				for range n {
					<-stored
				}
				die()
			}
			<-dying.Done()
			return nil, dying.Err()
		},
		after: func(call string, _ int) error {
			if call == "part" {
				stored <- struct{}{}
			}
			return nil
		},
	}
	if _, err := store(dying, p.vault(t, w, o), data); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v, want context.Canceled", err)
	}
	if w.count("complete") != 0 || w.count("part") <= n {
		t.Fatalf("interrupted after %v", w.calls)
	}
}
