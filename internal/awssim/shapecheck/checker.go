package shapecheck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
)

// Checker judges traffic. Safe for concurrent use.
type Checker struct {
	models *models

	mu       sync.Mutex
	problems []string
	covered  map[string]int
}

// Open judges by the models in dir (*.json.gz, as botocore describes services), each read
// when its service is first called.
func Open(dir string) (*Checker, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("the API shapes: %w", err)
	}
	return (&Checker{models: &models{dir: dir, known: map[string]*model{}}}).Anew(), nil
}

// Anew is a checker by the same models, as far as they were read, that has seen nothing.
// Reading a model costs more than judging a test's traffic by it.
func (c *Checker) Anew() *Checker {
	return &Checker{models: c.models, covered: map[string]int{}}
}

// Problems are what was wrong so far, at most 200.
func (c *Checker) Problems() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.problems...)
}

// Covered counts the successful answers checked, by "lambda:GetFunction".
func (c *Checker) Covered() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.covered)
}

func (c *Checker) say(call, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.problems) < 200 {
		c.problems = append(c.problems, call+": "+fmt.Sprintf(format, args...))
	}
}

// Wrap checks what passes through the handler. Unsigned requests pass unjudged:
// they are no API calls. Streamed bodies are not kept.
func (c *Checker) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, err := c.models.of(r)
		if err != nil {
			c.say(serviceOf(r), "%v", err)
		}
		if m == nil {
			next.ServeHTTP(w, r)
			return
		}
		service := m.name
		var body []byte
		if r.Body != nil && (service != "s3" || r.URL.RawQuery != "" && !strings.Contains(r.URL.RawQuery, "partNumber")) {
			body, _ = io.ReadAll(io.LimitReader(r.Body, 64<<20)) // what cannot be read, the handler will say
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		keep := &keeper{ResponseWriter: w, status: 200}
		next.ServeHTTP(keep, r)
		c.judge(service, m, r, body, keep)
	})
}

type keeper struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (k *keeper) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

func (k *keeper) Write(p []byte) (int, error) {
	if k.body.Len() < 32<<20 {
		k.body.Write(p)
	}
	return k.ResponseWriter.Write(p)
}

func (c *Checker) judge(service string, m *model, r *http.Request, body []byte, k *keeper) {
	op := m.operationOf(r, body)
	if op == nil {
		if k.status < 400 {
			c.say(service, "%s %s answered %d and is no operation of the API", r.Method, r.URL.Path, k.status)
		}
		return
	}
	call := service + ":" + op.Name
	if op.Name == "" {
		call = service + ":" + r.Header.Get("X-Amz-Target")
	}
	if k.status >= 400 {
		c.judgeError(call, m, op, r, k)
		return
	}
	for _, p := range m.request(op, r, body) {
		c.say(call, "accepted request %s", p)
	}
	for _, p := range m.response(op, k) {
		c.say(call, "answer %s", p)
	}
	c.mu.Lock()
	c.covered[call]++
	c.mu.Unlock()
}

// request checks an accepted request: a real service would have refused what is wrong here.
func (m *model) request(op *operation, r *http.Request, body []byte) []string {
	s := m.shape(op.Input)
	switch m.Metadata.Protocol {
	case cborProtocol:
		return m.cborRequest(s, r, body)
	case "json":
		return m.jsonBody(body, s, false)
	case "rest-json":
		bad := m.restRequest(op, s, r)
		if b, ref, ok := m.body(s); ok && (ref == nil || b.Type == "structure") {
			bad = append(bad, m.jsonBody(body, b, false)...)
		}
		return bad
	case "query":
		return m.form(s, body)
	case ec2Protocol:
		return m.ec2Form(s, body)
	default:
		return m.restRequest(op, s, r)
	}
}

// restRequest looks for required members in query and headers, and for query parameters nobody knows.
func (m *model) restRequest(op *operation, s *shape, r *http.Request) []string {
	var bad []string
	known := map[string]bool{}
	if _, literals, ok := strings.Cut(op.HTTP.RequestURI, "?"); ok {
		if q, err := url.ParseQuery(literals); err == nil {
			for k := range q {
				known[k] = true
			}
		}
	}
	for name, mem := range s.Members {
		if mem.Location == "querystring" {
			known[wire(name, mem)] = true
		}
	}
	for _, name := range s.Required {
		mem := s.Members[name]
		if mem.Location == "querystring" && !r.URL.Query().Has(wire(name, mem)) || mem.Location == "header" && r.Header.Get(wire(name, mem)) == "" {
			bad = append(bad, fmt.Sprintf("required %s %q is missing", mem.Location, name))
		}
	}
	for k, v := range r.URL.Query() {
		// Literals of the template (?versions), S3's x-id and signatures are not members.
		if !known[k] && v[0] != "" && k != "x-id" && !hasPrefixFold(k, "x-amz-") && k != "list-type" {
			bad = append(bad, fmt.Sprintf("unknown query parameter %q", k))
		}
	}
	return bad
}

// form checks the top-level names and required members of a query request.
func (m *model) form(s *shape, body []byte) []string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return []string{"not a form: " + err.Error()}
	}
	var bad []string
	tops := map[string]bool{}
	for k := range form {
		top, _, _ := strings.Cut(k, ".")
		tops[top] = true
	}
	known := map[string]bool{"Action": true, "Version": true}
	for name, r := range s.Members {
		known[wire(name, r)] = true
	}
	for top := range tops {
		if !known[top] {
			bad = append(bad, fmt.Sprintf("unknown parameter %q", top))
		}
	}
	for _, name := range s.Required {
		if !tops[wire(name, s.Members[name])] {
			bad = append(bad, fmt.Sprintf("required parameter %q is missing", name))
		}
	}
	return bad
}

func (m *model) response(op *operation, k *keeper) []string {
	if m.Metadata.Protocol == cborProtocol {
		return m.cborResponse(op, k)
	}
	s := m.shape(op.Output)
	var bad []string
	if want := op.HTTP.ResponseCode; want != 0 && want != k.status && !hasStatusMember(s) && k.status != 206 {
		bad = append(bad, fmt.Sprintf("status %d, the model says %d", k.status, want))
	}
	for name, r := range s.Members {
		if v := k.Header().Get(wire(name, r)); r.Location == "header" && v != "" {
			sh := m.shape(&r)
			if why := textOf(v, sh); why != "" && sh.Type != "list" && sh.Type != "string" {
				bad = append(bad, fmt.Sprintf("header %s: %s", wire(name, r), why))
			}
		}
	}
	b, ref, ok := m.body(s)
	if ref != nil && (ref.Streaming || b.Type == "blob" || b.Type == "string" || b.Eventstream) {
		return bad
	}
	switch m.Metadata.Protocol {
	case "json", "rest-json":
		if !ok && k.body.Len() == 0 {
			return bad
		}
		return append(bad, m.jsonBody(k.body.Bytes(), b, true)...)
	}
	return append(bad, m.xmlResponse(op, b, ok, k)...)
}

func (m *model) xmlResponse(op *operation, b *shape, hasBody bool, k *keeper) []string {
	if !hasBody && k.body.Len() == 0 || k.body.Len() == 0 && m.Metadata.Protocol == "rest-xml" && len(b.Required) == 0 {
		return nil
	}
	root, err := parseXML(k.body.Bytes())
	if err != nil {
		return []string{"not XML: " + err.Error()}
	}
	c := xmlCheck{m: m}
	if m.Metadata.Protocol == ec2Protocol {
		c.ec2Response(op, root, b)
		return c.bad
	}
	if m.Metadata.Protocol == "query" {
		if root.name != op.Name+"Response" && op.Name != "" {
			c.say("", "root element %q", root.name)
		}
		if root.child("ResponseMetadata") == nil {
			c.say("", "no ResponseMetadata")
		}
		if op.Output == nil || op.Output.ResultWrapper == "" {
			return c.bad
		}
		if root = root.child(op.Output.ResultWrapper); root == nil {
			return append(c.bad, "no "+op.Output.ResultWrapper)
		}
	}
	if op.Name == "GetBucketLocation" { // its root element is the member itself: AWS's own exception
		return c.bad
	}
	c.value("", root, b)
	return c.bad
}

func hasStatusMember(s *shape) bool {
	for _, r := range s.Members {
		if r.Location == "statusCode" {
			return true
		}
	}
	return false
}

// common are errors that any operation may answer with.
var common = []string{
	"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InternalFailure", "InternalError",
	"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidSignatureException", "SignatureDoesNotMatch",
	"MissingAuthenticationToken", "MissingAuthenticationTokenException", "RequestTimeTooSkewed", "NotImplemented", "Throttling", "ThrottlingException",
	"TooManyRequestsException", "ValidationError", "ValidationException", "SerializationException", "UnknownOperationException", "InvalidAction",
	"XAmzContentSHA256Mismatch", "ServiceException", "InternalServerError", "RequestEntityTooLargeException", "InvalidToken", "AuthorizationHeaderMalformed",
	"MalformedQueryString", "OptInRequired", "ServiceUnavailable", "InvalidInput", "InvalidParameterValue", "InvalidRequestContentException", "MissingRequiredParameterException",
	"InvalidParameterValueException", "IncompleteSignatureException", "MalformedInput", "InvalidParameterException", "MissingParameter",
}

func (c *Checker) judgeError(call string, m *model, op *operation, r *http.Request, k *keeper) {
	if r.Method == http.MethodHead {
		return
	}
	code, members, err := m.errorOf(k)
	if err != nil {
		c.say(call, "error answer: %v", err)
		return
	}
	if m.name == "s3" { // its model lists next to none of its errors
		return
	}
	if m.Metadata.Protocol == ec2Protocol && ec2Errors.MatchString(code) {
		return
	}
	for _, e := range op.Errors {
		s := m.shape(&e)
		if code == e.Shape || s.Error != nil && s.Error.Code == code {
			for _, name := range members {
				if !memberFold(s, name) {
					c.say(call, "error %s with unknown member %q", code, name)
				}
			}
			return
		}
	}
	for _, known := range common {
		if code == known {
			return
		}
	}
	c.say(call, "error %q is not in the model", code)
}

func memberFold(s *shape, name string) bool {
	for n, r := range s.Members {
		if strings.EqualFold(wire(n, r), name) {
			return true
		}
	}
	return strings.EqualFold(name, "message") || name == "__type" || name == "Type" || strings.EqualFold(name, "code")
}

func (m *model) errorOf(k *keeper) (code string, members []string, err error) {
	if m.Metadata.Protocol == cborProtocol {
		return cborError(k)
	}
	if strings.HasSuffix(m.Metadata.Protocol, "json") {
		var body map[string]any
		if err := json.Unmarshal(k.body.Bytes(), &body); err != nil {
			return "", nil, fmt.Errorf("not JSON: %w", err)
		}
		code = k.Header().Get("X-Amzn-Errortype")
		if t, ok := body["__type"].(string); ok && code == "" {
			code = t[strings.LastIndex(t, "#")+1:]
		}
		code, _, _ = strings.Cut(code, ":")
		for name := range body {
			members = append(members, name)
		}
		return code, members, nil
	}
	root, err := parseXML(k.body.Bytes())
	if err != nil {
		return "", nil, fmt.Errorf("not XML: %w", err)
	}
	if m.Metadata.Protocol == ec2Protocol {
		if root = root.child("Errors"); root == nil {
			return "", nil, fmt.Errorf("no Errors")
		}
	}
	if e := root.child("Error"); e != nil {
		root = e
	}
	if n := root.child("Code"); n != nil {
		return n.text, nil, nil
	}
	return "", nil, fmt.Errorf("no Code in <%s>", root.name)
}
