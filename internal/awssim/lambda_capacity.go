package awssim

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// providerTarget is a capacity provider named by name or ARN.
type providerTarget struct {
	account, region, name, arn string
	state                      *lambdaState
	provider                   *lt.CapacityProvider
}

func (c *call) capacityProvider(action string, name *string) (*providerTarget, error) {
	t := &providerTarget{account: c.accountID, region: c.region, name: aws.ToString(name)}
	if a, ok := parseARN(t.name); ok {
		t.account, t.region, t.name = a.account, a.region, strings.TrimPrefix(a.resource, "capacity-provider:")
	}
	t.arn = arnOf("lambda", t.region, t.account, "capacity-provider:"+t.name)
	t.state = c.lambda.at(t.account, t.region, newLambdaState)
	t.provider = t.state.providers[t.name]
	if err := c.allow("lambda:"+action, t.arn); err != nil {
		return nil, err
	}
	if t.provider == nil && action != "CreateCapacityProvider" {
		return nil, notThere("Capacity provider not found: %s", t.arn) // text not verified
	}
	return t, nil
}

// createCapacityProvider: instances are EC2's, and there are none here: a provider is at
// once what it was asked to be.
func createCapacityProvider(c *call, in *lambda.CreateCapacityProviderInput) (*lambda.CreateCapacityProviderOutput, error) {
	t, err := c.capacityProvider("CreateCapacityProvider", in.CapacityProviderName)
	if err != nil {
		return nil, err
	}
	if err := c.allow("iam:PassRole", *in.PermissionsConfig.CapacityProviderOperatorRoleArn, withCondition("iam:PassedToService", "lambda.amazonaws.com")); err != nil {
		return nil, err
	}
	if t.provider != nil {
		return nil, conflict("Capacity provider already exists: %s", t.arn)
	}
	p := like[lt.CapacityProvider](in)
	p.CapacityProviderArn, p.State, p.LastModified = &t.arn, lt.CapacityProviderStateActive, aws.String(lambdaTime(c.now))
	t.state.providers[t.name] = p
	return &lambda.CreateCapacityProviderOutput{CapacityProvider: p}, nil
}

func getCapacityProvider(c *call, in *lambda.GetCapacityProviderInput) (*lambda.GetCapacityProviderOutput, error) {
	t, err := c.capacityProvider("GetCapacityProvider", in.CapacityProviderName)
	if err != nil {
		return nil, err
	}
	return &lambda.GetCapacityProviderOutput{CapacityProvider: t.provider}, nil
}

// capacityOf is the provider that a configuration names, "" for one that runs as usual.
func capacityOf(cfg *lt.FunctionConfiguration) string {
	if p := cfg.CapacityProviderConfig; p != nil && p.LambdaManagedInstancesCapacityProviderConfig != nil {
		return aws.ToString(p.LambdaManagedInstancesCapacityProviderConfig.CapacityProviderArn)
	}
	return ""
}

// capacity: a function may name a provider that is there and that the caller may pass
// (developer guide, "Lambda Managed Instances": lambda:PassCapacityProvider).
func (c *call) capacity(cfg *lt.FunctionConfiguration) error {
	arn := capacityOf(cfg)
	if arn == "" {
		return nil
	}
	t, err := c.capacityProvider("PassCapacityProvider", &arn)
	if err != nil {
		return err
	}
	if t.account != c.accountID || t.region != c.region {
		return invalid("Capacity provider %s is not of this account and region.", arn)
	}
	return nil
}

// versionsOfProvider are published versions: $LATEST runs on no provider until it is
// published (that it is not listed is not verified).
func versionsOfProvider(c *call, in *lambda.ListFunctionVersionsByCapacityProviderInput) (*lambda.ListFunctionVersionsByCapacityProviderOutput, error) {
	t, err := c.capacityProvider("ListFunctionVersionsByCapacityProvider", in.CapacityProviderName)
	if err != nil {
		return nil, err
	}
	all := []lt.FunctionVersionsByCapacityProviderListItem{}
	for _, f := range sortedFunctions(t.state.functions) {
		for _, v := range f.published {
			if capacityOf(&v.config) == t.arn {
				all = append(all, lt.FunctionVersionsByCapacityProviderListItem{FunctionArn: aws.String(f.arn + ":" + v.number), State: v.view(c.now, c.cfg.Settle).State})
			}
		}
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListFunctionVersionsByCapacityProviderOutput{CapacityProviderArn: &t.arn, FunctionVersions: page, NextMarker: next}, err
}

// scaled finds a published version that runs on a provider.
func (c *call) scaled(action string, name, qualifier *string) (*lambdaTarget, *version, error) {
	t, err := c.function(action, name, qualifier)
	if err != nil {
		return nil, nil, err
	}
	v, err := t.resolve()
	if err != nil {
		return nil, nil, err
	}
	if capacityOf(&v.config) == "" { // code and text not verified
		return nil, nil, invalid("The function version is not configured with a capacity provider: %s", t.qualified())
	}
	return t, v, nil
}

func putScaling(c *call, in *lambda.PutFunctionScalingConfigInput) (*lambda.PutFunctionScalingConfigOutput, error) {
	t, v, err := c.scaled("PutFunctionScalingConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	t.fn.scaling[v.number] = in.FunctionScalingConfig
	return &lambda.PutFunctionScalingConfigOutput{FunctionState: v.view(c.now, c.cfg.Settle).State}, nil
}

// getScaling: what was asked for is applied at once. Whether AWS shows its defaults where
// nothing was asked for is not verified; here they are left out.
func getScaling(c *call, in *lambda.GetFunctionScalingConfigInput) (*lambda.GetFunctionScalingConfigOutput, error) {
	t, v, err := c.scaled("GetFunctionScalingConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	s := t.fn.scaling[v.number]
	return &lambda.GetFunctionScalingConfigOutput{FunctionArn: aws.String(t.arn + ":" + v.number), AppliedFunctionScalingConfig: s, RequestedFunctionScalingConfig: s}, nil
}
