package contain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// rotator is a rotation function as it is: what it runs, as whom.
type rotator struct {
	ARN, Role, SHA256 string
	Layers            []string
}

// String names the function first: what has to be the same when the call is made stands behind.
func (r rotator) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.ARN, r.Role, r.SHA256, strings.Join(r.Layers, " ")))
}

func rotatorOf(ctx context.Context, cfg aws.Config, function string) (rotator, error) {
	if function == "" {
		return rotator{}, errors.New("none is associated with it")
	}
	out, err := lambda.NewFromConfig(cfg).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(function)})
	if err != nil {
		return rotator{}, err
	}
	r := rotator{ARN: function, Role: aws.ToString(out.Role), SHA256: aws.ToString(out.CodeSha256)}
	for _, l := range out.Layers {
		r.Layers = append(r.Layers, aws.ToString(l.Arn))
	}
	return r, nil
}

// rotate plans the rotation of what was listed, where nothing speaks against it. What does is
// said of each secret, and makes the plan incomplete: it was asked for.
func (d *draft) rotate(ctx context.Context) {
	if !d.in.RotateSecrets {
		return
	}
	for i := range d.plan.Rotate {
		r := &d.plan.Rotate[i]
		if r.Kind != "secret" {
			continue
		}
		to, secret, err := d.rotation(ctx, r)
		if err != nil {
			r.Refused = err.Error()
			d.unplanned(actRotate, r.Resource, err)
			continue
		}
		for _, s := range d.known {
			if s.ARN == r.Function {
				s.rotatable[secret] = to
			}
		}
	}
}

// rotation is the wanted state of one secret, by its ARN, or why it must not be rotated.
func (d *draft) rotation(ctx context.Context, r *Rotation) (rotated, string, error) {
	id := anySuffix.ReplaceAllString(r.Resource, "")
	if strings.ContainsAny(id, "*?$") {
		return rotated{}, "", errors.New("the role's policy names no single secret: whoever knows which ones hold something has to choose")
	}
	cfg := d.session.Config(regionOf(id), rotationNeeds())
	out, err := secretsmanager.NewFromConfig(cfg).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(id)})
	if err != nil {
		return rotated{}, "", err
	}
	now := stagesOf(out)
	switch {
	case out.DeletedDate != nil:
		return rotated{}, "", errors.New("it waits for its deletion")
	case aws.ToString(out.RotationLambdaARN) == "":
		return rotated{}, "", errors.New("nothing rotates it by itself: change it by hand")
	case now.Current == "":
		return rotated{}, "", errors.New("it has no current value")
	case now.Pending:
		return rotated{}, "", errors.New("a rotation is under way, or one has failed: see why in the log of " + aws.ToString(out.RotationLambdaARN))
	}
	if why := d.tainted(ctx, aws.ToString(out.RotationLambdaARN)); why != "" {
		return rotated{}, "", fmt.Errorf("its rotation function is in scope (%s): RotateSecret would run it with the new value at hand; change the secret by hand", why)
	}
	by, err := rotatorOf(ctx, cfg, aws.ToString(out.RotationLambdaARN))
	if err != nil {
		return rotated{}, "", err
	}
	to := rotated{Not: now.Current, By: by.String()}
	for _, s := range d.known {
		if p := first(s.Role, s.ARN); s.Kind != OnResource && !slices.Contains(to.Readers, p) {
			to.Readers = append(to.Readers, p)
		}
	}
	for _, p := range to.Readers {
		if why := reads(ctx, cfg, p, aws.ToString(out.ARN)); why != "" {
			return rotated{}, "", errors.New(why)
		}
	}
	return to, aws.ToString(out.ARN), strangers(ctx, cfg, aws.ToString(out.ARN))
}

// reads says why a principal has to be taken for one that can read the secret, or "": by
// IAM's own word on its policies, as a session that is issued now would be answered. What the
// secret's own policy grants is not in IAM's word: only a deny stands against that.
func reads(ctx context.Context, cfg aws.Config, principal, secret string) string {
	out, err := iam.NewFromConfig(cfg).SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &principal, ActionNames: []string{"secretsmanager:GetSecretValue"}, ResourceArns: []string{secret},
	})
	if err == nil && len(out.EvaluationResults) == 0 {
		err = errors.New("AWS does not answer")
	}
	if err != nil {
		return "whether " + principal + " can read it could not be asked: " + err.Error()
	}
	switch out.EvaluationResults[0].EvalDecision {
	case iamtypes.PolicyEvaluationDecisionTypeExplicitDeny:
		return ""
	case iamtypes.PolicyEvaluationDecisionTypeAllowed:
		return principal + " can still read it: contain it first (role-quarantine or user-quarantine), and plan anew"
	}
	own, err := policyOfSecret(ctx, cfg, secret)
	if err != nil {
		return "whom the secret's own policy lets read it could not be read: " + err.Error()
	}
	for _, s := range own.Statements {
		if s.Effect == "Allow" && (s.NotPrin != nil || s.Principal != nil && (s.Principal.Any || slices.Contains(s.Principal.AWS, "*") || slices.Contains(s.Principal.AWS, principal))) {
			return "the secret's own policy lets " + principal + " read it: contain it first (role-quarantine or user-quarantine), and plan anew"
		}
	}
	return ""
}

// strangers says whom of other accounts the secret's own policy lets in: nothing here contains them.
func strangers(ctx context.Context, cfg aws.Config, secret string) error {
	own, err := policyOfSecret(ctx, cfg, secret)
	if err != nil {
		return fmt.Errorf("whom the secret's own policy lets read it could not be read: %w", err)
	}
	for _, s := range own.Statements {
		if e := s.Expose(accountOf(secret)); e.Reach == iampolicy.CrossAccount || e.Reach == iampolicy.Public {
			return fmt.Errorf("the secret's own policy lets others read it (%s %s): take that out first", e.Reach, strings.Join(e.Accounts, ", "))
		}
	}
	return nil
}

func policyOfSecret(ctx context.Context, cfg aws.Config, secret string) (iampolicy.Document, error) {
	out, err := secretsmanager.NewFromConfig(cfg).GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &secret})
	if err != nil || aws.ToString(out.ResourcePolicy) == "" {
		return iampolicy.Document{}, err
	}
	return iampolicy.Parse(*out.ResourcePolicy)
}
