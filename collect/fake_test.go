package collect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const (
	fakeAccount  = "123456789012"
	fakeEndpoint = "http://aws.test"
	fakeRole     = "arn:aws:iam::123456789012:role/service/payments-role"
	fakeSecret   = "hunter2-SECRET-value"
	fakeLayer    = "arn:aws:lambda:eu-central-1:210987654321:layer:tracing:3"
)

// fake is one function's account behind an HTTP client: enough wire format for
// the collectors, and faults by operation.
type fake struct {
	versions int
	codeSize int
	latency  time.Duration

	mu     sync.Mutex
	calls  []string // "Lambda:GetFunction $LATEST"
	faults map[string]func() *http.Response
	before func(call string)
	// faultURL answers downloads instead, by path; nil lets them be.
	faultURL func(path string) *http.Response
}

// scripted limits a collection to what the fake answers. What the services around a
// function say is tested on the simulated account.
func scripted(o Options) Options {
	o.Only = scriptedCollectors
	return o
}

var scriptedCollectors = []string{
	"lambda.concurrency", "lambda.provisioned", "lambda.mappings", "lambda.invoke-config", "lambda.urls", "lambda.policy", "lambda.aliases",
	"lambda.configuration", "iam.role", "lambda.code", "lambda.environment", "lambda.layers", "lambda.runtime", "lambda.recursion",
	"lambda.signing", "lambda.tags", "cloudtrail.lookup", "logs.group", "logs.events",
}

func scriptedCatalogue() []Collector {
	return slices.DeleteFunc(Catalogue(), func(c Collector) bool { return !slices.Contains(scriptedCollectors, c.Name) })
}

func scriptedNeeds() []awsapi.Need {
	var all []awsapi.Need
	for _, c := range scriptedCatalogue() {
		for _, n := range c.Needs {
			if n.Call == objectCall || n.When == whenInfrequent {
				continue // packages by reference, groups of another class: the simulated account has them
			}
			if !slices.ContainsFunc(all, func(o awsapi.Need) bool { return o.Call == n.Call }) {
				all = append(all, n)
			}
		}
	}
	return all
}

func newFake() *fake {
	return &fake{versions: 3, codeSize: 64 << 10, faults: map[string]func() *http.Response{}}
}

// session is a guarded session on the fake.
func (f *fake) session(t testing.TB) (Inputs, *awsapi.Session) {
	t.Helper()
	client := &http.Client{Transport: f}
	s, err := awsapi.Connect(t.Context(), awsapi.Options{
		Region: "eu-central-1", EndpointURL: fakeEndpoint, HTTPClient: client, ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	connect := func(region string, needs []awsapi.Need, also awsapi.Recorder) aws.Config {
		cfg := s.ConfigRecorded(region, needs, also)
		cfg.APIOptions = append(cfg.APIOptions, nameOperation)
		return cfg
	}
	return Inputs{Connect: connect, HTTP: client, Endpoint: fakeEndpoint}, s
}

// nameOperation tells the fake which operation a request is.
func nameOperation(stack *middleware.Stack) error {
	return stack.Build.Add(middleware.BuildMiddlewareFunc("NameOperation", func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
		if req, ok := in.Request.(*smithyhttp.Request); ok {
			req.Header.Set("X-Op", callName(ctx))
			req.Header.Set("X-Region", "")
		}
		return next.HandleBuild(ctx, in)
	}), middleware.Before)
}

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	op := req.Header.Get("X-Op")
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		_ = req.Body.Close()
	}
	switch {
	case strings.HasPrefix(req.URL.Path, "/code/"):
		op = downloadCall
	case op == "":
		op = "STS:GetCallerIdentity"
	}
	f.mu.Lock()
	f.calls = append(f.calls, strings.TrimSpace(op+" "+req.URL.Query().Get("Qualifier")))
	fault, before := f.faults[op], f.before
	f.mu.Unlock()
	if before != nil {
		before(op)
	}
	if f.latency > 0 {
		select {
		case <-time.After(f.latency):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	if fault != nil {
		if r := fault(); r != nil {
			return r, nil
		}
	}
	if op == downloadCall {
		if f.faultURL != nil {
			if r := f.faultURL(req.URL.Path); r != nil {
				return r, nil
			}
		}
		return f.code(req.URL)
	}
	status, text := f.answer(op, req, body)
	return response(status, text), nil
}

func response(status int, text string) *http.Response {
	kind := "application/x-amz-json-1.1"
	if strings.HasPrefix(text, "<") {
		kind = "text/xml"
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}, "X-Amzn-Requestid": {"req-1"}}, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text))}
}

// denied is how each protocol refuses.
func denied(op string) *http.Response {
	if strings.HasPrefix(op, "IAM:") {
		return response(403, `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message></Error><RequestId>req-1</RequestId></ErrorResponse>`)
	}
	if op == downloadCall { // S3
		return response(403, `<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)
	}
	r := response(403, `{"__type":"AccessDeniedException","Message":"not authorized","message":"not authorized"}`)
	r.Header.Set("X-Amzn-Errortype", "AccessDeniedException")
	return r
}

func notFound(text string) (int, string) {
	return 404, `{"__type":"ResourceNotFoundException","Type":"User","Message":"` + text + `","message":"` + text + `"}`
}

// seeded is the package of a version: incompressible, the same for every asker.
func (f *fake) seeded(version string) io.Reader {
	seed := sha256.Sum256([]byte(version))
	return io.LimitReader(rand.NewChaCha8(seed), int64(f.codeSize))
}

var fakeSums sync.Map

func (f *fake) sum(version string) string {
	key := version + "/" + strconv.Itoa(f.codeSize)
	if s, ok := fakeSums.Load(key); ok {
		return s.(string)
	}
	h := sha256.New()
	_, _ = io.Copy(h, f.seeded(version))
	s := base64.StdEncoding.EncodeToString(h.Sum(nil))
	fakeSums.Store(key, s)
	return s
}

func (f *fake) code(u *url.URL) (*http.Response, error) {
	version := strings.TrimPrefix(u.Path, "/code/")
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(f.seeded(version)), ContentLength: int64(f.codeSize)}, nil
}

func (f *fake) configuration(version string) string {
	return fmt.Sprintf(`{"FunctionName":"payments","FunctionArn":"arn:aws:lambda:eu-central-1:%s:function:payments:%s","Version":%q,"Role":%q,"PackageType":"Zip","Runtime":"python3.13",
		"CodeSize":%d,"CodeSha256":%q,"Environment":{"Variables":{"STAGE":"prod","DB_PASSWORD":%q}},"Layers":[{"Arn":%q,"CodeSize":10}],
		"LoggingConfig":{"LogFormat":"Text","LogGroup":"/aws/lambda/payments"}}`, fakeAccount, version, version, fakeRole, f.codeSize, f.sum(version), fakeSecret, fakeLayer)
}

func (f *fake) answer(op string, req *http.Request, body []byte) (int, string) {
	service, name, _ := strings.Cut(op, ":")
	switch service {
	case "STS":
		return 200, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::` + fakeAccount + `:user/responder</Arn><UserId>AIDA</UserId><Account>` + fakeAccount + `</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`
	case "IAM":
		return f.iam(name)
	case "CloudTrail":
		return f.lookup(body)
	case "CloudWatchLogs":
		return f.logs(name, body)
	}
	return f.lambda(name, req.URL)
}

func (f *fake) lambda(name string, u *url.URL) (int, string) {
	q := u.Query().Get("Qualifier")
	switch name {
	case "GetFunction":
		if !strings.Contains(u.Path, "/payments") {
			return notFound("Function not found")
		}
		if q == "" {
			q = "$LATEST"
		}
		return 200, fmt.Sprintf(`{"Configuration":%s,"Code":{"RepositoryType":"S3","Location":"%s/code/%s?X-Amz-Signature=c0ffee"},"Tags":{"team":"pay"}}`, f.configuration(q), fakeEndpoint, q)
	case "ListFunctions":
		return 200, `{"Functions":[{"FunctionName":"payments","CodeSize":1},{"FunctionName":"unrelated-thing","CodeSize":1}]}`
	case "ListVersionsByFunction":
		return f.listVersions(u)
	case "ListAliases":
		return 200, `{"Aliases":[{"Name":"live","FunctionVersion":"1"}]}`
	case "GetPolicy":
		if q == "2" {
			return notFound("The resource you requested does not exist.")
		}
		return 200, `{"Policy":"{\"Statement\":[]}","RevisionId":"r"}`
	case "GetResourcePolicy":
		return 200, `{"Policy":"{\"Statement\":[]}","RevisionId":"r"}`
	case "GetFunctionConcurrency":
		return 200, `{}`
	case "ListProvisionedConcurrencyConfigs":
		return 200, `{"ProvisionedConcurrencyConfigs":[]}`
	case "ListEventSourceMappings":
		own := `{"UUID":"11111111-1111-1111-1111-111111111111","FunctionArn":"arn:aws:lambda:eu-central-1:123456789012:function:payments","State":"Enabled"}`
		if u.Query().Get("FunctionName") != "" {
			return 200, `{"EventSourceMappings":[` + own + `]}`
		}
		return 200, `{"EventSourceMappings":[` + own + `,{"UUID":"22222222-2222-2222-2222-222222222222","FunctionArn":"arn:aws:lambda:eu-central-1:123456789012:function:payments:live","State":"Enabled"},
			{"UUID":"33333333-3333-3333-3333-333333333333","FunctionArn":"arn:aws:lambda:eu-central-1:123456789012:function:payments2","State":"Enabled"}]}`
	case "GetEventSourceMapping":
		uuid := u.Path[strings.LastIndexByte(u.Path, '/')+1:]
		return 200, `{"UUID":"` + uuid + `","EventSourceMappingArn":"arn:aws:lambda:eu-central-1:123456789012:event-source-mapping:` + uuid + `","FunctionArn":"arn:aws:lambda:eu-central-1:123456789012:function:payments","State":"Enabled","FilterCriteria":{"Filters":[{"Pattern":"{}"}]},"LastModified":1.7e9}`
	case "ListFunctionEventInvokeConfigs":
		return 200, `{"FunctionEventInvokeConfigs":[{"MaximumRetryAttempts":0}]}`
	case "ListFunctionUrlConfigs":
		return 200, `{"FunctionUrlConfigs":[]}`
	case "GetRuntimeManagementConfig":
		return 200, `{"UpdateRuntimeOn":"Auto"}`
	case "GetFunctionRecursionConfig":
		return 200, `{"RecursiveLoop":"Terminate"}`
	case "GetFunctionCodeSigningConfig":
		return 200, `{"CodeSigningConfigArn":"arn:aws:lambda:eu-central-1:123456789012:code-signing-config:csc-1","FunctionName":"payments"}`
	case "GetCodeSigningConfig":
		return 200, `{"CodeSigningConfig":{"CodeSigningConfigId":"csc-1"}}`
	case "ListTags":
		return 200, `{"Tags":{"team":"pay"}}`
	case "GetLayerVersionByArn":
		return 200, fmt.Sprintf(`{"LayerVersionArn":%q,"Version":3,"Content":{"Location":"%s/code/layer?X-Amz-Signature=c0ffee","CodeSha256":%q,"CodeSize":%d}}`, fakeLayer, fakeEndpoint, f.sum("layer"), f.codeSize)
	case "GetLayerVersionPolicy":
		return notFound("No policy is associated with the given resource.")
	}
	return 501, "<!doctype html><title>501 Not Implemented</title>"
}

// listVersions pages two versions at a time.
func (f *fake) listVersions(u *url.URL) (int, string) {
	from, _ := strconv.Atoi(u.Query().Get("Marker"))
	var page []string
	next := ""
	for i := from; i <= f.versions; i++ {
		if len(page) == 50 || f.versions < 10 && len(page) == 2 {
			next = fmt.Sprintf(`,"NextMarker":"%d"`, i)
			break
		}
		v := "$LATEST"
		if i > 0 {
			v = strconv.Itoa(i)
		}
		page = append(page, f.configuration(v))
	}
	return 200, `{"Versions":[` + strings.Join(page, ",") + `]` + next + `}`
}

func (f *fake) iam(name string) (int, string) {
	doc := url.PathEscape(`{"Version":"2012-10-17","Statement":[]}`)
	result := map[string]string{
		"GetRole":                  `<Role><RoleName>payments-role</RoleName><Arn>` + fakeRole + `</Arn><Path>/service/</Path><RoleId>AROA</RoleId><CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>` + doc + `</AssumeRolePolicyDocument><PermissionsBoundary><PermissionsBoundaryArn>arn:aws:iam::123456789012:policy/edge</PermissionsBoundaryArn></PermissionsBoundary></Role>`,
		"ListRolePolicies":         `<PolicyNames><member>inline</member></PolicyNames><IsTruncated>false</IsTruncated>`,
		"GetRolePolicy":            `<RoleName>payments-role</RoleName><PolicyName>inline</PolicyName><PolicyDocument>` + doc + `</PolicyDocument>`,
		"ListAttachedRolePolicies": `<AttachedPolicies><member><PolicyName>app</PolicyName><PolicyArn>arn:aws:iam::123456789012:policy/app</PolicyArn></member></AttachedPolicies><IsTruncated>false</IsTruncated>`,
		"GetPolicy":                `<Policy><PolicyName>app</PolicyName><DefaultVersionId>v2</DefaultVersionId></Policy>`,
		"GetPolicyVersion":         `<PolicyVersion><VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion><Document>` + doc + `</Document></PolicyVersion>`,
		"ListPolicyVersions":       `<Versions><member><VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion></member><member><VersionId>v1</VersionId><IsDefaultVersion>false</IsDefaultVersion></member></Versions><IsTruncated>false</IsTruncated>`,
	}[name]
	if strings.Contains(name, "ServiceLastAccessed") { // what the job and what its report answer
		result = `<JobId>11111111-2222-3333-4444-555555555555</JobId><JobStatus>COMPLETED</JobStatus><JobCreationDate>2026-01-01T00:00:00Z</JobCreationDate><JobCompletionDate>2026-01-01T00:00:01Z</JobCompletionDate><ServicesLastAccessed/>`
	}
	return 200, `<` + name + `Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><` + name + `Result>` + result + `</` + name + `Result><ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata></` + name + `Response>`
}

// lookup has, for the sweep, one event of the role's session under another name;
// two pages for the function's name.
func (f *fake) lookup(body []byte) (int, string) {
	var in struct {
		LookupAttributes []struct{ AttributeKey, AttributeValue string }
		NextToken        string
	}
	_ = json.Unmarshal(body, &in)
	a := in.LookupAttributes[0]
	switch {
	case a.AttributeKey == "EventSource":
		rec, _ := json.Marshal(`{"eventID":"s1","userIdentity":{"type":"AssumedRole","accessKeyId":"ASIAEXAMPLEEXAMPLE77","sessionContext":{"sessionIssuer":{"arn":"` + fakeRole + `"}}}}`)
		return 200, `{"Events":[{"EventId":"s1","EventTime":1.79e9,"Username":"thief","CloudTrailEvent":` + string(rec) + `}]}`
	case a.AttributeKey == "ResourceName" && a.AttributeValue == "payments" && in.NextToken == "":
		return 200, `{"Events":[{"EventId":"e1","EventTime":1.79e9}],"NextToken":"t"}`
	}
	return 200, `{"Events":[]}`
}

func (f *fake) logs(name string, body []byte) (int, string) {
	switch name {
	case "DescribeLogGroups":
		return 200, `{"logGroups":[{"logGroupName":"/aws/lambda/payments-other"},{"logGroupName":"/aws/lambda/payments","retentionInDays":14}]}`
	case "DescribeLogStreams":
		return 200, `{"logStreams":[{"logStreamName":"s","creationTime":1}]}`
	case "DescribeSubscriptionFilters":
		return 200, `{"subscriptionFilters":[{"filterName":"ship","destinationArn":"arn:x"}]}`
	}
	if !bytes.Contains(body, []byte("nextToken")) {
		return 200, `{"events":[{"eventId":"1","message":"START","timestamp":1,"ingestionTime":2,"logStreamName":"s"}],"nextToken":"n"}`
	}
	return 200, `{"events":[{"eventId":"2","message":"END","timestamp":3,"ingestionTime":4,"logStreamName":"s"}]}`
}

// memory is a store that keeps everything.
type memory struct {
	mu      sync.Mutex
	entries []evidence.Entry
	bytes   map[string][]byte // by entry
	whole   map[string][]byte // by all that tells entries apart
	discard bool              // keep no bytes
	fail    error             // of the next Put
}

func newMemory() *memory { return &memory{bytes: map[string][]byte{}, whole: map[string][]byte{}} }

func (m *memory) Put(_ context.Context, meta evidence.Meta, write func(io.Writer) error) (evidence.Item, error) {
	var b bytes.Buffer
	h := sha256.New()
	out := io.Writer(io.MultiWriter(&b, h))
	if m.discard {
		out = h
	}
	if m.fail != nil {
		return evidence.Item{}, m.fail
	}
	state := evidence.Collected
	if err := write(out); err != nil {
		if !strings.Contains(err.Error(), evidence.ErrTruncated.Error()) {
			return evidence.Item{}, err
		}
		state = evidence.Truncated
	}
	it := evidence.Item{Meta: meta, Size: int64(b.Len())}
	if d := meta.Declared; d != nil {
		it.Declared = &evidence.Declared{Algorithm: d.Algorithm, Value: d.Value, Matches: d.Value == base64.StdEncoding.EncodeToString(h.Sum(nil))}
		if !it.Declared.Matches {
			state = evidence.Mismatch
		}
	}
	m.keep(evidence.Entry{Artefact: meta.Artefact, Source: meta.Source, State: state, Item: &it}, b.Bytes())
	return it, nil
}

func (m *memory) PutSecret(ctx context.Context, meta evidence.Meta, secret, twin []byte) (evidence.Item, evidence.Item, error) {
	it, err := m.Put(ctx, meta, func(w io.Writer) error { _, err := w.Write(twin); return err })
	return it, it, err
}

func (m *memory) Gap(g evidence.Gap) error {
	m.keep(evidence.Entry{Artefact: g.Artefact, Source: g.Source, State: g.State, Gap: &g}, nil)
	return nil
}

func (m *memory) MAC(v []byte) string {
	s := sha256.Sum256(append([]byte("key"), v...))
	return hex.EncodeToString(s[:8])
}

func (m *memory) keep(e evidence.Entry, b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = append(m.entries, e)
	m.bytes[key(e)] = append(m.bytes[key(e)], b...)
	m.whole[rowKey(e)] = append(m.whole[rowKey(e)], b...)
}

// key is how readers identify an entry.
func key(e evidence.Entry) string {
	k := e.Artefact + " " + e.Source.ARN[strings.LastIndexByte(e.Source.ARN, ':')+1:]
	if e.Source.Qualifier != "" {
		k += " " + e.Source.Qualifier
	}
	if e.Artefact == "cloudtrail.lookup" {
		k += " @" + e.Source.Region
	}
	return k
}

// states is the coverage as key -> state.
func (m *memory) states() map[string]evidence.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]evidence.State{}
	for _, e := range m.entries {
		out[key(e)] = e.State
	}
	return out
}
