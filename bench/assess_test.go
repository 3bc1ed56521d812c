package bench

import (
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkAssess assesses cases with the built binary, records asked for use too: one of the
// function that has everything, and one of 200 small functions beside it and the seven others.
func BenchmarkAssess(b *testing.B) {
	freezeframe, simserver := build(b, "../cmd/freezeframe"), build(b, "../test/simserver")
	for _, c := range []struct {
		name    string
		server  []string
		collect []string
		seconds float64 // the limit
	}{
		{"One", nil, []string{"--function", Function}, 1},
		{"Fleet", []string{"-functions", "200"}, []string{"--match", "*"}, 20},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := simulate(b, simserver, c.server...)
			dir := benchDir(b)
			kase := filepath.Join(dir, "case")
			tool := collector{program: freezeframe, dir: dir, env: s.env("FREEZEFRAME_HOME="+dir, "FREEZEFRAME_CASE="+kase)}
			tool.run(b, 0, "case", "open", kase, "--title", "b", "--authority", "b", "--operator", "b")
			tool.run(b, 0, append([]string{"collect", "--unpaced"}, c.collect...)...)
			for _, form := range [][]string{{"--json"}, {"--readiness"}} {
				b.Run(strings.TrimLeft(form[0], "-"), func(b *testing.B) {
					for b.Loop() {
						r := tool.run(b, 7, append([]string{"assess"}, form...)...)
						b.ReportMetric(r.wall.Seconds(), "s/run")
						b.ReportMetric(r.wall.Seconds()/c.seconds, "x-limit")
						b.ReportMetric(r.cpu.Seconds(), "s-cpu")
						b.ReportMetric(r.peak, "MiB")
						b.ReportMetric(r.peak*1.048576/256, "x-of-256MB")
					}
				})
			}
		})
	}
}
