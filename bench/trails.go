package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// Trails of the account that NewTrails makes: both record all regions and validate their
// files, in one bucket, the second under a prefix.
const (
	Trail       = "audit"
	OtherTrail  = "second"
	OtherPrefix = "other"
)

// hours is a clock that is set back, and goes on in steps until it shows the wall clock's time.
type hours struct {
	mu   sync.Mutex
	back time.Duration
}

// Now is the simulated time.
func (h *hours) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(-h.back)
}

func (h *hours) forward(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.back = max(0, h.back-d)
}

// NewTrails makes an account whose trails delivered every hour for n hours, up to now: log
// files of two regions, and digests of each hour.
func NewTrails(ctx context.Context, c awssim.Config, n int) (*Account, error) {
	clock := &hours{back: time.Duration(n) * time.Hour}
	c.Clock = clock
	a := emptyAccount(c)
	if err := a.startTrails(ctx); err != nil {
		return nil, fmt.Errorf("making trails: %w", err)
	}
	if err := a.plainFunction(ctx); err != nil {
		return nil, fmt.Errorf("making a function: %w", err)
	}
	for range n {
		// In every hour somebody looks around, in both regions, in two log files.
		for range 2 {
			if _, err := cloudtrail.NewFromConfig(a.cfg).DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{}); err != nil {
				return nil, err
			}
			if _, err := iam.NewFromConfig(a.cfg).ListRoles(ctx, &iam.ListRolesInput{}); err != nil {
				return nil, err
			}
			clock.forward(20 * time.Minute)
		}
		clock.forward(20 * time.Minute)
		if err := a.Cloud.DeliverTrails(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *Account) startTrails(ctx context.Context) error {
	store := s3.NewFromConfig(a.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := store.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(TrailBucket), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: Region}}); err != nil {
		return err
	}
	if _, err := iam.NewFromConfig(a.cfg).ListRoles(ctx, &iam.ListRolesInput{}); err != nil { // the second region has records from the start
		return err
	}
	trails := cloudtrail.NewFromConfig(a.cfg)
	for _, t := range []struct{ name, prefix string }{{Trail, ""}, {OtherTrail, OtherPrefix}} {
		in := &cloudtrail.CreateTrailInput{Name: aws.String(t.name), S3BucketName: aws.String(TrailBucket), IsMultiRegionTrail: aws.Bool(true), EnableLogFileValidation: aws.Bool(true)}
		if t.prefix != "" {
			in.S3KeyPrefix = aws.String(t.prefix)
		}
		if _, err := trails.CreateTrail(ctx, in); err != nil {
			return err
		}
		if _, err := trails.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: aws.String(t.name)}); err != nil {
			return err
		}
	}
	return nil
}

// plainFunction is one that has nothing but its code: somebody to collect of.
func (a *Account) plainFunction(ctx context.Context) error {
	role, err := iam.NewFromConfig(a.cfg).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("plain"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	if err != nil {
		return err
	}
	_, err = lambda.NewFromConfig(a.cfg).CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String(Function), Role: role.Role.Arn, Runtime: lambdatypes.RuntimePython312,
		Handler: aws.String("app.handler"), Code: &lambdatypes.FunctionCode{ZipFile: Pack("plain", 1<<10)}})
	return err
}
