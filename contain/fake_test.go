package contain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// fakeAWS answers the calls that containment makes, from a few maps. It exists beside
// the simulated account because tests of refusals and of crashes want to look into
// each write; what AWS really does is the simulator's to say.
type fakeAWS struct {
	mu       sync.Mutex
	latency  time.Duration
	settle   int // reads that still show a mapping on its way
	self     string
	calls    []string
	written  []string
	fault    func(op string) (effect bool, err error) // nil err: no fault
	reserved *int
	prov     map[string]int
	mappings map[string]string // UUID -> state
	moving   map[string]int
	urls     map[string]string // qualifier -> AuthType
	policies map[string]string // resource ARN -> document
	revision int
	inline   map[string]string
	dlq      string
	deny     map[string]bool // operations that are refused
}

const (
	fnARN   = "arn:aws:lambda:eu-west-1:111122223333:function:payments"
	roleARN = "arn:aws:iam::111122223333:role/service/payments-role"
)

func statement(sid, principal string) string {
	return fmt.Sprintf(`{"Sid":%q,"Effect":"Allow","Principal":%s,"Action":"lambda:InvokeFunction","Resource":%q}`, sid, principal, fnARN)
}

func newFake() *fakeAWS {
	five := 5
	return &fakeAWS{
		self: "arn:aws:iam::111122223333:user/alice", reserved: &five,
		prov:     map[string]int{"live": 2},
		mappings: map[string]string{"aaaa": "Enabled", "bbbb": "Disabled"}, moving: map[string]int{},
		urls: map[string]string{"": "NONE", "live": "AWS_IAM"},
		policies: map[string]string{
			fnARN: `{"Version":"2012-10-17","Id":"default","Statement":[` + statement("own", `{"AWS":"arn:aws:iam::111122223333:root"}`) + "," +
				statement("evil", `{"AWS":"arn:aws:iam::999988887777:root"}`) + "," + statement("open", `"*"`) + `]}`,
			fnARN + ":1":    `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"*"}]}`,
			fnARN + ":live": `{"Version":"2012-10-17","Id":"default","Statement":[` + statement("open", `"*"`) + `]}`,
		},
		inline: map[string]string{"app": `{"Version":"2012-10-17","Statement":[]}`},
		dlq:    "arn:aws:sqs:eu-west-1:999988887777:theirs",
		deny:   map[string]bool{},
	}
}

// state is everything that undo has to bring back.
func (f *fakeAWS) state(t *testing.T) string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := json.MarshalIndent([]any{f.reserved, f.prov, f.mappings, f.urls, f.policies, f.inline, f.dlq}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type fakeError struct {
	status int
	code   string
}

func (e fakeError) Error() string { return e.code }

var errDrop = errors.New("connection reset by peer")

func (f *fakeAWS) Do(r *http.Request) (*http.Response, error) {
	if f.latency > 0 {
		time.Sleep(f.latency)
	}
	body := []byte{}
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if service := signedFor(r); service != "lambda" && service != "iam" && service != "sts" {
		return elsewhere(r, service)
	}
	iam := strings.Contains(r.Header.Get("Authorization"), "/iam/") || strings.Contains(r.Header.Get("Authorization"), "/sts/")
	op, run := f.route(r, body, iam)
	f.calls = append(f.calls, op)
	effect, fault := true, error(nil)
	if f.fault != nil {
		effect, fault = f.fault(op)
	}
	if f.deny[op] {
		effect, fault = false, fakeError{403, "AccessDeniedException"}
	}
	var out any
	var err error
	if effect || fault == nil {
		if awsapi.Mutating("X:"+op) && op != "GetCallerIdentity" {
			f.written = append(f.written, op)
		}
		out, err = run()
	}
	if fault != nil {
		err = fault
	}
	return answerHTTP(r, iam, op, out, err)
}

func answerHTTP(r *http.Request, query bool, op string, out any, err error) (*http.Response, error) {
	res := &http.Response{StatusCode: 200, Request: r, Header: http.Header{"Content-Type": {"application/json"}, "X-Amzn-Requestid": {"r"}}}
	fe, known := errors.AsType[fakeError](err)
	switch {
	case err != nil && !known:
		return nil, err
	case known && query:
		res.StatusCode = fe.status
		res.Body = io.NopCloser(strings.NewReader("<ErrorResponse><Error><Code>" + fe.code + "</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>"))
		return res, nil
	case known:
		res.StatusCode = fe.status
		res.Header.Set("X-Amzn-Errortype", fe.code)
		res.Body = io.NopCloser(strings.NewReader(`{"message":"m"}`))
		return res, nil
	case query:
		text, _ := out.(string)
		res.Body = io.NopCloser(strings.NewReader("<" + op + "Response><" + op + "Result>" + text + "</" + op + "Result></" + op + "Response>"))
		return res, nil
	}
	if out == nil {
		out = map[string]any{}
	}
	b, merr := json.Marshal(out)
	res.Body = io.NopCloser(strings.NewReader(string(b)))
	return res, merr
}

// signedFor is the service that a request is signed for.
func signedFor(r *http.Request) string {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	parts := strings.Split(scope, "/")
	if len(parts) < 5 {
		return ""
	}
	return parts[3]
}

// elsewhere: other services have nothing that calls the function.
func elsewhere(r *http.Request, service string) (*http.Response, error) {
	body := "{}"
	if service == "sns" {
		body = "<ListSubscriptionsResponse><ListSubscriptionsResult></ListSubscriptionsResult></ListSubscriptionsResponse>"
	}
	return &http.Response{StatusCode: 200, Request: r, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

var notFound = fakeError{404, "ResourceNotFoundException"}

type obj = map[string]any

// route names the operation and gives its behaviour.
func (f *fakeAWS) route(r *http.Request, body []byte, query bool) (string, func() (any, error)) {
	if query {
		form, _ := url.ParseQuery(string(body))
		return form.Get("Action"), func() (any, error) { return f.iam(form) }
	}
	var in obj
	_ = json.Unmarshal(body, &in)
	q := r.URL.Query().Get("Qualifier")
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch parts[1] {
	case "resource-policy":
		arn := strings.Join(parts[2:], "/")
		op := map[string]string{"GET": "Get", "PUT": "Put", "DELETE": "Delete"}[r.Method] + "ResourcePolicy"
		return op, func() (any, error) { return f.resourcePolicy(r.Method, arn, in) }
	case "event-source-mappings":
		return f.mapping(r.Method, parts, in)
	}
	if len(parts) == 2 {
		return "ListFunctions", func() (any, error) {
			return obj{"Functions": []obj{{"FunctionName": "payments", "Role": roleARN}, {"FunctionName": "refunds", "Role": roleARN}, {"FunctionName": "other", "Role": "x"}}}, nil
		}
	}
	switch parts[3] + " " + r.Method {
	case "configuration GET":
		return "GetFunctionConfiguration", func() (any, error) {
			return obj{"FunctionName": "payments", "FunctionArn": fnARN, "Role": roleARN, "DeadLetterConfig": obj{"TargetArn": f.dlq}}, nil
		}
	case "configuration PUT":
		return "UpdateFunctionConfiguration", func() (any, error) {
			f.dlq = in["DeadLetterConfig"].(obj)["TargetArn"].(string)
			return obj{}, nil
		}
	case "versions GET":
		return "ListVersionsByFunction", func() (any, error) {
			return obj{"Versions": []obj{{"Version": "$LATEST"}, {"Version": "1"}}}, nil
		}
	case "aliases GET":
		return "ListAliases", func() (any, error) {
			return obj{"Aliases": []obj{{"Name": "live", "FunctionVersion": "1", "RoutingConfig": obj{"AdditionalVersionWeights": obj{"2": 0.1}}}}}, nil
		}
	case "urls GET":
		return "ListFunctionUrlConfigs", func() (any, error) {
			var all []obj
			for _, q := range sortedKeys(f.urls) {
				all = append(all, f.url(q))
			}
			return obj{"FunctionUrlConfigs": all}, nil
		}
	case "url GET":
		return "GetFunctionUrlConfig", func() (any, error) { return f.url(q), nil }
	case "url PUT":
		return "UpdateFunctionUrlConfig", func() (any, error) { f.urls[q] = in["AuthType"].(string); return f.url(q), nil }
	case "event-invoke-config GET":
		return "ListFunctionEventInvokeConfigs", func() (any, error) { return obj{}, nil }
	case "policy DELETE":
		return "RemovePermission", func() (any, error) { return f.removePermission(parts[4], q) }
	}
	return f.concurrency(r, parts, q, in)
}

func (f *fakeAWS) url(q string) obj {
	arn := fnARN
	if q != "" {
		arn += ":" + q
	}
	return obj{"FunctionUrl": "https://x" + q + ".lambda-url/", "FunctionArn": arn, "AuthType": f.urls[q], "InvokeMode": "BUFFERED"}
}

func (f *fakeAWS) concurrency(r *http.Request, parts []string, q string, in obj) (string, func() (any, error)) {
	if parts[3] == "provisioned-concurrency" {
		switch {
		case r.URL.Query().Get("List") == "ALL":
			return "ListProvisionedConcurrencyConfigs", func() (any, error) {
				var all []obj
				for _, q := range sortedKeys(f.prov) {
					all = append(all, obj{"FunctionArn": fnARN + ":" + q, "RequestedProvisionedConcurrentExecutions": f.prov[q]})
				}
				return obj{"ProvisionedConcurrencyConfigs": all}, nil
			}
		case r.Method == "GET":
			return "GetProvisionedConcurrencyConfig", func() (any, error) {
				if n, ok := f.prov[q]; ok {
					return obj{"RequestedProvisionedConcurrentExecutions": n, "Status": "READY"}, nil
				}
				return nil, fakeError{404, "ProvisionedConcurrencyConfigNotFoundException"}
			}
		case r.Method == "DELETE":
			return "DeleteProvisionedConcurrencyConfig", func() (any, error) { delete(f.prov, q); return nil, nil }
		}
		return "PutProvisionedConcurrencyConfig", func() (any, error) {
			f.prov[q] = int(in["ProvisionedConcurrentExecutions"].(float64))
			return obj{}, nil
		}
	}
	switch r.Method {
	case "GET":
		return "GetFunctionConcurrency", func() (any, error) {
			if f.reserved == nil {
				return obj{}, nil
			}
			return obj{"ReservedConcurrentExecutions": *f.reserved}, nil
		}
	case "DELETE":
		return "DeleteFunctionConcurrency", func() (any, error) { f.reserved = nil; return nil, nil }
	}
	return "PutFunctionConcurrency", func() (any, error) {
		n := int(in["ReservedConcurrentExecutions"].(float64))
		for _, p := range f.prov {
			if n < p {
				return nil, fakeError{400, "InvalidParameterValueException"}
			}
		}
		f.reserved = &n
		return obj{"ReservedConcurrentExecutions": n}, nil
	}
}

func (f *fakeAWS) mapping(method string, parts []string, in obj) (string, func() (any, error)) {
	show := func(id string) obj {
		state := f.mappings[id]
		if f.moving[id] > 0 {
			f.moving[id]--
			state = map[string]string{"Enabled": "Enabling", "Disabled": "Disabling"}[state]
		}
		return obj{"UUID": id, "State": state, "FunctionArn": fnARN + ":live", "EventSourceArn": "arn:aws:sqs:eu-west-1:111122223333:q-" + id}
	}
	if len(parts) == 2 {
		return "ListEventSourceMappings", func() (any, error) {
			var all []obj
			for _, id := range sortedKeys(f.mappings) {
				all = append(all, show(id))
			}
			return obj{"EventSourceMappings": append(all, obj{"UUID": "zzzz", "FunctionArn": fnARN + "-other"})}, nil
		}
	}
	id := parts[2]
	if method == "GET" {
		return "GetEventSourceMapping", func() (any, error) { return show(id), nil }
	}
	return "UpdateEventSourceMapping", func() (any, error) {
		if f.moving[id] > 0 {
			return nil, fakeError{400, "ResourceInUseException"}
		}
		f.mappings[id] = map[bool]string{true: "Enabled", false: "Disabled"}[in["Enabled"].(bool)]
		f.moving[id] = f.settle
		return show(id), nil
	}
}

func (f *fakeAWS) rev() string { return fmt.Sprintf("rev-%d", f.revision) }

func (f *fakeAWS) resourcePolicy(method, arn string, in obj) (any, error) {
	doc, ok := f.policies[arn]
	if method != "PUT" && !ok {
		return nil, notFound
	}
	switch method {
	case "GET":
		return obj{"Policy": doc, "RevisionId": f.rev()}, nil
	case "DELETE":
		delete(f.policies, arn)
	default:
		f.policies[arn] = in["Policy"].(string)
	}
	f.revision++
	return obj{"Policy": f.policies[arn], "RevisionId": f.rev()}, nil
}

func (f *fakeAWS) removePermission(sid, q string) (any, error) {
	arn := fnARN
	if q != "" {
		arn += ":" + q
	}
	p, err := parsePolicy(f.policies[arn])
	if err != nil {
		return nil, err
	}
	kept := p.Without(func(s iampolicy.Statement) bool { return s.Sid == sid })
	if len(kept.Statements) == len(p.Statements) {
		return nil, notFound
	}
	f.revision++
	if len(kept.Statements) == 0 {
		delete(f.policies, arn)
		return nil, nil
	}
	f.policies[arn] = kept.String()
	return nil, nil
}

func (f *fakeAWS) iam(form url.Values) (any, error) {
	name := form.Get("PolicyName")
	switch form.Get("Action") {
	case "GetCallerIdentity":
		return "<Arn>" + f.self + "</Arn><UserId>AIDA</UserId><Account>111122223333</Account>", nil
	case "GetRole":
		return "<Role><RoleName>payments-role</RoleName><Arn>" + roleARN + "</Arn><RoleId>AROAEXAMPLE</RoleId><AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><MaxSessionDuration>3600</MaxSessionDuration></Role>", nil
	case "ListAttachedRolePolicies":
		return "<AttachedPolicies/><IsTruncated>false</IsTruncated>", nil
	case "GetRolePolicy":
		doc, ok := f.inline[name]
		if !ok {
			return nil, fakeError{404, "NoSuchEntity"}
		}
		return "<RoleName>r</RoleName><PolicyName>" + name + "</PolicyName><PolicyDocument>" + url.PathEscape(doc) + "</PolicyDocument>", nil
	case "PutRolePolicy":
		f.inline[name] = form.Get("PolicyDocument")
		return "", nil
	case "DeleteRolePolicy":
		if _, ok := f.inline[name]; !ok {
			return nil, fakeError{404, "NoSuchEntity"}
		}
		delete(f.inline, name)
		return "", nil
	case "SimulatePrincipalPolicy":
		return "<EvaluationResults><member><EvalActionName>" + trial + "</EvalActionName><EvalDecision>explicitDeny</EvalDecision></member></EvaluationResults>", nil
	}
	return nil, fakeError{400, "InvalidAction"}
}

// fakeBench is a session at a fake account, and a case.
type fakeBench struct {
	aws  *fakeAWS
	s    *awsapi.Session
	c    *evidence.Case
	home string
}

func newBench(t *testing.T, f *fakeAWS) *fakeBench {
	t.Helper()
	b := &fakeBench{aws: f, home: t.TempDir()}
	b.s = session(t, f, "eu-west-1", "http://127.0.0.1:1")
	var err error
	b.c, err = evidence.CreateCase(t.Context(), &memory{objs: map[string][]byte{}}, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "alice", Home: b.home})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func session(t *testing.T, f *fakeAWS, region, endpoint string) *awsapi.Session {
	t.Helper()
	s, err := awsapi.Connect(t.Context(), awsapi.Options{Region: region, EndpointURL: endpoint, HTTPClient: f,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// preserve seals a bag with every artefact that the plan asks for.
func (b *fakeBench) preserve(t *testing.T, p *Plan) {
	t.Helper()
	w, err := b.c.Begin(t.Context(), evidence.Header{Kind: evidence.KindCollection})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Artefact]bool{}
	for _, m := range p.Moves {
		for _, a := range m.Preserve {
			if seen[a] {
				continue
			}
			seen[a] = true
			_, err := w.Put(t.Context(), evidence.Meta{Artefact: a.Name, Name: "x.json", Source: evidence.Source{ARN: a.ARN, Qualifier: a.Qualifier}, Started: time.Now()}, writes([]byte("{}")))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := w.Seal(t.Context(), evidence.StatusComplete); err != nil {
		t.Fatal(err)
	}
}

func (b *fakeBench) plan(t *testing.T, acts ...string) *Plan {
	t.Helper()
	p, err := NewPlan(t.Context(), PlanInput{Session: b.s, Case: b.c, Functions: []string{"payments"}, Acts: acts, AcceptSharedRole: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
