package collect

import (
	"context"
	"io"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

const objectCall = "S3:GetObject"

// needObject is the read of a package that lies in somebody's bucket.
func needObject() awsapi.Need {
	return awsapi.Need{Call: objectCall, When: "packages kept by reference in a bucket", IAM: []awsapi.Grant{
		{Action: "s3:GetObject", Resource: "object ARN"}, {Action: "s3:GetObjectVersion", Resource: "object ARN"},
	}}
}

// bucketName is what may stand as a bucket in a request: no ARN, which would lead elsewhere.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// s3Reference fetches a package that Lambda does not hold itself (S3ObjectStorageMode
// REFERENCE): it is whatever lies in the bucket, so its hash says whether it is still the one
// that was deployed.
func (j *Job) s3Reference(ctx context.Context, w want, o *lambdatypes.ResolvedS3Object, p pack) {
	w.call = objectCall
	if !bucketName.MatchString(aws.ToString(o.S3Bucket)) {
		j.gap(w, stamp{}, evidence.NotCovered, "", "the code is kept by reference in what is not the name of a bucket: "+clip(aws.ToString(o.S3Bucket)))
		return
	}
	c := s3.NewFromConfig(j.config(j.Target.Region), func(o *s3.Options) { o.UsePathStyle = j.run.in.Endpoint != "" })
	p.params = map[string]string{"Bucket": *o.S3Bucket, "Key": aws.ToString(o.S3Key)}
	if o.S3ObjectVersion != nil {
		p.params["VersionId"] = *o.S3ObjectVersion
	}
	p.open = func(ctx context.Context) (io.ReadCloser, error) {
		out, _, err := ask(ctx, j, c.GetObject, &s3.GetObjectInput{Bucket: o.S3Bucket, Key: o.S3Key, VersionId: o.S3ObjectVersion})
		if err != nil {
			return nil, err
		}
		return out.Body, nil
	}
	j.download(ctx, w, p)
}
