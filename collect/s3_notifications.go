package collect

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const s3Service = "s3.amazonaws.com"

// notifications reads which events the buckets send that the function's policies admit.
// There is no look-up from a function to its buckets: the grants are where they are named.
func notifications() Collector {
	return Collector{
		Name: "s3.notifications", About: "notification configuration of the buckets that may call the function",
		Needs:   []awsapi.Need{need("S3:GetBucketNotificationConfiguration", "s3:GetBucketNotification", "bucket ARN")},
		Collect: collectNotifications,
	}
}

func collectNotifications(ctx context.Context, j *Job) {
	own := j.want("s3.notifications", "", "S3:GetBucketNotificationConfiguration")
	grants := j.facts.grants.get(ctx)
	buckets, open := grants.of(s3Service)
	switch {
	case ctx.Err() != nil:
		return // close records it
	case !grants.known:
		j.skip(own, "buckets beyond those named unknown: lambda.policy, lambda.policy.resource, lambda.aliases or lambda.configuration.versions is not whole")
	case open:
		j.gap(own, stamp{}, evidence.NotCovered, "", "a grant to "+s3Service+" names no bucket: any bucket may be a trigger, and none can be looked up")
	case len(buckets) == 0:
		j.none(own, stamp{}, "no policy admits S3")
	}
	c := s3.NewFromConfig(j.config(j.Target.Region), func(o *s3.Options) { o.UsePathStyle = j.run.in.Endpoint != "" })
	each(buckets, callsAtOnce, func(arn string) {
		w := j.of("s3.notifications", arn, "", "", "S3:GetBucketNotificationConfiguration")
		name := arn[strings.LastIndexByte(arn, ':')+1:]
		switch {
		case strings.ContainsAny(arn, "*?"):
			j.gap(w, stamp{}, evidence.NotCovered, "", "a pattern, not a bucket: which buckets it stands for cannot be looked up")
		case j.run.claim("notifications of " + arn):
			fetch(ctx, j, w, c.GetBucketNotificationConfiguration, &s3.GetBucketNotificationConfigurationInput{Bucket: &name})
		default:
			j.planned.Store(true)
		}
	})
}
