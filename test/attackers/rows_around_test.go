package attackers

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	fronttypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

const (
	edge    = "CloudFront's association"
	durable = "durable execution"
	wallet  = "paid capacity"
	managed = "managed instances"
	flow    = "orderflow"
)

func roleTag(key, value string) []types.Tag { return []types.Tag{{Key: &key, Value: &value}} }

func aroundRows() []row {
	return []row{
		{n: 20, threat: "Lambda@Edge", through: []string{edge}, own: []string{"edge-detach"},
			attack: func(w *world) {
				version := functionARN + ":" + w.overwrite(true)
				w.notes["distribution"] = w.cloud.StageDistribution(home, fronttypes.DistributionConfig{Comment: aws.String("shop"),
					DefaultCacheBehavior: &fronttypes.DefaultCacheBehavior{TargetOriginId: aws.String("site"), ViewerProtocolPolicy: fronttypes.ViewerProtocolPolicyHttpsOnly,
						LambdaFunctionAssociations: &fronttypes.LambdaFunctionAssociations{Quantity: aws.Int32(1), Items: []fronttypes.LambdaFunctionAssociation{{EventType: fronttypes.EventTypeViewerRequest, LambdaFunctionARN: &version}}}},
					Origins: &fronttypes.Origins{Quantity: aws.Int32(1), Items: []fronttypes.Origin{{Id: aws.String("site"), DomainName: aws.String("site.example.com")}}}})
			},
			extra: func(*world) []path { return []path{{edge, (*world).tryEdge}} }},
		{n: 22, threat: "durable execution persistence", through: []string{durable}, own: []string{"durable-stop"},
			attack: func(w *world) {
				_, err := w.lambda(w.ci).CreateFunction(w.t.Context(), &lambda.CreateFunctionInput{FunctionName: aws.String(flow), Role: aws.String(roleARN), Runtime: lt.RuntimePython313, Handler: aws.String("app.handler"), Publish: true, Code: &lt.FunctionCode{ZipFile: pack(w.t, "sleeper")},
					DurableConfig: &lt.DurableConfig{ExecutionTimeout: aws.Int32(86400), RetentionPeriodInDays: aws.Int32(14)}})
				must(w.t, err)
				settle()
				_, err = w.cloud.StageDurableExecution("arn:aws:lambda:"+region+":"+home+":function:"+flow+":1", lambda.GetDurableExecutionOutput{DurableExecutionName: aws.String("sleeper"), StartTimestamp: aws.Time(time.Now().Add(-time.Hour))})
				must(w.t, err)
				w.responder = w.session(w.cloud.Bootstrap(home, "responder-of-two", containPolicy(w.t, function, flow)))
			},
			plan: func(_ *world, in *contain.PlanInput) {
				in.Functions, in.StopDurable = append(in.Functions, flow), true
			},
			extra: func(*world) []path { return []path{{durable, (*world).tryDurable}} }},
		{n: 23, threat: "denial of wallet", through: []string{wallet}, own: []string{"provisioned-evict", "recursion-evict"}, plan: walletFindings,
			attack: func(w *world) {
				_, err := w.lambda(w.ci).PutProvisionedConcurrencyConfig(w.t.Context(), &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: aws.String(function), Qualifier: aws.String("canary"), ProvisionedConcurrentExecutions: aws.Int32(500)})
				must(w.t, err)
				_, err = w.lambda(w.ci).PutFunctionRecursionConfig(w.t.Context(), &lambda.PutFunctionRecursionConfigInput{FunctionName: aws.String(function), RecursiveLoop: lt.RecursiveLoopAllow})
				must(w.t, err)
			},
			extra: func(*world) []path { return []path{{wallet, (*world).tryWallet}} }},
		{n: 24, threat: "managed instances, tenancy", through: []string{managed}, own: []string{"instances-evict"},
			attack: func(w *world) {
				p, err := w.lambda(w.ci).CreateCapacityProvider(w.t.Context(), &lambda.CreateCapacityProviderInput{CapacityProviderName: aws.String("pool"), PermissionsConfig: &lt.CapacityProviderPermissionsConfig{CapacityProviderOperatorRoleArn: aws.String(roleARN)},
					VpcConfig: &lt.CapacityProviderVpcConfig{SubnetIds: []string{"subnet-0123456789abcdef0"}, SecurityGroupIds: []string{"sg-0123456789abcdef0"}}})
				must(w.t, err)
				_, err = w.lambda(w.ci).CreateFunction(w.t.Context(), &lambda.CreateFunctionInput{FunctionName: aws.String("cruncher"), Role: aws.String(roleARN), Runtime: lt.RuntimePython313, Handler: aws.String("app.handler"), Publish: true, Code: &lt.FunctionCode{ZipFile: pack(w.t, "cruncher")},
					CapacityProviderConfig: &lt.CapacityProviderConfig{LambdaManagedInstancesCapacityProviderConfig: &lt.LambdaManagedInstancesCapacityProviderConfig{CapacityProviderArn: p.CapacityProvider.CapacityProviderArn}}})
				must(w.t, err)
				settle()
				_, err = w.lambda(w.ci).PutFunctionScalingConfig(w.t.Context(), &lambda.PutFunctionScalingConfigInput{FunctionName: aws.String("cruncher"), Qualifier: aws.String("1"), FunctionScalingConfig: &lt.FunctionScalingConfig{MinExecutionEnvironments: aws.Int32(2), MaxExecutionEnvironments: aws.Int32(20)}})
				must(w.t, err)
				w.responder = w.session(w.cloud.Bootstrap(home, "responder-of-two", containPolicy(w.t, function, "cruncher")))
			},
			plan: func(_ *world, in *contain.PlanInput) {
				in.Functions = append(in.Functions, "cruncher")
				arn := "arn:aws:lambda:" + region + ":" + home + ":function:cruncher"
				in.Findings = []finding.Finding{found("function-scaling", "changed", arn, "function/"+arn+"/scaling/1")}
			},
			extra: func(*world) []path { return []path{{managed, (*world).tryManaged}} }},
		{n: 26, threat: "destruction", none: "no call brings a deleted function back: rebuild it from logs and saved code"},
		{n: 27, threat: "code or env theft", none: "what was read stays read: rotate every secret in the environment"},
	}
}

// tryEdge: what runs at the edge runs as long as a distribution names it; concurrency 0 is not asked.
func (w *world) tryEdge() error {
	out, err := cloudfront.NewFromConfig(w.owner).GetDistributionConfig(w.t.Context(), &cloudfront.GetDistributionConfigInput{Id: aws.String(w.notes["distribution"])})
	must(w.t, err)
	if a := out.DistributionConfig.DefaultCacheBehavior.LambdaFunctionAssociations; a == nil || len(a.Items) == 0 {
		return errors.New("no association")
	}
	return nil
}

func (w *world) tryDurable() error {
	out, err := w.lambda(w.owner).ListDurableExecutionsByFunction(w.t.Context(), &lambda.ListDurableExecutionsByFunctionInput{FunctionName: aws.String(flow), Qualifier: aws.String("1")})
	must(w.t, err)
	for _, x := range out.DurableExecutions {
		if x.Status == lt.ExecutionStatusRunning {
			return nil
		}
	}
	return errors.New("none is RUNNING")
}

// walletFindings are what the timeline makes of the two calls.
func walletFindings(_ *world, in *contain.PlanInput) {
	in.Findings = []finding.Finding{
		found("function-provisioned", "changed", functionARN, "function/"+functionARN+"/provisioned/canary"),
		found("function-recursion", "changed", functionARN, "function/"+functionARN+"/recursion"),
	}
}

// tryWallet: capacity that costs by the hour, or a loop that nobody ends.
func (w *world) tryWallet() error {
	p, err := w.lambda(w.owner).ListProvisionedConcurrencyConfigs(w.t.Context(), &lambda.ListProvisionedConcurrencyConfigsInput{FunctionName: aws.String(function)})
	must(w.t, err)
	if len(p.ProvisionedConcurrencyConfigs) > 0 {
		return nil
	}
	if err := w.invoke(w.app, "live"); err != nil {
		return err
	}
	r, err := w.lambda(w.owner).GetFunctionRecursionConfig(w.t.Context(), &lambda.GetFunctionRecursionConfigInput{FunctionName: aws.String(function)})
	must(w.t, err)
	if r.RecursiveLoop == lt.RecursiveLoopAllow {
		return nil
	}
	return errShut
}

// tryManaged: instances are kept for the version.
func (w *world) tryManaged() error {
	out, err := w.lambda(w.owner).GetFunctionScalingConfig(w.t.Context(), &lambda.GetFunctionScalingConfigInput{FunctionName: aws.String("cruncher"), Qualifier: aws.String("1")})
	must(w.t, err)
	if s := out.AppliedFunctionScalingConfig; s != nil && aws.ToInt32(s.MaxExecutionEnvironments) > 0 {
		return nil
	}
	return errors.New("scaled to 0")
}
