package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	accesstypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	watchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	guardtypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	inspectortypes "github.com/aws/aws-sdk-go-v2/service/inspector2/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
)

// addWatchers lets what watches a function have something to say of it.
func (a *Account) addWatchers(ctx context.Context) error {
	for _, step := range []func(context.Context) error{a.addTraces, a.addGuard, a.addAnalyzer, a.addInspector, a.addConfig, a.addMetrics} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// addTraces are seven traces of the function, an hour apart, and one of another.
func (a *Account) addTraces(ctx context.Context) error {
	var docs []string
	for i := range 8 {
		name, at := Function, a.Cloud.Now().Add(-time.Duration(i)*time.Hour-time.Minute).Unix()
		if i == 7 {
			name = "other"
		}
		docs = append(docs, fmt.Sprintf(`{"id":"%016x","trace_id":"1-%08x-%024x","name":%q,"origin":"AWS::Lambda::Function","start_time":%d.1,"end_time":%d.4}`, i+1, at, i, name, at, at))
	}
	_, err := xray.NewFromConfig(a.cfg).PutTraceSegments(ctx, &xray.PutTraceSegmentsInput{TraceSegmentDocuments: docs})
	return err
}

// addGuard switches GuardDuty on, and lets it have found the function talking to a drop
// point, and keys of its role outside.
func (a *Account) addGuard(ctx context.Context) error {
	if _, err := guardduty.NewFromConfig(a.cfg).CreateDetector(ctx, &guardduty.CreateDetectorInput{Enable: aws.Bool(true),
		Features: []guardtypes.DetectorFeatureConfiguration{{Name: guardtypes.DetectorFeatureLambdaNetworkLogs, Status: guardtypes.FeatureStatusEnabled}}}); err != nil {
		return err
	}
	a.Cloud.StageGuardDutyFinding(AccountID, Region, guardtypes.Finding{
		Type: aws.String("Trojan:Lambda/DropPoint"), Severity: aws.Float64(5), Title: aws.String("The function talks to a drop point"),
		Resource: &guardtypes.Resource{ResourceType: aws.String("Lambda"), LambdaDetails: &guardtypes.LambdaDetails{
			FunctionName: aws.String(Function), FunctionArn: aws.String("arn:aws:lambda:" + Region + ":" + AccountID + ":function:" + Function)}},
	})
	a.Cloud.StageGuardDutyFinding(AccountID, Region, guardtypes.Finding{
		Type: aws.String("UnauthorizedAccess:IAMUser/MaliciousIPCaller"), Severity: aws.Float64(5), Title: aws.String("Keys of the role are used from a known bad address"),
		Resource: &guardtypes.Resource{ResourceType: aws.String("AccessKey"), AccessKeyDetails: &guardtypes.AccessKeyDetails{
			UserName: aws.String("payments-role"), UserType: aws.String("Role"), AccessKeyId: aws.String("ASIAEXAMPLE")}},
	})
	return nil
}

// addAnalyzer lets an analyzer have found that the partner's account may call the alias,
// and everybody a function that only begins like this one.
func (a *Account) addAnalyzer(ctx context.Context) error {
	if _, err := accessanalyzer.NewFromConfig(a.cfg).CreateAnalyzer(ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: aws.String("outside"), Type: accesstypes.TypeAccount}); err != nil {
		return err
	}
	function := "arn:aws:lambda:" + Region + ":" + AccountID + ":function:" + Function
	for resource, who := range map[string]string{function + ":live": "210987654321", function + "2": "*"} {
		a.Cloud.StageAccessFinding(AccountID, Region, "outside",
			accesstypes.FindingSummaryV2{Id: aws.String("of-" + resource), Resource: aws.String(resource), ResourceType: accesstypes.ResourceTypeAwsLambdaFunction, FindingType: accesstypes.FindingTypeExternalAccess},
			&accesstypes.FindingDetailsMemberExternalAccessDetails{Value: accesstypes.ExternalAccessDetails{
				Action: []string{"lambda:InvokeFunction"}, Condition: map[string]string{}, Principal: map[string]string{"AWS": who}}})
	}
	a.Cloud.StageAccessFinding(AccountID, Region, "outside",
		accesstypes.FindingSummaryV2{Id: aws.String("of-role"), Resource: aws.String(a.role), ResourceType: accesstypes.ResourceTypeAwsIamRole, FindingType: accesstypes.FindingTypeExternalAccess},
		&accesstypes.FindingDetailsMemberExternalAccessDetails{Value: accesstypes.ExternalAccessDetails{Condition: map[string]string{}, Principal: map[string]string{"AWS": "210987654321"}}})
	return nil
}

func (a *Account) addInspector(context.Context) error {
	a.Cloud.StageInspector(AccountID, Region, true, inspectortypes.Finding{
		Type: inspectortypes.FindingTypePackageVulnerability, Severity: inspectortypes.SeverityHigh, Title: aws.String("CVE-2024-0001 - requests"), Description: aws.String("an old package"),
		Resources: []inspectortypes.Resource{{
			Id: aws.String("arn:aws:lambda:" + Region + ":" + AccountID + ":function:" + Function + ":$LATEST"), Type: inspectortypes.ResourceTypeAwsLambdaFunction,
			Details: &inspectortypes.ResourceDetails{AwsLambdaFunction: &inspectortypes.AwsLambdaFunctionDetails{
				FunctionName: aws.String(Function), Version: aws.String("$LATEST"), Runtime: inspectortypes.RuntimeUnsupported, CodeSha256: aws.String("x"), ExecutionRoleArn: aws.String(a.role)}},
		}},
	})
	return nil
}

// addConfig records, and has recorded the function with its secret, and its role.
func (a *Account) addConfig(ctx context.Context) error {
	c := configservice.NewFromConfig(a.cfg)
	if _, err := c.PutConfigurationRecorder(ctx, &configservice.PutConfigurationRecorderInput{ConfigurationRecorder: &configtypes.ConfigurationRecorder{Name: aws.String("default"), RoleARN: aws.String(a.role)}}); err != nil {
		return err
	}
	if _, err := c.StartConfigurationRecorder(ctx, &configservice.StartConfigurationRecorderInput{ConfigurationRecorderName: aws.String("default")}); err != nil {
		return err
	}
	function := "arn:aws:lambda:" + Region + ":" + AccountID + ":function:" + Function
	for i := range 3 {
		a.Cloud.StageConfigItem(AccountID, Region, configtypes.ConfigurationItem{
			ResourceType: configtypes.ResourceTypeFunction, ResourceId: aws.String(Function), ResourceName: aws.String(Function), Arn: &function,
			ConfigurationItemCaptureTime: aws.Time(a.Cloud.Now().UTC().Truncate(time.Second).Add(-time.Duration(i+1) * time.Hour)),
			Configuration:                aws.String(fmt.Sprintf(`{"functionName":%q,"timeout":%d,"environment":{"variables":{"DB_PASSWORD":%q}}}`, Function, i+3, Secret)),
		})
	}
	a.Cloud.StageConfigItem(AccountID, Region, configtypes.ConfigurationItem{
		ResourceType: configtypes.ResourceTypeRole, ResourceId: aws.String("AROAEXAMPLEOFPAYMENTS"), ResourceName: aws.String("payments-role"), Arn: aws.String(a.role),
		ConfigurationItemCaptureTime: aws.Time(a.Cloud.Now().UTC().Truncate(time.Second).Add(-time.Hour)), Configuration: aws.String(`{"roleName":"payments-role"}`),
	})
	return nil
}

// addMetrics are a day of calls and errors, and three alarms: on the alias's errors, on the
// account's, and on a function that only begins like this one.
func (a *Account) addMetrics(ctx context.Context) error {
	dims := []watchtypes.Dimension{{Name: aws.String("FunctionName"), Value: aws.String(Function)}}
	for i := range 24 {
		at := aws.Time(a.Cloud.Now().UTC().Truncate(time.Minute).Add(-time.Duration(i) * time.Hour))
		a.Cloud.StageMetric(AccountID, Region, "AWS/Lambda",
			watchtypes.MetricDatum{MetricName: aws.String("Invocations"), Timestamp: at, Value: aws.Float64(float64(i + 1)), Unit: watchtypes.StandardUnitCount, Dimensions: dims},
			watchtypes.MetricDatum{MetricName: aws.String("Duration"), Timestamp: at, Values: []float64{12, 250.5}, Unit: watchtypes.StandardUnitMilliseconds, Dimensions: dims})
	}
	c := cloudwatch.NewFromConfig(a.cfg)
	for name, dims := range map[string][]watchtypes.Dimension{
		"payments-errors": {dims[0], {Name: aws.String("Resource"), Value: aws.String(Function + ":live")}},
		"all-errors":      nil,
		"other-errors":    {{Name: aws.String("FunctionName"), Value: aws.String(Function + "2")}},
	} {
		if _, err := c.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
			AlarmName: &name, Namespace: aws.String("AWS/Lambda"), MetricName: aws.String("Errors"), Dimensions: dims, Statistic: watchtypes.StatisticSum, Period: aws.Int32(60),
			EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: watchtypes.ComparisonOperatorGreaterThanThreshold,
		}); err != nil {
			return err
		}
	}
	return nil
}
