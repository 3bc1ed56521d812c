package contain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/finding"
)

// answers says whether the finding is one that this answer is for.
func (n Answer) answers(f finding.Finding) bool {
	return n.Kind == f.Kind && (n.Change == "" || n.Change == f.Change)
}

// target is what a finding is to be answered on: "" where that is not known.
func (n Answer) target(f finding.Finding) string {
	if n.Target != nil {
		return n.Target(f)
	}
	switch {
	case f.ARN == "" || strings.HasPrefix(f.ARN, "arn:"):
		return f.ARN
	case strings.HasPrefix(f.Kind, "function") && f.Account != "" && f.Region != "": // records name functions by name too
		return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", f.Region, f.Account, unqualified(f.ARN))
	}
	return ""
}

// open says why a finding is not for this plan, or "".
func (d *draft) foreign(f finding.Finding) string {
	if f.Account != "" && f.Account != d.plan.Account {
		return "it is of account " + f.Account + ": plan there"
	}
	return ""
}

// sameFinding: one event can tell of several.
func sameFinding(a, b finding.Finding) bool {
	return a.Event == b.Event && a.Kind == b.Kind && a.Change == b.Change && a.Name == b.Name && a.ARN == b.ARN
}

// answer gives the targets of the findings that stand, and that some act answers.
func (d *draft) answer() []aim {
	var all []aim
	for _, f := range d.in.Findings {
		if !f.Stands() || d.foreign(f) != "" {
			continue
		}
		for _, a := range catalogue() {
			for _, n := range a.Answers {
				if !n.answers(f) || n.target(f) == "" {
					continue
				}
				to := aimAt(n.target(f))
				i := slices.IndexFunc(all, func(x aim) bool { return x.name == to.name })
				if i < 0 {
					i = len(all)
					all = append(all, to)
				}
				if !slices.ContainsFunc(all[i].findings, func(o finding.Finding) bool { return sameFinding(o, f) }) {
					all[i].findings = append(all[i].findings, f)
				}
			}
		}
	}
	return all
}

// about are the findings on this target that the act answers by a document; key "" of a
// nil Key is all of them.
func about(a Act, s *Survey, take func(f finding.Finding, key string, whole bool)) {
	for _, f := range s.Findings {
		for _, n := range a.Answers {
			if !n.answers(f) || !slices.Contains(s.names, aimAt(n.target(f)).name) {
				continue
			}
			if n.Key == nil {
				take(f, "", true)
			} else {
				take(f, n.Key(f), false)
			}
		}
	}
}

// answering are the documents that the act edits to answer findings on this target.
func (d *draft) answering(a Act, s *Survey) []string {
	if !a.hangsOn(s.Kind) || len(s.Findings) == 0 {
		return nil
	}
	var keys []string
	there := a.keys(s)
	about(a, s, func(_ finding.Finding, key string, whole bool) {
		for _, k := range there {
			if (whole || k == key) && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	})
	return keys
}

// events are the ids of the events whose findings the act answers by this document.
func (d *draft) events(a Act, s *Survey, key string) []string {
	var ids []string
	about(a, s, func(f finding.Finding, k string, whole bool) {
		if (whole || k == key) && !slices.Contains(ids, f.Event) {
			ids = append(ids, f.Event)
		}
	})
	return ids
}

// unread is a target that only findings name, and that could not be read.
func (d *draft) unread(a aim, err error) {
	for _, f := range a.findings {
		d.leave(f, fmt.Sprintf("%s cannot be read: %v", a.name, err))
	}
}

// leave lists a finding as not answered, once.
func (d *draft) leave(f finding.Finding, why string) {
	if slices.ContainsFunc(d.plan.Unanswered, func(u Unanswered) bool { return sameFinding(u.Finding, f) }) {
		return
	}
	where := first(f.ARN, f.Name)
	if f.Region != "" {
		where += " in " + f.Region
	}
	do := fmt.Sprintf("look at %s %s: %s (%s) by %s at %s", f.Kind, where, f.Change, f.Action, f.Who, f.At.UTC().Format("2006-01-02 15:04:05Z"))
	if f.Detail != "" {
		do += ", " + f.Detail
	}
	d.plan.Unanswered = append(d.plan.Unanswered, Unanswered{Finding: f, Why: why, Do: do})
}

// unanswered lists the findings that stand and that no move answers.
func (d *draft) unanswered() {
	for _, f := range d.in.Findings {
		if !f.Stands() {
			continue
		}
		if why := d.foreign(f); why != "" {
			d.leave(f, why)
			continue
		}
		if answered, why := d.answered(f); !answered {
			d.leave(f, why)
		}
	}
}

// answered says whether a move of the plan answers the finding, or why none does.
func (d *draft) answered(f finding.Finding) (bool, string) {
	why := "no act for this: do it by hand"
	for _, a := range catalogue() {
		if !slices.ContainsFunc(a.Answers, func(n Answer) bool { return n.answers(f) }) {
			continue
		}
		why = a.Name + " finds nothing of it in the account: gone already, or the records do not name it well enough"
		for _, s := range d.known {
			for _, key := range d.answering(a, s) {
				if !d.answeredBy(a, s, key, f) {
					continue
				}
				if d.blocked[pairOf(a.Name, s.ARN)] {
					why = a.Name + " is refused on " + s.ARN
					continue
				}
				if _, read := d.states[fileKey(a.doc.resource(Place{s.Target, key}), a.Doc, key)]; !read {
					why = name(a.Doc, key) + " of " + s.ARN + " cannot be read"
					continue
				}
				return true, ""
			}
		}
	}
	return false, why
}

func (d *draft) answeredBy(a Act, s *Survey, key string, f finding.Finding) bool {
	yes := false
	about(a, s, func(o finding.Finding, k string, whole bool) {
		yes = yes || (whole || k == key) && sameFinding(o, f)
	})
	return yes
}

// findingQualifier is the qualifier at the end of the name of a finding on a function:
// "function/ARN/url/live".
func findingQualifier(f finding.Finding) string {
	parts := strings.Split(f.Name, "/")
	if len(parts) < 4 {
		return ""
	}
	return parts[len(parts)-1]
}
