package attackers

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"

	"github.com/freezeframe-ir/freezeframe/internal/deploy"
	"github.com/freezeframe-ir/freezeframe/test/stack"
)

// unattendedRole is the containment role of the printed template for members, entered by whom it
// trusts.
func (w *world) unattendedRole() aws.Config {
	w.t.Helper()
	w.containRole() // with its people's policy, and a second function; the policy goes
	text, err := deploy.Print(deploy.Options{For: deploy.Member})
	must(w.t, err)
	s := stack.New(w.t, text, map[string]any{"WorkerRoleArn": "arn:aws:iam::" + home + ":root", "ExternalId": "0123456789abcdef", "HomeRegion": region, "Containment": "yes", "ContainmentRoleName": responderRole}, home, region)
	p := s.Properties("ContainmentRole")
	doc, err := json.Marshal(stack.At(w.t, p, "Policies", 0, "PolicyDocument"))
	must(w.t, err)
	c, ctx := iam.NewFromConfig(w.owner), w.t.Context()
	_, err = c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String(responderRole), PolicyName: aws.String("contain"), PolicyDocument: aws.String(string(doc))})
	must(w.t, err)
	settle()
	as, err := w.assume(w.owner, "arn:aws:iam::"+home+":role/"+responderRole)
	must(w.t, err)
	return as
}

// TestUnattendedRoleGainsNothing: all that the holder of the people's contain role could want is tried
// with the role that works without people, and more: it may take its own acts back, on any function,
// and nothing else. In particular it reads no secret and gives nobody a right.
func TestUnattendedRoleGainsNothing(t *testing.T) {
	const own = "its own act, taken back or done: capacity of a function, which gives nobody a right"
	may := map[string]string{
		"PutProvisionedConcurrencyConfig of " + function: own, "PutProvisionedConcurrencyConfig of " + other: own,
		"DeleteFunctionConcurrency of " + function: own, "DeleteFunctionConcurrency of " + other: own,
		"UpdateEventSourceMapping to another function": "mappings-off: IAM cannot bind which function of the account a mapping is turned to; it is one that the account's own people made",
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		as := w.unattendedRole()
		all := slices.Concat(escalations(), evictions(), unattended())
		denied := 0
		for _, e := range all {
			err := e.try(w, as)
			var api smithy.APIError
			refused := errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied")
			switch why, listed := may[e.name]; {
			case refused && !listed:
				denied++
			case refused:
				t.Errorf("%s is listed as allowed, and denied: %v", e.name, err)
			case listed:
				t.Logf("may: %s: %s (%v)", e.name, why, err)
			default:
				t.Errorf("%s: the containment role may (%v)", e.name, err)
			}
		}
		t.Logf("%d escalations: %d denied, %d its own acts, 0 skipped", len(all), denied, len(all)-denied)
	})
}

// unattended are further things that this role must not do.
func unattended() []escalation {
	var all []escalation
	add := func(name string, try func(w *world, as aws.Config) error) {
		all = append(all, escalation{name: name, try: try})
	}
	attach := func(role, policy string) func(w *world, as aws.Config) error {
		return func(w *world, as aws.Config) error {
			_, err := iam.NewFromConfig(as).AttachRolePolicy(w.t.Context(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &policy})
			return err
		}
	}
	for _, policy := range []string{adminARN, "arn:aws:iam::aws:policy/IAMFullAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::" + home + ":policy/AWSDenyAll", "arn:aws:iam::" + home + ":policy/aws/AWSDenyAll"} {
		add("AttachRolePolicy "+policy+" to the function's role", attach("payments-role", policy))
	}
	add("AttachRolePolicy AWSDenyAll to itself", attach(responderRole, "arn:aws:iam::aws:policy/AWSDenyAll"))
	add("DetachRolePolicy of another policy", func(w *world, as aws.Config) error {
		_, err := iam.NewFromConfig(as).DetachRolePolicy(w.t.Context(), &iam.DetachRolePolicyInput{RoleName: aws.String("payments-role"), PolicyArn: aws.String(adminARN)})
		return err
	})
	add("DeleteRolePolicy", func(w *world, as aws.Config) error {
		_, err := iam.NewFromConfig(as).DeleteRolePolicy(w.t.Context(), &iam.DeleteRolePolicyInput{RoleName: aws.String(responderRole), PolicyName: aws.String("contain")})
		return err
	})
	add("PutRolePermissionsBoundary", func(w *world, as aws.Config) error {
		_, err := iam.NewFromConfig(as).PutRolePermissionsBoundary(w.t.Context(), &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("payments-role"), PermissionsBoundary: aws.String(adminARN)})
		return err
	})
	add("GetFunction: the code", func(w *world, as aws.Config) error {
		_, err := lambda.NewFromConfig(as).GetFunction(w.t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String(function)})
		return err
	})
	add("CreateKey", func(w *world, as aws.Config) error {
		_, err := kms.NewFromConfig(as).CreateKey(w.t.Context(), &kms.CreateKeyInput{})
		return err
	})
	return all
}
