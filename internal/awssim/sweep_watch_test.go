package awssim

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	gt "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
)

func segmentOf(n int, name string, at time.Time) string {
	return fmt.Sprintf(`{"id":"%016x","trace_id":"1-%08x-%024x","name":%q,"origin":"AWS::Lambda::Function","start_time":%d.5,"end_time":%d.75,"fault":%t,"http":{"request":{"method":"GET","url":"https://a"},"response":{"status":200}}}`,
		n+1, at.Unix(), n, name, at.Unix(), at.Unix(), n == 0)
}

// TestSweepXRay: summaries page, filter by service and by time; traces come five at a time.
func TestSweepXRay(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl, at := xray.NewFromConfig(cfg), time.Now().Add(-time.Hour)
	var docs []string
	for i := range 120 {
		docs = append(docs, segmentOf(i, "f", at))
	}
	docs = append(docs, segmentOf(500, "other", at), segmentOf(501, "f", at.Add(-48*time.Hour)))
	must(cl.PutTraceSegments(ctx, &xray.PutTraceSegmentsInput{TraceSegmentDocuments: docs}))(t)
	in := &xray.GetTraceSummariesInput{StartTime: aws.Time(at.Add(-time.Hour)), EndTime: aws.Time(at.Add(time.Hour)), FilterExpression: aws.String(`service("f")`)}
	first := must(cl.GetTraceSummaries(ctx, in))(t)
	in.NextToken = first.NextToken
	second := must(cl.GetTraceSummaries(ctx, in))(t)
	if len(first.TraceSummaries) != tracePage || len(second.TraceSummaries) != 20 || second.NextToken != nil || *first.TracesProcessedCount != 121 {
		t.Errorf("pages of %d and %d, of %d", len(first.TraceSummaries), len(second.TraceSummaries), *first.TracesProcessedCount)
	}
	id := *first.TraceSummaries[0].Id
	got := must(cl.BatchGetTraces(ctx, &xray.BatchGetTracesInput{TraceIds: []string{id, "1-00000000-000000000000000000000000"}}))(t)
	if len(got.Traces) != 1 || *got.Traces[0].Segments[0].Document != docs[0] || len(got.UnprocessedTraceIds) != 1 {
		t.Errorf("traces: %+v", got)
	}
	must(cl.GetEncryptionConfig(ctx, &xray.GetEncryptionConfigInput{}))(t)

	for what, call := range map[string]func() error{
		"six ids": func() error {
			_, err := cl.BatchGetTraces(ctx, &xray.BatchGetTracesInput{TraceIds: []string{"1", "2", "3", "4", "5", "6"}})
			return err
		},
		"a wrong token": func() error {
			_, err := cl.GetTraceSummaries(ctx, &xray.GetTraceSummariesInput{StartTime: in.StartTime, EndTime: in.EndTime, NextToken: aws.String("x")})
			return err
		},
		"another filter": func() error {
			_, err := cl.GetTraceSummaries(ctx, &xray.GetTraceSummariesInput{StartTime: in.StartTime, EndTime: in.EndTime, FilterExpression: aws.String("error = true")})
			return err
		},
		"a long range": func() error {
			_, err := cl.GetTraceSummaries(ctx, &xray.GetTraceSummariesInput{StartTime: aws.Time(at.Add(-7 * time.Hour)), EndTime: &at})
			return err
		},
		"no segment": func() error {
			_, err := cl.PutTraceSegments(ctx, &xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{`{"id":"1"}`}})
			return err
		},
	} {
		if err := call(); codeOf(err) != "InvalidRequestException" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestSweepGuardDuty: one detector; findings page and filter; what is not its own it refuses.
func TestSweepGuardDuty(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := guardduty.NewFromConfig(cfg)
	if d := must(cl.ListDetectors(ctx, &guardduty.ListDetectorsInput{}))(t); len(d.DetectorIds) != 0 {
		t.Errorf("detectors from the start: %v", d.DetectorIds)
	}
	id := must(cl.CreateDetector(ctx, &guardduty.CreateDetectorInput{Enable: aws.Bool(true)}))(t).DetectorId
	must(cl.UpdateDetector(ctx, &guardduty.UpdateDetectorInput{DetectorId: id, Features: []gt.DetectorFeatureConfiguration{{Name: gt.DetectorFeatureLambdaNetworkLogs, Status: gt.FeatureStatusEnabled}}}))(t)
	d := must(cl.GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: id}))(t)
	on := 0
	for _, f := range d.Features {
		if f.Status == gt.FeatureStatusEnabled {
			on++
		}
	}
	if on != 4 || d.Status != gt.DetectorStatusEnabled {
		t.Errorf("%d features are on: %+v", on, d)
	}
	for i := range 60 {
		name := "f"
		if i%3 == 0 {
			name = "g"
		}
		c.StageGuardDutyFinding(c.AccountID(), c.Region(), gt.Finding{Type: aws.String("Trojan:Lambda/DropPoint"), Severity: aws.Float64(5),
			Resource: &gt.Resource{ResourceType: aws.String("Lambda"), LambdaDetails: &gt.LambdaDetails{FunctionName: aws.String(name)}}})
	}
	in := &guardduty.ListFindingsInput{DetectorId: id, MaxResults: aws.Int32(25), FindingCriteria: &gt.FindingCriteria{Criterion: map[string]gt.Condition{"resource.lambdaDetails.functionName": {Equals: []string{"f"}}}}}
	first := must(cl.ListFindings(ctx, in))(t)
	in.NextToken = first.NextToken
	if second := must(cl.ListFindings(ctx, in))(t); len(first.FindingIds) != 25 || len(second.FindingIds) != 15 || second.NextToken != nil {
		t.Errorf("pages of %d and %d", len(first.FindingIds), len(second.FindingIds))
	}
	must(cl.ArchiveFindings(ctx, &guardduty.ArchiveFindingsInput{DetectorId: id, FindingIds: first.FindingIds[:1]}))(t)
	got := must(cl.GetFindings(ctx, &guardduty.GetFindingsInput{DetectorId: id, FindingIds: append([]string{"nobody"}, first.FindingIds[:2]...)}))(t).Findings
	if len(got) != 2 || !*got[0].Service.Archived || *got[1].Service.Archived || *got[0].Resource.LambdaDetails.FunctionName != "f" {
		t.Errorf("findings: %+v", got)
	}
	in.NextToken, in.FindingCriteria = nil, &gt.FindingCriteria{Criterion: map[string]gt.Condition{"service.archived": {Equals: []string{"true"}}}}
	if a := must(cl.ListFindings(ctx, in))(t).FindingIds; len(a) != 1 || a[0] != first.FindingIds[0] {
		t.Errorf("archived: %v", a)
	}
	_, again := cl.CreateDetector(ctx, &guardduty.CreateDetectorInput{Enable: aws.Bool(true)})
	_, foreign := cl.GetDetector(ctx, &guardduty.GetDetectorInput{DetectorId: aws.String("0123456789abcdef0123456789abcdef")})
	_, token := cl.ListFindings(ctx, &guardduty.ListFindingsInput{DetectorId: id, NextToken: aws.String("x")})
	_, odd := cl.ListFindings(ctx, &guardduty.ListFindingsInput{DetectorId: id, FindingCriteria: &gt.FindingCriteria{Criterion: map[string]gt.Condition{"odd": {}}}})
	for _, err := range []error{again, foreign, token, odd} {
		if codeOf(err) != "BadRequestException" {
			t.Errorf("refused with %v", err)
		}
	}
}

// newerWatchers are members of what watches a function that the SDK in go.mod does not
// have, by the service's package and the type.
func newerWatchers() map[string][]string {
	return map[string][]string{
		"guardduty.DetectorAdditionalConfigurationResult": {"ManagedBy"},
		"guardduty.DetectorFeatureConfigurationResult":    {"ManagedBy"},
		"guardduty.Finding":                               {"CustomDetectionRuleName"},
		"guardduty.Resource":                              {"BedrockGuardrailDetails", "ModelDetails"},
		"guardduty.RecoveryPointDetails":                  {"ContinuousScanDetails"},
		"guardduty.RemoteAccountDetails":                  {"AwsServiceName"},
		"guardduty.Observations":                          {"Number"},
		"guardduty.ResourceData":                          {"BedrockGuardrail"},
		"guardduty.Signal":                                {"Activities"},
		"guardduty.RuntimeContext":                        {"FileOperation", "FilePath", "RelatedFilePaths"},
	}
}
