package awssim

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestS3Access: what the caller may not know is not told, whoever names the wrong
// owner is refused, and reads leave no trace in the state.
func TestS3Access(t *testing.T) {
	cloud := New(Config{})
	path := func(o *s3.Options) { o.UsePathStyle = true }
	client := s3.NewFromConfig(clientConfig(cloud, cloud.Bootstrap(cloud.AccountID(), "alice", allowAll)), path)
	reader := s3.NewFromConfig(clientConfig(cloud, cloud.Bootstrap(cloud.AccountID(), "bob", strings.Replace(allowAll, `"Action":"*"`, `"Action":"s3:GetObject"`, 1))), path)
	stranger := s3.NewFromConfig(clientConfig(cloud, cloud.Bootstrap("999988887777", "eve", allowAll)), path)
	l := lab(t, client, 1)
	if _, err := l.put(l.locked, "k", "hello"); err != nil {
		t.Fatal(err)
	}
	before := cloud.Digest()
	get := func(c *s3.Client, in *s3.GetObjectInput) error {
		in.Bucket = &l.locked
		_, err := c.GetObject(t.Context(), in)
		return err
	}
	cases := []struct{ name, want, got string }{
		{"a missing key, to who may not list", "AccessDenied", codeOf(get(reader, &s3.GetObjectInput{Key: aws.String("nothing")}))},
		{"a missing key, to who may", "NoSuchKey", codeOf(get(client, &s3.GetObjectInput{Key: aws.String("nothing")}))},
		{"another account", "AccessDenied", codeOf(get(stranger, &s3.GetObjectInput{Key: aws.String("k")}))},
		{"the wrong owner", "AccessDenied", codeOf(get(client, &s3.GetObjectInput{Key: aws.String("k"), ExpectedBucketOwner: aws.String("999988887777")}))},
		{"the right owner", "", codeOf(get(reader, &s3.GetObjectInput{Key: aws.String("k"), ExpectedBucketOwner: aws.String(cloud.AccountID())}))},
	}
	for _, tc := range cases {
		if tc.got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, tc.got, tc.want)
		}
	}
	if cloud.Digest() != before {
		t.Error("reading changed the state")
	}
	cloud.mu.Lock()
	data, err := cloud.s3.objectBytes(l.locked, "k", "")
	cloud.mu.Unlock()
	if err != nil || !bytes.Equal(data, []byte("hello")) {
		t.Errorf("objectBytes: %q, %v", data, err)
	}
	out, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &l.locked, Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	err = get(client, &s3.GetObjectInput{Key: aws.String("k"), VersionId: out.VersionId})
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) || answer.HTTPStatusCode() != 405 || answer.HTTPResponse().Header.Get("X-Amz-Delete-Marker") != "true" {
		t.Errorf("reading a marker: %v", err)
	}
}
