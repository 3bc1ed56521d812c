package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// maxTrails bounds the trails looked at; a region has five at most, and those of other
// regions and of the organization beside them.
const maxTrails = 200

// readers: without logs of its own it is our word alone who read the evidence. Either
// S3's access logs or a trail with data events will do.
func readers(ctx context.Context, p *probe) verdict {
	out, err := p.s3.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: p.bucket(), ExpectedBucketOwner: p.owner()})
	if err == nil && out.LoggingEnabled != nil && aws.ToString(out.LoggingEnabled.TargetBucket) != "" {
		return pass("server access logs go to s3://%s/%s", shown(*out.LoggingEnabled.TargetBucket), shown(aws.ToString(out.LoggingEnabled.TargetPrefix)))
	}
	v := p.byTrail(ctx)
	if v.result == Pass || err == nil {
		return v
	}
	return p.unknown("S3:GetBucketLogging", err)
}

// byTrail looks for a trail that is on and logs reads under the prefix.
func (p *probe) byTrail(ctx context.Context) verdict {
	out, err := p.trails(p.region).DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{})
	if err != nil {
		return p.unknown("CloudTrail:DescribeTrails", err)
	}
	var open *verdict // of a trail that did not answer
	for i, t := range out.TrailList {
		if i == maxTrails {
			open = &verdict{Unknown, fmt.Sprintf("more than %d trails", maxTrails), p.ask("CloudTrail", "DescribeTrails")}
			break
		}
		if !p.reaches(t) {
			continue
		}
		v := p.logsReads(ctx, t)
		if v.result == Pass {
			return v
		}
		if v.result == Unknown && open == nil {
			open = &v
		}
	}
	if open != nil {
		return *open
	}
	return verdict{Fail, "no server access logs, and no trail that logs reads of the objects",
		p.s3api("put-bucket-logging", "--bucket-logging-status", `{"LoggingEnabled":{"TargetBucket":"LOG-BUCKET","TargetPrefix":"`+p.in.Bucket+`/"}}`)}
}

// reaches: the trail's events are of the bucket's region, and of its account. A trail in
// another account has only what that account's own principals did.
func (p *probe) reaches(t types.Trail) bool {
	if !aws.ToBool(t.IsMultiRegionTrail) && aws.ToString(t.HomeRegion) != p.region {
		return false
	}
	a, err := arn.Parse(aws.ToString(t.TrailARN))
	return err == nil && (p.in.Owner == "" || a.AccountID == p.in.Owner || aws.ToBool(t.IsOrganizationTrail))
}

// logsReads asks in the trail's home region: elsewhere CloudTrail does not know it.
func (p *probe) logsReads(ctx context.Context, t types.Trail) verdict {
	client := p.trails(aws.ToString(t.HomeRegion))
	sel, err := client.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: t.TrailARN})
	if err != nil {
		return p.unknown("CloudTrail:GetEventSelectors", err)
	}
	if !slices.ContainsFunc(sel.EventSelectors, p.selects) && !slices.ContainsFunc(sel.AdvancedEventSelectors, p.selectsAdvanced) {
		return verdict{result: Fail}
	}
	status, err := client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: t.TrailARN})
	if err != nil {
		return p.unknown("CloudTrail:GetTrailStatus", err)
	}
	if !aws.ToBool(status.IsLogging) {
		return verdict{result: Fail}
	}
	return pass("trail %s logs reads", shown(aws.ToString(t.TrailARN)))
}

// selects: values are what an object's ARN starts with; "arn:aws:s3" is all buckets
// (API reference, DataResource).
func (p *probe) selects(s types.EventSelector) bool {
	if s.ReadWriteType == types.ReadWriteTypeWriteOnly {
		return false
	}
	all := "arn:" + p.partition() + ":s3"
	for _, r := range s.DataResources {
		if aws.ToString(r.Type) != "AWS::S3::Object" {
			continue
		}
		for _, v := range r.Values {
			if v == all || v == all+":::" || strings.HasPrefix(v, p.bucketARN()+"/") && strings.HasPrefix(p.bucketARN()+"/"+p.prefix, v) {
				return true
			}
		}
	}
	return false
}

// selectsAdvanced holds the selector against a read of some object under the prefix. A
// condition on who reads, or on anything else that is not the same for all reads, is not
// met: it leaves somebody out.
func (p *probe) selectsAdvanced(s types.AdvancedEventSelector) bool {
	if len(s.FieldSelectors) == 0 {
		return false
	}
	for _, f := range s.FieldSelectors {
		for _, event := range p.reads() {
			have, known := event[aws.ToString(f.Field)]
			if !known || !fits(f, have) {
				return false
			}
		}
	}
	return true
}

// reads are fields of the events that a reading of evidence leaves: an object is got, or
// looked at, whatever its key.
func (p *probe) reads() []map[string]string {
	var out []map[string]string
	for _, object := range someObjects(p) {
		for _, name := range []string{"GetObject", "HeadObject"} {
			out = append(out, map[string]string{
				"eventCategory": "Data", "eventSource": "s3.amazonaws.com", "eventType": "AwsApiCall", "readOnly": "true",
				"resources.type": "AWS::S3::Object", "resources.ARN": object, "eventName": name,
			})
		}
	}
	return out
}

// fits: any of the operators that select, and none of those that exclude (CloudTrail User
// Guide, "How CloudTrail evaluates multiple conditions for a field").
func fits(f types.AdvancedFieldSelector, have string) bool {
	any := func(values []string, match func(string, string) bool) bool {
		return slices.ContainsFunc(values, func(v string) bool { return match(have, v) })
	}
	equal := func(a, b string) bool { return a == b }
	if any(f.NotEquals, equal) || any(f.NotStartsWith, strings.HasPrefix) || any(f.NotEndsWith, strings.HasSuffix) {
		return false
	}
	if len(f.Equals)+len(f.StartsWith)+len(f.EndsWith) == 0 {
		return true
	}
	return any(f.Equals, equal) || any(f.StartsWith, strings.HasPrefix) || any(f.EndsWith, strings.HasSuffix)
}
