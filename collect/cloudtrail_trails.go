package collect

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// trails says what CloudTrail keeps and where: whether somebody stopped it, narrowed its
// selectors, or sends it elsewhere.
func trails() Collector {
	return Collector{
		Name: "cloudtrail.trails", About: "trails that record the function's region: where to, whether they log, with which selectors",
		Needs: []awsapi.Need{
			need("CloudTrail:DescribeTrails", "cloudtrail:DescribeTrails", "*"),
			need("CloudTrail:GetTrailStatus", "cloudtrail:GetTrailStatus", "trail ARN"),
			need("CloudTrail:GetEventSelectors", "cloudtrail:GetEventSelectors", "trail ARN"),
		},
		Collect: collectTrails,
	}
}

func collectTrails(ctx context.Context, j *Job) {
	t := j.Target
	w := j.of("cloudtrail.trails", "", "", t.Region, "CloudTrail:DescribeTrails")
	w.name = "cloudtrail." + t.Region + ".trails.json"
	if !j.run.claim("trails of " + t.Account + " in " + t.Region) {
		j.planned.Store(true)
		return
	}
	c := cloudtrail.NewFromConfig(j.config(t.Region))
	buckets, _ := j.run.shared(trailsKey(t))
	// Trails of other regions and of the organization that record this region are shadows here.
	out := fetchUnless(ctx, j, w, c.DescribeTrails, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(true)}, func(o *cloudtrail.DescribeTrailsOutput) string {
		return noneOf(len(o.TrailList), "no trail records this region: nothing but the event history, of 90 days")
	})
	buckets.keep(bucketsOf(out))
	if out == nil {
		return
	}
	for _, trail := range out.TrailList {
		arn := aws.ToString(trail.TrailARN)
		home := aws.ToString(trail.HomeRegion)
		status, selectors := j.of("cloudtrail.trails.status", arn, "", home, "CloudTrail:GetTrailStatus"), j.of("cloudtrail.trails.selectors", arn, "", home, "CloudTrail:GetEventSelectors")
		if account := arnPart(arn, 4); account != t.Account && account != "" {
			why := "the trail is the organization's, in account " + account + ": cloudtrail.trails names it, its own account has the rest"
			j.none(status, stamp{}, why)
			j.none(selectors, stamp{}, why)
			continue
		}
		at := cloudtrail.NewFromConfig(j.config(home))
		both(
			func() { fetch(ctx, j, status, at.GetTrailStatus, &cloudtrail.GetTrailStatusInput{Name: &arn}) },
			func() {
				fetch(ctx, j, selectors, at.GetEventSelectors, &cloudtrail.GetEventSelectorsInput{TrailName: &arn})
			},
		)
	}
}

// arnPart is one part of an ARN, "" if it has none.
func arnPart(arn string, n int) string {
	if p := strings.SplitN(arn, ":", 6); len(p) == 6 {
		return p[n]
	}
	return ""
}
