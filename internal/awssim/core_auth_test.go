package awssim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// frozen is a clock that tests set.
type frozen struct{ at time.Time }

func (f *frozen) Now() time.Time { return f.at }

// authCloud has one harmless operation of each protocol.
func authCloud(t *testing.T, cfg Config) (*Cloud, aws.Config) {
	return toyCloud(t, cfg,
		echo("lambda", "GetAccountSettings", &lambda.GetAccountSettingsInput{}, &lambda.GetAccountSettingsOutput{}),
		echo("kms", "ListKeys", &kms.ListKeysInput{}, &kms.ListKeysOutput{}),
		echo("sts", "GetCallerIdentity", &sts.GetCallerIdentityInput{}, &sts.GetCallerIdentityOutput{}),
		echo("s3", "ListBuckets", &s3.ListBucketsInput{}, &s3.ListBucketsOutput{}),
	)
}

// ask calls the operation of each protocol and gives the error codes.
func ask(cfg aws.Config, tweak func(*http.Request)) map[string]string {
	if tweak != nil {
		cfg.HTTPClient = tweaked{cfg.HTTPClient, tweak}
	}
	ctx := context.Background()
	_, e1 := lambda.NewFromConfig(cfg).GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	_, e2 := kms.NewFromConfig(cfg).ListKeys(ctx, &kms.ListKeysInput{})
	_, e3 := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	_, e4 := s3.NewFromConfig(cfg).ListBuckets(ctx, &s3.ListBucketsInput{})
	return map[string]string{"lambda": codeOf(e1), "kms": codeOf(e2), "sts": codeOf(e3), "s3": codeOf(e4)}
}

// tweaked changes requests after they were signed.
type tweaked struct {
	aws.HTTPClient
	tweak func(*http.Request)
}

func (t tweaked) Do(r *http.Request) (*http.Response, error) {
	t.tweak(r)
	return t.HTTPClient.Do(r)
}

func TestSignatureErrors(t *testing.T) {
	c, cfg := authCloud(t, Config{})
	cred, _ := cfg.Credentials.Retrieve(context.Background())
	as := func(id, secret, token string) aws.Config {
		return overTCP(t, c, clientConfig(c, Credentials{id, secret, token}))
	}
	good := overTCP(t, c, cfg)
	for _, tc := range []struct {
		name  string
		cfg   aws.Config
		tweak func(*http.Request)
		want  map[string]string
	}{
		{"good", good, nil, map[string]string{"lambda": "", "kms": "", "sts": "", "s3": ""}},
		{"no signature", good, func(r *http.Request) { r.Header.Del("Authorization") },
			map[string]string{"lambda": "MissingAuthenticationTokenException", "kms": "MissingAuthenticationTokenException", "sts": "MissingAuthenticationToken", "s3": "AccessDenied"}},
		{"unknown key", as("AKIAUNKNOWN", "x", ""), nil,
			map[string]string{"lambda": "UnrecognizedClientException", "kms": "UnrecognizedClientException", "sts": "InvalidClientTokenId", "s3": "InvalidAccessKeyId"}},
		{"wrong secret", as(cred.AccessKeyID, "wrong", ""), nil,
			map[string]string{"lambda": "InvalidSignatureException", "kms": "InvalidSignatureException", "sts": "SignatureDoesNotMatch", "s3": "SignatureDoesNotMatch"}},
		{"token of nobody", as(cred.AccessKeyID, cred.SecretAccessKey, "token"), nil,
			map[string]string{"lambda": "UnrecognizedClientException", "kms": "UnrecognizedClientException", "sts": "InvalidClientTokenId", "s3": "InvalidToken"}},
		{"changed body", good, func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{} ")), 3 },
			map[string]string{"lambda": "InvalidSignatureException", "kms": "InvalidSignatureException", "sts": "", "s3": "XAmzContentSHA256Mismatch"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(tc.cfg, tc.tweak)
			for service, want := range tc.want {
				if service == "sts" && tc.name == "changed body" {
					continue // {} is no form: there is no Action to be refused
				}
				if got[service] != want {
					t.Errorf("%s: %q, want %q", service, got[service], want)
				}
			}
		})
	}
}

func TestOldDate(t *testing.T) {
	clock := &frozen{time.Now()}
	c, cfg := authCloud(t, Config{Clock: clock})
	tcp := overTCP(t, c, cfg)
	for _, shift := range []time.Duration{20 * time.Minute, -20 * time.Minute} {
		clock.at = time.Now().Add(shift)
		want := map[string]string{"lambda": "InvalidSignatureException", "kms": "InvalidSignatureException", "sts": "SignatureDoesNotMatch", "s3": "RequestTimeTooSkewed"}
		for service, code := range ask(tcp, nil) {
			if code != want[service] {
				t.Errorf("%v off: %s: %q, want %q", shift, service, code, want[service])
			}
		}
		for service, code := range ask(cfg, nil) {
			if code != "" {
				t.Errorf("in process, %v off: %s: %q, want none", shift, service, code)
			}
		}
	}
}

func TestPresigned(t *testing.T) {
	clock := &frozen{time.Now()}
	var body []byte
	c, cfg := toyCloud(t, Config{Clock: clock}, op("s3", "GetObject", func(c *call, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
		body = []byte("of " + *in.Key)
		return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body))}, c.allow("s3:GetObject", "arn:aws:s3:::b/"+*in.Key)
	}))
	tcp := overTCP(t, c, cfg)
	signed := must(s3.NewPresignClient(s3.NewFromConfig(tcp)).PresignGetObject(context.Background(),
		&s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("a b")}, s3.WithPresignExpires(10*time.Minute)))(t)
	get := func(url string) (int, string) {
		res := must(http.Get(url))(t)
		defer res.Body.Close()
		return res.StatusCode, string(must(io.ReadAll(res.Body))(t))
	}
	if status, text := get(signed.URL); status != 200 || text != "of a b" {
		t.Errorf("presigned: %d %s", status, text)
	}
	if status, text := get(strings.Replace(signed.URL, "a%20b", "other", 1)); status != 403 || !strings.Contains(text, "<Code>SignatureDoesNotMatch</Code>") {
		t.Errorf("another key: %d %s", status, text)
	}
	clock.at = clock.at.Add(11 * time.Minute)
	if status, text := get(signed.URL); status != 403 || !strings.Contains(text, "Request has expired") {
		t.Errorf("after its time: %d %s", status, text)
	}
}

// TestChunkSignatures uploads in signed chunks, whole and with a byte changed.
func TestChunkSignatures(t *testing.T) {
	var got []byte
	c, cfg := toyCloud(t, Config{}, op("s3", "PutObject", func(c *call, in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
		got, _ = io.ReadAll(in.Body)
		if aws.ToString(in.ContentEncoding) != "" || aws.ToInt64(in.ContentLength) != int64(len(got)) {
			t.Errorf("framing shows: %v %v", aws.ToString(in.ContentEncoding), aws.ToInt64(in.ContentLength))
		}
		return &s3.PutObjectOutput{}, c.allow("s3:PutObject", "*")
	}))
	cred, _ := cfg.Credentials.Retrieve(context.Background())
	send := func(spoil bool) (int, string) {
		now := time.Now().UTC()
		r := must(http.NewRequest("PUT", "https://s3.us-east-1.amazonaws.com/b/k", nil))(t)
		r.Header.Set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
		r.Header.Set("Content-Encoding", "aws-chunked")
		r.Header.Set("X-Amz-Decoded-Content-Length", "10")
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		if err := signer.SignHTTP(context.Background(), cred, r, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "s3", "us-east-1", now); err != nil {
			t.Fatal(err)
		}
		body := chunkedBody(t, r, cred, now, []string{"01234", "56789", ""})
		if spoil {
			body = strings.Replace(body, "56789", "56780", 1)
		}
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		res := must(c.Client().Do(r))(t)
		defer res.Body.Close()
		return res.StatusCode, string(must(io.ReadAll(res.Body))(t))
	}
	if status, text := send(false); status != 200 || string(got) != "0123456789" {
		t.Errorf("%d %s, body %q", status, text, got)
	}
	if status, text := send(true); status != 403 || !strings.Contains(text, "SignatureDoesNotMatch") {
		t.Errorf("a changed chunk: %d %s", status, text)
	}
}

// chunkedBody frames chunks as the AWS documentation describes, written here
// again so that a mistake in the simulator does not cancel itself out.
func chunkedBody(t *testing.T, r *http.Request, cred aws.Credentials, now time.Time, chunks []string) string {
	_, seed, ok := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	if !ok {
		t.Fatal("not signed")
	}
	key := []byte("AWS4" + cred.SecretAccessKey)
	for _, part := range []string{now.Format("20060102"), "us-east-1", "s3", "aws4_request"} {
		key = mac(key, part)
	}
	var b strings.Builder
	for _, c := range chunks {
		seed = hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256-PAYLOAD\n"+now.Format("20060102T150405Z")+"\n"+now.Format("20060102")+"/us-east-1/s3/aws4_request\n"+
			seed+"\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"+fmt.Sprintf("%x", sha256.Sum256([]byte(c)))))
		fmt.Fprintf(&b, "%x;chunk-signature=%s\r\n%s\r\n", len(c), seed, c)
	}
	return b.String()
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
