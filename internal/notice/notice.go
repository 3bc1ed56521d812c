package notice

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/freezeframe-ir/freezeframe/internal/safetext"
)

// Schema names the shape of a Notice as JSON.
const Schema = "freezeframe.notice/1"

// Event says what a notice is about.
type Event string

// Events.
const (
	Failed    Event = "failed"    // nothing, or not what was wanted, could be done
	Waiting   Event = "waiting"   // for an approval
	Contained Event = "contained" // the account was changed
	Released  Event = "released"  // what was contained is no more
	Gaps      Event = "gaps"      // evidence is sealed, and not all that was wanted is there
	Collected Event = "collected" // evidence is sealed
	Known     Event = "known"     // it repeats what the case has
)

// Events lists them all.
func Events() []Event {
	return []Event{Failed, Waiting, Contained, Released, Gaps, Collected, Known}
}

// Urgent are those that need a person.
func Urgent() []Event { return []Event{Failed, Waiting, Contained, Released} }

// Notice is what is told. Its texts may be an attacker's, but for ID, Event and Next.
type Notice struct {
	Schema   string    `json:"schema"`
	ID       string    `json:"id"` // the same however often it is told: ALERT/WHAT, letters, digits, dots, dashes
	Event    Event     `json:"event"`
	At       time.Time `json:"at"`
	Exercise string    `json:"exercise,omitempty"` // id of the exercise that this is
	Alert    string    `json:"alert,omitempty"`    // id of its case
	Kind     string    `json:"kind,omitempty"`
	Title    string    `json:"title,omitempty"`
	Function string    `json:"function,omitempty"` // ARN
	Case     string    `json:"case,omitempty"`     // where it lies
	Happened string    `json:"happened"`
	Done     []string  `json:"done"`
	Wanted   []string  `json:"wanted,omitempty"` // of a person
	Next     []string  `json:"next,omitempty"`   // commands, made by Command
}

// Bounds of what is told: the case has it all.
const (
	maxText = 500
	maxList = 8
)

// bounded is the notice with its texts safe to look at, and not longer than a reader's patience.
func (n Notice) bounded() Notice { return n.within(maxText) }

func (n Notice) within(most int) Notice {
	n.Schema = Schema
	for _, s := range []*string{&n.Exercise, &n.Alert, &n.Kind, &n.Title, &n.Function, &n.Happened} {
		*s = shown(*s, most)
	}
	n.Case = shown(n.Case, maxText)
	n.Done, n.Wanted = shownList(n.Done, most), shownList(n.Wanted, most)
	n.Next = slices.Clone(n.Next[:min(len(n.Next), maxList)])
	return n
}

func shownList(in []string, most int) []string {
	out := make([]string, 0, len(in))
	for i, s := range in {
		if i == maxList {
			out = append(out, fmt.Sprintf("and %d more", len(in)-i))
			break
		}
		out = append(out, shown(s, most))
	}
	return out
}

// headline is one line of our own words.
func (n Notice) headline() string {
	line := map[Event]string{
		Failed: "an alert needs a person", Waiting: "an approval is wanted", Contained: "a function was contained", Released: "a containment was lifted",
		Gaps: "evidence is sealed, with gaps", Collected: "evidence is sealed", Known: "an alert came again",
	}[n.Event]
	if line == "" {
		line = "an alert was dealt with"
	}
	if n.Exercise != "" {
		line = "EXERCISE: " + line
	}
	return "freezeframe: " + line
}

// fact is one line of what a notice is about.
type fact struct {
	name, value string
	ours        bool // whoever runs this wrote it: it may look like an address
}

func (n Notice) facts() []fact {
	var out []fact
	for _, f := range []fact{{"Alert", n.Title, false}, {"Kind", n.Kind, false}, {"Function", n.Function, false}, {"Case", n.Case, true}, {"Exercise", n.Exercise, false},
		{"At", n.At.UTC().Format(time.RFC3339), true}} {
		if f.value != "" {
			out = append(out, f)
		}
	}
	return out
}

// part is a titled list of what a notice tells.
type part struct {
	title string
	lines []string
}

func (n Notice) parts() []part {
	done := n.Done
	if len(done) == 0 {
		done = []string{"nothing"}
	}
	out := []part{{"What happened", []string{n.Happened}}, {"What was done", done}}
	if len(n.Wanted) > 0 {
		out = append(out, part{"What needs a person", n.Wanted})
	}
	return out
}

// Text is the notice as plain text: what SNS sends to mailboxes and telephones.
func (n Notice) Text() string {
	n = n.bounded()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", n.headline())
	for _, f := range n.facts() {
		fmt.Fprintf(&b, "%s: %s\n", f.name, f.inert())
	}
	for _, p := range n.parts() {
		fmt.Fprintf(&b, "\n%s\n", p.title)
		for _, l := range p.lines {
			fmt.Fprintf(&b, "- %s\n", inert(l))
		}
	}
	if len(n.Next) > 0 {
		fmt.Fprintf(&b, "\nNext\n")
		for _, c := range n.Next {
			fmt.Fprintf(&b, "  %s\n", c)
		}
	}
	return b.String()
}

func (f fact) inert() string {
	if f.ours {
		return f.value
	}
	return inert(f.value)
}

// JSON is the notice for programs: texts as they are, but for what hides, and the whole as text.
func (n Notice) JSON() ([]byte, error) {
	b := n.bounded()
	if b.Done == nil {
		b.Done = []string{}
	}
	return encoded(struct {
		Notice
		Text string `json:"text"`
	}{b, n.Text()})
}

// encoded is a value as JSON in which every character is visible.
func encoded(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("the notice: %w", err)
	}
	var b strings.Builder
	if _, err := safetext.JSON(&b).Write(data); err != nil {
		return nil, fmt.Errorf("the notice: %w", err)
	}
	return []byte(b.String()), nil
}
