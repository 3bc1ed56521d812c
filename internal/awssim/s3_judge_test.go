package awssim

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// s3Lab is a fresh pair of buckets on one of the implementations.
type s3Lab struct {
	*s3.Client
	ctx           context.Context
	plain, locked string // locked has Object Lock, and so versioning
}

// put writes and tells the version id.
func (l s3Lab) put(bucket, key, body string, more ...func(*s3.PutObjectInput)) (string, error) {
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}
	for _, f := range more {
		f(in)
	}
	out, err := l.PutObject(l.ctx, in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.VersionId), nil
}

func (l s3Lab) get(bucket, key, ranged string) string {
	out, err := l.GetObject(l.ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: text(ranged)})
	if err != nil {
		return codeOf(err)
	}
	b, err := io.ReadAll(out.Body)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (l s3Lab) remove(bucket, key, id string) error {
	_, err := l.DeleteObject(l.ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key, VersionId: text(id)})
	return err
}

func compliance(in *s3.PutObjectInput) {
	in.ObjectLockMode, in.ObjectLockRetainUntilDate = s3types.ObjectLockModeCompliance, aws.Time(time.Now().Add(time.Hour))
	in.ChecksumAlgorithm = s3types.ChecksumAlgorithmSha256
}

func noneMatch(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }

// s3Case says what S3 answers; gateway what versitygw answers instead, and why.
type s3Case struct {
	name, want, gateway, why string
	run                      func(l s3Lab) string
}

func after(err error, then func() string) string {
	if err != nil {
		return "setup: " + err.Error()
	}
	return then()
}

func s3Cases() []s3Case {
	return []s3Case{
		{name: "round trip", want: "hello", run: func(l s3Lab) string {
			_, err := l.put(l.plain, "a/b c+d", "hello")
			return after(err, func() string { return l.get(l.plain, "a/b c+d", "") })
		}},
		{name: "missing key", want: "NoSuchKey", run: func(l s3Lab) string { return l.get(l.plain, "nothing", "") }},
		{name: "missing bucket", want: "NoSuchBucket", run: func(l s3Lab) string { return l.get(l.plain+"-not", "nothing", "") }},
		{name: "range", want: "ell lo llo", run: func(l s3Lab) string {
			_, err := l.put(l.plain, "r", "hello")
			return after(err, func() string {
				return l.get(l.plain, "r", "bytes=1-3") + " " + l.get(l.plain, "r", "bytes=3-99") + " " + l.get(l.plain, "r", "bytes=-3")
			})
		}},
		{name: "range beyond the end", want: "InvalidRange", run: func(l s3Lab) string {
			_, err := l.put(l.plain, "r2", "hello")
			return after(err, func() string { return l.get(l.plain, "r2", "bytes=5-") })
		}},
		{name: "if-none-match", want: "PreconditionFailed", run: func(l s3Lab) string {
			_, err := l.put(l.plain, "once", "1")
			return after(err, func() string { _, err := l.put(l.plain, "once", "2", noneMatch); return codeOf(err) })
		}},
		{name: "if-none-match behind a marker", want: "", gateway: "PreconditionFailed", why: "S3 looks at the current version only, and a marker is none; the gateway counts it as an object", run: func(l s3Lab) string {
			_, err := l.put(l.locked, "m", "1")
			if err == nil {
				err = l.remove(l.locked, "m", "")
			}
			return after(err, func() string { _, err := l.put(l.locked, "m", "2", noneMatch); return codeOf(err) })
		}},
		{name: "wrong SHA-256", want: "BadDigest", run: func(l s3Lab) string {
			_, err := l.put(l.plain, "d", "hello", func(in *s3.PutObjectInput) { in.ChecksumSHA256 = aws.String(s3Sum("SHA256", []byte("other"))) })
			return codeOf(err)
		}},
		{name: "malformed SHA-256", want: "InvalidRequest", run: func(l s3Lab) string {
			_, err := l.put(l.plain, "d", "hello", func(in *s3.PutObjectInput) { in.ChecksumSHA256 = aws.String("short") })
			return codeOf(err)
		}},
		{name: "wrong Content-MD5", want: "BadDigest", run: func(l s3Lab) string {
			_, err := l.put(l.plain, "d", "hello", func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String("XrY7u+Ae7tCTyyK7j1rNww==") })
			return codeOf(err)
		}},
		{name: "every checksum", want: "CRC32 CRC32C CRC64NVME SHA1 SHA256", run: everyChecksum},
		{name: "lock in a plain bucket", want: "InvalidRequest", run: func(l s3Lab) string {
			_, err := l.put(l.plain, "k", "1", compliance)
			return codeOf(err)
		}},
		{name: "retain until the past", want: "InvalidArgument", run: func(l s3Lab) string {
			_, err := l.put(l.locked, "past", "1", compliance, func(in *s3.PutObjectInput) { in.ObjectLockRetainUntilDate = aws.Time(time.Now().Add(-time.Hour)) })
			return codeOf(err)
		}},
		{name: "delete a locked version", want: "AccessDenied", run: func(l s3Lab) string {
			id, err := l.put(l.locked, "k", "1", compliance)
			return after(err, func() string { return codeOf(l.remove(l.locked, "k", id)) })
		}},
		{name: "a marker over a locked version", want: "NoSuchKey", run: func(l s3Lab) string {
			_, err := l.put(l.locked, "k2", "1", compliance)
			if err == nil {
				err = l.remove(l.locked, "k2", "")
			}
			return after(err, func() string { return l.get(l.locked, "k2", "") })
		}},
		{name: "shorten compliance", want: "AccessDenied", run: shorten},
		{name: "legal hold", want: "AccessDenied ", run: legalHold},
		{name: "retention of an object without", want: "NoSuchObjectLockConfiguration", run: func(l s3Lab) string {
			_, err := l.put(l.locked, "free", "1")
			return after(err, func() string {
				_, err := l.GetObjectRetention(l.ctx, &s3.GetObjectRetentionInput{Bucket: &l.locked, Key: aws.String("free")})
				return codeOf(err)
			})
		}},
		{name: "lock configuration of a plain bucket", want: "ObjectLockConfigurationNotFoundError", run: func(l s3Lab) string {
			_, err := l.GetObjectLockConfiguration(l.ctx, &s3.GetObjectLockConfigurationInput{Bucket: &l.plain})
			return codeOf(err)
		}},
		{name: "no policy", want: "NoSuchBucketPolicy", run: func(l s3Lab) string {
			_, err := l.GetBucketPolicy(l.ctx, &s3.GetBucketPolicyInput{Bucket: &l.plain})
			return codeOf(err)
		}},
		{name: "no tags", want: "NoSuchTagSet", run: func(l s3Lab) string {
			_, err := l.GetBucketTagging(l.ctx, &s3.GetBucketTaggingInput{Bucket: &l.plain})
			return codeOf(err)
		}},
		{name: "a bucket that is not empty", want: "BucketNotEmpty", run: func(l s3Lab) string {
			_, err := l.put(l.plain, "x", "1")
			return after(err, func() string {
				_, err := l.DeleteBucket(l.ctx, &s3.DeleteBucketInput{Bucket: &l.plain})
				return codeOf(err)
			})
		}},
		{name: "list with a delimiter", want: "[a] [d/ e/] more | [f] [] end", run: listPages},
		{name: "list versions", want: "[a b b] [a b] [a(marker)]", gateway: "paging does not end", why: "given a page of one, the gateway starts over at its own markers", run: listVersions},
		{name: "multipart", want: "5242885 COMPOSITE -2", run: multipart},
		{name: "list parts", want: "1 true 1 | 2 false 2", run: listPartPages},
		{name: "multipart order", want: "InvalidPartOrder EntityTooSmall NoSuchUpload", gateway: "EntityTooSmall EntityTooSmall NoSuchUpload", why: "of a list wrong in both ways, the gateway checks sizes as it goes", run: multipartErrors},
	}
}

func everyChecksum(l s3Lab) string {
	var seen []string
	for _, a := range []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
		_, err := l.put(l.plain, "sum-"+a, "123456789", func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = s3types.ChecksumAlgorithm(a) })
		if err != nil {
			return err.Error()
		}
		out, err := l.HeadObject(l.ctx, &s3.HeadObjectInput{Bucket: &l.plain, Key: aws.String("sum-" + a), ChecksumMode: s3types.ChecksumModeEnabled})
		if err != nil {
			return err.Error()
		}
		if got := aws.ToString((s3Sums{algorithm: a}).from(out)); got != s3Sum(a, []byte("123456789")) || out.ChecksumType != s3types.ChecksumTypeFullObject {
			return a + " came back as " + got + " " + string(out.ChecksumType)
		}
		seen = append(seen, a)
	}
	return strings.Join(seen, " ")
}

func shorten(l s3Lab) string {
	id, err := l.put(l.locked, "short", "1", compliance)
	return after(err, func() string {
		_, err := l.PutObjectRetention(l.ctx, &s3.PutObjectRetentionInput{Bucket: &l.locked, Key: aws.String("short"), VersionId: &id,
			Retention: &s3types.ObjectLockRetention{Mode: s3types.ObjectLockRetentionModeCompliance, RetainUntilDate: aws.Time(time.Now().Add(time.Minute))}})
		return codeOf(err)
	})
}

func legalHold(l s3Lab) string {
	id, err := l.put(l.locked, "held", "1")
	return after(err, func() string {
		hold := func(s s3types.ObjectLockLegalHoldStatus) error {
			_, err := l.PutObjectLegalHold(l.ctx, &s3.PutObjectLegalHoldInput{Bucket: &l.locked, Key: aws.String("held"), VersionId: &id, LegalHold: &s3types.ObjectLockLegalHold{Status: s}})
			return err
		}
		if err := hold(s3types.ObjectLockLegalHoldStatusOn); err != nil {
			return err.Error()
		}
		first := codeOf(l.remove(l.locked, "held", id))
		if err := hold(s3types.ObjectLockLegalHoldStatusOff); err != nil {
			return err.Error()
		}
		return first + " " + codeOf(l.remove(l.locked, "held", id))
	})
}

func listPages(l s3Lab) string {
	for _, k := range []string{"a", "d/1", "d/2", "e/1", "f"} {
		if _, err := l.put(l.plain, k, k); err != nil {
			return err.Error()
		}
	}
	var pages []string
	var token *string
	for {
		out, err := l.ListObjectsV2(l.ctx, &s3.ListObjectsV2Input{Bucket: &l.plain, Delimiter: aws.String("/"), MaxKeys: aws.Int32(3), ContinuationToken: token})
		if err != nil {
			return err.Error()
		}
		keys, prefixes, end := []string{}, []string{}, "end"
		for _, o := range out.Contents {
			keys = append(keys, *o.Key)
		}
		for _, p := range out.CommonPrefixes {
			prefixes = append(prefixes, *p.Prefix)
		}
		if aws.ToBool(out.IsTruncated) {
			end = "more"
		}
		pages = append(pages, fmt.Sprint(keys, " ", prefixes, " ", end))
		if token = out.NextContinuationToken; token == nil || len(pages) > 5 {
			return strings.Join(pages, " | ")
		}
	}
}

func listVersions(l s3Lab) string {
	for _, k := range []string{"b", "b", "a"} {
		if _, err := l.put(l.locked, k, k); err != nil {
			return err.Error()
		}
	}
	if err := l.remove(l.locked, "a", ""); err != nil {
		return err.Error()
	}
	var lines, latest, markers []string
	var key, id *string
	for page := 0; ; page++ {
		if page == 10 {
			return "paging does not end"
		}
		out, err := l.ListObjectVersions(l.ctx, &s3.ListObjectVersionsInput{Bucket: &l.locked, MaxKeys: aws.Int32(1), KeyMarker: key, VersionIdMarker: id})
		if err != nil {
			return err.Error()
		}
		for _, v := range out.Versions {
			if lines = append(lines, *v.Key); *v.IsLatest {
				latest = append(latest, *v.Key)
			}
		}
		for _, v := range out.DeleteMarkers {
			if markers = append(markers, *v.Key+"(marker)"); *v.IsLatest {
				latest = append(latest, *v.Key)
			}
		}
		if key, id = out.NextKeyMarker, out.NextVersionIdMarker; !aws.ToBool(out.IsTruncated) {
			break
		}
	}
	return fmt.Sprint(lines, latest, markers)
}

func (l s3Lab) begin(key string) (*string, error) {
	out, err := l.CreateMultipartUpload(l.ctx, &s3.CreateMultipartUploadInput{Bucket: &l.plain, Key: &key, ChecksumAlgorithm: s3types.ChecksumAlgorithmSha256})
	if err != nil {
		return nil, err
	}
	return out.UploadId, nil
}

func (l s3Lab) part(key string, id *string, n int32, body string) (s3types.CompletedPart, error) {
	out, err := l.UploadPart(l.ctx, &s3.UploadPartInput{Bucket: &l.plain, Key: &key, UploadId: id, PartNumber: &n, Body: strings.NewReader(body), ChecksumAlgorithm: s3types.ChecksumAlgorithmSha256})
	if err != nil {
		return s3types.CompletedPart{}, err
	}
	return s3types.CompletedPart{ETag: out.ETag, PartNumber: &n, ChecksumSHA256: out.ChecksumSHA256}, nil
}

func (l s3Lab) complete(key string, id *string, parts ...s3types.CompletedPart) error {
	_, err := l.CompleteMultipartUpload(l.ctx, &s3.CompleteMultipartUploadInput{Bucket: &l.plain, Key: &key, UploadId: id, MultipartUpload: &s3types.CompletedMultipartUpload{Parts: parts}})
	return err
}

func multipart(l s3Lab) string {
	id, err := l.begin("big")
	if err != nil {
		return err.Error()
	}
	one, err := l.part("big", id, 1, strings.Repeat("x", minPart))
	if err != nil {
		return err.Error()
	}
	two, err := l.part("big", id, 2, "tail!")
	if err == nil {
		err = l.complete("big", id, one, two)
	}
	if err != nil {
		return err.Error()
	}
	out, err := l.HeadObject(l.ctx, &s3.HeadObjectInput{Bucket: &l.plain, Key: aws.String("big"), ChecksumMode: s3types.ChecksumModeEnabled})
	if err != nil {
		return err.Error()
	}
	sum := aws.ToString(out.ChecksumSHA256)
	return fmt.Sprint(*out.ContentLength, " ", out.ChecksumType, " ", sum[max(0, len(sum)-2):])
}

func listPartPages(l s3Lab) string {
	id, err := l.begin("parts")
	for n := int32(1); n < 3 && err == nil; n++ {
		_, err = l.part("parts", id, n, "some")
	}
	if err != nil {
		return err.Error()
	}
	var pages []string
	var marker *string
	for range 2 {
		out, err := l.ListParts(l.ctx, &s3.ListPartsInput{Bucket: &l.plain, Key: aws.String("parts"), UploadId: id, MaxParts: aws.Int32(1), PartNumberMarker: marker})
		if err != nil || len(out.Parts) != 1 {
			return fmt.Sprint(out, err)
		}
		marker = out.NextPartNumberMarker
		pages = append(pages, fmt.Sprint(*out.Parts[0].PartNumber, " ", aws.ToBool(out.IsTruncated), " ", aws.ToString(marker)))
	}
	return strings.Join(pages, " | ")
}

func multipartErrors(l s3Lab) string {
	id, err := l.begin("small")
	if err != nil {
		return err.Error()
	}
	one, err := l.part("small", id, 1, "1")
	if err != nil {
		return err.Error()
	}
	two, err := l.part("small", id, 2, "2")
	if err != nil {
		return err.Error()
	}
	order, small := codeOf(l.complete("small", id, two, one)), codeOf(l.complete("small", id, one, two))
	if _, err := l.AbortMultipartUpload(l.ctx, &s3.AbortMultipartUploadInput{Bucket: &l.plain, Key: aws.String("small"), UploadId: id}); err != nil {
		return err.Error()
	}
	return order + " " + small + " " + codeOf(l.complete("small", id, one, two))
}

// lab makes the buckets of one case.
func lab(t *testing.T, client *s3.Client, n int) s3Lab {
	t.Helper()
	l := s3Lab{client, t.Context(), fmt.Sprintf("plain-%d", n), fmt.Sprintf("locked-%d", n)}
	if _, err := client.CreateBucket(l.ctx, &s3.CreateBucketInput{Bucket: &l.plain}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateBucket(l.ctx, &s3.CreateBucketInput{Bucket: &l.locked, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestS3Cases(t *testing.T) {
	cloud := New(Config{})
	client := s3.NewFromConfig(clientConfig(cloud, cloud.Bootstrap(cloud.AccountID(), "alice", allowAll)), func(o *s3.Options) { o.UsePathStyle = true })
	for i, tc := range s3Cases() {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.run(lab(t, client, i)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
