package awssim

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	st "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestSweepBuckets(t *testing.T) {
	ctx, _, cfg := sweeping(t)
	cl := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	b, k := aws.String("sweep-bucket"), aws.String("k")
	must(cl.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: b}))(t)
	must(cl.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: b}))(t)
	must(cl.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: k, Body: strings.NewReader("x")}))(t)
	must(cl.ListObjects(ctx, &s3.ListObjectsInput{Bucket: b}))(t)
	tags := &st.Tagging{TagSet: []st.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}
	must(cl.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: b, Key: k, Tagging: tags}))(t)
	must(cl.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: b, Key: k}))(t)
	must(cl.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: b, Key: k}))(t)
	must(cl.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: b, Tagging: tags}))(t)
	must(cl.DeleteBucketTagging(ctx, &s3.DeleteBucketTaggingInput{Bucket: b}))(t)
	must(cl.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: b, CORSConfiguration: &st.CORSConfiguration{CORSRules: []st.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}}}}))(t)
	must(cl.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: b}))(t)
	must(cl.DeleteBucketCors(ctx, &s3.DeleteBucketCorsInput{Bucket: b}))(t)
	must(cl.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: b, ServerSideEncryptionConfiguration: &st.ServerSideEncryptionConfiguration{Rules: []st.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &st.ServerSideEncryptionByDefault{SSEAlgorithm: st.ServerSideEncryptionAes256}}}}}))(t)
	must(cl.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: b}))(t)
	must(cl.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{Bucket: b}))(t)
	must(cl.DeleteBucketReplication(ctx, &s3.DeleteBucketReplicationInput{Bucket: b}))(t)
	must(cl.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: b, OwnershipControls: &st.OwnershipControls{Rules: []st.OwnershipControlsRule{{ObjectOwnership: st.ObjectOwnershipBucketOwnerPreferred}}}}))(t)
	must(cl.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: b}))(t)
	must(cl.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: b, PublicAccessBlockConfiguration: &st.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}}))(t)
	must(cl.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: b}))(t)
	if _, err := cl.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: b, ACL: st.BucketCannedACLPrivate}); codeOf(err) != "AccessControlListNotSupported" {
		t.Errorf("an ACL for the bucket: %v", err)
	}
	must(cl.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: b}))(t)
	if _, err := cl.PutObjectAcl(ctx, &s3.PutObjectAclInput{Bucket: b, Key: k, ACL: st.ObjectCannedACLPrivate}); codeOf(err) != "AccessControlListNotSupported" {
		t.Errorf("an ACL for the object: %v", err)
	}
	must(cl.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: b, Key: k}))(t)
	must(cl.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::sweep-bucket/*"}]}`)}))(t)
	must(cl.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: b}))(t)
	if _, err := cl.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: b}); codeOf(err) != "NoSuchWebsiteConfiguration" {
		t.Errorf("a bucket without a website: %v", err)
	}
	must(sts.NewFromConfig(cfg).GetAccessKeyInfo(ctx, &sts.GetAccessKeyInfoInput{AccessKeyId: aws.String(must(cfg.Credentials.Retrieve(ctx))(t).AccessKeyID)}))(t)
}
