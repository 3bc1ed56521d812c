package report

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
	"github.com/freezeframe-ir/freezeframe/test/reportcase"
)

// counting counts how often each object is opened.
type counting struct {
	vault.Vault
	mu     *sync.Mutex
	opened map[string]int
}

func (c counting) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := c.Vault.Open(ctx, name)
	if err == nil { // that the ledger goes no further is asked often, and reads nothing
		c.mu.Lock()
		c.opened[name]++
		c.mu.Unlock()
	}
	return r, err
}

// TestReads: however many functions a case has, a report opens no object more often than that of
// one function does, and none but the records more than twice.
func TestReads(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED LOUDLY: reports of many records, which TestReport makes too; run without -short")
	}
	most := map[int]int{}
	for _, functions := range []int{1, 3, 8} {
		c := theCase(t, 9_000) // more than four megabytes of records: they are not remembered
		w, err := c.Begin(t.Context(), evidence.Header{Kind: evidence.KindCollection, Targets: arns(functions), Operator: "Alice"})
		if err != nil {
			t.Fatal(err)
		}
		for _, arn := range arns(functions) {
			for _, version := range []string{"1", "$LATEST"} {
				doc := fmt.Sprintf(`{"Configuration":{"FunctionArn":"%s:%s","Version":"%s","Role":"%s","CodeSha256":"%s"}}`, arn, version, version, reportcase.Role, version)
				meta := evidence.Meta{Artefact: "lambda.configuration", Name: "c", Source: evidence.Source{ARN: arn, Qualifier: version}}
				if _, err := w.Put(t.Context(), meta, func(out io.Writer) error { _, err := io.WriteString(out, doc); return err }); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := w.Seal(t.Context(), evidence.StatusComplete); err != nil {
			t.Fatal(err)
		}
		v := counting{c.Vault(), &sync.Mutex{}, map[string]int{}}
		counted, err := evidence.OpenCase(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		clear(v.opened)
		d, err := Gather(t.Context(), Input{Case: counted, Now: reportcase.Begun.Add(96 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Brief.Functions) != functions {
			t.Fatalf("%d functions are told of", len(d.Brief.Functions))
		}
		records := 0
		for name, n := range v.opened {
			if strings.Contains(name, "cloudtrail.lookup") {
				records = n
			} else if n > 2 {
				t.Errorf("%d functions: %s is opened %d times", functions, name, n)
			}
			most[functions] = max(most[functions], n)
		}
		t.Logf("%d functions: %d objects, the records opened %d times, no other more than twice", functions, len(v.opened), records)
		if records < 3 || records > 5 {
			t.Errorf("%d functions: the records are opened %d times", functions, records)
		}
	}
	if most[8] != most[1] || most[3] != most[1] {
		t.Errorf("opened the most, by functions: %v", most)
	}
}

func arns(n int) []string {
	all := []string{reportcase.Function}
	for i := range n - 1 {
		all = append(all, fmt.Sprintf("%s-%d", reportcase.Function, i))
	}
	return all
}
