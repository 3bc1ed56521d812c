package awssim

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// object finds the version of an object that the caller may do action on; with
// a version id that is action+"Version" (GetObject, GetObjectVersion).
func (c *call) object(action string, bucket, owner, key, id *string) (*s3Bucket, *s3Version, error) {
	b, err := c.openBucket(bucket, owner)
	if err != nil {
		return nil, nil, err
	}
	if err := namedVersion(id); err != nil {
		return nil, nil, err
	}
	var opts []authOption
	if id != nil {
		action = versioned(action)
		opts = append(opts, withCondition("s3:VersionId", *id))
	}
	if err := c.allowObject(b, action, aws.ToString(key), opts...); err != nil {
		return nil, nil, err
	}
	v, err := c.find(b, aws.ToString(key), aws.ToString(id))
	return b, v, err
}

// namedVersion refuses an id that is there but empty: taken for none, it would
// mean the current version, and a deletion would remove that for good.
func namedVersion(id *string) error {
	if id != nil && *id == "" {
		return &apiError{Code: "InvalidArgument", Status: 400, Message: "Version id cannot be the empty string", Fields: map[string]any{"ArgumentName": "versionId", "ArgumentValue": ""}}
	}
	return nil
}

// versioned is the permission for a named version.
func versioned(action string) string {
	switch action {
	case "GetObject", "DeleteObject", "GetObjectAcl", "PutObjectAcl", "GetObjectAttributes":
		if rest, ok := strings.CutPrefix(action, "GetObject"); ok {
			return "GetObjectVersion" + rest
		}
		if rest, ok := strings.CutPrefix(action, "PutObject"); ok {
			return "PutObjectVersion" + rest
		}
		return "DeleteObjectVersion"
	case "GetObjectTagging":
		return "GetObjectVersionTagging"
	case "PutObjectTagging":
		return "PutObjectVersionTagging"
	case "DeleteObjectTagging":
		return "DeleteObjectVersionTagging"
	}
	return action
}

// find is a version that has bytes. Who may not list the bucket is not told that
// a key is missing.
func (c *call) find(b *s3Bucket, key, id string) (*s3Version, error) {
	v := b.version(key, id)
	switch {
	case v != nil && !v.marker:
		return v, nil
	case v != nil && id != "":
		return nil, &apiError{Code: "MethodNotAllowed", Status: 405, Message: "The specified method is not allowed against this resource.",
			Fields:  map[string]any{"Method": c.http.Method, "ResourceType": "DeleteMarker"},
			Headers: map[string]string{"X-Amz-Delete-Marker": "true", "X-Amz-Version-Id": v.id, "Last-Modified": v.modified.UTC().Format(http.TimeFormat), "Allow": "DELETE"}}
	case id != "" && !validVersionID(id):
		return nil, &apiError{Code: "InvalidArgument", Status: 400, Message: "Invalid version id specified", Fields: map[string]any{"ArgumentName": "versionId", "ArgumentValue": id}}
	}
	if !c.allowed("s3:ListBucket", bucketARN(b.name), withResourcePolicy(b.policy, b.owner)) {
		return nil, c.hidden(bucketARN(b.name))
	}
	if id != "" {
		return nil, noSuchVersion(key, id)
	}
	e := noSuchKey(key)
	if v != nil {
		e.Headers = map[string]string{"X-Amz-Delete-Marker": "true", "X-Amz-Version-Id": v.id}
	}
	return nil, e
}

// hidden is the refusal that stands for a missing key, in S3's words.
func (c *call) hidden(arn string) error {
	return s3Denied("User: " + c.caller.arn + " is not authorized to perform: s3:ListBucket on resource: \"" + arn + "\" because no identity-based policy allows the s3:ListBucket action")
}

// validVersionID: ids that S3 gives out are 32 characters.
func validVersionID(id string) bool { return id == "null" || len(id) == 32 }

// read is the part of an object that a request asks for.
type s3Read struct {
	data         []byte
	contentRange *string
	parts        *int32
}

// conditions are a read's preconditions.
type s3Conditions struct {
	match, noneMatch *string
	since, until     *time.Time // If-Modified-Since, If-Unmodified-Since
}

// check gives 412 or 304; an ETag decides before a date.
func (w s3Conditions) check(v *s3Version) error {
	is := func(etag *string) bool {
		return *etag == "*" || strings.Trim(*etag, `"`) == strings.Trim(v.etag, `"`)
	}
	switch {
	case w.match != nil && !is(w.match):
		return preconditionFailed("If-Match")
	case w.match == nil && w.until != nil && v.modified.After(*w.until):
		return preconditionFailed("If-Unmodified-Since")
	case w.noneMatch != nil && is(w.noneMatch), w.noneMatch == nil && w.since != nil && !v.modified.After(*w.since):
		return &apiError{Code: "NotModified", Status: 304, Message: "Not Modified", Headers: map[string]string{"Etag": v.etag}}
	}
	return nil
}

// slice cuts what Range or partNumber asks for. A Range that is no range of
// bytes is ignored, as HTTP says.
func (v *s3Version) slice(ranged *string, part *int32) (s3Read, error) {
	size := int64(len(v.data))
	if part != nil {
		return v.slicePart(ranged, *part)
	}
	first, last, ok := parseRange(aws.ToString(ranged), size)
	if !ok {
		return s3Read{data: v.data}, nil
	}
	if first >= size || last < first {
		return s3Read{}, &apiError{Code: "InvalidRange", Status: 416, Message: "The requested range is not satisfiable",
			Fields:  map[string]any{"RangeRequested": *ranged, "ActualObjectSize": fmt.Sprint(size)},
			Headers: map[string]string{"Content-Range": fmt.Sprintf("bytes */%d", size)}}
	}
	return s3Read{data: v.data[first : last+1], contentRange: aws.String(fmt.Sprintf("bytes %d-%d/%d", first, last, size))}, nil
}

func (v *s3Version) slicePart(ranged *string, part int32) (s3Read, error) {
	if ranged != nil {
		return s3Read{}, s3BadRequest("Cannot specify both Range header and partNumber query parameter")
	}
	size, from := int64(len(v.data)), int64(0)
	if len(v.parts) == 0 && part == 1 {
		return s3Read{data: v.data, contentRange: wholeRange(size)}, nil
	}
	for i, p := range v.parts {
		if i+1 == int(part) {
			r := s3Read{data: v.data[from : from+p.size], parts: aws.Int32(int32(len(v.parts)))}
			r.contentRange = aws.String(fmt.Sprintf("bytes %d-%d/%d", from, from+p.size-1, size))
			return r, nil
		}
		from += p.size
	}
	return s3Read{}, &apiError{Code: "InvalidPartNumber", Status: 416, Message: "The requested partnumber is not satisfiable"}
}

func wholeRange(size int64) *string {
	if size == 0 {
		return nil
	}
	return aws.String(fmt.Sprintf("bytes 0-%d/%d", size-1, size))
}

// parseRange reads "bytes=FIRST-LAST", "bytes=FIRST-" and "bytes=-LENGTH".
func parseRange(s string, size int64) (first, last int64, ok bool) {
	spec, ok := strings.CutPrefix(s, "bytes=")
	if !ok || strings.Contains(spec, ",") {
		return 0, 0, false
	}
	from, to, ok := strings.Cut(spec, "-")
	if !ok {
		return 0, 0, false
	}
	if from == "" {
		n, err := strconv.ParseInt(to, 10, 64)
		if err != nil || n < 0 {
			return 0, 0, false
		}
		if n == 0 {
			return size, size, true // not satisfiable
		}
		return max(0, size-n), size - 1, true
	}
	first, err := strconv.ParseInt(from, 10, 64)
	if err != nil || first < 0 {
		return 0, 0, false
	}
	if to == "" {
		return first, max(first, size-1), true
	}
	last, err = strconv.ParseInt(to, 10, 64)
	if err != nil || last < first {
		return 0, 0, false
	}
	if first >= size {
		return first, last, true
	}
	return first, min(last, size-1), true
}

func getS3Object(c *call, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	b, v, err := c.object("GetObject", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	if err := c.withObjectKey("Decrypt", b, v.head, v.key); err != nil {
		return nil, err
	}
	if err := (s3Conditions{in.IfMatch, in.IfNoneMatch, in.IfModifiedSince, in.IfUnmodifiedSince}).check(v); err != nil {
		return nil, err
	}
	r, err := v.slice(in.Range, in.PartNumber)
	if err != nil {
		return nil, err
	}
	sums := v.sumsFor(string(in.ChecksumMode), r)
	o := &s3.GetObjectOutput{
		Body: readCloser{bytes.NewReader(r.data)}, ContentLength: aws.Int64(int64(len(r.data))), ContentRange: r.contentRange, PartsCount: r.parts, AcceptRanges: aws.String("bytes"),
		ETag: aws.String(v.etag), VersionId: b.shown(v), LastModified: aws.Time(v.modified), Metadata: v.head.Meta,
		ContentType: over(in.ResponseContentType, v.head.ContentType), CacheControl: over(in.ResponseCacheControl, v.head.CacheControl),
		ContentDisposition: over(in.ResponseContentDisposition, v.head.Disposition), ContentEncoding: over(in.ResponseContentEncoding, v.head.Encoding),
		ContentLanguage: over(in.ResponseContentLanguage, v.head.Language), ExpiresString: text(v.head.Expires), WebsiteRedirectLocation: text(v.head.Redirect),
		StorageClass: s3types.StorageClass(v.class()), ServerSideEncryption: s3types.ServerSideEncryption(v.head.SSE), SSEKMSKeyId: text(v.head.KMSKey), BucketKeyEnabled: yes(v.head.BucketKey),
		ChecksumType: s3types.ChecksumType(sums.kind), ChecksumCRC32: sums.as("CRC32"), ChecksumCRC32C: sums.as("CRC32C"), ChecksumCRC64NVME: sums.as("CRC64NVME"), ChecksumSHA1: sums.as("SHA1"), ChecksumSHA256: sums.as("SHA256"),
	}
	if n := len(v.tags); n > 0 {
		o.TagCount = aws.Int32(int32(n))
	}
	l := c.shownLock(b, v)
	o.ObjectLockMode, o.ObjectLockRetainUntilDate, o.ObjectLockLegalHoldStatus = s3types.ObjectLockMode(l.mode), l.until, l.hold
	return o, nil
}

func headS3Object(c *call, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	b, v, err := c.object("GetObject", in.Bucket, in.ExpectedBucketOwner, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	if err := (s3Conditions{in.IfMatch, in.IfNoneMatch, in.IfModifiedSince, in.IfUnmodifiedSince}).check(v); err != nil {
		return nil, err
	}
	r, err := v.slice(in.Range, in.PartNumber)
	if err != nil {
		return nil, err
	}
	sums := v.sumsFor(string(in.ChecksumMode), r)
	o := &s3.HeadObjectOutput{
		ContentLength: aws.Int64(int64(len(r.data))), ContentRange: r.contentRange, PartsCount: r.parts, AcceptRanges: aws.String("bytes"),
		ETag: aws.String(v.etag), VersionId: b.shown(v), LastModified: aws.Time(v.modified), Metadata: v.head.Meta,
		ContentType: over(in.ResponseContentType, v.head.ContentType), CacheControl: over(in.ResponseCacheControl, v.head.CacheControl),
		ContentDisposition: over(in.ResponseContentDisposition, v.head.Disposition), ContentEncoding: over(in.ResponseContentEncoding, v.head.Encoding),
		ContentLanguage: over(in.ResponseContentLanguage, v.head.Language), ExpiresString: text(v.head.Expires), WebsiteRedirectLocation: text(v.head.Redirect),
		StorageClass: s3types.StorageClass(v.class()), ServerSideEncryption: s3types.ServerSideEncryption(v.head.SSE), SSEKMSKeyId: text(v.head.KMSKey), BucketKeyEnabled: yes(v.head.BucketKey),
		ChecksumType: s3types.ChecksumType(sums.kind), ChecksumCRC32: sums.as("CRC32"), ChecksumCRC32C: sums.as("CRC32C"), ChecksumCRC64NVME: sums.as("CRC64NVME"), ChecksumSHA1: sums.as("SHA1"), ChecksumSHA256: sums.as("SHA256"),
	}
	l := c.shownLock(b, v)
	o.ObjectLockMode, o.ObjectLockRetainUntilDate, o.ObjectLockLegalHoldStatus = s3types.ObjectLockMode(l.mode), l.until, l.hold
	return o, nil
}

// readCloser is a body in memory.
type readCloser struct{ *bytes.Reader }

// Close has nothing to do.
func (readCloser) Close() error { return nil }

// over is a header's value: what the request wants to see instead, or the stored one.
func over(wanted *string, stored string) *string {
	if wanted != nil && *wanted != "" {
		return wanted
	}
	return text(stored)
}

// class is the storage class in an answer: STANDARD is not said.
func (v *s3Version) class() string {
	if v.head.Class == "STANDARD" {
		return ""
	}
	return v.head.Class
}

// sumsFor are the checksums that an answer tells: of the whole object only, and
// only if asked for.
func (v *s3Version) sumsFor(mode string, r s3Read) s3Sums {
	if mode != "ENABLED" || len(r.data) != len(v.data) {
		return s3Sums{}
	}
	return v.sums
}
