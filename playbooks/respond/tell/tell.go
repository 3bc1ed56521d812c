// Package tell makes notices of what became of alerts, and of what was done about them, and gives
// them to an outbox if somebody wants to hear of such.
package tell

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/notice"
	"github.com/freezeframe-ir/freezeframe/playbooks/report"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond"
	"github.com/freezeframe-ir/freezeframe/playbooks/respond/act"
)

// All is the word for every event.
const All = "all"

// Events reads what somebody wants to hear of; nothing said: what needs a person.
func Events(words []string) ([]notice.Event, error) {
	if len(words) == 0 {
		return notice.Urgent(), nil
	}
	var out []notice.Event
	for _, w := range words {
		for w := range strings.SplitSeq(w, ",") {
			switch e := notice.Event(strings.TrimSpace(w)); {
			case e == All:
				out = append(out, notice.Events()...)
			case slices.Contains(notice.Events(), e):
				out = append(out, e)
			default:
				return nil, fmt.Errorf("%q is none of %s, %s", w, joined(notice.Events()), All)
			}
		}
	}
	return out, nil
}

func joined(events []notice.Event) string {
	words := make([]string, len(events))
	for i, e := range events {
		words[i] = string(e)
	}
	return strings.Join(words, ", ")
}

// Desk tells of outcomes.
type Desk struct {
	Outbox   *notice.Outbox
	On       []notice.Event
	Cases    string // where cases lie
	Exercise string // id of the exercise that this is
	// Warn hears of what could not even be noted; nil: nobody.
	Warn func(err error)
}

// Outcome is for respond.Options.Notify.
func (d *Desk) Outcome(ctx context.Context, out *respond.Outcome) {
	if n, ok := Of(out); ok {
		d.tell(ctx, n)
	}
}

// Acting is for act.Options.Notify.
func (d *Desk) Acting(ctx context.Context, what act.Notice) {
	if n, ok := ofAct(what); ok {
		n.Case = PlaceOf(d.Cases, what.Case)
		n.Next = d.nextOf(n, what)
		d.tell(ctx, n)
	}
}

func (d *Desk) tell(ctx context.Context, n notice.Notice) {
	if !slices.Contains(d.On, n.Event) {
		return
	}
	n.Exercise = cmp.Or(n.Exercise, d.Exercise)
	if err := d.Outbox.Tell(ctx, masked(n)); err != nil && d.Warn != nil {
		d.Warn(err)
	}
}

// PlaceOf is where the case of an alert lies.
func PlaceOf(cases, id string) string {
	if scheme, rest, ok := strings.Cut(cases, "://"); ok {
		return scheme + "://" + path.Join(rest, id)
	}
	return filepath.Join(cases, id)
}

// masked takes out what looks like a secret: errors and titles are whatever AWS and others wrote.
func masked(n notice.Notice) notice.Notice {
	for _, s := range []*string{&n.Title, &n.Kind, &n.Function, &n.Happened} {
		*s = report.Mask(*s)
	}
	for _, list := range []*[]string{&n.Done, &n.Wanted} {
		*list = slices.Clone(*list)
		for i, s := range *list {
			(*list)[i] = report.Mask(s)
		}
	}
	return n
}

// Of is the notice of an outcome; none of one that is no end: somebody else is at the case, or the
// process was told to stop.
func Of(out *respond.Outcome) (notice.Notice, bool) {
	event, known := map[respond.State]notice.Event{
		respond.Collected: notice.Collected, respond.WithGaps: notice.Gaps, respond.Known: notice.Known, respond.Failed: notice.Failed, respond.NoEntry: notice.Failed,
		respond.Unreadable: notice.Failed, respond.Unresolved: notice.Failed, respond.Abroad: notice.Failed,
	}[out.State]
	if !known {
		return notice.Notice{}, false
	}
	n := notice.Notice{
		ID: out.Alert + "/" + out.Message[:min(len(out.Message), 16)] + "-" + string(out.State), Event: event, At: out.Ended, Alert: out.Alert, Kind: string(out.Kind), Title: out.Title,
		Function: out.Function, Case: out.Case, Happened: happened(out), Done: done(out), Wanted: wanted(out),
	}
	n.Next = compact(next(out)...)
	return n, true
}

func happened(out *respond.Outcome) string {
	s := map[respond.State]string{
		respond.Collected: "An alert arrived, and its evidence is sealed", respond.WithGaps: "An alert arrived; its evidence is sealed, and not all is there that was wanted",
		respond.Known: "An alert came again", respond.NoEntry: "An alert arrived, and its account could not be entered", respond.Failed: "An alert arrived, and dealing with it failed",
		respond.Unreadable: "Something arrived that is no alert that could be read", respond.Unresolved: "An alert arrived that names no function that could be found",
		respond.Abroad: "An alert arrived that is of another partition",
	}[out.State]
	if out.Why != "" {
		s += ": " + out.Why
	}
	return s
}

func done(out *respond.Outcome) []string {
	var all []string
	if out.Case != "" {
		all = append(all, "The message is kept in the case")
	}
	switch out.State {
	case respond.Collected, respond.WithGaps:
		all = append(all, "Evidence was taken and sealed by run "+out.Run)
	}
	switch a := out.Acted; {
	case a == nil:
		all = append(all, "Nothing in the account was changed")
	case a.Standing:
		all = append(all, "What was contained before stays so")
	case !a.Contained.IsZero():
		all = append(all, fmt.Sprintf("The function was contained as the mandate says: %d acts in force, %d not", a.InForce, a.NotInForce))
	default:
		for _, r := range a.Decision.Reasons {
			all = append(all, "Nothing in the account was changed: "+r.Sentence)
		}
	}
	return all
}

func wanted(out *respond.Outcome) []string {
	var all []string
	switch out.State {
	case respond.Collected:
		all = append(all, "Read the report: nobody has looked at the evidence yet")
	case respond.WithGaps:
		all = append(all, "See what is missing, and whether it can still be had", "Read the report: nobody has looked at the evidence yet")
	case respond.NoEntry:
		all = append(all, "Let the role be assumed; the message comes again")
	case respond.Failed:
		all = append(all, "Mend what the reason names; the message comes again")
	case respond.Unreadable, respond.Unresolved, respond.Abroad:
		all = append(all, "Look at the message: nothing was collected for it, and nobody else will")
	}
	if a := out.Acted; a != nil && a.Error != "" {
		all = append(all, "Containment did not come to its end: "+a.Error)
	}
	return all
}

// next are commands for the case. The case's place is the operator's, its id a hash: no word of them
// is anybody else's.
func next(out *respond.Outcome) []string {
	if out.Case == "" {
		return nil
	}
	show := notice.Command("freezeframe", "--case", out.Case, "case", "show")
	switch out.State {
	case respond.Collected:
		return []string{notice.Command("freezeframe", "--case", out.Case, "report")}
	case respond.WithGaps:
		return []string{show, notice.Command("freezeframe", "--case", out.Case, "report")}
	}
	return []string{show}
}

func compact(commands ...string) []string {
	return slices.DeleteFunc(commands, func(c string) bool { return c == "" })
}

// ofAct is the notice of something that was done, or is to be, about a function.
func ofAct(w act.Notice) (notice.Notice, bool) {
	says, known := map[string]struct {
		event          notice.Event
		what, did, ask string
	}{
		act.Contained:    {notice.Contained, "A function was contained without people, as the mandate says", "It is contained", "See whether it is right: confirm it, or let it be released"},
		act.NotContained: {notice.Failed, "A function was to be contained, and that did not come to its end", "What was done stands in the case", "See what is in force, and contain by hand if it has to be"},
		act.Waits:        {notice.Waiting, "Containing a function waits for approval", "Nothing in the account was changed", "Approve it, or leave it"},
		act.Released:     {notice.Released, "A containment ran out and was lifted", "It is lifted", "See whether the function is safe as it is"},
		act.Extended:     {notice.Contained, "A containment ran out, and the attacker's way is open: it was prolonged", "It stays contained", "Close the way, or confirm the containment"},
		act.NotReleased:  {notice.Failed, "A containment ran out and could not be lifted", "It is still in force", "Lift it by hand"},
	}[w.What]
	if !known {
		return notice.Notice{}, false
	}
	stamp := "20060102T150405.000Z"
	switch w.What {
	case act.NotContained, act.NotReleased, act.Extended: // these come again with every try: once an hour is enough
		stamp = "20060102T15Z"
	}
	n := notice.Notice{
		ID: fmt.Sprintf("%s/%s-%s", w.Case, w.What, w.At.UTC().Format(stamp)), Event: says.event, At: w.At, Alert: w.Case, Function: w.Function,
		Happened: says.what, Done: []string{says.did}, Wanted: []string{says.ask},
	}
	if w.Why != "" {
		n.Happened += ": " + w.Why
	}
	if !w.Until.IsZero() {
		n.Done = append(n.Done, "Until "+w.Until.UTC().Format(time.RFC3339))
	}
	return n, true
}

func (d *Desk) nextOf(n notice.Notice, w act.Notice) []string {
	status := notice.Command("freezeframe", "--case", n.Case, "contain", "status")
	switch w.What {
	case act.Waits:
		return compact(notice.Command("freezeframe", "respond", "approve", "--cases", d.Cases), notice.Command("freezeframe", "respond", "approve", "--cases", d.Cases, "--case-id", w.Case, "--key", "KEY.pem"))
	case act.Contained, act.Extended:
		return compact(notice.Command("freezeframe", "respond", "confirm", "--cases", d.Cases, "--case-id", w.Case, "--why", "TICKET"), status)
	}
	if w.What == act.NotReleased {
		return compact(notice.Command("freezeframe", "--case", n.Case, "contain", "release", "--reason", "TICKET"), status)
	}
	return compact(status)
}
