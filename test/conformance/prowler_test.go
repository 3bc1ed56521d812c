package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The references of our checks of practices, and what they are beside Prowler.
type references struct {
	Checks     map[string][]struct{ Framework, ID string }
	Agreements []struct{ Check, Framework, ID, Differs, By string }
}

// prowlerNames is what Prowler's package says.
type prowlerNames struct {
	Checks     map[string]string // severities
	FSBP, CIS3 map[string][]string
	Linked     []string // controls of Security Hub that its checks link to: lambda-3
}

func ourReferences(t *testing.T) (r references) {
	t.Helper()
	if err := json.Unmarshal([]byte(assessed(t, "references")), &r); err != nil || len(r.Checks) == 0 {
		t.Fatalf("%d checks: %v", len(r.Checks), err)
	}
	return r
}

// newerThanProwler are controls of Security Hub that stand in AWS's user guide ("Security Hub CSPM
// controls for ..."), and neither in Prowler's list of the standard nor in its links.
var newerThanProwler = []string{"CloudWatch.16", "Inspector.4", "Lambda.6", "Lambda.7"}

// TestProwlerNames holds every id of Prowler and of Security Hub that our catalogue names, and
// which of its checks stands for which control, to Prowler's package.
func TestProwlerNames(t *testing.T) {
	python, ours := tool(t, "FREEZEFRAME_PROWLER"), ourReferences(t)
	var theirs prowlerNames
	if err := json.Unmarshal(output(t, nil, python, "prowler/judge.py", "names"), &theirs); err != nil {
		t.Fatal(err)
	}
	named, held, newer := map[string]bool{}, 0, map[string]bool{}
	for check, refs := range ours.Checks {
		for _, r := range refs {
			_, standard := theirs.FSBP[r.ID]
			linked := slices.Contains(theirs.Linked, strings.ToLower(strings.ReplaceAll(r.ID, ".", "-")))
			known := true
			switch r.Framework {
			case "Prowler":
				_, known = theirs.Checks[r.ID]
				named[r.ID] = true
			case "Security Hub FSBP", "Security Hub":
				known = standard || linked
				if !known && slices.Contains(newerThanProwler, r.ID) {
					known, newer[r.ID] = true, true
				}
			case "CIS AWS Foundations":
				_, known = theirs.CIS3[strings.TrimPrefix(r.ID, "v3.0.0 ")]
			default: // its list of NIST CSF 2.0 has the numbers of 1.1, and its ATT&CK is a part
				continue
			}
			held++
			if !known {
				t.Errorf("%s names %s %s, which the package does not know", check, r.Framework, r.ID)
			}
		}
	}
	for _, id := range newerThanProwler {
		if !newer[id] {
			t.Errorf("%s is known by now, or named no more: take it off the list", id)
		}
	}
	for id := range theirs.Checks {
		if strings.HasPrefix(id, "awslambda_") && !named[id] {
			t.Errorf("no check of ours names Prowler's %s", id)
		}
	}
	by := 0
	for _, a := range ours.Agreements {
		if mapped, ok := theirs.FSBP[a.ID]; a.By != "" && ok {
			if by++; !slices.Contains(mapped, a.By) {
				t.Errorf("%s: %s stands for %s, says the package, not %s", a.Check, mapped, a.ID, a.By)
			}
		}
	}
	t.Logf("%d references held to the package's %d checks and %d controls, %d controls by the check that stands for them, 0 skipped", held, len(theirs.Checks), len(theirs.FSBP), by)
}

// prowlerFound is what a check of Prowler's found.
type prowlerFound struct{ Check, Status, ARN, ID, Said string }

// assessedResult is a result of ours.
type assessedResult struct{ Check, Function, Target, Verdict string }

// regionWide are checks whose answer is that of every function.
var regionWide = []string{"logging-monitoring/trail-logging", "logging-monitoring/guardduty", "logging-monitoring/guardduty-lambda"}

// managedBy is which function's role has a policy of AWS's.
var managedBy = map[string]string{"AdministratorAccess": "admin-aws", "AWSLambdaBasicExecutionRole": "modest-aws"}

// TestProwlerVerdicts runs Prowler's checks that we call the same, and ours, over functions that
// pass and fail each, and wants one verdict of both, function by function. What is one answer for
// a whole region is asked of two further accounts, where the region is watched less.
func TestProwlerVerdicts(t *testing.T) {
	python, ours := tool(t, "FREEZEFRAME_PROWLER"), ourReferences(t)
	same := map[string][]string{} // by check of ours
	for _, a := range ours.Agreements {
		if a.Framework == "Prowler" && a.Differs == "" {
			same[a.Check] = append(same[a.Check], a.ID)
		}
	}
	said := map[string]map[string]int{} // by check of either: how often it said what
	cells := 0
	for _, state := range []string{"watched", "slack", "bare"} {
		var asked []string
		for _, check := range slices.Sorted(maps.Keys(same)) {
			if state == "watched" || slices.Contains(regionWide, check) {
				asked = append(asked, check)
			}
		}
		theirs, results := judgedByBoth(t, python, state, asked, same)
		for _, check := range asked {
			cells += compareVerdicts(t, state, check, same[check], theirs, results, said)
		}
	}
	for check, ids := range same {
		for _, id := range append([]string{check}, ids...) {
			if said[id]["FAIL"] == 0 || said[id]["PASS"] == 0 {
				t.Errorf("%s was never put to the test: %v", id, said[id])
			}
			t.Logf("%-62s %v", id, said[id])
		}
	}
	t.Logf("%d cells of %d checks in 3 accounts, 0 skipped", cells, len(same))
}

// compareVerdicts goes through all functions for one check of ours.
func compareVerdicts(t *testing.T, state, check string, ids []string, theirs []prowlerFound, results []assessedResult, said map[string]map[string]int) int {
	count := func(who, what string) {
		if said[who] == nil {
			said[who] = map[string]int{}
		}
		said[who][what]++
	}
	of := map[string][]assessedResult{}
	for _, r := range results {
		if r.Check == check {
			of[r.Function] = append(of[r.Function], r)
		}
	}
	if len(of) == 0 {
		t.Errorf("%s: nothing was assessed for %s", state, check)
	}
	for function, mine := range of {
		verdict := ""
		for _, r := range mine {
			verdict = worse(verdict, map[string]string{"pass": "PASS", "fail": "FAIL", "not_applicable": "none", "unknown": "UNKNOWN"}[r.Verdict])
		}
		other := "none"
		for _, f := range theirs {
			if slices.Contains(ids, f.Check) && concerns(f, check, function, mine) {
				count(f.Check, f.Status)
				other = worse(other, f.Status)
			}
		}
		count(check, verdict)
		if fails := verdict == "FAIL"; verdict == "UNKNOWN" || fails != (other == "FAIL") || other == "MANUAL" {
			t.Errorf("%s: %s of %s: we say %s, Prowler says %s", state, check, function, verdict, other)
		}
	}
	return len(of)
}

func worse(a, b string) string {
	order := []string{"", "none", "PASS", "MANUAL", "UNKNOWN", "FAIL"}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// concerns says whether a finding is of a function: of it, of what its result is about, or of what
// is named after it.
func concerns(f prowlerFound, check, function string, mine []assessedResult) bool {
	name := function[strings.LastIndex(function, ":")+1:]
	return slices.Contains(regionWide, check) || f.ARN == function || path.Base(f.ARN) == name || path.Base(f.ID) == name || f.ID == name+"-prod" || managedBy[path.Base(f.ARN)] == name ||
		slices.ContainsFunc(mine, func(r assessedResult) bool { return r.Target == f.ARN })
}

// judgedByBoth serves an account, lets Prowler judge it, collects it and assesses the case.
func judgedByBoth(t *testing.T, python, state string, asked []string, same map[string][]string) ([]prowlerFound, []assessedResult) {
	t.Helper()
	x, end := simulator(t, "-judged", state)
	env := append(x.env(), "AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=eu-central-1", "FREEZEFRAME_HOME="+t.TempDir())
	args := []string{"prowler/judge.py", "run", "awslambda_function_inside_vpc"} // multi_az leaves those to it that it fails
	for _, check := range asked {
		for _, id := range same[check] {
			if !slices.Contains(args, id) {
				args = append(args, id)
			}
		}
	}
	r := must(t, 0, env, python, args...)
	var theirs []prowlerFound
	for lines := bufio.NewScanner(strings.NewReader(r.out)); lines.Scan(); {
		var f prowlerFound
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		theirs = append(theirs, f)
	}
	dir := filepath.Join(t.TempDir(), "case")
	must(t, 0, env, built.freezeframe, "case", "open", dir, "--title", "judged", "--authority", "test", "--operator", "olivia")
	if r := runIn(t, env, built.freezeframe, "collect", "--case", dir, "--match", "*", "--unpaced", "--since", "1h", "--json"); r.code != 0 && r.code != 3 {
		t.Fatalf("%s: collecting ends with %d\n%s", state, r.code, r.err)
	}
	var report struct{ Results []assessedResult }
	assessment := must(t, 7, env, built.freezeframe, "assess", dir, "--json").out
	if err := json.Unmarshal([]byte(assessment), &report); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", state, err))
	}
	if v := end(); len(v.Problems) > 0 {
		t.Errorf("%s: answers that break AWS's shapes: %v", state, v.Problems)
	}
	return theirs, report.Results
}
