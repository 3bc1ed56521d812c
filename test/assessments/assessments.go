// Package assessments makes an assessment of everything that a form has to say: each verdict at
// each severity, accepted findings, gaps, and hostile text wherever text is from the account.
package assessments

import (
	"fmt"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/inspect/hostile"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices/forms"
)

// longest is how much of a hostile text is taken, in bytes: in the middle of a character too.
const longest = 400

const function = "arn:aws:lambda:eu-central-1:123456789012:function:till"

// Sample is that assessment, the same each time.
func Sample() forms.Doc {
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	r := &practices.Report{Schema: practices.Schema, Case: "01JDSAMPLE", At: at, Functions: []string{function}, Collected: []practices.Collection{}, Suppressions: []practices.SuppressionState{}}
	for i, k := range practices.Catalogue() {
		for j, v := range Verdicts() {
			r.Results = append(r.Results, Result(k, v, fmt.Sprintf("%s:%d", function, i), "a plain name", (i+j)%2 == 0))
		}
	}
	k := practices.Catalogue()[0]
	for i, text := range hostile.Texts() {
		text = text[:min(len(text), longest)] // what comes later is more of the same
		v := Verdicts()[i%len(Verdicts())]
		x := Result(k, v, "arn:aws:iam::123456789012:role/"+text, text, i%8 == 1)
		x.Evidence = []evidence.Ref{{Bag: "01JDBAG", Item: text, Path: "collections/01JDBAG/data/" + text, SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}
		if x.Gap != nil {
			x.Gap.Error, x.Gap.Note = text, text
		}
		r.Results = append(r.Results, x)
	}
	for _, area := range practices.Areas() {
		s := practices.Summary{Area: area}
		for _, x := range r.Results {
			if x.Area == area {
				s.Checks++
			}
		}
		r.Areas = append(r.Areas, s)
	}
	for _, x := range r.Results {
		if x.Suppressed != nil {
			r.Suppressions = append(r.Suppressions, practices.SuppressionState{Suppression: *x.Suppressed, Expired: len(r.Suppressions)%2 == 0})
		}
	}
	before := *r
	before.Case, before.At, before.Results = "01JDBEFORE", at.AddDate(0, 0, -1), r.Results[:len(r.Results)/2]
	ready := &practices.Readiness{Score: 61, Reach: 75, First: []string{"Turn log file validation on for the trail."}}
	for i, item := range practices.ReadinessItems() {
		x := practices.ReadinessResult{ID: item.ID, Title: item.Title, Function: function, Weight: item.Weight, Cost: item.Cost, Do: item.Do}
		x.Finding = Result(item.Check, Verdicts()[i%4], function, hostile.Texts()[i][:min(len(hostile.Texts()[i]), longest)], false).Finding
		ready.Items = append(ready.Items, x)
	}
	return forms.Doc{Report: r, Changes: practices.Compare(&before, r), Readiness: ready, Version: "0", All: true}
}

// Verdicts are all four.
func Verdicts() []practices.Verdict {
	return []practices.Verdict{practices.Pass, practices.Fail, practices.Unknown, practices.NotApplicable}
}

// Result is one result of a check, of which text stands wherever text is from the account.
func Result(k practices.Check, v practices.Verdict, target, text string, accepted bool) practices.Result {
	x := practices.Result{Check: k.ID, Area: k.Area, Title: k.Title, Severity: k.Severity, References: k.References, Function: function,
		Finding: practices.Finding{Verdict: v, Target: target, Seen: practices.Text{{Text: "policy "}, {Text: text, Foreign: true}, {Text: " allows [all] of {it}"}}, Evidence: []evidence.Ref{}}}
	switch v {
	case practices.Fail:
		x.Evidence = []evidence.Ref{{Bag: "01JDBAG", Item: "1", Path: "collections/01JDBAG/data/iam/role.json", SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}
		x.Repair = &practices.Repair{CLI: "aws iam delete-role-policy --role-name " + text, Terraform: "# " + text + "\nresource {}"}
		x.Used = &practices.Used{Events: 2, First: time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC), Last: time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC), Calls: []string{"AssumeRole"}, Cites: []string{text}}
		if accepted {
			x.Suppressed = &practices.Suppression{Check: k.ID, Target: target, Owner: text, Reason: text, Expires: "2027-01-01"}
		}
	case practices.Unknown:
		x.Gap = &practices.Gap{Artefact: "iam.role", State: evidence.Denied, Call: "IAM:GetRole", Error: text}
	}
	return x
}
