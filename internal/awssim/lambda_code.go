package awssim

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// maxPackage is the largest package that is taken in a request (AWS: 50 MB zipped, direct upload).
const maxPackage = 50 << 20

// codeSource is where code comes from: one of zip, bucket and image.
type codeSource struct {
	zip                  []byte
	bucket, key, version *string
	mode                 lt.S3ObjectStorageMode
	image                *string
}

func packageHash(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// place puts code into a version: the package is stored once, by its hash.
func (c *call) place(s *lambdaState, v *version, from *codeSource) error {
	v.code = lt.FunctionCodeLocation{}
	if from.image != nil {
		return placeImage(v, *from.image)
	}
	data := from.zip
	if from.bucket != nil {
		var err error
		if data, err = c.s3.objectBytes(aws.ToString(from.bucket), aws.ToString(from.key), aws.ToString(from.version)); err != nil {
			return invalid("Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.")
		}
		if from.mode == lt.S3ObjectStorageModeReference {
			v.code.ResolvedS3Object = &lt.ResolvedS3Object{S3Bucket: from.bucket, S3Key: from.key, S3ObjectVersion: from.version}
		}
	}
	if len(data) == 0 {
		return invalid("Please provide a source for function code.")
	}
	if len(data) > maxPackage {
		return fail("RequestEntityTooLargeException", "Request must be smaller than %d bytes for the CreateFunction operation", 70167211)
	}
	if _, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err != nil {
		return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
	}
	hash := packageHash(data)
	s.blobs[hash] = data
	v.config.CodeSha256, v.config.CodeSize, v.config.PackageType = aws.String(hash), int64(len(data)), lt.PackageTypeZip
	return nil
}

// placeImage: a tag is resolved to a digest once, at deployment (the digest is made from
// the reference: there is no registry here).
func placeImage(v *version, uri string) error {
	repository, digest, pinned := strings.Cut(uri, "@sha256:")
	if !pinned {
		if i := strings.LastIndexByte(uri, ':'); i > strings.LastIndexByte(uri, '/') {
			repository = uri[:i]
		}
		sum := sha256.Sum256([]byte(uri))
		digest = hexOf(sum[:])
	}
	v.code.ImageUri, v.code.ResolvedImageUri = aws.String(uri), aws.String(repository+"@sha256:"+digest)
	v.code.RepositoryType = aws.String("ECR")
	v.config.CodeSha256, v.config.CodeSize, v.config.PackageType = aws.String(digest), 0, lt.PackageTypeImage
	return nil
}

func updateFunctionCode(c *call, in *lambda.UpdateFunctionCodeInput) (*lambda.UpdateFunctionCodeOutput, error) {
	t, err := c.function("UpdateFunctionCode", in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if err := c.idle(t.fn); err != nil {
		return nil, err
	}
	if in.RevisionId != nil && *in.RevisionId != aws.ToString(t.fn.latest.config.RevisionId) {
		return nil, stale()
	}
	next := *t.fn.latest
	src := &codeSource{zip: in.ZipFile, bucket: in.S3Bucket, key: in.S3Key, version: in.S3ObjectVersion, mode: in.S3ObjectStorageMode, image: in.ImageUri}
	if err := c.place(t.state, &next, src); err != nil {
		return nil, err
	}
	if len(in.Architectures) > 0 {
		next.config.Architectures = in.Architectures
	}
	if in.DryRun {
		return like[lambda.UpdateFunctionCodeOutput](next.view(c.now, c.cfg.Settle)), nil
	}
	*t.fn.latest = next
	t.fn.latest.config.ConfigSha256 = aws.String(configHash(&next.config))
	c.touch(t.fn)
	v := t.fn.latest
	if in.Publish {
		v = c.publish(t.state, t.fn, "")
	}
	return like[lambda.UpdateFunctionCodeOutput](v.view(c.now, c.cfg.Settle)), nil
}

func updateFunctionConfiguration(c *call, in *lambda.UpdateFunctionConfigurationInput) (*lambda.UpdateFunctionConfigurationOutput, error) {
	t, err := c.function("UpdateFunctionConfiguration", in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if in.Role != nil {
		if err := c.passRole(in.Role); err != nil {
			return nil, err
		}
	}
	if err := c.idle(t.fn); err != nil {
		return nil, err
	}
	if in.RevisionId != nil && *in.RevisionId != aws.ToString(t.fn.latest.config.RevisionId) {
		return nil, stale()
	}
	next := t.fn.latest.config
	revision := next.RevisionId
	overlay(&next, in)
	next.RevisionId = revision
	if err := c.settings(t.state, &next, settings{in.Environment, in.Layers, in.ImageConfig, in.SnapStart, in.TracingConfig, in.VpcConfig}); err != nil {
		return nil, err
	}
	t.fn.latest.config = next
	c.touch(t.fn)
	c.trail.response = c.updateRecord
	return like[lambda.UpdateFunctionConfigurationOutput](t.fn.latest.view(c.now, c.cfg.Settle)), nil
}

// updateRecord is what real records of an update say beyond the API's shapes: a reason code
// that the shapes' enumeration does not have, and the layers' old name for their size.
func (c *call) updateRecord(m map[string]any) {
	if m["lastUpdateStatus"] == "InProgress" {
		m["lastUpdateStatusReason"], m["lastUpdateStatusReasonCode"] = "The function is being created.", "Creating"
	}
	layers, _ := m["layers"].([]any)
	for _, l := range layers {
		if layer, ok := l.(map[string]any); ok {
			arn, _ := layer["arn"].(string)
			layer["uncompressedCodeSize"] = c.layer(&arn, nil).unpacked()
		}
	}
}

// configHash changes with anything that a publish would keep.
func configHash(cfg *lt.FunctionConfiguration) string {
	k := *cfg
	k.RevisionId, k.LastModified, k.ConfigSha256, k.State, k.LastUpdateStatus, k.Version, k.FunctionArn = nil, nil, nil, "", "", nil, nil
	data, err := json.Marshal(k)
	if err != nil {
		panic(err) // SDK structs of plain members always marshal
	}
	sum := sha256.Sum256(data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func runtimeARN(region, runtime string) string {
	sum := sha256.Sum256([]byte("runtime " + runtime))
	return "arn:aws:lambda:" + region + "::runtime:" + hexOf(sum[:])
}
