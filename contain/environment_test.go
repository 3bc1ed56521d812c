package contain

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// setEnvironment changes one value behind the plan's back.
func (f *field) setEnvironment(t *testing.T, vars map[string]string) {
	t.Helper()
	_, err := lambdaClient(f.session.Config("", environmentNeeds())).UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String(bench.Function), Environment: &lambdatypes.Environment{Variables: vars}})
	must(t, err)
	time.Sleep(time.Minute) // AWS is at work on it
}

func (f *field) environment(t *testing.T) map[string]string {
	t.Helper()
	out, err := lambdaClient(f.session.Config("", environmentNeeds())).GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(bench.Function)})
	must(t, err)
	return out.Environment.Variables
}

// TestEnvironmentIsBoundToItsPlan: no value, and no plain hash of one, stands in a plan; a value
// that changed since is a drift although its name is the same; and what lies in the plan about
// the values cannot be exchanged.
func TestEnvironmentIsBoundToItsPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		f.intrude(t)
		act, err := actNamed(actEnvironment)
		must(t, err)
		p := f.plan(t, act)
		text, err := p.Encode()
		must(t, err)
		good := map[string]string{"STAGE": "prod", "DB_PASSWORD": bench.Secret, "KEY_PARAMETER": "arn:aws:ssm:" + bench.Region + ":" + bench.AccountID + ":parameter/pay/key"}
		for _, vars := range []map[string]string{good, f.environment(t)} {
			plain, err := plainVars(vars)
			must(t, err)
			for name, v := range vars {
				if bytes.Contains(text, []byte(`"`+v+`"`)) || bytes.Contains(text, []byte(digest([]byte(v)))) {
					t.Errorf("the value of %s, or its hash, is in the plan", name)
				}
			}
			if bytes.Contains(text, []byte(digest(plain))) {
				t.Error("a plain hash of the environment is in the plan")
			}
		}
		forged := *p
		forged.Moves = append([]Move(nil), p.Moves...)
		for i := range forged.Moves {
			forged.Moves[i].After = bytes.Replace(forged.Moves[i].After, []byte(`"mac":"`), []byte(`"mac":"0`), 1)
		}
		forged.Hash, err = forged.sum()
		must(t, err)
		if _, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: &forged}); !errors.Is(err, ErrBadPlan) {
			t.Errorf("another MAC: %v", err)
		}
		changed := f.environment(t)
		was := changed["DB_PASSWORD"]
		changed["DB_PASSWORD"] = "another"
		f.setEnvironment(t, changed)
		f.newCase(t, p)
		if _, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p}); !errors.Is(err, ErrStale) || strings.Contains(err.Error(), "another") {
			t.Errorf("a value that changed since: %v", err)
		}
		changed["DB_PASSWORD"] = was
		f.setEnvironment(t, changed)
		run, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p})
		must(t, err)
		if now := f.environment(t); run.Status() != StatusDone || now["DB_PASSWORD"] != bench.Secret || now["STAGE"] != "prod" || len(now) != 3 {
			t.Errorf("%s: %+v", run.Status(), run.Acts)
		}
	})
}

// TestEnvironmentStaysShut: without the identity, or with another, the plan says what, why and
// what would help, and takes away what was added; nor does undo claim what it cannot do.
func TestEnvironmentStaysShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		f.intrude(t)
		own := f.kase.SecretIdentities
		stranger, err := age.GenerateX25519Identity()
		must(t, err)
		for name, ids := range map[string][]age.Identity{"none": nil, "another's": {stranger}} {
			f.kase.SecretIdentities = ids
			p, err := NewPlan(t.Context(), PlanInput{Session: f.session, Case: f.kase, Functions: []string{bench.Function}, Acts: []string{actEnvironment, actVariables}, GoodVersion: []string{"1"}})
			must(t, err)
			if len(p.Unplanned) != 1 || p.Unplanned[0].Act != actEnvironment || !strings.Contains(p.Unplanned[0].Error, "contain plan --identity FILE") || strings.Contains(p.Unplanned[0].Error, "\n") {
				t.Errorf("%s: %+v", name, p.Unplanned)
			}
			if len(p.Moves) != 1 || p.Moves[0].Doc != docVariables || !strings.Contains(string(p.Moves[0].After), `["DB_PASSWORD","STAGE"]`) {
				t.Errorf("%s: %+v", name, p.Moves)
			}
			f.kase.SecretIdentities = own
		}
		act, err := actNamed(actVariables)
		must(t, err)
		p := f.plan(t, act)
		f.newCase(t, p)
		before := f.environment(t)
		f.kase.SecretIdentities = nil
		_, err = Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p})
		must(t, err)
		if now := f.environment(t); len(now) != 2 || now["DB_PASSWORD"] != before["DB_PASSWORD"] {
			t.Error("not only what was added went")
		}
		undo := LiftInput{Session: f.session, Case: f.kase, All: true, Reason: "test"}
		run, err := Undo(t.Context(), undo)
		must(t, err)
		if run.Status() != StatusFailed || !strings.Contains(run.Outcomes[0].Error, "--identity FILE") {
			t.Errorf("undone without the identity: %s %+v", run.Status(), run.Outcomes)
		}
		f.kase.SecretIdentities = own
		run, err = Undo(t.Context(), undo)
		must(t, err)
		if now := f.environment(t); run.Status() != StatusDone || len(now) != len(before) || now["AWS_LAMBDA_EXEC_WRAPPER"] != before["AWS_LAMBDA_EXEC_WRAPPER"] {
			t.Errorf("undone: %s %+v", run.Status(), run.Acts)
		}
		if told := f.tells(t, p); len(told) > 0 {
			t.Errorf("a value stands in the clear in %v", told)
		}
	})
}

// TestRefusalIsMute: AWS's refusal of an environment repeats it; ours does not.
func TestRefusalIsMute(t *testing.T) {
	const secret = "hunter2"
	err := mute(&smithy.GenericAPIError{Code: "InvalidParameterValueException", Message: "exceeded the 4KB limit. String measured: {\"A\":\"" + secret + "\"}"})
	if strings.Contains(err.Error(), secret) || code(err) != "InvalidParameterValueException" || judge(err) != writeRefused {
		t.Errorf("%v", err)
	}
	lost := errors.New("connection reset")
	if mute(nil) != nil || !errors.Is(mute(lost), lost) || judge(mute(lost)) != writeLost || judge(mute(awsapiRefused())) != writeRefused {
		t.Error("what is no answer of AWS is not left as it is")
	}
	if _, err := varsOf(json.RawMessage(secret)); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a sealed text that is no environment: %v", err)
	}
}

func awsapiRefused() error { return &awsapi.RefusedError{Call: "Lambda:Invoke", Why: "test"} }
