package bench

import (
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// BenchmarkCollectProcess is BenchmarkCollect as a user runs it: the built binary over TCP,
// with its peak of resident memory above that of --help.
func BenchmarkCollectProcess(b *testing.B) {
	a, err := NewAccount(b.Context(), awssim.Config{Latency: latency}, 20, 10<<20)
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(a.Cloud)
	defer server.Close()
	binary := filepath.Join(b.TempDir(), "freezeframe")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/freezeframe").CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	dir := b.TempDir()
	env := append(os.Environ(), "AWS_ENDPOINT_URL="+server.URL, "AWS_REGION="+Region, "AWS_ACCESS_KEY_ID="+a.Keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+a.Keys.SecretAccessKey,
		"FREEZEFRAME_HOME="+dir, "FREEZEFRAME_CASE="+filepath.Join(dir, "case"))
	process := func(args ...string) (time.Duration, float64) {
		cmd := exec.Command(binary, args...)
		cmd.Env = env
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		start := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		peak := watchResident(cmd.Process.Pid)
		if err := cmd.Wait(); err != nil {
			b.Fatalf("%v: %v\n%s", args, err, out.Bytes())
		}
		return time.Since(start), peak()
	}
	help, idle := process("--help")
	process("case", "open", filepath.Join(dir, "case"), "--title", "b", "--authority", "b", "--operator", "b")
	for b.Loop() {
		took, peak := process("collect", "--function", Function)
		b.ReportMetric(took.Seconds(), "s/run")
		b.ReportMetric(peak-idle, "MiB-above-help")
		b.ReportMetric((peak-idle)/96, "x-of-96MiB")
		b.ReportMetric(float64(help.Milliseconds()), "help-ms")
	}
}

// watchResident follows a process's peak of resident memory, in MiB, until asked. (The
// rusage of a child begins with its parent's size, so the kernel's own mark is read.)
func watchResident(pid int) func() float64 {
	var peak atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
			if err != nil {
				return // it has ended
			}
			for line := range strings.Lines(string(status)) {
				if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
					kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
					if err == nil {
						peak.Store(max(peak.Load(), kib))
					}
				}
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return func() float64 {
		<-done
		return float64(peak.Load()) / 1024
	}
}
