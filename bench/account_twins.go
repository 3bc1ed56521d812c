package bench

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/pipes"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// AddTwins makes a second one of much that the account has one of, so that one can fail
// while the other is had.
func (a *Account) AddTwins(ctx context.Context) error {
	for _, step := range []func(context.Context) error{a.twinAlias, a.twinScaling, a.twinLayer, a.twinQueue, a.twinTopic, a.twinSecret, a.twinPolicy, a.twinBucket, a.twinTrail, a.twinFronts} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("making twins: %w", err)
		}
	}
	return nil
}

// twinAlias gives the second alias capacity, an address and settings of its own.
func (a *Account) twinAlias(ctx context.Context) error {
	c, function, next := lambda.NewFromConfig(a.cfg), aws.String(Function), aws.String("next")
	if _, err := c.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: function, Qualifier: next, ProvisionedConcurrentExecutions: aws.Int32(1)}); err != nil {
		return err
	}
	if _, err := c.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: function, Qualifier: next, AuthType: lambdatypes.FunctionUrlAuthTypeAwsIam}); err != nil {
		return err
	}
	_, err := c.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: function, Qualifier: next, MaximumRetryAttempts: aws.Int32(1)})
	return err
}

func (a *Account) twinScaling(ctx context.Context) error {
	c := aas.NewFromConfig(a.cfg)
	ns, dim, id := aastypes.ServiceNamespaceLambda, aastypes.ScalableDimensionLambdaFunctionProvisionedConcurrency, aws.String("function:"+Function+":next")
	if _, err := c.RegisterScalableTarget(ctx, &aas.RegisterScalableTargetInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(2)}); err != nil {
		return err
	}
	if _, err := c.PutScheduledAction(ctx, &aas.PutScheduledActionInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, ScheduledActionName: aws.String("evening"), Schedule: aws.String("cron(0 18 * * ? *)"),
		ScalableTargetAction: &aastypes.ScalableTargetAction{MinCapacity: aws.Int32(1)}}); err != nil {
		return err
	}
	_, err := c.PutScalingPolicy(ctx, &aas.PutScalingPolicyInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, PolicyName: aws.String("idle"), PolicyType: aastypes.PolicyTypeTargetTrackingScaling,
		TargetTrackingScalingPolicyConfiguration: &aastypes.TargetTrackingScalingPolicyConfiguration{TargetValue: aws.Float64(0.3)}})
	return err
}

func (a *Account) twinLayer(ctx context.Context) error {
	c := lambda.NewFromConfig(a.cfg)
	had, err := c.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(Function)})
	if err != nil {
		return err
	}
	layer, err := c.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("metering"), Content: &lambdatypes.LayerVersionContentInput{ZipFile: Pack("second layer", 8<<10)}})
	if err != nil {
		return err
	}
	both := []string{aws.ToString(layer.LayerVersionArn)}
	for _, l := range had.Layers {
		both = append(both, aws.ToString(l.Arn))
	}
	_, err = c.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String(Function), Layers: both})
	return err
}

func (a *Account) twinQueue(ctx context.Context) error {
	if _, err := sqs.NewFromConfig(a.cfg).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("refunds")}); err != nil {
		return err
	}
	_, err := lambda.NewFromConfig(a.cfg).CreateEventSourceMapping(ctx, &lambda.CreateEventSourceMappingInput{FunctionName: aws.String(Function), EventSourceArn: aws.String("arn:aws:sqs:" + Region + ":" + AccountID + ":refunds")})
	return err
}

// twinTopic also makes a second pipe.
func (a *Account) twinTopic(ctx context.Context) error {
	c := sns.NewFromConfig(a.cfg)
	topic, err := c.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("refunds")})
	if err != nil {
		return err
	}
	if err := a.admit(ctx, "topic2", "sns.amazonaws.com", aws.ToString(topic.TopicArn)); err != nil {
		return err
	}
	if _, err := c.Subscribe(ctx, &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("lambda"), Endpoint: aws.String(functionARN())}); err != nil {
		return err
	}
	_, err = pipes.NewFromConfig(a.cfg).CreatePipe(ctx, &pipes.CreatePipeInput{Name: aws.String("refund"), RoleArn: &a.role, Source: aws.String("arn:aws:sqs:" + Region + ":" + AccountID + ":refunds"), Target: aws.String(functionARN())})
	return err
}

func (a *Account) admit(ctx context.Context, sid, service, source string) error {
	_, err := lambda.NewFromConfig(a.cfg).AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String(Function), StatementId: &sid,
		Action: aws.String("lambda:InvokeFunction"), Principal: &service, SourceArn: &source, SourceAccount: aws.String(AccountID)})
	return err
}

// twinSecret also gives the function's key a second grant.
func (a *Account) twinSecret(ctx context.Context) error {
	secret, err := secretsmanager.NewFromConfig(a.cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("shop/mail"), SecretString: aws.String(Secret)})
	if err != nil {
		return err
	}
	if _, err := iam.NewFromConfig(a.cfg).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("payments-role"), PolicyName: aws.String("mail"), PolicyDocument: aws.String(fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":%q}]}`, aws.ToString(secret.ARN)))}); err != nil {
		return err
	}
	_, err = kms.NewFromConfig(a.cfg).CreateGrant(ctx, &kms.CreateGrantInput{KeyId: &a.key, GranteePrincipal: &a.role, Operations: []kmstypes.GrantOperation{kmstypes.GrantOperationEncrypt}})
	return err
}

func (a *Account) twinPolicy(ctx context.Context) error {
	c := iam.NewFromConfig(a.cfg)
	out, err := c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("app2"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sns:Publish","Resource":"*"}]}`)})
	if err != nil {
		return err
	}
	_, err = c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("payments-role"), PolicyArn: out.Policy.Arn})
	return err
}

func (a *Account) twinBucket(ctx context.Context) error {
	c, bucket := s3.NewFromConfig(a.cfg, func(o *s3.Options) { o.UsePathStyle = true }), aws.String("shop-returns")
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: Region}}); err != nil {
		return err
	}
	if err := a.admit(ctx, "returns", "s3.amazonaws.com", "arn:aws:s3:::"+*bucket); err != nil {
		return err
	}
	_, err := c.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: bucket, NotificationConfiguration: &s3types.NotificationConfiguration{
		LambdaFunctionConfigurations: []s3types.LambdaFunctionConfiguration{{Events: []s3types.Event{s3types.EventS3ObjectRemoved}, LambdaFunctionArn: aws.String(functionARN())}}}})
	return err
}

// twinTrail is a second trail, which is off.
func (a *Account) twinTrail(ctx context.Context) error {
	_, err := cloudtrail.NewFromConfig(a.cfg).CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("off"), S3BucketName: aws.String("audit-logs")})
	return err
}

// twinFronts are a second HTTP API and a second distribution that call the function.
func (a *Account) twinFronts(ctx context.Context) error {
	a.stageFront("/refund/*", functionARN()+":2")
	return a.addHTTPAPIs(ctx)
}
