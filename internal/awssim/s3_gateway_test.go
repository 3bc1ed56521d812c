package awssim

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestS3CasesOnVersityGateway runs the same cases on somebody else's S3: a case
// whose outcome is made up here would fail there.
func TestS3CasesOnVersityGateway(t *testing.T) {
	client := versitygw(t)
	for i, tc := range s3Cases() {
		t.Run(tc.name, func(t *testing.T) {
			want := tc.want
			if tc.why != "" {
				want = tc.gateway
			}
			if got := tc.run(lab(t, client, i)); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func versitygw(t *testing.T) *s3.Client {
	program := os.Getenv("FREEZEFRAME_VERSITYGW")
	if program == "" {
		t.Skip("SKIPPED LOUDLY: FREEZEFRAME_VERSITYGW does not name a versitygw")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	data, versions := filepath.Join(dir, "data"), filepath.Join(dir, "versions")
	for _, d := range []string{data, versions} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "--port", addr, "--access", "judge", "--secret", "judge-secret", "posix", "--versioning-dir", versions, data)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed: its status says so
	})
	for range 200 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return s3.NewFromConfig(aws.Config{Region: "us-east-1", RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider("judge", "judge-secret", "")},
		func(o *s3.Options) { o.UsePathStyle, o.BaseEndpoint = true, aws.String("http://"+addr) })
}
