package awssim

import (
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// copySource reads x-amz-copy-source: [/]BUCKET/KEY[?versionId=ID], escaped.
func copySource(s string) (bucket, key, id string, err error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(s, "/"), "?versionId=")
	plain, bad := url.PathUnescape(path)
	bucket, key, ok := strings.Cut(plain, "/")
	if bad != nil || !ok || key == "" {
		return "", "", "", invalidArgument("Invalid copy source object key")
	}
	return bucket, key, query, nil
}

// source finds the object that is copied.
func (c *call) source(in *s3.CopyObjectInput) (*s3Bucket, *s3Version, error) {
	bucket, key, id, err := copySource(aws.ToString(in.CopySource))
	if err != nil {
		return nil, nil, err
	}
	b, v, err := c.object("GetObject", &bucket, in.ExpectedSourceBucketOwner, &key, text(id))
	if err != nil {
		return nil, nil, err
	}
	if in.CopySourceIfMatch != nil || in.CopySourceIfNoneMatch != nil {
		w := s3Conditions{match: in.CopySourceIfMatch, noneMatch: in.CopySourceIfNoneMatch}
		if w.check(v) != nil {
			return nil, nil, preconditionFailed("x-amz-copy-source-If-Match")
		}
	}
	return b, v, nil
}

func copyObject(c *call, in *s3.CopyObjectInput) (*s3.CopyObjectOutput, error) {
	b, err := c.openBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	key := aws.ToString(in.Key)
	ask := s3LockAsk{string(in.ObjectLockMode), in.ObjectLockRetainUntilDate, string(in.ObjectLockLegalHoldStatus)}
	if err := c.allowWrite(b, key, ask, in.Tagging, writes(true, in.IfMatch, in.IfNoneMatch)...); err != nil {
		return nil, err
	}
	from, src, err := c.source(in)
	if err != nil {
		return nil, err
	}
	replace := in.MetadataDirective == s3types.MetadataDirectiveReplace
	if from == b && src.key == key && !replace && in.ServerSideEncryption == "" && in.StorageClass == "" && b.version(key, "") == src {
		return nil, s3BadRequest("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	if err := b.precondition(key, in.IfMatch, in.IfNoneMatch); err != nil {
		return nil, err
	}
	v := &s3Version{key: key, data: slices.Clone(src.data), etag: etagOf(src.data), head: src.head, tags: src.tags}
	if v.lock, err = b.lockFor(c.now, ask); err != nil {
		return nil, err
	}
	if in.TaggingDirective == s3types.TaggingDirectiveReplace {
		if v.tags, err = s3Tags(in.Tagging); err != nil {
			return nil, err
		}
	}
	if replace {
		v.head = s3Head{ContentType: aws.ToString(in.ContentType), CacheControl: aws.ToString(in.CacheControl), Disposition: aws.ToString(in.ContentDisposition), Encoding: aws.ToString(in.ContentEncoding), Language: aws.ToString(in.ContentLanguage), Meta: in.Metadata}
	}
	v.head.Class = string(in.StorageClass)
	algorithm := string(in.ChecksumAlgorithm)
	if algorithm == "" {
		algorithm = src.sums.algorithm
	}
	if v.sums, err = (s3Claims{}).check(v.data, algorithm); err != nil {
		return nil, err
	}
	if err := c.withObjectKey("Decrypt", from, src.head, src.key); err != nil {
		return nil, err
	}
	b.encrypt(c, &v.head, string(in.ServerSideEncryption), in.SSEKMSKeyId, in.BucketKeyEnabled)
	if err := c.withObjectKey("GenerateDataKey", b, v.head, key); err != nil {
		return nil, err
	}
	c.add(b, v)
	result := &s3types.CopyObjectResult{ETag: aws.String(v.etag), LastModified: aws.Time(v.modified), ChecksumType: s3types.ChecksumType(v.sums.kind)}
	v.sums.into(result)
	return &s3.CopyObjectOutput{
		CopyObjectResult: result, VersionId: b.shown(v), CopySourceVersionId: from.shown(src),
		ServerSideEncryption: s3types.ServerSideEncryption(v.head.SSE), SSEKMSKeyId: text(v.head.KMSKey), BucketKeyEnabled: yes(v.head.BucketKey),
	}, nil
}
