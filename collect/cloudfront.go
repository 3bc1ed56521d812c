package collect

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	fronttypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const (
	edgeService       = "edgelambda.amazonaws.com" // a trust of the role; both stand for Lambda@Edge
	replicatorService = "replicator.lambda.amazonaws.com"
	maxDistributions  = 5_000
)

// distributions finds what of CloudFront calls the function (Lambda@Edge). On AWS such a
// function lies in us-east-1; that is not relied on: the list is one call for a hundred.
func distributions() Collector {
	return Collector{
		Name: "cloudfront.distributions", About: "CloudFront distributions whose behaviours call the function, any version (Lambda@Edge)",
		Needs: []awsapi.Need{
			need("CloudFront:ListDistributions", "cloudfront:ListDistributions", "*"),
			need("CloudFront:GetDistributionConfig", "cloudfront:GetDistributionConfig", "distribution ARN"),
		},
		Collect: collectDistributions,
	}
}

// front is what a sweep keeps of a distribution; the rest of its summary may hold secrets.
type front struct {
	ID, ARN, DomainName, Status, ETag, WebACLID string
	Enabled, Staging                            bool
	LastModified                                time.Time
	Associations                                []frontCall
}

type frontCall struct {
	PathPattern, EventType, LambdaFunctionARN string // "*" is the default behaviour
	IncludeBody                               bool
}

func collectDistributions(ctx context.Context, j *Job) {
	w := j.want("cloudfront.distributions", "", "CloudFront:ListDistributions")
	j.plan(w)
	c := cloudfront.NewFromConfig(j.config(j.Target.Region))
	mine, known := j.frontsOf(ctx, c, w)
	j.facts.edge.keep(edgeFact{calls: len(mine) > 0, known: known})
	each(mine, callsAtOnce, func(f front) { j.distribution(ctx, c, f) })
}

// edgeFact says whether a function runs at the edge, and logs in other regions. Where that is
// not known, it is taken not to.
type edgeFact struct{ calls, known bool }

// unknownAtEdge says that logs at the edge are not looked for, as nobody knows whether it runs there.
func (j *Job) unknownAtEdge(ctx context.Context, w want) {
	if f := j.facts.edge.get(ctx); ctx.Err() == nil && !f.calls && !f.known && j.run.runs("cloudfront.distributions") {
		j.skip(w, "whether it runs and logs at the edge is unknown: cloudfront.distributions is not whole")
	}
}

func (j *Job) frontsOf(ctx context.Context, c *cloudfront.Client, w want) (mine []front, known bool) {
	if had, ok := recall[struct{ Distributions []front }](ctx, j, w); ok {
		if had != nil {
			mine = had.Distributions
		}
		return mine, true
	}
	s := j.sweepFronts(ctx, c)
	var docs []any
	for _, a := range s.found {
		f := a.(front)
		f.Associations = slices.DeleteFunc(slices.Clone(f.Associations), func(c frontCall) bool { return !j.Target.calls(c.LambdaFunctionARN) })
		if len(f.Associations) > 0 {
			mine = append(mine, f)
			docs = append(docs, map[string]any{"Id": f.ID, "ARN": f.ARN, "DomainName": f.DomainName, "Status": f.Status, "ETag": f.ETag, "WebACLId": f.WebACLID,
				"Enabled": f.Enabled, "Staging": f.Staging, "LastModifiedTime": f.LastModified, "Associations": f.Associations})
		}
	}
	j.swept(ctx, w, s, "Distributions", docs, "no distribution of this account calls it")
	return mine, s.err == nil
}

// sweepFronts lists the account's distributions, once for all targets and regions.
func (j *Job) sweepFronts(ctx context.Context, c *cloudfront.Client) sweep {
	return sweepOnce(ctx, j, "cloudfront", func(ctx context.Context) ([]any, stamp, error) {
		all, s, err := pages(ctx, j, pager[cloudfront.ListDistributionsInput, cloudfront.ListDistributionsOutput, cloudfront.Options]{
			call: c.ListDistributions, in: &cloudfront.ListDistributionsInput{},
			next: func(in *cloudfront.ListDistributionsInput, out *cloudfront.ListDistributionsOutput) string {
				if in.Marker = nil; out.DistributionList != nil && aws.ToBool(out.DistributionList.IsTruncated) {
					in.Marker = out.DistributionList.NextMarker
				}
				return aws.ToString(in.Marker)
			},
		}, func(o *cloudfront.ListDistributionsOutput) []any {
			var page []any
			if o.DistributionList != nil {
				for _, d := range o.DistributionList.Items {
					if calls := frontCalls(d); len(calls) > 0 {
						page = append(page, front{ID: aws.ToString(d.Id), ARN: aws.ToString(d.ARN), DomainName: aws.ToString(d.DomainName), Status: aws.ToString(d.Status), ETag: aws.ToString(d.ETag),
							WebACLID: aws.ToString(d.WebACLId), Enabled: aws.ToBool(d.Enabled), Staging: aws.ToBool(d.Staging), LastModified: aws.ToTime(d.LastModifiedTime), Associations: calls})
					}
				}
			}
			return page
		})
		if len(all) > maxDistributions {
			all, err = all[:maxDistributions], tooMany(maxDistributions)
		}
		return all, s, err
	})
}

func frontCalls(d fronttypes.DistributionSummary) (out []frontCall) {
	add := func(path string, l *fronttypes.LambdaFunctionAssociations) {
		if l == nil {
			return
		}
		for _, a := range l.Items {
			out = append(out, frontCall{path, string(a.EventType), aws.ToString(a.LambdaFunctionARN), aws.ToBool(a.IncludeBody)})
		}
	}
	if d.DefaultCacheBehavior != nil {
		add("*", d.DefaultCacheBehavior.LambdaFunctionAssociations)
	}
	if d.CacheBehaviors != nil {
		for _, b := range d.CacheBehaviors.Items {
			add(aws.ToString(b.PathPattern), b.LambdaFunctionAssociations)
		}
	}
	return out
}

// distribution keeps one configuration. The headers that origins are told are often what
// keeps everybody else out there.
func (j *Job) distribution(ctx context.Context, c *cloudfront.Client, f front) {
	w := j.of("cloudfront.distribution", f.ARN, "", "", "CloudFront:GetDistributionConfig")
	if !j.run.claim("distribution "+f.ARN) || j.have(w) {
		return
	}
	j.plan(w)
	out, s, err := ask(ctx, j, c.GetDistributionConfig, &cloudfront.GetDistributionConfigInput{Id: &f.ID})
	if err != nil {
		j.refused(w, s, err)
		return
	}
	j.putRedacted(ctx, w, s, out, "HeaderValue")
}

// edgeRegions are where a function of CloudFront may have logged: the regions that every
// account has, beside its own, and those that the responder asks for.
func (j *Job) edgeRegions() []string {
	all := append(startRegions(partitionOf(j.Target.Region)), j.run.o.Regions...)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(r string) bool { return r == "all" })
}

// edgeGroups are the names of the log groups of a function that runs at the edge, the same
// in every region: the default name has the function's region in it, one of its own has not
// (CloudFront developer guide, "Edge function logs"). An older version may have had the default.
func (j *Job) edgeGroups(ctx context.Context) []string {
	named, _ := j.logGroups(ctx)
	all := []string{"/aws/lambda/" + j.Target.Region + "." + j.Target.Function}
	for _, name := range named {
		if name != "/aws/lambda/"+j.Target.Function {
			all = append(all, name)
		}
	}
	return all
}

// edgeLogGroups looks for those groups in all regions where they may be.
func (j *Job) edgeLogGroups(ctx context.Context) {
	l := nameList{known: true}
	defer func() { j.facts.edgeGroups.keep(l) }()
	if !j.facts.edge.get(ctx).calls {
		j.unknownAtEdge(ctx, j.want("logs.group", "edge", "CloudWatchLogs:DescribeLogGroups"))
		return
	}
	type place struct{ region, group string }
	var places []place
	for _, region := range j.edgeRegions() {
		for _, group := range j.edgeGroups(ctx) {
			places = append(places, place{region, group})
		}
	}
	found := make([]bool, len(places))
	var unknown atomic.Bool
	each(numbers(len(places)), callsAtOnce, func(i int) { // each region has a quota of its own
		p := places[i]
		if !j.run.claim("logs.group of " + p.group + " in " + p.region) {
			j.planned.Store(true)
			return
		}
		there, known := j.logGroupIn(ctx, p.region, p.group)
		if found[i] = there; !known {
			unknown.Store(true)
		}
	})
	l.known = !unknown.Load()
	for i, p := range places {
		if found[i] {
			l.names = append(l.names, p.region+" "+p.group)
		}
	}
}

// edgeLogEvents reads the events of those that are there.
func (j *Job) edgeLogEvents(ctx context.Context) {
	groups := j.facts.edgeGroups.get(ctx)
	j.unknownAtEdge(ctx, j.want("logs.events", "edge", "CloudWatchLogs:FilterLogEvents"))
	if ctx.Err() == nil && j.facts.edge.get(ctx).calls && !groups.known {
		j.gap(j.want("logs.events", "edge", "CloudWatchLogs:FilterLogEvents"), stamp{}, evidence.NotAttempted, "", "events at the edge beyond those named unknown: logs.group is not whole")
	}
	for _, name := range groups.names {
		region, group, _ := strings.Cut(name, " ")
		if j.run.claim("logs.events of " + group + " in " + region) {
			j.groupEvents(ctx, region, group)
		}
	}
}
