package awssim

import (
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// s3Deleted says what a deletion did.
type s3Deleted struct {
	marker bool    // a delete marker was made, or one was removed
	id     *string // of the marker made, or of the version removed
}

// deleteOne deletes a version, or hides the key behind a marker. To delete what
// is not there is no error.
func (c *call) deleteOne(b *s3Bucket, key string, id, ifMatch *string, bypass *bool) (s3Deleted, error) {
	if err := namedVersion(id); err != nil {
		return s3Deleted{}, err
	}
	action := "DeleteObject"
	var opts []authOption
	if id != nil {
		action = "DeleteObjectVersion"
		opts = append(opts, withCondition("s3:VersionId", *id))
	}
	if err := c.allowObject(b, action, key, opts...); err != nil {
		return s3Deleted{}, err
	}
	v := b.version(key, aws.ToString(id))
	if ifMatch != nil {
		if err := matches(v, key, *ifMatch); err != nil {
			return s3Deleted{}, err
		}
	}
	if id == nil {
		return c.hide(b, key), nil
	}
	switch {
	case v == nil && !validVersionID(*id):
		return s3Deleted{}, invalidArgument("Invalid version id specified")
	case v == nil:
		return s3Deleted{id: id}, nil
	}
	if why := v.lock.locked(c.now); why == "HOLD" || why != "" && !c.bypasses(&b.name, v, bypass) {
		return s3Deleted{}, s3Locked()
	}
	b.remove(key, v.id)
	return s3Deleted{marker: v.marker, id: id}, nil
}

func matches(v *s3Version, key, etag string) error {
	switch {
	case v == nil || v.marker:
		return noSuchKey(key)
	case etag != "*" && strings.Trim(etag, `"`) != strings.Trim(v.etag, `"`):
		return preconditionFailed("If-Match")
	}
	return nil
}

// hide is a deletion without a version id.
func (c *call) hide(b *s3Bucket, key string) s3Deleted {
	if b.versioning == "" {
		b.remove(key, "null")
		return s3Deleted{}
	}
	v := &s3Version{key: key, marker: true}
	c.add(b, v)
	return s3Deleted{marker: true, id: aws.String(v.id)}
}

func deleteObject(c *call, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	b, err := c.openBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	d, err := c.deleteOne(b, aws.ToString(in.Key), in.VersionId, in.IfMatch, in.BypassGovernanceRetention)
	if err != nil {
		return nil, err
	}
	return &s3.DeleteObjectOutput{DeleteMarker: yes(d.marker), VersionId: d.id}, nil
}

// bodyProtected holds the body against the checksum in the request's headers,
// which some operations must have.
func (c *call) bodyProtected() error {
	header := func(name string) *string { return text(c.http.Header.Get(name)) }
	k := claims(header("Content-Md5"), "", header("X-Amz-Checksum-Crc32"), header("X-Amz-Checksum-Crc32c"), header("X-Amz-Checksum-Crc64nvme"), header("X-Amz-Checksum-Sha1"), header("X-Amz-Checksum-Sha256"))
	if !k.protects() {
		return s3BadRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	_, err := k.check(c.wire.body.bytes, "")
	return err
}

// deleteObjects deletes many keys; each is asked for, and refused, by itself.
func deleteObjects(c *call, in *s3.DeleteObjectsInput) (*s3.DeleteObjectsOutput, error) {
	b, err := c.openBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if err := c.bodyProtected(); err != nil {
		return nil, err
	}
	if in.Delete == nil || len(in.Delete.Objects) == 0 || len(in.Delete.Objects) > 1000 {
		return nil, malformedXML()
	}
	out := &s3.DeleteObjectsOutput{}
	for _, o := range in.Delete.Objects {
		d, err := c.deleteOne(b, aws.ToString(o.Key), o.VersionId, o.ETag, in.BypassGovernanceRetention)
		if err != nil {
			var api *apiError
			if !errors.As(err, &api) {
				return nil, err
			}
			out.Errors = append(out.Errors, s3types.Error{Key: o.Key, VersionId: o.VersionId, Code: aws.String(api.Code), Message: aws.String(api.Message)})
			continue
		}
		if aws.ToBool(in.Delete.Quiet) {
			continue
		}
		line := s3types.DeletedObject{Key: o.Key, VersionId: o.VersionId, DeleteMarker: yes(d.marker)}
		if d.marker {
			line.DeleteMarkerVersionId = d.id
		}
		out.Deleted = append(out.Deleted, line)
	}
	return out, nil
}
