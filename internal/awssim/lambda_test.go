package awssim

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

const (
	functionARN = "arn:aws:lambda:us-east-1:" + acct + ":function:pay"
	rolePolicy  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:*","sqs:*"],"Resource":"*"}]}`
)

// lambdaAccount is an account with a role and a function "pay" that has settled.
type lambdaAccount struct {
	*account
	lambda *lambda.Client
	settle time.Duration
}

func newLambdaAccount(t *testing.T, settle time.Duration) *lambdaAccount {
	t.Helper()
	a := newAccount(t, Config{Settle: settle})
	l := &lambdaAccount{a, lambda.NewFromConfig(a.cfg), settle}
	a.role("app", lambdaTrust, rolePolicy)
	l.create("pay", "one")
	return l
}

func (l *lambdaAccount) create(name, code string) {
	l.t.Helper()
	must(l.lambda.CreateFunction(l.ctx, l.newFunction(name, code)))(l.t)
	l.wait()
}

func (l *lambdaAccount) newFunction(name, code string) *lambda.CreateFunctionInput {
	return &lambda.CreateFunctionInput{FunctionName: &name, Role: aws.String("arn:aws:iam::" + acct + ":role/app"), Runtime: lt.RuntimePython313, Handler: aws.String("f.handler"),
		Code: &lt.FunctionCode{ZipFile: zipOf(l.t, code)}, Environment: &lt.Environment{Variables: map[string]string{"KEY": "v"}}, Tags: map[string]string{"team": "pay"}}
}

// wait lets what is under way settle.
func (l *lambdaAccount) wait() { l.clock.at = l.clock.at.Add(l.settle + time.Second) }

// overwrite changes the code of pay.
func (l *lambdaAccount) overwrite(code string) *lambda.UpdateFunctionCodeOutput {
	l.t.Helper()
	out := must(l.lambda.UpdateFunctionCode(l.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("pay"), ZipFile: zipOf(l.t, code)}))(l.t)
	l.wait()
	return out
}

func (l *lambdaAccount) publish() *lambda.PublishVersionOutput {
	l.t.Helper()
	out := must(l.lambda.PublishVersion(l.ctx, &lambda.PublishVersionInput{FunctionName: aws.String("pay")}))(l.t)
	l.wait()
	return out
}

func (l *lambdaAccount) get(name, qualifier string) *lambda.GetFunctionOutput {
	l.t.Helper()
	in := &lambda.GetFunctionInput{FunctionName: &name}
	if qualifier != "" {
		in.Qualifier = &qualifier
	}
	return must(l.lambda.GetFunction(l.ctx, in))(l.t)
}

func (l *lambdaAccount) alias(name, version string) {
	l.t.Helper()
	must(l.lambda.CreateAlias(l.ctx, &lambda.CreateAliasInput{FunctionName: aws.String("pay"), Name: &name, FunctionVersion: &version}))(l.t)
}

func zipOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w := must(z.Create("f.py"))(t)
	must(w.Write([]byte(text)))(t)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// download fetches a code URL through the simulator.
func (l *lambdaAccount) download(url string) (int, string) {
	l.t.Helper()
	res := must(l.c.Client().Get(url))(l.t)
	defer res.Body.Close()
	return res.StatusCode, string(must(io.ReadAll(res.Body))(l.t))
}

// wantError holds code and text; the Type of Lambda's errors is User where it is theirs.
func wantError(t *testing.T, what string, err error, code, text string) {
	t.Helper()
	wantCode(t, what, err, code)
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorMessage() != text {
		t.Errorf("%s: %q, want %q", what, api.ErrorMessage(), text)
	}
}

// TestOldVersionsKeepTheirCode (AWS: Lambda developer guide, "Lambda function versions":
// code and most of the settings of a version are locked).
func TestOldVersionsKeepTheirCode(t *testing.T) {
	l := newLambdaAccount(t, 0)
	first := l.publish()
	l.overwrite("two")
	must(l.lambda.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("pay"), Timeout: aws.Int32(60), Environment: &lt.Environment{Variables: map[string]string{"KEY": "bad"}}}))(t)
	second := l.publish()
	if *first.Version != "1" || *second.Version != "2" || *first.FunctionArn != functionARN+":1" {
		t.Errorf("%s %s %s", *first.Version, *second.Version, *first.FunctionArn)
	}
	for q, want := range map[string][2]string{"1": {"one", "v"}, "2": {"two", "bad"}, "$LATEST": {"two", "bad"}, "": {"two", "bad"}} {
		out := l.get("pay", q)
		code := zipOf(t, want[0])
		if *out.Configuration.CodeSha256 != hashOf(code) || out.Configuration.Environment.Variables["KEY"] != want[1] {
			t.Errorf("%q: %s %v", q, *out.Configuration.CodeSha256, out.Configuration.Environment.Variables)
		}
		if status, body := l.download(*out.Code.Location); status != 200 || body != string(code) {
			t.Errorf("%q: %d, %d bytes", q, status, len(body))
		}
	}
}

// TestPublishTwice (AWS: API reference, PublishVersion: it "doesn't publish a version if the
// function's configuration and code haven't changed since the last version").
func TestPublishTwice(t *testing.T) {
	l := newLambdaAccount(t, 0)
	l.publish()
	if again := l.publish(); *again.Version != "1" {
		t.Errorf("version %s", *again.Version)
	}
	l.overwrite("two")
	if next := l.publish(); *next.Version != "2" {
		t.Errorf("version %s", *next.Version)
	}
	_, err := l.lambda.PublishVersion(l.ctx, &lambda.PublishVersionInput{FunctionName: aws.String("pay"), CodeSha256: aws.String("AAAA")})
	wantCode(t, "another hash", err, "InvalidParameterValueException")
	all := must(l.lambda.ListVersionsByFunction(l.ctx, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("pay")}))(t)
	var got []string
	for _, v := range all.Versions {
		got = append(got, *v.FunctionArn)
		if v.State != "" || v.LastUpdateStatus != "" {
			t.Errorf("a list shows no states: %+v", v)
		}
	}
	if want := functionARN + ":$LATEST " + functionARN + ":1 " + functionARN + ":2"; strings.Join(got, " ") != want {
		t.Errorf("listed %v", got)
	}
}

// TestStates (AWS: Lambda developer guide, "Lambda function states").
func TestStates(t *testing.T) {
	l := newLambdaAccount(t, time.Minute)
	out := must(l.lambda.CreateFunction(l.ctx, l.newFunction("new", "x")))(t)
	if out.State != lt.StatePending || *out.StateReason != "The function is being created." || out.StateReasonCode != lt.StateReasonCodeCreating {
		t.Errorf("created as %s %v %s", out.State, out.StateReason, out.StateReasonCode)
	}
	_, err := l.lambda.UpdateFunctionCode(l.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("new"), ZipFile: zipOf(t, "y")})
	wantError(t, "while pending", err, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Pending")
	l.wait()
	if c := l.get("new", "").Configuration; c.State != lt.StateActive || c.StateReason != nil || c.LastUpdateStatus != lt.LastUpdateStatusSuccessful {
		t.Errorf("settled as %s %v %s", c.State, c.StateReason, c.LastUpdateStatus)
	}
	up := must(l.lambda.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("new"), Timeout: aws.Int32(9)}))(t)
	if up.State != lt.StateActive || up.LastUpdateStatus != lt.LastUpdateStatusInProgress {
		t.Errorf("updated as %s %s", up.State, up.LastUpdateStatus)
	}
	_, err = l.lambda.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("new"), Timeout: aws.Int32(10)})
	wantError(t, "while updating", err, "ResourceConflictException", "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:us-east-1:"+acct+":function:new")
	_, err = l.lambda.PublishVersion(l.ctx, &lambda.PublishVersionInput{FunctionName: aws.String("new")})
	wantCode(t, "publishing while updating", err, "ResourceConflictException")
}

// TestCodeURLs (AWS: API reference, GetFunction: the link is valid for 10 minutes; the XML is S3's).
func TestCodeURLs(t *testing.T) {
	l := newLambdaAccount(t, 0)
	out := l.get("pay", "")
	url := *out.Code.Location
	if !strings.Contains(url, "/awslambda-us-east-1-tasks/snapshots/"+acct+"/pay-") || *out.Code.RepositoryType != "S3" {
		t.Errorf("location %s", url)
	}
	for what, broken := range map[string]string{"another path": strings.Replace(url, "/pay-", "/pax-", 1), "longer": strings.Replace(url, "X-Amz-Expires=600", "X-Amz-Expires=6000", 1)} {
		if status, body := l.download(broken); status != 403 || !strings.Contains(body, "<Code>SignatureDoesNotMatch</Code>") {
			t.Errorf("%s: %d %s", what, status, body)
		}
	}
	l.overwrite("two")
	if _, body := l.download(url); hashOf([]byte(body)) != *out.Configuration.CodeSha256 {
		t.Error("the URL of the old code gives other code")
	}
	l.clock.at = l.clock.at.Add(11 * time.Minute)
	status, body := l.download(url)
	if status != 403 || !strings.Contains(body, "<Code>AccessDenied</Code><Message>Request has expired</Message>") {
		t.Errorf("eleven minutes on: %d %s", status, body)
	}
	if post := must(l.c.Client().Post(url, "text/plain", http.NoBody))(t); post.StatusCode != 403 {
		t.Errorf("a POST: %d", post.StatusCode)
	}
}

// TestRejectedCode: AWS's words for packages that it does not take.
func TestRejectedCode(t *testing.T) {
	l := newLambdaAccount(t, 0)
	_, err := l.lambda.UpdateFunctionCode(l.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("pay"), ZipFile: []byte("no zip")})
	wantError(t, "no zip", err, "InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again.")
	_, err = l.lambda.UpdateFunctionCode(l.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("pay"), S3Bucket: aws.String("missing-bucket"), S3Key: aws.String("k")})
	wantCode(t, "no bucket", err, "InvalidParameterValueException")
	_, err = l.lambda.UpdateFunctionCode(l.ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("missing"), ZipFile: zipOf(t, "x")})
	wantError(t, "no function", err, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:"+acct+":function:missing")
	var missing *lt.ResourceNotFoundException
	if !errors.As(err, &missing) || aws.ToString(missing.Type) != "User" {
		t.Errorf("no Type: %+v", missing)
	}
	if h := *l.get("pay", "").Configuration.CodeSha256; h != hashOf(zipOf(t, "one")) {
		t.Error("a refused update changed the code")
	}
}

// TestRoleOfAFunction (AWS: the two texts of CreateFunction and of iam:PassRole).
func TestRoleOfAFunction(t *testing.T) {
	l := newLambdaAccount(t, 0)
	l.role("people", rootTrust)
	for _, role := range []string{"people", "missing"} {
		in := l.newFunction("f", "x")
		in.Role = aws.String("arn:aws:iam::" + acct + ":role/" + role)
		_, err := l.lambda.CreateFunction(l.ctx, in)
		wantError(t, role, err, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
	}
	dev := lambda.NewFromConfig(user(l.c, "dev", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`))
	_, err := dev.CreateFunction(l.ctx, l.newFunction("f", "x"))
	wantError(t, "without PassRole", err, "AccessDeniedException",
		"User: arn:aws:iam::"+acct+":user/dev is not authorized to perform: iam:PassRole on resource: arn:aws:iam::"+acct+":role/app because no identity-based policy allows the iam:PassRole action")
}

// TestConcurrencyZero (AWS: Lambda developer guide, "Configuring reserved concurrency"; API
// reference, Invoke, TooManyRequestsException).
func TestConcurrencyZero(t *testing.T) {
	l := newLambdaAccount(t, 0)
	if c := must(l.lambda.GetFunctionConcurrency(l.ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("pay")}))(t); c.ReservedConcurrentExecutions != nil {
		t.Errorf("unset is not %d", *c.ReservedConcurrentExecutions)
	}
	ok := must(l.lambda.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: aws.String("pay")}))(t)
	if ok.StatusCode != 200 || string(ok.Payload) != "null" || *ok.ExecutedVersion != "$LATEST" {
		t.Errorf("invoked: %d %s %s", ok.StatusCode, ok.Payload, *ok.ExecutedVersion)
	}
	must(l.lambda.PutFunctionConcurrency(l.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("pay"), ReservedConcurrentExecutions: aws.Int32(0)}))(t)
	if c := must(l.lambda.GetFunctionConcurrency(l.ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("pay")}))(t); aws.ToInt32(c.ReservedConcurrentExecutions) != 0 || c.ReservedConcurrentExecutions == nil {
		t.Errorf("zero is not %v", c.ReservedConcurrentExecutions)
	}
	_, err := l.lambda.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: aws.String("pay")})
	var many *lt.TooManyRequestsException
	if !errors.As(err, &many) || many.Reason != lt.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded || !strings.Contains(err.Error(), "StatusCode: 429") {
		t.Errorf("throttled: %v", err)
	}
	event := must(l.lambda.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: aws.String("pay"), InvocationType: lt.InvocationTypeEvent}))(t)
	if event.StatusCode != 202 || l.lost("pay") != 1 {
		t.Errorf("an event is taken and lost: %d, %d lost", event.StatusCode, l.lost("pay"))
	}
	must(l.lambda.DeleteFunctionConcurrency(l.ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("pay")}))(t)
	must(l.lambda.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: aws.String("pay")}))(t)
}

func (l *lambdaAccount) lost(name string) int {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	return l.c.lambda.at(acct, "us-east-1", newLambdaState).functions[name].lost
}

// TestReservations (AWS: Lambda developer guide, "Lambda quotas": 1,000 of which 100 stay unreserved).
func TestReservations(t *testing.T) {
	l := newLambdaAccount(t, 0)
	reserve := func(name string, n int32) error {
		_, err := l.lambda.PutFunctionConcurrency(l.ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: &name, ReservedConcurrentExecutions: &n})
		return err
	}
	l.create("other", "x")
	wantCode(t, "900", reserve("pay", 900), "")
	wantCode(t, "one more", reserve("other", 1), "InvalidParameterValueException")
	wantCode(t, "901 in its place", reserve("pay", 901), "InvalidParameterValueException")
	wantCode(t, "less in its place", reserve("pay", 100), "")
	s := must(l.lambda.GetAccountSettings(l.ctx, &lambda.GetAccountSettingsInput{}))(t)
	if s.AccountLimit.ConcurrentExecutions != 1000 || *s.AccountLimit.UnreservedConcurrentExecutions != 900 || s.AccountUsage.FunctionCount != 2 {
		t.Errorf("settings %+v %d %+v", s.AccountLimit, *s.AccountLimit.UnreservedConcurrentExecutions, s.AccountUsage)
	}
}

// TestPoliciesPerQualifier (AWS: Lambda developer guide, "Using resource-based policies":
// each version and alias has its own).
func TestPoliciesPerQualifier(t *testing.T) {
	l := newLambdaAccount(t, 0)
	l.publish()
	l.alias("live", "1")
	for _, q := range []string{"", "live", "1"} {
		in := &lambda.AddPermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("s"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("999988887777")}
		want := functionARN
		if q != "" {
			in.Qualifier, want = &q, functionARN+":"+q
		}
		out := must(l.lambda.AddPermission(l.ctx, in))(t)
		if s := `{"Sid":"s","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"},"Action":"lambda:InvokeFunction","Resource":"` + want + `"}`; *out.Statement != s {
			t.Errorf("%q: statement %s, want %s", q, *out.Statement, s)
		}
		_, err := l.lambda.AddPermission(l.ctx, in)
		wantError(t, q+" twice", err, "ResourceConflictException", "The statement id (s) provided already exists. Please provide a new statement id, or remove the existing statement.")
	}
	must(l.lambda.RemovePermission(l.ctx, &lambda.RemovePermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("s")}))(t)
	_, err := l.lambda.GetPolicy(l.ctx, &lambda.GetPolicyInput{FunctionName: aws.String("pay")})
	wantError(t, "none left", err, "ResourceNotFoundException", "The resource you requested does not exist.")
	out := must(l.lambda.GetPolicy(l.ctx, &lambda.GetPolicyInput{FunctionName: aws.String("pay:live")}))(t)
	if !strings.Contains(*out.Policy, `"Id":"default"`) || !strings.Contains(*out.Policy, functionARN+":live") {
		t.Errorf("the alias keeps its own: %s", *out.Policy)
	}
}

// TestWholePolicies (AWS: API reference, PutResourcePolicy: it replaces what AddPermission
// built; both read the same document).
func TestWholePolicies(t *testing.T) {
	l := newLambdaAccount(t, 0)
	must(l.lambda.AddPermission(l.ctx, &lambda.AddPermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("old"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("s3.amazonaws.com")}))(t)
	got := must(l.lambda.GetResourcePolicy(l.ctx, &lambda.GetResourcePolicyInput{ResourceArn: aws.String(functionARN)}))(t)
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":["lambda:InvokeFunction","lambda:InvokeFunctionUrl"],"Resource":"` + functionARN + `"}]}`
	_, err := l.lambda.PutResourcePolicy(l.ctx, &lambda.PutResourcePolicyInput{ResourceArn: aws.String(functionARN), Policy: &deny, RevisionId: aws.String("00000000-0000-4000-8000-000000000000")})
	wantCode(t, "stale", err, "PreconditionFailedException")
	must(l.lambda.PutResourcePolicy(l.ctx, &lambda.PutResourcePolicyInput{ResourceArn: aws.String(functionARN), Policy: &deny, RevisionId: got.RevisionId}))(t)
	now := must(l.lambda.GetPolicy(l.ctx, &lambda.GetPolicyInput{FunctionName: aws.String("pay")}))(t)
	if strings.Contains(*now.Policy, "old") || !strings.Contains(*now.Policy, `"Deny"`) {
		t.Errorf("policy %s", *now.Policy)
	}
	_, err = l.lambda.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: aws.String("pay")})
	wantCode(t, "the administrator under the deny", err, "AccessDeniedException")
	must(l.lambda.DeleteResourcePolicy(l.ctx, &lambda.DeleteResourcePolicyInput{ResourceArn: aws.String(functionARN)}))(t)
	must(l.lambda.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: aws.String("pay")}))(t)
}

// TestCrossAccountInvoke (AWS: both sides have to allow it, and only what is granted).
func TestCrossAccountInvoke(t *testing.T) {
	l := newLambdaAccount(t, 0)
	other := l.c.Bootstrap("999988887777", "mallory", allowAll)
	outside := lambda.NewFromConfig(clientConfig(l.c, other))
	invoke := func() error {
		_, err := outside.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: aws.String(functionARN)})
		return err
	}
	wantCode(t, "before the grant", invoke(), "AccessDeniedException")
	must(l.lambda.AddPermission(l.ctx, &lambda.AddPermissionInput{FunctionName: aws.String("pay"), StatementId: aws.String("s"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*")}))(t)
	wantCode(t, "after the grant", invoke(), "")
	_, err := outside.GetFunction(l.ctx, &lambda.GetFunctionInput{FunctionName: aws.String(functionARN)})
	wantCode(t, "what was not granted", err, "AccessDeniedException")
	_, err = outside.GetFunction(l.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("pay")})
	wantCode(t, "a name is of the caller's own account", err, "ResourceNotFoundException")
}

// TestMappingStates (AWS: API reference, EventSourceMappingConfiguration, State).
func TestMappingStates(t *testing.T) {
	l := newLambdaAccount(t, time.Minute)
	m := must(l.lambda.CreateEventSourceMapping(l.ctx, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String("pay"), EventSourceArn: aws.String("arn:aws:sqs:us-east-1:" + acct + ":q")}))(t)
	state := func(want string) {
		t.Helper()
		if got := *must(l.lambda.GetEventSourceMapping(l.ctx, &lambda.GetEventSourceMappingInput{UUID: m.UUID}))(t).State; got != want {
			t.Errorf("state %s, want %s", got, want)
		}
	}
	if *m.State != "Creating" || *m.BatchSize != 10 || *m.FunctionArn != functionARN {
		t.Errorf("created %s %d %s", *m.State, *m.BatchSize, *m.FunctionArn)
	}
	set := func(enabled bool) error {
		_, err := l.lambda.UpdateEventSourceMapping(l.ctx, &lambda.UpdateEventSourceMappingInput{UUID: m.UUID, Enabled: &enabled})
		return err
	}
	wantCode(t, "while creating", set(false), "ResourceInUseException")
	l.wait()
	state("Enabled")
	wantCode(t, "settled", set(false), "")
	state("Disabling")
	wantCode(t, "while disabling", set(true), "ResourceInUseException")
	l.wait()
	state("Disabled")
	wantCode(t, "on again", set(true), "")
	state("Enabling")
	_, err := l.lambda.GetEventSourceMapping(l.ctx, &lambda.GetEventSourceMappingInput{UUID: aws.String("11111111-2222-4333-8444-555555555555")})
	wantError(t, "none", err, "ResourceNotFoundException", "The resource you requested does not exist.")
}

// TestPages (AWS: API reference: a list gives 50 a page, and MaxItems fewer).
func TestPages(t *testing.T) {
	l := newLambdaAccount(t, 0)
	for i := range 54 {
		must(l.lambda.CreateFunction(l.ctx, l.newFunction(fmt.Sprintf("f%02d", i), "x")))(t)
	}
	for _, size := range []int32{0, 20} {
		in, seen, pages := &lambda.ListFunctionsInput{}, map[string]bool{}, 0
		if size > 0 {
			in.MaxItems = &size
		}
		for {
			out := must(l.lambda.ListFunctions(l.ctx, in))(t)
			pages++
			for _, f := range out.Functions {
				seen[*f.FunctionName] = true
				if f.State != "" || f.LastUpdateStatus != "" || f.Environment.Variables["KEY"] != "v" {
					t.Fatalf("listed as %+v", f)
				}
			}
			if in.Marker = out.NextMarker; in.Marker == nil {
				break
			}
		}
		if want := map[int32]int{0: 2, 20: 3}[size]; pages != want || len(seen) != 55 {
			t.Errorf("%d a page: %d pages, %d functions", size, pages, len(seen))
		}
	}
}

// TestExecutionCredentials: a function's credentials work, name the function in CloudTrail
// (inScopeOf), and stop where the role's trust ends.
func TestExecutionCredentials(t *testing.T) {
	l := newLambdaAccount(t, 0)
	l.put("app", "more", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:ListFunctions","Resource":"*"}]}`)
	one := must(l.c.ExecutionCredentials(functionARN))(t)
	two := must(l.c.ExecutionCredentials(functionARN))(t)
	if one == two {
		t.Error("a new environment has the credentials of the old one")
	}
	if who := must(whoami(clientConfig(l.c, one)))(t); who != "arn:aws:sts::"+acct+":assumed-role/app/pay" {
		t.Errorf("they are %s", who)
	}
	wantCode(t, "what the role may", callLambda(clientConfig(l.c, one)), "")
	var last struct {
		UserIdentity struct{ InScopeOf *inScopeOf }
	}
	records := l.c.Records()
	if err := json.Unmarshal(records[len(records)-1], &last); err != nil {
		t.Fatal(err)
	}
	if s := last.UserIdentity.InScopeOf; s == nil || s.To != functionARN || s.Version != "$LATEST" || s.IssuerType != "AWS::Lambda::Function" {
		t.Errorf("in scope of %+v", s)
	}
	if !strings.Contains(string(must(json.Marshal(records))(t)), `"roleSessionName":"awslambda_`) {
		t.Error("no record of the service's AssumeRole")
	}
	must(l.iam.UpdateAssumeRolePolicy(l.ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("app"), PolicyDocument: aws.String(rootTrust)}))(t)
	if _, err := l.c.ExecutionCredentials(functionARN); err == nil {
		t.Error("credentials of a role that Lambda may not assume")
	}
}

// TestLogsOfAnInvocation: written with the role's permissions, or not at all.
func TestLogsOfAnInvocation(t *testing.T) {
	l := newLambdaAccount(t, 0)
	lines := func() int {
		l.c.mu.Lock()
		defer l.c.mu.Unlock()
		n := 0
		if g := l.c.logs.at(acct, "us-east-1", newLogsState).groups["/aws/lambda/pay"]; g != nil {
			for _, s := range g.streams {
				n += len(s.events)
			}
		}
		return n
	}
	must(l.lambda.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: aws.String("pay")}))(t)
	if n := lines(); n != 3 {
		t.Errorf("%d lines: START, END and REPORT are three", n)
	}
	l.put("app", "quarantine", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`)
	must(l.lambda.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: aws.String("pay")}))(t)
	if n := lines(); n != 3 {
		t.Errorf("%d lines: a role that may not write logs wrote some", n)
	}
}
