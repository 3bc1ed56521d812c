package collect

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const (
	scalingCall, capacityCall, tenantsCall = "Lambda:GetFunctionScalingConfig", "Lambda:GetCapacityProvider", "Lambda:ListFunctionVersionsByCapacityProvider"
	maxTenants                             = 10_000
)

// scaling is what runs on instances in the account's own VPC (Lambda Managed Instances): how
// many environments, on whose provider, and whose versions share its machines. The tenancy is
// in lambda.configuration.
func scaling() Collector {
	when := func(call, action, resource string) awsapi.Need {
		n := need(call, action, resource)
		n.When = "managed instances"
		return n
	}
	return Collector{
		Name: "lambda.scaling", About: "managed instances: scaling of each version, capacity providers, and who shares them", Small: true,
		Needs: []awsapi.Need{
			when(scalingCall, "lambda:GetFunctionScalingConfig", "function ARN"),
			when(capacityCall, "lambda:GetCapacityProvider", "capacity provider ARN"),
			when(tenantsCall, "lambda:ListFunctionVersionsByCapacityProvider", "capacity provider ARN"),
		},
		Collect: collectScaling,
	}
}

// capacityOf is the ARN of the provider that a configuration names; "" if it runs as usual.
func capacityOf(f *lambdatypes.FunctionConfiguration) string {
	if p := f.CapacityProviderConfig; p != nil && p.LambdaManagedInstancesCapacityProviderConfig != nil {
		return aws.ToString(p.LambdaManagedInstancesCapacityProviderConfig.CapacityProviderArn)
	}
	return ""
}

func collectScaling(ctx context.Context, j *Job) {
	versions := j.facts.versions.get(ctx)
	if ctx.Err() != nil {
		return // close records it
	}
	own := j.want("lambda.scaling", "", scalingCall)
	var providers, published []string
	for _, v := range versions.all {
		if v.capacity == "" {
			continue
		}
		providers = append(providers, v.capacity)
		if v.version != "$LATEST" { // which runs nowhere until it is published, and has no scaling
			published = append(published, v.version)
			j.plan(j.want("lambda.scaling", v.version, scalingCall))
		}
	}
	switch {
	case !versions.known:
		own.src.Qualifier = "*"
		j.skip(own, "versions, and so their capacity providers, unknown: lambda.configuration.versions is not whole")
	case len(providers) == 0:
		j.none(own, stamp{}, "no version runs on managed instances")
	}
	slices.Sort(providers)
	c := j.lambda()
	both(
		func() {
			each(published, callsAtOnce, func(version string) {
				fetch(ctx, j, j.want("lambda.scaling", version, scalingCall), c.GetFunctionScalingConfig, &lambda.GetFunctionScalingConfigInput{FunctionName: &j.Target.Function, Qualifier: &version})
			})
		},
		func() {
			each(slices.Compact(providers), callsAtOnce, func(arn string) { j.capacity(ctx, c, arn) })
		})
}

// capacity keeps a provider, and the versions of all functions that run on it.
func (j *Job) capacity(ctx context.Context, c *lambda.Client, arn string) {
	if !j.run.claim("capacity provider " + arn) {
		j.planned.Store(true)
		return
	}
	region := j.Target.Region
	provider, tenants := j.of("lambda.capacity", arn, "", region, capacityCall), j.of("lambda.capacity.versions", arn, "", region, tenantsCall)
	j.plan(provider, tenants)
	both(
		func() {
			fetch(ctx, j, provider, c.GetCapacityProvider, &lambda.GetCapacityProviderInput{CapacityProviderName: &arn})
		},
		func() {
			gathered[lambda.ListFunctionVersionsByCapacityProviderInput, lambda.ListFunctionVersionsByCapacityProviderOutput, lambda.Options, lambdatypes.FunctionVersionsByCapacityProviderListItem]{
				pager: pager[lambda.ListFunctionVersionsByCapacityProviderInput, lambda.ListFunctionVersionsByCapacityProviderOutput, lambda.Options]{
					call: c.ListFunctionVersionsByCapacityProvider, in: &lambda.ListFunctionVersionsByCapacityProviderInput{CapacityProviderName: &arn},
					next: func(in *lambda.ListFunctionVersionsByCapacityProviderInput, out *lambda.ListFunctionVersionsByCapacityProviderOutput) string {
						in.Marker = out.NextMarker
						return aws.ToString(in.Marker)
					},
				},
				member: "FunctionVersions", most: maxTenants, none: "no version runs on it",
				items: func(o *lambda.ListFunctionVersionsByCapacityProviderOutput) []lambdatypes.FunctionVersionsByCapacityProviderListItem {
					return o.FunctionVersions
				},
			}.get(ctx, j, tenants)
		})
}
