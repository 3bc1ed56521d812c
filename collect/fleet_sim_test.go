package collect

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const otherAccount, closedAccount = "222222222222", "333333333333"

// fleetOf makes functions in two regions of the first account and in a second account that
// lets the first in. A third one does not.
func fleetOf(t *testing.T) (*bench.Account, *awsapi.Session, *evidence.Case) {
	t.Helper()
	a := simAccount(t, awssim.Config{})
	make := func(cfg aws.Config, role string, names ...string) {
		for _, n := range names {
			if _, err := lambda.NewFromConfig(cfg).CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: &n, Role: &role, Runtime: lambdatypes.RuntimePython312,
				Handler: aws.String("app.handler"), Code: &lambdatypes.FunctionCode{ZipFile: bench.Pack(n, 1000)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	far := adminConfig(a)
	far.Region = "us-west-2"
	make(far, "arn:aws:iam::"+bench.AccountID+":role/service/payments-role", "payments", "other")
	keys := a.Cloud.Bootstrap(otherAccount, "admin", allowAll)
	there := adminConfig(a)
	there.Credentials = credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")
	c := iam.NewFromConfig(there)
	for role, trusted := range map[string]string{"reader": bench.AccountID, "work": ""} {
		principal := `{"Service":"lambda.amazonaws.com"}`
		if trusted != "" {
			principal = `{"AWS":"` + trusted + `"}`
		}
		trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}]}`
		if _, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &trust}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("all"), PolicyDocument: aws.String(allowAll)}); err != nil {
		t.Fatal(err)
	}
	make(there, "arn:aws:iam::"+otherAccount+":role/work", "payments", "pay-out", "search")
	a.Cloud.Bootstrap(closedAccount, "admin", allowAll)
	kase := newCase(t)
	return a, sessionAs(t, a, "responder", allowAll), kase
}

// enterAll makes the sessions as the command does.
func enterAll(t *testing.T, s *awsapi.Session, all ...Asked) []Entered {
	out := make([]Entered, len(all))
	for i, a := range all {
		out[i] = Entered{Asked: a, Session: s}
		if a.Account != s.Identity.Account {
			out[i].Session, out[i].Err = s.Assume(t.Context(), "arn:aws:iam::"+a.Account+":role/reader")
		}
	}
	return out
}

// TestFleet: three accounts in one case, one of which cannot be entered: the others are whole,
// and that it was wanted is in the case.
func TestFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, s, c := fleetOf(t)
		asked := func(account string) Asked {
			return Asked{Account: account, Regions: []string{bench.Region, "us-west-2"}, Names: []string{"payments", "nowhere"}, Patterns: []string{"pay*"}}
		}
		got := Fleet(t.Context(), s, c, evidence.Header{Operator: "o"}, enterAll(t, s, asked(bench.AccountID), asked(otherAccount), asked(closedAccount)), Options{Unpaced: true})
		want := []struct {
			functions int
			gaps      string
		}{
			{2, "lambda.functions arn:aws:lambda:" + bench.Region + ":" + bench.AccountID + ":function:nowhere not_attempted"},
			{2, "lambda.functions arn:aws:lambda:" + bench.Region + ":" + otherAccount + ":function:nowhere not_attempted"},
			{0, "account arn:aws:iam::" + closedAccount + ":root denied"},
		}
		for i, x := range got {
			if x.Err != nil || x.Bag == nil || x.Summary.Complete || x.Bag.Header().Status != evidence.StatusPartial {
				t.Fatalf("account %s: %+v", x.Account, x)
			}
			if n := len(x.Bag.Header().Targets); n != want[i].functions || gapsOf(t, x.Bag) != want[i].gaps {
				t.Errorf("account %s: %d functions, gaps %q; want %+v", x.Account, n, gapsOf(t, x.Bag), want[i])
			}
		}
		for p, err := range c.Verify(t.Context()) {
			t.Errorf("verify: %+v, %v", p, err)
		}
		// Now it lets us in: resuming finds its functions, and asks the others for nothing but what they lacked.
		opened(t, a)
		bags, err := Resumable(t.Context(), c)
		if err != nil || len(bags) != 3 {
			t.Fatalf("%d bags to resume, %v", len(bags), err)
		}
		for i, b := range bags {
			in := enterAll(t, s, Asked{Account: b.Header().Account})[0]
			if in.Err != nil {
				t.Fatal(in.Err)
			}
			before := len(a.Cloud.Calls())
			bag, sum, err := Resume(t.Context(), in.Session, c, b, evidence.Header{Operator: "o"}, Options{Unpaced: true})
			if err != nil {
				t.Fatal(err)
			}
			calls := len(a.Cloud.Calls()) - before
			if i < 2 && calls > 12 {
				t.Errorf("account %s: %d calls to resume with nothing but a name that is nowhere", in.Account, calls)
			}
			if i == 2 && (len(bag.Header().Targets) != 1 || sum.Items < 10 || strings.Contains(gapsOf(t, bag), "account")) {
				t.Errorf("the account that opened: %v, %+v, gaps %q", bag.Header().Targets, sum, gapsOf(t, bag))
			}
		}
	})
}

// opened gives the third account the role that it lacked, and a function.
func opened(t *testing.T, a *bench.Account) {
	t.Helper()
	keys := a.Cloud.Bootstrap(closedAccount, "late", allowAll)
	cfg := adminConfig(a)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")
	c := iam.NewFromConfig(cfg)
	trust := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q,"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`, bench.AccountID)
	if _, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("reader"), AssumeRolePolicyDocument: &trust}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("all"), PolicyDocument: aws.String(allowAll)}); err != nil {
		t.Fatal(err)
	}
	if _, err := lambda.NewFromConfig(cfg).CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: aws.String("pay-late"), Role: aws.String("arn:aws:iam::" + closedAccount + ":role/reader"),
		Runtime: lambdatypes.RuntimePython312, Handler: aws.String("app.handler"), Code: &lambdatypes.FunctionCode{ZipFile: bench.Pack("late", 1000)}}); err != nil {
		t.Fatal(err)
	}
}

func gapsOf(t *testing.T, b *evidence.Bag) string {
	t.Helper()
	entries, err := b.Coverage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if !e.State.Complete() {
			out = append(out, e.Artefact+" "+e.Source.ARN+" "+string(e.State))
		}
	}
	return strings.Join(out, ", ")
}
