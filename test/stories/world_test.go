package stories

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lt "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

const (
	home   = "111122223333" // the account of the incident
	sister = "444455556666" // another account of the company, with the same names in it
	vendor = "999988887777" // outside
	away   = "777766665555" // whom a grant may admit
)

// clock stands still until it is moved; live, it moves a little whenever it is read, so
// that what AWS takes a moment for ends.
type clock struct {
	mu   sync.Mutex
	at   time.Time
	live bool
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live {
		c.at = c.at.Add(50 * time.Millisecond)
	}
	return c.at
}

// hand is somebody at work: whose credentials, from where, with which program.
type hand struct {
	name    string
	creds   awssim.Credentials
	address string
	agent   string
}

// from is the same credentials in another hand.
func (h hand) from(address, agent string) hand { h.address, h.agent = address, agent; return h }

// world is one variant.
type world struct {
	t          *testing.T
	ctx        context.Context
	r          *rand.Rand
	cloud      *awssim.Cloud
	clock      *clock
	plan       plan
	truth      truth
	unabridged truth // entry and hops as if no record were missing
	names      names
	edits      []edit // of the records, at the end
	builds     int
	begun      time.Time // of the hour of the incident

	owner, robot, dave, sisterDev, vendorKey hand
	current                                  []byte // the code that is deployed
}

type names struct {
	function, victim, role, victimRole, deploy, region string
	hops                                               []string
	second, rule                                       string
}

func (w *world) pick(of ...string) string { return of[w.r.IntN(len(of))] }

// wait moves the clock by something between a and b.
func (w *world) wait(a, b time.Duration) {
	w.clock.at = w.clock.at.Add(a + time.Duration(w.r.Int64N(int64(b-a)+1))).Truncate(time.Millisecond)
}

func (w *world) soon() { w.wait(4*time.Second, 90*time.Second) }

func (w *world) config(h hand) aws.Config {
	return aws.Config{
		Region: w.names.region, BaseEndpoint: aws.String("http://stories.invalid"), HTTPClient: &road{w.cloud.Client(), h},
		Credentials: credentials.NewStaticCredentialsProvider(h.creds.AccessKeyID, h.creds.SecretAccessKey, h.creds.SessionToken),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

type road struct {
	client *http.Client
	hand   hand
}

func (r *road) Do(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-Forwarded-For", r.hand.address)
	req.Header.Set("User-Agent", r.hand.agent)
	return r.client.Do(req)
}

// must stops the test where a call of history fails.
func must[T any](w *world, what string, v T, err error) T {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("variant %d: %s: %v", w.plan.seed, what, err)
	}
	return v
}

func (w *world) lambda(h hand) *lambda.Client { return lambda.NewFromConfig(w.config(h)) }
func (w *world) iam(h hand) *iam.Client       { return iam.NewFromConfig(w.config(h)) }

// assume gives the hand of a role's session, working from where h works.
func (w *world) assume(h hand, account, role, session string) hand {
	w.t.Helper()
	out, err := sts.NewFromConfig(w.config(h)).AssumeRole(w.ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + account + ":role/" + role), RoleSessionName: aws.String(session)})
	must(w, "assuming "+role, out, err)
	c := out.Credentials
	return hand{session, awssim.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}, h.address, h.agent}
}

// environment is the hand of a function's code inside Lambda.
func (w *world) environment(function string) hand {
	c, err := w.cloud.ExecutionCredentials(w.arn(function))
	must(w, "credentials of "+function, c, err)
	return hand{function, c, fmt.Sprintf("3.248.%d.%d", 10+w.r.IntN(20), 1+w.r.IntN(250)), "Boto3/1.40.4 md/Botocore#1.40.4 ua/2.1 os/linux lang/python#3.12.11 exec-env/AWS_Lambda_python3.12"}
}

func (w *world) arn(function string) string {
	return "arn:aws:lambda:" + w.names.region + ":" + home + ":function:" + function
}

func (w *world) buckets(h hand) {
	_, err := s3.NewFromConfig(w.config(h), func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(w.ctx, &s3.ListBucketsInput{})
	must(w, "listing buckets", 0, err)
}

func (w *world) role(h hand, name, trust, policy string) {
	c := w.iam(h)
	_, err := c.CreateRole(w.ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	must(w, "creating role "+name, 0, err)
	w.wait(time.Second, 9*time.Second)
	_, err = c.PutRolePolicy(w.ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("work"), PolicyDocument: &policy})
	must(w, "policy of role "+name, 0, err)
	w.wait(time.Second, 9*time.Second)
}

func (w *world) create(h hand, account, name, role string, code []byte) {
	_, err := w.lambda(h).CreateFunction(w.ctx, &lambda.CreateFunctionInput{FunctionName: &name, Role: aws.String("arn:aws:iam::" + account + ":role/" + role),
		Runtime: lt.RuntimePython312, Handler: aws.String("app.handler"), Code: &lt.FunctionCode{ZipFile: code},
		Environment: &lt.Environment{Variables: map[string]string{"DB_PASSWORD": "correct-horse/battery+staple=42", "TABLE": name}}})
	must(w, "creating function "+name, 0, err)
	w.soon()
}

// zipped is a package of one file.
func zipped(content string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.CreateHeader(&zip.FileHeader{Name: "app.py", Method: zip.Deflate, Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err = errors.Join(err, z.Close()); err != nil {
		panic(err) // writing to memory
	}
	return b.Bytes()
}
