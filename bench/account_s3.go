package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// addBucket lets uploads to a bucket call the function.
func (a *Account) addBucket(ctx context.Context) error {
	c := s3.NewFromConfig(a.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	bucket := aws.String("shop-uploads")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: Region}}); err != nil {
		return err
	}
	_, err := lambda.NewFromConfig(a.cfg).AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: aws.String(Function), StatementId: aws.String("uploads"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("s3.amazonaws.com"), SourceArn: aws.String("arn:aws:s3:::shop-uploads"), SourceAccount: aws.String(AccountID),
	})
	if err != nil {
		return err
	}
	_, err = c.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: bucket, NotificationConfiguration: &s3types.NotificationConfiguration{
		LambdaFunctionConfigurations: []s3types.LambdaFunctionConfiguration{{
			Events: []s3types.Event{s3types.EventS3ObjectCreated}, LambdaFunctionArn: aws.String("arn:aws:lambda:" + Region + ":" + AccountID + ":function:" + Function),
		}},
	}})
	return err
}
