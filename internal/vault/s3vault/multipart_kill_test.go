package s3vault

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
)

// dyingEnv holds what the child needs: endpoint, access key, secret, owner, state folder.
const dyingEnv = "S3VAULT_TEST_DYING"

// A process that is really killed with parts under way, and another that goes on.
func TestMultipartKilled(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		dir := filepath.Join(t.TempDir(), "uploads")
		creds, err := p.cfg.Credentials.Retrieve(ctx)
		if err != nil {
			t.Fatal(err)
		}
		child := exec.Command(os.Args[0], "-test.run=^TestMultipartDying$")
		child.Env = append(os.Environ(), dyingEnv+"="+strings.Join([]string{*p.cfg.BaseEndpoint, creds.AccessKeyID, creds.SecretAccessKey, p.owner, dir}, "|"))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() && lines.Text() != "three parts are stored" {
			t.Log(lines.Text())
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := child.Wait(); err == nil {
			t.Fatal("the child was not killed")
		}
		private(t, dir)
		w := &wire{}
		v := p.vault(t, w, Options{StateDir: dir})
		if _, err := store(ctx, v, large(9)); err != nil {
			t.Fatal(err)
		}
		if w.count("create") != 0 || w.count("part") != largeParts-3 {
			t.Errorf("calls %v, want the %d parts that were missing", w.calls, largeParts-3)
		}
		holds(t, v, large(9))
	})
}

// TestMultipartDying is the child: it stores three parts and waits to be killed.
func TestMultipartDying(t *testing.T) {
	args := strings.Split(os.Getenv(dyingEnv), "|")
	if len(args) != 5 {
		return // only TestMultipartKilled starts it, as its child
	}
	cfg := config(args[0])
	cfg.Credentials = credentials.NewStaticCredentialsProvider(args[1], args[2], "")
	stored := make(chan struct{}, 3)
	w := &wire{
		before: func(call string, n int) (*http.Response, error) {
			if call != "part" || n <= 3 {
				return nil, nil
			}
			if n == 4 {
				for range 3 {
					<-stored
				}
				fmt.Println("three parts are stored")
			}
			select {}
		},
		after: func(call string, _ int) error {
			if call == "part" {
				stored <- struct{}{}
			}
			return nil
		},
	}
	p := place{cfg: cfg, bucket: "evidence", owner: args[3]}
	_, err := store(ctx, p.vault(t, w, Options{StateDir: args[4]}), large(9))
	t.Fatalf("ended: %v", err)
}
