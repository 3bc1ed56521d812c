package main

import (
	"fmt"
	"strings"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func showPlan(t *ui.Printer, plan *contain.Plan, path string) {
	level := ""
	if plan.Level != "" {
		level = ", level " + string(plan.Level)
	}
	t.Line("%s account %s%s, %s", t.Bold("plan for"), plan.Account, level, strings.ReplaceAll(string(plan.Order), "-", " "))
	for _, target := range plan.Targets {
		t.Line("  %s %s", string(target.Kind), target.ARN)
	}
	for _, s := range plan.Shared {
		t.Line("%s role %s is used by %s too", t.Bad("shared:"), s.Role, strings.Join(append(s.Functions, s.Trusted...), ", "))
	}
	for _, a := range plan.Acts {
		if len(a.Moves) == 0 {
			t.Line("%s %s", t.Dim("nothing to do:"), a.Act)
			continue
		}
		t.Line("%s (%s, %s)", t.Bold(a.Act), string(a.Kind), strings.Join(a.Attack, " "))
		t.Line("  %s", a.About)
		for _, i := range a.Moves {
			for _, call := range plan.Moves[i].Calls {
				t.Line("  calls   %s %s", call.Call, string(call.Params))
			}
		}
		for _, b := range a.Breaks {
			t.Line("  %s  %s %s: %s", t.Bad("breaks"), b.What, b.Resource, b.Detail)
		}
		for _, w := range a.Worth {
			t.Line("  %s  %s", t.Bad("limits"), w)
		}
		if a.Lossy != "" {
			t.Line("  lost    %s", a.Lossy)
		}
		t.Line("  back    %s", backBy(a))
	}
	for _, c := range plan.Callers {
		t.Line("reached by %s %s %s %s%s", c.Kind, c.Name, qualifierOr(c.Qualifier), c.Detail, afterPlan(c))
	}
	for _, x := range plan.Texts {
		t.Line("%s %s: %s:", t.Bad("elsewhere:"), x.For, x.Where)
		t.Line("  %s", string(x.Body))
	}
	for _, r := range plan.Rotate {
		t.Line("to be changed: %s %s %s; not before %s", r.Kind, r.Resource, strings.Join(r.Names, ", "), r.Wait)
	}
	for _, u := range plan.Unanswered {
		t.Line("%s %s: %s", t.Bad("not answered:"), u.Why, u.Do)
	}
	for _, u := range plan.Unplanned {
		t.Line("%s %s: %s: %s", t.Bad("not planned:"), u.Act, u.What, u.Error)
	}
	for _, w := range plan.Warnings {
		t.Line("%s %s", t.Bad("warning:"), w)
	}
	t.Line("written to %s", path)
	t.Line("next: freezeframe contain apply %s", path)
}

// backBy is the command that takes an act back.
func backBy(a contain.PlannedAct) string {
	switch a.Kind {
	case contain.Isolate:
		return "freezeframe contain release --reason WHY"
	case contain.Preserve:
		return "nothing to take back but by name: freezeframe contain undo " + a.Act + " --reason WHY"
	}
	return "freezeframe contain undo " + a.Act + " --reason WHY (release leaves it: it removes what is hostile)"
}

// afterPlan says what becomes of a road.
func afterPlan(c contain.Caller) string {
	switch {
	case c.Kind == "alias":
		return ""
	case c.Closed == "":
		return "; stays open to version " + strings.Join(c.Reaches, ", ")
	}
	return "; closed by " + c.Closed
}

func qualifierOr(q string) string {
	if q == "" {
		return "(unqualified)"
	}
	return "(" + q + ")"
}

func showRun(t *ui.Printer, run *contain.Run) {
	for _, a := range run.Acts {
		mark := t.Good("ok")
		if !a.Status.OK() {
			mark = t.Bad("!!")
		}
		t.Line("%s %s: %s %s", mark, a.Act, string(a.Status), a.Note)
	}
	for _, o := range run.Outcomes {
		if o.Error != "" {
			t.Line("%s %s %s: %s", t.Bad("!!"), o.Doc, o.Resource, o.Error)
		}
		if run.DryRun {
			for _, c := range o.Calls {
				t.Line("  would call %s %s", c.Call, string(c.Params))
			}
		}
	}
	for _, c := range run.Checks {
		t.Line("checked %s on %s: %s %s", c.How, c.Resource, c.Result, c.Note)
	}
	for _, road := range run.Open {
		t.Line("%s %s", t.Bad("still open:"), road)
	}
	for _, w := range run.Warnings {
		t.Line("%s %s", t.Bad("warning:"), w)
	}
	if run.Bag != "" {
		t.Line("recorded in collections/%s", run.Bag)
	}
}

func showStandings(t *ui.Printer, all []contain.Standing) {
	if len(all) == 0 {
		t.Line("nothing was contained in this case")
		return
	}
	rows := make([][]string, 0, len(all))
	for _, s := range all {
		rows = append(rows, []string{s.Act, string(s.Kind), string(s.State), ui.Clock(s.Since), s.Resource, strings.TrimSpace(fmt.Sprint(s.Key, " ", s.Detail))})
	}
	t.Table([]string{"ACT", "KIND", "STATE", "SINCE", "RESOURCE", "DETAIL"}, rows)
}
