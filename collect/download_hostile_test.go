package collect

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// downloadOf are the collectors that a download of code or of a layer needs, and no more.
var downloadOf = []string{"lambda.configuration", "lambda.code", "lambda.layers"}

// targets of hostile answers: whose download it is, and under which key it is looked for.
var hostileTargets = []struct{ path, key string }{
	{"/code/1", "lambda.code payments 1"},
	{"/code/layer", "lambda.layers.content 3"},
}

// TestHostileDownloads: a server of presigned addresses that means harm gets a gap with its
// reason, for code and for layers, in bounded time (of the bubble) and memory.
func TestHostileDownloads(t *testing.T) {
	redirect := func(status int, to string) func(*fake, context.Context) *http.Response {
		return func(*fake, context.Context) *http.Response {
			r := response(status, "")
			if to != "" {
				r.Header.Set("Location", to)
			}
			return r
		}
	}
	cells := 0
	for _, c := range []struct {
		name   string
		answer func(f *fake, ctx context.Context) *http.Response // nil: none, ever
		want   evidence.State
		says   string
	}{
		{"redirect to the same host", redirect(302, fakeEndpoint+"/code/2"), evidence.Failed, "redirects"},
		{"redirect to another host", redirect(301, "https://evil.example/x"), evidence.Failed, "redirects"},
		{"redirect to plain HTTP", redirect(307, "http://b.s3.amazonaws.com/x"), evidence.Failed, "redirects"},
		{"redirect to a file", redirect(302, "file:///etc/passwd"), evidence.Failed, "redirects"},
		{"redirect to metadata", redirect(308, "http://169.254.169.254/latest/meta-data/iam/security-credentials/"), evidence.Failed, "redirects"},
		{"redirect to metadata by IPv6", redirect(303, "http://[fd00:ec2::254]/latest"), evidence.Failed, "redirects"},
		{"redirect to nowhere", redirect(302, ""), evidence.Failed, "redirects"},
		{"choices", redirect(300, "http://127.0.0.1/"), evidence.Failed, "redirects"},
		{"body without end", func(*fake, context.Context) *http.Response { return body(zeros{}) }, evidence.TooLarge, "more bytes than declared"},
		{"a byte a minute", func(_ *fake, ctx context.Context) *http.Response { return body(&drip{ctx}) }, evidence.Failed, "slower than any line"},
		{"silence after the header", func(*fake, context.Context) *http.Response {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: stuck{}}
		}, evidence.Failed, "nothing came for"},
		{"silence before the header", nil, evidence.Failed, "nothing came for"},
		{"another size: less", func(f *fake, _ context.Context) *http.Response {
			return body(io.LimitReader(f.seeded("1"), int64(f.codeSize)-1))
		}, evidence.Mismatch, ""},
		{"another size: more", func(f *fake, _ context.Context) *http.Response {
			return body(io.LimitReader(zeros{}, int64(f.codeSize)+sizeSlack))
		}, evidence.Mismatch, ""},
		{"nothing", func(*fake, context.Context) *http.Response { return body(strings.NewReader("")) }, evidence.Mismatch, ""},
		{"part of it", func(*fake, context.Context) *http.Response { r := response(206, "PK"); return r }, evidence.Failed, "HTTP 206"},
		{"no content", func(*fake, context.Context) *http.Response { return response(204, "") }, evidence.Failed, "HTTP 204"},
		{"an error without end", func(*fake, context.Context) *http.Response {
			return &http.Response{StatusCode: 403, Header: http.Header{}, Body: io.NopCloser(io.MultiReader(strings.NewReader("<Error><Code>"), letters{}))}
		}, evidence.Denied, "HTTP 403"},
		{"an error that is a terminal's", func(*fake, context.Context) *http.Response {
			return response(403, "<Error><Code>\u009b31m"+strings.Repeat("A", 2000)+"</Code><Message>x</Message></Error>")
		}, evidence.Denied, "(cut)"},
		{"teapot", func(*fake, context.Context) *http.Response { return response(418, "") }, evidence.Failed, "HTTP 418"},
	} {
		for _, at := range hostileTargets {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.versions = 1
				in, _ := f.session(t)
				hostile := roundTrips(func(req *http.Request) (*http.Response, error) {
					if req.URL.Path != at.path {
						return f.RoundTrip(req)
					}
					if c.answer == nil {
						<-req.Context().Done()
						return nil, req.Context().Err()
					}
					return c.answer(f, req.Context()), nil
				})
				in.HTTP = &http.Client{Transport: hostile}
				began := time.Now()
				m := newMemory()
				m.discard = true
				if _, err := Run(t.Context(), in, []Target{payments}, m, Options{Only: downloadOf}); err != nil {
					t.Fatal(err)
				}
				checkCell(t, m, c.name, at.key, c.want, c.says)
				if took := time.Since(began); took > time.Hour {
					t.Errorf("%s: it took %s of the bubble's time", c.name, took)
				}
			})
			cells++
		}
		t.Logf("%-32s %-10s %s", c.name, c.want, c.says)
	}
	t.Logf("%d cells; 0 skipped", cells)
}

type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// checkCell says whether an artefact is in the wanted state, for the reason that is given, and
// that no presigned query is in any reason.
func checkCell(t *testing.T, m *memory, name, at string, want evidence.State, says string) {
	t.Helper()
	if got := m.states()[at]; got != want {
		t.Errorf("%s: %s is %s, want %s", name, at, got, want)
	}
	for _, e := range m.entries {
		if e.Gap == nil {
			continue
		}
		if strings.Contains(e.Gap.Error+e.Gap.Note, "c0ffee") {
			t.Errorf("%s: the presigned query is in a gap: %+v", name, e.Gap)
		}
		if key(e) == at && !strings.Contains(e.Gap.Error, says) {
			t.Errorf("%s: the gap says %.300q, not %q", name, e.Gap.Error, says)
		}
	}
}

// drip gives a byte a minute until its request ends, as HTTP bodies do.
type drip struct{ ctx context.Context }

func (d *drip) Read(p []byte) (int, error) {
	if !pause(d.ctx, stallAfter-time.Second) {
		return 0, d.ctx.Err()
	}
	p[0] = 0
	return 1, nil
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'A'
	}
	return len(p), nil
}

// TestHostileWire answers downloads with bytes that are no good HTTP, over TCP.
func TestHostileWire(t *testing.T) {
	if testing.Short() {
		t.Skip("collections one after the other, as every other test here makes under it")
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(z, zeros{}, 64<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	head := func(lines ...string) string { return "HTTP/1.1 200 OK\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n" }
	cases := []struct {
		name string
		wire func(w io.Writer)
		want evidence.State
		says string
	}{
		{"Content-Length larger than the body", says(head("Content-Length: 60000") + "PK"), evidence.Failed, "EOF"},
		{"Content-Length smaller than the body", says(head("Content-Length: 2") + strings.Repeat("PK", 1000)), evidence.Mismatch, ""},
		{"Content-Length of an exabyte", says(head("Content-Length: 1152921504606846976") + "PK"), evidence.Failed, "EOF"},
		{"two Content-Lengths", says(head("Content-Length: 2", "Content-Length: 3") + "PK"), evidence.Failed, "Content-Length"},
		{"negative Content-Length", says(head("Content-Length: -1") + "PK"), evidence.Failed, "Content-Length"},
		{"gzip bomb as Content-Encoding", says(head("Content-Encoding: gzip", "Content-Length: "+strconv.Itoa(bomb.Len())) + bomb.String()), evidence.Mismatch, ""},
		{"headers without end", func(w io.Writer) {
			_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\n")
			for err := error(nil); err == nil; {
				_, err = io.WriteString(w, "X-A: "+strings.Repeat("A", 64<<10)+"\r\n")
			}
		}, evidence.Failed, "header"},
		{"informational answers without end", func(w io.Writer) {
			for err := error(nil); err == nil; {
				_, err = io.WriteString(w, "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
			}
		}, evidence.Failed, "header"},
		{"chunks without end", func(w io.Writer) {
			_, err := io.WriteString(w, head("Transfer-Encoding: chunked"))
			for err == nil {
				_, err = io.WriteString(w, "4000\r\n"+strings.Repeat("P", 0x4000)+"\r\n")
			}
		}, evidence.TooLarge, "more bytes than declared"},
		{"a chunk's extension without end", func(w io.Writer) {
			_, err := io.WriteString(w, head("Transfer-Encoding: chunked")+"1;")
			for err == nil {
				_, err = io.WriteString(w, strings.Repeat("x", 4096))
			}
		}, evidence.Failed, "line too long"},
		{"no HTTP", says("SSH-2.0-OpenSSH_9.9\r\n"), evidence.Failed, "malformed"},
		{"a status that is a terminal's", says("HTTP/1.1 403 \x1b[31m\u202e\r\nContent-Length: 0\r\n\r\n"), evidence.Denied, "HTTP 403"},
		{"nothing", says(""), evidence.Failed, "EOF"},
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	stores := make([]*memory, len(cases))
	for i, c := range cases { // at once: what breaks off is tried six times, with pauses
		wg.Go(func() { stores[i] = collectWire(t, c.wire) })
	}
	wg.Wait()
	runtime.ReadMemStats(&after)
	for i, c := range cases {
		checkCell(t, stores[i], c.name, hostileTargets[0].key, c.want, c.says)
		t.Logf("%-40s %-10s %s", c.name, c.want, c.says)
	}
	if kept := stores[5].bytes[hostileTargets[0].key]; !bytes.Equal(kept, bomb.Bytes()) {
		t.Errorf("of a compressed answer, %d bytes are kept, and %d were sent", len(kept), bomb.Len())
	}
	if grew := int64(after.HeapSys) - int64(before.HeapSys); grew > 160<<20 {
		t.Errorf("the heap grew by %d MiB, with all of them at once", grew>>20)
	}
	t.Logf("%d cells; 0 skipped", len(cases))
}

func says(text string) func(io.Writer) {
	return func(w io.Writer) { _, _ = io.WriteString(w, text) }
}

// collectWire collects a function whose version 1 is downloaded from a TCP server that says
// what it likes.
func collectWire(t *testing.T, wire func(io.Writer)) *memory {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return newMemory()
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					wire(conn)
				}
			}()
		}
	}()
	f := newFake()
	f.versions = 1
	own := "http://" + l.Addr().String()
	s, err := awsapi.Connect(t.Context(), awsapi.Options{Region: "eu-central-1", EndpointURL: fakeEndpoint, ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", ""),
		HTTPClient: &http.Client{Transport: roundTrips(func(req *http.Request) (*http.Response, error) {
			resp, err := f.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(string(text), fakeEndpoint, own)))
			return resp, err
		})}})
	if err != nil {
		t.Error(err)
		return newMemory()
	}
	in := Inputs{Endpoint: own, HTTP: awshttp.NewBuildableClient(), Connect: func(region string, needs []awsapi.Need, also awsapi.Recorder) aws.Config {
		cfg := s.ConfigRecorded(region, needs, also)
		cfg.APIOptions = append(cfg.APIOptions, nameOperation)
		return cfg
	}}
	m := newMemory()
	if _, err := Run(t.Context(), in, []Target{payments}, m, Options{Only: downloadOf, Unpaced: true}); err != nil {
		t.Error(err)
	}
	return m
}

// TestHostileNames: names under AWS's domains that resolve to where nobody may go are
// refused as they are dialled, whatever they meant the time before.
func TestHostileNames(t *testing.T) {
	var reached atomic.Int64
	listen := func(ip string) string {
		l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				reached.Add(1)
				conn.Close()
			}
		}()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		return port
	}
	port := listen("127.0.0.1")
	cells := 0
	for _, c := range []struct {
		name    string
		answers [][]string // of one look-up after the other; the last goes on
		allow   string
		refused bool
	}{
		{"metadata", [][]string{{"169.254.169.254"}}, "", true},
		{"loopback", [][]string{{"127.0.0.1"}}, "", true},
		{"the whole of loopback", [][]string{{"127.8.9.10"}}, "", true},
		{"private", [][]string{{"10.0.0.7"}}, "", true},
		{"carrier's", [][]string{{"100.100.100.200"}}, "", true},
		{"this host", [][]string{{"0.0.0.0"}}, "", true},
		{"several, all private", [][]string{{"192.168.1.1", "172.16.0.1"}}, "", true},
		{"allowed", [][]string{{"127.0.0.1"}}, "127.0.0.1/32", false},
		{"rebinding", [][]string{{"127.0.0.1"}, {"127.0.0.2"}}, "127.0.0.1/32", true},
	} {
		reached.Store(0)
		lookups := fakeDNS(t, c.answers)
		var allow []netip.Prefix
		if c.allow != "" {
			allow = prefixes(t, c.allow)
		}
		client := plain(nil, false, allow) // as open has it, but for the port
		var last error
		for range c.answers {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://names.s3.amazonaws.com:"+port+"/x?sig=c0ffee", nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Do(req) //nolint:bodyclose // nobody answers
			last = transient(withoutURL(err))
		}
		if errors.Is(last, errPrivate) != c.refused || last == nil || strings.Contains(last.Error(), "c0ffee") {
			t.Errorf("%s: %v", c.name, last)
		}
		want := int64(0)
		if c.allow != "" {
			want = 1
		}
		if reached.Load() != want || lookups.Load() == 0 {
			t.Errorf("%s: reached %d times, want %d, after %d look-ups", c.name, reached.Load(), want, lookups.Load())
		}
		t.Logf("%-24s %v allowing %q: refused %v", c.name, c.answers, c.allow, c.refused)
		cells++
	}
	t.Logf("%d cells; 0 skipped", cells)
}

// fakeDNS answers every question for the time of the test.
func fakeDNS(t *testing.T, answers [][]string) *atomic.Int64 {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	n := new(atomic.Int64)
	go func() {
		buf := make([]byte, 1500)
		for {
			k, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(dnsAnswer(buf[:k], answers, n), from)
		}
	}()
	old := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = old })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
	return n
}

// dnsAnswer is a reply (RFC 1035, section 4) with addresses where they were asked for.
func dnsAnswer(q []byte, answers [][]string, n *atomic.Int64) []byte {
	end := 12
	for q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5
	out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
	if kind := q[end-3]; kind != 1 { // A
		return out
	}
	i := min(int(n.Add(1)), len(answers)) - 1
	for _, a := range answers[i] {
		out[7]++
		out = append(append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), net.ParseIP(a).To4()...)
	}
	return out
}
