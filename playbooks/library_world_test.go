package playbooks_test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/tabletop"
)

const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// stage is the code-overwrite exercise, and what a playbook's family does on top of it.
type stage struct {
	ends   playbooks.Status // the best that it can come to; "" is succeeded
	inputs map[string]any
	more   func(ctx context.Context, cfg aws.Config) error
}

// stages has every built-in playbook's world.
func stages() map[string]stage {
	payments := aws.String("payments")
	return map[string]stage{
		"lambda-compromise": {}, "stolen-credentials": {}, "layer-extension": {inputs: map[string]any{"good_version": []string{"2"}}},
		"code-tampering":  {inputs: map[string]any{"good_version": []string{"2"}, "bad_version": []string{"3"}}},
		"public-exposure": {inputs: map[string]any{"organization": "o-a1b2c3d4e5"}},
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
			ends:   playbooks.WithGaps, // what is gone cannot be collected
			inputs: map[string]any{"survivors": []string{"invoices"}, "evidence": []string{"arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/payments"}},
			more: func(ctx context.Context, cfg aws.Config) error {
				_, err := lambda.NewFromConfig(cfg).DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: payments})
				return err
			},
		},
		"supply-chain": {inputs: map[string]any{"functions": []string{"payments", "payments-report", "invoices"}}},
	}
}

// theater is one world and one case, with a run in it.
type theater struct {
	w    *tabletop.World
	env  *playbooks.Env
	pb   *playbooks.Playbook
	in   map[string]any
	dir  string
	tell func(playbooks.StepReport)
}

// open stages the playbook's world. Time is that of a bubble of synctest.
func open(t *testing.T, pb *playbooks.Playbook) *theater {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, known := stages()[pb.Name]
	if !known {
		t.Fatalf("no world is staged for %s: add it to stages()", pb.Name)
	}
	sc, err := tabletop.Find("code-overwrite")
	must(err)
	w, err := tabletop.Play(t.Context(), sc, tabletop.Options{Seed: 1, Now: time.Now()})
	must(err)
	w.Live()
	if s.more != nil {
		c := w.Cloud.Bootstrap(sc.Account, "stagehand", everything)
		must(s.more(t.Context(), aws.Config{Region: sc.Region, BaseEndpoint: aws.String(tabletop.Endpoint), HTTPClient: w.Cloud.Client(),
			Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, "")}))
		time.Sleep(20 * time.Minute) // its records come to CloudTrail
	}
	th := &theater{w: w, pb: pb, in: map[string]any{}, dir: t.TempDir()}
	for name, v := range s.inputs {
		th.in[name] = v
	}
	tabletop.Fill(pb, th.in, sc)
	v, err := vault.NewFolder(th.dir)
	must(err)
	c, err := evidence.CreateCase(t.Context(), v, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "rita", Home: t.TempDir()})
	must(err)
	session, err := w.Session(t.Context(), false, nil)
	must(err)
	th.env = &playbooks.Env{Session: session, Case: c, Operator: "rita", Host: "h", Now: time.Now, Tool: evidence.Tool{Name: "test"}, Say: func(string) {},
		Tell: func(r playbooks.StepReport) {
			if th.tell != nil {
				th.tell(r)
			}
		},
		Ask: func(context.Context, playbooks.Question) (playbooks.Answer, error) {
			return playbooks.Answer{Approved: true, Who: "carol", Reason: "a test"}, nil
		}}
	return th
}

func (th *theater) run(t *testing.T) *playbooks.Run {
	t.Helper()
	run, err := playbooks.Execute(t.Context(), th.pb, th.in, th.env)
	if err != nil {
		t.Fatal(err)
	}
	return run
}
