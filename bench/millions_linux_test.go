package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// BenchmarkTimelineMillions builds timelines of 1, 2, 4 and 8 parts of one trail bucket with the
// built binary: how its time and its peak of resident memory grow. All parts together have as
// many millions of events as FREEZEFRAME_MILLIONS says, 1 without it.
func BenchmarkTimelineMillions(b *testing.B) {
	millions := 1
	if s := os.Getenv("FREEZEFRAME_MILLIONS"); s != "" {
		var err error
		if millions, err = strconv.Atoi(s); err != nil || millions < 1 {
			b.Fatalf("FREEZEFRAME_MILLIONS=%s", s)
		}
	}
	program, dir, temp := build(b, "../cmd/freezeframe"), b.TempDir(), b.TempDir()
	shape := bucketCorpus()
	shape.perFile = 500
	shape.files = millions * 1_000_000 / parts / shape.perFile
	var all []string
	var sizes []int64
	for part := range parts {
		all = append(all, filepath.Join(dir, strconv.Itoa(part)))
		shape.first = part * shape.files
		_, inflated := shape.write(b, all[part])
		sizes = append(sizes, inflated)
	}
	var once time.Duration
	for n := 1; n <= parts; n *= 2 {
		b.Run(fmt.Sprintf("%dx", n), func(b *testing.B) {
			var took, used time.Duration
			var peak float64
			var inflated int64
			for _, s := range sizes[:n] {
				inflated += s
			}
			b.SetBytes(inflated)
			for b.Loop() {
				cmd := exec.Command(program, append([]string{"timeline", "build", "--format", "jsonl"}, all[:n]...)...)
				cmd.Env = append(os.Environ(), "TMPDIR="+temp, "FREEZEFRAME_HOME="+temp)
				began := time.Now()
				if err := cmd.Start(); err != nil {
					b.Fatal(err)
				}
				mark := watchResident(cmd.Process.Pid)
				if err := cmd.Wait(); err != nil {
					b.Fatal(err)
				}
				took, used = took+time.Since(began), used+cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
				peak = max(peak, mark())
			}
			if n == 1 {
				once = used / time.Duration(b.N)
			}
			events := float64(n*shape.files*shape.perFile) * float64(b.N)
			b.ReportMetric(events/float64(b.N)/1e6, "million_events")
			b.ReportMetric(float64(took.Microseconds())/events, "µs/event")
			b.ReportMetric(float64(used/time.Duration(b.N))/float64(once*time.Duration(n)), "cpu_of_linear")
			b.ReportMetric(peak, "MiB-peak")
		})
	}
}

const parts = 8
