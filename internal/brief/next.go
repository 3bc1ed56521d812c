package brief

import (
	"fmt"
	"slices"
	"time"
)

// maxNext is how many commands are proposed.
const maxNext = 3

// soon is how near a deadline is that goes before other work.
const soon = 24 * time.Hour

// settles is how late CloudTrail's events arrive at the most, by which the case's window is
// read again; see collect --settle.
const settles = 30 * time.Minute

// next is what to run, the most pressing first.
func (b *Brief) next(h *holdings, all turns) []Command {
	var out []Command
	add := func(run, why string) {
		if run != "" && len(out) < maxNext && !slices.ContainsFunc(out, func(c Command) bool { return c.Run == run }) {
			out = append(out, Command{run, why})
		}
	}
	function := "NAME"
	if len(b.Functions) > 0 && plain.MatchString(b.Functions[0]) {
		function = b.Functions[0]
	}
	if n := len(h.unfinished); n > 0 {
		add("freezeframe collect --resume", fmt.Sprintf("a collection was interrupted: %s", h.unfinished[n-1]))
	}
	if b.Collected.IsZero() {
		add("freezeframe collect --function "+function, "nothing is collected yet")
		return out
	}
	signs := slices.ContainsFunc(all, func(t Turn) bool { return t.Sign })
	if !slices.ContainsFunc(b.Contained, Act.onFunction) && (signs || len(b.Open) > 0) {
		add("freezeframe contain plan --function "+function, "nothing is contained, and the evidence shows it open")
	}
	for _, d := range b.Deadlines {
		if !d.Held && !d.Passed && !d.At.IsZero() && d.At.Before(b.AsOf.Add(soon)) {
			add(d.Stop, "ends "+stamp(d.At)+": "+d.What)
		}
	}
	if slices.ContainsFunc(b.Open, func(o Open) bool { return o.Kind == "act" }) || b.ActsErr != "" {
		add("freezeframe contain status", "not every act is in force")
	}
	if b.Gaps > 0 {
		add("freezeframe collect --resume", fmt.Sprintf("%s in what is collected", plural(int64(b.Gaps), "gap")))
	}
	last := h.contained
	if h.collected.After(last) {
		last = h.collected
	}
	if b.RecordsTo.Before(last) && b.AsOf.After(last.Add(settles)) {
		add("freezeframe collect --settle", "CloudTrail was read before its events of "+stamp(last)+" had come")
	}
	if len(b.Contained) > 0 {
		add("freezeframe contain status", "asks AWS whether what is in force by the journal still is")
	}
	add("freezeframe timeline story --function "+function, "the whole story")
	return out
}
