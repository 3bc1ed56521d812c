package bench

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/pipes"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedulertypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func functionARN() string {
	return "arn:aws:lambda:" + Region + ":" + AccountID + ":function:" + Function
}

// addCallers lets a topic, two schedules, a pipe and a log group call the function: what each
// hands over holds a secret.
func (a *Account) addCallers(ctx context.Context) error {
	grant := func(sid, service, source string) error {
		_, err := lambda.NewFromConfig(a.cfg).AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String(Function), StatementId: &sid,
			Action: aws.String("lambda:InvokeFunction"), Principal: &service, SourceArn: &source, SourceAccount: aws.String(AccountID)})
		return err
	}
	topics := sns.NewFromConfig(a.cfg)
	topic, err := topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("orders")})
	if err != nil {
		return err
	}
	if err := grant("topic", "sns.amazonaws.com", aws.ToString(topic.TopicArn)); err != nil {
		return err
	}
	for protocol, endpoint := range map[string]string{"lambda": functionARN() + ":live", "email": "stranger@example.com"} {
		if _, err := topics.Subscribe(ctx, &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: &protocol, Endpoint: &endpoint}); err != nil {
			return err
		}
	}
	group := aws.String("/shop/web")
	if _, err := cloudwatchlogs.NewFromConfig(a.cfg).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		return err
	}
	if err := grant("weblogs", "logs.amazonaws.com", "arn:aws:logs:"+Region+":"+AccountID+":log-group:/shop/web:*"); err != nil {
		return err
	}
	if _, err := cloudwatchlogs.NewFromConfig(a.cfg).PutSubscriptionFilter(ctx, &cloudwatchlogs.PutSubscriptionFilterInput{LogGroupName: group, FilterName: aws.String("all"), FilterPattern: aws.String(""), DestinationArn: aws.String(functionARN())}); err != nil {
		return err
	}
	if _, err := pipes.NewFromConfig(a.cfg).CreatePipe(ctx, &pipes.CreatePipeInput{Name: aws.String("enrich"), RoleArn: &a.role, Source: aws.String("arn:aws:sqs:" + Region + ":" + AccountID + ":orders"),
		Target: aws.String("arn:aws:sqs:" + Region + ":" + AccountID + ":done"), Enrichment: aws.String(functionARN())}); err != nil {
		return err
	}
	return a.addSchedules(ctx)
}

// addSchedules makes one that names the function as its target and one that names it in the
// input of a call of Lambda's API, beside two that call others.
func (a *Account) addSchedules(ctx context.Context) error {
	const universal = "arn:aws:scheduler:::aws-sdk:lambda:invoke"
	for name, target := range map[string][2]string{
		"nightly":  {functionARN() + ":1", `{"password":"` + Secret + `"}`},
		"indirect": {universal, fmt.Sprintf(`{"FunctionName":%q,"Payload":"%s"}`, Function, Secret)},
		"others":   {functionARN() + "2", "{}"},
		"foreign":  {universal, `{"FunctionName":"billing"}`},
	} {
		if _, err := scheduler.NewFromConfig(a.cfg).CreateSchedule(ctx, &scheduler.CreateScheduleInput{Name: &name, ScheduleExpression: aws.String("rate(1 hour)"),
			FlexibleTimeWindow: &schedulertypes.FlexibleTimeWindow{Mode: schedulertypes.FlexibleTimeWindowModeOff},
			Target:             &schedulertypes.Target{Arn: aws.String(target[0]), RoleArn: &a.role, Input: aws.String(target[1])}}); err != nil {
			return err
		}
	}
	return nil
}

// addScaling lets Application Auto Scaling put provisioned concurrency back.
func (a *Account) addScaling(ctx context.Context) error {
	c := aas.NewFromConfig(a.cfg)
	ns, dim, id := aastypes.ServiceNamespaceLambda, aastypes.ScalableDimensionLambdaFunctionProvisionedConcurrency, aws.String("function:"+Function+":live")
	if _, err := c.RegisterScalableTarget(ctx, &aas.RegisterScalableTargetInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(5)}); err != nil {
		return err
	}
	if _, err := c.PutScheduledAction(ctx, &aas.PutScheduledActionInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, ScheduledActionName: aws.String("morning"), Schedule: aws.String("cron(0 6 * * ? *)"),
		ScalableTargetAction: &aastypes.ScalableTargetAction{MinCapacity: aws.Int32(3)}}); err != nil {
		return err
	}
	_, err := c.PutScalingPolicy(ctx, &aas.PutScalingPolicyInput{ServiceNamespace: ns, ResourceId: id, ScalableDimension: dim, PolicyName: aws.String("busy"), PolicyType: aastypes.PolicyTypeTargetTrackingScaling,
		TargetTrackingScalingPolicyConfiguration: &aastypes.TargetTrackingScalingPolicyConfiguration{TargetValue: aws.Float64(0.7)}})
	return err
}

// addSecrets keeps a secret and two parameters that the role may read.
func (a *Account) addSecrets(ctx context.Context) error {
	secret, err := secretsmanager.NewFromConfig(a.cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("shop/db"), SecretString: aws.String(Secret)})
	if err != nil {
		return err
	}
	for _, name := range []string{"/shop/key", "/shop/salt"} {
		if _, err := ssm.NewFromConfig(a.cfg).PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Type: ssmtypes.ParameterTypeSecureString, Value: aws.String(Secret)}); err != nil {
			return err
		}
	}
	_, err = iam.NewFromConfig(a.cfg).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("payments-role"), PolicyName: aws.String("secrets"), PolicyDocument: aws.String(fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:GetSecretValue","ssm:GetParameter"],"Resource":[%q,"arn:aws:ssm:%s:%s:parameter/shop/*"]}]}`, aws.ToString(secret.ARN), Region, AccountID))})
	return err
}
