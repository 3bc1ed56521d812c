package contain

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

const abroad = "arn:aws:lambda:us-east-1:111122223333:function:refunds"

// emigrate makes a function of the same role in another region.
func (s *stage) emigrate(t *testing.T) {
	t.Helper()
	cfg := s.admin.Copy()
	cfg.Region = "us-east-1"
	_, err := lambda.NewFromConfig(cfg).CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: aws.String("refunds"), Role: aws.String("arn:aws:iam::111122223333:role/service/payments-role"),
		Handler: aws.String("h.h"), Runtime: lambdatypes.RuntimePython312, Code: &lambdatypes.FunctionCode{ZipFile: zipped(t)}})
	must(t, err)
	time.Sleep(time.Minute)
}

// holds says whether the role's quarantine names these log groups.
func (s *stage) quarantine(t *testing.T) string {
	t.Helper()
	out, err := iam.NewFromConfig(s.admin).GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: aws.String("payments-role"), PolicyName: aws.String(quarantinePolicy)})
	if isCode(err, "NoSuchEntity") {
		return ""
	}
	must(t, err)
	return plainJSON(aws.ToString(out.PolicyDocument))
}

// TestSeveralTargets: three functions of one role, one of them in another region, are one
// plan; the role's deny is one move that names all three, and lifting one leaves the others'.
func TestSeveralTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.emigrate(t)
		before := s.cloud.Objects()
		p, err := NewPlan(t.Context(), PlanInput{Session: s.bench.s, Functions: []string{"payments", "refunds", abroad, "payments:live"}, Level: LevelStop, AcceptSharedRole: true})
		must(t, err)
		if len(p.Targets) != 3 || len(p.Unplanned) != 0 || len(p.Shared) != 1 || len(p.Shared[0].Functions) != 0 {
			t.Fatalf("targets %v, unplanned %v, shared %+v", p.arns(), p.Unplanned, p.Shared)
		}
		moves := map[string]int{}
		for _, m := range p.Moves {
			moves[m.Doc]++
			if m.Doc == docRolePolicy && len(m.Edits) != 3 {
				t.Errorf("the role's move has %d reasons", len(m.Edits))
			}
		}
		if diff := cmp.Diff(map[string]int{docRolePolicy: 1, "lambda.concurrency": 3, "lambda.provisioned": 1}, moves); diff != "" {
			t.Error(diff)
		}
		s.bench.preserve(t, p)
		run, err := Apply(t.Context(), ApplyInput{Session: s.bench.s, Case: s.bench.c, Plan: p, Fast: true})
		must(t, err)
		if run.Status() != StatusDone {
			t.Fatalf("%+v", run.Acts)
		}
		if q := s.quarantine(t); strings.Count(q, "log-group:") != 6 || !strings.Contains(q, "us-east-1") {
			t.Errorf("the quarantine names %s", q)
		}
		rel, err := Release(t.Context(), LiftInput{Session: s.bench.s, Case: s.bench.c, Function: abroad})
		must(t, err)
		if q := s.quarantine(t); rel.Status() != StatusDone || strings.Count(q, "log-group:") != 4 || strings.Contains(q, "us-east-1") {
			t.Errorf("after releasing one: %s %s", rel.Status(), q)
		}
		rel, err = Release(t.Context(), LiftInput{Session: s.bench.s, Case: s.bench.c})
		must(t, err)
		if diff := cmp.Diff(texts(before), texts(s.cloud.Objects())); diff != "" || rel.Status() != StatusDone {
			t.Errorf("not as before: %s %s", rel.Status(), diff)
		}
	})
}

// TestSharedRoleIsAskedAbout: without a word the narrower deny is planned, which stops this
// function's sessions and no others.
func TestSharedRoleIsAskedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		thief, neighbour := s.steal(t), s.session(t, "refunds")
		p, err := NewPlan(t.Context(), PlanInput{Session: s.bench.s, Functions: []string{"payments"}, Level: LevelStop})
		must(t, err)
		if len(p.Unplanned) != 1 || p.Unplanned[0].Act != actQuarantine || !strings.Contains(p.Unplanned[0].Error, "refunds") {
			t.Errorf("unplanned %+v", p.Unplanned)
		}
		if len(p.Shared) != 1 || len(p.Shared[0].Functions) != 1 || !slices.Contains(p.Shared[0].Trusted, "arn:aws:iam::111122223333:root") {
			t.Errorf("shared %+v", p.Shared)
		}
		i := slices.IndexFunc(p.Acts, func(a PlannedAct) bool { return a.Act == actScoped })
		if i < 0 || !strings.Contains(strings.Join(p.Acts[i].Worth, "\n"), "worth nothing against arn:aws:iam::111122223333:root") {
			t.Fatalf("the scoped deny: %+v", p.Acts)
		}
		s.bench.preserve(t, p)
		run, err := Apply(t.Context(), ApplyInput{Session: s.bench.s, Case: s.bench.c, Plan: p})
		must(t, err)
		if run.Status() != StatusSkipped || len(run.Checks) != 1 || !run.Checks[0].OK {
			t.Errorf("%s %+v, checks %+v", run.Status(), run.Acts, run.Checks)
		}
		time.Sleep(time.Minute)
		if err := thief(); !isCode(err, "AccessDeniedException") {
			t.Errorf("the thief goes on: %v", err)
		}
		if err := neighbour(); err != nil {
			t.Errorf("another function's session is denied: %v", err)
		}
	})
}

// session is one of the role under a name.
func (s *stage) session(t *testing.T, name string) func() error {
	t.Helper()
	out, err := sts.NewFromConfig(s.admin).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::111122223333:role/service/payments-role"), RoleSessionName: aws.String(name)})
	must(t, err)
	cfg := s.admin.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return func() error {
		_, err := lambda.NewFromConfig(cfg).ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
		return err
	}
}

// TestActors: the actor's role is denied by its session's ARN; what cannot be edited here
// comes as a text for whoever can; one's own is refused.
func TestActors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		before := s.cloud.Objects()
		reserved := "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"
		in := PlanInput{Session: s.bench.s, Level: LevelIsolate, IdentityUser: "93679762-5041-70b5-0f1c-example", Actors: []string{
			"arn:aws:sts::111122223333:assumed-role/payments-role/mallory", reserved, "arn:aws:iam::111122223333:user/mallory"}}
		p, err := NewPlan(t.Context(), in)
		must(t, err)
		if len(p.Targets) != 3 || p.Targets[0].ARN != "arn:aws:iam::111122223333:role/service/payments-role" || !strings.HasPrefix(p.Targets[0].ID, "AROA") {
			t.Errorf("targets %+v", p.Targets)
		}
		var text struct {
			Statement []struct {
				Effect    string
				Condition map[string]map[string]string
			}
		}
		if len(p.Texts) != 1 || p.Texts[0].For != reserved || json.Unmarshal(p.Texts[0].Body, &text) != nil ||
			text.Statement[0].Effect != "Deny" || text.Statement[0].Condition["StringEquals"]["identitystore:userId"] != in.IdentityUser {
			t.Errorf("texts %+v", p.Texts)
		}
		for _, m := range p.Moves {
			if m.Doc == docRolePolicy && m.Resource != p.Targets[0].ARN {
				t.Errorf("planned on %s", m.Resource)
			}
		}
		if !slices.ContainsFunc(p.Unplanned, func(u Unplanned) bool { return strings.Contains(u.Error, "Identity Center") }) {
			t.Errorf("unplanned %+v", p.Unplanned)
		}
		s.bench.preserve(t, p)
		_, err = Apply(t.Context(), ApplyInput{Session: s.bench.s, Case: s.bench.c, Plan: p})
		must(t, err)
		if q := s.quarantine(t); !strings.Contains(q, `"Action":"*"`) {
			t.Errorf("the actor's role is left with %s", q)
		}
		_, err = Undo(t.Context(), LiftInput{Session: s.bench.s, Case: s.bench.c, All: true, Reason: "test", AcceptRisk: "test"})
		must(t, err)
		if diff := cmp.Diff(texts(before), texts(s.cloud.Objects())); diff != "" {
			t.Error(diff)
		}
		for _, c := range []struct {
			actor string
			want  error
		}{{"arn:aws:iam::999988887777:user/mallory", ErrOtherAccount}, {"mallory", ErrBadPlan}, {"arn:aws:iam::111122223333:root", ErrBadPlan}} {
			if _, err := NewPlan(t.Context(), PlanInput{Session: s.bench.s, Actors: []string{c.actor}}); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", c.actor, err)
			}
		}
		if err := guardTarget(Act{Name: "x", On: []TargetKind{OnUser}}, Target{Kind: OnUser, Account: "111122223333", ARN: s.bench.s.Identity.ARN}, s.bench.s.Identity.ARN, nil, nil); !errors.Is(err, ErrProtected) {
			t.Errorf("one's own user: %v", err)
		}
	})
}

// TestFindings: what stands is answered on its own target alone, or listed for hands.
func TestFindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		fn := "arn:aws:lambda:eu-west-1:111122223333:function:payments"
		f := func(kind, change, arn, name string, state finding.State) finding.Finding {
			return finding.Finding{Kind: kind, Change: change, ARN: arn, Name: name, Account: simAccount, Region: simRegion, State: state, Event: kind + name, Action: "x:Y"}
		}
		abroad := f("function-url", "created", fn, "function/"+fn+"/url/", finding.Standing)
		abroad.Account = "999988887777"
		all := []finding.Finding{
			f("function-url", "created", fn, "function/"+fn+"/url/live", finding.Standing),
			f("function-permission", "granted", "payments", "function/payments/statement/owner/live", finding.Standing), // one's own service, and hostile all the same
			f("function-url", "created", fn, "function/"+fn+"/url/gone", finding.Standing),
			f("function-code", "changed", fn+"-none", "", finding.Standing),
			f("concurrency", "changed", fn, "", finding.Undone),
			f("made-up", "created", "arn:aws:x:::y", "", finding.Disabled), abroad,
		}
		p, err := NewPlan(t.Context(), PlanInput{Session: s.bench.s, Findings: all})
		must(t, err)
		var whys []string
		for _, u := range p.Unanswered {
			whys = append(whys, u.Why)
		}
		if len(whys) != 4 || !strings.Contains(strings.Join(whys, "\n"), "no act for this: do it by hand") || !strings.Contains(strings.Join(whys, "\n"), "account 999988887777") {
			t.Errorf("unanswered %q", whys)
		}
		for _, m := range p.Moves {
			if len(m.Calls) == 0 {
				continue
			}
			if m.Doc == docURL && m.Key != "live" || m.Doc != docURL && m.Doc != docPolicy {
				t.Errorf("planned besides: %s", name(m.Doc, m.Key))
			}
			if m.Doc == docPolicy && m.Key == "live" && strings.Contains(string(m.After), "owner") {
				t.Error("the grant that the finding names stays")
			}
			if len(m.Edits[0].Findings) == 0 {
				t.Errorf("%s does not say what it answers", name(m.Doc, m.Key))
			}
		}
		if len(p.Moves) == 0 || len(p.Targets) != 1 {
			t.Errorf("%d moves on %v", len(p.Moves), p.arns())
		}
	})
}

// TestReach: every road says what it reaches and what closes it.
func TestReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		p, err := NewPlan(t.Context(), PlanInput{Session: s.bench.s, Functions: []string{"payments"}, Acts: []string{actURL, actGrants}, Bad: []string{"1"}})
		must(t, err)
		open := map[string]string{}
		for _, c := range p.Callers {
			if c.Kind != "alias" && c.Closed == "" {
				open[c.Kind+" "+c.Name+" "+c.Qualifier] = strings.Join(c.Reaches, " ")
			}
		}
		for road, version := range map[string]string{"grant owner live": "1", "grant owner ": "$LATEST"} {
			if open[road] != version {
				t.Errorf("%s reaches %q, of %v", road, open[road], open)
			}
		}
		if open["grant evil "] != "" || open["grant open live"] != "" {
			t.Errorf("said to stay open: %v", open)
		}
		if !slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.Contains(w, "grant owner") && strings.Contains(w, "version 1") }) {
			t.Errorf("warnings %q", p.Warnings)
		}
		if p, err = NewPlan(t.Context(), PlanInput{Session: s.bench.s, Functions: []string{"payments"}, AcceptSharedRole: true}); err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Callers {
			if c.Kind != "alias" && c.Closed == "" {
				t.Errorf("after level isolate: %+v", c)
			}
		}
	})
}

// TestLevels: each holds the one before it.
func TestLevels(t *testing.T) {
	had := 0
	for _, l := range []Level{LevelStop, LevelIsolate, LevelEvict} {
		acts, err := chosen(PlanInput{Level: l})
		must(t, err)
		if len(acts) < had || l == LevelStop && (!acts[actConcurrency] || !acts[actQuarantine] || !acts[actInstances] || len(acts) != 3) {
			t.Errorf("%s: %v", l, acts)
		}
		had = len(acts)
	}
	if _, err := chosen(PlanInput{Level: "total"}); !errors.Is(err, ErrBadPlan) {
		t.Error(err)
	}
}

// TestBeforeUs: what somebody else contained is told as that, and ours is not.
func TestBeforeUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		_, err := lambda.NewFromConfig(s.admin).PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("refunds"), ReservedConcurrentExecutions: aws.Int32(0)})
		must(t, err)
		_, err = iam.NewFromConfig(s.admin).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("payments-role"), PolicyName: aws.String(revokePolicy),
			PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2000-01-01T00:00:00.000Z"}}}]}`)})
		must(t, err)
		time.Sleep(time.Minute)
		told := func(function string) []string {
			all, err := Standings(t.Context(), StatusInput{Session: s.bench.s, Case: s.bench.c, Function: function})
			must(t, err)
			var out []string
			for _, x := range all {
				out = append(out, string(x.State)+": "+x.Act)
			}
			slices.Sort(out)
			return out
		}
		if diff := cmp.Diff([]string{"before us: concurrency-zero", "before us: revoke-sessions"}, told("refunds")); diff != "" {
			t.Error(diff)
		}
		p := s.bench.plan(t, actConcurrency)
		s.bench.preserve(t, p)
		_, err = Apply(t.Context(), ApplyInput{Session: s.bench.s, Case: s.bench.c, Plan: p})
		must(t, err)
		if diff := cmp.Diff([]string{"before us: revoke-sessions", "in force: concurrency-zero", "in force: provisioned-delete"}, told("")); diff != "" {
			t.Error(diff)
		}
	})
}
