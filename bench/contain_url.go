package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// addOpenURL gives the alias a URL that anyone may call.
func (a *Account) addOpenURL(ctx context.Context) error {
	c, name, alias := lambda.NewFromConfig(a.cfg), aws.String(Function), aws.String("live")
	if _, err := c.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: name, Qualifier: alias, AuthType: lambdatypes.FunctionUrlAuthTypeNone,
		InvokeMode: lambdatypes.InvokeModeResponseStream, Cors: &lambdatypes.Cors{AllowOrigins: []string{"https://shop.example"}, MaxAge: aws.Int32(60)}}); err != nil {
		return err
	}
	_, err := c.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: name, Qualifier: alias, StatementId: aws.String("anyone"), Principal: aws.String("*"),
		Action: aws.String("lambda:InvokeFunctionUrl"), FunctionUrlAuthType: lambdatypes.FunctionUrlAuthTypeNone})
	return err
}
