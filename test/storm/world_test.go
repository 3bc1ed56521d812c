package storm

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	qt "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

const (
	account  = "123456789012"
	region   = "eu-west-1"
	bucket   = "evidence"
	cases    = "s3://" + bucket + "/alerts"
	endpoint = "http://aws.invalid" // by a proxy of each slot, or in process
	// visibility of the queue: no delay that a worker asks for is like it.
	visibility = 40
	admin      = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// world is an account with functions, a queue and a bucket, and the driver of the storm.
type world struct {
	t      *testing.T
	size   size
	plan   *plan
	binary string
	dir    string
	cloud  *awssim.Cloud
	keys   awssim.Credentials
	cfg    aws.Config
	moto   string // address of the queue's server; "" where it is the account's
	sqs    *sqs.Client
	key    string // file of the signing key
	public string // and of its public half
	to     string // recipient of secrets

	over     context.Context // ends when the queue is empty
	finished context.CancelFunc

	mu     sync.Mutex
	deaths map[string]int // kind -> processes killed so
}

func newWorld(t *testing.T, s size, p *plan, binary, moto string) *world {
	t.Helper()
	w := &world{t: t, size: s, plan: p, binary: binary, moto: moto, dir: t.TempDir(), deaths: map[string]int{}}
	// The workers' own calls would be in everybody's trail: half a million of them in a storm.
	w.cloud = awssim.New(awssim.Config{AccountID: account, Region: region, Seed: 5, TrailDelay: 1 << 60})
	w.keys = w.cloud.Bootstrap(account, "responder", admin)
	w.cfg = aws.Config{Region: region, BaseEndpoint: aws.String(endpoint), HTTPClient: w.cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(w.keys.AccessKeyID, w.keys.SecretAccessKey, "")}
	w.sqs = sqs.NewFromConfig(w.cfg, func(o *sqs.Options) {
		if moto != "" {
			o.BaseEndpoint, o.HTTPClient = &moto, http.DefaultClient
		}
	})
	w.over, w.finished = context.WithTimeout(t.Context(), s.most)
	w.must(w.makeKeys())
	w.must(w.makeFunctions(t.Context()))
	for name, a := range map[string]map[string]string{"dead": nil, "alerts": {"VisibilityTimeout": fmt.Sprint(visibility),
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:%s:dead","maxReceiveCount":%d}`, region, account, s.receives)}} {
		_, err := w.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: a})
		w.must(err)
	}
	_, err := w.s3().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket), ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}})
	w.must(err)
	for _, body := range p.messages {
		_, err := w.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queueURL("alerts"), MessageBody: &body})
		w.must(err)
	}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) s3() *s3.Client {
	return s3.NewFromConfig(w.cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

func queueURL(name string) *string { return aws.String(endpoint + "/" + account + "/" + name) }

// makeKeys makes what all workers share: who signs, and to whom secrets are sealed.
func (w *world) makeKeys() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	w.key, w.public = filepath.Join(w.dir, "key.pem"), filepath.Join(w.dir, "public.pem")
	if err := os.WriteFile(w.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(w.public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600); err != nil {
		return err
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	w.to = id.Recipient().String()
	return nil
}

// makeFunctions makes one for each finding, each with code of its own.
func (w *world) makeFunctions(ctx context.Context) error {
	role, err := iam.NewFromConfig(w.cfg).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("app"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	if err != nil {
		return err
	}
	var all errgroup.Group
	all.SetLimit(8)
	for _, f := range w.plan.findings {
		all.Go(func() error {
			_, err := lambda.NewFromConfig(w.cfg).CreateFunction(ctx, &lambda.CreateFunctionInput{
				FunctionName: &f.function, Role: role.Role.Arn, Runtime: lambdatypes.RuntimePython313, Handler: aws.String("index.handler"),
				Code:        &lambdatypes.FunctionCode{ZipFile: bench.Pack(f.function, 4<<10)},
				Environment: &lambdatypes.Environment{Variables: map[string]string{"STAGE": "prod", "DB_PASSWORD": "hunter2-" + f.function}},
			})
			return err
		})
	}
	return all.Wait()
}

// left is how many messages a queue has, those that somebody holds with them.
func (w *world) left(ctx context.Context, name string) int {
	out, err := w.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queueURL(name), AttributeNames: []qt.QueueAttributeName{qt.QueueAttributeNameAll}})
	if err != nil {
		return -1
	}
	n := 0
	for _, a := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"} {
		x := -1
		_, _ = fmt.Sscan(out.Attributes[a], &x)
		n += x
	}
	return n
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
