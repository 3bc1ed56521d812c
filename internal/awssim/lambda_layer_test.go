package awssim

import (
	"bytes"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestLayers (texts: LocalStack's snapshots of AWS; a deleted version cannot be read, though
// functions go on running it: Lambda developer guide, "Working with layers").
func TestLayers(t *testing.T) {
	l := newLambdaAccount(t, 0)
	publish := func() *lambda.PublishLayerVersionOutput {
		t.Helper()
		return must(l.lambda.PublishLayerVersion(l.ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("ext"), Content: &lt.LayerVersionContentInput{ZipFile: zipOf(t, "layer")}}))(t)
	}
	one, two := publish(), publish()
	use := func(arns ...string) error {
		_, err := l.lambda.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("pay"), Layers: arns})
		return err
	}
	wantError(t, "two of one", use(*one.LayerVersionArn, *two.LayerVersionArn), "InvalidParameterValueException",
		"Two different versions of the same layer are not allowed to be referenced in the same function. "+*one.LayerVersionArn+" and "+*two.LayerVersionArn+" are versions of the same layer.")
	wantCode(t, "one", use(*one.LayerVersionArn), "")
	if status, body := l.download(*one.Content.Location); status != 200 || hashOf([]byte(body)) != *one.Content.CodeSha256 {
		t.Errorf("content: %d", status)
	}
	outside := lambda.NewFromConfig(clientConfig(l.c, l.c.Bootstrap("999988887777", "mallory", allowAll)))
	_, err := outside.GetLayerVersionByArn(l.ctx, &lambda.GetLayerVersionByArnInput{Arn: one.LayerVersionArn})
	wantCode(t, "not shared", err, "AccessDeniedException")
	add := &lambda.AddLayerVersionPermissionInput{LayerName: aws.String("ext"), VersionNumber: aws.Int64(1), StatementId: aws.String("s"), Action: aws.String("lambda:GetLayerVersion"), Principal: aws.String("*")}
	p := must(l.lambda.AddLayerVersionPermission(l.ctx, add))(t)
	must(outside.GetLayerVersionByArn(l.ctx, &lambda.GetLayerVersionByArnInput{Arn: one.LayerVersionArn}))(t)
	remove := func(sid, revision string) error {
		_, err := l.lambda.RemoveLayerVersionPermission(l.ctx, &lambda.RemoveLayerVersionPermissionInput{LayerName: aws.String("ext"), VersionNumber: aws.Int64(1), StatementId: &sid, RevisionId: &revision})
		return err
	}
	wantCode(t, "stale", remove("s", "wrong"), "PreconditionFailedException")
	wantError(t, "no statement", remove("t", *p.RevisionId), "ResourceNotFoundException", "Statement t is not found in resource policy.")
	wantCode(t, "removed", remove("s", *p.RevisionId), "")
	must(l.lambda.DeleteLayerVersion(l.ctx, &lambda.DeleteLayerVersionInput{LayerName: aws.String("ext"), VersionNumber: aws.Int64(1)}))(t)
	_, err = l.lambda.GetLayerVersion(l.ctx, &lambda.GetLayerVersionInput{LayerName: aws.String("ext"), VersionNumber: aws.Int64(1)})
	wantCode(t, "deleted", err, "ResourceNotFoundException")
	if layers := l.get("pay", "").Configuration.Layers; len(layers) != 1 || *layers[0].Arn != *one.LayerVersionArn {
		t.Errorf("the function lost its layer: %v", layers)
	}
}

// TestLayerByReference: content that stays in a bucket has no address (API reference,
// LayerVersionContentOutput).
func TestLayerByReference(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	objects, cl := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), lambda.NewFromConfig(cfg)
	must(objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("artifacts")}))(t)
	must(objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("artifacts"), Key: aws.String("l.zip"), Body: bytes.NewReader(zipOf(t, "layer"))}))(t)
	for mode, wantsURL := range map[lt.S3ObjectStorageMode]bool{"": true, lt.S3ObjectStorageModeCopy: true, lt.S3ObjectStorageModeReference: false} {
		out := must(cl.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{LayerName: aws.String("ext"), Content: &lt.LayerVersionContentInput{S3Bucket: aws.String("artifacts"), S3Key: aws.String("l.zip"), S3ObjectStorageMode: mode}}))(t)
		if (out.Content.Location != nil) != wantsURL || (out.Content.ResolvedS3Object == nil) != wantsURL {
			t.Errorf("%q: %+v", mode, out.Content)
		}
	}
}
