package collect

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const (
	headCall = "S3:HeadBucket"
	listCall = "S3:ListObjectsV2"
	getCall  = "S3:GetObject"
	keysCall = "CloudTrail:ListPublicKeys"

	// AutoTrailBucket stands for the buckets of the trails that record the function's region.
	AutoTrailBucket = "auto"

	maxTrailObjects = 50_000 // of one run; a listing is cut there too
	lateDelivery    = day    // files are delivered in minutes as a rule; their keys carry the day of delivery
)

// trailBucket reads what CloudTrail delivered to S3: data events, what is older than the
// event history, and the digests that prove that no file was changed. A trail's bucket can
// hold terabytes, so it is read only where that was asked for, and of it only the days of
// the window, this account, and the regions whose event history is read.
func trailBucket() Collector {
	const when = "with --trail-bucket"
	return Collector{
		Name: "cloudtrail.objects", About: "log files and digests that trails delivered to S3 in the window, as they lie there, and the public keys that the digests are validated with (with --trail-bucket)",
		Needs: []awsapi.Need{
			{Call: headCall, When: when, IAM: []awsapi.Grant{{Action: "s3:ListBucket", Resource: "trail bucket ARN"}}},
			{Call: listCall, When: when, IAM: []awsapi.Grant{{Action: "s3:ListBucket", Resource: "trail bucket ARN"}}},
			{Call: getCall, When: when, IAM: []awsapi.Grant{{Action: "s3:GetObject", Resource: "trail object ARN"}, {Action: "kms:Decrypt", Resource: "key ARN"}}},
			{Call: keysCall, When: when, IAM: []awsapi.Grant{{Action: "cloudtrail:ListPublicKeys", Resource: "*"}}},
		},
		Collect: collectTrailBuckets,
	}
}

// IsTrailBucket says whether Options.TrailBuckets takes a name.
func IsTrailBucket(name string) bool {
	place, is := strings.CutPrefix(name, "s3://")
	bucket, _, _ := strings.Cut(place, "/")
	return name == AutoTrailBucket || is && bucketName.MatchString(bucket) && !strings.ContainsFunc(name, unicode.IsSpace)
}

func trailsKey(t Target) string { return "trail buckets of " + t.Account + " in " + t.Region }

// ofOrganization marks a place that an organization's trail delivers to.
const ofOrganization = "organization "

// bucketsOf are the places that trails deliver to, as s3://bucket/prefix.
func bucketsOf(out *cloudtrail.DescribeTrailsOutput) nameList {
	if out == nil {
		return nameList{}
	}
	found := nameList{known: true}
	for _, t := range out.TrailList {
		place := "s3://" + aws.ToString(t.S3BucketName)
		if p := aws.ToString(t.S3KeyPrefix); p != "" {
			place += "/" + p
		}
		if aws.ToBool(t.IsOrganizationTrail) {
			place = ofOrganization + place
		}
		if t.S3BucketName != nil && !slices.Contains(found.names, place) {
			found.names = append(found.names, place)
		}
	}
	return found
}

func collectTrailBuckets(ctx context.Context, j *Job) {
	t := j.Target
	own := j.of("cloudtrail.objects", "", "", t.Region, listCall)
	if !j.run.claim("trail buckets of " + t.Account + " for " + t.Region) {
		j.planned.Store(true)
		return
	}
	if len(j.run.o.TrailBuckets) == 0 {
		j.gap(own, stamp{}, evidence.NotCovered, "", "the trails' buckets were not asked for: --trail-bucket auto reads them")
		return
	}
	places := j.trailPlaces(ctx, own)
	if ctx.Err() != nil {
		return // close records it
	}
	f := &trailFetch{j: j, known: map[string]bool{}}
	each(places, targetsAtOnce, func(p *trailPlace) { f.list(ctx, p) })
	f.keys(ctx)
	f.fetch(ctx)
}

// trailPlaces are the buckets to read, with the prefix that the trail was given.
func (j *Job) trailPlaces(ctx context.Context, own want) []*trailPlace {
	var names []string
	for _, name := range j.run.o.TrailBuckets {
		if name != AutoTrailBucket {
			names = append(names, name)
			continue
		}
		var of nameList
		if j.run.runs("cloudtrail.trails") {
			p, _ := j.run.shared(trailsKey(j.Target))
			of = p.get(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case !of.known:
			j.skip(own, "the trails' buckets are unknown: cloudtrail.trails could not be had")
		case len(of.names) == 0:
			j.none(own, stamp{}, "no trail records this region")
		}
		names = append(names, of.names...)
	}
	var out []*trailPlace
	for _, name := range names {
		name, organized := strings.CutPrefix(name, ofOrganization)
		bucket, prefix, _ := strings.Cut(strings.TrimPrefix(name, "s3://"), "/")
		if prefix = strings.Trim(prefix, "/"); prefix != "" {
			prefix += "/"
		}
		i := slices.IndexFunc(out, func(p *trailPlace) bool { return p.bucket == bucket && p.prefix == prefix })
		if i < 0 {
			i, out = len(out), append(out, &trailPlace{j: j, bucket: bucket, prefix: prefix})
		}
		// Of a place that was named nobody says whose trail it is.
		out[i].organized = out[i].organized || organized || slices.Contains(j.run.o.TrailBuckets, name)
	}
	return out
}

// trailPlace is a bucket, and where in it trails deliver to.
type trailPlace struct {
	j              *Job
	bucket, prefix string
	organized      bool // an organization's trail delivers here, or may
	c              *s3.Client
}

func (p *trailPlace) arn() string {
	return "arn:" + partitionOf(p.j.Target.Region) + ":s3:::" + p.bucket
}

func (p *trailPlace) client(region string) *s3.Client {
	return s3.NewFromConfig(p.j.config(region), func(o *s3.Options) { o.UsePathStyle = p.j.run.in.Endpoint != "" })
}

// locate finds out in which region the bucket is: S3 answers for it nowhere else, and says so.
func (p *trailPlace) locate(ctx context.Context) {
	j, region := p.j, p.j.Target.Region
	w := j.of("cloudtrail.bucket", p.arn(), "", "", headCall)
	if out, had := recall[s3.HeadBucketOutput](ctx, j, w); had {
		if out != nil && regionName.MatchString(aws.ToString(out.BucketRegion)) {
			region = *out.BucketRegion
		}
		p.c = p.client(region)
		return
	}
	j.plan(w)
	for {
		p.c = p.client(region)
		out, s, err := ask(ctx, j, p.c.HeadBucket, &s3.HeadBucketInput{Bucket: &p.bucket})
		if err == nil {
			j.putJSON(ctx, w, s, out)
			return
		}
		if there := regionOf(err); there != "" && there != region && region == j.Target.Region {
			region = there
			continue
		}
		j.permit(w, s, err, "s3:ListBucket on "+p.arn())
		return
	}
}

// regionOf is where S3 says that a bucket is, beside a refusal.
func regionOf(err error) string {
	if e, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && e.Response != nil {
		if there := e.Response.Header.Get("X-Amz-Bucket-Region"); regionName.MatchString(there) {
			return there
		}
	}
	return ""
}

// permit records a refusal, and where it is a denial the permission that is missing.
func (j *Job) permit(w want, s stamp, err error, permission string) {
	if state, _ := classify(err); permission != "" && state == evidence.Denied {
		w.note = strings.TrimPrefix(w.note+"; needs "+permission, "; ")
	}
	j.refused(w, s, err)
}

var organization = regexp.MustCompile(`^o-[a-z0-9]{10,32}/$`) // Organizations API reference, Organization.Id

// roots are where this account's files lie: by account, and by organization and account for
// an organization's trail. Which organization is seen in the bucket itself.
func (p *trailPlace) roots(ctx context.Context) []string {
	base := p.prefix + "AWSLogs/"
	out := []string{base + p.j.Target.Account + "/"}
	if !p.organized { // its policy may let nobody list more than the account's own files
		return out
	}
	found, _ := gathered[s3.ListObjectsV2Input, s3.ListObjectsV2Output, s3.Options, s3types.CommonPrefix]{
		pager:  p.pager(&s3.ListObjectsV2Input{Bucket: &p.bucket, Prefix: aws.String(base + "o-"), Delimiter: aws.String("/")}, ""),
		member: "CommonPrefixes", items: func(o *s3.ListObjectsV2Output) []s3types.CommonPrefix { return o.CommonPrefixes },
		none: "no organization's trail delivers here", most: 100, permission: "s3:ListBucket on " + p.arn(),
	}.get(ctx, p.j, p.want(base+"o-", ""))
	for _, c := range found {
		if at := aws.ToString(c.Prefix); organization.MatchString(strings.TrimPrefix(at, base)) {
			out = append(out, at+p.j.Target.Account+"/")
		}
	}
	return out
}

func (p *trailPlace) want(prefix, region string) want {
	w := p.j.of("cloudtrail.objects", p.arn(), prefix, region, listCall)
	w.params = map[string]string{"Bucket": p.bucket, "Prefix": prefix}
	w.name = "cloudtrail.objects." + p.bucket + "." + strings.ReplaceAll(strings.Trim(prefix, "/"), "/", ".") + ".json"
	return w
}

// pager lists until a key is not before stop: keys come in order, and days with them.
func (p *trailPlace) pager(in *s3.ListObjectsV2Input, stop string) pager[s3.ListObjectsV2Input, s3.ListObjectsV2Output, s3.Options] {
	return pager[s3.ListObjectsV2Input, s3.ListObjectsV2Output, s3.Options]{
		call: p.c.ListObjectsV2, in: in,
		next: func(in *s3.ListObjectsV2Input, out *s3.ListObjectsV2Output) string {
			in.ContinuationToken, in.StartAfter = out.NextContinuationToken, nil
			if n := len(out.Contents); stop != "" && n > 0 && aws.ToString(out.Contents[n-1].Key) >= stop {
				return ""
			}
			return aws.ToString(in.ContinuationToken)
		},
	}
}

// listing gives the objects of the window's days under one prefix.
func (p *trailPlace) listing(ctx context.Context, prefix, region string) []s3types.Object {
	r := p.j.run
	last := r.until.Add(lateDelivery)
	stop := prefix + last.Add(day).Format("2006/01/02")
	w := p.want(prefix, region)
	w.params["from"], w.params["to"] = r.since.Format(time.DateOnly), last.Format(time.DateOnly)
	w.note = "by day of delivery: events of a file are minutes older, rarely hours"
	found, _ := gathered[s3.ListObjectsV2Input, s3.ListObjectsV2Output, s3.Options, s3types.Object]{
		pager: p.pager(&s3.ListObjectsV2Input{Bucket: &p.bucket, Prefix: &prefix, StartAfter: aws.String(prefix + r.since.Format("2006/01/02"))}, stop), member: "Contents",
		items: func(o *s3.ListObjectsV2Output) []s3types.Object {
			return slices.DeleteFunc(slices.Clone(o.Contents), func(x s3types.Object) bool {
				return aws.ToString(x.Key) >= stop || strings.HasSuffix(aws.ToString(x.Key), "/")
			})
		},
		none: fmt.Sprintf("no objects of %s to %s", w.params["from"], w.params["to"]), most: maxTrailObjects, permission: "s3:ListBucket on " + p.arn(),
	}.get(ctx, p.j, w)
	return found
}
