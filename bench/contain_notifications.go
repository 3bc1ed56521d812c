package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// addMoreNotifications lets the bucket call another function, a queue and EventBridge too,
// and the alias only for some objects.
func (a *Account) addMoreNotifications(ctx context.Context) error {
	c, bucket := s3.NewFromConfig(a.cfg, func(o *s3.Options) { o.UsePathStyle = true }), aws.String("shop-uploads")
	had, err := c.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: bucket})
	if err != nil {
		return err
	}
	filter := &s3types.NotificationConfigurationFilter{Key: &s3types.S3KeyFilter{FilterRules: []s3types.FilterRule{{Name: s3types.FilterRuleNameSuffix, Value: aws.String(".pdf")}}}}
	_, err = c.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: bucket, NotificationConfiguration: &s3types.NotificationConfiguration{
		EventBridgeConfiguration: &s3types.EventBridgeConfiguration{},
		QueueConfigurations:      []s3types.QueueConfiguration{{Id: aws.String("q"), QueueArn: aws.String("arn:aws:sqs:" + Region + ":" + AccountID + ":orders"), Events: []s3types.Event{s3types.EventS3ObjectRemoved}}},
		LambdaFunctionConfigurations: append(had.LambdaFunctionConfigurations,
			s3types.LambdaFunctionConfiguration{Id: aws.String("pdf"), LambdaFunctionArn: aws.String(functionARN() + ":live"), Events: []s3types.Event{s3types.EventS3ObjectRestoreCompleted}, Filter: filter},
			s3types.LambdaFunctionConfiguration{Id: aws.String("z-others"), LambdaFunctionArn: aws.String(functionARN() + "2"), Events: []s3types.Event{s3types.EventS3ObjectTagging}}),
	}})
	return err
}
