package bench

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// addDoomed dooms it: a key and a secret wait for their deletion, a trail was stopped, and
// a log group keeps three days.
func (a *Account) addDoomed(ctx context.Context) error {
	key, err := kms.NewFromConfig(a.cfg).CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("doomed")})
	if err != nil {
		return err
	}
	if _, err := kms.NewFromConfig(a.cfg).CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/doomed"), TargetKeyId: key.KeyMetadata.KeyId}); err != nil {
		return err
	}
	if _, err := kms.NewFromConfig(a.cfg).ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: key.KeyMetadata.KeyId, PendingWindowInDays: aws.Int32(7)}); err != nil {
		return err
	}
	vault := secretsmanager.NewFromConfig(a.cfg)
	secret, err := vault.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("shop/doomed"), SecretString: aws.String(Secret)})
	if err != nil {
		return err
	}
	if _, err := vault.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: secret.ARN, RecoveryWindowInDays: aws.Int64(7)}); err != nil {
		return err
	}
	trails, name := cloudtrail.NewFromConfig(a.cfg), aws.String("stopped")
	if _, err := trails.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: name, S3BucketName: aws.String(TrailBucket)}); err != nil {
		return err
	}
	if _, err := trails.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: name}); err != nil {
		return err
	}
	if _, err := trails.StopLogging(ctx, &cloudtrail.StopLoggingInput{Name: name}); err != nil {
		return err
	}
	logs, group := cloudwatchlogs.NewFromConfig(a.cfg), aws.String("/shop/short-lived")
	if _, err := logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		return err
	}
	_, err = logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: group, RetentionInDays: aws.Int32(3)})
	return err
}
