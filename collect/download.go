package collect

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// downloadCall names a presigned download in declarations and records: no API
// call, no permission of ours.
const downloadCall = "Presigned:Get"

const (
	downloadTries = 6
	downloadPause = 100 * time.Millisecond // before the second try; doubled before each after it
	sizeSlack     = 4 << 10                // above the declared size before we stop reading
	sizeUnknown   = 512 << 20              // cap where no size is declared
	stallAfter    = time.Minute
	slowest       = 8 << 10 // bytes a second, over a whole download
)

var (
	errTooLarge  = errors.New("more bytes than declared")
	errRedirect  = errors.New("the download redirects, which presigned addresses never do")
	errAddress   = errors.New("the address is neither HTTPS at AWS nor the configured endpoint")
	errPrivate   = errors.New("the address resolves to a private network: allow it with --allow-private CIDR if that is an interface endpoint or proxy")
	errTransient = errors.New("the download broke off")
	errStalled   = fmt.Errorf("%w: nothing came for %s", errTransient, stallAfter)
	errSlow      = errors.New("the download is slower than any line: given up")
)

// statusError is a refusal by whoever serves presigned downloads.
type statusError struct {
	status  int
	code    string // S3's error code, if it was XML
	expired bool
}

func (e *statusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the download was refused: HTTP %d %s", e.status, e.code))
}

// pack is a deployment package or layer content behind a presigned address.
type pack struct {
	declared string // base64 SHA-256
	size     int64
	exact    bool                                             // size is what it must be, not what is expected
	params   map[string]string                                // of the call that opens it; nil is the address without its query
	open     func(ctx context.Context) (io.ReadCloser, error) // instead of an address: a call with credentials
	location string
	at       time.Time                                 // when location was given
	again    func(ctx context.Context) (string, error) // a new address
}

// download streams a package into the case, hashed as it comes. A broken
// connection is tried again; an expired address is renewed, once.
func (j *Job) download(ctx context.Context, w want, p pack) {
	select {
	case j.run.slots <- struct{}{}:
		defer func() { <-j.run.slots }()
	case <-ctx.Done():
		return // planned: recorded as not attempted
	}
	if p.declared != "" {
		w.declared = &evidence.Declared{Algorithm: "sha256", Value: p.declared}
	}
	renewed := false
	for try := 1; ; try++ {
		err := p.expired(j.now())
		s := stamp{started: j.now()}
		if err == nil {
			if w.params = p.params; p.params == nil {
				w.params = map[string]string{"Location": aws.ToString(withoutQuery(&p.location))}
			}
			err = j.put(ctx, w, s, func(out io.Writer) error { return j.stream(ctx, out, p) })
		}
		s.ended = j.now()
		switch {
		case err == nil:
			return
		case isExpiry(err) && !renewed && p.again != nil:
			renewed = true
			location, nerr := p.again(ctx)
			if nerr != nil {
				j.refused(w, s, nerr)
				return
			}
			p.location, p.at = location, j.now()
		case errors.Is(err, errTransient) && try < downloadTries && pause(ctx, downloadPause<<(try-1)):
		default:
			j.notDownloaded(w, s, err)
			return
		}
	}
}

// pause waits, and says whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p pack) expired(now time.Time) error {
	if p.open == nil && now.Sub(p.at) > urlLife {
		return &statusError{status: http.StatusForbidden, code: "expired before it was used", expired: true}
	}
	return nil
}

// isExpiry says whether a new address may help: S3 answers 403 to an expired one.
func isExpiry(err error) bool {
	s, ok := errors.AsType[*statusError](err)
	return ok && (s.status == http.StatusForbidden || s.status == http.StatusBadRequest || s.status == http.StatusGone)
}

func (j *Job) notDownloaded(w want, s stamp, err error) {
	if _, api := errors.AsType[smithy.APIError](err); api {
		s.id = requestIDOf(err)
		j.refused(w, s, err)
		return
	}
	state, text := classify(err)
	switch st, ok := errors.AsType[*statusError](err); {
	case errors.Is(err, errTooLarge):
		state = evidence.TooLarge
	case ok && st.expired:
		state = evidence.Expired
	case ok:
		state = stateOf("", st.status)
	}
	j.gap(w, s, state, text, w.note)
}

// stream copies the package, no more than it may be, and no longer than it may take: a
// server that sends a byte a minute must not hold a collection for years.
func (j *Job) stream(parent context.Context, out io.Writer, p pack) (err error) {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	most := p.most()
	stall := time.AfterFunc(stallAfter, func() { cancel(errStalled) })
	defer stall.Stop()
	end := time.AfterFunc(stallAfter+time.Duration(most/slowest)*time.Second, func() { cancel(errSlow) })
	defer end.Stop()
	if p.open == nil {
		p.open = func(ctx context.Context) (io.ReadCloser, error) { return j.open(ctx, p.location) }
	} else {
		stall.Stop() // a call is paced and tried again as all calls are; the first read starts it
	}
	body, err := p.open(ctx)
	if err != nil {
		return endedBy(parent, ctx, err)
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	limited := &io.LimitedReader{R: body, N: most + 1}
	if _, err := io.CopyBuffer(out, progressing{limited, stall}, make([]byte, 128<<10)); err != nil {
		return endedBy(parent, ctx, fmt.Errorf("%w: %w", errTransient, withoutURL(err)))
	}
	if limited.N == 0 {
		return fmt.Errorf("%w: more than %d", errTooLarge, most)
	}
	return nil
}

// endedBy is why a download ended: the run's end, our own limit, or what went wrong.
func endedBy(parent, ctx context.Context, err error) error {
	switch {
	case parent.Err() != nil:
		return parent.Err()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// most is how many bytes the package may have.
func (p pack) most() int64 {
	switch {
	case p.exact:
		return p.size
	case p.size <= 0:
		return sizeUnknown
	}
	return p.size + sizeSlack
}

// progressing puts the stall off with every read.
type progressing struct {
	r     io.Reader
	stall *time.Timer
}

func (p progressing) Read(b []byte) (int, error) {
	p.stall.Reset(stallAfter)
	return p.r.Read(b)
}

// open requests a presigned address: without credentials, without redirects, and
// only where AWS or the configured endpoint answers. No error names the query.
func (j *Job) open(ctx context.Context, location string) (io.ReadCloser, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, errAddress // the parser's error quotes the address
	}
	own := sameHost(u, j.run.in.Endpoint)
	if !own && !fromAWS(u, j.run.in.Endpoint) || u.User != nil {
		return nil, fmt.Errorf("%w: %s://%s", errAddress, clip(u.Scheme), clip(u.Host))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, errAddress
	}
	req.Header.Set("Accept-Encoding", "identity") // the bytes as they are: they are hashed
	x := awsapi.Exchange{Call: downloadCall, Class: awsapi.Account, Region: j.Target.Region, Host: u.Host, Started: time.Now().UTC(), Attempts: 1}
	resp, err := plain(j.run.in.HTTP, own, j.run.o.AllowPrivate).Do(req)
	if err != nil {
		x.Ended, x.Error = time.Now().UTC(), "connection"
		j.record(x)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, transient(withoutURL(err))
	}
	body := &recordedBody{ReadCloser: resp.Body, end: func() { x.Ended = time.Now().UTC(); j.record(x) }}
	if resp.StatusCode == http.StatusOK {
		return body, nil
	}
	err = refusal(resp)
	x.Error = err.Error()
	return nil, errors.Join(err, body.Close())
}

// transient marks an error worth another try; our own refusals are not.
func transient(err error) error {
	if errors.Is(err, errPrivate) {
		return err
	}
	return fmt.Errorf("%w: %w", errTransient, err)
}

func refusal(resp *http.Response) error {
	switch s := resp.StatusCode; {
	case s >= 300 && s < 400:
		return errRedirect
	case s >= 500:
		return fmt.Errorf("%w: %w", errTransient, &statusError{status: s})
	}
	var body struct{ Code, Message string }
	_ = xml.NewDecoder(io.LimitReader(resp.Body, 4<<10)).Decode(&body) // no XML: the status says enough
	return &statusError{status: resp.StatusCode, code: clip(body.Code), expired: strings.Contains(body.Message, "expired")}
}

// recordedBody tells when a download ended.
type recordedBody struct {
	io.ReadCloser
	end func()
}

func (b *recordedBody) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}

func (j *Job) record(x awsapi.Exchange) {
	if j.run.o.Record != nil {
		j.run.o.Record(j.c.Name, x)
	}
}

// sameHost says whether an address is at the configured endpoint. Emulators call
// the loopback address by another of its names.
func sameHost(u *url.URL, endpoint string) bool {
	e, err := url.Parse(endpoint)
	if err != nil || endpoint == "" || u.Scheme != e.Scheme || u.Port() != e.Port() {
		return false
	}
	return u.Hostname() == e.Hostname() || loopback(u.Hostname()) && loopback(e.Hostname())
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// fromAWS says whether a package may come from there: from AWS over HTTPS, and
// only if it was AWS that we asked. A stranger's endpoint must not send us elsewhere.
func fromAWS(u *url.URL, endpoint string) bool {
	if endpoint != "" {
		e, err := url.Parse(endpoint)
		if err != nil || !awsHost(e.Hostname()) {
			return false
		}
	}
	return u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") && awsHost(u.Hostname())
}

// awsHost says whether a name is under one of AWS's domains.
func awsHost(host string) bool {
	for _, suffix := range []string{".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".aws.dev"} {
		if strings.HasSuffix(strings.ToLower(host), suffix) {
			return true
		}
	}
	return false
}

// plain is the session's road without redirects, and, away from the configured
// endpoint, without private addresses unless allowed.
func plain(client aws.HTTPClient, own bool, allow []netip.Prefix) aws.HTTPClient {
	switch c := client.(type) {
	case *http.Client:
		bare := *c
		bare.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		bare.Jar = nil
		return &bare
	case *awshttp.BuildableClient:
		t := c.GetTransport()
		if !own {
			d := &net.Dialer{Timeout: 30 * time.Second, Control: func(_, address string, _ syscall.RawConn) error { return dialable(address, allow) }}
			t.DialContext = d.DialContext
		}
		t.MaxResponseHeaderBytes = 64 << 10 // S3's are a tenth of it
		t.DisableKeepAlives = true          // a transport of its own for each download leaves nothing behind
		return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	case nil:
		return plain(awshttp.NewBuildableClient(), own, allow)
	}
	return client
}
