package awssim

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/inspector2"
	it "github.com/aws/aws-sdk-go-v2/service/inspector2/types"
)

// inspector2Ops is every simulated operation of Inspector. Its permissions know no
// resource (Service Authorization Reference, "Amazon Inspector2").
func inspector2Ops() []operation {
	return []operation{
		op("inspector2", "BatchGetAccountStatus", inspectorStatus), op("inspector2", "ListFindings", inspectorFindings),
	}
}

// inspector2State is Inspector in one account and region.
type inspector2State struct {
	on       bool // for Lambda functions; it scans nothing else here
	findings map[string]it.Finding
}

func newInspector2State() *inspector2State {
	return &inspector2State{findings: map[string]it.Finding{}}
}

func (c *call) inspector() *inspector2State {
	return c.inspector2.at(c.accountID, c.region, newInspector2State)
}

func inspectorStatus(c *call, in *inspector2.BatchGetAccountStatusInput) (*inspector2.BatchGetAccountStatusOutput, error) {
	if err := c.allow("inspector2:BatchGetAccountStatus", "*"); err != nil {
		return nil, err
	}
	for _, id := range in.AccountIds {
		if id != c.accountID {
			return nil, fail("AccessDeniedException", "freezeframe simulator: the status of other accounts is not simulated")
		}
	}
	// The model requires a code and a text; what AWS puts there when nothing failed is not published.
	status := func(on bool) *it.State {
		s := it.State{Status: it.StatusDisabled, ErrorCode: it.ErrorCodeAlreadyEnabled, ErrorMessage: aws.String("none")}
		if on {
			s.Status = it.StatusEnabled
		}
		return &s
	}
	on := c.inspector().on
	return &inspector2.BatchGetAccountStatusOutput{Accounts: []it.AccountState{{
		AccountId: aws.String(c.accountID), State: status(on),
		ResourceState: &it.ResourceState{Ec2: status(false), Ecr: status(false), Lambda: status(on), LambdaCode: status(false)},
	}}, FailedAccounts: []it.FailedAccount{}}, nil
}

func inspectorFindings(c *call, in *inspector2.ListFindingsInput) (*inspector2.ListFindingsOutput, error) {
	if err := c.allow("inspector2:ListFindings", "*"); err != nil {
		return nil, err
	}
	if in.SortCriteria != nil {
		return nil, invalidInspector("sorting findings is not simulated")
	}
	all := []it.Finding{}
	for _, arn := range sortedNames(c.inspector().findings) {
		f := c.inspector().findings[arn]
		ok, err := inspectorFilter(f, in.FilterCriteria)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, f)
		}
	}
	page, next, err := paginate(all, in.NextToken, in.MaxResults, 100)
	return &inspector2.ListFindingsOutput{Findings: page, NextToken: next}, err
}

func invalidInspector(why string) error {
	e := fail("ValidationException", "freezeframe simulator: %s", why)
	e.Fields = map[string]any{"reason": "OTHER"}
	return e
}

// inspectorFilter knows the criteria that a collection of one function's findings needs.
func inspectorFilter(f it.Finding, in *it.FilterCriteria) (bool, error) {
	if in == nil {
		return true, nil
	}
	rest := *in
	rest.AwsAccountId, rest.LambdaFunctionName, rest.ResourceId, rest.ResourceType, rest.FindingStatus = nil, nil, nil, nil, nil
	if !reflect.DeepEqual(rest, it.FilterCriteria{}) {
		return false, invalidInspector("a filter of these criteria is not simulated")
	}
	var names, ids, kinds []string
	for _, r := range f.Resources {
		ids, kinds = append(ids, aws.ToString(r.Id)), append(kinds, string(r.Type))
		if r.Details != nil && r.Details.AwsLambdaFunction != nil {
			names = append(names, aws.ToString(r.Details.AwsLambdaFunction.FunctionName))
		}
	}
	return textFilter(in.AwsAccountId, aws.ToString(f.AwsAccountId)) && textFilter(in.LambdaFunctionName, names...) && textFilter(in.ResourceId, ids...) &&
		textFilter(in.ResourceType, kinds...) && textFilter(in.FindingStatus, string(f.Status)), nil
}

// textFilter: several filters of one criterion are alternatives.
func textFilter(filters []it.StringFilter, have ...string) bool {
	for _, f := range filters {
		want := aws.ToString(f.Value)
		switch f.Comparison {
		case it.StringComparisonEquals:
			if slices.Contains(have, want) {
				return true
			}
		case it.StringComparisonPrefix:
			if slices.ContainsFunc(have, func(v string) bool { return strings.HasPrefix(v, want) }) {
				return true
			}
		case it.StringComparisonNotEquals:
			if !slices.Contains(have, want) {
				return true
			}
		}
	}
	return len(filters) == 0
}

// StageInspector switches Inspector's scan of Lambda functions on or off, and lets it have
// found something. What a finding must have and lacks is filled in: ARN, account, times,
// status, remediation.
func (c *Cloud) StageInspector(account, region string, on bool, findings ...it.Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.inspector2.at(account, region, newInspector2State)
	s.on = on
	now := c.cfg.Clock.Now().UTC().Truncate(time.Second)
	for _, f := range findings {
		if f.FindingArn == nil {
			f.FindingArn = aws.String(arnOf("inspector2", region, account, "finding/"+c.idFrom("hex:32", "inspector finding", account, region, strconv.Itoa(len(s.findings)))))
		}
		for _, p := range []**time.Time{&f.FirstObservedAt, &f.LastObservedAt, &f.UpdatedAt} {
			if *p == nil {
				*p = &now
			}
		}
		if f.AwsAccountId == nil {
			f.AwsAccountId = &account
		}
		if f.Remediation == nil {
			f.Remediation = &it.Remediation{}
		}
		if f.Status == "" {
			f.Status = it.FindingStatusActive
		}
		s.findings[*f.FindingArn] = f
	}
}

func (s *inspector2State) objects(account, region string, put putObject) {
	at := "inspector2/" + account + "/" + region
	if s.on { // a state that was only looked at is none
		put(at, s.on, nil)
	}
	for arn, f := range s.findings {
		put(at+"/"+arn, f, nil)
	}
}
