package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Intrude does what acts take back with the help of a collection from before it: tags of the
// function and its role are others, one is gone, one is
// new; and so are the variables of its environment.
func (a *Account) Intrude(ctx context.Context) error {
	l, c, role := lambda.NewFromConfig(a.cfg), iam.NewFromConfig(a.cfg), aws.String("payments-role")
	if _, err := l.UntagResource(ctx, &lambda.UntagResourceInput{Resource: aws.String(functionARN()), TagKeys: []string{"cost"}}); err != nil {
		return err
	}
	if _, err := l.TagResource(ctx, &lambda.TagResourceInput{Resource: aws.String(functionARN()), Tags: map[string]string{"team": "security", "exempt": "true"}}); err != nil {
		return err
	}
	if _, err := c.UntagRole(ctx, &iam.UntagRoleInput{RoleName: role, TagKeys: []string{"cost"}}); err != nil {
		return err
	}
	if _, err := c.TagRole(ctx, &iam.TagRoleInput{RoleName: role, Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("security")}, {Key: aws.String("exempt"), Value: aws.String("true")}}}); err != nil {
		return err
	}
	_, err := l.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(Function), Environment: &lambdatypes.Environment{Variables: map[string]string{
		"STAGE": "test", "DB_PASSWORD": Secret + " of another", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/" + Secret}}})
	return err
}

// addTags are those that the owner gave, of which Intrude changes some.
func (a *Account) addTags(ctx context.Context) error {
	if _, err := lambda.NewFromConfig(a.cfg).TagResource(ctx, &lambda.TagResourceInput{Resource: aws.String(functionARN()), Tags: map[string]string{"cost": "4711"}}); err != nil {
		return err
	}
	_, err := iam.NewFromConfig(a.cfg).TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String("payments-role"), Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("pay")}, {Key: aws.String("cost"), Value: aws.String("4711")}}})
	return err
}
