package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	guardtypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
)

// addWatchers lets what watches a function have something to say of it.
func (a *Account) addWatchers(ctx context.Context) error {
	for _, step := range []func(context.Context) error{a.addTraces, a.addGuard} {
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
