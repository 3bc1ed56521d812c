package awssim

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestTrailsDeliver: what the event history has is in the log files, under AWS's names; the
// digests hold the files' hashes, are chained, and verify as AWS says they do.
func TestTrailsDeliver(t *testing.T) {
	c, cfg := realCloud(t, Config{})
	ctx := t.Context()
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	trails := cloudtrail.NewFromConfig(cfg)
	bucket := aws.String("audit-logs")
	must(trails.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("audit"), S3BucketName: bucket, S3KeyPrefix: aws.String("trails"), EnableLogFileValidation: aws.Bool(true)}))(t)
	must(trails.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: aws.String("audit")}))(t)
	if err := c.DeliverTrails(); err != nil { // no bucket yet: nowhere to
		t.Fatal(err)
	}
	must(client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}))(t)
	for range 2 {
		must(trails.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{}))(t)
		time.Sleep(1100 * time.Millisecond) // digests are named by the second
		if err := c.DeliverTrails(); err != nil {
			t.Fatal(err)
		}
	}
	key := must(x509.ParsePKCS1PublicKey(must(trails.ListPublicKeys(ctx, &cloudtrail.ListPublicKeysInput{}))(t).PublicKeyList[0].Value))(t)
	hashes, events, previous := map[string]string{}, 0, "null"
	list := must(client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("trails/AWSLogs/" + c.AccountID() + "/")}))(t)
	slices.Reverse(list.Contents) // '-' sorts before '/': log files first, and digests back to front
	var digests []s3types.Object
	for _, o := range list.Contents {
		if body, _ := inflated(t, client, bucket, o.Key); strings.Contains(*o.Key, "/CloudTrail/") {
			hashes[*o.Key] = hex.EncodeToString(sumOf(body))
			events += bytes.Count(body, []byte(`"eventVersion"`))
			continue
		}
		digests = append(digests, o)
	}
	slices.Reverse(digests)
	for _, o := range digests {
		body, meta := inflated(t, client, bucket, o.Key)
		var d struct {
			DigestEndTime, PreviousDigestSignature string
			LogFiles                               []struct{ S3Object, HashValue string }
		}
		if err := json.Unmarshal(body, &d); err != nil {
			t.Fatal(err)
		}
		signed := sha256.Sum256(fmt.Appendf(nil, "%s\n%s/%s\n%x\n%s", d.DigestEndTime, *bucket, *o.Key, sumOf(body), previous))
		signature, err := hex.DecodeString(meta["signature"])
		if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, signed[:], signature) != nil {
			t.Errorf("%s does not verify", *o.Key)
		}
		if previous != "null" && d.PreviousDigestSignature != previous {
			t.Errorf("%s is not chained", *o.Key)
		}
		previous = meta["signature"]
		for _, l := range d.LogFiles {
			if hashes[l.S3Object] != l.HashValue {
				t.Errorf("the hash of %s is another", l.S3Object)
			}
			delete(hashes, l.S3Object)
		}
	}
	if len(hashes) > 0 || events < 4 || previous == "null" {
		t.Errorf("%d events; files that no digest names: %v", events, hashes)
	}
}

func inflated(t *testing.T, c *s3.Client, bucket, key *string) ([]byte, map[string]string) {
	t.Helper()
	out := must(c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key}))(t)
	defer out.Body.Close()
	z := must(gzip.NewReader(out.Body))(t)
	return must(io.ReadAll(z))(t), out.Metadata
}

func sumOf(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

// TestShadowTrails: a trail of all regions shows in each, one of its home region there alone,
// and only where shadows are asked for.
func TestShadowTrails(t *testing.T) {
	_, cfg := realCloud(t, Config{})
	ctx := t.Context()
	home := cloudtrail.NewFromConfig(cfg)
	for name, all := range map[string]bool{"everywhere": true, "here": false} {
		must(home.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: &name, S3BucketName: aws.String("b"), IsMultiRegionTrail: &all}))(t)
	}
	cfg.Region = "ap-south-1"
	away := cloudtrail.NewFromConfig(cfg)
	count := func(c *cloudtrail.Client, shadows *bool) int {
		return len(must(c.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: shadows}))(t).TrailList)
	}
	if a, b, c := count(home, nil), count(away, nil), count(away, aws.Bool(false)); a != 2 || b != 1 || c != 0 {
		t.Errorf("%d trails at home, %d elsewhere, %d without shadows", a, b, c)
	}
}
