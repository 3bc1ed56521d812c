package awssim

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// invokeConfig says what becomes of asynchronous events of one qualifier.
type invokeConfig struct{ config lt.FunctionEventInvokeConfig }

// invokeTarget: without a qualifier it is $LATEST.
func (c *call) invokeTarget(action string, name, qualifier *string) (*lambdaTarget, error) {
	t := c.target(name, qualifier)
	if err := c.may(action, t); err != nil {
		return nil, err
	}
	if t.qualifier == "" {
		t.qualifier = "$LATEST"
	}
	writes := action == "PutFunctionEventInvokeConfig" || action == "UpdateFunctionEventInvokeConfig"
	switch {
	case writes && (t.fn == nil || t.fn.version(t.qualifier) == nil):
		return nil, notThere("The function doesn't exist.")
	case t.fn == nil:
		return nil, noInvoke(t)
	}
	return t, nil
}

func noInvoke(t *lambdaTarget) error {
	return notThere("The function %s doesn't have an EventInvokeConfig", t.qualified())
}

func (t *lambdaTarget) invoke() (*invokeConfig, error) {
	if i := t.fn.invokes[t.qualifier]; i != nil {
		return i, nil
	}
	return nil, noInvoke(t)
}

// destinations checks where events shall go, and fills in what answers always show.
func (t *lambdaTarget) destinations(d *lt.DestinationConfig) (*lt.DestinationConfig, error) {
	out := &lt.DestinationConfig{OnSuccess: &lt.OnSuccess{}, OnFailure: &lt.OnFailure{}}
	if d != nil && d.OnSuccess != nil {
		out.OnSuccess = d.OnSuccess
	}
	if d != nil && d.OnFailure != nil {
		out.OnFailure = d.OnFailure
	}
	// An empty text takes a destination away: the pattern of DestinationArn admits it for that.
	if aws.ToString(out.OnSuccess.Destination) == "" {
		out.OnSuccess = &lt.OnSuccess{}
	}
	if aws.ToString(out.OnFailure.Destination) == "" {
		out.OnFailure = &lt.OnFailure{}
	}
	for _, arn := range []*string{out.OnSuccess.Destination, out.OnFailure.Destination} {
		a, _ := parseARN(aws.ToString(arn))
		if a.service != "lambda" {
			continue
		}
		n := parseFunctionName(*arn)
		switch {
		case n.account == t.account && n.region == t.region && n.name == t.name:
			return nil, invalid("You can't specify the function as a destination for itself.")
		case n.account == t.account && t.state.functions[n.name] == nil:
			return nil, invalid("The destination ARN %s is invalid.", *arn)
		}
	}
	return out, nil
}

func nothingSet() error {
	return invalid("You must specify at least one of error handling or destination setting.")
}

func (c *call) keepInvoke(t *lambdaTarget, config lt.FunctionEventInvokeConfig) {
	config.FunctionArn, config.LastModified = aws.String(t.qualified()), aws.Time(c.now)
	t.fn.invokes[t.qualifier] = &invokeConfig{config}
}

// putInvokeConfig replaces the whole configuration: what is not given is gone.
func putInvokeConfig(c *call, in *lambda.PutFunctionEventInvokeConfigInput) (*lambda.PutFunctionEventInvokeConfigOutput, error) {
	t, err := c.invokeTarget("PutFunctionEventInvokeConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if in.DestinationConfig == nil && in.MaximumEventAgeInSeconds == nil && in.MaximumRetryAttempts == nil {
		return nil, nothingSet()
	}
	next := *like[lt.FunctionEventInvokeConfig](in)
	if next.DestinationConfig, err = t.destinations(in.DestinationConfig); err != nil {
		return nil, err
	}
	c.keepInvoke(t, next)
	return like[lambda.PutFunctionEventInvokeConfigOutput](t.fn.invokes[t.qualifier].config), nil
}

func updateInvokeConfig(c *call, in *lambda.UpdateFunctionEventInvokeConfigInput) (*lambda.UpdateFunctionEventInvokeConfigOutput, error) {
	t, err := c.invokeTarget("UpdateFunctionEventInvokeConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	had, err := t.invoke()
	if err != nil {
		return nil, err
	}
	if in.DestinationConfig == nil && in.MaximumEventAgeInSeconds == nil && in.MaximumRetryAttempts == nil {
		return nil, nothingSet()
	}
	next := had.config
	overlay(&next, in)
	if next.DestinationConfig, err = t.destinations(next.DestinationConfig); err != nil {
		return nil, err
	}
	c.keepInvoke(t, next)
	return like[lambda.UpdateFunctionEventInvokeConfigOutput](t.fn.invokes[t.qualifier].config), nil
}

func getInvokeConfig(c *call, in *lambda.GetFunctionEventInvokeConfigInput) (*lambda.GetFunctionEventInvokeConfigOutput, error) {
	t, err := c.invokeTarget("GetFunctionEventInvokeConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	i, err := t.invoke()
	if err != nil {
		return nil, err
	}
	return like[lambda.GetFunctionEventInvokeConfigOutput](i.config), nil
}

func deleteInvokeConfig(c *call, in *lambda.DeleteFunctionEventInvokeConfigInput) (*lambda.DeleteFunctionEventInvokeConfigOutput, error) {
	t, err := c.invokeTarget("DeleteFunctionEventInvokeConfig", in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if _, err := t.invoke(); err != nil {
		return nil, err
	}
	delete(t.fn.invokes, t.qualifier)
	return nil, nil
}

func listInvokeConfigs(c *call, in *lambda.ListFunctionEventInvokeConfigsInput) (*lambda.ListFunctionEventInvokeConfigsOutput, error) {
	t, err := c.functionOr(notThere("The function doesn't exist."), "ListFunctionEventInvokeConfigs", in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	all := []lt.FunctionEventInvokeConfig{}
	for _, q := range qualifiersOf(t.fn.invokes) {
		all = append(all, t.fn.invokes[q].config)
	}
	page, next, err := paginate(all, in.Marker, in.MaxItems, 50)
	return &lambda.ListFunctionEventInvokeConfigsOutput{FunctionEventInvokeConfigs: orEmpty(page), NextMarker: next}, err
}
