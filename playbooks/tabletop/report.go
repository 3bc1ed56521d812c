package tabletop

import (
	"fmt"
	"strings"
	"time"
)

// Papers of an exercise, in the forms of HSEEP: what responders read, what those read who watch
// them, and what comes out of it. All say that it is an exercise.

func clockText(d time.Duration) string {
	return fmt.Sprintf("T+%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// SituationManual is what responders get.
func (s *Scenario) SituationManual() *Paper {
	p := newPaper(SituationManual, "situation manual", s.Title+" - everything in this paper is invented")
	p.add(Section{Text: []string{s.About}, Items: []string{
		fmt.Sprintf("Account %s (simulated), region %s, function %s", s.Account, s.Region, s.Function),
		fmt.Sprintf("You have %s. The account answers as AWS does; the attacker, if there is one, goes on while you work.", s.Lasts),
		"What counts is what the account's record and your case show. Say what you notice and decide with freezeframe case note.",
	}})
	objectives := p.add(Section{Heading: "Objectives"})
	for _, o := range s.Objectives {
		objectives.Items = append(objectives.Items, o.Text)
	}
	if len(s.Roles) > 0 {
		roles := p.add(Section{Heading: "Roles", Text: []string{"One person may sit on several chairs; nobody decides from the wrong one."}, Table: &Table{Heads: []string{"role", "who", "what for"}}})
		for _, r := range s.Roles {
			roles.Table.Rows = append(roles.Table.Rows, []string{r.ID, r.Text, r.About})
		}
	}
	p.add(Section{Heading: "Rules", Items: []string{
		"Work only with the environment that freezeframe tabletop serve prints, and in a case that was opened in it.",
		"Every message to people outside the exercise begins with EXERCISE.",
		"freezeframe tabletop status shows what you were told; what is asked of you is answered with freezeframe tabletop decide, in a role that may.",
		"Hints cost points: freezeframe tabletop hint.",
		"At the end everybody says what went well and what did not: freezeframe tabletop hotwash.",
	}})
	return p
}

// EvaluatorGuide is what those get who lead and watch the exercise. It gives everything away.
func (s *Scenario) EvaluatorGuide() *Paper {
	p := newPaper(EvaluatorGuide, "evaluator guide", s.Title+" - not for responders: this gives everything away")
	p.add(Section{Text: []string{s.Lesson}})
	events := p.add(Section{Heading: "Master scenario events list", Table: &Table{Heads: []string{"id", "when", "channel", "from", "to", "content", "expected action", "objective", "if nothing happens", "notes"}}})
	for _, in := range s.Injects {
		when := clockText(in.Begin)
		if in.When != nil {
			when += " or later, on a condition"
		}
		events.Table.Rows = append(events.Table.Rows, []string{in.ID, when, in.Channel, in.From, in.To, in.Content, in.Expected, in.Objective, in.Contingency, in.Notes})
	}
	s.asked(p)
	p.add(Section{Heading: "What the attacker does meanwhile", Items: doings(s.Live)})
	p.add(Section{Heading: "What others do meanwhile, rightly", Items: doings(s.Decoys)})
	actions := p.add(Section{Heading: "Expected actions", Table: &Table{Heads: []string{"id", "action", "objective", "points"}}})
	for _, e := range s.Expected {
		actions.Table.Rows = append(actions.Table.Rows, []string{e.ID, e.Text, e.Objective, fmt.Sprint(e.Points)})
	}
	costs := p.add(Section{Heading: "What costs points"})
	for _, c := range s.Costs {
		costs.Items = append(costs.Items, fmt.Sprintf("%s: %d", c.Text, c.Points))
	}
	hints := p.add(Section{Heading: "Hints"})
	for _, h := range s.Hints {
		hints.Items = append(hints.Items, fmt.Sprintf("%s, %d points: %s", h.ID, h.Cost, h.Text))
	}
	way := p.add(Section{Heading: "A way that scores 100", Numbered: true})
	for _, m := range s.Solution {
		way.Items = append(way.Items, m.Describe())
	}
	p.add(Section{Heading: "Hot wash", Text: []string{"Right after the end, a quarter of an hour, everybody speaks once. What is said is kept with freezeframe tabletop hotwash, and enters the after-action report."}, Items: []string{
		"When did you first think that something was wrong, and what made you say so?",
		"What did you want to know and could not find out?",
		"Which decision came late, and whose was it?",
		"What would have been lost at three in the morning with half of you asleep?",
		"What will you change, who does it, and by when?",
	}})
	return p
}

// asked lists the decisions with what is expected.
func (s *Scenario) asked(p *Paper) {
	t := &Table{Heads: []string{"id", "who may", "options", "expected"}}
	for _, in := range s.Injects {
		if in.Decide == nil {
			continue
		}
		var options []string
		for _, o := range in.Decide.Options {
			options = append(options, o.ID+": "+o.Text)
		}
		t.Rows = append(t.Rows, []string{in.ID, strings.Join(in.Decide.By, ", "), strings.Join(options, "; "), in.Decide.Expected})
	}
	if len(t.Rows) > 0 {
		p.add(Section{Heading: "Decisions", Text: []string{"Nobody checks who sits where: a role is what somebody says. What was refused is in the exercise's record."}, Table: t})
	}
}

func doings(rules []Rule) []string {
	if len(rules) == 0 {
		return []string{"Nothing."}
	}
	var out []string
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
		out = append(out, fmt.Sprintf("%s, %s: %s", r.ID, when, strings.Join(does, "; ")))
	}
	return out
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
	case m.Decide != nil:
		text += " freezeframe tabletop decide " + m.Decide.Decision + " " + m.Decide.Option + " --as " + m.Decide.As + " --reason " + shellQuoted(m.Decide.Reason)
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
