package collect

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// role reads all that decides what the function's credentials may do.
func role() Collector {
	return Collector{
		Name: "iam.role", About: "execution role: trust, boundary, inline and attached policies", Small: true,
		Needs: []awsapi.Need{
			need("IAM:GetRole", "iam:GetRole", "role ARN"),
			need("IAM:ListRolePolicies", "iam:ListRolePolicies", "role ARN"),
			need("IAM:GetRolePolicy", "iam:GetRolePolicy", "role ARN"),
			need("IAM:ListAttachedRolePolicies", "iam:ListAttachedRolePolicies", "role ARN"),
			need("IAM:GetPolicy", "iam:GetPolicy", "policy ARN"),
			need("IAM:GetPolicyVersion", "iam:GetPolicyVersion", "policy ARN"),
			need("IAM:ListPolicyVersions", "iam:ListPolicyVersions", "policy ARN"),
		},
		Collect: collectRole,
	}
}

// roleOf waits for the execution role's ARN: "" where it is unknown.
func (j *Job) roleOf(ctx context.Context) string {
	if f := j.facts.latest.get(ctx); f != nil {
		return aws.ToString(f.Role)
	}
	return ""
}

func roleName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func collectRole(ctx context.Context, j *Job) {
	arn := j.roleOf(ctx)
	if arn == "" {
		if ctx.Err() == nil {
			j.skip(j.want("iam.role", "", "IAM:GetRole"), "role unknown: lambda.configuration $LATEST could not be had")
		}
		return
	}
	if !j.run.claim("role " + arn) {
		j.planned.Store(true) // another target of this run has the same role, and what it names
		j.facts.roleNames.keep(nameList{known: true})
		return
	}
	named := &namedBook{list: nameList{known: true}}
	defer func() { j.facts.roleNames.keep(named.list) }()
	c := iam.NewFromConfig(j.config(j.Target.Region))
	name := aws.String(roleName(arn))
	w, inline, attached := j.of("iam.role", arn, "", "", "IAM:GetRole"), j.of("iam.role.inline", arn, "", "", "IAM:ListRolePolicies"), j.of("iam.role.attached", arn, "", "", "IAM:ListAttachedRolePolicies")
	j.plan(w, inline, attached)
	both(
		func() {
			if out := fetch(ctx, j, w, c.GetRole, &iam.GetRoleInput{RoleName: name}); out != nil && out.Role != nil && out.Role.PermissionsBoundary != nil {
				j.managedPolicy(ctx, c, named, aws.ToString(out.Role.PermissionsBoundary.PermissionsBoundaryArn))
			}
		},
		func() { j.inlinePolicies(ctx, c, named, inline, name) },
		func() { j.attachedPolicies(ctx, c, named, attached, name) })
}

func (j *Job) inlinePolicies(ctx context.Context, c *iam.Client, named *namedBook, w want, role *string) {
	var names []string
	whole := listing(ctx, j, w, pager[iam.ListRolePoliciesInput, iam.ListRolePoliciesOutput, iam.Options]{
		call: c.ListRolePolicies, in: &iam.ListRolePoliciesInput{RoleName: role},
		next: func(in *iam.ListRolePoliciesInput, out *iam.ListRolePoliciesOutput) string {
			in.Marker = marker(out.IsTruncated, out.Marker)
			return aws.ToString(in.Marker)
		},
	}, "PolicyNames", func(o *iam.ListRolePoliciesOutput) any {
		names = addOnce(names, o.PolicyNames...)
		return o.PolicyNames
	})
	if !whole {
		named.read(false, nil)
	}
	doc := func(name string) want {
		return j.of("iam.role.inline.document", w.src.ARN, name, "", "IAM:GetRolePolicy")
	}
	for _, n := range names {
		j.plan(doc(n))
	}
	each(names, callsAtOnce, func(n string) {
		out := fetch(ctx, j, doc(n), c.GetRolePolicy, &iam.GetRolePolicyInput{RoleName: role, PolicyName: aws.String(n)})
		named.read(out != nil, func() *string { return j.policyText(ctx, doc(n), out.PolicyDocument) })
	})
}

func (j *Job) attachedPolicies(ctx context.Context, c *iam.Client, named *namedBook, w want, role *string) {
	var arns []string
	whole := listing(ctx, j, w, pager[iam.ListAttachedRolePoliciesInput, iam.ListAttachedRolePoliciesOutput, iam.Options]{
		call: c.ListAttachedRolePolicies, in: &iam.ListAttachedRolePoliciesInput{RoleName: role},
		next: func(in *iam.ListAttachedRolePoliciesInput, out *iam.ListAttachedRolePoliciesOutput) string {
			in.Marker = marker(out.IsTruncated, out.Marker)
			return aws.ToString(in.Marker)
		},
	}, "AttachedPolicies", func(o *iam.ListAttachedRolePoliciesOutput) any {
		for _, p := range o.AttachedPolicies {
			arns = append(arns, aws.ToString(p.PolicyArn))
		}
		return o.AttachedPolicies
	})
	if !whole {
		named.read(false, nil)
	}
	each(arns, callsAtOnce, func(arn string) { j.managedPolicy(ctx, c, named, arn) })
}

// managedPolicy reads a policy, its versions, and the document in force. A policy
// that is both attached and a boundary is read once.
func (j *Job) managedPolicy(ctx context.Context, c *iam.Client, named *namedBook, arn string) {
	if !j.run.claim("policy " + arn) {
		return
	}
	w, versions := j.of("iam.policy", arn, "", "", "IAM:GetPolicy"), j.of("iam.policy.versions", arn, "", "", "IAM:ListPolicyVersions")
	j.plan(w, versions)
	both(
		func() {
			out := fetch(ctx, j, w, c.GetPolicy, &iam.GetPolicyInput{PolicyArn: aws.String(arn)})
			if out == nil || out.Policy == nil || out.Policy.DefaultVersionId == nil {
				named.read(false, nil)
				j.skip(j.of("iam.policy.document", arn, "default", "", "IAM:GetPolicyVersion"), "depends on iam.policy "+arn+", which could not be had")
				return
			}
			v := out.Policy.DefaultVersionId
			of := j.of("iam.policy.document", arn, *v, "", "IAM:GetPolicyVersion")
			doc := fetch(ctx, j, of, c.GetPolicyVersion, &iam.GetPolicyVersionInput{PolicyArn: aws.String(arn), VersionId: v})
			named.read(doc != nil && doc.PolicyVersion != nil, func() *string { return j.policyText(ctx, of, doc.PolicyVersion.Document) })
		},
		func() {
			listing(ctx, j, versions, pager[iam.ListPolicyVersionsInput, iam.ListPolicyVersionsOutput, iam.Options]{
				call: c.ListPolicyVersions, in: &iam.ListPolicyVersionsInput{PolicyArn: aws.String(arn)},
				next: func(in *iam.ListPolicyVersionsInput, out *iam.ListPolicyVersionsOutput) string {
					in.Marker = marker(out.IsTruncated, out.Marker)
					return aws.ToString(in.Marker)
				},
			}, "Versions", func(o *iam.ListPolicyVersionsOutput) any { return o.Versions })
		})
}

// marker is IAM's page token: only meant when the answer says that it is truncated.
func marker(truncated bool, m *string) *string {
	if !truncated {
		return nil
	}
	return m
}
