// Package stages has a world for every built-in playbook: an account in which what the playbook is
// for has happened. Tests of the engine in process and of the built binary play on the same ones.
package stages

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// Base is the exercise that every stage is built on.
const Base = "code-overwrite"

// Stage is the exercise of Base, and what a playbook's family does on top of it.
type Stage struct {
	Ends   playbooks.Status // the best that the playbook can come to; "" is succeeded
	Inputs map[string]any
	more   func(ctx context.Context, cfg aws.Config) error
}

// Later is how long after what a stage adds its records are in CloudTrail.
const Later = 20 * time.Minute

// Set does what the stage adds to the account of a world. It says whether that was anything: its
// records then come to CloudTrail some minutes later.
func (s Stage) Set(ctx context.Context, w *tabletop.World) (bool, error) {
	if s.more == nil {
		return false, nil
	}
	c := w.Cloud.Bootstrap(w.Scenario.Account, "stagehand", everything)
	return true, s.more(ctx, aws.Config{Region: w.Scenario.Region, BaseEndpoint: aws.String(tabletop.Endpoint), HTTPClient: w.Cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, "")})
}

// All has every built-in playbook's world.
func All() map[string]Stage {
	payments := aws.String("payments")
	return map[string]Stage{
		"lambda-compromise": {}, "stolen-credentials": {}, "layer-extension": {Inputs: map[string]any{"good_version": []string{"2"}}},
		"code-tampering":  {Inputs: map[string]any{"good_version": []string{"2"}, "bad_version": []string{"3"}}},
		"public-exposure": {Inputs: map[string]any{"organization": "o-a1b2c3d4e5"}},
		"environment-hijack": {more: func(ctx context.Context, cfg aws.Config) error {
			_, err := lambda.NewFromConfig(cfg).UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: payments,
				Environment: &lt.Environment{Variables: map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/tmp/w"}}})
			return err
		}},
		"trigger-persistence": {more: func(ctx context.Context, cfg aws.Config) error {
			c := eventbridge.NewFromConfig(cfg)
			if _, err := c.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("heal"), EventPattern: aws.String(`{"source":["aws.iam"]}`)}); err != nil {
				return err
			}
			_, err := c.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("heal"), Targets: []eventtypes.Target{{Id: aws.String("1"), Arn: aws.String("arn:aws:lambda:eu-west-1:123456789012:function:payments")}}})
			return err
		}},
		"privilege-escalation": {},
		"destination-exfiltration": {more: func(ctx context.Context, cfg aws.Config) error {
			_, err := lambda.NewFromConfig(cfg).PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{FunctionName: payments,
				DestinationConfig: &lt.DestinationConfig{OnFailure: &lt.OnFailure{Destination: aws.String("arn:aws:sqs:eu-west-1:999988887777:loot")}}})
			return err
		}},
		"denial-of-wallet": {more: func(ctx context.Context, cfg aws.Config) error {
			c := lambda.NewFromConfig(cfg)
			if _, err := c.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: payments, Qualifier: aws.String("live"), ProvisionedConcurrentExecutions: aws.Int32(5)}); err != nil {
				return err
			}
			_, err := c.PutFunctionRecursionConfig(ctx, &lambda.PutFunctionRecursionConfigInput{FunctionName: payments, RecursiveLoop: lt.RecursiveLoopAllow})
			return err
		}},
		"anti-forensics": {more: func(ctx context.Context, cfg aws.Config) error {
			_, err := cloudwatchlogs.NewFromConfig(cfg).PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/aws/lambda/payments"), RetentionInDays: aws.Int32(1)})
			return err
		}},
		"function-deleted": {
			Ends:   playbooks.WithGaps, // what is gone cannot be collected
			Inputs: map[string]any{"survivors": []string{"invoices"}, "evidence": []string{"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/payments"}},
			more: func(ctx context.Context, cfg aws.Config) error {
				_, err := lambda.NewFromConfig(cfg).DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: payments})
				return err
			},
		},
		"supply-chain": {Inputs: map[string]any{"functions": []string{"payments", "payments-report", "invoices"}}},
	}
}
