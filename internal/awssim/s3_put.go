package awssim

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func putS3Object(c *call, in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
	b, err := c.openBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	key := aws.ToString(in.Key)
	ask := s3LockAsk{string(in.ObjectLockMode), in.ObjectLockRetainUntilDate, string(in.ObjectLockLegalHoldStatus)}
	if err := c.allowWrite(b, key, ask, in.Tagging, writes(true, in.IfMatch, in.IfNoneMatch)...); err != nil {
		return nil, err
	}
	claimed := claims(in.ContentMD5, string(in.ChecksumAlgorithm), in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME, in.ChecksumSHA1, in.ChecksumSHA256)
	lock, err := b.lockFor(c.now, ask)
	if err != nil {
		return nil, err
	}
	if lock != (s3Lock{}) && !claimed.protects() {
		return nil, s3BadRequest("Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters")
	}
	data, err := readObject(in.Body, in.ContentLength)
	if err != nil {
		return nil, err
	}
	sums, err := claimed.check(data, "")
	if err != nil {
		return nil, err
	}
	if err := b.precondition(key, in.IfMatch, in.IfNoneMatch); err != nil {
		return nil, err
	}
	tags, err := s3Tags(in.Tagging)
	if err != nil {
		return nil, err
	}
	v := &s3Version{key: key, data: data, etag: etagOf(data), sums: sums, lock: lock, tags: tags, head: s3Head{
		ContentType: aws.ToString(in.ContentType), CacheControl: aws.ToString(in.CacheControl), Disposition: aws.ToString(in.ContentDisposition),
		Encoding: aws.ToString(in.ContentEncoding), Language: aws.ToString(in.ContentLanguage), Redirect: aws.ToString(in.WebsiteRedirectLocation),
		Expires: c.http.Header.Get("Expires"), Class: string(in.StorageClass), Meta: in.Metadata,
	}}
	b.encrypt(c, &v.head, string(in.ServerSideEncryption), in.SSEKMSKeyId, in.BucketKeyEnabled)
	if err := c.withObjectKey("GenerateDataKey", b, v.head, key); err != nil {
		return nil, err
	}
	c.add(b, v)
	return &s3.PutObjectOutput{
		ETag: aws.String(v.etag), VersionId: b.shown(v), ChecksumType: s3types.ChecksumType(sums.kind), Size: nil,
		ChecksumCRC32: sums.as("CRC32"), ChecksumCRC32C: sums.as("CRC32C"), ChecksumCRC64NVME: sums.as("CRC64NVME"), ChecksumSHA1: sums.as("SHA1"), ChecksumSHA256: sums.as("SHA256"),
		ServerSideEncryption: s3types.ServerSideEncryption(v.head.SSE), SSEKMSKeyId: text(v.head.KMSKey), BucketKeyEnabled: yes(v.head.BucketKey),
	}, nil
}

// writes are the context keys by which policies enforce conditional writes; creates
// says that the request makes an object, not an upload or a part of one (S3 User Guide,
// "Enforce conditional writes on Amazon S3 buckets").
func writes(creates bool, ifMatch, ifNoneMatch *string) []authOption {
	out := []authOption{withCondition("s3:ObjectCreationOperation", strconv.FormatBool(creates))}
	if ifMatch != nil {
		out = append(out, withCondition("s3:if-match", *ifMatch))
	}
	if ifNoneMatch != nil {
		out = append(out, withCondition("s3:if-none-match", *ifNoneMatch))
	}
	return out
}

// allowWrite asks for all that a write with these headers needs.
func (c *call) allowWrite(b *s3Bucket, key string, ask s3LockAsk, tagging *string, opts ...authOption) error {
	for name, header := range map[string]string{"s3:x-amz-server-side-encryption": "X-Amz-Server-Side-Encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id": "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "s3:x-amz-storage-class": "X-Amz-Storage-Class"} {
		if v := c.http.Header.Get(header); v != "" {
			opts = append(opts, withCondition(name, v))
		}
	}
	opts = append(opts, ask.conditions(c.now)...)
	if err := c.allowObject(b, "PutObject", key, opts...); err != nil {
		return err
	}
	more := []struct {
		wanted bool
		action string
	}{{ask.mode != "" || ask.until != nil, "PutObjectRetention"}, {ask.hold != "", "PutObjectLegalHold"}, {aws.ToString(tagging) != "", "PutObjectTagging"}}
	for _, m := range more {
		if !m.wanted {
			continue
		}
		if err := c.allowObject(b, m.action, key, opts...); err != nil {
			return err
		}
	}
	return b.acceptable(key, c.http.Header)
}

// acceptable refuses what a write asks for in vain: to take no notice would leave
// an object that is not what its writer believes.
func (b *s3Bucket) acceptable(key string, h http.Header) error {
	if len(key) > maxS3Key {
		return &apiError{Code: "KeyTooLongError", Status: 400, Message: "Your key is too long", Fields: map[string]any{"Size": fmt.Sprint(len(key)), "MaxSizeAllowed": fmt.Sprint(maxS3Key)}}
	}
	if h.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "" || h.Get("X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm") != "" {
		return &apiError{Code: "NotImplemented", Status: 501, Message: "freezeframe simulator: encryption with keys that customers provide is not simulated"}
	}
	asked := h.Get("X-Amz-Acl")
	for _, grant := range []string{"Full-Control", "Read", "Read-Acp", "Write", "Write-Acp"} {
		asked += h.Get("X-Amz-Grant-" + grant)
	}
	if asked != "" && asked != "bucket-owner-full-control" {
		return noACLs()
	}
	return nil
}

func readObject(body io.Reader, length *int64) ([]byte, error) {
	if aws.ToInt64(length) > maxS3Object {
		return nil, s3TooLarge()
	}
	if body == nil {
		return []byte{}, nil
	}
	data, err := io.ReadAll(io.LimitReader(body, maxS3Object+1))
	if err != nil {
		return nil, fmt.Errorf("reading the object: %w", err)
	}
	if len(data) > maxS3Object {
		return nil, s3TooLarge()
	}
	return data, nil
}

func s3TooLarge() *apiError {
	return &apiError{Code: "EntityTooLarge", Status: 400, Message: "Your proposed upload exceeds the maximum allowed size", Fields: map[string]any{"MaxSizeAllowed": fmt.Sprint(maxS3Object)}}
}

// precondition looks at the current version only: behind a delete marker a key is free.
func (b *s3Bucket) precondition(key string, ifMatch, ifNoneMatch *string) error {
	now := b.version(key, "")
	if now != nil && now.marker {
		now = nil
	}
	switch {
	case ifNoneMatch != nil && *ifNoneMatch != "*":
		return &apiError{Code: "NotImplemented", Status: 501, Message: "A header you provided implies functionality that is not implemented", Fields: map[string]any{"Header": "If-None-Match"}}
	case ifNoneMatch != nil && now != nil:
		return preconditionFailed("If-None-Match")
	case ifMatch != nil && now == nil:
		return noSuchKey(key)
	case ifMatch != nil && *ifMatch != "*" && strings.Trim(*ifMatch, `"`) != strings.Trim(now.etag, `"`):
		return preconditionFailed("If-Match")
	}
	return nil
}

func preconditionFailed(condition string) *apiError {
	return &apiError{Code: "PreconditionFailed", Status: 412, Message: "At least one of the pre-conditions you specified did not hold", Fields: map[string]any{"Condition": condition}}
}

// add stores v as a new version, named as the bucket's versioning says.
func (c *call) add(b *s3Bucket, v *s3Version) {
	v.modified = c.now.Truncate(time.Second)
	if v.id = "null"; b.versioning == "Enabled" {
		v.id = c.id("alnum:32", b.name, v.key)
	}
	if v.head.ContentType == "" && !v.marker {
		v.head.ContentType = "binary/octet-stream"
	}
	b.store(v)
}

// shown is the version id in an answer: none where versioning never was on.
func (b *s3Bucket) shown(v *s3Version) *string {
	if b.versioning == "" {
		return nil
	}
	return aws.String(v.id)
}

// encrypt notes what the object is encrypted with: what was asked, else the
// bucket's default. The bytes stay as they are; clients only see what is said.
func (b *s3Bucket) encrypt(c *call, h *s3Head, sse string, key *string, bucketKey *bool) {
	h.SSE, h.KMSKey, h.BucketKey = sse, aws.ToString(key), aws.ToBool(bucketKey)
	if sse == "" {
		h.SSE = "AES256"
		if doc, ok := b.docs["encryption"].(*s3types.ServerSideEncryptionConfiguration); ok && len(doc.Rules) > 0 && doc.Rules[0].ApplyServerSideEncryptionByDefault != nil {
			d := doc.Rules[0].ApplyServerSideEncryptionByDefault
			h.SSE, h.KMSKey, h.BucketKey = string(d.SSEAlgorithm), aws.ToString(d.KMSMasterKeyID), aws.ToBool(doc.Rules[0].BucketKeyEnabled)
		}
	}
	if !strings.HasPrefix(h.SSE, "aws:kms") {
		h.KMSKey = ""
		return
	}
	prefix := "arn:aws:kms:" + b.region + ":" + b.owner + ":"
	switch {
	case h.KMSKey == "":
		h.KMSKey = prefix + "key/" + c.idFrom("uuid", "aws/s3", b.owner, b.region)
	case !strings.HasPrefix(h.KMSKey, "arn:") && strings.HasPrefix(h.KMSKey, "alias/"):
		h.KMSKey = prefix + h.KMSKey
	case !strings.HasPrefix(h.KMSKey, "arn:"):
		h.KMSKey = prefix + "key/" + h.KMSKey
	}
}

// text is nil for "": an absent header, not an empty one.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func yes(b bool) *bool {
	if !b {
		return nil
	}
	return &b
}

// s3Tags reads the tagging header: a query string.
func s3Tags(header *string) (map[string]string, error) {
	q, err := url.ParseQuery(aws.ToString(header))
	if err != nil {
		return nil, invalidArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	out := map[string]string{}
	for k, v := range q {
		if len(v) > 1 {
			return nil, invalidArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
		}
		out[k] = v[0]
	}
	if len(out) > 10 {
		return nil, &apiError{Code: "BadRequest", Status: 400, Message: "Object tags cannot be greater than 10"}
	}
	return out, nil
}
