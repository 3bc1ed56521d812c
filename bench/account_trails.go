package bench

import (
	"bytes"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// ColdLogs is a log group of class INFREQUENT_ACCESS that the function writes to.
const ColdLogs = "/shop/cold"

// TrailBucket is where the account's trail delivers to.
const TrailBucket = "audit-logs"

// addDeliveries lets the trail deliver to its bucket what was done so far, digests with it.
// Beside it lie files of another account and of a region that nobody asks for, and in
// CloudWatch Logs another function's group.
func (a *Account) addDeliveries(ctx context.Context) error {
	c := s3.NewFromConfig(a.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(TrailBucket), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: Region}}); err != nil {
		return err
	}
	if _, err := c.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: aws.String(TrailBucket), VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}); err != nil {
		return err
	}
	if _, err := cloudtrail.NewFromConfig(a.cfg).UpdateTrail(ctx, &cloudtrail.UpdateTrailInput{Name: aws.String("audit"), EnableLogFileValidation: aws.Bool(true)}); err != nil {
		return err
	}
	day := a.Cloud.Now().UTC().Format("2006/01/02")
	for _, key := range []string{
		"AWSLogs/210987654321/CloudTrail/" + Region + "/" + day + "/other-account.json.gz",
		"AWSLogs/" + AccountID + "/CloudTrail/ap-south-1/" + day + "/other-region.json.gz",
		"AWSLogs/" + AccountID + "/CloudTrail/" + Region + "/2020/01/01/long-ago.json.gz",
	} {
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(TrailBucket), Key: aws.String(key), Body: bytes.NewReader([]byte("not ours"))}); err != nil {
			return err
		}
	}
	a.Cloud.StageLogEvents(AccountID, Region, "/aws/lambda/"+Function+"2", "s", awssim.LogLine{At: a.Cloud.Now().Add(-time.Minute), Message: "not ours"})
	if err := a.addColdLogs(ctx); err != nil {
		return err
	}
	return a.Cloud.DeliverTrails()
}

// addColdLogs points the function to another log group, of the class that is cheap to write
// to and hard to read.
func (a *Account) addColdLogs(ctx context.Context) error {
	if _, err := cloudwatchlogs.NewFromConfig(a.cfg).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(ColdLogs), LogGroupClass: logstypes.LogGroupClassInfrequentAccess}); err != nil {
		return err
	}
	a.Cloud.StageLogEvents(AccountID, Region, ColdLogs, "s", awssim.LogLine{At: a.Cloud.Now().Add(-time.Minute), Message: "cold"})
	_, err := lambda.NewFromConfig(a.cfg).UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String(Function), LoggingConfig: &lambdatypes.LoggingConfig{LogGroup: aws.String(ColdLogs)}})
	return err
}
