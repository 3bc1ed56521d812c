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

// maxUnpacked is what a package's files may be together (AWS: Lambda quotas, 250 MB).
const maxUnpacked = 250 << 20

// codeSource is where code comes from: one of zip, bucket and image.
type codeSource struct {
	zip                  []byte
	bucket, key, version *string
	mode                 lt.S3ObjectStorageMode
	image                *string
	kms                  *string // a key of the customer's for the package; unset again by code that comes without it
}

func packageHash(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// place puts code into a version: the package is stored once, by its hash.
func (c *call) place(s *lambdaState, v *version, from *codeSource) error {
	v.code = lt.FunctionCodeLocation{}
	if from.image != nil {
		return c.placeImage(v, *from.image)
	}
	data, referred, err := c.packageFrom(from)
	if err != nil {
		return err
	}
	v.code.ResolvedS3Object, v.code.SourceKMSKeyArn = referred, from.kms
	if err := c.checkPackage(data, from.bucket == nil); err != nil {
		return err
	}
	hash := packageHash(data)
	s.blobs[hash] = data
	v.config.CodeSha256, v.config.CodeSize, v.config.PackageType = aws.String(hash), int64(len(data)), lt.PackageTypeZip
	return nil
}

// packageFrom is a package's bytes, and where they stay if they are only referred to.
func (c *call) packageFrom(from *codeSource) (data []byte, referred *lt.ResolvedS3Object, err error) {
	if from.bucket == nil {
		return from.zip, nil, nil
	}
	stored, err := c.fetchCode(from)
	if err != nil || from.mode != lt.S3ObjectStorageModeReference {
		if err != nil {
			return nil, nil, err
		}
		return stored.data, nil, nil
	}
	referred = &lt.ResolvedS3Object{S3Bucket: from.bucket, S3Key: from.key}
	if stored.id != "null" {
		referred.S3ObjectVersion = aws.String(stored.id)
	}
	return stored.data, referred, nil
}

// fetchCode reads a package with the caller's own permission on the object, as AWS does.
func (c *call) fetchCode(from *codeSource) (*s3Version, error) {
	bucket, key, id := aws.ToString(from.bucket), aws.ToString(from.key), aws.ToString(from.version)
	b := c.s3.buckets[bucket]
	if b == nil {
		return nil, s3Failed(noSuchBucket(bucket))
	}
	action := "s3:GetObject"
	if id != "" {
		action = "s3:GetObjectVersion"
	}
	if !c.allowed(action, bucketARN(bucket)+"/"+key, withResourcePolicy(b.policy, b.owner)) {
		return nil, &apiError{Code: "AccessDeniedException", Status: 403, Message: "Your access has been denied by S3, please make sure your request credentials have permission to GetObject for " +
			bucket + "/" + key + ". S3 Error Code: AccessDenied. S3 Error Message: Access Denied"}
	}
	v := b.version(key, id)
	switch {
	case v == nil && id != "":
		return nil, s3Failed(noSuchVersion(key, id))
	case v == nil || v.marker:
		return nil, s3Failed(noSuchKey(key))
	}
	return v, nil
}

func s3Failed(e *apiError) error {
	return invalid("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", e.Code, e.Message)
}

// checkPackage holds AWS's limits: what comes in the request may be 50 MB, from S3 more,
// and the files together 250 MB.
func (c *call) checkPackage(data []byte, direct bool) error {
	if len(data) == 0 {
		return invalid("Please provide a source for function code.")
	}
	if direct && len(data) > maxPackage {
		return lambdaFail("RequestEntityTooLargeException", "Request must be smaller than 70167211 bytes for the %s operation", c.op.name)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
	}
	var n uint64
	for _, f := range z.File {
		if n += min(f.UncompressedSize64, maxUnpacked+1); n > maxUnpacked {
			return invalid("Unzipped size must be smaller than %d bytes", maxUnpacked)
		}
	}
	return nil
}

// trusted: a code signing configuration that enforces lets nothing unsigned pass, and
// there is no AWS Signer here that could have signed anything.
func (f *function) trusted(s *lambdaState) error {
	k := s.signing[f.signing]
	if k == nil || k.config.CodeSigningPolicies.UntrustedArtifactOnDeployment != lt.CodeSigningPolicyEnforce {
		return nil
	}
	return lambdaFail("CodeVerificationFailedException", "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not configured to accept. Check the provided signature for unsigned.")
}

// suits: a function keeps the package type it was made with.
func (from *codeSource) suits(kind lt.PackageType) error {
	switch {
	case kind == lt.PackageTypeImage && from.image == nil:
		return invalid("Please provide ImageUri when updating a function with packageType Image.")
	case kind == lt.PackageTypeZip && from.image != nil:
		return invalid("Please don't provide ImageUri when updating a function with packageType Zip.")
	}
	return nil
}

// placeImage: a tag is resolved to a digest once, at deployment. That CodeSha256 is this
// digest in hex is what is believed of AWS, and not verified.
func (c *call) placeImage(v *version, uri string) error {
	digest, err := c.pullImage(uri, aws.ToString(v.config.FunctionName))
	if err != nil {
		return err
	}
	repository, _, pinned := strings.Cut(uri, "@")
	if i := strings.LastIndexByte(repository, ':'); !pinned && i > strings.LastIndexByte(repository, '/') {
		repository = repository[:i]
	}
	v.code.ImageUri, v.code.ResolvedImageUri = aws.String(uri), aws.String(repository+"@"+digest)
	v.code.RepositoryType = aws.String("ECR")
	v.config.CodeSha256, v.config.CodeSize, v.config.PackageType = aws.String(strings.TrimPrefix(digest, "sha256:")), 0, lt.PackageTypeImage
	return nil
}

func updateFunctionCode(c *call, in *lambda.UpdateFunctionCodeInput) (*lambda.UpdateFunctionCodeOutput, error) {
	t, err := c.whole("UpdateFunctionCode", in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := c.ready(t.fn, in.RevisionId); err != nil {
		return nil, err
	}
	next := *t.fn.latest
	src := &codeSource{zip: in.ZipFile, bucket: in.S3Bucket, key: in.S3Key, version: in.S3ObjectVersion, mode: in.S3ObjectStorageMode, image: in.ImageUri, kms: in.SourceKMSKeyArn}
	if err := src.suits(next.config.PackageType); err != nil {
		return nil, err
	}
	if err := t.fn.trusted(t.state); err != nil {
		return nil, err
	}
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
		v = c.publish(t.fn, nil)
	}
	return like[lambda.UpdateFunctionCodeOutput](c.seen(v)), nil
}

func updateFunctionConfiguration(c *call, in *lambda.UpdateFunctionConfigurationInput) (*lambda.UpdateFunctionConfigurationOutput, error) {
	t, err := c.whole("UpdateFunctionConfiguration", in.FunctionName)
	if err != nil {
		return nil, err
	}
	if in.Role != nil {
		if err := c.passRole(in.Role); err != nil {
			return nil, err
		}
	}
	if err := c.ready(t.fn, in.RevisionId); err != nil {
		return nil, err
	}
	next := t.fn.latest.config
	revision, logging := next.RevisionId, next.LoggingConfig
	overlay(&next, in)
	next.RevisionId, next.LoggingConfig = revision, logging
	if in.CapacityProviderConfig != nil {
		if err := c.capacity(&next); err != nil {
			return nil, err
		}
	}
	if in.Runtime != "" {
		next.RuntimeVersionConfig = &lt.RuntimeVersionConfig{RuntimeVersionArn: aws.String(runtimeARN(c.region, string(in.Runtime)))}
	}
	if len(in.Layers) > 0 {
		if err := t.fn.trusted(t.state); err != nil {
			return nil, err
		}
	}
	if err := c.settings(&next, settings{in.Environment, in.Layers, in.ImageConfig, in.SnapStart, in.TracingConfig, in.VpcConfig, in.LoggingConfig, in.KMSKeyArn, in.FileSystemConfigs}); err != nil {
		return nil, err
	}
	t.fn.latest.config = next
	c.touch(t.fn)
	c.trail.response = c.updateRecord
	return like[lambda.UpdateFunctionConfigurationOutput](c.seen(t.fn.latest)), nil
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
