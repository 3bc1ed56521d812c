package awssim

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	gt "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
)

// guarddutyOps is every simulated operation of GuardDuty.
func guarddutyOps() []operation {
	return []operation{
		op("guardduty", "CreateDetector", createDetector), op("guardduty", "ListDetectors", listDetectors),
		op("guardduty", "GetDetector", getDetector), op("guardduty", "UpdateDetector", updateDetector),
		op("guardduty", "ListFindings", listGuardDutyFindings), op("guardduty", "GetFindings", getGuardDutyFindings),
		op("guardduty", "ArchiveFindings", archiveFindings),
	}
}

func (c *call) guard() *guarddutyState {
	return c.guardduty.at(c.accountID, c.region, newGuardDutyState)
}

// detector asks for permission and finds the account's detector of the region: there is
// one at most (GuardDuty user guide, "Concepts and terminology").
func (c *call) detector(action string, id *string) (*detector, error) {
	if err := c.allow("guardduty:"+action, c.arn("guardduty", "detector/"+aws.ToString(id))); err != nil {
		return nil, err
	}
	d := c.guard().detector
	if d == nil || d.id != aws.ToString(id) {
		return nil, fail("BadRequestException", "The request is rejected because the input detectorId is not owned by the current account.")
	}
	return d, nil
}

func createDetector(c *call, in *guardduty.CreateDetectorInput) (*guardduty.CreateDetectorOutput, error) {
	if err := c.allow("guardduty:CreateDetector", "*"); err != nil {
		return nil, err
	}
	s := c.guard()
	if s.detector != nil {
		return nil, fail("BadRequestException", "The request is rejected because a detector already exists for the current account.")
	}
	d := &detector{id: c.id("hex:32", "detector"), enabled: aws.ToBool(in.Enable), frequency: in.FindingPublishingFrequency,
		features: map[string]feature{}, tags: in.Tags, created: c.now, updated: c.now}
	if d.frequency == "" {
		d.frequency = gt.FindingPublishingFrequencySixHours // the default of the API reference
	}
	//lint:ignore SA1019 refused, so it has to be looked at
	if err := d.set(in.DataSources, in.Features, c.now); err != nil {
		return nil, err
	}
	s.detector = d
	return &guardduty.CreateDetectorOutput{DetectorId: &d.id}, nil
}

func listDetectors(c *call, in *guardduty.ListDetectorsInput) (*guardduty.ListDetectorsOutput, error) {
	if err := c.allow("guardduty:ListDetectors", "*"); err != nil {
		return nil, err
	}
	var ids []string
	if d := c.guard().detector; d != nil {
		ids = append(ids, d.id)
	}
	page, next, err := paginate(ids, in.NextToken, in.MaxResults, 50)
	return &guardduty.ListDetectorsOutput{DetectorIds: page, NextToken: next}, err
}

func getDetector(c *call, in *guardduty.GetDetectorInput) (*guardduty.GetDetectorOutput, error) {
	d, err := c.detector("GetDetector", in.DetectorId)
	if err != nil {
		return nil, err
	}
	out := &guardduty.GetDetectorOutput{
		Status: gt.DetectorStatusDisabled, FindingPublishingFrequency: d.frequency, Features: d.shown(), Tags: d.tags,
		ServiceRole: aws.String("arn:aws:iam::" + c.accountID + ":role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty"),
		CreatedAt:   aws.String(d.created.Format(isoMilli)), UpdatedAt: aws.String(d.updated.Format(isoMilli)),
	}
	if d.enabled {
		out.Status = gt.DetectorStatusEnabled
	}
	return out, nil
}

func updateDetector(c *call, in *guardduty.UpdateDetectorInput) (*guardduty.UpdateDetectorOutput, error) {
	d, err := c.detector("UpdateDetector", in.DetectorId)
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 refused, so it has to be looked at
	if err := d.set(in.DataSources, in.Features, c.now); err != nil {
		return nil, err
	}
	if in.Enable != nil {
		d.enabled = *in.Enable
	}
	if in.FindingPublishingFrequency != "" {
		d.frequency = in.FindingPublishingFrequency
	}
	d.updated = c.now
	return nil, nil
}

// listGuardDutyFindings lists archived findings too, unless the criteria say otherwise:
// the API reference, ListFindings, service.archived.
func listGuardDutyFindings(c *call, in *guardduty.ListFindingsInput) (*guardduty.ListFindingsOutput, error) {
	if _, err := c.detector("ListFindings", in.DetectorId); err != nil {
		return nil, err
	}
	if in.SortCriteria != nil {
		return nil, fail("BadRequestException", "freezeframe simulator: sorting findings is not simulated")
	}
	s := c.guard()
	ids := []string{}
	for _, id := range sortedNames(s.findings) {
		ok, err := matchesCriteria(s.findings[id], in.FindingCriteria)
		if err != nil {
			return nil, err
		}
		if ok {
			ids = append(ids, id)
		}
	}
	page, next, err := paginate(ids, in.NextToken, in.MaxResults, 50)
	return &guardduty.ListFindingsOutput{FindingIds: page, NextToken: next}, err
}

func getGuardDutyFindings(c *call, in *guardduty.GetFindingsInput) (*guardduty.GetFindingsOutput, error) {
	if _, err := c.detector("GetFindings", in.DetectorId); err != nil {
		return nil, err
	}
	if in.SortCriteria != nil {
		return nil, fail("BadRequestException", "freezeframe simulator: sorting findings is not simulated")
	}
	out := &guardduty.GetFindingsOutput{Findings: []gt.Finding{}}
	for _, id := range in.FindingIds {
		if f := c.guard().findings[id]; f != nil { // one that is unknown is left out
			out.Findings = append(out.Findings, *f)
		}
	}
	return out, nil
}

func archiveFindings(c *call, in *guardduty.ArchiveFindingsInput) (*guardduty.ArchiveFindingsOutput, error) {
	if _, err := c.detector("ArchiveFindings", in.DetectorId); err != nil {
		return nil, err
	}
	for _, id := range in.FindingIds {
		if f := c.guard().findings[id]; f != nil {
			bare := *f.Service
			bare.Archived = aws.Bool(true)
			f.Service = &bare
		}
	}
	return nil, nil
}

// set changes features. Data sources are the older spelling of the same.
func (d *detector) set(old *gt.DataSourceConfigurations, features []gt.DetectorFeatureConfiguration, now time.Time) error {
	if old != nil {
		return fail("BadRequestException", "freezeframe simulator: dataSources are not simulated: use features")
	}
	for _, f := range features {
		if len(f.AdditionalConfiguration) > 0 {
			return fail("BadRequestException", "freezeframe simulator: additional configurations of features are not simulated")
		}
	}
	for _, f := range features {
		d.features[string(f.Name)] = feature{f.Status, now.Truncate(time.Second)}
	}
	return nil
}
