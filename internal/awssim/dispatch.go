package awssim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is what a request is for, before anything is believed of it.
type target struct {
	service  *factService
	op       *factOp // nil: unknown
	opName   string
	protocol protocol
	path     map[string]string
	region   string
}

// ServeHTTP answers as AWS does.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/awslambda-") || isLayerURL(r) {
		c.serveCode(w, r)
		return
	}
	began := c.cfg.Clock.Now()
	resp, delay, drop := c.answer(r)
	c.linger(r.Context(), delay)
	if drop {
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	}
	resp.write(w, r, began)
}

// answer is the whole of a call but for its transport. drop means: no answer.
func (c *Cloud) answer(r *http.Request) (_ *response, delay time.Duration, drop bool) {
	sig, sigErr := readSignature(r)
	body, err := readBody(r, sig)
	if err != nil {
		t := c.aim(r, sig, nil)
		return c.refuse(t, err), 0, false
	}
	t := c.aim(r, sig, body)
	if t.service == nil {
		return unknownService(r, sig, c.idFrom("uuid", "unknown", r.URL.String())), 0, false
	}
	if open := t.op != nil && t.op.noauth; sigErr != nil && (sig != nil || !open) {
		return c.refuse(t, sigErr), 0, false
	}
	c.await(r.Context(), t, body)
	return c.run(r, t, sig, body)
}

// aim finds service and operation.
func (c *Cloud) aim(r *http.Request, sig *signature, body *bodyOf) target {
	t, name := target{region: c.cfg.Region}, ""
	if sig != nil {
		name, t.region = sig.service, sig.region
	}
	t.service = serviceFor(name, r, body)
	if t.service == nil {
		return t
	}
	if t.service.name == "iam" || t.service.name == "cloudfront" {
		t.region = "us-east-1" // one for all regions, and recorded there
	}
	t.protocol, _ = protocolOf(t.service.protocols[0])
	if t.service.name == "cloudfront" {
		t.protocol = plainXML{}
	}
	switch t.service.protocols[0] {
	case "json":
		_, t.opName, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if i := strings.LastIndexByte(r.Header.Get("X-Amz-Target"), '.'); i >= 0 {
			t.opName = r.Header.Get("X-Amz-Target")[i+1:]
		}
		t.op = t.service.ops[t.opName]
	case "query", "ec2":
		t.opName = actionOf(r, body)
		t.op = t.service.ops[t.opName]
	case cborName:
		t.opName = cborOperation(t.service, r.URL.Path)
		if tgt := r.Header.Get("X-Amz-Target"); tgt != "" { // other clients still speak JSON
			t.protocol = jsonRPC{}
			_, t.opName, _ = strings.Cut(tgt, ".")
		}
		t.op = t.service.ops[t.opName]
	default:
		if t.op, t.path = t.service.routes.find(r, restPath(t.service, r)); t.op != nil {
			t.opName = t.op.name
		}
	}
	return t
}

// serviceFor goes by the credential scope; a request without one by its form.
func serviceFor(signing string, r *http.Request, body *bodyOf) *factService {
	all := facts()
	if signing != "" {
		var found *factService
		for _, s := range all {
			// Two services under one name in the scope: they differ in their paths.
			if s.signing == signing && (found == nil || isV2(r) == strings.HasSuffix(s.name, "v2")) {
				found = s
			}
		}
		return found
	}
	if tgt := r.Header.Get("X-Amz-Target"); tgt != "" {
		for _, s := range all {
			if s.target != "" && strings.HasPrefix(tgt, s.target+".") {
				return s
			}
		}
		return nil
	}
	for _, s := range all {
		if s.target != "" && cborOperation(s, r.URL.Path) != "" {
			return s
		}
	}
	if actionOf(r, body) != "" {
		form := formOf(r, body)
		for _, s := range all {
			if slices.ContainsFunc(s.protocols, func(p string) bool { return p == "query" || p == "ec2" }) && s.version == form.Get("Version") {
				return s
			}
		}
	}
	if op, _ := all["lambda"].routes.find(r, r.URL.EscapedPath()); op != nil {
		return all["lambda"]
	}
	return all["s3"]
}

// isV2 tells API Gateway's second API from its first.
func isV2(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v2/") }

func formOf(r *http.Request, body *bodyOf) url.Values {
	form := url.Values{}
	if body != nil && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ = url.ParseQuery(string(body.bytes))
	}
	for k, v := range r.URL.Query() {
		if !form.Has(k) {
			form[k] = v
		}
	}
	return form
}

func actionOf(r *http.Request, body *bodyOf) string { return formOf(r, body).Get("Action") }

// restPath is the path that templates are matched with: for S3 the bucket may
// stand in the host name.
func restPath(s *factService, r *http.Request) string {
	path := r.URL.EscapedPath()
	if s.name != "s3" {
		return path
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if bucket, ok := bucketInHost(host); ok {
		return "/" + url.PathEscape(bucket) + path
	}
	return path
}

// bucketInHost reads BUCKET.s3.REGION.amazonaws.com and BUCKET.localhost.
func bucketInHost(host string) (string, bool) {
	if net.ParseIP(host) != nil {
		return "", false
	}
	if bucket, ok := strings.CutSuffix(host, ".localhost"); ok && !strings.HasPrefix(host, "s3.") {
		return strings.TrimSuffix(bucket, ".s3"), true
	}
	if !strings.HasSuffix(host, ".amazonaws.com") {
		return "", false
	}
	for _, mark := range []string{".s3.", ".s3-"} {
		if i := strings.LastIndex(host, mark); i > 0 {
			return host[:i], true
		}
	}
	return "", false
}

// run does the call under the lock.
func (c *Cloud) run(r *http.Request, t target, sig *signature, body *bodyOf) (*response, time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := &call{Cloud: c, now: c.cfg.Clock.Now().UTC(), region: t.region, http: r}
	k.wire.target, k.wire.body = t, body
	noauth := t.op != nil && t.op.noauth && sig == nil
	if noauth {
		k.caller = identity{kind: "Unknown", account: c.cfg.AccountID}
	} else if err := c.authenticate(k, sig, body); err != nil {
		return c.refuseLocked(t, err), 0, false
	}
	k.accountID = k.caller.account
	if t.op != nil && t.op.simulated {
		k.wire.in, k.wire.inErr = t.protocol.decode(t.op, body.request(r, t.path, t.op.inStream != nil))
	}
	k.requestID = c.requestID(k)
	if c.cfg.Tell != nil && t.op != nil {
		c.cfg.Tell(t.service.id, t.op.name, t.region, k.wire.in)
	}
	resp, delay, drop := k.perform()
	return k.cutting(resp), delay, drop
}

// requestID is a hash of who asks for what, and of how often it was asked: of the
// decoded parameters, since clients write maps in any order, and without the
// tokens that they make up.
func (c *Cloud) requestID(k *call) string {
	r, what := k.http, k.wire.body.hash
	if k.wire.in != nil && k.wire.target.op.in != nil {
		what = string(canonical(nil, k.wire.target.op.in, k.wire.in, k.wire.body.hash))
	}
	parts := []string{"request", k.caller.arn, k.caller.keyID, k.wire.target.opName, r.Method, stablePath(r), what}
	n := c.nth(parts...)
	return c.idFrom("uuid", append(parts, strconv.Itoa(n))...)
}

// stablePath is the URL without what a presigner adds.
func stablePath(r *http.Request) string {
	q := r.URL.Query()
	for k := range q {
		if strings.HasPrefix(strings.ToLower(k), "x-amz-") {
			q.Del(k)
		}
	}
	return r.URL.EscapedPath() + "?" + q.Encode()
}

// perform runs the operation and makes the answer.
func (k *call) perform() (*response, time.Duration, bool) {
	t := k.wire.target
	if t.op == nil {
		return k.failed(k.unknownOperation()), 0, false
	}
	o, ok := k.core.ops[opKey{t.service.name, t.op.name}]
	if !ok {
		return k.failed(fail("NotImplemented", "freezeframe simulator: %s.%s is not simulated", t.service.id, t.op.name)), 0, false
	}
	k.op = o
	if err := k.throttled(); err != nil {
		return k.failed(err), 0, false
	}
	k.arm()
	if f := k.faultBefore(); f != nil {
		return k.broken(f)
	}
	out, err := k.execute()
	if f := k.wire.fired; f != nil && !f.AfterEffect {
		return k.broken(f)
	}
	if err != nil {
		return k.failed(k.asAPIError(err)), k.wire.delay, false
	}
	resp, err := k.encode(out)
	if err != nil {
		return k.failed(fail("InternalFailure", "freezeframe simulator: %s produced an answer that AWS's shapes forbid: %v", k.name(), err)), 0, false
	}
	if f := k.faultAfter(); f != nil {
		return k.brokenAfter(f)
	}
	return resp, k.wire.delay, false
}

// execute checks the input and runs the operation.
func (k *call) execute() (any, error) {
	t := k.wire.target
	if k.wire.inErr != nil {
		return nil, k.wire.inErr
	}
	if t.op.in != nil {
		if bad := checkInput(t.op.in, k.wire.in); len(bad) > 0 {
			return nil, &invalidError{bad}
		}
	}
	v := k.op.newInput()
	if t.op.in != nil {
		if err := fill(t.op.in, k.wire.in, v.Elem()); err != nil {
			return nil, fmt.Errorf("filling %s: %w", v.Type(), err)
		}
	}
	k.shortenPages(v.Elem())
	out, err := k.runOperation(v.Interface())
	if err != nil {
		return nil, err
	}
	if !k.authorized {
		return nil, fail("InternalFailure", "freezeframe simulator: %s answered without asking whether the caller may", k.name())
	}
	return out, nil
}

// runOperation turns a panic of an operation into an answer that says where:
// the account must outlive one bad call.
func (k *call) runOperation(in any) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fail("InternalFailure", "freezeframe simulator: %s panicked: %v\n%s", k.name(), p, debug.Stack())
		}
	}()
	return k.op.run(k, in)
}

// encode makes the answer and records the call as done.
func (k *call) encode(out any) (*response, error) {
	t := k.wire.target
	tree := fields{}
	if t.op.out != nil && out != nil {
		v, err := read(t.op.out, reflect.ValueOf(out))
		if err != nil {
			return nil, err
		}
		tree, _ = v.(fields)
	}
	k.turnBack(tree)
	if t.op.out != nil {
		if bad := checkOutput(t.op.out, tree); len(bad) > 0 {
			return nil, errors.New(validationText(bad))
		}
	}
	k.wire.out = tree
	resp, err := t.protocol.encode(t.op, tree, k.requestID)
	if err != nil {
		return nil, err
	}
	k.record(nil)
	return resp, nil
}

// failed records the call as failed and makes the answer.
func (k *call) failed(e *apiError) *response {
	k.record(e)
	return k.errorResponse(e)
}

func (k *call) errorResponse(e *apiError) *response {
	t := k.wire.target
	k.wire.failure = e
	resp := t.protocol.fault(t.service, t.op, e, k.requestID)
	for name, v := range e.Headers {
		resp.header.Set(name, v)
	}
	return resp
}

// asAPIError words any error as the service does.
func (k *call) asAPIError(err error) *apiError {
	var api *apiError
	var bad *invalidError
	var kind *typeError
	var mal *malformedError
	s := k.wire.target.service.name
	switch {
	case errors.As(err, &api):
		return api
	case errors.As(err, &bad):
		return bad.worded(s)
	case errors.As(err, &kind):
		return wrongType(s, kind.msg)
	case errors.As(err, &mal):
		return malformed(s, mal.msg)
	case errors.Is(err, errBadMarker):
		return badMarker(s)
	}
	return fail("InternalFailure", "freezeframe simulator: %s: %v", k.name(), err)
}

// refuse answers a request that did not get as far as a call.
func (c *Cloud) refuse(t target, err error) *response {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refuseLocked(t, err)
}

func (c *Cloud) refuseLocked(t target, err error) *response {
	if t.service == nil {
		t.service = facts()["s3"] // only what is sent to S3 can be too large to be read for its service
		t.protocol = restXML{}
	}
	n := c.nth("refused", t.service.name, t.opName, err.Error())
	id := c.idFrom("uuid", "refused", t.service.name, t.opName, err.Error(), strconv.Itoa(n))
	var api *apiError
	var auth *authError
	if errors.As(err, &auth) {
		api = auth.worded(t.service)
	} else if !errors.As(err, &api) {
		api = fail("InternalFailure", "freezeframe simulator: %v", err)
	}
	return t.protocol.fault(t.service, t.op, api, id)
}

// unknownOperation is what AWS says to a name it does not know.
func (k *call) unknownOperation() *apiError {
	t := k.wire.target
	switch t.service.protocols[0] {
	case "json", cborName:
		return fail("UnknownOperationException", "freezeframe simulator: %s knows no operation %q", t.service.id, t.opName)
	case "query", "ec2":
		return fail("InvalidAction", "Could not find operation %s for version %s", t.opName, t.service.version)
	case "rest-xml":
		return fail("MethodNotAllowed", "The specified method is not allowed against this resource.")
	}
	e := fail("UnknownOperationException", "freezeframe simulator: no operation of %s is %s %s", t.service.id, k.http.Method, k.http.URL.EscapedPath())
	e.Status = http.StatusNotFound
	return e
}

// write sends the answer.
func (r *response) write(w http.ResponseWriter, req *http.Request, now time.Time) {
	h := w.Header()
	for k, v := range r.header {
		h[k] = v
	}
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	if r.stream == nil && r.status != http.StatusNoContent && r.status != http.StatusNotModified && h.Get("Content-Length") == "" {
		h.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	if req.Method == http.MethodHead {
		return
	}
	if r.cut {
		r.writeCut(w)
	}
	_, _ = io.Copy(w, bytes.NewReader(r.body)) // the client may be gone
	if r.stream != nil {
		_, _ = io.Copy(w, r.stream)
		if closer, ok := r.stream.(io.Closer); ok {
			_ = closer.Close()
		}
	}
}
