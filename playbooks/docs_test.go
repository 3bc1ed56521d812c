package playbooks_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/playbooks"
)

var update = flag.Bool("update", false, "write the table of verbs into docs/playbooks.md")

const (
	verbsPath  = "../docs/playbooks.md"
	verbsBegin = "<!-- verbs: written by go test ./playbooks -run TestVerbsTable -update -->\n"
	verbsEnd   = "<!-- end of verbs -->"
)

// TestVerbsTable holds the table in the documentation to the catalogue.
func TestVerbsTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| verb | does | class | takes | gives |\n|---|---|---|---|---|\n")
	for _, v := range playbooks.Verbs() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", v.Name, v.About, v.Class, params(v.With), params(v.Gives))
	}
	doc, err := os.ReadFile(verbsPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(doc), verbsBegin)
	_, after, ended := strings.Cut(rest, verbsEnd)
	if !begun || !ended {
		t.Fatal("docs/playbooks.md has no place for the table")
	}
	want := before + verbsBegin + b.String() + verbsEnd + after
	if want == string(doc) {
		return
	}
	if !*update {
		t.Fatal("docs/playbooks.md is not as the catalogue: go test ./playbooks -run TestVerbsTable -update")
	}
	if err := os.WriteFile(verbsPath, []byte(want), 0o644); err != nil { //nolint:gosec // documentation
		t.Fatal(err)
	}
}

func params(all []playbooks.Param) string {
	var out []string
	for _, p := range all {
		s := p.Name + " (" + string(p.Type)
		if p.Required {
			s += ", required"
		}
		out = append(out, s+")")
	}
	return strings.Join(out, ", ")
}
