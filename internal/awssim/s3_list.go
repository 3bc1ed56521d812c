package awssim

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// s3Item is a line of a listing: a version, or keys rolled up under a prefix.
type s3Item struct {
	name   string // the key, or the common prefix
	v      *s3Version
	latest bool
	rolled bool
}

// s3Query is what a listing asks for.
type s3Query struct {
	prefix, delimiter string
	after             string // names up to this one were seen
	afterID           string // of after, versions up to this one only
	max               int
	versions          bool
}

func newS3Query(prefix, delimiter, after *string, max *int32) (s3Query, error) {
	q := s3Query{prefix: aws.ToString(prefix), delimiter: aws.ToString(delimiter), after: aws.ToString(after), max: 1000}
	if max != nil && *max < 0 {
		return q, invalidArgument("Argument maxKeys must be an integer between 0 and 2147483647")
	}
	if max != nil && *max < 1000 {
		q.max = int(*max)
	}
	return q, nil
}

// list is one page and whether more follows.
func (b *s3Bucket) list(q s3Query) (page []s3Item, more bool) {
	last := ""
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		name, rolled, ok := q.place(key)
		if !ok || rolled && name == last {
			continue
		}
		for _, it := range b.itemsOf(key, q) {
			if len(page) == q.max {
				return page, q.max > 0
			}
			if it.name, it.rolled = name, rolled; rolled {
				it.v, last = nil, name
			}
			page = append(page, it)
			if rolled {
				break
			}
		}
	}
	return page, false
}

// place is the line that a key is on, if it is on this page or a later one.
func (q s3Query) place(key string) (name string, rolled, ok bool) {
	if !strings.HasPrefix(key, q.prefix) {
		return "", false, false
	}
	name = key
	if q.delimiter != "" {
		if i := strings.Index(key[len(q.prefix):], q.delimiter); i >= 0 {
			name, rolled = key[:len(q.prefix)+i+len(q.delimiter)], true
		}
	}
	switch {
	case rolled && name == q.after: // all that is under it was seen
		return "", false, false
	case key < q.after, key == q.after && q.afterID == "" && q.after != "":
		return "", false, false
	}
	return name, rolled, true
}

// itemsOf are the lines of one key: its current version, or all, newest first.
func (b *s3Bucket) itemsOf(key string, q s3Query) []s3Item {
	all := b.objects[key]
	current := len(all) - 1
	if !q.versions {
		if all[current].marker {
			return nil
		}
		return []s3Item{{v: all[current], latest: true}}
	}
	start := current
	if key == q.after && q.afterID != "" {
		start = slices.IndexFunc(all, func(v *s3Version) bool { return v.id == q.afterID }) - 1
	}
	var out []s3Item
	for i := start; i >= 0; i-- {
		out = append(out, s3Item{v: all[i], latest: i == current})
	}
	return out
}

// encoder writes names as the request wants them.
func encoder(kind s3types.EncodingType) func(string) *string {
	if kind == s3types.EncodingTypeUrl {
		return func(s string) *string { return aws.String(strings.ReplaceAll(url.QueryEscape(s), "%2F", "/")) }
	}
	return aws.String
}

func (c *call) mayList(action string, bucket, owner *string, q s3Query) (*s3Bucket, error) {
	return c.bucket(action, bucket, owner, withCondition("s3:prefix", q.prefix), withCondition("s3:delimiter", q.delimiter))
}

// objectLines are the contents and prefixes of a page.
func objectLines(c *call, b *s3Bucket, page []s3Item, enc func(string) *string, owner bool) (objects []s3types.Object, prefixes []s3types.CommonPrefix) {
	for _, it := range page {
		if it.rolled {
			prefixes = append(prefixes, s3types.CommonPrefix{Prefix: enc(it.name)})
			continue
		}
		o := s3types.Object{
			Key: enc(it.name), ETag: aws.String(it.v.etag), Size: aws.Int64(int64(len(it.v.data))), LastModified: aws.Time(it.v.modified), StorageClass: s3types.ObjectStorageClass(standard(it.v.head.Class)),
			ChecksumAlgorithm: []s3types.ChecksumAlgorithm{s3types.ChecksumAlgorithm(it.v.sums.algorithm)}, ChecksumType: s3types.ChecksumType(it.v.sums.kind),
		}
		if owner {
			o.Owner = canonicalOwner(c, b.owner)
		}
		objects = append(objects, o)
	}
	return objects, prefixes
}

func standard(class string) string {
	if class == "" {
		return "STANDARD"
	}
	return class
}

func listObjectsV2(c *call, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	q, err := newS3Query(in.Prefix, in.Delimiter, in.StartAfter, in.MaxKeys)
	b, denied := c.mayList("ListBucket", in.Bucket, in.ExpectedBucketOwner, q)
	if denied != nil {
		return nil, denied
	}
	if err != nil {
		return nil, err
	}
	if in.ContinuationToken != nil {
		if q.after, err = openS3Token(*in.ContinuationToken); err != nil {
			return nil, err
		}
	}
	page, more := b.list(q)
	enc := encoder(in.EncodingType)
	out := &s3.ListObjectsV2Output{
		Name: in.Bucket, Prefix: enc(q.prefix), StartAfter: in.StartAfter, ContinuationToken: in.ContinuationToken, EncodingType: in.EncodingType,
		MaxKeys: aws.Int32(int32(q.max)), KeyCount: aws.Int32(int32(len(page))), IsTruncated: aws.Bool(more),
	}
	if q.delimiter != "" {
		out.Delimiter = enc(q.delimiter)
	}
	if more {
		out.NextContinuationToken = aws.String(makeS3Token(page[len(page)-1].name))
	}
	out.Contents, out.CommonPrefixes = objectLines(c, b, page, enc, aws.ToBool(in.FetchOwner))
	return out, nil
}

// Continuation tokens are the last name with a checksum before it.
func makeS3Token(name string) string {
	sum := sha256.Sum256([]byte("s3 token " + name))
	return base64.StdEncoding.EncodeToString(append(sum[:16], name...))
}

func openS3Token(token string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(raw) <= 16 || makeS3Token(string(raw[16:])) != token {
		return "", invalidArgument("The continuation token provided is incorrect")
	}
	return string(raw[16:]), nil
}

func listObjects(c *call, in *s3.ListObjectsInput) (*s3.ListObjectsOutput, error) {
	q, err := newS3Query(in.Prefix, in.Delimiter, in.Marker, in.MaxKeys)
	b, denied := c.mayList("ListBucket", in.Bucket, in.ExpectedBucketOwner, q)
	if denied != nil {
		return nil, denied
	}
	if err != nil {
		return nil, err
	}
	page, more := b.list(q)
	enc := encoder(in.EncodingType)
	out := &s3.ListObjectsOutput{Name: in.Bucket, Prefix: enc(q.prefix), Marker: enc(q.after), MaxKeys: aws.Int32(int32(q.max)), IsTruncated: aws.Bool(more), EncodingType: in.EncodingType}
	if q.delimiter != "" {
		if out.Delimiter = enc(q.delimiter); more { // without a delimiter, clients go on from the last key
			out.NextMarker = enc(page[len(page)-1].name)
		}
	}
	out.Contents, out.CommonPrefixes = objectLines(c, b, page, enc, true)
	return out, nil
}

func listObjectVersions(c *call, in *s3.ListObjectVersionsInput) (*s3.ListObjectVersionsOutput, error) {
	q, err := newS3Query(in.Prefix, in.Delimiter, in.KeyMarker, in.MaxKeys)
	b, denied := c.mayList("ListBucketVersions", in.Bucket, in.ExpectedBucketOwner, q)
	if denied != nil {
		return nil, denied
	}
	if err != nil {
		return nil, err
	}
	q.versions, q.afterID = true, aws.ToString(in.VersionIdMarker)
	if q.afterID != "" && (q.after == "" || !validVersionID(q.afterID)) {
		return nil, invalidArgument("A version-id marker cannot be specified without a key marker.")
	}
	page, more := b.list(q)
	enc := encoder(in.EncodingType)
	out := &s3.ListObjectVersionsOutput{
		Name: in.Bucket, Prefix: enc(q.prefix), KeyMarker: enc(q.after), VersionIdMarker: aws.String(q.afterID), MaxKeys: aws.Int32(int32(q.max)), IsTruncated: aws.Bool(more), EncodingType: in.EncodingType,
	}
	if q.delimiter != "" {
		out.Delimiter = enc(q.delimiter)
	}
	if more {
		last := page[len(page)-1]
		if out.NextKeyMarker = enc(last.name); !last.rolled {
			out.NextVersionIdMarker = aws.String(last.v.id)
		}
	}
	versionLines(c, b, page, enc, out)
	return out, nil
}

func versionLines(c *call, b *s3Bucket, page []s3Item, enc func(string) *string, out *s3.ListObjectVersionsOutput) {
	owner := canonicalOwner(c, b.owner)
	for _, it := range page {
		switch {
		case it.rolled:
			out.CommonPrefixes = append(out.CommonPrefixes, s3types.CommonPrefix{Prefix: enc(it.name)})
		case it.v.marker:
			out.DeleteMarkers = append(out.DeleteMarkers, s3types.DeleteMarkerEntry{Key: enc(it.name), VersionId: aws.String(it.v.id), IsLatest: aws.Bool(it.latest), LastModified: aws.Time(it.v.modified), Owner: owner})
		default:
			out.Versions = append(out.Versions, s3types.ObjectVersion{
				Key: enc(it.name), VersionId: aws.String(it.v.id), IsLatest: aws.Bool(it.latest), LastModified: aws.Time(it.v.modified), Owner: owner,
				ETag: aws.String(it.v.etag), Size: aws.Int64(int64(len(it.v.data))), StorageClass: s3types.ObjectVersionStorageClass(standard(it.v.head.Class)),
				ChecksumAlgorithm: []s3types.ChecksumAlgorithm{s3types.ChecksumAlgorithm(it.v.sums.algorithm)}, ChecksumType: s3types.ChecksumType(it.v.sums.kind),
			})
		}
	}
}
