package collect

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/guardduty"
	guardtypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const (
	maxGuardFindings = 5_000
	findingsACall    = 50
)

// guardFindings are what GuardDuty found, archived or not: of the function by its name, of
// its role by the name that its keys' findings carry. Whether GuardDuty looks at the
// function's network traffic at all is in guardduty.detector (LAMBDA_NETWORK_LOGS).
func guardFindings() Collector {
	return Collector{
		Name: "guardduty.findings", About: "GuardDuty: its detector, and its findings of the function and of its role's keys",
		Needs: []awsapi.Need{
			need("GuardDuty:ListDetectors", "guardduty:ListDetectors", "*"),
			need("GuardDuty:GetDetector", "guardduty:GetDetector", "detector ARN"),
			need("GuardDuty:ListFindings", "guardduty:ListFindings", "detector ARN"),
			need("GuardDuty:GetFindings", "guardduty:GetFindings", "detector ARN"),
		},
		Collect: collectGuardFindings,
	}
}

// detectors lists the region's detector, once for all targets, and collects it.
func (j *Job) detectors(ctx context.Context, c *guardduty.Client) nameList {
	p, ours := j.run.shared("guardduty.detectors " + j.Target.Region)
	if !ours {
		return p.get(ctx)
	}
	var l nameList
	defer func() { p.keep(l) }()
	w := j.of("guardduty.detectors", "", "", j.Target.Region, "GuardDuty:ListDetectors")
	w.name = "guardduty." + j.Target.Region + ".detectors.json"
	l.names, l.known = gathered[guardduty.ListDetectorsInput, guardduty.ListDetectorsOutput, guardduty.Options, string]{
		pager: pager[guardduty.ListDetectorsInput, guardduty.ListDetectorsOutput, guardduty.Options]{
			call: c.ListDetectors, in: &guardduty.ListDetectorsInput{},
			next: func(in *guardduty.ListDetectorsInput, out *guardduty.ListDetectorsOutput) string {
				in.NextToken = out.NextToken
				return aws.ToString(in.NextToken)
			},
		},
		member: "DetectorIds", items: func(o *guardduty.ListDetectorsOutput) []string { return o.DetectorIds },
		most: maxGuardFindings, none: "GuardDuty is not on in this region",
	}.get(ctx, j, w)
	for _, id := range addOnce(nil, l.names...) {
		fetch(ctx, j, j.of("guardduty.detector", j.arnOf("guardduty", "detector/"+id), "", j.Target.Region, "GuardDuty:GetDetector"),
			c.GetDetector, &guardduty.GetDetectorInput{DetectorId: aws.String(id)})
	}
	return l
}

func collectGuardFindings(ctx context.Context, j *Job) {
	about := []guardQuery{{j.want("guardduty.findings", "", "GuardDuty:ListFindings"), "resource.lambdaDetails.functionName", j.Target.Function}}
	j.plan(about[0].want)
	switch role := j.roleOf(ctx); {
	case role == "":
		j.skip(j.want("guardduty.findings", "role", "GuardDuty:ListFindings"), "the role is unknown: lambda.configuration is missing")
	case j.run.claim("guardduty findings of " + role + " in " + j.Target.Region):
		about = append(about, guardQuery{j.of("guardduty.findings", role, "", j.Target.Region, "GuardDuty:ListFindings"), "resource.accessKeyDetails.userName", roleName(role)})
	}
	c := guardduty.NewFromConfig(j.config(j.Target.Region))
	detectors := j.detectors(ctx, c)
	for _, q := range about {
		j.plan(q.want)
		switch {
		case len(detectors.names) > 0:
			j.guardFindingsOf(ctx, c, q, detectors.names[0]) // an account has one in a region
		case !detectors.known:
			j.skip(q.want, "detectors unknown: guardduty.detectors is missing")
		default:
			j.none(q.want, stamp{}, "GuardDuty is not on in this region")
		}
	}
}

// guardQuery asks for findings with one criterion.
type guardQuery struct {
	want        want
	field, text string
}

// guardFindingsOf lists ids and stores the findings themselves.
func (j *Job) guardFindingsOf(ctx context.Context, c *guardduty.Client, q guardQuery, detector string) {
	if j.have(q.want) {
		return
	}
	q.want.params = map[string]string{"DetectorId": detector, q.field: q.text}
	in := &guardduty.ListFindingsInput{DetectorId: &detector, FindingCriteria: &guardtypes.FindingCriteria{Criterion: map[string]guardtypes.Condition{q.field: {Equals: []string{q.text}}}}}
	first, s, err := ask(ctx, j, c.ListFindings, in)
	if err != nil {
		j.refused(q.want, s, err)
		return
	}
	var ids []string
	cut := pager[guardduty.ListFindingsInput, guardduty.ListFindingsOutput, guardduty.Options]{
		call: c.ListFindings, in: in,
		next: func(in *guardduty.ListFindingsInput, out *guardduty.ListFindingsOutput) string {
			in.NextToken = out.NextToken
			return aws.ToString(in.NextToken)
		},
	}.each(ctx, j, first, func(o *guardduty.ListFindingsOutput) error {
		ids = addOnce(ids, o.FindingIds...)
		if len(ids) > maxGuardFindings {
			ids = ids[:maxGuardFindings]
			return tooMany(maxGuardFindings)
		}
		return nil
	})
	if len(ids) == 0 && cut == nil {
		j.none(q.want, s, "no findings")
		return
	}
	if cut != nil {
		cut = &ofCall{cut, q.want.call}
	}
	var all []guardtypes.Finding
	w := q.want
	w.call = "GuardDuty:GetFindings"
	for batch := range slices.Chunk(ids, findingsACall) {
		out, at, err := ask(ctx, j, c.GetFindings, &guardduty.GetFindingsInput{DetectorId: &detector, FindingIds: batch})
		if err != nil {
			s, cut = at, err
			break
		}
		s, all = at, append(all, out.Findings...)
	}
	if len(all) == 0 && cut != nil {
		j.refused(w, s, cut)
		return
	}
	j.putList(ctx, w, s, "Findings", all, cut)
}
