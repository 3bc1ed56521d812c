package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/kmssign"
	"github.com/freezeframe-ir/freezeframe/internal/queue"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
	"github.com/freezeframe-ir/freezeframe/playbooks"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/test/stack"
)

const (
	security   = "555566667777" // the account that keeps evidence
	external   = "0123456789abcdef-external"
	bucketName = "freezeframe-vault"
	everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	recipient  = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
)

// world is two simulated accounts in which the printed templates stand: what CloudFormation would
// make of their roles, keys, queue and bucket, and a member's functions with everything.
type world struct {
	t      *testing.T
	a      *bench.Account
	admin  aws.Config // of the security account
	owner  aws.Config // of the member
	sec    *stack.Stack
	mem    *stack.Stack
	back   func()
	alerts int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	a, err := bench.NewAccount(t.Context(), awssim.Config{}, 2, 8<<10)
	must(t, err)
	time.Sleep(2 * time.Second)
	w := &world{t: t, a: a}
	w.admin = w.config(security, "admin")
	w.owner = w.config(bench.AccountID, "owner")
	w.standSecurity()
	w.standMember()
	time.Sleep(time.Minute) // IAM takes its time
	w.back = a.Cloud.Bookmark()
	return w
}

func (w *world) config(account, user string) aws.Config {
	return w.as(w.a.Cloud.Bootstrap(account, user, everything))
}

func (w *world) as(k awssim.Credentials) aws.Config {
	return aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: w.a.Cloud.Client(), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return string(b)
}

func printed(t *testing.T, which string) string {
	t.Helper()
	s, err := Print(Options{For: which})
	must(t, err)
	return s
}

// standSecurity makes what the template of the security account says.
func (w *world) standSecurity() {
	t := w.t
	w.sec = stack.New(t, printed(t, Security), map[string]any{
		"Image": "freezeframe@sha256:0", "VpcId": "vpc-0", "SubnetIds": []any{"subnet-0"}, "ExternalId": external, "Recipient": recipient, "Authority": "a test", "OrganizationId": "o-abcdefghij",
	}, security, bench.Region)
	w.sec.Attributes["WorkerRole.Arn"] = "arn:aws:iam::" + security + ":role/freezeframe-worker"
	w.sec.Refs["WorkerRole"] = "freezeframe-worker"
	w.role(w.sec, w.admin, "WorkerRole")
	keys := kms.NewFromConfig(w.admin)
	for _, name := range []string{"EncryptionKey", "SigningKey"} {
		p := w.sec.Properties(name)
		in := &kms.CreateKeyInput{Description: aws.String(fmt.Sprint(p["Description"])), Policy: aws.String(text(t, p["KeyPolicy"]))}
		if spec, ok := p["KeySpec"].(string); ok {
			in.KeySpec, in.KeyUsage = kmstypes.KeySpec(spec), kmstypes.KeyUsageType(p["KeyUsage"].(string))
		}
		out, err := keys.CreateKey(t.Context(), in)
		must(t, err)
		w.sec.Attributes[name+".Arn"], w.sec.Refs[name] = *out.KeyMetadata.Arn, *out.KeyMetadata.KeyId
	}
	w.queues()
	w.bucket()
	w.policy(w.sec, w.admin, "WorkerPolicy", "freezeframe-worker")
}

func (w *world) queues() {
	t, c := w.t, sqs.NewFromConfig(w.admin)
	for _, rule := range []string{"FindingsOfGuardDuty", "FindingsOfSecurityHub", "FindingsOfSecurityHubCspm", "MarkedCalls", "MarkedAlarms", "AlertsOfMembers"} {
		w.sec.Attributes[rule+".Arn"] = "arn:aws:events:" + bench.Region + ":" + security + ":rule/" + rule
	}
	for _, name := range []string{"DeadLetters", "AlertQueue"} {
		p := w.sec.Properties(name)
		in := &sqs.CreateQueueInput{QueueName: aws.String(p["QueueName"].(string)), Attributes: map[string]string{}}
		for _, number := range []string{"VisibilityTimeout", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds"} {
			if v, ok := p[number]; ok {
				in.Attributes[number] = fmt.Sprint(v)
			}
		}
		if v, ok := p["RedrivePolicy"]; ok {
			in.Attributes["RedrivePolicy"] = text(t, v)
		}
		out, err := c.CreateQueue(t.Context(), in)
		must(t, err)
		w.sec.Refs[name], w.sec.Attributes[name+".Arn"] = *out.QueueUrl, "arn:aws:sqs:"+bench.Region+":"+security+":"+*in.QueueName
	}
	doc := text(t, w.sec.Properties("QueuePolicy")["PolicyDocument"])
	for _, name := range []string{"DeadLetters", "AlertQueue"} {
		url := w.sec.Refs[name]
		_, err := c.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"Policy": doc}})
		must(t, err)
	}
}

func (w *world) s3() *s3.Client {
	return s3.NewFromConfig(w.admin, func(o *s3.Options) { o.UsePathStyle = true })
}

func (w *world) bucket() {
	t, c, name := w.t, w.s3(), aws.String(bucketName)
	w.sec.Refs["VaultBucket"], w.sec.Attributes["VaultBucket.Arn"] = bucketName, "arn:aws:s3:::"+bucketName
	w.sec.Refs["AccessLogs"], w.sec.Attributes["AccessLogs.Arn"] = bucketName+"-logs", "arn:aws:s3:::"+bucketName+"-logs"
	where := &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(bench.Region)}
	_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucketName + "-logs"), CreateBucketConfiguration: where})
	must(t, err)
	p := w.sec.Properties("VaultBucket")
	_, err = c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: name, CreateBucketConfiguration: where, ObjectLockEnabledForBucket: aws.Bool(p["ObjectLockEnabled"] == true),
		ObjectOwnership: s3types.ObjectOwnership(stack.At(t, p, "OwnershipControls", "Rules", 0, "ObjectOwnership").(string))})
	must(t, err)
	_, err = c.PutObjectLockConfiguration(t.Context(), &s3.PutObjectLockConfigurationInput{Bucket: name, ObjectLockConfiguration: &s3types.ObjectLockConfiguration{
		ObjectLockEnabled: s3types.ObjectLockEnabled(stack.At(t, p, "ObjectLockConfiguration", "ObjectLockEnabled").(string)),
		Rule: &s3types.ObjectLockRule{DefaultRetention: &s3types.DefaultRetention{
			Mode: s3types.ObjectLockRetentionMode(stack.At(t, p, "ObjectLockConfiguration", "Rule", "DefaultRetention", "Mode").(string)),
			Days: aws.Int32(number(t, stack.At(t, p, "ObjectLockConfiguration", "Rule", "DefaultRetention", "Days")))}}}})
	must(t, err)
	encryption := stack.At(t, p, "BucketEncryption", "ServerSideEncryptionConfiguration", 0).(map[string]any)
	_, err = c.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{Bucket: name, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{
		BucketKeyEnabled: aws.Bool(encryption["BucketKeyEnabled"] == true),
		ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{
			SSEAlgorithm:   s3types.ServerSideEncryption(stack.At(t, encryption, "ServerSideEncryptionByDefault", "SSEAlgorithm").(string)),
			KMSMasterKeyID: aws.String(stack.At(t, encryption, "ServerSideEncryptionByDefault", "KMSMasterKeyID").(string))}}}}})
	must(t, err)
	block := p["PublicAccessBlockConfiguration"].(map[string]any)
	_, err = c.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: name, PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(block["BlockPublicAcls"] == true), BlockPublicPolicy: aws.Bool(block["BlockPublicPolicy"] == true),
		IgnorePublicAcls: aws.Bool(block["IgnorePublicAcls"] == true), RestrictPublicBuckets: aws.Bool(block["RestrictPublicBuckets"] == true)}})
	must(t, err)
	_, err = c.PutBucketLogging(t.Context(), &s3.PutBucketLoggingInput{Bucket: name, BucketLoggingStatus: &s3types.BucketLoggingStatus{LoggingEnabled: &s3types.LoggingEnabled{
		TargetBucket: aws.String(stack.At(t, p, "LoggingConfiguration", "DestinationBucketName").(string)), TargetPrefix: aws.String(stack.At(t, p, "LoggingConfiguration", "LogFilePrefix").(string))}}})
	must(t, err)
	_, err = c.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(text(t, w.sec.Properties("VaultPolicy")["PolicyDocument"]))})
	must(t, err)
}

func number(t *testing.T, v any) int32 {
	t.Helper()
	var n int32
	_, err := fmt.Sscan(fmt.Sprint(v), &n)
	must(t, err)
	return n
}

func (w *world) standMember() {
	w.mem = stack.New(w.t, printed(w.t, Member), map[string]any{
		"WorkerRoleArn": w.sec.Attributes["WorkerRole.Arn"], "ExternalId": external, "SecurityBusArn": "arn:aws:events:" + bench.Region + ":" + security + ":event-bus/freezeframe-members",
		"HomeRegion": bench.Region, "Containment": "yes",
	}, bench.AccountID, bench.Region)
	w.role(w.mem, w.owner, "CollectionRole")
	w.role(w.mem, w.owner, "ContainmentRole")
}

// role makes a role of a template, with the policies that stand in it.
func (w *world) role(s *stack.Stack, as aws.Config, name string) {
	t, c, p := w.t, iam.NewFromConfig(as), s.Properties(name)
	role := aws.String(p["RoleName"].(string))
	_, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: aws.String(text(t, p["AssumeRolePolicyDocument"]))})
	must(t, err)
	all, _ := p["Policies"].([]any)
	for _, one := range all {
		w.put(as, *role, one.(map[string]any))
	}
}

// policy puts a policy that is a resource of its own on its role.
func (w *world) policy(s *stack.Stack, as aws.Config, name, role string) {
	p := s.Properties(name)
	if roles := stack.Strings(p["Roles"]); !slices.Equal(roles, []string{role}) {
		w.t.Fatalf("%s is for %v", name, roles)
	}
	w.put(as, role, p)
}

func (w *world) put(as aws.Config, role string, p map[string]any) {
	_, err := iam.NewFromConfig(as).PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String(p["PolicyName"].(string)), PolicyDocument: aws.String(text(w.t, p["PolicyDocument"]))})
	must(w.t, err)
}

// ended is how a worker's way from the queue to sealed evidence ended.
type ended struct {
	state  string
	gaps   []string // what the sealed bags lack
	denied []string // calls that were refused
	why    string
}

func (e ended) same(o ended) bool {
	return e.state == o.state && slices.Equal(e.gaps, o.gaps) && slices.Equal(e.denied, o.denied)
}

// answer sends an alert about a function and does what a worker does with it, as the worker's role.
func (w *world) answer(function string) (out ended) {
	w.back()
	w.alerts++
	must(w.t, w.send(function))
	creds, err := w.a.Cloud.ServiceCredentials(w.sec.Attributes["WorkerRole.Arn"], "ecs-tasks.amazonaws.com", "task")
	must(w.t, err)
	c, state, err := w.worked(creds)
	out.state = state
	if err != nil {
		out.state, out.why = "failed", err.Error()
	}
	if c != nil {
		out.gaps = w.gaps(c)
	}
	for _, call := range w.a.Cloud.Calls() {
		if refused(call.ErrorCode) && !slices.Contains(out.denied, call.Operation) {
			out.denied = append(out.denied, call.Operation)
		}
	}
	slices.Sort(out.denied)
	w.empty()
	return out
}

func refused(code string) bool {
	return strings.HasPrefix(code, "AccessDenied") || code == "UnauthorizedOperation" // EC2's word for it
}

// send puts a finding into the queue, each a new one.
func (w *world) send(function string) error {
	b, err := os.ReadFile(filepath.Join("..", "alert", "testdata", "guardduty-lambda.json"))
	if err != nil {
		return err
	}
	for old, now := range map[string]string{
		"111122223333": bench.AccountID, "eu-west-1": bench.Region, "payments": function, "1ab92989eaf0e742df4a014d5c3b8a01": fmt.Sprintf("%032x", w.alerts),
		"2026-11-27": time.Now().UTC().Format(time.DateOnly),
	} {
		b = bytes.ReplaceAll(b, []byte(old), []byte(now))
	}
	url := w.sec.Refs["AlertQueue"]
	_, err = sqs.NewFromConfig(w.admin).SendMessage(w.t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(string(b))})
	return err
}

// empty leaves nothing of one alert for the next.
func (w *world) empty() {
	url := w.sec.Refs["AlertQueue"]
	_, err := sqs.NewFromConfig(w.admin).PurgeQueue(w.t.Context(), &sqs.PurgeQueueInput{QueueUrl: &url})
	must(w.t, err)
	time.Sleep(2 * time.Minute) // SQS purges once a minute
}

func (w *world) connect(k awssim.Credentials) (*awsapi.Session, error) {
	return awsapi.Connect(w.t.Context(), awsapi.Options{Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: w.a.Cloud.Client(), ExternalID: external,
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken)})
}

func (w *world) worked(creds awssim.Credentials) (c *evidence.Case, state string, err error) {
	ctx := w.t.Context()
	s, err := w.connect(creds)
	if err != nil {
		return nil, "", err
	}
	q, err := queue.Open(ctx, s, w.sec.Refs["AlertQueue"], queue.Needs())
	if err != nil {
		return nil, "", err
	}
	m, err := q.Receive(ctx, queue.Poll)
	if err != nil {
		return nil, "", err
	}
	if err := q.Later(ctx, m, 0); err != nil { // as a worker that is told to stop
		return nil, "", err
	}
	if m, err = q.Receive(ctx, queue.Poll); err != nil {
		return nil, "", err
	}
	all, err := respond.Respond(ctx, strings.NewReader(m.Body), w.options(s, &c))
	if err != nil || len(all) != 1 {
		return c, "", fmt.Errorf("%d outcomes: %w", len(all), err)
	}
	state = string(all[0].State)
	if all[0].State.Settled() {
		return c, state, errors.Join(all[0].Err, q.Done(ctx, m))
	}
	return c, state, all[0].Err
}

// options are a worker's, as the template starts it.
func (w *world) options(s *awsapi.Session, opened **evidence.Case) respond.Options {
	return respond.Options{
		Case: func(ctx context.Context, id, title string) (*evidence.Case, error) {
			o := s3vault.Options{Bucket: bucketName, Prefix: "alerts/" + id, Owner: security, StateDir: w.t.TempDir()}
			v, err := s3vault.New(s.Config("", s3vault.Needs(o)), o)
			if err != nil {
				return nil, err
			}
			arn := w.sec.Attributes["SigningKey.Arn"]
			key, err := kmssign.New(ctx, s.Config("", kmssign.Needs(arn)), arn)
			if err != nil {
				return nil, err
			}
			c, _, err := respond.OpenCase(ctx, v, evidence.CaseOptions{Title: title, Authority: "a test", Operator: "worker", Recipients: []string{recipient}, Signer: key, Home: w.t.TempDir(), Storage: &evidence.Storage{Owner: security}})
			if err == nil {
				c.Signer, *opened = key, c
			}
			return c, err
		},
		Session: func(ctx context.Context, _ *evidence.Case, account string) (*awsapi.Session, error) {
			in, err := s.Assume(ctx, "arn:aws:iam::"+account+":role/freezeframe-collect")
			if err != nil {
				return nil, err
			}
			return in.ReadOnly(), nil
		},
		Env: func() *playbooks.Env {
			return &playbooks.Env{Operator: "worker", Host: "task", Now: time.Now, Tool: evidence.Tool{Name: "test"}, Say: func(string) {}, Unpaced: true}
		},
		Now: time.Now,
	}
}

// gaps are what the case's bags lack, read by an administrator of the security account.
func (w *world) gaps(c *evidence.Case) (out []string) {
	prefix := strings.TrimPrefix(c.Vault().String(), "s3://"+bucketName+"/")
	o := s3vault.Options{Bucket: bucketName, Prefix: prefix}
	reader, err := awsapi.Connect(w.t.Context(), awsapi.Options{Region: bench.Region, EndpointURL: bench.Endpoint, HTTPClient: w.a.Cloud.Client(), Credentials: w.admin.Credentials})
	must(w.t, err)
	v, err := s3vault.New(reader.Config("", s3vault.Needs(o)), o)
	must(w.t, err)
	opened, err := evidence.OpenCase(w.t.Context(), v)
	if err != nil {
		return []string{"the case cannot be opened: " + err.Error()}
	}
	for b, err := range opened.Bags(w.t.Context()) {
		must(w.t, err)
		if !b.Sealed() {
			out = append(out, b.Header().Kind+" is not sealed")
			continue
		}
		all, err := b.Coverage(w.t.Context())
		must(w.t, err)
		for _, e := range all {
			if !e.State.Complete() {
				out = append(out, strings.Join([]string{e.Artefact, e.Source.ARN, e.Source.Qualifier, string(e.State)}, " "))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
