package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkFleet collects 200 small functions, and the five of the account that has everything,
// into one case: the built binary over TCP, 50 ms added to every answer. s-besides-sweep is the
// wall time without what LookupEvents' quota of two a second takes for its calls, s-lookup-pacing.
func BenchmarkFleet(b *testing.B) {
	freezeframe, simserver := build(b, "../cmd/freezeframe"), build(b, "../test/simserver")
	for _, c := range []struct {
		name          string
		server, flags []string
	}{
		{"QuotasOff", nil, []string{"--unpaced"}},
		{"QuotasOn", []string{"-quotas"}, nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := simulate(b, simserver, append([]string{"-latency", latency.String(), "-functions", "200"}, c.server...)...)
			tool := collector{program: freezeframe, dir: benchDir(b)}
			for b.Loop() {
				r := tool.collect(b, s, append([]string{"--match", "*"}, c.flags...)...)
				lookups := slices.DeleteFunc(slices.Clone(r.calls), func(x call) bool { return x.Call != lookupEvents })
				pacing, _ := byQuota(exchanges(lookups))
				if c.server == nil {
					pacing = 0 // nothing was paced
				}
				rest, busiest := byQuota(exchanges(slices.DeleteFunc(slices.Clone(r.calls), func(x call) bool { return x.Call == lookupEvents })))
				quota := max(pacing, rest)
				b.Logf("%d calls, %d of them LookupEvents; besides those the quotas allow them in %s (%s)\n%s", len(r.calls), len(lookups), rest, busiest, tally(r.calls))
				b.ReportMetric(r.wall.Seconds(), "s/run")
				b.ReportMetric(pacing.Seconds(), "s-lookup-pacing")
				b.ReportMetric((r.wall - pacing).Seconds(), "s-besides-sweep")
				b.ReportMetric(float64(len(r.calls)), "calls")
				b.ReportMetric(float64(retried(r.calls)), "retried")
				b.ReportMetric(r.peak-r.idle, "MiB-above-help")
				b.ReportMetric(r.cpu.Seconds(), "s-cpu-collector")
				b.ReportMetric(r.sim.Seconds(), "s-cpu-simulator")
				if c.server != nil {
					b.ReportMetric(r.wall.Seconds()/quota.Seconds(), "x-quota")
				}
				gaps := strings.Contains(r.out, " 0 gaps")
				if !gaps {
					b.Fatalf("gaps: %s", r.out)
				}
			}
		})
	}
}

// tally counts calls by name, the most frequent first, and says when the last of each ended.
func tally(calls []call) string {
	n, last := map[string]int{}, map[string]time.Time{}
	var names []string
	begun := time.Now()
	for _, c := range calls {
		if n[c.Call]++; n[c.Call] == 1 {
			names = append(names, c.Call)
		}
		if c.Ended.After(last[c.Call]) {
			last[c.Call] = c.Ended
		}
		if c.Started.Before(begun) {
			begun = c.Started
		}
	}
	slices.SortFunc(names, func(a, b string) int { return n[b] - n[a] })
	var out strings.Builder
	for _, name := range names[:min(len(names), 60)] { // on one line: a benchmark's log has few
		fmt.Fprintf(&out, "%s %d to %s, ", name, n[name], last[name].Sub(begun).Round(time.Millisecond))
	}
	return out.String()
}
