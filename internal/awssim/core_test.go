package awssim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// toyCloud simulates the given operations only, each doing what the test says.
func toyCloud(t *testing.T, cfg Config, ops ...operation) (*Cloud, aws.Config) {
	t.Helper()
	c := New(cfg)
	c.core.ops = map[opKey]operation{}
	c.register(ops)
	return c, clientConfig(c, c.Bootstrap(c.AccountID(), "alice", allowAll))
}

func clientConfig(c *Cloud, cred Credentials) aws.Config {
	return aws.Config{
		Region: c.Region(), HTTPClient: c.Client(), RetryMaxAttempts: 1, RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		Credentials: credentials.NewStaticCredentialsProvider(cred.AccessKeyID, cred.SecretAccessKey, cred.SessionToken),
	}
}

// overTCP serves c on 127.0.0.1 and points cfg at it.
func overTCP(t *testing.T, c *Cloud, cfg aws.Config) aws.Config {
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	cfg.HTTPClient, cfg.BaseEndpoint = srv.Client(), aws.String(srv.URL)
	return cfg
}

// echo is an operation that keeps its input and answers out.
func echo[I, O any](service, name string, got *I, out *O) operation {
	return op(service, name, func(c *call, in *I) (*O, error) {
		*got = *in
		return out, c.allow(service+":"+name, "*")
	})
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// ignored are the fields that are not of the wire.
var ignored = cmp.FilterPath(func(p cmp.Path) bool {
	return p.Last().String() == ".ResultMetadata" || p.Last().String() == ".noSmithyDocumentSerde"
}, cmp.Ignore())

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, ignored); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestRESTJSON(t *testing.T) {
	var got lambda.CreateEventSourceMappingInput
	at := time.Date(2026, 11, 3, 4, 5, 6, 789e6, time.UTC)
	out := &lambda.CreateEventSourceMappingOutput{
		UUID: aws.String("u"), LastModified: &at, BatchSize: aws.Int32(0), Queues: []string{}, FunctionResponseTypes: []lambdatypes.FunctionResponseType{"ReportBatchItemFailures"},
		DestinationConfig: &lambdatypes.DestinationConfig{OnFailure: &lambdatypes.OnFailure{Destination: aws.String("arn:aws:sqs:us-east-1:111122223333:q<&>")}},
	}
	_, cfg := toyCloud(t, Config{}, echo("lambda", "CreateEventSourceMapping", &got, out))
	in := &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("f"), BatchSize: aws.Int32(10), Enabled: aws.Bool(false), StartingPositionTimestamp: &at,
		SelfManagedEventSource: &lambdatypes.SelfManagedEventSource{Endpoints: map[string][]string{"KAFKA_BOOTSTRAP_SERVERS": {"a:1", "b:2"}}},
	}
	for name, cfg := range transports(t, cfg) {
		res := must(lambda.NewFromConfig(cfg).CreateEventSourceMapping(context.Background(), in))(t)
		same(t, name+" input", &got, in)
		same(t, name+" output", res, out)
	}
}

// transports are the in-process client and TCP.
func transports(t *testing.T, cfg aws.Config) map[string]aws.Config {
	c := cfg.HTTPClient.(*http.Client).Transport.(transport).h.(*Cloud)
	return map[string]aws.Config{"in process": checked(t, c, cfg), "tcp": overTCP(t, c, cfg)}
}

func TestRESTLabelsAndPayload(t *testing.T) {
	var got lambda.InvokeInput
	out := &lambda.InvokeOutput{StatusCode: 202, ExecutedVersion: aws.String("$LATEST"), Payload: []byte(`"ok"`)}
	_, cfg := toyCloud(t, Config{}, echo("lambda", "Invoke", &got, out))
	in := &lambda.InvokeInput{FunctionName: aws.String("arn:aws:lambda:us-east-1:111122223333:function:f"), Qualifier: aws.String("$LATEST"),
		InvocationType: "Event", Payload: []byte{0, 1, 2, 255}}
	for name, cfg := range transports(t, cfg) {
		res := must(lambda.NewFromConfig(cfg).Invoke(context.Background(), in))(t)
		same(t, name+" input", &got, in)
		same(t, name+" output", res, out)
	}
}

func TestQuery(t *testing.T) {
	var got iam.SimulatePrincipalPolicyInput
	out := &iam.SimulatePrincipalPolicyOutput{IsTruncated: false, EvaluationResults: []iamtypes.EvaluationResult{{
		EvalActionName: aws.String("a <b> & \r\n\"c\""), EvalDecision: "allowed", MissingContextValues: []string{},
		EvalDecisionDetails: map[string]iamtypes.PolicyEvaluationDecisionType{"x": "explicitDeny", "b": "allowed"},
	}}}
	_, cfg := toyCloud(t, Config{}, echo("iam", "SimulatePrincipalPolicy", &got, out))
	in := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String("arn:aws:iam::111122223333:user/alice"), ActionNames: []string{"s3:Get*", "lambda:*"},
		ContextEntries: []iamtypes.ContextEntry{{ContextKeyName: aws.String("aws:userid"), ContextKeyType: "string", ContextKeyValues: []string{"a b", "c+d"}}},
	}
	for name, cfg := range transports(t, cfg) {
		res := must(iam.NewFromConfig(cfg).SimulatePrincipalPolicy(context.Background(), in))(t)
		same(t, name+" input", &got, in)
		same(t, name+" output", res, out)
	}
}

func TestJSON(t *testing.T) {
	var got kms.EncryptInput
	var put eventbridge.PutTargetsInput
	var msg sqs.SendMessageInput
	out := &kms.EncryptOutput{CiphertextBlob: []byte{9, 8, 7}, KeyId: aws.String("k")}
	_, cfg := toyCloud(t, Config{}, echo("kms", "Encrypt", &got, out), echo("events", "PutTargets", &put, &eventbridge.PutTargetsOutput{FailedEntryCount: 0}),
		echo("sqs", "SendMessage", &msg, &sqs.SendMessageOutput{MessageId: aws.String("m"), MD5OfMessageBody: aws.String("5d41402abc4b2a76b9719d911017c592")}))
	in := &kms.EncryptInput{KeyId: aws.String("k"), Plaintext: []byte("secret"), EncryptionContext: map[string]string{"a": "b"}}
	for name, cfg := range transports(t, cfg) {
		res := must(kms.NewFromConfig(cfg).Encrypt(context.Background(), in))(t)
		same(t, name+" input", &got, in)
		same(t, name+" output", res, out)
	}
	must(sqs.NewFromConfig(cfg).SendMessage(context.Background(), &sqs.SendMessageInput{QueueUrl: aws.String("u"), MessageBody: aws.String("hello")}))(t)
	if *msg.MessageBody != "hello" {
		t.Errorf("message %v", msg)
	}
}

func TestRESTXML(t *testing.T) {
	var put s3.PutObjectInput
	var body []byte
	retain := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	ops := []operation{
		op("s3", "PutObject", func(c *call, in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
			body, _ = io.ReadAll(in.Body)
			put, put.Body = *in, nil
			return &s3.PutObjectOutput{ETag: aws.String(`"e"`), VersionId: aws.String("v")}, c.allow("s3:PutObject", "*")
		}),
		op("s3", "GetObject", func(c *call, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
			return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body)), ContentLength: aws.Int64(int64(len(body))), Metadata: put.Metadata,
				ObjectLockMode: put.ObjectLockMode, ObjectLockRetainUntilDate: &retain, LastModified: &retain}, c.allow("s3:GetObject", "*")
		}),
		op("s3", "ListObjectVersions", func(c *call, in *s3.ListObjectVersionsInput) (*s3.ListObjectVersionsOutput, error) {
			return &s3.ListObjectVersionsOutput{Name: in.Bucket, Versions: []s3types.ObjectVersion{{Key: aws.String("a"), LastModified: &retain}, {Key: aws.String("b")}}}, c.allow("s3:x", "*")
		}),
		op("s3", "GetBucketLocation", func(c *call, in *s3.GetBucketLocationInput) (*s3.GetBucketLocationOutput, error) {
			return &s3.GetBucketLocationOutput{LocationConstraint: "eu-west-1"}, c.allow("s3:x", "*")
		}),
		op("s3", "DeleteObjects", func(c *call, in *s3.DeleteObjectsInput) (*s3.DeleteObjectsOutput, error) {
			return &s3.DeleteObjectsOutput{Deleted: []s3types.DeletedObject{{Key: in.Delete.Objects[0].Key}, {Key: in.Delete.Objects[1].Key}}}, c.allow("s3:x", "*")
		}),
	}
	_, cfg := toyCloud(t, Config{}, ops...)
	for name, cfg := range transports(t, cfg) {
		cl := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = name == "tcp" })
		data := bytes.Repeat([]byte("0123456789"), 20000)
		ctx := context.Background()
		must(cl.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("a/b c+é"), Body: bytes.NewReader(data),
			Metadata: map[string]string{"artefact-id": "x"}, ObjectLockMode: "COMPLIANCE", ObjectLockRetainUntilDate: &retain}))(t)
		if !bytes.Equal(body, data) || *put.Key != "a/b c+é" || *put.Bucket != "bkt" || put.Metadata["artefact-id"] != "x" || !put.ObjectLockRetainUntilDate.Equal(retain) {
			t.Errorf("%s: PutObject came as %+v, %d bytes", name, put, len(body))
		}
		if put.ChecksumCRC32 == nil {
			t.Errorf("%s: the checksum of the trailer did not arrive", name)
		}
		got := must(cl.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k")}))(t)
		if b, err := io.ReadAll(got.Body); err != nil || !bytes.Equal(b, data) || got.Metadata["artefact-id"] != "x" || !got.ObjectLockRetainUntilDate.Equal(retain) {
			t.Errorf("%s: GetObject: %d bytes, %v, %+v", name, len(b), err, got)
		}
		list := must(cl.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("bkt")}))(t)
		if len(list.Versions) != 2 || *list.Versions[1].Key != "b" || !list.Versions[0].LastModified.Equal(retain) {
			t.Errorf("%s: versions %+v", name, list.Versions)
		}
		if loc := must(cl.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: aws.String("bkt")}))(t); loc.LocationConstraint != "eu-west-1" {
			t.Errorf("%s: location %q", name, loc.LocationConstraint)
		}
		del := must(cl.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("bkt"), Delete: &s3types.Delete{Objects: []s3types.ObjectIdentifier{{Key: aws.String("1")}, {Key: aws.String("2")}}}}))(t)
		if len(del.Deleted) != 2 {
			t.Errorf("%s: deleted %+v", name, del)
		}
	}
}

func TestClientInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got sts.GetCallerIdentityInput
		c, cfg := toyCloud(t, Config{Latency: time.Hour}, echo("sts", "GetCallerIdentity", &got, &sts.GetCallerIdentityOutput{Account: aws.String("1")}))
		began := time.Now()
		must(sts.NewFromConfig(cfg).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{}))(t)
		if d := time.Since(began); d != time.Hour {
			t.Errorf("took %v of the bubble's time", d)
		}
		if n := len(c.Records()); n != 1 {
			t.Errorf("%d records", n)
		}
	})
}
