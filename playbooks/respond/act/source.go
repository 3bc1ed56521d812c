package act

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"

	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// Whose findings an alert can be of, as it names them.
const (
	ofGuardDuty  = "aws/guardduty"
	ofCloudTrail = "aws/cloudtrail"
	ofCloudWatch = "aws/cloudwatch"
)

// atSource reads an alert where it comes from: nil, it was not found, or could not be looked for. A
// message alone proves nothing, for whoever can write to the queue can write an alert.
func (w *work) atSource(ctx context.Context, c *clock) *alert.Alert {
	switch w.a.Product {
	case ofGuardDuty:
		return w.inGuardDuty(ctx, c)
	}
	return nil
}

// parsed reads what a source answered, in the form in which the source writes.
func (w *work) parsed(answer any) *alert.Alert {
	data, err := json.Marshal(answer)
	if err != nil {
		return nil
	}
	return w.read(data)
}

func (w *work) read(data []byte) *alert.Alert {
	all := alert.Parse(data)
	if len(all) != 1 || all[0].Kind == alert.Unknown {
		return nil
	}
	return &all[0]
}

func guardDutyNeeds() []awsapi.Need {
	when := "before something is done without people, for a finding of GuardDuty"
	return []awsapi.Need{
		{Call: "GuardDuty:ListDetectors", IAM: []awsapi.Grant{{Action: "guardduty:ListDetectors", Resource: "*"}}, When: when},
		{Call: "GuardDuty:GetFindings", IAM: []awsapi.Grant{{Action: "guardduty:GetFindings", Resource: "detector ARN"}}, When: when},
	}
}

// inGuardDuty asks the detector of the finding's own account and region, also for a finding that came
// by Security Hub: there it is a copy.
func (w *work) inGuardDuty(ctx context.Context, c *clock) *alert.Alert {
	client := guardduty.NewFromConfig(c.watched(w.env.Session.ReadOnly().Config(w.a.Region, guardDutyNeeds())))
	detectors, err := client.ListDetectors(ctx, &guardduty.ListDetectorsInput{})
	if err != nil {
		return nil
	}
	for _, id := range detectors.DetectorIds { // an account has one in a region
		out, err := client.GetFindings(ctx, &guardduty.GetFindingsInput{DetectorId: aws.String(id), FindingIds: []string{w.a.Origin}})
		if err != nil {
			return nil
		}
		for i := range out.Findings {
			if strings.EqualFold(aws.ToString(out.Findings[i].Id), w.a.Origin) {
				return w.parsed(out.Findings[i])
			}
		}
	}
	return nil
}
