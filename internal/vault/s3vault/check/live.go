package check

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/oklog/ulid/v2"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// canaryName is what the live probe's objects start with, behind the prefix.
const canaryName = "freezeframe-canary-"

// keyPrefix is a prefix as keys start with it.
func keyPrefix(prefix string) string {
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return prefix
}

// canary is the object of the live probe.
type canary struct {
	key, version string
	body         []byte
	written      bool // S3 said so
	perhaps      bool // no answer: it may be there
	deleted      bool // its version could be deleted, and is gone
	head         memo[*s3.HeadObjectOutput]
}

// left is what stays behind.
func (c canary) left() (key, version string) {
	if c.deleted || !c.written && !c.perhaps {
		return "", ""
	}
	return c.key, c.version
}

func (p *probe) put(ctx context.Context) (*s3.PutObjectOutput, error) {
	sum := sha256.Sum256(p.canary.body)
	return p.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: p.bucket(), Key: &p.canary.key, ExpectedBucketOwner: p.owner(),
		Body: bytes.NewReader(p.canary.body), ContentLength: aws.Int64(int64(len(p.canary.body))), ContentType: aws.String("text/plain"),
		IfNoneMatch: aws.String("*"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	})
}

// liveCreate writes as the vault does: create-only, its SHA-256 checked by S3, locked by
// the bucket's default alone.
func liveCreate(ctx context.Context, p *probe) verdict {
	now := p.in.Now().UTC()
	id, err := ulid.New(ulid.Timestamp(now), p.in.Rand)
	if err != nil {
		return verdict{Unknown, "no random name for the canary: " + shown(err.Error()), p.ask("S3", "PutObject")}
	}
	c := &p.canary
	c.key = p.prefix + canaryName + id.String()
	c.body = fmt.Appendf(nil, "written by freezeframe vault check at %s to see what this bucket does; no evidence\n", now.Format(time.RFC3339))
	out, err := p.put(ctx)
	if err != nil {
		refusal := statusOf(err) >= 400 && statusOf(err) < 500
		c.perhaps = !refusal && !awsapi.IsRefused(err) // the answer may have been lost on the way
		if denied(err) || unimplemented(err) || !refusal {
			return p.unknown("S3:PutObject", err)
		}
		return verdict{Fail, reason(err), p.ask("S3", "PutObject")}
	}
	c.written, c.version = true, aws.ToString(out.VersionId)
	return pass("s3://%s/%s", p.in.Bucket, c.key)
}

// unwritten is the verdict over what cannot be tried.
func (p *probe) unwritten() (verdict, bool) {
	if p.canary.written {
		return verdict{}, false
	}
	return verdict{Unknown, "not tried: the canary was not written", p.ask("S3", "PutObject")}, true
}

func liveOnce(ctx context.Context, p *probe) verdict {
	if v, no := p.unwritten(); no {
		return v
	}
	_, err := p.put(ctx)
	switch {
	case err == nil:
		return verdict{Fail, "written again: the server takes no notice of If-None-Match", p.ask("S3", "PutObject")}
	case isCode(err, "PreconditionFailed"):
		return pass("refused (PreconditionFailed)")
	}
	return p.unknown("S3:PutObject", err)
}

func (p *probe) headCanary(ctx context.Context) (*s3.HeadObjectOutput, error) {
	return p.canary.head.of(func() (*s3.HeadObjectOutput, error) {
		in := &s3.HeadObjectInput{Bucket: p.bucket(), Key: &p.canary.key, ChecksumMode: types.ChecksumModeEnabled, ExpectedBucketOwner: p.owner()}
		if p.canary.version != "" {
			in.VersionId = &p.canary.version
		}
		return p.s3.HeadObject(ctx, in)
	})
}

func (p *probe) showCanary() string {
	args := []string{"--key", p.canary.key, "--checksum-mode", "ENABLED"}
	if p.canary.version != "" {
		args = append(args, "--version-id", p.canary.version)
	}
	return p.s3api("head-object", args...)
}

func liveChecksum(ctx context.Context, p *probe) verdict {
	if v, no := p.unwritten(); no {
		return v
	}
	out, err := p.headCanary(ctx)
	if err != nil {
		return p.unknown("S3:HeadObject", err)
	}
	sum := sha256.Sum256(p.canary.body)
	want := base64.StdEncoding.EncodeToString(sum[:])
	switch got := aws.ToString(out.ChecksumSHA256); got {
	case want:
		return pass("%s", want)
	case "":
		return verdict{Fail, "the server keeps no SHA-256", p.showCanary()}
	default:
		return verdict{Fail, "another SHA-256: " + shown(got), p.showCanary()}
	}
}

func liveLock(ctx context.Context, p *probe) verdict {
	if v, no := p.unwritten(); no {
		return v
	}
	out, err := p.headCanary(ctx)
	if err != nil {
		return p.unknown("S3:HeadObject", err)
	}
	until := aws.ToTime(out.ObjectLockRetainUntilDate)
	switch {
	case out.ObjectLockMode != "" && until.After(p.in.Now()):
		return pass("%s until %s", shown(string(out.ObjectLockMode)), until.UTC().Format(time.RFC3339))
	case out.ObjectLockMode != "":
		return verdict{Fail, shown(string(out.ObjectLockMode)) + ", but not beyond now", p.lockFix()}
	}
	// S3 leaves the lock out of the answer for whom it does not allow s3:GetObjectRetention.
	conf, err := p.lockConfig(ctx)
	if err == nil && defaultRetention(conf) == nil {
		return verdict{Fail, "not locked", p.lockFix()}
	}
	return verdict{Unknown, "no lock is shown: there is none, or s3:GetObjectRetention is not allowed", p.allow()}
}

// liveDelete tries the very version. Without a version id a deletion would be final in a
// bucket without versioning and prove nothing in another, so it is never sent.
func liveDelete(ctx context.Context, p *probe) verdict {
	if v, no := p.unwritten(); no {
		return v
	}
	if p.canary.version == "" {
		return verdict{Fail, "not tried: the bucket gave no version, so anyone who may write or delete can take an object's place", p.s3api("put-bucket-versioning", "--versioning-configuration", "Status=Enabled")}
	}
	_, err := p.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: p.bucket(), Key: &p.canary.key, VersionId: &p.canary.version, ExpectedBucketOwner: p.owner()})
	switch {
	case err == nil:
		p.canary.deleted = true
		return verdict{Fail, "deleted: whoever has these credentials can delete evidence", p.lockFix()}
	case isCode(err, "AccessDenied"):
		// By the lock, the bucket policy, or for want of permission: S3 says which in words only.
		return pass("refused (%s)", reason(err))
	}
	v := p.unknown("S3:DeleteObject", err)
	return verdict{v.result, "neither deleted nor denied: " + v.got, p.showCanary()}
}
