package practices

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/awssim"
)

// fixture makes one check fail, by one member of the account in which all pass.
type fixture struct {
	check string
	on    string       // the function; "" is till
	fail  func(*world) // sets the one member
	// collectors bring what it changes; they run again, on the function and on with.
	collectors []string
	with       []string
	denied     string // the call whose refusal leaves a gap that makes the check unknown
	// also are checks that fail with this one whatever one does, each with the reason.
	also map[string]string
}

// fixtures of all areas. To add an area: a function, a line here and in parts.
func fixtures() []fixture {
	return slices.Concat(
		leastPrivilegeFixtures(),
		secureCodeFixtures(),
		vpcIsolationFixtures(),
		apiGatewayFixtures(),
		loggingMonitoringFixtures(),
		secretsManagementFixtures(),
		ephemeralityFixtures(),
		testingUpdateFixtures(),
		complianceGovernanceFixtures(),
	)
}

func (x fixture) function() string {
	if x.on == "" {
		return till
	}
	return x.on
}

// base is the account in which all pass, collected once.
type base struct {
	vault    *memory
	report   *Report
	verdicts map[string]map[string]Verdict // by function
}

func assessed(t *testing.T, m *memory) *Report {
	t.Helper()
	r, err := Assess(t.Context(), reopened(t, m), Options{Now: today()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newBase(t *testing.T) (b *base) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		b = &base{vault: &memory{own: map[string][]byte{}}, verdicts: map[string]map[string]Verdict{}}
		c := newCase(t, b.vault)
		w.collect(c, []string{till, image, keeper, tenant, elder, scannedImage})
		b.report = assessed(t, b.vault)
		for _, f := range b.report.Functions {
			b.verdicts[f] = verdicts(b.report, f)
		}
	})
	return b
}

// TestMatrix: each check passes on an account where all is well, fails when one member of it is
// not, and is unknown when the call that would tell is refused; no other check changes its mind.
func TestMatrix(t *testing.T) {
	b := newBase(t)
	all := fixtures()
	byCheck := map[string]bool{}
	for _, x := range all {
		if byCheck[x.check] {
			t.Errorf("%s has two fixtures", x.check)
		}
		byCheck[x.check] = true
	}
	for _, k := range Catalogue() {
		if !byCheck[k.ID] {
			t.Errorf("%s has no fixture", k.ID)
		}
	}
	cells, texts, skipped := &tally{}, newJudge(t), 0
	t.Run("cells", func(t *testing.T) {
		for i, x := range all {
			if testing.Short() && i%36 != 0 {
				skipped++
				continue
			}
			t.Run(x.check, func(t *testing.T) {
				t.Parallel()
				b.cells(t, x, cells, texts)
			})
		}
	})
	what := ""
	if skipped > 0 {
		what = fmt.Sprintf(" (a sample: %d checks left out by -short)", skipped)
	}
	t.Logf("%d checks x 3 = %d cells, %d skipped%s", len(all)-skipped, cells.n, 0, what)
	t.Logf("%d repairs, %d commands: read by a shell, held against AWS's models (%d calls that those here lack: %v); Terraform parsed, not applied", len(texts.seen), texts.commands, len(texts.unknown), slices.Sorted(maps.Keys(texts.unknown)))
	if got := slices.Sorted(maps.Keys(texts.unknown)); texts.models != "" && cells.n == 3*len(all) && !slices.Equal(got, notInModels()) {
		t.Errorf("calls that AWS's models do not have: %v, and want %v", got, notInModels())
	}
	if !t.Failed() && cells.n != 3*(len(all)-skipped) {
		t.Errorf("%d cells were tried", cells.n)
	}
}

type tally struct {
	mu sync.Mutex
	n  int
}

func (c *tally) one() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (b *base) cells(t *testing.T, x fixture, cells *tally, texts *judge) {
	function := functionARN(x.function())
	if v := b.verdicts[function][x.check]; v != Pass {
		t.Fatalf("where all is well: %q%s", v, seen(b.report, x.check))
	}
	cells.one()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		x.fail(w)
		m := b.vault.over()
		time.Sleep(time.Hour) // the collection that began last counts
		w.collect(reopened(t, m), append([]string{x.function()}, x.with...), x.collectors...)
		r := assessed(t, m)
		got := verdicts(r, function)
		if got[x.check] != Fail {
			t.Fatalf("broken: %q%s", got[x.check], seen(r, x.check))
		}
		for check, was := range b.verdicts[function] {
			_, expected := x.also[check]
			if (got[check] != was) != (expected || check == x.check) {
				t.Errorf("%s: %s is %q, and was %q; also: %v%s", x.check, check, got[check], was, slices.Sorted(maps.Keys(x.also)), seen(r, check))
			}
		}
		wellFormed(t, r)
		texts.repairs(t, r)
		cited(t, m, r)
		cells.one()
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.cloud.Inject(awssim.Fault{Op: x.denied, Fail: awssim.Fail{Denied: true}})
		m := b.vault.over()
		time.Sleep(time.Hour) // the collection that began last counts
		w.collect(reopened(t, m), []string{x.function()}, x.collectors...)
		r := assessed(t, m)
		if got := verdicts(r, function)[x.check]; got != Unknown {
			t.Fatalf("%s refused: %q%s", x.denied, got, seen(r, x.check))
		}
		named := false
		for _, f := range r.Results {
			if f.Check == x.check && f.Function == function && f.Verdict == Fail {
				t.Errorf("%s refused, and it fails: %s", x.denied, f.Seen)
			}
			named = named || f.Check == x.check && f.Gap != nil && (f.Gap.Call == x.denied || strings.Contains(f.Gap.Note, "lambda.") || strings.Contains(f.Gap.Note, "apigateway."))
		}
		if !named {
			t.Errorf("%s refused, and no gap names it:%s", x.denied, seen(r, x.check))
		}
		cells.one()
	})
}

// cited holds that what a result cites is there, with these bytes.
func cited(t *testing.T, m *memory, r *Report) {
	t.Helper()
	for _, x := range r.Results {
		for _, e := range x.Evidence {
			data, ok := m.get(e.Path)
			if sum := sha256.Sum256(data); !ok || e.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("%s %s at %s cites %s, which is not there, or not that", x.Check, x.Verdict, x.Target, e.Path)
			}
		}
	}
}

// wellFormed holds what every result has to have.
func wellFormed(t *testing.T, r *Report) {
	t.Helper()
	for _, x := range r.Results {
		switch {
		case x.Target == "" || x.Seen.String() == "":
			t.Errorf("%s %s: no target, or nothing seen", x.Check, x.Verdict)
		case x.Verdict == Fail && (len(x.Evidence) == 0 || x.Evidence[0].SHA256 == ""):
			t.Errorf("%s fails at %s and cites nothing", x.Check, x.Target)
		case x.Verdict == Fail && (x.Repair == nil || x.Repair.CLI == "" || x.Repair.Terraform == ""):
			t.Errorf("%s fails at %s and does not say what to do", x.Check, x.Target)
		case x.Verdict == Unknown && (x.Gap == nil || x.Gap.Artefact == "" || x.Gap.State == ""):
			t.Errorf("%s is unknown at %s and names no gap", x.Check, x.Target)
		case x.Repair != nil && (strings.Contains(x.Repair.CLI+x.Repair.Terraform, "%s") || strings.Contains(x.Seen.String(), "%s")):
			t.Errorf("%s: a place that nothing fills: %+v", x.Check, x.Repair)
		}
	}
}
