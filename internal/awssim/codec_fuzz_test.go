package awssim

import (
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
)

// fuzzed are inputs with every construct that a decoder meets.
func fuzzed() []operation {
	return []operation{
		op("lambda", "CreateEventSourceMapping", func(*call, *lambda.CreateEventSourceMappingInput) (*lambda.CreateEventSourceMappingOutput, error) {
			return nil, nil
		}),
		op("lambda", "Invoke", func(*call, *lambda.InvokeInput) (*lambda.InvokeOutput, error) { return nil, nil }),
		op("iam", "SimulatePrincipalPolicy", func(*call, *iam.SimulatePrincipalPolicyInput) (*iam.SimulatePrincipalPolicyOutput, error) {
			return nil, nil
		}),
		op("kms", "CreateGrant", func(*call, *kms.CreateGrantInput) (*kms.CreateGrantOutput, error) { return nil, nil }),
		op("events", "PutTargets", func(*call, *eventbridge.PutTargetsInput) (*eventbridge.PutTargetsOutput, error) { return nil, nil }),
		op("sqs", "SendMessageBatch", func(*call, *sqs.SendMessageBatchInput) (*sqs.SendMessageBatchOutput, error) { return nil, nil }),
		op("s3", "PutBucketNotificationConfiguration", func(*call, *s3.PutBucketNotificationConfigurationInput) (*s3.PutBucketNotificationConfigurationOutput, error) {
			return nil, nil
		}),
		op("s3", "PutBucketLifecycleConfiguration", func(*call, *s3.PutBucketLifecycleConfigurationInput) (*s3.PutBucketLifecycleConfigurationOutput, error) {
			return nil, nil
		}),
		op("s3", "PutObjectRetention", func(*call, *s3.PutObjectRetentionInput) (*s3.PutObjectRetentionOutput, error) { return nil, nil }),
		op("cloudwatch", "PutMetricData", func(*call, *cloudwatch.PutMetricDataInput) (*cloudwatch.PutMetricDataOutput, error) { return nil, nil }),
	}
}

// FuzzDecode: no body, query or header makes the decoder panic, and what it
// accepts goes into the SDK's struct and comes back the same.
func FuzzDecode(f *testing.F) {
	for i, body := range []string{
		`{"FunctionName":"f","BatchSize":3,"Enabled":true,"StartingPositionTimestamp":1.5,"SelfManagedEventSource":{"Endpoints":{"KAFKA_BOOTSTRAP_SERVERS":["a:1"]}}}`,
		"\x00\x01", "PolicySourceArn=arn&ActionNames.member.1=a&ContextEntries.member.1.ContextKeyValues.member.1=x&ResourceArns=",
		`{"KeyId":"k","GranteePrincipal":"p","Operations":["Decrypt"],"Constraints":{"EncryptionContextEquals":{"a":"b"}}}`,
		`{"Rule":"r","Targets":[{"Id":"1","Arn":"a","RetryPolicy":{"MaximumEventAgeInSeconds":60},"RunCommandParameters":{"RunCommandTargets":[]}}]}`,
		`{"QueueUrl":"q","Entries":[{"Id":"1","MessageBody":"b","MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"AAEC"}}}]}`,
		`<NotificationConfiguration><CloudFunctionConfiguration><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event><CloudFunction>arn</CloudFunction><Filter><S3Key><FilterRule><Name>prefix</Name><Value>a</Value></FilterRule></S3Key></Filter></CloudFunctionConfiguration></NotificationConfiguration>`,
		`<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>l</Key><Value>w</Value></Tag></And></Filter><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>`,
		`<Retention xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Mode>COMPLIANCE</Mode><RetainUntilDate>2027-01-02T03:04:05.678Z</RetainUntilDate></Retention>`,
		"\xa2\x69Namespace\x61n\x6aMetricData\x81\xa3\x6aMetricName\x61m\x69Timestamp\xc1\xfb\x41\xda\x00\x00\x00\x00\x00\x00\x66Values\x9f\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00\x02\xff",
	} {
		f.Add(uint8(i), body, "Qualifier=1&versionId=v", "f")
	}
	ops := fuzzed()
	f.Fuzz(func(t *testing.T, which uint8, body, rawQuery, label string) {
		o := ops[int(which)%len(ops)]
		fact := facts()[o.service].ops[o.name]
		p, err := protocolOf(fact.service.protocols[0])
		if err != nil {
			t.Fatal(err)
		}
		r := &request{http: &http.Request{Method: fact.method, URL: &url.URL{Path: "/", RawQuery: rawQuery}, Header: http.Header{"X-Amz-Tagging": {label}, "Smithy-Protocol": {"rpc-v2-cbor"}, "Content-Type": {cborType}}},
			body: []byte(body), size: int64(len(body)), path: map[string]string{"FunctionName": label, "Bucket": label, "Key": label}}
		tree, err := p.decode(fact, r)
		if err != nil {
			return
		}
		if len(checkInput(fact.in, tree)) > 0 {
			return
		}
		in := o.newInput()
		if err := fill(fact.in, tree, in.Elem()); err != nil {
			if _, ok := err.(*apiError); ok {
				return // newer than the SDK
			}
			t.Fatalf("%s: fill: %v", o.name, err)
		}
		back, err := read(fact.in, in.Elem())
		if err != nil {
			t.Fatalf("%s: read: %v", o.name, err)
		}
		for name, v := range tree { // plain fields read back as zero where they were absent: compare what was there
			if d := cmp.Diff(v, back.(fields)[name], cmp.FilterPath(isLeafDefault, cmp.Ignore())); d != "" && !reflect.DeepEqual(v, "") {
				t.Fatalf("%s.%s (-decoded +read back):\n%s", o.name, name, d)
			}
		}
	})
}

// isLeafDefault: a member that is there only after reading back is a plain field's
// zero, or an enum that was sent empty.
func isLeafDefault(p cmp.Path) bool {
	last, ok := p.Last().(cmp.MapIndex)
	if !ok {
		return false
	}
	before, after := last.Values()
	return !before.IsValid() && (zeroOf(after) || !after.IsValid())
}

func zeroOf(v reflect.Value) bool {
	for v.IsValid() && v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v.IsValid() && v.IsZero()
}
