package contain

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of acts into docs/containment.md")

// TestTable holds the table of docs/containment.md to the catalogue.
func TestTable(t *testing.T) {
	const path, begin, end = "../docs/containment.md", "<!-- acts: written by go test ./contain -run TestTable -update -->\n", "<!-- end of acts -->\n"
	b, err := os.ReadFile(path)
	must(t, err)
	head, rest, ok := strings.Cut(string(b), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has lost the marks of its table", path)
	}
	want := head + begin + table() + end + tail
	if want == string(b) {
		return
	}
	if !*update {
		t.Fatalf("the table in %s is not that of the catalogue: go test ./contain -run TestTable -update", path)
	}
	must(t, os.WriteFile(path, []byte(want), 0o644)) //nolint:gosec // a document for everybody
}

// table has a row for each act.
func table() string {
	var b strings.Builder
	b.WriteString("| act | kind | level | on | what it does | no undo for | ATT&CK | answers | calls that change the account |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, a := range All() {
		var on, answers, calls []string
		for _, k := range a.On {
			on = append(on, string(k))
		}
		for _, n := range a.Answers {
			if k := strings.TrimSpace(n.Kind + " " + n.Change); !slices.Contains(answers, k) {
				answers = append(answers, k)
			}
		}
		for _, n := range a.Needs {
			if n.Mutates {
				for _, g := range n.IAM {
					calls = append(calls, g.Action)
				}
			}
		}
		lossy := a.Lossy
		if len(a.LosesState) > 0 {
			lossy += " (" + strings.Join(a.LosesState, ", ") + ")"
		}
		cells := []string{a.Name, string(a.Kind), first(string(a.Level), "by name"), strings.Join(on, ", "), a.About, first(lossy, "-"),
			strings.Join(a.Attack, " "), first(strings.Join(answers, ", "), "-"), strings.Join(calls, ", ")}
		for i, c := range cells {
			cells[i] = strings.NewReplacer("|", "\\|", "\n", " ", "*", "\\*").Replace(c)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}
