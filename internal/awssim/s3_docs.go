package awssim

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/iampolicy"
)

// Configuration that the simulator keeps and gives back, but does not act on.

// doc gives a bucket's document of that kind, or the error that says there is none.
func doc[T any](c *call, action string, bucket, owner *string, kind string, missing *apiError) (T, error) {
	var none T
	b, err := c.bucket(action, bucket, owner)
	if err != nil {
		return none, err
	}
	if v, ok := b.docs[kind].(T); ok {
		return v, nil
	}
	if missing == nil {
		return none, nil
	}
	missing.Fields = map[string]any{"BucketName": b.name}
	return none, missing
}

// putDoc keeps a document; one that is not there is no XML that S3 takes.
func putDoc[T any](c *call, action string, bucket, owner *string, kind string, v *T) error {
	b, err := c.bucket(action, bucket, owner)
	if err != nil {
		return err
	}
	if v == nil {
		return malformedXML()
	}
	b.docs[kind] = v
	return nil
}

func dropDoc(c *call, action string, bucket, owner *string, kind string) error {
	b, err := c.bucket(action, bucket, owner)
	if err == nil {
		delete(b.docs, kind)
	}
	return err
}

func getBucketPolicy(c *call, in *s3.GetBucketPolicyInput) (*s3.GetBucketPolicyOutput, error) {
	b, err := c.bucket("GetBucketPolicy", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if b.policy == "" {
		return nil, noBucketPolicy(b)
	}
	return &s3.GetBucketPolicyOutput{Policy: aws.String(b.policy)}, nil
}

func noBucketPolicy(b *s3Bucket) *apiError {
	return &apiError{Code: "NoSuchBucketPolicy", Message: "The bucket policy does not exist", Fields: map[string]any{"BucketName": b.name}}
}

func putBucketPolicy(c *call, in *s3.PutBucketPolicyInput) (*s3.PutBucketPolicyOutput, error) {
	b, err := c.bucket("PutBucketPolicy", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	d, err := iampolicy.Parse(aws.ToString(in.Policy))
	if err != nil {
		return nil, &apiError{Code: "MalformedPolicy", Status: 400, Message: "Policies must be valid JSON and the first byte must be '{'"}
	}
	if err := b.fits(d); err != nil {
		return nil, err
	}
	block, _ := b.docs["publicAccessBlock"].(*s3types.PublicAccessBlockConfiguration)
	if block != nil && aws.ToBool(block.BlockPublicPolicy) && publicPolicy(d) {
		return nil, s3Denied("User: " + c.caller.arn + " is not authorized to perform: s3:PutBucketPolicy on resource: \"" + bucketARN(b.name) + "\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.")
	}
	b.policy = *in.Policy
	return nil, nil
}

// fits says what keeps a policy from being this bucket's: each statement names who,
// and nothing outside the bucket.
func (b *s3Bucket) fits(d iampolicy.Document) error {
	bad := func(message string) error {
		return &apiError{Code: "MalformedPolicy", Status: 400, Message: message}
	}
	for _, s := range d.Statements {
		if s.Principal == nil && s.NotPrin == nil {
			return bad("Missing required field Principal")
		}
		for _, r := range slices.Concat(s.Resource, s.NotRes) {
			name, _, _ := strings.Cut(strings.TrimPrefix(r, bucketARN("")), "/")
			if name != b.name && !strings.ContainsAny(name, "*?$") { // a pattern may mean this one
				return bad("Policy has invalid resource")
			}
		}
	}
	return nil
}

func deleteBucketPolicy(c *call, in *s3.DeleteBucketPolicyInput) (*s3.DeleteBucketPolicyOutput, error) {
	b, err := c.bucket("DeleteBucketPolicy", in.Bucket, in.ExpectedBucketOwner)
	if err == nil {
		b.policy = ""
	}
	return nil, err
}

func getBucketPolicyStatus(c *call, in *s3.GetBucketPolicyStatusInput) (*s3.GetBucketPolicyStatusOutput, error) {
	b, err := c.bucket("GetBucketPolicyStatus", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if b.policy == "" {
		return nil, noBucketPolicy(b)
	}
	d, err := iampolicy.Parse(b.policy)
	return &s3.GetBucketPolicyStatusOutput{PolicyStatus: &s3types.PolicyStatus{IsPublic: aws.Bool(publicPolicy(d))}}, err
}

func getBucketVersioning(c *call, in *s3.GetBucketVersioningInput) (*s3.GetBucketVersioningOutput, error) {
	b, err := c.bucket("GetBucketVersioning", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketVersioningOutput{Status: s3types.BucketVersioningStatus(b.versioning)}, nil
}

func putBucketVersioning(c *call, in *s3.PutBucketVersioningInput) (*s3.PutBucketVersioningOutput, error) {
	b, err := c.bucket("PutBucketVersioning", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	conf := in.VersioningConfiguration
	switch {
	case conf == nil || conf.Status == "":
		return nil, &apiError{Code: "IllegalVersioningConfigurationException", Status: 400, Message: "The Versioning element must be specified"}
	case b.lock && conf.Status == s3types.BucketVersioningStatusSuspended:
		return nil, &apiError{Code: "InvalidBucketState", Status: 409, Message: "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."}
	}
	b.versioning = string(conf.Status)
	return nil, nil
}

func getBucketTagging(c *call, in *s3.GetBucketTaggingInput) (*s3.GetBucketTaggingOutput, error) {
	v, err := doc[*s3types.Tagging](c, "GetBucketTagging", in.Bucket, in.ExpectedBucketOwner, "tagging", fail("NoSuchTagSet", "The TagSet does not exist"))
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketTaggingOutput{TagSet: slices.Clone(v.TagSet)}, nil
}

func putBucketTagging(c *call, in *s3.PutBucketTaggingInput) (*s3.PutBucketTaggingOutput, error) {
	return nil, putDoc(c, "PutBucketTagging", in.Bucket, in.ExpectedBucketOwner, "tagging", in.Tagging)
}

func deleteBucketTagging(c *call, in *s3.DeleteBucketTaggingInput) (*s3.DeleteBucketTaggingOutput, error) {
	return nil, dropDoc(c, "PutBucketTagging", in.Bucket, in.ExpectedBucketOwner, "tagging")
}

func getObjectTagging(c *call, in *s3.GetObjectTaggingInput) (*s3.GetObjectTaggingOutput, error) {
	b, v, err := c.object("GetObjectTagging", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	out := &s3.GetObjectTaggingOutput{VersionId: b.shown(v), TagSet: []s3types.Tag{}}
	for _, k := range sortedNames(v.tags) {
		out.TagSet = append(out.TagSet, s3types.Tag{Key: aws.String(k), Value: aws.String(v.tags[k])})
	}
	return out, nil
}

func putObjectTagging(c *call, in *s3.PutObjectTaggingInput) (*s3.PutObjectTaggingOutput, error) {
	b, v, err := c.object("PutObjectTagging", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	if in.Tagging != nil {
		for _, t := range in.Tagging.TagSet {
			tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
		if len(tags) != len(in.Tagging.TagSet) {
			return nil, &apiError{Code: "InvalidTag", Status: 400, Message: "Cannot provide multiple Tags with the same key"}
		}
	}
	if len(tags) > 10 {
		return nil, &apiError{Code: "BadRequest", Status: 400, Message: "Object tags cannot be greater than 10"}
	}
	v.tags = tags
	return &s3.PutObjectTaggingOutput{VersionId: b.shown(v)}, nil
}

func deleteObjectTagging(c *call, in *s3.DeleteObjectTaggingInput) (*s3.DeleteObjectTaggingOutput, error) {
	b, v, err := c.object("DeleteObjectTagging", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	v.tags = nil
	return &s3.DeleteObjectTaggingOutput{VersionId: b.shown(v)}, nil
}

// publicPolicy says that a policy lets anyone in, without a condition that could
// narrow it: a stricter reading than S3's, which knows harmless conditions.
func publicPolicy(d iampolicy.Document) bool {
	return slices.ContainsFunc(d.Statements, func(s iampolicy.Statement) bool {
		return s.Effect == "Allow" && s.Principal != nil && (s.Principal.Any || slices.Contains(s.Principal.AWS, "*")) && len(s.Condition) == 0
	})
}
