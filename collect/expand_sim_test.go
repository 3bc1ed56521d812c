package collect

import (
	"context"
	"maps"
	"path/filepath"
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

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// spread is an account in which every reason to look further occurs once.
type spread struct {
	a             *bench.Account
	made, assumed string // access keys
	mallory       string
	c             *evidence.Case
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (s *spread) as(c awssim.Credentials) aws.Config {
	cfg := adminConfig(s.a)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)
	return cfg
}

// stageSpread: the owner's work lies before the window; then mallory changes payments and
// another function, and payments' own credentials make a key and assume a role.
func stageSpread(t *testing.T) *spread {
	t.Helper()
	s := &spread{a: simAccount(t, awssim.Config{})}
	ctx := t.Context()
	l, i := lambda.NewFromConfig(adminConfig(s.a)), iam.NewFromConfig(adminConfig(s.a))
	about := must[*lambda.GetFunctionConfigurationOutput](t)(l.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(bench.Function)}))
	trust := func(principal string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}]}`)
	}
	plain := must[*iam.CreateRoleOutput](t)(i.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("plain-role"), AssumeRolePolicyDocument: trust(`{"Service":"lambda.amazonaws.com"}`)}))
	must[*iam.CreateRoleOutput](t)(i.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("deep"), AssumeRolePolicyDocument: trust(`{"AWS":"` + bench.AccountID + `"}`)}))
	must[*iam.PutRolePolicyOutput](t)(i.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("payments-role"), PolicyName: aws.String("far"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:CreateAccessKey","sts:AssumeRole"],"Resource":"*"}]}`)}))
	must[*iam.CreateUserOutput](t)(i.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("backup")}))
	for _, f := range must[*lambda.ListFunctionsOutput](t)(l.ListFunctions(ctx, &lambda.ListFunctionsInput{})).Functions {
		if aws.ToString(f.FunctionName) != bench.Function { // else the account's others would all be mates
			must[*lambda.UpdateFunctionConfigurationOutput](t)(l.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: f.FunctionName, Role: plain.Role.Arn}))
		}
	}
	for name, change := range map[string]func(*lambda.CreateFunctionInput){
		"role-mate":  func(in *lambda.CreateFunctionInput) { in.Role = about.Role },
		"layer-mate": func(in *lambda.CreateFunctionInput) { in.Layers = []string{aws.ToString(about.Layers[0].Arn)} },
		"named":      func(*lambda.CreateFunctionInput) {},
		"victim":     func(*lambda.CreateFunctionInput) {},
		"loner":      func(*lambda.CreateFunctionInput) {},
	} {
		in := &lambda.CreateFunctionInput{FunctionName: aws.String(name), Role: plain.Role.Arn, Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"),
			Code: &lambdatypes.FunctionCode{ZipFile: bench.Pack(name, 1<<10)}}
		change(in)
		must[*lambda.CreateFunctionOutput](t)(l.CreateFunction(ctx, in))
	}
	must[*lambda.PutFunctionEventInvokeConfigOutput](t)(l.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: aws.String(bench.Function), Qualifier: aws.String("2"),
		DestinationConfig: &lambdatypes.DestinationConfig{OnFailure: &lambdatypes.OnFailure{Destination: aws.String(namedARN("named") + ":$LATEST")}}}))
	time.Sleep(3 * time.Hour)

	hand := s.a.Cloud.Bootstrap(bench.AccountID, "mallory", allowAll)
	s.mallory = hand.AccessKeyID
	m := lambda.NewFromConfig(s.as(hand))
	must[*lambda.UpdateFunctionConfigurationOutput](t)(m.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(bench.Function), Timeout: aws.Int32(7)}))
	must[*lambda.UpdateFunctionCodeOutput](t)(m.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String(namedARN("victim")), ZipFile: bench.Pack("bad", 1<<10)}))
	run := must[awssim.Credentials](t)(s.a.Cloud.ExecutionCredentials(namedARN(bench.Function)))
	key := must[*iam.CreateAccessKeyOutput](t)(iam.NewFromConfig(s.as(run)).CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("backup")}))
	deep := must[*sts.AssumeRoleOutput](t)(sts.NewFromConfig(s.as(run)).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + bench.AccountID + ":role/deep"), RoleSessionName: aws.String("deeper")}))
	s.made, s.assumed = aws.ToString(key.AccessKey.AccessKeyId), aws.ToString(deep.Credentials.AccessKeyId)
	time.Sleep(time.Hour) // the records have come
	v := must[*vault.Folder](t)(vault.NewFolder(filepath.Join(t.TempDir(), "case")))
	s.c = must[*evidence.Case](t)(evidence.CreateCase(ctx, v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: t.TempDir()}))
	return s
}

func namedARN(name string) string {
	return "arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:" + name
}

func (s *spread) collect(t *testing.T, by *awsapi.Session) *evidence.Bag {
	t.Helper()
	target := must[Target](t)(ParseTarget(bench.AccountID, bench.Region, bench.Function))
	bag, _, err := Into(t.Context(), by, s.c, evidence.Header{Operator: "o"}, []Target{target}, Options{Since: 2 * time.Hour, Unpaced: true})
	if err != nil {
		t.Fatal(err)
	}
	return bag
}

func kindsOf(all []Proposed) []string {
	var out []string
	for _, p := range all {
		for _, r := range p.Reasons {
			out = append(out, p.Name+" "+string(r.Kind))
		}
	}
	return out
}

func TestExpand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageSpread(t)
		by := sessionAs(t, s.a, "responder", allowAll)
		bag := s.collect(t, by)
		x := must[*Expansion](t)(Expand(t.Context(), by, bag, 0))
		if got, want := kindsOf(x.Functions), []string{"victim same-hand", "role-mate same-role", "named named-in", "layer-mate same-layer"}; !slices.Equal(got, want) {
			t.Errorf("functions %q, want %q", got, want)
		}
		if got, want := kindsOf(x.Keys), []string{s.made + " key-made", s.assumed + " key-assumed", s.mallory + " key-used"}; !slices.Equal(got, want) {
			t.Errorf("keys %q, want %q", got, want)
		}
		for _, p := range slices.Concat(x.Functions, x.Keys) {
			if p.Reasons[0].Evidence.Item == "" || p.Reasons[0].Detail == "" {
				t.Errorf("%s rests on %+v", p.Name, p.Reasons[0])
			}
		}
		if len(x.LeftOut) > 0 {
			t.Errorf("left out %q", x.LeftOut)
		}
		t.Logf("notes %q", x.Notes)

		second, sum, err := ExpandInto(t.Context(), by, s.c, evidence.Header{Operator: "o"}, bag, x, Options{Since: 2 * time.Hour, Unpaced: true})
		if err != nil || !sum.Complete {
			t.Fatalf("%+v, %v", sum.States, err)
		}
		h := second.Header()
		if h.Params["expanded_from"] != bag.ID() || !strings.HasPrefix(h.Params["why.victim"], "same-hand: UpdateFunctionCode by arn:aws:iam::"+bench.AccountID+":user/mallory") || !strings.HasPrefix(h.Params["why.key."+s.made], "key-made: for user backup") {
			t.Errorf("header %+v", h.Params)
		}
		about, keys := map[string]bool{}, map[string]bool{}
		for _, e := range must[[]evidence.Entry](t)(second.Coverage(t.Context())) {
			if e.Artefact == "lambda.code" && e.Item != nil {
				about[shortOf(e.Source.ARN)] = true
			}
			if e.Artefact == "cloudtrail.lookup" && e.Source.ARN == "" && strings.HasPrefix(e.Source.Qualifier, "AccessKeyId=") {
				keys[strings.TrimPrefix(e.Source.Qualifier, "AccessKeyId=")+" "+e.Source.Region] = e.State == evidence.Collected
			}
		}
		if got, want := slices.Sorted(maps.Keys(about)), []string{"layer-mate", "named", "role-mate", "victim"}; !slices.Equal(got, want) {
			t.Errorf("collected %q, want %q", got, want)
		}
		if len(keys) != 6 || !keys[s.made+" us-east-1"] || !keys[s.mallory+" "+bench.Region] {
			t.Errorf("looked up %v", keys)
		}
		s.afterwards(t, by, bag, second)
	})
}

func shortOf(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

// afterwards: CloudTrail is read again for all functions, those that were added too, and what an
// expansion had whole does not hide the gaps of the collection that it began with.
func (s *spread) afterwards(t *testing.T, by *awsapi.Session, first, second *evidence.Bag) {
	t.Helper()
	settled, _, _, err := Settle(t.Context(), by, s.c, evidence.Header{Operator: "o"}, Options{Unpaced: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := settled.Header().Targets; len(got) != 5 || !slices.Contains(got, first.Header().Targets[0]) || settled.Header().Params["keys"] != second.Header().Params["keys"] {
		t.Errorf("read again: %q, keys %q", got, settled.Header().Params["keys"])
	}
}

// TestExpandBounded: what is beyond the bound is named.
func TestExpandBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageSpread(t)
		by := sessionAs(t, s.a, "responder", allowAll)
		x := must[*Expansion](t)(Expand(t.Context(), by, s.collect(t, by), 2))
		if got := kindsOf(x.Functions); !slices.Equal(got, []string{"victim same-hand", "role-mate same-role"}) || !slices.Equal(x.LeftOut, []string{"named", "layer-mate"}) {
			t.Errorf("functions %q, left out %q", got, x.LeftOut)
		}
	})
}

// TestExpandWithoutListing: where the functions cannot be listed, that is said, and what the
// documents and records point to is proposed all the same. With keys alone, keys are looked up.
func TestExpandWithoutListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageSpread(t)
		by := sessionAs(t, s.a, "responder", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"lambda:ListFunctions","Resource":"*"}]}`)
		bag := s.collect(t, by)
		x := must[*Expansion](t)(Expand(t.Context(), by, bag, 0))
		if got := kindsOf(x.Functions); !slices.Equal(got, []string{"victim same-hand", "named named-in"}) {
			t.Errorf("functions %q", got)
		}
		if !slices.ContainsFunc(x.Notes, func(n string) bool { return strings.Contains(n, "Lambda:ListFunctions: AccessDenied") }) {
			t.Errorf("notes %q", x.Notes)
		}
		x.Functions = nil
		second, sum, err := ExpandInto(t.Context(), by, s.c, evidence.Header{Operator: "o"}, bag, x, Options{Since: 2 * time.Hour, Unpaced: true})
		if err != nil || !sum.Complete || sum.Items != 2*len(x.Keys) {
			t.Errorf("%+v, %v", sum, err)
		}
		if second.Header().Params["keys_only"] != "true" {
			t.Errorf("header %+v", second.Header().Params)
		}
	})
}

// TestExpansionIsResumed: what the lookups of keys were refused is asked for again, by the keys
// that stand in the bag.
func TestExpansionIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageSpread(t)
		by := sessionAs(t, s.a, "responder", allowAll)
		bag := s.collect(t, by)
		x := must[*Expansion](t)(Expand(t.Context(), by, bag, 0))
		x.Functions = nil
		blind := sessionAs(t, s.a, "blind", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"cloudtrail:LookupEvents","Resource":"*"}]}`)
		second, sum, err := ExpandInto(t.Context(), blind, s.c, evidence.Header{Operator: "o"}, bag, x, Options{Since: 2 * time.Hour, Unpaced: true})
		if err != nil || sum.Complete || sum.States[evidence.Denied] != 2*len(x.Keys) {
			t.Fatalf("%+v, %v", sum, err)
		}
		open := must[[]*evidence.Bag](t)(Resumable(t.Context(), s.c))[0]
		if open.ID() != second.ID() {
			t.Fatalf("%s is to be resumed, not %s", open.ID(), second.ID())
		}
		if _, sum, err = Resume(t.Context(), by, s.c, open, evidence.Header{Operator: "o"}, Options{Unpaced: true}); err != nil || !sum.Complete || sum.Items != 2*len(x.Keys) {
			t.Errorf("%+v, %v", sum, err)
		}
	})
}

// TestExpandFromLittle: a bag without the documents says what it cannot say.
func TestExpandFromLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stageSpread(t)
		by := sessionAs(t, s.a, "responder", allowAll)
		target := must[Target](t)(ParseTarget(bench.AccountID, bench.Region, bench.Function))
		bag, _, err := Into(t.Context(), by, s.c, evidence.Header{Operator: "o"}, []Target{target}, Options{Only: []string{"lambda.tags"}, Unpaced: true})
		if err != nil {
			t.Fatal(err)
		}
		x := must[*Expansion](t)(Expand(t.Context(), by, bag, 0))
		if !x.Empty() || len(x.Notes) != 2 {
			t.Errorf("%+v", x)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if _, err := Expand(ctx, by, bag, 0); err == nil {
			t.Error("a stopped one ends without error")
		}
	})
}

// TestResumableBeyondExpansion: see Resumable.
func TestResumableBeyondExpansion(t *testing.T) {
	v := must[*vault.Folder](t)(vault.NewFolder(filepath.Join(t.TempDir(), "case")))
	c := must[*evidence.Case](t)(evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Operator: "o", Home: t.TempDir()}))
	seal := func(status evidence.Status, from string) *evidence.Bag {
		h := evidence.Header{Kind: evidence.KindCollection, Targets: []string{namedARN("payments")}, Params: map[string]string{}}
		if from != "" {
			h.Params[paramExpanded] = from
		}
		w := must[*evidence.Writer](t)(c.Begin(t.Context(), h))
		return must[*evidence.Bag](t)(w.Seal(t.Context(), status))
	}
	first := seal(evidence.StatusPartial, "")
	seal(evidence.StatusComplete, first.ID())
	if b, err := Resumable(t.Context(), c); err != nil || b[0].ID() != first.ID() {
		t.Errorf("%v, %v", b, err)
	}
	partial := seal(evidence.StatusPartial, first.ID())
	if b, err := Resumable(t.Context(), c); err != nil || b[0].ID() != partial.ID() {
		t.Errorf("%v, %v", b, err)
	}
	seal(evidence.StatusComplete, "")
	if b, err := Resumable(t.Context(), c); err == nil {
		t.Errorf("%v", b)
	}
}
