package bench

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	fronttypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// EdgeRegion is where the function ran at the edge, and logged.
const EdgeRegion = "eu-west-1"

// addFronts lets a distribution call a version, which also logged elsewhere, and one another
// function. On AWS such functions lie in us-east-1.
func (a *Account) addFronts(ctx context.Context) error {
	a.stageFront("/pay/*", functionARN()+":1")
	a.stageFront("/bill/*", functionARN()+"2:1")
	if _, err := lambda.NewFromConfig(a.cfg).AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String(Function), Qualifier: aws.String("1"), StatementId: aws.String("replicator"),
		Action: aws.String("lambda:GetFunction"), Principal: aws.String("replicator.lambda.amazonaws.com")}); err != nil {
		return err
	}
	there := a.cfg.Copy()
	there.Region = EdgeRegion
	c := cloudwatchlogs.NewFromConfig(there)
	group, stream := aws.String("/aws/lambda/"+Region+"."+Function), aws.String("2026/11/23/[1]0123456789abcdef")
	if _, err := c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		return err
	}
	if _, err := c.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
		return err
	}
	_, err := c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream,
		LogEvents: []logstypes.InputLogEvent{{Timestamp: aws.Int64(a.Cloud.Now().Add(-time.Minute).UnixMilli()), Message: aws.String("served at the edge")}}})
	return err
}

// stageFront is a distribution that calls a version of a function for one path.
func (a *Account) stageFront(path, function string) {
	calls := &fronttypes.LambdaFunctionAssociations{Quantity: aws.Int32(1), Items: []fronttypes.LambdaFunctionAssociation{{EventType: fronttypes.EventTypeOriginRequest, LambdaFunctionARN: &function, IncludeBody: aws.Bool(true)}}}
	a.Cloud.StageDistribution(AccountID, fronttypes.DistributionConfig{
		Comment:              aws.String(path),
		DefaultCacheBehavior: &fronttypes.DefaultCacheBehavior{TargetOriginId: aws.String("site"), ViewerProtocolPolicy: fronttypes.ViewerProtocolPolicyHttpsOnly},
		CacheBehaviors: &fronttypes.CacheBehaviors{Quantity: aws.Int32(1), Items: []fronttypes.CacheBehavior{{PathPattern: &path, TargetOriginId: aws.String("site"),
			ViewerProtocolPolicy: fronttypes.ViewerProtocolPolicyHttpsOnly, LambdaFunctionAssociations: calls}}},
		Origins: &fronttypes.Origins{Quantity: aws.Int32(1), Items: []fronttypes.Origin{{Id: aws.String("site"), DomainName: aws.String("site.example.com"),
			CustomHeaders: &fronttypes.CustomHeaders{Quantity: aws.Int32(1), Items: []fronttypes.OriginCustomHeader{{HeaderName: aws.String("x-origin-verify"), HeaderValue: aws.String(Secret)}}}}}},
	})
}
