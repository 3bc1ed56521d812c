package fleet

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
	"github.com/freezeframe-ir/freezeframe/internal/vault/s3vault"
	"github.com/freezeframe-ir/freezeframe/test/scratch"
)

const (
	responders = "123456789012"
	region     = "eu-central-1"
	bucketName = "evidence"
	queueName  = "fleet"
	roles      = "arn:aws:iam::{account}:role/reader"
	everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// world is the accounts, the queue, the bucket, and whoever works on them.
type world struct {
	binary string
	dir    string
	cloud  *awssim.Cloud
	keys   awssim.Credentials
	bucket http.Handler // where the bucket is, if not in the simulated account
	url    string
	queue  string
	want   map[string]string // function's ARN -> SHA-256 of its code, as AWS gives it

	mu       sync.Mutex
	seq      int
	requests []request
	puts     map[string]int // object -> when it was there
	procs    []*process
	kill     func(at point, p *process) (now, after bool)
}

// accounts of the fleet: their numbers.
func accountID(i int) string { return fmt.Sprintf("2%011d", i+1) }

func newWorld(t *testing.T, binary string, accounts, functions int, bucket func(awssim.Credentials) http.Handler) *world {
	t.Helper()
	w := &world{binary: binary, dir: t.TempDir(), want: map[string]string{}, puts: map[string]int{}}
	w.cloud = awssim.New(awssim.Config{AccountID: responders, Region: region, Seed: 11})
	w.keys = w.cloud.Bootstrap(responders, "responder", everything)
	if bucket != nil {
		w.bucket = bucket(w.keys)
	}
	for i := range accounts {
		w.makeAccount(t, accountID(i), functions)
	}
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(server.Close)
	w.url = server.URL
	out, err := sqs.NewFromConfig(w.config(w.keys)).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(queueName), Attributes: map[string]string{"VisibilityTimeout": "30"}})
	if err != nil {
		t.Fatal(err)
	}
	w.queue = aws.ToString(out.QueueUrl)
	in := &s3.CreateBucketInput{Bucket: aws.String(bucketName), ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}
	if _, err := w.s3().CreateBucket(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if code, said := w.run("case", "open", w.where(), "--title", "t", "--authority", "a", "--operator", "o"); code != 0 {
		t.Fatalf("opening the case: exit code %d\n%s", code, said)
	}
	return w
}

func (w *world) where() string { return "s3://" + bucketName + "/cases/night" }

// makeAccount makes an account that lets the responders in, with functions of which every third has a
// published version and a log group.
func (w *world) makeAccount(t *testing.T, id string, functions int) {
	t.Helper()
	cfg := w.config(w.cloud.Bootstrap(id, "owner", everything))
	c := iam.NewFromConfig(cfg)
	for role, principal := range map[string]string{"reader": `{"AWS":"` + responders + `"}`, "work": `{"Service":"lambda.amazonaws.com"}`} {
		if _, err := c.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}]}`)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("all"), PolicyDocument: aws.String(everything)}); err != nil {
		t.Fatal(err)
	}
	l := lambda.NewFromConfig(cfg)
	for i := range functions {
		name := fmt.Sprintf("f-%02d", i)
		out, err := l.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: &name, Role: aws.String("arn:aws:iam::" + id + ":role/work"), Runtime: lt.RuntimePython313, Handler: aws.String("app.handler"),
			Code: &lt.FunctionCode{ZipFile: bench.Pack(id+name, 4<<10)}, Publish: i%3 == 0, Environment: &lt.Environment{Variables: map[string]string{"NAME": name, "TOKEN": "s3cr3t-" + id + name}}})
		if err != nil {
			t.Fatal(err)
		}
		w.want["arn:aws:lambda:"+region+":"+id+":function:"+name] = aws.ToString(out.CodeSha256)
		if i%3 == 0 {
			// $LATEST gets code of its own, so that every download is of one artefact.
			again, err := l.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: bench.Pack("later "+id+name, 4<<10)})
			if err != nil {
				t.Fatal(err)
			}
			w.want["arn:aws:lambda:"+region+":"+id+":function:"+name] = aws.ToString(again.CodeSha256)
			w.cloud.StageLogEvents(id, region, "/aws/lambda/"+name, "2026/11/26/[$LATEST]0123456789abcdef", awssim.LogLine{At: w.cloud.Now(), Message: "served"})
		}
	}
}

// config calls the simulated accounts without being noted.
func (w *world) config(k awssim.Credentials) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: w.cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, "")}
}

func (w *world) s3() *s3.Client {
	cfg := w.config(w.keys)
	if w.bucket != nil {
		cfg.HTTPClient, cfg.BaseEndpoint = nil, aws.String(w.url)
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// vault reads the case.
func (w *world) vault(t *testing.T) *s3vault.Vault {
	t.Helper()
	s, err := awsapi.Connect(t.Context(), awsapi.Options{Unasked: true, Region: region, EndpointURL: w.url,
		Credentials: credentials.NewStaticCredentialsProvider(w.keys.AccessKeyID, w.keys.SecretAccessKey, "")})
	if err != nil {
		t.Fatal(err)
	}
	o := s3vault.Options{Bucket: bucketName, Prefix: "cases/night"}
	v, err := s3vault.New(s.Config("", s3vault.Needs(o)), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// command is a process of the built binary; who names it in every call it makes.
func (w *world) command(who string, args ...string) *exec.Cmd {
	cmd := exec.Command(w.binary, args...)
	cmd.Dir = w.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TMPDIR=" + w.dir, "FREEZEFRAME_HOME=" + filepath.Join(w.dir, "home"), "FREEZEFRAME_CASE=" + w.where(),
		"AWS_ENDPOINT_URL=" + w.url, "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + w.keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + w.keys.SecretAccessKey,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_EXECUTION_ENV=" + who, scratch.Process,
	}
	return cmd
}

func (w *world) run(args ...string) (int, string) {
	out, err := w.command("people", args...).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // os/exec's own, as it comes
		return exit.ExitCode(), string(out)
	}
	if err != nil {
		return -1, err.Error()
	}
	return 0, string(out)
}

// enqueue splits the whole fleet.
func (w *world) enqueue(t *testing.T, accounts, perMessage int) string {
	t.Helper()
	var list strings.Builder
	for i := range accounts {
		fmt.Fprintln(&list, accountID(i))
	}
	file := filepath.Join(w.dir, "accounts")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	code, said := w.run("collect", "--accounts-file", file, "--match", "*", "--assume-role", roles, "--enqueue", w.queue, "--per-message", fmt.Sprint(perMessage))
	if code != 0 {
		t.Fatalf("enqueuing: exit code %d\n%s", code, said)
	}
	return said
}

// waiting is how many messages there are, in the queue or in somebody's hands.
func (w *world) waiting(t *testing.T) string {
	t.Helper()
	out, err := sqs.NewFromConfig(w.config(w.keys)).GetQueueAttributes(context.WithoutCancel(t.Context()), &sqs.GetQueueAttributesInput{QueueUrl: &w.queue, AttributeNames: []sqsName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes["ApproximateNumberOfMessages"] + "+" + out.Attributes["ApproximateNumberOfMessagesNotVisible"]
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "freezeframe")
	// go run keeps the linked program in the build cache, which go build does not: linking it is
	// ten seconds of a processor.
	if out, err := exec.Command("go", "run", "-exec", "cp", "../../cmd/freezeframe", path).CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return path
}
