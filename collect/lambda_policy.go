package collect

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// policies reads each qualifier's policy twice: GetPolicy shows what AddPermission
// built, GetResourcePolicy also what PutResourcePolicy put in its place.
func policies() Collector {
	return Collector{
		Name: "lambda.policy", About: "resource policy of the function, each alias and each version", Small: true,
		Needs: []awsapi.Need{
			need("Lambda:GetPolicy", "lambda:GetPolicy", "function ARN"),
			need("Lambda:GetResourcePolicy", "lambda:GetResourcePolicy", "function ARN"),
		},
		Collect: collectPolicies,
	}
}

func collectPolicies(ctx context.Context, j *Job) {
	c := j.lambda()
	b := &grantBook{list: grantList{known: true}}
	defer func() { j.facts.grants.keep(b.list) }()
	both(
		func() { j.policy(ctx, c, b, "") },
		func() {
			aliases, versions := j.facts.aliases.get(ctx), j.facts.versions.get(ctx)
			var quals []string
			for _, q := range append(slices.Clone(aliases.names), versions.names()...) {
				// $LATEST carries no policy of its own; emulators list some things twice.
				if q != "$LATEST" && !slices.Contains(quals, q) {
					quals = append(quals, q)
				}
			}
			for _, q := range quals {
				j.plan(j.policyWants(q)...)
			}
			j.unknownQualifiers(aliases.known, versions.known)
			if !aliases.known || !versions.known {
				b.unknown()
			}
			each(quals, callsAtOnce, func(q string) { j.policy(ctx, c, b, q) })
		})
}

func (j *Job) policyWants(qualifier string) []want {
	a, b := j.want("lambda.policy", qualifier, "Lambda:GetPolicy"), j.want("lambda.policy.resource", qualifier, "Lambda:GetResourcePolicy")
	a.none, b.none = true, true
	return []want{a, b}
}

func (j *Job) unknownQualifiers(aliases, versions bool) {
	why := ""
	switch {
	case aliases && versions:
		return
	case versions:
		why = "aliases unknown: lambda.aliases is not whole"
	case aliases:
		why = "versions unknown: lambda.configuration.versions is not whole"
	default:
		why = "aliases and versions unknown: lambda.aliases and lambda.configuration.versions are not whole"
	}
	for _, w := range j.policyWants("*") {
		j.skip(w, why)
	}
}

func (j *Job) policy(ctx context.Context, c *lambda.Client, b *grantBook, qualifier string) {
	ws := j.policyWants(qualifier)
	j.plan(ws...)
	arn, qual := j.Target.ARN, (*string)(nil)
	if qualifier != "" {
		arn, qual = arn+":"+qualifier, aws.String(qualifier)
	}
	both(
		func() {
			if out, had := recall[lambda.GetPolicyOutput](ctx, j, ws[0]); had {
				if out != nil {
					b.read(qualifier, aws.ToString(out.Policy))
				}
				return
			}
			out, s, err := ask(ctx, j, c.GetPolicy, &lambda.GetPolicyInput{FunctionName: aws.String(j.Target.Function), Qualifier: qual})
			if err != nil {
				b.refused(err)
			} else {
				b.read(qualifier, aws.ToString(out.Policy))
			}
			keepPolicy(ctx, j, ws[0], s, err, out, func() *string { return out.Policy })
		},
		func() {
			if out, had := recall[lambda.GetResourcePolicyOutput](ctx, j, ws[1]); had {
				if out != nil {
					b.read(qualifier, aws.ToString(out.Policy))
				}
				return
			}
			out, s, err := ask(ctx, j, c.GetResourcePolicy, &lambda.GetResourcePolicyInput{ResourceArn: aws.String(arn)})
			if err != nil {
				b.refused(err)
			} else {
				b.read(qualifier, aws.ToString(out.Policy))
			}
			keepPolicy(ctx, j, ws[1], s, err, out, func() *string { return out.Policy })
		})
}

// keepPolicy stores a policy answer; an empty one means none, as a refusal 'not found' does.
func keepPolicy(ctx context.Context, j *Job, w want, s stamp, err error, out any, policy func() *string) {
	switch {
	case err != nil:
		j.refused(w, s, err)
	case aws.ToString(policy()) == "":
		j.none(w, s, "the answer holds no policy")
	default:
		j.putJSON(ctx, w, s, out)
	}
}
