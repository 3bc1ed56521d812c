package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/freezeframe-ir/freezeframe/contain"
	"github.com/freezeframe-ir/freezeframe/internal/brief"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/internal/safetext"
	"github.com/freezeframe-ir/freezeframe/internal/ui"
)

func (p *program) caseBriefCommand() *cli.Command {
	return &cli.Command{
		Name: "brief", Usage: "one screen for whoever is woken or takes over: what happened, who, what is contained and open, what expires when, what next",
		Description: "freezeframe case brief\nfreezeframe case brief --function payments --json\n\nFrom the case alone: nothing is asked of AWS. Whether what is in force by the journal still is, says freezeframe contain status.",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "function", Usage: "name or ARN; without it the functions of the case"}},
		Action:      p.caseBrief,
	}
}

func (p *program) caseBrief(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	opened, err := p.openCase(c)
	if err != nil {
		return err
	}
	in := briefInput(c, opened)
	b, err := brief.Of(c.Context, in)
	if err != nil {
		return err
	}
	if in.Function != "" && len(b.Functions) == 0 {
		return ui.UsageHint("freezeframe collect --function "+in.Function, "no collection of this case is of function %q", in.Function)
	}
	return p.s.Show(b, func(t *ui.Printer) { showBrief(t, b, p.s.Width) })
}

// briefInput brings the standings, which only code that knows the acts can read.
func briefInput(c *cli.Context, opened *evidence.Case) brief.Input {
	in := brief.Input{Case: opened, Function: c.String("function"), Now: time.Now()}
	standings, err := contain.Standings(c.Context, contain.StatusInput{Case: opened})
	if err != nil {
		in.ActsErr = err.Error() // what could be read is shown
	}
	for _, s := range standings {
		in.Acts = append(in.Acts, brief.Act{Act: s.Act, Kind: string(s.Kind), State: string(s.State), Function: s.Function, Resource: s.Resource, Since: s.Since})
	}
	return in
}

// How many lines a section has: with the heads they come to less than 45.
const (
	briefWidth     = 100
	briefOpen      = 6
	briefActs      = 10
	briefGaps      = 3
	briefDeadlines = 6
)

// screen writes lines that fit the terminal.
type screen struct {
	t     *ui.Printer
	width int
}

// line prints one line, cut to the width.
func (s screen) line(format string, args ...any) {
	s.t.Line("%s", fill(fmt.Sprintf(format, args...), "", s.width))
}

// head begins a section, and says where to find what it leaves out.
func (s screen) head(name, about string, more int, where string) {
	if more > 0 {
		about = strings.TrimPrefix(fmt.Sprintf("%s; %d more: %s", about, more, where), "; ")
	}
	if about == "" {
		s.t.Line("%s", s.t.Bold(name))
		return
	}
	s.t.Line("%s (%s)", s.t.Bold(name), s.t.Dim(about))
}

func showBrief(t *ui.Printer, b *brief.Brief, width int) {
	if width < 60 {
		width = briefWidth
	}
	s := screen{t, width}
	s.line("case %s: %s", b.ID, b.Title)
	briefFunctions(s, b)
	s.line("as of %s, collected %s, CloudTrail complete to %s (UTC)", briefClock(b.AsOf), briefClock(b.Collected), briefClock(b.RecordsTo))
	briefHappened(s, b)
	briefWho(s, b)
	briefStanding(s, b)
	briefMissing(s, b)
	briefExpires(s, b)
	s.head("NEXT", "", 0, "")
	for _, c := range b.Next {
		if room := width - utf8.RuneCountInString(c.Run) - 6; room > 20 {
			s.line("  %s  # %s", c.Run, c.Why)
			continue
		}
		t.Line("  %s", c.Run) // a command that is cut is none
	}
}

func briefClock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func briefFunctions(s screen, b *brief.Brief) {
	names := make([]string, 0, len(b.Functions))
	for _, f := range b.Functions {
		names = append(names, shortName(f))
	}
	if len(names) == 0 {
		names = []string{"no function: nothing is collected"}
	}
	if n := len(b.Untold); n > 0 {
		names = append(names, fmt.Sprintf("and %d more (--function NAME)", n))
	}
	s.line("%s", strings.Join(names, ", "))
}

func briefHappened(s screen, b *brief.Brief) {
	s.head("WHAT HAPPENED", "! looks hostile: a sign, no verdict", b.MoreTurns, "freezeframe timeline story --function NAME")
	for _, turn := range b.Happened {
		s.line("%s %s %-15s %s", mark(turn.Sign), turn.From.Format("01-02 15:04:05"), turn.Where, middle(turn.Line))
	}
	if len(b.Happened) == 0 {
		s.line("  the case holds no change to a function, and no use of its credentials elsewhere")
	}
	for _, n := range b.Notes {
		s.line("  %s %s, %s: %s", n.At.Format("01-02 15:04:05"), n.Kind, n.Who, n.Text)
	}
}

func briefWho(s screen, b *brief.Brief) {
	if len(b.Who) == 0 {
		return
	}
	s.head("WHO", "", b.MoreWho, "--json")
	for _, a := range b.Who {
		from := "no address"
		if len(a.Addresses) > 0 {
			from = strings.Join(a.Addresses, ", ")
		}
		key := ""
		if len(a.Keys) > 0 {
			key = ", key " + strings.Join(a.Keys, ", ")
		}
		s.line("%s %s from %s%s, last %s", mark(a.Sign), a.Who, from, key, a.Last.Format("01-02 15:04:05"))
	}
}

func briefStanding(s screen, b *brief.Brief) {
	briefContained(s, b)
	s.head("OPEN", "as far as the case knows", len(b.Open)-briefOpen, "--json")
	if len(b.Contained) == 0 && !b.Collected.IsZero() {
		s.line("! nothing is contained")
	}
	if b.ActsErr != "" {
		s.line("! %s", b.ActsErr)
	}
	for _, o := range b.Open[:min(len(b.Open), briefOpen)] {
		where := shortName(o.Function)
		if len(o.Qualifiers) > 0 {
			where += ":" + strings.Join(o.Qualifiers, ",")
		}
		s.line("! %s: %s", where, middle(o.What))
	}
	if len(b.Contained) > 0 && len(b.Open) == 0 && b.ActsErr == "" {
		s.line("  nothing that the case shows")
	}
}

func briefContained(s screen, b *brief.Brief) {
	if len(b.Contained) == 0 {
		return
	}
	var names []string
	since := b.Contained[0].Since
	for _, a := range b.Contained {
		if since.After(a.Since) {
			since = a.Since
		}
		if !slices.Contains(names, a.Act) {
			names = append(names, a.Act)
		}
	}
	about := "since " + since.UTC().Format("01-02 15:04:05") + ", by the journals of this case"
	if n := len(b.Handled); n > 0 {
		about += "; closes " + ui.Plural(n, "door") + " seen open"
	}
	s.head("CONTAINED", about, len(names)-briefActs, "--json")
	for line := range slices.Chunk(names[:min(len(names), briefActs)], 5) { // a line that is too long loses its end
		s.line("  %s", strings.Join(line, ", "))
	}
}

func briefMissing(s screen, b *brief.Brief) {
	if len(b.Unread) > 0 {
		s.line("! not read: %s (%d in all)", b.Unread[0], len(b.Unread))
	}
	if b.Gaps == 0 {
		return
	}
	s.head("MISSING", ui.Plural(b.Gaps, "gap")+" in what was collected", len(b.Missing)-briefGaps, "kinds: --json")
	for _, m := range b.Missing[:min(len(b.Missing), briefGaps)] {
		s.line("! %d %s %s, %s: %s", m.Count, m.Artefact, string(m.State), shortName(m.Source), m.Why)
	}
}

func briefExpires(s screen, b *brief.Brief) {
	if len(b.Deadlines) == 0 {
		return
	}
	s.head("EXPIRES", "[artefact it rests on]", len(b.Deadlines)-briefDeadlines, "--json")
	for _, d := range b.Deadlines[:min(len(b.Deadlines), briefDeadlines)] {
		when, m := "unknown    ", mark(!d.Held && !d.Passed)
		if !d.At.IsZero() {
			when = d.At.Format("01-02 15:04")
			if d.At.Year() != b.AsOf.Year() {
				when = d.At.Format("2006-01-02 15:04")
			}
		}
		switch {
		case d.Held:
			when += " (held)"
		case d.Passed:
			when += " (past)"
		}
		end := ""
		if d.Evidence.Item != "" {
			end = " [" + d.Evidence.Item + "]"
		}
		s.t.Line("%s", fill(fmt.Sprintf("%s %s %s: %s", m, when, middle(d.What), d.Basis), end, s.width))
	}
}

// fill cuts text so that the end fits behind it. What the account wrote is escaped before it
// is measured: escaping makes it longer.
func fill(text, end string, width int) string {
	r := []rune(safetext.Escape(text))
	if most := width - utf8.RuneCountInString(end); most > 1 && len(r) > most {
		r = append(r[:most-1], '…')
	}
	return string(r) + end
}

func mark(sign bool) string {
	if sign {
		return "!"
	}
	return " "
}

// shortName is the last part of an ARN.
func shortName(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }

// middle shortens hashes, URLs and ARNs, so that the sentence around them can be read: of an
// ARN it leaves service, account and name.
func middle(text string) string {
	const longest, part = 28, 8
	words := strings.Split(text, " ")
	for i, w := range words {
		if p := strings.SplitN(w, ":", 6); len(p) == 6 && p[0] == "arn" {
			words[i] = strings.Join([]string{p[2], p[4], shortName(p[5])}, ":")
		} else if r := []rune(w); len(r) > longest {
			words[i] = string(r[:part]) + "…" + string(r[len(r)-part:])
		}
	}
	return strings.Join(words, " ")
}
