package awssim

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	ct "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
)

// cloudfrontOps is what is simulated of CloudFront: what one can ask of distributions that
// were staged. They serve nothing.
func cloudfrontOps() []operation {
	return []operation{
		op("cloudfront", "ListDistributions", listDistributions), op("cloudfront", "GetDistributionConfig", getDistributionConfig),
		op("cloudfront", "UpdateDistribution", updateDistribution),
	}
}

// cloudfrontState is one account's CloudFront: global, so its region is "".
type cloudfrontState struct{ all []*distribution } // newest first, as they are listed

func newCloudFrontState() *cloudfrontState { return &cloudfrontState{} }

type distribution struct {
	id, arn, etag string
	config        ct.DistributionConfig
	modified      time.Time
	updated       bool
}

func (s *cloudfrontState) objects(account, _ string, put putObject) {
	for _, d := range s.all {
		put("cloudfront/"+account+"/distribution/"+d.id, d.config, []any{d.etag, d.modified.UTC()})
	}
}

func (c *call) distributions() *cloudfrontState {
	return c.fronts.at(c.accountID, "", newCloudFrontState)
}

const frontPage = 100

// listDistributions begins behind the marker, which is the last page's last id (CloudFront API
// reference, DistributionList).
func listDistributions(c *call, in *cloudfront.ListDistributionsInput) (*cloudfront.ListDistributionsOutput, error) {
	if err := c.allow("cloudfront:ListDistributions", "*"); err != nil {
		return nil, err
	}
	size := frontPage
	if in.MaxItems != nil {
		if *in.MaxItems < 1 {
			return nil, fail("InvalidArgument", "The parameter MaxItems is not valid.")
		}
		size = min(int(*in.MaxItems), frontPage)
	}
	rest := c.distributions().all
	if from := aws.ToString(in.Marker); from != "" {
		i := slices.IndexFunc(rest, func(d *distribution) bool { return d.id == from })
		if i < 0 {
			return nil, fail("InvalidArgument", "The parameter Marker is not valid.")
		}
		rest = rest[i+1:]
	}
	out := &ct.DistributionList{Marker: aws.String(aws.ToString(in.Marker)), MaxItems: aws.Int32(int32(size)), IsTruncated: aws.Bool(len(rest) > size)}
	for _, d := range rest[:min(size, len(rest))] {
		out.Items = append(out.Items, d.summary(c.now))
	}
	out.Quantity = aws.Int32(int32(len(out.Items)))
	if *out.IsTruncated {
		out.NextMarker = out.Items[len(out.Items)-1].Id
	}
	return &cloudfront.ListDistributionsOutput{DistributionList: out}, nil
}

func (d *distribution) summary(now time.Time) ct.DistributionSummary {
	f := d.config
	return ct.DistributionSummary{Id: &d.id, ARN: &d.arn, ETag: &d.etag, DomainName: aws.String(d.domain()), Status: aws.String(d.status(now)), LastModifiedTime: aws.Time(d.modified), Aliases: f.Aliases, CacheBehaviors: f.CacheBehaviors,
		Comment: f.Comment, CustomErrorResponses: f.CustomErrorResponses, DefaultCacheBehavior: f.DefaultCacheBehavior, Enabled: f.Enabled, HttpVersion: f.HttpVersion, IsIPV6Enabled: f.IsIPV6Enabled, OriginGroups: f.OriginGroups,
		Origins: f.Origins, PriceClass: f.PriceClass, Restrictions: f.Restrictions, Staging: f.Staging, ViewerCertificate: f.ViewerCertificate, WebACLId: f.WebACLId}
}

// deploys is how long a change is on its way to all edge locations: minutes.
const deploys = 5 * time.Minute

func (d *distribution) status(now time.Time) string {
	if d.updated && now.Before(d.modified.Add(deploys)) {
		return "InProgress"
	}
	return "Deployed"
}

func (d *distribution) domain() string { return "d" + d.id[1:] + ".cloudfront.net" }

// updateDistribution replaces the whole configuration: what the caller leaves out is gone.
func updateDistribution(c *call, in *cloudfront.UpdateDistributionInput) (*cloudfront.UpdateDistributionOutput, error) {
	id := aws.ToString(in.Id)
	if err := c.allow("cloudfront:UpdateDistribution", arnOf("cloudfront", "", c.accountID, "distribution/"+id)); err != nil {
		return nil, err
	}
	all := c.distributions().all
	i := slices.IndexFunc(all, func(d *distribution) bool { return d.id == id })
	switch {
	case i < 0:
		return nil, fail("NoSuchDistribution", "The specified distribution does not exist.")
	case aws.ToString(in.IfMatch) == "":
		return nil, fail("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
	case *in.IfMatch != all[i].etag:
		return nil, fail("PreconditionFailed", "The request failed because it didn't meet the preconditions in one or more request-header fields.")
	case aws.ToString(in.DistributionConfig.CallerReference) != aws.ToString(all[i].config.CallerReference):
		return nil, fail("IllegalUpdate", "The update contains modifications that are not allowed.")
	}
	d := all[i]
	if err := c.associable(&d.config, in.DistributionConfig); err != nil {
		return nil, err
	}
	d.config, d.modified, d.updated = *in.DistributionConfig, c.now, true
	d.etag = "E" + c.idFrom("ALNUM:13", "etag", d.etag)
	config := d.config
	return &cloudfront.UpdateDistributionOutput{ETag: &d.etag, Distribution: &ct.Distribution{Id: &d.id, ARN: &d.arn, DomainName: aws.String(d.domain()), Status: aws.String(d.status(c.now)),
		LastModifiedTime: aws.Time(d.modified), InProgressInvalidationBatches: aws.Int32(0), DistributionConfig: &config}}, nil
}

// associable asks for what it takes to let CloudFront call a function that it did not call
// before (CloudFront developer guide, "Set up IAM permissions and roles for Lambda@Edge").
func (c *call) associable(was, is *ct.DistributionConfig) error {
	before := associations(was)
	for _, a := range associations(is) {
		if !numbered.MatchString(a) {
			return fail("InvalidLambdaFunctionAssociation", "The function ARN must reference a specific function version. (The ARN must end with the version number.) ARN: %s", a)
		}
		if slices.Contains(before, a) {
			continue
		}
		for _, action := range []string{"lambda:GetFunction", "lambda:EnableReplication*"} {
			if err := c.allow(action, a); err != nil {
				return err
			}
		}
	}
	for _, l := range behaviours(is) {
		if l != nil && int(aws.ToInt32(l.Quantity)) != len(l.Items) {
			return fail("InconsistentQuantities", "The value of Quantity and the size of Items don't match.")
		}
	}
	return nil
}

var numbered = regexp.MustCompile(`:function:[A-Za-z0-9_-]+:[0-9]+$`)

func behaviours(f *ct.DistributionConfig) (all []*ct.LambdaFunctionAssociations) {
	if f.DefaultCacheBehavior != nil {
		all = append(all, f.DefaultCacheBehavior.LambdaFunctionAssociations)
	}
	if f.CacheBehaviors != nil {
		for _, b := range f.CacheBehaviors.Items {
			all = append(all, b.LambdaFunctionAssociations)
		}
	}
	return all
}

func associations(f *ct.DistributionConfig) (arns []string) {
	for _, l := range behaviours(f) {
		if l != nil {
			for _, a := range l.Items {
				arns = append(arns, aws.ToString(a.LambdaFunctionARN))
			}
		}
	}
	return arns
}

func getDistributionConfig(c *call, in *cloudfront.GetDistributionConfigInput) (*cloudfront.GetDistributionConfigOutput, error) {
	id := aws.ToString(in.Id)
	if err := c.allow("cloudfront:GetDistributionConfig", arnOf("cloudfront", "", c.accountID, "distribution/"+id)); err != nil {
		return nil, err
	}
	for _, d := range c.distributions().all {
		if d.id == id {
			config := d.config
			return &cloudfront.GetDistributionConfigOutput{DistributionConfig: &config, ETag: &d.etag}, nil
		}
	}
	return nil, fail("NoSuchDistribution", "The specified distribution does not exist.")
}

// StageDistribution makes a distribution and returns its id; what every distribution has and
// f lacks is filled in. That functions of CloudFront lie in us-east-1 is not checked.
func (c *Cloud) StageDistribution(account string, f ct.DistributionConfig) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.fronts.at(account, "", newCloudFrontState)
	n := strconv.Itoa(len(s.all))
	f.CallerReference, f.Comment = orElse(f.CallerReference, aws.String("made "+n)), orElse(f.Comment, aws.String(""))
	f.Enabled, f.Staging, f.IsIPV6Enabled = orElse(f.Enabled, aws.Bool(true)), orElse(f.Staging, aws.Bool(false)), orElse(f.IsIPV6Enabled, aws.Bool(true))
	none := aws.Int32(0)
	f.Aliases, f.CacheBehaviors = orElse(f.Aliases, &ct.Aliases{Quantity: none}), orElse(f.CacheBehaviors, &ct.CacheBehaviors{Quantity: none})
	f.CustomErrorResponses, f.WebACLId = orElse(f.CustomErrorResponses, &ct.CustomErrorResponses{Quantity: none}), orElse(f.WebACLId, aws.String(""))
	f.Restrictions = orElse(f.Restrictions, &ct.Restrictions{GeoRestriction: &ct.GeoRestriction{Quantity: none, RestrictionType: ct.GeoRestrictionTypeNone}})
	f.ViewerCertificate = orElse(f.ViewerCertificate, &ct.ViewerCertificate{CloudFrontDefaultCertificate: aws.Bool(true), MinimumProtocolVersion: ct.MinimumProtocolVersionTLSv1})
	if f.HttpVersion == "" {
		f.HttpVersion = ct.HttpVersionHttp2
	}
	if f.PriceClass == "" {
		f.PriceClass = ct.PriceClassPriceClassAll
	}
	id := "E" + c.idFrom("ALNUM:13", "distribution", account, n)
	s.all = slices.Insert(s.all, 0, &distribution{id: id, arn: arnOf("cloudfront", "", account, "distribution/"+id), etag: "E" + c.idFrom("ALNUM:13", "etag", account, n), config: f, modified: c.cfg.Clock.Now()})
	return id
}
