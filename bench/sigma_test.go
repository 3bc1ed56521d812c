package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/sigma"
)

// published reads the published rules, which lie outside the tree.
func published(tb testing.TB) *sigma.Engine {
	tb.Helper()
	root := os.Getenv("FREEZEFRAME_SHARED")
	if root == "" {
		root = "../../shared"
	}
	dir := filepath.Join(root, "data", "sigma", "aws")
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("SKIPPED LOUDLY: no rules at %s", dir)
	}
	set, err := sigma.Load(os.DirFS(dir), sigma.Options{})
	if err != nil || len(set.Rules) != 57 {
		tb.Fatal(len(set.Rules), set.Problems, err)
	}
	return sigma.NewEngine(set)
}

// BenchmarkSigma matches events of the usual kinds, which concern few rules: against no
// rule (what reading the record costs), the 57 published ones, and those ten times over.
func BenchmarkSigma(b *testing.B) {
	var events [][]byte
	bytesOf := 0
	for n := range 4096 {
		var w bytes.Buffer
		writeRecord(&w, n)
		events, bytesOf = append(events, w.Bytes()), bytesOf+w.Len()
	}
	none := sigma.NewEngine(&sigma.Set{})
	all := published(b)
	many := &sigma.Set{}
	for range 10 {
		many.Rules = append(many.Rules, all.Rules()...)
	}
	for _, e := range []*sigma.Engine{none, all, sigma.NewEngine(many)} {
		b.Run(fmt.Sprintf("%d-rules", len(e.Rules())), func(b *testing.B) {
			m := e.NewMatcher()
			hits := 0
			b.SetBytes(int64(bytesOf / len(events)))
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				h, err := m.Match(events[i%len(events)])
				if err != nil {
					b.Fatal(err)
				}
				hits += len(h)
				i++
			}
			b.ReportMetric(float64(hits)/float64(i), "hits/event")
		})
	}
}

// TestSigmaAllocatesNothing: an event that hits nothing costs no memory.
func TestSigmaAllocatesNothing(t *testing.T) {
	e := published(t)
	m := e.NewMatcher()
	event := []byte(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/Ann","userName":"Ann"},"eventTime":"2026-11-27T03:00:00Z",` +
		`"eventSource":"lambda.amazonaws.com","eventName":"UpdateFunctionConfiguration20150331v2","userAgent":"aws-cli/2.0","requestParameters":{"functionName":"f"},"responseElements":null}`)
	n := testing.AllocsPerRun(100, func() {
		if h, err := m.Match(event); err != nil || len(h) != 0 {
			t.Fatal(h, err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for an event that hits nothing", n)
	}
}
