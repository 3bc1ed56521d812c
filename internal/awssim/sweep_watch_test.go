package awssim

import (
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	at "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	nt "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	gt "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/inspector2"
	it "github.com/aws/aws-sdk-go-v2/service/inspector2/types"
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

func TestSweepAccessAnalyzer(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl, name := accessanalyzer.NewFromConfig(cfg), aws.String("outside")
	arn := must(cl.CreateAnalyzer(ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: name, Type: at.TypeAccount}))(t).Arn
	must(cl.CreateAnalyzer(ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: aws.String("unused"), Type: at.TypeAccountUnusedAccess,
		Configuration: &at.AnalyzerConfigurationMemberUnusedAccess{Value: at.UnusedAccessConfiguration{UnusedAccessAge: aws.Int32(90)}}}))(t)
	if a := must(cl.GetAnalyzer(ctx, &accessanalyzer.GetAnalyzerInput{AnalyzerName: aws.String("unused")}))(t).Analyzer; a.Status != at.AnalyzerStatusActive {
		t.Errorf("an analyzer is %s", a.Status)
	}
	one := must(cl.ListAnalyzers(ctx, &accessanalyzer.ListAnalyzersInput{MaxResults: aws.Int32(1)}))(t)
	two := must(cl.ListAnalyzers(ctx, &accessanalyzer.ListAnalyzersInput{NextToken: one.NextToken}))(t)
	kind := must(cl.ListAnalyzers(ctx, &accessanalyzer.ListAnalyzersInput{Type: at.TypeAccount}))(t)
	if len(one.Analyzers) != 1 || len(two.Analyzers) != 1 || len(kind.Analyzers) != 1 || *kind.Analyzers[0].Name != "outside" {
		t.Errorf("analyzers %+v, %+v, %+v", one.Analyzers, two.Analyzers, kind.Analyzers)
	}
	for _, f := range []string{"f", "f:live", "g"} {
		c.StageAccessFinding(c.AccountID(), c.Region(), "outside", at.FindingSummaryV2{Resource: aws.String("arn:aws:lambda:us-east-1:111122223333:function:" + f), ResourceType: at.ResourceTypeAwsLambdaFunction, FindingType: at.FindingTypeExternalAccess},
			&at.FindingDetailsMemberExternalAccessDetails{Value: at.ExternalAccessDetails{Condition: map[string]string{}, IsPublic: aws.Bool(true), Principal: map[string]string{"AWS": "*"}}})
	}
	in := &accessanalyzer.ListFindingsV2Input{AnalyzerArn: arn, MaxResults: aws.Int32(1), Filter: map[string]at.Criterion{"resource": {Contains: []string{"function:f"}}}}
	first := must(cl.ListFindingsV2(ctx, in))(t)
	in.NextToken = first.NextToken
	if second := must(cl.ListFindingsV2(ctx, in))(t); len(first.Findings) != 1 || len(second.Findings) != 1 || second.NextToken != nil {
		t.Errorf("findings %+v, %+v", first.Findings, second.Findings)
	}
	got := must(cl.GetFindingV2(ctx, &accessanalyzer.GetFindingV2Input{AnalyzerArn: arn, Id: first.Findings[0].Id}))(t)
	if d, ok := got.FindingDetails[0].(*at.FindingDetailsMemberExternalAccessDetails); !ok || !*d.Value.IsPublic {
		t.Errorf("details: %+v", got.FindingDetails)
	}
	_, finding := cl.GetFindingV2(ctx, &accessanalyzer.GetFindingV2Input{AnalyzerArn: arn, Id: aws.String("nobody")})
	_, nobody := cl.ListFindingsV2(ctx, &accessanalyzer.ListFindingsV2Input{AnalyzerArn: aws.String(*arn + "x")})
	_, again := cl.CreateAnalyzer(ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: name, Type: at.TypeAccount})
	_, odd := cl.ListFindingsV2(ctx, &accessanalyzer.ListFindingsV2Input{AnalyzerArn: arn, Filter: map[string]at.Criterion{"odd": {}}})
	for code, err := range map[string]error{"ResourceNotFoundException": finding, "ConflictException": again, "ValidationException": odd} {
		if codeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	if codeOf(nobody) != "ResourceNotFoundException" {
		t.Errorf("findings of no analyzer: %v", nobody)
	}
}

func TestSweepInspector(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl := inspector2.NewFromConfig(cfg)
	for i := range 5 {
		name := []string{"f", "g"}[i%2]
		c.StageInspector(c.AccountID(), c.Region(), true, it.Finding{Type: it.FindingTypePackageVulnerability, Severity: it.SeverityHigh, Description: aws.String("old"),
			Resources: []it.Resource{{Id: aws.String("arn:aws:lambda:us-east-1:111122223333:function:" + name + ":$LATEST"), Type: it.ResourceTypeAwsLambdaFunction, Details: &it.ResourceDetails{AwsLambdaFunction: &it.AwsLambdaFunctionDetails{
				FunctionName: &name, Version: aws.String("$LATEST"), Runtime: it.RuntimePython311, CodeSha256: aws.String("x"), ExecutionRoleArn: aws.String("arn:aws:iam::111122223333:role/r")}}}}})
	}
	if s := must(cl.BatchGetAccountStatus(ctx, &inspector2.BatchGetAccountStatusInput{}))(t).Accounts; len(s) != 1 || s[0].ResourceState.Lambda.Status != it.StatusEnabled {
		t.Errorf("status: %+v", s)
	}
	in := &inspector2.ListFindingsInput{MaxResults: aws.Int32(2), FilterCriteria: &it.FilterCriteria{LambdaFunctionName: []it.StringFilter{{Comparison: it.StringComparisonEquals, Value: aws.String("f")}}}}
	first := must(cl.ListFindings(ctx, in))(t)
	in.NextToken = first.NextToken
	if second := must(cl.ListFindings(ctx, in))(t); len(first.Findings) != 2 || len(second.Findings) != 1 || second.NextToken != nil {
		t.Errorf("pages of %d and %d", len(first.Findings), len(second.Findings))
	}
	_, odd := cl.ListFindings(ctx, &inspector2.ListFindingsInput{FilterCriteria: &it.FilterCriteria{Title: []it.StringFilter{{Comparison: it.StringComparisonEquals, Value: aws.String("f")}}}})
	_, token := cl.ListFindings(ctx, &inspector2.ListFindingsInput{NextToken: aws.String("x")})
	if codeOf(odd) != "ValidationException" || codeOf(token) != "ValidationException" {
		t.Errorf("%v; %v", odd, token)
	}
}

// TestSweepConfig: a history of three weeks comes span by span, also where a span is empty.
func TestSweepConfig(t *testing.T) {
	ctx, c, cfg := sweeping(t)
	cl, kind, now := configservice.NewFromConfig(cfg), nt.ResourceTypeFunction, time.Now()
	history := func() *configservice.GetResourceConfigHistoryInput {
		return &configservice.GetResourceConfigHistoryInput{ResourceType: kind, ResourceId: aws.String("f"), EarlierTime: aws.Time(now.Add(-21 * 24 * time.Hour)), LaterTime: &now}
	}
	_, off := cl.GetResourceConfigHistory(ctx, history())
	must(cl.PutConfigurationRecorder(ctx, &configservice.PutConfigurationRecorderInput{ConfigurationRecorder: &nt.ConfigurationRecorder{Name: aws.String("default"), RoleARN: aws.String("arn:aws:iam::111122223333:role/r")}}))(t)
	must(cl.StartConfigurationRecorder(ctx, &configservice.StartConfigurationRecorderInput{ConfigurationRecorderName: aws.String("default")}))(t)
	must(cl.StopConfigurationRecorder(ctx, &configservice.StopConfigurationRecorderInput{ConfigurationRecorderName: aws.String("default")}))(t)
	if r := must(cl.DescribeConfigurationRecorders(ctx, &configservice.DescribeConfigurationRecordersInput{}))(t).ConfigurationRecorders; len(r) != 1 || !r[0].RecordingGroup.AllSupported {
		t.Errorf("recorders: %+v", r)
	}
	if s := must(cl.DescribeConfigurationRecorderStatus(ctx, &configservice.DescribeConfigurationRecorderStatusInput{}))(t).ConfigurationRecordersStatus; len(s) != 1 || s[0].Recording || s[0].LastStopTime == nil {
		t.Errorf("status: %+v", s)
	}
	for i := range 12 {
		c.StageConfigItem(c.AccountID(), c.Region(), nt.ConfigurationItem{ResourceType: kind, ResourceId: aws.String("f"), ResourceName: aws.String("f"), ConfigurationItemCaptureTime: aws.Time(now.Add(-time.Duration(i+1) * time.Hour))})
	}
	c.StageConfigItem(c.AccountID(), c.Region(), nt.ConfigurationItem{ResourceType: kind, ResourceId: aws.String("f"), ResourceName: aws.String("f"), ConfigurationItemCaptureTime: aws.Time(now.Add(-20 * 24 * time.Hour))})
	c.StageConfigItem(c.AccountID(), c.Region(), nt.ConfigurationItem{ResourceType: kind, ResourceId: aws.String("g"), ResourceName: aws.String("g"), ConfigurationItemStatus: nt.ConfigurationItemStatusResourceDeleted})
	in := history()
	var sizes []int
	for {
		out := must(cl.GetResourceConfigHistory(ctx, in))(t)
		sizes = append(sizes, len(out.ConfigurationItems))
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	if !slices.Equal(sizes, []int{10, 2, 0, 1}) {
		t.Errorf("pages of %v", sizes)
	}
	live := must(cl.ListDiscoveredResources(ctx, &configservice.ListDiscoveredResourcesInput{ResourceType: kind}))(t).ResourceIdentifiers
	gone := must(cl.ListDiscoveredResources(ctx, &configservice.ListDiscoveredResourcesInput{ResourceType: kind, ResourceName: aws.String("g"), IncludeDeletedResources: true}))(t).ResourceIdentifiers
	if len(live) != 1 || *live[0].ResourceId != "f" || len(gone) != 1 || gone[0].ResourceDeletionTime == nil {
		t.Errorf("discovered: %+v, %+v", live, gone)
	}
	unknown, range_, token := history(), history(), history()
	unknown.ResourceId, range_.LaterTime, token.NextToken = aws.String("h"), aws.Time(now.Add(-100*24*time.Hour)), aws.String("x")
	_, a := cl.GetResourceConfigHistory(ctx, unknown)
	_, b := cl.GetResourceConfigHistory(ctx, range_)
	_, d := cl.GetResourceConfigHistory(ctx, token)
	_, e := cl.StartConfigurationRecorder(ctx, &configservice.StartConfigurationRecorderInput{ConfigurationRecorderName: aws.String("other")})
	for code, err := range map[string]error{"NoAvailableConfigurationRecorderException": off, "ResourceNotDiscoveredException": a, "InvalidTimeRangeException": b, "InvalidNextTokenException": d, "NoSuchConfigurationRecorderException": e} {
		if codeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

// newerWatchers are members of what watches a function that the SDK in go.mod does not
// have, by the service's package and the type; Inspector's are those of other clouds.
func newerWatchers(typ reflect.Type, member string) bool {
	service := path.Base(path.Dir(typ.PkgPath()))
	if service == "inspector2" {
		return regexp.MustCompile(`^(cloud|codeRepository|component|machineImage|provider|serverlessFunction|vm|image|ami$)`).MatchString(member)
	}
	return slices.Contains(map[string][]string{
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
	}[service+"."+typ.Name()], member)
}
