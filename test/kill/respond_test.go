package kill

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	guardtypes "github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/freezeframe-ir/freezeframe/bench"
	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

const nightMandate = `mandate: freezeframe.mandate/1
name: night-shift
valid: {from: %s, until: %s}
rules:
  - name: stop-what-calls-out
    alerts: {kinds: [guardduty], types: ["Backdoor:Lambda/*"], severity: high}
    functions: {accounts: ["%s"], regions: [%s], names: [payments], shared_role: 50}
    acts: {level: stop}
    limits: {per_function: 1, per_day: 1}
    expires: 10m
`

// night is an arena to which an alert comes that may be answered by containment.
type night struct {
	*arena
	cases, queue string
	message      []byte
	work         []string // the arguments of a worker
	before       *int32   // concurrency
}

func newNight(t *testing.T, binary string) *night {
	t.Helper()
	n := &night{arena: newArena(t, binary)}
	n.arena.cases++
	n.cases = filepath.Join(n.dir, "alerts")
	n.message = n.finding(t)
	n.sign(t)
	out, err := n.sqs().CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("alerts"), Attributes: map[string]string{"VisibilityTimeout": "600"}})
	if err != nil {
		t.Fatal(err)
	}
	n.queue = aws.ToString(out.QueueUrl)
	n.work = []string{"worker", "--queue", n.queue, "--cases", n.cases, "--authority", "a", "--mandate", filepath.Join(n.dir, "night.yaml"), "--trust", filepath.Join(n.dir, "boss.pub.pem"),
		"--in-region", bench.Region, "--silence", board.Least.String(), "--notify", "ticket:" + filepath.Join(n.dir, "tickets")}
	n.before = n.concurrency(t)
	return n
}

func (n *night) config() aws.Config {
	return aws.Config{Region: bench.Region, BaseEndpoint: aws.String(bench.Endpoint), HTTPClient: n.acct.Cloud.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(n.acct.Keys.AccessKeyID, n.acct.Keys.SecretAccessKey, "")}
}

func (n *night) sqs() *sqs.Client { return sqs.NewFromConfig(n.config()) }

func (n *night) concurrency(t *testing.T) *int32 {
	t.Helper()
	out, err := lambda.NewFromConfig(n.config()).GetFunctionConcurrency(context.Background(), &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String(bench.Function)})
	if err != nil {
		t.Fatal(err)
	}
	return out.ReservedConcurrentExecutions
}

// finding is what GuardDuty says, staged, and as it comes.
func (n *night) finding(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "internal", "alert", "testdata", "guardduty-lambda-api.json"))
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"111122223333": bench.AccountID, "eu-west-1": bench.Region, `"LastModifiedAt": 1795252364.0,`: "",
		"2026-11-27T": time.Now().Add(-24*time.Hour).UTC().Format(time.DateOnly) + "T"} {
		b = bytes.ReplaceAll(b, []byte(from), []byte(to))
	}
	var f guardtypes.Finding
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	n.acct.Cloud.StageGuardDutyFinding(bench.AccountID, bench.Region, f)
	return b
}

// sign writes the mandate, and has the binary sign it.
func (n *night) sign(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := evidence.EncodePublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(nightMandate, time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339), bench.AccountID, bench.Region)
	for name, data := range map[string][]byte{"boss.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "boss.pub.pem": public, "night.yaml": []byte(text)} {
		if err := os.WriteFile(filepath.Join(n.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.run(t, 0, "respond", "mandate", "sign", "night.yaml", "--key", "boss.pem")
	n.run(t, 0, "respond", "mandate", "check", "night.yaml", "--trust", "boss.pub.pem")
}

// runsOut writes onto the board that it is time, and lets a worker look until it is lifted.
func (n *night) runsOut(t *testing.T, kase string) {
	t.Helper()
	v, err := vault.OpenFolder(n.cases)
	if err != nil {
		t.Fatal(err)
	}
	b := board.On(v, "test")
	past := map[string]any{"until": time.Now().Add(-time.Minute), "why": "the test lets time pass", "by": "test", "at": time.Now()}
	if err := b.Put(t.Context(), "due/"+kase+"/0001/until-0001", past); err != nil {
		t.Fatal(err)
	}
	time.Sleep(board.Least) // so long nobody knows that who held the case is dead
	cmd := n.command(n.work...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := func() bool {
		names, err := b.Names(t.Context(), "due/"+kase+"/0001/")
		return err == nil && strings.Contains(strings.Join(names, " "), "closed")
	}
	for range 1200 {
		if ended() {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // its exit code says what became of messages
	if !ended() {
		t.Errorf("it has not ended\n%s", said.String())
	}
	// People are told, or will be: the worker may have been stopped at that.
	if names, err := b.Names(t.Context(), "notices/due/"+kase+"/"); err != nil || !strings.Contains(strings.Join(names, " "), "released-") {
		t.Errorf("nobody is told that it has ended: %q %v", names, err)
	}
	n.run(t, 0, "respond", "status", "--cases", n.cases, "--queue", n.queue)
}

// TestRespondKills: a worker that contains is killed at a call that changes the account, before the
// account hears of it or when it has done it. Another one lifts at its time what was contained, and
// the case says so.
func TestRespondKills(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY under -short: the binary that is killed is built without the race detector; the plain run has it")
	}
	binary := build(t)
	cells := 0
	for _, call := range []string{"Lambda:PutFunctionConcurrency", "IAM:PutRolePolicy"} {
		for _, effect := range []bool{false, true} {
			if effect != (call == "Lambda:PutFunctionConcurrency") && os.Getenv("FREEZEFRAME_RESPOND_KILLS") != "all" {
				continue
			}
			cells++
			t.Run(fmt.Sprintf("%s, done %t", call, effect), func(t *testing.T) {
				n := newNight(t, binary)
				if _, err := n.sqs().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &n.queue, MessageBody: aws.String(string(n.message))}); err != nil {
					t.Fatal(err)
				}
				n.die(t, call, effect, n.work...)
				kase := alert.Parse(n.message)[0].Case
				if now := n.concurrency(t); effect && call == "Lambda:PutFunctionConcurrency" && (now == nil || *now != 0) {
					t.Error("it was killed before it had contained")
				}
				n.runsOut(t, kase)
				if now := n.concurrency(t); (now == nil) != (n.before == nil) || now != nil && *now != *n.before {
					t.Errorf("the concurrency is not what it was: %v, was %v", now, n.before)
				}
				n.run(t, 0, "--case", filepath.Join(n.cases, kase), "contain", "status")
				out, err := n.command("--case", filepath.Join(n.cases, kase), "case", "show").CombinedOutput()
				if err != nil || !bytes.Contains(out, []byte("containment has run out")) {
					t.Errorf("the case does not say that it ended: %v\n%s", err, out)
				}
			})
		}
	}
	t.Logf("%d cells of 4; %d skipped (FREEZEFRAME_RESPOND_KILLS=all runs them)", cells, 4-cells)
}
