package contain

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

const benchARN = "arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:" + bench.Function

// keep seals documents as a collection does.
func (f *field) keep(t *testing.T, at time.Time, docs map[Artefact]any) {
	t.Helper()
	w, err := f.kase.Begin(t.Context(), evidence.Header{Kind: evidence.KindCollection})
	must(t, err)
	for a, v := range docs {
		b, err := json.Marshal(v)
		must(t, err)
		_, err = w.Put(t.Context(), evidence.Meta{Artefact: a.Name, Name: "x.json", Started: at, Source: evidence.Source{ARN: a.ARN, Qualifier: a.Qualifier}}, writes(b))
		must(t, err)
	}
	_, err = w.Seal(t.Context(), evidence.StatusComplete)
	must(t, err)
}

func (f *field) deployed(t *testing.T, qualifier string) *lambda.GetFunctionOutput {
	t.Helper()
	out, err := lambdaClient(f.session.Config("", []awsapi.Need{on("Lambda:GetFunction", "*", false)})).GetFunction(t.Context(),
		&lambda.GetFunctionInput{FunctionName: aws.String(bench.Function), Qualifier: aws.String(qualifier)})
	must(t, err)
	return out
}

// TestGoodByTheCase: without a word from the operator the good state is that of the newest
// collection from before the first finding, and never that of a later one.
func TestGoodByTheCase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		f.newCase(t, &Plan{})
		change := time.Now().Add(-time.Hour)
		good, bad := f.deployed(t, "1"), f.deployed(t, "2")
		aliases := func(v string) any {
			return map[string]any{"Aliases": []any{map[string]any{"Name": "canary", "FunctionVersion": v}}}
		}
		latest, list := Artefact{Name: "lambda.configuration", ARN: benchARN, Qualifier: "$LATEST"}, Artefact{Name: "lambda.aliases", ARN: benchARN}
		f.keep(t, change.Add(-2*time.Hour), map[Artefact]any{latest: bad, list: aliases("2")}) // older than the newest
		f.keep(t, change.Add(-time.Hour), map[Artefact]any{latest: good, list: aliases("1")})
		f.keep(t, change.Add(time.Minute), map[Artefact]any{latest: bad, list: aliases("2")})
		all := []finding.Finding{
			{Kind: "function-code", Change: "changed", Name: "function/" + benchARN + "/code", ARN: benchARN, At: change, State: finding.Standing, Event: "e1"},
			{Kind: "function-configuration", Change: "changed", Name: "function/" + benchARN + "/configuration", ARN: benchARN, At: change.Add(time.Second), State: finding.Standing, Event: "e2"},
			{Kind: "function-alias", Change: "changed", Name: "function/" + benchARN + "/alias/canary", ARN: benchARN, At: change.Add(2 * time.Second), State: finding.Standing, Event: "e3"},
		}
		p, err := NewPlan(t.Context(), PlanInput{Session: f.session, Case: f.kase, Findings: all})
		must(t, err)
		if len(p.Unanswered)+len(p.Unplanned) > 0 {
			t.Fatalf("%+v %+v", p.Unanswered, p.Unplanned)
		}
		after := map[string]string{}
		for _, m := range p.Moves {
			after[name(m.Doc, m.Key)] = string(m.After)
		}
		if got := after[name(docAlias, "canary")]; got != `{"version":"1"}` {
			t.Errorf("the alias goes to %s", got)
		}
		if got := after[name(docCode, "")]; !strings.Contains(got, aws.ToString(good.Configuration.CodeSha256)) {
			t.Errorf("the code goes to %s", got)
		}
		if got := after[name(docConfiguration, "")]; !strings.Contains(got, aws.ToString(good.Configuration.Handler)) {
			t.Errorf("the configuration goes to %s", got)
		}
		for _, c := range p.Callers {
			if c.Kind == "alias" && c.Name == "canary" && !slices.Equal(c.Reaches, []string{"1"}) {
				t.Errorf("alias canary reaches %v once the plan is applied", c.Reaches)
			}
		}
	})
}

// TestNotGood: what is not known to be good, or not kept, is not planned, and is said.
func TestNotGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		for _, c := range []struct {
			name, act string
			ask       func(*PlanInput)
			want      string
		}{
			{"nothing named", actAlias, func(*PlanInput) {}, "no good version is known"},
			{"a version that is not there", actAlias, func(in *PlanInput) { in.GoodVersion = []string{"99"} }, "no good version is known"},
			{"a version that is bad", actAlias, func(in *PlanInput) { in.GoodVersion, in.Bad = []string{"1"}, []string{"1"} }, "no good version is known"},
			{"a version that an intruder published", actAlias, func(in *PlanInput) {
				in.GoodVersion = []string{"1"}
				in.Findings = []finding.Finding{{Kind: "function-version", Change: "created", Name: "function/" + benchARN + "/version/1", ARN: benchARN, State: finding.Undone, At: time.Now()}}
			}, "no good version is known"},
			{"$LATEST", actAlias, func(in *PlanInput) { in.GoodVersion = []string{"$LATEST"} }, "no good version is known"},
			{"code of a version that is bad", actCode, func(in *PlanInput) { in.GoodVersion, in.Bad = []string{"1"}, []string{"1"} }, "no good code is known"},
			{"code that the case does not hold", actCode, func(in *PlanInput) {
				f.kase = nil
				f.newCase(t, &Plan{})
				c, err := evidence.CreateCase(t.Context(), &memory{objs: map[string][]byte{}}, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "a", Home: t.TempDir()})
				must(t, err)
				in.GoodVersion, in.Case = []string{"1"}, c
			}, "not sealed in the case"},
			{"no configuration", actConfiguration, func(*PlanInput) {}, "no good configuration is known"},
			{"no group", actNetwork, func(*PlanInput) {}, "--quarantine-group"},
			{"a group that lets something out", actNetwork, func(in *PlanInput) { in.QuarantineGroup = "sg-0dddddddddddddddd" }, "outbound rules"},
			{"a group that is not there", actNetwork, func(in *PlanInput) { in.QuarantineGroup = "sg-0000000000000000f" }, "there is no security group"},
			{"no signing configuration", actSigning, func(*PlanInput) {}, "--signing-config"},
			{"a signing configuration that warns", actSigning, func(in *PlanInput) {
				out, err := lambdaClient(f.session.Config("", []awsapi.Need{on("Lambda:GetFunctionCodeSigningConfig", "*", false)})).GetFunctionCodeSigningConfig(t.Context(),
					&lambda.GetFunctionCodeSigningConfigInput{FunctionName: aws.String(bench.Function)})
				must(t, err)
				in.SigningConfig = aws.ToString(out.CodeSigningConfigArn)
			}, "only warns"},
		} {
			in := PlanInput{Session: f.session, Functions: []string{bench.Function}, Acts: []string{c.act}}
			c.ask(&in)
			p, err := NewPlan(t.Context(), in)
			must(t, err)
			if len(p.Moves) > 0 || len(p.Unplanned) != 1 || !strings.Contains(p.Unplanned[0].Error, c.want) {
				t.Errorf("%s: %d moves, %+v", c.name, len(p.Moves), p.Unplanned)
			}
		}
	})
}

// TestCodeGate: an older collection of $LATEST is no evidence of the code that is overwritten,
// and a package that is not what its name says is not uploaded.
func TestCodeGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		act, err := actNamed(actCode)
		must(t, err)
		p := f.plan(t, act)
		f.packages["$LATEST"] = f.packages["1"] // collected before the change
		delete(f.packages, "2")                 // which has the same code as $LATEST
		f.newCase(t, p)
		before := f.cloud.Digest()
		_, err = Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p})
		missing, ok := errors.AsType[*NotPreservedError](err)
		if !ok || !strings.Contains(missing.Error(), "lambda.code $LATEST with CodeSha256") || strings.Contains(missing.Hint(), "containment") {
			t.Fatalf("the code that is overwritten is in no bag: %v", err)
		}
		f.download(t)
		delete(f.packages, "1")
		f.newCase(t, p)
		run, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p})
		must(t, err)
		if run.Status() != StatusFailed || f.cloud.Digest() != before {
			t.Errorf("the package is not in the case: %+v", run.Acts)
		}
	})
}

// TestCodeKinds puts back code that never was a package in a request: by digest, and by the
// version of an object. The image's tag has moved on since.
func TestCodeKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(t)
		for _, function := range []string{bench.ImageFunction, bench.ReferenceFunction} {
			f.newCase(t, &Plan{})
			hash := func(qualifier string) string {
				out, err := lambdaClient(f.session.Config("", []awsapi.Need{on("Lambda:GetFunctionConfiguration", "*", false)})).GetFunctionConfiguration(t.Context(),
					&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(function), Qualifier: aws.String(qualifier)})
				must(t, err)
				return aws.ToString(out.CodeSha256)
			}
			before := f.fields()
			good, bad := hash("1"), hash("$LATEST")
			p, err := NewPlan(t.Context(), PlanInput{Session: f.session, Case: f.kase, Functions: []string{function}, Acts: []string{actCode}, GoodVersion: []string{"1"}})
			must(t, err)
			if len(p.Moves) != 1 || good == bad {
				t.Fatalf("%s: %d moves from %s to %s, %+v", function, len(p.Moves), bad, good, p.Unplanned)
			}
			run, err := Apply(t.Context(), ApplyInput{Session: f.session, Case: f.kase, Plan: p, Override: "test"})
			must(t, err)
			if run.Status() != StatusDone || hash("$LATEST") != good {
				t.Errorf("%s: %+v, now %s, good is %s", function, run.Acts, hash("$LATEST"), good)
			}
			_, err = Undo(t.Context(), LiftInput{Session: f.session, Case: f.kase, Acts: []string{actCode}, Reason: "test"})
			must(t, err)
			differs := lost(before, f.fields())
			maps.DeleteFunc(differs, func(field, _ string) bool { return strings.HasSuffix(field, "$LATEST#.code.ImageUri") }) // as Lossy says
			if now := hash("$LATEST"); now != bad || len(differs) > 0 {
				t.Errorf("%s: undone it has %s, not %s: %v", function, now, bad, differs)
			}
		}
	})
}

// TestCodeTooLarge: what no request takes is refused when it is planned.
func TestCodeTooLarge(t *testing.T) {
	g := goodCode{deployed: deployed{SHA256: "x"}, Size: maxUpload + 1, From: "version 1"}
	if !strings.Contains(g.lacks(), "50 MB") {
		t.Errorf("a package of %d bytes: %q", g.Size, g.lacks())
	}
	if g.Size = maxUpload; g.lacks() != "" {
		t.Errorf("a package of %d bytes: %q", g.Size, g.lacks())
	}
	g.Size, g.Object = maxUpload+1, &object{Bucket: "b", Key: "k"}
	if g.lacks() != "" {
		t.Errorf("a package that is only referred to: %q", g.lacks())
	}
}
