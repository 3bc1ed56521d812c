package playbooks_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

func library(t *testing.T) []*playbooks.Playbook {
	t.Helper()
	all, err := playbooks.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 13 {
		t.Fatalf("%d built-in playbooks", len(all))
	}
	return all
}

var (
	technique = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
	outcome   = regexp.MustCompile(`\b(GV|ID|PR|DE|RS|RC)\.[A-Z]{2}-\d\d\b`)
)

// TestLibrarySections: every built-in playbook has every section that responders look for, says
// them in its runbook, has steps in every phase, and well-formed ids.
func TestLibrarySections(t *testing.T) {
	for _, pb := range library(t) {
		b := pb.Runbook
		if b == nil {
			t.Errorf("%s has no runbook", pb.Name)
			continue
		}
		for section, text := range map[string]string{
			"about": pb.About, "scope": b.Scope, "severity": b.Severity, "detect": b.Detect, "contain": b.Contain, "eradicate": b.Eradicate,
			"recover": b.Recover, "post_incident": b.PostIncident,
		} {
			if len(text) < 40 {
				t.Errorf("%s: section %s is empty, or as good as: %q", pb.Name, section, text)
			}
		}
		if len(b.Triage) < 3 || len(b.Roles) < 4 || len(b.Threats) == 0 || len(b.Attack) == 0 {
			t.Errorf("%s: %d questions, %d roles, %d rows, %d techniques", pb.Name, len(b.Triage), len(b.Roles), len(b.Threats), len(b.Attack))
		}
		for _, id := range b.Attack {
			if !technique.MatchString(id) {
				t.Errorf("%s: %q is no ATT&CK id", pb.Name, id)
			}
		}
		outcomes := strings.Join(outcome.FindAllString(strings.Join(b.References, "\n"), -1), " ")
		for _, want := range []string{"RS.AN-03", "RS.MI-01", "RC.RP-01"} {
			if !strings.Contains(outcomes, want) {
				t.Errorf("%s refers to %q, and not to %s", pb.Name, outcomes, want)
			}
		}
		rendered(t, pb)
	}
	for _, a := range contain.All() {
		for _, id := range a.Attack {
			if !technique.MatchString(id) {
				t.Errorf("act %s: %q is no ATT&CK id", a.Name, id)
			}
		}
	}
}

// rendered looks for each heading in the Markdown, with something under it, and for steps in every
// phase of a family's playbook.
func rendered(t *testing.T, pb *playbooks.Playbook) {
	t.Helper()
	var b bytes.Buffer
	if err := pb.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	under := map[string]string{}
	for _, part := range strings.Split(b.String(), "\n## ")[1:] {
		title, text, _ := strings.Cut(part, "\n")
		under[title] = strings.TrimSpace(text)
	}
	want := []string{"Scope", "Severity", "Triage questions", "Who does what", "References", "What it has to be told", "Detect and analyse", "Contain", "Eradicate", "Recover", "After the incident", "What people have to do"}
	for _, title := range want {
		if len(under[title]) < 20 {
			t.Errorf("%s: under %q stands %q", pb.Name, title, under[title])
		}
	}
	if pb.Name == "lambda-compromise" {
		return // its phases are those of the playbooks that it uses
	}
	steps := regexp.MustCompile(`(?m)^1\. \*\*`)
	for _, title := range []string{"Detect and analyse", "Contain", "Eradicate", "Recover", "After the incident"} {
		if !steps.MatchString(under[title]) {
			t.Errorf("%s: no steps under %q", pb.Name, title)
		}
	}
}

// answersRow are the acts of which at least one has to be in the reach of a playbook of that row of the
// threat matrix; of rows 3 and 19 stopping does too, which is what can be done for many functions at
// once: what is good is said of each. Rows 26 and 27 have no containment by API; for 20 and 25 no act is there: people do it.
var answersRow = map[int][]string{
	1: {"code-back"}, 2: {"alias-back"}, 3: {"configuration-back", "concurrency-zero"}, 4: {"concurrency-zero"}, 5: {"configuration-back"}, 6: {"concurrency-zero"},
	7: {"grants-remove"}, 8: {"url-iam"}, 9: {"mappings-off"}, 10: {"rules-off"}, 11: {"destinations-clear"}, 12: {"revoke-sessions"}, 13: {"concurrency-zero"},
	14: {"trust-outsiders"}, 15: {"code-signing-enforce"}, 16: {"network-quarantine", "configuration-back"}, 17: {"log-group-protection"}, 18: {"configuration-back"},
	19: {"code-back", "concurrency-zero"}, 21: {"alias-back"}, 22: {"role-quarantine"}, 23: {"provisioned-delete"}, 24: {"instances-zero"}, 28: {"concurrency-zero"},
}

// reach are the acts that the plans of a playbook can bring.
func reach(pb *playbooks.Playbook) map[string]bool {
	out := map[string]bool{}
	ranks := []string{"", "stop", "isolate", "evict"}
	pb.Walk(func(s *playbooks.Step, _ int) {
		if s.Verb.Name != "contain.plan" {
			return
		}
		level, _ := s.With["level"].Literal.(string)
		named, _ := s.With["acts"].Literal.([]string)
		keep, _ := s.With["preserve"].Literal.(bool)
		for _, a := range contain.All() {
			at := slices.Index(ranks, string(a.Level))
			if slices.Contains(named, a.Name) || at > 0 && at <= slices.Index(ranks, level) || keep && a.Kind == contain.Preserve {
				out[a.Name] = true
			}
		}
	})
	return out
}

func TestLibraryCoversTheMatrix(t *testing.T) {
	all := library(t)
	for row := 1; row <= 28; row++ {
		var by []string
		for _, pb := range all {
			if pb.Name == "lambda-compromise" || !slices.Contains(pb.Runbook.Threats, row) {
				continue
			}
			acts := reach(pb)
			if want := answersRow[row]; len(want) == 0 || slices.ContainsFunc(want, func(a string) bool { return acts[a] }) {
				by = append(by, pb.Name)
			} else {
				t.Errorf("%s says that it is for row %d, and plans none of %v", pb.Name, row, want)
			}
		}
		if len(by) == 0 {
			t.Errorf("row %d: no playbook", row)
		}
		t.Logf("row %2d: %s", row, strings.Join(by, ", "))
	}
}
