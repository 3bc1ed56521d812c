package attackers

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/contain"
)

const (
	responderRole = "contain-human"
	other         = "refunds" // a function that the policy is not for
	foreignGrant  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + away + `:root"},"Action":"lambda:InvokeFunction","Resource":"`
)

// escalation is something that the holder of the contain role could want to gain by it.
type escalation struct {
	name string
	try  func(w *world, as aws.Config) error
	// allowed is why it cannot be prevented for a person; "" is: it is denied.
	allowed string
}

// TestContainRoleGainsNothing tries to make more of the contain role's published policy than
// it is for: each try is denied, or stands here with the reason why it cannot be.
func TestContainRoleGainsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		as := w.containRole()
		all := slices.Concat(escalations(), evictions())
		denied := 0
		for _, e := range all {
			err := e.try(w, as)
			var api smithy.APIError
			refused := errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied")
			switch {
			case err != nil && !refused:
				t.Errorf("%s: neither done nor denied: %v", e.name, err)
			case err == nil && e.allowed == "":
				t.Errorf("%s: the contain role may", e.name)
			case refused && e.allowed != "":
				t.Errorf("%s is prevented, and listed as if it could not be (%s): %v", e.name, e.allowed, err)
			case refused:
				denied++
			default:
				t.Logf("not preventable: %s: %s", e.name, e.allowed)
			}
		}
		t.Logf("%d escalations: %d denied, %d listed, 0 skipped", len(all), denied, len(all)-denied)
	})
}

// unlessCode is nil for an error that comes after the permission was there.
func unlessCode(err error, code string) error {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == code {
		return nil
	}
	return err
}

// containRole is a role with the published policy, which a person assumes.
func (w *world) containRole() aws.Config {
	w.t.Helper()
	c, ctx := iam.NewFromConfig(w.owner), w.t.Context()
	_, err := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(responderRole), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + home + `:root"},"Action":"sts:AssumeRole"}]}`)})
	must(w.t, err)
	_, err = c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String(responderRole), PolicyName: aws.String("contain"), PolicyDocument: aws.String(containPolicy(w.t, function))})
	must(w.t, err)
	_, err = w.lambda(w.owner).CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String(other), Role: aws.String(roleARN), Runtime: lt.RuntimePython313, Handler: aws.String("app.handler"), Code: &lt.FunctionCode{ZipFile: pack(w.t, "other")}})
	must(w.t, err)
	settle()
	for _, f := range []string{function, other} {
		_, err = w.lambda(w.owner).CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: aws.String(f), AuthType: lt.FunctionUrlAuthTypeAwsIam})
		must(w.t, err)
		_, err = w.lambda(w.owner).AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String(f), StatementId: aws.String("own"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String(home)})
		must(w.t, err)
	}
	settle()
	as, err := w.assume(w.owner, "arn:aws:iam::"+home+":role/"+responderRole)
	must(w.t, err)
	return as
}

const adminARN = "arn:aws:iam::aws:policy/AdministratorAccess"

// escalations by IAM.
func escalations() []escalation {
	var all []escalation
	add := func(name, allowed string, try func(w *world, c *iam.Client) error) {
		all = append(all, escalation{name, func(w *world, as aws.Config) error { return try(w, iam.NewFromConfig(as)) }, allowed})
	}
	proxy := "whoever may write a role's inline policies is an administrator by proxy: the role is for people, with approval, and a permissions boundary on it keeps it small"
	for _, role := range []string{"payments-role", "ci-deploy", responderRole} {
		add("PutRolePolicy, Allow *, on "+role, proxy, func(w *world, c *iam.Client) error {
			_, err := c.PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("more"), PolicyDocument: aws.String(everything)})
			if err == nil { // what follows is tried without it
				_, err = iam.NewFromConfig(w.owner).DeleteRolePolicy(w.t.Context(), &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: aws.String("more")})
				settle()
			}
			return err
		})
		add("AttachRolePolicy AdministratorAccess to "+role, "", func(w *world, c *iam.Client) error {
			_, err := c.AttachRolePolicy(w.t.Context(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: aws.String(adminARN)})
			return err
		})
		add("UpdateAssumeRolePolicy of "+role+" to itself", "trust-outsiders rewrites trust policies, and IAM cannot bind what is written: the role is for people, with approval", func(w *world, c *iam.Client) error {
			_, err := c.UpdateAssumeRolePolicy(w.t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + home + `:role/` + responderRole + `"},"Action":"sts:AssumeRole"}]}`)})
			return err
		})
	}
	add("CreateAccessKey of an administrator", "", func(w *world, c *iam.Client) error {
		_, err := c.CreateAccessKey(w.t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("olivia")})
		return err
	})
	add("UpdateLoginProfile of an administrator", "", func(w *world, c *iam.Client) error {
		_, err := c.UpdateLoginProfile(w.t.Context(), &iam.UpdateLoginProfileInput{UserName: aws.String("olivia"), Password: aws.String("Passw0rd!Passw0rd!")})
		return err
	})
	add("PutUserPolicy, Allow *", "user-quarantine writes inline policies, and IAM cannot bind what is written: the role is for people, with approval", func(w *world, c *iam.Client) error {
		_, err := c.PutUserPolicy(w.t.Context(), &iam.PutUserPolicyInput{UserName: aws.String("shop"), PolicyName: aws.String("more"), PolicyDocument: aws.String(everything)})
		return err
	})
	add("AttachUserPolicy AdministratorAccess", "", func(w *world, c *iam.Client) error {
		_, err := c.AttachUserPolicy(w.t.Context(), &iam.AttachUserPolicyInput{UserName: aws.String("shop"), PolicyArn: aws.String(adminARN)})
		return err
	})
	add("CreateUser", "", func(w *world, c *iam.Client) error {
		_, err := c.CreateUser(w.t.Context(), &iam.CreateUserInput{UserName: aws.String("backdoor")})
		return err
	})
	add("CreatePolicyVersion", "", func(w *world, c *iam.Client) error {
		_, err := c.CreatePolicyVersion(w.t.Context(), &iam.CreatePolicyVersionInput{PolicyArn: aws.String("arn:aws:iam::" + home + ":policy/any"), PolicyDocument: aws.String(everything), SetAsDefault: true})
		return err
	})
	add("DeleteRolePermissionsBoundary of itself", "role-boundary-deny takes its boundary off again: one that must stay needs a deny in an SCP", func(w *world, c *iam.Client) error {
		_, err := c.DeleteRolePermissionsBoundary(w.t.Context(), &iam.DeleteRolePermissionsBoundaryInput{RoleName: aws.String(responderRole)})
		return unlessCode(err, "NoSuchEntity") // it may, and has none
	})
	all = append(all, escalation{"AssumeRole into the function's role", func(w *world, as aws.Config) error { _, err := w.assume(as, roleARN); return err }, "by the trust policy that it wrote before"})
	return append(all, lambdaEscalations()...)
}

// lambdaEscalations are tried on the function that the policy is for, and on another.
func lambdaEscalations() []escalation {
	var all []escalation
	add := func(name, allowed string, try func(w *world, c *lambda.Client) error) {
		all = append(all, escalation{name, func(w *world, as aws.Config) error { return try(w, lambda.NewFromConfig(as)) }, allowed})
	}
	for f, undo := range map[string]string{function: "the same call takes an act back (undo): what it wrote is in the case, and in CloudTrail", other: ""} {
		arn := "arn:aws:lambda:" + region + ":" + home + ":function:" + f
		add("PutResourcePolicy of "+f+" for another account", undo, func(w *world, c *lambda.Client) error {
			_, err := c.PutResourcePolicy(w.t.Context(), &lambda.PutResourcePolicyInput{ResourceArn: &arn, Policy: aws.String(foreignGrant + arn + `"}]}`)})
			return err
		})
		add("UpdateFunctionUrlConfig of "+f+" to NONE", undo, func(w *world, c *lambda.Client) error {
			_, err := c.UpdateFunctionUrlConfig(w.t.Context(), &lambda.UpdateFunctionUrlConfigInput{FunctionName: &f, AuthType: lt.FunctionUrlAuthTypeNone})
			return err
		})
		add("PutProvisionedConcurrencyConfig of "+f, undo, func(w *world, c *lambda.Client) error {
			q := "canary"
			if f == other {
				q = "1"
			}
			_, err := c.PutProvisionedConcurrencyConfig(w.t.Context(), &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: &f, Qualifier: &q, ProvisionedConcurrentExecutions: aws.Int32(1)})
			return err
		})
		add("DeleteFunctionConcurrency of "+f, undo, func(w *world, c *lambda.Client) error {
			_, err := c.DeleteFunctionConcurrency(w.t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: &f})
			return err
		})
		add("AddPermission to another account, of "+f, "", func(w *world, c *lambda.Client) error {
			_, err := c.AddPermission(w.t.Context(), &lambda.AddPermissionInput{FunctionName: &f, StatementId: aws.String("theirs"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String(away)})
			return err
		})
		back := ""
		if f == function {
			back = "code-back and configuration-back put back what was collected, and IAM cannot bind what is written"
		}
		add("UpdateFunctionCode of "+f, back, func(w *world, c *lambda.Client) error {
			_, err := c.UpdateFunctionCode(w.t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &f, ZipFile: pack(w.t, "mine")})
			return err
		})
		add("PassRole to "+f+" by UpdateFunctionConfiguration", back, func(w *world, c *lambda.Client) error {
			_, err := c.UpdateFunctionConfiguration(w.t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: &f, Role: aws.String(deployARN)})
			return unlessCode(err, "InvalidParameterValueException") // it may; Lambda refuses a role that does not trust it
		})
		add("Invoke of "+f, "", func(w *world, c *lambda.Client) error {
			_, err := c.Invoke(w.t.Context(), &lambda.InvokeInput{FunctionName: &f})
			return err
		})
	}
	add("PassRole to a function of its own", "", func(w *world, c *lambda.Client) error {
		_, err := c.CreateFunction(w.t.Context(), &lambda.CreateFunctionInput{FunctionName: aws.String("mine"), Role: aws.String(deployARN), Runtime: lt.RuntimePython313, Handler: aws.String("a.b"), Code: &lt.FunctionCode{ZipFile: pack(w.t, "mine")}})
		return err
	})
	add("UpdateEventSourceMapping to another function", "a mapping has no account or function in its name; lambda:FunctionArn in a condition would bind it where somebody adds one", func(w *world, c *lambda.Client) error {
		maps, err := c.ListEventSourceMappings(w.t.Context(), &lambda.ListEventSourceMappingsInput{})
		must(w.t, err)
		_, err = c.UpdateEventSourceMapping(w.t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: maps.EventSourceMappings[0].UUID, FunctionName: aws.String(other)})
		return err
	})
	return all
}

// evictions are what would destroy evidence, or read what is nobody's business. They are
// tried once more by a role that may do everything else.
func evictions() []escalation {
	var all []escalation
	never := map[string]func(w *world, as aws.Config) error{
		"DeleteFunction": func(w *world, as aws.Config) error {
			_, err := w.lambda(as).DeleteFunction(w.t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String(function)})
			return err
		},
		"DeleteLayerVersion": func(w *world, as aws.Config) error {
			_, err := w.lambda(as).DeleteLayerVersion(w.t.Context(), &lambda.DeleteLayerVersionInput{LayerName: aws.String("any"), VersionNumber: aws.Int64(1)})
			return err
		},
		"DeleteLogGroup": func(w *world, as aws.Config) error {
			_, err := cloudwatchlogs.NewFromConfig(as).DeleteLogGroup(w.t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/aws/lambda/payments")})
			return err
		},
		"DeleteLogStream": func(w *world, as aws.Config) error {
			_, err := cloudwatchlogs.NewFromConfig(as).DeleteLogStream(w.t.Context(), &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: aws.String("/aws/lambda/payments"), LogStreamName: aws.String("s")})
			return err
		},
		"StopLogging": func(w *world, as aws.Config) error {
			_, err := cloudtrail.NewFromConfig(as).StopLogging(w.t.Context(), &cloudtrail.StopLoggingInput{Name: aws.String("main")})
			return err
		},
		"DeleteTrail": func(w *world, as aws.Config) error {
			_, err := cloudtrail.NewFromConfig(as).DeleteTrail(w.t.Context(), &cloudtrail.DeleteTrailInput{Name: aws.String("main")})
			return err
		},
	}
	for name, try := range never {
		all = append(all, escalation{name, try, ""}, escalation{name + ", with everything else allowed", func(w *world, as aws.Config) error {
			c, role := iam.NewFromConfig(w.owner), aws.String(responderRole)
			_, err := c.PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: role, PolicyName: aws.String("admin"), PolicyDocument: aws.String(everything)})
			must(w.t, err)
			settle()
			got := try(w, as)
			_, err = c.DeleteRolePolicy(w.t.Context(), &iam.DeleteRolePolicyInput{RoleName: role, PolicyName: aws.String("admin")})
			must(w.t, err)
			settle()
			return got
		}, ""})
	}
	return append(all,
		escalation{"GetSecretValue", func(w *world, as aws.Config) error {
			_, err := secretsmanager.NewFromConfig(as).GetSecretValue(w.t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("db")})
			return err
		}, ""},
		escalation{"ListBuckets", func(w *world, as aws.Config) error {
			_, err := bucketsOf(as).ListBuckets(w.t.Context(), &s3.ListBucketsInput{})
			return err
		}, ""})
}

// TestContainPolicyIsNarrow: whatever changes something is allowed on resources that are
// known, and not on every one there is.
func TestContainPolicyIsNarrow(t *testing.T) {
	target, err := collect.ParseTarget(home, region, function)
	must(t, err)
	patterns, n := collect.Resources(target), 0
	for _, need := range contain.Needs() {
		for _, g := range need.IAM {
			if !need.Mutates && g.Resource == "*" {
				continue // lists have no resource
			}
			n++
			if len(patterns(g.Resource)) == 0 {
				t.Errorf("%s is allowed on everything: no pattern for %q (collect.Resources)", need.Call, g.Resource)
			}
		}
	}
	t.Logf("%d permissions on known resources", n)
}
