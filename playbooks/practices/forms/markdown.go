package forms

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/playbooks/practices"
)

// page collects lines; its writer keeps the first error.
type page struct{ w *bufio.Writer }

func (p page) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

func writeMarkdown(w io.Writer, d Doc) error {
	p, r := page{bufio.NewWriter(w)}, d.Report
	p.line("# Assessment against the nine practice areas\n")
	p.line("Case %s, as of %s.", safetext.Markdown(r.Case), r.At.UTC().Format("2006-01-02 15:04:05Z"))
	for _, f := range r.Functions {
		p.line("- %s", safetext.Markdown(f))
	}
	p.line("\n| area | checks | fail | unknown | pass | not applicable | accepted |\n|---|---|---|---|---|---|---|")
	for _, a := range r.Areas {
		if a.Checks > 0 {
			p.line("| %s | %d | %d | %d | %d | %d | %d |", a.Area, a.Checks, a.Fail, a.Unknown, a.Pass, a.NotApplicable, a.Suppressed)
		}
	}
	if d.Changes != nil {
		p.changes(d.Changes)
	}
	if d.Readiness != nil {
		p.readiness(d.Readiness)
	}
	p.results("What fails", r, func(x practices.Result) bool { return x.Verdict == practices.Fail && x.Suppressed == nil })
	p.results("What is not known", r, func(x practices.Result) bool { return x.Verdict == practices.Unknown })
	p.results("What is accepted", r, func(x practices.Result) bool { return x.Suppressed != nil })
	p.suppressions(r)
	if d.All {
		p.results("What passes", r, func(x practices.Result) bool { return x.Verdict == practices.Pass })
		p.results("What does not apply", r, func(x practices.Result) bool { return x.Verdict == practices.NotApplicable })
	}
	return p.w.Flush()
}

func (p page) results(title string, r *practices.Report, wanted func(practices.Result) bool) {
	begun := false
	for _, x := range r.Results {
		if !wanted(x) {
			continue
		}
		if !begun {
			p.line("\n## %s", title)
			begun = true
		}
		p.result(x)
	}
}

func (p page) result(x practices.Result) {
	p.line("\n### %s (%s)\n", safetext.Markdown(x.Check), x.Severity)
	p.line("%s: %s", safetext.Markdown(x.Target), written(x.Seen, safetext.Markdown, safetext.Markdown))
	if x.Gap != nil {
		p.line("\nThe gap: %s", safetext.Markdown(missing(x.Gap)))
	}
	if x.Suppressed != nil {
		p.line("\nIt is %s", safetext.Markdown(accepted(x.Suppressed)))
	}
	if u := x.Used; u != nil && u.Events > 0 {
		p.line("\nUsed in this incident: %d records, %s to %s", u.Events, u.First.UTC().Format("2006-01-02 15:04:05Z"), u.Last.UTC().Format("2006-01-02 15:04:05Z"))
	}
	if len(x.Evidence) > 0 {
		p.line("")
	}
	for _, ref := range x.Evidence {
		p.line("- %s, SHA-256 %s", safetext.Markdown(ref.Path), safetext.Markdown(ref.SHA256))
	}
	if x.Repair != nil && x.Verdict == practices.Fail {
		p.line("\nRepair, to be read before it is run; contain first:\n")
		p.line("%s", fenced("shell", x.Repair.CLI)+fenced("hcl", x.Repair.Terraform))
	}
}

func (p page) suppressions(r *practices.Report) {
	for _, s := range r.Suppressions {
		what := fmt.Sprintf("the acceptance of %s at %s by %s", s.Check, s.Target, s.Owner)
		switch {
		case s.Expired:
			p.line("\n**Expired**: %s ended on %s.", safetext.Markdown(what), safetext.Markdown(s.Expires))
		case s.Matches == 0:
			p.line("\n**Matches nothing that fails**: %s.", safetext.Markdown(what))
		}
	}
}

func (p page) changes(c *practices.Changes) {
	p.line("\n## Against case %s, as of %s\n", safetext.Markdown(c.Against), c.AsOf.UTC().Format("2006-01-02 15:04:05Z"))
	p.line("| worse | better | unclear | new | gone | unchanged |\n|---|---|---|---|---|---|")
	p.line("| %d | %d | %d | %d | %d | %d |", c.Count(practices.Worse), c.Count(practices.Better), c.Count(practices.Unclear), c.Count(practices.New), c.Count(practices.Gone), c.Count(practices.Unchanged))
	for _, x := range c.Changed() {
		p.line("- **%s** %s at %s: %s", x.Change, safetext.Markdown(x.Check), safetext.Markdown(x.Target), x.Sentence())
	}
}

func (p page) readiness(r *practices.Readiness) {
	p.line("\n## Could we investigate this tomorrow? %d of 100\n", r.Score)
	if r.Reach != r.Score {
		p.line("Up to %d, were all that is not known in order.\n", r.Reach)
	}
	p.line("| item | weight | verdict | what was seen |\n|---|---|---|---|")
	for _, x := range r.Items {
		p.line("| %s | %d | %s | %s |", safetext.Markdown(x.Title), x.Weight, x.Verdict, written(x.Seen, safetext.Markdown, safetext.Markdown))
	}
	if len(r.First) > 0 {
		p.line("\nFirst of all:\n")
	}
	for i, id := range r.First {
		p.line("%d. %s", i+1, safetext.Markdown(id))
	}
}

// fenced is a block of code whose fence is longer than any that the code has.
func fenced(language, code string) string {
	if code == "" {
		return ""
	}
	fence := "```"
	for strings.Contains(code, fence) {
		fence += "`"
	}
	return fence + language + "\n" + lines(code) + "\n" + fence + "\n"
}
