package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const fleetAccounts, fleetFunctions = 20, 10

// BenchmarkWorkers collects 200 functions of 20 accounts by 1, 2 and 4 workers of the built binary into
// one case in a bucket: quotas off, 50 ms added to every answer (the accounts', the queue's and the
// bucket's), 4 calls in flight for each worker, one message an account. x-linear is how much of the
// first worker's rate each of the others has.
func BenchmarkWorkers(b *testing.B) {
	freezeframe, simserver := build(b, "../cmd/freezeframe"), build(b, "../test/simserver")
	alone := 0.0
	for _, workers := range []int{1, 2, 4} {
		b.Run(strconv.Itoa(workers), func(b *testing.B) {
			for b.Loop() {
				s := simulate(b, simserver, "-latency", latency.String(), "-fleet", fmt.Sprintf("%dx%d", fleetAccounts, fleetFunctions))
				f := newFleetRun(b, s, freezeframe)
				before := s.cpu()
				r := f.work(b, workers)
				r.sim = s.cpu() - before
				if workers == 1 {
					alone = r.wall.Seconds()
				}
				f.intact(b)
				b.ReportMetric(r.wall.Seconds(), "s/run")
				b.ReportMetric(alone/(r.wall.Seconds()*float64(workers)), "x-linear")
				b.ReportMetric(r.peak, "MiB-worker")
				b.ReportMetric(r.cpu.Seconds(), "s-cpu-workers")
				b.ReportMetric(r.sim.Seconds(), "s-cpu-simulator")
				b.ReportMetric(100*(r.cpu+r.sim).Seconds()/(2*r.wall.Seconds()), "%-of-2-cpus")
				s.stop()
			}
		})
	}
}

// fleetRun is one queue full of messages and one case.
type fleetRun struct {
	program, dir, url string
	env               []string
	queue             *sqs.Client
}

func newFleetRun(b *testing.B, s *simulator, program string) *fleetRun {
	b.Helper()
	f := &fleetRun{program: program, dir: benchDir(b)}
	cfg := aws.Config{Region: Region, BaseEndpoint: &s.Endpoint, Credentials: credentials.NewStaticCredentialsProvider(s.Key, s.Secret, "")}
	f.queue = sqs.NewFromConfig(cfg)
	q, err := f.queue.CreateQueue(b.Context(), &sqs.CreateQueueInput{QueueName: aws.String("fleet"), Attributes: map[string]string{"VisibilityTimeout": "120"}})
	if err != nil {
		b.Fatal(err)
	}
	f.url = aws.ToString(q.QueueUrl)
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(b.Context(), &s3.CreateBucketInput{Bucket: aws.String("evidence"), ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: Region}}); err != nil {
		b.Fatal(err)
	}
	home, err := os.MkdirTemp(f.dir, "home-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(home) })
	f.env = s.env("FREEZEFRAME_HOME="+home, "FREEZEFRAME_CASE=s3://evidence/cases/night")
	var list strings.Builder
	for i := range fleetAccounts {
		fmt.Fprintln(&list, FleetAccount(i))
	}
	accounts := filepath.Join(home, "accounts")
	if err := os.WriteFile(accounts, []byte(list.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	c := collector{program: f.program, env: f.env}
	c.run(b, 0, "case", "open", "s3://evidence/cases/night", "--title", "b", "--authority", "b", "--operator", "b")
	c.run(b, 0, "collect", "--accounts-file", accounts, "--match", "*", "--assume-role", FleetRole, "--enqueue", f.url, "--per-message", strconv.Itoa(fleetFunctions))
	return f
}

// worked is what workers took together; peak is that of the one that took most.
type worked struct {
	wall, cpu, sim time.Duration
	peak           float64
}

func (f *fleetRun) work(b *testing.B, workers int) (out worked) {
	b.Helper()
	var cmds []*exec.Cmd
	said := make([]bytes.Buffer, workers)
	start := time.Now()
	for i := range workers {
		cmd := exec.Command(f.program, "worker", "--queue", f.url, "--cases", "s3://evidence/cases", "--authority", "b", "--assume-role", FleetRole, "--unpaced", "--calls-at-once", "4")
		cmd.Env, cmd.Stdout, cmd.Stderr = f.env, &said[i], &said[i]
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for !f.empty(b) {
		if time.Since(start) > 30*time.Minute {
			b.Fatalf("the queue is not empty after half an hour:\n%s", said[0].Bytes())
		}
		time.Sleep(200 * time.Millisecond)
	}
	out.wall = time.Since(start)
	for i, cmd := range cmds {
		out.peak = max(out.peak, peakOf(b, cmd.Process.Pid))
		_ = cmd.Process.Signal(syscall.SIGTERM) // Wait tells
		if err := cmd.Wait(); err != nil {
			b.Fatalf("worker %d: %v\n%s", i, err, said[i].Bytes())
		}
		out.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return out
}

func (f *fleetRun) empty(b *testing.B) bool {
	b.Helper()
	q, err := f.queue.GetQueueAttributes(b.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &f.url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
	if err != nil {
		b.Fatal(err)
	}
	return q.Attributes["ApproximateNumberOfMessages"] == "0" && q.Attributes["ApproximateNumberOfMessagesNotVisible"] == "0"
}

// intact verifies the case, and that all messages have become bags.
func (f *fleetRun) intact(b *testing.B) {
	b.Helper()
	out := collector{program: f.program, env: f.env}.run(b, 0, "verify").out
	if want := fmt.Sprintf("intact: %d bags", 2*fleetAccounts); !strings.Contains(out, want) {
		b.Fatalf("not %q: %s", want, out)
	}
	b.Logf("%s", strings.SplitN(out[strings.Index(out, "intact"):], "\n", 2)[0])
}

// peakOf is a running process's peak of resident memory, in MiB.
func peakOf(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
