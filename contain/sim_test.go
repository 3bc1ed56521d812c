package contain

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const simAccount, simRegion = "111122223333", "eu-west-1"

// stage is a simulated account with a function that every act finds something on.
type stage struct {
	cloud *awssim.Cloud
	admin aws.Config
	bench *fakeBench
	mu    sync.Mutex
	calls map[string]bool // made by the session
}

func newStage(t *testing.T) *stage {
	t.Helper()
	cloud := awssim.New(awssim.Config{AccountID: simAccount, Region: simRegion, Seed: 7, Settle: 3 * time.Second, IAMDelay: 5 * time.Second})
	admin := cloud.Bootstrap(simAccount, "admin", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	cfg := aws.Config{Region: simRegion, HTTPClient: cloud.Client(), BaseEndpoint: aws.String("http://127.0.0.1:1"),
		Credentials: credentials.NewStaticCredentialsProvider(admin.AccessKeyID, admin.SecretAccessKey, "")}
	build(t, cfg)
	time.Sleep(time.Minute) // all is settled
	s := &stage{cloud: cloud, admin: cfg, bench: &fakeBench{}, calls: map[string]bool{}}
	var err error
	s.bench.s, err = awsapi.Connect(t.Context(), awsapi.Options{
		Region: simRegion, EndpointURL: "http://127.0.0.1:1", HTTPClient: cloud.Client(), Record: s.record,
		Credentials: credentials.NewStaticCredentialsProvider(admin.AccessKeyID, admin.SecretAccessKey, ""),
	})
	must(t, err)
	s.bench.c, err = evidence.CreateCase(t.Context(), &memory{objs: map[string][]byte{}}, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "alice", Home: t.TempDir()})
	must(t, err)
	return s
}

func (s *stage) record(x awsapi.Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[x.Call] = true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func build(t *testing.T, cfg aws.Config) {
	t.Helper()
	ctx, l, i := t.Context(), lambda.NewFromConfig(cfg), iam.NewFromConfig(cfg)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com","AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}`
	role, err := i.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("payments-role"), Path: aws.String("/service/"), AssumeRolePolicyDocument: &trust})
	must(t, err)
	_, err = i.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("payments-role"), PolicyName: aws.String("app"),
		PolicyDocument: aws.String(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "sqs:*", "lambda:ListFunctions"], "Resource": "*"}]}`)})
	must(t, err)
	if _, err := sqs.NewFromConfig(cfg).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("orders")}); err != nil {
		t.Logf("no queue (%v): the mapping below shows whether one is needed", err)
	}
	queue := aws.String("arn:aws:sqs:" + simRegion + ":" + simAccount + ":orders")
	time.Sleep(time.Minute)
	for _, f := range []string{"payments", "refunds"} {
		_, err = l.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String(f), Role: role.Role.Arn, Handler: aws.String("h.h"),
			Runtime: lambdatypes.RuntimePython312, Code: &lambdatypes.FunctionCode{ZipFile: zipped(t)}})
		must(t, err)
	}
	time.Sleep(time.Minute)
	fn := aws.String("payments")
	v, err := l.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: fn})
	must(t, err)
	_, err = l.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: fn, Name: aws.String("live"), FunctionVersion: v.Version})
	must(t, err)
	_, err = l.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: fn, ReservedConcurrentExecutions: aws.Int32(5)})
	must(t, err)
	_, err = l.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: fn, Qualifier: aws.String("live"), ProvisionedConcurrentExecutions: aws.Int32(2)})
	must(t, err)
	for _, target := range []string{"payments", "payments:live"} {
		_, err = l.CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String(target), EventSourceArn: queue})
		if target != "payments" && err != nil && isCode(err, "ResourceConflictException") {
			continue // one queue, one function: not the point here
		}
		must(t, err)
	}
	exposed(t, l, fn)
}

// exposed adds what an attacker would: URLs and grants.
func exposed(t *testing.T, l *lambda.Client, fn *string) {
	t.Helper()
	ctx := t.Context()
	for _, q := range []*string{nil, aws.String("live")} {
		_, err := l.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: fn, Qualifier: q, AuthType: lambdatypes.FunctionUrlAuthTypeNone,
			InvokeMode: lambdatypes.InvokeModeResponseStream, Cors: &lambdatypes.Cors{AllowOrigins: []string{"https://shop.example"}, MaxAge: aws.Int32(60)}})
		must(t, err)
		grant := func(sid, principal string, more func(*lambda.AddPermissionInput)) {
			in := &lambda.AddPermissionInput{FunctionName: fn, Qualifier: q, StatementId: aws.String(sid), Principal: aws.String(principal), Action: aws.String("lambda:InvokeFunction")}
			if more != nil {
				more(in)
			}
			_, err := l.AddPermission(ctx, in)
			must(t, err)
		}
		grant("evil", "999988887777", nil)
		grant("owner", "events.amazonaws.com", func(in *lambda.AddPermissionInput) {
			in.SourceArn = aws.String("arn:aws:events:eu-west-1:111122223333:rule/nightly")
		})
		grant("open", "*", func(in *lambda.AddPermissionInput) {
			in.Action, in.FunctionUrlAuthType = aws.String("lambda:InvokeFunctionUrl"), lambdatypes.FunctionUrlAuthTypeNone
		})
	}
	// A policy as PutResourcePolicy writes it: no Sid, and one that names friend and foe.
	arn := "arn:aws:lambda:eu-west-1:111122223333:function:payments:1"
	_, err := l.PutResourcePolicy(ctx, &lambda.PutResourcePolicyInput{ResourceArn: &arn, Policy: aws.String(`{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::999988887777:root"]},"Action":"lambda:InvokeFunction","Resource":"` + arn + `"}]}`)})
	must(t, err)
}

func zipped(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("h.py")
	must(t, err)
	_, err = w.Write([]byte("def h(e, c): return 1\n"))
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

func TestCatalogue(t *testing.T) {
	names, docs := map[string]bool{}, map[string]*document{}
	for _, a := range All() {
		if names[a.Name] {
			t.Errorf("two acts are called %s", a.Name)
		}
		names[a.Name] = true
		if a.About == "" || a.Kind == "" || len(a.Attack) == 0 || a.keys == nil || a.rank == nil || len(a.Needs) == 0 {
			t.Errorf("%s is not wholly declared", a.Name)
		}
		if docs[a.Doc] != nil && docs[a.Doc] != a.doc {
			t.Errorf("two documents are called %s", a.Doc)
		}
		docs[a.Doc] = a.doc
		for _, n := range a.Needs {
			if awsapi.Mutating(n.Call) != n.Mutates || len(n.IAM) == 0 {
				t.Errorf("%s declares %s wrongly", a.Name, n.Call)
			}
		}
		for _, r := range a.requires {
			if _, err := actNamed(r); err != nil {
				t.Errorf("%s requires %v", a.Name, err)
			}
		}
	}
}

// plannedCalls: what was intended is what was planned, call by call.
func plannedCalls(t *testing.T, p *Plan, run *Run) {
	t.Helper()
	for _, m := range p.Moves {
		for _, o := range run.Outcomes {
			if o.Doc != m.Doc || o.Key != m.Key || m.AtApply {
				continue
			}
			if diff := cmp.Diff(show(m.Calls), show(o.Calls)); diff != "" {
				t.Errorf("%s: calls differ from the plan's: %s", name(m.Doc, m.Key), diff)
			}
			if o.Writes != len(m.Calls) {
				t.Errorf("%s: %d writes, %d were planned", name(m.Doc, m.Key), o.Writes, len(m.Calls))
			}
		}
	}
}

func show(all []Call) []string {
	var out []string
	for _, c := range all {
		out = append(out, c.Call+" "+string(c.Params))
	}
	return out
}

func texts(all map[string]json.RawMessage) map[string]string {
	out := map[string]string{}
	for k, v := range all {
		out[k] = string(v)
	}
	return out
}

// TestEverything contains with all acts: stolen credentials stop working, the whole is
// undone, and the account is as before.
func TestEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		thief := s.steal(t)
		before := s.cloud.Objects()
		if err := thief(); err != nil {
			t.Fatal("the thief has nothing to lose:", err)
		}
		p := s.bench.plan(t)
		s.bench.preserve(t, p)
		run, err := Apply(t.Context(), ApplyInput{Session: s.bench.s, Case: s.bench.c, Plan: p})
		must(t, err)
		if run.Status() != StatusDone {
			t.Fatalf("%+v", run.Acts)
		}
		time.Sleep(time.Minute)
		if err := thief(); !isCode(err, "AccessDeniedException") {
			t.Errorf("the thief goes on: %v", err)
		}
		s.released(t, thief)
		und, err := Undo(t.Context(), LiftInput{Session: s.bench.s, Case: s.bench.c, All: true, AcceptRisk: "test", Reason: "test"})
		must(t, err)
		if und.Status() != StatusDone {
			t.Fatalf("%+v", und.Acts)
		}
		time.Sleep(time.Minute)
		if err := thief(); err != nil {
			t.Errorf("a false alarm, and the role is still denied: %v", err)
		}
		if diff := cmp.Diff(texts(before), texts(s.cloud.Objects())); diff != "" {
			t.Errorf("not as before (-before +after):\n%s", diff)
		}
		if len(before) < 10 {
			t.Errorf("only %d objects: the account is too small to show anything", len(before))
		}
	})
}

// released: lifting isolation does not give the thief's session its power back, and a
// new session of the role works.
func (s *stage) released(t *testing.T, thief func() error) {
	t.Helper()
	run, err := Release(t.Context(), LiftInput{Session: s.bench.s, Case: s.bench.c})
	must(t, err)
	if run.Status() != StatusDone {
		t.Fatalf("release: %+v", run.Acts)
	}
	time.Sleep(time.Minute)
	if err := thief(); !isCode(err, "AccessDeniedException") {
		t.Errorf("released, and the thief is back: %v", err)
	}
	if err := s.steal(t)(); err != nil {
		t.Errorf("released, and a new session is denied: %v", err)
	}
}

// steal takes a session of the role and gives what its holder does.
func (s *stage) steal(t *testing.T) func() error {
	t.Helper()
	out, err := sts.NewFromConfig(s.admin).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::111122223333:role/service/payments-role"), RoleSessionName: aws.String("payments"),
	})
	must(t, err)
	cfg := s.admin.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return func() error {
		_, err := lambda.NewFromConfig(cfg).ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
		return err
	}
}
