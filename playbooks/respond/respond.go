package respond

import (
	"context"
	_ "embed" // the playbook
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/freezeframe-ir/freezeframe/collect"
	"github.com/freezeframe-ir/freezeframe/internal/alert"
	"github.com/freezeframe-ir/freezeframe/internal/awsapi"
	"github.com/freezeframe-ir/freezeframe/internal/board"
	"github.com/freezeframe-ir/freezeframe/internal/evidence"
	"github.com/freezeframe-ir/freezeframe/playbooks"
)

// Schema names the shape of Outcome as JSON.
const Schema = "freezeframe/responded/v1"

// State is how an alert ended.
type State string

// States.
const (
	Collected  State = "collected"       // its evidence is sealed
	WithGaps   State = "with-gaps"       // sealed, and not all of what was wanted is there
	Known      State = "known"           // it repeats what the case's evidence is younger than
	Busy       State = "busy"            // somebody is at its case
	Unreadable State = "unreadable"      // it is kept, and is no alert that could be read
	Unresolved State = "unresolved"      // it is kept, and names no function that could be found
	Abroad     State = "other-partition" // it is of a partition that this session does not reach
	NoEntry    State = "no-entry"        // its account cannot be entered
	Failed     State = "failed"
	CutOff     State = "cut-off" // this process was told to stop: the run can go on
)

// States lists them all, the best first.
func States() []State {
	return []State{Collected, Known, WithGaps, Busy, CutOff, Unresolved, Unreadable, Abroad, NoEntry, Failed}
}

// Settled says whether the message has been dealt with: repeating it would come to the same.
func (s State) Settled() bool {
	switch s {
	case Busy, CutOff, NoEntry, Failed:
		return false
	}
	return true
}

// Outcome is what became of one alert.
type Outcome struct {
	Schema   string     `json:"schema"`
	Alert    string     `json:"alert"` // id of its case
	Case     string     `json:"case"`  // where that lies; "" where it could not be opened
	State    State      `json:"state"`
	Why      string     `json:"why,omitempty"`
	Kind     alert.Kind `json:"kind"`
	Title    string     `json:"title,omitempty"`
	Function string     `json:"function,omitempty"` // ARN
	Message  string     `json:"message_sha256"`
	Playbook string     `json:"playbook,omitempty"`
	Run      string     `json:"run,omitempty"`   // of the playbook, as the case names it
	Acted    *Acted     `json:"acted,omitempty"` // nil where nobody decides: nothing is done then
	Began    time.Time  `json:"began"`
	Ended    time.Time  `json:"ended"`
	Err      error      `json:"-"`
	ran      *playbooks.Run
}

// Ran is the playbook's run, nil where none was begun.
func (o *Outcome) Ran() *playbooks.Run { return o.ran }

// Options are what a responder works with.
type Options struct {
	// Case opens the case of an id, and makes it if there is none.
	Case func(ctx context.Context, id, title string) (*evidence.Case, error)
	// Session enters an account to read, for a case.
	Session func(ctx context.Context, of *evidence.Case, account string) (*awsapi.Session, error)
	// Env is what playbooks work with, but for session and case.
	Env func() *playbooks.Env
	// Act decides whether something is done about an alert without people, and does it, before the
	// evidence is taken at leisure. nil: nobody decides, and nothing is done.
	Act Act
	// Playbook chooses what runs for an alert: it only reads, and takes the function as an input. nil:
	// the built-in one, for all.
	Playbook func(a *alert.Alert) (*playbooks.Playbook, error)
	// Regions are looked through for functions that have a role; none: the session's and the alert's.
	Regions []string
	// Board is where it is told who is at which case: whoever is at one is at it alone, and goes on
	// with what was cut off there. nil: the caller sees to that.
	Board *board.Board
	// Patience is how long to wait for a case that somebody else is at. Whoever comes by a queue is
	// patient: each receipt counts against the message, and most are dealt with in less.
	Patience time.Duration
	// Resume goes on with a run that has not ended. Nobody else may be at it: with a Board nobody is.
	Resume bool
	// Arrived is when the message came, by its queue; zero: when it was begun with.
	Arrived time.Time
	// Notify tells people what became of an alert; nil: nobody is told. What cannot be told is its
	// own affair.
	Notify func(ctx context.Context, out *Outcome)
	Now    func() time.Time
}

const (
	// quiet is how long a case's evidence answers for alerts that come again and again.
	quiet = time.Hour
	// before is how far back from an alert's first sight records are read: whoever came in did so
	// before anything was noticed.
	before  = 24 * time.Hour
	least   = 7 * 24 * time.Hour
	longest = 90 * 24 * time.Hour // what LookupEvents holds
)

//go:embed respond.yaml
var collecting []byte

// Playbook is what runs for an alert: it reads, seals and tells, and changes nothing.
func Playbook() (*playbooks.Playbook, error) { return playbooks.Parse("respond.yaml", collecting) }

// Respond deals with each alert of a message. It gives an outcome for each, whatever became of it;
// an error means that the message could not be read from where it lies.
func Respond(ctx context.Context, message io.Reader, o Options) ([]Outcome, error) {
	kept := &head{}
	all, err := alert.Read(io.TeeReader(message, kept))
	if err != nil {
		return nil, err
	}
	out := make([]Outcome, 0, len(all))
	for i := range all {
		out = append(out, o.alone(ctx, &all[i], kept))
		o.tell(ctx, &out[i])
	}
	return out, nil
}

// head keeps what of a message is kept: of one that is too large to be read, the beginning.
type head struct {
	b     []byte
	total int64
}

func (h *head) Write(p []byte) (int, error) {
	h.total += int64(len(p))
	h.b = append(h.b, p[:min(len(p), alert.MaxSize-len(h.b))]...)
	return len(p), nil
}

// note says what is not kept, "" where all is.
func (h *head) note() string {
	if h.total == int64(len(h.b)) {
		return ""
	}
	return fmt.Sprintf("the first %d bytes of a message that is too large", len(h.b))
}

// one deals with an alert whose case is this process's alone.
func (o *Options) one(ctx context.Context, a *alert.Alert, message *head, out *Outcome) {
	defer out.cut(ctx)
	c, err := o.Case(ctx, a.Case, title(a))
	if err != nil {
		out.ends(Failed, fmt.Errorf("opening the case of the alert: %w", err))
		return
	}
	out.Case = c.Vault().String()
	env := o.Env()
	env.Case = c
	if err := keep(ctx, env, a, message, o.Resume); err != nil {
		out.ends(Failed, err)
		return
	}
	out.deal(ctx, o, env, a)
	out.cut(ctx)
	if out.State != CutOff { // a process that is told to stop has no time left
		if err := out.record(ctx, env); err != nil {
			out.ends(Failed, errors.Join(out.Err, err))
		}
	}
}

func (out *Outcome) ends(s State, err error) Outcome {
	out.State = s
	if out.Err = err; err != nil {
		out.Why = err.Error()
	}
	return *out
}

func title(a *alert.Alert) string {
	switch {
	case a.Title != "":
		return a.Title
	case a.Type != "":
		return a.Type
	}
	return "alert of kind " + string(a.Kind)
}

// deal does what can be done about an alert that is kept.
func (out *Outcome) deal(ctx context.Context, o *Options, env *playbooks.Env, a *alert.Alert) {
	if err := a.Err(); err != nil {
		out.ends(Unreadable, err)
		out.act(ctx, o, env, a)
		return
	}
	s, err := o.Session(ctx, env.Case, a.Account)
	if err != nil {
		out.ends(NoEntry, fmt.Errorf("entering account %s: %w", a.Account, err))
		return
	}
	if here := partition(s); a.Partition != "" && here != "" && a.Partition != here {
		out.ends(Abroad, fmt.Errorf("the alert is of partition %q, and this session of %q", a.Partition, here))
		env.Session = s
		out.act(ctx, o, env, a)
		return
	}
	env.Session = s
	var broke error
	resolved := a.Resolve(ctx, o.functions(s, a, &broke))
	if broke != nil {
		out.ends(Failed, fmt.Errorf("looking up which functions have role %s: %w", a.Role, broke))
		return
	}
	if resolved.Target == nil {
		out.ends(Unresolved, errors.New(open(&resolved)))
		out.act(ctx, o, env, &resolved)
		return
	}
	out.Function = resolved.Target.ARN
	if err := out.act(ctx, o, env, &resolved); !out.halted() {
		out.run(ctx, o, env, &resolved)
		out.failed(err)
	}
}

// partition is that of the session's own ARN.
func partition(s *awsapi.Session) string {
	a, err := arn.Parse(s.Identity.ARN)
	if err != nil {
		return ""
	}
	return a.Partition
}

// open says why an alert names no function.
func open(a *alert.Alert) string {
	why := "it names no function"
	for _, g := range a.Unresolved {
		why += "; " + g.What + ": " + g.Why
	}
	return why
}

// run runs the playbook, or goes on with it, unless the case's evidence answers for the alert.
func (out *Outcome) run(ctx context.Context, o *Options, env *playbooks.Env, a *alert.Alert) {
	pb, err := o.playbook(a)
	if err != nil {
		out.ends(Failed, err)
		return
	}
	out.Playbook = pb.Name
	last, bag, err := lastRun(ctx, env.Case, pb.Name)
	if err != nil {
		out.ends(Failed, err)
		return
	}
	var run *playbooks.Run
	switch {
	case bag != nil && !o.Resume:
		out.Run = last.ID
		out.ends(Busy, fmt.Errorf("run %s of this case has not ended: somebody is at it, or it was cut off (--resume goes on with it)", last.ID))
		return
	case bag != nil:
		if run, err = playbooks.Resume(ctx, bag, env); errors.Is(err, playbooks.ErrNoRun) { // cut off before it had begun: that is noted, and another one begins
			run, err = o.begin(ctx, pb, env, a)
		}
	case answers(last, a, o.Now()):
		out.Run = last.ID
		out.ends(Known, nil)
		out.Why = fmt.Sprintf("the case has evidence of %s", last.Started.UTC().Format(time.RFC3339))
		return
	default:
		run, err = o.begin(ctx, pb, env, a)
	}
	out.ran = run
	if run != nil {
		out.Run = run.ID
	}
	if err != nil {
		out.ends(Failed, err)
		return
	}
	switch run.Status {
	case playbooks.Succeeded:
		out.ends(Collected, nil)
	case playbooks.WithGaps:
		out.ends(WithGaps, nil)
	case playbooks.Interrupted:
		out.ends(CutOff, run.Err())
	default:
		out.ends(Failed, fmt.Errorf("run %s ended as %s: %w", run.ID, run.Status, run.Err()))
	}
}

func (o *Options) begin(ctx context.Context, pb *playbooks.Playbook, env *playbooks.Env, a *alert.Alert) (*playbooks.Run, error) {
	return playbooks.Execute(ctx, pb, inputs(pb, a, o.Now()), env)
}

// answers says whether a run that has ended is evidence for the alert too: it began after what the
// alert tells of, or so lately that whoever raises alarms cannot keep us busy with them.
func answers(last *playbooks.Run, a *alert.Alert, now time.Time) bool {
	if last == nil || last.Status != playbooks.Succeeded && last.Status != playbooks.WithGaps {
		return false
	}
	return last.Started.After(a.Last) || now.Sub(last.Started) < quiet
}

// window is how far back records are read.
func window(a *alert.Alert, now time.Time) time.Duration {
	d := least
	if !a.First.IsZero() {
		d = max(d, now.Sub(a.First)+before)
	}
	return min(d, longest).Round(time.Second)
}

// lastRun is the newest run of the playbook in the case, with its bag where it has not ended. Runs of
// other playbooks are people's: they may change the account, and are nobody else's to go on with.
func lastRun(ctx context.Context, c *evidence.Case, playbook string) (*playbooks.Run, *evidence.Bag, error) {
	var records []*playbooks.Record
	bags := map[string]*evidence.Bag{}
	for b, err := range c.Bags(ctx) {
		if err != nil {
			return nil, nil, fmt.Errorf("reading the case's runs: %w", err)
		}
		if h := b.Header(); h.Kind != evidence.KindPlaybook || h.Params["playbook"] != playbook {
			continue
		}
		rec, err := playbooks.ReadRecord(ctx, b)
		if err != nil {
			return nil, nil, err
		}
		records, bags[rec.Bag] = append(records, rec), b
	}
	if len(records) == 0 {
		return nil, nil, nil
	}
	last := records[len(records)-1]
	cut, err := playbooks.Cut(ctx, c, records[len(records)-1:])
	if err != nil {
		return nil, nil, err
	}
	if cut[last.Bag] {
		return last.Run(), bags[last.Bag], nil
	}
	return last.Run(), nil, nil
}

// Needs are the calls beyond those of the playbook's verbs.
func Needs() []awsapi.Need { return collect.ListNeeds() }
