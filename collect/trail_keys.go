package collect

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

const maxPublicKeys = 1000 // of a region: CloudTrail changes its key every few weeks

// keys asks for the public keys of every region of which digests were listed: with them in
// the case, digests can be validated later, without the account. CloudTrail has keys of its
// own in each region.
func (f *trailFetch) keys(ctx context.Context) {
	var regions []string
	for _, o := range f.objects {
		if o.kind == "cloudtrail.digest" && !slices.Contains(regions, o.region) {
			regions = append(regions, o.region)
		}
	}
	each(regions, callsAtOnce, func(region string) { f.j.publicKeys(ctx, region) })
}

func (j *Job) publicKeys(ctx context.Context, region string) {
	// From the first day that is listed, up to now: backfill digests are signed when they are
	// made, which can be long after the hour that they are about.
	from, to := j.run.since.UTC().Truncate(day), j.now().UTC()
	w := j.of("cloudtrail.keys", "", "", region, keysCall)
	w.params = map[string]string{"StartTime": from.Format(time.RFC3339), "EndTime": to.Format(time.RFC3339)}
	w.name = "cloudtrail." + region + ".keys.json"
	c := cloudtrail.NewFromConfig(j.config(region))
	gathered[cloudtrail.ListPublicKeysInput, cloudtrail.ListPublicKeysOutput, cloudtrail.Options, types.PublicKey]{
		pager: pager[cloudtrail.ListPublicKeysInput, cloudtrail.ListPublicKeysOutput, cloudtrail.Options]{
			call: c.ListPublicKeys, in: &cloudtrail.ListPublicKeysInput{StartTime: &from, EndTime: &to},
			next: func(in *cloudtrail.ListPublicKeysInput, out *cloudtrail.ListPublicKeysOutput) string {
				in.NextToken = out.NextToken
				return aws.ToString(in.NextToken)
			},
		},
		member: "PublicKeyList", items: func(o *cloudtrail.ListPublicKeysOutput) []types.PublicKey { return o.PublicKeyList },
		none: "no public keys of this time", most: maxPublicKeys,
	}.get(ctx, j, w)
}
