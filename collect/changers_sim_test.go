package collect

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// TestLookupFollowsWhoChangedIt: somebody comes through two roles and changes the function. The
// records of how he got the sessions name neither it nor its role, and are collected all the
// same; those of a role that only read it are not.
func TestLookupFollowsWhoChangedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		cfg := signedConfig(a, bench.Region, a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")
		trust := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + bench.AccountID + `:root"},"Action":"sts:AssumeRole"}]}`)
		all := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
		i := iam.NewFromConfig(cfg)
		for _, role := range []string{"build", "deployer", "reader"} {
			if _, err := i.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: trust}); err != nil {
				t.Fatal(err)
			}
			if _, err := i.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("all"), PolicyDocument: all}); err != nil {
				t.Fatal(err)
			}
		}
		assume := func(cfg aws.Config, role string) aws.Config {
			out, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + bench.AccountID + ":role/" + role), RoleSessionName: aws.String("run-" + role)})
			if err != nil {
				t.Fatal(err)
			}
			return signedConfig(a, bench.Region, *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
		}
		if _, err := lambda.NewFromConfig(assume(cfg, "reader")).GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String(bench.Function)}); err != nil {
			t.Fatal(err)
		}
		deployer := lambda.NewFromConfig(assume(assume(cfg, "build"), "deployer"))
		if _, err := deployer.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(bench.Function), Timeout: aws.Int32(7)}); err != nil {
			t.Fatal(err)
		}
		m, sum := collectSim(t, a, Options{Unpaced: true, Only: []string{"lambda.configuration", "iam.role", "cloudtrail.lookup"}})
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
		for _, role := range []string{"deployer", "build"} {
			at := "cloudtrail.lookup role/" + role + " ResourceName=arn:aws:iam::" + bench.AccountID + ":role/" + role + " @" + bench.Region
			if !strings.Contains(string(m.bytes[at]), "run-"+role) {
				t.Errorf("%s does not hold who assumed it: %s", at, m.states()[at])
			}
		}
		for at := range m.states() {
			if strings.Contains(at, "role/reader") {
				t.Errorf("%s: of a role that only read", at)
			}
		}
	})
}
