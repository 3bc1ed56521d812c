package awssim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	at "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
)

// accessanalyzerOps is every simulated operation of IAM Access Analyzer.
func accessanalyzerOps() []operation {
	return []operation{
		op("accessanalyzer", "CreateAnalyzer", createAnalyzer), op("accessanalyzer", "GetAnalyzer", getAnalyzer), op("accessanalyzer", "ListAnalyzers", listAnalyzers),
		op("accessanalyzer", "ListFindingsV2", listFindingsV2), op("accessanalyzer", "GetFindingV2", getFindingV2),
	}
}

// accessanalyzerState is Access Analyzer in one account and region.
type accessanalyzerState struct{ analyzers map[string]*analyzer }

func newAccessAnalyzerState() *accessanalyzerState {
	return &accessanalyzerState{analyzers: map[string]*analyzer{}}
}

type analyzer struct {
	summary  at.AnalyzerSummary
	findings map[string]*accessFinding
}

type accessFinding struct {
	summary at.FindingSummaryV2
	details []at.FindingDetails
}

// analyzerPage: neither listing's default size is published; the service's limit is 100.
const analyzerPage = 100

func (c *call) analyzers() *accessanalyzerState {
	return c.accessanalyzer.at(c.accountID, c.region, newAccessAnalyzerState)
}

func noAccessThing(kind, id string) error {
	e := fail("ResourceNotFoundException", "%s could not be found: %s", kind, id)
	e.Fields = map[string]any{"resourceId": id, "resourceType": kind}
	return e
}

// analyzer asks for permission on an analyzer and finds it by its ARN.
func (c *call) analyzer(action string, arn *string) (*analyzer, error) {
	if err := c.allow("access-analyzer:"+action, aws.ToString(arn)); err != nil {
		return nil, err
	}
	for _, a := range c.analyzers().analyzers {
		if aws.ToString(a.summary.Arn) == aws.ToString(arn) {
			return a, nil
		}
	}
	return nil, noAccessThing("Analyzer", aws.ToString(arn))
}

func createAnalyzer(c *call, in *accessanalyzer.CreateAnalyzerInput) (*accessanalyzer.CreateAnalyzerOutput, error) {
	name := aws.ToString(in.AnalyzerName)
	arn := c.arn("access-analyzer", "analyzer/"+name)
	if err := c.allow("access-analyzer:CreateAnalyzer", arn); err != nil {
		return nil, err
	}
	s := c.analyzers()
	if s.analyzers[name] != nil {
		e := fail("ConflictException", "An analyzer already exists with the same name.")
		e.Fields = map[string]any{"resourceId": name, "resourceType": "Analyzer"}
		return nil, e
	}
	if len(in.ArchiveRules) > 0 {
		return nil, fail("ValidationException", "freezeframe simulator: archive rules are not simulated")
	}
	s.analyzers[name] = &analyzer{findings: map[string]*accessFinding{}, summary: at.AnalyzerSummary{
		Arn: &arn, Name: &name, Type: in.Type, Status: at.AnalyzerStatusActive, CreatedAt: aws.Time(c.now), Tags: in.Tags, Configuration: in.Configuration}}
	return &accessanalyzer.CreateAnalyzerOutput{Arn: &arn}, nil
}

func getAnalyzer(c *call, in *accessanalyzer.GetAnalyzerInput) (*accessanalyzer.GetAnalyzerOutput, error) {
	a, err := c.analyzer("GetAnalyzer", aws.String(c.arn("access-analyzer", "analyzer/"+aws.ToString(in.AnalyzerName))))
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.GetAnalyzerOutput{Analyzer: &a.summary}, nil
}

func listAnalyzers(c *call, in *accessanalyzer.ListAnalyzersInput) (*accessanalyzer.ListAnalyzersOutput, error) {
	if err := c.allow("access-analyzer:ListAnalyzers", "*"); err != nil {
		return nil, err
	}
	all := []at.AnalyzerSummary{}
	for _, name := range sortedNames(c.analyzers().analyzers) {
		if a := c.analyzers().analyzers[name]; in.Type == "" || a.summary.Type == in.Type {
			all = append(all, a.summary)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, analyzerPage)
	return &accessanalyzer.ListAnalyzersOutput{Analyzers: page, NextToken: next}, err
}

func listFindingsV2(c *call, in *accessanalyzer.ListFindingsV2Input) (*accessanalyzer.ListFindingsV2Output, error) {
	a, err := c.analyzer("ListFindings", in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	if in.Sort != nil {
		return nil, fail("ValidationException", "freezeframe simulator: sorting findings is not simulated")
	}
	all := []at.FindingSummaryV2{}
	for _, id := range sortedNames(a.findings) {
		f := a.findings[id].summary
		ok, err := accessFilter(f, in.Filter)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, f)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, analyzerPage)
	return &accessanalyzer.ListFindingsV2Output{Findings: page, NextToken: next}, err
}

// accessFilter knows the filter keys that findings of all kinds have (IAM user guide,
// "IAM Access Analyzer filter keys"); values are compared without regard to case nowhere.
func accessFilter(f at.FindingSummaryV2, filter map[string]at.Criterion) (bool, error) {
	have := map[string]string{
		"resource": aws.ToString(f.Resource), "resourceType": string(f.ResourceType), "findingType": string(f.FindingType),
		"status": string(f.Status), "resourceOwnerAccount": aws.ToString(f.ResourceOwnerAccount), "id": aws.ToString(f.Id),
	}
	for key, want := range filter {
		v, known := have[key]
		if !known || want.Exists != nil {
			return false, fail("ValidationException", "freezeframe simulator: the filter %q is not simulated", key)
		}
		if len(want.Eq) > 0 && !slices.Contains(want.Eq, v) || slices.Contains(want.Neq, v) {
			return false, nil
		}
		if len(want.Contains) > 0 && !slices.ContainsFunc(want.Contains, func(part string) bool { return strings.Contains(v, part) }) {
			return false, nil
		}
	}
	return true, nil
}

func getFindingV2(c *call, in *accessanalyzer.GetFindingV2Input) (*accessanalyzer.GetFindingV2Output, error) {
	a, err := c.analyzer("GetFinding", in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	f := a.findings[aws.ToString(in.Id)]
	if f == nil {
		return nil, noAccessThing("Finding", aws.ToString(in.Id))
	}
	page, next, err := paginate(f.details, in.NextToken, in.MaxResults, analyzerPage)
	s := f.summary
	return &accessanalyzer.GetFindingV2Output{
		AnalyzedAt: s.AnalyzedAt, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, Id: s.Id, Resource: s.Resource, ResourceOwnerAccount: s.ResourceOwnerAccount,
		ResourceType: s.ResourceType, Status: s.Status, FindingType: s.FindingType, Error: s.Error, FindingDetails: page, NextToken: next,
	}, err
}

// StageAccessFinding lets an analyzer, which must be there, have found something. What a
// finding must have and f lacks is filled in: id, owner, status, times.
func (c *Cloud) StageAccessFinding(account, region, name string, f at.FindingSummaryV2, details ...at.FindingDetails) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accessanalyzer.at(account, region, newAccessAnalyzerState).analyzers[name]
	if a == nil {
		panic("awssim: no analyzer " + name)
	}
	now := c.cfg.Clock.Now().UTC().Truncate(time.Second)
	for _, p := range []**time.Time{&f.AnalyzedAt, &f.CreatedAt, &f.UpdatedAt} {
		if *p == nil {
			*p = &now
		}
	}
	if f.Id == nil {
		f.Id = aws.String(c.idFrom("uuid", "access finding", account, region, name, strconv.Itoa(len(a.findings))))
	}
	if f.ResourceOwnerAccount == nil {
		f.ResourceOwnerAccount = &account
	}
	if f.Status == "" {
		f.Status = at.FindingStatusActive
	}
	a.findings[*f.Id] = &accessFinding{f, details}
}

func (s *accessanalyzerState) objects(account, region string, put putObject) {
	for name, a := range s.analyzers {
		key := "accessanalyzer/" + account + "/" + region + "/" + name
		put(key, a.summary, nil)
		for id, f := range a.findings {
			put(key+"/finding/"+id, []any{f.summary, f.details}, nil)
		}
	}
}
