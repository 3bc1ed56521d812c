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
	t, err := c.function(action, name, qualifier)
	if err != nil {
		return nil, err
	}
	if t.qualifier == "" {
		t.qualifier = "$LATEST"
	}
	return t, t.exists()
}

func (t *lambdaTarget) invoke() (*invokeConfig, error) {
	if i := t.fn.invokes[t.qualifier]; i != nil {
		return i, nil
	}
	return nil, &apiError{Code: "ResourceNotFoundException", Message: "The function " + t.qualified() + " doesn't have an EventInvokeConfig", Fields: map[string]any{"Type": "User"}}
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
	next := *like[lt.FunctionEventInvokeConfig](in)
	if next.DestinationConfig == nil {
		next.DestinationConfig = &lt.DestinationConfig{OnSuccess: &lt.OnSuccess{}, OnFailure: &lt.OnFailure{}}
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
	next := had.config
	overlay(&next, in)
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
	t, err := c.function("ListFunctionEventInvokeConfigs", in.FunctionName, nil)
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
