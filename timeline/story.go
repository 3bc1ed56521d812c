package timeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrNoFunction: a story is about one function, and none was named.
var ErrNoFunction = errors.New("a story needs a function")

// Story is what changed about one function, in order: a selection of the timeline, every
// step with the events it rests on.
type Story struct {
	Function string  `json:"function"`
	Steps    []Step  `json:"steps"`
	Left     int     `json:"left_out,omitempty"` // events of further steps beyond the bound
	Summary  Summary `json:"summary"`
}

// Sort says what a step is about.
type Sort string

// Sorts of steps.
const (
	StepCode        Sort = "code"        // the code was replaced
	StepConfig      Sort = "config"      // layers, role, handler, or anything else of the function changed
	StepGrant       Sort = "grant"       // somebody was admitted, or shut out
	StepURL         Sort = "url"         // a function URL was made, changed or removed
	StepRole        Sort = "role"        // the execution role was changed
	StepCredentials Sort = "credentials" // the function's credentials used without Lambda's marker
	StepDenied      Sort = "denied"      // calls on the function, or with its credentials, that were refused
	StepClaimed     Sort = "claimed"     // calls with this case's marker that its journals do not know
	StepContained   Sort = "contained"   // the responder's act
	StepCase        Sort = "case"        // a turn of the investigation
)

// Step is one turn of the story: one event, or several alike.
type Step struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Sort    Sort      `json:"sort"`
	Who     string    `json:"who"`
	Where   string    `json:"where,omitempty"` // source address
	Key     string    `json:"access_key,omitempty"`
	Agent   string    `json:"user_agent,omitempty"`
	Text    string    `json:"text"` // one line, not escaped
	Actions []string  `json:"actions,omitempty"`
	Outcome Outcome   `json:"outcome,omitempty"`
	Count   int       `json:"count"`
	Events  []string  `json:"events"` // ids, the first maxCited
	Tags    []string  `json:"tags,omitempty"`
}

const (
	maxSteps   = 500
	maxCited   = 10
	maxActions = 6
)

// Tell makes the story of o.Function from the input. Memory is bounded: alike events
// become one step, and there are at most 500 steps.
func Tell(ctx context.Context, o Options, in Input) (Story, error) {
	if o.Function == "" {
		return Story{}, ErrNoFunction
	}
	t := NewTeller(o.Function)
	sum, err := Events(ctx, o, in, t.Event)
	return t.Story(sum), err
}

// Teller makes a story of events that are given to it in order.
type Teller struct {
	story Story
	same  func(string) bool
	open  map[string]int // what makes steps alike -> index
}

// NewTeller tells about one function, given by name or ARN.
func NewTeller(function string) *Teller {
	return &Teller{story: Story{Function: function}, same: sameFunction(function), open: map[string]int{}}
}

// Story is what was told, to be asked for once, at the end.
func (t *Teller) Story(sum Summary) Story {
	t.story.Summary = sum
	for i := range t.story.Steps {
		t.story.Steps[i].finish()
	}
	return t.story
}

// Event takes the next event. One that the filter does not want is no step.
func (t *Teller) Event(e *Event) error {
	if e.Beside {
		return nil
	}
	if t.same(e.Function) && strings.HasPrefix(e.Function, "arn:") && !strings.HasPrefix(t.story.Function, "arn:") {
		t.story.Function = e.Function // now its ARN is known
	}
	sort, text := t.classify(e)
	if sort == "" {
		return nil
	}
	alike := ""
	if grouped(sort) {
		alike = strings.Join([]string{string(sort), e.Principal.String(), e.Address, e.AccessKey, string(e.Outcome)}, "\x00")
	}
	i, known := t.open[alike]
	switch {
	case alike != "" && known:
	case len(t.story.Steps) >= maxSteps:
		t.story.Left++
		return nil
	default:
		i = len(t.story.Steps)
		t.story.Steps = append(t.story.Steps, Step{
			From: e.Time, Sort: sort, Who: e.Principal.String(), Where: e.Address, Key: e.AccessKey,
			Agent: e.UserAgent, Text: text, Outcome: e.Outcome,
		})
		if alike != "" {
			t.open[alike] = i
		}
	}
	t.story.Steps[i].add(e)
	return nil
}

// grouped says whether alike events make one step.
func grouped(s Sort) bool { return s == StepCredentials || s == StepDenied || s == StepClaimed }

func (s *Step) add(e *Event) {
	s.To = e.Time
	s.Count++
	action := e.Service + ":" + e.Action
	if !slices.Contains(s.Actions, action) && len(s.Actions) <= maxActions {
		s.Actions = append(s.Actions, action)
	}
	if len(s.Events) < maxCited && e.ID != "" {
		s.Events = append(s.Events, e.ID)
	}
	for _, tag := range e.Tags {
		if !slices.Contains(s.Tags, tag) {
			s.Tags = append(s.Tags, tag)
		}
	}
}

// finish completes the line: what several events did, and from where.
func (s *Step) finish() {
	if grouped(s.Sort) {
		s.several()
	}
	if s.Where != "" {
		s.Text = cut(s.Text+", from "+s.Where, MaxField)
	}
}

func (s *Step) several() {
	shown := strings.Join(s.Actions[:min(len(s.Actions), maxActions)], ", ")
	if len(s.Actions) > maxActions {
		shown += ", ..."
	}
	s.Text = cut(fmt.Sprintf("%s %s: %s", s.Text, times(s.Count), shown), MaxField)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// classify says whether an event is a step, which, and in what words.
func (t *Teller) classify(e *Event) (Sort, string) {
	switch {
	case e.Kind == KindResponder:
		return classifyResponder(e)
	case e.Kind != KindCloudTrail || e.Tagged(TagAggregated):
		return "", ""
	case e.Tagged(TagClaimed):
		return StepClaimed, fmt.Sprintf("%s carried this case's marker, and none of its journals knows the call,", e.Principal)
	case e.Tagged(TagOutside), e.Tagged(TagUnmarked):
		return t.classifyUse(e)
	case !t.same(e.Function):
		return t.classifyRole(e)
	case e.Outcome == Denied:
		return StepDenied, fmt.Sprintf("%s was refused", e.Principal)
	case e.Outcome != Success || e.ReadOnly || e.Service != "lambda" || e.Action == "Invoke":
		return "", ""
	}
	return classifyChange(e)
}

func (t *Teller) classifyUse(e *Event) (Sort, string) {
	name := functionName(t.story.Function)
	sort, verb := StepCredentials, "were used"
	if e.Outcome == Denied {
		sort, verb = StepDenied, "were refused"
	}
	if e.Tagged(TagOutside) {
		return sort, fmt.Sprintf("credentials of %s (key %s), used inside Lambda too, %s without its marker", name, e.AccessKey, verb)
	}
	return sort, fmt.Sprintf("credentials of %s (key %s) %s without Lambda's marker", name, e.AccessKey, verb)
}

func (t *Teller) classifyRole(e *Event) (Sort, string) {
	if e.Service != "iam" || e.ReadOnly || e.Outcome != Success {
		return "", ""
	}
	what := e.Change.Role
	if e.Change.Policy != "" {
		what += ", policy " + e.Change.Policy
	}
	return StepRole, fmt.Sprintf("%s called %s on role %s", e.Principal, e.Action, what)
}

func classifyResponder(e *Event) (Sort, string) {
	switch {
	case e.Source == "ledger":
		return StepCase, e.Message
	case strings.HasSuffix(e.Action, ".outcome"), strings.HasSuffix(e.Action, ".verified"):
		return StepContained, e.Message
	}
	return "", ""
}

func classifyChange(e *Event) (Sort, string) {
	c := &e.Change
	who := e.Principal.String()
	switch {
	case e.Tagged(TagNewCode):
		before := "(the hash before is not in the evidence)"
		if c.WasHash != "" {
			before = "it was " + c.WasHash
		}
		return StepCode, fmt.Sprintf("%s replaced the code: it is now %s, %s", who, c.CodeHash, before)
	case e.Tagged(TagPublicGrant) && e.Tagged(TagGrant):
		return StepGrant, fmt.Sprintf("%s admitted everyone (%s, statement %s)", who, c.Allows, c.Sid)
	case e.Tagged(TagGrant):
		return StepGrant, fmt.Sprintf("%s admitted %s (%s, statement %s)", who, c.Grantee, c.Allows, c.Sid)
	case e.Action == "RemovePermission":
		return StepGrant, fmt.Sprintf("%s removed statement %s", who, c.Sid)
	case e.Tagged(TagURL) && c.AuthType == "NONE":
		return StepURL, fmt.Sprintf("%s opened the function URL %s to everyone (auth type NONE)", who, c.URL)
	case strings.HasSuffix(e.Action, "FunctionUrlConfig"):
		return StepURL, fmt.Sprintf("%s called %s %s (auth type %s)", who, e.Action, c.URL, c.AuthType)
	}
	text := who + " called " + e.Action
	if d := changeText(e); d != "" {
		text += " (" + d + ")"
	}
	return StepConfig, text
}

// SameFunction compares functions given by name or ARN with the wanted one, as far as both say.
func SameFunction(want string) func(string) bool { return sameFunction(want) }
