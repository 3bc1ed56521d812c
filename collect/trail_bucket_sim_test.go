package collect

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
)

func onlyTrails(buckets ...string) Options {
	return Options{Unpaced: true, TrailBuckets: buckets, Only: []string{"cloudtrail.trails", "cloudtrail.objects"}}
}

// bucketOf is a client for the account's buckets, as their owner.
func bucketOf(a *bench.Account, region string) *s3.Client {
	return s3.New(s3.Options{Region: region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: a.Cloud.Client(), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(a.Keys.AccessKeyID, a.Keys.SecretAccessKey, "")})
}

// delivered are the objects of the account's files in the regions asked for, by key.
func delivered(t *testing.T, a *bench.Account, prefixes ...string) map[string][]byte {
	t.Helper()
	c, out := bucketOf(a, bench.Region), map[string][]byte{}
	for _, prefix := range prefixes {
		list, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bench.TrailBucket), Prefix: &prefix})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Contents {
			got, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bench.TrailBucket), Key: o.Key})
			if err != nil {
				t.Fatal(err)
			}
			if out[*o.Key], err = io.ReadAll(got.Body); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// objectsIn are the collected objects by key.
func objectsIn(m *memory, artefacts ...string) map[string][]byte {
	out := map[string][]byte{}
	for _, e := range m.entries {
		if slices.Contains(artefacts, e.Artefact) && e.Item != nil {
			out[e.Item.Params["Key"]] = m.bytes[key(e)]
		}
	}
	return out
}

// TestTrailBucket: files and digests lie in the case as they lie in the bucket, with what S3
// knows of them, and nothing of another account, region or time does.
func TestTrailBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		own := "AWSLogs/" + bench.AccountID
		want := delivered(t, a, own+"/CloudTrail/"+bench.Region+"/20", own+"/CloudTrail-Digest/"+bench.Region+"/", own+"/CloudTrail/us-east-1/", own+"/CloudTrail-Digest/us-east-1/")
		maps.DeleteFunc(want, func(key string, _ []byte) bool { return strings.HasSuffix(key, "long-ago.json.gz") })
		for _, place := range []string{AutoTrailBucket, "s3://" + bench.TrailBucket} {
			m, sum := collectSim(t, a, onlyTrails(place))
			got := objectsIn(m, "cloudtrail.log", "cloudtrail.digest")
			if !sum.Complete || len(got) < 4 || !maps.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%s: %+v, %d objects of %d: %v", place, sum, len(got), len(want), slices.Sorted(maps.Keys(got)))
			}
			for _, e := range m.entries {
				if e.Item == nil || e.Artefact != "cloudtrail.log" && e.Artefact != "cloudtrail.digest" {
					continue
				}
				p := e.Item.Params
				if _, err := gzip.NewReader(bytes.NewReader(m.bytes[key(e)])); err != nil || p["ETag"] == "" || p["VersionId"] == "" || p["LastModified"] == "" || p["ChecksumCRC64NVME"] == "" {
					t.Errorf("%s: %v %v", key(e), p, err)
				}
				if signed := len(p["x-amz-meta-signature"]) == 512; signed != (e.Artefact == "cloudtrail.digest") {
					t.Errorf("%s: signature %q", key(e), p["x-amz-meta-signature"])
				}
			}
		}
	})
}

// TestTrailBucketIsNotAskedFor: that is no gap, and no call is made.
func TestTrailBucketIsNotAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		before := len(a.Cloud.Calls())
		m, sum := collectSim(t, a, onlyTrails())
		wantStates(t, m.states(), evidence.NotCovered, "cloudtrail.objects ")
		for _, c := range a.Cloud.Calls()[before:] {
			if c.Service == "s3" {
				t.Errorf("called %s", c.Operation)
			}
		}
		if !sum.Complete {
			t.Errorf("%+v", sum)
		}
	})
}

// TestTrailBucketElsewhere: a bucket in another region, with a prefix, of the organization's trail.
func TestTrailBucketElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		c, bucket := bucketOf(a, "eu-north-1"), aws.String("org-trails")
		if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-north-1"}}); err != nil {
			t.Fatal(err)
		}
		day := a.Cloud.Now().UTC().Format("2006/01/02")
		for _, key := range []string{
			"p/q/AWSLogs/o-exampleorgid/" + bench.AccountID + "/CloudTrail/" + bench.Region + "/" + day + "/a.json.gz",
			"p/q/AWSLogs/o-exampleorgid/" + bench.AccountID + "/CloudTrail-Digest/us-east-1/" + day + "/d.json.gz",
			"p/q/AWSLogs/o-exampleorgid/210987654321/CloudTrail/" + bench.Region + "/" + day + "/b.json.gz",
			"p/q/AWSLogs/o-x/" + bench.AccountID + "/CloudTrail/" + bench.Region + "/" + day + "/c.json.gz",
		} {
			if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String(key), Body: strings.NewReader(key), Metadata: map[string]string{"Note": "by hand"}}); err != nil {
				t.Fatal(err)
			}
		}
		m, sum := collectSim(t, a, onlyTrails("s3://org-trails/p/q/"))
		got := objectsIn(m, "cloudtrail.log", "cloudtrail.digest")
		if !sum.Complete || len(got) != 2 {
			t.Errorf("%+v, %v, %v", sum, slices.Sorted(maps.Keys(got)), m.states())
		}
		for k, b := range got {
			if string(b) != k {
				t.Errorf("%s holds %q", k, b)
			}
		}
		m, sum = collectSim(t, a, onlyTrails("s3://no-such-bucket", "s3://Not-a-Bucket"))
		if sum.Complete {
			t.Errorf("a bucket that is not there: %v", m.states())
		}
	})
}

// TestTrailBucketBounds: what is over the bound is counted and named, digests come first.
func TestTrailBucketBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		o := onlyTrails(AutoTrailBucket)
		for _, b := range delivered(t, a, "AWSLogs/"+bench.AccountID+"/CloudTrail-Digest/") {
			o.MaxTrailBytes += int64(len(b))
		}
		m, sum := collectSim(t, a, o)
		if n := len(objectsIn(m, "cloudtrail.digest")); n < 2 || len(objectsIn(m, "cloudtrail.log")) != 0 || sum.Complete {
			t.Errorf("%d digests, %+v", n, sum)
		}
		named := 0
		for _, e := range m.entries {
			if e.Artefact == "cloudtrail.log" && e.State == evidence.Truncated && strings.Contains(e.Gap.Note, "--max-trail-bytes") {
				named++
			}
		}
		if named != 2 {
			t.Errorf("%d listings say that they are cut: %v", named, m.states())
		}
	})
}

// TestTrailBucketDenied: the gap names the permission; after many refusals nobody asks on.
func TestTrailBucketDenied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := simAccount(t, awssim.Config{})
		c, day := bucketOf(a, bench.Region), a.Cloud.Now().UTC().Format("2006/01/02")
		for i := range 40 {
			key := "AWSLogs/" + bench.AccountID + "/CloudTrail/" + bench.Region + "/" + day + "/" + string(rune('A'+i)) + ".json.gz"
			if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bench.TrailBucket), Key: &key, Body: strings.NewReader("x")}); err != nil {
				t.Fatal(err)
			}
		}
		for op, permission := range map[string]string{"S3:ListObjectsV2": "s3:ListBucket on arn:aws:s3:::audit-logs", "S3:GetObject": "s3:GetObject on arn:aws:s3:::audit-logs/*", "S3:HeadBucket": "s3:ListBucket"} {
			a.Cloud.ClearFaults()
			a.Cloud.Inject(awssim.Fault{Op: op, Fail: awssim.Fail{Code: "AccessDenied", Message: "injected", Status: http.StatusForbidden}})
			before := len(a.Cloud.Calls())
			m, sum := collectSim(t, a, onlyTrails(AutoTrailBucket))
			denied, rest, asked := 0, 0, 0
			for _, e := range m.entries {
				switch {
				case e.State == evidence.Denied && strings.Contains(e.Gap.Note, permission):
					denied++
				case e.State == evidence.NotAttempted && strings.Contains(e.Gap.Note, "were denied"):
					rest++
				case !e.State.Complete():
					t.Errorf("%s: %+v", op, e.Gap)
				}
			}
			for _, call := range a.Cloud.Calls()[before:] {
				if call.Operation == "GetObject" && op == "S3:GetObject" {
					asked++
				}
			}
			if sum.Complete || denied == 0 || op == "S3:GetObject" && (rest == 0 || asked > 40) {
				t.Errorf("%s: %d denied, %d rests, %d asked for, %v", op, denied, rest, asked, m.states())
			}
		}
	})
}

// TestTrailBucketIsResumed: neither a listing nor an object is asked for twice.
func TestTrailBucketIsResumed(t *testing.T) {
	a := simAccount(t, awssim.Config{})
	a.Cloud.Inject(awssim.Fault{Op: "S3:GetObject", Nth: 2, Fail: awssim.Fail{Code: "AccessDenied", Message: "injected", Status: 403}})
	c, s, target := caseOf(t, a)
	_, sum, err := Into(t.Context(), s, c, evidence.Header{Operator: "o"}, []Target{target}, onlyTrails(AutoTrailBucket))
	if err != nil || sum.States[evidence.Denied] != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	a.Cloud.ClearFaults()
	before := len(a.Cloud.Calls())
	open, err := Resumable(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, sum, err = Resume(t.Context(), s, c, open[0], evidence.Header{Operator: "o"}, Options{Unpaced: true}); err != nil || !sum.Complete {
		t.Errorf("%+v, %v", sum, err)
	}
	made := map[string]int{}
	for _, call := range a.Cloud.Calls()[before:] {
		made[call.Operation]++
	}
	if made["GetObject"] != 1 || made["ListObjectsV2"]+made["HeadBucket"]+made["DescribeTrails"] != 0 {
		t.Errorf("asked again: %v", made)
	}
}
