package awssim

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// s3Shop is a cloud with a bucket "plain" and, under Object Lock, "vault".
type s3Shop struct {
	*s3.Client
	t     *testing.T
	cloud *Cloud
}

func pathStyle(o *s3.Options) { o.UsePathStyle = true }

func newS3Shop(t *testing.T) s3Shop {
	t.Helper()
	cloud := New(Config{Region: "us-east-1"})
	s := s3Shop{t: t, cloud: cloud}
	s.Client = s.as(cloud.AccountID(), "alice", allowAll)
	must(s.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("plain")}))(t)
	must(s.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("vault"), ObjectLockEnabledForBucket: aws.Bool(true)}))(t)
	return s
}

// as is a client of another user, every answer held against the shapes.
func (s s3Shop) as(account, name, policy string) *s3.Client {
	cfg := clientConfig(s.cloud, s.cloud.Bootstrap(account, name, policy))
	return s3.NewFromConfig(checked(s.t, s.cloud, cfg), pathStyle)
}

// other is a client that may see nothing but refusals: those have no shape to be held against.
func (s s3Shop) other(account, name, policy string) *s3.Client {
	return s3.NewFromConfig(clientConfig(s.cloud, s.cloud.Bootstrap(account, name, policy)), pathStyle)
}

func (s s3Shop) ctx() context.Context { return s.t.Context() }

func (s s3Shop) lab() s3Lab { return s3Lab{s.Client, s.ctx(), "plain", "vault"} }

func (s s3Shop) put(bucket, key, body string, more ...func(*s3.PutObjectInput)) string {
	s.t.Helper()
	return must(s.lab().put(bucket, key, body, more...))(s.t)
}

// is wants an error of that code; "" is none.
func (s s3Shop) is(what, code string, err error) {
	s.t.Helper()
	if got := codeOf(err); got != code || err != nil && code == "" {
		s.t.Errorf("%s: %v, want %q", what, err, code)
	}
}

func errOf[T any](_ T, err error) error { return err }

func statusOf(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// TestS3CasesAgainstShapes runs the common cases once more, judged by AWS's shapes.
func TestS3CasesAgainstShapes(t *testing.T) {
	cloud := New(Config{})
	cfg := checked(t, cloud, clientConfig(cloud, cloud.Bootstrap(cloud.AccountID(), "alice", allowAll)))
	client := s3.NewFromConfig(cfg)
	for i, tc := range s3Cases() {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.run(lab(t, client, i)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestS3BucketNames(t *testing.T) {
	s := newS3Shop(t)
	stranger := s.as("999988887777", "eve", allowAll)
	create := func(c *s3.Client, name string, region s3types.BucketLocationConstraint) error {
		in := &s3.CreateBucketInput{Bucket: &name}
		if region != "" {
			in.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: region}
		}
		return errOf(c.CreateBucket(s.ctx(), in))
	}
	s.is("upper case", "InvalidBucketName", create(s.Client, "Upper", ""))
	s.is("an address", "InvalidBucketName", create(s.Client, "192.168.5.4", ""))
	s.is("taken by another", "BucketAlreadyExists", create(stranger, "plain", ""))
	s.is("mine, us-east-1", "", create(s.Client, "plain", ""))
	s.is("abroad", "", create(s.Client, "abroad", "eu-west-1"))
	s.is("mine, elsewhere", "BucketAlreadyOwnedByYou", create(s.Client, "abroad", "eu-west-1"))
	err := errOf(s.other(s.cloud.AccountID(), "bob", allowAll).ListObjectsV2(s.ctx(), &s3.ListObjectsV2Input{Bucket: aws.String("abroad")}))
	if s.is("the wrong endpoint", "PermanentRedirect", err); statusOf(err) != 301 {
		t.Errorf("the wrong endpoint: status %d", statusOf(err))
	}
	list := must(stranger.ListBuckets(s.ctx(), &s3.ListBucketsInput{}))(t)
	if len(list.Buckets) != 0 {
		t.Errorf("a stranger sees %d buckets", len(list.Buckets))
	}
	_, err = s.HeadBucket(s.ctx(), &s3.HeadBucketInput{Bucket: aws.String("no-such")})
	if statusOf(err) != 404 {
		t.Errorf("head of a missing bucket: %v", err)
	}
	must(s.DeleteBucket(s.ctx(), &s3.DeleteBucketInput{Bucket: aws.String("plain")}))(t)
	s.is("deleted", "", create(stranger, "plain", ""))
}

// TestS3BucketsByPage: as many as asked for, each once.
func TestS3BucketsByPage(t *testing.T) {
	s := newS3Shop(t)
	var names []string
	var token *string
	for range 3 {
		out := must(s.ListBuckets(s.ctx(), &s3.ListBucketsInput{MaxBuckets: aws.Int32(1), ContinuationToken: token}))(t)
		for _, b := range out.Buckets {
			names = append(names, *b.Name)
		}
		if token = out.ContinuationToken; token == nil {
			break
		}
	}
	if got := strings.Join(names, " "); got != "plain vault" {
		t.Errorf("listed %s", got)
	}
}

func TestS3Versions(t *testing.T) {
	s := newS3Shop(t)
	plain := aws.String("plain")
	get := must(s.GetBucketVersioning(s.ctx(), &s3.GetBucketVersioningInput{Bucket: plain}))(t)
	if get.Status != "" {
		t.Errorf("versioning of a new bucket: %q", get.Status)
	}
	if id := s.put("plain", "k", "zero"); id != "" {
		t.Errorf("version %q without versioning", id)
	}
	version := func(status s3types.BucketVersioningStatus) {
		must(s.PutBucketVersioning(s.ctx(), &s3.PutBucketVersioningInput{Bucket: plain, VersioningConfiguration: &s3types.VersioningConfiguration{Status: status}}))(t)
	}
	version("Enabled")
	first := s.put("plain", "k", "one")
	version("Suspended")
	if id := s.put("plain", "k", "two"); id != "null" {
		t.Errorf("version %q while suspended", id)
	}
	read := func(id string) (string, error) {
		out, err := s.GetObject(s.ctx(), &s3.GetObjectInput{Bucket: plain, Key: aws.String("k"), VersionId: &id})
		if err != nil {
			return "", err
		}
		return string(readAll(t, out.Body)), nil
	}
	for id, want := range map[string]string{first: "one", "null": "two"} {
		if got, err := read(id); got != want || err != nil {
			t.Errorf("version %s reads %q, %v", id, got, err)
		}
	}
	s.is("a version that never was", "NoSuchVersion", errOf(read(strings.Repeat("a", 32))))
	s.is("no id", "InvalidArgument", errOf(read("nonsense")))
	s.is("an empty id", "InvalidArgument", errOf(read("")))
	s.is("deleting an empty id", "InvalidArgument", errOf(s.DeleteObject(s.ctx(), &s3.DeleteObjectInput{Bucket: plain, Key: aws.String("k"), VersionId: aws.String("")})))
	if got, err := read(first); got != "one" || err != nil {
		t.Errorf("after that, %q, %v", got, err)
	}
	s.is("suspending under a lock", "InvalidBucketState", errOf(s.PutBucketVersioning(s.ctx(), &s3.PutBucketVersioningInput{Bucket: aws.String("vault"), VersioningConfiguration: &s3types.VersioningConfiguration{Status: "Suspended"}})))
}

func TestS3Markers(t *testing.T) {
	s := newS3Shop(t)
	s.put("vault", "k", "one")
	key := aws.String("k")
	gone := must(s.DeleteObject(s.ctx(), &s3.DeleteObjectInput{Bucket: aws.String("vault"), Key: key}))(t)
	if !aws.ToBool(gone.DeleteMarker) || aws.ToString(gone.VersionId) == "" {
		t.Fatalf("deleted: %+v", gone)
	}
	head := func(id *string) *awshttp.ResponseError {
		_, err := s.HeadObject(s.ctx(), &s3.HeadObjectInput{Bucket: aws.String("vault"), Key: key, VersionId: id})
		var answer *awshttp.ResponseError
		if !errors.As(err, &answer) {
			t.Fatal(err)
		}
		return answer
	}
	for _, tc := range []struct {
		id     *string
		status int
	}{{nil, 404}, {gone.VersionId, 405}} {
		r := head(tc.id)
		if r.HTTPStatusCode() != tc.status || r.Response.Header.Get("X-Amz-Delete-Marker") != "true" || r.Response.Header.Get("X-Amz-Version-Id") != *gone.VersionId {
			t.Errorf("head of a marker: %d %v, want %d", r.HTTPStatusCode(), r.Response.Header, tc.status)
		}
	}
	back := must(s.DeleteObject(s.ctx(), &s3.DeleteObjectInput{Bucket: aws.String("vault"), Key: key, VersionId: gone.VersionId}))(t)
	if !aws.ToBool(back.DeleteMarker) {
		t.Error("removing a marker does not say that it was one")
	}
	if got := s.lab().get("vault", "k", ""); got != "one" {
		t.Errorf("without its marker it reads %q", got)
	}
}

func TestS3Digests(t *testing.T) {
	s := newS3Shop(t)
	put := func(more func(*s3.PutObjectInput)) error { return errOf(s.lab().put("plain", "k", "hello", more)) }
	s.is("no MD5", "InvalidDigest", put(func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String("short") }))
	s.is("If-Match of nothing", "NoSuchKey", put(func(in *s3.PutObjectInput) { in.IfMatch = aws.String(`"x"`) }))
	for _, a := range []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
		s.is("wrong "+a, "BadDigest", put(func(in *s3.PutObjectInput) { claim(in, a, s3Sum(a, []byte("other"))) }))
		s.is("malformed "+a, "InvalidRequest", put(func(in *s3.PutObjectInput) { claim(in, a, "short") }))
	}
	if _, err := s.HeadObject(s.ctx(), &s3.HeadObjectInput{Bucket: aws.String("plain"), Key: aws.String("k")}); statusOf(err) != 404 {
		t.Errorf("something was stored all the same: %v", err)
	}
	s.put("plain", "k", "hello")
	s.is("If-Match of another", "PreconditionFailed", put(func(in *s3.PutObjectInput) { in.IfMatch = aws.String(`"x"`) }))
	s.is("If-Match", "", put(func(in *s3.PutObjectInput) { in.IfMatch = aws.String(etagOf([]byte("hello"))) }))
	out := must(s.HeadObject(s.ctx(), &s3.HeadObjectInput{Bucket: aws.String("plain"), Key: aws.String("k")}))(t)
	if out.ChecksumType != "" || out.ChecksumCRC32 != nil {
		t.Errorf("checksums that nobody asked for: %+v", out)
	}
	s.is("If-None-Match of a read", "NotModified", errOf(s.GetObject(s.ctx(), &s3.GetObjectInput{Bucket: aws.String("plain"), Key: aws.String("k"), IfNoneMatch: out.ETag})))
}

func claim(in *s3.PutObjectInput, algorithm, value string) {
	switch algorithm {
	case "CRC32":
		in.ChecksumCRC32 = &value
	case "CRC32C":
		in.ChecksumCRC32C = &value
	case "CRC64NVME":
		in.ChecksumCRC64NVME = &value
	case "SHA1":
		in.ChecksumSHA1 = &value
	case "SHA256":
		in.ChecksumSHA256 = &value
	}
}

// TestS3Refuses: what the simulator would have to leave out is refused, not forgotten.
func TestS3Refuses(t *testing.T) {
	s := newS3Shop(t)
	put := func(more func(*s3.PutObjectInput)) error { return errOf(s.lab().put("plain", "k", "hello", more)) }
	s.is("a customer's key", "NotImplemented", put(func(in *s3.PutObjectInput) { in.SSECustomerAlgorithm = aws.String("AES256") }))
	s.is("a public ACL", "AccessControlListNotSupported", put(func(in *s3.PutObjectInput) { in.ACL = s3types.ObjectCannedACLPublicRead }))
	s.is("the ACL that changes nothing", "", put(func(in *s3.PutObjectInput) { in.ACL = s3types.ObjectCannedACLBucketOwnerFullControl }))
	s.is("a long key", "KeyTooLongError", errOf(s.lab().put("plain", strings.Repeat("k", 1025), "")))
}

func inAnHour() *time.Time { return aws.Time(time.Now().Add(time.Hour)) }

func governance(in *s3.PutObjectInput) {
	in.ObjectLockMode, in.ObjectLockRetainUntilDate = s3types.ObjectLockModeGovernance, inAnHour()
	in.ChecksumAlgorithm = s3types.ChecksumAlgorithmSha256
}

func TestS3Governance(t *testing.T) {
	s := newS3Shop(t)
	id := s.put("vault", "k", "one", governance)
	weak := s.other(s.cloud.AccountID(), "bob", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"s3:BypassGovernanceRetention","Resource":"*"}]}`)
	remove := func(c *s3.Client, bypass bool) error {
		return errOf(c.DeleteObject(s.ctx(), &s3.DeleteObjectInput{Bucket: aws.String("vault"), Key: aws.String("k"), VersionId: &id, BypassGovernanceRetention: &bypass}))
	}
	retain := func(mode s3types.ObjectLockRetentionMode, until time.Duration, bypass bool) error {
		return errOf(s.PutObjectRetention(s.ctx(), &s3.PutObjectRetentionInput{Bucket: aws.String("vault"), Key: aws.String("k"), VersionId: &id, BypassGovernanceRetention: &bypass,
			Retention: &s3types.ObjectLockRetention{Mode: mode, RetainUntilDate: aws.Time(time.Now().Add(until))}}))
	}
	s.is("without the header", "AccessDenied", remove(s.Client, false))
	s.is("without the permission", "AccessDenied", remove(weak, true))
	s.is("shorter", "AccessDenied", retain("GOVERNANCE", time.Minute, false))
	s.is("longer", "", retain("GOVERNANCE", 2*time.Hour, false))
	s.is("shorter, with the header", "", retain("GOVERNANCE", time.Minute, true))
	s.is("in the past", "InvalidArgument", retain("GOVERNANCE", -time.Minute, true))
	s.is("to compliance", "", retain("COMPLIANCE", time.Hour, false))
	s.is("back, with the header", "AccessDenied", retain("GOVERNANCE", 2*time.Hour, true))
	s.is("compliance has no way around", "AccessDenied", remove(s.Client, true))
	free := s.put("vault", "free", "one", governance)
	s.is("header and permission", "", errOf(s.DeleteObject(s.ctx(), &s3.DeleteObjectInput{Bucket: aws.String("vault"), Key: aws.String("free"), VersionId: &free, BypassGovernanceRetention: aws.Bool(true)})))
}

func TestS3LockedWritesNeedADigest(t *testing.T) {
	s := newS3Shop(t)
	cfg := clientConfig(s.cloud, s.cloud.Bootstrap(s.cloud.AccountID(), "alice", allowAll))
	cfg.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	bare := s3.NewFromConfig(cfg, pathStyle, func(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired })
	put := func(more ...func(*s3.PutObjectInput)) error {
		in := &s3.PutObjectInput{Bucket: aws.String("vault"), Key: aws.String("k"), Body: strings.NewReader("hello")}
		for _, f := range more {
			f(in)
		}
		return errOf(bare.PutObject(s.ctx(), in))
	}
	locked := func(in *s3.PutObjectInput) {
		in.ObjectLockMode, in.ObjectLockRetainUntilDate = s3types.ObjectLockModeCompliance, inAnHour()
	}
	s.is("no lock", "", put())
	s.is("locked, without", "InvalidRequest", put(locked))
	s.is("locked, MD5", "", put(locked, func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String("XUFAKrxLKna5cZ2REBfFkg==") }))
	s.is("half a lock", "InvalidArgument", put(locked, func(in *s3.PutObjectInput) { in.ObjectLockRetainUntilDate = nil }))
}

func TestS3DefaultRetention(t *testing.T) {
	s := newS3Shop(t)
	set := func(bucket string, days int32) error {
		return errOf(s.PutObjectLockConfiguration(s.ctx(), &s3.PutObjectLockConfigurationInput{Bucket: &bucket, ObjectLockConfiguration: &s3types.ObjectLockConfiguration{
			ObjectLockEnabled: s3types.ObjectLockEnabledEnabled, Rule: &s3types.ObjectLockRule{DefaultRetention: &s3types.DefaultRetention{Mode: "GOVERNANCE", Days: &days}}}}))
	}
	s.is("without versioning", "InvalidBucketState", set("plain", 1))
	s.is("no days", "InvalidArgument", set("vault", 0))
	s.is("set", "", set("vault", 3))
	conf := must(s.GetObjectLockConfiguration(s.ctx(), &s3.GetObjectLockConfigurationInput{Bucket: aws.String("vault")}))(t)
	if d := conf.ObjectLockConfiguration.Rule.DefaultRetention; d.Mode != "GOVERNANCE" || *d.Days != 3 || d.Years != nil {
		t.Errorf("default %+v", d)
	}
	id := s.put("vault", "k", "one")
	got := must(s.GetObjectRetention(s.ctx(), &s3.GetObjectRetentionInput{Bucket: aws.String("vault"), Key: aws.String("k")}))(t)
	if left := time.Until(*got.Retention.RetainUntilDate); got.Retention.Mode != "GOVERNANCE" || left < 71*time.Hour || left > 73*time.Hour {
		t.Errorf("retention %v for %v", got.Retention.Mode, left)
	}
	s.is("deleting", "AccessDenied", s.lab().remove("vault", "k", id))
}

func TestS3LegalHold(t *testing.T) {
	s := newS3Shop(t)
	s.put("vault", "k", "one", governance)
	key := &s3.GetObjectLegalHoldInput{Bucket: aws.String("vault"), Key: aws.String("k")}
	s.is("never set", "NoSuchObjectLockConfiguration", errOf(s.GetObjectLegalHold(s.ctx(), key)))
	for _, status := range []s3types.ObjectLockLegalHoldStatus{"ON", "OFF"} {
		must(s.PutObjectLegalHold(s.ctx(), &s3.PutObjectLegalHoldInput{Bucket: key.Bucket, Key: key.Key, LegalHold: &s3types.ObjectLockLegalHold{Status: status}}))(t)
		if got := must(s.GetObjectLegalHold(s.ctx(), key))(t); got.LegalHold.Status != status {
			t.Errorf("hold %s, want %s", got.LegalHold.Status, status)
		}
		if got := must(s.HeadObject(s.ctx(), &s3.HeadObjectInput{Bucket: key.Bucket, Key: key.Key}))(t); got.ObjectLockLegalHoldStatus != status {
			t.Errorf("head says %s, want %s", got.ObjectLockLegalHoldStatus, status)
		}
	}
	plain := &s3.GetObjectLegalHoldInput{Bucket: aws.String("plain"), Key: aws.String("k")}
	s.put("plain", "k", "one")
	s.is("no lock in the bucket", "InvalidRequest", errOf(s.GetObjectLegalHold(s.ctx(), plain)))
}
