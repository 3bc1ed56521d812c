package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// addWeightedAlias adds an alias that sends some of its calls to another version.
func (a *Account) addWeightedAlias(ctx context.Context) error {
	_, err := lambda.NewFromConfig(a.cfg).CreateAlias(ctx, &lambda.CreateAliasInput{
		FunctionName: aws.String(Function), Name: aws.String("canary"), FunctionVersion: aws.String("1"),
		RoutingConfig: &lambdatypes.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.25}},
	})
	return err
}
