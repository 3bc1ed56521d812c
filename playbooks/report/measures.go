package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/brief"
	"github.com/freezeframe-ir/freezeframe/timeline"
)

// moment is a time and what it rests on.
type moment struct {
	at    time.Time
	basis string
}

// measure works out the times by which a response is measured. Of one incident the mean time is
// its time; each names the moments it is counted between, and says what is missing where one is.
func (d *Data) measure() {
	begun, detected := d.begun(), d.detected()
	contained, running := d.contained()
	recovered := d.recovered()
	d.Measures = []Measure{
		between("MTTD", "time to detect: from the first turn that looks hostile to the moment somebody noticed", begun, detected, d.AsOf, false),
		between("MTTC", "time to contain: from detection to the last act of containment that is in force", detected, contained, d.AsOf, running),
		between("MTTR", "time to recover: from detection to the end of containment, when all of it is lifted", detected, recovered, d.AsOf, contained.at.After(time.Time{})),
	}
}

func between(name, about string, from, to moment, now time.Time, running bool) Measure {
	m := Measure{Name: name, About: about, From: from.at, To: to.at, Basis: strings.Join(slices.DeleteFunc([]string{from.basis, to.basis}, func(s string) bool { return s == "" }), "; ")}
	switch {
	case from.at.IsZero(), to.at.IsZero() && !running:
		m.Value = "not known"
	case to.at.IsZero():
		m.Value = "still running"
		if now.After(from.at) {
			m.Value += ", " + span(now.Sub(from.at)) + " so far"
		}
	case to.at.Before(from.at):
		m.Value, m.Known = "0 min", true
		m.Basis += "; the second moment lies before the first"
	default:
		m.Value, m.Known = span(to.at.Sub(from.at)), true
	}
	return m
}

// begun is the first turn that looks hostile.
func (d *Data) begun() moment {
	var first moment
	for _, s := range d.Suspects {
		if first.at.IsZero() || s.First.Before(first.at) {
			first = moment{s.First, "first use of suspected credentials: " + s.Who + " from " + s.Address + ", " + stamp(s.First)}
		}
	}
	for _, t := range d.Turns {
		if t.Sign && (first.at.IsZero() || t.From.Before(first.at)) {
			first = moment{t.From, "first turn that looks hostile, " + stamp(t.From)}
		}
	}
	if first.at.IsZero() {
		first.basis = "no turn of the records looks hostile"
	}
	return first
}

// detected is the note that says so; without one, what watchers concluded; without that, the
// case's opening.
func (d *Data) detected() moment {
	if at, who, ok := d.noted("detect"); ok {
		return moment{at, "noted as detected by " + who + ", " + stamp(at)}
	}
	begun := d.begun().at
	for _, e := range d.Events {
		if e.Lane == LaneWatcher && !begun.IsZero() && !e.Time.Before(begun) && !slices.Contains(e.Tags, timeline.TagSample) {
			return moment{e.Time, "no note of kind detect; first finding of a watcher, " + stamp(e.Time)}
		}
	}
	return moment{d.Case.Opened, "no note of kind detect, and no finding of a watcher; the case was opened " + stamp(d.Case.Opened)}
}

// noted looks for the first note of a kind: the brief keeps the newest alone.
func (d *Data) noted(kind string) (at time.Time, who string, ok bool) {
	for _, n := range d.notes {
		if n.Kind == kind && (!ok || n.At.Before(at)) {
			at, who, ok = n.At, n.Who, true
		}
	}
	return at, who, ok
}

// contained is when the last act came into force; running: there are acts that are not, or none.
func (d *Data) contained() (m moment, running bool) {
	for _, a := range d.Brief.Contained {
		if a.Since.After(m.at) {
			m = moment{a.Since.UTC(), "last act in force: " + a.Act + ", " + stamp(a.Since)}
		}
	}
	if m.at.IsZero() {
		for _, t := range d.Turns { // lifted since: it was contained once
			if t.Sort == string(timeline.StepContained) && strings.HasPrefix(t.Text, "apply ") && t.From.After(m.at) {
				m = moment{t.From, "last act that was applied, " + stamp(t.From) + "; it was lifted since"}
			}
		}
	}
	if m.at.IsZero() {
		m.basis = "no act of containment is in force by the case's journals"
	}
	return m, m.at.IsZero()
}

// recovered is when the last act was lifted, if all are.
func (d *Data) recovered() moment {
	var last moment
	lifted := 0
	for _, a := range d.acts {
		switch a.State {
		case "released", "undone":
			lifted++
			if a.Since.After(last.at) {
				last = moment{a.Since.UTC(), "last act lifted: " + a.Act + ", " + stamp(a.Since)}
			}
		case brief.InForce, "drifted", "pending", "no answer":
			return moment{basis: "containment is not lifted: " + a.Act + " is " + a.State}
		}
	}
	if lifted == 0 {
		return moment{basis: "nothing in the case says that it was recovered from"}
	}
	return last
}

// span is a duration for people.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days %d h", int(d.Hours())/24, int(d.Hours())%24)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// summarise says it in sentences.
func (d *Data) summarise() {
	b, lines := d.Brief, []string{}
	say := func(format string, args ...any) { lines = append(lines, shortWords(fmt.Sprintf(format, args...))) }
	names := make([]string, 0, len(b.Functions))
	for _, f := range b.Functions {
		names = append(names, f[strings.LastIndexByte(f, ':')+1:])
	}
	about := cmp.Or(strings.Join(names, ", "), "no function: nothing is collected")
	if n := len(b.Untold); n > 0 {
		about += fmt.Sprintf(", and %s that this report does not tell about", plural(n, "function"))
	}
	say("This is about %s.", about)
	d.sayWho(say)
	switch {
	case b.ActsErr != "":
		say("Not all of containment is known: %s.", b.ActsErr)
	case len(b.Contained) > 0:
		say("%s in force by the case's journals: %s.", acts(len(b.Contained)), strings.Join(actNames(b.Contained), ", "))
	default:
		say("Nothing is contained.")
	}
	if n := len(b.Open); n > 0 {
		say("%s open, as far as the case knows. First: %s.", things(n), strings.TrimSuffix(b.Open[0].What, "."))
	}
	standing := 0
	for _, f := range d.Standing {
		if f.By == "" {
			standing++
		}
	}
	if standing > 0 {
		say("%s still there, by the records, that suspects made or changed, and no act in force closes.", things(standing))
	}
	if n := d.Gaps; n > 0 {
		say("The evidence has %s: what they hide cannot be told.", plural(n, "gap"))
	}
	signs := 0
	for _, t := range d.Turns {
		if t.Sign {
			signs++
		}
	}
	d.Summary = Summary{Lines: lines, Numbers: []Number{
		{Name: "turns that look hostile", Value: fmt.Sprint(signs), About: "a sign, no verdict", Alarm: signs > 0},
		{Name: "suspected uses of credentials", Value: fmt.Sprint(len(d.Suspects)), Alarm: len(d.Suspects) > 0},
		{Name: "acts in force", Value: fmt.Sprint(len(b.Contained)), Alarm: len(b.Contained) == 0 && signs > 0},
		{Name: "still open", Value: fmt.Sprint(len(b.Open) + standing), About: "doors, keys, and what suspects left", Alarm: len(b.Open)+standing > 0},
		{Name: "gaps in the evidence", Value: fmt.Sprint(d.Gaps), Alarm: d.Gaps > 0},
		{Name: "events read", Value: fmt.Sprint(d.EventsOf)},
	}}
}

func (d *Data) sayWho(say func(string, ...any)) {
	if len(d.Suspects) == 0 {
		if t := d.begun(); t.at.IsZero() {
			say("Nothing in the records looks hostile.")
		} else {
			say("Since %s there are turns that look hostile; rules suspect nobody in particular.", stamp(t.at))
		}
		return
	}
	s := d.Suspects[0]
	say("From %s to %s, %s from %s is suspected, for %s.", stamp(s.First), stamp(s.Last), s.Who, s.Address, plural(len(s.Reasons), "reason"))
	if n := len(d.Suspects) - 1; n > 0 {
		say("%s beside it.", capital(plural(n, "further use")+" of credentials "+isAre(n)+" suspected"))
	}
	for _, e := range d.Entries {
		say("How they got in: %s.", strings.TrimSuffix(e.Text, "."))
	}
	if len(d.Brief.Happened) > 0 {
		for _, t := range d.Brief.Happened {
			if t.Sign {
				say("First of what they did: %s.", strings.TrimSuffix(t.Line, "."))
				break
			}
		}
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func acts(n int) string { return capital(plural(n, "act")) + " of containment " + isAre(n) }

func things(n int) string { return capital(plural(n, "thing")) + " " + isAre(n) }

func actNames(all []brief.Act) []string {
	var out []string
	for _, a := range all {
		if !slices.Contains(out, a.Act) {
			out = append(out, a.Act)
		}
	}
	return out
}

// shortWords shortens hashes, ARNs and addresses, so that the sentence around them can be read.
func shortWords(text string) string {
	words := strings.Split(text, " ")
	for i, w := range words {
		if len(w) > 40 {
			words[i] = shorter(w, 24)
		}
	}
	return strings.Join(words, " ")
}
