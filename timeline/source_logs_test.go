package timeline

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/vault"
)

// TestLogsOfACase: log events are read compressed and plain, copies once; in a group that
// functions share the stream says whose they are.
func TestLogsOfACase(t *testing.T) {
	folder, err := vault.NewFolder(t.TempDir() + "/case")
	if err != nil {
		t.Fatal(err)
	}
	c, err := evidence.CreateCase(t.Context(), folder, evidence.CaseOptions{Title: "t", Authority: "a", Operator: "o", Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Begin(t.Context(), evidence.Header{})
	if err != nil {
		t.Fatal(err)
	}
	shared := strings.ReplaceAll(logLines("of another"), "[$LATEST]abc", "refunds[$LATEST]abc")
	for _, a := range []struct{ group, qualifier, body string }{
		{"/aws/lambda/payments", "a", zst(t, logLines("first", "second"), 1<<20)},
		{"/aws/lambda/payments", "", logLines("first")},
		{"/shop/logs", "b", zst(t, strings.ReplaceAll(shared, `"39000`, `"38000`), 1<<20)},
	} {
		m := evidence.Meta{Artefact: "logs.events", Name: "l", Source: evidence.Source{ARN: "arn:aws:logs:eu-west-1:111122223333:log-group:" + a.group, Qualifier: a.qualifier}}
		if _, err := w.Put(t.Context(), m, func(out io.Writer) error { _, err := io.WriteString(out, a.body); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Seal(t.Context(), evidence.StatusComplete); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	sum, err := Build(t.Context(), Options{Format: "jsonl"}, Input{Case: c}, &out)
	if err != nil || sum.Skips != 0 || sum.Duplicates != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	for want, n := range map[string]int{`"first`: 1, `"second`: 1, `"function":"arn:aws:lambda:eu-west-1:111122223333:function:refunds"`: 1, `"function":"arn:aws:lambda:eu-west-1:111122223333:function:payments"`: 2} {
		if got := strings.Count(out.String(), want); got != n {
			t.Errorf("%d times %s, want %d:\n%s", got, want, n, out.String())
		}
	}
}
