package contain

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// owner is a configuration of the account's owner, past the session's guard.
func (f *field) owner() aws.Config {
	c := f.session.Config(bench.Region, []awsapi.Need{
		on("IAM:CreateUser", "*", true), on("IAM:CreateAccessKey", "*", true), on("IAM:PutUserPolicy", "*", true), on("IAM:ListAccessKeys", "*", false),
	})
	return c
}

func (f *field) apply(t *testing.T, in PlanInput) (*Plan, *Run) {
	t.Helper()
	in.Session = f.session
	p, err := NewPlan(t.Context(), in)
	must(t, err)
	f.newCase(t, p)
	run, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p})
	must(t, err)
	return p, run
}

// callsOf are the names of all calls of a plan, in its order.
func callsOf(p *Plan) []string {
	var all []string
	for _, m := range p.Moves {
		for _, c := range m.Calls {
			all = append(all, c.Call)
		}
	}
	return all
}

// TestKeysAndTheirSessions: an inactive key alone would leave the session that it was
// changed for alive; the deny that goes with it does not. Keys come back at no time by themselves.
func TestKeysAndTheirSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		c, name := iam.NewFromConfig(f.owner()), aws.String("eve")
		_, err := c.CreateUser(t.Context(), &iam.CreateUserInput{UserName: name})
		must(t, err)
		_, err = c.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("all"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)})
		must(t, err)
		made, err := c.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: name})
		must(t, err)
		time.Sleep(time.Minute)
		cfg := f.owner()
		cfg.APIOptions = nil
		as := func(id, secret, token string) aws.Config {
			other := cfg.Copy()
			other.Credentials = credentials.NewStaticCredentialsProvider(id, secret, token)
			return other
		}
		key := as(*made.AccessKey.AccessKeyId, *made.AccessKey.SecretAccessKey, "")
		out, err := sts.NewFromConfig(key).GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
		must(t, err)
		session := as(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
		list := func(cfg aws.Config) error {
			_, err := lambda.NewFromConfig(cfg).ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
			return err
		}
		must(t, list(key))
		must(t, list(session))
		p, run := f.apply(t, PlanInput{Acts: []string{actKeyInactive}, Actors: []string{"arn:aws:iam::123456789012:user/eve"}})
		if diff := cmp.Diff([]string{"IAM:UpdateAccessKey", "IAM:PutUserPolicy"}, callsOf(p)); diff != "" || run.Status() != StatusDone {
			t.Fatalf("%s %s", run.Status(), diff)
		}
		time.Sleep(time.Minute)
		if err := list(key); code(err) == "" {
			t.Errorf("the key signs: %v", err)
		}
		if err := list(session); !isCode(err, "AccessDeniedException") {
			t.Errorf("the session lives on: %v", err)
		}
		time.Sleep(10 * 365 * 24 * time.Hour)
		if _, err := Undo(t.Context(), LiftInput{Session: f.session, Case: f.kase, Acts: []string{actKeyInactive}, Reason: "test"}); err == nil || !strings.Contains(err.Error(), "never run out") {
			t.Errorf("a key came back by itself: %v", err)
		}
	})
}

// TestNoRoomForAPolicy: where a user's inline policies leave none, AWS's own is attached,
// and what has no other form says so.
func TestNoRoomForAPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		before := f.fields()
		p, run := f.apply(t, PlanInput{Acts: []string{actUserQuarantine, actUserRevoke}, Actors: []string{"arn:aws:iam::123456789012:user/crammed"}})
		if diff := cmp.Diff([]string{"IAM:AttachUserPolicy"}, callsOf(p)); diff != "" {
			t.Error(diff)
		}
		if len(p.Unplanned) != 1 || p.Unplanned[0].Act != actUserRevoke || !strings.Contains(p.Unplanned[0].Error, actUserDenyAll) {
			t.Errorf("unplanned %+v", p.Unplanned)
		}
		if len(run.Checks) != 1 || !run.Checks[0].OK {
			t.Errorf("checks %+v", run.Checks)
		}
		_, err := Undo(t.Context(), LiftInput{Session: f.session, Case: f.kase, All: true, Reason: "test", AcceptRisk: "test"})
		must(t, err)
		if all := lost(before, f.fields()); len(all) > 0 {
			t.Errorf("not as before: %v", all)
		}
	})
}

// TestFindingsOfTheActor: what was made is answered on its maker's side, and what cannot be
// answered is left to hands.
func TestFindingsOfTheActor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		keys, err := iam.NewFromConfig(f.owner()).ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: aws.String("mallory")})
		must(t, err)
		const account = "arn:aws:iam::123456789012:"
		active := ""
		for _, k := range keys.AccessKeyMetadata {
			if k.Status == "Active" {
				active = *k.AccessKeyId
			}
		}
		for _, c := range []struct {
			kind, change, name, arn string
			calls                   []string // nil: by hand
		}{
			{"access-key", "created", "key/" + active, account + "user/mallory", []string{"IAM:UpdateAccessKey", "IAM:PutUserPolicy"}},
			{"access-key", "created", "key/AKIANOTTHISONE000000", account + "user/mallory", nil},
			{"access-key", "created", "key/" + active, "arn:aws:sts::123456789012:assumed-role/r/s", nil},
			{"user", "created", "user/mallory", account + "user/staff/mallory", []string{"IAM:UpdateAccessKey", "IAM:PutUserPolicy", "IAM:PutUserPolicy"}},
			{"login-profile", "created", "user/mallory/password", account + "user/mallory", []string{"IAM:PutUserPolicy"}},
			{"role", "created", "role/lent", account + "role/lent", []string{"IAM:PutRolePolicy"}},
			{"trust-policy", "changed", "role/lent/trust", account + "role/lent", []string{"IAM:UpdateAssumeRolePolicy"}},
			{"trust-policy", "changed", "role/federated/trust", account + "role/federated", nil}, // a provider of this account's
			{"identity-provider", "created", "provider/x", account + "oidc-provider/token.evil.example", []string{"IAM:UpdateAssumeRolePolicy"}},
			{"trail-logging", "changed", "trail/stopped/logging", "", []string{"CloudTrail:StartLogging"}},
			{"mfa-device", "deleted", "user/mallory/mfa/x", account + "user/mallory", nil},
		} {
			p, err := NewPlan(t.Context(), PlanInput{Session: f.session, Findings: []finding.Finding{{Kind: c.kind, Change: c.change, Name: c.name, ARN: c.arn,
				Account: bench.AccountID, Region: bench.Region, State: finding.Standing, Event: "e"}}})
			must(t, err)
			got := callsOf(p)
			slices.Sort(got)
			slices.Sort(c.calls)
			if !slices.Equal(got, c.calls) || (len(p.Unanswered) == 1) != (c.calls == nil) {
				t.Errorf("%s of %s: %v, unanswered %+v", c.kind, c.arn, got, p.Unanswered)
			}
		}
	})
}

// TestTrustKeepsItsOwn: of a statement that names one's own and others the others go; a
// provider's only statement leaves an explicit deny, and one's own role is refused.
func TestTrustKeepsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		p, err := NewPlan(t.Context(), PlanInput{Session: f.session, Acts: []string{actTrust, actProvider}, Actors: []string{"arn:aws:iam::123456789012:role/lent"},
			Resources: []string{"arn:aws:iam::123456789012:oidc-provider/token.evil.example"}})
		must(t, err)
		if len(p.Moves) != 2 {
			t.Fatalf("%d moves", len(p.Moves))
		}
		for _, m := range p.Moves {
			after := string(m.After)
			switch {
			case strings.HasSuffix(m.Key, "role/lent"):
				if strings.Contains(after, "999988887777") || !strings.Contains(after, ":root") || !strings.Contains(after, "lambda.amazonaws.com") {
					t.Error(after)
				}
			case strings.Contains(after, "oidc-provider") || !strings.Contains(after, `\"Deny\"`):
				t.Error(after)
			}
		}
		p, err = NewPlan(t.Context(), PlanInput{Session: f.session, Acts: []string{actProvider}, Chain: []string{"arn:aws:sts::123456789012:assumed-role/federated/me"},
			Resources: []string{"arn:aws:iam::123456789012:oidc-provider/token.evil.example"}})
		must(t, err)
		if len(p.Moves) != 0 || len(p.Unplanned) != 1 || !strings.Contains(p.Unplanned[0].Error, "the operator acts through it") {
			t.Errorf("one's own role: %d moves, %+v", len(p.Moves), p.Unplanned)
		}
	})
}

// TestPreserveOnAFunction: what is about to be lost of it, and nothing that only looks so.
func TestPreserveOnAFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		p, run := f.apply(t, PlanInput{Preserve: true, Functions: []string{bench.Function}})
		if diff := cmp.Diff([]string{"CloudTrail:PutEventSelectors", "CloudTrail:StartLogging", "CloudWatchLogs:PutLogGroupDeletionProtection"}, slices.Sorted(slices.Values(callsOf(p)))); diff != "" || run.Status() != StatusDone {
			t.Errorf("%s %+v %s", run.Status(), run.Acts, diff)
		}
		for _, m := range p.Moves {
			if len(m.Preserve) > 0 {
				t.Errorf("%s asks for a seal first", m.Doc)
			}
		}
		again, err := NewPlan(t.Context(), PlanInput{Session: f.session, Preserve: true, Functions: []string{bench.Function}})
		must(t, err)
		if calls := callsOf(again); len(calls) > 0 {
			t.Errorf("in force, and planned again: %v", calls)
		}
		f.made()
		lift, err := Undo(t.Context(), LiftInput{Session: f.session, Case: f.kase, All: true, Reason: "test"})
		must(t, err)
		if made := f.made(); lift.Status() != StatusDone || slices.Contains(made, "CloudTrail:StopLogging") {
			t.Errorf("%s by %v", lift.Status(), made)
		}
		all, err := Standings(t.Context(), StatusInput{Session: f.session, Case: f.kase})
		must(t, err)
		for _, s := range all {
			if s.State != Undone {
				t.Errorf("%s is %s", s.Act, s.State)
			}
		}
	})
}
