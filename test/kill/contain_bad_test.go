package kill

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// bad is one way in which containment goes wrong: what is planned, what happens between plan
// and apply, and how the command has to end.
type bad struct {
	name    string
	plan    []string // of `contain plan`; nil: role-quarantine and concurrency-zero of the function
	between func(t *testing.T, a *arena, plan string)
	env     func(a *arena) []string // of apply, in place of the responder's
	faults  []awssim.Fault          // during apply
	apply   func(t *testing.T, a *arena, plan string) (int, string)
	code    int
	says    []string // regular expressions: what went wrong, and where
	next    string   // the command that would mend it
	force   []string // acts in force afterwards
	others  bool     // another case may have put them in force: status then says "before us"
}

func leakyOnly() []string { return []string{"--function", "leaky", "--act", "concurrency-zero"} }

func bads() []bad {
	denied := awssim.Fail{Denied: true, Code: "AccessDeniedException", Status: 403}
	both := []string{"concurrency-zero", "role-quarantine"}
	zero := "Lambda:PutFunctionConcurrency"
	return []bad{
		{name: "plan edited by hand", between: edited, code: 4, says: []string{"the plan was changed after it was made"}, next: "freezeframe contain plan --function NAME"},
		{name: "plan for another account", env: otherAccount, code: 4, says: []string{"the plan is for account " + bench.AccountID + ", the session is at 444455556666"}, next: "--profile"},
		{name: "plan for another region", env: otherRegion, code: 4, says: []string{"the plan is for region " + bench.Region + ", the session is at us-east-2"}, next: "--region"},
		{name: "stale plan", between: reserved, code: 4, says: []string{"lambda.concurrency of .*function:payments is not as planned: planned .*, now .*7"}, next: "freezeframe contain plan --function NAME"},
		{name: "resource gone", plan: leakyOnly(), between: deleted, code: 4, says: []string{"freezeframe: arn:aws:lambda:.*function:leaky is gone since it was planned for"}, next: "freezeframe contain plan"},
		{name: "resource replaced by one of the same name (function)", plan: leakyOnly(), between: replacedFunction, code: 4, says: []string{"execution role of .*function:leaky is not what was planned for: planned .*leaky-role, now .*rotator-role"}, next: "freezeframe contain plan"},
		{name: "resource replaced by one of the same name (role)", plan: []string{"--actor", "arn:aws:iam::" + bench.AccountID + ":role/lent", "--act", "role-quarantine"}, between: replacedRole, code: 4,
			says: []string{"role .*role/lent is not what was planned for: planned AROA.*, now AROA"}, next: "freezeframe contain plan"},
		{name: "policy at its size limit", between: crammed, code: 3, says: []string{"!! role-quarantine: failed .*LimitExceeded.*role/payments-role|!! role-quarantine: failed .*payments-role.*LimitExceeded"}, next: "role-attach-deny", force: []string{"concurrency-zero"}},
		{name: "throttling", faults: []awssim.Fault{{Op: zero, Nth: 1, Fail: awssim.Fail{Throttled: true}}, {Op: zero, Nth: 2, Fail: awssim.Fail{Throttled: true}}}, code: 0, says: []string{"ok concurrency-zero: done"}, force: both},
		{name: "conflict while Pending", faults: []awssim.Fault{{Op: zero, Nth: 1, Fail: awssim.Fail{Code: "ResourceConflictException", Status: 409}}}, code: 0, says: []string{"ok concurrency-zero: done"}, force: both},
		{name: "no permission half-way", faults: []awssim.Fault{{Op: zero, Fail: denied}}, code: 3, says: []string{"!! concurrency-zero: failed .*PutFunctionConcurrency.*function:payments.*AccessDenied"}, next: "freezeframe doctor --policy contain", force: []string{"role-quarantine"}},
		{name: "killed half-way", apply: killed, code: -1, says: []string{"concurrency-zero .*in force"}, force: both},
		{name: "undo of what somebody changed since", between: appliedAndReserved, apply: undone, code: 4, says: []string{"lambda.concurrency of .*function:payments is not as it was left: left .*0.*, now .*7"}, next: "freezeframe contain status", force: []string{"role-quarantine"}},
		{name: "two responders applying at once", apply: twice, others: true, code: 0, says: []string{"(?s)ok concurrency-zero.*ok concurrency-zero"}, force: both},
	}
}

// TestContainBadInput is the table of how containment goes wrong, by the built binary: each
// ends in one message that says what, where, and the command that would mend it, and `contain
// status` then says what the account says.
func TestContainBadInput(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is killed is built without the race detector; the plain run has it")
	}
	binary, tried := build(t), 0
	for _, b := range bads() {
		t.Run(b.name, func(t *testing.T) {
			tried++
			a := newArena(t, binary)
			a.cases++
			a.run(t, 0, "case", "open", filepath.Join(a.dir, fmt.Sprint("case", a.cases)), "--title", "t", "--authority", "a", "--operator", "o")
			plan := filepath.Join(a.dir, "plan.json")
			if b.plan == nil {
				b.plan = []string{"--function", bench.Function, "--act", "role-quarantine", "--act", "concurrency-zero", "--accept-shared-role"}
			}
			a.run(t, 0, append([]string{"contain", "plan", "--out", plan}, b.plan...)...)
			if b.between != nil {
				b.between(t, a, plan)
			}
			var env []string
			if b.env != nil {
				env = b.env(a)
			}
			before := a.acct.Cloud.Digest()
			for _, f := range b.faults {
				a.acct.Cloud.Inject(f)
			}
			code, said := b.run(t, a, plan, env)
			a.acct.Cloud.ClearFaults()
			b.judge(t, code, said)
			if code == 4 && a.acct.Cloud.Digest() != before {
				t.Error("refused, and the account is another one")
			}
			b.truth(t, a)
			t.Logf("exit code %d: %s", code, lastOf(said))
		})
	}
	t.Logf("%d cells, 0 skipped", tried)
	if tried < 12 {
		t.Errorf("only %d cells", tried)
	}
}

func (b *bad) run(t *testing.T, a *arena, plan string, env []string) (int, string) {
	t.Helper()
	if b.apply != nil {
		return b.apply(t, a, plan)
	}
	cmd := a.command("contain", "apply", plan, "--override", "a test")
	cmd.Env = append(cmd.Env, env...)
	return ended(cmd)
}

func ended(cmd *exec.Cmd) (int, string) {
	out, err := cmd.CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // os/exec's own, as it comes
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		return -2, err.Error()
	}
	return 0, string(out)
}

// judge: the code, one message, and the hint.
func (b *bad) judge(t *testing.T, code int, said string) {
	t.Helper()
	if code != b.code {
		t.Errorf("exit code %d, want %d", code, b.code)
	}
	for _, re := range b.says {
		if !regexp.MustCompile(re).MatchString(said) {
			t.Errorf("not said: %s\n%s", re, said)
		}
	}
	if n := strings.Count(said, "freezeframe: "); b.code > 0 && n != 1 {
		t.Errorf("%d messages at its end:\n%s", n, said)
	}
	if b.next != "" && !regexp.MustCompile(`next: .*`+regexp.QuoteMeta(b.next)).MatchString(said) {
		t.Errorf("no hint at %q:\n%s", b.next, said)
	}
	for _, odd := range []string{"panic", "goroutine ", "%!"} {
		if strings.Contains(said, odd) {
			t.Errorf("it says %q:\n%s", odd, said)
		}
	}
}

// truth: the case's word against the account's own.
func (b *bad) truth(t *testing.T, a *arena) {
	t.Helper()
	code, said := ended(a.command("contain", "status", "--json", "--quiet"))
	from := strings.IndexAny(said, "[{")
	var all []struct{ Act, State string }
	if code != 0 || from < 0 || json.NewDecoder(strings.NewReader(said[from:])).Decode(&all) != nil {
		t.Fatalf("status: exit code %d\n%s", code, said)
	}
	var claimed []string
	for _, s := range all {
		if (s.State == "in force" || b.others && s.State == "before us") && (s.Act == "concurrency-zero" || s.Act == "role-quarantine") {
			claimed = append(claimed, s.Act)
		}
	}
	slices.Sort(claimed)
	if want := fmt.Sprint(b.force); fmt.Sprint(claimed) != want {
		t.Errorf("status says that %v are in force, want %s:\n%s", claimed, want, said)
	}
	ctx := context.Background()
	out, err := lambda.NewFromConfig(a.config()).GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String(bench.Function)})
	if err != nil {
		t.Fatal(err)
	}
	if real := out.ReservedConcurrentExecutions != nil && *out.ReservedConcurrentExecutions == 0; real != slices.Contains(claimed, "concurrency-zero") {
		t.Errorf("concurrency is 0: %v; status says %v", real, claimed)
	}
	policies, err := iam.NewFromConfig(a.config()).ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: aws.String("payments-role")})
	if err != nil {
		t.Fatal(err)
	}
	if real := slices.Contains(policies.PolicyNames, "freezeframe-quarantine"); real != slices.Contains(claimed, "role-quarantine") {
		t.Errorf("the role has %v; status says %v", policies.PolicyNames, claimed)
	}
}

func lastOf(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return strings.Join(lines[max(0, len(lines)-2):], " | ")
}

func (a *arena) config() aws.Config {
	return aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.acct.Cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(a.acct.Keys.AccessKeyID, a.acct.Keys.SecretAccessKey, "")}
}

func edited(t *testing.T, _ *arena, plan string) {
	t.Helper()
	text, err := os.ReadFile(plan) //nolint:gosec // of this test
	if err == nil {
		err = os.WriteFile(plan, []byte(strings.Replace(string(text), `"order": "role-first"`, `"order": "concurrency-first"`, 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func otherAccount(a *arena) []string {
	k := a.acct.Cloud.Bootstrap("444455556666", "elsewhere", everything)
	return []string{"AWS_ACCESS_KEY_ID=" + k.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + k.SecretAccessKey}
}

func otherRegion(*arena) []string { return []string{"AWS_REGION=us-east-2"} }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func appliedAndReserved(t *testing.T, a *arena, plan string) {
	a.run(t, 0, "contain", "apply", plan, "--override", "a test")
	reserved(t, a, plan)
}

func undone(_ *testing.T, a *arena, _ string) (int, string) {
	return ended(a.command("contain", "undo", "concurrency-zero", "--reason", "a test"))
}

func reserved(t *testing.T, a *arena, _ string) {
	t.Helper()
	_, err := lambda.NewFromConfig(a.config()).PutFunctionConcurrency(context.Background(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String(bench.Function), ReservedConcurrentExecutions: aws.Int32(7)})
	check(t, err)
}

func deleted(t *testing.T, a *arena, _ string) {
	t.Helper()
	_, err := lambda.NewFromConfig(a.config()).DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: aws.String("leaky")})
	check(t, err)
}

func replacedFunction(t *testing.T, a *arena, plan string) {
	t.Helper()
	deleted(t, a, plan)
	_, err := lambda.NewFromConfig(a.config()).CreateFunction(context.Background(), &lambda.CreateFunctionInput{FunctionName: aws.String("leaky"), Role: aws.String("arn:aws:iam::" + bench.AccountID + ":role/rotator-role"),
		Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"), Code: &lambdatypes.FunctionCode{ZipFile: emptyZip}})
	check(t, err)
}

func replacedRole(t *testing.T, a *arena, _ string) {
	t.Helper()
	c, ctx, name := iam.NewFromConfig(a.config()), context.Background(), aws.String("lent")
	old, err := c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	check(t, err)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	check(t, err)
	_, err = c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	check(t, err)
	if now, err := c.GetRole(ctx, &iam.GetRoleInput{RoleName: name}); err != nil || aws.ToString(now.Role.RoleId) == aws.ToString(old.Role.RoleId) {
		t.Fatalf("not another role: %v", err)
	}
}

// crammed leaves no room among the role's inline policies (10,240 characters).
func crammed(t *testing.T, a *arena, _ string) {
	t.Helper()
	for _, size := range []int{4000, 4001, 2000, 1000, 500, 250, 120, 60, 30, 15, 8, 4, 2, 1} {
		_, err := iam.NewFromConfig(a.config()).PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{RoleName: aws.String("payments-role"), PolicyName: aws.String(fmt.Sprint("full", size)),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + strings.Repeat("x", size) + `"}]}`)})
		if err != nil && !strings.Contains(err.Error(), "LimitExceeded") {
			t.Fatal(err)
		}
	}
}

// killed dies when AWS has done what was asked, and nobody heard of it; what it came to is
// then status's to say.
func killed(t *testing.T, a *arena, plan string) (int, string) {
	t.Helper()
	a.die(t, "Lambda:PutFunctionConcurrency", true, "contain", "apply", plan, "--override", "a test")
	_, said := ended(a.command("contain", "status"))
	return -1, said
}

// twice applies one plan from two cases at the same time.
func twice(t *testing.T, a *arena, plan string) (int, string) {
	t.Helper()
	a.cases++
	a.run(t, 0, "case", "open", filepath.Join(a.dir, fmt.Sprint("case", a.cases)), "--title", "t", "--authority", "a", "--operator", "p")
	other := a.command("contain", "apply", plan, "--override", "a test")
	a.cases--
	first := a.command("contain", "apply", plan, "--override", "a test")
	type end struct {
		code int
		said string
	}
	ends := make(chan end, 2)
	for _, cmd := range []*exec.Cmd{first, other} {
		go func() {
			code, said := ended(cmd)
			ends <- end{code, said}
		}()
	}
	x, y := <-ends, <-ends
	return max(x.code, y.code), x.said + y.said
}
