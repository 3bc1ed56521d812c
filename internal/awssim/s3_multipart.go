package awssim

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// minPart is the least size of any part but the last.
const minPart = 5 << 20

func noSuchUpload(id *string) *apiError {
	return &apiError{Code: "NoSuchUpload", Message: "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", Fields: map[string]any{"UploadId": aws.ToString(id)}}
}

// upload finds an upload that the caller may do action on.
func (c *call) upload(action string, bucket, owner, key, id *string, opts ...authOption) (*s3Bucket, *s3Upload, error) {
	b, err := c.openBucket(bucket, owner)
	if err != nil {
		return nil, nil, err
	}
	if err := c.allowObject(b, action, aws.ToString(key), opts...); err != nil {
		return nil, nil, err
	}
	u := b.uploads[aws.ToString(id)]
	if u == nil || u.key != aws.ToString(key) {
		return nil, nil, noSuchUpload(id)
	}
	return b, u, nil
}

func createMultipartUpload(c *call, in *s3.CreateMultipartUploadInput) (*s3.CreateMultipartUploadOutput, error) {
	b, err := c.openBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	key := aws.ToString(in.Key)
	ask := s3LockAsk{string(in.ObjectLockMode), in.ObjectLockRetainUntilDate, string(in.ObjectLockLegalHoldStatus)}
	if err := c.allowWrite(b, key, ask, in.Tagging, writes(false, nil, nil)...); err != nil {
		return nil, err
	}
	lock, err := b.lockFor(c.now, ask)
	if err != nil {
		return nil, err
	}
	tags, err := s3Tags(in.Tagging)
	if err != nil {
		return nil, err
	}
	u := &s3Upload{id: c.id("alnum:64", b.name, key), key: key, started: c.now, initiator: c.caller.arn, lock: lock, tags: tags, parts: map[int32]*s3Part{}, head: s3Head{
		ContentType: aws.ToString(in.ContentType), CacheControl: aws.ToString(in.CacheControl), Disposition: aws.ToString(in.ContentDisposition),
		Encoding: aws.ToString(in.ContentEncoding), Language: aws.ToString(in.ContentLanguage), Redirect: aws.ToString(in.WebsiteRedirectLocation),
		Expires: c.http.Header.Get("Expires"), Class: string(in.StorageClass), Meta: in.Metadata,
	}}
	if u.algorithm, u.kind, err = checksumPlan(string(in.ChecksumAlgorithm), string(in.ChecksumType)); err != nil {
		return nil, err
	}
	b.encrypt(c, &u.head, string(in.ServerSideEncryption), in.SSEKMSKeyId, in.BucketKeyEnabled)
	if err := c.withObjectKey("GenerateDataKey", b, u.head, key); err != nil {
		return nil, err
	}
	b.uploads[u.id] = u
	return &s3.CreateMultipartUploadOutput{
		Bucket: in.Bucket, Key: in.Key, UploadId: aws.String(u.id), ChecksumAlgorithm: in.ChecksumAlgorithm, ChecksumType: s3types.ChecksumType(kindShown(string(in.ChecksumAlgorithm), u.kind)),
		ServerSideEncryption: s3types.ServerSideEncryption(u.head.SSE), SSEKMSKeyId: text(u.head.KMSKey), BucketKeyEnabled: yes(u.head.BucketKey),
	}, nil
}

func kindShown(algorithm, kind string) string {
	if algorithm == "" {
		return ""
	}
	return kind
}

// checksumPlan is which checksum an upload gets, and over what: the table of
// "Checking object integrity" in S3's user guide.
func checksumPlan(algorithm, kind string) (string, string, error) {
	if algorithm == "" {
		if kind == "COMPOSITE" {
			return "", "", s3BadRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		return "CRC64NVME", "FULL_OBJECT", nil
	}
	if s3Hash(algorithm) == nil {
		return "", "", fail("NotImplemented", "freezeframe simulator: checksums of kind %s are not simulated", algorithm)
	}
	sha := strings.HasPrefix(algorithm, "SHA")
	switch {
	case kind == "" && algorithm == "CRC64NVME":
		kind = "FULL_OBJECT"
	case kind == "":
		kind = "COMPOSITE"
	case kind == "FULL_OBJECT" && sha, kind == "COMPOSITE" && algorithm == "CRC64NVME":
		return "", "", s3BadRequest("The " + kind + " checksum type cannot be used with the " + strings.ToLower(algorithm) + " checksum algorithm.")
	}
	return algorithm, kind, nil
}

func uploadPart(c *call, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	b, u, err := c.upload("PutObject", in.Bucket, in.ExpectedBucketOwner, in.Key, in.UploadId, writes(false, nil, nil)...)
	if err != nil {
		return nil, err
	}
	for _, action := range []string{"GenerateDataKey", "Decrypt"} {
		if err := c.withObjectKey(action, b, u.head, u.key); err != nil {
			return nil, err
		}
	}
	n := aws.ToInt32(in.PartNumber)
	if n < 1 || n > 10000 {
		return nil, invalidArgument("Part number must be an integer between 1 and 10000, inclusive")
	}
	data, err := readObject(in.Body, in.ContentLength)
	if err != nil {
		return nil, err
	}
	claimed := claims(in.ContentMD5, string(in.ChecksumAlgorithm), in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME, in.ChecksumSHA1, in.ChecksumSHA256)
	sums, err := claimed.check(data, u.algorithm)
	if err != nil {
		return nil, err
	}
	if sums.algorithm != u.algorithm { // what was claimed is checked; what is kept is the upload's
		if u.kind == "COMPOSITE" {
			return nil, s3BadRequest("Checksum Type mismatch occurred, expected checksum Type: " + strings.ToLower(u.algorithm) + ", actual checksum Type: " + strings.ToLower(sums.algorithm))
		}
	}
	out := &s3.UploadPartOutput{ETag: aws.String(etagOf(data)), ServerSideEncryption: s3types.ServerSideEncryption(u.head.SSE), SSEKMSKeyId: text(u.head.KMSKey), BucketKeyEnabled: yes(u.head.BucketKey)}
	sums.into(out)
	if sums.algorithm != u.algorithm {
		sums.algorithm, sums.value = u.algorithm, s3Sum(u.algorithm, data)
	}
	u.parts[n] = &s3Part{number: n, data: data, size: int64(len(data)), etag: *out.ETag, sums: sums, modified: c.now}
	return out, nil
}

// into sets the member of an answer that carries this checksum.
func (s s3Sums) into(out any) {
	if p := s.as(s.algorithm); p != nil {
		reflect.ValueOf(out).Elem().FieldByName("Checksum" + s.algorithm).Set(reflect.ValueOf(p))
	}
}

// from reads the checksum that a request's structure carries for an algorithm.
func (s s3Sums) from(in any) *string {
	p, _ := reflect.ValueOf(in).Elem().FieldByName("Checksum" + s.algorithm).Interface().(*string)
	return p
}

// chosen are the parts that a completion names, held against those uploaded.
func (u *s3Upload) chosen(list []s3types.CompletedPart) ([]s3Part, error) {
	var out []s3Part
	for i := range list {
		p := u.parts[aws.ToInt32(list[i].PartNumber)]
		if p == nil || strings.Trim(aws.ToString(list[i].ETag), `"`) != strings.Trim(p.etag, `"`) {
			return nil, &apiError{Code: "InvalidPart", Status: 400, Message: "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
				Fields: map[string]any{"UploadId": u.id, "PartNumber": aws.ToInt32(list[i].PartNumber), "ETag": strings.Trim(aws.ToString(list[i].ETag), `"`)}}
		}
		if i > 0 && p.number <= out[i-1].number {
			return nil, &apiError{Code: "InvalidPartOrder", Status: 400, Message: "The list of parts was not in ascending order. Parts must be ordered by part number.", Fields: map[string]any{"UploadId": u.id}}
		}
		if claim := p.sums.from(&list[i]); claim != nil && *claim != p.sums.value {
			return nil, &apiError{Code: "InvalidPart", Status: 400, Message: "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."}
		} else if claim == nil && u.kind == "COMPOSITE" {
			return nil, s3BadRequest("The upload was created using a " + strings.ToLower(u.algorithm) + " checksum. The complete request must include the checksum for each part. It was missing for part " + strconv.Itoa(int(p.number)) + " in the request.")
		}
		out = append(out, *p)
	}
	for i, p := range out[:max(0, len(out)-1)] {
		if p.size < minPart {
			return nil, &apiError{Code: "EntityTooSmall", Status: 400, Message: "Your proposed upload is smaller than the minimum allowed size",
				Fields: map[string]any{"ProposedSize": p.size, "MinSizeAllowed": minPart, "PartNumber": out[i].number, "ETag": strings.Trim(p.etag, `"`)}}
		}
	}
	return out, nil
}

// assemble joins the parts into an object.
func (u *s3Upload) assemble(parts []s3Part) (*s3Version, error) {
	var all bytes.Buffer
	etag := md5.New()
	for i := range parts {
		if all.Len()+len(parts[i].data) > maxS3Object {
			return nil, s3TooLarge()
		}
		all.Write(parts[i].data)
		sum, _ := hex.DecodeString(strings.Trim(parts[i].etag, `"`)) // made by etagOf
		etag.Write(sum)
		parts[i].data = nil
	}
	sums, err := s3Claims{}.check(all.Bytes(), u.algorithm)
	if err != nil {
		return nil, err
	}
	if sums.kind = u.kind; u.kind == "COMPOSITE" {
		sums.value = compose(u.algorithm, parts)
	}
	return &s3Version{
		key: u.key, data: all.Bytes(), etag: `"` + hex.EncodeToString(etag.Sum(nil)) + "-" + strconv.Itoa(len(parts)) + `"`,
		sums: sums, parts: parts, head: u.head, lock: u.lock, tags: u.tags,
	}, nil
}

func completeMultipartUpload(c *call, in *s3.CompleteMultipartUploadInput) (*s3.CompleteMultipartUploadOutput, error) {
	b, u, err := c.upload("PutObject", in.Bucket, in.ExpectedBucketOwner, in.Key, in.UploadId, writes(true, in.IfMatch, in.IfNoneMatch)...)
	if err != nil {
		return nil, err
	}
	if in.MultipartUpload == nil || len(in.MultipartUpload.Parts) == 0 {
		return nil, malformedXML()
	}
	if err := c.withObjectKey("Decrypt", b, u.head, u.key); err != nil {
		return nil, err
	}
	parts, err := u.chosen(in.MultipartUpload.Parts)
	if err != nil {
		return nil, err
	}
	if err := b.precondition(u.key, in.IfMatch, in.IfNoneMatch); err != nil {
		return nil, err
	}
	v, err := u.assemble(parts)
	if err != nil {
		return nil, err
	}
	if claim := v.sums.from(in); claim != nil && strings.TrimSuffix(*claim, "-"+strconv.Itoa(len(parts))) != strings.TrimSuffix(v.sums.value, "-"+strconv.Itoa(len(parts))) {
		return nil, &apiError{Code: "BadDigest", Status: 400, Message: "The " + strings.ToLower(v.sums.algorithm) + " you specified did not match the calculated checksum."}
	}
	delete(b.uploads, u.id)
	c.add(b, v)
	out := &s3.CompleteMultipartUploadOutput{
		Bucket: in.Bucket, Key: in.Key, ETag: aws.String(v.etag), VersionId: b.shown(v), ChecksumType: s3types.ChecksumType(v.sums.kind),
		Location:             aws.String("https://" + b.name + ".s3." + b.region + ".amazonaws.com/" + u.key),
		ServerSideEncryption: s3types.ServerSideEncryption(v.head.SSE), SSEKMSKeyId: text(v.head.KMSKey), BucketKeyEnabled: yes(v.head.BucketKey),
	}
	v.sums.into(out)
	return out, nil
}

func abortMultipartUpload(c *call, in *s3.AbortMultipartUploadInput) (*s3.AbortMultipartUploadOutput, error) {
	b, u, err := c.upload("AbortMultipartUpload", in.Bucket, in.ExpectedBucketOwner, in.Key, in.UploadId)
	if err != nil {
		return nil, err
	}
	delete(b.uploads, u.id)
	return &s3.AbortMultipartUploadOutput{}, nil
}

func listParts(c *call, in *s3.ListPartsInput) (*s3.ListPartsOutput, error) {
	b, u, err := c.upload("ListMultipartUploadParts", in.Bucket, in.ExpectedBucketOwner, in.Key, in.UploadId)
	if err != nil {
		return nil, err
	}
	after, err := strconv.Atoi(cmp.Or(aws.ToString(in.PartNumberMarker), "0"))
	if err != nil {
		return nil, invalidArgument("Provided part-number-marker not an integer or within integer range")
	}
	size := 1000
	if in.MaxParts != nil && *in.MaxParts >= 0 && *in.MaxParts < 1000 {
		size = int(*in.MaxParts)
	}
	out := &s3.ListPartsOutput{
		Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId, PartNumberMarker: aws.String(strconv.Itoa(after)), MaxParts: aws.Int32(int32(size)), IsTruncated: aws.Bool(false), StorageClass: s3types.StorageClass(standard(u.head.Class)),
		Owner: canonicalOwner(c, b.owner), Initiator: &s3types.Initiator{ID: aws.String(u.initiator)}, ChecksumAlgorithm: s3types.ChecksumAlgorithm(u.algorithm), ChecksumType: s3types.ChecksumType(u.kind),
	}
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		if int(n) <= after {
			continue
		}
		if len(out.Parts) == size {
			out.IsTruncated = aws.Bool(true)
			break
		}
		p := u.parts[n]
		line := s3types.Part{PartNumber: aws.Int32(n), ETag: aws.String(p.etag), Size: aws.Int64(p.size), LastModified: aws.Time(p.modified)}
		p.sums.into(&line)
		out.Parts, out.NextPartNumberMarker = append(out.Parts, line), aws.String(strconv.Itoa(int(n)))
	}
	return out, nil
}

func listMultipartUploads(c *call, in *s3.ListMultipartUploadsInput) (*s3.ListMultipartUploadsOutput, error) {
	b, err := c.bucket("ListBucketMultipartUploads", in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if aws.ToString(in.Delimiter) != "" {
		return nil, fail("NotImplemented", "freezeframe simulator: uploads are not listed with a delimiter")
	}
	size := 1000
	if in.MaxUploads != nil && *in.MaxUploads > 0 && *in.MaxUploads < 1000 {
		size = int(*in.MaxUploads)
	}
	enc := encoder(in.EncodingType)
	key, id := aws.ToString(in.KeyMarker), aws.ToString(in.UploadIdMarker)
	out := &s3.ListMultipartUploadsOutput{Bucket: in.Bucket, Prefix: enc(aws.ToString(in.Prefix)), KeyMarker: enc(key), UploadIdMarker: aws.String(id), MaxUploads: aws.Int32(int32(size)), IsTruncated: aws.Bool(false), EncodingType: in.EncodingType}
	order := func(x, y *s3Upload) int {
		return cmp.Or(cmp.Compare(x.key, y.key), x.started.Compare(y.started), cmp.Compare(x.id, y.id))
	}
	seen := b.uploads[id]
	for _, u := range slices.SortedFunc(maps.Values(b.uploads), order) {
		past := seen == nil && key != "" && u.key <= key || seen != nil && order(u, seen) <= 0
		if past || !strings.HasPrefix(u.key, aws.ToString(in.Prefix)) {
			continue
		}
		if len(out.Uploads) == size {
			last := out.Uploads[size-1]
			out.IsTruncated, out.NextKeyMarker, out.NextUploadIdMarker = aws.Bool(true), last.Key, last.UploadId
			break
		}
		out.Uploads = append(out.Uploads, s3types.MultipartUpload{
			Key: enc(u.key), UploadId: aws.String(u.id), Initiated: aws.Time(u.started), StorageClass: s3types.StorageClass(standard(u.head.Class)), Owner: canonicalOwner(c, b.owner),
			Initiator: &s3types.Initiator{ID: aws.String(u.initiator)}, ChecksumAlgorithm: s3types.ChecksumAlgorithm(u.algorithm), ChecksumType: s3types.ChecksumType(u.kind),
		})
	}
	return out, nil
}
