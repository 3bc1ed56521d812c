package contain

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const (
	leaky    = "arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:leaky"
	leakyRle = "arn:aws:iam::" + bench.AccountID + ":role/leaky-role"
	rotateBy = "arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:rotator"
)

// hand is the account's owner, or whoever else changes something between two looks.
type hand struct {
	vault *secretsmanager.Client
	iam   *iam.Client
	fn    *lambda.Client
}

func (f *field) hand() hand {
	var needs []awsapi.Need
	for _, call := range []string{"SecretsManager:PutResourcePolicy", "SecretsManager:DeleteSecret", "SecretsManager:CancelRotateSecret", "SecretsManager:DescribeSecret", "SecretsManager:RotateSecret", "SecretsManager:PutSecretValue",
		"IAM:DeleteRolePolicy", "IAM:PutRolePolicy", "Lambda:UpdateFunctionConfiguration", "Lambda:UpdateFunctionCode", "Lambda:PutFunctionConcurrency", "Lambda:PublishLayerVersion"} {
		needs = append(needs, on(call, "*", awsapi.Mutating(call)))
	}
	cfg := f.session.Config(bench.Region, needs)
	return hand{secretsmanager.NewFromConfig(cfg), iam.NewFromConfig(cfg), lambda.NewFromConfig(cfg)}
}

func (h hand) uncontain(t *testing.T) {
	t.Helper()
	_, err := h.iam.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String("leaky-role"), PolicyName: aws.String("contained")})
	must(t, err)
}

func (h hand) current(t *testing.T) string {
	t.Helper()
	out, err := h.vault.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("shop/leaked")})
	must(t, err)
	return stagesOf(out).Current
}

func (h hand) admit(t *testing.T, principal string) {
	t.Helper()
	_, err := h.vault.PutResourcePolicy(t.Context(), &secretsmanager.PutResourcePolicyInput{SecretId: aws.String("shop/leaked"),
		ResourcePolicy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}`)})
	must(t, err)
}

// TestRotationRefused: what speaks against a rotation is said at planning, of the secret, and
// no call is planned; with nothing that speaks against it, one is.
func TestRotationRefused(t *testing.T) {
	name := aws.String("shop/leaked")
	config := func(in *lambda.UpdateFunctionConfigurationInput) func(*testing.T, hand) {
		return func(t *testing.T, h hand) {
			t.Helper()
			_, err := h.fn.UpdateFunctionConfiguration(t.Context(), in)
			must(t, err)
		}
	}
	tried := 0
	for _, c := range []struct {
		name string
		with func(t *testing.T, h hand)
		also []string // functions of the plan
		says string
	}{
		{name: "nothing speaks against it"},
		{name: "a reader is uncontained", with: func(t *testing.T, h hand) { h.uncontain(t) }, says: leakyRle + " can still read it: contain it first"},
		{name: "the secret's own policy lets the reader in", with: func(t *testing.T, h hand) {
			h.uncontain(t)
			_, err := h.iam.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("leaky-role"), PolicyName: aws.String("work"), PolicyDocument: aws.String(
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:` + bench.Region + `:` + bench.AccountID + `:secret:shop/leaked-*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"none"}}}]}`)})
			must(t, err)
			h.admit(t, leakyRle)
		}, says: "the secret's own policy lets " + leakyRle + " read it"},
		{name: "its own policy lets another account in", with: func(t *testing.T, h hand) { h.admit(t, "arn:aws:iam::999988887777:root") }, says: "lets others read it (cross-account 999988887777)"},
		{name: "the rotation function is a target", also: []string{"rotator"}, says: "in scope (it is a target of this plan)"},
		{name: "the rotation function has the target's role", with: config(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("rotator"), Role: aws.String(leakyRle)}), says: "in scope (its role is that of"},
		{name: "nothing rotates it", with: func(t *testing.T, h hand) {
			_, err := h.vault.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: name, RecoveryWindowInDays: aws.Int64(7)})
			must(t, err)
		}, says: "it waits for its deletion"},
		{name: "a rotation is stuck", with: func(t *testing.T, h hand) {
			_, err := h.fn.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("rotator"), ReservedConcurrentExecutions: aws.Int32(0)})
			must(t, err)
			_, err = h.vault.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: name})
			must(t, err)
		}, says: "a rotation is under way, or one has failed"},
		{name: "a layer is shared", with: func(t *testing.T, h hand) {
			l, err := h.fn.PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{LayerName: aws.String("common"), Content: &lambdatypes.LayerVersionContentInput{ZipFile: zipped(t)}})
			must(t, err)
			for _, f := range []string{"leaky", "rotator"} {
				config(&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(f), Layers: []string{aws.ToString(l.LayerVersionArn)}})(t, h)
			}
		}, says: "in scope (its layer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tried++
			synctest.Test(t, func(t *testing.T) {
				f := newField(t)
				if c.with != nil {
					c.with(t, f.hand())
					time.Sleep(time.Minute)
				}
				p, err := NewPlan(t.Context(), PlanInput{Session: f.session, Functions: append([]string{"leaky"}, c.also...), RotateSecrets: true})
				must(t, err)
				if (len(p.Moves) == 0) == (c.says == "") {
					t.Errorf("%d moves: %+v", len(p.Moves), p.Unplanned)
				}
				if c.says == "" {
					return
				}
				if len(p.Unplanned) == 0 || !strings.Contains(p.Unplanned[0].Error, c.says) || p.Unplanned[0].Act != actRotate {
					t.Errorf("not said %q: %+v", c.says, p.Unplanned)
				}
				for _, r := range p.Rotate {
					if r.Function == leaky && !strings.Contains(r.Refused, c.says) {
						t.Errorf("not said of the secret: %+v", r)
					}
				}
			})
		})
	}
	t.Logf("%d reasons, 0 skipped", tried)
}

// TestRotationOnlyByItsFlag: no level and no name brings it, and wildcards and secrets that
// nothing rotates are left to people.
func TestRotationOnlyByItsFlag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		if _, err := NewPlan(t.Context(), PlanInput{Session: f.session, Functions: []string{"leaky"}, Acts: []string{actRotate}}); !errors.Is(err, ErrBadPlan) || !strings.Contains(err.Error(), "--rotate-secrets") {
			t.Errorf("named: %v", err)
		}
		p, err := NewPlan(t.Context(), PlanInput{Session: f.session, Functions: []string{"leaky"}, Level: LevelEvict})
		must(t, err)
		for _, a := range p.Acts {
			if a.Act == actRotate {
				t.Error("level evict rotates")
			}
		}
		p, err = NewPlan(t.Context(), PlanInput{Session: f.session, Functions: []string{bench.Function}, RotateSecrets: true, AcceptSharedRole: true})
		must(t, err)
		if len(p.Moves) > 0 || len(p.Unplanned) == 0 || !strings.Contains(p.Unplanned[0].Error, "change it by hand") {
			t.Errorf("nothing rotates this one: %+v", p.Unplanned)
		}
	})
}

// TestRotationAsksAgain: what held at planning and no longer does when the call is to be made
// stops it, and the journal says so; two responders rotate once.
func TestRotationAsksAgain(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, h hand){
		"a reader is back": func(t *testing.T, h hand) { h.uncontain(t) },
		"the rotation function has other code": func(t *testing.T, h hand) {
			_, err := h.fn.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("rotator"), ZipFile: zipped(t)})
			must(t, err)
		},
		"": nil,
	} {
		t.Run(first(name, "two responders"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newField(t)
				act, err := actNamed(actRotate)
				must(t, err)
				p := f.plan(t, act)
				f.newCase(t, p)
				h := f.hand()
				before := h.current(t)
				if change != nil {
					change(t, h)
					time.Sleep(time.Minute)
				}
				run, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p})
				must(t, err)
				after := h.current(t)
				if change != nil {
					if run.Status() != StatusFailed || !strings.Contains(run.Acts[0].Note, "not rotated") || before != after {
						t.Errorf("%s: %+v, version %s -> %s", run.Status(), run.Acts, before, after)
					}
					wantState(t, f, "")
					return
				}
				if run.Status() != StatusDone || before == after {
					t.Fatalf("%s: %+v", run.Status(), run.Acts)
				}
				wantState(t, f, InForce)
				f.newCase(t, p) // the other responder's
				if run, err = Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p}); err != nil || run.Status() != StatusDone || h.current(t) != after {
					t.Errorf("rotated twice: %v %+v", err, run)
				}
			})
		})
	}
}

// wantState of the one act of the case; "" is: not in force.
func wantState(t *testing.T, f *field, want State) {
	t.Helper()
	all, err := Standings(t.Context(), StatusInput{Session: f.session, Case: f.kase})
	must(t, err)
	for _, s := range all {
		if s.Act == actRotate && (want != "" && s.State != want || want == "" && s.State == InForce) {
			t.Errorf("status says %q of it", s.State)
		}
	}
	if len(all) == 0 && want != "" {
		t.Error("status knows nothing of it")
	}
}
