package check

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// lifecycle compares with the default retention. Rules that only abort uploads, move
// objects to another class or remove lone delete markers expire nothing.
func lifecycle(ctx context.Context, p *probe) verdict {
	out, err := p.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: p.bucket(), ExpectedBucketOwner: p.owner()})
	if isCode(err, "NoSuchLifecycleConfiguration") {
		return pass("no lifecycle rules")
	}
	if err != nil {
		return p.unknown("S3:GetBucketLifecycleConfiguration", err)
	}
	var expiring []types.LifecycleRule
	for _, r := range out.Rules {
		if r.Status == types.ExpirationStatusEnabled && p.overlaps(lifecyclePrefix(r)) && expires(r) {
			expiring = append(expiring, r)
		}
	}
	if len(expiring) == 0 {
		return pass("no rule expires what is under the prefix")
	}
	conf, err := p.lockConfig(ctx)
	if err != nil {
		return p.unknown("S3:GetObjectLockConfiguration", err)
	}
	kept := keptDays(defaultRetention(conf), p.in.Now())
	if kept == 0 {
		return verdict{Unknown, "rules expire objects, and there is no default retention to compare with: " + shown(ruleNames(expiring)), p.lockFix()}
	}
	early := slices.DeleteFunc(slices.Clone(expiring), func(r types.LifecycleRule) bool { return firstDay(r) >= kept })
	if len(early) > 0 {
		return verdict{Fail, fmt.Sprintf("sooner than the retention of %d days: %s", kept, shown(ruleNames(early))), p.lifecycleFix(out.Rules, early)}
	}
	return pass("rules expire objects, none before the %d days of retention", kept)
}

// overlaps: some key can start with both.
func (p *probe) overlaps(prefix string) bool {
	return strings.HasPrefix(p.prefix, prefix) || strings.HasPrefix(prefix, p.prefix)
}

// lifecyclePrefix is what a rule's keys start with. Its conditions on tags and sizes are
// passed over: evidence comes in all sizes, and who may tag an object could have it expire.
func lifecyclePrefix(r types.LifecycleRule) string {
	if f := r.Filter; f != nil {
		if f.And != nil {
			return aws.ToString(f.And.Prefix)
		}
		return aws.ToString(f.Prefix)
	}
	//lint:ignore SA1019 rules that were written before filters still have it
	return aws.ToString(r.Prefix)
}

func expires(r types.LifecycleRule) bool {
	e := r.Expiration
	return e != nil && (e.Days != nil || e.Date != nil) || r.NoncurrentVersionExpiration != nil
}

// firstDay is the least age in days at which the rule takes an object. On a date it
// takes what was written the day before too.
func firstDay(r types.LifecycleRule) int {
	first := math.MaxInt
	if e := r.Expiration; e != nil {
		if e.Days != nil {
			first = int(*e.Days)
		}
		if e.Date != nil {
			first = 0
		}
	}
	if n := r.NoncurrentVersionExpiration; n != nil {
		first = min(first, int(aws.ToInt32(n.NoncurrentDays)))
	}
	return first
}

// keptDays is a retention in days, 0 if there is none. A year ends on the same date of
// the next.
func keptDays(d *types.DefaultRetention, now time.Time) int {
	if d == nil {
		return 0
	}
	if years := aws.ToInt32(d.Years); years > 0 { // some servers say 0 beside the days
		now = now.UTC()
		return int(now.AddDate(int(years), 0, 0).Sub(now).Hours()+23) / 24
	}
	return int(aws.ToInt32(d.Days))
}

func ruleNames(rules []types.LifecycleRule) string {
	var out []string
	for _, r := range rules {
		out = append(out, fmt.Sprintf("%q", aws.ToString(r.ID)))
	}
	return strings.Join(out, ", ")
}

// lifecycleFix writes the rules as they are, those that expire too early disabled.
func (p *probe) lifecycleFix(rules, early []types.LifecycleRule) string {
	fixed := slices.Clone(rules)
	for i, r := range fixed {
		if slices.ContainsFunc(early, func(e types.LifecycleRule) bool { return same(e, r) }) {
			fixed[i].Status = types.ExpirationStatusDisabled
		}
	}
	return p.s3api("put-bucket-lifecycle-configuration", "--lifecycle-configuration", apiJSON(types.BucketLifecycleConfiguration{Rules: fixed}))
}

// same: S3 names every rule, and no two alike; some other servers name none.
func same(a, b types.LifecycleRule) bool { return apiJSON(a) == apiJSON(b) }

func replication(ctx context.Context, p *probe) verdict {
	fix := p.s3api("put-bucket-replication", "--replication-configuration", p.replicationFix())
	out, err := p.s3.GetBucketReplication(ctx, &s3.GetBucketReplicationInput{Bucket: p.bucket(), ExpectedBucketOwner: p.owner()})
	if isCode(err, "ReplicationConfigurationNotFoundError") {
		return verdict{Fail, "no replication", fix}
	}
	if err != nil {
		return p.unknown("S3:GetBucketReplication", err)
	}
	if out.ReplicationConfiguration == nil {
		return verdict{Fail, "no replication", fix}
	}
	for _, r := range out.ReplicationConfiguration.Rules {
		if r.Status == types.ReplicationRuleStatusEnabled && p.replicatesAll(r) {
			to := ""
			if r.Destination != nil {
				to = aws.ToString(r.Destination.Bucket)
			}
			return pass("to %s", shown(to))
		}
	}
	return verdict{Fail, "no enabled rule covers the whole prefix", fix}
}

// replicatesAll: every object under the prefix, whatever its tags.
func (p *probe) replicatesAll(r types.ReplicationRule) bool {
	//lint:ignore SA1019 rules of the first version have no filter
	prefix := aws.ToString(r.Prefix)
	if f := r.Filter; f != nil {
		prefix = aws.ToString(f.Prefix)
		if f.And != nil {
			prefix = aws.ToString(f.And.Prefix)
		}
		if f.Tag != nil || f.And != nil && len(f.And.Tags) > 0 {
			return false
		}
	}
	return strings.HasPrefix(p.prefix, prefix)
}

// replicationFix is a configuration as the API takes it; there is no ready-made one.
func (p *probe) replicationFix() string {
	account := p.in.Owner
	if account == "" {
		account = "ACCOUNT"
	}
	return toJSON(struct {
		Role  string
		Rules []any
	}{"arn:" + p.partition() + ":iam::" + account + ":role/REPLICATION-ROLE", []any{struct {
		ID, Status              string
		Priority                int
		Filter                  struct{ Prefix string }
		DeleteMarkerReplication struct{ Status string }
		Destination             struct{ Bucket string }
	}{"freezeframe", "Enabled", 1, struct{ Prefix string }{p.prefix}, struct{ Status string }{"Disabled"}, struct{ Bucket string }{"arn:" + p.partition() + ":s3:::REPLICA-BUCKET"}}}})
}
