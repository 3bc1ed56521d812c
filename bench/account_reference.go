package bench

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ReferenceFunction is a function of the account whose code stays in buckets.
const (
	ReferenceFunction = "invoices"
	ReferenceBucket   = "artifacts" // without versions
)

// addReferences makes a function whose first version is one version of an object, and whose
// second is whatever lies under a key; its layer is kept the same way.
func (a *Account) addReferences(ctx context.Context) error {
	objects, fn := s3.NewFromConfig(a.cfg, func(o *s3.Options) { o.UsePathStyle = true }), lambda.NewFromConfig(a.cfg)
	const kept = "artifacts-kept"
	for _, bucket := range []string{ReferenceBucket, kept} {
		if _, err := objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: Region}}); err != nil {
			return err
		}
	}
	if _, err := objects.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: aws.String(kept), VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}); err != nil {
		return err
	}
	put := func(bucket, key, seed string) (*string, error) {
		out, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(Pack(seed, 8<<10))})
		if err != nil {
			return nil, err
		}
		return out.VersionId, nil
	}
	first, err := put(kept, "invoices.zip", "invoices 1")
	if err != nil {
		return err
	}
	for bucket, object := range map[string][2]string{kept: {"invoices.zip", "newer, and never deployed"}, ReferenceBucket: {"invoices/two.zip", "invoices 2"}} {
		if _, err := put(bucket, object[0], object[1]); err != nil {
			return err
		}
	}
	if _, err := put(ReferenceBucket, "layer.zip", "invoices layer"); err != nil {
		return err
	}
	layer, err := fn.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("invoicing"), Content: &lambdatypes.LayerVersionContentInput{
		S3Bucket: aws.String(ReferenceBucket), S3Key: aws.String("layer.zip"), S3ObjectStorageMode: lambdatypes.S3ObjectStorageModeReference}})
	if err != nil {
		return err
	}
	if _, err := fn.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String(ReferenceFunction), Role: &a.role, Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"),
		Layers: []string{aws.ToString(layer.LayerVersionArn)}, Publish: true,
		Code: &lambdatypes.FunctionCode{S3Bucket: aws.String(kept), S3Key: aws.String("invoices.zip"), S3ObjectVersion: first, S3ObjectStorageMode: lambdatypes.S3ObjectStorageModeReference}}); err != nil {
		return err
	}
	_, err = fn.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String(ReferenceFunction), Publish: true,
		S3Bucket: aws.String(ReferenceBucket), S3Key: aws.String("invoices/two.zip"), S3ObjectStorageMode: lambdatypes.S3ObjectStorageModeReference})
	return err
}
