package awssim

import (
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	gt "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
)

// guarddutyState is GuardDuty in one account and region.
type guarddutyState struct {
	detector *detector
	findings map[string]*gt.Finding
}

func newGuardDutyState() *guarddutyState { return &guarddutyState{findings: map[string]*gt.Finding{}} }

type detector struct {
	id               string
	enabled          bool
	frequency        gt.FindingPublishingFrequency
	features         map[string]feature // as set; others are off
	tags             map[string]string
	created, updated time.Time
}

type feature struct {
	status gt.FeatureStatus
	at     time.Time
}

// shown are the features as GetDetector shows them: the foundational sources, which cannot
// be switched off, and the plans. Which plans AWS switches on for a new account by itself
// is left out here: what was not asked for is off.
func (d *detector) shown() []gt.DetectorFeatureConfigurationResult {
	var out []gt.DetectorFeatureConfigurationResult
	for _, name := range gt.DetectorFeatureResult("").Values() {
		f := feature{gt.FeatureStatusDisabled, d.created.Truncate(time.Second)}
		if set, ok := d.features[string(name)]; ok {
			f = set
		}
		if slices.Contains([]gt.DetectorFeatureResult{gt.DetectorFeatureResultCloudTrail, gt.DetectorFeatureResultDnsLogs, gt.DetectorFeatureResultFlowLogs}, name) {
			f.status = gt.FeatureStatusEnabled
		}
		out = append(out, gt.DetectorFeatureConfigurationResult{Name: name, Status: f.status, UpdatedAt: aws.Time(f.at)})
	}
	return out
}

// StageGuardDutyFinding lets GuardDuty have found something. What a finding must have and
// f lacks is filled in: id, ARN, account, region, times, schema version.
func (c *Cloud) StageGuardDutyFinding(account, region string, f gt.Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.guardduty.at(account, region, newGuardDutyState)
	now := c.cfg.Clock.Now().UTC().Format(isoMilli)
	fill := func(p **string, v string) {
		if *p == nil {
			*p = &v
		}
	}
	detectorID := "none"
	if s.detector != nil {
		detectorID = s.detector.id
	}
	fill(&f.Id, c.idFrom("hex:32", "guardduty finding", account, region, aws.ToString(f.Type), strconv.Itoa(len(s.findings))))
	fill(&f.AccountId, account)
	fill(&f.Region, region)
	fill(&f.Arn, arnOf("guardduty", region, account, "detector/"+detectorID+"/finding/"+*f.Id))
	fill(&f.CreatedAt, now)
	fill(&f.UpdatedAt, now)
	fill(&f.SchemaVersion, "2.0")
	fill(&f.Partition, "aws")
	if f.Resource == nil {
		f.Resource = &gt.Resource{}
	}
	service := gt.Service{}
	if f.Service != nil {
		service = *f.Service
	}
	if service.Archived == nil {
		service.Archived = aws.Bool(false)
	}
	fill(&service.DetectorId, detectorID)
	f.Service = &service
	s.findings[*f.Id] = &f
}

// matchesCriteria: fields by the names of GuardDuty's own list (API reference, CreateFilter).
func matchesCriteria(f *gt.Finding, criteria *gt.FindingCriteria) (bool, error) {
	if criteria == nil {
		return true, nil
	}
	for name, want := range criteria.Criterion {
		have, known := criterionOf(f, name)
		if !known {
			return false, fail("BadRequestException", "freezeframe simulator: the criterion %q is not simulated", name)
		}
		//lint:ignore SA1019 older clients still ask by the old names
		equal, unequal := append(slices.Clone(want.Equals), want.Eq...), append(slices.Clone(want.NotEquals), want.Neq...)
		//lint:ignore SA1019 refused, so they have to be looked at
		if want.GreaterThan != nil || want.GreaterThanOrEqual != nil || want.LessThan != nil || want.LessThanOrEqual != nil || want.Gt != nil || want.Gte != nil || want.Lt != nil || want.Lte != nil || want.Matches != nil || want.NotMatches != nil {
			return false, fail("BadRequestException", "freezeframe simulator: only equality is simulated in criteria")
		}
		if len(equal) > 0 && !slices.Contains(equal, have) || len(unequal) > 0 && slices.Contains(unequal, have) {
			return false, nil
		}
	}
	return true, nil
}

func criterionOf(f *gt.Finding, name string) (value string, known bool) {
	var p *string
	l, k := f.Resource.LambdaDetails, f.Resource.AccessKeyDetails
	if l == nil {
		l = &gt.LambdaDetails{}
	}
	if k == nil {
		k = &gt.AccessKeyDetails{}
	}
	switch name {
	case "id":
		p = f.Id
	case "type":
		p = f.Type
	case "accountId":
		p = f.AccountId
	case "region":
		p = f.Region
	case "resource.resourceType":
		p = f.Resource.ResourceType
	case "resource.lambdaDetails.functionName":
		p = l.FunctionName
	case "resource.lambdaDetails.functionArn":
		p = l.FunctionArn
	case "resource.accessKeyDetails.userName":
		p = k.UserName
	case "resource.accessKeyDetails.accessKeyId":
		p = k.AccessKeyId
	case "resource.accessKeyDetails.principalId":
		p = k.PrincipalId
	case "service.archived":
		return strconv.FormatBool(aws.ToBool(f.Service.Archived)), true
	default:
		return "", false
	}
	return aws.ToString(p), true
}

func (s *guarddutyState) objects(account, region string, put putObject) {
	at := "guardduty/" + account + "/" + region + "/"
	if d := s.detector; d != nil {
		features := map[string]gt.FeatureStatus{}
		for name, f := range d.features {
			features[name] = f.status
		}
		put(at+"detector", map[string]any{"id": d.id, "enabled": d.enabled, "frequency": d.frequency, "features": features, "tags": d.tags}, []time.Time{d.created, d.updated})
	}
	for id, f := range s.findings {
		put(at+"finding/"+id, f, nil)
	}
}
