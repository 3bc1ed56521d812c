package tabletop

import (
	"fmt"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// Papers of an exercise, in the forms of HSEEP: what responders read, what those read who watch
// them, and what comes out of it. All are Markdown, and all say that it is an exercise.

// page is a Markdown document in the making. Texts of a scenario may be somebody else's: control
// characters and Markdown's own are escaped.
type page struct{ b strings.Builder }

func (p *page) line(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = plainText(s)
		}
	}
	fmt.Fprintf(&p.b, format+"\n", args...)
}

var markdown = strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "`", "'", "\n", " ", "\r", " ")

func plainText(s string) string { return safetext.Escape(markdown.Replace(s)) }

func clockText(d time.Duration) string {
	return fmt.Sprintf("T+%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// SituationManual is what responders get.
func (s *Scenario) SituationManual() string {
	p := &page{}
	p.line("# EXERCISE: situation manual\n")
	p.line("**EXERCISE - %s - everything in this paper is invented**\n", s.Title)
	p.line("%s\n", s.About)
	p.line("- Account %s (simulated), region %s, function %s", s.Account, s.Region, s.Function)
	p.line("- You have %s. The account answers as AWS does; the attacker, if there is one, goes on while you work.", s.Lasts.String())
	p.line("- What counts is what the account's record and your case show. Say what you notice and decide with `freezeframe case note`.\n")
	p.line("## Objectives\n")
	for _, o := range s.Objectives {
		p.line("- %s", o.Text)
	}
	p.line("\n## Rules\n")
	p.line("- Work only with the environment that `freezeframe tabletop serve` prints, and in a case that was opened in it.")
	p.line("- Every message to people outside the exercise begins with EXERCISE.")
	p.line("- Hints cost points: `freezeframe tabletop hint`.")
	return p.b.String()
}

// EvaluatorGuide is what those get who lead and watch the exercise. It gives everything away.
func (s *Scenario) EvaluatorGuide() string {
	p := &page{}
	p.line("# EXERCISE: evaluator guide\n")
	p.line("**EXERCISE - %s - not for responders: this gives everything away**\n", s.Title)
	p.line("%s\n", s.Lesson)
	p.line("## Master scenario events list\n")
	p.line("| id | when | channel | from | to | content | expected action | objective | if nothing happens | notes |")
	p.line("|---|---|---|---|---|---|---|---|---|---|")
	for _, in := range s.Injects {
		when := clockText(in.Begin)
		if in.When != nil {
			when += " or later, on a condition"
		}
		p.line("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |", in.ID, when, in.Channel, in.From, in.To, in.Content, in.Expected, in.Objective, in.Contingency, in.Notes)
	}
	p.line("\n## What the attacker does meanwhile\n")
	s.doings(p, s.Live)
	p.line("\n## What others do meanwhile, rightly\n")
	s.doings(p, s.Decoys)
	p.line("\n## Expected actions\n")
	p.line("| id | action | objective | points |")
	p.line("|---|---|---|---|")
	for _, e := range s.Expected {
		p.line("| %s | %s | %s | %d |", e.ID, e.Text, e.Objective, e.Points)
	}
	p.line("\n## What costs points\n")
	for _, c := range s.Costs {
		p.line("- %s: %d", c.Text, c.Points)
	}
	for _, h := range s.Hints {
		p.line("- hint %s: %d", h.ID, h.Cost)
	}
	p.line("\n## Hints\n")
	for _, h := range s.Hints {
		p.line("- %s: %s", h.ID, h.Text)
	}
	p.line("\n## A way that scores 100\n")
	for i, m := range s.Solution {
		p.line("%d. %s", i+1, m.Describe())
	}
	return p.b.String()
}

func (s *Scenario) doings(p *page, rules []Rule) {
	if len(rules) == 0 {
		p.line("Nothing.")
	}
	for _, r := range rules {
		when := "at " + clockText(r.Begin)
		if r.When != nil {
			when = "from " + clockText(r.Begin) + ", as soon as its condition holds"
		}
		if r.Every > 0 {
			when += ", every " + r.Every.String()
		}
		if r.Until != "" {
			when += " until it is refused"
		}
		var does []string
		for _, st := range r.Steps {
			does = append(does, st.what())
		}
		p.line("- %s, %s: %s", r.ID, when, strings.Join(does, "; "))
	}
}

// Describe is a move for people.
func (m Move) Describe() string {
	text := m.About
	switch {
	case m.Playbook != "":
		text += " freezeframe playbook run " + m.Playbook
	case m.Collect != nil:
		text += " freezeframe collect --function " + strings.Join(m.Collect.Functions, " --function ")
	case m.Contain != nil:
		text += " freezeframe contain plan" + m.Contain.flags() + ", then apply"
	case m.Note != nil:
		text += " freezeframe case note --kind " + m.Note.Kind + " " + shellQuoted(m.Note.Text)
	case m.Verify:
		text += " freezeframe verify CASE"
	case len(m.Do) > 0:
		for _, s := range m.Do {
			text += " " + s.what()
		}
	default:
		text += " (" + m.Takes.String() + ")"
	}
	return strings.TrimSpace(text)
}

// shellQuoted is a text as one word of a POSIX shell: what is shown is typed again.
func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (c *ContainMove) flags() string {
	out := ""
	for _, f := range []struct {
		name   string
		values []string
	}{{"function", c.Functions}, {"actor", c.Actors}, {"resource", c.Resources}, {"act", c.Acts}, {"good-version", c.GoodVersion}} {
		for _, v := range f.values {
			out += " --" + f.name + " " + v
		}
	}
	if c.Level != "" {
		out += " --level " + c.Level
	}
	if c.Preserve {
		out += " --preserve"
	}
	if c.AcceptSharedRole {
		out += " --accept-shared-role"
	}
	return out
}

// AfterAction is the after-action report and improvement plan.
func (s *Score) AfterAction() string {
	p := &page{}
	p.line("# EXERCISE: after-action report\n")
	p.line("**EXERCISE %s - %s**\n", s.Exercise, s.Title)
	p.line("Score: **%d of 100** (seed %d, %s)\n", s.Score, s.Seed, s.Lasted.String())
	p.line("## Objectives\n")
	p.line("P performed without challenges, S with some, M with major ones, U unable to perform.\n")
	p.line("| objective | rating | points |")
	p.line("|---|---|---|")
	for _, g := range s.Goals {
		p.line("| %s | %s | %d of %d |", g.Text, string(g.Rating), g.Got, g.Of)
	}
	p.line("\n## Measures\n")
	p.line("| measure | value |")
	p.line("|---|---|")
	for _, m := range s.Metrics.rows() {
		p.line("| %s | %s |", m[0], m[1])
	}
	p.line("\n## Strengths\n")
	s.listed(p, func(e Earned) bool { return e.Got == e.Points }, func(e Earned) string { return e.Text })
	p.line("\n## Gaps\n")
	s.listed(p, func(e Earned) bool { return e.Got < e.Points }, func(e Earned) string { return "not seen: " + e.Text })
	for _, c := range s.Costs {
		p.line("- %s (%d points)", c.Text, c.Points)
	}
	for _, o := range s.Open {
		p.line("- still open: %s", o)
	}
	p.line("\n## What was tried\n")
	p.line("| who tries | before | after |")
	p.line("|---|---|---|")
	for i, t := range s.After {
		before := ""
		if i < len(s.Before) {
			before = s.Before[i].Answer
		}
		p.line("| %s | %s | %s |", t.Name, before, t.Answer)
	}
	p.line("\n## Improvement plan\n")
	p.line("| what | owner | due |")
	p.line("|---|---|---|")
	for _, e := range s.Earned {
		if e.Got < e.Points {
			advice := e.Advice
			if advice == "" {
				advice = e.Text
			}
			p.line("| %s | | |", advice)
		}
	}
	for _, o := range s.Open {
		p.line("| %s | | |", o)
	}
	return p.b.String()
}

func (s *Score) listed(p *page, want func(Earned) bool, text func(Earned) string) {
	for _, e := range s.Earned {
		if want(e) {
			p.line("- %s", text(e))
		}
	}
}

func (m Metrics) rows() [][2]string {
	minutes := func(n int) string {
		if n < 0 {
			return "never"
		}
		return fmt.Sprintf("%d min", n)
	}
	list := func(names []string) string {
		if len(names) == 0 {
			return "none"
		}
		return strings.Join(names, "; ")
	}
	return [][2]string{
		{"time to detect", minutes(m.Detect)}, {"time to declare", minutes(m.Declare)}, {"time to first sealed evidence", minutes(m.FirstSealed)},
		{"time to containment", minutes(m.Contained)}, {"evidence completeness", fmt.Sprintf("%d %%", m.Evidence)},
		{"order violations", fmt.Sprint(m.OrderBroken)}, {"changes to the account", fmt.Sprint(m.Changes)},
		{"attacker's calls meanwhile", fmt.Sprint(m.AttackerDid)}, {"attacker's access left", list(m.AttackerLeft)},
		{"collateral damage", list(m.Collateral)}, {"custody verifies", map[bool]string{true: "yes", false: "no"}[m.Custody]},
	}
}
