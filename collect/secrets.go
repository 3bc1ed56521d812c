package collect

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

// references finds which stored secrets the function may have read, and describes them. No
// value is ever read: what is wanted is what must be rotated, and whether it is about to go.
func references() Collector {
	return Collector{
		Name: "secrets.references", About: "secrets and parameters that the environment, the role's policies or the mappings name by ARN: described, never read",
		Needs: []awsapi.Need{
			need("SecretsManager:DescribeSecret", "secretsmanager:DescribeSecret", "secret ARN"),
			need("SecretsManager:GetResourcePolicy", "secretsmanager:GetResourcePolicy", "secret ARN"),
			need("SSM:DescribeParameters", "ssm:DescribeParameters", "*"),
		},
		Collect: collectReferences,
	}
}

// reference is one ARN and where it stands.
type reference struct {
	Arn   string
	Where []string
}

type referenceDocument struct{ References []reference }

func collectReferences(ctx context.Context, j *Job) {
	w := j.want("secrets.references", "", "")
	kept, had := recall[referenceDocument](ctx, j, w)
	doc, whole := j.namedSecrets(ctx)
	rest := j.want("secrets.references", "*", "")
	switch {
	case ctx.Err() != nil:
		return // close records it
	case !whole:
		j.skip(rest, "what names secrets is not whole: lambda.configuration, lambda.configuration.versions, lambda.mappings, lambda.mappings.sweep, lambda.environment, iam.role, iam.role.inline, iam.role.inline.document, iam.role.attached, iam.policy or iam.policy.document")
	case had && kept.lacks(doc):
		j.skip(rest, "the list is from before some of what names secrets could be read; what that names is described beside it")
	}
	switch {
	case had && kept != nil:
		doc.References = append(doc.References, kept.References...) // environments are not read again: what they name stands there alone
	case had:
	case len(doc.References) == 0:
		j.none(w, stamp{}, "nothing that was read names a secret or parameter by ARN (what the code asks for by name is not looked for)")
	default:
		j.putJSON(ctx, w, stamp{started: j.now(), ended: j.now()}, doc)
	}
	slices.SortFunc(doc.References, func(a, b reference) int { return strings.Compare(a.Arn, b.Arn) })
	doc.References = slices.CompactFunc(doc.References, func(a, b reference) bool { return a.Arn == b.Arn })
	each(doc.References, callsAtOnce, func(r reference) {
		if arnPart(r.Arn, 2) == "ssm" {
			j.storedParameter(ctx, r.Arn)
		} else {
			j.storedSecret(ctx, r.Arn)
		}
	})
}

// lacks says whether a list from before, nil if there was nothing to list, has not all of another.
func (d *referenceDocument) lacks(o referenceDocument) bool {
	return slices.ContainsFunc(o.References, func(r reference) bool {
		return d == nil || !slices.ContainsFunc(d.References, func(k reference) bool { return k.Arn == r.Arn })
	})
}

// namedSecrets looks where secrets are named. whole is false when one of the places could not
// be read.
func (j *Job) namedSecrets(ctx context.Context) (doc referenceDocument, whole bool) {
	versions, role, sources := j.facts.versions.get(ctx), j.facts.roleNames.get(ctx), j.facts.sources.get(ctx)
	whole = versions.known && role.known && sources.known
	found := map[string][]string{}
	note := func(arns []string, where string) {
		for _, arn := range arns {
			if !slices.Contains(found[arn], where) {
				found[arn] = append(found[arn], where)
			}
		}
	}
	for _, v := range versions.all {
		arns, ok := j.namedByVersion(ctx, v)
		whole = whole && ok
		note(arns, "environment of "+v.version)
	}
	note(role.names, "policies of the role")
	note(storedSecrets(strings.Join(sources.names, "\n")), "event source mappings")
	for arn, where := range found {
		slices.Sort(where)
		doc.References = append(doc.References, reference{arn, where})
	}
	slices.SortFunc(doc.References, func(a, b reference) int { return strings.Compare(a.Arn, b.Arn) })
	return doc, whole
}

// namedByVersion looks into a version's environment, or, where an earlier session sealed it,
// into what its item says of it. ok is false where neither can be read.
func (j *Job) namedByVersion(ctx context.Context, v versionFact) (arns []string, ok bool) {
	env := v.env
	if d := j.facts.deployed(v.version).get(ctx); d.env != nil {
		env = d.env
	}
	if e, kept := j.keptEntry(j.want("lambda.environment", v.version, "")); kept {
		if e.Item == nil {
			return nil, true // it has none
		}
		named, told := e.Item.Params[namedParam]
		return strings.Fields(named), told
	}
	switch {
	case env == nil:
		return nil, true
	case env.Error != nil:
		return nil, false
	}
	for _, value := range env.Variables {
		if strings.HasPrefix(value, sealedMark) {
			return nil, false // read back from the case, where values do not stand
		}
	}
	return secretsOf(env), true
}

// storedSecret describes a secret. Policies name secrets with a pattern for the six
// characters at the end of their ARNs: without it, it is the name.
func (j *Job) storedSecret(ctx context.Context, arn string) {
	region := arnPart(arn, 3)
	id := arn
	for _, end := range []string{"-??????", "-*"} {
		id = strings.TrimSuffix(id, end)
	}
	w, policy := j.of("secretsmanager.secret", arn, "", region, "SecretsManager:DescribeSecret"), j.of("secretsmanager.secret.policy", arn, "", region, "SecretsManager:GetResourcePolicy")
	if strings.ContainsAny(id, "*?") {
		j.gap(w, stamp{}, evidence.NotCovered, "", "a pattern, not a secret: each that fits it may have been read, and must be looked for in the account")
		return
	}
	if !j.run.claim("secret " + arn) {
		return
	}
	if id != arn {
		id = strings.TrimPrefix(arnPart(id, 5), "secret:")
	}
	w.none, policy.none = true, true // named, and gone
	c := secretsmanager.NewFromConfig(j.config(region))
	both(
		func() { fetch(ctx, j, w, c.DescribeSecret, &secretsmanager.DescribeSecretInput{SecretId: &id}) },
		func() {
			fetch(ctx, j, policy, c.GetResourcePolicy, &secretsmanager.GetResourcePolicyInput{SecretId: &id})
		})
}

// storedParameter describes the parameters that an ARN or pattern stands for.
func (j *Job) storedParameter(ctx context.Context, arn string) {
	w := j.of("ssm.parameter", arn, "", arnPart(arn, 3), "SSM:DescribeParameters")
	name := strings.TrimPrefix(arnPart(arn, 5), "parameter")
	option := "Equals"
	if cut, ok := strings.CutSuffix(name, "*"); ok {
		name, option = cut, "BeginsWith"
	}
	if strings.ContainsAny(name, "*?") || w.src.Region == "*" || w.src.Region == "" {
		j.gap(w, stamp{}, evidence.NotCovered, "", "a pattern that cannot be asked for: each parameter that fits it may have been read")
		return
	}
	if !j.run.claim("parameter " + arn) {
		return
	}
	names := []string{name}
	if option == "Equals" && strings.Count(name, "/") == 1 {
		names = append(names, name[1:]) // "flat" and "/flat" have the same ARN
	}
	c := ssm.NewFromConfig(j.config(w.src.Region))
	listing(ctx, j, w, pager[ssm.DescribeParametersInput, ssm.DescribeParametersOutput, ssm.Options]{
		call: c.DescribeParameters, in: &ssm.DescribeParametersInput{ParameterFilters: []ssmtypes.ParameterStringFilter{{Key: aws.String("Name"), Option: &option, Values: names}}},
		next: func(in *ssm.DescribeParametersInput, out *ssm.DescribeParametersOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}, "Parameters", func(o *ssm.DescribeParametersOutput) any { return o.Parameters })
}
