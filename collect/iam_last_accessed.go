package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

const (
	maxAccessed    = 10_000          // services of a report; AWS has some three hundred
	reportPatience = 3 * time.Minute // IAM is usually done within seconds
	reportSlowest  = 10 * time.Second
)

var errReportSlow = errors.New("IAM had not made the report after three minutes")

// lastAccessed asks IAM what the role was used for: services that the function's own code
// never turns to are what somebody else did with its keys. IAM makes the report in a job,
// which changes nothing in the account.
func lastAccessed() Collector {
	return Collector{
		Name: "iam.last-accessed", About: "services and actions that the execution role was last used for, of all that its policies open",
		Needs: []awsapi.Need{
			need("IAM:GenerateServiceLastAccessedDetails", "iam:GenerateServiceLastAccessedDetails", "role ARN"),
			need("IAM:GetServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails", "*"),
		},
		Collect: collectLastAccessed,
	}
}

func collectLastAccessed(ctx context.Context, j *Job) {
	arn := j.roleOf(ctx)
	if arn == "" {
		if ctx.Err() == nil {
			j.skip(j.want("iam.last-accessed", "", "IAM:GenerateServiceLastAccessedDetails"), "role unknown: lambda.configuration $LATEST could not be had")
		}
		return
	}
	w := j.of("iam.last-accessed", arn, "", "", "IAM:GenerateServiceLastAccessedDetails")
	if !j.run.claim("last accessed " + arn) {
		j.planned.Store(true) // another target of this run has the same role
		return
	}
	if j.have(w) {
		return
	}
	j.plan(w)
	w.params = map[string]string{"Arn": arn, "Granularity": string(iamtypes.AccessAdvisorUsageGranularityTypeActionLevel)}
	c := iam.NewFromConfig(j.config(j.Target.Region))
	job, s, err := ask(ctx, j, c.GenerateServiceLastAccessedDetails, &iam.GenerateServiceLastAccessedDetailsInput{Arn: &arn, Granularity: iamtypes.AccessAdvisorUsageGranularityTypeActionLevel})
	if err != nil {
		j.refused(w, s, err)
		return
	}
	w.call = "IAM:GetServiceLastAccessedDetails"
	in := &iam.GetServiceLastAccessedDetailsInput{JobId: job.JobId}
	first, s, err := j.report(ctx, c, in)
	if err != nil {
		j.refused(w, s, err)
		return
	}
	j.putReport(ctx, c, w, s, in, first)
}

// report waits until IAM has made the report: longer from time to time.
func (j *Job) report(ctx context.Context, c *iam.Client, in *iam.GetServiceLastAccessedDetailsInput) (*iam.GetServiceLastAccessedDetailsOutput, stamp, error) {
	for pause, waited := time.Second, time.Duration(0); ; pause = min(2*pause, reportSlowest) {
		out, s, err := ask(ctx, j, c.GetServiceLastAccessedDetails, in)
		switch {
		case err != nil:
			return nil, s, err
		case out.JobStatus == iamtypes.JobStatusTypeCompleted:
			return out, s, nil
		case out.JobStatus == iamtypes.JobStatusTypeFailed && out.Error != nil:
			return nil, s, fmt.Errorf("IAM could not make the report: %s: %s", aws.ToString(out.Error.Code), aws.ToString(out.Error.Message))
		case out.JobStatus != iamtypes.JobStatusTypeInProgress:
			return nil, s, fmt.Errorf("IAM could not make the report: its job is %q", out.JobStatus)
		case waited >= reportPatience:
			return nil, s, errReportSlow
		}
		if err := j.run.pacer.sleep(ctx, pause); err != nil {
			return nil, s, err
		}
		waited += pause
	}
}

// putReport stores the report with all its pages.
func (j *Job) putReport(ctx context.Context, c *iam.Client, w want, s stamp, in *iam.GetServiceLastAccessedDetailsInput, first *iam.GetServiceLastAccessedDetailsOutput) {
	whole := *first
	whole.ServicesLastAccessed, whole.Marker, whole.IsTruncated = []iamtypes.ServiceLastAccessed{}, nil, false
	cut := pager[iam.GetServiceLastAccessedDetailsInput, iam.GetServiceLastAccessedDetailsOutput, iam.Options]{
		call: c.GetServiceLastAccessedDetails, in: in,
		next: func(in *iam.GetServiceLastAccessedDetailsInput, out *iam.GetServiceLastAccessedDetailsOutput) string {
			in.Marker = marker(out.IsTruncated, out.Marker)
			return aws.ToString(in.Marker)
		},
	}.each(ctx, j, first, func(o *iam.GetServiceLastAccessedDetailsOutput) error {
		if len(whole.ServicesLastAccessed)+len(o.ServicesLastAccessed) > maxAccessed {
			return tooMany(maxAccessed)
		}
		whole.ServicesLastAccessed = append(whole.ServicesLastAccessed, o.ServicesLastAccessed...)
		return nil
	})
	if cut == nil {
		j.putJSON(ctx, w, s, whole)
		return
	}
	doc, err := j.run.enc.document(whole)
	if err == nil {
		err = j.put(ctx, w, s, func(out io.Writer) error {
			if _, err := out.Write(doc); err != nil {
				return err
			}
			return truncated(cut)
		})
	}
	if err != nil {
		j.refused(w, s, err)
	}
}
