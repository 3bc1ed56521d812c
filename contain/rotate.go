package contain

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// Rotation is something that the function could read, and whose value has to be taken for
// stolen. A rotation runs code, with the new value at hand: it is planned only where that was
// asked for (PlanInput.RotateSecrets) and nothing speaks against it.
type Rotation struct {
	Function string   `json:"function"`          // ARN
	Kind     string   `json:"kind"`              // "secret", "parameter", "environment"
	Resource string   `json:"resource"`          // as the role's policy names it; of an environment the function's ARN
	Names    []string `json:"names,omitempty"`   // keys of the environment, never values
	By       string   `json:"by,omitempty"`      // ARN of the function that rotates the secret
	Wait     string   `json:"wait"`              // before what it must not be rotated
	Refused  string   `json:"refused,omitempty"` // why it is not rotated, where that was asked for
}

// rotationNeeds are the calls that list what to rotate, at LevelEvict.
func rotationNeeds() []awsapi.Need {
	const at = "planning at level evict"
	var all []awsapi.Need
	for _, n := range []awsapi.Need{
		on("IAM:ListRolePolicies", "role ARN", false), on("IAM:GetRolePolicy", "role ARN", false), on("IAM:ListAttachedRolePolicies", "role ARN", false),
		on("IAM:GetPolicy", "policy ARN", false), on("IAM:GetPolicyVersion", "policy ARN", false),
		on("SecretsManager:DescribeSecret", "secret ARN", false), on("SecretsManager:GetResourcePolicy", "secret ARN", false), on("Lambda:GetFunctionConfiguration", "function ARN", false),
		VerifyNeeds()[0],
	} {
		all = append(all, when(n, at))
	}
	return all
}

// readable are the actions by which a value leaves its keeper.
var readable = []struct{ kind, service, action string }{
	{"secret", "secretsmanager", "secretsmanager:getsecretvalue"}, {"secret", "secretsmanager", "secretsmanager:batchgetsecretvalue"},
	{"parameter", "ssm", "ssm:getparameter"}, {"parameter", "ssm", "ssm:getparameters"}, {"parameter", "ssm", "ssm:getparametersbypath"}, {"parameter", "ssm", "ssm:getparameterhistory"},
}

// rotations lists what each function of the plan could read.
func (d *draft) rotations(ctx context.Context) {
	if d.in.Level != LevelEvict && !d.in.RotateSecrets {
		return
	}
	for _, s := range d.known {
		if s.Kind != OnFunction {
			continue
		}
		if len(s.EnvKeys) > 0 || s.EnvError != "" {
			r := Rotation{Function: s.ARN, Kind: "environment", Resource: s.ARN, Names: s.EnvKeys,
				Wait: "the function is contained: whatever its variables open is to be changed where it is kept, published versions' too"}
			if s.EnvError != "" { // unreadable is not empty
				r.Wait += "; their names cannot be read (" + s.EnvError + ")"
			}
			d.plan.Rotate = append(d.plan.Rotate, r)
		}
		docs, err := rolePolicies(ctx, d.session.Config("", rotationNeeds()), s.Role)
		if err != nil {
			d.plan.Warnings = append(d.plan.Warnings, fmt.Sprintf("which secrets the role of %s opens is not wholly known: %v", s.Function, err))
		}
		for _, r := range opened(docs) {
			r.Function = s.ARN
			d.await(ctx, &r)
			if !slices.ContainsFunc(d.plan.Rotate, func(o Rotation) bool { return o.Function == r.Function && o.Kind == r.Kind && o.Resource == r.Resource }) {
				d.plan.Rotate = append(d.plan.Rotate, r)
			}
		}
	}
}

// rolePolicies are the documents of a role's inline and attached policies: with an error,
// those that could be read.
func rolePolicies(ctx context.Context, cfg aws.Config, role string) ([]iampolicy.Document, error) {
	c, name := iamClient(cfg), aws.String(roleName(role))
	var docs []iampolicy.Document
	add := func(text string) error {
		doc, err := iampolicy.Parse(plainJSON(text))
		docs = append(docs, doc)
		return err
	}
	err := pages(func(m *string) (*string, error) {
		out, err := c.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: name, Marker: m})
		if err != nil {
			return nil, err
		}
		for _, n := range out.PolicyNames {
			p, err := c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: name, PolicyName: aws.String(n)})
			if err == nil {
				err = add(aws.ToString(p.PolicyDocument))
			}
			if err != nil {
				return nil, err
			}
		}
		return out.Marker, nil
	})
	if err != nil {
		return docs, err
	}
	return docs, pages(func(m *string) (*string, error) {
		out, err := c.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name, Marker: m})
		if err != nil {
			return nil, err
		}
		for _, a := range out.AttachedPolicies {
			text, err := managed(ctx, c, a.PolicyArn)
			if err == nil {
				err = add(text)
			}
			if err != nil {
				return nil, err
			}
		}
		return out.Marker, nil
	})
}

func managed(ctx context.Context, c *iam.Client, arn *string) (string, error) {
	p, err := c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
	if err != nil || p.Policy == nil {
		return "", err
	}
	v, err := c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: p.Policy.DefaultVersionId})
	if err != nil || v.PolicyVersion == nil {
		return "", err
	}
	return aws.ToString(v.PolicyVersion.Document), nil
}

// opened are the resources that allowing statements name. Denies, boundaries and conditions
// are not weighed: a secret too many costs a rotation, one too few the secret.
func opened(docs []iampolicy.Document) []Rotation {
	var all []Rotation
	for _, doc := range docs {
		for _, s := range doc.Statements {
			for _, a := range readable {
				if s.Effect != "Allow" || !allows(s, a.action) {
					continue
				}
				resources := s.Resource
				if len(resources) == 0 { // NotResource: all but those
					resources = []string{"*"}
				}
				for _, r := range resources {
					if r == "*" || strings.Contains(r, ":"+a.service+":") || strings.HasPrefix(r, "arn:*") {
						all = append(all, Rotation{Kind: a.kind, Resource: r})
					}
				}
			}
		}
	}
	return all
}

// allows matches an action in lower case, which IAM's are not told apart by.
func allows(s iampolicy.Statement, action string) bool {
	matches := func(p string) bool { return wild(strings.ToLower(p), action) }
	if len(s.NotAction) > 0 {
		return !slices.ContainsFunc(s.NotAction, matches)
	}
	return slices.ContainsFunc(s.Action, matches)
}

// anySuffix is how policies spell the six characters that Secrets Manager appends.
var anySuffix = regexp.MustCompile(`-(\?{6}|\*)$`)

// await says before what a value must not be rotated.
func (d *draft) await(ctx context.Context, r *Rotation) {
	r.Wait = "every reader of it is contained: a reader who is not has the new value at once"
	id := anySuffix.ReplaceAllString(r.Resource, "")
	if r.Kind != "secret" || strings.ContainsAny(id, "*?$") {
		return
	}
	region := regionOf(id)
	out, err := secretsmanager.NewFromConfig(d.session.Config(region, rotationNeeds())).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(id)})
	switch {
	case err != nil:
		r.Wait += "; what rotates it could not be read (" + err.Error() + ")"
	case aws.ToString(out.RotationLambdaARN) == "":
		r.Wait += "; nothing rotates it by itself: change it by hand"
	default:
		r.By = aws.ToString(out.RotationLambdaARN)
		if why := d.tainted(ctx, r.By); why != "" {
			r.Wait = "never by its rotation function while that is in scope (" + why + "): RotateSecret would run it; change it by hand"
		}
	}
}

// tainted says why a rotation function may be the intruder's, or "".
func (d *draft) tainted(ctx context.Context, function string) string {
	r, err := rotatorOf(ctx, d.session.Config(regionOf(function), rotationNeeds()), function)
	if err != nil {
		return "it could not be read: " + err.Error()
	}
	for _, s := range d.known {
		switch {
		case s.ARN == unqualified(function):
			return "it is a target of this plan"
		case s.Role != "" && s.Role == r.Role:
			return "its role is that of " + s.called()
		}
		for _, l := range r.Layers {
			if slices.Contains(s.Layers, l) {
				return "its layer " + l + " is one of " + s.called()
			}
		}
	}
	return ""
}
