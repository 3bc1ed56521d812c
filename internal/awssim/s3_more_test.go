package awssim

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func readAll(t *testing.T, r io.ReadCloser) []byte {
	t.Helper()
	b := must(io.ReadAll(r))(t)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	return b
}

// TestS3Permissions: which permission each call needs, found by taking it away.
func TestS3Permissions(t *testing.T) {
	s := newS3Shop(t)
	id := s.put("vault", "k", "one")
	vault, key := aws.String("vault"), aws.String("k")
	for name, tc := range map[string]struct {
		action string
		call   func(c *s3.Client) error
	}{
		"ListObjectsV2": {"s3:ListBucket", func(c *s3.Client) error {
			return errOf(c.ListObjectsV2(s.ctx(), &s3.ListObjectsV2Input{Bucket: vault}))
		}},
		"ListObjectVersions": {"s3:ListBucketVersions", func(c *s3.Client) error {
			return errOf(c.ListObjectVersions(s.ctx(), &s3.ListObjectVersionsInput{Bucket: vault}))
		}},
		"ListBuckets": {"s3:ListAllMyBuckets", func(c *s3.Client) error { return errOf(c.ListBuckets(s.ctx(), &s3.ListBucketsInput{})) }},
		"GetObject": {"s3:GetObject", func(c *s3.Client) error {
			return errOf(c.GetObject(s.ctx(), &s3.GetObjectInput{Bucket: vault, Key: key}))
		}},
		"GetObject version": {"s3:GetObjectVersion", func(c *s3.Client) error {
			return errOf(c.GetObject(s.ctx(), &s3.GetObjectInput{Bucket: vault, Key: key, VersionId: &id}))
		}},
		"PutObject":           {"s3:PutObject", func(c *s3.Client) error { return s.write(c) }},
		"PutObject retention": {"s3:PutObjectRetention", func(c *s3.Client) error { return s.write(c, governance) }},
		"PutObject hold": {"s3:PutObjectLegalHold", func(c *s3.Client) error {
			return s.write(c, func(in *s3.PutObjectInput) { in.ObjectLockLegalHoldStatus = "ON" })
		}},
		"PutObject tags": {"s3:PutObjectTagging", func(c *s3.Client) error {
			return s.write(c, func(in *s3.PutObjectInput) { in.Tagging = aws.String("a=b") })
		}},
		"DeleteObject": {"s3:DeleteObject", func(c *s3.Client) error {
			return errOf(c.DeleteObject(s.ctx(), &s3.DeleteObjectInput{Bucket: vault, Key: aws.String("other")}))
		}},
		"DeleteObject version": {"s3:DeleteObjectVersion", func(c *s3.Client) error {
			return errOf(c.DeleteObject(s.ctx(), &s3.DeleteObjectInput{Bucket: vault, Key: aws.String("other"), VersionId: &id}))
		}},
		"CreateBucket lock": {"s3:PutBucketObjectLockConfiguration", func(c *s3.Client) error {
			return errOf(c.CreateBucket(s.ctx(), &s3.CreateBucketInput{Bucket: aws.String("another"), ObjectLockEnabledForBucket: aws.Bool(true)}))
		}},
		"GetObjectLockConfiguration": {"s3:GetBucketObjectLockConfiguration", func(c *s3.Client) error {
			return errOf(c.GetObjectLockConfiguration(s.ctx(), &s3.GetObjectLockConfigurationInput{Bucket: vault}))
		}},
	} {
		without := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":%q,"Resource":"*"}]}`, tc.action)
		user := strings.ReplaceAll(name, " ", "-")
		err := tc.call(s.other(s.cloud.AccountID(), user, without))
		if s.is(name, "AccessDenied", err); err != nil && !strings.Contains(err.Error(), tc.action) {
			t.Errorf("%s: the refusal does not name %s: %v", name, tc.action, err)
		}
		s.is(name+" with all permissions", "", tc.call(s.Client))
	}
}

func (s s3Shop) write(c *s3.Client, more ...func(*s3.PutObjectInput)) error {
	return errOf(s3Lab{c, s.ctx(), "plain", "vault"}.put("vault", "written", "x", more...))
}

const openPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":%q,"Principal":{"AWS":"arn:aws:iam::%s:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}`

// TestS3BucketPolicy: it lets another account in, and keeps its own account out.
func TestS3BucketPolicy(t *testing.T) {
	s := newS3Shop(t)
	s.put("plain", "k", "one")
	eve := s.other("999988887777", "eve", allowAll)
	put := func(text string) error {
		return errOf(s.PutBucketPolicy(s.ctx(), &s3.PutBucketPolicyInput{Bucket: aws.String("plain"), Policy: &text}))
	}
	read := func(c *s3.Client) error {
		return errOf(c.GetObject(s.ctx(), &s3.GetObjectInput{Bucket: aws.String("plain"), Key: aws.String("k")}))
	}
	s.is("a stranger", "AccessDenied", read(eve))
	s.is("no JSON", "MalformedPolicy", put("not a policy"))
	s.is("of another bucket", "MalformedPolicy", put(fmt.Sprintf(openPolicy, "Allow", "999988887777", "other")))
	s.is("without a principal", "MalformedPolicy", put(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::plain/*"}]}`))
	s.is("public", "AccessDenied", put(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::plain/*"}]}`))
	s.is("for the stranger", "", put(fmt.Sprintf(openPolicy, "Allow", "999988887777", "plain")))
	s.is("the stranger, let in", "", read(eve))
	s.is("the stranger, listing", "AccessDenied", errOf(eve.ListObjectsV2(s.ctx(), &s3.ListObjectsV2Input{Bucket: aws.String("plain")})))
	s.is("against the owner", "", put(fmt.Sprintf(openPolicy, "Deny", s.cloud.AccountID(), "plain")))
	s.is("the owner, kept out", "AccessDenied", read(s.Client))
	got := must(s.GetBucketPolicy(s.ctx(), &s3.GetBucketPolicyInput{Bucket: aws.String("plain")}))(t)
	if !strings.Contains(*got.Policy, `"Deny"`) {
		t.Errorf("policy %s", *got.Policy)
	}
	must(s.DeleteBucketPolicy(s.ctx(), &s3.DeleteBucketPolicyInput{Bucket: aws.String("plain")}))(t)
	s.is("without the policy", "", read(s.Client))
}

// TestS3Documents: what a fresh bucket says, and that what is put comes back.
func TestS3Documents(t *testing.T) {
	s := newS3Shop(t)
	b, ctx := aws.String("plain"), s.ctx()
	s.is("lifecycle", "NoSuchLifecycleConfiguration", errOf(s.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: b})))
	s.is("replication", "ReplicationConfigurationNotFoundError", errOf(s.GetBucketReplication(ctx, &s3.GetBucketReplicationInput{Bucket: b})))
	s.is("tags", "NoSuchTagSet", errOf(s.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: b})))
	s.is("cors", "NoSuchCORSConfiguration", errOf(s.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: b})))
	s.is("website", "NoSuchWebsiteConfiguration", errOf(s.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: b})))
	if l := must(s.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: b}))(t); l.LoggingEnabled != nil {
		t.Errorf("logging %+v", l)
	}
	if e := must(s.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: b}))(t); e.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != "AES256" {
		t.Errorf("encryption %+v", e)
	}
	must(s.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: b}))(t)
	s.is("public access block, deleted", "NoSuchPublicAccessBlockConfiguration", errOf(s.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: b})))
	must(s.DeleteBucketOwnershipControls(ctx, &s3.DeleteBucketOwnershipControlsInput{Bucket: b}))(t)
	s.is("ownership, deleted", "OwnershipControlsNotFoundError", errOf(s.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: b})))

	rules := []s3types.LifecycleRule{{ID: aws.String("r"), Status: "Enabled", Filter: &s3types.LifecycleRuleFilter{Prefix: aws.String("p/")}, Expiration: &s3types.LifecycleExpiration{Days: aws.Int32(3)}}}
	must(s.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: b, LifecycleConfiguration: &s3types.BucketLifecycleConfiguration{Rules: rules}}))(t)
	same(t, "lifecycle", must(s.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: b}))(t).Rules, rules)
	tags := []s3types.Tag{{Key: aws.String("case"), Value: aws.String("42")}}
	must(s.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: b, Tagging: &s3types.Tagging{TagSet: tags}}))(t)
	same(t, "tags", must(s.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: b}))(t).TagSet, tags)
	log := &s3types.LoggingEnabled{TargetBucket: aws.String("vault"), TargetPrefix: aws.String("logs/")}
	must(s.PutBucketLogging(ctx, &s3.PutBucketLoggingInput{Bucket: b, BucketLoggingStatus: &s3types.BucketLoggingStatus{LoggingEnabled: log}}))(t)
	same(t, "logging", must(s.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: b}))(t).LoggingEnabled, log)
	queue := []s3types.QueueConfiguration{{Id: aws.String("q"), QueueArn: aws.String("arn:aws:sqs:us-east-1:111122223333:q"), Events: []s3types.Event{"s3:ObjectCreated:*"}}}
	must(s.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: b, NotificationConfiguration: &s3types.NotificationConfiguration{QueueConfigurations: queue}}))(t)
	same(t, "notification", must(s.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: b}))(t).QueueConfigurations, queue)
}

func replica() *s3types.ReplicationConfiguration {
	return &s3types.ReplicationConfiguration{Role: aws.String("arn:aws:iam::111122223333:role/r"), Rules: []s3types.ReplicationRule{{
		ID: aws.String("r"), Status: "Enabled", Prefix: aws.String(""), Destination: &s3types.Destination{Bucket: aws.String("arn:aws:s3:::other")}}}}
}

func TestS3Replication(t *testing.T) {
	s := newS3Shop(t)
	put := func(bucket string) error {
		return errOf(s.PutBucketReplication(s.ctx(), &s3.PutBucketReplicationInput{Bucket: &bucket, ReplicationConfiguration: replica()}))
	}
	s.is("without versioning", "InvalidRequest", put("plain"))
	s.is("with", "", put("vault"))
	same(t, "replication", must(s.GetBucketReplication(s.ctx(), &s3.GetBucketReplicationInput{Bucket: aws.String("vault")}))(t).ReplicationConfiguration, replica())
}

func TestS3DeleteObjects(t *testing.T) {
	s := newS3Shop(t)
	locked, free := s.put("vault", "locked", "1", compliance), s.put("vault", "free", "2")
	out := must(s.DeleteObjects(s.ctx(), &s3.DeleteObjectsInput{Bucket: aws.String("vault"), Delete: &s3types.Delete{Objects: []s3types.ObjectIdentifier{
		{Key: aws.String("locked"), VersionId: &locked}, {Key: aws.String("free"), VersionId: &free}, {Key: aws.String("locked")}, {Key: aws.String("nothing"), VersionId: &free},
	}}}))(t)
	if len(out.Errors) != 1 || *out.Errors[0].Key != "locked" || *out.Errors[0].Code != "AccessDenied" || *out.Errors[0].VersionId != locked {
		t.Errorf("errors %+v", out.Errors)
	}
	if len(out.Deleted) != 3 || !aws.ToBool(out.Deleted[1].DeleteMarker) || out.Deleted[1].DeleteMarkerVersionId == nil {
		t.Errorf("deleted %+v", out.Deleted)
	}
	if got := s.lab().get("vault", "free", ""); got != "NoSuchKey" {
		t.Errorf("free: %s", got)
	}
}

func TestS3Copy(t *testing.T) {
	s := newS3Shop(t)
	first := s.put("vault", "a b", "one", func(in *s3.PutObjectInput) { in.Metadata = map[string]string{"case": "42"} })
	s.put("vault", "a b", "two")
	cp := func(from, to string, more ...func(*s3.CopyObjectInput)) error {
		in := &s3.CopyObjectInput{Bucket: aws.String("plain"), Key: &to, CopySource: &from}
		for _, f := range more {
			f(in)
		}
		return errOf(s.CopyObject(s.ctx(), in))
	}
	s.is("the current one", "", cp("vault/a%20b", "new"))
	s.is("a version", "", cp("/vault/a%20b?versionId="+first, "old"))
	if got := s.lab().get("plain", "new", "") + " " + s.lab().get("plain", "old", ""); got != "two one" {
		t.Errorf("copies read %s", got)
	}
	if head := must(s.HeadObject(s.ctx(), &s3.HeadObjectInput{Bucket: aws.String("plain"), Key: aws.String("old")}))(t); head.Metadata["case"] != "42" {
		t.Errorf("metadata %v", head.Metadata)
	}
	s.is("nothing", "NoSuchKey", cp("vault/nothing", "x"))
	s.is("onto itself", "InvalidRequest", cp("plain/new", "new"))
	s.is("a lock in a plain bucket", "InvalidRequest", cp("plain/new", "x", func(in *s3.CopyObjectInput) {
		in.ObjectLockMode, in.ObjectLockRetainUntilDate = "GOVERNANCE", inAnHour()
	}))
	s.is("only if free", "PreconditionFailed", cp("plain/new", "old", func(in *s3.CopyObjectInput) { in.IfNoneMatch = aws.String("*") }))
}

// TestS3Uploads: parts are none of anybody's business until they are complete.
func TestS3Uploads(t *testing.T) {
	s := newS3Shop(t)
	l := s.lab()
	id := must(l.begin("k"))(t)
	other := must(l.begin("k2"))(t)
	part := must(l.part("k", id, 1, "first"))(t)
	s.is("wrong tag", "InvalidPart", l.complete("k", id, s3types.CompletedPart{ETag: aws.String(`"x"`), PartNumber: aws.Int32(1), ChecksumSHA256: part.ChecksumSHA256}))
	s.is("wrong digest", "InvalidPart", l.complete("k", id, s3types.CompletedPart{ETag: part.ETag, PartNumber: aws.Int32(1), ChecksumSHA256: aws.String(s3Sum("SHA256", nil))}))
	s.is("no such part", "InvalidPart", l.complete("k", id, s3types.CompletedPart{ETag: part.ETag, PartNumber: aws.Int32(2), ChecksumSHA256: part.ChecksumSHA256}))
	s.is("the other's upload", "NoSuchUpload", l.complete("k2", id, part))
	var seen []string
	in := &s3.ListMultipartUploadsInput{Bucket: aws.String("plain"), MaxUploads: aws.Int32(1)}
	for range 3 {
		page := must(s.ListMultipartUploads(s.ctx(), in))(t)
		for _, u := range page.Uploads {
			seen = append(seen, *u.UploadId)
		}
		if !aws.ToBool(page.IsTruncated) {
			break
		}
		in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
	if !slices.Equal(seen, []string{*id, *other}) {
		t.Errorf("uploads %v", seen)
	}
	if got := l.get("plain", "k", ""); got != "NoSuchKey" {
		t.Errorf("before completion: %s", got)
	}
	s.is("complete", "", l.complete("k", id, part))
	if got := l.get("plain", "k", ""); got != "first" {
		t.Errorf("after completion: %s", got)
	}
}

// TestS3EnforcedConditions: a policy of AWS's own kind lets an object be made only where
// there is none, in one request or in parts.
func TestS3EnforcedConditions(t *testing.T) {
	s := newS3Shop(t)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::plain/*",
		"Condition":{"Null":{"s3:if-none-match":"true"},"Bool":{"s3:ObjectCreationOperation":"true"}}}]}`
	must(s.PutBucketPolicy(s.ctx(), &s3.PutBucketPolicyInput{Bucket: aws.String("plain"), Policy: &policy}))(t)
	l := s.lab()
	s.is("without a condition", "AccessDenied", errOf(l.put("plain", "k", "1")))
	s.is("with", "", errOf(l.put("plain", "k", "1", noneMatch)))
	id := must(l.begin("big"))(t)
	part := must(l.part("big", id, 1, "x"))(t)
	s.is("completing without", "AccessDenied", l.complete("big", id, part))
	s.is("completing with", "", errOf(s.CompleteMultipartUpload(s.ctx(), &s3.CompleteMultipartUploadInput{Bucket: aws.String("plain"), Key: aws.String("big"), UploadId: id,
		IfNoneMatch: aws.String("*"), MultipartUpload: &s3types.CompletedMultipartUpload{Parts: []s3types.CompletedPart{part}}})))
}

// TestS3State: a lock is state that an undo has to give back, reading is none.
func TestS3State(t *testing.T) {
	s := newS3Shop(t)
	objects := func() string { return fmt.Sprint(s.cloud.Objects()) }
	id := s.put("vault", "k", "one")
	before, digest := objects(), s.cloud.Digest()
	l := s.lab()
	if got := l.get("vault", "k", ""); got != "one" || s.cloud.Digest() != digest {
		t.Errorf("read %q, and the digest is another: %v", got, s.cloud.Digest() != digest)
	}
	must(s.PutObjectLegalHold(s.ctx(), &s3.PutObjectLegalHoldInput{Bucket: aws.String("vault"), Key: aws.String("k"), VersionId: &id, LegalHold: &s3types.ObjectLockLegalHold{Status: "ON"}}))(t)
	if objects() == before {
		t.Error("a legal hold is no part of the state")
	}
	must(s.PutObjectLegalHold(s.ctx(), &s3.PutObjectLegalHoldInput{Bucket: aws.String("vault"), Key: aws.String("k"), VersionId: &id, LegalHold: &s3types.ObjectLockLegalHold{Status: "OFF"}}))(t)
	if objects() != before {
		t.Error("a legal hold that was lifted leaves a difference")
	}
}
