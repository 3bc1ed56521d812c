package check

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

const (
	keeperAccount  = "444455556666"
	subjectAccount = "111122223333"
	otherAccount   = "777788889999"
	region         = "eu-central-1"
	bucket         = "evidence-4711"
	prefix         = "cases/1"
	allowAll       = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

const goodPolicy = `{"Version":"2012-10-17","Statement":[
{"Sid":"Keep","Effect":"Deny","Principal":"*","Action":["s3:Delete*"],"Resource":"arn:aws:s3:::` + bucket + `/*"},
{"Sid":"Locked","Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:BypassGovernanceRetention","Resource":"arn:aws:s3:::` + bucket + `/cases/*"},
{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`

// shop is a simulated cloud with a bucket that is fit, and its admin's clients.
type shop struct {
	t      *testing.T
	cloud  *awssim.Cloud
	admin  aws.Config
	keys   awssim.Credentials
	s3     *s3.Client
	kms    *kms.Client
	trails *cloudtrail.Client
	key    string // ARN

	in     Inputs
	client aws.HTTPClient // of the session that checks
	creds  awssim.Credentials
	mu     sync.Mutex
	calls  map[string]awsapi.Class
}

func newShop(t *testing.T) *shop {
	t.Helper()
	cloud := awssim.New(awssim.Config{Region: region})
	s := &shop{t: t, cloud: cloud, keys: cloud.Bootstrap(keeperAccount, "keeper", allowAll), client: cloud.Client(), calls: map[string]awsapi.Class{}}
	s.creds = s.keys
	s.admin = configOf(cloud, s.keys)
	s.s3 = s3.NewFromConfig(s.admin, func(o *s3.Options) { o.UsePathStyle = true })
	s.kms, s.trails = kms.NewFromConfig(s.admin), cloudtrail.NewFromConfig(s.admin)
	key, err := s.kms.CreateKey(t.Context(), &kms.CreateKeyInput{})
	s.must(err)
	s.key = *key.KeyMetadata.Arn
	s.in = Inputs{Bucket: bucket, Prefix: prefix, Owner: keeperAccount, SubjectAccount: subjectAccount, Caller: "arn:aws:iam::" + keeperAccount + ":user/keeper"}
	return s
}

func configOf(cloud *awssim.Cloud, k awssim.Credentials) aws.Config {
	return aws.Config{Region: region, HTTPClient: cloud.Client(), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)}
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// fit is a shop whose bucket passes every check.
func fit(t *testing.T) *shop {
	s := newShop(t)
	s.make(true)
	s.furnish()
	return s
}

func (s *shop) make(lock bool) {
	s.t.Helper()
	_, err := s.s3.CreateBucket(s.t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket), ObjectLockEnabledForBucket: &lock,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region}})
	s.must(err)
	if lock {
		s.lock(&types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeGovernance, Days: aws.Int32(90)}})
	}
}

func (s *shop) lock(rule *types.ObjectLockRule) {
	s.t.Helper()
	_, err := s.s3.PutObjectLockConfiguration(s.t.Context(), &s3.PutObjectLockConfigurationInput{Bucket: aws.String(bucket),
		ObjectLockConfiguration: &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled, Rule: rule}})
	s.must(err)
}

// furnish sets what a bucket with versioning can have.
func (s *shop) furnish() {
	s.t.Helper()
	s.policy(goodPolicy)
	s.encrypt(types.ServerSideEncryptionAwsKms, s.key)
	s.rules(rule("abort", "", func(r *types.LifecycleRule) {
		r.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)}
	}), rule("late", prefix, noncurrent(400)))
	s.replicate(types.ReplicationRuleStatusEnabled, "cases/")
	s.logging(true)
}

func (s *shop) policy(doc string) {
	s.t.Helper()
	_, err := s.s3.PutBucketPolicy(s.t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: &doc})
	s.must(err)
}

// without is the good policy with one statement left out, or another put in its place.
func (s *shop) without(sid string, instead ...string) {
	s.t.Helper()
	var d struct {
		Version   string
		Statement []json.RawMessage
	}
	s.must(json.Unmarshal([]byte(goodPolicy), &d))
	d.Statement = slices.DeleteFunc(d.Statement, func(r json.RawMessage) bool { return strings.Contains(string(r), `"Sid":"`+sid+`"`) })
	for _, st := range instead {
		d.Statement = append(d.Statement, json.RawMessage(st))
	}
	out, err := json.Marshal(d)
	s.must(err)
	s.policy(string(out))
}

func (s *shop) encrypt(algorithm types.ServerSideEncryption, key string) {
	s.t.Helper()
	d := &types.ServerSideEncryptionByDefault{SSEAlgorithm: algorithm}
	if key != "" {
		d.KMSMasterKeyID = &key
	}
	_, err := s.s3.PutBucketEncryption(s.t.Context(), &s3.PutBucketEncryptionInput{Bucket: aws.String(bucket),
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: d}}}})
	s.must(err)
}

func rule(id, under string, with ...func(*types.LifecycleRule)) types.LifecycleRule {
	r := types.LifecycleRule{ID: &id, Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: &under}}
	for _, w := range with {
		w(&r)
	}
	return r
}

func noncurrent(days int32) func(*types.LifecycleRule) {
	return func(r *types.LifecycleRule) {
		r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: &days}
	}
}

func current(days int32) func(*types.LifecycleRule) {
	return func(r *types.LifecycleRule) { r.Expiration = &types.LifecycleExpiration{Days: &days} }
}

func (s *shop) rules(rules ...types.LifecycleRule) {
	s.t.Helper()
	_, err := s.s3.PutBucketLifecycleConfiguration(s.t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: aws.String(bucket), LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
	s.must(err)
}

func (s *shop) replicate(status types.ReplicationRuleStatus, under string) {
	s.t.Helper()
	_, err := s.s3.PutBucketReplication(s.t.Context(), &s3.PutBucketReplicationInput{Bucket: aws.String(bucket), ReplicationConfiguration: &types.ReplicationConfiguration{
		Role: aws.String("arn:aws:iam::" + keeperAccount + ":role/replicator"),
		Rules: []types.ReplicationRule{{Status: status, Priority: aws.Int32(1), Filter: &types.ReplicationRuleFilter{Prefix: &under},
			DeleteMarkerReplication: &types.DeleteMarkerReplication{Status: types.DeleteMarkerReplicationStatusDisabled},
			Destination:             &types.Destination{Bucket: aws.String("arn:aws:s3:::evidence-replica")}}},
	}})
	s.must(err)
}

func (s *shop) logging(on bool) {
	s.t.Helper()
	status := &types.BucketLoggingStatus{}
	if on {
		status.LoggingEnabled = &types.LoggingEnabled{TargetBucket: aws.String("logs-4711"), TargetPrefix: aws.String("s3/")}
	}
	_, err := s.s3.PutBucketLogging(s.t.Context(), &s3.PutBucketLoggingInput{Bucket: aws.String(bucket), BucketLoggingStatus: status})
	s.must(err)
}

// session connects whoever checks, under the guard, and notes the calls.
func (s *shop) session(needs []awsapi.Need) func(string) aws.Config {
	s.t.Helper()
	sess, err := awsapi.Connect(s.t.Context(), awsapi.Options{
		Region: region, Unasked: true, HTTPClient: s.client, ReadOnly: true,
		Credentials: credentials.NewStaticCredentialsProvider(s.creds.AccessKeyID, s.creds.SecretAccessKey, s.creds.SessionToken),
		Record: func(x awsapi.Exchange) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.calls[x.Call] = x.Class
		},
	})
	s.must(err)
	return func(region string) aws.Config { return sess.Config(region, needs) }
}

func (s *shop) run() Report {
	s.t.Helper()
	s.in.Config = s.session(Needs(s.in))
	r, err := Run(s.t.Context(), s.in)
	s.must(err)
	return r
}

// differs wants every check to pass but those given.
func (s *shop) differs(want map[string]Result) Report {
	s.t.Helper()
	r := s.run()
	n := len(checks())
	if s.in.Live {
		n += len(liveChecks())
	}
	if len(r.Findings) != n {
		s.t.Errorf("%d findings, want %d", len(r.Findings), n)
	}
	left := maps.Clone(want)
	for _, f := range r.Findings {
		expected := Pass
		if w, ok := left[f.ID]; ok {
			expected = w
			delete(left, f.ID)
		}
		if f.Result != expected {
			s.t.Errorf("%s: %s (%s), want %s", f.ID, f.Result, f.Got, expected)
		}
		if f.Got == "" || f.What == "" || (f.Fix == "") != (f.Result == Pass) {
			s.t.Errorf("%s lacks something: %+v", f.ID, f)
		}
	}
	for id := range left {
		s.t.Errorf("no finding %s", id)
	}
	return r
}

func find(t *testing.T, r Report, id string) Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no finding %s", id)
	}
	return r.Findings[i]
}

// answering is a client whose requests for one subresource ("versioning") get that answer.
type answering struct {
	to     aws.HTTPClient
	query  string
	status int
	body   string
}

func (a answering) Do(r *http.Request) (*http.Response, error) {
	if !r.URL.Query().Has(a.query) {
		return a.to.Do(r)
	}
	return &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(bytes.NewReader([]byte(a.body))), Request: r}, nil
}
