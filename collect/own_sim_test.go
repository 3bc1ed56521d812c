package collect

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// TestOwnCallsAreKnown: every call of ours that the account recorded is known by the journals,
// those before the bag too; one with our marker and another's hand is not.
func TestOwnCallsAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		c := newCase(t)
		for range 2 { // the second reads what the first did
			s := roleSession(t, a, c.ID, "sts:SetSourceIdentity")
			target, err := ResolveTarget(t.Context(), s.Config("", ResolveNeeds()), s.Identity.Account, s.Region, bench.Function)
			if err != nil {
				t.Fatal(err)
			}
			if _, sum, err := Into(t.Context(), s, c, evidence.Header{Operator: "o"}, []Target{target}, Options{Unpaced: true}); err != nil || !sum.Complete {
				t.Fatalf("%+v, %v", sum, err)
			}
			impostor(t, a, c.ID)
			time.Sleep(time.Minute)
		}
		marked, own, claimed := 0, 0, 0
		_, err := timeline.Events(t.Context(), timeline.Options{TempDir: t.TempDir()}, timeline.Input{Case: c}, func(e *timeline.Event) error {
			if e.Kind != timeline.KindCloudTrail {
				return nil
			}
			if e.Tagged(timeline.TagOwn) {
				own++
			}
			if e.Principal.Session == "freezeframe-"+c.ID {
				marked++
				if !e.Tagged(timeline.TagOwn) {
					t.Errorf("a call of ours is not known: %s %s", e.Service, e.Action)
				}
			}
			if e.Tagged(timeline.TagClaimed) {
				claimed++
				if e.Action != "UpdateFunctionConfiguration" {
					t.Errorf("a claim: %s %s by %s", e.Service, e.Action, e.Principal)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if marked < 10 || own < marked || claimed != 1 { // the second impostor's call came after the last reading
			t.Errorf("%d with our session's name, %d known as ours, %d claims", marked, own, claimed)
		}
		t.Logf("%d calls known as ours, 1 claim", own)
	})
}

// TestSourceIdentityWhereAllowed: it is set where the role's trust lets us, and where it does
// not the role is assumed without.
func TestSourceIdentityWhereAllowed(t *testing.T) {
	for name, want := range map[string][]string{"sts:SetSourceIdentity": {""}, "sts:TagSession": {"AccessDenied", ""}} {
		a := simAccount(t, awssim.Config{})
		roleSession(t, a, "01CASE", name)
		var got []string
		for _, c := range a.Cloud.Calls() {
			if c.Operation == "AssumeRole" {
				got = append(got, c.ErrorCode)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("trust with %s: AssumeRole answered %q, want %q", name, got, want)
		}
	}
}

// roleSession assumes a responder's role whose trust allows one thing beside.
func roleSession(t *testing.T, a *bench.Account, kase, beside string) *awsapi.Session {
	t.Helper()
	c := iam.NewFromConfig(adminConfig(a))
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + bench.AccountID + `"},"Action":["sts:AssumeRole","` + beside + `"]}]}`
	if _, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("responder"), AssumeRolePolicyDocument: &trust}); err == nil {
		if _, err := c.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("responder"), PolicyName: aws.String("all"), PolicyDocument: aws.String(allowAll)}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := awsapi.Connect(t.Context(), awsapi.Options{
		Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: a.Cloud.Client(), ReadOnly: true, Case: kase, RoleARN: "arn:aws:iam::" + bench.AccountID + ":role/responder",
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// impostor changes the function under the marker of the case.
func impostor(t *testing.T, a *bench.Account, kase string) {
	t.Helper()
	cfg := adminConfig(a)
	cfg.AppID = "freezeframe-" + kase
	if _, err := lambda.NewFromConfig(cfg).UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String(bench.Function), Description: aws.String("evil"),
	}); err != nil {
		t.Fatal(err)
	}
}
