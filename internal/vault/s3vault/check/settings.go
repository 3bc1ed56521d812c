package check

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// defaultDays is the retention that Fix proposes: short and in governance mode, because
// compliance cannot be taken back and is the user's explicit choice.
const defaultDays = 90

func versioning(ctx context.Context, p *probe) verdict {
	out, err := p.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: p.bucket(), ExpectedBucketOwner: p.owner()})
	if err != nil {
		return p.unknown("S3:GetBucketVersioning", err)
	}
	if out.Status == types.BucketVersioningStatusEnabled {
		return pass("Enabled")
	}
	got := "never enabled"
	if out.Status != "" {
		got = shown(string(out.Status))
	}
	return verdict{Fail, got, p.s3api("put-bucket-versioning", "--versioning-configuration", "Status=Enabled")}
}

// lockConfig is nil where Object Lock is off.
func (p *probe) lockConfig(ctx context.Context) (*types.ObjectLockConfiguration, error) {
	return p.lock.of(func() (*types.ObjectLockConfiguration, error) {
		out, err := p.s3.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: p.bucket(), ExpectedBucketOwner: p.owner()})
		switch {
		case isCode(err, "ObjectLockConfigurationNotFoundError"):
			return nil, nil
		case err != nil:
			return nil, err
		case out.ObjectLockConfiguration == nil || out.ObjectLockConfiguration.ObjectLockEnabled != types.ObjectLockEnabledEnabled:
			return nil, nil
		}
		return out.ObjectLockConfiguration, nil
	})
}

func objectLock(ctx context.Context, p *probe) verdict {
	conf, err := p.lockConfig(ctx)
	switch {
	case err != nil:
		return p.unknown("S3:GetObjectLockConfiguration", err)
	case conf == nil:
		return verdict{Fail, "Object Lock is off", p.lockFix()}
	}
	return pass("Enabled")
}

func retention(ctx context.Context, p *probe) verdict {
	conf, err := p.lockConfig(ctx)
	if err != nil {
		return p.unknown("S3:GetObjectLockConfiguration", err)
	}
	d := defaultRetention(conf)
	if d == nil {
		return verdict{Fail, "no default retention: an object written without a date of its own can be deleted at once", p.lockFix()}
	}
	got := fmt.Sprintf("%s, %d days", d.Mode, aws.ToInt32(d.Days))
	if aws.ToInt32(d.Years) > 0 {
		got = fmt.Sprintf("%s, %d years", d.Mode, aws.ToInt32(d.Years))
	}
	if d.Mode == types.ObjectLockRetentionModeGovernance {
		got += " (s3:BypassGovernanceRetention lifts it)"
	}
	return pass("%s", got)
}

// defaultRetention is nil where there is none that would lock anything.
func defaultRetention(conf *types.ObjectLockConfiguration) *types.DefaultRetention {
	if conf == nil || conf.Rule == nil || conf.Rule.DefaultRetention == nil {
		return nil
	}
	d := conf.Rule.DefaultRetention
	known := d.Mode == types.ObjectLockRetentionModeGovernance || d.Mode == types.ObjectLockRetentionModeCompliance
	if !known || aws.ToInt32(d.Days) <= 0 && aws.ToInt32(d.Years) <= 0 {
		return nil
	}
	return d
}

func (p *probe) lockFix() string {
	return p.s3api("put-object-lock-configuration", "--object-lock-configuration",
		fmt.Sprintf(`{"ObjectLockEnabled":"Enabled","Rule":{"DefaultRetention":{"Mode":"GOVERNANCE","Days":%d}}}`, defaultDays))
}

func ownership(ctx context.Context, p *probe) verdict {
	out, err := p.s3.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: p.bucket(), ExpectedBucketOwner: p.owner()})
	fix := p.s3api("put-bucket-ownership-controls", "--ownership-controls", `{"Rules":[{"ObjectOwnership":"BucketOwnerEnforced"}]}`)
	switch {
	case isCode(err, "OwnershipControlsNotFoundError", "NoSuchOwnershipControls"):
		return verdict{Fail, "no ownership controls: who writes an object owns it", fix}
	case err != nil:
		return p.unknown("S3:GetBucketOwnershipControls", err)
	case out.OwnershipControls == nil || len(out.OwnershipControls.Rules) == 0:
		return verdict{Fail, "no ownership controls: who writes an object owns it", fix}
	}
	for _, r := range out.OwnershipControls.Rules {
		if r.ObjectOwnership != types.ObjectOwnershipBucketOwnerEnforced {
			return verdict{Fail, shown(string(r.ObjectOwnership)), fix}
		}
	}
	return pass("BucketOwnerEnforced")
}

func publicAccess(ctx context.Context, p *probe) verdict {
	out, err := p.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: p.bucket(), ExpectedBucketOwner: p.owner()})
	fix := p.s3api("put-public-access-block", "--public-access-block-configuration",
		"BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true")
	if isCode(err, "NoSuchPublicAccessBlockConfiguration") {
		return verdict{Fail, "no public access block", fix}
	}
	if err != nil {
		return p.unknown("S3:GetPublicAccessBlock", err)
	}
	b := out.PublicAccessBlockConfiguration
	if b == nil {
		return verdict{Fail, "no public access block", fix}
	}
	var open []string
	for _, s := range []struct {
		name string
		on   *bool
	}{{"BlockPublicAcls", b.BlockPublicAcls}, {"IgnorePublicAcls", b.IgnorePublicAcls}, {"BlockPublicPolicy", b.BlockPublicPolicy}, {"RestrictPublicBuckets", b.RestrictPublicBuckets}} {
		if !aws.ToBool(s.on) {
			open = append(open, s.name)
		}
	}
	if len(open) > 0 {
		return verdict{Fail, "off: " + strings.Join(open, ", "), fix}
	}
	return pass("all four are on")
}
