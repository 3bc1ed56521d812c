package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// QuarantineGroup is a security group of the function's network that lets nothing out.
const QuarantineGroup = "sg-0123456789abcdef1"

// addQuarantineGroup adds that group.
func (a *Account) addQuarantineGroup(context.Context) error {
	a.Cloud.StageNetwork(AccountID, Region, awssim.Network{Groups: []ec2types.SecurityGroup{{
		GroupId: aws.String(QuarantineGroup), GroupName: aws.String("quarantine"), VpcId: aws.String(vpcID), Description: aws.String("lets nothing out")}}})
	return nil
}

// changeConfiguration leaves $LATEST as an intruder would: another handler and layer, time
// and room to work in, nothing that tells of it.
func (a *Account) changeConfiguration(ctx context.Context) error {
	if _, err := cloudwatchlogs.NewFromConfig(a.cfg).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/elsewhere")}); err != nil {
		return err
	}
	_, err := lambda.NewFromConfig(a.cfg).UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String(Function), Handler: aws.String("evil.handler"), Runtime: lambdatypes.RuntimePython312, Description: aws.String("maintenance"),
		Timeout: aws.Int32(900), MemorySize: aws.Int32(3008), EphemeralStorage: &lambdatypes.EphemeralStorage{Size: aws.Int32(4096)}, Layers: []string{},
		TracingConfig:    &lambdatypes.TracingConfig{Mode: lambdatypes.TracingModeActive},
		LoggingConfig:    &lambdatypes.LoggingConfig{LogFormat: lambdatypes.LogFormatJson, ApplicationLogLevel: lambdatypes.ApplicationLogLevelFatal, SystemLogLevel: lambdatypes.SystemLogLevelWarn, LogGroup: aws.String("/elsewhere")},
		DeadLetterConfig: &lambdatypes.DeadLetterConfig{TargetArn: aws.String("arn:aws:sqs:" + Region + ":" + AccountID + ":orders")},
		SnapStart:        &lambdatypes.SnapStart{ApplyOn: lambdatypes.SnapStartApplyOnPublishedVersions},
	})
	return err
}
