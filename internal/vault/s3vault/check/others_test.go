package check

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
)

// elsewhere starts somebody else's server and gives a shop at its endpoint.
func elsewhere(t *testing.T, program string, args func(port, dir string) []string) *shop {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(program, args(port, t.TempDir())...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return shopAt(t, "http://"+addr)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not answer", program)
	return nil
}

func shopAt(t *testing.T, endpoint string) *shop {
	t.Helper()
	s := &shop{t: t, calls: map[string]awsapi.Class{}}
	sess, err := awsapi.Connect(t.Context(), awsapi.Options{Region: region, Unasked: true, EndpointURL: endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret-key-of-tests", "")})
	s.must(err)
	s.in = Inputs{Bucket: bucket, Prefix: prefix, Live: true}
	needs := Needs(s.in)
	s.in.Config = func(region string) aws.Config { return sess.Config(region, needs) }
	s.admin = aws.Config{Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret-key-of-tests", "")}
	s.s3 = s3.NewFromConfig(s.admin, func(o *s3.Options) { o.UsePathStyle = true })
	s.kms, s.trails = kms.NewFromConfig(s.admin), cloudtrail.NewFromConfig(s.admin)
	return s
}

// moto is an account in memory that does not enforce everything.
func TestMoto(t *testing.T) {
	s := elsewhere(t, judge(t, "FREEZEFRAME_MOTO"), func(port, _ string) []string { return []string{"-H", "127.0.0.1", "-p", port} })
	s.make(true)
	key, err := s.kms.CreateKey(t.Context(), &kms.CreateKeyInput{})
	s.must(err)
	s.key = *key.KeyMetadata.Arn
	wantResults(t, s.again(), map[string]Result{
		"owner": Unknown, "separation": Unknown, "versioning": Pass, "object-lock": Pass, "retention": Pass, "ownership": Fail, "public-access": Fail,
		"policy-deletes": Fail, "policy-bypass": Fail, "policy-tls": Fail, "encryption": Fail, "lifecycle": Pass, "replication": Fail, "readers": Fail,
		"live-create": Pass, "live-once": Pass, "live-checksum": Pass, "live-lock": Pass, "live-delete": Pass,
	})
	s.policy(goodPolicy)
	s.encrypt(types.ServerSideEncryptionAwsKms, s.key)
	s.rules(rule("early", "", noncurrent(10)))
	for _, b := range []string{"evidence-replica", "logs-4711"} {
		_, err := s.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region}})
		s.must(err)
	}
	s.replicate(types.ReplicationRuleStatusEnabled, "")
	s.trail(classic("All", "arn:aws:s3:::"+bucket+"/"))
	s.in.Owner = "123456789012" // moto's
	s.in.Live = false           // from here on the policy wants TLS
	wantResults(t, s.again(), map[string]Result{
		"owner":          Unknown, // moto takes any owner for the right one
		"policy-deletes": Pass, "policy-bypass": Pass, "policy-tls": Pass, "encryption": Pass, "kms-account": Pass, "kms-enabled": Pass,
		"lifecycle": Fail, "replication": Pass, "readers": Pass,
	})
}

// versitygw is an S3 server that is not AWS: it has locks, and neither KMS nor CloudTrail.
func TestVersitygw(t *testing.T) {
	s := elsewhere(t, judge(t, "FREEZEFRAME_VERSITYGW"), func(port, dir string) []string {
		data, versions := filepath.Join(dir, "data"), filepath.Join(dir, "versions")
		os.Mkdir(data, 0o700)
		os.Mkdir(versions, 0o700)
		return []string{"--port", "127.0.0.1:" + port, "--region", region, "--access", "AKIDEXAMPLE", "--secret", "secret-key-of-tests", "posix", "--versioning-dir", versions, data}
	})
	s.make(true)
	wantResults(t, s.again(), map[string]Result{
		"versioning": Pass, "object-lock": Pass, "retention": Pass, "ownership": Pass, "public-access": Unknown,
		"policy-deletes": Fail, "policy-bypass": Fail, "policy-tls": Fail, "encryption": Unknown, "kms-account": Unknown, "kms-enabled": Unknown,
		"lifecycle": Unknown, "replication": Unknown, "readers": Unknown,
		"live-create": Pass, "live-once": Pass, "live-checksum": Pass, "live-lock": Unknown, "live-delete": Pass,
	})
	s.policy(goodPolicy)
	s.in.Owner, s.in.SubjectAccount = "AKIDEXAMPLE", subjectAccount // its accounts are access keys
	wantResults(t, s.again(), map[string]Result{"owner": Pass, "separation": Pass, "policy-deletes": Pass, "policy-bypass": Pass, "policy-tls": Pass})
	s.in.Owner = otherAccount
	wantResults(t, s.again(), map[string]Result{"owner": Fail, "separation": Pass, "versioning": Unknown, "live-create": Unknown})
}
