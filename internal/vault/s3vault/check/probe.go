package check

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// probe is one run: the bucket as it is known so far. Not safe for concurrent use.
type probe struct {
	in     Inputs
	s3     *s3.Client
	region string // the bucket's
	prefix string // of keys: "" or ends with '/'

	head     error // of HeadBucket without an owner
	foreign  bool  // the bucket is known to be another account's than Owner
	confirms bool  // the bucket is known to be Owner's
	ignores  memo[bool]

	lock     memo[*types.ObjectLockConfiguration]
	policy   memo[iampolicy.Document]
	sse      memo[*types.ServerSideEncryptionByDefault]
	canary   canary
	refused  error // by the guard: a call that nobody declared
	endpoint string
}

// memo keeps the answer to a call that more than one check needs.
type memo[T any] struct {
	asked bool
	got   T
	err   error
}

func (m *memo[T]) of(ask func() (T, error)) (T, error) {
	if !m.asked {
		m.got, m.err = ask()
		m.asked = true
	}
	return m.got, m.err
}

// newProbe finds the bucket and its region. That HeadBucket is denied is no error here.
func newProbe(ctx context.Context, in Inputs) (*probe, error) {
	cfg := in.Config("")
	p := &probe{in: in, region: cfg.Region, endpoint: aws.ToString(cfg.BaseEndpoint), prefix: keyPrefix(in.Prefix)}
	p.s3 = p.client(cfg)
	out, err := p.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &in.Bucket})
	region := regionOf(err)
	if err == nil {
		region = aws.ToString(out.BucketRegion)
	}
	if region != "" && region != p.region {
		// Everything else has to be asked where the bucket is.
		p.region = region
		p.s3 = p.client(in.Config(region))
		_, err = p.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &in.Bucket})
	}
	if statusOf(err) == http.StatusNotFound {
		return nil, fmt.Errorf("%w: no such bucket: %w", vault.ErrGone, err)
	}
	p.head = err
	return p, nil
}

func (p *probe) client(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		// As package s3vault: a name with dots breaks TLS, and an emulator knows no other names than its own.
		o.UsePathStyle = cfg.BaseEndpoint != nil || strings.Contains(p.in.Bucket, ".")
	})
}

func (p *probe) trails(region string) *cloudtrail.Client {
	return cloudtrail.NewFromConfig(p.in.Config(region))
}

func (p *probe) kms(region string) *kms.Client { return kms.NewFromConfig(p.in.Config(region)) }

// bucket and owner are what every call names.
func (p *probe) bucket() *string { return &p.in.Bucket }

func (p *probe) owner() *string {
	if p.in.Owner == "" {
		return nil
	}
	return &p.in.Owner
}

// partition is the first part of ARNs in the bucket's region.
func (p *probe) partition() string {
	switch {
	case strings.HasPrefix(p.region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(p.region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(p.region, "eusc-"):
		return "aws-eusc"
	}
	return "aws"
}

func (p *probe) bucketARN() string { return "arn:" + p.partition() + ":s3:::" + p.in.Bucket }

// objectsARN is the pattern of all objects under the prefix.
func (p *probe) objectsARN() string { return p.bucketARN() + "/" + p.prefix + "*" }

// regionOf is where a refused request says that the bucket is.
func regionOf(err error) string {
	if re, ok := asResponse(err); ok && re.Response != nil {
		return re.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}

func statusOf(err error) int {
	if re, ok := asResponse(err); ok {
		return re.HTTPStatusCode()
	}
	return 0
}

func asResponse(err error) (*smithyhttp.ResponseError, bool) {
	return asType[*smithyhttp.ResponseError](err)
}
