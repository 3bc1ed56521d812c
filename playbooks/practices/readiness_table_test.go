package practices

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const readyBegin, readyEnd = "<!-- readiness: go test ./playbooks/practices -run TestReadinessTable -update -->\n", "<!-- end of readiness -->"

// TestReadinessTable holds docs/practices.md to the items, and the items to what they have to say.
func TestReadinessTable(t *testing.T) {
	const file = "../../docs/practices.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), readyBegin)
	_, after, ok2 := strings.Cut(rest, readyEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", file)
	}
	var b strings.Builder
	b.WriteString("\n| item | weight | cost (1: a setting, 2: paid for by use, 3: work) | passes when |\n|---|---|---|---|\n")
	known := artefacts(t)
	for _, x := range ReadinessItems() {
		fmt.Fprintf(&b, "| `%s` | %d | %d | %s |\n", strings.TrimPrefix(x.ID, string(ForensicReadiness)+"/"), x.Weight, x.Cost, x.Title)
		if x.Do == "" || x.Why == "" || x.Weight < 1 || x.Cost < 1 || x.Cost > 3 {
			t.Errorf("%s: something is missing", x.ID)
		}
		for _, a := range x.Reads {
			if !known[a] {
				t.Errorf("%s reads %s, which no collection has", x.ID, a)
			}
		}
	}
	want := before + readyBegin + b.String() + "\n" + readyEnd + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Errorf("%s is not what the items say: go test ./playbooks/practices -run TestReadinessTable -update", file)
	}
}
