package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// simulator is a simulated account that a process of its own serves over TCP, so that its
// memory and processor time are not the collector's.
type simulator struct {
	Endpoint, Account, Key, Secret string

	cmd *exec.Cmd
	in  io.Closer
}

// build builds a program of this module.
func build(b *testing.B, what string) string {
	b.Helper()
	name := filepath.Join(b.TempDir(), filepath.Base(what))
	if out, err := exec.Command("go", "build", "-o", name, what).CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	return name
}

// simulate starts it, and ends it with the benchmark.
func simulate(b *testing.B, program string, flags ...string) *simulator {
	b.Helper()
	s := &simulator{cmd: exec.Command(program, append([]string{"-seeded", "-unjudged"}, flags...)...)}
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	s.in = in
	b.Cleanup(s.stop)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, s)
	}
	if err != nil {
		b.Fatalf("the simulator did not start: %v", err)
	}
	return s
}

func (s *simulator) stop() {
	if s.cmd != nil {
		_ = s.in.Close()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// cpu is what it has used.
func (s *simulator) cpu() time.Duration { return cpuOf(s.cmd.Process.Pid) }

// cpuOf is the processor time of a running process, in ticks of a hundredth of a second.
func cpuOf(pid int) time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // the name before may hold anything
	fields := strings.Fields(string(rest))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// env is what every client of it needs.
func (s *simulator) env(also ...string) []string {
	return append(append(os.Environ(), "AWS_ENDPOINT_URL="+s.Endpoint, "AWS_REGION="+Region, "AWS_DEFAULT_REGION="+Region, "AWS_ACCESS_KEY_ID="+s.Key, "AWS_SECRET_ACCESS_KEY="+s.Secret,
		"AWS_EC2_METADATA_DISABLED=true"), also...)
}

// collector is the built binary with a home and cases of its own.
type collector struct {
	program, dir string
	env          []string
	check        func(dir string) // looks at the case before it is gone; may be nil
}

// ran is what one run of a program took.
type ran struct {
	wall, cpu time.Duration
	peak      float64 // MiB resident
	out       string
}

func (c collector) run(b *testing.B, want int, args ...string) ran {
	b.Helper()
	cmd := exec.Command(c.program, args...)
	cmd.Env = c.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	peak := watchResident(cmd.Process.Pid)
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() != want {
		b.Fatalf("%v: %v\n%s", args, err, out.Bytes())
	}
	return ran{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak(), out.String()}
}

// collected is one run of collect into a case of its own, which is gone afterwards.
type collected struct {
	ran
	idle  float64 // MiB that --help has
	sim   time.Duration
	calls []call
	bytes int64
}

func (c collector) collect(b *testing.B, s *simulator, args ...string) collected {
	b.Helper()
	dir, err := os.MkdirTemp(c.dir, "case-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // gigabytes; what stays is seen
	c.env = s.env("FREEZEFRAME_HOME="+dir, "FREEZEFRAME_CASE="+filepath.Join(dir, "case"))
	out := collected{idle: c.run(b, 0, "--help").peak}
	c.run(b, 0, "case", "open", filepath.Join(dir, "case"), "--title", "b", "--authority", "b", "--operator", "b")
	before := s.cpu()
	out.ran = c.run(b, 0, append([]string{"collect"}, args...)...)
	out.sim = s.cpu() - before
	out.calls, out.bytes = callsOf(b, filepath.Join(dir, "case"))
	if c.check != nil {
		c.check(filepath.Join(dir, "case"))
	}
	return out
}

// call is a line of the record of calls that a bag keeps.
type call struct {
	Collector string
	awsapi.Exchange
}

// callsOf reads the calls that a case's bags record, and sums the files up.
func callsOf(b *testing.B, dir string) (calls []call, size int64) {
	b.Helper()
	for bag, err := range openCase(b, dir).Bags(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		for e, err := range bag.Journal(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			if e.Kind != "call" {
				continue
			}
			var x call
			if err := json.Unmarshal(e.Value, &x); err != nil {
				b.Fatal(err)
			}
			calls = append(calls, x)
		}
	}
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return calls, size
}

func openCase(b *testing.B, dir string) *evidence.Case {
	b.Helper()
	v, err := vault.NewFolder(dir)
	if err != nil {
		b.Fatal(err)
	}
	c, err := evidence.OpenCase(b.Context(), v)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// exchanges are the calls without who made them.
func exchanges(calls []call) []awsapi.Exchange {
	out := make([]awsapi.Exchange, len(calls))
	for i, c := range calls {
		out[i] = c.Exchange
	}
	return out
}
