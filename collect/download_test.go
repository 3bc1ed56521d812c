package collect

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// breaking gives some bytes, then a broken connection.
type breaking struct{ left int }

func (b *breaking) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("connection reset by peer")
	}
	n := min(len(p), b.left)
	b.left -= n
	return n, nil
}

// stuck never gives a byte; an HTTP body ends with its request's context.
type stuck struct{}

func (stuck) Read([]byte) (int, error) {
	time.Sleep(stallAfter + time.Second)
	return 0, errors.New("context canceled")
}

func (stuck) Close() error { return nil }

func (b *breaking) Close() error { return nil }

func body(r io.Reader) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(r), ContentLength: -1}
}

func TestDownloads(t *testing.T) {
	const k = "lambda.code payments 1"
	for _, c := range []struct {
		name  string
		fault func(f *fake, n int64) *http.Response // for the nth download
		want  evidence.State
		tries int64 // 0: not counted
		says  string
	}{
		{"another package than declared", func(f *fake, _ int64) *http.Response { return body(strings.NewReader("evil")) }, evidence.Mismatch, 1, ""},
		{"more than declared", func(f *fake, _ int64) *http.Response {
			return body(io.LimitReader(zeros{}, int64(f.codeSize)+sizeSlack+1))
		}, evidence.TooLarge, 1, "more bytes than declared"},
		{"endless", func(*fake, int64) *http.Response { return body(zeros{}) }, evidence.TooLarge, 1, ""},
		{"redirect", func(*fake, int64) *http.Response {
			r := response(302, "")
			r.Header.Set("Location", "http://169.254.169.254/latest/meta-data")
			return r
		}, evidence.Failed, 1, "redirects"},
		{"breaks off once", func(_ *fake, n int64) *http.Response {
			if n > 1 {
				return nil
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: &breaking{1000}}
		}, evidence.Collected, 2, ""},
		{"always breaks off", func(*fake, int64) *http.Response {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: &breaking{1000}}
		}, evidence.Failed, downloadTries, "connection reset"},
		{"expired once", func(_ *fake, n int64) *http.Response {
			if n > 1 {
				return nil
			}
			return response(403, `<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`)
		}, evidence.Collected, 2, ""},
		{"always expired", func(*fake, int64) *http.Response {
			return response(403, `<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>`)
		}, evidence.Expired, 2, "HTTP 403"},
		{"denied", func(*fake, int64) *http.Response { return denied(downloadCall) }, evidence.Denied, 2, "AccessDenied"},
		{"stalls once", func(_ *fake, n int64) *http.Response {
			if n > 1 {
				return nil
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: stuck{}}
		}, evidence.Collected, 2, ""},
		{"server error once", func(_ *fake, n int64) *http.Response {
			if n > 1 {
				return nil
			}
			return response(503, "busy")
		}, evidence.Collected, 2, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.versions = 1
				var n atomic.Int64
				f.faultURL = func(path string) *http.Response {
					if path != "/code/1" {
						return nil
					}
					return c.fault(f, n.Add(1))
				}
				m, _ := collectFrom(t, f, Options{})
				if got := m.states()[k]; got != c.want {
					t.Errorf("state %s, want %s", got, c.want)
				}
				if c.tries != 0 && n.Load() != c.tries {
					t.Errorf("%d downloads, want %d", n.Load(), c.tries)
				}
				for _, e := range m.entries {
					if e.Gap != nil && strings.Contains(e.Gap.Error+e.Gap.Note, "c0ffee") {
						t.Errorf("the presigned query is in a gap: %+v", e.Gap)
					}
					if key(e) == k && e.Gap != nil && !strings.Contains(e.Gap.Error, c.says) {
						t.Errorf("gap says %q", e.Gap.Error)
					}
				}
			})
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLateDownloadsAskForANewAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.faultURL = func(string) *http.Response { time.Sleep(6 * time.Minute); return nil }
		m, sum := collectFrom(t, f, Options{Parallel: 1})
		if !sum.Complete {
			t.Errorf("%v", m.states())
		}
		asked := 0
		for _, c := range f.calls {
			if strings.HasPrefix(c, "Lambda:GetFunction ") {
				asked++
			}
		}
		if asked <= f.versions+1 {
			t.Errorf("%d GetFunction calls: the addresses were used after their time", asked)
		}
	})
}

func TestOnlyAWSAndTheEndpointServeCode(t *testing.T) {
	const own, vpce = "http://127.0.0.1:4566", "https://vpce-1.lambda.eu-central-1.vpce.amazonaws.com"
	for _, c := range []struct {
		endpoint, location string
		refused            bool
	}{
		{"", "https://awslambda-eu.s3.eu-central-1.amazonaws.com/x?sig=c0ffee", false},
		{vpce, "https://awslambda-eu.s3.eu-central-1.amazonaws.com/x?sig=c0ffee", false},
		{own, "http://127.0.0.1:4566/x?sig=c0ffee", false},
		{own, "http://localhost:4566/x?sig=c0ffee", false},
		{own, "http://localhost:4567/x?sig=c0ffee", true},
		{own, "http://localhost.evil.example:4566/x?sig=c0ffee", true},
		{own, "https://awslambda-eu.s3.eu-central-1.amazonaws.com/x?sig=c0ffee", true},
		{"", "http://awslambda-eu.s3.amazonaws.com/x?sig=c0ffee", true},
		{"", "https://evil.example/x?sig=c0ffee", true},
		{"", "https://amazonaws.com.evil.example/x?sig=c0ffee", true},
		{"", "https://evilamazonaws.com/x?sig=c0ffee", true},
		{"", "https://user:pass@b.s3.amazonaws.com/x?sig=c0ffee", true},
		{own, "http://user@127.0.0.1:4566/x?sig=c0ffee", true},
		{own, "http://127.0.0.1:4567/x?sig=c0ffee", true},
		{own, "https://127.0.0.1:4566/x?sig=c0ffee", true},
		{own, "file:///etc/passwd?sig=c0ffee", true},
		{own, "http://[::1?sig=c0ffee", true},
		{"", "", true},
	} {
		j := &Job{run: &runner{in: Inputs{HTTP: &http.Client{Transport: failing{}}, Endpoint: c.endpoint}}}
		_, err := j.open(t.Context(), c.location)
		if errors.Is(err, errAddress) != c.refused || strings.Contains(err.Error(), "c0ffee") {
			t.Errorf("%s: %v", c.location, err)
		}
	}
}

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("offline") }

func TestPrivateAddressesNeedLeave(t *testing.T) {
	for _, c := range []struct {
		address string
		allow   string
		ok      bool
	}{
		{"52.95.1.1:443", "", true}, {"10.1.2.3:443", "", false}, {"127.0.0.1:443", "", false}, {"169.254.169.254:80", "", false},
		{"[::ffff:10.1.2.3]:443", "", false}, {"[fd00::1]:443", "", false}, {"10.1.2.3:443", "10.1.0.0/16", true}, {"10.2.2.3:443", "10.1.0.0/16", false}, {"nonsense", "", false},
	} {
		var allow []netip.Prefix
		if c.allow != "" {
			allow = append(allow, netip.MustParsePrefix(c.allow))
		}
		if err := dialable(c.address, allow); (err == nil) != c.ok || err != nil && !errors.Is(err, errPrivate) {
			t.Errorf("%s allowing %q: %v", c.address, c.allow, err)
		}
	}
}

func TestResolveTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		in, _ := f.session(t)
		cfg := in.Connect("eu-central-1", ResolveNeeds(), nil)
		got, err := ResolveTarget(t.Context(), cfg, fakeAccount, "eu-central-1", "payments:live")
		if err != nil || got.ARN != payments.ARN || got.Qualifier != "live" {
			t.Errorf("%+v, %v", got, err)
		}
		_, err = ResolveTarget(t.Context(), cfg, fakeAccount, "eu-central-1", "paymnets")
		no, ok := errors.AsType[*NoFunctionError](err)
		if !ok || !errors.Is(err, ErrNoFunction) || len(no.Near) != 1 || no.Near[0] != "payments" {
			t.Errorf("%v", err)
		}
		f.faults["Lambda:GetFunction"] = func() *http.Response { return denied("Lambda:GetFunction") }
		if _, err := ResolveTarget(t.Context(), cfg, fakeAccount, "eu-central-1", "payments"); err != nil {
			t.Errorf("denied, the collection should say so: %v", err)
		}
		f.faults["Lambda:GetFunction"] = func() *http.Response { return response(501, "<html>") }
		if _, err := ResolveTarget(t.Context(), cfg, fakeAccount, "eu-central-1", "payments"); err == nil {
			t.Error("an endpoint that answers HTML is taken for AWS")
		}
	})
}

func TestListingStopsAtARepeatedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.faults["Lambda:ListAliases"] = func() *http.Response {
			return response(200, `{"Aliases":[{"Name":"live"}],"NextMarker":"same"}`)
		}
		m, sum := collectFrom(t, f, Options{})
		if m.states()["lambda.aliases payments"] != evidence.Truncated || sum.Complete {
			t.Errorf("%v", m.states())
		}
		if got := string(m.bytes["lambda.aliases payments"]); got != `{"Aliases":[{"Name":"live"},{"Name":"live"}]}`+"\n" {
			t.Errorf("kept %s", got)
		}
		if m.states()["lambda.policy payments live"] != evidence.Collected {
			t.Error("what was listed is not followed")
		}
	})
}
