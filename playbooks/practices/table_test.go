package practices

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/practices.md")

const tableBegin, tableEnd = "<!-- checks: go test ./playbooks/practices -run TestTable -update -->\n", "<!-- end of checks -->"

// TestTable holds docs/practices.md to the catalogue.
func TestTable(t *testing.T) {
	const file = "../../docs/practices.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), tableBegin)
	_, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", file)
	}
	want := before + tableBegin + table() + tableEnd + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(data) {
		t.Errorf("%s is not what the catalogue says: go test ./playbooks/practices -run TestTable -update", file)
	}
}

func table() string {
	var b strings.Builder
	for _, area := range Areas() {
		fmt.Fprintf(&b, "\n### %s\n\n| check | severity | passes when | otherwise | reads | also known as |\n|---|---|---|---|---|---|\n", area)
		for _, k := range Catalogue() {
			if k.Area != area {
				continue
			}
			var refs []string
			for _, r := range k.References {
				refs = append(refs, r.Framework+" "+r.ID)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", k.ID, k.Severity, k.Title, k.Why, strings.Join(k.Reads, ", "), strings.Join(refs, ", "))
		}
	}
	b.WriteString("\n### Beside Prowler and Security Hub\n\n| check | theirs | verdicts |\n|---|---|---|\n")
	for _, k := range Catalogue() {
		for _, a := range Agreements() {
			if a.Check == k.ID {
				fmt.Fprintf(&b, "| `%s` | %s %s | %s |\n", a.Check, a.Framework, a.ID, a.verdict())
			}
		}
	}
	b.WriteString("\n")
	return b.String()
}

func (a Agreement) verdict() string {
	switch {
	case a.Differs != "":
		return "differs: " + a.Differs
	case a.Framework == Prowler:
		return "same"
	case a.By != "":
		return "same, by Prowler's " + a.By
	}
	return "same, as AWS describes it"
}

// TestAgreements wants a verdict for each reference to what can be run, and none for another.
func TestAgreements(t *testing.T) {
	said := map[Agreement]int{}
	for _, a := range Agreements() {
		said[Agreement{Check: a.Check, Reference: a.Reference}]++
		if a.Differs != "" && a.By != "" || a.By != "" && a.Framework == Prowler {
			t.Errorf("%+v: judged by what cannot judge it", a)
		}
	}
	for _, k := range Catalogue() {
		for _, r := range k.References {
			key := Agreement{Check: k.ID, Reference: r}
			if judged := r.Framework == Prowler || r.Framework == FSBP || r.Framework == SecurityHub; judged && said[key] != 1 {
				t.Errorf("%s has %d verdicts beside %s %s, one is wanted", k.ID, said[key], r.Framework, r.ID)
			}
			delete(said, key)
		}
	}
	for a := range said {
		t.Errorf("%s does not name %s %s", a.Check, a.Framework, a.ID)
	}
}

// TestCatalogue holds what every check has to say of itself.
func TestCatalogue(t *testing.T) {
	id := regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*$`)
	columns := artefacts(t)
	seen := map[string]bool{}
	for _, k := range Catalogue() {
		area, _, _ := strings.Cut(k.ID, "/")
		switch {
		case !id.MatchString(k.ID) || seen[k.ID] || area != string(k.Area):
			t.Errorf("id %q", k.ID)
		case k.Title == "" || k.Why == "" || k.Look == nil || len(k.References) == 0:
			t.Errorf("%s: something is missing", k.ID)
		case !k.Severity.AtLeast(Low):
			t.Errorf("%s: severity %q", k.ID, k.Severity)
		}
		seen[k.ID] = true
		for _, a := range k.Reads {
			if !columns[a] {
				t.Errorf("%s reads %s, which no collection has", k.ID, a)
			}
		}
	}
}

// artefacts are those of collect/doc.go.
func artefacts(t *testing.T) map[string]bool {
	data, err := os.ReadFile("../../collect/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^//\t([a-z0-9]+\.[a-z0-9.-]+)`).FindAllStringSubmatch(string(data), -1) {
		out[m[1]] = true
	}
	if len(out) < 80 {
		t.Fatalf("only %d artefacts in collect/doc.go", len(out))
	}
	return out
}
